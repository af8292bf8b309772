"""One way to judge every layout of services: what each cell and group needs for the bundle, the same for all.

Cells are judged one by one, so that after a change only those that reach a changed site are judged anew, and every
number is the one a whole computation gives, to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from civigrid.engine import Scheduler
from civigrid.kernels.bundles import UNREACHED
from civigrid.kernels.visits import WEEK
from civigrid.layers.onestop.judging import BLOCK, Judged, Offer, judge, offer_of, rows_of
from civigrid.layers.onestop.services import Services
from civigrid.layers.onestop.town import Town
from civigrid.travel_times import TravelTimes
from civigrid.types import Bools, Floats, Ints


@dataclass(frozen=True, eq=False, kw_only=True)
class Evaluation:
    """A layout of services, judged.

    Parameters
    ----------
    town : Town
        By what.
    services : Services
        The layout.
    of_group : tuple of int
        Class of each group: groups whom the same services serve are judged together.
    offers : tuple of Offer
        What sites hold, by class.
    judged : tuple of Judged
        What cells need, by class.
    computed : int
        Cells that were computed for this, over all classes.
    """

    town: Town
    services: Services
    of_group: tuple[int, ...]
    offers: tuple[Offer, ...]
    judged: tuple[Judged, ...]
    computed: int

    def of(self, group: str = "") -> Judged:
        """What cells need, for a group; by default for everyone."""
        return self.judged[self.of_group[self.town.number(group) if group else 0]]

    def year_min(self, group: str = "") -> Floats:
        """Minutes of travel a person needs in a year for the bundle by the cheapest mix, shape (cell,).

        A kind no site of which is within the bound of the times counts as trips as long as the bound.
        """
        mix, total = self.of(group).mix, np.zeros(len(self.town.times.cell_id))
        for r, (_, often) in enumerate(self.town.bundle.rounds()):
            total += 2 * often * (mix[:, r] / 60.0)
        return total

    def year_trips(self, group: str = "") -> Floats:
        """Trips there and back that this takes, shape (cell,)."""
        trips, total = self.of(group).trips, np.zeros(len(self.town.times.cell_id))
        for r, (_, often) in enumerate(self.town.bundle.rounds()):
            total += often * trips[:, r]
        return total

    def nearest_min(self, group: str = "") -> Floats:
        """Minutes one way to the nearest site of a kind, the mean over visits, capped at the bound, shape (cell,)."""
        kind, total = self.of(group).kind, np.zeros(len(self.town.times.cell_id))
        visits = self.town.bundle.visits_a_year
        for k, often in enumerate(visits):
            total += often * (np.minimum(kind[:, k], self.town.times.limit_s) / 60.0)
        return total / sum(visits)

    def near(self, group: str = "") -> Bools:
        """Whether every kind is within the threshold, shape (cell,)."""
        return np.asarray((self.of(group).kind <= self.town.threshold_s).all(axis=1))

    def unserved(self, group: str = "") -> Bools:
        """Whether some kind is nowhere within the bound of the times, shape (cell,)."""
        return np.asarray((self.of(group).kind >= UNREACHED).any(axis=1))


def evaluate(
    town: Town,
    services: Services,
    *,
    before: Evaluation | None = None,
    scheduler: Scheduler | None = None,
    block: int = BLOCK,
) -> Evaluation:
    """Judge a layout of services.

    Parameters
    ----------
    town : Town
        People, times and needs.
    services : Services
        The layout, in any order.
    before : Evaluation, optional
        Another layout, judged by the same bundle, groups and free hours: only cells that reach a site which differs,
        or whose times differ, are computed.  The result is the same to the last bit.
    scheduler : Scheduler, optional
        Where blocks of cells are computed.
    block : int
        Cells of a block.

    Returns
    -------
    Evaluation
        Closing a service never makes `Evaluation.year_min` less, nor anyone nearer; opening one never more.

    Raises
    ------
    SchemaError
        Services stand at a site that the times do not have, or the bundle has more than 8 kinds.

    Examples
    --------
    >>> from civigrid.layers.onestop.bundle import Bundle
    >>> from civigrid.layers.onestop.services import services_at
    >>> from civigrid.travel_times import times_of_pairs
    >>> ids, site = np.array([7, 8], dtype=np.uint64), np.array([0, 1])
    >>> times = times_of_pairs(ids, np.array(["a", "b"]), 0 * site, site, np.array([300, 600]),
    ...                        limit_s=900, mode="walk")
    >>> town = Town(times=times, bundle=Bundle(kinds=("doctor",)), persons=np.ones((2, 1)), groups=("all",))
    >>> found = evaluate(town, services_at([0, 1], ["doctor", "doctor"]))
    >>> found.year_min().tolist(), found.unserved().tolist()   # the second cell reaches nothing within 15 minutes
    ([10.0, 30.0], [False, True])
    >>> evaluate(town, services_at([1], ["doctor"]), before=found).year_min().tolist()
    [20.0, 30.0]
    """
    of_group, suits = _classes(town, services)
    offers = tuple(offer_of(town, services.some(suit)) for suit in suits)
    old = before if before is not None and _same_measure(before.town, town) else None
    judged, computed = [], 0
    for c, offer in enumerate(offers):
        rows, kept = None, None
        if old is not None:
            was = old.of_group[of_group.index(c)]
            rows, kept = _touched(old.town.times, town.times, old.offers[was], offer), old.judged[was]
        if rows is None or kept is None:
            judged.append(judge(town, town.times, offer, scheduler, block))
            computed += len(town.times.cell_id)
            continue
        judged.append(_patched(kept, rows, judge(town, rows_of(town.times, rows), offer, scheduler, block)))
        computed += len(rows)
    return Evaluation(
        town=town, services=services, of_group=of_group, offers=offers, judged=tuple(judged), computed=computed
    )


def _classes(town: Town, services: Services) -> tuple[tuple[int, ...], list[Bools]]:
    """Class of each group, and which services suit each class."""
    suits: dict[bytes, Bools] = {}
    keys = []
    for group in town.groups:
        suit = town.suitable(services, group)
        keys.append(suit.tobytes())
        suits[keys[-1]] = suit
    order = list(suits)
    return tuple(order.index(key) for key in keys), list(suits.values())


def _same_measure(one: Town, other: Town) -> bool:
    free, free_there = (np.ones(WEEK) if t.free is None else t.free for t in (one, other))
    same_frame = (
        one.bundle == other.bundle
        and one.groups == other.groups
        and one.referral == other.referral
        and one.times.limit_s == other.times.limit_s
        and np.array_equal(free, free_there)
    )
    ids = [(t.times.cell_id, t.times.site_id) for t in (one, other)]
    return same_frame and all(a is b or np.array_equal(a, b) for a, b in zip(*ids, strict=True))


def _touched(was: TravelTimes, now: TravelTimes, old: Offer, new: Offer) -> Ints:
    """Rows of the cells that reach a site that differs, before or after, or whose times differ."""
    site = (old.mask != new.mask) | (old.complete != new.complete) | (old.run != new.run).any(axis=(1, 2))
    hit = np.zeros(len(now.cell_id), dtype=bool)
    for times in {id(was): was, id(now): now}.values():
        hit[times.rows()[site[times.site]]] = True
    if was is not now:
        hit |= _rows_that_differ(was, now)
    return np.flatnonzero(hit)


def _rows_that_differ(was: TravelTimes, now: TravelTimes) -> Bools:
    length = np.diff(now.indptr)
    differs: Bools = np.diff(was.indptr) != length
    same = np.flatnonzero(~differs)
    a, b = (rows_of(t, same) for t in (was, now))
    apart = (a.site != b.site) | (a.seconds != b.seconds)
    differs[same[b.rows()[apart]]] = True
    return differs


def _patched(kept: Judged, rows: Ints, fresh: Judged) -> Judged:
    def put(old: npt.NDArray[Any], new: npt.NDArray[Any]) -> npt.NDArray[Any]:
        whole = old.copy()
        whole[rows] = new
        return whole

    return Judged(**{name: put(getattr(kept, name), getattr(fresh, name)) for name in Judged._fields})
