"""Sums by group that remember what they were made of: one pass over values and statuses."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from civigrid.types import MISSING, Floats, Ints, Status, Statuses


class Pairs(NamedTuple):
    """Which parts make up which sums: finer cells a coarser one, source units a cell, cells a zone.

    `target` is the sum, in [0, n), that each pair adds to.  `part` is the part it adds, `share` how much of it; None:
    pair *k* is the whole of part *k*.  A pair whose share is 0 is none.
    """

    target: npt.NDArray[np.integer]
    n: int
    part: npt.NDArray[np.integer] | None = None
    share: Floats | None = None

    def add(self, values: Floats, *, squared: bool = False) -> Floats:
        """Sum values of the parts, shape (part,), by share (or by its square, as variances add), shape (n,).

        >>> Pairs(np.array([0, 0]), 1, np.array([0, 1]), np.array([0.5, 0.0])).add(np.array([4.0, np.inf]))
        array([2.])
        """
        added: Floats = _add(self.target, self.part, self.share, values, squared, self.n)
        return added


class Sums(NamedTuple):
    """Per sum: what is known of it, its status, and how many parts are confidential, or missing at all."""

    total: Floats
    status: Statuses
    confidential: Ints
    missing: Ints


def sum_with_status(pairs: Pairs, values: Floats, status: Statuses) -> Sums:
    """Sum values of parts and say what is known about each sum.

    Parameters
    ----------
    pairs : Pairs
        Which part adds to which sum.
    values : ndarray of float64, shape (part,)
        NaN where missing.
    status : ndarray of uint8, shape (part,)
        `Status` of each value.

    Returns
    -------
    Sums
        A sum whose parts are all missing is missing (confidential before suppressed before unavailable); one with
        some missing parts, or a part that is such a sum, is ``PARTIAL``; else ``IMPUTED`` before ``PERTURBED`` before
        ``OK``, and ``OBSERVED_ZERO`` where the sum is 0.  Structural zeros alone, or no part at all, make a
        ``STRUCTURAL_ZERO``.  Sums of sums get the same status as one sum of all.

    Examples
    --------
    >>> found = sum_with_status(
    ...     Pairs(np.array([0, 0, 1]), 2), np.array([2.0, np.nan, 0.0]), np.array([0, 3, 1], dtype=np.uint8)
    ... )
    >>> found.total, [Status(s).name for s in found.status], found.confidential
    (array([2., 0.]), ['PARTIAL', 'OBSERVED_ZERO'], array([1, 0]))
    """
    total, seen, confidential, missing = _sum(pairs.target, pairs.part, pairs.share, values, status, pairs.n)
    return Sums(total, _RULE[seen, (total == 0).astype(np.int64)], confidential, missing)


@numba.njit(cache=True, nogil=True)
def _sum(target, part, share, values, status, n):  # type: ignore[no-untyped-def]
    total, seen = np.zeros(n), np.zeros(n, np.int64)
    confidential, missing = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for k in range(len(target)):
        i = k if part is None else part[k]
        w = 1.0 if share is None else share[k]
        if not w > 0:
            continue
        g, s = target[k], status[i]
        seen[g] |= 1 << s
        if s == 3:
            confidential[g] += 1
        if s == 3 or s == 4 or s == 7:
            missing[g] += 1
        elif not np.isnan(values[i]):
            total[g] += w * values[i]
    return total, seen, confidential, missing


@numba.njit(cache=True, nogil=True)
def _add(target, part, share, values, squared, n):  # type: ignore[no-untyped-def]
    total = np.zeros(n)
    for k in range(len(target)):
        i = k if part is None else part[k]
        w = 1.0 if share is None else share[k]
        # a share of 0 is no part: its value may be infinite (a bound that nobody knows)
        if w > 0:
            total[target[k]] += (w * w if squared else w) * values[i]
    return total


def _rule() -> Any:
    """Status of a sum by the set of statuses seen among its parts, and by whether it is 0."""
    table = np.empty((2 ** len(Status), 2), dtype=np.uint8)
    for seen in range(len(table)):
        parts = {s for s in Status if seen >> s & 1}
        for zero in (0, 1):
            table[seen, zero] = _status_of(parts, bool(zero))
    return table


def _status_of(parts: set[Status], zero: bool) -> Status:
    gone = parts & set(MISSING)
    if gone and gone == parts:
        return next(s for s in (Status.CONFIDENTIAL, Status.SUPPRESSED, Status.UNAVAILABLE) if s in gone)
    if parts <= {Status.STRUCTURAL_ZERO}:
        return Status.STRUCTURAL_ZERO
    # the weakest part decides how well the sum is known
    for weak in (Status.PARTIAL, Status.IMPUTED, Status.PERTURBED):
        if weak in parts or (weak == Status.PARTIAL and gone):
            return weak
    return Status.OBSERVED_ZERO if zero else Status.OK


_RULE = _rule()
