"""How unequally something is spread over persons: Gini, Palma, Theil, Atkinson, Kolm-Pollak, concentration.

Everything is weighted by persons.  Several weightings of the same rows (draws of a bootstrap) and several zones are
computed at once; each function gives an array of shape (draw, zone).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from civigrid.types import Bools, Floats, Ints

_jit: Any = numba.njit(cache=True, nogil=True)


@dataclass(frozen=True, eq=False, kw_only=True)
class People:
    """Persons with what each of them has, sorted by zone and, within, by what ranks them.

    Parameters
    ----------
    values : ndarray of float64, shape (row,)
        What each person of the row has.
    key : ndarray of float64, shape (row,)
        What ranks them: `values`, or a socio-economic variable; ascending within a zone.
    weights : ndarray of float64, shape (draw, row)
        Persons, above 0.
    starts : ndarray of int64, shape (zone,)
        First row of each zone; none is empty.
    zones : ndarray of int64, shape (zone,)
        Number of each zone.
    row : ndarray of int64, shape (row,)
        Where each row stood before it was sorted.
    """

    values: Floats
    key: Floats
    weights: Floats
    starts: Ints
    zones: Ints
    row: Ints

    def sums(self, of: Floats | float = 1.0) -> Floats:
        """Sum a quantity over persons, shape (draw, zone)."""
        total: Floats = np.add.reduceat(self.weights * of, self.starts, axis=1)
        return total

    @cached_property
    def persons(self) -> Floats:
        """Persons, shape (draw, zone)."""
        return self.sums()

    @cached_property
    def middle(self) -> Floats:
        """Mean of the values over persons, shape (draw, zone)."""
        return self.mean_of(self.values)

    def mean_of(self, of: Floats) -> Floats:
        """Mean of a quantity over persons, shape (draw, zone)."""
        return self.sums(of) / self.persons

    def lacking(self) -> Bools:
        """Whether anyone has nothing, shape (1, zone)."""
        nothing: Bools = np.add.reduceat(self.values <= 0, self.starts, dtype=np.int64)[None, :] > 0
        return nothing

    def by_row(self, of: Floats) -> Floats:
        """Give each row the value of its zone, shape (draw, row)."""
        return np.repeat(of, np.diff(np.append(self.starts, len(self.values))), axis=1)

    def drawn(self, times: Floats, at: Ints | None = None) -> People:
        """Weigh rows anew: each counts `times` more, of column `at`; by default the row as it stood before sorting."""
        return replace(self, weights=self.weights * np.take(times, self.row if at is None else at, axis=1))


def people_of(
    values: npt.ArrayLike,
    weights: npt.ArrayLike,
    *,
    zone: npt.NDArray[np.integer] | None = None,
    by: Floats | None = None,
) -> People:
    """Sort persons by zone and rank.

    Parameters
    ----------
    values : array_like, shape (row,)
        What each person of the row has; none is NaN.
    weights : array_like, shape (row,)
        Persons; rows without any are left out.
    zone : ndarray of int, shape (row,), optional
        Zone of each row.
    by : ndarray of float64, shape (row,), optional
        What ranks persons, where it is not `values`.

    Returns
    -------
    People
        One draw; the same for any order of the rows.

    Raises
    ------
    ValueError
        A value, a weight or a rank that is not a number, or a weight below 0.

    Examples
    --------
    >>> gini(people_of([1.0, 3.0], [1.0, 1.0]))
    array([[0.25]])
    """
    value, weight = np.asarray(values, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    key = value if by is None else np.asarray(by, dtype=np.float64)
    code = np.zeros(len(value), dtype=np.int64) if zone is None else np.asarray(zone, dtype=np.int64)
    kept = np.flatnonzero(weight != 0)
    if np.isnan(value[kept]).any() or np.isnan(key[kept]).any() or not (weight[kept] > 0).all():
        raise ValueError("values and ranks must be numbers, and weights persons >= 0. Leave out what is not known.")
    # sums run in one order of the rows, whatever order they came in
    kept = kept[np.lexsort((weight[kept], value[kept], key[kept], code[kept]))]
    zones, starts = np.unique(code[kept], return_index=True)
    return People(
        values=value[kept],
        key=key[kept],
        weights=weight[None, kept],
        starts=starts.astype(np.int64),
        zones=zones,
        row=kept,
    )


def mean(people: People) -> Floats:
    """Mean over persons."""
    return people.middle


def gini(people: People) -> Floats:
    r"""Gini index, :math:`1 - \sum_k (F_k - F_{k-1})(L_k + L_{k-1})`; NaN where the mean is 0.

    Notes
    -----
    Gini (1914); the trapezoids equal :math:`2\,\mathrm{cov}(A, r)/\mu` with mid-ranks :math:`r` (Lerman and Yitzhaki
    1989), so that equal values make no order.  People are to be ranked by their own values.
    """
    return concentration(people)


def concentration(people: People) -> Floats:
    r"""Concentration index, :math:`C = 2\,\mathrm{cov}_w(A, r)/\mu`, in [-1, 1]; above 0: high ranks have more.

    Notes
    -----
    Kakwani, Wagstaff and van Doorslaer (1997), J. Econometrics 77(1), with persons of equal rank sharing their
    mid-rank.

    >>> concentration(people_of([1.0, 3.0], [1.0, 1.0], by=np.array([2.0, 1.0])))
    array([[-0.25]])
    """
    return _over(2 * rank_covariance(people), mean(people))


def erreygers(people: People, low: float, high: float) -> Floats:
    """Erreygers' index of a variable in [low, high], in [-1, 1]: 8 cov / (high - low).

    Notes
    -----
    Erreygers (2009), J. Health Economics 28(2), equation 17: 4 mu C / (b - a).  The bounds are those the variable could
    take, not the least and largest that were seen, which would change with the sample.
    """
    return 8 * rank_covariance(people) / (high - low)


def wagstaff(people: People, low: float, high: float) -> Floats:
    """Wagstaff's normalised index of a variable in [low, high]: mu C (b - a) / ((b - mu)(mu - a)).

    Notes
    -----
    Wagstaff (2005), Health Economics 14(4), in the general form of Erreygers and van Ourti (2011).
    """
    mu = mean(people)
    return _over(2 * rank_covariance(people) * (high - low), (high - mu) * (mu - low))


def rank_covariance(people: People) -> Floats:
    """Covariance of values with fractional mid-ranks in [0, 1], over persons."""
    out = np.empty((len(people.weights), len(people.starts)))
    edges = np.append(people.starts, len(people.values))
    _rank_covariance(people.values, people.key, people.weights, edges, out)
    return out


@_jit
def _rank_covariance(values, key, weights, edges, out):  # type: ignore[no-untyped-def]
    for d in range(len(weights)):
        for z in range(len(edges) - 1):
            first, last = edges[z], edges[z + 1]
            total, moment = 0.0, 0.0
            for i in range(first, last):
                total += weights[d, i]
                moment += weights[d, i] * values[i]
            middle, before, covariance, i = moment / total, 0.0, 0.0, first
            while i < last:
                here, persons, above = key[i], 0.0, 0.0
                while i < last and key[i] == here:
                    persons += weights[d, i]
                    above += weights[d, i] * (values[i] - middle)
                    i += 1
                covariance += above * (before + persons / 2)
                before += persons
            out[d, z] = covariance / total / total


def tail_means(people: People, bottom: float, top: float) -> tuple[Floats, Floats]:
    """Mean of the lowest share `bottom` and of the highest share `top` of persons, by rank.

    A threshold that falls inside a cell takes a part of its persons; those of equal rank stand together, each with the
    mean of all of them.
    """
    out = np.empty((2, len(people.weights), len(people.starts)))
    edges = np.append(people.starts, len(people.values))
    _tails(people.values, people.key, people.weights, edges, bottom, 1 - top, out)
    return out[0], out[1]


@_jit
def _tails(values, key, weights, edges, bottom, top, out):  # type: ignore[no-untyped-def]
    for d in range(len(weights)):
        for z in range(len(edges) - 1):
            first, last = edges[z], edges[z + 1]
            total = 0.0
            for i in range(first, last):
                total += weights[d, i]
            upto, beyond = bottom * total, top * total
            before, low, high, i = 0.0, 0.0, 0.0, first
            while i < last:
                here, persons, has = key[i], 0.0, 0.0
                while i < last and key[i] == here:
                    persons += weights[d, i]
                    has += weights[d, i] * values[i]
                    i += 1
                after = before + persons
                low += has / persons * max(min(after, upto) - before, 0.0)
                high += has / persons * max(after - max(before, beyond), 0.0)
                before = after
            out[0, d, z] = low / upto
            out[1, d, z] = high / (total - beyond)


def palma(people: People) -> Floats:
    """Palma ratio: mean of the top 10 % of persons by mean of the bottom 40 %; NaN where the bottom has nothing.

    Notes
    -----
    Palma (2011), Development and Change 42(1), as a ratio of means: 4 times the ratio of shares.
    Thresholds lie on the persons analysed.

    >>> palma(people_of([1.0, 2.0, 5.0], [40.0, 50.0, 10.0]))
    array([[5.]])
    """
    low, high = tail_means(people, 0.4, 0.1)
    return _over(high, low)


def theil_t(people: People) -> Floats:
    r"""Theil's T, :math:`\sum p_i (A_i/\mu)\ln(A_i/\mu)` with :math:`0\ln 0 = 0`: zeros keep their weight.

    Notes
    -----
    Theil (1967), Economics and Information Theory, chapter 4; in [0, ln(1/p)] of the least share p that has all.

    >>> theil_t(people_of([0.0, 2.0], [1.0, 1.0])) / np.log(2)
    array([[1.]])
    """
    mu, x = mean(people), people.values
    # x ln x - x ln mu: one pass over the rows serves all draws
    product = x * np.log(np.where(x > 0, x, 1.0))
    return _over(people.mean_of(product), mu) - np.log(np.where(mu > 0, mu, np.nan))


def theil_l(people: People) -> Floats:
    r"""Theil's L (mean log deviation), :math:`\sum p_i \ln(\mu/A_i)`; NaN where anyone has nothing: it is undefined."""
    mu, x = mean(people), people.values
    logs = people.mean_of(np.log(np.where(x > 0, x, 1.0)))
    return np.where(people.lacking(), np.nan, np.log(np.where(mu > 0, mu, np.nan)) - logs)


