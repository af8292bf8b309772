"""Ways to have a bundle whatever the hour: separate trips, one stop, the cheapest mix, some of it at one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from civigrid.engine import Scheduler
from civigrid.engine.arrays import Arrays, map_ranges
from civigrid.kernels.bundles import UNREACHED, Int32s, Nearest, nearest_of_masks
from civigrid.layers.onestop.bundle import Bundle
from civigrid.layers.onestop.services import Services, offers
from civigrid.travel_times import TravelTimes
from civigrid.types import Floats

BLOCK = 16_384
"""Cells worked on together; no result depends on it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Patterns:
    """Ways to have a bundle, by cell: minutes, NaN where there is none within the bound of the travel times.

    Parameters
    ----------
    nearest_min : ndarray of float64, shape (cell, kind)
        One way to the nearest site of each kind.
    nearest_site : ndarray of int32, shape (cell, kind)
        Its column; -1 for none.
    at_least_min : ndarray of float64, shape (cell, kind)
        One way to the nearest site with at least 1, 2, ... of the kinds.
    one_stop_site : ndarray of int32, shape (cell,)
        The nearest site with all; -1 for none.
    separate_min, one_stop_min, mix_min : ndarray of float64, shape (cell,)
        Round trips for everything once: one to each kind; one to a site with all; to the sites of the cheapest mix.
    separate_year_min, one_stop_year_min, mix_year_min : ndarray of float64, shape (cell,)
        The same for a year's visits (`Bundle.rounds`).
    """

    nearest_min: Floats
    nearest_site: Int32s
    at_least_min: Floats
    one_stop_site: Int32s
    separate_min: Floats
    one_stop_min: Floats
    mix_min: Floats
    separate_year_min: Floats
    one_stop_year_min: Floats
    mix_year_min: Floats


def patterns_of(
    times: TravelTimes,
    services: Services,
    bundle: Bundle,
    *,
    groups: Sequence[str] = (),
    scheduler: Scheduler | None = None,
    block: int = BLOCK,
) -> Patterns:
    r"""Time of each way to have a bundle, from every cell.

    Parameters
    ----------
    times : TravelTimes
        Cell to site; the way back takes as long.
    services : Services
        What is offered; only what is in house counts.
    bundle : Bundle
        What is needed, at most 8 kinds.
    groups : sequence of str
        Groups the person belongs to; services for others are left out.
    scheduler : Scheduler, optional
        Where blocks of cells are computed.
    block : int
        Cells of a block.

    Returns
    -------
    Patterns
        Exact.

    Notes
    -----
    With visits :math:`n_s`, separate trips take :math:`\sum_s n_s\, 2 \min_j t_{ij}^s`.  One stop takes :math:`2 \min_j
    t_{ij}` over the sites with all that a round needs, times the rounds: with equal :math:`n_s` that is :math:`n_B`
    times the way to the nearest site with all of :math:`B`; who needs one service more often makes further rounds for
    it alone.  The mix is a minimum-cost set cover of each round.

    Examples
    --------
    >>> from civigrid.travel_times import times_of_pairs
    >>> site = np.array([0, 1, 2])
    >>> times = times_of_pairs(np.array([7], dtype=np.uint64), np.array(["a", "b", "c"]), 0 * site, site,
    ...                        np.array([300, 600, 1200]), limit_s=1800, mode="walk")
    >>> from civigrid.layers.onestop.services import services_at
    >>> services = services_at([0, 1, 2, 2], ["doctor", "school", "doctor", "school"])
    >>> ways = patterns_of(times, services, Bundle(kinds=("doctor", "school"), visits=(1.0, 3.0)))
    >>> ways.separate_min, ways.one_stop_min, ways.mix_min, ways.one_stop_year_min
    (array([30.]), array([40.]), array([30.]), array([80.]))
    """
    mask = offers(services, bundle.kinds, len(times.site_id), groups)
    rounds = bundle.rounds()
    arrays: Arrays = {"indptr": times.indptr, "site": times.site, "seconds": times.seconds, "mask": mask,
              "rounds": np.array([need for need, _ in rounds], dtype=np.int64)}  # fmt: skip
    parts = map_ranges(_Near(len(bundle.kinds)), arrays, len(times.cell_id), block, scheduler)
    near = Nearest(*(np.concatenate(part) for part in zip(*parts, strict=True)))
    often = np.array([times for _, times in rounds])
    kind = minutes(near.kind)
    return Patterns(
        nearest_min=kind,
        nearest_site=near.kind_site,
        at_least_min=minutes(near.at_least),
        one_stop_site=near.one_site[:, 0],
        separate_min=2 * kind.sum(axis=1),
        one_stop_min=2 * minutes(near.one[:, 0]),
        mix_min=2 * minutes(near.mix[:, 0]),
        separate_year_min=2 * weighted(kind, bundle.visits_a_year),
        one_stop_year_min=2 * weighted(minutes(near.one), often),
        mix_year_min=2 * weighted(minutes(near.mix), often),
    )


@dataclass(frozen=True)
class _Near:
    kinds: int

    def __call__(self, arrays: Arrays, first: int, stop: int) -> Nearest:
        indptr = arrays["indptr"][first : stop + 1]
        a = dict(arrays)
        return nearest_of_masks(indptr, a["site"], a["seconds"], a["mask"], a["rounds"], self.kinds)


def minutes(seconds: Int32s) -> Floats:
    """Minutes of seconds; NaN where unreached."""
    return np.where(seconds < UNREACHED, seconds / 60.0, np.nan)


def weighted(values: Floats, weight: npt.ArrayLike) -> Floats:
    """Sum columns by weight, one after another: the same sum for any number of rows."""
    total = np.zeros(len(values))
    for column, often in zip(values.T, np.asarray(weight, dtype=np.float64), strict=True):
        total += column * often
    return total
