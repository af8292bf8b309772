"""Palettes by numbers: published pairs of CIEDE2000, the measured table of colour maps, and what is refused."""

import cmcrameri.cm as crameri
import matplotlib as mpl
import numpy as np
import pytest

from civigrid.errors import CivigridError
from civigrid.style.color_difference import VISIONS, ciede2000, contrast, lab, srgb
from civigrid.style.guard import LEAST_DIFFERENCE, PaletteError, check_colors, guard, is_red
from civigrid.style.palette import (
    BIVARIATES,
    CENTRED,
    MAPS,
    PAPER,
    SCHEMES,
    SETTLEMENT,
    SETTLEMENT_1,
    STEADY,
    ZERO,
    colors,
)

SHARMA = """
50 2.6772 -79.7751 50 0 -82.7485 2.0425
50 3.1571 -77.2803 50 0 -82.7485 2.8615
50 2.8361 -74.0200 50 0 -82.7485 3.4412
50 -1.3802 -84.2814 50 0 -82.7485 1.0000
50 -1.1848 -84.8006 50 0 -82.7485 1.0000
50 -0.9009 -85.5211 50 0 -82.7485 1.0000
50 0 0 50 -1 2 2.3669
50 -1 2 50 0 0 2.3669
50 2.4900 -0.0010 50 -2.4900 0.0009 7.1792
50 2.4900 -0.0010 50 -2.4900 0.0010 7.1792
50 2.4900 -0.0010 50 -2.4900 0.0011 7.2195
50 2.4900 -0.0010 50 -2.4900 0.0012 7.2195
50 -0.0010 2.4900 50 0.0009 -2.4900 4.8045
50 -0.0010 2.4900 50 0.0010 -2.4900 4.8045
50 -0.0010 2.4900 50 0.0011 -2.4900 4.7461
50 2.5 0 50 0 -2.5 4.3065
50 2.5 0 73 25 -18 27.1492
50 2.5 0 61 -5 29 22.8977
50 2.5 0 56 -27 -3 31.9030
50 2.5 0 58 24 15 19.4535
50 2.5 0 50 3.1736 0.5854 1.0000
50 2.5 0 50 3.2972 0 1.0000
50 2.5 0 50 1.8634 0.5757 1.0000
50 2.5 0 50 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""
"""Sharma, Wu and Dalal (2005), table 1: two colours in CIELAB and their difference."""

MEASURED = {
    "viridis": (11.4, "deutan", 14.5, 7.7, 10.2, 1.13, 1.35),
    "cividis": (12.1, "tritan", 14.6, 6.1, 10.1, 1.16, 1.31),
    "batlow": (11.1, "protan", 12.9, 8.2, 8.1, 1.20, 1.39),
    "lapaz": (13.3, "deutan", 11.4, 9.7, 8.3, 1.01, 1.27),
    "lajolla": (11.9, "", 15.5, 6.6, 11.1, 1.06, 1.03),
    "plasma": (6.5, "protan", 13.3, 4.7, 9.5, 1.10, 1.31),
    "YlOrRd": (9.0, "", 10.6, 6.3, 6.2, 1.12, 2.18),
    "YlGnBu": (9.2, "", 11.9, 3.5, 6.2, 1.11, 1.38),
    "vik": (25.4, "deutan", 28.8, 15.8, 20.3, 1.09, 1.42),
    "roma": (18.2, "tritan", 21.2, 14.6, 11.9, 1.02, 2.49),
    "broc": (17.3, "", 21.9, 11.3, 12.4, 1.17, 1.56),
    "PuOr": (17.3, "", 17.7, 10.8, None, 1.26, None),
    "RdBu": (16.7, "", 20.6, 11.1, None, 1.26, None),
    "RdYlGn": (2.1, "deutan", None, 1.0, None, 1.22, None),
    "jet": (9.2, "", 8.1, 6.1, None, 1.06, None),
    "turbo": (8.2, "", 13.3, 4.0, None, 1.07, None),
}
"""Measured beforehand by other code: smallest difference and its vision, least step of L* at 5 classes; both at 7;
weakest contrast on #ddd and on #222 at 5."""


def sampled(name, k):
    """Colours at the middles of `k` equal parts of a colour map, not rounded to 8 bits."""
    table = getattr(crameri, name) if hasattr(crameri, name) else mpl.colormaps[name]
    return table(((np.arange(k) + 0.5) / k * 256).astype(int))[:, :3]


def test_ciede2000_gives_the_published_differences():
    """All 34 pairs of the paper, to their four digits, both ways round."""
    rows = np.array([line.split() for line in SHARMA.split("\n") if line], dtype=float)
    first, second, printed = rows[:, :3], rows[:, 3:6], rows[:, 6]

    assert len(rows) == 34
    assert ciede2000(first, second).round(4).tolist() == printed.tolist()
    assert ciede2000(second, first).round(4).tolist() == printed.tolist()
    assert ciede2000(first, first).tolist() == [0.0] * 34


