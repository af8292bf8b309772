r"""Segregation indices of a multiset of compositions, each with its gradient.

`n` holds the persons of each group, shape (row, group), and `w` how many cells have that row.  Every function returns
the index and its derivative by each count, shape (row, group): the sampling variance follows as
:math:`\sum w\, n\, (\partial I / \partial n)^2` (delta method, independent Poisson persons; the indices do not change
with scale, so a multinomial city gives the same).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import xlogy

from civigrid.kernels.group import group_sum
from civigrid.types import Floats, Ints


class Value(NamedTuple):
    """An index, and its derivative by each count, shape (row, group)."""

    estimate: float
    gradient: Floats


def _sums(n: Floats, w: Ints) -> Floats:
    return np.asarray(w @ n, dtype=np.float64)


def dissimilarity(n: Floats, w: Ints) -> Value:
    r"""Dissimilarity of several groups, :math:`D = \sum_m\sum_i t_i|\pi_{im}-\pi_m| / (2TI)`.

    With two groups it is Duncan and Duncan's *D*.

    Notes
    -----
    Duncan and Duncan (1955), Am. Soc. Rev. 20; Morgan (1975); Sakoda (1981); Reardon and Firebaugh (2002), eq. 7.

    Examples
    --------
    >>> dissimilarity(np.array([[10.0, 0.0], [10.0, 30.0]]), np.array([1, 1])).estimate
    0.5
    """
    size, groups = n.sum(axis=1), _sums(n, w)
    total = groups.sum()
    share = groups / total
    deviation = n - size[:, None] * share
    sign = np.sign(deviation)
    whole = 2 * (total - (groups**2).sum() / total)
    index = float((w @ np.abs(deviation)).sum() / whole) if whole > 0 else np.nan
    # every count moves the shares and the denominator too
    drift = (w @ (sign * size[:, None])) / total
    numerator = sign - sign @ share[:, None] - (drift - drift @ share)
    denominator = 2 * (1 - 2 * share + (share**2).sum())
    return Value(index, (numerator - index * denominator) / whole if whole > 0 else np.zeros_like(n))


def information(n: Floats, w: Ints) -> Value:
    r"""Theil's information index, :math:`H = \sum_i t_i (E - E_i) / (T E)`, natural logarithms (they cancel).

    Notes
    -----
    Theil and Finizza (1971); Reardon and Firebaugh (2002), eq. 11.

    >>> information(np.array([[40.0, 0.0], [0.0, 40.0]]), np.array([1, 1])).estimate
    1.0
    """
    size, groups = n.sum(axis=1), _sums(n, w)
    total = groups.sum()
    share, local = groups / total, n / size[:, None]
    entropy = -float(xlogy(share, share).sum())
    if entropy <= 0:
        return Value(np.nan, np.zeros_like(n))
    mutual = float(w @ (size * (entropy + xlogy(local, local).sum(axis=1)))) / total
    index = float(mutual / entropy)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_local = np.where(n > 0, np.log(local), 0.0)
        log_share = np.where(groups > 0, np.log(share), 0.0)
    of_mutual = log_local - log_share - mutual
    of_entropy = -log_share - entropy
    return Value(index, (of_mutual - index * of_entropy) / (entropy * total))


def entropy(n: Floats, w: Ints) -> Value:
    r"""Diversity of the whole, :math:`E = -\sum \pi_m \ln \pi_m`, in nats; it is no index of segregation.

    >>> round(entropy(np.array([[1.0, 1.0]]), np.array([1])).estimate, 6)
    0.693147
    """
    groups = _sums(n, w)
    share = groups / groups.sum()
    index = -float(xlogy(share, share).sum())
    with np.errstate(divide="ignore"):
        log_share = np.where(groups > 0, np.log(share), 0.0)
    return Value(index, np.broadcast_to((-log_share - index) / groups.sum(), n.shape))


def gini(n: Floats, w: Ints) -> Value:
    r"""Gini index of the first group against the second, :math:`G=\sum_{ij}|x_iy_j-x_jy_i| / (2XY)`, by sorting.

    Notes
    -----
    Duncan and Duncan (1955); the area between the segregation curve and the diagonal, twice.

    >>> gini(np.array([[10.0, 0.0], [10.0, 30.0]]), np.array([1, 1])).estimate
    0.5
    """
    x, y = n.T
    all_x, all_y = _sums(n, w)
    if all_x <= 0 or all_y <= 0:
        return Value(np.nan, np.zeros_like(n))
    share = x / (x + y)
    order = np.lexsort((y, x, share))
    new = np.concatenate([[True], share[order][1:] != share[order][:-1]])
    rank = np.cumsum(new) - 1
    below_x, above_x = _around(rank, (w * x)[order], all_x)
    below_y, above_y = _around(rank, (w * y)[order], all_y)
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    gain_x, gain_y = (below_y - above_y)[back], (above_x - below_x)[back]
    index = float(0.5 * (w @ (x * gain_x + y * gain_y)) / (all_x * all_y))
    return Value(
        index, np.stack([gain_x / (all_x * all_y) - index / all_x, gain_y / (all_x * all_y) - index / all_y], 1)
    )


def _around(rank: Ints, mass: Floats, whole: float) -> tuple[Floats, Floats]:
    """Mass of the rows of lower rank and of higher rank, for each row."""
    by_rank = group_sum(rank, mass, int(rank.max(initial=-1)) + 1)
    upto = np.cumsum(by_rank)
    return (upto - by_rank)[rank], (whole - upto)[rank]


def isolation(n: Floats, w: Ints) -> Value:
    r"""Isolation, :math:`{}_xP_x = \sum_i (x_i/X)(x_i/t_i)`: the share of the own group a member meets in the cell.

    Notes
    -----
    Bell (1954); Lieberson (1981); Massey and Denton (1988), Social Forces 67, eq. 5.

    >>> isolation(np.array([[10.0, 0.0], [10.0, 30.0]]), np.array([1, 1])).estimate
    0.625
    """
    x, size = n[:, 0], n.sum(axis=1)
    all_x = float(_sums(n, w)[0])
    if all_x <= 0:
        return Value(np.nan, np.zeros_like(n))
    share = x / size
    index = float(w @ (x * share)) / all_x
    gradient = np.repeat((-(share**2) / all_x)[:, None], n.shape[1], axis=1)
    gradient[:, 0] += (2 * share - index) / all_x
    return Value(index, gradient)


def interaction(n: Floats, w: Ints) -> Value:
    r"""Interaction with everyone else, :math:`{}_xP_y = \sum_i (x_i/X)(y_i/t_i) = 1 - {}_xP_x`.

    Notes
    -----
    Massey and Denton (1988), eq. 6.

    >>> interaction(np.array([[10.0, 0.0], [10.0, 30.0]]), np.array([1, 1])).estimate
    0.375
    """
    own = isolation(n, w)
    return Value(1.0 - own.estimate, -own.gradient)


def variance(n: Floats, w: Ints, gradient: Floats, noise: Floats | None = None) -> float:
    """Sampling variance of an index by the delta method.

    `noise` is the variance that the publisher's protection adds to each count, shape (row, group).
    """
    return float(w @ ((n if noise is None else n + noise) * gradient**2).sum(axis=1))
