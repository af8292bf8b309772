"""Travel times over cells without a network: nearest of 50 sites on 4 M cells, beside scikit-image's MCP_Geometric."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.measure import growth, installed, measure, row
from benchmarks.peers import Answer

SITES = 50
SIZE_M = 100.0


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """8 and 16 neighbours, tables of cells with and without blocks, one search by site, H3; growth by size."""
    points = []
    for side in (200,) if smallest else (500, 1_000, 2_000):
        repeats = 1 if smallest else 3
        ours = measure(_nearest, side, 8, repeats=repeats)
        points.append((side * side, ours[0]))
        size = f"{side * side:,} cells, nearest of {SITES} sites"
        if installed("scikit-image") is None:
            yield row("friction", size, ours[:2], "scikit-image", None, "peer absent")
        else:
            theirs = measure(_peer, side, repeats=1)
            apart = float(np.abs(ours[2] - theirs[2]).max())
            told = f"{len(ours[2]):,} cells looked at: at most {apart:.3f} s of {theirs[2].max():,.0f} s apart"
            yield row("friction", size, ours[:2], "scikit-image", theirs[0], f"{told}; its peak {theirs[1]:.0f} MB")
    if len(points) > 1:
        yield row("friction", growth(points), (points[-1][1], 0.0))
    wide = measure(_nearest, side, 16, repeats=1)
    yield row("friction", f"{side * side:,} cells, 16 neighbours", wide[:2])
    slopes = measure(_nearest, side, 8, True, repeats=1)
    yield row("friction", f"{side * side:,} cells, slopes by Tobler", slopes[:2])
    for blocks in (0, 512):
        seconds, peak, reached = measure(_table, side, blocks, repeats=1)
        how = f"blocks of {blocks}" if blocks else "one pass"
        yield row("friction", f"table of {side * side:,} cells, 30 min, {how}", (seconds, peak), checked=reached)
    seconds, peak, pairs = measure(_each, side, 20 if smallest else 200, repeats=1)
    yield row("friction", f"{side * side:,} cells, 30 min, each of the sites", (seconds, peak), checked=pairs)
    seconds, peak, cells = measure(_hexagons, 7 if smallest else 9, repeats=1)
    yield row("friction", f"H3, {cells}", (seconds, peak))


def field(side: int) -> tuple[Any, Any, Any]:
    """Speeds of 1 to 5 km/h in patches, roads of 80 km/h, lakes nobody enters, and sites on the roads."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(3)
    patch = gaussian_filter(rng.normal(size=(side, side)), 8)
    kmh = 3.0 + 2.0 * np.tanh(patch / patch.std())
    kmh[gaussian_filter(rng.normal(size=(side, side)), 12) * 12 > 0.5] = 0.0
    kmh[:: side // 20] = 80.0
    kmh[:, :: side // 20] = 80.0
    at = rng.integers(0, 20, (SITES, 2)) * (side // 20)
    at[:, 1] += rng.integers(0, side // 20, SITES)
    return kmh, at[:, 0], at[:, 1]


def _sampled(side: int) -> Any:
    return np.random.default_rng(0).integers(0, side, (2, min(20_000, side * side)))


def _nearest(side: int, neighbours: int, slopes: bool = False) -> Callable[[], Any]:
    from civigrid.kernels.friction import ground_of, place_of
    from civigrid.kernels.friction_search import SHUT, nearest_of

    def run(side: int) -> Any:
        kmh, line, col = field(side)
        pace = 3.6 / np.where(kmh > 0, kmh, np.nan)
        pace[np.isnan(pace)] = np.inf
        height = 50 * np.sin(np.indices((side, side)).sum(axis=0) / 15) if slopes else None

        def work() -> Any:
            ground = ground_of(pace, SIZE_M, neighbours=neighbours, height=height)
            return nearest_of(ground, place_of(line, col, side), corners=True)[0]

        return work

    run(60)()
    looked = _sampled(side)

    def form(ms: Any) -> Any:
        found = ms[place_of(*looked, side)]
        return np.where(found == SHUT, -1.0, found / 1000)

    return Answer(run(side), form)


def _peer(side: int) -> Callable[[], Any]:
    from skimage.graph import MCP_Geometric

    kmh, line, col = field(side)
    pace = np.where(kmh > 0, 3.6 / np.where(kmh > 0, kmh, 1.0), -1.0)
    looked = _sampled(side)

    def work() -> Any:
        return MCP_Geometric(pace, fully_connected=True).find_costs(list(zip(line, col, strict=True)))[0] * SIZE_M

    return Answer(work, lambda seconds: np.where(np.isfinite(seconds), seconds, -1.0)[tuple(looked)])


def _surface(side: int) -> tuple[Any, Any]:
    import geopandas as gpd
    import shapely

    from civigrid.grid import SquareGrid
    from civigrid.travel.friction import FrictionSurface

    grid = SquareGrid(cell_size_m=100)
    kmh, line, col = field(side)
    ids = grid.from_row_col(*(v.ravel() + w for v, w in zip(np.indices((side, side)), (30_000, 40_000), strict=True)))
    order = np.argsort(ids)
    places = grid.centre(grid.from_row_col(line + 30_000, col + 40_000))
    sites = gpd.GeoSeries(shapely.points(places), [f"site {i}" for i in range(len(line))], crs=grid.crs)
    return FrictionSurface(grid=grid, cell_id=ids[order], speed_kmh=kmh.ravel()[order]), sites


def _table(side: int, blocks: int) -> Callable[[], Any]:
    from civigrid.travel.friction import FrictionOptions, nearest_site

    options = FrictionOptions(limit_min=30)

    def run(side: int) -> Any:
        surface, sites = _surface(side)
        return lambda: nearest_site(surface, sites, options=options, cells_per_side=blocks)[0]

    run(60)()
    return Answer(run(side), lambda found: f"{int((found.seconds >= 0).sum()):,} cells reach one")


def _each(side: int, n: int) -> Callable[[], Any]:
    import geopandas as gpd
    import pandas as pd

    from civigrid.travel.friction import FrictionOptions, friction_times

    options = FrictionOptions(limit_min=30)
    few, some = _surface(60)
    friction_times(few, some, options=options)
    surface, sites = _surface(side)
    many = gpd.GeoSeries(pd.concat([sites] * -(-n // SITES)).iloc[:n].to_list(), crs=sites.crs)
    return Answer(
        lambda: friction_times(surface, many, options=options)[0],
        lambda times: f"{n} sites, {len(times.seconds):,} pairs",
    )


def _hexagons(resolution: int) -> Callable[[], Any]:
    import geopandas as gpd
    import shapely

    from civigrid.grid import H3Grid
    from civigrid.travel.friction import FrictionOptions, FrictionSurface, nearest_site

    grid = H3Grid(resolution)
    lon, lat = np.meshgrid(np.linspace(8.0, 9.0, 1200), np.linspace(49.0, 50.0, 1600))
    ids = np.unique(grid.cell_at(np.stack([lon.ravel(), lat.ravel()], axis=1)))
    rng = np.random.default_rng(1)
    surface = FrictionSurface(grid=grid, cell_id=ids, speed_kmh=rng.uniform(2.0, 40.0, len(ids)))
    sites = gpd.GeoSeries(shapely.points(grid.centre(rng.choice(ids, SITES))), [str(i) for i in range(SITES)], crs=4326)
    options = FrictionOptions(limit_min=None)
    nearest_site(FrictionSurface(grid=grid, cell_id=ids[:9], speed_kmh=np.ones(9)), sites, options=options)
    return Answer(
        lambda: nearest_site(surface, sites, options=options)[0], lambda found: f"{len(found.cell_id):,} cells"
    )
