r"""What an index is expected to be if people were allocated at random: small cells look segregated by chance alone.

Every cell keeps its persons, every zone its groups.  A neighbourhood shows the composition of `size` independent
persons; fixed margins make that :math:`t(T-1)/(T-t)` for a cell of *t* among *T*, which is exact for all variances.
Where the publisher added noise to each count, it looks like segregation too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import xlogy

from civigrid.kernels import binomial, ordinal
from civigrid.kernels.mixture import mean_difference
from civigrid.kernels.zones import Zones
from civigrid.types import Floats, Ints

_FIXED_UPTO = 1e6
"""Persons in a zone up to which mean deviations are those of fixed margins, not of fixed shares: above, one equals
the other."""
_MOST = 1e15


class Chance(NamedTuple):
    """How random allocation works on each row.

    `size` effective persons whose composition the row shows, shape (row,); `persons` who live in its cells, together,
    shape (row,); `oneself` the chance that someone of the neighbourhood is oneself, shape (row,); `share` of each group
    in each zone, shape (zone, group); `starts` first row of each zone; `noise` variance that noise adds to each share,
    shape (row, group), or None; `counted` persons of a cell where the row is a cell, else None.
    """

    size: Floats
    persons: Floats
    oneself: Floats
    share: Floats
    starts: Ints
    noise: Floats | None = None
    counted: Floats | None = None

    def by_row(self, values: Floats) -> Floats:
        """Give every row what its zone has."""
        return np.asarray(np.repeat(values, np.diff(self.starts, append=len(self.size)), axis=0))

    def sums(self, values: Floats) -> Floats:
        """Sum over the rows of each zone."""
        return np.asarray(np.add.reduceat(values, self.starts, axis=0))

    def mean(self, values: Floats) -> Floats:
        """Mean over the persons of each zone."""
        weight = self.persons.reshape(-1, *([1] * (values.ndim - 1)))
        whole = self.total.reshape(-1, *([1] * (values.ndim - 1)))
        return self.sums(weight * values) / whole

    @property
    def total(self) -> Floats:
        """Persons of each zone."""
        return self.sums(self.persons)


def chance_of(rows: Zones, noise: Floats | None = None) -> Chance:
    """Give the chance of cells: equal sizes (and equal noise, variances by count, shape (row, group)) are one row."""
    size = np.maximum(np.rint(rows.size), 1.0)
    zone = np.repeat(np.arange(len(rows.starts)), np.diff(rows.starts, append=len(size)))
    groups = rows.sums(rows.own)
    total = groups.sum(axis=1)
    share = groups / total[:, None]
    kind, keys = zone * (size.max(initial=0) + 1) + size, None
    if noise is not None:
        keys, kind = np.unique(np.concatenate([kind[:, None], noise], axis=1), axis=0, return_inverse=True)
        kind = kind.ravel().astype(np.float64)
    _, first, row = np.unique(kind, return_index=True, return_inverse=True)
    persons = np.bincount(row, rows.cells * rows.size).astype(np.float64)
    counted, of = size[first], zone[first]
    starts = np.searchsorted(of, np.arange(len(rows.starts)))
    # parts of persons round to whole ones in the zone as in the cell: a cell that is its zone leaves nobody
    everyone = np.rint(total)[of]
    left = np.maximum(everyone - counted, 0.0)
    effective = np.divide(counted * (everyone - 1), left, out=np.full_like(left, _MOST), where=left > 0)
    made = Chance(np.minimum(effective, _MOST), persons, 1 / counted, share, starts, None, counted)
    if noise is None or keys is None:
        return made
    own, p = keys[:, 1:], made.by_row(share)
    added = (1 - p) ** 2 * own + p**2 * (own.sum(axis=1, keepdims=True) - own)
    return made._replace(noise=added / counted[:, None] ** 2)


def _spread(chance: Chance, p: Floats, noise: Floats | None) -> Floats:
    """Variance of the share of a group, or of some groups together, in each row."""
    variance = p * (1 - p) / chance.size
    return variance if noise is None else variance + noise


def _smaller(chance: Chance, p: Floats, noise: Floats | None) -> Floats:
    """Size whose chance alone spreads as much: noise makes a cell as uncertain as a smaller one."""
    if noise is None:
        return chance.size
    return np.maximum(np.divide(p * (1 - p), _spread(chance, p, noise), out=np.ones_like(p), where=noise > 0), 1.0)


def _group(chance: Chance, m: int) -> tuple[Floats, Floats | None]:
    return chance.by_row(chance.share[:, m]), None if chance.noise is None else chance.noise[:, m]


def _groups(chance: Chance) -> range:
    return range(chance.share.shape[1])


def _diversity(chance: Chance) -> Floats:
    whole = 1 - (chance.share**2).sum(axis=1)
    return np.where(whole > 1e-15, whole, np.nan)


def _deviation(chance: Chance, m: int) -> Floats:
    r"""Mean absolute deviation of a share: with noise of variance *V* it becomes :math:`\sqrt{m^2+2V/\pi}`."""
    p, noise = _group(chance, m)
    deviation = binomial.mean_absolute_deviation(chance.size, p) / chance.size
    if chance.counted is not None:
        total = chance.by_row(chance.total)
        few = total <= _FIXED_UPTO
        exact = binomial.fixed_margins_deviation(chance.counted[few], p[few], np.rint(total[few]))
        deviation[few] = exact / chance.counted[few]
    return deviation if noise is None else np.sqrt(deviation**2 + 2 / np.pi * noise)


def expected_dissimilarity(chance: Chance) -> Floats:
    r"""Expected *D*: Winship (1977), Social Forces 55, for cells of any size and for several groups, shape (zone,).

    >>> from civigrid.kernels.zones import zones_of
    >>> rows = zones_of(np.array([[1.0, 9.0]]), cells=np.array([100_000]))
    >>> expected_dissimilarity(chance_of(rows)).round(4)
    array([0.3874])
    """
    deviations = np.sum([chance.mean(_deviation(chance, m)) for m in _groups(chance)], axis=0)
    return np.asarray(deviations / (2 * _diversity(chance)))


def expected_gorard(chance: Chance) -> Floats:
    """Expected value of Gorard's index: that of *D* times 1 - *P*."""
    return expected_dissimilarity(chance) * (1 - chance.share[:, 0])


