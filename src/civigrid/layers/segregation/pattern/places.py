"""Where cells lie, as indices of pattern take it: places in metres, who is near whom, boundaries, centres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from civigrid.cells import values_of
from civigrid.errors import SchemaError, first_few, unknown_name
from civigrid.grid import INVALID, Grid, SquareGrid
from civigrid.kernels.boundaries import Borders, square_pairs
from civigrid.kernels.centralization import centre_distance
from civigrid.kernels.proximity import Proximity, point_proximity, square_proximity, touching
from civigrid.types import Bools, Floats, Ids, Ints

EARTH_M = 6_371_007.18
"""Radius of the sphere that has the Earth's area, metres: true distances between H3 cells follow it."""
PROXIMITIES = ("exponential", "rook", "queen")
PERIMETERS = ("inner", "whole")


@dataclass(frozen=True, kw_only=True)
class PatternOptions:
    """Forks of definition, and how chance is simulated; every one is recorded beside the index it touches.

    Parameters
    ----------
    proximity : {"exponential", "rook", "queen"}
        Nearness for clustering: by distance, or 1 for cells that touch (by sides, or by corners too) and inside a cell.
    contiguity : {"rook", "queen"}
        Which cells touch for boundary indices.  Hexagons touch by sides alone.
    perimeter : {"inner", "whole"}
        Perimeter of *D(s)*: what is shared with inhabited cells, or all of it.
    reach_m : float, optional
        Distance beyond which nobody is near, for more than 20,000 cells that are no squares.
    simulations : int
        Random allocations, where an expectation has no closed form.
    seed : int
        Seed of these.
    """

    proximity: Literal["exponential", "rook", "queen"] = "exponential"
    contiguity: Literal["rook", "queen"] = "rook"
    perimeter: Literal["inner", "whole"] = "inner"
    reach_m: float | None = None
    simulations: int = 99
    seed: int = 0

    def __post_init__(self) -> None:
        for name, known in (("proximity", PROXIMITIES), ("contiguity", PROXIMITIES[1:]), ("perimeter", PERIMETERS)):
            if getattr(self, name) not in known:
                raise unknown_name(name, getattr(self, name), known)
        if self.simulations < 19:
            raise SchemaError(f"simulations is {self.simulations}: fewer than 19 cannot tell 5 % from chance.")


@dataclass(frozen=True, eq=False)
class Centres:
    """Given centres.

    Parameters
    ----------
    points : array_like, shape (centre, 2), or geopandas.GeoSeries
        Places; an array is in the CRS of the grid.
    weights : array_like, shape (centre,), optional
        Weight of each, as the number of services: a centre of half the largest weight seems twice as far.
    nearest : int
        Distances are the mean of those to the nearest so many.
    """

    points: Any
    weights: npt.ArrayLike | None = None
    nearest: int = 1


def metres(grid: Grid, points: Floats) -> Floats:
    """Give places in metres: in the plane of a square grid, else on a sphere around the origin, shape (n, 3)."""
    if isinstance(grid, SquareGrid):
        return points
    longitude, latitude = np.radians(points).T
    unit = [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)]
    return EARTH_M * np.column_stack(unit)


def ground_of(cells: xr.Dataset, grid: Grid, ids: Ids, name: str | None, inhabited: Bools) -> Floats:
    """Ground of each cell, m2, or a variable that says where people can live; above 0 wherever somebody lives."""
    if name is None:
        return grid.area_km2(ids) * 1e6
    ground = values_of(cells, name)
    bad = inhabited & ~(ground > 0)
    if bad.any():
        raise SchemaError(
            f"{name!r} is missing or 0 in {int(bad.sum())} cells where people live (first: "
            f"{first_few(hex(int(i)) for i in ids[bad])}). Nobody lives on no ground: mend it, or leave area out."
        )
    return ground


def touching_pairs(grid: Grid, ids: Ids, kind: str) -> tuple[Ints, Ints]:
    """Give each pair of touching cells once, as places in `ids`, which are sorted."""
    if isinstance(grid, SquareGrid):
        return square_pairs(*grid.row_col(ids), corners=kind == "queen")
    around = grid.neighbours(ids)
    at = np.minimum(np.searchsorted(ids, around), max(len(ids) - 1, 0))
    found = (around != INVALID) & (around > ids[:, None]) & (ids[at] == around)
    first, which = np.nonzero(found)
    return first, at[first, which]


