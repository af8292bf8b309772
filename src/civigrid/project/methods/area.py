"""By area alone: as if a unit's people were spread evenly over it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from civigrid.crosswalk import Crosswalk
from civigrid.project.methods.base import Weigh
from civigrid.types import Floats


def by_area() -> Weigh:
    """Spread counts by area.

    Notes
    -----
    M. F. Goodchild and N. S. Lam (1980), Areal interpolation, Geo-Processing 1, 297-312, eq. 1.
    """
    return _unchanged


def _unchanged(crosswalk: Crosswalk, counts: Floats) -> Crosswalk:  # noqa: ARG001 - the signature of all methods
    return crosswalk


def by_largest_overlap() -> Weigh:
    """Put all of a unit into the one cell it shares most with: for units much smaller than a cell."""
    return _largest


def _largest(crosswalk: Crosswalk, counts: Floats) -> Crosswalk:  # noqa: ARG001 - the signature of all methods
    pairs = crosswalk.measure
    row = np.repeat(np.arange(pairs.shape[0]), np.diff(pairs.indptr))
    order = np.lexsort((pairs.indices, -pairs.data, row))
    best = order[np.flatnonzero(np.diff(row[order], prepend=-1))]
    data = np.asarray(pairs.sum(axis=1)).ravel()[row[best]]
    measure = sparse.csr_array(sparse.coo_array((data, (row[best], pairs.indices[best])), shape=pairs.shape))
    return replace(crosswalk, measure=measure, method=f"{crosswalk.method}, largest overlap")
