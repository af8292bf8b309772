"""Areas with counts: any vector file, and any table joined to it by id, each fault reported or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError

from civigrid.errors import SourceError, first_few
from civigrid.io.counts import add_counts
from civigrid.io.hashing import sha256_of
from civigrid.io.protection import declare_noise
from civigrid.io.tables import read_shapes
from civigrid.project.geometry import cut_at_antimeridian, mend, run_on_longitudes
from civigrid.source import Finding, Report, Source
from civigrid.types import Bools

_METRES = 1_000.0
"""Coordinates beyond this cannot be degrees."""


def read_areas(
    path: Path,
    *,
    id_column: str,
    counts: Sequence[str] = (),
    rates: Mapping[str, str] | None = None,
    labels: Sequence[str] = (),
    layer: str | None = None,
    crs: str = "",
    encoding: str = "",
    dissolve: bool = False,
    only: Mapping[str, Any] | None = None,
    corrections: Sequence[Mapping[str, Any]] = (),
    invalid: Literal["repair", "reject"] = "repair",
    max_area_change: float = 0.01,
    noise_variance: float | None = None,
) -> tuple[Source, Report]:
    """Read areas, and the counts and rates that stand in the same file.

    Parameters
    ----------
    path : Path
        Any vector file GDAL reads, or GeoParquet.
    id_column : str
        Column of unique ids, read as text.
    counts : sequence of str
        Columns of persons.
    rates : mapping of str to str, optional
        Columns that average, each with the count that weighs it; ``""``: by area.
    labels : sequence of str
        Label columns to keep, as a district.
    layer, encoding : str, optional
        Layer and text encoding of the file.
    crs : str
        CRS of a file that names none.
    dissolve : bool
        Rows of one id are parts of one area: put them together.  Not where counts stand in the file.  Parts that lie
        apart are reported: one of them may bear a wrong id.
    only : mapping of str to value, optional
        Keep the rows where a column has this value, as ``{"LEVL_CODE": 3}``: levels that nest would count twice.
    corrections : sequence of mapping
        Ids the file has wrong, each as ``{"where": {column: value}, "id": right}``; each is reported.
    invalid : {"repair", "reject"}
        What becomes of invalid polygons.
    max_area_change : float
        Largest change of a unit's area by repair, as a share of it; beyond it the report holds an error.
    noise_variance : float, optional
        Variance of the noise that the publisher added to each count, persons2.  By default none is declared.

    Returns
    -------
    tuple of Source and Report
        Valid polygons, cut at the antimeridian; what was invalid is repaired and reported with the change of area
        (`civigrid.project.geometry.mend` gives it unit by unit).

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
        frame = frame.set_crs(crs_named(crs))
    check_crs(frame, path)
    if lacking := [n for n in (id_column, *counts, *(rates or {}), *labels, *(only or {})) if n not in frame.columns]:
        raise SourceError(f"{path.name} has no column {', '.join(lacking)}. It has {first_few(frame.columns, 12)}.")
    for name, value in (only or {}).items():
        frame = frame[frame[name] == value]
    if not len(frame):
        raise SourceError(f"{path.name} holds no area{f' with {dict(only)}' if only else ''}. Is it the right file?")
    ids, corrected = _ids(frame, id_column, corrections, path.name)
    if dissolve and not (counts or rates):
        frame = gpd.GeoDataFrame(frame.assign(**{id_column: ids}))
        corrected += _apart(frame, id_column)
        frame = frame.dissolve(id_column, sort=False).reset_index()
        ids = frame[id_column]
    _refuse_repeated(ids, id_column, path.name)
    shapes = gpd.GeoSeries(frame.geometry.to_numpy(), index=ids.to_numpy(), crs=frame.crs)
    shapes, findings = _settled(shapes, invalid, max_area_change)
    data = pd.DataFrame(
        {n: frame[n].astype(object).fillna("").astype(str).to_numpy() for n in labels}, index=shapes.index
    )
    source = Source(name=path.stem, table=data, geometry=shapes, files={path.name: sha256_of(path)})
    names = [*counts, *(rates or {})]
    values = pd.DataFrame({n: frame[n].to_numpy() for n in names}, index=shapes.index)
    source, more = add_counts(source, values, {n: n for n in names}, {}, path.name, rates)
    return declare_noise(source, noise_variance), Report((*corrected, *findings, *more))


def _ids(
    frame: gpd.GeoDataFrame, id_column: str, corrections: Sequence[Mapping[str, Any]], name: str
) -> tuple[pd.Series, list[Finding]]:
    """Ids as text, those the file has wrong put right, and told."""
    if (absent := int(frame[id_column].isna().sum())) > 0:
        raise SourceError(
            f"{name}: {absent} of {len(frame)} areas have no {id_column!r}. Choose a column that is full."
        )
    ids, findings = frame[id_column].astype(str).str.strip(), []
    for correction in corrections:
        rows = np.logical_and.reduce([(frame[c] == v).to_numpy() for c, v in correction["where"].items()])
        if rows.sum() != 1:
            where = ", ".join(f"{c} = {v!r}" for c, v in correction["where"].items())
            raise SourceError(
                f"{name}: a correction is declared for {where}, which {int(rows.sum())} areas are, not one."
            )
        if (wrong := ids[rows].iloc[0]) != correction["id"]:
            text = f"the file gives {wrong} to an area that is {correction['id']}: corrected as declared"
            findings.append(Finding("note", "areas.corrected", text, 1, (correction["id"],)))
            ids = ids.where(~rows, correction["id"])
    return ids, findings


