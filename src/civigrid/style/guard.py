"""The guard of palettes: can every reader tell the classes apart?  Answered by numbers, not by taste."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from civigrid.errors import CivigridError
from civigrid.style.color_difference import VISIONS, ciede2000, lab, linear, srgb
from civigrid.types import Floats

LEAST_DIFFERENCE = 6.0
"""CIEDE2000 between any two classes in any vision: below it, readers confuse areas that do not touch."""
LEAST_GREY = 4.0
"""Steps of L* that stay apart on a greyscale print."""
RED_CHROMA, RED_HUES = 40.0, (340.0, 40.0)
"""How strong a colour is, and where its hue lies on the circle of CIELAB, when it is called red."""
LAND, DARK = "#dddddd", "#222222"
"""Backgrounds that contrast is measured against."""
REFUSED: Mapping[str, str] = {
    "RdYlGn": "red and green are one colour to the deutan: 2.1 units of CIEDE2000 apart at 5 classes",
    "jet": "lightness rises and falls: bands appear where the data have none, and a greyscale print is unreadable",
    "turbo": "lightness rises and falls: high and low look alike on a greyscale print",
    "rainbow": "lightness rises and falls: bands appear where the data have none",
    "hsv": "the colours of the lowest and the highest value are the same",
}
"""Colour maps that are never used, with the reason."""


class PaletteError(CivigridError):
    """Colours that some readers cannot tell apart."""


@dataclass(frozen=True)
class Guard:
    """What a palette is worth.

    Parameters
    ----------
    min_de : float
        Smallest CIEDE2000 between any two colours in any of the four visions.
    worst : str
        The vision it occurs in.
    dl : float
        Smallest step of L* between neighbours, in normal vision: what remains in grey.
    contrast : tuple of float
        Weakest contrast (WCAG 2.1) against light land and against a dark page.
    monotone : bool
        Whether lightness only rises or only falls.
    diverging : bool
        Whether it rises once and falls once: a palette with a centre.
    """

    min_de: float
    worst: str
    dl: float
    contrast: tuple[float, float]
    monotone: bool
    diverging: bool

    @property
    def fault(self) -> str:
        """What is wrong with the palette; empty where nothing is."""
        if self.min_de < LEAST_DIFFERENCE:
            return (
                f"two classes are {self.min_de:.1f} units of CIEDE2000 apart in {self.worst} vision,"
                f" at least {LEAST_DIFFERENCE:g} are needed"
            )
        if not (self.monotone or self.diverging):
            return "lightness neither rises nor falls throughout, nor has it one centre: readers see no order"
        return ""

    @property
    def prints_grey(self) -> bool:
        """Whether neighbours stay apart and in order on a greyscale print."""
        return self.monotone and self.dl >= LEAST_GREY


def guard(colors: Sequence[str] | Floats) -> Guard:
    """Measure a palette.

    Parameters
    ----------
    colors : sequence of str, or ndarray of float64, shape (color, 3)
        In the order of the classes, ``#rrggbb`` or RGB from 0 to 1.

    Returns
    -------
    Guard
        Its `fault` says what is wrong.  One colour alone is apart from all others.

    References
    ----------
    Sharma, Wu and Dalal (2005) for CIEDE2000; Machado, Oliveira and Fernandes (2009), severity 1.0, for the visions.

    Examples
    --------
    >>> found = guard(["#ff0000", "#00a000"])
    >>> found.worst, round(guard(["#000000", "#ffffff"]).min_de)
    ('deutan', 100)
    """
    rgb = srgb(colors)
    least, worst = float("inf"), "normal"
    if len(rgb) > 1:
        for vision in VISIONS:
            here = lab(rgb, vision)
            apart = ciede2000(here[:, None], here[None])
            found = float(apart[np.triu_indices(len(rgb), 1)].min())
            if found < least - 1e-9:
                least, worst = found, vision
    steps = np.diff(lab(rgb)[:, 0])
    turns = int(np.sum(np.diff(np.sign(steps)) != 0))
    return Guard(
        min_de=round(least, 9),
        worst=worst,
        dl=float(np.abs(steps).min()) if len(steps) else float("inf"),
        contrast=(_weakest(rgb, LAND), _weakest(rgb, DARK)),
        monotone=bool(np.all(steps > 0) or np.all(steps < 0)),
        diverging=len(steps) > 1 and turns == 1,
    )


def _weakest(rgb: Floats, background: str) -> float:
    weights = np.array([0.2126, 0.7152, 0.0722])
    light, behind = linear(rgb) @ weights + 0.05, float((linear(srgb([background])) @ weights)[0]) + 0.05
    return float((np.maximum(light, behind) / np.minimum(light, behind)).min()) if len(rgb) else float("inf")


def is_red(color: str) -> bool:
    """Whether readers call a colour red: strong, and of a hue in CIELAB between pink-red and orange-red.

    >>> is_red("#cc3333"), is_red("#c06c00")
    (True, False)
    """
    _, a, b = lab([color])[0]
    hue = float(np.degrees(np.arctan2(b, a))) % 360
    return float(np.hypot(a, b)) >= RED_CHROMA and (hue >= RED_HUES[0] or hue <= RED_HUES[1])


def check_name(name: str) -> None:
    """Refuse a colour map that is known to mislead, also reversed.

    Raises
    ------
    PaletteError
        With the reason.

    Examples
    --------
    >>> check_name("batlow")
    """
    if (plain := name.removesuffix("_r")) in REFUSED:
        raise PaletteError(f"the colour map {plain!r} is not used: {REFUSED[plain]}. Take lapaz, batlow, cividis, vik.")


def check_colors(colors: Sequence[str], what: str) -> None:
    """Refuse colours that the guard finds fault with.

    Parameters
    ----------
    colors : sequence of str
        One per class.
    what : str
        Their name, for the message.

    Raises
    ------
    PaletteError
        With the number.
    """
    if fault := guard(colors).fault:
        raise PaletteError(f"{what} with {len(colors)} classes is refused: {fault}. Take fewer classes or another one.")
