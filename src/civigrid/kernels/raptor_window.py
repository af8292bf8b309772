"""What a window of departures says of each target: percentiles in place, how many reach, the mean of a decay."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from civigrid.kernels.raptor import INFINITE

_jit: Any = numba.njit(cache=True, nogil=True)
_NEVER = np.int32(INFINITE)
_TILE = 16
"""Targets read together: one line of the processor's cache of each slot."""


@_jit
def _nth(value, n):  # type: ignore[no-untyped-def]
    """Give the n-th smallest, from 0; reorders `value` (Hoare 1961, algorithm 65)."""
    low, high = 0, len(value) - 1
    while low < high:
        pivot, i, j = value[(low + high) >> 1], low, high
        while i <= j:
            while value[i] < pivot:
                i += 1
            while value[j] > pivot:
                j -= 1
            if i <= j:
                value[i], value[j] = value[j], value[i]
                i += 1
                j -= 1
        if n <= j:
            high = j
        elif n >= i:
            low = i
        else:
            break
    return value[n]


@_jit
def summed_up(out, on_foot, limit, backwards, rank, decay, target, fastest, reached, at, mean):  # type: ignore[no-untyped-def]
    """Sum up a search; number of targets that at least one slot reaches.

    Parameters
    ----------
    out : ndarray of int32, shape (slot, target)
        Seconds, from `search`.
    on_foot : ndarray of int32, shape (target,)
        Seconds all the way on foot.
    limit : int
        Longest time that counts, seconds.
    backwards : bool
        The slots run backwards in time: sums are taken in the order of time, whichever side was searched from.
    rank : ndarray of int64, shape (percentile,)
        Which of the sorted times each percentile is, from 0.
    decay : ndarray of float64, shape (limit + 1,) or (0,)
        Weight by second.
    target, fastest, reached : ndarray of int32, shape (target,)
        Where the answer is written: targets ascending; their shortest time; number of slots that reach them.
    at : ndarray of int32, shape (percentile, target)
        Percentiles; `INFINITE` beyond the limit.
    mean : ndarray of float64, shape (target,)
        Mean of the decay over all slots.
    """
    slots, targets = out.shape
    buffer = np.empty((_TILE, slots), dtype=np.int32)
    n = 0
    for first in range(0, targets, _TILE):
        many = min(_TILE, targets - first)
        for q in range(slots):
            row = slots - 1 - q if backwards else q
            for i in range(many):
                buffer[i, q] = min(out[row, first + i], on_foot[first + i])
        for i in range(many):
            value = buffer[i]
            count, best, total = 0, _NEVER, 0.0
            for q in range(slots):
                if value[q] > limit:
                    value[q] = _NEVER
                    continue
                count += 1
                best = min(best, value[q])
                if len(decay):
                    total += decay[value[q]]
            if count == 0:
                continue
            target[n], fastest[n], reached[n], mean[n] = first + i, best, count, total / slots
            for p in range(len(rank)):
                at[p, n] = _nth(value, rank[p])
            n += 1
    return n
