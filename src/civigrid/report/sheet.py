"""A sheet of paper with a map on it: sizes, words that fit, and bytes that are the same each time."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from html import escape
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from civigrid.errors import SchemaError, unknown_name
from civigrid.style.palette import PAPER

PAGES: Mapping[str, tuple[float, float]] = {"A5": (148, 210), "A4": (210, 297), "A3": (297, 420), "A2": (420, 594)}
"""Width and height upright, mm (ISO 216)."""
MM = 1 / 25.4
MARGIN, COLUMN, GAP = 11.0, 64.0, 7.0
"""Mm of an A4 sheet: around everything, the legend's width, between map and legend."""
INKS: Mapping[str, tuple[str, str, str]] = {
    "light": ("#1b1f24", "#5f666d", "#e7e9eb"),
    "dark": ("#f0f2f4", "#a9b0b7", "#23282e"),
}
"""Words, lesser words, and what lies behind the cells, by background: a class of zero is brighter than that."""
SUFFIXES = (".png", ".svg", ".pdf")
FONT: Any = {
    "font.family": ["DejaVu Sans"],
    "text.parse_math": False,
    "svg.hashsalt": "civigrid",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "pdf.compression": 6,
}


@dataclass(frozen=True)
class Sheet:
    """Paper to draw on; every measure is mm of an A4 sheet and grows with the paper.

    Parameters
    ----------
    width, height : float
        Mm of the paper.
    dpi : int
        Dots to the inch.
    background : {"light", "dark"}
        The page.
    scale : float
        How much larger everything is than on A4.
    """

    width: float
    height: float
    dpi: int = 300
    background: str = "light"
    scale: float = 1.0

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in mm of A4."""
        return self.width / self.scale, self.height / self.scale

    @property
    def ink(self) -> str:
        """Colour of words."""
        return INKS[self.background][0]

    @property
    def grey(self) -> str:
        """Colour of lesser words."""
        return INKS[self.background][1]

    def px(self, mm: float) -> int:
        """Whole pixels of a length in mm of A4."""
        return round(mm * self.scale * MM * self.dpi)

    def new(self) -> Figure:
        """An empty figure of this paper."""
        # whole pixels: what is placed on whole pixels then stays there
        wide, high = (round(v * MM * self.dpi) / self.dpi for v in (self.width, self.height))
        return Figure(figsize=(wide, high), dpi=self.dpi, facecolor=PAPER[self.background])

    def cut(self, width: float, height: float) -> Sheet:
        """A smaller sheet, of width and height in mm of A4."""
        return replace(self, width=width * self.scale, height=height * self.scale)

    def axes(
        self, figure: Figure, box: tuple[float, float, float, float], pixels: tuple[int, int] | None = None
    ) -> Axes:
        """Axes without frame at left, bottom, width and height, mm of A4, on whole pixels; or of so many pixels."""
        wide, high = np.rint(figure.get_size_inches() * self.dpi)
        left, bottom, width, height = (self.px(v) for v in box)
        width, height = pixels or (width, height)
        made = figure.add_axes((left / wide, bottom / high, width / wide, height / high), frameon=False)
        made.set(xticks=[], yticks=[])
        return made

    def write(self, figure: Figure, at: tuple[float, float], words: str, size: float, **more: Any) -> None:
        """Write words at a place in mm of A4; the size is in points of A4."""
        x, y = at[0] / self.size[0], at[1] / self.size[1]
        style = {"color": self.ink, "va": "top", "ha": "left", "parse_math": False, **more}
        figure.text(x, y, words, fontsize=size * self.scale, **style)


def sheets_of(page: str = "A4", dpi: int = 300, background: str = "light") -> tuple[Sheet, Sheet]:
    """Give a page across and upright.

    Raises
    ------
    SchemaError
        An unknown page, or dots that are too few to read or too many to hold.

    Examples
    --------
    >>> sheets_of("A3")[0].width, sheets_of()[1].width
    (420, 210)
    """
    if page not in PAGES:
        raise unknown_name("page", page, PAGES)
    if not 72 <= dpi <= 1200:
        raise SchemaError(f"dpi must lie between 72 and 1,200, got {dpi}.")
    short, long = PAGES[page]
    scale = (short * long / (210 * 297)) ** 0.5
    return Sheet(long, short, dpi, background, scale), Sheet(short, long, dpi, background, scale)


def _glued(words: str) -> str:
    """One space between words; none breaks a number from its sign."""
    return re.sub(r"(?<=\d) (?=[%×])|(?<=×) (?=\d)", "\N{NO-BREAK SPACE}", " ".join(words.split()))


@lru_cache(maxsize=4096)
def words_width(words: str, size: float, weight: str = "normal") -> float:
    """Width of words in mm, of a size in points."""
    font = FontProperties(family="DejaVu Sans", size=size, weight=weight)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        width: float = text_to_path.get_text_width_height_descent(words, font, False)[0]
    return width / 72 * 25.4


def wrapped(words: str, width: float, size: float, *, weight: str = "normal", lines: int = 99) -> list[str]:
    """Break words into lines that fit; a word longer than a line is cut, and what is left over ends in dots.

    >>> wrapped("a map of many words", 15, 8)
    ['a map of', 'many', 'words']
    """
    found: list[str] = []
    for word in _glued(words).split(" "):
        joined = f"{found[-1]} {word}" if found else word
        if found and words_width(joined, size, weight) <= width:
            found[-1] = joined
            continue
        found.append(word)
        while words_width(found[-1], size, weight) > width and len(found[-1]) > 1:
            cut = next(
                n
                for n in range(len(found[-1]) - 1, 0, -1)
                if n == 1 or words_width(found[-1][:n], size, weight) <= width
            )
            found[-1:] = [found[-1][:cut], found[-1][cut:]]
    if len(found) > lines:
        last = found[lines - 1]
        while last and words_width(last + "…", size, weight) > width:
            last = last[:-1]
        found = [*found[: lines - 1], last.rstrip() + "…"]
    return found


def sheet_bytes(figure: Figure, suffix: str, *, title: str, alt: str) -> bytes:
    """Give a sheet as PNG, SVG or PDF with its title and its text alternative inside; equal sheets, equal bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn on a `Sheet`.
    suffix : str
        ``".png"``, ``".svg"`` or ``".pdf"``.
    title, alt : str
        What it is called, and what it shows, for those who do not see it.

    Raises
    ------
    SchemaError
        Another suffix.
    """
    if suffix not in SUFFIXES:
        raise SchemaError(f"a picture is written as {', '.join(SUFFIXES)}, not as {suffix or 'nothing'}.")
    title, alt = (re.sub(r"[\x00-\x1f\x7f]+", " ", text) for text in (title, alt))
    kinds: dict[str, dict[str, Any]] = {
        ".png": {"Title": title, "Description": alt, "Software": "civigrid"},
        ".svg": {"Title": title, "Description": alt, "Creator": "civigrid", "Date": None},
        ".pdf": {"Title": title, "Subject": alt, "Creator": "civigrid", "Producer": "civigrid", "CreationDate": None},
    }
    about = kinds[suffix]
    out = io.BytesIO()
    more: dict[str, Any] = {"pil_kwargs": {"compress_level": 3}} if suffix == ".png" else {}
    with mpl.rc_context(FONT), warnings.catch_warnings():
        # a letter that the font lacks is drawn as a box: no reason to fail
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(out, format=suffix[1:], dpi=figure.dpi, metadata=about, **more)
    data = out.getvalue()
    return _described(data.decode(), title, alt).encode() if suffix == ".svg" else data


def _described(svg: str, title: str, alt: str) -> str:
    """Put the text alternative where a screen reader looks for it (SVG 2, 5.8; WAI-ARIA Graphics 1.0)."""
    head, mark, rest = svg.partition("<svg ")
    attributes, close, body = rest.partition(">")
    words = f'\n <title id="title">{escape(title)}</title>\n <desc id="desc">{escape(alt)}</desc>'
    body = re.sub(r"\s*<title>.*?</title>", "", body, count=1, flags=re.S)
    return f'{head}{mark}role="img" aria-labelledby="title desc" {attributes}{close}{words}{body}'
