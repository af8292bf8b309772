"""The legend of a printed map: a histogram with the breaks, the classes, and every reason why a value is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from civigrid.report.raster import swatch
from civigrid.report.sheet import COLUMN, Sheet, words_width, wrapped
from civigrid.style.words import number

SWATCH = (7.5, 4.3)
HISTOGRAM = 17.0
HEADS = {"cells": {"en": "cells", "de": "Zellen"}, "people": {"en": "people", "de": "Menschen"}}
UNCERTAIN = {"en": "uncertain values", "de": "unsichere Werte"}
MARKERS = ("o", "s", "^", "D", "v", "P")
"""Shapes of services by kind: told apart without colour."""


class LegendColumn:
    """Writes a legend downwards along the right of a sheet.

    Parameters
    ----------
    sheet : Sheet
        The paper.
    figure : matplotlib.figure.Figure
        Of that paper.
    left, top : float
        Where to begin, mm of A4 from the lower left.
    lang : str
        Language of its few own words.
    """

    def __init__(self, sheet: Sheet, figure: Figure, left: float, top: float, lang: str) -> None:
        self.sheet, self.figure, self.left, self.y, self.lang = sheet, figure, left, top, lang
        self._right = left + COLUMN

    def words(self, text: str, size: float, *, lines: int = 99, after: float = 0.0, **style: Any) -> None:
        """Write a paragraph."""
        step = size * 0.47
        for line in wrapped(text, COLUMN, size, weight=style.get("weight", "normal"), lines=lines):
            self.sheet.write(self.figure, (self.left, self.y), line, size, **style)
            self.y -= step
        self.y -= after

    def legend(self, legend: Mapping[str, Any], background: str, line_px: int, *, uncertain: int = 0) -> None:
        """Write the legend of a variable.

        Parameters
        ----------
        legend : mapping
            From `style.legend.legend_of`.
        background : str
            Of the classes.
        line_px : int
            Width of hatching, as on the map.
        uncertain : int
            Number of values that are hatched as uncertain.
        """
        if legend["title"]:
            self.words(legend["title"], 10.5, weight="bold", lines=3, after=0.8)
        if legend["unit"] and legend["unit"] != legend["title"]:
            self.words(legend["unit"], 8.5, color=self.sheet.grey, after=0.8)
        if legend["histogram"] is not None:
            self._histogram(legend["histogram"], [row["color"] for row in legend["classes"]])
        people = any(row["people"] is not None for row in legend["classes"])
        self._heads(people)
        for row in legend["classes"]:
            if row["cells"] == 0 and row["low"] == row["high"] == 0:  # nothing is zero: no class of it
                continue
            self._row(
                row["label"],
                row["count"],
                row["people_words"],
                swatch=(row["color"], None),
                line_px=line_px,
                background=background,
            )
        if legend["missing_rows"] or uncertain:
            self.y -= 1.6
        for row in legend["missing_rows"]:
            self._row(
                row["label"], row["count"], "", swatch=(None, row["reason"]), line_px=line_px, background=background
            )
        if uncertain:
            middle = legend["classes"][len(legend["classes"]) // 2]["color"]
            self._row(
                UNCERTAIN[self.lang],
                number(uncertain, self.lang, 0),
                "",
                swatch=(middle, "uncertain"),
                line_px=line_px,
                background=background,
            )
        self.y -= 2.0

    def sites(self, kinds: Sequence[tuple[str, str, int]]) -> None:
        """Write the kinds of services with their mark: words, colour, how many."""
        for i, (words, color, n) in enumerate(kinds):
            self._mark(MARKERS[i % len(MARKERS)], color)
            self._row(words, number(n, self.lang, 0), "")
        if kinds:
            self.y -= 2.0

    def _mark(self, marker: str, color: str) -> None:
        wide, high = self.sheet.size
        size = 5.2 * self.sheet.scale
        at = (self.left + SWATCH[0] / 2) / wide, (self.y - SWATCH[1] / 2) / high
        line = Line2D(
            [at[0]], [at[1]], marker=marker, ms=size, mfc=color, mec="white", mew=0.7 * self.sheet.scale, ls="none"
        )
        self.figure.add_artist(line)

    def _heads(self, people: bool) -> None:
        right, size = self.left + COLUMN, 6.8
        grey = {"ha": "right", "color": self.sheet.grey}
        cells, of_people = (HEADS[key][self.lang] for key in ("cells", "people"))
        self.sheet.write(self.figure, (right - (13.0 if people else 0), self.y), cells, size, **grey)
        if people:
            self.sheet.write(self.figure, (right, self.y), of_people, size, **grey)
        self.y -= 3.6
        self._right = right - (13.0 if people else 0)

    def _row(
        self, label: str, count: str, people: str, *, swatch: tuple[str | None, str | None] | None = None,
        line_px: int = 1, background: str = "light",
    ) -> None:  # fmt: skip
        """One class: its field, its words, how many cells, how many people."""
        right = self._right
        free = right - self.left - SWATCH[0] - 3.0 - words_width(count, 8.0) - 2.0
        lines = wrapped(label, free, 8.4, lines=3)
        high = max(SWATCH[1] + 1.0, len(lines) * 3.9 + 0.6)
        if swatch is not None:
            self._field(*swatch, background, line_px)
        for i, line in enumerate(lines):
            self.sheet.write(self.figure, (self.left + SWATCH[0] + 3.0, self.y - 0.45 - 3.9 * i), line, 8.4)
        for words, x in ((count, right), (people, self.left + COLUMN)):
            if words:
                self.sheet.write(self.figure, (x, self.y - 0.55), words, 8.0, ha="right", color=self.sheet.grey)
        self.y -= high

    def _field(self, color: str | None, reason: str | None, background: str, line_px: int) -> None:
        sheet = self.sheet
        axes = sheet.axes(self.figure, (self.left, self.y - SWATCH[1], *SWATCH))
        shape = sheet.px(SWATCH[1]), sheet.px(SWATCH[0])
        image = swatch(color, reason, background, shape, line_px)
        edge = max(1, line_px // 3)
        rim = np.zeros(shape, dtype=bool)
        rim[:edge], rim[-edge:], rim[:, :edge], rim[:, -edge:] = True, True, True, True
        image[rim, :3] = (image[rim, :3] * 0.78).astype(np.uint8)
        axes.imshow(image, interpolation="none", aspect="auto")

    def _histogram(self, bars: Mapping[str, Any], colors: Sequence[str]) -> None:
        """Bars in the colours of their classes; thin lines where classes meet; the ends of the axis in numbers."""
        axes = self.sheet.axes(self.figure, (self.left, self.y - HISTOGRAM, COLUMN, HISTOGRAM))
        at, height = np.array(bars["at"]), np.array(bars["height"])
        boxes = np.stack(
            [
                np.stack([at[:-1], at[:-1], at[1:], at[1:]], axis=1),
                np.stack([0 * height, height, height, 0 * height], axis=1),
            ],
            axis=2,
        )
        shades = [colors[k] for k in bars["class"]]
        axes.add_collection(PolyCollection(list(boxes), facecolors=shades, edgecolors=shades, linewidths=0.25))
        for x in bars["breaks_at"]:
            axes.plot([x, x], [0, 1.02], color=self.sheet.grey, lw=0.5 * self.sheet.scale, solid_capstyle="butt")
        axes.plot([0, 1], [0, 0], color=self.sheet.grey, lw=0.7 * self.sheet.scale)
        axes.set(xlim=(0, 1), ylim=(-0.01, 1.06))
        self.y -= HISTOGRAM
        for words, x, side in zip(bars["ends"], (0.0, COLUMN), ("left", "right"), strict=True):
            self.sheet.write(self.figure, (self.left + x, self.y - 0.5), words, 6.8, ha=side, color=self.sheet.grey)
        self.y -= 5.2
