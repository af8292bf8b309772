"""Urban centres: contiguous dense cells, found on the grid alone and so alike in every country."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import ndimage

from civigrid.cells import grid_of, ids_of, values_of
from civigrid.errors import GridMismatchError
from civigrid.grid import SquareGrid
from civigrid.kernels.group import group_sum
from civigrid.types import Floats, Labels


def with_centres(
    cells: xr.Dataset,
    variable: str,
    *,
    density_km2: float = 1500.0,
    minimum_persons: float = 50_000.0,
    largest: int = 50,
    label: str = "centre",
    names: Labels | None = None,
    places: Floats | None = None,
) -> xr.Dataset:
    """Label the largest clusters of dense cells that touch by their sides.

    Parameters
    ----------
    cells : xarray.Dataset
        Cells of a square grid.
    variable : str
        Count of residents.
    density_km2, minimum_persons : float
        What a cell, and a cluster, must have; the defaults are the urban centre of the degree of urbanisation
        (Regulation (EU) 2017/2391), without its smoothing and filling.
    largest : int
        How many clusters to keep.
    label : str
        Name of the label.
    names : ndarray of str, shape (place,), optional
        Names of known places, most important first.
    places : ndarray of float64, shape (place, 2), optional
        Their positions, in the grid's CRS.

    Returns
    -------
    xarray.Dataset
        The same cells with the label: the name of the first known place in or within two cells of the cluster, else
        ``Centre N… E…`` after its most populous cell; ``""`` outside clusters.
    """
    grid = grid_of(cells)
    if not isinstance(grid, SquareGrid):
        raise GridMismatchError(f"centres are found on squares, not on {grid.id}.")
    persons = np.nan_to_num(values_of(cells, variable))
    dense = persons / grid.area_km2(ids_of(cells)) >= density_km2
    row, col = (v - v.min() for v in grid.row_col(ids_of(cells)))
    raster = np.zeros((int(row.max()) + 1, int(col.max()) + 1), dtype=bool)
    raster[row[dense], col[dense]] = True
    cluster = ndimage.label(raster)[0][row, col]
    size = group_sum(cluster, persons, int(cluster.max()) + 1)
    size[0] = 0
    kept = [k for k in np.argsort(-size, kind="stable")[:largest] if size[k] >= minimum_persons]
    centre = grid.centre(ids_of(cells))
    text = np.full(len(cluster), "", dtype=object)
    taken: set[str] = set()
    for k in kept:
        members = np.flatnonzero(cluster == k)
        name = _name(centre[members], persons[members], grid, names, places, taken)
        taken.add(name)
        text[members] = name
    return cells.assign({label: ("cell", text, {"kind": "label"})})


def _name(
    centre: Floats, persons: Floats, grid: SquareGrid, names: Labels | None, places: Floats | None, taken: set[str]
) -> str:
    if names is not None and places is not None:
        west, south = centre.min(axis=0) - 2 * grid.cell_size_m
        east, north = centre.max(axis=0) + 2 * grid.cell_size_m
        inside = (places >= [west, south]).all(axis=1) & (places <= [east, north]).all(axis=1)
        for k in np.flatnonzero(inside):
            near = np.abs(centre - places[k]).max(axis=1).min() <= 2 * grid.cell_size_m
            if near and names[k] not in taken:
                return str(names[k])
    east, north = (centre[persons.argmax()] // 1000).astype(int)
    return f"Centre N{north} E{east}"
