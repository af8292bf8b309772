"""What hangs on one site or one operator: what its closing costs, and who has no second choice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from civigrid.cells import ids_of, with_variables
from civigrid.errors import SchemaError
from civigrid.kernels.bundles import Int32s, Masks
from civigrid.kernels.counting import counting_order
from civigrid.kernels.served import independent, leave_out
from civigrid.layers.onestop.evaluation import Evaluation
from civigrid.layers.onestop.services import Services, number_of_kind
from civigrid.result_table import parameters, result_table
from civigrid.types import Column, Floats, Ints

BY = ("site", "operator")


@dataclass(frozen=True, eq=False, kw_only=True)
class Fragility:
    """What every closure costs.

    Parameters
    ----------
    found : Evaluation
        The layout.
    by : str
        What closes: ``"site"`` or ``"operator"``.
    names : ndarray of str, shape (label,)
        Sites or operators with services, sorted.
    minutes : ndarray of float64, shape (label, group)
        Person-minutes a year more, by the cheapest mix; a kind that nobody reaches then counts as trips as long as the
        bound of the times.
    unmet : ndarray of float64, shape (label, group)
        Persons who had every kind near, and then have not.
    worst_min : ndarray of float64, shape (cell, group)
        Minutes a year that the worst closure costs a person there; 0 where none costs anything.
    worst : ndarray of int32, shape (cell, group)
        Number of that label; -1 for none.
    """

    found: Evaluation
    by: str
    names: npt.NDArray[np.str_]
    minutes: Floats
    unmet: Floats
    worst_min: Floats
    worst: Int32s


def fragility_of(found: Evaluation, *, by: str = "site") -> Fragility:
    """Close every site, or all services of every operator, in turn.

    Parameters
    ----------
    found : Evaluation
        The layout, judged.
    by : str
        ``"site"`` or ``"operator"``; services of no named operator are on their own, each site for itself.

    Returns
    -------
    Fragility
        Exact: equal to evaluating the layout without each of them; but only cells that use a label are looked at.

    Notes
    -----
    Leave-one-out; the second best takes the place of the best, as in the reliable p-median (Snyder and Daskin 2005,
    Transportation Science 39, 400-416), for whole bundles.
    """
    services, town = found.services, found.town
    names, label = _labels(services, town.times.site_id, by)
    n, groups = len(names), len(town.groups)
    minutes, unmet = np.zeros((n, groups)), np.zeros((n, groups))
    worst_min = np.zeros((len(town.times.cell_id), groups))
    worst = np.full(worst_min.shape, -1, dtype=np.int32)
    rounds = np.array([need for need, _ in town.bundle.rounds()], dtype=np.int64)
    often = np.array([often for _, often in town.bundle.rounds()])
    times = (town.times.indptr, town.times.site, town.times.seconds)
    for c, offer in enumerate(found.offers):
        columns = [g for g, of in enumerate(found.of_group) if of == c]
        suits = town.suitable(services, town.groups[columns[0]]) & services.in_house
        of, without = _without(found, suits, label, n)
        persons = np.ascontiguousarray(town.counts[:, columns])
        missed = leave_out(
            *times, offer.mask, of, without, rounds, often, persons, town.times.limit_s, town.threshold_s
        )  # fmt: skip
        minutes[:, columns], unmet[:, columns] = missed.seconds * (2 / 60), missed.unmet
        worst_min[:, columns], worst[:, columns] = missed.worst[:, None] * (2 / 60), missed.worst_label[:, None]
    return Fragility(
        found=found, by=by, names=names, minutes=minutes, unmet=unmet, worst_min=worst_min, worst=worst
    )  # fmt: skip


def _labels(services: Services, site_id: npt.NDArray[np.str_], by: str) -> tuple[npt.NDArray[np.str_], Ints]:
    if by not in BY:
        raise SchemaError(f"by = {by!r}: what closes is {' or '.join(BY)}.")
    sites = site_id[services.site]
    words = sites if by == "site" else np.where(services.operator == "", sites, services.operator)
    names, label = np.unique(words, return_inverse=True)
    return names.astype(np.str_), label.astype(np.int64)


def _without(found: Evaluation, suits: npt.NDArray[np.bool_], label: Ints, labels: int) -> tuple[Int32s, Masks]:
    """Label of each kind at each site (-1: two have it), and what sites offer where each label is closed."""
    services, bundle = found.services, found.town.bundle
    sites, kinds = len(found.town.times.site_id), len(bundle.kinds)
    kind = number_of_kind(services, bundle.kinds)
    use = np.flatnonzero(suits & (kind >= 0))
    of = np.full((sites, kinds), -1, dtype=np.int32)
    shared = np.zeros((sites, kinds), dtype=bool)
    for s in use.tolist():
        at = services.site[s], kind[s]
        shared[at] |= of[at] >= 0 and of[at] != label[s]
        of[at] = label[s]
    of[shared] = -1
    without = np.repeat(found.offers[0].mask[None] * np.uint8(0), labels, axis=0)
    whole = np.zeros(sites, dtype=np.uint8)
    np.bitwise_or.at(whole, services.site[use], (1 << kind[use]).astype(np.uint8))
    without[:] = whole
    for j, k in zip(*np.nonzero(of >= 0), strict=True):
        without[of[j, k], j] &= np.uint8(255 ^ (1 << int(k)))
    return of, without


def redundancy_of(found: Evaluation, *, group: str = "", by: str = "operator") -> Int32s:
    """Number of independent sites near with each kind, shape (cell, kind).

    Parameters
    ----------
    found : Evaluation
        The layout.
    group : str
        Whom the services must suit; by default everyone.
    by : str
        What counts as one: ``"operator"`` (those of one fail together) or ``"site"``.
    """
    town, services = found.town, found.services
    names, label = _labels(services, town.times.site_id, by)
    suits = town.suitable(services, group or town.groups[0]) & services.in_house
    kind = np.where(suits, number_of_kind(services, town.bundle.kinds), -1)
    order, starts = counting_order(services.site, len(town.times.site_id))
    rows = np.stack([kind[order], label[order]], axis=1).astype(np.int32).reshape(-1, 2)
    near = town.times.within(town.threshold_s)
    return independent(near.indptr, near.site, starts, rows, len(town.bundle.kinds), len(names))


def fragility_cells(cells: xr.Dataset, fragile: Fragility, *, group: str = "") -> xr.Dataset:
    """Add to cells what hangs on one site: for maps.

    Parameters
    ----------
    cells : xarray.Dataset
        The cells of the town.
    fragile : Fragility
        Closures.
    group : str
        For whom; by default everyone.

    Returns
    -------
    xarray.Dataset
        With ``minutes_lost_<by>`` (a year, by the worst closure), ``lost_with`` (which, as words) and ``redundancy``
        (independent operators near with the kind that has fewest).  No value is missing: who reaches nothing loses
        nothing, and has redundancy 0.
    """
    found, town = fragile.found, fragile.found.town
    if not np.array_equal(ids_of(cells), town.times.cell_id):
        raise SchemaError("these cells are not those of the town. Use the cells its travel times start from.")
    g = town.number(group) if group else 0
    least = redundancy_of(found, group=town.groups[g]).min(axis=1, initial=2**30)
    total, mode = town.groups[g], town.times.mode
    lost = f"minutes_lost_{fragile.by}"
    words = "|".join(["none", *fragile.names.tolist()])
    about = {
        lost: Column(
            kind="intensive", units="min", weight=total, source=mode, of_place=True,
            long_name=f"Minutes a year more if the worst {fragile.by} closes",
        ),
        "lost_with": Column(
            kind="intensive", units="1", weight=total, source=mode, of_place=True, words=words,
            long_name=f"The {fragile.by} whose closing costs most",
        ),
        "redundancy": Column(
            kind="intensive", units="1", weight=total, source=mode, of_place=True,
            long_name=f"Independent operators within {town.bundle.threshold_min:g} minutes, of the scarcest kind",
        ),
    }  # fmt: skip
    values = {lost: fragile.worst_min[:, g], "lost_with": fragile.worst[:, g] + 1.0, "redundancy": least.astype(float)}
    return with_variables(cells, values, about)


def fragility_table(fragile: Fragility) -> pd.DataFrame:
    """Give what closures cost, by group.

    Parameters
    ----------
    fragile : Fragility
        Closures.

    Returns
    -------
    pandas.DataFrame
        A result table: ``fragility_minutes:max`` and ``:mean`` (minutes a year per person, over the labels),
        ``fragility_unmet:max`` and ``:mean`` (persons), and ``no_second_choice``: persons with at most one independent
        operator near for some kind.  Of the largest, the parameters name the label.  NaN where nobody lives.
    """
    found, town = fragile.found, fragile.found.town
    rows = []
    for g, group in enumerate(town.groups):
        persons = town.counts[:, g]
        everyone = float(persons.sum())
        alone = redundancy_of(found, group=group).min(axis=1, initial=2**30) <= 1
        about = {"by": fragile.by, "closures": len(fragile.names), "mode": town.times.mode}
        about["threshold_min"] = town.bundle.threshold_min
        told: list[tuple[str, float, str | None]] = [("no_second_choice", float(persons[alone].sum()), None)]
        for name, lost in (("minutes", fragile.minutes[:, g]), ("unmet", fragile.unmet[:, g])):
            per = (everyone or np.nan) if name == "minutes" else 1.0
            first = int(np.argmax(lost)) if len(lost) else -1
            which = str(fragile.names[first]) if first >= 0 and lost[first] > 0 else None
            told.append((f"fragility_{name}:max", float(lost.max(initial=0.0)) / per, which))
            told.append((f"fragility_{name}:mean", float(lost.mean()) / per if len(lost) else 0.0, None))
        rows += [
            {"zone": "all", "topic": "access", "index": index, "groups": group, "estimate": value,
             "persons": everyone, "cells": int((persons > 0).sum()),
             "parameters": parameters(**about, label=label)}
            for index, value, label in told
        ]  # fmt: skip
    return result_table(rows)
