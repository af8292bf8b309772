"""Trips that do not overtake: chains in which every trip is, at every stop, no earlier than the one before."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from civigrid.types import Ints

_jit: Any = numba.njit(cache=True, nogil=True)


def fifo_chains(times: npt.NDArray[np.int32]) -> Ints:
    """Put trips of one sequence of stops into as few chains as first fit finds.

    Parameters
    ----------
    times : ndarray of int32, shape (trip, event)
        Arrivals and departures along each trip, trips sorted by their columns from the first on.

    Returns
    -------
    ndarray of int64, shape (trip,)
        Chain of each trip: in a chain no time of a trip is before that of the trip above it.

    Notes
    -----
    A trip goes into the first chain whose last trip it does not overtake; a trip that overtakes all opens another.
    RAPTOR needs this of its routes: Delling, Pajor and Werneck (2015), Transportation Science 49, section 3.1.

    Examples
    --------
    The express leaves second and arrives first:

    >>> fifo_chains(np.array([[0, 100], [10, 50], [20, 120]], dtype=np.int32)).tolist()
    [0, 1, 0]
    """
    chain = np.empty(len(times), dtype=np.int64)
    _fit(np.ascontiguousarray(times), np.empty(len(times), dtype=np.int64), chain)
    return chain


@_jit
def _fit(times, last, chain):  # type: ignore[no-untyped-def]
    n_chains = 0
    for trip in range(times.shape[0]):
        found = -1
        for c in range(n_chains):
            fits = True
            for k in range(times.shape[1]):
                if times[trip, k] < times[last[c], k]:
                    fits = False
                    break
            if fits:
                found = c
                break
        if found < 0:
            found = n_chains
            n_chains += 1
        last[found] = trip
        chain[trip] = found
