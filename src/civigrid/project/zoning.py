"""What can be wrong with areas that should cover their land once: found where they were drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from civigrid.errors import SchemaError
from civigrid.kernels.antimeridian import Shapes
from civigrid.project.geometry import equal_area_plane, metres_per_unit, to_plane
from civigrid.types import Bools, Floats


@dataclass(frozen=True, kw_only=True)
class AuditOptions:
    """What counts as a fault.

    Parameters
    ----------
    tolerance_m2 : float
        Overlaps and gaps up to this area are rounding.
    sliver_width_m : float
        Overlaps and gaps thinner than this are slivers: two drawings of one line, not land claimed twice.
    gap_width_m : float
        Gaps that are open at an end, like a channel, are found up to this width; enclosed ones at any width.
    """

    tolerance_m2: float = 1.0
    sliver_width_m: float = 10.0
    gap_width_m: float = 1.0

    def __post_init__(self) -> None:
        for name in ("tolerance_m2", "sliver_width_m", "gap_width_m"):
            if not 0 <= getattr(self, name) < np.inf:
                raise SchemaError(f"{name} = {getattr(self, name):g}: give a number of at least 0.")


@dataclass(frozen=True, eq=False)
class Zoning:
    """Valid areas where they were drawn, with what is measured of them once.

    Parameters
    ----------
    shapes : ndarray of object, shape (unit,)
        Valid, non-empty polygons.
    ids : pandas.Index
        Their ids.
    crs : CRS
        Where they were drawn.
    plane : str
        Equal-area CRS in which areas are taken.
    area_m2 : ndarray of float64, shape (unit,)
        Their areas.
    mismatched : ndarray of bool, shape (unit,)
        Which have a corner or an edge that their neighbours have not: of two that overlap, at least one is.
    """

    shapes: Shapes
    ids: pd.Index
    crs: CRS
    plane: str
    area_m2: Floats
    mismatched: Bools

    @classmethod
    def of(cls, whole: gpd.GeoSeries) -> Zoning:
        """Measure valid areas."""
        shapes, plane = whole.to_numpy(), equal_area_plane(whole)
        mismatched = ~np.asarray(shapely.is_empty(shapely.coverage_invalid_edges(shapes)))
        area = to_plane(whole, plane).area.to_numpy()
        return cls(shapes, whole.index.astype(str), whole.crs, plane, area, mismatched)

    @cached_property
    def tree(self) -> shapely.STRtree:
        """Spatial index of the areas."""
        return shapely.STRtree(self.shapes)

    @cached_property
    def union(self) -> Shapes:
        """Connected pieces of the land that the areas cover together, shape (piece,)."""
        join = shapely.union_all if self.mismatched.any() else shapely.coverage_union_all
        return np.asarray(shapely.get_parts(join(self.shapes)))

    @cached_property
    def holes(self) -> Shapes:
        """Holes of the land, whatever lies in them, shape (hole,)."""
        rings = shapely.get_rings(self.union, return_index=True)
        first = np.concatenate([[True], np.diff(rings[1]) > 0]) if len(rings[1]) else np.zeros(0, dtype=bool)
        return np.asarray(shapely.polygons(rings[0][~first]), dtype=object)

    def measure(self, shapes: Shapes) -> tuple[Floats, Floats]:
        """Area, m2, and mean width, m, of shapes."""
        flat = to_plane(gpd.GeoSeries(shapes, crs=self.crs), self.plane).to_numpy()
        area, around = np.asarray(shapely.area(flat)), np.asarray(shapely.length(flat))
        with np.errstate(divide="ignore", invalid="ignore"):
            return area, np.where(around > 0, 2 * area / around, 0.0)


def rows_of(kind: Any, unit: Any, shape: Any, **more: Any) -> pd.DataFrame:
    """Findings as rows: what is not said is empty."""
    table = pd.DataFrame({"unit": list(unit), "shape": pd.Series(list(shape), dtype=object)})
    table["kind"] = kind
    for name in ("area_m2", "percent", "width_m"):
        table[name] = np.asarray(more.get(name, np.nan), dtype=np.float64)
    for name in ("other", "note"):
        table[name] = more.get(name, "")
    return table


def overlaps(zoning: Zoning, options: AuditOptions) -> pd.DataFrame:
    """Pairs of areas that share land; equal ones are duplicates."""
    odd = np.flatnonzero(zoning.mismatched)
    # an area inside another is mismatched while the other is not: one of a pair is enough
    i, j = zoning.tree.query(zoning.shapes[odd], predicate="intersects")
    pairs = np.unique(np.sort(np.stack([odd[i], j], axis=1), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    shared = _polygons(shapely.intersection(zoning.shapes[pairs[:, 0]], zoning.shapes[pairs[:, 1]]))
    area, width = zoning.measure(shared)
    kept = np.flatnonzero(area > options.tolerance_m2)
    pairs, shared, area, width = pairs[kept], shared[kept], area[kept], width[kept]
    both = zoning.area_m2[pairs]
    same = area > both.max(axis=1, initial=0.0) * (1 - 1e-9)
    thin = ~same & (width < options.sliver_width_m)
    return rows_of(
        np.where(same, "duplicate", np.where(thin, "sliver", "overlap")),
        zoning.ids[pairs[:, 0]],
        shared,
        other=zoning.ids[pairs[:, 1]].tolist(),
        area_m2=area,
        percent=100 * area / np.minimum(both[:, 0], both[:, 1]),
        width_m=width,
        note=np.where(thin, "two drawings of one line overlap", ""),
    )


def _polygons(shapes: Shapes) -> Shapes:
    """The polygons of shapes that may hold stray lines and points."""
    mixed = np.flatnonzero(shapely.get_type_id(shapes) == shapely.GeometryType.GEOMETRYCOLLECTION)
    shapes = shapes.copy()
    for k in mixed:
        parts = shapely.get_parts(shapes[k])
        shapes[k] = shapely.multipolygons(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON])
    return shapes


def gaps(zoning: Zoning, options: AuditOptions) -> pd.DataFrame:
    """Land that areas enclose and none covers; an area that lies in such a hole is taken out of it."""
    holes = zoning.holes.copy()
    hole, part = shapely.STRtree(zoning.union).query(holes, predicate="contains")
    for k in np.unique(hole):
        holes[k] = shapely.difference(holes[k], shapely.multipolygons(zoning.union[part[hole == k]]))
    return _gap_rows(zoning, _polygons(holes), options, "enclosed")


def _gap_rows(zoning: Zoning, gaps: Shapes, options: AuditOptions, word: str) -> pd.DataFrame:
    area, width = zoning.measure(gaps)
    kept = np.flatnonzero(area > options.tolerance_m2)
    gaps, area, width = gaps[kept], area[kept], width[kept]
    near, unit = zoning.tree.query(gaps, predicate="intersects")
    beside = [zoning.ids[unit[near == k]].tolist() for k in range(len(gaps))]
    thin = width < options.sliver_width_m
    return rows_of(
        np.where(thin, "sliver", "gap"),
        [names[0] if names else "" for names in beside],
        gaps,
        other=[", ".join(names[1:5]) + (", ..." if len(names) > 5 else "") for names in beside],
        area_m2=area,
        width_m=width,
        note=np.where(thin, f"two drawings of one line leave a gap ({word})", f"no area covers it ({word})"),
    )


def open_gaps(zoning: Zoning, options: AuditOptions) -> pd.DataFrame:
    """Narrow gaps that are open at an end: what closing the land by their width would fill."""
    width = options.gap_width_m / metres_per_unit(zoning.crs)
    if width <= 0:
        return rows_of("gap", [], [])
    edges = shapely.coverage_invalid_edges(zoning.shapes, gap_width=width)
    odd = np.flatnonzero(~np.asarray(shapely.is_empty(edges)))
    if not len(odd):
        return rows_of("gap", [], [])
    # gaps are looked for near the edges in question only: land further off is cut away
    near = shapely.buffer(shapely.union_all(edges[odd]), 3 * width, join_style="mitre")
    land = shapely.intersection(shapely.union_all(zoning.shapes[odd]), near)
    shut = shapely.buffer(shapely.buffer(land, width / 2, join_style="mitre"), -width / 2, join_style="mitre")
    found = shapely.get_parts(shapely.difference(shut, shapely.multipolygons(zoning.union)))
    found = found[shapely.get_type_id(found) == shapely.GeometryType.POLYGON]
    inside, _ = shapely.STRtree(zoning.holes).query(shapely.point_on_surface(found), predicate="intersects")
    found = np.delete(found, inside)  # those are told as enclosed
    gap, _ = zoning.tree.query(found, predicate="dwithin", distance=width * 1e-3)
    between = np.bincount(gap, minlength=len(found)) > 1
    return _gap_rows(zoning, found[between], options, "open at an end")


def thin_parts(zoning: Zoning, options: AuditOptions) -> pd.DataFrame:
    """Parts of an area that are as thin as a sliver: often the rest of a clip."""
    parts, unit = shapely.get_parts(zoning.shapes, return_index=True)
    # a first look in the units of the file spares most parts from being measured
    with np.errstate(divide="ignore", invalid="ignore"):
        rough = 2 * shapely.area(parts) / shapely.length(parts) * metres_per_unit(zoning.crs)
    maybe = np.flatnonzero(rough < 2 * options.sliver_width_m)
    area, width = zoning.measure(parts[maybe])
    thin = width < options.sliver_width_m
    rows = maybe[thin]
    return rows_of(
        "thin part",
        zoning.ids[unit[rows]],
        parts[rows],
        area_m2=area[thin],
        percent=100 * area[thin] / zoning.area_m2[unit[rows]],
        width_m=width[thin],
        note="part of an area, thin as a sliver",
    )


def apart(zoning: Zoning) -> pd.DataFrame:
    """Areas that lie wholly beyond the convex hull of all others: overseas, or in the wrong place."""
    hulls = shapely.convex_hull(zoning.shapes)
    xy, unit = shapely.get_coordinates(hulls, return_index=True)
    # a line through all corners has their hull, and is made far quicker than as many points
    outline = shapely.get_coordinates(shapely.convex_hull(shapely.linestrings(xy)))
    corner = (xy[:, None] == outline[None]).all(axis=2).any(axis=1)
    rows, metres = [], []
    for k in np.unique(unit[corner]) if len(zoning.shapes) > 2 else []:
        rest = shapely.convex_hull(shapely.linestrings(xy[unit != k]))
        if shapely.disjoint(zoning.shapes[k], rest):
            rows.append(int(k))
            metres.append(_metres_between(zoning, zoning.shapes[k], rest))
    return rows_of(
        "apart",
        zoning.ids[rows],
        zoning.shapes[rows],
        area_m2=zoning.area_m2[rows],
        note=[f"{m / 1000:,.1f} km beyond the hull of all others" for m in metres],
    )


def _metres_between(zoning: Zoning, a: Any, b: Any) -> float:
    flat = to_plane(gpd.GeoSeries([a, b], crs=zoning.crs), zoning.plane).to_numpy()
    return float(shapely.distance(flat[0], flat[1]))
