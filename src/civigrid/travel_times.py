"""`TravelTimes`: the sparse cell × site matrix that reach, access and siting are made of."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from civigrid.errors import SchemaError
from civigrid.kernels.counting import counting_order
from civigrid.types import Bools, Ids, Ints


@dataclass(frozen=True, eq=False, kw_only=True)
class TravelTimes:
    """Travel times from cells to sites, compressed by row; a pair that is absent takes longer than `limit_s`.

    Parameters
    ----------
    cell_id : ndarray of uint64, shape (cell,)
        Origins, sorted.
    site_id : ndarray of str, shape (site,)
        Destinations.
    indptr : ndarray of int64, shape (cell + 1,)
        Row ``i`` holds the pairs ``indptr[i]:indptr[i + 1]``.
    site : ndarray of int32, shape (pair,)
        Column of each pair, ascending within a row.
    seconds : ndarray of int32, shape (pair,)
        Travel time, seconds; 0 is a time, not an absence (why this is not a SciPy matrix).
    limit_s : int
        The bound of the search, seconds.
    mode : str
        How the times were made, in words: they travel into every output.
    """

    cell_id: Ids
    site_id: npt.NDArray[np.str_]
    indptr: Ints
    site: npt.NDArray[np.int32]
    seconds: npt.NDArray[np.int32]
    limit_s: int
    mode: str

    def __post_init__(self) -> None:
        if self.indptr.shape != (len(self.cell_id) + 1,) or self.indptr[-1] != len(self.seconds):
            raise SchemaError("indptr does not fit the cells and pairs of this TravelTimes.")
        if len(self.seconds) and (self.seconds.min() < 0 or self.seconds.max() > self.limit_s):
            raise SchemaError(f"travel times must lie in [0, limit_s = {self.limit_s}] seconds.")

    def rows(self) -> Ints:
        """Row (cell) of every pair, shape (pair,)."""
        return np.repeat(np.arange(len(self.cell_id), dtype=np.int64), np.diff(self.indptr))

    def by_site(self) -> tuple[Ints, Ints]:
        """Pairs in the order of their sites: `order`, shape (pair,), and where each site begins, shape (site + 1,)."""
        return counting_order(self.site, len(self.site_id))

    def within(self, limit_s: int) -> TravelTimes:
        """Give the pairs up to a shorter bound, seconds; a longer one was not searched and is refused."""
        if not 0 <= limit_s <= self.limit_s:
            raise SchemaError(f"limit_s = {limit_s}: these travel times were searched up to {self.limit_s} seconds.")
        return self._kept(self.seconds <= limit_s, limit_s)

    def in_order(self, sites: Ints) -> TravelTimes:
        """Give the pairs of some sites, in another order: columns of them, each once, shape (site,)."""
        number = np.full(len(self.site_id), -1, dtype=np.int64)
        number[sites] = np.arange(len(sites))
        keep = number[self.site] >= 0
        return times_of_pairs(
            self.cell_id,
            self.site_id[sites],
            self.rows()[keep],
            number[self.site[keep]],
            self.seconds[keep],
            limit_s=self.limit_s,
            mode=self.mode,
        )

    def only(self, sites: Bools) -> TravelTimes:
        """Give the pairs of some sites, shape (site,); the columns are numbered anew."""
        return self.in_order(np.flatnonzero(sites))

    def _kept(self, keep: Bools, limit_s: int) -> TravelTimes:
        count = np.concatenate([[0], np.cumsum(keep)])
        return replace(
            self, indptr=count[self.indptr], site=self.site[keep], seconds=self.seconds[keep], limit_s=limit_s
        )


def times_of_pairs(
    cell_id: Ids,
    site_id: npt.NDArray[np.str_],
    row: npt.NDArray[np.integer],
    site: npt.NDArray[np.integer],
    seconds: npt.NDArray[np.integer],
    *,
    limit_s: int,
    mode: str,
) -> TravelTimes:
    """Put (cell, site, seconds) in any order into rows; of a pair given twice the shorter time counts.

    Parameters
    ----------
    cell_id : ndarray of uint64, shape (cell,)
        Origins, sorted.
    site_id : ndarray of str, shape (site,)
        Destinations.
    row, site, seconds : ndarray of int, shape (pair,)
        Row of the cell, column of the site, time; pairs above `limit_s` are dropped.
    limit_s : int
        The bound of the search, seconds.
    mode : str
        How the times were made.

    Returns
    -------
    TravelTimes
        The same bytes for any order of the pairs.

    Examples
    --------
    >>> ids = np.array([5, 9], dtype=np.uint64)
    >>> row, site, seconds = np.array([1, 0, 1]), np.array([0, 0, 0]), np.array([70, 50, 60])
    >>> times_of_pairs(ids, np.array(["a"]), row, site, seconds, limit_s=90, mode="walk").seconds
    array([50, 60], dtype=int32)
    """
    keep = seconds <= limit_s
    row, site, time = row[keep], site[keep], seconds[keep].astype(np.int32)
    order, _ = counting_order(site, len(site_id))
    by_row, _ = counting_order(row[order], len(cell_id))
    order = order[by_row]
    row, site, time = row[order], site[order], time[order]
    new = np.ones(len(row), dtype=bool)
    new[1:] = (row[1:] != row[:-1]) | (site[1:] != site[:-1])
    if not new.all():
        time = np.minimum.reduceat(time, np.flatnonzero(new))
    count = np.bincount(row[new], minlength=len(cell_id))
    return TravelTimes(
        cell_id=cell_id,
        site_id=site_id,
        indptr=np.concatenate([[0], np.cumsum(count)]).astype(np.int64),
        site=site[new].astype(np.int32),
        seconds=time,
        limit_s=limit_s,
        mode=mode,
    )
