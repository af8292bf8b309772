"""What chance makes of neighbourhoods, and how far an index of them may err: both by the weights of the neighbours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from civigrid.kernels.random_allocation import Chance, chance_of
from civigrid.kernels.zones import Value, Zones
from civigrid.layers.segregation.measured import against_others
from civigrid.layers.segregation.neighbourhoods import Around
from civigrid.types import Floats, Ints

_MOST = 1e15
_CLASSES = 2000
"""Classes of size per factor *e*: sizes that differ by less than 0.05 % work alike."""


def spatial_chance(rows: Zones, size: Floats, oneself: Floats, within: Floats, noise: Floats | None) -> Chance:
    r"""Give the chance of neighbourhoods, rows of about the same size put together.

    Parameters
    ----------
    rows : Zones
        As the index takes them.
    size, oneself : ndarray of float64, shape (row,)
        As in `Around`.
    within : ndarray of float64, shape (row,)
        Share of the neighbourhood's persons who live in the zone.
    noise : ndarray of float64, shape (row, group), or None
        Variance that noise adds to each share.

    Notes
    -----
    The share around differs from the zone's, which the same persons make, by a variance of
    :math:`P(1-P)\left[\frac{K^2t}{(Kt)^2} - \frac{2w-1}{T}\right]\frac{T}{T-1}`, with *T* persons in the zone and the
    part *w* of the neighbourhood within it.  At radius 0 it is that of a cell under fixed margins, and it vanishes
    where everyone is everyone's neighbour.
    """
    if np.array_equal(size, rows.size) and (rows.share * size[:, None] == rows.own).all() and noise is None:
        return chance_of(rows)
    groups = rows.sums(rows.own)
    total = groups.sum(axis=1)
    around = rows.by_row(total)
    part = (1 / size - (2 * within - 1) / around) * around / np.maximum(around - 1, 1e-300)
    effective = np.minimum(np.where(part > 1 / _MOST, 1 / np.maximum(part, 1 / _MOST), _MOST), _MOST)
    zone = np.repeat(np.arange(len(total)), np.diff(rows.starts, append=len(size)))
    kind = np.rint(np.log(effective) * _CLASSES)
    kind -= kind.min()
    code = zone * (kind.max() + 1) + kind
    _, first, row = np.unique(code, return_index=True, return_inverse=True)
    persons = np.bincount(row, rows.size).astype(np.float64)

    def mean(values: Floats) -> Floats:
        return np.asarray(np.bincount(row, rows.size * values) / persons)

    together = None if noise is None else np.stack([mean(column) for column in noise.T], axis=1)
    starts = np.searchsorted(zone[first], np.arange(len(total)))
    share = groups / total[:, None]
    return Chance(1 / mean(1 / effective), persons, mean(oneself), share, starts, together)


def noise_of_shares(rows: Zones, near: Floats, noise: Floats) -> Floats:
    """Variance that noise adds to each share around, shape (row, group): a group's count errs, and so does the sum."""
    share = rows.by_row(rows.sums(rows.own) / rows.sums(rows.size)[:, None])
    others = noise.sum(axis=1, keepdims=True) - noise
    return np.asarray(((1 - share) ** 2 * noise + share**2 * others) / near[:, None] ** 2)


def spatial_error(around: Around, at: Ints, two: int | None) -> Callable[[Zones, Value], Floats]:
    r"""Give the function that tells the standard error of an index of each zone, shape (zone,), by the delta method.

    Parameters
    ----------
    around : Around
        With the weights the other way.
    at : ndarray of int64, shape (row,)
        Cell of each row.
    two : int or None
        Where the index is about one group and everyone else: which; None: the index takes all groups.

    Notes
    -----
    A person of group *m* in cell *j* moves an index by the derivative by residents,
    plus :math:`\sum_i K_{ij}\,(g_{im} - \sum_l \pi_{il}g_{il}) / (Kt)_i`, with *g* the derivative by shares: one more
    convolution.  Persons are independent and Poisson, wherever they live: those outside count too.
    """
    back = around.back
    assert back is not None
    near = around.counts.sum(axis=1)[at]
    everyone = back.everyone if back.noise is None else back.everyone + back.noise
    spread = everyone if two is None else against_others(everyone, two)

    def errors(rows: Zones, value: Value) -> Floats:
        moved = value.by_share - (rows.share * value.by_share).sum(axis=1, keepdims=True)
        moved /= near[:, None]
        ends = np.append(rows.starts[1:], len(at))
        found = np.empty(len(rows.starts))
        for zone, (first, last) in enumerate(zip(rows.starts, ends, strict=True)):
            own = at[first:last]
            places, slope = back(own, moved[first:last])
            slope[np.searchsorted(places, own)] += value.by_own[first:last]
            found[zone] = np.sqrt((spread[places] * slope**2).sum())
        return found

    return errors
