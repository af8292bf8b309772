"""Growth step by step from one information point, and what it costs that no step is ever undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from civigrid.kernels.median import Lists, cost_of, median
from civigrid.layers.onestop.siting import NO_SERVICES, Layout, Plan, lists_for, sited, together, within_budget
from civigrid.layers.onestop.town import Town
from civigrid.result_table import parameters, result_table
from civigrid.types import Bools, Floats, Ints


@dataclass(frozen=True, eq=False, kw_only=True)
class Growth:
    """A sequence of layouts, each with all sites of the one before.

    Parameters
    ----------
    layouts : tuple of Layout
        The information point; the same site with the whole bundle; then a whole site more in each step.
    sites : ndarray of int64, shape (site,)
        Columns in the order they open.
    value, free, bound : ndarray of float64, shape (site,)
        What siting minds with the first 1, 2, ... sites; with the best so many sites, chosen anew; and what no choice
        of so many sites comes below.
    order : str
        ``"forward"``: each step the best for itself; ``"backward"``: towards the best final set.
    plan : Plan
        Terms.
    """

    layouts: tuple[Layout, ...]
    sites: Ints
    value: Floats
    free: Floats
    bound: Floats
    order: str
    plan: Plan

    @property
    def price(self) -> Floats:
        """Price of nesting at each step: how much worse than sites chosen anew, as a share, shape (site,)."""
        return _share_more(self.value, self.free)

    @property
    def price_at_most(self) -> Floats:
        """The same against the bound: it is no more than this for certain, shape (site,)."""
        return _share_more(self.value, self.bound)


def _share_more(value: Floats, best: Floats) -> Floats:
    return np.divide(value - best, best, out=np.zeros(len(value)), where=best > 0)


def grow(town: Town, plan: Plan, *, first: str = "", most: int = 20) -> Growth:
    """Grow from one information point, as far as the budget reaches.

    Parameters
    ----------
    town : Town
        People, times and needs.
    plan : Plan
        Terms; the budget is that of a year in which all steps are made.
    first : str
        Id of the site that is there or begins; by default the best single site.
    most : int
        Sites at most.

    Returns
    -------
    Growth
        Two sequences are made: forward, and backward from the best final set that holds the first site; that with the
        smaller sum over all steps is given.

    Raises
    ------
    SchemaError
        The budget does not reach for an information point.

    Notes
    -----
    Forward choice from the best single site saves at least :math:`1 - 1/e` of what the best so many sites save, at
    every step (Nemhauser, Wolsey and Fisher 1978, Mathematical Programming 14, 265-294).  In the first step the point
    informs, and refers to nobody of this plan.
    """
    kinds = town.bundle.kinds
    lists = lists_for(town, plan, kinds)
    start = town.site(first) if first else int(sited(town, plan, kinds, 1, lists=lists).sites[0])
    whole = plan.point(len(kinds))
    count = int(min(plan.budget // whole, most, plan.candidates(town).sum()))
    layouts = [within_budget(_information_point(town, plan, start), plan)]
    if count < 1:
        empty = np.zeros(0)
        none = np.zeros(0, dtype=np.int64)
        return Growth(
            layouts=tuple(layouts), sites=none, value=empty, free=empty, bound=empty, order="forward", plan=plan
        )  # fmt: skip
    ways = {name: make(town, plan, lists, start, count) for name, make in (("forward", _forward), ("backward", _back))}
    value = {name: _values(lists, order) for name, order in ways.items()}
    best = min(ways, key=lambda name: (float(value[name].sum()), name != "forward"))
    # a first site that is there already may be kept by those who choose anew
    free_plan = replace(plan, candidate=plan.candidates(town) | (np.arange(len(town.times.site_id)) == start))
    chosen = [sited(town, free_plan, kinds, t + 1, lists=lists) for t in range(len(ways[best]))]
    # what was found nested may be better than what search found anew
    free = np.minimum([s.value for s in chosen], value[best])
    for t in range(len(ways[best])):
        services = plan.services(town, np.sort(ways[best][: t + 1]), kinds, operator="one-stop shop {}")
        layouts.append(within_budget(Layout(name=f"growth, {t + 1} whole", services=services), plan))
    return Growth(
        layouts=tuple(layouts), sites=ways[best], value=value[best], free=free,
        bound=np.array([s.bound for s in chosen]), order=best, plan=plan,
    )  # fmt: skip


def _information_point(town: Town, plan: Plan, start: int) -> Layout:
    kinds = town.bundle.kinds
    own = [k for k in kinds if k == plan.information]
    at, others = np.array([start]), [k for k in kinds if k != plan.information]
    parts = [plan.services(town, at, own, operator="one-stop shop {}")] if own else [NO_SERVICES]
    parts.append(plan.services(town, at, others, operator="one-stop shop {}", in_house=False))
    return Layout(name="growth, information point", services=together(parts))


def _forward(town: Town, plan: Plan, lists: Lists, start: int, count: int) -> Ints:
    return _one_by_one(lists, plan.candidates(town), [start], count)


def _back(town: Town, plan: Plan, lists: Lists, start: int, count: int) -> Ints:
    """The best final set that holds the first site, in the order in which its sites help most."""
    may = plan.candidates(town).copy()
    must = np.arange(len(may)) == start
    final = median(lists, count, required=must, forbidden=~may & ~must, steps=plan.steps)
    return _one_by_one(lists, np.isin(np.arange(len(may)), final.sites), [start], count)


def _one_by_one(lists: Lists, may: Bools, begin: Sequence[int], count: int) -> Ints:
    order = list(begin)
    while len(order) < count:
        must = np.isin(np.arange(len(may)), order)
        found = median(lists, len(order) + 1, required=must, forbidden=~may & ~must, steps=0)
        more = [j for j in found.sites.tolist() if j not in order]
        if not more:
            break
        order += more
    return np.array(order, dtype=np.int64)


def _values(lists: Lists, order: Ints) -> Floats:
    sites = len(lists.starts) - 1
    return np.array([cost_of(lists, np.isin(np.arange(sites), order[: t + 1])) for t in range(len(order))])


def growth_table(growth: Growth, town: Town) -> pd.DataFrame:
    """Give the steps: ``growth:value``, ``growth:price_of_nesting`` and ``growth:cost``, one row by step each.

    Parameters
    ----------
    growth : Growth
        The sequence.
    town : Town
        Where.

    Returns
    -------
    pandas.DataFrame
        A result table.  `low` and `high` of the price are 0 and the most it can be by the bound; the parameters name
        step and site.  The information point has a cost alone.
    """
    about = {"mode": town.times.mode, "objective": growth.plan.objective, "order": growth.order}
    everyone = {"persons": float(town.counts[:, 0].sum()), "cells": int((town.counts[:, 0] > 0).sum())}
    rows = []
    for t, layout in enumerate(growth.layouts):
        site = str(town.times.site_id[growth.sites[t - 1]]) if t else None
        told: list[tuple[str, float, float | None]] = [("cost", layout.spent(growth.plan.costs).provision, None)]
        if t:
            told.append(("value", float(growth.value[t - 1]), None))
            told.append(("price_of_nesting", float(growth.price[t - 1]), float(growth.price_at_most[t - 1])))
        rows += [
            {"zone": "all", "topic": "access", "index": f"growth:{name}", "groups": town.groups[0],
             "estimate": value, "low": None if high is None else 0.0, "high": high, **everyone,
             "parameters": parameters(**about, step=t, site=site)}
            for name, value, high in told
        ]  # fmt: skip
    return result_table(rows)
