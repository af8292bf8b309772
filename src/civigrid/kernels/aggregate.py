"""Sums by group that remember what they were made of: one pass over values and statuses."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from civigrid.types import MISSING, Floats, Ints, Status, Statuses


class Sums(NamedTuple):
    """Per group: the sum of what is known, its status, and how many parts are confidential, or missing at all."""

    total: Floats
    status: Statuses
    confidential: Ints
    missing: Ints


def sum_with_status(row: npt.NDArray[np.integer], values: Floats, status: Statuses, n: int) -> Sums:
    """Sum values by group and say what is known about each sum.

    Parameters
    ----------
    row : ndarray of int, shape (cell,)
        Group of each value, in [0, n).
    values : ndarray of float64, shape (cell,)
        NaN where missing.
    status : ndarray of uint8, shape (cell,)
        `Status` of each value.
    n : int
        Number of groups.

    Returns
    -------
    Sums
        A group whose parts are all missing is missing (confidential before suppressed before unavailable); one with
        some missing parts, or a part that is such a sum, is ``PARTIAL``; else ``PERTURBED`` before ``IMPUTED`` before
        ``OK``, and ``OBSERVED_ZERO`` where the sum is 0.  Sums of sums get the same status as one sum of all.

    Examples
    --------
    >>> found = sum_with_status(
    ...     np.array([0, 0, 1]), np.array([2.0, np.nan, 0.0]), np.array([0, 3, 1], dtype=np.uint8), 2
    ... )
    >>> found.total, [Status(s).name for s in found.status], found.confidential
    (array([2., 0.]), ['PARTIAL', 'OBSERVED_ZERO'], array([1, 0]))
    """
    total, seen, confidential, missing = _sum(np.asarray(row, dtype=np.int64), values, status, n)
    return Sums(total, _RULE[seen, (total == 0).astype(np.int64)], confidential, missing)


@numba.njit(cache=True, nogil=True)
def _sum(row, values, status, n):  # type: ignore[no-untyped-def]
    total, seen = np.zeros(n), np.zeros(n, np.int64)
    confidential, missing = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for i in range(len(row)):
        g, s = row[i], status[i]
        seen[g] |= 1 << s
        if s == 3:
            confidential[g] += 1
        if s == 3 or s == 4 or s == 7:
            missing[g] += 1
        elif not np.isnan(values[i]):
            total[g] += values[i]
    return total, seen, confidential, missing


def _rule() -> Any:
    """Status of a sum by the set of statuses seen among its parts, and by whether it is 0."""
    table = np.empty((2 ** len(Status), 2), dtype=np.uint8)
    for seen in range(len(table)):
        parts = {s for s in Status if seen >> s & 1}
        gone = parts & set(MISSING)
        for zero in (0, 1):
            if gone and gone == parts:
                order = (Status.CONFIDENTIAL, Status.SUPPRESSED, Status.UNAVAILABLE)
                table[seen, zero] = next(s for s in order if s in gone)
            elif gone or Status.PARTIAL in parts:
                table[seen, zero] = Status.PARTIAL
            elif Status.PERTURBED in parts:
                table[seen, zero] = Status.PERTURBED
            elif Status.IMPUTED in parts:
                table[seen, zero] = Status.IMPUTED
            else:
                table[seen, zero] = Status.OBSERVED_ZERO if zero else Status.OK
    return table


_RULE = _rule()
