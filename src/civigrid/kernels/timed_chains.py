"""Chains of stops at opening hours, inside free time: ways between first and last stops that can be done in a week."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from civigrid.kernels.bundles import UNREACHED, Int32s, Masks
from civigrid.kernels.chains import Ways
from civigrid.kernels.visits import QUARTER_S, WEEK, Visits, open_runs, turned
from civigrid.types import Bools

_jit: Any = numba.njit(cache=True, nogil=True)
Slack = npt.NDArray[np.int32]


def free_slack(free: Bools) -> tuple[Slack, Slack]:
    """Seconds of free time right before each quarter, and from it on, shape (672,) each; `UNREACHED` if always free."""
    if free.all():
        always = np.full(WEEK, UNREACHED, dtype=np.int32)
        return always, always
    after = open_runs(free[None])[0].astype(np.int32) * QUARTER_S
    before = open_runs(free[None, ::-1])[0][::-1].astype(np.int32) * QUARTER_S
    return np.roll(before, 1), after


def ways_at_hours(
    between: Int32s, mask: Masks, need: int, most_stops: int, visits: Visits, free: Bools, longest: int
) -> Ways:
    """Find the ways from each first to each last stop that can be done at some time of the week.

    Parameters
    ----------
    between : ndarray of int32, shape (site, site)
        Seconds from site to site; `UNREACHED` where there is no way, 0 on the diagonal.
    mask : ndarray of uint8, shape (site,)
        Kinds that each site offers, as bits.
    need : int
        Kinds needed, as bits.
    most_stops : int
        Stops of a chain, 1 to 3.
    visits : Visits
        When kinds can be done at sites.
    free : ndarray of bool, shape (672,)
        When a person is free: from leaving home until being back.
    longest : int
        Longest way from a home to a first stop, or back: what leaves that much room suits everyone.

    Returns
    -------
    Ways
        For each pair those that no other beats in cost and in room before and after, the cheapest first.  Each stop's
        visit begins on a quarter of an hour and does something; any sharing out of the services among them is tried.

    Examples
    --------
    >>> from civigrid.kernels.visits import visits_of
    >>> week = np.zeros((2, 2, 672), dtype=bool)
    >>> week[0, 0, 36:40], week[1, 1, 40:44] = True, True   # 09:00 to 10:00, then 10:00 to 11:00
    >>> mask = np.array([1, 2], dtype=np.uint8)
    >>> visits = visits_of(np.stack([open_runs(w) for w in week]), mask, np.array([1800, 1800]))
    >>> between = np.array([[0, 600], [600, 0]], dtype=np.int32)
    >>> ways = ways_at_hours(between, mask, 3, 3, visits, np.ones(672, dtype=bool), 3600)
    >>> ways.starts.tolist(), ways.arrival.tolist()   # from the first to the second alone, at 09:15
    ([0, 0, 1, 1, 1], [37])
    """
    before, after = free_slack(free)
    when = np.zeros_like(visits.when)
    some = _in_free_time(visits.row, visits.when, visits.lasts, after, when)
    hours = (visits.row, when, some, visits.lasts)
    pairs, options, done = _timed(between, mask, need, most_stops, hours, (before, after, longest))
    n = len(mask)
    starts = np.zeros(n * n + 1, dtype=np.int64)
    np.cumsum(np.bincount(pairs, minlength=n * n), out=starts[1:])
    least = np.full(n, UNREACHED, dtype=np.int32)
    np.minimum.at(least, pairs // max(n, 1), options[:, 0])
    cost, room_before, room_after, middle, arrival = (np.ascontiguousarray(options[:, k]) for k in range(5))
    return Ways(starts, cost, room_before, room_after, middle, arrival, done, least)


@_jit
def _in_free_time(row, when, lasts, after, kept):  # type: ignore[no-untyped-def]
    """Keep the visits that end in the free time they begin in; tells which sets can be done at all, shape (row,)."""
    some = np.zeros(when.shape[0], dtype=np.bool_)
    for j in range(row.shape[0]):
        for a in range(lasts.size):
            r = row[j, a]
            if r < 0:
                continue
            for q in range(1344):
                bit = np.uint64(1) << np.uint64(q & 63)
                if when[r, q >> 6] & bit and after[q % 672] >= lasts[a]:
                    kept[r, q >> 6] |= bit
                    some[r] = True
    return some


@_jit
def _timed(between, mask, need, most_stops, hours, room):  # type: ignore[no-untyped-def]
    n = mask.size
    pairs, found, done = np.empty(1024, np.int64), np.empty((1024, 5), np.int32), np.empty((1024, 2), np.uint8)
    size = 0
    bits, keys = np.empty(11, np.uint64), np.empty(n + 1, np.int64)
    for j in range(n):
        for k in range(n):
            head = size
            count = _middles(between, mask, need, most_stops, j, k, keys)
            for p in range(count):
                _next_smallest(keys, p, count)
                chain = (j, keys[p] % (n + 1) - 1, k, keys[p] // (n + 1))
                while True:
                    # where the arrays are full they grow, and the chain is tried again
                    suits, after = _try(chain, mask, need, between, hours, room, bits, found, done, head, size)
                    if after <= found.shape[0]:
                        break
                    pairs, found, done = _grown(pairs), _grown(found), _grown(done)
                pairs[size:after] = j * n + k
                size = after
                if suits:
                    break
    return pairs[:size].copy(), found[:size].copy(), done[:size].copy()


@_jit
def _grown(array):  # type: ignore[no-untyped-def]
    return np.concatenate((array, np.empty_like(array)))


@_jit
def _middles(between, mask, need, most_stops, j, k, keys):  # type: ignore[no-untyped-def]
    """Fill in the chains from j to k that have all, by cost: with no middle stop (0), or with site m (m + 1)."""
    n, count = mask.size, 0
    have = mask[j] | mask[k]
    if need & ~have == 0 and (j == k or most_stops >= 2) and between[j, k] < UNREACHED:
        keys[count] = np.int64(between[j, k]) * (n + 1)
        count += 1
    if most_stops >= 3:
        for m in range(n):
            cost = np.int64(between[j, m]) + between[m, k]
            if m != j and m != k and need & ~(have | mask[m]) == 0 and cost < UNREACHED:
                keys[count] = cost * (n + 1) + m + 1
                count += 1
    return count


@_jit
def _next_smallest(keys, p, count):  # type: ignore[no-untyped-def]
    """Put the smallest of the keys from p on in place p; all of them, once it is clear that many are wanted."""
    if p < 4:
        least = p + np.argmin(keys[p:count])
        keys[p], keys[least] = keys[least], keys[p]
    elif p == 4:
        keys[p:count].sort()


@_jit
def _try(chain, mask, need, between, hours, room, bits, found, done, head, size):  # type: ignore[no-untyped-def]
    """Put in what a chain can do in the week, unless something cheaper leaves as much room.

    Tells whether it suits everyone, and the new size: beyond the arrays, if they are too small.
    """
    j, m, k, cost = chain
    row, _, some, _ = hours
    now = size
    first, middle, last = need & mask[j], (need & mask[m] if m >= 0 else 0), need & mask[k]
    x = first
    while True:
        y = middle & ~x
        while some[row[j, x]]:
            rest = need & ~(x | y)
            if rest & ~last == 0 and _can(chain, row, some, x, y, rest):
                lasts = _start(chain, x, y, rest, between, hours, bits)
                suits, now = _put(bits, lasts, (cost, m, x, y), room, found, done, head, size, now)
                if suits or now > found.shape[0]:
                    return suits, now
            if y == 0:
                break
            y = (y - 1) & middle & ~x
        if x == 0:
            break
        x = (x - 1) & first
    return False, now


@_jit
def _can(chain, row, some, x, y, rest):  # type: ignore[no-untyped-def]
    """Whether each stop can do its part on its own; every stop does something, and the only one all."""
    j, m, k, _ = chain
    if m < 0 and j == k:
        return rest == 0
    if x == 0 or rest == 0 or not some[row[k, rest]]:
        return False
    return y == 0 if m < 0 else y != 0 and some[row[m, y]]


@_jit
def _start(chain, x, y, rest, between, hours, bits):  # type: ignore[no-untyped-def]
    """Quarters in which the first visit can begin (in `bits`), and seconds from then to the end of the last."""
    j, m, k, _ = chain
    row, when, _, lasts = hours
    turned(when[row[j, x]], 0, bits, True)
    if rest == 0:
        return lasts[x]
    at, out, doing = j, np.int64(0), x
    if m >= 0:
        out = (lasts[x] + between[j, m] + 899) // 900
        turned(when[row[m, y]], out % 672, bits, False)
        at, doing = m, y
    out += (lasts[doing] + between[at, k] + 899) // 900
    turned(when[row[k, rest]], out % 672, bits, False)
    return out * 900 + lasts[rest]


@_jit
def _put(bits, lasts, what, room, found, done, head, size, now):  # type: ignore[no-untyped-def]
    before, after, longest = room
    for q in range(672):
        if not bits[q >> 6] >> np.uint64(q & 63) & np.uint64(1):
            continue
        left = np.int64(after[q])
        if left < UNREACHED:
            left -= lasts
        if left < 0 or _beaten(found, head, now, before[q], left):
            continue
        # those of the same chain that it beats give way
        kept = size
        for o in range(size, now):
            if found[o, 1] > before[q] or found[o, 2] > left:
                found[kept], done[kept] = found[o], done[o]
                kept += 1
        now = kept
        if now == found.shape[0]:
            return False, now + 1
        found[now, 0], found[now, 1], found[now, 2], found[now, 3], found[now, 4] = what[0], before[q], left, what[1], q
        done[now, 0], done[now, 1] = what[2], what[3]
        now += 1
        if before[q] >= longest and left >= longest:
            return True, now
    return False, now


@_jit
def _beaten(found, head, now, before, left):  # type: ignore[no-untyped-def]
    beaten = False
    for o in range(head, now):
        beaten |= found[o, 1] >= before and found[o, 2] >= left
    return beaten
