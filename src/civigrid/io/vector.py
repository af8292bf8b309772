"""Areas with counts: any vector file, and any table joined to it by id, each fault reported or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from civigrid.errors import SourceError, first_few
from civigrid.io.hashing import sha256_of
from civigrid.io.protection import declare_noise
from civigrid.io.tables import read_shapes, read_table, to_numbers
from civigrid.source import Finding, Report, Source
from civigrid.types import Bools, Column, Floats, Status, Statuses

_METRES = 1_000.0
"""Coordinates beyond this cannot be degrees."""


def read_areas(
    path: Path,
    *,
    id_column: str,
    counts: Sequence[str] = (),
    labels: Sequence[str] = (),
    layer: str | None = None,
    crs: str = "",
    encoding: str = "",
    noise_variance: float | None = None,
) -> tuple[Source, Report]:
    """Read areas, and the counts that stand in the same file.

    Parameters
    ----------
    path : Path
        Any vector file GDAL reads, or GeoParquet.
    id_column : str
        Column of unique ids, read as text.
    counts : sequence of str
        Columns of persons.
    labels : sequence of str
        Label columns to keep, as a district.
    layer, encoding : str, optional
        Layer and text encoding of the file.
    crs : str
        CRS of a file that names none.
    noise_variance : float, optional
        Variance of the noise that the publisher added to each count, persons2.  By default none is declared.

    Returns
    -------
    tuple of Source and Report
        Valid polygons; what was invalid is repaired and reported with the change of area.

    Raises
    ------
    SourceError
        No CRS, coordinates that cannot be of it, repeated ids, counts that are negative or no numbers.
    """
    path = Path(path)
    frame = read_shapes(path, layer=layer, encoding=encoding)
    if frame.crs is None:
        if not crs:
            raise SourceError(f"{path.name} names no CRS. Say which its coordinates are in: crs='EPSG:...'.")
        frame = frame.set_crs(crs)
    check_crs(frame, path)
    if lacking := [n for n in (id_column, *counts, *labels) if n not in frame.columns]:
        raise SourceError(f"{path.name} has no column {', '.join(lacking)}. It has {first_few(frame.columns, 12)}.")
    ids = frame[id_column].astype(str).str.strip()
    if (twice := ids[ids.duplicated()]).size:
        raise SourceError(
            f"{path.name}: {twice.size} ids of {id_column!r} repeat (first: {first_few(twice)}). "
            "Dissolve the parts of an area, or choose the column that is unique."
        )
    shapes = gpd.GeoSeries(frame.geometry.to_numpy(), index=ids.to_numpy(), crs=frame.crs)
    shapes, findings = _repaired(shapes)
    data = pd.DataFrame(
        {n: frame[n].astype(object).fillna("").astype(str).to_numpy() for n in labels}, index=shapes.index
    )
    source = Source(name=path.stem, table=data, geometry=shapes, files={path.name: sha256_of(path)})
    values = pd.DataFrame({n: frame[n].to_numpy() for n in counts}, index=shapes.index)
    source, more = _with_counts(source, values, {n: n for n in counts}, {}, path.name)
    return declare_noise(source, noise_variance), Report((*findings, *more))


def check_crs(frame: gpd.GeoDataFrame, path: Path) -> None:
    """Refuse coordinates that cannot be of the CRS they are labelled with, or whose axes are swapped."""
    if frame.crs is None:
        raise SourceError(f"{path.name} names no CRS. Say which its coordinates are in: crs='EPSG:...'.")
    if not len(frame) or frame.geometry.isna().all() or frame.geometry.is_empty.all():
        return
    west, south, east, north = frame.total_bounds
    crs, shown = CRS(frame.crs), f"{west:.6g}, {south:.6g} to {east:.6g}, {north:.6g}"
    name = frame.crs.to_string()
    if crs.is_geographic and (max(abs(west), abs(east)) > 361 or max(abs(south), abs(north)) > 91):
        mend = "They look like metres: the label is wrong." if max(abs(north), abs(east)) > _METRES else ""
        if max(abs(south), abs(north)) <= 181 and max(abs(west), abs(east)) <= 91:
            mend = "Latitude seems to come first: swap the axes."
        raise SourceError(f"{path.name} is labelled {name} (degrees) but lies at {shown}. {mend}")
    if crs.is_projected and max(map(abs, (west, south, east, north))) <= 181:
        raise SourceError(f"{path.name} is labelled {name} (metres) but lies at {shown}, which are degrees.")
    area = crs.area_of_use
    if area is None:
        return
    box = gpd.GeoSeries([shapely.box(west, south, east, north)], crs=frame.crs)
    inside = _meets(box, area.bounds)
    swapped = gpd.GeoSeries([shapely.box(south, west, north, east)], crs=frame.crs)
    if not inside:
        mend = (
            "With axes swapped it would fit: easting (longitude) comes first." if _meets(swapped, area.bounds) else ""
        )
        raise SourceError(f"{path.name} is labelled {name} but lies at {shown}, outside its area of use. {mend}")


def _meets(box: gpd.GeoSeries, area: tuple[float, float, float, float]) -> bool:
    """Whether a box, widened by 5 degrees for data that overlap their CRS's area a little, meets the area of use."""
    bounds = box.to_crs("EPSG:4326").total_bounds
    if not np.isfinite(bounds).all():
        return False
    west, south, east, north = bounds
    return bool(west <= area[2] + 5 and east >= area[0] - 5 and south <= area[3] + 5 and north >= area[1] - 5)


