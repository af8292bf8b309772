"""Indices of many settings at once, with what chance makes of each and its sampling interval."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from civigrid.kernels.segregation import variance
from civigrid.layers.segregation.indices import Index, corrected
from civigrid.layers.segregation.maup_settings import Rows
from civigrid.types import Floats

Z_95 = 1.959963984540054


class Values(NamedTuple):
    """An index of each start of `Rows`: as measured, expected of chance, corrected, and its 95 % interval."""

    estimate: Floats
    expected: Floats
    corrected: Floats
    low: Floats
    high: Floats


def against_others(columns: Floats, k: int) -> Floats:
    """One column, and the sum of all others, shape (row, 2)."""
    return np.stack([columns[:, k], columns.sum(axis=1) - columns[:, k]], axis=1)


def index_values(index: Index, rows: Rows, *, chance: bool) -> Values:
    """Compute an index for every start of `rows`.

    Parameters
    ----------
    index : Index
        Which one; of two groups, or of all there are.
    rows : Rows
        Blocks of all settings.
    chance : bool
        Whether counts scatter as counted people do; if not, nothing is expected of chance.
    """
    stops = np.append(rows.starts[1:], len(rows.counts))
    found = []
    for start, stop in zip(rows.starts, stops, strict=True):
        part = slice(start, stop)
        found.append(_one(index, rows.counts[part], None if rows.noise is None else rows.noise[part], chance=chance))
    return Values(*np.array(found, dtype=np.float64).reshape(-1, 5).T)


def _one(index: Index, n: Floats, noise: Floats | None, *, chance: bool) -> tuple[float, float, float, float, float]:
    w = np.ones(len(n), dtype=np.int64)
    value = index.value(n, w)
    share = float(n[:, 0].sum() / n.sum())
    expected = index.expected(n, w, noise) if chance and index.expected is not None else float("nan")
    better, factor = corrected(index, value.estimate, expected, share) if chance else (value.estimate, 1.0)
    half = Z_95 * factor * float(np.sqrt(variance(n, w, value.gradient, noise)))
    shown = better if chance else float("nan")
    return value.estimate, expected, shown, better - half, better + half
