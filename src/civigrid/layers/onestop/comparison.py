"""Layouts of services side by side: cost, reach, time, equity and fragility, all found in the same way."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from civigrid.engine import Scheduler
from civigrid.errors import SchemaError
from civigrid.layers.onestop.costs import Costs, spent
from civigrid.layers.onestop.evaluation import Evaluation, evaluate
from civigrid.layers.onestop.fragility import Fragility, fragility_of
from civigrid.layers.onestop.siting import Layout
from civigrid.layers.onestop.town import Town
from civigrid.result_table import parameters, result_table
from civigrid.types import Bools, Floats

MEASURES = {
    "cost": "Provision a year",
    "transport": "What users spend on their ways a year",
    "paid_back": "Of that, what the public side pays back, a year",
    "sites": "Sites, stops of a mobile unit among them",
    "reach": "Persons with every kind near",
    "reach_share": "The same as a share of the group",
    "one_place_completeness": "Completeness of the bundle at the best site near, mean over persons",
    "mean_minutes": "Minutes one way to a kind, mean over visits and persons, capped at the bound",
    "burden": "Minutes a person travels in a year for the bundle, mean, capped",
    "burden_p90": "The same, that nine of ten persons do not exceed",
    "burden_ede": "The same, Kolm-Pollak equally distributed equivalent",
    "burden_gap": "Burden of the group less that of everyone",
    "unserved": "Persons who do not reach some kind within the bound at all",
    "week_share": "Share of the free week in which every kind is near and open, mean over persons",
    "fragility_unmet": "Persons who lose nearness if the worst operator closes",
    "fragility_unmet_mean": "The same, mean over operators",
    "fragility_minutes": "Minutes a person and year more if the worst operator closes",
    "fragility_minutes_mean": "The same, mean over operators",
}
"""What is compared, in words; cost, transport, paid_back and sites are of everyone alone."""
_OF_LAYOUT = ("cost", "transport", "paid_back", "sites")
FEWER_IS_BETTER = ("cost", "burden_ede", "fragility_unmet")
MORE_IS_BETTER = ("reach",)


@dataclass(frozen=True, eq=False, kw_only=True)
class Comparison:
    """Layouts, compared.

    Parameters
    ----------
    layouts : tuple of Layout
        What was compared.
    found : tuple of Evaluation
        Each, judged.
    wide : pandas.DataFrame
        One row by layout, for everyone: the measures, ``worst_group``, ``worst_gap``, ``gap`` of the siting,
        ``pareto`` (no other is at least as good in cost, reach, burden_ede and fragility_unmet, and better in one),
        and ``notes``.
    by_group : pandas.DataFrame
        One row by layout and group.
    kappa : float
        Aversion to inequality of the equivalents, per minute: the same for all.
    town : Town
        By what.
    """

    layouts: tuple[Layout, ...]
    found: tuple[Evaluation, ...]
    wide: pd.DataFrame
    by_group: pd.DataFrame
    kappa: float
    town: Town

    def table(self) -> pd.DataFrame:
        """Give all numbers as a result table: a row by layout, measure and group; the layout is in the parameters."""
        rows = []
        for row in self.by_group.to_dict("records"):
            persons = self.town.counts[:, self.town.number(row["group"])]
            rows += [
                {"zone": "all", "topic": "access", "index": f"onestop:{name}", "groups": row["group"],
                 "estimate": row[name], "persons": float(persons.sum()), "cells": int((persons > 0).sum()),
                 "parameters": self._about(row["layout"], name)}
                for name in MEASURES if name not in _OF_LAYOUT or row["group"] == self.town.groups[0]
            ]  # fmt: skip
        return result_table(rows)

    def _about(self, layout: str, name: str) -> str:
        about: dict[str, Any] = {"layout": layout, "mode": self.town.times.mode, "limit_s": self.town.times.limit_s}
        about["threshold_min"] = self.town.bundle.threshold_min
        return parameters(**about, kappa=self.kappa if name == "burden_ede" else None)

    def of(self, name: str) -> Evaluation:
        """Give the evaluation of a layout by its name."""
        return self.found[[layout.name for layout in self.layouts].index(name)]


def compare(
    town: Town,
    layouts: Sequence[Layout],
    costs: Costs,
    *,
    epsilon: float = 1.0,
    scheduler: Scheduler | None = None,
) -> Comparison:
    r"""Judge layouts by the same people, times, hours and needs.

    Parameters
    ----------
    town : Town
        People, times and needs.
    layouts : sequence of Layout
        With names of their own; the first is the one that kappa is set by.
    costs : Costs
        Prices.
    epsilon : float
        Aversion to inequality: :math:`\kappa = \epsilon \sum p z / \sum p z^2` of the burden in the first layout.
    scheduler : Scheduler, optional
        Where cells are computed.

    Returns
    -------
    Comparison
        A group without persons has NaN where a mean is asked for.

    Raises
    ------
    SchemaError
        There is no layout, or two bear one name.

    Notes
    -----
    Kolm (1976), J. Econ. Theory 12, 416-442; for burdens of distance Horton et al. (2024), arXiv 2401.15452: the
    equivalent is :math:`\frac1\kappa \ln \sum_i p_i e^{\kappa z_i}`, never below the mean.
    """
    names = [layout.name for layout in layouts]
    if not names or len(set(names)) < len(names):
        raise SchemaError(f"{len(names)} layouts with {len(set(names))} names: give at least one, each its own name.")
    found: list[Evaluation] = []
    rows: list[dict[str, Any]] = []
    wide: list[dict[str, Any]] = []
    kappa = 0.0
    for layout in layouts:
        judged = evaluate(town, layout.services, before=found[-1] if found else None, scheduler=scheduler)
        found.append(judged)
        if len(found) == 1:
            kappa = kappa_of(judged.year_min(), town.counts[:, 0], epsilon)
        fragile = fragility_of(judged, by="operator")
        money = spent(judged, costs, layout.mobile)
        base: dict[str, Any] = {"cost": money.provision, "transport": money.transport, "paid_back": money.paid_back}
        base["sites"] = float(len(np.unique(layout.services.site)))
        here: list[dict[str, Any]] = [
            {"layout": layout.name, "group": group, **base, **_measures(judged, fragile, group, kappa)}
            for group in town.groups
        ]
        everyone = here[0]["burden"]
        for row in here:
            row["burden_gap"] = row["burden"] - everyone
        rows += here
        wide.append({**here[0], **_worst(here), "gap": layout.gap, "notes": "; ".join(layout.notes)})
    table = pd.DataFrame(wide)
    table.insert(1, "pareto", not_dominated(table))
    return Comparison(
        layouts=tuple(layouts), found=tuple(found), wide=table.drop(columns="group"), by_group=pd.DataFrame(rows),
        kappa=kappa, town=town,
    )  # fmt: skip


def _worst(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The group with the largest burden above everyone's; none where there is no other group."""
    others = [r for r in rows[1:] if not math.isnan(r["burden_gap"])]
    if not others:
        return {"worst_group": "", "worst_gap": np.nan}
    worst = max(others, key=lambda r: r["burden_gap"])
    return {"worst_group": worst["group"], "worst_gap": worst["burden_gap"]}


