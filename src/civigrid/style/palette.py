"""Colours: perceptually even, safe for the colour-blind, never red for people."""

from __future__ import annotations

import cmcrameri.cm as crameri
import matplotlib as mpl
import numpy as np
from matplotlib.colors import Colormap, to_hex

from civigrid.errors import unknown_name

SCHEMES: dict[str, tuple[str, float, float]] = {
    "people": ("lapaz_r", 0.10, 0.95),
    "time": ("cividis_r", 0.02, 1.0),
    "gain": ("bamako_r", 0.05, 0.95),
    "around": ("PuOr_r", 0.10, 0.90),
}
"""What a scheme is for: its colour map, and the part of it that is used.

People: F. Crameri's lapaz, light to dark.  Time: cividis (Nunez, Anderton, Renslow 2018).  Gain: bamako.  Around a
centre: ColorBrewer's PuOr."""

SETTLEMENT = {
    10: "#a9c4d4",
    11: "#e6e2b3",
    12: "#c2cc80",
    13: "#8aae58",
    21: "#69b8ae",
    22: "#3f8db3",
    23: "#2b5c98",
    30: "#3a1a55",
}
"""The degree of urbanisation, level 2, by code: countryside in straw and green, towns in blue, centres darkest."""
SETTLEMENT_1 = {0: SETTLEMENT[10], 1: SETTLEMENT[12], 2: SETTLEMENT[22], 3: SETTLEMENT[30]}
"""Level 1: each class in the colour of its middle."""

STEADY = {0: "#c9d6df", 1: "#5b8fb9", 2: "#c06c00"}
"""Whether a class holds, by code: what is robust stands back, what is fragile is seen."""

BIVARIATE = (
    ("#dededa", "#9fc3d6", "#3f87b5"),
    ("#efc78a", "#9a9a94", "#2f6287"),
    ("#d98a1f", "#7d5a33", "#22272e"),
)
"""Two variables at once: the first to the right in blue, the second upwards in ochre, both high nearly black.

Any two differ by 14 units of CIELAB or more, also for the protan, deutan and tritan (Machado et al. 2009)."""


def colors(scheme: str, n: int) -> tuple[str, ...]:
    """Give `n` colours of a scheme, low to high, as ``#rrggbb``.

    >>> len(colors("people", 5))
    5
    """
    if scheme not in SCHEMES:
        raise unknown_name("colour scheme", scheme, SCHEMES)
    name, start, stop = SCHEMES[scheme]
    found: Colormap = getattr(crameri, name) if hasattr(crameri, name) else mpl.colormaps[name]
    at = np.linspace(start, stop, n) if n > 1 else np.array([stop])
    return tuple(to_hex(found(float(x))) for x in at)
