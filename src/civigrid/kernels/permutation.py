"""People allocated at random: every cell keeps its size, every group its members."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from civigrid.errors import SchemaError
from civigrid.types import Floats, Ints

Tail = Literal["greater", "less", "two-sided"]
_MOST_PERSONS = 1_000_000_000


def fixed_margins(counts: Floats, draws: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Allocate persons to cells at random, sizes of cells and of groups fixed.

    Parameters
    ----------
    counts : ndarray of float64, shape (cell, group)
        Whole persons.
    draws : int
        How many allocations.
    rng : numpy.random.Generator
        Where chance comes from.

    Yields
    ------
    ndarray of float64, shape (cell, group)
        Each is as likely as if all persons drew lots for the places: multivariate hypergeometric, group by group.

    Raises
    ------
    SchemaError
        Fractional or negative counts, or a thousand million persons.

    Examples
    --------
    >>> found = next(fixed_margins(np.array([[3.0, 1.0], [0.0, 4.0]]), 1, np.random.default_rng(0)))
    >>> found.sum(axis=0), found.sum(axis=1)
    (array([3., 5.]), array([4., 4.]))
    """
    whole = np.rint(counts)
    if not (np.isfinite(counts).all() and (counts >= 0).all() and np.array_equal(whole, counts)):
        raise SchemaError(
            "people can only be allocated in whole persons, and some counts are fractional, negative or NaN. Round "
            "them so that totals stay (rounded=True), or take the analytic expectation, which needs no draws."
        )
    sizes, groups = whole.sum(axis=1).astype(np.int64), whole.sum(axis=0).astype(np.int64)
    if sizes.sum() >= _MOST_PERSONS:
        raise SchemaError(f"{int(sizes.sum()):,} persons are too many to draw. Take the analytic expectation instead.")
    # small groups first: the largest takes what is left
    order = np.argsort(groups, kind="stable")
    for _ in range(draws):
        free, found = sizes.copy(), np.empty_like(whole)
        for k in order[:-1]:
            taken = rng.multivariate_hypergeometric(free, groups[k], method="marginals")
            free -= taken
            found[:, k] = taken
        found[:, order[-1]] = free
        yield found


def p_value(observed: float, drawn: Floats, tail: Tail = "greater") -> float:
    r"""Give the chance of a value as extreme as the observed one, :math:`p = (b+1)/(B+1)`: never 0.

    Parameters
    ----------
    observed : float
        The index.
    drawn : ndarray of float64, shape (draw,)
        Its values under random allocation.
    tail : {"greater", "less", "two-sided"}
        What is extreme; two-sided: twice the smaller tail.

    Notes
    -----
    Davison and Hinkley (1997), p. 140; Phipson and Smyth (2010), Stat. Appl. Genet. Mol. Biol. 9.  Values that differ
    by rounding alone are equal.

    Examples
    --------
    >>> p_value(0.9, np.array([0.1, 0.2, 0.3]))
    0.25
    """
    near = 1e-12 * max(abs(observed), float(np.abs(drawn).max(initial=0.0)))
    above = (np.count_nonzero(drawn >= observed - near) + 1) / (len(drawn) + 1)
    below = (np.count_nonzero(drawn <= observed + near) + 1) / (len(drawn) + 1)
    return float({"greater": above, "less": below, "two-sided": min(1.0, 2 * min(above, below))}[tail])


def whole_persons(counts: Floats) -> Ints:
    """Round counts so that the persons of every group stay: errors are carried on from cell to cell.

    Cells of less than half a person are thus not lost: together they keep their persons.

    >>> whole_persons(np.full((5, 1), 0.4)).T
    array([[0, 1, 0, 1, 0]])
    """
    upto = np.rint(np.cumsum(counts, axis=0)).astype(np.int64)
    return np.diff(upto, axis=0, prepend=0)
