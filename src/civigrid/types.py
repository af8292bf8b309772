"""The few types that every floor shares."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Statuses = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.object_]
"""Names, as object arrays of str."""

Kind = Literal["extensive", "intensive"]
"""How a variable behaves under aggregation: counts add up, rates average by a named weight."""


class Status(IntEnum):
    """What is known about one value.  Missing is never zero."""

    OK = 0
    OBSERVED_ZERO = 1
    STRUCTURAL_ZERO = 2
    CONFIDENTIAL = 3
    UNAVAILABLE = 4
    PERTURBED = 5
    IMPUTED = 6
    SUPPRESSED = 7
    PARTIAL = 8
    """A sum of which some parts are missing: a lower bound."""


MISSING = (Status.CONFIDENTIAL, Status.UNAVAILABLE, Status.SUPPRESSED)
"""Statuses whose value is NaN, always."""


class Bounds(NamedTuple):
    """A box in the units of its CRS."""

    west: float
    south: float
    east: float
    north: float


COMPUTED = ("segregation", "degurba")
"""Sources of columns that name no publisher: computed by civigrid from counts."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """What a variable means: travels with it from the file to the map.

    Parameters
    ----------
    kind : {"extensive", "intensive"}
        ``extensive`` adds up over cells; ``intensive`` averages, weighted by the variable `weight`.
    units : str
        ``"persons"``, ``"1"`` (unitless), ``"min"`` ...
    long_name : str
        Plain words for legends and tables.
    source : str
        Name of the source it came from, or of the layer that computed it.
    reference_date : str
        ISO date (or year) the value refers to; empty where it has none.
    weight : str or None
        For an intensive variable, the extensive variable it is averaged by.
    part_of : str or None
        For a count, the total it is a part of (disclosure control needs to know).
    companion_of : str or None
        The variable this one tells more about: its missing parts, its bound, the variance of its noise.
    rests_on : str or None
        Counts it was computed from, joined by ``|``: where one of them may not be shown, neither may it.
    noise_variance : float or None
        Variance of the noise its publisher added to each count to protect people, in `units` squared.  None: nobody
        declared one.  Where it differs by cell, a companion ``NAME_noise_variance`` stands in its place.
    reconciled : str or None
        How parts were made to add up to their total, if anyone was asked to (`civigrid.project.reconcile`).
    words : str or None
        For values that are codes: their words, joined by ``|``; code 0 is the first.
    of_place : bool or None
        Whether it says something of the place, as minutes to a doctor, and nothing of who lives there.
    """

    kind: Kind = "extensive"
    units: str = "persons"
    long_name: str = ""
    source: str = ""
    reference_date: str = ""
    weight: str | None = None
    part_of: str | None = None
    companion_of: str | None = None
    rests_on: str | None = None
    noise_variance: float | None = None
    reconciled: str | None = None
    words: str | None = None
    of_place: bool | None = None