def expected_minmax(chance: Chance) -> Floats:
    """Expected value of the min-max index, :math:`2D/(1+D)` of the expected *D*."""
    d = expected_dissimilarity(chance)
    return 2 * d / (1 + d)


def _local_entropy(chance: Chance) -> Floats:
    local = np.zeros(len(chance.starts))
    for m in _groups(chance):
        p, noise = _group(chance, m)
        local += chance.mean(binomial.mean_entropy_term(_smaller(chance, p, noise), p))
    return local


def expected_mutual_information(chance: Chance) -> Floats:
    """Expected *M* (and divergence), nats: Miller (1955) and its further terms, outcome by outcome in small cells."""
    whole = -xlogy(chance.share, chance.share).sum(axis=1)
    return np.asarray(np.maximum(whole - _local_entropy(chance), 0.0))


def expected_information(chance: Chance) -> Floats:
    """Expected *H*: expected *M* by the entropy of the whole."""
    whole = -xlogy(chance.share, chance.share).sum(axis=1)
    return expected_mutual_information(chance) / np.where(whole > 1e-15, whole, np.nan)


def expected_local_of_group(chance: Chance) -> Floats:
    """Expected local segregation of a group, nats."""
    p, noise = _group(chance, 0)
    share = np.where(chance.share[:, 0] > 0, chance.share[:, 0], np.nan)
    mean = chance.mean(binomial.mean_entropy_term(_smaller(chance, p, noise), p))
    return np.asarray(-np.log(share) - mean / share)


def expected_variance_ratio(chance: Chance) -> Floats:
    r"""Expected *V*: :math:`(n-1)/(T-1)` of *n* cells and *T* persons."""
    p, noise = _group(chance, 0)
    whole = chance.share[:, 0] * (1 - chance.share[:, 0])
    return np.asarray(chance.mean(_spread(chance, p, noise)) / np.where(whole > 1e-15, whole, np.nan))


