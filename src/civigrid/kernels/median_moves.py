"""Moves of sites on sparse lists, compiled: greedy choice, interchange, and trying all sets."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

_jit: Any = numba.njit(cache=True, nogil=True)


@_jit
def sort_rows(indptr, cost, order):  # type: ignore[no-untyped-def]
    """Sort each list by cost, cheapest first."""
    for i in range(indptr.size - 1):
        a, b = indptr[i], indptr[i + 1]
        order[a:b] = a + np.argsort(cost[a:b], kind="mergesort")


@_jit
def try_all(dense, near, fixed, most, chosen):  # type: ignore[no-untyped-def]
    """Walk through all sets of at most `most` sites in the order of a dictionary; of equals the first found stays."""
    n, cells = dense.shape
    at = np.empty((most + 1, cells))
    at[0] = near
    own = np.zeros(most + 1)
    pick = np.full(most + 1, -1)
    best, count, depth = near.sum(), 0, 0
    while depth >= 0:
        if depth == most or pick[depth] == n - 1:
            depth -= 1
            continue
        pick[depth] += 1
        j = pick[depth]
        own[depth + 1] = own[depth] + fixed[j]
        for i in range(cells):
            at[depth + 1, i] = min(at[depth, i], dense[j, i])
        depth += 1
        if depth < most:
            pick[depth] = j
        value = at[depth].sum() + own[depth]
        if value < best:
            best, count = value, depth
            chosen[:depth] = pick[:depth]
    return count


@_jit
def two(cells, indptr, site, cost, beyond, is_open, first, second, near, next_):  # type: ignore[no-untyped-def]
    """Nearest and second open site of some cells."""
    for i in cells:
        first[i], second[i], near[i], next_[i] = -1, -1, beyond[i], beyond[i]
        for p in range(indptr[i], indptr[i + 1]):
            if not is_open[site[p]]:
                continue
            if first[i] < 0:
                first[i], near[i] = site[p], cost[p]
            else:
                second[i], next_[i] = site[p], cost[p]
                break


@_jit
def saved(j, starts, cell, cost, near):  # type: ignore[no-untyped-def]
    """What opening a site would save."""
    gain = 0.0
    for p in range(starts[j], starts[j + 1]):
        gain += max(0.0, near[cell[p]] - cost[p])
    return gain


@_jit
def greedy(starts, cell, cost, beyond, fixed, may, is_open, most):  # type: ignore[no-untyped-def]
    """Open the site that saves most, again and again; what it saved before bounds what it saves now."""
    near = beyond.copy()
    count = 0
    hope = np.full(may.size, -np.inf)
    for j in range(may.size):
        if is_open[j]:
            count += 1
            lower(j, starts, cell, cost, near)
        elif may[j]:
            hope[j] = np.inf
    while count < most:
        j = int(np.argmax(hope))
        if hope[j] <= 0:
            break
        hope[j] = saved(j, starts, cell, cost, near) - fixed[j]
        if hope[j] > 0 and np.argmax(hope) == j:
            is_open[j], hope[j] = True, -np.inf
            count += 1
            lower(j, starts, cell, cost, near)


@_jit
def lower(j, starts, cell, cost, near):  # type: ignore[no-untyped-def]
    """Bring cells nearer to a site that opens."""
    for p in range(starts[j], starts[j + 1]):
        near[cell[p]] = min(near[cell[p]], cost[p])


@_jit
def losses(first, near, next_, loss):  # type: ignore[no-untyped-def]
    """What closing each open site would cost."""
    loss[:] = 0.0
    for i in range(first.size):
        if first[i] >= 0:
            loss[first[i]] += next_[i] - near[i]


@_jit
def gain(r, starts, cell, cost, first, near, next_, spared):  # type: ignore[no-untyped-def]
    """What opening `r` saves; in `spared`, how much less closing each open site then loses."""
    gain = 0.0
    for p in range(starts[r], starts[r + 1]):
        i = cell[p]
        if cost[p] < near[i]:
            gain += near[i] - cost[p]
            if first[i] >= 0:
                spared[first[i]] += next_[i] - near[i]
        elif cost[p] < next_[i]:
            spared[first[i]] += next_[i] - cost[p]
    return gain


@_jit
def best_move(r, brings, fixed, may, is_open, loss, spared, room):  # type: ignore[no-untyped-def]
    """Best site to close for `r` (-1: none), and the profit."""
    best, close = (brings - fixed[r], -1) if room else (-np.inf, -1)
    for f in range(may.size):
        if is_open[f] and may[f]:
            profit = brings - fixed[r] + spared[f] - loss[f] + fixed[f]
            if profit > best:
                best, close = profit, f
    return best, close


@_jit
def interchange(rows, starts, cell, cost, fixed, may, is_open, most, nearest, least):  # type: ignore[no-untyped-def]
    """Swap, open and close while that pays."""
    first, _, near, next_ = nearest
    n = may.size
    loss, spared = np.zeros(n), np.zeros(n)
    losses(first, near, next_, loss)
    r, still = 0, 0
    # `still` sites in a row brought nothing: after all of them nothing is left to do
    while still < n:
        moved, close, add = False, -1, -1
        if is_open[r]:
            moved = may[r] and fixed[r] - loss[r] > least
            close = r if moved else -1
        elif may[r]:
            spared[:] = 0.0
            brings = gain(r, starts, cell, cost, first, near, next_, spared)
            best, close = best_move(r, brings, fixed, may, is_open, loss, spared, is_open.sum() < most)
            moved = best > least
            add = r if moved else -1
        if moved:
            for j in (close, add):
                if j >= 0:
                    is_open[j] = j == add
            for j in (close, add):
                if j >= 0:
                    two(cell[starts[j] : starts[j + 1]], *rows, is_open, *nearest)
            losses(first, near, next_, loss)
        still = 0 if moved else still + 1
        r = (r + 1) % n
