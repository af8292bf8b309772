"""Static maps of cells, for print: a value by cell, and whom it concerns."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from civigrid.cells import column_of, grid_of, ids_of, values_of
from civigrid.errors import SchemaError
from civigrid.grid import SquareGrid
from civigrid.report.drawing import GREY, INK, new_figure, panel_title
from civigrid.types import Floats


def cell_image(cells: xr.Dataset, values: Floats) -> tuple[Floats, tuple[float, float, float, float]]:
    """Give values as an image, row 0 in the south, NaN where there is no cell, and its extent in km."""
    grid = grid_of(cells)
    if not isinstance(grid, SquareGrid):
        raise SchemaError(f"static maps draw square cells, these lie on {grid.id}: draw them with civigrid.maps.")
    row, col = (v.astype(np.int64) for v in grid.row_col(ids_of(cells)))
    if not len(row):
        raise SchemaError("there are no cells to draw.")
    shape = (int(np.ptp(row)) + 1, int(np.ptp(col)) + 1)
    if shape[0] * shape[1] > 40_000_000:
        raise SchemaError(f"a box of {shape[0]} x {shape[1]} cells is too large for one picture: draw a part of it.")
    image = np.full(shape, np.nan)
    image[row - row.min(), col - col.min()] = values
    side = grid.cell_size_m / 1000
    west, south = float(col.min()) * side, float(row.min()) * side
    return image, (west, west + shape[1] * side, south, south + shape[0] * side)


def distance_figure(
    cells: xr.Dataset, variable: str, *, weight: str = "", title: str = "", bins: int = 24, most: float = 0.99
) -> Figure:
    """Draw a distance by cell, as the distance of convergence: where it is long, and for how many people.

    Parameters
    ----------
    cells : xarray.Dataset
        Square cells.
    variable : str
        Distance in metres by cell (``units`` ``"m"``); in other units it is drawn as it is.
    weight : str
        Persons that the histogram counts; by default the variable's own weight, else cells.
    title : str
        By default the median over people.
    bins : int
        Bars of the histogram.
    most : float
        Colours and bars end at this quantile; what lies beyond is in the last.

    Notes
    -----
    Convergence distances: Randon-Furling, Olteanu and Lucquiaud (2020), Environ. Plann. B 47, 645-659.
    """
    about = column_of(cells[variable])
    values = values_of(cells, variable)
    values, unit = (values / 1000, "km") if about.units == "m" else (values, "" if about.units == "1" else about.units)
    by = weight or (about.weight if about.weight in cells else "")
    persons = np.nan_to_num(values_of(cells, by)) if by else np.ones(len(values))
    known = np.isfinite(values) & (persons > 0)
    if not known.any():
        raise SchemaError(f"{variable!r} is known for no cell with residents: there is nothing to draw.")
    image, extent = cell_image(cells, np.where(np.isfinite(values), values, np.nan))
    order = np.argsort(values[known], kind="stable")
    mass = np.cumsum(persons[known][order]) / persons[known].sum()
    middle, top = (float(values[known][order][np.searchsorted(mass, q)]) for q in (0.5, most - 1e-9))
    top = top if top > 0 else 1.0
    who, words = ("people" if by else "cells"), about.long_name or variable
    figure, (left, right) = new_figure(
        title or f"{words}: half of all {who} above {middle:.3g} {unit}".strip(),
        f"Dark: far. The scale ends at {top:.3g} {unit}, where {most:.0%} of {who} lie below.",
        height=4.6,
        shape=(1, 2),
        width_ratios=(2.1, 1),
    )
    drawn = left.imshow(
        image, origin="lower", extent=extent, cmap=mpl.colormaps["cividis_r"], vmin=0, vmax=top,
        interpolation="none", aspect="equal",
    )  # fmt: skip
    panel_title(left, "Where")
    left.set(xlabel="Easting, km", ylabel="Northing, km")
    bar = figure.colorbar(drawn, ax=left, orientation="horizontal", shrink=0.8, aspect=30, extend="max")
    bar.set_label(f"{words}, {unit}" if unit else words, fontsize=9)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, colors=GREY)
    edges = np.linspace(0, top, bins + 1)
    share, _ = np.histogram(np.minimum(values[known], top), edges, weights=persons[known] / persons[known].sum() * 100)
    shades = drawn.get_cmap()(drawn.norm((edges[1:] + edges[:-1]) / 2))
    right.barh((edges[1:] + edges[:-1]) / 2, share, height=np.diff(edges) * 0.92, color=shades)
    right.axhline(middle, color=INK, lw=0.9)
    paper = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.0}
    right.text(
        0.98, middle, f"median {middle:.3g}", va="center", ha="right", fontsize=8.5, bbox=paper,
        transform=right.get_yaxis_transform(),
    )  # fmt: skip
    right.set(xlabel=f"Share of {who}, %", ylabel=unit, ylim=(0, top))
    panel_title(right, "For how many")
    for axes in (left, right):
        axes.tick_params(labelsize=8, colors=GREY)
    return figure
