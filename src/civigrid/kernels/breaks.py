"""Where to cut one row of numbers into classes: exact natural breaks, head and tail, weighted quantiles."""

from __future__ import annotations

import numba
import numpy as np

from civigrid.types import Floats, Ints


def natural_breaks(values: Floats, k: int, weight: Floats | None = None) -> Floats:
    """Cut values into `k` classes of least squared deviation from their means, exactly.

    Parameters
    ----------
    values : ndarray of float64, shape (value,)
        In any order; NaN and infinite values are left out.
    k : int
        Number of classes, at least 1; of fewer distinct values each is a class.
    weight : ndarray of float64, shape (value,), optional
        At least 0; values without weight are left out.

    Returns
    -------
    ndarray of float64, shape (class,)
        Largest value of each class, rising: the last is the maximum.  Empty where there is no value.

    Notes
    -----
    The sum of squares about the class means is least where the sum over classes of (sum of w x)^2 / (sum of w) is
    greatest, so prefix sums of w and w x are all that is needed.  Best starts of the last class rise with its end
    (the cost is concave Monge on sorted values), so each layer is searched by divide and conquer:
    O(k n log n) after sorting, against O(k n^2) of the usual programme.

    References
    ----------
    Fisher (1958), J. Am. Stat. Assoc. 53, 789-798; Jenks (1977), Occasional Paper 2, University of Kansas; the monotone
    search as in Wang and Song (2011), The R Journal 3(2), 29-33, and Gronlund et al. (2017), arXiv:1701.07204.

    Examples
    --------
    >>> natural_breaks(np.array([1.0, 2.0, 10.0, 11.0, 50.0]), 3)
    array([ 2., 11., 50.])
    """
    distinct, mass = distinct_values(values, weight)
    m = len(distinct)
    if m <= max(k, 1):
        return distinct
    if k <= 1:
        return distinct[-1:]
    # about the mean the sums stay small, and so do their errors
    centre = float(np.average(distinct, weights=mass))
    sums = np.zeros((m + 1, 2))
    np.cumsum(mass * (distinct - centre), out=sums[1:, 0])
    np.cumsum(mass, out=sums[1:, 1])
    ends: Ints = _best_ends(sums, k)
    return distinct[ends - 1]


def distinct_values(values: Floats, weight: Floats | None = None) -> tuple[Floats, Floats]:
    """Give the distinct finite values, rising, and the weight of each; without weights, how often each occurs.

    >>> distinct_values(np.array([2.0, np.nan, 1.0, 2.0]))
    (array([1., 2.]), array([1., 2.]))
    """
    inside = np.isfinite(values)
    if weight is None:
        ordered = np.sort(values if inside.all() else values[inside])
    else:
        inside &= np.isfinite(weight) & (weight > 0)
        order = np.argsort(values[inside], kind="stable")
        ordered = values[inside][order]
    if not len(ordered):
        return ordered, ordered
    start = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    if weight is None:
        return ordered[start], np.diff(np.append(start, len(ordered))).astype(np.float64)
    return ordered[start], np.add.reduceat(weight[inside][order], start)


@numba.njit(cache=True, nogil=True)
def _best_ends(sums, k):  # type: ignore[no-untyped-def]
    """Ends of the classes (rows of `sums`) that make the sum of (w x)^2 / w greatest."""
    m = len(sums) - 1
    best = np.empty(m + 1)
    best[0] = 0.0
    for j in range(1, m + 1):
        best[j] = sums[j, 0] * sums[j, 0] / sums[j, 1]
    start = np.zeros((k + 1, m + 1), dtype=np.int32)
    after = np.empty(m + 1)
    for layer in range(2, k):
        _layer(sums, best, after, start[layer], layer)
        best, after = after, best
    ends = np.empty(k, dtype=np.int64)
    ends[k - 1] = m
    top = _best_start(sums, best, m, k - 1, m - 1)
    for layer in range(k - 1, 0, -1):
        ends[layer - 1] = top
        top = start[layer, top]
    return ends


@numba.njit(cache=True, nogil=True)
def _layer(sums, before, after, start, layer):  # type: ignore[no-untyped-def]
    """Best starts of class `layer` for every end; ends in the middle first, which bound those beside them."""
    m = len(sums) - 1
    step = 1
    while step <= m:
        step *= 2
    while step >= 1:
        for j in range(step, m + 1, 2 * step):
            if j < layer:
                continue
            low = max(layer - 1, start[j - step] if j - step >= layer else layer - 1)
            high = j - 1
            if j + step <= m:
                high = min(high, start[j + step])
            i = _best_start(sums, before, j, low, high)
            start[j] = i
            d = sums[j, 0] - sums[i, 0]
            after[j] = before[i] + d * d / (sums[j, 1] - sums[i, 1])
        step //= 2


@numba.njit(cache=True, nogil=True)
def _best_start(sums, before, j, low, high):  # type: ignore[no-untyped-def]
    s, w = sums[j, 0], sums[j, 1]
    found, most = low, -1.0
    for i in range(low, high + 1):
        d = s - sums[i, 0]
        gain = before[i] + d * d / (w - sums[i, 1])
        if gain > most:
            found, most = i, gain
    return found


def head_tail_breaks(values: Floats, weight: Floats | None = None, *, head: float = 0.4, most: int = 7) -> Floats:
    """Cut at the mean, then what lies above at its mean, while those above are few: for heavy tails.

    Parameters
    ----------
    values : ndarray of float64, shape (value,)
        NaN and infinite values are left out.
    weight : ndarray of float64, shape (value,), optional
        At least 0.
    head : float
        Largest share of the weight that may lie above a mean for the head to be cut again.
    most : int
        Breaks at most.

    Returns
    -------
    ndarray of float64, shape (break,)
        Means, rising; empty where values do not differ.

    References
    ----------
    Jiang (2013), The Professional Geographer 65(3), 482-494; the rule of 40 % as there.

    Examples
    --------
    >>> head_tail_breaks(np.array([1.0, 1, 1, 1, 1, 1, 1, 4, 8, 30]))
    array([ 4.9, 19. ])
    """
    left, mass = distinct_values(values, weight)
    found: list[float] = []
    while len(left) > 1 and len(found) < most:
        mean = float(np.average(left, weights=mass))
        above = left > mean
        if not above.any() or above.all():
            break
        found.append(mean)
        share = mass[above].sum() / mass.sum()
        left, mass = left[above], mass[above]
        if share > head:
            break
    return np.array(found)


def weighted_quantiles(values: Floats, q: Floats, weight: Floats | None = None) -> Floats:
    """Smallest values that at least the shares `q` of the weight do not exceed (Hyndman and Fan 1996, type 1).

    >>> weighted_quantiles(np.array([5.0, 1.0, 3.0]), np.array([0.25, 0.5]), np.array([1.0, 1.0, 2.0]))
    array([1., 3.])
    """
    left, mass = distinct_values(values, weight)
    if not len(left):
        return np.full(len(q), np.nan)
    total = np.cumsum(mass)
    at = np.searchsorted(total, total[-1] * np.asarray(q) * (1 - 1e-12), side="left")
    found: Floats = left[np.minimum(at, len(left) - 1)]
    return found
