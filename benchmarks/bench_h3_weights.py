"""Polygons to H3 resolution 8 by exact area, beside tobler's h3fy and area_interpolate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import geopandas as gpd
import numpy as np

from benchmarks.measure import growth, installed, measure, row
from benchmarks.peers import Answer
from benchmarks.tilings import polygons


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Sizes by number of polygons; the people of every hexagon are compared."""
    points = []
    for n, side_km in ((50, 40.0),) if smallest else ((500, 223.0), (1_000, 316.0), (10_000, 1_000.0)):
        seconds, peak, ours = measure(_civigrid, n, side_km)
        points.append((n, seconds))
        size = f"{n:,} polygons, {len(ours):,} hexagons"
        if installed("tobler") is None or n > 1_000:
            why = "peer absent" if installed("tobler") is None else "takes longer than a minute: not run"
            yield row("h3_weights", size, (seconds, peak), "tobler", None, why)
            continue
        other, _, theirs = measure(_tobler, n, side_km, repeats=1)
        apart = max(abs(theirs.get(k, 0.0) - v) for k, v in ours.items())
        text = f"people of a hexagon apart by at most {apart:.1e} of {max(ours.values()):.0f}"
        yield row("h3_weights", size, (seconds, peak), "tobler", other, text)
    if len(points) > 1:
        yield row("h3_weights", growth(points), (points[-1][1], 0.0))


def _source(n: int, side_km: float) -> gpd.GeoDataFrame:
    shapes = polygons(n, side_km)
    people = np.random.default_rng(3).integers(100, 5_000, len(shapes)).astype(float)
    return gpd.GeoDataFrame({"people": people}, geometry=shapes)


def _civigrid(n: int, side_km: float) -> Callable[[], Any]:
    from civigrid.grid import H3Grid
    from civigrid.project import polygon_crosswalk

    source = _source(n, side_km)
    polygon_crosswalk(source.geometry[:2], H3Grid(8))

    def work() -> Any:
        crosswalk = polygon_crosswalk(source.geometry, H3Grid(8))
        return crosswalk.cell_id, crosswalk.apply_extensive(source["people"].to_numpy())

    return Answer(work, lambda found: dict(zip(found[0].tolist(), found[1].tolist(), strict=True)))


def _tobler(n: int, side_km: float) -> Callable[[], Any]:
    import warnings

    from tobler.area_weighted import area_interpolate
    from tobler.util import h3fy

    warnings.simplefilter("ignore")  # its projection by a PROJ string
    source = _source(n, side_km)

    def work() -> Any:
        cells = h3fy(source, resolution=8, buffer=True)
        return area_interpolate(source, cells, extensive_variables=["people"]), cells.index

    def form(found: Any) -> Any:
        ids = [int(code, 16) for code in found[1]]
        return dict(zip(ids, found[0]["people"].tolist(), strict=True))

    return Answer(work, form)
