"""Colours as numbers: CIELAB, CIEDE2000, how the colour-blind see them, and contrast by WCAG 2.1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from civigrid.errors import SchemaError
from civigrid.types import Floats

WHITE_D65 = np.array([0.95047, 1.0, 1.08883])
SRGB_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
"""IEC 61966-2-1 (sRGB), D65."""

VISIONS: Mapping[str, Floats] = {
    "normal": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritan": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
"""Matrices on linear RGB at severity 1.0: Machado, Oliveira and Fernandes (2009), IEEE TVCG 15(6), 1291-1298."""


def srgb(colors: Sequence[str] | Floats) -> Floats:
    """Give hexadecimal colours as RGB from 0 to 1, shape (color, 3); what is RGB already stays.

    Raises
    ------
    SchemaError
        One is not ``#rrggbb``.

    Examples
    --------
    >>> srgb(["#ff0033"]).tolist()
    [[1.0, 0.0, 0.2]]
    """
    if isinstance(colors, np.ndarray):
        return colors
    rows: list[list[float]] = []
    for color in colors:
        try:
            digits = color.removeprefix("#")
            rows.append([int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)])
        except ValueError:
            rows.append([])
        if len(color) != 7 or color[0] != "#" or len(rows[-1]) != 3:
            raise SchemaError(f"{color!r} is no colour: write it as #rrggbb.")
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


def linear(rgb: Floats) -> Floats:
    """Undo the transfer curve of sRGB (IEC 61966-2-1)."""
    return np.where(rgb <= 0.04045, rgb / 12.92, ((np.maximum(rgb, 0) + 0.055) / 1.055) ** 2.4)


def lab(colors: Sequence[str] | Floats, vision: str = "normal") -> Floats:
    """CIELAB (CIE 1976, D65) of colours as one vision sees them, shape (color, 3).

    Examples
    --------
    >>> lab(["#1b4f72"]).round(1).tolist()
    [[31.9, -4.3, -25.0]]
    """
    seen = np.clip(linear(srgb(colors)) @ VISIONS[vision].T, 0, 1)
    ratio = seen @ SRGB_TO_XYZ.T / WHITE_D65
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


def ciede2000(first: Floats, second: Floats) -> Floats:
    """Colour difference of pairs in CIELAB.

    Parameters
    ----------
    first, second : ndarray of float64, shape (..., 3)
        L*, a*, b*; they broadcast.

    Returns
    -------
    ndarray of float64, shape (...,)
        Delta E 00 with kL = kC = kH = 1.

    References
    ----------
    Sharma, Wu and Dalal (2005), Color Research and Application 30(1), 21-30, equations 2 to 22.

    Examples
    --------
    >>> float(ciede2000(np.array([50.0, 2.6772, -79.7751]), np.array([50.0, 0.0, -82.7485])).round(4))
    2.0425
    """
    (light_1, a_1, b_1), (light_2, a_2, b_2) = (np.moveaxis(np.asarray(v, dtype=float), -1, 0) for v in (first, second))
    chroma = (np.hypot(a_1, b_1) + np.hypot(a_2, b_2)) / 2
    g = 0.5 * (1 - np.sqrt(chroma**7 / (chroma**7 + 25.0**7)))
    c_1, c_2 = np.hypot((1 + g) * a_1, b_1), np.hypot((1 + g) * a_2, b_2)
    h_1, h_2 = (np.degrees(np.arctan2(b, (1 + g) * a)) % 360 for a, b in ((a_1, b_1), (a_2, b_2)))
    grey = c_1 * c_2 == 0
    turn = np.where(grey, 0.0, (h_2 - h_1 + 180) % 360 - 180)
    # opposite hues: the paper turns by +180, the remainder by -180; the sign does not matter, the mean below does
    hue = np.where(grey, h_1 + h_2, (h_1 + h_2) / 2)
    apart = ~grey & (np.abs(h_1 - h_2) > 180)
    hue = np.where(apart, np.where(h_1 + h_2 < 360, hue + 180, hue - 180), hue)
    d_light, d_chroma = light_2 - light_1, c_2 - c_1
    d_hue = 2 * np.sqrt(c_1 * c_2) * np.sin(np.radians(turn) / 2)
    light, mean = (light_1 + light_2) / 2, (c_1 + c_2) / 2
    t = (
        1 - 0.17 * np.cos(np.radians(hue - 30)) + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6)) - 0.20 * np.cos(np.radians(4 * hue - 63))
    )  # fmt: skip
    s_light = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    s_chroma, s_hue = 1 + 0.045 * mean, 1 + 0.015 * mean * t
    bend = 2 * np.sqrt(mean**7 / (mean**7 + 25.0**7))
    rotation = -np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2)))) * bend
    terms = d_light / s_light, d_chroma / s_chroma, d_hue / s_hue
    found: Floats = np.sqrt(sum(x**2 for x in terms) + rotation * terms[1] * terms[2])
    return found


def contrast(color: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.1, relative luminance).

    >>> contrast("#000000", "#ffffff")
    21.0
    """
    first, second = linear(srgb([color, other])) @ np.array([0.2126, 0.7152, 0.0722])
    low, high = sorted((float(first), float(second)))
    return round((high + 0.05) / (low + 0.05), 12)
