"""Where things stand on a sheet: title, maps, legend and foot, on paper cut to what is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from matplotlib.figure import Figure

from civigrid.errors import SchemaError
from civigrid.report.drawing import GROUPS
from civigrid.report.frame import Lattice, snapped
from civigrid.report.legend_column import MARKERS, LegendColumn
from civigrid.report.panel import draw_bar, draw_panel, draw_sites, size_mm
from civigrid.report.picture_looks import Looks
from civigrid.report.picture_words import word
from civigrid.report.raster import Pixels
from civigrid.report.sheet import COLUMN, GAP, MARGIN, Sheet, sheets_of, wrapped
from civigrid.style.words import language

TITLE, QUESTION, LABEL, SMALL, FOOT = 16.0, 10.5, 9.5, 8.0, 7.0
"""Points of an A4 sheet."""
LINE = 0.47
"""Mm from line to line, to a point of letters."""
BETWEEN, BAR, HEAD, BELOW = 5.0, 8.0, 20.0, 20.0
"""Mm between maps; below them, for the scale bar; kept for title and foot while maps are measured."""
LEAST_MM = 16.0
"""Maps smaller than this are not read."""
HATCH_MM = 0.26
TOWER = 0.7
"""What the width of maps counts where there are more rows than columns."""


@dataclass(frozen=True)
class Part:
    """A map to be placed: what it shows, words above it, and the side of its square cells in metres, or 0."""

    lattice: Lattice
    label: str
    told: str
    side_m: float


@dataclass(frozen=True)
class Told:
    """Words of a sheet: title, sentences below the legend, lines below the maps; values hatched as uncertain."""

    title: str
    short: Sequence[str]
    foot: Sequence[str]
    uncertain: int


@dataclass(frozen=True)
class Arranged:
    """Maps in columns: each with its pixels; `page` is the whole paper, `width` what is used of it, mm of A4."""

    page: Sheet
    columns: int
    parts: tuple[Part, ...]
    lattices: tuple[Lattice, ...]

    @property
    def line_px(self) -> int:
        """Width of hatching, pixels."""
        return max(1, self.page.px(HATCH_MM))

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the largest map, mm of A4."""
        sizes = [size_mm(lattice, self.page) for lattice in self.lattices]
        return max(s[0] for s in sizes), max(s[1] for s in sizes)

    @property
    def label_lines(self) -> list[list[str]]:
        """Words above each map, broken to its width."""
        return [wrapped(p.label, self.size[0], LABEL, weight="bold", lines=3) if p.label else [] for p in self.parts]

    @property
    def label_mm(self) -> float:
        """Room above each map for its words."""
        lines = max(len(words) for words in self.label_lines)
        told = any(p.told for p in self.parts)
        return lines * LABEL * LINE + (SMALL * LINE if told else 0) + (1.6 if lines else 0)

    @property
    def block(self) -> tuple[float, float]:
        """Width and height of all maps together."""
        rows = -(-len(self.parts) // self.columns)
        width, height = self.size
        return (
            self.columns * width + (self.columns - 1) * BETWEEN,
            rows * (height + self.label_mm) + (rows - 1) * BETWEEN,
        )


def arrange(parts: Sequence[Part], looks: Looks) -> Arranged:
    """Choose paper across or upright and the number of columns that make maps largest.

    Raises
    ------
    SchemaError
        Maps would be too small to read; an unknown page.
    """
    n, aspect = len(parts), parts[0].lattice.aspect
    if not 0 <= looks.columns <= n:
        raise SchemaError(f"columns must lie between 1 and the number of maps, {n}, got {looks.columns}.")
    label = 3 * LABEL * LINE if any(p.label for p in parts) else 0.0
    choice = []
    for sheet, columns in product(
        sheets_of(looks.page, looks.dpi, looks.background), [looks.columns] if looks.columns else range(1, n + 1)
    ):
        rows = -(-n // columns)
        wide = (sheet.size[0] - 2 * MARGIN - GAP - COLUMN - (columns - 1) * BETWEEN) / columns
        high = (sheet.size[1] - 2 * MARGIN - HEAD - BELOW - (rows - 1) * BETWEEN) / rows - label
        size = min(wide, high * aspect)
        # maps are compared across: a tower of them only where it is much larger
        choice.append((size * (1.0 if rows <= columns else TOWER), size, -columns, sheet, (wide, high)))
    best = max(choice, key=lambda c: c[:3])
    if best[1] < LEAST_MM:
        raise SchemaError(
            f"{n} maps of {looks.page} paper would be {best[1]:.0f} mm wide: draw fewer, or take a larger page."
        )
    sheet, room = best[3], best[4]
    pixels = sheet.px(room[0]), sheet.px(room[1])
    lattices = tuple(snapped(p.lattice, p.side_m, pixels) for p in parts)
    return Arranged(sheet, -best[2], tuple(parts), lattices)


def kinds_of(looks: Looks) -> list[str]:
    """Kinds of the services of a picture, as many as there are marks."""
    if looks.sites is None:
        return []
    kinds: list[str] = looks.sites.data["kind"].astype(str).value_counts().sort_index(kind="stable").index.tolist()
    if len(kinds) > len(MARKERS):
        raise SchemaError(f"{len(kinds)} kinds of services: at most {len(MARKERS)} marks are told apart. Choose some.")
    return kinds


def compose(
    arranged: Arranged, images: Sequence[Pixels], legend: Mapping[str, Any], told: Told, looks: Looks
) -> Figure:
    """Draw everything on a sheet of just the size it needs.

    Parameters
    ----------
    arranged : Arranged
        From `arrange`.
    images : sequence of ndarray of uint8, shape (row, column, 4)
        The maps, painted.
    legend : mapping
        From `style.legend.legend_of`.
    told : Told
        Words.
    looks : Looks
        Paper, question, outline, services.
    """
    maps_wide, maps_high = arranged.block
    wide = 2 * MARGIN + maps_wide + GAP + COLUMN
    inner = wide - 2 * MARGIN
    head = [(line, TITLE, "bold") for line in wrapped(told.title, inner, TITLE, weight="bold", lines=3)]
    head += [(line, QUESTION, "normal") for line in wrapped(looks.question, inner, QUESTION, lines=3) if line]
    foot = wrapped(" ".join(told.foot), inner, FOOT)
    head_mm = sum(size * LINE for _, size, _ in head) + 4.0
    foot_mm = len(foot) * FOOT * LINE + 2.0
    scratch = LegendColumn(arranged.page, arranged.page.new(), 0.0, 0.0, language(looks.lang))
    _legend(scratch, arranged, legend, told, looks)
    body = max(maps_high + BAR, -scratch.y)
    sheet = arranged.page.cut(wide, 2 * MARGIN + head_mm + body + foot_mm)
    figure = sheet.new()
    y = sheet.size[1] - MARGIN
    for line, size, weight in head:
        sheet.write(figure, (MARGIN, y), line, size, weight=weight, color=sheet.ink if weight == "bold" else sheet.grey)
        y -= size * LINE
    top = sheet.size[1] - MARGIN - head_mm
    lowest = _maps(figure, sheet, arranged, images, top, looks)
    bounds = arranged.lattices[0].bounds
    draw_bar(
        figure, sheet, bounds, size_mm(arranged.lattices[0], sheet)[0], (MARGIN, lowest - 4.6), language(looks.lang)
    )
    column = LegendColumn(sheet, figure, MARGIN + maps_wide + GAP, top, language(looks.lang))
    _legend(column, arranged, legend, told, looks)
    _short(column, told.short, MARGIN + foot_mm)
    for k, line in enumerate(foot):
        at = MARGIN, MARGIN + foot_mm - 2.0 - k * FOOT * LINE
        sheet.write(figure, at, line, FOOT, color=sheet.grey)
    return figure


def _maps(
    figure: Figure, sheet: Sheet, arranged: Arranged, images: Sequence[Pixels], top: float, looks: Looks
) -> float:
    """Draw the maps row by row, their words above them; give where the lowest ends."""
    (width, height), above = arranged.size, arranged.label_mm
    lowest = top
    for k, (part, lattice, image) in enumerate(zip(arranged.parts, arranged.lattices, images, strict=True)):
        row, col = divmod(k, arranged.columns)
        left = MARGIN + col * (width + BETWEEN)
        upper = top - row * (height + above + BETWEEN)
        bottom = upper - above - size_mm(lattice, sheet)[1]
        axes = draw_panel(figure, sheet, lattice, image, (left, bottom), looks.outline)
        if looks.sites is not None:
            draw_sites(axes, sheet, lattice, looks.sites.data, kinds_of(looks))
        lowest = min(lowest, bottom)
        y = upper
        for line in arranged.label_lines[k]:
            sheet.write(figure, (left, y), line, LABEL, weight="bold")
            y -= LABEL * LINE
        if part.told:
            sheet.write(figure, (left, y), part.told, SMALL, color=sheet.grey)
    return lowest


def _legend(column: LegendColumn, arranged: Arranged, legend: Mapping[str, Any], told: Told, looks: Looks) -> None:
    """Write the legend, and the kinds of services."""
    # a title says it once
    heading = "" if legend["title"] == told.title else legend["title"]
    column.legend({**legend, "title": heading}, arranged.page.background, arranged.line_px, uncertain=told.uncertain)
    if looks.sites is not None:
        kinds = looks.sites.data["kind"].astype(str)
        column.sites([(k, GROUPS[i], int((kinds == k).sum())) for i, k in enumerate(kinds_of(looks))])


def _short(column: LegendColumn, sentences: Sequence[str], lowest: float) -> None:
    """Write the map in words, as many whole sentences as the maps leave room for."""
    title, size = word("short", column.lang), 8.0
    for k, sentence in enumerate(sentences):
        lines = len(wrapped(sentence, COLUMN, size)) + (1.2 if k == 0 else 0)
        if column.y - lines * size * LINE < lowest:
            return
        if k == 0:
            column.words(title, 8.5, weight="bold", after=0.6)
        column.words(sentence, size, color=column.sheet.grey, after=1.2)
