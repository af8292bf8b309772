"""Why a measure of a cell is missing: because a count is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from civigrid.cells import is_missing, status_of, values_of
from civigrid.types import Status, Statuses


def why_missing(cells: xr.Dataset, names: Sequence[str]) -> Statuses:
    """Status of what rests on several counts, shape (cell,): OK, or why one of them is missing.

    Confidential comes before suppressed, suppressed before unavailable.
    """
    why = np.full(cells.sizes["cell"], Status.OK, dtype=np.uint8)
    codes = [(status_of(cells, name), values_of(cells, name)) for name in names]
    for code, values in codes:
        why[np.isnan(values) | is_missing(code)] = Status.UNAVAILABLE
    for status in (Status.SUPPRESSED, Status.CONFIDENTIAL):
        why[np.any([code == status for code, _ in codes], axis=0)] = status
    return why
