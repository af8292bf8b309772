"""Access to single services and to a bundle wanted together, from travel times of cells to sites."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from civigrid.cells import ids_of, is_missing, status_of, values_of, with_variables
from civigrid.errors import SchemaError
from civigrid.kernels.group import largest, smallest
from civigrid.result_table import parameters, result_table
from civigrid.travel_times import TravelTimes
from civigrid.types import Bools, Column, Floats, Ints


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """Services a person needs together.

    Parameters
    ----------
    kinds : tuple of str
        Kinds of service.
    threshold_min : float
        What counts as near, minutes one way.
    visits : tuple of float
        Visits per person and year to each kind; empty: one to each.
    minutes : tuple of float
        How long a visit to each kind takes, minutes; empty: no time.
    obligatory : tuple of bool
        Whether a person must have each kind; empty: all.

    Raises
    ------
    SchemaError
        A kind stands there twice, or there are not as many numbers as kinds, visits are not above 0, or the threshold
        is negative or no number.

    Examples
    --------
    >>> bundle = Bundle(kinds=("doctor", "school"), visits=(4.0, 10.0), obligatory=(False, True))
    >>> bundle.rounds()   # four times both, six times more the school
    ((3, 4.0), (2, 6.0))
    >>> bundle.only_obligatory().kinds
    ('school',)
    """

    kinds: tuple[str, ...]
    threshold_min: float = 15.0
    visits: tuple[float, ...] = ()
    minutes: tuple[float, ...] = ()
    obligatory: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.kinds)) != len(self.kinds):
            raise SchemaError(f"a kind stands twice in the bundle: {', '.join(self.kinds)}. Add up its visits.")
        for name in ("visits", "minutes", "obligatory"):
            if len(getattr(self, name)) not in (0, len(self.kinds)):
                raise SchemaError(f"{name} has {len(getattr(self, name))} values for {len(self.kinds)} kinds.")
        if not all(0 < v < np.inf for v in self.visits) or not all(0 <= m < np.inf for m in self.minutes):
            raise SchemaError(f"visits {self.visits} must lie above 0, and minutes {self.minutes} must not lie below.")
        if not 0 <= self.threshold_min < np.inf:
            raise SchemaError(f"threshold_min = {self.threshold_min}: what counts as near is minutes of at least 0.")

    @property
    def visits_a_year(self) -> tuple[float, ...]:
        """Visits per person and year to each kind."""
        return self.visits or (1.0,) * len(self.kinds)

    @property
    def seconds(self) -> Ints:
        """How long a visit to each kind takes, whole seconds, shape (kind,)."""
        seconds: Ints = np.rint(np.array(self.minutes or (0.0,) * len(self.kinds)) * 60).astype(np.int64)
        return seconds

    def rounds(self) -> tuple[tuple[int, float], ...]:
        """Rounds of a year: what is needed in each, as bits, and how often; the first needs the whole bundle.

        Who needs one service more often than another needs it alone in further rounds.
        """
        found, before = [], 0.0
        for often in sorted(set(self.visits_a_year)):
            need = sum(1 << k for k, v in enumerate(self.visits_a_year) if v >= often)
            found.append((need, often - before))
            before = often
        return tuple(found)

    def only_obligatory(self) -> Bundle:
        """Give the part a person must have."""
        keep = [k for k in range(len(self.kinds)) if not self.obligatory or self.obligatory[k]]
        parts: dict[str, Any] = {
            n: tuple(v[k] for k in keep) for n, v in vars(self).items() if isinstance(v, tuple) and v
        }
        return replace(self, **parts)


def places_of(points: Floats, same_place_m: float) -> Ints:
    """Group sites into places: sites nearer to each other than `same_place_m`, directly or in a chain.

    Parameters
    ----------
    points : ndarray of float64, shape (site, 2)
        Positions, metres.
    same_place_m : float
        Distance, metres.

    Returns
    -------
    ndarray of int64, shape (site,)
        Number of the place of each site, counted in the order of the sites.

    Examples
    --------
    >>> places_of(np.array([[0.0, 0.0], [50.0, 0.0], [900.0, 0.0]]), 100.0)
    array([0, 0, 1])
    """
    pairs = cKDTree(points).query_pairs(same_place_m, output_type="ndarray")
    graph = sparse.coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(points), len(points)))
    found = connected_components(graph, directed=False)[1]
    _, first, number = np.unique(found, return_index=True, return_inverse=True)
    rank: Ints = np.argsort(np.argsort(first))[number].astype(np.int64)
    return rank


def bundle_cells(
    cells: xr.Dataset, times: TravelTimes, kind: npt.ArrayLike, place: Ints, bundle: Bundle, *, total: str
) -> xr.Dataset:
    """Add access to single services and to the bundle to cells.

    Parameters
    ----------
    cells : xarray.Dataset
        The cells `times` start from.
    times : TravelTimes
        Cell to site.
    kind : array_like of str, shape (site,)
        Kind of each site, in the order of ``times.site_id``.
    place : ndarray of int64, shape (site,)
        Place of each site.
    bundle : Bundle
        What is wanted together.
    total : str
        Count of residents: the weight of the averages.

    Returns
    -------
    xarray.Dataset
        With ``minutes_<kind>`` to the nearest (NaN beyond the limit), ``share_at_one_place`` (share of the bundle's
        kinds at the best place within the threshold), ``minutes_one_stop`` (to the nearest place that has all),
        ``minutes_separate`` (round trips to the nearest of each) and ``minutes_saved`` (round trips to all separately
        less one round trip to a complete place; below 0 where the only complete place is further than the sum).
    """
    _check(cells, times, bundle, kind)
    minutes = times.seconds / 60.0
    of_kind = np.array([np.asarray(kind) == k for k in bundle.kinds])
    rows, n = times.rows(), len(times.cell_id)
    offers = of_kind[:, times.site]
    nearest = {k: smallest(rows[offers[i]], minutes[offers[i]], n) for i, k in enumerate(bundle.kinds)}
    row, best = _by_place(rows, minutes, offers, place[times.site])
    one_stop = smallest(row, best.max(axis=0), n)
    share = largest(row, (best <= bundle.threshold_min).mean(axis=0), n)
    separate = 2 * np.sum(list(nearest.values()), axis=0)
    values = {f"minutes_{k}": _finite(v) for k, v in nearest.items()}
    about = {f"minutes_{k}": _minutes(f"Minutes to the nearest {k}", total) for k in bundle.kinds}
    values |= {
        "share_at_one_place": share,
        "minutes_one_stop": _finite(one_stop),
        "minutes_separate": _finite(separate),
        "minutes_saved": _finite(separate) - 2 * _finite(one_stop),
    }
    within = f"{bundle.threshold_min:g} minutes"
    about["share_at_one_place"] = Column(
        kind="intensive", units="1", weight=total, source=times.mode, of_place=True,
        long_name=f"Share of the bundle at the best single place within {within}",
    )  # fmt: skip
    about["minutes_one_stop"] = _minutes("Minutes to the nearest place that offers the whole bundle", total)
    about["minutes_separate"] = _minutes("Minutes for a round trip to each service of the bundle separately", total)
    about["minutes_saved"] = _minutes("Minutes saved by one stop for all, against separate round trips", total)
    about = {n: Column(**{**vars(c), "source": times.mode}) for n, c in about.items()}
    return with_variables(cells, values, about)


def _by_place(rows: Ints, minutes: Floats, offers: Bools, here: Ints) -> tuple[Ints, Floats]:
    """Time to each kind at each place a cell reaches: rows of the (cell, place) pairs, minutes (kind, pair).

    Infinity where the place lacks the kind; so the worst kind of a place is infinite unless it has all.
    """
    places = int(here.max(initial=0)) + 1
    pairs, pair = np.unique(rows * places + here, return_inverse=True)
    best = np.stack([smallest(pair[kind], minutes[kind], len(pairs)) for kind in offers])
    return pairs // places, best


def _check(cells: xr.Dataset, times: TravelTimes, bundle: Bundle, kind: npt.ArrayLike) -> None:
    if not np.array_equal(ids_of(cells), times.cell_id):
        raise SchemaError("these travel times do not start from these cells. Compute them for the cells at hand.")
    if absent := [k for k in bundle.kinds if k not in set(np.asarray(kind).tolist())]:
        known = ", ".join(sorted(set(np.asarray(kind).tolist())))
        raise SchemaError(f"no site is of kind {', '.join(absent)}. Kinds there are: {known}.")


def _finite(minutes: Floats) -> Floats:
    return np.where(np.isfinite(minutes), minutes, np.nan)


def _minutes(words: str, total: str) -> Column:
    return Column(kind="intensive", units="min", long_name=words, weight=total, of_place=True)


def bundle_table(cells: xr.Dataset, bundle: Bundle, groups: Sequence[str], *, total: str, mode: str) -> pd.DataFrame:
    """Give access by group: who needs more than the threshold, and how long the others need.

    Parameters
    ----------
    cells : xarray.Dataset
        As `bundle_cells` gives them.
    bundle : Bundle
        The bundle.
    groups : sequence of str
        Counts of the groups; the total is always there.
    total : str
        Count of residents.
    mode : str
        How the travel times were made.

    Returns
    -------
    pandas.DataFrame
        A result table: ``beyond:<service>`` (persons), ``share_beyond:<service>`` and ``mean_minutes:<service>``
        (person-weighted, over those within the limit), also for ``one_stop``, the whole bundle at one place.
    """
    about = {"threshold_min": bundle.threshold_min, "mode": mode, "bundle": "|".join(bundle.kinds)}
    rows: list[dict[str, Any]] = []
    for group in (total, *[g for g in groups if g != total]):
        known = ~is_missing(status_of(cells, group))
        persons = np.where(known, np.nan_to_num(values_of(cells, group)), 0.0)
        for service in (*bundle.kinds, "one_stop"):
            rows += _access_rows(service, group, persons, values_of(cells, f"minutes_{service}"), bundle, about)
        saved = values_of(cells, "minutes_saved")
        weight = np.where(np.isnan(saved), 0.0, persons)
        mean = float(weight @ np.nan_to_num(saved)) / weight.sum() if weight.sum() > 0 else np.nan
        rows.append(_access("minutes_saved", group, mean, weight, about))
    return result_table(rows)


def _access_rows(
    service: str, group: str, persons: Floats, minutes: Floats, bundle: Bundle, about: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    beyond = ~(minutes <= bundle.threshold_min)
    everyone = float(persons.sum())
    yield _access(f"beyond:{service}", group, float(persons[beyond].sum()), persons, about)
    share = float(persons[beyond].sum()) / everyone if everyone > 0 else np.nan
    yield _access(f"share_beyond:{service}", group, share, persons, about)
    weight = np.where(np.isnan(minutes), 0.0, persons)
    mean = float(weight @ np.nan_to_num(minutes)) / weight.sum() if weight.sum() > 0 else np.nan
    yield _access(f"mean_minutes:{service}", group, mean, weight, about)


def _access(index: str, group: str, value: float, persons: Floats, about: dict[str, Any]) -> dict[str, Any]:
    return {
        "zone": "all",
        "topic": "access",
        "index": index,
        "groups": group,
        "estimate": value,
        "persons": float(persons.sum()),
        "cells": int((persons > 0).sum()),
        "parameters": parameters(**about),
    }