def _squares(chance: Chance, weight: Floats) -> Floats:
    total = np.zeros(len(chance.starts))
    for m in _groups(chance):
        total += weight[:, m] * chance.mean(_spread(chance, *_group(chance, m)))
    return total


def expected_relative_diversity(chance: Chance) -> Floats:
    r"""Expected *R*: :math:`(n-1)/(T-1)`, as of *V*."""
    return _squares(chance, np.ones_like(chance.share)) / _diversity(chance)


def expected_squared_variation(chance: Chance) -> Floats:
    r"""Expected *C*: :math:`(n-1)/(T-1)`, as of *V*."""
    inverse = np.divide(1.0, chance.share, out=np.zeros_like(chance.share), where=chance.share > 0)
    others = (chance.share > 0).sum(axis=1) - 1.0
    return _squares(chance, inverse) / np.where(others > 0, others, np.nan)


def expected_normalized_exposure(chance: Chance) -> Floats:
    r"""Expected normalised exposure *P*: about :math:`(G-1)(n-1)/(T-1)` divided among *G* groups by their shares."""
    inverse = np.divide(1.0, 1 - chance.share, out=np.full_like(chance.share, np.nan), where=chance.share < 1)
    return _squares(chance, inverse)


def _remains(chance: Chance, b: float) -> tuple[Floats, Floats]:
    p, noise = _group(chance, 0)
    mean = chance.mean(binomial.mean_power(_smaller(chance, p, noise), p, b))
    share = chance.share[:, 0]
    return mean, np.where((share > 0) & (share < 1), share, np.nan)


def expected_hutchens(chance: Chance) -> Floats:
    """Expected square root index, outcome by outcome in small cells."""
    mean, p = _remains(chance, 0.5)
    return np.asarray(1 - mean / np.sqrt(p * (1 - p)))


def expected_atkinson(chance: Chance, b: float = 0.5) -> Floats:
    """Expected Atkinson index, outcome by outcome in small cells."""
    mean, p = _remains(chance, b)
    return np.asarray(1 - p / (1 - p) * (mean / p) ** (1 / (1 - b)))


def _oneself(chance: Chance) -> Floats:
    return np.minimum(chance.mean(chance.oneself), 1.0)


def expected_exposure(chance: Chance, a: int = 0, b: int = 1) -> Floats:
    r"""Expected exposure: one meets oneself with chance *o*, else any other person of the zone.

    :math:`(1-o)B/(T-1)` of another group, :math:`o+(1-o)(A-1)/(T-1)` of one's own: exact under fixed margins.
    """
    oneself, others = _oneself(chance), np.maximum(chance.total - 1, 1e-300)
    members = chance.share[:, b] * chance.total
    own = 1.0 if a == b else 0.0
    found = own * oneself + (1 - oneself) * np.maximum(members - own, 0.0) / others
    if chance.noise is not None and chance.counted is not None:
        # noise in a count meets itself: it stands in the members and in the share
        p = chance.share[:, a]
        met = chance.mean(chance.noise[:, a]) / np.where(p > 0, p, np.nan)
        rest = (1 - p) if a != b else np.ones_like(p)
        found = found + met if a == b else found - met * chance.share[:, b] / np.where(rest > 0, rest, np.nan)
    return np.where(chance.share[:, a] > 0, found, np.nan)


def expected_isolation(chance: Chance) -> Floats:
    """Expected isolation of the first group."""
    return expected_exposure(chance, 0, 0)


def expected_interaction(chance: Chance) -> Floats:
    """Expected interaction of the first group with everyone else: 1 less the expected isolation."""
    return expected_exposure(chance, 0, 1)


def _ordinal(chance: Chance, variation: ordinal.Variation, name: str) -> Floats:
    whole = np.zeros(len(chance.starts))
    local = np.zeros(len(chance.starts))
    for j, c in enumerate(ordinal.cumulated(chance.share).T):
        whole += variation(c)[0]
        local += _mean_variation(chance, j, c, name)
    return 1 - local / np.where(whole > 1e-15, whole, np.nan)


