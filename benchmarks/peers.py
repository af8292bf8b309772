"""How other libraries find which share of which cell a polygon covers; preparing their input is not timed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from benchmarks.tilings import cells_around, polygons


class Answer:
    """Time the work alone: the answer is put into comparable form when it travels to the parent."""

    def __init__(self, work: Callable[[], Any], form: Callable[[Any], Any]) -> None:
        self.work, self.form = work, form

    def __call__(self) -> Any:
        """Work."""
        return _Lazy(self.work(), self.form)


class _Lazy:
    def __init__(self, answer: Any, form: Callable[[Any], Any]) -> None:
        self.answer, self.form = answer, form

    def __reduce__(self) -> Any:
        return _same, (self.form(self.answer),)


def _same(answer: Any) -> Any:
    return answer


def exactextract_pairs(n: int, side_km: float, cell: int, corners: int = 0) -> Callable[[], Any]:
    """Pairs by exactextract: ``cell_id`` and ``coverage`` of a raster of ones."""
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource

    shapes = polygons(n, side_km, corners)
    west, south, east, north = cells_around(shapes, cell)
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

    return Answer(lambda: exact_extract(raster, frame, ["cell_id", "coverage"], output="pandas"), form)


def _frames(n: int, side_km: float, cell: int) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, Any, Any]:
    shapes = polygons(n, side_km)
    west, south, east, north = cells_around(shapes, cell)
    col, line = (v.ravel() for v in np.meshgrid(np.arange(west, east), np.arange(south, north)))
    boxes = shapely.box(col * cell, line * cell, (col + 1) * cell, (line + 1) * cell)
    source = gpd.GeoDataFrame({"k": np.arange(len(shapes))}, geometry=shapes)
    return source, gpd.GeoDataFrame({"j": np.arange(len(col))}, geometry=boxes, crs=shapes.crs), line, col


def tobler_pairs(n: int, side_km: float, cell: int) -> Callable[[], Any]:
    """Pairs by tobler's table of areas."""
    from tobler.area_weighted.area_interpolate import _area_tables_binning

    source, target, line, col = _frames(n, side_km, cell)

    def form(table: Any) -> dict[tuple[int, int, int], float]:
        found = table.tocoo()
        keys = zip(found.row.tolist(), line[found.col].tolist(), col[found.col].tolist(), strict=True)
        return dict(zip(keys, (found.data / cell**2).tolist(), strict=True))

    return Answer(lambda: _area_tables_binning(source, target, "auto"), form)


def overlay_pairs(n: int, side_km: float, cell: int) -> Callable[[], Any]:
    """Pairs by ``geopandas.overlay``."""
    source, target, line, col = _frames(n, side_km, cell)

    def form(found: Any) -> dict[tuple[int, int, int], float]:
        j = found["j"].to_numpy()
        keys = zip(found["k"].tolist(), line[j].tolist(), col[j].tolist(), strict=True)
        return dict(zip(keys, (found.area / cell**2).tolist(), strict=True))

    return Answer(lambda: gpd.overlay(source, target, how="intersection"), form)
