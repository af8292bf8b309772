"""When a place can be visited: quarters of an hour of a week as bits, for every set of services done there.

A visit to a place begins on a quarter of an hour (who comes earlier waits for it).  Its services are done one after
another in the best order, without gaps; each must be open as long as it lasts.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from civigrid.kernels.bundles import Masks
from civigrid.types import Bools, Floats, Ints

WEEK = 672
"""Quarters of an hour in a week, from Monday 00:00."""
QUARTER_S = 900
WORDS = 22
"""64-bit words of a row: the week twice over, so that a turned week is one run of bits."""
_USED = 11
Words = npt.NDArray[np.uint64]
_jit: Any = numba.njit(cache=True, nogil=True)


class Visits(NamedTuple):
    """When sets of kinds can be done at sites.

    Parameters
    ----------
    row : ndarray of int32, shape (site, 2 ** kind)
        Row of a set of kinds at a site; -1 where the site does not offer them all.
    when : ndarray of uint64, shape (row, 22)
        Bit ``q``: a visit that begins with quarter ``q`` can do them all.
    lasts : ndarray of int64, shape (2 ** kind,)
        Seconds a set of kinds takes.
    """

    row: npt.NDArray[np.int32]
    when: Words
    lasts: Ints


def open_runs(open_week: Bools) -> npt.NDArray[np.uint16]:
    """How many quarters each service stays open from each quarter on, the week going round, shape (service, 672).

    >>> week = np.zeros((1, 672), dtype=bool)
    >>> week[0, [670, 671, 0]] = True
    >>> open_runs(week)[0, [669, 670, 671, 0, 1]].tolist()
    [0, 3, 2, 1, 0]
    """
    run = np.zeros(open_week.shape, dtype=np.uint16)
    _runs(np.ascontiguousarray(open_week), run)
    return run


@_jit
def _runs(is_open, run):  # type: ignore[no-untyped-def]
    week = is_open.shape[1]
    for s in range(is_open.shape[0]):
        length = 0
        # twice around: what closes on Sunday may have opened before
        for step in range(2 * week):
            q = week - 1 - step % week
            length = min(length + 1, week) if is_open[s, q] else 0
            run[s, q] = length


def visits_of(run: npt.NDArray[np.uint16], mask: Masks, seconds: Ints) -> Visits:
    """Find when every set of kinds can be done at every site.

    Parameters
    ----------
    run : ndarray of uint16, shape (site, kind, 672)
        Quarters a kind stays open at a site from each quarter on (`open_runs`).
    mask : ndarray of uint8, shape (site,)
        Kinds that each site offers, as bits.
    seconds : ndarray of int64, shape (kind,)
        How long each kind takes; 0 still needs it open in the quarter it falls in.

    Returns
    -------
    Visits
        Exact over all orders of the services of a visit.

    Examples
    --------
    >>> week = np.zeros((2, 672), dtype=bool)
    >>> week[0, 36:40], week[1, 38:48] = True, True   # 09:00 to 10:00, 09:30 to 12:00
    >>> made = visits_of(open_runs(week)[None], np.array([3], dtype=np.uint8), np.array([1800, 1800]))
    >>> np.flatnonzero(week_of_bits(made.when[made.row[0, 3]])).tolist()   # first the one, then the other
    [36, 37, 38]
    """
    sites, kinds = mask.shape[0], len(seconds)
    size = 1 << kinds
    subset = np.arange(size)
    offered = (subset[None] & ~(mask[:, None].astype(np.int64) & (size - 1))) == 0
    row = np.where(offered, np.cumsum(offered.ravel()).reshape(sites, size) - 1, -1).astype(np.int32)
    lasts = ((subset[:, None] >> np.arange(kinds)) & 1) @ seconds.astype(np.int64)
    when = np.zeros((int(offered.sum()), WORDS), dtype=np.uint64)
    _visits(run, row, seconds.astype(np.int64), lasts, when)
    return Visits(row, when, lasts)


@_jit
def _visits(run, row, seconds, lasts, when):  # type: ignore[no-untyped-def]
    size = lasts.size
    can = np.zeros((size, 672), dtype=np.bool_)
    for j in range(row.shape[0]):
        for a in range(size):
            if row[j, a] < 0:
                continue
            can[a] = a == 0
            for s in range(seconds.size):
                bit = 1 << s
                if not a & bit:
                    continue
                rest = a ^ bit
                # this kind comes last, after all others of the set
                q0, r = lasts[rest] // 900, lasts[rest] % 900
                need = max(1, (r + seconds[s] + 899) // 900)
                for q in range(672):
                    if can[rest, q] and run[j, s, (q + q0) % 672] >= need:
                        can[a, q] = True
            _pack(can[a], when[row[j, a]])


@_jit
def _pack(week, words):  # type: ignore[no-untyped-def]
    for q in range(1344):
        if week[q % 672]:
            words[q >> 6] |= np.uint64(1) << np.uint64(q & 63)


def bits_of_week(week: Bools) -> Words:
    """Pack a week as `Visits` holds it, shape (22,)."""
    words = np.zeros(WORDS, dtype=np.uint64)
    _pack(week, words)
    return words


def week_of_bits(words: Words) -> Bools:
    """Unpack a week, shape (672,)."""
    q = np.arange(WEEK, dtype=np.uint64)
    is_set: Bools = (words[q >> np.uint64(6)] >> (q & np.uint64(63))) & np.uint64(1) == 1
    return is_set


@_jit
def turned(words, shift, into, fresh):  # type: ignore[no-untyped-def]
    """Keep in `into` (11 words) the quarters ``q`` for which ``q + shift`` is set; `fresh`: whatever was in it."""
    whole, part = shift >> 6, np.uint64(shift & 63)
    for k in range(11):
        value = words[whole + k] >> part
        if part:
            value |= words[whole + k + 1] << (np.uint64(64) - part)
        if k == 10:
            value &= np.uint64(0xFFFFFFFF)
        into[k] = value if fresh else into[k] & value


def shares_of_week(
    indptr: Ints, site: npt.NDArray[np.int32], seconds: npt.NDArray[np.int32], visits: Visits, sets: Ints, free: Floats
) -> Floats:
    r"""Weight of the quarters in which someone who leaves home finds what is needed open on arrival.

    Parameters
    ----------
    indptr : ndarray of int64, shape (cell + 1,)
        Pairs of cell ``i`` are ``indptr[i]:indptr[i + 1]``.
    site, seconds : ndarray of int32, shape (pair,)
        Column of the site and way to it, seconds.
    visits : Visits
        When sites can be visited.
    sets : ndarray of int64, shape (set,)
        What is to be done in one visit to one site, as bits.
    free : ndarray of float64, shape (672,)
        Share of the people that is free in each quarter.

    Returns
    -------
    ndarray of float64, shape (cell, set + 1)
        :math:`\sum_\tau a(\tau) A_i(\tau)` in quarters of an hour, for each set; in the last column for all sets in
        the same quarter, each on a trip of its own.  Arrival counts from the next full quarter.

    Notes
    -----
    Weekly index of Neutens, Delafontaine, Schwanen and Van de Weghe (2012), Journal of Transport Geography 25.
    """
    found = np.zeros((len(indptr) - 1, len(sets) + 1))
    _shares(indptr, site, seconds, visits.row, visits.when, sets, free, found)
    return found


@_jit
def _shares(indptr, site, seconds, row, when, sets, free, found):  # type: ignore[no-untyped-def]
    here, open_now, every = np.zeros(11, np.uint64), np.zeros(11, np.uint64), np.zeros(11, np.uint64)
    for i in range(indptr.size - 1):
        for s in range(sets.size):
            open_now[:] = 0
            for p in range(indptr[i], indptr[i + 1]):
                r = row[site[p], sets[s]]
                if r >= 0:
                    turned(when[r], (seconds[p] + 899) // 900 % 672, here, True)
                    for k in range(11):
                        open_now[k] |= here[k]
            for k in range(11):
                every[k] = open_now[k] if s == 0 else every[k] & open_now[k]
            found[i, s] = _weight(open_now, free)
        if sets.size:
            found[i, sets.size] = _weight(every, free)


@_jit
def _weight(words, free):  # type: ignore[no-untyped-def]
    total = 0.0
    for q in range(672):
        if words[q >> 6] >> np.uint64(q & 63) & np.uint64(1):
            total += free[q]
    return total
