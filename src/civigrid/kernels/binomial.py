r"""Expectations of a binomial share :math:`\hat p = X/t`: what chance alone does to a formula of shares.

Each is summed outcome by outcome where few outcomes matter, and a series in :math:`1/t` above, exact to about 1e-6.
Sizes between whole numbers (effective persons of a neighbourhood) lie between their neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from scipy.special import gammaln, ndtr, xlog1py, xlogy

from civigrid.types import Floats, Ints

_jit: Any = numba.njit(cache=True, nogil=True)
EXACT_UPTO = 25.0
"""Variance of the count below which outcomes are summed one by one."""
_ENTROPY, _POWER, _BALANCE = 0, 1, 2  # what `_by_outcome` sums: numba takes no functions of Python


def mean_absolute_deviation(size: Floats, share: Floats | float) -> Floats:
    r"""Mean absolute deviation of a binomial count, :math:`E|X - tP| = 2 m \binom{t}{m} P^m (1-P)^{t-m+1}`.

    With :math:`m = \lfloor tP \rfloor + 1`.  De Moivre (1730); Diaconis and Zabell (1991), Stat. Sci. 6, eq. 1.1.

    >>> mean_absolute_deviation(np.array([2.0]), 0.5)
    array([0.5])
    """
    p = np.broadcast_to(np.asarray(share, dtype=np.float64), size.shape)

    def whole(t: Floats) -> Floats:
        m = np.floor(t * p) + 1
        with np.errstate(divide="ignore", invalid="ignore"):
            log = gammaln(t + 1) - gammaln(m + 1) - gammaln(t - m + 1) + xlogy(m, p) + xlog1py(t - m, -p)
            some = 2 * m * np.exp(log) * (1 - p)
        return np.where((p > 0) & (p < 1), np.where(m <= t, some, 2 * t * p ** np.maximum(t, 1) * (1 - p)), 0.0)

    return _between(whole, size)


def fixed_margins_deviation(size: Floats, share: Floats, total: Floats) -> Floats:
    r"""Mean absolute deviation of a hypergeometric count: *t* persons drawn of *T*, *K* of whom are of the group.

    :math:`E|X - tP| = 2 m \frac{T-K-t+m}{T} \binom{K}{m}\binom{T-K}{t-m} / \binom{T}{t}`, where
    :math:`m=\lfloor tP\rfloor+1`.

    Notes
    -----
    Ramasubban (1958), Biometrika 45, in the form of de Moivre's identity.

    >>> fixed_margins_deviation(np.array([2.0]), np.array([0.5]), np.array([4.0])).round(6)
    array([0.333333])
    """
    # a zone of less than half a person holds its one cell
    total = np.maximum(total, size)
    group = np.rint(share * total)
    m = np.floor(size * group / total) + 1
    inside = (m <= size) & (m <= group) & (total - group - size + m >= 0) & (group < total)
    m, free = np.where(inside, m, 0.0), np.where(inside, total - group - size + m, 0.0)

    def choose(n: Floats, k: Floats) -> Floats:
        return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))

    log = choose(group, m) + choose(total - group, np.where(inside, size - m, 0.0)) - choose(total, size)
    return np.asarray(np.where(inside, 2 * m * free / total * np.exp(log), 0.0))


def mean_entropy_term(size: Floats, share: Floats | float) -> Floats:
    r"""Expectation of :math:`-\hat p \ln \hat p`.

    The series is :math:`-P\ln P - (1-P)/2t - (1-P^2)/(12 t^2 P)` (Miller 1955; Basharin 1959; second order as in
    Harris 1975).

    >>> mean_entropy_term(np.array([2.0]), 0.5).round(6)
    array([0.173287])
    """

    def series(t: Floats, p: Floats) -> Floats:
        return np.asarray(-p * np.log(p) - (1 - p) / (2 * t) - (1 - p**2) / (12 * t**2 * p))

    return _expectation(size, share, _ENTROPY, 0.0, series)


def mean_power(size: Floats, share: Floats | float, b: float) -> Floats:
    r"""Expectation of :math:`\hat p^b(1-\hat p)^{1-b}`; the series is Taylor's, to the fourth central moment.

    >>> mean_power(np.array([2.0]), 0.5, 0.5)
    array([0.25])
    """

    def series(t: Floats, p: Floats) -> Floats:
        q, c = 1 - p, 1 - b
        f, u = p**b * q**c, b / p - c / q
        u1, u2 = -b / p**2 - c / q**2, 2 * b / p**3 - 2 * c / q**3
        u3 = -6 * b / p**4 - 6 * c / q**4
        second, third = u**2 + u1, u**3 + 3 * u * u1 + u2
        fourth = u**4 + 6 * u**2 * u1 + 3 * u1**2 + 4 * u * u2 + u3
        variance = p * q / t
        skew, tail = variance * (q - p) / t, 3 * variance**2 + variance * (1 - 6 * p * q) / t**2
        return np.asarray(f * (1 + second * variance / 2 + third * skew / 6 + fourth * tail / 24))

    return _expectation(size, share, _POWER, b, series)


def mean_imbalance(size: Floats, share: Floats | float) -> Floats:
    r"""Expectation of :math:`|2\hat p - 1|`: of a normal share where there are many outcomes.

    >>> mean_imbalance(np.array([2.0]), 0.5)
    array([0.5])
    """

    def series(t: Floats, p: Floats) -> Floats:
        mean, sd = 2 * p - 1, 2 * np.sqrt(p * (1 - p) / t)
        bell = np.exp(-(mean**2) / (2 * sd**2)) / np.sqrt(2 * np.pi)
        return np.asarray(2 * sd * bell + mean * (1 - 2 * ndtr(-mean / sd)))

    return _expectation(size, share, _BALANCE, 0.0, series)


def _between(function: Callable[[Floats], Floats], size: Floats) -> Floats:
    """Apply a function of whole numbers to sizes between them, along straight lines."""
    low = np.maximum(np.floor(size), 1.0)
    part = np.clip(size - low, 0.0, 1.0)
    value = function(low)
    if (part > 0).any():
        value = (1 - part) * value + part * function(low + 1)
    return value


def _expectation(
    size: Floats, share: Floats | float, kind: int, b: float, series: Callable[[Floats, Floats], Floats]
) -> Floats:
    p = np.ascontiguousarray(np.broadcast_to(np.asarray(share, dtype=np.float64), size.shape))
    real = (p > 0) & (p < 1)
    few = (size * p * (1 - p) < EXACT_UPTO) | ~real
    value = np.empty_like(size)
    value[~few] = series(size[~few], p[~few])
    some = p[few]
    value[few] = _between(lambda t: _by_outcome(t.astype(np.int64), some, kind, b), size[few])
    return value


@_jit  # type: ignore[untyped-decorator]
def _by_outcome(size: Ints, share: Floats, kind: int, b: float) -> Floats:
    """Sum over the outcomes near the mean; the rest weighs less than 1e-12."""
    value = np.zeros(len(size))
    for row in range(len(size)):
        t, p = size[row], share[row]
        if p <= 0.0 or p >= 1.0:
            value[row] = 1.0 if kind == 2 else 0.0
            continue
        spread = 15.0 + 9.0 * np.sqrt(t * p * (1 - p))
        k = max(0, int(t * p - spread))
        last = min(t, int(t * p + spread) + 1)
        log = t * np.log1p(-p)
        if k > 0:
            log = _log_factorial(t) - _log_factorial(k) - _log_factorial(t - k) + k * np.log(p) + (t - k) * np.log1p(-p)
        pmf, odds, total = np.exp(log), p / (1 - p), 0.0
        while k <= last:
            x = k / t
            if kind == 0:
                total -= pmf * x * np.log(x) if x > 0 else 0.0
            elif kind == 1:
                total += pmf * x**b * (1 - x) ** (1 - b)
            else:
                total += pmf * abs(2 * x - 1)
            pmf *= (t - k) / (k + 1) * odds
            k += 1
        value[row] = total
    return value


@_jit  # type: ignore[untyped-decorator]
def _log_factorial(n: int) -> float:
    return math.lgamma(n + 1.0)