def _repaired(shapes: gpd.GeoSeries) -> tuple[gpd.GeoSeries, list[Finding]]:
    findings = []
    nowhere = (shapes.isna() | shapes.is_empty).to_numpy()
    if nowhere.any():
        text = f"{int(nowhere.sum())} areas have no geometry: what they carry cannot be placed"
        findings.append(Finding("warning", "areas.no-geometry", text, int(nowhere.sum()), _first(shapes, nowhere)))
    wrong = ~shapes.is_valid.to_numpy() & ~nowhere
    if wrong.any():
        before = shapes.area.to_numpy()
        fixed = shapes.to_numpy().copy()
        fixed[wrong] = [_polygonal(shapely.make_valid(shape)) for shape in fixed[wrong]]
        shapes = gpd.GeoSeries(fixed, index=shapes.index, crs=shapes.crs)
        change = float(np.abs(shapes.area.to_numpy() - before)[wrong].max())
        text = (
            f"{int(wrong.sum())} areas were invalid and were repaired; area changed by at most {change:.3g} (CRS units)"
        )
        findings.append(Finding("warning", "areas.repaired", text, int(wrong.sum()), _first(shapes, wrong)))
    kinds = shapely.get_type_id(shapes.to_numpy()[~nowhere])
    if (stray := ~np.isin(kinds, [shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON])).any():
        ids = shapes.index[~nowhere][stray]
        text = f"{len(ids)} rows are no polygons: read them as points"
        findings.append(Finding("error", "areas.no-polygon", text, len(ids), tuple(map(str, ids[:5]))))
    return shapes, findings


def _polygonal(shape: shapely.Geometry) -> shapely.Geometry:
    """The polygons of a repaired shape; the stray lines and points that a repair leaves have no area."""
    polygonal = [shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON]
    if shapely.get_type_id(shape) in polygonal:
        return shape
    parts = shapely.get_parts(shape)
    return shapely.union_all(parts[np.isin(shapely.get_type_id(parts), polygonal)])


def _first(shapes: gpd.GeoSeries, rows: Bools) -> tuple[str, ...]:
    return tuple(map(str, shapes.index[rows][:5]))


