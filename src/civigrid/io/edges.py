"""Streets from tables: nodes and edges, or lines with the tags of OpenStreetMap as columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer

from civigrid.errors import SchemaError, first_few
from civigrid.io.tables import read_shapes, read_table
from civigrid.io.vector import crs_named
from civigrid.travel.lines import WAY_KEYS, StreetLines
from civigrid.types import Bools, Floats, Ints, Labels

FLAGS = ("walk", "bike", "drive")
"""Columns that say whether a mode uses an edge."""
_LABELS = frozenset({"id", "edge", "osm_id", "name", "fid", "index"})
_TRUE, _FALSE = frozenset({"true", "yes", "1", "1.0", "t", "y"}), frozenset({"false", "no", "0", "0.0", "f", "n"})
_DECIMALS = 7
"""Degrees are rounded to this, a centimetre, so that lines meet where they were drawn to meet."""


def read_edge_table(edges: Path, nodes: Path, *, crs: str = "", ignore: Sequence[str] = ()) -> StreetLines:
    """Read streets from a table of nodes and a table of edges.

    Parameters
    ----------
    edges : Path
        CSV or Parquet: ``a, b`` (nodes), and ``speed_kmh`` (cars) or ``highway`` and other tags of OpenStreetMap;
        optional ``length_m`` (as the crow flies where absent), ``walk``, ``bike``, ``drive`` (yes or no; bicycles go
        where people walk where the column is absent), ``oneway`` (yes, no, -1; from ``a`` to ``b``).
    nodes : Path
        CSV or Parquet: ``node``, and ``longitude, latitude`` or ``easting, northing``.
    crs : str
        Coordinate system of ``easting, northing``.
    ignore : sequence of str
        Columns of the edges that need not be understood.

    Returns
    -------
    StreetLines
        Each edge is a way of two vertices; `way_id` is its row, counted from 0.

    Raises
    ------
    SchemaError
        Columns that lack or are not known, nodes twice or without a place, edges between unknown nodes, lengths below
        nought, speeds that are none, words that are neither yes nor no: with the first rows.
    SourceError
        A file cannot be read.
    """
    table, known = read_table(Path(edges)), read_table(Path(nodes))
    _check_columns(table, Path(edges).name, ignore)
    ids, place = _nodes(known, Path(nodes).name, crs)
    name = Path(edges).name
    ends = np.stack([_position(table[end], ids, name, Path(nodes).name) for end in ("a", "b")], axis=1)
    length = None
    if "length_m" in table:
        length = _numbers(table, "length_m", name)
        _refuse(length < 0, f"{name}: length_m is below nought", "Mend the lengths, in metres.")
        # an edge without a length is as long as it is drawn
        length = np.where(np.isfinite(length), length, np.nan)
    tags = {key: _words(table, key) for key in sorted(set(table.columns) & WAY_KEYS - {"speed_kmh", *FLAGS})}
    tags |= {key: _flag(table, key, name) for key in FLAGS if key in table}
    if "speed_kmh" in table:
        speed = _numbers(table, "speed_kmh", name)
        _refuse(~(speed > 0), f"{name}: speed_kmh is no speed", "Give km/h above 0, and drive=no where none go.")
        tags["speed_kmh"] = np.array([f"{value:g}" for value in speed], dtype=object)
    n = len(table)
    kind, kinds = _kinds(tags, n)
    return StreetLines(
        place=place,
        vertex_id=np.arange(len(place), dtype=np.int64),
        indptr=np.arange(0, 2 * n + 1, 2, dtype=np.int64),
        vertex=ends.ravel(),
        way_id=np.arange(n, dtype=np.int64),
        kind=kind,
        kinds=kinds,
        length_m=length,
    )


def read_street_lines(path: Path, *, layer: str | None = None, crs: str = "") -> StreetLines:
    """Read streets from lines whose columns are tags of OpenStreetMap.

    Parameters
    ----------
    path : Path
        GeoParquet, GeoPackage or any vector file: column ``highway`` or ``speed_kmh``, and others such as ``oneway``,
        ``maxspeed``, ``foot``, ``bicycle``, ``access``, ``surface``; ``length_m`` where lengths are stated.
    layer : str, optional
        Layer of the file.
    crs : str
        Coordinate system of a file that names none.

    Returns
    -------
    StreetLines
        Lines meet where they share a vertex to 1e-7 degrees.  There are no barriers and no turn restrictions; `notes`
        tells of rows without a line.

    Raises
    ------
    SchemaError
        No coordinate system, neither ``highway`` nor ``speed_kmh``, shapes that are no lines, lengths below nought.
    SourceError
        The file cannot be read.
    """
    path = Path(path)
    frame = read_shapes(path, layer=layer)
    if frame.crs is None:
        if not crs:
            raise SchemaError(f"{path.name} names no coordinate system. Give it: crs='EPSG:...'.")
        frame = frame.set_crs(crs_named(crs))
    if not {"highway", "speed_kmh"} & set(frame.columns):
        raise SchemaError(
            f"{path.name} has neither a column 'highway' nor 'speed_kmh' (it has {first_few(frame.columns, 12)}). "
            "Name the class of each street as OpenStreetMap does."
        )
    shapes = frame.geometry
    nowhere = (shapes.isna() | shapes.is_empty).to_numpy()
    lines = shapes.geom_type.isin(["LineString", "MultiLineString", "LinearRing"]).to_numpy()
    _refuse(~nowhere & ~lines, f"{path.name}: shapes are no lines", "Choose the layer of lines.")
    parts, row = shapely.get_parts(shapes[~nowhere].to_crs("EPSG:4326").to_numpy(), return_index=True)
    row = np.flatnonzero(~nowhere)[row]
    columns = sorted(set(frame.columns) & WAY_KEYS)
    tags = {key: _words(frame, key) for key in columns}
    length = None
    if "length_m" in frame:
        length = _numbers(frame, "length_m", path.name)
        _refuse(length < 0, f"{path.name}: length_m is below nought", "Mend the lengths, in metres.")
        # the parts of one row share its length as they are long
        share = shapely.length(parts) / np.maximum(np.bincount(row, shapely.length(parts), len(frame)), 1e-300)[row]
        length = length[row] * share
    kind, kinds = _kinds(tags, len(frame))
    place, vertex, size = _vertices(parts, path.name)
    return StreetLines(
        place=place,
        vertex_id=np.arange(len(place), dtype=np.int64),
        indptr=np.concatenate([[0], np.cumsum(size)]),
        vertex=vertex,
        way_id=row.astype(np.int64),
        kind=kind[row],
        kinds=kinds,
        length_m=length,
        notes={"rows without a line": int(nowhere.sum())} if nowhere.any() else {},
    )


def _vertices(parts: Labels, name: str) -> tuple[Floats, Ints, Ints]:
    """Distinct places of the vertices of lines, the vertex of each coordinate, and how many each line has."""
    xy, line = shapely.get_coordinates(parts, return_index=True)
    if not np.isfinite(xy).all():
        raise SchemaError(f"{name}: some vertices fall outside the world. Check its coordinate system.")
    place, vertex = np.unique(np.round(xy, _DECIMALS), axis=0, return_inverse=True)
    return place, vertex.ravel().astype(np.int64), np.bincount(line, minlength=len(parts)).astype(np.int64)


def _check_columns(table: pd.DataFrame, name: str, ignore: Sequence[str]) -> None:
    """Refuse tables that lack a column, or have one that might be meant for another."""
    lacking = [column for column in ("a", "b") if column not in table]
    if not {"speed_kmh", "highway"} & set(table.columns):
        lacking.append("speed_kmh (or highway)")
    if lacking:
        raise SchemaError(
            f"{name} has no column {', '.join(lacking)}. It has {first_few(table.columns, 12)}. "
            "An edge table has a, b, speed_kmh, and may have length_m, walk, bike, drive, oneway."
        )
    strange = [c for c in table.columns if c not in {"a", "b", "length_m", *WAY_KEYS, *_LABELS, *ignore}]
    if strange:
        raise SchemaError(
            f"{name} has columns that are not known: {first_few(strange, 12)}. Rename them (length_m, speed_kmh, walk, "
            "bike, drive, oneway, or a tag of OpenStreetMap), or name them in ignore= to leave them out."
        )


def _nodes(table: pd.DataFrame, name: str, crs: str) -> tuple[pd.Index, Floats]:
    """Ids of nodes, and longitude and latitude."""
    pair = next((p for p in (("longitude", "latitude"), ("easting", "northing")) if set(p) <= set(table.columns)), None)
    if "node" not in table or pair is None:
        raise SchemaError(
            f"{name} has no columns node, and longitude, latitude or easting, northing. "
            f"It has {first_few(table.columns, 12)}."
        )
    ids = pd.Index(table["node"])
    if ids.has_duplicates:
        raise SchemaError(f"{name}: nodes stand there twice (first: {first_few(ids[ids.duplicated()])}). Drop one.")
    place = np.stack([_numbers(table, column, name) for column in pair], axis=1)
    if pair[0] == "easting":
        if not crs:
            raise SchemaError(f"{name} has easting and northing: name their coordinate system, crs='EPSG:...'.")
        to_degrees = Transformer.from_crs(crs_named(crs), "EPSG:4326", always_xy=True)
        place = np.stack(to_degrees.transform(place[:, 0], place[:, 1]), axis=1)
    lost = ~np.isfinite(place).all(axis=1) | (np.abs(place) > (180, 90)).any(axis=1)
    if lost.any():
        raise SchemaError(
            f"{name}: {int(lost.sum())} nodes have no place on the globe (first: {first_few(ids[lost])}). "
            "Mend their coordinates or the coordinate system."
        )
    return ids, place


def _position(column: pd.Series, ids: pd.Index, name: str, nodes: str) -> Ints:
    """Row of each edge's end among the nodes."""
    at = ids.get_indexer(pd.Index(column))
    if (lost := at < 0).any():
        raise SchemaError(
            f"{name}: {int(lost.sum())} edges have an end {column.name!r} that is no node of {nodes} "
            f"(first: {first_few(column[lost])}, in rows {first_few(np.flatnonzero(lost))}). Add the nodes."
        )
    return np.asarray(at, dtype=np.int64)


