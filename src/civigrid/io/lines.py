"""Lines of any vector file: roads, rails, paths, rivers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from civigrid.errors import SourceError, first_few
from civigrid.io.hashing import sha256_of
from civigrid.io.tables import read_shapes
from civigrid.io.vector import check_crs, crs_named
from civigrid.source import Finding, Report, Source


def read_lines(
    path: Path, *, id_column: str = "", labels: Sequence[str] = (), layer: str | None = None, crs: str = ""
) -> tuple[Source, Report]:
    """Read lines from a vector file.

    Parameters
    ----------
    path : Path
        Any vector file GDAL reads, or GeoParquet.
    id_column : str
        Column of unique ids; empty: rows are numbered.
    labels : sequence of str
        Label columns to keep, as the class of a road.
    layer : str, optional
        Layer of the file.
    crs : str
        CRS of a file that names none.

    Returns
    -------
    tuple of Source and Report
        One row per line; rows without a geometry stay and are reported.

    Raises
    ------
    SourceError
        No CRS, coordinates that cannot be of it, repeated ids, unknown columns, or shapes that are no lines.
    """
    path = Path(path)
    frame = read_shapes(path, layer=layer)
    if crs and frame.crs is None:
        frame = frame.set_crs(crs_named(crs))
    check_crs(frame, path)
    if lacking := [n for n in (*labels, *filter(None, (id_column,))) if n not in frame.columns]:
        raise SourceError(f"{path.name} has no column {', '.join(lacking)}. It has {first_few(frame.columns, 12)}.")
    known = ~(frame.geometry.isna() | frame.geometry.is_empty)
    if (stray := known & ~frame.geometry.geom_type.isin(["LineString", "MultiLineString", "LinearRing"])).any():
        raise SourceError(
            f"{path.name}: {int(stray.sum())} rows hold no lines (first: {first_few(frame.index[stray])}). "
            "Choose the layer of lines, or read it as areas or points."
        )
    ids = frame[id_column].astype(str).to_numpy() if id_column else np.arange(len(frame)).astype(str)
    if (twice := pd.Index(ids)[pd.Index(ids).duplicated()]).size:
        raise SourceError(f"{path.name}: {twice.size} ids of {id_column!r} repeat (first: {first_few(twice)}).")
    data = pd.DataFrame({n: frame[n].astype(object).fillna("").astype(str).to_numpy() for n in labels}, index=ids)
    shapes = gpd.GeoSeries(frame.geometry.to_numpy(), index=ids, crs=frame.crs)
    source = Source(name=path.stem, table=data, geometry=shapes, files={path.name: sha256_of(path)})
    nowhere = int((~known).sum())
    text = f"{path.name}: {nowhere} lines have no geometry: their length is not known"
    return source, Report((Finding("warning", "lines.no-place", text, nowhere),) if nowhere else ())
