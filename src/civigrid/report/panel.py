"""One map of a picture: cells as pixels, lines and services above them, a scale bar below."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from civigrid.report.drawing import GROUPS
from civigrid.report.frame import Lattice
from civigrid.report.legend_column import MARKERS
from civigrid.report.raster import Pixels
from civigrid.report.sheet import INKS, MM, Sheet
from civigrid.style.color_difference import srgb
from civigrid.style.palette import PAPER
from civigrid.style.words import number
from civigrid.types import Bounds

LONGEST = 0.35
"""Part of a map's width that its scale bar takes at most."""
STEPS = (1.0, 2.0, 5.0)


def size_mm(lattice: Lattice, sheet: Sheet) -> tuple[float, float]:
    """Width and height of a map on its sheet, mm of A4."""
    wide, high = (v / (sheet.scale * MM * sheet.dpi) for v in lattice.pixels)
    return wide, high


def draw_panel(
    figure: Figure,
    sheet: Sheet,
    lattice: Lattice,
    image: Pixels,
    at: tuple[float, float],
    outline: gpd.GeoSeries | None,
) -> Axes:
    """Put a painted image on a sheet, pixel by pixel, with lines above it.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Of the sheet.
    sheet : Sheet
        The paper.
    lattice : Lattice
        What the image shows.
    image : ndarray of uint8, shape (row, column, 4)
        From `raster.paint`.
    at : tuple of float
        Its lower left corner, mm of A4.
    outline : geopandas.GeoSeries, optional
        Lines or areas for orientation, in any CRS.
    """
    axes = sheet.axes(figure, (*at, 0.0, 0.0), lattice.pixels)
    paper = np.rint(srgb([INKS[sheet.background][2]])[0] * 255).astype(np.uint8)
    flat = np.where(image[..., 3:] > 0, image[..., :3], paper).astype(np.uint8)
    b = lattice.bounds
    axes.imshow(flat, extent=(b.west, b.east, b.south, b.north), interpolation="none", aspect="auto")
    if outline is not None and len(outline):
        lines = _lines(outline, lattice)
        # a halo keeps lines on dark cells in sight
        for color, width, alpha in ((PAPER[sheet.background], 1.3, 0.55), (sheet.ink, 0.5, 0.9)):
            axes.add_collection(LineCollection(lines, colors=color, linewidths=width * sheet.scale, alpha=alpha))
    axes.set(xlim=(b.west, b.east), ylim=(b.south, b.north))
    return axes


def _lines(outline: gpd.GeoSeries, lattice: Lattice) -> list[npt.NDArray[np.float64]]:
    """Lines of an outline in the projection of the picture, no finer than its pixels."""
    b = lattice.bounds
    pixel = (b.east - b.west) / lattice.pixels[0]
    shapes = outline.to_crs(lattice.crs) if outline.crs is not None else outline
    edges = np.asarray([g.boundary if g.geom_type.endswith("Polygon") else g for g in shapes if g is not None])
    edges = shapely.simplify(edges, pixel / 2)
    parts = shapely.get_parts(shapely.intersection(edges, shapely.box(*b)))
    return [shapely.get_coordinates(p) for p in parts if not p.is_empty and p.geom_type == "LineString"]


def draw_sites(axes: Axes, sheet: Sheet, lattice: Lattice, sites: gpd.GeoDataFrame, kinds: Sequence[str]) -> None:
    """Mark services by kind, in shape and colour."""
    points = sites.geometry.to_crs(lattice.crs)
    for k, kind in enumerate(kinds):
        these = points[(sites["kind"].astype(str) == kind).to_numpy()]
        axes.plot(
            these.x, these.y, MARKERS[k % len(MARKERS)], ms=3.6 * sheet.scale, mfc=GROUPS[k % len(GROUPS)],
            mec="white", mew=0.5 * sheet.scale, ls="none",
        )  # fmt: skip


def bar_length(width_m: float) -> float:
    """Give the longest round length, in metres, that fits beside a map of this width.

    >>> bar_length(45_000.0)
    10000.0
    """
    most = LONGEST * width_m
    power = 10.0 ** np.floor(np.log10(most))
    return float(max(s * power for s in STEPS if s * power <= most))


def length_words(metres: float, lang: str) -> str:
    """Write a length.

    >>> length_words(10_000.0, "en"), length_words(500.0, "de")
    ('10 km', '500 m')
    """
    return f"{number(metres / 1000, lang)} km" if metres >= 1000 else f"{number(metres, lang)} m"


def draw_bar(figure: Figure, sheet: Sheet, bounds: Bounds, width: float, at: tuple[float, float], lang: str) -> None:
    """Draw a scale bar, its length beside it; width is that of the map, at is its left end, mm of A4."""
    metres = bar_length(bounds.east - bounds.west)
    long = metres * width / (bounds.east - bounds.west)
    (x, y), (wide, high) = at, sheet.size
    ticks = [(x, y + 1.2), (x, y), (x + long, y), (x + long, y + 1.2)]
    xs, ys = [t[0] / wide for t in ticks], [t[1] / high for t in ticks]
    figure.add_artist(Line2D(xs, ys, color=sheet.ink, lw=0.9 * sheet.scale, solid_capstyle="butt"))
    sheet.write(figure, (x + long + 1.8, y + 2.0), length_words(metres, lang), 7.5, color=sheet.grey)
