"""What the invented city is like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CRS = "EPSG:3035"
GROUPS = ("native", "eu_other", "region_a", "region_b", "region_c", "region_d")
"""Origin groups: born in the country, in another EU country, in one of four invented regions elsewhere."""
SHARES = (0.72, 0.09, 0.08, 0.055, 0.035, 0.02)
BIRTH = {"native": "NAT", "eu_other": "EU_OTH"}
"""Group of the census's three birth-place groups; every other group is OTH."""
AGES = ("0-14", "15-64", "65+")
SEXES = ("female", "male")
DURATIONS = ("under 1 year", "1 to 5 years", "over 5 years", "born here")


@dataclass(frozen=True, kw_only=True)
class CityOptions:
    """Size and grain of Havelmark.

    Parameters
    ----------
    seed : int
        Equal seeds give equal cities, to the byte.
    persons : int
        Inhabitants.
    west_m, south_m : int
        Lower-left corner, EPSG:3035; the place means nothing.
    width_m, height_m : int
        Extent.
    """

    seed: int = 2026
    persons: int = 250_000
    west_m: int = 4_400_000
    south_m: int = 3_100_000
    width_m: int = 16_000
    height_m: int = 14_000

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the 100 m cells."""
        return self.height_m // 100, self.width_m // 100

    def rng(self, part: str) -> np.random.Generator:
        """A stream of random numbers of its own for each part: changing one part changes no other."""
        return np.random.default_rng(np.random.SeedSequence([self.seed, *part.encode()]))
