"""Gini index of segregation, by sorting: n log n, for two groups and for several."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from civigrid.kernels.evenness import whole_of
from civigrid.kernels.zones import Value, Zones
from civigrid.types import Floats

_jit: Any = numba.njit(cache=True, nogil=True)
_FEW = 8_192
"""Rows of a zone below which a plain sort is quicker than one by digits."""


def gini(rows: Zones) -> Value:
    r"""Gini index, :math:`G = \sum_m\sum_{ij} \tau_i\tau_j|\pi_{im}-\pi_{jm}| / (2T^2I)`, :math:`I=\sum P_m(1-P_m)`.

    With two groups it is Duncan and Duncan's: twice the area between the segregation curve and the diagonal.

    Notes
    -----
    Duncan and Duncan (1955); Reardon and Firebaugh (2002).  A sort per group, by digits in large zones, puts every cell
    between those with smaller and with larger shares; equal shares stand together, so that no order of the rows
    matters.

    >>> from civigrid.kernels.zones import zones_of
    >>> gini(zones_of(np.array([[10.0, 0.0], [10.0, 30.0]]))).estimate
    array([0.5])
    """
    persons, share = whole_of(rows)
    diversity = 1 - (share**2).sum(axis=1)
    diversity = np.where(diversity > 1e-15, diversity, np.nan)
    scale = 2 * persons**2 * diversity
    size, two = rows.size, rows.share.shape[1] == 2
    # of two groups the second is the first seen from the other side
    unit = rows.by_row(np.nan_to_num((2.0 if two else 1.0) / scale))
    by_share, gap = np.empty_like(rows.share), np.zeros(len(size))
    for m in range(1 if two else rows.share.shape[1]):
        below, above, moment = _around(rows, m, size)
        by_share[:, m] = size * (below - above) * unit
        gap += moment
    if two:
        by_share[:, 1] = -by_share[:, 0]
    else:
        by_share *= 2
    gap *= unit
    index = np.where(np.isnan(scale), np.nan, rows.sums(size * gap))
    # d/dT of T^2 I, with dI/dn = (-2P + 2 sum P^2) / T
    of_whole = (-2 * share + 2 * (share**2).sum(axis=1, keepdims=True)) / diversity[:, None] + 2
    fall = rows.by_row(np.nan_to_num((index / persons)[:, None] * of_whole))
    return Value(index, (2 * gap)[:, None] - fall, by_share)


def _around(rows: Zones, m: int, size: Floats) -> tuple[Floats, Floats, Floats]:
    """Persons with smaller and with larger shares of group `m`, and the sum of the distances to all persons' shares."""
    found = np.empty((3, len(size)))
    share = np.ascontiguousarray(rows.share[:, m])
    _walk(np.append(rows.starts, len(size)), share, rows.cells * size, *found)
    return found[0], found[1], found[2]


@_jit
def _walk(edges, share, weight, under, over, distance):  # type: ignore[no-untyped-def]
    """Go through each zone from its smallest share up; sums start again with every zone, so that none loses digits."""
    for zone in range(len(edges) - 1):
        first, last = edges[zone], edges[zone + 1]
        order = _ascending(share[first:last])
        mass, moment = 0.0, 0.0
        for row in range(first, last):
            mass += weight[row]
            moment += weight[row] * share[row]
        below, low, start = 0.0, 0.0, 0
        while start < len(order):
            here, stop, tie = share[first + order[start]], start, 0.0
            while stop < len(order) and share[first + order[stop]] == here:
                tie += weight[first + order[stop]]
                stop += 1
            above, high = mass - below - tie, moment - low - tie * here
            for j in range(start, stop):
                row = first + order[j]
                under[row], over[row], distance[row] = below, above, here * (below - above) - low + high
            below, low, start = below + tie, low + tie * here, stop


@_jit
def _ascending(share):  # type: ignore[no-untyped-def]
    """Order of shares, equal ones as they stand: by two digits of 16 bits, then by what these round away."""
    n = len(share)
    if n < _FEW:
        return np.argsort(share, kind="mergesort").astype(np.int32)
    key = np.empty(n, np.uint32)
    low, high = np.zeros(65_537, np.int32), np.zeros(65_537, np.int32)
    for i in range(n):
        key[i] = np.uint32(min(max(share[i], 0.0), 1.0) * 4_294_967_295.0)
        low[(key[i] & 0xFFFF) + 1] += 1
        high[(key[i] >> 16) + 1] += 1
    for k in range(65_536):
        low[k + 1] += low[k]
        high[k + 1] += high[k]
    half, order = np.empty(n, np.int32), np.empty(n, np.int32)
    for i in range(n):
        digit = key[i] & 0xFFFF
        half[low[digit]] = i
        low[digit] += 1
    for row in half:
        digit = key[row] >> 16
        order[high[digit]] = row
        high[digit] += 1
    for j in range(1, n):
        i = order[j]
        k = j - 1
        while k >= 0 and share[order[k]] > share[i]:
            order[k + 1] = order[k]
            k -= 1
        order[k + 1] = i
    return order
