"""Service reach: who uses a service, against who lives in its catchment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import beta

from civigrid.cells import ids_of, is_missing, status_of, values_of
from civigrid.errors import SchemaError
from civigrid.kernels.group import group_sum
from civigrid.result_table import parameters, result_table
from civigrid.travel_times import TravelTimes
from civigrid.types import Floats


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """A representation ratio with its exact interval.

    Parameters
    ----------
    ratio, low, high : float
        Share of the group among users by its share in the catchment, and its 95 % interval.
    shortfall : float
        Users that are missing for parity among as many users as there are, persons.
    added : float
        Users of the group that would have to join, on top of all others, for parity, persons.
    """

    ratio: float
    low: float
    high: float
    shortfall: float
    added: float


def representation(group_users: float, users: float, share: float, *, confidence: float = 0.95) -> Ratio:
    r"""Compare a group's share among users with its share in the catchment.

    Parameters
    ----------
    group_users, users : float
        Users of the group, and all users, persons.
    share : float
        Share of the group among the catchment's residents, in (0, 1); taken as known.
    confidence : float
        Confidence of the interval.

    Returns
    -------
    Ratio
        Interval: Clopper and Pearson (1934) for the share among users, divided by `share`.  Two definitions of who is
        missing: ``shortfall`` :math:`= U p - u` and ``added`` :math:`= (U p - u) / (1 - p)`.

    Examples
    --------
    >>> found = representation(30, 1000, 0.31)
    >>> round(found.ratio, 3), round(found.low, 3), round(found.high, 3), round(found.shortfall), round(found.added)
    (0.097, 0.066, 0.137, 280, 406)
    """
    tail = (1 - confidence) / 2
    low = 0.0 if group_users <= 0 else float(beta.ppf(tail, group_users, users - group_users + 1))
    high = 1.0 if group_users >= users else float(beta.ppf(1 - tail, group_users + 1, users - group_users))
    missing = users * share - group_users
    return Ratio(
        ratio=group_users / users / share,
        low=low / share,
        high=high / share,
        shortfall=missing,
        added=missing / (1 - share),
    )


def catchments(cells: xr.Dataset, times: TravelTimes, names: Sequence[str], threshold_min: float) -> Floats:
    """Residents within reach of each site, shape (site, name); cells of unknown count are left out."""
    if not np.array_equal(ids_of(cells), times.cell_id):
        raise SchemaError("these travel times do not start from these cells. Compute them for the cells at hand.")
    near = times.seconds <= threshold_min * 60
    counts = []
    for name in names:
        known = ~is_missing(status_of(cells, name))
        persons = np.where(known, np.nan_to_num(values_of(cells, name)), 0.0)
        counts.append(group_sum(times.site[near], persons[times.rows()[near]], len(times.site_id)))
    return np.stack(counts, axis=1)


def reach_table(
    cells: xr.Dataset,
    times: TravelTimes,
    users: pd.DataFrame,
    groups: Sequence[str],
    *,
    total: str,
    threshold_min: float = 15.0,
    min_users: int = 30,
) -> pd.DataFrame:
    """Give the representation ratio and the shortfall of each group at each service.

    Parameters
    ----------
    cells : xarray.Dataset
        Residents by group.
    times : TravelTimes
        Cell to site.
    users : pandas.DataFrame
        Columns ``site_id``, ``group``, ``users``; the group named as the total, or absent, counts all.
    groups : sequence of str
        Counts of the groups.
    total : str
        Count of all residents.
    threshold_min : float
        Catchment: minutes one way.
    min_users : int
        No ratio is printed for fewer users, nor where fewer than 5 of the group would be expected.

    Returns
    -------
    pandas.DataFrame
        A result table with index ``representation`` (estimate, exact interval; ``expected`` is 1, parity) and
        ``shortfall`` (persons) by site and group; `parameters` says why a ratio is refused.
    """
    residents = catchments(cells, times, [total, *groups], threshold_min)
    wide = users.pivot_table(index="site_id", columns="group", values="users", aggfunc="sum", fill_value=0)
    if unknown := sorted(set(map(str, wide.index)) - set(times.site_id.tolist())):
        raise SchemaError(f"{len(unknown)} sites of the users' table are unknown (first: {', '.join(unknown[:5])}).")
    everyone = wide[total] if total in wide else wide.sum(axis=1)
    about = {"threshold_min": threshold_min, "mode": times.mode, "min_users": min_users}
    row = {site: i for i, site in enumerate(times.site_id.tolist())}
    rows: list[dict[str, Any]] = []
    for site in wide.index:
        near = residents[row[str(site)]]
        for k, group in enumerate(groups):
            found = float(wide[group].get(site, 0.0)) if group in wide else 0.0
            rows += _site_rows(str(site), group, found, float(everyone[site]), near[[k + 1, 0]], about)
    return result_table(rows)


def _site_rows(
    site: str, group: str, found: float, users: float, near: Floats, about: dict[str, Any]
) -> list[dict[str, Any]]:
    share = near[0] / near[1] if near[1] > 0 else np.nan
    refused = _refusal(users, share, about["min_users"])
    common = {"zone": site, "topic": "reach", "groups": group, "persons": users, "cells": 0}
    words = parameters(
        **about, catchment_share=_rounded(share), catchment_persons=round(float(near[1])), refused=refused
    )
    if refused:
        return [{**common, "index": index, "parameters": words} for index in ("representation", "shortfall")]
    ratio = representation(found, users, share)
    parity = {"estimate": ratio.ratio, "expected": 1.0, "low": ratio.low, "high": ratio.high}
    missing = {"estimate": ratio.shortfall, "expected": 0.0}
    added = parameters(**about, catchment_share=_rounded(share), added_for_parity=round(ratio.added, 1))
    return [
        {**common, "index": "representation", **parity, "parameters": words},
        {**common, "index": "shortfall", **missing, "parameters": added},
    ]


def _refusal(users: float, share: float, min_users: int) -> str | None:
    if not 0 < share < 1:
        return "no resident of the group, or none of another, in the catchment"
    if users < min_users:
        return f"fewer than {min_users} users"
    if users * share < 5:
        return "fewer than 5 users of the group expected"
    return None


def _rounded(share: float) -> float | None:
    return None if np.isnan(share) else round(float(share), 4)
