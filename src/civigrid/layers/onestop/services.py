"""`Services`: what is offered where, by whom, when and in which languages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from civigrid.errors import SchemaError
from civigrid.types import Bools, Floats, Ints

IN_HOUSE = 1.0
"""How much of a service is had where it is offered itself; by referral it is the referral's weight, below 1."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Services:
    """One row by service: a kind offered at a site.

    Parameters
    ----------
    site : ndarray of int64, shape (service,)
        Column of its site in the travel times.
    kind : ndarray of str, shape (service,)
        What is offered.
    operator : ndarray of str, shape (service,)
        Who offers it; sites of one operator or line fail together.
    capacity : ndarray of float64, shape (service,)
        Visits it can take in a year; NaN where nobody said.
    open_week : ndarray of bool, shape (service, 672)
        Whether it is open in each quarter of an hour of a week from Monday 00:00; all True where nobody said.
    languages : tuple of frozenset of str, length service
        Languages spoken there; empty where nobody said.
    eligible : tuple of frozenset of str, length service
        Groups it serves; empty: everyone.
    in_house : ndarray of bool, shape (service,)
        Whether the service itself is there; else it is had by referral to another site.
    """

    site: Ints
    kind: npt.NDArray[np.str_]
    operator: npt.NDArray[np.str_]
    capacity: Floats
    open_week: Bools
    languages: tuple[frozenset[str], ...]
    eligible: tuple[frozenset[str], ...]
    in_house: Bools

    def __post_init__(self) -> None:
        n = len(self.site)
        if self.open_week.shape != (n, 7 * 96):
            raise SchemaError(f"open_week has shape {self.open_week.shape}, must have ({n}, 672): quarters of hours.")