def _numbers(table: pd.DataFrame, column: str, name: str) -> Floats:
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(np.float64)
    words = np.isnan(values) & table[column].notna().to_numpy()
    _refuse(words, f"{name}: {column} is no number", "Write numbers with a decimal point.")
    return values


def _refuse(bad: Bools, what: str, mend: str) -> None:
    if bad.any():
        raise SchemaError(f"{what} in {int(bad.sum())} rows (first: {first_few(np.flatnonzero(bad))}). {mend}")


def _words(table: pd.DataFrame | gpd.GeoDataFrame, column: str) -> Labels:
    """Values of a tag as text; empty where there is none."""
    values = table[column]
    text: Labels = values.astype(object).where(values.notna(), "").to_numpy(dtype=object)
    return np.array([_plain(value) for value in text], dtype=object)


def _plain(value: object) -> str:
    # a column of limits with gaps is read as numbers with a decimal point
    return f"{value:g}" if isinstance(value, float) else str(value).strip()


def _flag(table: pd.DataFrame, column: str, name: str) -> Labels:
    """``yes`` or ``no`` of each row."""
    words = table[column].astype(object).map(lambda word: str(word).strip().lower())
    yes, no = words.isin(_TRUE).to_numpy(), words.isin(_FALSE).to_numpy()
    _refuse(~yes & ~no, f"{name}: {column} is neither yes nor no", "Write true or false.")
    return np.where(yes, "yes", "no").astype(object)


def _kinds(tags: dict[str, Labels], n: int) -> tuple[Ints, tuple[dict[str, str], ...]]:
    """Distinct sets of tags, and which each row has."""
    code = np.zeros(n, dtype=np.int64)
    for values in tags.values():
        own, words = pd.factorize(values)
        code = np.unique(code * len(words) + own, return_inverse=True)[1]
    first = np.unique(code, return_index=True)[1]
    kinds = tuple({key: str(values[row]) for key, values in tags.items() if values[row]} for row in first)
    return code.astype(np.int64), kinds