def _refuse_repeated(ids: pd.Series, id_column: str, name: str) -> None:
    if (twice := ids[ids.duplicated()]).size:
        raise SourceError(
            f"{name}: {twice.size} ids of {id_column!r} repeat (first: {first_few(twice)}). "
            "Dissolve the parts of an area (dissolve = true, --dissolve), or choose the column that is unique."
        )


def _apart(frame: gpd.GeoDataFrame, id_column: str) -> list[Finding]:
    """Ids whose parts do not touch."""
    twice = frame[frame[id_column].duplicated(keep=False)]
    far = {
        str(name): float(shapely.distance(part.iloc[0], part.iloc[1:].union_all()))
        for name, part in twice.groupby(id_column, sort=False).geometry
    }
    far = {name: apart for name, apart in far.items() if apart > 0}
    if not far:
        return []
    text = f"{len(far)} ids have parts that lie apart (by up to {max(far.values()):,.0f} CRS units): is each id right?"
    return [Finding("warning", "areas.parts-apart", text, len(far), tuple(far)[:5])]


def crs_named(name: str) -> CRS:
    """Give the CRS of a name that a person wrote.

    >>> crs_named("EPSG:3035").to_epsg()
    3035

    Raises
    ------
    SourceError
        PROJ knows none of this name.
    """
    try:
        return CRS(name)
    except CRSError as error:
        raise SourceError(f"crs = {name!r} is no CRS. Write it as EPSG:25833. ({error})") from error


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


def _settled(shapes: gpd.GeoSeries, invalid: str, limit: float) -> tuple[gpd.GeoSeries, list[Finding]]:
    """Valid polygons, cut at the antimeridian, with what was found on the way."""
    findings = []
    nowhere = (shapes.isna() | shapes.is_empty).to_numpy()
    if nowhere.any():
        text = f"{int(nowhere.sum())} areas have no geometry: what they carry cannot be placed"
        findings.append(Finding("warning", "areas.no-geometry", text, int(nowhere.sum()), _first(shapes, nowhere)))
    polygonal = [shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON]
    if (stray := ~nowhere & ~np.isin(shapely.get_type_id(shapes.to_numpy()), polygonal)).any():
        text = f"{int(stray.sum())} rows are no polygons: read them as points"
        findings.append(Finding("error", "areas.no-polygon", text, int(stray.sum()), _first(shapes, stray)))
        return shapes, findings
    if shapes.crs.is_geographic:
        shapes, crossing = run_on_longitudes(shapes)
        if crossing.any():
            text = f"{int(crossing.sum())} areas cross 180 degrees and were cut there"
            findings.append(Finding("note", "areas.antimeridian", text, int(crossing.sum()), _first(shapes, crossing)))
    mended, table = mend(shapes)
    if invalid == "reject" and len(table):
        text = (
            f"{len(table)} areas are invalid ({', '.join(sorted(set(table['why'])))}). Read them with invalid='repair'"
        )
        return shapes, [
            *findings,
            Finding("error", "areas.invalid", text, len(table), tuple(map(str, table.index[:5]))),
        ]
    shapes = cut_at_antimeridian(mended)[0] if shapes.crs.is_geographic else mended
    return shapes, findings + _repair_findings(table, limit)


def _repair_findings(table: pd.DataFrame, limit: float) -> list[Finding]:
    """What repair did to the areas: told always, an error where it changed one by more than `limit` of itself."""
    if table.empty:
        return []
    table = table.iloc[np.argsort(-table["change_percent"].abs().to_numpy(), kind="stable")]
    first = table.head()
    changes = zip(first.index, first["change_m2"].tolist(), first["change_percent"].tolist(), strict=True)
    told = tuple(f"{unit} {change:+,.0f} m2 ({_percent(percent)})" for unit, change, percent in changes)
    worst = float(table["change_percent"].abs().max())
    text = (
        f"{len(table)} areas were invalid and were repaired: {table['change_m2'].sum():+,.0f} m2 in all, "
        f"at most {_percent(worst)} of an area"
    )
    found = [Finding("warning", "areas.repaired", text, len(table), told)]
    if far := int((table["change_percent"].abs() > 100 * limit).sum()):
        text = (
            f"repair changes {far} areas by more than {100 * limit:g} %. Mend them at their source, or accept it "
            f"with max_area_change = {np.ceil(worst) / 100 if worst <= 1000 else np.inf:g}"
        )
        found.append(Finding("error", "areas.changed", text, far, told[:far]))
    return found


def _percent(change: float) -> str:
    return f"{change:+.2g} %" if abs(change) <= 1000 else "from almost nothing"


def _first(shapes: gpd.GeoSeries, rows: Bools) -> tuple[str, ...]:
    return tuple(map(str, shapes.index[rows][:5]))