def join_counts(
    source: Source,
    path: Path,
    *,
    id_column: str,
    columns: Sequence[str] | Mapping[str, str],
    part_of: Mapping[str, str] | None = None,
    encoding: str = "",
    reference_date: str = "",
    noise_variance: float | None = None,
) -> tuple[Source, Report]:
    """Join a table of counts to areas by id.

    Parameters
    ----------
    source : Source
        Areas.
    path : Path
        CSV, Parquet or vector file of counts.
    id_column : str
        Its column of ids; leading zeros that a program dropped are put back where all ids of the areas have one length.
    columns : sequence of str, or mapping of str to str
        Columns of persons, or each with the name it gets.
    part_of : mapping of str to str, optional
        Declared hierarchy: which count is part of which (columns may be nested; nothing is assumed).
    encoding : str
        Encoding of a CSV.
    reference_date : str
        Date the counts refer to.
    noise_variance : float, optional
        Variance of the noise that the publisher added to each of these counts, persons2.  By default none is declared.

    Returns
    -------
    tuple of Source and Report
        The areas with the counts; ids on one side only are reported with the persons they carry.

    Raises
    ------
    SourceError
        Repeated ids, entries that are no numbers, negative counts, no id in common.
    """
    path = Path(path)
    table = read_table(path, encoding=encoding, text=path.suffix.lower() in (".csv", ".txt", ".tsv"))
    names = dict(columns) if isinstance(columns, Mapping) else {n: n for n in columns}
    if lacking := [n for n in (id_column, *names) if n not in table.columns]:
        raise SourceError(f"{path.name} has no column {', '.join(lacking)}. It has {first_few(table.columns, 12)}.")
    ids, findings = _padded(table[id_column], source.table.index, path.name)
    if (twice := ids[ids.duplicated()]).size:
        raise SourceError(f"{path.name}: {twice.size} ids repeat (first: {first_few(twice)}). Choose one period first.")
    numbers = pd.DataFrame({n: table[n].to_numpy() for n in names}, index=ids)
    ours, theirs = source.table.index.difference(ids), ids.difference(source.table.index)
    if len(ours) == len(source.table):
        raise SourceError(
            f"no id of {path.name} is an id of {source.name!r} ({first_few(ids, 3)} against "
            f"{first_few(source.table.index, 3)}). Do they belong to one vintage?"
        )
    unplaced = dict(source.unplaced)
    if len(theirs):
        first = next(iter(names))
        lost = {new: float(to_numbers(numbers.loc[theirs, old])[0].sum()) for old, new in names.items()}
        unplaced |= lost
        text = f"{len(theirs)} ids of {path.name} have no area; they carry {lost[names[first]]:,.0f} {names[first]}"
        findings.append(Finding("warning", "join.no-area", text, len(theirs), tuple(theirs[:5])))
    if len(ours):
        text = f"{len(ours)} areas of {source.name!r} have no row in {path.name}: unavailable"
        findings.append(Finding("warning", "join.no-row", text, len(ours), tuple(map(str, ours[:5]))))
    joined = numbers.reindex(source.table.index)
    more_files = {**source.files, path.name: sha256_of(path)}
    source = replace(
        source, unplaced=unplaced, files=more_files, reference_date=reference_date or source.reference_date
    )
    source, more = _with_counts(source, joined, names, dict(part_of or {}), path.name)
    return declare_noise(source, noise_variance, list(names.values())), Report((*findings, *more))


def _padded(column: pd.Series, areas: pd.Index, name: str) -> tuple[pd.Index, list[Finding]]:
    """Ids as text; zeros lost on the left are put back where the areas' ids all have one length."""
    ids = pd.Index(column.astype(object).map(lambda v: str(int(v)) if isinstance(v, float) else str(v)).str.strip())
    widths = {len(str(a)) for a in areas}
    if len(widths) == 1 and ids.str.fullmatch(r"\d+").all() and (short := ids.str.len() < min(widths)).any():
        text = f"{int(short.sum())} ids of {name} had lost their leading zeros; they were put back"
        return ids.str.zfill(min(widths)), [
            Finding("note", "join.zeros", text, int(short.sum()), tuple(ids[short][:5]))
        ]
    return ids, []


def _with_counts(
    source: Source, values: pd.DataFrame, names: Mapping[str, str], part_of: Mapping[str, str], file: str
) -> tuple[Source, list[Finding]]:
    """Add checked counts to a source: numbers or missing, never negative."""
    findings, data, status = [], source.table.copy(), dict(source.status)
    for old, new in names.items():
        number, missing = to_numbers(values[old])
        count = number.to_numpy(copy=True)
        bad = ~missing.to_numpy() & ((count < 0) | ~np.isfinite(count))
        if bad.any():
            ids = tuple(map(str, source.table.index[bad][:5]))
            text = (
                f"{old!r} of {file} is negative or not finite in {int(bad.sum())} areas (first value {count[bad][0]})"
            )
            findings.append(Finding("error", "counts.negative", text, int(bad.sum()), ids))
        if missing.any():
            ids = tuple(map(str, source.table.index[missing.to_numpy()][:5]))
            text = f"{old!r} of {file} is missing in {int(missing.sum())} areas: unavailable, not zero"
            findings.append(Finding("warning", "counts.missing", text, int(missing.sum()), ids))
        data[new], status[new] = count, _status(count, missing.to_numpy())
    about = {n: Column(long_name=n.replace("_", " ").capitalize(), part_of=part_of.get(n)) for n in names.values()}
    return replace(source, table=data, columns={**source.columns, **about}, status=status), findings


def _status(count: Floats, missing: Bools) -> Statuses:
    status = np.where(count == 0, Status.OBSERVED_ZERO, Status.OK)
    return np.where(missing, Status.UNAVAILABLE, status).astype(np.uint8)
