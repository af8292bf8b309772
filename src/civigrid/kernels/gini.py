"""Gini index of segregation, by sorting: n log n, for two groups and for several."""

from __future__ import annotations

import numpy as np

from civigrid.kernels.evenness import whole_of
from civigrid.kernels.zones import Value, Zones
from civigrid.types import Floats


def gini(rows: Zones) -> Value:
    r"""Gini index, :math:`G = \sum_m\sum_{ij} \tau_i\tau_j|\pi_{im}-\pi_{jm}| / (2T^2I)`, :math:`I=\sum P_m(1-P_m)`.

    With two groups it is Duncan and Duncan's: twice the area between the segregation curve and the diagonal.

    Notes
    -----
    Duncan and Duncan (1955); Reardon and Firebaugh (2002).  A sort per group puts every cell between those with
    smaller and with larger shares; equal shares stand together, so that no order of the rows matters.

    >>> from civigrid.kernels.zones import zones_of
    >>> gini(zones_of(np.array([[10.0, 0.0], [10.0, 30.0]]))).estimate
    array([0.5])
    """
    persons, share = whole_of(rows)
    diversity = 1 - (share**2).sum(axis=1)
    diversity = np.where(diversity > 1e-15, diversity, np.nan)
    scale = 2 * persons**2 * diversity
    size, total = rows.size, np.zeros(len(persons))
    by_share, gap = np.zeros_like(rows.share), np.zeros(len(size))
    groups = range(1 if rows.share.shape[1] == 2 else rows.share.shape[1])
    for m in groups:
        below, above, moment = _around(rows, m, size)
        by_share[:, m] = 2 * size * (below - above)
        gap += moment
    # the second of two groups is the first seen from the other side
    twice = 2.0 if len(groups) == 1 else 1.0
    if len(groups) == 1:
        by_share[:, 1] = -by_share[:, 0]
    gap *= twice
    total = rows.sums(size * gap)
    index = total / scale
    # d/dT of T^2 I, with dI/dn = (-2P + 2 sum P^2) / T
    of_whole = (-2 * share + 2 * (share**2).sum(axis=1, keepdims=True)) / diversity[:, None] + 2
    by_own = (2 * gap)[:, None] / rows.by_row(scale)[:, None] - rows.by_row((index / persons)[:, None] * of_whole)
    return Value(index, np.nan_to_num(by_own), np.nan_to_num(by_share / rows.by_row(scale)[:, None]))


def _around(rows: Zones, m: int, size: Floats) -> tuple[Floats, Floats, Floats]:
    """Persons with smaller and with larger shares of group `m`, and the sum of the distances to all persons' shares."""
    zone = np.repeat(np.arange(len(rows.starts)), np.diff(rows.starts, append=len(size)))
    share = rows.share[:, m]
    order = np.lexsort((share, zone)) if len(rows.starts) > 1 else np.argsort(share)
    share, weight, zone = share[order], (rows.cells * size)[order], zone[order]
    new = np.append(True, (share[1:] != share[:-1]) | (zone[1:] != zone[:-1]))
    first, tie = np.flatnonzero(new), np.cumsum(new) - 1
    mass, moment = np.add.reduceat(weight, first), np.add.reduceat(weight * share, first)
    # sums start again with every zone, so that a small zone loses no digits to a large one before it
    of = zone[first]
    edges = np.searchsorted(of, np.arange(len(rows.starts)))
    below, low = _running(mass, edges, of), _running(moment, edges, of)
    above, high = _total(mass, edges, of) - below, _total(moment, edges, of) - low
    under, over = below - mass, above
    distance = share * (under[tie] - over[tie]) - (low - moment)[tie] + high[tie]
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return under[tie][back], over[tie][back], distance[back]


def _running(values: Floats, edges: np.ndarray, of: np.ndarray) -> Floats:
    upto = np.cumsum(values)
    before = np.append(0.0, upto)[edges]
    return np.asarray(upto - before[of])


def _total(values: Floats, edges: np.ndarray, of: np.ndarray) -> Floats:
    return np.asarray(np.add.reduceat(values, edges)[of])
