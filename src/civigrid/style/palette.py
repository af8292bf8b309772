"""Colours: perceptually even, safe for the colour-blind, never red for people."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import cmcrameri.cm as crameri
import matplotlib as mpl
import numpy as np
from matplotlib.colors import Colormap, to_hex

from civigrid.errors import unknown_name
from civigrid.style.guard import check_colors, check_name

SCHEMES: dict[str, tuple[str, float, float]] = {
    "people": ("lapaz_r", 0.10, 0.95),
    "time": ("cividis_r", 0.02, 1.0),
    "gain": ("navia_r", 0.10, 0.98),
    "around": ("PuOr_r", 0.10, 0.90),
}
"""What a scheme is for: its colour map, and the part of it that is used.

People: F. Crameri's lapaz, light to dark.  Time: cividis (Nunez, Anderton, Renslow 2018).  Gain: Crameri's navia.
Around a centre: ColorBrewer's PuOr."""

DARK: Mapping[str, tuple[str, float, float]] = {
    "people": ("lapaz", 0.12, 0.98),
    "time": ("cividis", 0.10, 1.0),
    "gain": ("navia", 0.12, 0.98),
    "around": ("managua_r", 0.02, 0.98),
}
"""The same on a dark page: what is little stands back, the centre of a change is dark."""

MAPS: Mapping[str, tuple[str, float, float]] = {
    "lapaz": ("lapaz_r", 0.10, 0.95), "batlow": ("batlow_r", 0.05, 0.95), "cividis": ("cividis_r", 0.02, 1.0),
    "viridis": ("viridis_r", 0.05, 0.95), "navia": ("navia_r", 0.10, 0.98), "tokyo": ("tokyo_r", 0.05, 0.95),
    "glasgow": ("glasgow_r", 0.05, 1.0), "davos": ("davos_r", 0.15, 0.98), "devon": ("devon_r", 0.15, 0.98),
    "lipari": ("lipari_r", 0.05, 0.95), "Greens": ("Greens", 0.15, 1.0), "Greys": ("Greys", 0.22, 1.0),
    "lajolla": ("lajolla_r", 0.05, 0.95),
}  # fmt: skip
"""Sequential colour maps by their name, and the part that is used, light to dark."""
CENTRED: Mapping[str, tuple[str, float, float]] = {
    "vik": ("vik", 0.08, 0.92), "PuOr": ("PuOr_r", 0.10, 0.90), "broc": ("broc", 0.08, 0.92),
    "managua": ("managua_r", 0.02, 0.98), "vanimo": ("vanimo", 0.05, 0.95), "RdBu": ("RdBu_r", 0.05, 0.95),
    "roma": ("roma_r", 0.05, 0.95),
}  # fmt: skip
"""Diverging colour maps by their name."""
ZERO = {"light": "#ffffff", "dark": "#2f3437"}
"""Exact zero, where it is a class of its own."""
PAPER = {"light": "#ffffff", "dark": "#16191d"}
"""The page behind a map."""

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
    ("#f7f7f4", "#9fc3d6", "#3f87b5"),
    ("#efc78a", "#9a9a94", "#2f6287"),
    ("#d98a1f", "#7d5a33", "#22272e"),
)
"""Two variables at once: the first to the right in blue, the second upwards in ochre, both high nearly black.

Composition by density.  Any two differ by 9 units of CIEDE2000 or more in all four visions of `guard`."""
NEED = (
    ("#f6f4f9", "#b7c9b0", "#6fa383"),
    ("#b9a2d0", "#868b98", "#3f6e69"),
    ("#7a4fa3", "#50466f", "#1d2a33"),
)
"""Need by access: access to the right in green, need upwards in violet; much need and little access is violet."""
BIVARIATES: Mapping[str, tuple[tuple[str, str, str], ...]] = {"composition_density": BIVARIATE, "need_access": NEED}


def colors(scheme: str, n: int, background: str = "light") -> tuple[str, ...]:
    """Give `n` colours of a scheme, low to high, as ``#rrggbb``.

    Parameters
    ----------
    scheme : str
        What the map is for (`SCHEMES`), or a colour map by its name (`MAPS`, `CENTRED`).
    n : int
        Number of classes.
    background : {"light", "dark"}
        The page; on a dark one low values are dark.

    Raises
    ------
    UnknownNameError
        No such scheme.
    PaletteError
        A misleading colour map by name; or so many classes that some readers cannot tell them apart.

    Examples
    --------
    >>> len(colors("people", 5))
    5
    """
    if background not in ZERO:
        raise unknown_name("background", background, ZERO)
    check_name(scheme)
    if scheme not in {*SCHEMES, *MAPS, *CENTRED}:
        raise unknown_name("colour scheme", scheme, [*SCHEMES, *MAPS, *CENTRED])
    return _colors(scheme, n, background)


@lru_cache(maxsize=256)
def _colors(scheme: str, n: int, background: str) -> tuple[str, ...]:
    dark = background == "dark"
    name, start, stop = {**CENTRED, **MAPS, **(DARK if dark else SCHEMES)}[scheme]
    at = np.linspace(start, stop, n) if n > 1 else np.array([stop])
    if dark and scheme in MAPS:
        at = at[::-1] if n > 1 else np.array([start])
    found = tuple(to_hex(_map(name)(float(x))) for x in at)
    check_colors(found, f"the colour scheme {scheme!r}")
    return found


def _map(name: str) -> Colormap:
    found: Colormap = getattr(crameri, name) if hasattr(crameri, name) else mpl.colormaps[name]
    return found
