"""Every index is one declaration here.  Adding one means adding one entry, and its test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from civigrid.kernels import random_allocation as chance
from civigrid.kernels import segregation as kernel
from civigrid.types import Floats, Ints

Correction = Literal["rescaled", "difference", "none"]


@dataclass(frozen=True)
class Index:
    """One index of segregation.

    Parameters
    ----------
    name : str
        As it stands in result tables.
    title : str
        Plain words.
    groups : {"each", "all"}
        For each group against everyone else, or for all groups together.
    value : callable
        Counts (row, group) and number of cells by row, to index and gradient.
    expected : callable or None
        Value under random allocation, from the same and the variance of the publisher's noise in each count (or None).
    correction : {"rescaled", "difference", "none"}
        How the expected value is taken out: (I - E) / (1 - E), 0 for random and 1 for complete segregation (Winship
        1977, Social Forces 55; Carrington and Troske 1997, Sociol. Methods Res. 25), or as a plain difference in bias.
    source : str
        Author, year.
    """

    name: str
    title: str
    groups: Literal["each", "all"]
    value: Callable[[Floats, Ints], kernel.Value]
    expected: Callable[[Floats, Ints, Floats | None], float] | None
    correction: Correction
    source: str


_DECLARED = (
    Index("D", "Dissimilarity", "each", kernel.dissimilarity, chance.expected_dissimilarity, "rescaled",
          "Duncan and Duncan (1955)"),
    Index("G", "Gini index", "each", kernel.gini, chance.expected_gini, "rescaled",
          "Duncan and Duncan (1955)"),
    Index("H", "Information index", "each", kernel.information, chance.expected_information, "rescaled",
          "Theil and Finizza (1971)"),
    Index("isolation", "Isolation", "each", kernel.isolation, chance.expected_isolation, "difference",
          "Massey and Denton (1988), eq. 5"),
    Index("interaction", "Interaction with everyone else", "each", kernel.interaction, chance.expected_interaction,
          "difference", "Massey and Denton (1988), eq. 6"),
    Index("D_multi", "Dissimilarity of all groups", "all", kernel.dissimilarity, chance.expected_dissimilarity,
          "rescaled", "Reardon and Firebaugh (2002), eq. 7"),
    Index("H_multi", "Information index of all groups", "all", kernel.information, chance.expected_information,
          "rescaled", "Reardon and Firebaugh (2002), eq. 11"),
    Index("E", "Diversity (entropy, nats)", "all", kernel.entropy, None, "none", "Theil (1972)"),
)  # fmt: skip

INDICES: dict[str, Index] = {index.name: index for index in _DECLARED}
"""All indices by name."""


def corrected(index: Index, estimate: float, expected: float, share: float) -> tuple[float, float]:
    """Give the estimate freed of what chance alone makes, and the factor its standard error grows by.

    Parameters
    ----------
    index : Index
        Which index.
    estimate, expected : float
        Its value, and its value under random allocation.
    share : float
        The group's share in the zone: what isolation would be without cells.
    """
    if index.correction == "none":
        return estimate, 1.0
    if index.correction == "difference":
        unbiased = share if index.name == "isolation" else 1 - share
        return estimate - (expected - unbiased), 1.0
    if not expected < 1:
        return float("nan"), float("nan")
    return (estimate - expected) / (1 - expected), 1 / (1 - expected)
