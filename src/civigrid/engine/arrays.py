"""Functions over pieces of work on shared arrays: threads see the arrays, other processes map them into memory."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from civigrid.engine.execute import Scheduler, map_pieces

P = TypeVar("P")
R = TypeVar("R")
S = TypeVar("S")
Arrays = Mapping[str, npt.NDArray[Any]]


def map_shared(
    function: Callable[[S, P], R],
    shared: S,
    pieces: Sequence[P],
    scheduler: Scheduler | None = None,
    *,
    done: Callable[[int], None] | None = None,
) -> list[R]:
    """Apply `function` to what all pieces share and to each piece; results in the order of the pieces.

    Parameters
    ----------
    function : callable
        Takes `shared` and a piece; for other processes it must be one that can be sent.
    shared : object
        Arrays, or mappings and named tuples of arrays, nested as they like; nothing is written into them.
    pieces : sequence
        Small: a range of rows.
    scheduler : Scheduler, optional
        Where; no result depends on it.  Other processes read the arrays from a temporary folder; no array is in a task.
    done : callable, optional
        Told, now and then, how many of the pieces are done.

    Returns
    -------
    list
        One result by piece.

    Examples
    --------
    >>> map_shared(lambda a, i: int(a["x"][i]), {"x": np.arange(5)}, [4, 2], Scheduler("serial"))
    [4, 2]
    """
    if (scheduler or Scheduler()).kind in ("serial", "threads"):
        return map_pieces(functools.partial(function, shared), pieces, scheduler, done=done)
    with TemporaryDirectory(prefix="civigrid-") as folder:
        names = _saved(shared, Path(folder), count())
        return map_pieces(functools.partial(_there, function, folder, names), pieces, scheduler, done=done)


def map_ranges(
    function: Callable[[S, int, int], R], shared: S, n: int, block: int, scheduler: Scheduler | None = None
) -> list[R]:
    """Apply `function` to what is shared and to ranges of at most `block` of `n` rows, in their order.

    Where there are no rows there is one empty range.

    >>> map_ranges(lambda a, i, j: int(a["x"][i:j].sum()), {"x": np.arange(5)}, 5, 2, Scheduler("serial"))
    [1, 5, 4]
    """
    pieces = [(first, min(first + block, n)) for first in range(0, max(n, 1), block)]
    return map_shared(functools.partial(_on_range, function), shared, pieces, scheduler)


def _on_range(function: Callable[[S, int, int], R], shared: S, piece: tuple[int, int]) -> R:
    return function(shared, *piece)


def _saved(shared: Any, folder: Path, number: Any) -> Any:
    """Write the arrays, and give the same thing with the names of their files in place of them."""
    if isinstance(shared, np.ndarray):
        name = f"{next(number)}.npy"
        np.save(folder / name, shared)
        return _File(name)
    if isinstance(shared, Mapping):
        return {key: _saved(value, folder, number) for key, value in shared.items()}
    if isinstance(shared, tuple):
        parts = [_saved(value, folder, number) for value in shared]
        return type(shared)(*parts) if hasattr(shared, "_fields") else tuple(parts)
    return shared


class _File(str):
    """Name of a file that holds an array."""

    __slots__ = ()


def _loaded(names: Any, folder: Path) -> Any:
    if isinstance(names, _File):
        # copy on write: compiled kernels take writable arrays, and nothing is ever written
        return np.asarray(np.load(folder / names, mmap_mode="c"))
    if isinstance(names, Mapping):
        return {key: _loaded(value, folder) for key, value in names.items()}
    if isinstance(names, tuple):
        parts = [_loaded(value, folder) for value in names]
        return type(names)(*parts) if hasattr(names, "_fields") else tuple(parts)
    return names


_OPEN: dict[str, Any] = {}
"""What this process has open: the last folder alone."""


def _there(function: Callable[[S, P], R], folder: str, names: Any, piece: P) -> R:
    if folder not in _OPEN:
        _OPEN.clear()
        _OPEN[folder] = _loaded(names, Path(folder))
    return function(_OPEN[folder], piece)