def _mean_variation(chance: Chance, j: int, c: Floats, name: str) -> Floats:
    p = chance.by_row(c)
    noise = None if chance.noise is None else chance.noise[:, : j + 1].sum(axis=1)
    size = _smaller(chance, p, noise)
    if name == "entropy":
        both = binomial.mean_entropy_term(size, p) + binomial.mean_entropy_term(size, 1 - p)
        return chance.mean(both / np.log(2))
    if name == "square":
        return chance.mean(4 * (p * (1 - p) - _spread(chance, p, noise)))
    if name == "root":
        return chance.mean(2 * binomial.mean_power(size, p, 0.5))
    return chance.mean(1 - binomial.mean_imbalance(size, p))


def expected_ordinal_information(chance: Chance) -> Floats:
    """Expected ordinal information index."""
    return _ordinal(chance, ordinal.VARIATIONS["entropy"], "entropy")


def expected_ordinal_variance(chance: Chance) -> Floats:
    """Expected ordinal variance ratio."""
    return _ordinal(chance, ordinal.VARIATIONS["square"], "square")


def expected_ordinal_root(chance: Chance) -> Floats:
    """Expected ordinal square root index."""
    return _ordinal(chance, ordinal.VARIATIONS["root"], "root")


def expected_ordinal_absolute(chance: Chance) -> Floats:
    """Expected ordinal absolute difference index."""
    return _ordinal(chance, ordinal.VARIATIONS["absolute"], "absolute")


def _rank_order(chance: Chance, name: str, order: int) -> Floats:
    variation = ordinal.VARIATIONS[name]
    cuts = ordinal.cumulated(chance.share)
    weights = ordinal.fit_weights(cuts, variation, order)
    found = np.full(len(chance.starts), np.nan)
    for j, (c, weight) in enumerate(zip(cuts.T, weights.T, strict=True)):
        whole = variation(c)[0]
        part = 1 - _mean_variation(chance, j, c, name) / np.where(whole > 1e-15, whole, np.nan)
        known = np.isfinite(part)
        found = np.where(known, np.nan_to_num(found) + weight * np.nan_to_num(part), found)
    return found


def expected_rank_order_information(chance: Chance, order: int = 4) -> Floats:
    """Expected rank-order information index."""
    return _rank_order(chance, "entropy", order)


def expected_rank_order_variance(chance: Chance, order: int = 4) -> Floats:
    """Expected rank-order variance ratio."""
    return _rank_order(chance, "square", order)


def expected_rank_order_root(chance: Chance, order: int = 4) -> Floats:
    """Expected rank-order square root index."""
    return _rank_order(chance, "root", order)


def expected_gini(chance: Chance) -> Floats:
    r"""Expected Gini index of two or more groups, by the mixture of all rows' distributions of shares.

    Two rows drawn at random differ by :math:`2\int F(1-F)\,ds` on average, *F* the distribution of the share in the
    mixture, less what a row would differ from a copy of itself.  Fixed margins leave the shares of two cells as far
    apart as independent ones of :math:`t(T-1)/T` persons: where one has more of the group, the other has less.  That
    they deviate less from the whole, as *D* sees, is no matter here.
    """
    alone = np.zeros(len(chance.starts), dtype=bool)
    if chance.counted is not None:
        everyone = np.maximum(chance.by_row(chance.total), 1.0)
        alone = np.rint(everyone) <= chance.counted
        alone = np.logical_or.reduceat(alone, chance.starts)
        chance = chance._replace(size=np.maximum(chance.counted * (everyone - 1) / everyone, 1.0))
    groups = range(1) if chance.share.shape[1] == 2 else _groups(chance)
    total = np.zeros(len(chance.starts))
    ends = np.append(chance.starts[1:], len(chance.size))
    for m in groups:
        p, noise = _group(chance, m)
        cells = chance.persons if chance.counted is None else chance.persons / chance.counted
        size = np.maximum(np.rint(_smaller(chance, p, noise)), 1.0)
        total += mean_difference(chance.starts, ends, size, chance.persons, cells, p)
    return np.where(alone, 0.0, total * (2 if len(groups) == 1 else 1)) / (2 * _diversity(chance))
