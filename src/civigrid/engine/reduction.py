"""A statistic of all cells, as three functions that run alike in memory and on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy.typing as npt

Columns = Mapping[str, npt.NDArray[Any]]
"""Rows of a table by column."""

P = TypeVar("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Reduction(Generic[P, R]):
    """Partial results by block, put together in any grouping, finished once.

    Parameters
    ----------
    partial : callable
        Columns of one block to a partial result.
    combine : callable
        Several partial results to one; associative, to the last bit.
    finalize : callable
        The whole partial result to the answer.
    """

    partial: Callable[[Columns], P]
    combine: Callable[..., P]
    finalize: Callable[[P], R]
