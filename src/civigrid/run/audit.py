"""The audit of a file of zones: read as it is, every fault in a table and on a map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from civigrid.catalog import declarations
from civigrid.errors import SourceError, first_few
from civigrid.grid import load_grid
from civigrid.io.atomic import write_text
from civigrid.io.tables import read_shapes
from civigrid.io.vector import check_crs, crs_named
from civigrid.io.write import write_csv
from civigrid.maps import to_html
from civigrid.maps.faults import make_fault_map
from civigrid.project.audit import Audit, audit_zoning
from civigrid.project.zoning import AuditOptions
from civigrid.release import public_grid, release
from civigrid.run.fetch import cached_file
from civigrid.run.inputs import declared_facts
from civigrid.source import Licence

OUTLINE_PARTS = 20_000
"""The outline under the faults is as fine as this part of its extent; the faults are drawn as they are."""


def read_zones(
    zones: str, *, id_column: str = "", layer: str = "", crs: str = "", cache: Path | None = None
) -> tuple[gpd.GeoSeries, Licence]:
    """Read the areas of a file, or of a declared source in the cache, as they are: nothing is repaired.

    Parameters
    ----------
    zones : str
        Path of a vector file, or id of a declaration.
    id_column : str
        Column of ids; by default the declared one, else rows are numbered.
    layer, crs : str
        Layer, and the CRS of a file that names none.
    cache : Path, optional
        Folder of the cache.

    Raises
    ------
    SourceError
        No such file, no CRS, coordinates that cannot be of it, no such column.
    """
    about: dict[str, Any] = {}
    if not Path(zones).exists() and zones in declarations("boundaries"):
        about = declarations("boundaries")[zones]
        path = cached_file(zones, cache)
    else:
        path = Path(zones)
    facts = declared_facts(about) if about.get("reader") == "areas" else {}
    frame = read_shapes(path, layer=layer or facts.get("layer"), encoding=facts.get("encoding", ""))
    if frame.crs is None and (crs or "crs" in facts):
        frame = frame.set_crs(crs_named(crs or facts["crs"]))
    check_crs(frame, path)
    for name, value in facts.get("only", {}).items():
        frame = frame[frame[name] == value]
    column = id_column or facts.get("id_column", "")
    if column and column not in frame.columns:
        raise SourceError(f"{path.name} has no column {column}. It has {first_few(frame.columns, 12)}.")
    ids = frame[column].fillna("").astype(str) if column else pd.RangeIndex(1, len(frame) + 1).astype(str)
    terms = Licence(**{k: str(about.get(k, "")) for k in ("publisher", "licence", "attribution")})
    return gpd.GeoSeries(frame.geometry.to_numpy(), index=pd.Index(ids, name="unit"), crs=frame.crs), terms


def audit_file(
    zones: str,
    *,
    id_column: str = "",
    layer: str = "",
    crs: str = "",
    options: AuditOptions | None = None,
    grid: str = "",
    table: Path | None = None,
    page: Path | None = None,
    cache: Path | None = None,
) -> Audit:
    """Audit the areas of a file, and write what was found.

    Parameters
    ----------
    zones : str
        Path of a vector file, or id of a declaration.
    id_column, layer, crs : str
        As in `read_zones`.
    options : AuditOptions, optional
        What counts as a fault.
    grid : str
        Id of a grid: areas that leave it are told too.
    table : Path, optional
        CSV to write the findings to.
    page : Path, optional
        HTML to draw them on.
    cache : Path, optional
        Folder of the cache.

    Returns
    -------
    Audit
        The findings.
    """
    geometry, terms = read_zones(zones, id_column=id_column, layer=layer, crs=crs, cache=cache)
    found = audit_zoning(geometry, options, grid=load_grid(grid) if grid else None)
    if table is not None:
        write_csv(release(found.table, public_grid(), terms=[terms]), table)
    if page is not None:
        write_text(page, fault_page(found, geometry, Path(zones).stem, terms))
    return found


def fault_page(found: Audit, geometry: gpd.GeoSeries, name: str, terms: Licence) -> str:
    """Draw the findings of an audit over the outline of its areas, as one HTML page."""
    shown = gpd.GeoDataFrame(found.table, geometry=found.shapes.to_numpy(), crs=found.shapes.crs)
    s = found.summary
    facts = f"{s['units']:,} areas, {s['area_km2']:,.1f} km2; covered twice {s['covered_twice_km2']:,.4f} km2, "
    facts += f"enclosed gaps {s['gaps_km2']:,.4f} km2, coverage {s['coverage']:.9f}."
    known = geometry[~(geometry.isna() | geometry.is_empty)]
    outline = known.to_crs("EPSG:3035")
    west, south, east, north = outline.total_bounds
    if known.is_valid.all():
        outline = outline.simplify_coverage(max(east - west, north - south) / OUTLINE_PARTS)
    page = make_fault_map(
        release(shown, public_grid(), terms=[terms]),
        outline,
        title=f"Audit of {name}",
        question="Do these areas cover their land once, and once only?",
        notes=[facts],
    )
    return to_html(page)
