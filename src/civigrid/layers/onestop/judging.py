"""What each cell needs for the bundle, for one class of people: cell by cell, in blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from civigrid.engine import Scheduler
from civigrid.engine.arrays import Arrays, map_ranges
from civigrid.errors import SchemaError
from civigrid.kernels.bundles import Int32s, Masks
from civigrid.kernels.served import best_within, serve
from civigrid.kernels.visits import WEEK, WORDS, Visits, open_runs, shares_of_week, visits_of
from civigrid.layers.onestop.bundle import Bundle
from civigrid.layers.onestop.completeness import completeness_of_sites
from civigrid.layers.onestop.services import Services, number_of_kind
from civigrid.layers.onestop.town import Town
from civigrid.travel_times import TravelTimes
from civigrid.types import Floats, Ints

BLOCK = 16_384
"""Cells judged together; no result depends on it."""


class Offer(NamedTuple):
    """What sites hold for one class of people: kinds as bits, completeness, and runs of opening (site, kind, 672)."""

    mask: Masks
    complete: Floats
    run: npt.NDArray[np.uint16]


class Judged(NamedTuple):
    """What each cell needs, for one class of people: times as in `civigrid.kernels.served.Served`, seconds one way.

    ``complete``: completeness at the best site near; ``week``: share of the free week in which, setting out, every
    kind is near and open for the whole visit.  Both in [0, 1], shape (cell,); `week` is NaN without free time.
    """

    kind: Int32s
    kind_site: Int32s
    mix: Int32s
    trips: Int32s
    complete: Floats
    week: Floats


def offer_of(town: Town, services: Services) -> Offer:
    """What each site holds of services that all suit one class of people."""
    sites, kinds = len(town.times.site_id), town.bundle.kinds
    if len(services.site) and not 0 <= services.site.min() <= services.site.max() < sites:
        raise SchemaError(f"services stand at site {services.site.max()}, but the times have {sites} sites.")
    everyone = tuple(frozenset[str]() for _ in services.eligible)
    from_all = Services(**{**vars(services), "eligible": everyone})
    kind = number_of_kind(services, kinds)
    use = np.flatnonzero((kind >= 0) & services.in_house)
    mask = np.zeros(sites, dtype=np.uint8)
    np.bitwise_or.at(mask, services.site[use], (1 << kind[use]).astype(np.uint8))
    run = np.zeros((sites, len(kinds), WEEK), dtype=np.uint16)
    np.maximum.at(run, (services.site[use], kind[use]), open_runs(services.open_week[use]))
    return Offer(mask, completeness_of_sites(from_all, town.bundle, sites, referral=town.referral), run)


def rows_of(times: TravelTimes, rows: Ints) -> TravelTimes:
    """Times of some cells."""
    length = np.diff(times.indptr)[rows]
    indptr = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    at = np.arange(indptr[-1]) + np.repeat(times.indptr[rows] - indptr[:-1], length)
    return TravelTimes(
        cell_id=times.cell_id[rows], site_id=times.site_id, indptr=indptr, site=times.site[at],
        seconds=times.seconds[at], limit_s=times.limit_s, mode=times.mode,
    )  # fmt: skip


def judge(town: Town, times: TravelTimes, offer: Offer, scheduler: Scheduler | None, block: int) -> Judged:
    """Judge cells, in blocks; `times` may be those of some cells of the town."""
    bundle = town.bundle
    free = np.ones(WEEK) if town.free is None else town.free
    arrays: Arrays = {
        "indptr": times.indptr, "site": times.site, "seconds": times.seconds, "mask": offer.mask,
        "complete": offer.complete, "rounds": np.array([need for need, _ in bundle.rounds()], dtype=np.int64),
        "free": free, **_visits(offer, bundle)._asdict(),
    }  # fmt: skip
    work = _Judge(len(bundle.kinds), times.limit_s, town.threshold_s)
    parts = map_ranges(work, arrays, len(times.cell_id), block, scheduler)
    return Judged(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _visits(offer: Offer, bundle: Bundle) -> Visits:
    """When each single kind can be had at each site; sets of several are not asked for here."""
    sites, size = len(offer.mask), 1 << len(bundle.kinds)
    row, when, count = np.full((sites, size), -1, dtype=np.int32), [np.zeros((0, WORDS), dtype=np.uint64)], 0
    for k in range(len(bundle.kinds)):
        has = np.flatnonzero(offer.mask >> k & 1)
        made = visits_of(offer.run[has, k : k + 1], np.ones(len(has), dtype=np.uint8), bundle.seconds[k : k + 1])
        row[has, 1 << k] = count + np.arange(len(has))
        when.append(made.when[made.row[:, 1]])
        count += len(has)
    return Visits(row, np.concatenate(when), np.zeros(size, dtype=np.int64))


@dataclass(frozen=True)
class _Judge:
    kinds: int
    cap: int
    threshold: int

    def __call__(self, arrays: Arrays, first: int, stop: int) -> Judged:
        a = dict(arrays)
        indptr = a["indptr"][first : stop + 1]
        begin, end = int(indptr[0]), int(indptr[-1])
        site, seconds = a["site"][begin:end], a["seconds"][begin:end]
        # a site that offers nothing is no place to go
        keep = (a["mask"] > 0)[site] | (a["complete"] > 0)[site]
        count = np.concatenate([[0], np.cumsum(keep)])
        indptr, site, seconds = count[indptr - begin], site[keep], seconds[keep]
        served = serve(indptr, site, seconds, a["mask"], a["rounds"], self.kinds, self.cap)
        complete = best_within(indptr, site, seconds, a["complete"], self.threshold)
        near = seconds <= self.threshold
        count = np.concatenate([[0], np.cumsum(near)])
        visits = Visits(**{name: a[name] for name in Visits._fields})
        sets = 1 << np.arange(self.kinds)
        week = shares_of_week(count[indptr], site[near], seconds[near], visits, sets, a["free"])[:, -1]
        return Judged(*served, complete, week / (a["free"].sum() or np.nan))
