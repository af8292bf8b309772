r"""What a two-group index is at least and at most where some counts are known only to lie between two numbers.

The group has :math:`x_i \in [l_i, u_i]` of the :math:`t_i` persons of a cell; all :math:`t_i` are known.  The indices
here are :math:`I = g(\sum_i t_i \varphi(x_i/t_i, P), P)` with :math:`\varphi` convex in the share and *g* rising in the
sum, and as functions of all counts they are quasi-convex: a convex numerator by a concave denominator.

- The least is where shares are as equal as the limits allow, :math:`x_i = \min(\max(q t_i, l_i), u_i)`: given the sum
  *X*, these shares are majorized by all others, so that they minimise every such :math:`\varphi` at once (Hardy,
  Littlewood and Polya 1929; Marshall, Olkin and Arnold 2011, ch. 4).  One number *q* is left, in which the index falls
  and then rises.
- The most stands at a corner, where every count is at a limit; which corner is a knapsack.  Given *X*, the chords of
  :math:`\varphi` between the limits, filled by steepness, are at least every corner.  Intervals of *X* are halved
  until the bound over all of them is within a tolerance of what the chords give at single points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.special import xlogy

from civigrid.types import Floats

TOLERANCE = 1e-5
"""How far the most may lie above what chords give at single sums."""
_SLACK = 1e-9
"""Bounds are moved outwards by so much, for rounding."""
_FEWEST = 1.0
"""Persons that the group, and everyone else, have at least: of nobody there is no segregation."""
_STARTS, _PARTS, _MOST_ROUNDS, _MOST_AT_ONCE = 64, 4, 40, 2048
_GOLDEN = (np.sqrt(5) - 1) / 2


class Known(NamedTuple):
    """Limits of the group's persons, and all persons, of each cell, shape (cell,); no cell is empty."""

    low: Floats
    high: Floats
    total: Floats


class Bounded(NamedTuple):
    """An index is at least `low` and at most `high`; `gap`: how far `high` may lie above what chords give at one sum.

    NaN where the group, or everyone else, cannot have anybody.
    """

    low: float
    high: float
    gap: float


@dataclass(frozen=True)
class Shape:
    r"""An index as a function of the mean of :math:`\varphi` over persons, and of the share *P*.

    Parameters
    ----------
    phi : callable
        Shares and *P* to :math:`\varphi`, convex in the share, and not rising in *P*.
    above : callable
        Mean of :math:`\varphi`, and the two ends of an interval of *P*: at least the index of all *P* between them.
        With both ends at *P* it is the index.
    moves : bool
        Whether :math:`\varphi` depends on *P*.
    of_it : callable
        What rises with the index and is asked for, as 2D/(1+D).
    falls : bool
        Whether 1 less the index is asked for: its bounds change places.
    """

    phi: Callable[[Floats, float], Floats]
    above: Callable[[Floats, Floats, Floats], Floats]
    moves: bool = False
    of_it: Callable[[float], float] = float
    falls: bool = False


def _product(p: Floats) -> Floats:
    return p * (1 - p)


def _entropy(p: Floats) -> Floats:
    return np.asarray(-xlogy(p, p) - xlogy(1 - p, 1 - p), dtype=np.float64)


def _most_entropy(low: Floats, high: Floats) -> Floats:
    ends = np.maximum(_entropy(low), _entropy(high))
    return np.asarray(np.where((low < 0.5) & (high > 0.5), np.log(2), ends))


def _excess(share: Floats, p: float) -> Floats:
    return np.maximum(share - p, 0.0)


def _square(share: Floats, _: float) -> Floats:
    return share**2


def _by_least_product(mean: Floats, low: Floats, high: Floats) -> Floats:
    return mean / np.minimum(_product(low), _product(high))


def _by_least_share(mean: Floats, low: Floats, _: Floats) -> Floats:
    return mean / low


_D = Shape(_excess, _by_least_product, moves=True)
_ISOLATION = Shape(_square, _by_least_share)
SHAPES: dict[str, Shape] = {
    "D": _D,
    "gorard": Shape(_excess, _by_least_share, moves=True),
    "minmax": replace(_D, of_it=lambda d: 2 * d / (1 + d)),
    "H": Shape(lambda share, _: -_entropy(share), lambda mean, low, high: 1 + mean / _most_entropy(low, high)),
    "V": Shape(_square, lambda mean, low, high: _by_least_product(np.maximum(mean - low**2, 0.0), low, high)),
    "isolation": _ISOLATION,
    "interaction": replace(_ISOLATION, falls=True),
}
"""The indices that can be bounded, by their names in result tables."""


