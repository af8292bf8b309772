r"""What an index is expected to be if people were allocated at random: small cells look segregated by chance alone.

Every cell keeps its size; each of its residents belongs to group *m* with the zone's share :math:`P_m`.  Where the
publisher added noise to each count, `noise` holds its variance, shape (row, group): it looks like segregation too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import gammaln, xlog1py, xlogy

from civigrid.kernels.group import group_sum
from civigrid.kernels.segregation import gini as gini_index
from civigrid.types import Floats, Ints

_EXACT_UPTO = 25.0
"""Binomial variance below which the entropy is summed outcome by outcome; above it the series is exact to 1e-6."""
GINI_DRAWS_OF_CELLS = 100_000
"""Cells drawn, in all draws together, to simulate the expected Gini index."""


def _log_pmf(k: Floats, size: Floats, share: float) -> Floats:
    choose = gammaln(size + 1) - gammaln(k + 1) - gammaln(size - k + 1)
    log: Floats = choose + xlogy(k, share) + xlog1py(size - k, -share)
    return log


def mean_absolute_deviation(size: Floats, share: float) -> Floats:
    r"""Mean absolute deviation of a binomial count, :math:`E|X - tP| = 2 m \binom{t}{m} P^m (1-P)^{t-m+1}`.

    With :math:`m = \lfloor tP \rfloor + 1`.  De Moivre (1730); Diaconis and Zabell (1991), Stat. Sci. 6, eq. 1.1.

    >>> mean_absolute_deviation(np.array([2.0]), 0.5)
    array([0.5])
    """
    if not 0 < share < 1:
        return np.zeros_like(size)
    m = np.floor(size * share) + 1
    deviation: Floats = 2 * m * np.exp(_log_pmf(m, size, share)) * (1 - share)
    return np.where(m <= size, deviation, 2 * size * share ** np.maximum(size, 1) * (1 - share))


def mean_entropy_term(size: Floats, share: float) -> Floats:
    r"""Expectation of :math:`-\hat p \ln \hat p` for a binomial share :math:`\hat p = X/t`.

    Summed over all outcomes where the variance of *X* is small, else the series
    :math:`-P\ln P - (1-P)/2t - (1-P^2)/(12 t^2 P)` (Miller 1955; Basharin 1959; second order as in Harris 1975).

    >>> mean_entropy_term(np.array([2.0]), 0.5).round(6)
    array([0.173287])
    """
    if not 0 < share < 1:
        return np.zeros_like(size)
    series: Floats = -share * np.log(share) - (1 - share) / (2 * size) - (1 - share**2) / (12 * size**2 * share)
    few = size * share * (1 - share) < _EXACT_UPTO
    if few.any():
        series[few] = _entropy_by_outcome(size[few], share)
    return series


def _entropy_by_outcome(size: Floats, share: float) -> Floats:
    """Sum over the outcomes within ten standard deviations, and twenty, of the mean: the rest weighs nothing."""
    spread = 20 + 10 * np.sqrt(_EXACT_UPTO)
    mean = size * share
    low = np.maximum(np.floor(mean - spread), 0.0)
    steps = np.arange(int(2 * spread) + 2)
    k = low[:, None] + steps
    inside = k <= size[:, None]
    k = np.where(inside, k, 0.0)
    p = np.where(inside, np.exp(_log_pmf(k, size[:, None], share)), 0.0)
    terms: Floats = -(p * xlogy(k / size[:, None], k / size[:, None])).sum(axis=1)
    return terms


class _Sizes(NamedTuple):
    """Distinct cell sizes (whole persons), how many cells have each, shares of the groups, and noise.

    `noise` is the variance that noise adds to what a group has more than its share of the cell, shape (row, group):
    its own counts err, and so does the cell's size.
    """

    size: Floats
    cells: Floats
    share: Floats
    noise: Floats | None


def _sizes(n: Floats, w: Ints, noise: Floats | None) -> _Sizes:
    size = np.maximum(np.rint(n.sum(axis=1)), 1.0)
    groups = np.asarray(w @ n, dtype=np.float64)
    share = groups / groups.sum()
    if noise is None:
        sizes, row = np.unique(size, return_inverse=True)
        return _Sizes(sizes, group_sum(row, w, len(sizes)), share, None)
    kinds, row = np.unique(np.concatenate([size[:, None], noise], axis=1), axis=0, return_inverse=True)
    own = kinds[:, 1:]
    others = own.sum(axis=1, keepdims=True) - own
    added = (1 - share) ** 2 * own + share**2 * others
    return _Sizes(kinds[:, 0], group_sum(row.ravel(), w, len(kinds)), share, added)


def expected_dissimilarity(n: Floats, w: Ints, noise: Floats | None = None) -> float:
    r"""Expected *D* under random allocation.  Winship (1977), Social Forces 55, for cells of any size.

    With noise of variance *V* in a deviation, its mean absolute value becomes :math:`\sqrt{m^2 + 2V/\pi}`, exact
    where chance or noise alone is at work and normal.

    >>> round(expected_dissimilarity(np.array([[1.0, 9.0]]), np.array([100_000])), 4)
    0.3874
    """
    sizes, cells, share, added = _sizes(n, w, noise)
    whole = 2 * float(cells @ sizes) * (1 - (share**2).sum())
    if not whole > 0:
        return float("nan")
    deviations = [mean_absolute_deviation(sizes, p) for p in share]
    if added is not None:
        deviations = [np.sqrt(m**2 + 2 / np.pi * added[:, k]) for k, m in enumerate(deviations)]
    return float(sum(cells @ m for m in deviations) / whole)


def expected_information(n: Floats, w: Ints, noise: Floats | None = None) -> float:
    """Expected *H* under random allocation; noise makes a cell as uncertain as a smaller one."""
    sizes, cells, share, added = _sizes(n, w, noise)
    entropy = -float(xlogy(share, share).sum())
    if entropy <= 0:
        return np.nan
    local = np.zeros_like(sizes)
    for k, p in enumerate(share):
        if added is None:
            local += mean_entropy_term(sizes, p)
        elif 0 < p < 1:
            chance = sizes * p * (1 - p)
            smaller = sizes * chance / (chance + added[:, k])
            below = np.maximum(np.floor(smaller), 1.0)
            part = np.clip(smaller - below, 0.0, 1.0)
            local += (1 - part) * mean_entropy_term(below, p) + part * mean_entropy_term(below + 1, p)
    return max(1 - float(cells @ (sizes * local)) / (float(cells @ sizes) * entropy), 0.0)


def expected_gini(n: Floats, w: Ints, noise: Floats | None = None) -> float:
    """Expected Gini index under random allocation, simulated with a fixed seed: it has no closed form."""
    size = np.maximum(np.rint(n.sum(axis=1)), 1.0)
    kinds = size[:, None] if noise is None else np.concatenate([size[:, None], noise], axis=1)
    kinds, row = np.unique(kinds, axis=0, return_inverse=True)
    cells = group_sum(row.ravel(), w, len(kinds))
    groups = np.asarray(w @ n, dtype=np.float64)
    share = groups / groups.sum()
    if not 0 < share[0] < 1:
        return np.nan
    count = cells.astype(np.int64)
    rng = np.random.default_rng(20211)
    # a large zone is represented by a sample of its cells: the index depends on their sizes' distribution alone
    if count.sum() > GINI_DRAWS_OF_CELLS:
        drawn = rng.choice(len(kinds), GINI_DRAWS_OF_CELLS, p=cells / cells.sum())
    else:
        drawn = np.repeat(np.arange(len(kinds)), count)
    draws = max(1, min(50, GINI_DRAWS_OF_CELLS // len(drawn)))
    found = []
    for _ in range(draws):
        x = rng.binomial(kinds[drawn, 0].astype(np.int64), share[0]).astype(np.float64)
        pair = np.stack([x, kinds[drawn, 0] - x], axis=1)
        if noise is not None:
            # a published count is whole and never negative
            pair = np.maximum(pair + np.rint(rng.normal(size=pair.shape) * np.sqrt(kinds[drawn, 1:])), 0.0)
            pair = pair[pair.sum(axis=1) > 0]
        found.append(gini_index(pair, np.ones(len(pair), dtype=np.int64)).estimate)
    return float(np.nanmean(found)) if np.isfinite(found).any() else np.nan


def expected_isolation(n: Floats, w: Ints, noise: Floats | None = None) -> float:
    r"""Expected isolation, :math:`P + (1-P)\,n/T`: one meets oneself, and one's noise."""
    groups = np.asarray(w @ n, dtype=np.float64)
    share = groups[0] / groups.sum()
    expected = float(share + (1 - share) * w.sum() / groups.sum())
    if noise is None:
        return expected
    added = (1 - share) ** 2 * noise[:, 0] + share**2 * noise[:, 1:].sum(axis=1)
    return expected + float(w @ (added / n.sum(axis=1))) / groups[0] if groups[0] > 0 else expected


def expected_interaction(n: Floats, w: Ints, noise: Floats | None = None) -> float:
    """Expected interaction with everyone else: 1 less the expected isolation."""
    return 1.0 - expected_isolation(n, w, noise)
