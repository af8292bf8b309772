"""Catchment measures: 10 million pairs and five groups, and beside PySAL on Chicago's physicians and dentists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.access_city import places
from benchmarks.measure import growth, installed, measure, row
from benchmarks.peers import Answer

GROUPS = 5
SITES = 4_000
NEAR = 100
"""Sites that each cell reaches."""
STEPS = {5: 1.0, 10: 0.68, 15: 0.22}
PEERS = {"2SFCA": "two_stage_fca", "E2SFCA": "enhanced_two_stage_fca", "3SFCA": "three_stage_fca"}


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Three sizes up to 10 million pairs; then the three measures of the peer."""
    sizes = (1_000,) if smallest else (1_000, 10_000, 100_000)
    for name in ("2SFCA", "3SFCA"):
        points = []
        for cells in sizes:
            ours = measure(_groups, name, cells, repeats=1 if smallest else 3)
            points.append((cells * NEAR, ours[0]))
            yield row("fca", f"{name}: {cells * NEAR:,} pairs, {GROUPS} groups", ours[:2], checked=ours[2])
        if len(points) > 1:
            yield row("fca", f"{name}: {growth(points)}", (points[-1][1], 0.0))
    for name in PEERS:
        ours = measure(_ours, name, smallest, repeats=7)
        size = f"{name}: {ours[2][0]}, 2 services"
        if installed("access") is None:
            yield row("fca", size, ours[:2], "access", None, "peer absent")
            continue
        theirs = measure(_pysal, name, smallest, repeats=1)
        apart = np.nanmax(np.abs(ours[2][1] / theirs[2] - 1))
        yield row("fca", size, ours[:2], "access", theirs[0], f"differ by at most {apart:.0e} of the value")


def _decay(name: str) -> Any:
    from civigrid.layers.access.decay import Binary, Step

    return Binary(5.0) if name == "2SFCA" else Step(tuple(map(float, STEPS)), tuple(STEPS.values()))


def _measure(name: str) -> Callable[[Any], Any]:
    from civigrid.layers.access.catchment import three_step, two_step

    return three_step if name == "3SFCA" else two_step


def _city(cells: int) -> tuple[Any, Any, Any, Any]:
    """Cells along a line, each with the sites around its place; groups of which each is served at half the sites."""
    from civigrid.travel_times import TravelTimes

    rng = np.random.default_rng(7)
    first = np.arange(cells) * (SITES - NEAR) // cells
    site = (first[:, None] + np.arange(NEAR)).astype(np.int32)
    seconds = rng.integers(0, 900, (cells, NEAR), dtype=np.int32)
    times = TravelTimes(
        cell_id=np.arange(cells, dtype=np.uint64),
        site_id=np.array([f"{k:05d}" for k in range(SITES)]),
        indptr=np.arange(cells + 1, dtype=np.int64) * NEAR,
        site=site.ravel(),
        seconds=seconds.ravel(),
        limit_s=900,
        mode="invented",
    )
    people = rng.integers(0, 50, (cells, GROUPS)).astype(float)
    return times, people, rng.integers(1, 20, SITES).astype(float), rng.random((SITES, GROUPS)) < 0.5


def _groups(name: str, cells: int) -> Callable[[], Any]:
    from civigrid.layers.access import market, weighted

    compute, decay = _measure(name), _decay("E2SFCA")

    def work(city: tuple[Any, Any, Any, Any]) -> Any:
        times, people, supply, eligible = city
        return compute(market(weighted(times, decay), people, supply, eligible=eligible))

    work(_city(100))
    city = _city(cells)

    def form(found: Any) -> str:
        served = (city[1] * found.value[:, 0]).sum() / found.notes["supply_shared"][0]
        return f"supply shared out: {served:.12f} of it"

    return Answer(lambda: work(city), form)


def _ours(name: str, smallest: bool) -> Callable[[], Any]:
    from civigrid.layers.access import market, weighted

    town = places(smallest=smallest)
    compute, decay = _measure(name), _decay(name)

    def work() -> Any:
        # a place more everywhere: PySAL lets people choose sites without places too
        return compute(market(weighted(town.times, decay), town.people, town.supply + 1))

    work()
    return Answer(work, lambda found: (town.what, found.value[:, :, 0]))


def _pysal(name: str, smallest: bool) -> Callable[[], Any]:
    import pandas as pd
    from access import Access
    from access.weights import step_fn

    town = places(smallest=smallest)
    ids = np.arange(len(town.people))
    table = town.table
    supply = pd.DataFrame({"id": ids, "a": town.supply[:, 0] + 1, "b": town.supply[:, 1] + 1})
    city = Access(
        demand_df=pd.DataFrame({"id": ids, "people": town.people}), demand_index="id", demand_value="people",
        supply_df=supply, supply_index="id", supply_value=["a", "b"],
        cost_df=table, cost_origin="origin", cost_dest="dest", cost_name="cost",
    )  # fmt: skip
    given: dict[str, Any] = {"max_cost": 5} if name == "2SFCA" else {"max_cost": 15, "weight_fn": step_fn(STEPS)}

    def work() -> Any:
        return getattr(city, PEERS[name])(name="x", **given)

    return Answer(work, lambda found: found.reindex(ids)[["x_a", "x_b"]].fillna(0.0).to_numpy())
