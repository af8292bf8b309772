"""Rows in the order of small whole numbers, by counting: linear, stable, the same for any number of workers."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from civigrid.types import Ints

_jit: Any = numba.njit(cache=True, nogil=True)


def counting_order(key: npt.NDArray[np.integer], n: int) -> tuple[Ints, Ints]:
    """Order rows by a key in [0, n), rows of one key as they came.

    Parameters
    ----------
    key : ndarray of int, shape (row,)
        Key of each row.
    n : int
        Number of keys.

    Returns
    -------
    order : ndarray of int64, shape (row,)
        ``key[order]`` ascends.
    starts : ndarray of int64, shape (n + 1,)
        Rows of key ``k`` are ``order[starts[k]:starts[k + 1]]``.

    Notes
    -----
    Seward (1954); Knuth (1998), The Art of Computer Programming 3, section 5.2, algorithm D.

    Examples
    --------
    >>> order, starts = counting_order(np.array([2, 0, 2]), 3)
    >>> order.tolist(), starts.tolist()
    ([1, 0, 2], [0, 1, 1, 3])
    """
    starts = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(key, minlength=n), out=starts[1:])
    order = np.empty(len(key), dtype=np.int64)
    _place(key, starts[:-1].copy(), order)
    return order, starts


@_jit
def _place(key, at, order):  # type: ignore[no-untyped-def]
    for i in range(key.size):
        order[at[key[i]]] = i
        at[key[i]] += 1
