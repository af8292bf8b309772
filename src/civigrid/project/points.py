"""Points to cells: places are counted and forgotten at once, so that no person-level record goes further."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import shapely

from civigrid.cells import make_cells
from civigrid.errors import SchemaError
from civigrid.grid import INVALID, Grid
from civigrid.kernels.group import group_sum
from civigrid.project.ledger import Entry, check_ledger
from civigrid.project.spread import Projection
from civigrid.source import Source
from civigrid.types import Bools, Column, Floats, Ids, Ints, Status, Statuses


def cells_of_points(source: Source, grid: Grid) -> Ids:
    """Cell of every point of a source, shape (point,); `INVALID` for a missing point and one outside the grid."""
    if source.geometry is None:
        raise SchemaError(f"source {source.name!r} has no points. Read it with read_points().")
    points = shapely.get_coordinates(source.geometry.to_crs(grid.crs).to_numpy()) if len(source.geometry) else None
    known = ~(source.geometry.isna() | source.geometry.is_empty).to_numpy()
    ids = np.full(len(known), INVALID, dtype=np.uint64)
    if points is None or not known.any():
        return ids
    if len(points) != known.sum():
        raise SchemaError(f"source {source.name!r} holds shapes of several corners: only single points are counted.")
    inside = _inside(points, grid)
    ids[np.flatnonzero(known)[inside]] = grid.cell_at(points[inside])
    return ids


def _inside(points: Floats, grid: Grid) -> Bools:
    bounds = getattr(grid, "bounds_m", (-180.0, -90.0, 180.0, 90.0))
    west, south, east, north = bounds
    inside: Bools = (points[:, 0] >= west) & (points[:, 0] < east) & (points[:, 1] >= south) & (points[:, 1] < north)
    return inside


def project_points(
    source: Source, grid: Grid, *, by: str | None = None, total: str = "population", groups: Sequence[str] | None = None
) -> Projection:
    """Count the points of a source by cell, and by group.

    Parameters
    ----------
    source : Source
        Points; each stands for one person (or service) and for the measured columns it carries.
    grid : Grid
        Where to count.
    by : str, optional
        Label column whose values become one count each, as ``origin``.
    total : str
        Name of the count of all points.
    groups : sequence of str, optional
        Values of `by` to expect; by default those that occur, sorted.

    Returns
    -------
    Projection
        Counts of the cells that hold a point: `total`, one variable per group (``part_of`` the total), and the sums
        of the source's measured counts.

    Examples
    --------
    >>> import geopandas as gpd
    >>> import pandas as pd
    >>> from civigrid.grid import SquareGrid
    >>> at = gpd.GeoSeries(gpd.points_from_xy([4_000_500, 4_000_600], [3_000_500, 3_000_600]), crs="EPSG:3035")
    >>> people = Source(name="register", table=pd.DataFrame({"origin": ["A", "B"]}), geometry=at)
    >>> found = project_points(people, SquareGrid(cell_size_m=1000), by="origin")
    >>> found.cells["A"].values, found.cells["population"].values
    (array([1.]), array([2.]))
    """
    at = cells_of_points(source, grid)
    placed = at != INVALID
    cells, row = np.unique(at[placed], return_inverse=True)
    about = {total: Column(units="persons", long_name="Residents")}
    weights: dict[str, Floats] = {total: np.ones(len(at))}
    if by is not None:
        label = source.table[by].astype(str).to_numpy()
        for group in sorted(set(label)) if groups is None else groups:
            weights[group] = (label == group).astype(np.float64)
            about[group] = Column(units="persons", long_name=group, part_of=total)
    for name, column in source.columns.items():
        if column.kind == "extensive":
            weights[name], about[name] = source.table[name].to_numpy(dtype=np.float64), column
    about = {n: replace(c, source=source.name, reference_date=source.reference_date) for n, c in about.items()}
    values = {n: group_sum(row, np.nan_to_num(w[placed]), len(cells)) for n, w in weights.items()}
    ledger = [_entry(source, name, weight, placed) for name, weight in weights.items()]
    status = {n: _status(row, w[placed], len(cells)) for n, w in weights.items()}
    return Projection(make_cells(grid, cells, values, about, status=status), check_ledger(ledger))


def _status(row: Ints, weight: Floats, n: int) -> Statuses:
    """Zero is observed, since every point was seen; a cell with an unknown value is a lower bound."""
    total = group_sum(row, np.nan_to_num(weight), n)
    unknown = group_sum(row, np.isnan(weight), n) > 0
    status = np.where(total == 0, Status.OBSERVED_ZERO, Status.OK)
    return np.where(unknown, Status.PARTIAL, status).astype(np.uint8)


def _entry(source: Source, name: str, weight: Floats, placed: Bools) -> Entry:
    geometry = source.geometry
    nowhere = (
        np.zeros(len(weight), dtype=bool) if geometry is None else (geometry.isna() | geometry.is_empty).to_numpy()
    )
    known = np.nan_to_num(weight)
    unplaced = float(source.unplaced.get(name, 0.0))
    return Entry(
        source=source.name,
        variable=name,
        total=float(known.sum()) + unplaced,
        placed=float(known[placed].sum()),
        outside=float(known[~placed & ~nowhere].sum()),
        unplaceable=float(known[nowhere].sum()) + unplaced,
        missing_units=int(np.isnan(weight).sum()),
        method="points",
    )
