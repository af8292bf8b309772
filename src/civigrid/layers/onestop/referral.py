"""Referral: enter at one place, be sent on for what it lacks, and be lost on the way now and then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from civigrid.errors import SchemaError
from civigrid.kernels.bundles import UNREACHED, Int32s
from civigrid.kernels.group import largest, smallest
from civigrid.layers.onestop.bundle import Bundle
from civigrid.layers.onestop.places import dense_between
from civigrid.layers.onestop.services import Services, number_of_kind, offers, serving
from civigrid.travel_times import TravelTimes
from civigrid.types import Bools, Floats, Ints


@dataclass(frozen=True, eq=False, kw_only=True)
class Entries:
    """What comes of entering at each site.

    Parameters
    ----------
    referrals : ndarray of int64, shape (site, kind)
        Referrals until the service is had: 0 in house; -1 where it is not had.
    onward_s : ndarray of float64, shape (site, kind)
        Expected seconds of the ways from the entry on, one way; 0 where it is not had.
    completed : ndarray of float64, shape (site,)
        Expected services of the bundle that are completed.
    """

    referrals: Ints
    onward_s: Floats
    completed: Floats


@dataclass(frozen=True, eq=False, kw_only=True)
class Referred:
    """Where to enter from each cell, and what comes of it.

    Parameters
    ----------
    completed : ndarray of float64, shape (cell,)
        Expected services of the bundle that are completed; 0 where no site is within the bound.
    referred_min : ndarray of float64, shape (cell,)
        Expected minutes, there and back: to the entry, and from it to each service it refers to.  NaN without entry.
    entry : ndarray of int32, shape (cell,)
        Column of the entry; -1 without.
    """

    completed: Floats
    referred_min: Floats
    entry: Int32s


def entries_of(
    between: Int32s,
    services: Services,
    bundle: Bundle,
    *,
    drop_out: float = 0.2,
    else_nearest: bool = True,
    groups: Sequence[str] = (),
) -> Entries:
    r"""Follow the referrals from every site.

    Parameters
    ----------
    between : ndarray of int32, shape (site, site)
        Seconds from site to site (`dense_between`).
    services : Services
        What is offered, in house or by referral.
    bundle : Bundle
        What is needed.
    drop_out : float
        Probability :math:`\delta` that a person is lost at a referral, in [0, 1].
    else_nearest : bool
        Whether who finds a service absent, and nobody to refer, is sent to the nearest site that has it.
    groups : sequence of str
        Groups the person belongs to; services for others are left out.

    Returns
    -------
    Entries
        With :math:`r_s` referrals to service s, :math:`\sum_s (1-\delta)^{r_s}` are completed; each way is made with
        the probability of getting so far.  Of several referrals that with the fewest steps counts, then the shortest.

    Raises
    ------
    SchemaError
        `drop_out` lies outside [0, 1].
    """
    if not 0 <= drop_out <= 1:
        raise SchemaError(f"drop_out = {drop_out}: a probability lies in [0, 1].")
    n, kinds = len(between), len(bundle.kinds)
    mask = offers(services, bundle.kinds, n, groups)
    kind = number_of_kind(services, bundle.kinds)
    sent = (kind >= 0) & ~services.in_house & serving(services, groups) & (services.targets >= 0)
    steps, onward = np.full((n, kinds), -1, dtype=np.int64), np.zeros((n, kinds))
    for k in range(kinds):
        here = (mask >> k) & 1 == 1
        rows = np.flatnonzero(sent & (kind == k))
        steps[:, k], onward[:, k] = _followed(
            between, here, services.site[rows], services.targets[rows], 1 - drop_out, else_nearest
        )
    stays = np.where(steps >= 0, (1 - drop_out) ** np.maximum(steps, 0), 0.0)
    return Entries(referrals=steps, onward_s=onward, completed=stays.sum(axis=1))


def _followed(
    between: Int32s, here: Bools, site: Ints, target: Ints, stays: float, else_nearest: bool
) -> tuple[Ints, Floats]:
    """Referrals to one kind from each site (-1: not had) and expected seconds of the ways, one way."""
    n = len(here)
    most = n + 1
    steps, onward = np.where(here, 0, most), np.zeros(n)
    for _ in range(n):
        way = between[site, target]
        new = steps[target] + 1
        e = stays * (way + onward[target])
        better = (way < UNREACHED) & (new < most) & ((new < steps[site]) | ((new == steps[site]) & (e < onward[site])))
        if not better.any():
            break
        for k in np.flatnonzero(better):
            if (new[k], e[k]) < (steps[site[k]], onward[site[k]]):
                steps[site[k]], onward[site[k]] = new[k], e[k]
    if else_nearest and here.any():
        way = between[:, here].min(axis=1)
        lost = (steps == most) & (way < UNREACHED)
        steps[lost], onward[lost] = 1, stays * way[lost]
    return np.where(steps < most, steps, -1), np.where(steps < most, onward, 0.0)


def referred_of(
    times: TravelTimes,
    between: TravelTimes,
    services: Services,
    bundle: Bundle,
    *,
    drop_out: float = 0.2,
    else_nearest: bool = True,
    groups: Sequence[str] = (),
) -> Referred:
    """Choose the entry from each cell: where most is completed, and of equals the one with the fewest minutes.

    Parameters
    ----------
    times : TravelTimes
        Cell to site.
    between : TravelTimes
        Site to site; rows are the sites, numbered in their order.
    services, bundle, drop_out, else_nearest, groups
        As of `entries_of`.

    Returns
    -------
    Referred
        All ways are round trips.
    """
    made = entries_of(
        dense_between(between, times), services, bundle,
        drop_out=drop_out, else_nearest=else_nearest, groups=groups,
    )  # fmt: skip
    n, rows = len(times.cell_id), times.rows()
    # a sum of powers: of equals only the last bits differ
    completed = np.round(made.completed, 9)[times.site]
    best = largest(rows, completed, n)
    seconds = 2 * (times.seconds + made.onward_s.sum(axis=1)[times.site])
    top = completed == best[rows]
    least = smallest(rows[top], seconds[top], n)
    at = np.flatnonzero(top & (seconds == least[rows]))
    entry = np.full(n, -1, dtype=np.int32)
    # backwards: the lowest column stays
    entry[rows[at[::-1]]] = times.site[at[::-1]]
    return Referred(
        completed=np.where(entry >= 0, made.completed[entry], 0.0) if len(made.completed) else np.zeros(n),
        referred_min=np.where(np.isfinite(least), least / 60.0, np.nan),
        entry=entry,
    )