@pytest.mark.parametrize("name", MEASURED)
def test_the_measured_table_is_reproduced(name):
    """Difference, worst vision and lightness step of each colour map to the printed digit; contrast to 0.02."""
    de_5, worst, dl_5, de_7, dl_7, land, dark = MEASURED[name]
    five, seven = guard(sampled(name, 5)), guard(sampled(name, 7))

    assert round(five.min_de, 1) == de_5
    assert round(seven.min_de, 1) == de_7
    assert worst in ("", five.worst)
    assert dl_5 is None or round(five.dl, 1) == dl_5
    assert dl_7 is None or round(seven.dl, 1) == dl_7
    assert five.contrast[0] == pytest.approx(land, abs=0.011)
    assert dark is None or five.contrast[1] == pytest.approx(dark, abs=0.02)
    assert (five.monotone, five.diverging) == {
        "vik": (False, True), "roma": (False, True), "broc": (False, True), "PuOr": (False, True),
        "RdBu": (False, True), "RdYlGn": (False, True), "jet": (False, True), "turbo": (False, True),
    }.get(name, (True, False))  # fmt: skip


def test_lab_of_known_colours():
    """White, black and the grey axis; visions leave grey as it is."""
    assert lab(["#ffffff", "#000000"])[:, 0].round(3).tolist() == [100.0, 0.0]
    for vision in VISIONS:
        assert np.abs(lab(["#777777"], vision) - lab(["#777777"])).max() < 0.01
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=0.001)


@pytest.mark.parametrize("background", ["light", "dark"])
@pytest.mark.parametrize("scheme", [*SCHEMES, *MAPS, *CENTRED])
def test_every_scheme_passes_the_guard(scheme, background):
    """Three to seven classes (and zero, for counts) are apart for every reader; sequences survive a greyscale print."""
    for n in range(2, 8):
        found = colors(scheme, n, background)

        assert guard(found).fault == ""
        assert len(set(found)) == n
        if scheme in MAPS or scheme in ("people", "time", "gain"):
            assert guard(found).prints_grey
            light = lab(found)[:, 0]
            assert (np.diff(light) < 0).all() if background == "light" else (np.diff(light) > 0).all()
    if scheme == "people":
        assert guard((ZERO[background], *colors(scheme, 6, background))).min_de >= LEAST_DIFFERENCE


@pytest.mark.parametrize("palette", [SETTLEMENT, SETTLEMENT_1, STEADY, *BIVARIATES.values()])
def test_palettes_of_codes_and_of_two_variables_are_apart(palette):
    """Any two colours differ in all four visions, and none is red."""
    found = list(palette.values()) if isinstance(palette, dict) else [c for row in palette for c in row]

    assert guard(found).min_de >= LEAST_DIFFERENCE
    assert not any(is_red(c) for c in found)


@pytest.mark.parametrize("palette", BIVARIATES.values())
def test_two_variables_darken_both_ways(palette):
    """More of either variable is darker: the square reads without colour."""
    light = lab([c for row in palette for c in row])[:, 0].reshape(3, 3)

    assert (np.diff(light, axis=0) < 0).all()
    assert (np.diff(light, axis=1) < 0).all()


@pytest.mark.parametrize("name", ["RdYlGn", "jet", "turbo", "jet_r", "hsv", "rainbow"])
def test_misleading_maps_are_refused_by_name(name):
    """They are refused with the reason."""
    with pytest.raises(PaletteError, match=r"is not used: .*(deutan|lightness|same)"):
        colors(name, 5)


def test_colours_too_near_are_refused_with_the_number():
    """A difference below 6, lightness without order, too many classes: refused, and the figure is told."""
    with pytest.raises(PaletteError, match=r"two classes are 1\.\d units of CIEDE2000 apart in \w+ vision"):
        check_colors(["#808080", "#828480", "#ffffff"], "mine")
    with pytest.raises(PaletteError, match="lightness neither rises nor falls"):
        check_colors(["#000000", "#ffffff", "#111144", "#ffff99"], "mine")
    with pytest.raises(PaletteError, match="'gain' with 9 classes is refused"):
        colors("gain", 9)


def test_unknown_names_and_no_colours_are_named():
    """Unknown scheme or background; text that is no colour."""
    with pytest.raises(CivigridError, match="unknown colour scheme 'nice'"):
        colors("nice", 5)
    with pytest.raises(CivigridError, match="unknown background 'pink'"):
        colors("people", 5, "pink")
    for text in ("red", "#12", "#12345g", "123456#"):
        with pytest.raises(CivigridError, match="is no colour"):
            srgb([text])


def test_default_palettes_hold_no_red_and_pages_are_apart():
    """People are never red; the two pages are white and nearly black."""
    assert not any(is_red(c) for s in SCHEMES for b in PAPER for c in colors(s, 5, b))
    assert any(is_red(c) for c in colors("RdBu", 5))
    assert contrast(PAPER["light"], PAPER["dark"]) > 15
