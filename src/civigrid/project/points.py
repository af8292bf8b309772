"""Points to cells: places are counted and forgotten at once, so that no person-level record goes further."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import shapely

from civigrid.cells import make_cells
from civigrid.errors import SchemaError
from civigrid.grid import INVALID, Grid
from civigrid.kernels.tally import NOWHERE, OUTSIDE
from civigrid.project.ledger import Entry, check_ledger
from civigrid.project.spread import Projection
from civigrid.project.tally import Tally, Tallying, place
from civigrid.source import Source
from civigrid.types import Column, Floats, Ids, Ints, Status, Statuses


@dataclass(frozen=True, kw_only=True, eq=False)
class PointsAsked:
    """What becomes of a tally of points.

    Parameters
    ----------
    source : str
        Name of the source, for ledgers and variables.
    by : str
        Name of the column of groups, for the ledger; empty where there is none.
    groups : sequence of str or None
        Groups to expect, one variable each; None: those that occur, sorted.
    total : str
        Name of the count of all points.
    columns : mapping of str to Column
        Measured columns, in the order of the tally.
    unplaced : mapping of str to float
        What the publisher placed nowhere, by variable.
    reference_date : str
        Date the points refer to.
    """

    source: str
    by: str = ""
    groups: Sequence[str] | None = None
    total: str = "population"
    columns: Mapping[str, Column] = field(default_factory=dict)
    unplaced: Mapping[str, float] = field(default_factory=dict)
    reference_date: str = ""


def cells_of_points(source: Source, grid: Grid) -> Ids:
    """Cell of every point of a source, shape (point,); `INVALID` for a missing point and one outside the grid."""
    ids = place(grid, *_coordinates(source, grid))
    return np.where(ids == NOWHERE, np.uint64(INVALID), ids)


def _coordinates(source: Source, grid: Grid) -> tuple[Floats, Floats, str]:
    """Easting and northing of points, NaN where there is none, and their CRS."""
    if source.geometry is None:
        raise SchemaError(f"source {source.name!r} has no points. Read it with read_points().")
    shapes = source.geometry.to_numpy()
    kinds = shapely.get_type_id(shapes)
    if ((kinds != shapely.GeometryType.POINT) & (kinds >= 0)).any():
        raise SchemaError(f"source {source.name!r} holds shapes of several corners: only single points are counted.")
    crs = grid.crs if source.geometry.crs == grid.crs else source.geometry.crs.to_wkt()
    return shapely.get_x(shapes), shapely.get_y(shapes), crs


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
        of the source's measured counts.  Points whose group is none of these count in the total alone, and the
        ledger says how many they are.

    Raises
    ------
    SchemaError
        The source holds no points, or a group is named as another variable.

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
    columns = {name: column for name, column in source.columns.items() if column.kind == "extensive"}
    codes, labels = None, np.empty(0, dtype=object)
    if by is not None:
        codes, labels = pd.factorize(source.table[by].astype(str).to_numpy(dtype=object))
    tallying = Tallying(grid, len(columns))
    values = [source.table[name].to_numpy(dtype=np.float64) for name in columns]
    tallying.add(*_coordinates(source, grid), list(labels), codes, values)
    asked = PointsAsked(
        source=source.name,
        by=by or "",
        groups=groups,
        total=total,
        columns=columns,
        unplaced=source.unplaced,
        reference_date=source.reference_date,
    )
    return cells_of_tally(tallying.result(), grid, asked)


def cells_of_tally(tally: Tally, grid: Grid, asked: PointsAsked) -> Projection:
    """Make cells and ledger of a tally of points.

    Parameters
    ----------
    tally : Tally
        What was counted.
    grid : Grid
        The grid of its ids.
    asked : PointsAsked
        Which groups, under which names.

    Returns
    -------
    Projection
        As `project_points` gives it.
    """
    groups = tally.labels if asked.groups is None else tuple(asked.groups)
    names = [asked.total, *groups, *asked.columns]
    if twice := sorted({n for n in names if names.count(n) > 1}):
        raise SchemaError(f"{', '.join(twice)} would name two variables. Recode the group, or rename total= or column.")
    held = (tally.cell_id != OUTSIDE) & (tally.cell_id != NOWHERE)
    values, status, about, ledger = {}, {}, {}, []
    for name, count in _counts(tally, groups, asked):
        ledger.append(_entry(tally, asked, name, count, 0))
        if name == asked.total or name in groups:
            values[name], status[name] = count[held], _status(count[held], None, None)
            about[name] = Column(long_name=name, part_of=asked.total)
    about[asked.total] = Column(long_name="Residents")
    for k, (name, column) in enumerate(asked.columns.items()):
        total, missing = tally.sums(k), tally.missing[:, k]
        ledger.append(_entry(tally, asked, name, total, int(missing.sum())))
        status[name] = _status(total[held], missing[held], tally.counts[held].sum(axis=1))
        values[name] = np.where(status[name] == Status.UNAVAILABLE, np.nan, total[held])
        about[name] = column
    about = {n: replace(c, source=asked.source, reference_date=asked.reference_date) for n, c in about.items()}
    cells = make_cells(grid, tally.cell_id[held], values, about, status=status)
    return Projection(cells, check_ledger(ledger))


def _counts(tally: Tally, groups: Sequence[str], asked: PointsAsked) -> list[tuple[str, Floats]]:
    """Counts by row of the tally: of all points, of each group, and of those in none."""
    everyone = tally.counts.sum(axis=1)
    known = dict(zip(tally.labels, tally.counts.T[1:], strict=True))
    none = np.zeros(len(everyone), dtype=np.int64)
    found = [(asked.total, everyone), *((group, known.get(group, none)) for group in groups)]
    rest = everyone - sum((count for _, count in found[1:]), none)
    if asked.by and rest.any():
        found.append((f"{asked.by}: no group asked for", rest))
    return [(name, count.astype(np.float64)) for name, count in found]


def _status(total: Floats, missing: Ints | None, points: Ints | None) -> Statuses:
    """Zero is observed, since every point was seen; a cell with some unknown values is a lower bound."""
    status = np.where(total == 0, Status.OBSERVED_ZERO, Status.OK).astype(np.uint8)
    if missing is not None:
        status[missing > 0] = Status.PARTIAL
        status[(missing > 0) & (missing == points)] = Status.UNAVAILABLE
    return status


def _entry(tally: Tally, asked: PointsAsked, name: str, count: Floats, missing: int) -> Entry:
    outside, nowhere = tally.cell_id == OUTSIDE, tally.cell_id == NOWHERE
    unplaced = float(asked.unplaced.get(name, 0.0))
    return Entry(
        source=asked.source,
        variable=name,
        total=float(count.sum()) + unplaced,
        placed=float(count[~outside & ~nowhere].sum()),
        outside=float(count[outside].sum()),
        unplaceable=float(count[nowhere].sum()) + unplaced,
        missing_units=missing,
        method="points",
    )
