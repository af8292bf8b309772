"""Bundles of eight services: separate, one stop, mix, chains of three with and without hours, beside one pass."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.measure import against, growth, measure, row
from benchmarks.peers import Answer

KINDS = tuple(f"kind{k}" for k in range(8))
WAYS = ("separate, one stop, mix", "chains of 3, any time", "chains of 3, opening hours", "share of the week")


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Nobody else does this; the floor is one pass over the same pairs.  Chains of a few cells by trying every tour."""
    cells, sites = (2_000, 40) if smallest else (100_000, 200)
    whole, floor = 0.0, 0.0
    for way in WAYS:
        seconds, peak, (floor, told) = measure(_way, cells, sites, way, repeats=1 if smallest else 3)
        whole += seconds
        size = f"{way}: 8 services, {cells:,} cells x {sites} sites"
        yield against("bundles", size, (seconds, peak), "one pass over the pairs", floor, told)
    yield against("bundles", "all four together, 60 s at most", (whole, 0.0), "one pass over the pairs", floor)
    sizes = (500, 2_000) if smallest else (12_500, 50_000)
    points = [(size, measure(_way, size, sites, WAYS[2], repeats=1 if smallest else 3)[0]) for size in sizes]
    yield row("bundles", f"{WAYS[2]}: {growth(points)}", (points[-1][1], 0.0))


def city(cells: int, sites: int) -> Any:
    """Give times, times between, services and a bundle: all sites within reach, each with a quarter of the kinds."""
    from dataclasses import replace

    from civigrid.layers.onestop import Bundle
    from civigrid.layers.onestop.services import services_at
    from civigrid.travel_times import TravelTimes

    rng = np.random.default_rng(11)
    home, at = rng.random((cells, 2)) * 3000, rng.random((sites, 2)) * 3000
    names = np.array([f"s{k}" for k in range(sites)])

    def times(origin: Any) -> TravelTimes:
        seconds = np.ceil(np.hypot(origin[:, :1] - at[:, 0], origin[:, 1:] - at[:, 1])).astype(np.int32)
        n = len(origin)
        return TravelTimes(
            cell_id=np.arange(n, dtype=np.uint64),
            site_id=names,
            indptr=np.arange(n + 1, dtype=np.int64) * sites,
            site=np.tile(np.arange(sites, dtype=np.int32), n),
            seconds=seconds.ravel(),
            limit_s=5400,
            mode="walk",
        )

    site, kind = np.nonzero(rng.random((sites, 8)) < 0.25)
    services = services_at(site, [KINDS[k] for k in kind])
    begin, end = rng.integers(30, 44, len(site)), rng.integers(52, 80, len(site))
    quarter = np.arange(672) % 96
    week = (quarter >= begin[:, None]) & (quarter < end[:, None]) & (np.arange(672) < 480)
    bundle = Bundle(kinds=KINDS, minutes=(15.0, 30.0) * 4, threshold_min=60.0)
    return times(home), times(at), replace(services, open_week=week), bundle


def _way(cells: int, sites: int, way: str) -> Callable[[], Any]:
    from civigrid.engine import Scheduler
    from civigrid.layers.onestop.chains import chains_of
    from civigrid.layers.onestop.patterns import patterns_of
    from civigrid.layers.onestop.week import week_of

    two = Scheduler("threads", 2)

    def run(times: Any, between: Any, services: Any, bundle: Any) -> Any:
        if way == WAYS[0]:
            return patterns_of(times, services, bundle, scheduler=two)
        if way == WAYS[3]:
            return week_of(times, services, bundle, scheduler=two)
        return chains_of(times, between, services, bundle, hours=way == WAYS[2], scheduler=two)

    # what is compiled, and what takes memory, comes before the clock
    run(*city(100, 20))
    given = city(cells, sites)

    def floor() -> float:
        began = time.perf_counter()
        np.minimum.reduceat(given[0].seconds, given[0].indptr[:-1])
        return time.perf_counter() - began

    def form(made: Any) -> tuple[float, str]:
        return floor(), _checked(way, given, made)

    return Answer(lambda: run(*given), form)


def _checked(way: str, given: Any, made: Any) -> str:
    """Try every tour of three stops from a few cells, whatever the hour: 8 million of them with 200 sites."""
    times, between, services, bundle = given
    if not way.startswith("chains"):
        return ""
    from civigrid.layers.onestop.services import offers

    reached = int(np.isfinite(made.chain_min).sum())
    if "hours" in way:
        return f"{reached:,} cells have one"
    sites = len(times.site_id)
    mask = offers(services, bundle.kinds, sites)
    to = times.seconds.reshape(-1, sites)
    apart = between.seconds.reshape(sites, sites)
    have = mask[:, None, None] | mask[None, :, None] | mask[None, None, :]
    way_on = np.where(have == 255, apart[:, :, None] + apart[None], 2**28)
    began = time.perf_counter()
    some = np.linspace(0, len(to) - 1, 5).astype(int)
    least = np.array([(to[i][:, None, None] + way_on + to[i][None, None, :]).min() for i in some])
    differ = int((least != np.rint(made.chain_min[some] * 60)).sum())
    each = (time.perf_counter() - began) / len(some)
    return f"{reached:,} cells have one; every tour tried from 5 cells, {each:.2g} s a cell: {differ} differ"