def atkinson(people: People, epsilon: float) -> Floats:
    r"""Atkinson's index, :math:`1 - (\sum p_i (A_i/\mu)^{1-\varepsilon})^{1/(1-\varepsilon)}`, in [0, 1].

    Notes
    -----
    Atkinson (1970), J. Economic Theory 2(3).  With `epsilon` 1: 1 - exp(mean ln A) / mu.  It is 1 where anyone has
    nothing and `epsilon` is 1 or more.

    >>> atkinson(people_of([1.0, 4.0], [1.0, 1.0]), 1.0)
    array([[0.2]])
    """
    mu, x = mean(people), people.values
    mu = np.where(mu > 0, mu, np.nan)
    if epsilon < 1:
        # by the root of the mean: powers of what is small beside mu lose nothing
        return 1 - people.mean_of(x ** (1 - epsilon)) ** (1 / (1 - epsilon)) / mu
    safe = np.where(x > 0, x, 1.0)
    if epsilon == 1:
        equal = np.exp(people.mean_of(np.log(safe)))
    else:
        # measured from the least value, as powers of small numbers overflow
        least = np.minimum.reduceat(safe, people.starts)[None, :]
        scaled = (safe / people.by_row(least)) ** (1 - epsilon)
        equal = least * people.mean_of(scaled) ** (1 / (1 - epsilon))
    return np.where(people.lacking() & (mu > 0), 1.0, 1 - equal / mu)


