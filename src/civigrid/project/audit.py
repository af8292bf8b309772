"""Audit of a zoning: whether its areas cover their land once, and once only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from civigrid.errors import SourceError, first_few
from civigrid.grid.base import Grid
from civigrid.project.geometry import cut_at_antimeridian, mend, outside_units, run_on_longitudes
from civigrid.project.zoning import AuditOptions, Zoning, apart, gaps, open_gaps, overlaps, rows_of, thin_parts
from civigrid.types import Floats

FAULTS = ("no geometry", "repeated id", "invalid", "duplicate", "overlap", "gap", "sliver")
"""Kinds that are faults: people would be counted twice, or not at all, or somewhere else."""
NOTES = ("thin part", "apart", "outside grid")
"""Kinds that may be right, and that a reader should know."""
COLUMNS = ("kind", "unit", "other", "area_m2", "percent", "width_m", "longitude", "latitude", "note")


@dataclass(frozen=True, eq=False)
class Audit:
    """What was found.

    Parameters
    ----------
    table : pandas.DataFrame, one row per finding
        `kind` (one of `FAULTS` or `NOTES`), `unit`, `other`, `area_m2`, `percent` (of the unit, of the smaller of two,
        or of the change by repair), `width_m` (mean width: twice the area by the perimeter), a point in degrees, a
        note.  Largest first within a kind.
    shapes : geopandas.GeoSeries
        The shape of each finding, aligned with `table`, in the zoning's CRS.
    summary : dict
        Units, area, area of the union, what is covered more than once, gaps, `coverage` (area of all units by the
        area they enclose: above 1 overlaps win, below 1 gaps do), and how many of each kind.
    """

    table: pd.DataFrame
    shapes: gpd.GeoSeries
    summary: dict[str, Any] = field(default_factory=dict)

    @property
    def faults(self) -> int:
        """How many rows are faults."""
        return int(self.table["kind"].isin(FAULTS).sum())


def audit_zoning(geometry: gpd.GeoSeries, options: AuditOptions | None = None, *, grid: Grid | None = None) -> Audit:
    """Look for overlaps, gaps, slivers and the rest in areas that should cover their land once.

    Parameters
    ----------
    geometry : geopandas.GeoSeries
        Polygons as they were read, with a CRS; the index holds the unit ids.
    options : AuditOptions, optional
        What counts as a fault.
    grid : Grid, optional
        Units that leave this grid are named too.

    Returns
    -------
    Audit
        The findings.

    Raises
    ------
    SourceError
        No CRS, no area at all, or units that are no polygons.

    Notes
    -----
    Lines are compared where they were drawn, in the CRS of the file: reprojection would bend two drawings of one line
    apart.  Areas are measured in an equal-area plane.  Neighbours whose corners all agree need no cutting
    (GEOS's coverage validation); only the others are intersected.

    Examples
    --------
    >>> shapes = [shapely.box(0, 0, 100, 100), shapely.box(80, 0, 200, 100)]
    >>> found = audit_zoning(gpd.GeoSeries(shapes, ["a", "b"], crs="EPSG:3035"))
    >>> found.table[["kind", "unit", "other", "area_m2"]].to_numpy().tolist()
    [['overlap', 'a', 'b', 2000.0]]
    """
    options = options or AuditOptions()
    if geometry.crs is None:
        raise SourceError("geometry has no CRS. Set it with .set_crs() to what its coordinates are.")
    nowhere = (geometry.isna() | geometry.is_empty).to_numpy()
    if nowhere.all():
        raise SourceError("no unit has a geometry: there is nothing to audit. Is it the right layer?")
    if (stray := ~nowhere & ~geometry.geom_type.isin(["Polygon", "MultiPolygon"]).to_numpy()).any():
        raise SourceError(
            f"{int(stray.sum())} units are no polygons (first: {first_few(geometry.index[stray])}). Only areas can be "
            "audited."
        )
    ids, known = geometry.index.astype(str), geometry[~nowhere]
    rows = [rows_of("no geometry", ids[nowhere], geometry.to_numpy()[nowhere])]
    rows.append(rows_of("repeated id", ids[ids.duplicated()], geometry.to_numpy()[ids.duplicated()]))
    turned = run_on_longitudes(known)[0] if known.crs.is_geographic else known
    whole, repairs = mend(turned)
    rows.append(_invalid(turned, repairs))
    whole = cut_at_antimeridian(whole)[0] if known.crs.is_geographic else whole
    whole = whole[~whole.is_empty.to_numpy()]
    zoning = Zoning.of(whole)
    rows.append(overlaps(zoning, options))
    rows += [gaps(zoning, options), open_gaps(zoning, options)]
    rows += [thin_parts(zoning, options), apart(zoning)]
    if grid is not None:
        rows.append(_outside(whole, grid))
    table, shapes = _sorted(rows, geometry.crs)
    return Audit(table, shapes, _summary(zoning, table))


def _sorted(rows: list[pd.DataFrame], crs: Any) -> tuple[pd.DataFrame, gpd.GeoSeries]:
    """Kinds in the order of `FAULTS` and `NOTES`, the largest area first, each with a point in degrees."""
    found = pd.concat([r for r in rows if len(r)] or rows[:1], ignore_index=True)
    rank = found["kind"].map({kind: i for i, kind in enumerate((*FAULTS, *NOTES))}).to_numpy(dtype=np.float64)
    found = found.iloc[np.lexsort((-found["area_m2"].abs().fillna(0.0).to_numpy(), rank))].reset_index(drop=True)
    shapes = gpd.GeoSeries(found["shape"].to_numpy(), crs=crs)
    known = (~shapes.isna() & ~shapes.is_empty).to_numpy()
    places: Floats = np.full((len(found), 2), np.nan)
    points = gpd.GeoSeries(shapely.point_on_surface(shapes.to_numpy()[known]), crs=crs).to_crs("EPSG:4326")
    places[known] = shapely.get_coordinates(points.to_numpy())
    table = found.assign(longitude=places[:, 0].round(6), latitude=places[:, 1].round(6))
    return table[list(COLUMNS)], shapes


def _invalid(turned: gpd.GeoSeries, repairs: pd.DataFrame) -> pd.DataFrame:
    wrong = turned[~turned.is_valid.to_numpy()]
    mended = mend(wrong)[0].to_numpy()
    return rows_of(
        "invalid",
        wrong.index.astype(str),
        mended,
        area_m2=repairs["change_m2"],
        percent=repairs["change_percent"],
        note=[f"{why}: repair changes its area" for why in repairs["why"]],
    )


def _outside(whole: gpd.GeoSeries, grid: Grid) -> pd.DataFrame:
    """Areas that leave a grid, or the area its CRS is meant for."""
    found = outside_units(whole, grid)
    rows = whole.index.isin(found.index)
    beyond = [f", {km2:,.1f} km2 beyond the use of {grid.crs}" if km2 > 0 else "" for km2 in found["outside_use_km2"]]
    return rows_of(
        "outside grid",
        whole.index[rows].astype(str),
        whole.to_numpy()[rows],
        area_m2=found["outside_grid_km2"].to_numpy() * 1e6,
        percent=100 * found["share_outside"].to_numpy(),
        note=[f"outside {grid.id}{more}" for more in beyond],
    )


def _summary(zoning: Zoning, table: pd.DataFrame) -> dict[str, Any]:
    total, together = float(zoning.area_m2.sum()), float(zoning.measure(zoning.union)[0].sum())
    enclosed = table["note"].str.endswith("(enclosed)")
    empty = float(table.loc[enclosed, "area_m2"].sum())
    return {
        "units": len(zoning.shapes),
        "area_km2": total / 1e6,
        "union_km2": together / 1e6,
        "covered_twice_km2": max(total - together, 0.0) / 1e6,
        "gaps_km2": empty / 1e6,
        "coverage": total / (together + empty),
        "found": {k: int(n) for k in (*FAULTS, *NOTES) if (n := (table["kind"] == k).sum())},
    }
