r"""Segregation of ordered groups: age bands, income classes.

:math:`c_{ij}` is the share of neighbourhood *i* in the first *j* groups, *j* = 1 ... *K* - 1.  Each index compares the
mean ordinal variation of neighbourhoods with that of the whole.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import xlogy

from civigrid.kernels.evenness import Term, index_of, mean_of, whole_of
from civigrid.kernels.zones import Value, Zones
from civigrid.types import Floats

Variation = Callable[[Floats], tuple[Floats, Floats]]


def _entropy(c: Floats) -> tuple[Floats, Floats]:
    inside = np.where((c > 0) & (c < 1), c, 0.5)
    return -(xlogy(c, c) + xlogy(1 - c, 1 - c)) / np.log(2), (np.log(1 - inside) - np.log(inside)) / np.log(2)


def _square(c: Floats) -> tuple[Floats, Floats]:
    return 4 * c * (1 - c), 4 * (1 - 2 * c)


def _root(c: Floats) -> tuple[Floats, Floats]:
    root = np.sqrt(c * (1 - c))
    return 2 * root, np.divide(1 - 2 * c, root, out=np.zeros_like(c), where=root > 0)


def _absolute(c: Floats) -> tuple[Floats, Floats]:
    return 1 - np.abs(2 * c - 1), -2 * np.sign(2 * c - 1)


VARIATIONS: dict[str, Variation] = {
    "entropy": _entropy, "square": _square, "root": _root, "absolute": _absolute,
}  # fmt: skip
"""How unlike the persons of a place are, from the share below a threshold: 0 for one side alone, 1 for halves."""


def cumulated(share: Floats) -> Floats:
    """Shares in the first *j* groups, *j* = 1 ... *K* - 1, kept within [0, 1] where rounding leaves it."""
    return np.clip(np.cumsum(share, axis=1)[:, :-1], 0.0, 1.0)


def _ordinal(rows: Zones, variation: Variation) -> Value:
    def term(share: Floats) -> tuple[Floats, Floats]:
        f, slope = variation(cumulated(share))
        by_share = np.zeros_like(share)
        # group m counts in every c_j with j >= m
        by_share[:, :-1] = np.cumsum(slope[:, ::-1], axis=1)[:, ::-1]
        return f.sum(axis=1), by_share

    _, whole = whole_of(rows)
    f, by_share = term(rows.share)
    v, by_whole = term(whole)
    mean = mean_of(rows, Term(f, by_share))
    v = np.where(v > 1e-15, v, np.nan)
    return index_of(rows, mean, 1 - mean.value / v, -1 / v, (mean.value / v**2)[:, None] * by_whole)


def ordinal_information(rows: Zones) -> Value:
    r"""Ordinal information index :math:`\Lambda_1`, with the variation :math:`-c\log_2 c-(1-c)\log_2(1-c)`.

    Notes
    -----
    Reardon (2009), in Flückiger, Reardon and Silber (eds.), Occupational and Residential Segregation.

    >>> from civigrid.kernels.zones import zones_of
    >>> ordinal_information(zones_of(np.array([[4.0, 0.0, 0.0], [0.0, 0.0, 4.0]]))).estimate
    array([1.])
    """
    return _ordinal(rows, _entropy)


def ordinal_variance(rows: Zones) -> Value:
    r"""Ordinal variance ratio :math:`\Lambda_2`, with the variation :math:`4c(1-c)` (Reardon 2009).

    >>> from civigrid.kernels.zones import zones_of
    >>> ordinal_variance(zones_of(np.array([[2.0, 2.0, 0.0], [0.0, 2.0, 2.0]]))).estimate.round(6)
    array([0.333333])
    """
    return _ordinal(rows, _square)


def ordinal_root(rows: Zones) -> Value:
    r"""Ordinal square root index :math:`\Lambda_3`, with the variation :math:`2\sqrt{c(1-c)}` (Reardon 2009).

    >>> from civigrid.kernels.zones import zones_of
    >>> ordinal_root(zones_of(np.array([[4.0, 0.0, 0.0], [0.0, 0.0, 4.0]]))).estimate
    array([1.])
    """
    return _ordinal(rows, _root)


def ordinal_absolute(rows: Zones) -> Value:
    r"""Ordinal absolute difference index :math:`\Lambda_4`, with the variation :math:`1-|2c-1|` (Reardon 2009).

    >>> from civigrid.kernels.zones import zones_of
    >>> ordinal_absolute(zones_of(np.array([[4.0, 0.0, 0.0], [0.0, 0.0, 4.0]]))).estimate
    array([1.])
    """
    return _ordinal(rows, _absolute)


_SAMPLES = 2001


def _rank_order(rows: Zones, variation: Variation, order: int) -> Value:
    """Fit the binary index as a polynomial in the percentile, and average it by the variation at each percentile."""
    _, whole = whole_of(rows)
    cuts = cumulated(whole)
    parts = [_binary(rows, j, variation) for j in range(cuts.shape[1])]
    weights = fit_weights(cuts, variation, order)
    estimate = np.nansum([w * p.estimate for w, p in zip(weights.T, parts, strict=True)], axis=0)
    estimate = np.where(np.isnan([p.estimate for p in parts]).all(axis=0), np.nan, estimate)
    by_own = sum(rows.by_row(w)[:, None] * p.by_own for w, p in zip(weights.T, parts, strict=True))
    by_share = sum(rows.by_row(w)[:, None] * p.by_share for w, p in zip(weights.T, parts, strict=True))
    return Value(estimate, np.asarray(by_own), np.asarray(by_share))


def _binary(rows: Zones, j: int, variation: Variation) -> Value:
    """Index of the first *j* + 1 groups against the others, derivatives by all groups."""
    inside = slice(0, j + 1)

    def halves(values: Floats) -> Floats:
        first = values[:, inside].sum(axis=1)
        return np.stack([first, values.sum(axis=1) - first], axis=1)

    two = _ordinal(rows._replace(own=halves(rows.own), share=np.clip(halves(rows.share), 0.0, 1.0)), variation)
    groups = rows.own.shape[1]
    side = np.where(np.arange(groups) <= j, 0, 1)
    return Value(two.estimate, two.by_own[:, side], two.by_share[:, side])


def fit_weights(cuts: Floats, variation: Variation, order: int) -> Floats:
    """Weight of each threshold's index in the rank-order index, shape (zone, threshold); those of a zone sum to 1.

    The polynomial's integral is linear in its coefficients, and these are linear in the indices at the thresholds.
    """
    p = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
    density = variation(p)[0]
    density = density / density.sum()
    result = np.zeros_like(cuts)
    for zone, cut in enumerate(cuts):
        known = (cut > 0) & (cut < 1)
        if not known.any():
            continue
        degree = max(min(order, len(np.unique(cut[known])) - 2), 0)
        powers = np.vander(cut[known], degree + 1, increasing=True)
        root = variation(cut[known])[0]
        delta = density @ np.vander(p, degree + 1, increasing=True)
        result[zone, known] = (delta @ np.linalg.pinv(root[:, None] * powers)) * root
    return result


def rank_order_information(rows: Zones, order: int = 4) -> Value:
    r"""Rank-order information index :math:`H^R = 2\ln2\int_0^1 E(p)H(p)\,dp`.

    Parameters
    ----------
    rows : Zones
        Groups in their order.
    order : int
        Degree of the polynomial that is fitted to the index at the thresholds, by least squares weighted by
        :math:`E(p)^2`; at most two less than the number of thresholds: a curve through all points is no fit.

    Notes
    -----
    Reardon and Bischoff (2011), Am. J. Sociol. 116, appendix; Reardon (2011), Measures of income
    segregation.  The derivatives take the thresholds as given.

    >>> from civigrid.kernels.zones import zones_of
    >>> rank_order_information(zones_of(np.array([[4.0, 0.0, 0.0], [0.0, 0.0, 4.0]]))).estimate.round(6)
    array([1.])
    """
    return _rank_order(rows, _entropy, order)


def rank_order_variance(rows: Zones, order: int = 4) -> Value:
    r"""Rank-order variance ratio :math:`R^R = 6\int_0^1 p(1-p)R(p)\,dp` (Reardon 2011).

    >>> from civigrid.kernels.zones import zones_of
    >>> rank_order_variance(zones_of(np.array([[4.0, 0.0, 0.0], [0.0, 0.0, 4.0]]))).estimate.round(6)
    array([1.])
    """
    return _rank_order(rows, _square, order)


def rank_order_root(rows: Zones, order: int = 4) -> Value:
    r"""Rank-order square root index :math:`S^R = \frac{8}{\pi}\int_0^1 \sqrt{p(1-p)}S(p)\,dp` (Reardon 2011).

    >>> from civigrid.kernels.zones import zones_of
    >>> rank_order_root(zones_of(np.array([[4.0, 0.0, 0.0], [0.0, 0.0, 4.0]]))).estimate.round(6)
    array([1.])
    """
    return _rank_order(rows, _root, order)
