"""Tables of points: services, or records of persons, whose places are forgotten as soon as they are counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from civigrid.errors import SourceError, first_few
from civigrid.io.hashing import sha256_of
from civigrid.io.tables import VECTOR, read_shapes, read_table, to_numbers
from civigrid.io.vector import check_crs, crs_named
from civigrid.source import Finding, Report, Source
from civigrid.types import Column, Labels


def read_points(
    path: Path,
    *,
    x: str = "",
    y: str = "",
    crs: str = "",
    id_column: str = "",
    kind: str = "",
    kind_column: str = "",
    kinds: Mapping[str, str] | None = None,
    labels: Sequence[str] = (),
    counts: Sequence[str] = (),
    layer: str | None = None,
) -> tuple[Source, Report]:
    """Read points from a CSV or Parquet table with named coordinate columns, or from a vector file.

    Parameters
    ----------
    path : Path
        The file.
    x, y : str
        Columns of easting (longitude) and northing (latitude); not needed for a vector file.
    crs : str
        CRS of the coordinates; needed for a table.
    id_column : str
        Column of unique ids; empty: rows are numbered.
    kind, kind_column : str
        Kind of service: one for all, or a column of kinds.
    kinds : mapping of str to str, optional
        Kinds to keep, each with the name it gets; by default all.
    labels : sequence of str
        Label columns to keep; ``name`` is kept where there is one.
    counts : sequence of str
        Measured columns to keep, as capacity or beds.
    layer : str, optional
        Layer of a vector file.

    Returns
    -------
    tuple of Source and Report
        One row per point; points without a place stay, with no geometry, and are reported.

    Raises
    ------
    SourceError
        No CRS, coordinates that cannot be of it, repeated ids, unknown columns.
    """
    path = Path(path)
    frame = _frame(path, x, y, crs, layer)
    wanted = [n for n in ("name",) if n in frame.columns and n not in labels] + list(labels)
    if lacking := [n for n in (*labels, *counts, *filter(None, (id_column, kind_column))) if n not in frame.columns]:
        raise SourceError(f"{path.name} has no column {', '.join(lacking)}. It has {first_few(frame.columns, 12)}.")
    if kind_column and kinds is not None:
        frame = frame[frame[kind_column].isin(list(kinds))]
    ids = frame[id_column].astype(str).to_numpy() if id_column else np.arange(len(frame)).astype(str)
    ids = np.array([f"{path.stem}:{i}" for i in ids]) if len(ids) else np.empty(0, dtype=str)
    if (twice := pd.Index(ids)[pd.Index(ids).duplicated()]).size:
        raise SourceError(
            f"{path.name}: {twice.size} ids of {id_column!r} repeat (first: {first_few(twice)}). "
            "Give each point its own, or name no column: rows are numbered then."
        )
    data = pd.DataFrame({n: frame[n].astype(object).fillna("").astype(str).to_numpy() for n in wanted}, index=ids)
    found = frame[kind_column].astype(str).to_numpy() if kind_column else np.full(len(frame), kind or path.stem)
    data["kind"] = [(kinds or {}).get(k, k) for k in found]
    for name in counts:
        data[name] = to_numbers(frame[name])[0].to_numpy()
    shapes = gpd.GeoSeries(frame.geometry.to_numpy(), index=ids, crs=frame.crs)
    source = Source(
        name=path.stem,
        table=data,
        columns={n: Column(units="places", long_name=n) for n in counts},
        geometry=shapes,
        files={path.name: sha256_of(path)},
    )
    return source, Report(tuple(_findings(path, shapes)))


def _frame(path: Path, x: str, y: str, crs: str, layer: str | None) -> gpd.GeoDataFrame:
    if path.suffix.lower() in VECTOR:
        frame = read_shapes(path, layer=layer)
        if crs and frame.crs is None:
            frame = frame.set_crs(crs_named(crs))
        check_crs(frame, path)
        return frame.set_geometry(gpd.GeoSeries(_single(frame.geometry.to_numpy()), index=frame.index, crs=frame.crs))
    if not (x and y and crs):
        raise SourceError(f"{path.name} is a table: name its coordinate columns (x=, y=) and their CRS (crs=).")
    reference = crs_named(crs)
    table = read_table(path, text=path.suffix != ".parquet")
    if lacking := [n for n in (x, y) if n not in table.columns]:
        raise SourceError(f"{path.name} has no column {', '.join(lacking)}. It has {first_few(table.columns, 12)}.")
    east, north = (to_numbers(table[n])[0].to_numpy() for n in (x, y))
    known = np.isfinite(east) & np.isfinite(north)
    points = np.full(len(table), None, dtype=object)
    points[known] = shapely.points(east[known], north[known])
    frame = gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(points, crs=reference), crs=reference)
    check_crs(frame, path)
    return frame


def _single(shapes: Labels) -> Labels:
    """Points as they are; a multipoint becomes its first point, anything else a point on it."""
    kind = shapely.get_type_id(shapes)
    points = shapes.copy()
    multi = kind == shapely.GeometryType.MULTIPOINT
    points[multi] = shapely.get_geometry(shapes[multi], 0)
    other = ~multi & (kind != shapely.GeometryType.POINT) & (kind >= 0)
    points[other] = shapely.point_on_surface(shapes[other])
    return points


def _findings(path: Path, shapes: gpd.GeoSeries) -> list[Finding]:
    nowhere = shapes.isna() | shapes.is_empty
    if not nowhere.any():
        return []
    text = f"{path.name}: {int(nowhere.sum())} points have no coordinates: counted as unplaceable, not lost"
    return [Finding("warning", "points.no-place", text, int(nowhere.sum()), tuple(shapes.index[nowhere][:5]))]
