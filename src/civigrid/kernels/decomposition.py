r"""Segregation level by level: between the largest units, between smaller ones within them, down to single cells.

Mutual information is additive over nested units (Theil and Finizza 1971; Mora and Ruiz-Castillo 2011, Sociol. Methodol.
41; Elbers 2023): with levels 0 (cells) to L (the whole),

.. math:: M = \sum_{k<L} M_k, \qquad M_k = \sum_{u \in k} \frac{t_u}{T} \sum_g s_{ug} \ln\frac{s_{ug}}{s_{v(u)g}}

where *v(u)* is the unit of level *k + 1* that holds *u*.  A term is the mean divergence (Roberto 2015) of a unit from
the next larger one, over persons.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import xlogy

from civigrid.errors import SchemaError
from civigrid.kernels.random_allocation import chance_of, expected_mutual_information
from civigrid.kernels.zones import zones_of
from civigrid.types import Floats, Ints

_NOTHING = 1e-14
"""Nats below which an expectation is rounding."""

Logs = Callable[[Floats], Floats]


class Level(NamedTuple):
    """Units of one level: persons, shape (unit, group), variance of the noise in them, and which unit holds them.

    The zones (one where there is but the whole) are the last level; their `parent` is themselves.
    """

    counts: Floats
    noise: Floats | None
    parent: Ints


class Term(NamedTuple):
    r"""Mutual information between the units of one level within those of a larger one, by zone, shape (zone,), nats.

    `estimate` is :math:`\sum n a / T` with :math:`a = \ln s_{ug} - \ln s_{vg}`, per person; `square`, `line` and
    `entropy` are the sums of :math:`a^2`, :math:`a` and *a* times the surprise of a group over counts and noise, from
    which variances follow; `divergence` is that of each unit from the larger one that holds it, shape (unit,).
    """

    estimate: Floats
    square: Floats
    line: Floats
    entropy: Floats
    divergence: Floats


class Whole(NamedTuple):
    r"""What all terms of a zone are measured by: `persons`, `entropy` of its groups (nats), shape (zone,).

    `surprise` :math:`= -\ln P_g - E`, shape (zone, group), is *T* times the derivative of the entropy.  `spread` is the
    variance of all counts together, `square` and `drift` the sums of the surprise squared and as it is over counts and
    noise, shape (zone,).
    """

    persons: Floats
    entropy: Floats
    surprise: Floats
    spread: Floats
    square: Floats
    drift: Floats


def pyramid(counts: Floats, parents: Sequence[Ints], noise: Floats | None = None) -> list[Level]:
    """Sum cells up, level by level.

    Parameters
    ----------
    counts : ndarray of float64, shape (cell, group)
        Persons; no cell is empty.
    parents : sequence of ndarray of int64
        For each level the number of the larger unit of each of its units: shape (cell,), then (unit of level 1,) ...;
        the last gives zones.
    noise : ndarray of float64, shape (cell, group), optional
        Variance of the publisher's noise.

    Returns
    -------
    list of Level
        Cells first, zones last.

    Examples
    --------
    >>> levels = pyramid(np.array([[3.0, 1.0], [0.0, 4.0]]), [np.array([0, 0])])
    >>> levels[-1].counts
    array([[3., 5.]])
    """
    levels = []
    for parent in parents:
        levels.append(Level(counts, noise, parent))
        n = int(parent.max(initial=-1)) + 1
        counts = _sum(parent, counts, n)
        noise = None if noise is None else _sum(parent, noise, n)
    levels.append(Level(counts, noise, np.arange(len(counts))))
    return levels


def _sum(parent: Ints, values: Floats, n: int) -> Floats:
    return np.stack([np.bincount(parent, column, minlength=n) for column in values.T], axis=1)


def log_shares(counts: Floats) -> Floats:
    """Logarithms of shares, shape (unit, group); 0 where nobody is, since 0 ln 0 = 0.

    >>> log_shares(np.array([[2.0, 0.0]]))
    array([[0., 0.]])
    """
    size = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, size, out=np.zeros_like(counts), where=size > 0)
    logs: Floats = np.log(share, out=np.zeros_like(share), where=share > 0)
    return logs


def whole_of(levels: Sequence[Level]) -> Whole:
    """Measure each zone, whose groups are the last level.

    >>> float(whole_of(pyramid(np.array([[1.0, 1.0]]), [np.array([0])])).entropy[0].round(6))
    0.693147
    """
    counts, noise = levels[-1].counts, levels[-1].noise
    persons = counts.sum(axis=1)
    share = np.divide(counts, persons[:, None], out=np.zeros_like(counts), where=persons[:, None] > 0)
    entropy = -np.asarray(xlogy(share, share).sum(axis=1))
    surprise = -log_shares(counts) - entropy[:, None]
    spread = counts if noise is None else counts + noise
    return Whole(
        persons,
        entropy,
        surprise,
        spread.sum(axis=1),
        (spread * surprise**2).sum(axis=1),
        (spread * surprise).sum(axis=1),
    )


def term(levels: Sequence[Level], low: int, high: int, surprise: Floats, logs: Logs = log_shares) -> Term:
    r"""Measure what lies between the units of level `low` within the units of level `high`.

    Parameters
    ----------
    levels : sequence of Level
        As `pyramid` gives them.
    low, high : int
        Places in `levels`; ``term(levels, 0, len(levels) - 1)`` is the mutual information of cells and groups.
    surprise : ndarray of float64, shape (zone, group)
        From `whole_of`.
    logs : callable
        Persons (unit, group) to the logarithms that are compared: `log_shares`, or those of a group hierarchy
        (`logs_of_supergroups`, `logs_within`), whose terms sum to that of all groups.

    Returns
    -------
    Term
        Terms of levels that follow each other sum to the whole, to rounding.

    Examples
    --------
    Two rows of two cells: rows are alike, cells within them are fully apart.

    >>> cells = np.array([[4.0, 0.0], [0.0, 4.0], [4.0, 0.0], [0.0, 4.0]])
    >>> levels = pyramid(cells, [np.array([0, 0, 1, 1]), np.array([0, 0])])
    >>> surprise = whole_of(levels).surprise
    >>> [float(term(levels, k, k + 1, surprise).estimate[0].round(6)) for k in (0, 1)]
    [0.693147, 0.0]
    """
    n, noise, _ = levels[low]
    above, zone = unit_of(levels, low, high), unit_of(levels, low, len(levels) - 1)
    apart = logs(n) - logs(levels[high].counts)[above]
    zones = len(levels[-1].counts)
    by_unit, size = (n * apart).sum(axis=1), n.sum(axis=1)
    spread = n if noise is None else n + noise

    def total(values: Floats) -> Floats:
        return np.bincount(zone, values, minlength=zones).astype(np.float64, copy=False)

    persons = total(size)
    return Term(
        estimate=np.divide(total(by_unit), persons, out=np.zeros(zones), where=persons > 0),
        square=total((spread * apart**2).sum(axis=1)),
        line=total((spread * apart).sum(axis=1)),
        entropy=total((spread * apart * surprise[zone]).sum(axis=1)),
        divergence=np.divide(by_unit, size, out=np.zeros(len(n)), where=size > 0),
    )


def unit_of(levels: Sequence[Level], low: int, high: int) -> Ints:
    """Number of the unit of level `high` that holds each unit of level `low`, shape (unit,).

    >>> unit_of(pyramid(np.ones((2, 2)), [np.array([1, 0]), np.array([0, 0])]), 0, 2)
    array([0, 0])
    """
    unit: Ints = np.arange(len(levels[low].counts))
    for level in levels[low:high]:
        unit = np.asarray(level.parent[unit])
    return unit


def expected_information(levels: Sequence[Level]) -> Floats:
    r"""Mutual information of each level's units with the groups under random allocation, shape (level, zone), nats.

    Every unit keeps its persons, every zone its groups (`kernels.random_allocation`).  What is expected of a term is
    the difference of two levels.

    >>> cells = np.array([[50.0, 50.0], [50.0, 50.0]])
    >>> expected_information(pyramid(cells, [np.array([0, 0])])).round(4)
    array([[0.0025],
           [0.    ]])
    """
    zones, last = len(levels[-1].counts), len(levels) - 1
    found = [_expected(level, unit_of(levels, k, last), zones) for k, level in enumerate(levels[:-1])]
    return np.array([*found, np.zeros(zones)])


def _expected(level: Level, zone: Ints, zones: int) -> Floats:
    """Expected mutual information of the units of one level, shape (zone,); 0 where a zone has nobody."""
    order = np.argsort(zone, kind="stable")
    order = order[level.counts[order].sum(axis=1) > 0]
    found = np.zeros(zones)
    if len(order):
        here, starts = np.unique(zone[order], return_index=True)
        rows = zones_of(level.counts[order], starts=starts)
        # one unit that is all of its zone has no others to be drawn from: its size is without bound
        with np.errstate(over="ignore"):
            chance = chance_of(rows, None if level.noise is None else level.noise[order])
        found[here] = expected_mutual_information(chance)
    # a zone of one unit leaves chance nothing to do, to rounding
    return np.where(found > _NOTHING, found, 0.0)


class Hierarchy(NamedTuple):
    """Groups of groups: which supergroup each group belongs to, shape (group,), and their names."""

    parent: Ints
    names: list[str]


def hierarchy_of(groups: Sequence[str], nested: Mapping[str, Sequence[str]]) -> Hierarchy:
    """Number the supergroups; a group that none names is one of its own.

    >>> hierarchy_of(["NAT", "EU", "OTH"], {"abroad": ["EU", "OTH"]})
    Hierarchy(parent=array([0, 1, 1]), names=['NAT', 'abroad'])
    """
    above: dict[str, str] = {}
    for name, parts in nested.items():
        for part in parts:
            if part not in groups:
                raise SchemaError(f"supergroup {name!r} holds {part!r}, which is none of the groups {list(groups)}.")
            if part in above:
                raise SchemaError(
                    f"group {part!r} is in {above[part]!r} and in {name!r}: supergroups must not overlap."
                )
            above[part] = name
    names = list(dict.fromkeys(above.get(g, g) for g in groups))
    free = [g for g in groups if g not in above and g in nested]
    if free:
        raise SchemaError(f"supergroup {free[0]!r} has the name of a group outside it. Rename it.")
    return Hierarchy(np.array([names.index(above.get(g, g)) for g in groups]), names)


def by_supergroup(counts: Floats, hierarchy: Hierarchy) -> Floats:
    """Sum groups to supergroups, (row, group) to (row, supergroup)."""
    return np.stack([counts[:, hierarchy.parent == k].sum(axis=1) for k in range(len(hierarchy.names))], axis=1)


def logs_of_supergroups(hierarchy: Hierarchy) -> Logs:
    """Logarithms of the share of the supergroup that each group belongs to."""
    return lambda counts: log_shares(by_supergroup(counts, hierarchy))[:, hierarchy.parent]


def logs_within(hierarchy: Hierarchy, k: int) -> Logs:
    """Logarithms of the shares of groups within supergroup `k`; 0 for all other groups."""
    inside = hierarchy.parent == k

    def logs(counts: Floats) -> Floats:
        found = np.zeros_like(counts)
        found[:, inside] = log_shares(counts[:, inside])
        return found

    return logs


def restrict(levels: Sequence[Level], of: Callable[[Floats], Floats]) -> list[Level]:
    """Give levels other groups: `of` takes columns of persons, and of noise, together or out."""
    return [Level(of(v.counts), None if v.noise is None else of(v.noise), v.parent) for v in levels]