def proximity_of(
    grid: Grid, ids: Ids, decay_m: float | None, self_distance: float, options: PatternOptions
) -> Proximity:
    """Who is near whom among these cells."""
    if options.proximity != "exponential":
        return touching(*touching_pairs(grid, ids, options.proximity), len(ids))
    if decay_m is None:
        raise SchemaError(
            "clustering needs decay_m, the distance in metres over which nearness falls to 1/e: no unit is natural, "
            "and exp(-metres) is 0. Give 1000, say, or leave these indices out."
        )
    if isinstance(grid, SquareGrid):
        row, col = grid.row_col(ids)
        return square_proximity(row, col, grid.cell_size_m, decay_m, self_distance=self_distance)
    return point_proximity(
        metres(grid, grid.centre(ids)), grid.area_km2(ids) * 1e6, decay_m, self_distance=self_distance,
        radius_m=EARTH_M, reach_m=options.reach_m,
    )  # fmt: skip


def borders_of(grid: Grid, ids: Ids, kind: str) -> Borders:
    """Touching pairs of these cells with the length of their common boundary."""
    first, second = touching_pairs(grid, ids, kind)
    area = grid.area_km2(ids) * 1e6
    if isinstance(grid, SquareGrid):
        (row, col), side = grid.row_col(ids), float(grid.cell_size_m)
        straight = (row[first] == row[second]) | (col[first] == col[second])
        return Borders(first, second, side * straight, area, np.full(len(ids), 4 * side))
    corners = grid.vertices(ids)
    places = metres(grid, corners.reshape(-1, 2)).reshape(*corners.shape[:2], 3)
    perimeter = np.sqrt(((places - np.roll(places, 1, axis=1)) ** 2).sum(axis=2)).sum(axis=1)
    return Borders(first, second, _shared_length(places, first, second), area, perimeter)


def _shared_length(places: Floats, first: Ints, second: Ints) -> Floats:
    """Length between the corners that two cells have in common, metres."""
    apart = ((places[first][:, :, None] - places[second][:, None]) ** 2).sum(axis=3)
    # corners of neighbours are computed each by itself, and agree to a fraction of a millimetre
    common = (apart < 1e-4).any(axis=2)
    corner = places[first]
    between = np.sqrt(((corner[:, :, None] - corner[:, None]) ** 2).sum(axis=3))
    return np.asarray(np.where(common[:, :, None] & common[:, None], between, 0.0).max(axis=(1, 2), initial=0.0))


def distance_of(grid: Grid, ids: Ids, size: Floats, ground: Floats, centres: str | Centres) -> Floats:
    """Distance of each cell to its centre, metres; on H3 along the chord, which ranks as the way over ground does."""
    places = metres(grid, grid.centre(ids))
    if centres == "densest":
        density = size / ground
        # equally dense cells are all of them centres: one of them would be an accident of the table
        return centre_distance(places, places[density >= density.max() * (1 - 1e-12)])
    if centres == "centroid":
        middle = size @ places / size.sum()
        if not isinstance(grid, SquareGrid):
            middle = EARTH_M * middle / np.sqrt(middle @ middle)
        return centre_distance(places, middle[None])
    if not isinstance(centres, Centres):
        raise unknown_name("centre", str(centres), ("centroid", "densest", "Centres(points)"))
    weights = None if centres.weights is None else np.asarray(centres.weights, dtype=np.float64)
    given = metres(grid, _points(grid, centres.points))
    return centre_distance(places, given, weights, nearest=centres.nearest)


def _points(grid: Grid, points: Any) -> Floats:
    """Given centres in the CRS of the grid, shape (centre, 2)."""
    if hasattr(points, "to_crs"):
        moved = points.to_crs(grid.crs)
        points = np.column_stack([moved.x, moved.y])
    array = np.asarray(points, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 2 or not len(array) or not np.isfinite(array).all():
        raise SchemaError(f"centres must be finite places of shape (centre, 2) in {grid.crs}; got shape {array.shape}.")
    return array
