"""Bounded searches for the quickest ways over ground without a network, by buckets of whole milliseconds."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from civigrid.kernels.friction import FASTEST_SLOPE, SHUT, Ground, Int32s, steps_of
from civigrid.types import Ints

_jit: Any = numba.njit(cache=True, nogil=True)
_BUCKETS = 1 << 16


class Web(NamedTuple):
    """Cells with neighbours: `head` (-1: none) and `cost` in ms of the step to it, shape (cell, neighbour)."""

    head: Int32s
    cost: Int32s


class Reached(NamedTuple):
    """What each site reaches: places ``place[starts[i]:starts[i + 1]]`` in `ms`, in no stated order."""

    starts: Ints
    place: Int32s
    ms: Int32s


def _shift(least: float, longest: float, bound: int) -> tuple[int, int]:
    """Width of buckets as a power of two, at most the least step where that keeps them few, and their number."""
    longest, shift = min(longest, bound), max(int(least).bit_length() - 1, 0)
    while (int(longest) >> shift) + 2 > _BUCKETS:
        shift += 1
    return shift, 1 << ((int(longest) >> shift) + 2).bit_length()


def _queue(ground: Ground, bound: int) -> tuple[int, int]:
    part = ground.part[ground.part[:, 0] != SHUT]
    if not len(part):
        return 0, 2
    slow = np.exp(3.5 * ground.steepest) if len(ground.height) else 1.0
    least = part.min() * 2 * (FASTEST_SLOPE if len(ground.height) else 1.0)
    return _shift(max(least - 1, 1), 4.0 * part.max() * slow + 1, bound)


@_jit
def _seeded(seeds, first, space):  # type: ignore[no-untyped-def]
    """Let each seed wait in the first bucket; give how many do."""
    state, head, pool, reached = space
    # free entries are chained by the last column
    pool[:, 2] = np.arange(1, len(pool) + 1)
    n = 0
    for i in range(len(seeds)):
        u = seeds[i]
        if (state.shape[1] > 2 and state[u, 2] == SHUT) or state[u, 0] == 0:
            continue
        state[u, 0], state[u, 1], reached[n] = 0, first + i, u
        pool[n, 0], pool[n, 1], pool[n, 2] = u, 0, head[0]
        head[0] = n
        n += 1
    return n


@_jit
def _larger(pool):  # type: ignore[no-untyped-def]
    more = np.empty((2 * len(pool), 3), dtype=np.int32)
    more[: len(pool)] = pool
    more[len(pool) :, 2] = np.arange(len(pool) + 1, len(more) + 1)
    return more


@_jit
def _uphill(ground, steps, u, v, k, towards, ms):  # type: ignore[no-untyped-def]
    """Cost of step `k` from `u` to `v` in the search, ms, which would cost `ms` on the flat."""
    part, height, walked, _, _, steepest = ground
    _, one, other, kind, metres = steps
    # people go towards the site, the search comes from it
    slope = (height[u] - height[v] if towards else height[v] - height[u]) / metres[k]
    if ms >= SHUT or np.isnan(slope):
        return ms
    shape = kind[k]
    on_foot = np.int64(part[u, shape]) * walked[u] + np.int64(part[v, shape]) * walked[v]
    if shape == 2:
        a, b = u + one[k], u + other[k]
        on_foot += np.int64(part[a, 2]) * walked[a] + np.int64(part[b, 2]) * walked[b]
    slope = min(max(slope, -steepest), steepest)
    times = np.exp(3.5 * (abs(slope + 0.05) - 0.05))
    return max(ms - on_foot + np.int64(np.rint(on_foot * times)), np.int64(1))


@_jit
def _spread(ground, steps, seeds, first, bound, towards, corners, shift, space):  # type: ignore[no-untyped-def]
    """Search from all seeds at once; give how many places are reached.

    `space` holds ms, site and parts of steps by place, the buckets, those who wait (place, ms, next), and the places
    reached.  Of sites equally near, the first counts.  A place waits anew when its time or site gets better, so that
    wide buckets are exact too.  What a step reads stands in one row, and the queue in the loop: apart, or as
    functions, it took two and four times as long.
    """
    # in 64ths: nobody gets up or down faster than Tobler's best slope, so most slopes need not be looked at
    ease = 64 if len(ground[1]) == 0 else int(64 * FASTEST_SLOPE) - 1
    to, one, other, kind, _ = steps
    state, head, pool, reached = space
    mask, now = len(head) - 1, 0
    n = _seeded(seeds, first, space)
    free, waiting = n, n
    while waiting > 0:
        at = head[now & mask]
        if at < 0:
            now += 1
            continue
        u, d, head[now & mask] = np.int64(pool[at, 0]), np.int64(pool[at, 1]), pool[at, 2]
        pool[at, 2], free, waiting = free, at, waiting - 1
        if d != state[u, 0]:
            continue
        for k in range(len(to)):
            v, shape = u + to[k], kind[k]
            there = state[v, 0]
            step = np.int64(state[u, 2 + shape]) + np.int64(state[v, 2 + shape])
            if shape == 2:
                step += np.int64(state[u + one[k], 4]) + np.int64(state[u + other[k], 4])
            far = d + (step * ease >> 6)
            if (
                far > bound
                or far > there
                or (far == there and state[u, 1] >= state[v, 1])
                or (not corners and shape == 1 and state[u + one[k], 2] == SHUT and state[u + other[k], 2] == SHUT)
            ):
                continue
            if ease < 64:
                far = d + _uphill(ground, steps, u, v, k, towards, step)
                if far > bound or far > there or (far == there and state[u, 1] >= state[v, 1]):
                    continue
            # counted only where it is new
            reached[n] = v
            n += there == SHUT
            state[v, 0], state[v, 1] = far, state[u, 1]
            if free == len(pool):
                pool = _larger(pool)
            at, free = free, pool[free, 2]
            bucket = (far >> shift) & mask
            pool[at, 0], pool[at, 1], pool[at, 2] = v, far, head[bucket]
            head[bucket] = at
            waiting += 1
    return n


@_jit
def _spread_web(web, seeds, first, bound, shift, space):  # type: ignore[no-untyped-def]
    """Search over cells with neighbours, as `_spread` does."""
    heads, cost = web
    state, head, pool, reached = space
    mask, now = len(head) - 1, 0
    n = _seeded(seeds, first, space)
    free, waiting = n, n
    while waiting > 0:
        at = head[now & mask]
        if at < 0:
            now += 1
            continue
        u, d, head[now & mask] = np.int64(pool[at, 0]), np.int64(pool[at, 1]), pool[at, 2]
        pool[at, 2], free, waiting = free, at, waiting - 1
        if d != state[u, 0]:
            continue
        for k in range(heads.shape[1]):
            v = np.int64(heads[u, k])
            if v < 0:
                continue
            far = d + cost[u, k]
            if far > bound or far > state[v, 0] or (far == state[v, 0] and state[u, 1] >= state[v, 1]):
                continue
            reached[n] = v
            n += state[v, 0] == SHUT
            state[v, 0], state[v, 1] = far, state[u, 1]
            if free == len(pool):
                pool = _larger(pool)
            at, free = free, pool[free, 2]
            bucket = (far >> shift) & mask
            pool[at, 0], pool[at, 1], pool[at, 2] = v, far, head[bucket]
            head[bucket] = at
            waiting += 1
    return n


@_jit
def _room(places, part, buckets, seeds):  # type: ignore[no-untyped-def]
    """Arrays that searches share; `part` has no columns in a web."""
    state = np.full((places, 2 + part.shape[1]), SHUT, dtype=np.int32)
    state[:, 2:] = part
    head = np.full(buckets, -1, dtype=np.int32)
    return state, head, np.empty((max(4096, seeds), 3), dtype=np.int32), np.empty(places + 1, dtype=np.int32)


@_jit
def _keep(space, n, total, place, ms):  # type: ignore[no-untyped-def]
    """Write down what a search reached, and forget it."""
    if total + n > len(place):
        place = np.concatenate((place, np.empty(total + n, dtype=np.int32)))
        ms = np.concatenate((ms, np.empty(total + n, dtype=np.int32)))
    for j in range(n):
        u = space[3][j]
        place[total + j], ms[total + j] = u, space[0][u, 0]
        space[0][u, 0], space[0][u, 1] = SHUT, SHUT
    return place, ms


@_jit
def _each(ground, steps, seeds, bound, towards, corners, shift, buckets):  # type: ignore[no-untyped-def]
    space = _room(len(ground[0]), ground[0], buckets, 1)
    starts, total = np.zeros(len(seeds) + 1, dtype=np.int64), 0
    place, ms = np.empty(1024, dtype=np.int32), np.empty(1024, dtype=np.int32)
    for i in range(len(seeds)):
        n = _spread(ground, steps, seeds[i : i + 1], 0, bound, towards, corners, shift, space)
        place, ms = _keep(space, n, total, place, ms)
        total += n
        starts[i + 1] = total
    return starts, place[:total].copy(), ms[:total].copy()


@_jit
def _each_web(web, seeds, bound, shift, buckets):  # type: ignore[no-untyped-def]
    space = _room(len(web[0]), web[1][:, :0], buckets, 1)
    starts, total = np.zeros(len(seeds) + 1, dtype=np.int64), 0
    place, ms = np.empty(1024, dtype=np.int32), np.empty(1024, dtype=np.int32)
    for i in range(len(seeds)):
        n = _spread_web(web, seeds[i : i + 1], 0, bound, shift, space)
        place, ms = _keep(space, n, total, place, ms)
        total += n
        starts[i + 1] = total
    return starts, place[:total].copy(), ms[:total].copy()


def from_each(
    ground: Ground | Web, seeds: Ints, bound: int = SHUT - 1, *, towards: bool = True, corners: bool = False
) -> Reached:
    """Search from each seed by itself, up to a bound.

    Parameters
    ----------
    ground : Ground or Web
        Where.
    seeds : ndarray of int64, shape (site,)
        Place of each site; one on shut ground reaches nothing.
    bound : int
        Longest time, ms.
    towards : bool
        Whether people go to the sites, uphill where these lie high; else they come from them.
    corners : bool
        Whether a diagonal step may squeeze between two shut cells.

    Returns
    -------
    Reached
        The site's own place among it, in 0 ms.

    Notes
    -----
    Buckets no wider than the least step settle places in any order: Denardo and Fox (1979), Operations Research 27(1).

    Examples
    --------
    >>> from civigrid.kernels.friction import ground_of, place_of
    >>> found = from_each(ground_of(np.ones((1, 3)), 10.0), place_of(np.array([0]), np.array([0]), 3), 15_000)
    >>> found.ms.tolist()
    [0, 10000]
    """
    if isinstance(ground, Web):
        return Reached(*_each_web(tuple(ground), seeds, bound, *_web_queue(ground, bound)))
    return Reached(
        *_each(tuple(ground), tuple(steps_of(ground)), seeds, bound, towards, corners, *_queue(ground, bound))
    )


def nearest_of(
    ground: Ground | Web, seeds: Ints, bound: int = SHUT - 1, *, towards: bool = True, corners: bool = False
) -> tuple[Int32s, Int32s]:
    """Time to the nearest seed and which it is, at every place, shape (place,); `SHUT` where none is reached.

    Of seeds equally near, the first counts.

    >>> from civigrid.kernels.friction import ground_of, place_of
    >>> ms, site = nearest_of(ground_of(np.ones((1, 3)), 10.0), place_of(np.array([0, 0]), np.array([0, 2]), 3))
    >>> ms[place_of(np.zeros(3, int), np.arange(3), 3)].tolist(), site[place_of(np.zeros(3, int), np.arange(3), 3)]
    ([0, 10000, 0], array([0, 0, 1], dtype=int32))
    """
    if isinstance(ground, Web):
        shift, buckets = _web_queue(ground, bound)
        space = _room(len(ground.head), ground.cost[:, :0], buckets, len(seeds))
        _spread_web(tuple(ground), seeds, 0, bound, shift, space)
    else:
        shift, buckets = _queue(ground, bound)
        space = _room(len(ground.part), ground.part, buckets, len(seeds))
        _spread(tuple(ground), tuple(steps_of(ground)), seeds, 0, bound, towards, corners, shift, space)
    return space[0][:, 0], space[0][:, 1]


def _web_queue(web: Web, bound: int) -> tuple[int, int]:
    cost = web.cost[web.head >= 0]
    return _shift(max(int(cost.min(initial=SHUT)), 1), float(cost.max(initial=1)), bound) if len(cost) else (0, 2)
