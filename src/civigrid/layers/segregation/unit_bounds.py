"""Indices of any units whose counts are hidden in part: bounded by all that the hidden counts can be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from civigrid.errors import SchemaError
from civigrid.kernels.bounds import Known
from civigrid.layers.segregation.bounds import bound_row, check_bounded
from civigrid.result_table import result_table
from civigrid.types import Bools, Floats


def composition_bounds(
    low: Floats,
    high: Floats,
    persons: Floats,
    names: Sequence[str],
    *,
    zone: npt.NDArray[Any] | Sequence[str] = (),
    indices: Sequence[str] = ("D", "H", "isolation"),
) -> pd.DataFrame:
    """Bound two-group indices, each group against everyone else, where counts are known to lie between limits.

    Parameters
    ----------
    low, high : ndarray, shape (unit, group)
        Least and most persons; equal where the count is known; NaN: the unit is left out for this group.
    persons : ndarray, shape (unit,)
        All persons of each unit, NaN where not known: those units are left out.
    names : sequence of str
        Names of the groups.
    zone : sequence of str, shape (unit,)
        Zone of each unit; empty: the whole only.
    indices : sequence of str
        Indices that can be bounded: `civigrid.kernels.bounds.SHAPES`.

    Returns
    -------
    pandas.DataFrame
        A result table as `bounds_table` gives it: limits, no estimate, and no confidence interval.

    Raises
    ------
    SchemaError
        An index that cannot be bounded, or a known count above the persons of its unit.

    Examples
    --------
    >>> low, high = np.array([[5.0], [0.0]]), np.array([[5.0], [2.0]])
    >>> table = composition_bounds(low, high, np.array([10.0, 10.0]), ["a"], indices=["D"])
    >>> table[["low", "high"]].round(4).to_numpy().tolist()
    [[0.3297, 0.6667]]
    """
    check_bounded(indices)
    high = np.minimum(high, np.where(high > low, persons[:, None], np.inf))
    if (over := (low > persons[:, None] * (1 + 1e-9)) | (high < low)).any():
        raise SchemaError(f"a group is more than all persons in {int(over.any(axis=1).sum())} units: mend the total.")
    zones: list[tuple[str, Bools]] = [("all", np.ones(len(persons), dtype=bool))]
    if len(zone):
        words = np.asarray(zone).astype(str)
        zones += [(str(name) or "(none)", words == name) for name in np.unique(words)]
    rows: list[dict[str, Any]] = []
    for name, inside in zones:
        for k, group in enumerate(names):
            limits = Known(low[inside, k], high[inside, k], persons[inside])
            rows += list(_rows(name, group, limits, indices))
    return result_table(rows)


def _rows(zone: str, group: str, limits: Known, indices: Sequence[str]) -> Iterator[dict[str, Any]]:
    left_out = np.isnan(np.stack(limits)).any(axis=0)
    known = Known(*(values[~left_out & (limits.total > 0)] for values in limits))
    if not len(known.total):
        return
    about = {"hidden_counts": int((known.high > known.low).sum()), "left_out_units": int(left_out.sum())}
    for index in indices:
        yield bound_row(index, known, about) | {"zone": zone, "groups": group, "cells": len(known.total)}
