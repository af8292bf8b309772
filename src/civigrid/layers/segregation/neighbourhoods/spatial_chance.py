"""What chance makes of neighbourhoods, and how far an index of them may err: both by the weights of the neighbours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from civigrid.kernels.random_allocation import Chance, chance_of
from civigrid.kernels.zones import Value, Zones
from civigrid.layers.segregation.measured import against_others
from civigrid.layers.segregation.neighbourhoods.by_kernel import Around
from civigrid.types import Floats, Ints

_MOST = 1e15
_CLASSES = 2000
"""Classes of size per factor *e*: sizes that differ by less than 0.05 % work alike."""


class SizeClasses:
    r"""Neighbourhoods of about the same size put together: chance works alike on them, whatever the groups.

    Parameters
    ----------
    rows : Zones
        Rows of the zones, whose sizes are those of the cells.
    around : Around
        Who lives around each cell.
    at : ndarray of int64, shape (row,)
        Cell of each row.
    within : ndarray of float64, shape (row,)
        Share of the neighbourhood's persons who live in the zone.

    Notes
    -----
    The share around differs from the zone's, which the same persons make, by a variance of
    :math:`P(1-P)\left[\frac{K^2t}{(Kt)^2} - \frac{2w-1}{T}\right]\frac{T}{T-1}`, with *T* persons in the zone and the
    part *w* of the neighbourhood within it.  At radius 0 it is that of a cell under fixed margins, and it vanishes
    where everyone is everyone's neighbour.
    """

    def __init__(self, rows: Zones, around: Around, at: Ints, within: Floats) -> None:
        size = around.size[at]
        self.persons_of = rows.size
        total = rows.sums(self.persons_of)
        lives = rows.by_row(total)
        part = (1 / size - (2 * within - 1) / lives) * lives / np.maximum(lives - 1, 1e-300)
        part = np.clip(part, 1 / _MOST, None)
        kind = np.rint(np.log(part) * -_CLASSES).astype(np.int64)
        kind -= kind.min()
        zone = np.repeat(np.arange(len(total)), np.diff(rows.starts, append=len(size)))
        held, self.row = np.unique(zone * (kind.max() + 1) + kind, return_inverse=True)
        self.persons = np.bincount(self.row, self.persons_of).astype(np.float64)
        self.starts = np.searchsorted(held, np.arange(len(total)) * (kind.max() + 1))
        self.size, self.oneself = 1 / self.mean(part), self.mean(around.oneself[at])
        # neighbourhoods of one cell are cells: their sizes are whole, and fixed margins are exact
        self.cells = np.array_equal(around.counts[at], rows.own)
        self.near = around.counts[at].sum(axis=1)
        self.noise = None if around.noise is None else around.noise[at]

    def mean(self, values: Floats) -> Floats:
        """Mean over the persons of each class."""
        return np.asarray(np.bincount(self.row, self.persons_of * values) / self.persons)

    def chance(self, rows: Zones, two: int | None) -> Chance:
        """Give the chance of groups as an index takes them: all, or group `two` against everyone else."""
        noise = self.noise if self.noise is None or two is None else against_others(self.noise, two)
        if self.cells:
            return chance_of(rows, noise)
        share = rows.sums(rows.own) / rows.sums(self.persons_of)[:, None]
        together = None if noise is None else self._of_shares(noise, rows.by_row(share))
        return Chance(self.size, self.persons, self.oneself, share, self.starts, together)

    def _of_shares(self, noise: Floats, share: Floats) -> Floats:
        """Variance that noise adds to each share around: a group's count errs, and so does the sum."""
        others = noise.sum(axis=1, keepdims=True) - noise
        added = ((1 - share) ** 2 * noise + share**2 * others) / self.near[:, None] ** 2
        return np.stack([self.mean(column) for column in added.T], axis=1)


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
