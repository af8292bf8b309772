"""Where people set out: points of cells, weighted by who lives there."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from civigrid.errors import SchemaError, first_few
from civigrid.grid import Grid
from civigrid.types import Floats, Ids, Ints

EARTH_M = 6_371_008.8
"""Mean radius of the earth, metres (IUGG)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Origins:
    """Points people set out from, one or several by cell.

    Parameters
    ----------
    cell_id : ndarray of uint64, shape (cell,)
        Cells, sorted.
    place : ndarray of float64, shape (point, 2)
        Longitude and latitude, degrees.
    row : ndarray of int64, shape (point,)
        Row of each point's cell, ascending.
    weight : ndarray of float64, shape (point,)
        Weight of each point in its cell: the weights of a cell add up to 1.
    """

    cell_id: Ids
    place: Floats
    row: Ints
    weight: Floats


def centres_of(grid: Grid, cell_id: Ids) -> Origins:
    """Let everyone set out from the centre of their cell, shape (cell,).

    >>> from civigrid.grid import SquareGrid
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> np.round(centres_of(grid, grid.cell_at(np.array([[4_321_000.0, 3_210_000.0]]))).place, 2)
    array([[10.01, 52.  ]])
    """
    centres = gpd.GeoSeries(shapely.points(grid.centre(cell_id)), crs=grid.crs)
    n = len(cell_id)
    return Origins(cell_id=cell_id, place=lonlat(centres), row=np.arange(n, dtype=np.int64), weight=np.ones(n))


def weighted_centres(grid: Grid, cell_id: Ids, finer: Grid, finer_id: Ids, persons: Floats) -> Origins:
    """Let people set out from the finer cells they live in.

    Parameters
    ----------
    grid : Grid
        The grid of the cells.
    cell_id : ndarray of uint64, shape (cell,)
        Cells, sorted.
    finer : Grid
        A finer grid.
    finer_id : ndarray of uint64, shape (finer,)
        Its cells.
    persons : ndarray of float64, shape (finer,)
        Residents of the finer cells; unknown (NaN) counts nobody.

    Returns
    -------
    Origins
        The inhabited finer cells whose centre lies in one of the cells; a cell without any keeps its own centre.
    """
    own = centres_of(grid, cell_id)
    if not len(cell_id):
        return own
    centres = gpd.GeoSeries(shapely.points(finer.centre(finer_id)), crs=finer.crs)
    cell = grid.cell_at(shapely.get_coordinates(centres.to_crs(grid.crs).to_numpy()))
    at = np.minimum(np.searchsorted(cell_id, cell), len(cell_id) - 1)
    use = (cell_id[at] == cell) & (np.nan_to_num(persons) > 0)
    empty = np.ones(len(cell_id), dtype=bool)
    empty[at[use]] = False
    row = np.concatenate([at[use], own.row[empty]])
    place = np.concatenate([lonlat(centres)[use], own.place[empty]])
    weight = np.concatenate([np.nan_to_num(persons)[use], np.ones(int(empty.sum()))])
    order = np.argsort(row, kind="stable")
    total = np.bincount(row, weights=weight, minlength=len(cell_id))
    return Origins(cell_id=cell_id, place=place[order], row=row[order], weight=(weight / total[row])[order])


def lonlat(points: gpd.GeoSeries) -> Floats:
    """Longitude and latitude of points, degrees, shape (point, 2).

    Raises
    ------
    SchemaError
        A point has no place, or the points no coordinate system.
    """
    if points.crs is None:
        raise SchemaError("these points name no coordinate system. Give it: EPSG:4326 for longitude and latitude.")
    if (nowhere := points.index[points.isna() | points.is_empty]).size:
        raise SchemaError(f"{nowhere.size} points have no place (first: {first_few(nowhere)}). Drop them first.")
    places: Floats = shapely.get_coordinates(points.to_crs("EPSG:4326").to_numpy())
    if not np.isfinite(places).all():
        raise SchemaError("some points fall outside the world: check their coordinate system and the order of axes.")
    return places


def on_the_globe(place: Floats) -> Floats:
    """Points on the sphere in metres, shape (point, 3): near points are as far apart as their straight line.

    >>> a, b = on_the_globe(np.array([[0.0, 0.0], [0.01, 0.0]]))
    >>> round(float(np.linalg.norm(a - b)))
    1112
    """
    lon, lat = np.radians(place).T
    return EARTH_M * np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
