"""Functions over ranges of rows of shared arrays: threads see them, other processes map them into memory."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from civigrid.engine.execute import Scheduler, map_pieces

R = TypeVar("R")
Arrays = Mapping[str, npt.NDArray[Any]]


def map_ranges(
    function: Callable[[Arrays, int, int], R], arrays: Arrays, n: int, block: int, scheduler: Scheduler | None = None
) -> list[R]:
    """Apply `function` to the arrays and ranges of at most `block` of `n` rows; results in the order of the ranges.

    Parameters
    ----------
    function : callable
        Takes the arrays, the first row, and the row after the last.
    arrays : mapping of str to ndarray
        Whole arrays, of any shapes; nothing is written into them.
    n : int
        Rows.
    block : int
        Rows of a range.
    scheduler : Scheduler, optional
        Where; no result depends on it.

    Returns
    -------
    list
        One result by range; one of an empty range where there are no rows.

    Examples
    --------
    >>> map_ranges(lambda a, i, j: int(a["x"][i:j].sum()), {"x": np.arange(5)}, 5, 2, Scheduler("serial"))
    [1, 5, 4]
    """
    pieces = [(first, min(first + block, n)) for first in range(0, max(n, 1), block)]
    if (scheduler or Scheduler()).kind in ("serial", "threads"):
        return map_pieces(functools.partial(_here, function, arrays), pieces, scheduler)
    with TemporaryDirectory(prefix="civigrid-") as folder:
        for name, array in arrays.items():
            np.save(Path(folder) / f"{name}.npy", array)
        return map_pieces(functools.partial(_there, function, folder), pieces, scheduler)


def _here(function: Callable[[Arrays, int, int], R], arrays: Arrays, piece: tuple[int, int]) -> R:
    return function(arrays, *piece)


def _there(function: Callable[[Arrays, int, int], R], folder: str, piece: tuple[int, int]) -> R:
    return function(_opened(folder), *piece)


@functools.lru_cache(maxsize=1)
def _opened(folder: str) -> Arrays:
    # copy on write: compiled kernels take writable arrays, and nothing is ever written
    return {path.stem: np.asarray(np.load(path, mmap_mode="c")) for path in Path(folder).glob("*.npy")}
