"""How figures look: one width, few colours that the colour-blind can tell apart, words beside the lines they name."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from civigrid.errors import SchemaError

INK, GREY, PALE, SAND = "#1b1f24", "#5f666d", "#d9dce0", "#c2a878"
"""Words; lesser words and lines; areas behind; what chance alone makes."""
GROUPS = ("#1b4f72", "#c06c00", "#2a9d8f", "#7b4b94", "#4aa3df", "#8c8c3a")
"""Groups in their order: apart in lightness and hue, also for the colour-blind; never red for people."""
WIDTH = 6.0
"""Inches: at half of a page words of 9 points are still read."""
STYLE: Any = {
    "font.size": 9.5, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": GREY,
    "axes.labelcolor": INK, "axes.linewidth": 0.7, "xtick.color": GREY, "ytick.color": GREY, "text.color": INK,
    "axes.titlelocation": "left", "axes.titlesize": 9.5, "axes.axisbelow": True, "axes.grid": False,
    "xtick.labelcolor": INK, "ytick.labelcolor": INK,
}  # fmt: skip
TITLE_CHARACTERS = 60
SUFFIXES = (".png", ".svg")


def new_figure(
    title: str, subtitle: str = "", *, height: float = 4.0, shape: tuple[int, int] = (1, 1), **options: Any
) -> tuple[Figure, list[Axes]]:
    """Make a figure with its title, what it shows below in grey, and its axes row by row.

    Parameters
    ----------
    title, subtitle : str
        The subject of the finding; how to read it.
    height : float
        Inches.
    shape : tuple of int
        Rows and columns of axes.
    **options
        For `Figure.subplots`.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        axes = np.atleast_1d(figure.subplots(*shape, **options)).ravel().tolist()
    word = title.split(" ")[0].rstrip(":")
    if word.isalpha() and word.islower() and len(word) > 2:  # a word, and no name of a column
        title = title[:1].upper() + title[1:]
    lines = fill(title, TITLE_CHARACTERS).count("\n") + 1
    below = fill(subtitle, 92)
    # the layout keeps room for the title: the subtitle stands in its last lines
    room = "\n" * (below.count("\n") + 1) if below else ""
    figure.suptitle(
        fill(title, TITLE_CHARACTERS) + room,
        x=0.012,
        ha="left",
        fontsize=11.5,
        fontweight="bold",
        color=INK,
        linespacing=1.15,
    )
    if below:
        top = 1 - (0.1 + 0.205 * lines) / height
        figure.text(0.012, top, below, ha="left", va="top", fontsize=9, color=GREY, linespacing=1.2)
    engine: Any = figure.get_layout_engine()
    engine.set(h_pad=0.07, w_pad=0.07)
    return figure, axes


def panel_title(axes: Axes, words: str) -> None:
    """Name one of several panels."""
    axes.set_title(words, loc="left", fontsize=9.5, fontweight="bold", color=INK)


class Mark(NamedTuple):
    """A word to stand beside a point."""

    at: tuple[float, float]
    words: str
    color: str


def label_ends(axes: Axes, marks: Sequence[Mark], *, left: bool = False, size: float = 9.0) -> None:
    """Write words beside the ends of lines, moved apart where they would touch; limits of the axes must be set."""
    low, high = axes.get_ylim()
    place = axes.transData if axes.get_yscale() == "linear" else None
    height = axes.get_window_extent().height / axes.figure.dpi * 72 or 150.0
    least = (size + 2.5) / height * (high - low)
    order = sorted(marks, key=lambda m: m.at[1])
    where = [m.at[1] for m in order]
    for _ in range(100):
        for i in range(1, len(where)):
            short = least - (where[i] - where[i - 1])
            if short > 1e-12 and place is not None:
                where[i - 1], where[i] = where[i - 1] - short / 2, where[i] + short / 2
    for mark, y in zip(order, where, strict=True):
        axes.annotate(
            mark.words, (mark.at[0], y), xytext=(-5 if left else 5, 0), textcoords="offset points", color=mark.color,
            ha="right" if left else "left", va="center", fontsize=size, annotation_clip=False,
        )  # fmt: skip


def percent(value: float) -> str:
    """Write a share as percent, two digits where it is small.

    >>> percent(0.1234), percent(0.0123)
    ('12 %', '1.2 %')
    """
    return f"{100 * value:.0f} %" if abs(value) >= 0.0995 or value == 0 else f"{100 * value:.2g} %"


def figure_bytes(figure: Figure, suffix: str) -> bytes:
    """Give a figure as PNG or SVG; equal figures give equal bytes, with the title and the maker inside.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn by one of the functions of this room.
    suffix : str
        ``".png"`` (200 dots to the inch) or ``".svg"``.

    Raises
    ------
    SchemaError
        Another suffix.
    """
    if suffix not in SUFFIXES:
        raise SchemaError(f"a figure is written as {' or '.join(SUFFIXES)}, not as {suffix or 'nothing'}.")
    title = " ".join(figure.get_suptitle().split())
    about: dict[str, Any] = {"Title": title, "Creator": "civigrid", "Date": None}
    if suffix == ".png":
        about = {"Title": title, "Software": "civigrid"}
    out = io.BytesIO()
    # no date and no random ids
    with mpl.rc_context({"svg.hashsalt": "civigrid", "svg.fonttype": "none"}):
        figure.savefig(out, format=suffix[1:], dpi=200, metadata=about)
    return out.getvalue()


def save(figure: Figure, path: Path | str) -> Path:
    """Write a figure by the suffix of its path, ``.png`` or ``.svg``; give the path."""
    path = Path(path)
    data = figure_bytes(figure, path.suffix.lower())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