def _measures(found: Evaluation, fragile: Fragility, group: str, kappa: float) -> dict[str, float]:
    town = found.town
    g = town.number(group)
    persons, burden, judged = town.counts[:, g], found.year_min(group), found.of(group)
    everyone = float(persons.sum())
    per = everyone if everyone > 0 else np.nan
    reach = float(persons[found.near(group)].sum())
    unmet, minutes = fragile.unmet[:, g], fragile.minutes[:, g]
    return {
        "reach": reach,
        "reach_share": reach / per,
        "one_place_completeness": mean_of(judged.complete, persons),
        "mean_minutes": mean_of(found.nearest_min(group), persons),
        "burden": mean_of(burden, persons),
        "burden_p90": quantile_of(burden, persons, 0.9),
        "burden_ede": kolm_pollak(burden, persons, kappa),
        "unserved": float(persons[found.unserved(group)].sum()),
        "week_share": mean_of(judged.week, persons),
        "fragility_unmet": float(unmet.max(initial=0.0)),
        "fragility_unmet_mean": float(unmet.mean()) if len(unmet) else 0.0,
        "fragility_minutes": float(minutes.max(initial=0.0)) / per,
        "fragility_minutes_mean": float(minutes.mean()) / per if len(minutes) else 0.0,
    }


def mean_of(values: Floats, persons: Floats) -> float:
    """Mean over persons; NaN where nobody is.

    >>> mean_of(np.array([1.0, 4.0]), np.array([2.0, 1.0]))
    2.0
    """
    total = float(persons.sum())
    return float(persons @ values) / total if total > 0 else np.nan


def quantile_of(values: Floats, persons: Floats, share: float) -> float:
    """Smallest value that at least this share of the persons does not exceed; NaN where nobody is.

    >>> quantile_of(np.array([5.0, 1.0]), np.array([1.0, 9.0]), 0.9)
    1.0
    """
    order = np.argsort(values, kind="stable")
    below = np.cumsum(persons[order])
    if not len(below) or below[-1] <= 0:
        return np.nan
    return float(values[order[np.searchsorted(below, share * below[-1] * (1 - 1e-12))]])


def kappa_of(values: Floats, persons: Floats, epsilon: float) -> float:
    """Kolm-Pollak aversion per unit from a unitless one; 0 where all values are 0.

    >>> kappa_of(np.array([2.0, 2.0]), np.ones(2), 1.0)
    0.5
    """
    square = float(persons @ values**2)
    return epsilon * float(persons @ values) / square if square > 0 else 0.0


def kolm_pollak(values: Floats, persons: Floats, kappa: float) -> float:
    """Equally distributed equivalent of a burden; the mean where `kappa` is 0, NaN where nobody is.

    >>> round(kolm_pollak(np.array([0.0, 2.0]), np.ones(2), 1.0), 4)   # ln((1 + e^2) / 2)
    1.4338
    """
    if not persons.sum() > 0 or kappa == 0:
        return mean_of(values, persons)
    top = float(values[persons > 0].max())
    inner = mean_of(np.exp(kappa * (np.minimum(values, top) - top)), persons)
    return top + math.log(inner) / kappa


def not_dominated(wide: pd.DataFrame) -> Bools:
    """Which rows no other row beats: at least as good in everything, and better in something.

    >>> not_dominated(pd.DataFrame({"cost": [1, 2], "reach": [5, 5], "burden_ede": [3, 3], "fragility_unmet": [0, 0]}))
    array([ True, False])
    """
    bad = np.column_stack([*(wide[n] for n in FEWER_IS_BETTER), *(-wide[n] for n in MORE_IS_BETTER)]).astype(float)
    no_worse = (bad[:, None] <= bad[None]).all(axis=2)
    better = (bad[:, None] < bad[None]).any(axis=2)
    return np.asarray(~(no_worse & better).any(axis=0))
