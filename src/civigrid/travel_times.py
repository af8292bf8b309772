"""`TravelTimes`: the sparse cell × site matrix that reach, access and siting are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from civigrid.errors import SchemaError
from civigrid.types import Ids, Ints


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
