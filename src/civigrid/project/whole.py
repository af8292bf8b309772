"""Whole persons: counts that must be whole, and the number that seeds what is drawn for a unit."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import numpy.typing as npt

from civigrid.errors import SchemaError, first_few
from civigrid.types import Floats, Ids


def unit_keys(unit_id: npt.NDArray[np.generic]) -> Ids:
    """Give each unit a number of its own, the same wherever the unit stands.

    >>> unit_keys(np.array(["a", "b"]))[1] == unit_keys(np.array(["b"]))[0]
    np.True_
    """
    words = (sha256(str(u).encode()).digest()[:8] for u in unit_id)
    return np.array([int.from_bytes(w, "big") for w in words], dtype=np.uint64)


def whole_counts(unit_id: npt.NDArray[np.generic], counts: Floats) -> Floats:
    """Give counts, shape (unit,), with 0 where unknown, if they are whole.

    Raises
    ------
    SchemaError
        Some are not whole.
    """
    known = np.where(np.isnan(counts), 0.0, counts)
    if (wrong := known != np.rint(known)).any():
        raise SchemaError(
            f"{int(wrong.sum())} units have counts that are not whole (first: {first_few(unit_id[wrong])}): whole "
            "persons cannot be placed. Round the counts first, or leave whole persons out."
        )
    return known
