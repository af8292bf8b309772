"""Polygons to 1 km and 100 m cells: the crosswalk, beside exactextract and tobler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from benchmarks.measure import installed, measure, row


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Sizes by number of polygons; every share is compared."""
    for n, side_km, cell in ((100, 50, 1000),) if smallest else ((500, 220, 1000), (2000, 450, 1000), (500, 60, 100)):
        seconds, peak, ours = measure(_civigrid, n, side_km, cell)
        size = f"{n} polygons, {len(ours):,} pairs, {cell} m"
        for peer, make in (("exactextract", _exactextract), ("tobler", _tobler)):
            if installed(peer) is None:
                yield row("weights", size, (seconds, peak), peer, None, "peer absent")
                continue
            other, _, theirs = measure(make, n, side_km, cell, repeats=1)
            apart = max(abs(theirs.get(k, 0.0) - ours.get(k, 0.0)) for k in ours.keys() | theirs.keys())
            yield row("weights", size, (seconds, peak), peer, other, f"largest difference of a share {apart:.1e}")


def polygons(n: int, side_km: float) -> gpd.GeoSeries:
    """A Voronoi tiling with wrinkled borders that neighbours share."""
    rng = np.random.default_rng(1)
    side = side_km * 1000
    points = rng.uniform(0, side, (n, 2)) + np.array([4_100_137.0, 2_800_211.0])
    box = shapely.box(4_100_137.0, 2_800_211.0, 4_100_137.0 + side, 2_800_211.0 + side)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.MultiPoint(points), extend_to=box))
    fine = shapely.segmentize(shapely.intersection(cells, box), side / np.sqrt(n) / 20)

    def wrinkle(xy: Any) -> Any:
        scale = side / np.sqrt(n) / 12
        return xy + scale * np.stack([np.sin(xy[:, 1] / scale / 2.1), np.cos(xy[:, 0] / scale / 1.7)], axis=1)

    shapes = shapely.transform(fine, wrinkle)
    return gpd.GeoSeries(shapes[shapely.is_valid(shapes)], crs="EPSG:3035").reset_index(drop=True)


def _grid(shapes: gpd.GeoSeries, cell: int) -> tuple[int, int, int, int]:
    west, south, east, north = shapes.total_bounds
    low, high = np.floor([west, south]) // cell, np.ceil(np.array([east, north]) / cell)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _civigrid(n: int, side_km: float, cell: int) -> Callable[[], dict[tuple[int, int, int], float]]:
    from civigrid.grid import SquareGrid
    from civigrid.project import polygon_crosswalk

    shapes, grid = polygons(n, side_km), SquareGrid(cell_size_m=cell)
    polygon_crosswalk(shapes[:2], grid)
    return _Answer(lambda: polygon_crosswalk(shapes, grid), lambda c: _pairs(c, grid))


def _pairs(crosswalk: Any, grid: Any) -> dict[tuple[int, int, int], float]:
    found = crosswalk.measure.tocoo()
    row_, col = grid.row_col(crosswalk.cell_id[found.col])
    share = found.data / grid.cell_size_m**2
    return dict(zip(zip(found.row.tolist(), row_.tolist(), col.tolist(), strict=True), share.tolist(), strict=True))


class _Answer:
    """Time the work alone: the answer is put into comparable form when it travels to the parent."""

    def __init__(self, work: Callable[[], Any], form: Callable[[Any], Any]) -> None:
        self.work, self.form = work, form

    def __call__(self) -> Any:
        return _Lazy(self.work(), self.form)


class _Lazy:
    def __init__(self, answer: Any, form: Callable[[Any], Any]) -> None:
        self.answer, self.form = answer, form

    def __reduce__(self) -> Any:
        return dict, (self.form(self.answer),)


def _exactextract(n: int, side_km: float, cell: int) -> Callable[[], Any]:
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource

    shapes = polygons(n, side_km)
    west, south, east, north = _grid(shapes, cell)
    raster = NumPyRasterSource(
        np.ones((north - south, east - west)), xmin=west * cell, ymin=south * cell, xmax=east * cell, ymax=north * cell,
        srs_wkt=shapes.crs.to_wkt(),
    )  # fmt: skip
    frame = gpd.GeoDataFrame({"k": np.arange(len(shapes))}, geometry=shapes)

    def form(found: Any) -> dict[tuple[int, int, int], float]:
        pairs = {}
        for k, (ids, shares) in enumerate(zip(found["cell_id"], found["coverage"], strict=True)):
            line, col = np.divmod(np.asarray(ids, dtype=np.int64), east - west)
            for r, c, s in zip(line, col, shares, strict=True):
                pairs[k, north - 1 - int(r), west + int(c)] = float(s)
        return pairs

    return _Answer(lambda: exact_extract(raster, frame, ["cell_id", "coverage"], output="pandas"), form)


def _tobler(n: int, side_km: float, cell: int) -> Callable[[], Any]:
    from tobler.area_weighted.area_interpolate import _area_tables_binning

    shapes = polygons(n, side_km)
    west, south, east, north = _grid(shapes, cell)
    col, line = (v.ravel() for v in np.meshgrid(np.arange(west, east), np.arange(south, north)))
    boxes = shapely.box(col * cell, line * cell, (col + 1) * cell, (line + 1) * cell)
    source = gpd.GeoDataFrame({"k": np.arange(len(shapes))}, geometry=shapes)
    target = gpd.GeoDataFrame({"k": np.arange(len(col))}, geometry=boxes, crs=shapes.crs)

    def form(table: Any) -> dict[tuple[int, int, int], float]:
        found = table.tocoo()
        keys = zip(found.row.tolist(), line[found.col].tolist(), col[found.col].tolist(), strict=True)
        return dict(zip(keys, (found.data / cell**2).tolist(), strict=True))

    return _Answer(lambda: _area_tables_binning(source, target, "auto"), form)