def bound(known: Known, shape: Shape) -> Bounded:
    r"""Bound an index of one group against everyone else.

    Parameters
    ----------
    known : Known
        Limits ``0 <= low <= high <= total``; where both are equal the count is known.
    shape : Shape
        The index.

    Returns
    -------
    Bounded
        Every table within the limits, of whole persons or not, has its index between `low` and `high`, if the group
        and everyone else have at least one person each.

    Notes
    -----
    See the head of this module.  `low` is attained to rounding.  `high` is attained where all limits are equally far
    apart; elsewhere one cell of the greedy filling is cut, and `high` lies above the most by less than it weighs.

    Examples
    --------
    Of 10 persons in each of two cells, 5 and 0 to 2 belong to the group.

    >>> found = bound(Known(np.array([5.0, 0.0]), np.array([5.0, 2.0]), np.array([10.0, 10.0])), SHAPES["D"])
    >>> round(found.low, 4), round(found.high, 4)
    (0.3297, 0.6667)
    """
    whole = float(known.total.sum())
    first, last = max(float(known.low.sum()), _FEWEST), min(float(known.high.sum()), whole - _FEWEST)
    if first > last:
        return Bounded(np.nan, np.nan, np.nan)
    least = _least(known, shape, first, last) - _SLACK
    most, gap = _most(known, shape, first, last)
    if shape.falls:
        return Bounded(1 - most, 1 - least, gap)
    return Bounded(shape.of_it(max(least, 0.0)), shape.of_it(min(most, 1.0)), gap)


def _least(known: Known, shape: Shape, first: float, last: float) -> float:
    """Least index over all sums, by golden section: it falls and then rises."""
    at, sums = _even(known)

    def index(persons: float) -> float:
        q = float(np.interp(persons, sums, at))
        count = np.clip(q * known.total, known.low, known.high)
        return _index(count, known.total, shape)

    a, b = first, last
    c, d = b - _GOLDEN * (b - a), a + _GOLDEN * (b - a)
    of_c, of_d = index(c), index(d)
    best = min(index(a), index(b), of_c, of_d)
    while b - a > 1e-12 * max(last, 1.0):
        if of_c <= of_d:
            b, d, of_d = d, c, of_c
            c = b - _GOLDEN * (b - a)
            of_c = index(c)
        else:
            a, c, of_c = c, d, of_d
            d = a + _GOLDEN * (b - a)
            of_d = index(d)
        best = min(best, of_c, of_d)
    return best


def _index(count: Floats, total: Floats, shape: Shape) -> float:
    p = np.array([count.sum() / total.sum()])
    mean = np.array([float(total @ shape.phi(count / total, float(p[0]))) / total.sum()])
    return float(shape.above(mean, p, p)[0])


def _even(known: Known) -> tuple[Floats, Floats]:
    """Common shares *q* at which a count leaves or meets a limit, and the group's persons there, both rising."""
    at = np.concatenate([known.low, known.high]) / np.concatenate([known.total, known.total])
    order = np.argsort(at, kind="stable")
    moving = np.cumsum(np.concatenate([known.total, -known.total])[order])
    rise = np.append(0.0, np.cumsum(np.diff(at[order]) * moving[:-1]))
    return at[order], float(known.low.sum()) + rise


class _Chords(NamedTuple):
    """Greatest sum of chords given the group's persons: a concave line through (persons, sum), and where it peaks."""

    persons: Floats
    sum: Floats
    peak: float

    def most(self, low: Floats, high: Floats) -> Floats:
        """Greatest sum for any persons between `low` and `high`."""
        return np.asarray(np.interp(np.clip(self.peak, low, high), self.persons, self.sum))


def _chords(known: Known, shape: Shape, p: float) -> _Chords:
    low, high = (known.total * shape.phi(x / known.total, p) for x in (known.low, known.high))
    open_ = np.flatnonzero(known.high > known.low)
    width, gain = (known.high - known.low)[open_], (high - low)[open_]
    order = np.argsort(-gain / width, kind="stable")
    width, gain = width[order], gain[order]
    persons = float(known.low.sum()) + np.append(0.0, np.cumsum(width))
    return _Chords(persons, float(low.sum()) + np.append(0.0, np.cumsum(gain)), float(persons[(gain > 0).sum()]))


def _most(known: Known, shape: Shape, first: float, last: float) -> tuple[float, float]:
    """Bound on the index of all corners, and how far it lies above what chords give at single sums."""
    whole = float(known.total.sum())
    fixed = None if shape.moves else _chords(known, shape, 0.0)

    def above(a: Floats, b: Floats) -> Floats:
        if fixed is not None:
            sums = fixed.most(a, b)
        else:
            sums = np.array([
                _chords(known, shape, low / whole).most(np.array([low]), np.array([high]))[0]
                for low, high in zip(a, b, strict=True)
            ])  # fmt: skip
        return shape.above(sums / whole, a / whole, b / whole)

    edges = np.linspace(first, last, _STARTS + 1)
    if fixed is not None and len(fixed.persons) < _MOST_AT_ONCE:
        edges = np.unique(np.append(edges, fixed.persons[(fixed.persons > first) & (fixed.persons < last)]))
    a, b = edges[:-1], edges[1:]
    best, settled = float(above(edges, edges).max()), -np.inf
    for _ in range(_MOST_ROUNDS):
        bounds = above(a, b)
        unsure = bounds > best + TOLERANCE
        settled = max(settled, float(bounds[~unsure].max(initial=-np.inf)))
        a, b, bounds = a[unsure], b[unsure], bounds[unsure]
        if not len(a) or len(a) * _PARTS > _MOST_AT_ONCE:
            settled = max(settled, float(bounds.max(initial=-np.inf)))
            break
        cut = np.linspace(a, b, _PARTS + 1)
        best = max(best, float(above(cut.ravel(), cut.ravel()).max()))
        a, b = cut[:-1].ravel(), cut[1:].ravel()
    else:
        settled = max(settled, float(above(a, b).max(initial=-np.inf)))
    most = max(settled, best) + _SLACK
    return most, most - best
