"""A small still picture of a map, drawn without a browser: what the page of a report has room for."""

from __future__ import annotations

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from civigrid.cells import column_of, grid_of, ids_of, is_missing, status_of, values_of
from civigrid.grid import SquareGrid
from civigrid.release.gate import Release
from civigrid.report.drawing import GREY, STYLE
from civigrid.report.numbers import count_words, figure_of, percent_words
from civigrid.report.phrases import phrases
from civigrid.style import Classes, classify
from civigrid.types import Floats, Ints

STRIPES = ("#f4f3f0", "#a9a9a3")
"""Colours of the hatching of what is hidden or missing."""
PIXELS = 1400
"""Longer side of the picture of a grid of squares, about."""
HEIGHT = 4.6


def overview_map(
    release: Release[xr.Dataset],
    name: str,
    *,
    outline: gpd.GeoSeries | None = None,
    lang: str = "en",
) -> tuple[Figure, str]:
    """Draw a variable of released cells; give the figure, and its text alternative.

    Parameters
    ----------
    release : Release of xarray.Dataset
        Cells.
    name : str
        Their variable.
    outline : geopandas.GeoSeries, optional
        Borders for orientation.
    lang : str
        Language of the words.

    Returns
    -------
    figure : matplotlib.figure.Figure
        Squares in the CRS of their grid, north up; hexagons in longitude and latitude, as wide as at their
        middle latitude.  Hidden and missing cells are hatched.
    alt : str
        How many cells, the middle half of their values, the highest, how many are hidden.
    """
    cells = release.data
    values, about = values_of(cells, name), column_of(cells[name])
    gone = is_missing(status_of(cells, name))
    weight = about.weight if about.weight is not None and about.weight in cells else None
    classes = classify(values, about, name=name, weight=None if weight is None else values_of(cells, weight))
    words = about.long_name or name.replace("_", " ")
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.6, HEIGHT), layout="constrained")
        axes = figure.subplots()
    shown = np.where(gone, -1, classes.of(values))
    seen = np.isfinite(values) | gone
    _draw_cells(axes, cells, shown, seen, classes)
    if outline is not None and len(outline):
        crs = grid_of(cells).crs
        limits = axes.get_xlim(), axes.get_ylim()
        outline.to_crs(crs).boundary.plot(ax=axes, color=GREY, linewidth=0.5, zorder=3)
        axes.set(xlim=limits[0], ylim=limits[1])
    axes.set_axis_off()
    keys = [Patch(facecolor=c, edgecolor=GREY, linewidth=0.4) for c in classes.colors]
    labels = list(classes.labels)
    if gone.any():
        keys.append(Patch(facecolor=STRIPES[0], edgecolor=STRIPES[1], hatch="////", linewidth=0.4))
        labels.append(phrases(lang)["page"]["hatched"])
    unit = {"1": "", "persons": ""}.get(about.units, about.units)
    title = f"{words}, {unit}" if unit and unit not in words else words
    legend = figure.legend(
        keys, labels, title=_folded(title), loc="outside right upper", frameon=False, fontsize=8.5, title_fontsize=9,
        alignment="left", handlelength=1.4, handleheight=1.1,
    )  # fmt: skip
    legend.get_title().set_fontweight("bold")
    return figure, _alt(words, values[seen & ~gone], int(gone.sum()), int(seen.sum()), about.units, lang)


def _folded(words: str) -> str:
    lines = [""]
    for word in words.split(" "):
        if len(lines[-1]) + len(word) > 26 and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines[:5])


def _alt(words: str, values: Floats, hidden: int, n: int, units: str, lang: str) -> str:
    """Say in words what the picture shows."""
    said = phrases(lang)["page"]
    if not len(values):
        return str(said["map_alt_none"].format(what=words, n=count_words(n, lang)))
    low, high, top = np.quantile(values, [0.25, 0.75, 1.0])
    written = [percent_words(v, lang) if units == "1" and top <= 1 else figure_of(v, lang) for v in (low, high, top)]
    counts = {"n": count_words(n, lang), "hidden": count_words(hidden, lang)}
    return str(said["map_alt"].format(what=words, low=written[0], high=written[1], top=written[2], **counts))


def _draw_cells(axes: Axes, cells: xr.Dataset, shown: Ints, seen: np.ndarray, classes: Classes) -> None:
    """Colour the cells that have something to show."""
    grid, ids = grid_of(cells), ids_of(cells)[seen]
    if not len(ids):
        return
    shades = np.array([to_rgb(c) for c in (*classes.colors, STRIPES[0])])
    if isinstance(grid, SquareGrid):
        _draw_squares(axes, grid.row_col(ids), shown[seen], shades, float(grid.cell_size_m), grid.corner(ids))
        return
    vertices, centres = grid.vertices(ids), grid.centre(ids)
    colors = shades[shown[seen]]
    axes.add_collection(PolyCollection(list(vertices), facecolors=colors, edgecolors=colors, linewidths=0.3))
    gone = shown[seen] < 0
    if gone.any():
        hatched = PolyCollection(
            list(vertices[gone]), facecolors="none", edgecolors=STRIPES[1], hatch="////", linewidths=0
        )
        axes.add_collection(hatched)
    (west, south), (east, north) = vertices.reshape(-1, 2).min(axis=0), vertices.reshape(-1, 2).max(axis=0)
    axes.set(xlim=(west, east), ylim=(south, north), aspect=float(1 / np.cos(np.deg2rad(np.median(centres[:, 1])))))


def _draw_squares(axes: Axes, at: tuple[Ints, Ints], shown: Ints, shades: Floats, size_m: float, corners: Ints) -> None:
    """Draw squares as an image of whole pixels, hatched where a class is missing."""
    row, col = at[0] - at[0].min(), at[1] - at[1].min()
    height, width = int(row.max()) + 1, int(col.max()) + 1
    step = max(1, PIXELS // max(height, width))
    image = np.ones((height, width, 4), dtype=np.float64) * (1.0, 1.0, 1.0, 0.0)
    image[row, col, :3], image[row, col, 3] = shades[shown], 1.0
    gone = np.zeros((height, width), dtype=bool)
    gone[row, col] = shown < 0
    image, gone = (np.repeat(np.repeat(a, step, axis=0), step, axis=1) for a in (image, gone))
    down, right = np.indices(gone.shape)
    stripe = gone & ((down + right) % 7 < 2)
    image[stripe, :3] = to_rgb(STRIPES[1])
    west, south = corners.min(axis=0)
    extent = (float(west), float(west + width * size_m), float(south), float(south + height * size_m))
    axes.imshow(image, origin="lower", extent=extent, interpolation="none", aspect="equal")