def kappa_of(values: Floats, weights: Floats, epsilon: float) -> float:
    r"""Aversion per unit that makes Kolm-Pollak as averse as Atkinson: :math:`\kappa = \varepsilon\sum z/\sum z^2`.

    Notes
    -----
    Sheriff and Maguire (2020), Risk Analysis 40(12); Logan et al. (2021), see `kolm_pollak`.  NaN where everyone has 0.
    One kappa serves all groups and zones that are compared.

    >>> kappa_of(np.array([1.0, 3.0]), np.ones(2), 1.0)
    0.4
    """
    square = float((weights * values**2).sum())
    return epsilon * float((weights * values).sum()) / square if square > 0 else float("nan")


def kolm_pollak(people: People, kappa: float, *, bads: bool) -> Floats:
    r"""Kolm-Pollak equally distributed equivalent, in the units of the values: the worse off weigh more.

    Goods :math:`-\frac1\kappa\ln\sum p_i e^{-\kappa A_i}`, at most the mean; bads
    :math:`\frac1\kappa\ln\sum p_i e^{\kappa t_i}`, at least the mean.

    Notes
    -----
    Kolm (1976), J. Economic Theory 12; Logan, Anderson, Williams and Conrow (2021), Computers, Environment
    and Urban Systems 86, 101590.  By the largest exponent, so that nothing overflows.
    """
    if not kappa > 0:
        return np.full((len(people.weights), len(people.starts)), np.nan)
    sign = 1.0 if bads else -1.0
    exponent = sign * kappa * people.values
    largest = np.maximum.reduceat(exponent, people.starts)[None, :]
    shifted = np.exp(exponent - people.by_row(largest)[0])
    return sign * (largest + np.log(people.mean_of(shifted))) / kappa


def kolm_pollak_index(people: People, kappa: float, *, bads: bool) -> Floats:
    """How far the equally distributed equivalent lies from the mean, in the units of the values, at least 0."""
    return np.abs(mean(people) - kolm_pollak(people, kappa, bads=bads))


class Curve(NamedTuple):
    """Points of a Lorenz or concentration curve from (0, 0) to (1, 1): shares of persons, and of what they have."""

    persons: Floats
    share: Floats


def lorenz(people: People) -> Curve:
    """Lorenz curve of the first draw and zone; persons of equal rank make one step.

    Notes
    -----
    Lorenz (1905).  With people ranked by another variable, the concentration curve.

    >>> lorenz(people_of([3.0, 1.0], [1.0, 1.0])).share
    array([0.  , 0.25, 1.  ])
    """
    stop = people.starts[1] if len(people.starts) > 1 else len(people.values)
    weight, value, key = people.weights[0, :stop], people.values[:stop], people.key[:stop]
    last = np.append(np.flatnonzero(key[1:] != key[:-1]), stop - 1)
    persons, has = np.cumsum(weight)[last], np.cumsum(weight * value)[last]
    with np.errstate(invalid="ignore", divide="ignore"):
        return Curve(np.append(0.0, persons / persons[-1]), np.append(0.0, has / has[-1]))


def _over(part: Floats, whole: Floats) -> Floats:
    ratio: Floats = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole != 0)
    return ratio
