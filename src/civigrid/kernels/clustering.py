r"""Clustering: whether the members of a group live near each other, beyond sharing cells.

All indices are quadratic forms of one proximity :math:`c_{ij}`: what `near` gathers once serves them all, their
gradients and their expectation.  *x* is the group, *y* everyone else, *t* all; capitals are sums.

Expectation: the group's *X* persons are drawn at random from all *T*, each cell keeps its size.  Then
:math:`E[x_i x_j] = q\,t_i t_j` and :math:`E[x_i^2] = q\,t_i^2 + (P-q)\,t_i` with :math:`P = X/T` and
:math:`q = X(X-1)/T(T-1)`: exact for every quadratic form.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from civigrid.kernels.estimate import Estimate, undefined
from civigrid.kernels.proximity import Proximity
from civigrid.types import Floats


class Near(NamedTuple):
    """People, and who is near them; all arrays have shape (row,).

    `x` and `y` are the group and everyone else; `near_x`, `near_y` and `near_cells` their sums, and that of inhabited
    cells, by nearness.  `noise_x` and `noise_y` hold the variance of what a publisher added to each count.
    """

    x: Floats
    y: Floats
    near_x: Floats
    near_y: Floats
    near_cells: Floats
    proximity: Proximity
    noise_x: Floats | float = 0.0
    noise_y: Floats | float = 0.0

    @property
    def size(self) -> Floats:
        """Residents of each cell."""
        return self.x + self.y

    @property
    def near_size(self) -> Floats:
        """Residents near each cell."""
        return self.near_x + self.near_y

    @property
    def sums(self) -> tuple[float, float, float]:
        """Persons of the group, of everyone else, and all."""
        x, y = float(self.x.sum()), float(self.y.sum())
        return x, y, x + y

    @property
    def is_mixed(self) -> bool:
        """Whether both sides have members."""
        return min(self.sums[:2]) > 0


def near(counts: Floats, proximity: Proximity) -> Near:
    """Gather who is near whom: `counts` holds the group and everyone else, shape (row, 2), in inhabited cells.

    >>> from civigrid.kernels.proximity import touching
    >>> near(np.array([[3.0, 1.0]]), touching(np.array([], int), np.array([], int), 1)).near_x
    array([3.])
    """
    found = proximity.around(np.column_stack([counts, np.ones(len(counts))]))
    return Near(counts[:, 0], counts[:, 1], found[:, 0], found[:, 1], found[:, 2], proximity)


# --- average proximities ---


def proximity_within(seen: Near) -> Estimate:
    r"""Average proximity of two members of the group, :math:`P_{xx} = \sum_{ij} x_i c_{ij} x_j / X^2`.

    Notes
    -----
    White (1983), Am. J. Sociology 88; Massey and Denton (1988), Social Forces 67.
    """
    x, _, _ = seen.sums
    if x <= 0:
        return undefined(len(seen.x))
    value = float(seen.x @ seen.near_x) / x**2
    by_x = 2 * (seen.near_x / x - value) / x
    return Estimate(value, np.column_stack([by_x, np.zeros_like(by_x)]))


def proximity_between(seen: Near) -> Estimate:
    r"""Average proximity of a member and anyone else, :math:`P_{xy} = \sum_{ij} x_i c_{ij} y_j / (XY)`.

    Notes
    -----
    White (1983); Massey and Denton (1988).
    """
    x, y, _ = seen.sums
    if not seen.is_mixed:
        return undefined(len(seen.x))
    value = float(seen.x @ seen.near_y) / (x * y)
    by_x, by_y = seen.near_y / (x * y) - value / x, seen.near_x / (x * y) - value / y
    return Estimate(value, np.column_stack([by_x, by_y]))


def spatial_proximity(seen: Near) -> Estimate:
    r"""White's spatial proximity, :math:`SP = (X P_{xx} + Y P_{yy}) / (T P_{tt})`; 1 where both sides live alike.

    Notes
    -----
    White (1983); Massey and Denton (1988).  It exceeds 1 where members of a side live nearer to each
    other than people in general.
    """
    x, y, total = seen.sums
    if not seen.is_mixed:
        return undefined(len(seen.x))
    of_x, of_y = float(seen.x @ seen.near_x) / x, float(seen.y @ seen.near_y) / y
    of_all = float(seen.size @ seen.near_size) / total
    value = (of_x + of_y) / of_all
    drift = value * (2 * seen.near_size - of_all) / total
    by_x, by_y = (2 * seen.near_x - of_x) / x - drift, (2 * seen.near_y - of_y) / y - drift
    return Estimate(value, np.column_stack([by_x, by_y]) / of_all)


def relative_clustering(seen: Near) -> Estimate:
    r"""Relative clustering, :math:`RCL = P_{xx}/P_{yy} - 1`; 0 where members are as near to each other as others are.

    Notes
    -----
    Massey and Denton (1988).
    """
    if not seen.is_mixed:
        return undefined(len(seen.x))
    own, other = proximity_within(seen), proximity_within(seen._replace(x=seen.y, near_x=seen.near_y))
    ratio = own.value / other.value
    by_x, by_y = own.gradient[:, 0] / other.value, -ratio * other.gradient[:, 0] / other.value
    return Estimate(ratio - 1, np.column_stack([by_x, by_y]))


def absolute_clustering(seen: Near) -> Estimate:
    r"""Absolute clustering, :math:`ACL = (U_x - V)/(U_t - V)`, 1 where nobody else is near any member.

    With :math:`U_z = \sum_{ij} (x_i/X)\,c_{ij}\,z_j` and :math:`V = (X/n^2)\sum_{ij} c_{ij}` over the *n* inhabited
    cells.  An even group has 0 where all cells have equally many residents.

    Notes
    -----
    Massey and Denton (1988); Geary (1954); Dacey (1968).  It can be negative.  Not a number where fewer people
    than *V* are near the members: the index has no direction there.
    """
    x, _, _ = seen.sums
    if not seen.is_mixed:
        return undefined(len(seen.x))
    of_x, of_all = float(seen.x @ seen.near_x) / x, float(seen.x @ seen.near_size) / x
    per_person = float(seen.near_cells.sum()) / len(seen.x) ** 2
    alone = x * per_person
    spread = of_all - alone
    if not spread > 1e-12 * of_all:
        return undefined(len(seen.x))
    value = (of_x - alone) / spread
    top = (2 * seen.near_x - of_x) / x - per_person
    bottom = (seen.near_size + seen.near_x - of_all) / x - per_person
    by_x, by_y = (top - value * bottom) / spread, -value * seen.near_x / x / spread
    return Estimate(value, np.column_stack([by_x, by_y]))


# --- exposure that decays with distance ---


def decay_isolation(seen: Near) -> Estimate:
    r"""Distance-decay isolation, :math:`DP_{xx} = \sum_i (x_i/X) \sum_j K_{ij}\,x_j/t_j`.

    With :math:`K_{ij} = c_{ij} t_j / \sum_k c_{ik} t_k`, whose rows sum to 1: whom a member meets at random, near
    people more often.  Together with `decay_interaction` it is exactly 1.

    Notes
    -----
    Morgan (1983), Area 15(3); Massey and Denton (1988).
    """
    x, _, _ = seen.sums
    if x <= 0:
        return undefined(len(seen.x))
    met = seen.near_x / seen.near_size
    value = float(seen.x @ met) / x
    meets = seen.x / seen.near_size
    back, drift = seen.proximity.around(np.column_stack([meets, meets * met])).T
    return Estimate(value, np.column_stack([met + back - drift - value, -drift]) / x)


def decay_interaction(seen: Near) -> Estimate:
    r"""Distance-decay interaction with everyone else, :math:`DP_{xy} = \sum_i (x_i/X)\sum_j K_{ij} y_j/t_j`.

    Notes
    -----
    Morgan (1983); Massey and Denton (1988).
    """
    own = decay_isolation(seen)
    return Estimate(1.0 - own.value, -own.gradient)


# --- what random allocation makes of them ---


class _Chance(NamedTuple):
    """Expected sums of x c x, x c t and y c y, and t c t."""

    within: float
    with_all: float
    others: float
    everyone: float


def _pairs(seen: Near) -> tuple[float, float]:
    """Chance that a person is a member, and that two different persons are."""
    x, _, total = seen.sums
    return x / total, max(x * (x - 1), 0.0) / (total * (total - 1)) if total > 1 else 0.0


def _chance(seen: Near) -> _Chance:
    share, both = _pairs(seen)
    own, size = seen.proximity.own, seen.size
    everyone, alone = float(size @ seen.near_size), float(own @ size)
    noise = float((own * seen.noise_x).sum())
    within = both * everyone + (share - both) * alone
    others = (1 - 2 * share) * everyone + within
    return _Chance(within + noise, share * everyone + noise, others + float((own * seen.noise_y).sum()), everyone)


def expected_proximity_within(seen: Near) -> float:
    """Expect what `proximity_within` is if the group were drawn at random; exact."""
    return _chance(seen).within / seen.sums[0] ** 2 if seen.sums[0] > 0 else np.nan


def expected_proximity_between(seen: Near) -> float:
    """Expect what `proximity_between` is if the group were drawn at random; exact."""
    x, y, _ = seen.sums
    found = _chance(seen)
    return (found.with_all - found.within) / (x * y) if seen.is_mixed else np.nan


def expected_spatial_proximity(seen: Near) -> float:
    """Expect what `spatial_proximity` is if the group were drawn at random; exact."""
    x, y, total = seen.sums
    if not seen.is_mixed:
        return np.nan
    found = _chance(seen)
    return (found.within / x + found.others / y) * total / found.everyone


def expected_relative_clustering(seen: Near) -> float:
    """Expect what `relative_clustering` is if the group were drawn at random: the ratio of two exact expectations."""
    x, y, _ = seen.sums
    if not seen.is_mixed:
        return np.nan
    found = _chance(seen)
    return (found.within / x**2) / (found.others / y**2) - 1


def expected_absolute_clustering(seen: Near) -> float:
    """Expect what `absolute_clustering` is if the group were drawn at random: a ratio of two exact expectations."""
    x, _, _ = seen.sums
    if not seen.is_mixed:
        return np.nan
    found = _chance(seen)
    alone = x * float(seen.near_cells.sum()) / len(seen.x) ** 2
    spread = found.with_all / x - alone
    return (found.within / x - alone) / spread if spread > 0 else np.nan


def expected_decay_isolation(seen: Near) -> float:
    """Expect what `decay_isolation` is if the group were drawn at random; exact, as who is near stays the same."""
    x, _, total = seen.sums
    if x <= 0:
        return np.nan
    share, both = _pairs(seen)
    oneself = seen.proximity.own / seen.near_size
    return (both * total + (share - both) * float(seen.size @ oneself) + float((oneself * seen.noise_x).sum())) / x


def expected_decay_interaction(seen: Near) -> float:
    """Expect what `decay_interaction` is if the group were drawn at random; exact."""
    return 1.0 - expected_decay_isolation(seen)


# --- what they are where the group is the same share of every cell ---


def even(seen: Near) -> Near:
    """Give the same cells with the group spread as everyone is: what an index is there is no clustering of the group.

    >>> from civigrid.kernels.proximity import touching
    >>> seen = near(np.array([[3.0, 1.0], [1.0, 3.0]]), touching(np.array([0]), np.array([1]), 2))
    >>> round(spatial_proximity(even(seen)).value, 12)
    1.0
    """
    x, _, total = seen.sums
    share = x / total if total > 0 else 0.0
    size, around = seen.size, seen.near_size
    return seen._replace(x=share * size, y=(1 - share) * size, near_x=share * around, near_y=(1 - share) * around)
