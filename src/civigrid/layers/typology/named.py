"""Clusters by name: after a known place, else after their most populous cell; and the label of the largest centres."""

from __future__ import annotations

import numpy as np
import xarray as xr

from civigrid.cells import grid_of, ids_of, values_of
from civigrid.errors import GridMismatchError
from civigrid.grid import SquareGrid
from civigrid.kernels.group import group_sum
from civigrid.layers.typology.clusters import belongs, cluster_persons, label_clusters, land_density, look_up
from civigrid.layers.typology.rules import CentreRule
from civigrid.types import Floats, Ids, Ints, Labels

NEAR_CELLS = 2
"""A place names a cluster of which a cell's centre lies within this many cells of it."""


def name_clusters(
    grid: SquareGrid,
    cell_id: Ids,
    label: Ints,
    persons: Floats,
    called: str,
    names: Labels | None = None,
    places: Floats | None = None,
) -> Labels:
    """Name clusters, the most populous first.

    Parameters
    ----------
    grid : SquareGrid
        The grid of the ids.
    cell_id : ndarray of uint64, shape (cell,)
        Sorted ids.
    label : ndarray of int64, shape (cell,)
        Number of each cell's cluster; -1 outside.
    persons : ndarray of float64, shape (cell,)
        Residents, not NaN.
    called : str
        Word before the coordinates of a cluster without a place.
    names, places : ndarray, optional
        Names of places, most important first, shape (place,), and positions in the grid's CRS, shape (place, 2).

    Returns
    -------
    ndarray of str, shape (cell,)
        The first place in or near the cluster that names no other; else ``Centre N3271 E4553``, the corner of its most
        populous cell in km (in metres for cells that are no whole km), which is the cluster's alone; ``""`` outside.

    Examples
    --------
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> ids = grid.from_row_col(np.array([3000]), np.array([4000]))
    >>> name_clusters(grid, ids, np.array([0]), np.array([9.0]), "Centre")
    array(['Centre N3000 E4000'], dtype=object)
    """
    text = np.full(len(label), "", dtype=object)
    inside = np.flatnonzero(label >= 0)
    if not len(inside):
        return text
    mine, count = label[inside], int(label.max()) + 1
    # the last of each cluster's cells in this order is its most populous, the first id among equals
    order = np.lexsort((-inside, persons[inside], mine))
    last = order[np.append(np.flatnonzero(np.diff(mine[order])), len(order) - 1)]
    corner = grid.corner(cell_id[inside[last]]) // (1000 if grid.cell_size_m % 1000 == 0 else 1)
    word = np.full(count, "", dtype=object)
    word[mine[last]] = [f"{called} N{north} E{east}" for east, north in corner.tolist()]
    if names is not None and places is not None:
        size = group_sum(mine, persons[inside], count)
        for cluster, name in _named(grid, cell_id, label, size, names, places).items():
            word[cluster] = name
    text[inside] = word[mine]
    return text


def _named(grid: SquareGrid, cell_id: Ids, label: Ints, size: Floats, names: Labels, places: Floats) -> dict[int, str]:
    """Place of each cluster that has one: clusters choose by size, from the places near them by importance."""
    step = np.arange(-NEAR_CELLS - 1, NEAR_CELLS + 2)
    col, row = np.floor(places / grid.cell_size_m).astype(np.int64).T
    ids = grid.from_row_col(row[:, None, None] + step[:, None], col[:, None, None] + step[None, :])
    at = look_up(cell_id, ids)
    apart = np.abs(grid.centre(ids.ravel()).reshape(*ids.shape, 2) - places[:, None, None, :]).max(axis=-1)
    near = (at >= 0) & (apart <= NEAR_CELLS * grid.cell_size_m)
    place = np.broadcast_to(np.arange(len(places))[:, None, None], ids.shape)[near]
    beside: dict[int, list[int]] = {}
    for cluster, k in sorted(set(zip(label[at[near]].tolist(), place.tolist(), strict=True))):
        beside.setdefault(cluster, []).append(k)
    found: dict[int, str] = {}
    taken: set[str] = set()
    for cluster in sorted((c for c in beside if c >= 0), key=lambda c: (-size[c], c)):
        free = [str(names[k]) for k in beside[cluster] if str(names[k]) not in taken]
        if free:
            found[cluster] = free[0]
            taken.add(free[0])
    return found


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
        (Regulation (EU) 2017/2391), over whole cells, without its smoothing and filling: `with_degurba` has those.
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
    rule = CentreRule(density_km2=density_km2, persons=minimum_persons, steps=("filter",))
    ids, persons = ids_of(cells), values_of(cells, variable)
    dense = belongs(land_density(persons, grid.area_km2(ids), None), None, rule)
    number, count = label_clusters(grid, ids[dense], rule.contiguity)
    size = cluster_persons(number, count, persons[dense])
    kept = np.zeros(count, dtype=bool)
    kept[np.argsort(-size, kind="stable")[:largest]] = True
    kept &= size >= rule.persons
    cluster = np.full(len(ids), -1, dtype=np.int64)
    cluster[dense] = np.where(kept[number], number, -1)
    text = name_clusters(grid, ids, cluster, np.nan_to_num(persons), "Centre", names, places)
    return cells.assign({label: ("cell", text, {"kind": "label"})})
