"""Maps without a browser: released cells as PNG, SVG or PDF, one map or several side by side with one legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from civigrid.cells import column_of, grid_of, measured, status_of, values_of
from civigrid.errors import SchemaError, unknown_name
from civigrid.grid import SquareGrid
from civigrid.io.atomic import write_bytes
from civigrid.release.gate import Release
from civigrid.report.frame import Lattice, lattices_of
from civigrid.report.layout import Part, Told, arrange, compose
from civigrid.report.picture_looks import Looks
from civigrid.report.picture_words import disclosure_words, drawing_words, source_words, word
from civigrid.report.raster import draw_values, paint
from civigrid.report.sheet import SUFFIXES, plain_style, sheet_bytes
from civigrid.style.classes import Classes, shared_classes
from civigrid.style.legend import legend_of
from civigrid.style.order import advice
from civigrid.style.summary import median_of, summary
from civigrid.style.uncertain import uncertain_of
from civigrid.style.words import is_share, language, number, percent
from civigrid.types import Bools, Column, Floats, Statuses

MOST_PANELS = 24
"""More maps on one sheet are too small to read."""
MOST_HATCHED = 0.5
"""Hatching of more than this part of the values would hide the map."""


@dataclass(frozen=True)
class Panel:
    """One of several maps side by side.

    Parameters
    ----------
    release : Release of xarray.Dataset
        Its cells.
    variable : str
        What it shows.
    label : str
        Words above it; by default its reference date, or the title of its variable.
    """

    release: Release[xr.Dataset]
    variable: str
    label: str = ""


@dataclass(frozen=True, eq=False)
class Picture:
    """A drawn picture.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The sheet.
    title, alt : str
        What it is called; what it shows, in words.
    classes : Classes
        Breaks and colours of all its maps.
    legend : dict
        What the legend says (`style.legend.legend_of`).
    block : int
        Cells along the side of what one pixel shows (of hexagons: cells in what is drawn as one).
    """

    figure: Figure
    title: str
    alt: str
    classes: Classes
    legend: dict[str, Any]
    block: int = 1

    def to_bytes(self, suffix: str) -> bytes:
        """Give the picture as ``.png``, ``.svg`` or ``.pdf``; equal pictures give equal bytes."""
        return sheet_bytes(self.figure, suffix, title=self.title, alt=self.alt)

    def write(self, path: Path | str) -> Path:
        """Write the picture by the suffix of its path; give the path."""
        path = Path(path)
        write_bytes(path, self.to_bytes(path.suffix.lower()))
        return path


def static_map(release: Release[xr.Dataset], variables: str | Sequence[str], looks: Looks | None = None) -> Picture:
    """Draw one variable of released cells as a map, or several that are alike side by side.

    Parameters
    ----------
    release : Release of xarray.Dataset
        Square or H3 cells.
    variables : str or sequence of str
        What is shown; several must have units in common.
    looks : Looks, optional
        Title, language, classes, paper.

    Raises
    ------
    SchemaError, UnknownNameError
        Nothing to draw; variables that have no classes in common; words, pages or languages that are not known.

    Examples
    --------
    >>> from civigrid.cells import make_cells
    >>> from civigrid.release import public_grid, release
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> cells = make_cells(grid, grid.from_row_col(np.array([3000, 3000]), np.array([4000, 4001])), {"n": [5.0, 50.0]},
    ...     {"n": Column(long_name="Residents")})
    >>> picture = static_map(release(cells, public_grid()), "n", Looks(dpi=72))
    >>> picture.title, picture.to_bytes(".svg")[:5]
    ('Residents', b'<?xml')
    """
    names = [variables] if isinstance(variables, str) else list(variables)
    return small_multiples([Panel(release, name) for name in names], looks)


def small_multiples(panels: Sequence[Panel], looks: Looks | None = None) -> Picture:
    """Draw maps side by side with the same classes and one legend: years, groups, plans, or places at one scale.

    Parameters
    ----------
    panels : sequence of Panel
        At most `MOST_PANELS`.
    looks : Looks, optional
        Title, language, classes, paper.

    Raises
    ------
    SchemaError, UnknownNameError
        As of `static_map`.
    """
    looks = looks or Looks()
    drawn = [_read(panel, looks) for panel in panels]
    _check(drawn)
    lang = language(looks.lang)
    about, name = drawn[0].about, drawn[0].panel.variable
    pooled = _pooled(drawn)
    classes = (looks.classes or _classes(drawn, looks, lang)).on(looks.background)
    # of all residents each class tells its share of the people; of a part of them it would mislead
    people = pooled[0] if about.units == "persons" and not (about.part_of or about.rests_on) else pooled[2]
    hatched = np.concatenate([d.rough for d in drawn])
    rough, known = int(hatched.sum()), int(np.isfinite(pooled[0]).sum())
    too_many = rough > MOST_HATCHED * max(known, 1)
    legend = legend_of(
        *pooled[:2], classes, about, name=name, weight=people, uncertain=None if too_many else hatched, lang=lang
    )
    title = looks.title or _common([d.title for d in drawn]) or "; ".join(d.title for d in drawn)
    if len(drawn) > 1:
        legend["title"] = _common([d.title for d in drawn]) or legend["unit"] or title
    several = len(drawn) > 1
    parts = [
        Part(lattice, label, d.median(lang) if several else "", _side(d.cells))
        for d, label, lattice in zip(drawn, _labels(drawn), lattices_of([d.cells for d in drawn]), strict=True)
    ]
    arranged = arrange(parts, looks)
    pixels = [
        draw_values(d.cells, d.panel.variable, classes, lattice, uncertain=None if too_many else d.rough)
        for d, lattice in zip(drawn, arranged.lattices, strict=True)
    ]
    block = max(p.block for p in pixels)
    said = [sentence for d in drawn for sentence in d.sentences(lang)]
    foot = _foot(drawn, looks, arranged.lattices, block, classes, lang)
    if too_many:
        foot.append(word("rough", lang).format(number(rough, lang, 0), number(known, lang, 0)))
    told = Told(title, [] if several else said, foot)
    with plain_style():
        figure = compose(arranged, [paint(p, classes, arranged.line_px) for p in pixels], legend, told, looks)
    alt = " ".join(filter(None, [f"{title}.", looks.question, *said]))
    return Picture(figure, title, alt, classes, legend, block)


@dataclass(frozen=True, eq=False)
class _Read:
    """What a panel shows."""

    panel: Panel
    cells: xr.Dataset
    about: Column
    values: Floats
    status: Statuses
    weight: Floats | None
    rough: Bools

    @property
    def title(self) -> str:
        return self.about.long_name or self.panel.variable

    @property
    def origins(self) -> list[Column]:
        """What the variable was computed from, where it was: a layer is no source."""
        names = [n for n in (self.about.rests_on or "").split("|") if n in self.cells]
        return [column_of(self.cells[n]) for n in names] or [self.about]

    def median(self, lang: str) -> str:
        """Median in words, of people where they are known."""
        name = self.panel.variable
        if self.about.units == "class":
            return ""
        middle = median_of(self.values, self.status, self.about, self.weight)
        if not np.isfinite(middle):
            return word("unknown" if np.isnan(middle) else "beyond", lang)
        short = float(f"{middle:.2g}") if abs(middle) < 100 else middle
        told = percent(middle, lang) if is_share(self.about, name) else number(short, lang)
        return word("median", lang).format(told)

    def sentences(self, lang: str) -> list[str]:
        """Say the map in words."""
        name, rough = self.panel.variable, self.rough
        return summary(self.values, self.status, self.about, name=name, weight=self.weight, uncertain=rough, lang=lang)


def _read(panel: Panel, looks: Looks) -> _Read:
    if not isinstance(panel.release, Release):
        raise TypeError("a picture is drawn of a Release: pass the cells through civigrid.release.release().")
    cells, name = panel.release.data, panel.variable
    if name not in cells:
        raise unknown_name("variable of the cells,", name, measured(cells))
    about = column_of(cells[name])
    if about.words is not None:
        raise SchemaError(f"{name!r} names something in each cell, it has no amounts to class: draw another variable.")
    weight = values_of(cells, about.weight) if about.weight and about.weight in cells else None
    values = values_of(cells, name)
    rough = np.zeros(len(values), bool) if looks.uncertain is None else uncertain_of(cells, name, looks.uncertain)
    return _Read(panel, cells, about, values, status_of(cells, name), weight, rough)


def _check(drawn: Sequence[_Read]) -> None:
    if not 1 <= len(drawn) <= MOST_PANELS:
        raise SchemaError(f"a picture has 1 to {MOST_PANELS} maps, got {len(drawn)}.")
    kinds = {(d.about.kind, d.about.units, is_share(d.about, d.panel.variable)) for d in drawn}
    if len(kinds) > 1:
        names = ", ".join(dict.fromkeys(f"{d.panel.variable} ({d.about.units})" for d in drawn))
        raise SchemaError(
            f"maps side by side share one legend, these have no units in common: {names}. Draw them apart."
        )


def _pooled(drawn: Sequence[_Read]) -> tuple[Floats, Statuses, Floats | None]:
    weights = [d.weight for d in drawn]
    known = [w for w in weights if w is not None]
    return (
        np.concatenate([d.values for d in drawn]),
        np.concatenate([d.status for d in drawn]),
        np.concatenate(known) if len(known) == len(drawn) else None,
    )


def _classes(drawn: Sequence[_Read], looks: Looks, lang: str) -> Classes:
    weights = [d.weight for d in drawn if d.weight is not None]
    return shared_classes(
        [d.values for d in drawn], drawn[0].about, weights=weights if len(weights) == len(drawn) else None,
        name=drawn[0].panel.variable, by=looks.by, n=looks.n, breaks=looks.breaks, scheme=looks.scheme, lang=lang,
    )  # fmt: skip


def _common(titles: Sequence[str]) -> str:
    """Words with which all titles begin, up to a colon where they have one.

    >>> _common(["Share: Born here", "Share: Born abroad"]), _common(["Men", "Women"]), _common(["Men", "Men"])
    ('Share', '', 'Men')
    """
    split = [title.split() for title in titles]
    if len({*titles}) == 1:
        return titles[0]
    n = 0
    while all(len(words) > n for words in split) and len({words[n] for words in split}) == 1:
        n += 1
    start = " ".join(split[0][:n])
    return start.rpartition(":")[0] or (start.rstrip(" ,;-–") if n > 1 else "")


def _labels(drawn: Sequence[_Read]) -> list[str]:
    """Words above the maps: what was given, else what differs, else the dates."""
    if len(drawn) == 1:
        return [""]
    titles = [d.title for d in drawn]
    common = _common(titles)
    if len({*titles}) == 1:
        titles = [d.about.reference_date or d.title for d in drawn]
    elif titles[0].startswith(f"{common}:") or len(common.split()) >= 3:
        rest = [title.removeprefix(common).lstrip(" :,;-–").replace("_", " ") for title in titles]
        titles = [words[:1].upper() + words[1:] if words else title for words, title in zip(rest, titles, strict=True)]
    return [d.panel.label or title for d, title in zip(drawn, titles, strict=True)]


def _side(cells: xr.Dataset) -> float:
    grid = grid_of(cells)
    return float(grid.cell_size_m) if isinstance(grid, SquareGrid) else 0.0


def _foot(
    drawn: Sequence[_Read], looks: Looks, lattices: Sequence[Lattice], block: int, classes: Classes, lang: str
) -> list[str]:
    releases = list({id(d.panel.release): d.panel.release for d in drawn}.values())
    squares = _side(drawn[0].cells) > 0
    return [
        *looks.notes,
        *classes.notes,
        *([] if len(drawn) == 1 else [word("same", lang), word("all_maps", lang)]),
        *dict.fromkeys(filter(None, (advice(d.about, lang) for d in drawn))),
        *source_words([c for d in drawn for c in d.origins], [t for r in releases for t in r.terms], lang),
        *dict.fromkeys(disclosure_words(r.profile, lang) for r in releases),
        *drawing_words(lattices[0].crs, block, sum(p.outside for p in lattices), lang, squares=squares),
    ]


__all__ = ["SUFFIXES", "Looks", "Panel", "Picture", "small_multiples", "static_map"]
