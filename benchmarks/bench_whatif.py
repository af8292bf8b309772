"""What-if edits, closures and siting: beside a whole evaluation of the same town in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.measure import against, growth, measure, row
from benchmarks.peers import Answer

KINDS = tuple(f"kind{k}" for k in range(8))
LIMIT_S = 2700
WORK = {
    "close": "one site closes, only who reaches it judged anew",
    "hours": "other hours at one site",
    "gains": "who gains, 200 paired draws",
    "closures": "every site closed in turn",
    "sites": "sites for the whole bundle: 10 of all, with a bound",
}


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Nobody else does this; the floor is the whole evaluation, for closures one by site."""
    cells, sites = (2_000, 40) if smallest else (100_000, 200)
    for name, words in WORK.items():
        seconds, peak, (floor, told) = measure(_work, cells, sites, name, repeats=1 if smallest else 3)
        what = f"a whole evaluation x {sites}" if name == "closures" else "a whole evaluation"
        yield against(
            "whatif", f"{words}: 8 kinds, {cells:,} cells x {sites} sites", (seconds, peak), what, floor, told
        )
    sizes = (500, 2_000) if smallest else (12_500, 100_000)
    points = [(size, measure(_work, size, sites, "close", repeats=3)[0]) for size in sizes]
    yield row("whatif", f"{WORK['close']}: {growth(points)}", (points[-1][1], 0.0))


def town_with_services(cells: int, sites: int) -> tuple[Any, Any]:
    """A town two hours across; each site has three of eight kinds on weekdays, half of them speak Arabic."""
    from civigrid.layers.onestop.bundle import Bundle
    from civigrid.layers.onestop.services import services_at
    from civigrid.layers.onestop.town import Town
    from civigrid.travel_times import times_of_pairs

    rng = np.random.default_rng(0)
    home, at = rng.random((cells, 2)) * 7200, rng.random((sites, 2)) * 7200
    pairs = [np.flatnonzero(np.hypot(*(home - there).T) <= LIMIT_S) for there in at]
    far = [np.rint(np.hypot(*(home[near] - there).T)).astype(np.int32) for near, there in zip(pairs, at, strict=True)]
    column = np.repeat(np.arange(sites), [len(p) for p in pairs])
    names = np.array([f"site-{j:03}" for j in range(sites)])
    ids = np.arange(1, cells + 1).astype(np.uint64)
    times = times_of_pairs(
        ids, names, np.concatenate(pairs), column, np.concatenate(far), limit_s=LIMIT_S, mode="straight line"
    )
    services = services_at(np.repeat(np.arange(sites), 3).tolist(), [KINDS[(3 * j + k) % 8] for j in range(sites)
                                                                  for k in range(3)])  # fmt: skip
    quarter = np.arange(672)
    week = (quarter < 480) & (quarter % 96 >= 32) & (quarter % 96 < 68)
    spoken = tuple(frozenset(["de", "ar"][: 1 + s % 2]) for s in range(3 * sites))
    services = replace(services, open_week=np.tile(week, (3 * sites, 1)), languages=spoken)
    bundle = Bundle(kinds=KINDS, visits=tuple(range(1, 9)), minutes=(20.0,) * 8, threshold_min=30.0)
    town = Town(
        times=times, bundle=bundle, persons=rng.poisson(20, (cells, 2)).astype(float), groups=("all", "new"),
        speaks={"new": frozenset(["ar"])},
    )  # fmt: skip
    return town, services


def _work(cells: int, sites: int, name: str) -> Callable[[], Any]:
    from civigrid.layers.onestop.evaluation import evaluate
    from civigrid.layers.onestop.scenario import Scenario

    small = Scenario(**dict(zip(("town", "services"), town_with_services(200, sites), strict=True)))
    _run(name, small, evaluate(small.town, small.services))()
    base = Scenario(**dict(zip(("town", "services"), town_with_services(cells, sites), strict=True)))
    began = time.perf_counter()
    before = evaluate(base.town, base.services)
    floor = (time.perf_counter() - began) * (sites if name == "closures" else 1)

    def form(made: Any) -> tuple[float, str]:
        return floor, _told(name, base, made)

    return Answer(_run(name, base, before), form)


def _run(name: str, base: Any, before: Any) -> Callable[[], Any]:
    from civigrid.layers.onestop.edits import Close, Hours
    from civigrid.layers.onestop.fragility import fragility_of
    from civigrid.layers.onestop.scenario import evaluate_scenario
    from civigrid.layers.onestop.siting import Plan, sited
    from civigrid.layers.onestop.who_gains import gains_table

    edit = Hours(site="site-017", hours="Mo-Sa 08:00-20:00") if name == "hours" else Close(site="site-017")
    after = base.with_edits(edit)
    plan = Plan(budget=1.0)
    if name in ("close", "hours"):
        return lambda: evaluate_scenario(after, before=before)
    if name == "gains":
        judged = evaluate_scenario(after, before=before)
        return lambda: gains_table(before, judged)
    if name == "closures":
        return lambda: fragility_of(before)
    return lambda: sited(base.town, plan, KINDS, 10)


def _told(name: str, base: Any, made: Any) -> str:
    """An edit against a whole evaluation of the same layout, byte by byte; siting by its bound."""
    from civigrid.layers.onestop.evaluation import evaluate

    if name == "sites":
        return f"gap {made.gap:.2%}"
    if name not in ("close", "hours"):
        return f"{len(made.names)} sites" if name == "closures" else ""
    whole = evaluate(made.town, made.services)
    pairs = [(a, b) for x, y in zip(whole.judged, made.judged, strict=True) for a, b in zip(x, y, strict=True)]
    differ = sum(a.tobytes() != b.tobytes() for a, b in pairs)
    share = made.computed / (len(made.judged) * len(base.town.times.cell_id))
    return f"{share:.0%} of cells judged anew; {differ} of {len(pairs)} arrays differ"
