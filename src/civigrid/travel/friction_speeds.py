"""How fast people get over ground without a network: speeds by land cover, and the fastest road through a cell."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from civigrid.errors import SchemaError, first_few, unknown_name
from civigrid.grid import Grid, SquareGrid
from civigrid.kernels.cut_lines import cut_lines
from civigrid.types import Bools, Floats, Ids, Ints

_OPEN, _LOW, _MEDIUM, _DENSE, _WET = 5.0, 4.0, 3.0, 2.0, 1.0
LAND_KMH: dict[str, dict[int, float]] = {
    "worldcover": {
        10: _DENSE, 20: _MEDIUM, 30: _LOW, 40: _MEDIUM, 50: _OPEN, 60: _OPEN, 70: _WET, 80: 0.0, 90: _WET, 95: _WET,
        100: _LOW,
    },
    "corine": dict.fromkeys((111, 112, 121, 122, 123, 124, 131, 132, 133, 141, 142, 331, 332), _OPEN)
    | dict.fromkeys((211, 212, 213, 221, 222, 223, 241, 242, 243, 244, 322, 324), _MEDIUM)
    | dict.fromkeys((231, 321, 333, 334), _LOW)
    | dict.fromkeys((311, 312, 313, 323), _DENSE)
    | dict.fromkeys((335, 411, 412, 421, 422, 423), _WET)
    | dict.fromkeys((511, 512, 521, 522, 523), 0.0),
}  # fmt: skip
"""Walking speeds on the flat, km/h, by code of ESA WorldCover (2021) and of CORINE Land Cover (level 3); 0: water.

Built-up and bare ground 5, low vegetation 4, medium vegetation and crops 3, dense vegetation 2: the examples of the
AccessMod 5 manual (travel scenarios, walking), assigned to these codes by us; wetland, ice and snow 1, ours.  Paths
make people quicker, snow slower: give a table of your own where you know better.
"""


def land_speeds(codes: npt.NDArray[np.integer], table: str | Mapping[int, float]) -> Floats:
    """Walking speed by land cover, km/h, shape (cell,).

    Parameters
    ----------
    codes : ndarray of int, shape (cell,)
        Land cover of each cell, such as the one that covers most of it.
    table : str or mapping of int to float
        A name of `LAND_KMH`, or speeds by code, km/h; 0: nobody can go there.

    Raises
    ------
    SchemaError
        A code that the table lacks: no speed is guessed.

    Examples
    --------
    >>> land_speeds(np.array([10, 50, 80]), "worldcover")
    array([2., 5., 0.])
    """
    if isinstance(table, str):
        if table not in LAND_KMH:
            raise unknown_name("table of land speeds", table, LAND_KMH)
        table = LAND_KMH[table]
    known, at = np.unique(codes, return_inverse=True)
    if lacking := [int(code) for code in known if int(code) not in table]:
        raise SchemaError(f"no speed for the land cover codes {first_few(lacking)}. Add them to the table (0: closed).")
    kmh = np.array([table[int(code)] for code in known], dtype=np.float64)
    return kmh[at.reshape(codes.shape)] if len(known) else np.empty(codes.shape)


def road_speeds(grid: Grid, cell_id: Ids, roads: gpd.GeoSeries, kmh: npt.ArrayLike) -> Floats:
    """Speed on the fastest road that touches each cell, km/h, shape (cell,); 0 where there is none.

    Parameters
    ----------
    grid : Grid
        The grid of the cells.
    cell_id : ndarray of uint64, shape (cell,)
        Cells, sorted.
    roads : geopandas.GeoSeries of LineString
        Roads.
    kmh : array_like of float, shape (road,)
        Speed on each; a road of 0 or unknown speed counts as none.

    Returns
    -------
    ndarray of float64
        On squares exact: roads are cut at the sides of the cells.  On H3, roads are looked at every tenth of a cell, so
        that a corner it barely touches may be missed.

    Raises
    ------
    SchemaError
        Roads without a coordinate system, or not as many speeds as roads.

    Examples
    --------
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> ids = grid.from_row_col(np.array([3000, 3000, 3000]), np.array([4000, 4001, 4002]))
    >>> road = gpd.GeoSeries([shapely.LineString([(4_000_500, 3_000_500), (4_001_500, 3_000_500)])], crs="EPSG:3035")
    >>> road_speeds(grid, ids, road, [50.0])
    array([50., 50.,  0.])
    """
    speed = np.asarray(kmh, dtype=np.float64)
    if speed.shape != (len(roads),):
        raise SchemaError(f"{len(roads)} roads, but speeds of shape {speed.shape}. Give one for each road.")
    if roads.crs is None:
        raise SchemaError("these roads name no coordinate system. Give it: EPSG:4326 for longitude and latitude.")
    fastest = np.zeros(len(cell_id))
    lines, road = shapely.get_parts(shapely.force_2d(roads.to_crs(grid.crs).to_numpy()), return_index=True)
    of = np.nan_to_num(speed)[road]
    use = of > 0
    line, ids = _touched(grid, lines[use])
    at = np.minimum(np.searchsorted(cell_id, ids), max(len(cell_id) - 1, 0))
    found = cell_id[at] == ids if len(cell_id) else np.zeros(len(ids), dtype=bool)
    np.maximum.at(fastest, at[found], of[use][line[found]])
    return fastest


def _touched(grid: Grid, lines: npt.NDArray[np.object_]) -> tuple[Ints, Ids]:
    """Line and cell of every piece of a line; pieces outside the grid are left out."""
    none = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.uint64)
    if not len(lines):
        return none
    if not isinstance(grid, SquareGrid):
        middle = grid.cell_at(shapely.get_coordinates(lines)[:1])
        # degrees of latitude are the longest: a tenth of a cell in all directions
        step = float(np.sqrt(grid.area_km2(middle)[0])) / 111.2 / 10
        xy, line = shapely.get_coordinates(shapely.segmentize(lines, step), return_index=True)
        return line.astype(np.int64), grid.cell_at(xy)
    xy, line = shapely.get_coordinates(lines, return_index=True)
    xy = xy / grid.cell_size_m
    inner = np.flatnonzero((line[1:] == line[:-1]) & np.isfinite(xy[1:]).all(axis=1) & np.isfinite(xy[:-1]).all(axis=1))
    pieces = cut_lines(xy[inner, 0], xy[inner, 1], xy[inner + 1, 0], xy[inner + 1, 1])
    return line[inner[pieces.edge]], grid.from_row_col(pieces.row, pieces.col)


def fastest_of(land_kmh: Floats, road_kmh: Floats) -> tuple[Floats, Bools]:
    """Speed on the quicker of land and road, km/h, and whether people walk there (slopes matter), shape (cell,).

    A road makes closed ground passable: a bridge, a causeway.

    >>> fastest_of(np.array([4.0, 0.0, 3.0]), np.array([0.0, 50.0, 2.0]))
    (array([ 4., 50.,  3.]), array([ True, False,  True]))
    """
    return np.maximum(land_kmh, road_kmh), land_kmh >= road_kmh
