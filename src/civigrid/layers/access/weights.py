"""Weights of pairs: the decay of one travel time, or the mean of the decay over a window of departures.

The decay of a median time and the mean decay over departures are different things: a line that runs once an hour has a
good median or none, while the mean counts how often one is near.  Each is named in every output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from civigrid.errors import SchemaError
from civigrid.kernels.catchment import Pairs, looked_up
from civigrid.kernels.counting import counting_order
from civigrid.layers.access.decay import Bounded, Decay, tabulated, words_of
from civigrid.travel_times import TravelTimes
from civigrid.types import Floats, Ints


@dataclass(frozen=True, eq=False, kw_only=True)
class Weighted:
    """Pairs of cells and sites, and how much each counts; make it by `weighted`, `given_weights` or `mean_of_decay`.

    Parameters
    ----------
    times : TravelTimes
        The pairs.
    words : str
        What the weights are, for outputs.
    table : ndarray of float64, shape (second,), or None
        Weight of each whole second of the travel time.
    given : ndarray of float64, shape (pair,), or None
        Where there is no table: weights in the order of the pairs, at least 0.
    timed : bool
        Whether ``times.seconds`` is the time one travels: not so for a window of departures, where there are many.
    weight_at_limit : float
        Weight at the bound of the search, by the largest: what the bound cuts off.
    """

    times: TravelTimes
    words: str
    table: Floats | None = None
    given: Floats | None = None
    timed: bool = True
    weight_at_limit: float = 0.0

    def __post_init__(self) -> None:
        if self.given is None:
            return
        if self.given.shape != self.times.seconds.shape:
            raise SchemaError(f"{self.given.shape} weights for {self.times.seconds.shape} pairs: one for each.")
        if len(self.given) and not (np.isfinite(self.given).all() and self.given.min() >= 0):
            raise SchemaError("weights of pairs must be numbers of at least 0.")

    @cached_property
    def weight(self) -> Floats:
        """Weight of each pair, shape (pair,), in the order of the pairs of `times`."""
        if self.table is not None:
            return self.table[self.times.seconds]
        return np.zeros(0) if self.given is None else self.given

    @cached_property
    def pairs(self) -> Pairs:
        """What kernels take: the pairs that weigh something."""
        times, sites = self.times, len(self.times.site_id)
        if self.table is not None:
            return looked_up(times.indptr, times.site, times.seconds, self.table, sites)
        return Pairs(times.indptr, times.site, self.weight, sites)

    def in_order(self, sites: Ints) -> Weighted:
        """The same with its sites in another order, all of them; shape (site,): columns as they are now."""
        if np.array_equal(sites, np.arange(len(sites))):
            return self
        rank = np.empty(len(sites), dtype=np.int64)
        rank[sites] = np.arange(len(sites))
        column = rank[self.times.site]
        order, _ = counting_order(column, len(sites))
        by_row, _ = counting_order(self.times.rows()[order], len(self.times.cell_id))
        order = order[by_row]
        times = replace(
            self.times,
            site_id=self.times.site_id[sites],
            site=column[order].astype(np.int32),
            seconds=self.times.seconds[order],
        )
        return replace(self, times=times, given=None if self.given is None else self.given[order])


def weighted(times: TravelTimes, decay: Decay) -> Weighted:
    """Weigh pairs by the decay of their travel time.

    Parameters
    ----------
    times : TravelTimes
        Of one departure, or one percentile of many: then these are weights of a percentile, not a mean of weights.
    decay : callable
        From minutes to weights.

    Returns
    -------
    Weighted
        A pair that is absent counts nothing; `weight_at_limit` tells what that may leave out.

    Raises
    ------
    SchemaError
        The decay reaches beyond the bound of the search.

    Examples
    --------
    >>> from civigrid.layers.access.decay import Binary
    >>> from civigrid.travel_times import times_of_pairs
    >>> one, two = np.array([7], dtype=np.uint64), np.array(["a", "b"])
    >>> times = times_of_pairs(one, two, np.array([0, 0]), np.array([0, 1]), np.array([60, 90]), limit_s=90, mode="")
    >>> weighted(times, Binary(1.0)).weight.tolist()
    [1.0, 0.0]
    """
    reach = decay.until_min if isinstance(decay, Bounded) else 0.0
    if reach * 60 > times.limit_s + 1e-6:
        raise SchemaError(
            f"{words_of(decay)} reaches to {reach:g} minutes, these travel times were searched up to "
            f"{times.limit_s / 60:g}. Search further, or take a shorter decay."
        )
    table = tabulated(decay, times.limit_s)
    largest = float(table.max(initial=0.0))
    left = 0.0 if isinstance(decay, Bounded) or largest == 0 else float(table[-1]) / largest
    words = f"{words_of(decay)} of the travel time"
    return Weighted(times=times, table=table, words=words, weight_at_limit=left)


def given_weights(times: TravelTimes, weight: Floats, words: str, *, timed: bool = True) -> Weighted:
    """Take weights that were made elsewhere, as by a search over a window of departures.

    Parameters
    ----------
    times : TravelTimes
        The pairs.
    weight : ndarray of float64, shape (pair,)
        At least 0, in the order of the pairs.
    words : str
        What they are, for outputs: ``"mean of gaussian(sigma_min=10) over 120 departures"``.
    timed : bool
        Whether the pairs' seconds are travel times that may be told.
    """
    return Weighted(times=times, given=np.asarray(weight, dtype=np.float64), words=words, timed=timed)


def mean_of_decay(departures: Sequence[TravelTimes], decay: Decay) -> Weighted:
    r"""Weigh pairs by the mean of the decay over departures, :math:`E_\tau[f(t(\tau))]`.

    Parameters
    ----------
    departures : sequence of TravelTimes
        One for each departure, of the same cells and sites and with the same bound.  A pair that is absent from one
        counts 0 there.
    decay : callable
        From minutes to weights.

    Returns
    -------
    Weighted
        Pairs that any departure has; its times are the quickest, and are no time one can rely on (`timed` is False).
    """
    if not departures:
        raise SchemaError("no departures: a mean over a window needs at least one.")
    first = departures[0]
    for other in departures[1:]:
        same = np.array_equal(other.cell_id, first.cell_id) and np.array_equal(other.site_id, first.site_id)
        if not same or other.limit_s != first.limit_s:
            raise SchemaError("departures differ in their cells, sites or bounds. Compute them in one search.")
    each = [weighted(d, decay) for d in departures]
    row = np.concatenate([d.rows() for d in departures])
    site = np.concatenate([d.site for d in departures])
    order, _ = counting_order(site, len(first.site_id))
    by_row, _ = counting_order(row[order], len(first.cell_id))
    order = order[by_row]
    row, site = row[order], site[order]
    start = np.flatnonzero(np.append(True, (row[1:] != row[:-1]) | (site[1:] != site[:-1]))[: len(row)])
    seconds = np.concatenate([d.seconds for d in departures])[order]
    weight = np.concatenate([w.weight for w in each])[order]
    count = np.bincount(row[start], minlength=len(first.cell_id))
    times = TravelTimes(
        cell_id=first.cell_id,
        site_id=first.site_id,
        indptr=np.concatenate([[0], np.cumsum(count)]).astype(np.int64),
        site=site[start].astype(np.int32),
        seconds=np.minimum.reduceat(seconds, start) if len(start) else seconds,
        limit_s=first.limit_s,
        mode=first.mode,
    )
    summed = np.add.reduceat(weight, start) if len(start) else weight
    return Weighted(
        times=times,
        given=summed / len(departures),
        words=f"mean of {words_of(decay)} over {len(departures)} departures",
        timed=False,
        weight_at_limit=max(w.weight_at_limit for w in each),
    )
