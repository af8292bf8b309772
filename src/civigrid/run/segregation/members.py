"""What was computed of a file, and on how many people of each group in each zone it rests."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from civigrid.types import Floats


class Computed(NamedTuple):
    """A result table, persons by zone and group, what was noticed; the cells and counts by unit, if there are any."""

    table: pd.DataFrame
    zones: list[str]
    names: list[str]
    members: Floats
    findings: list[str]
    cells: xr.Dataset | None = None
    counts: Floats | None = None


def members_of(counts: Floats, zone: npt.NDArray[Any]) -> tuple[list[str], Floats]:
    """Persons by zone and group, the whole first: what decides whether a row may leave."""
    known = np.nan_to_num(np.where(np.isnan(counts).any(axis=1, keepdims=True), 0.0, counts))
    whole = known.sum(axis=0, keepdims=True)
    if not len(zone):
        return ["all"], whole
    names, code = np.unique(zone.astype(str), return_inverse=True)
    by_zone = np.stack([np.bincount(code, column, len(names)) for column in known.T], axis=1)
    return ["all", *(str(n) or "(none)" for n in names)], np.concatenate([whole, by_zone])
