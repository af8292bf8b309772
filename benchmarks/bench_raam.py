"""RAAM to a duality gap of 1e-4, beside PySAL's 150 cycles, which tell no gap."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.access_city import places
from benchmarks.measure import installed, measure, row
from benchmarks.peers import Answer


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Two services of Chicago; the peer on the same; a tighter gap alone."""
    ours = measure(_ours, 1e-4, smallest, repeats=3)
    what, gap, mean, costs = ours[2]
    size = f"{what}, 2 services"
    told = f"gap {gap:.1e}, mean cost {mean:.4f}"
    if installed("access") is None:
        yield row("raam", size, ours[:2], "access", None, f"{told}; peer absent")
    else:
        theirs = measure(_pysal, smallest, repeats=1)
        apart = np.nanmax(np.abs(costs / theirs[2][1] - 1))
        yield row(
            "raam", size, ours[:2], "access", theirs[0],
            f"{told}; peer's mean cost {theirs[2][0]:.4f}, its cells up to {apart:.0%} off",
        )  # fmt: skip
    if not smallest:
        tight = measure(_ours, 1e-6, smallest, repeats=1)
        yield row("raam", f"{size}, gap 1e-6", tight[:2], checked=f"gap {tight[2][1]:.1e}")


def _ours(gap: float, smallest: bool) -> Callable[[], Any]:
    from civigrid.layers.access import market, raam, weighted
    from civigrid.layers.access.decay import Binary

    def work(town: Any) -> Any:
        return raam(market(weighted(town.times, Binary(15.0)), town.people, town.supply), tolerance=gap)

    work(places(smallest=True))
    town = places(smallest=smallest)

    def form(found: Any) -> Any:
        return town.what, max(found.gap), float(np.mean(found.access.mean())), found.access.value[:, :, 0]

    return Answer(lambda: work(town), form)


def _pysal(smallest: bool) -> Callable[[], Any]:
    import pandas as pd
    from access import Access

    town = places(smallest=smallest)
    ids = np.arange(len(town.people))
    city = Access(
        demand_df=pd.DataFrame({"id": ids, "people": town.people.astype(int)}), demand_index="id",
        demand_value="people",
        supply_df=pd.DataFrame({"id": ids, "a": town.supply[:, 0], "b": town.supply[:, 1]}), supply_index="id",
        supply_value=["a", "b"], cost_df=town.table, cost_origin="origin", cost_dest="dest", cost_name="cost",
    )  # fmt: skip

    def form(found: Any) -> Any:
        costs = found.reindex(ids)[["x_a", "x_b"]].to_numpy()
        weight = np.where(np.isnan(costs), 0.0, town.people[:, None])
        return float(np.mean((weight * np.nan_to_num(costs)).sum(axis=0) / weight.sum(axis=0))), costs

    return Answer(lambda: city.raam(name="x", tau=60), form)
