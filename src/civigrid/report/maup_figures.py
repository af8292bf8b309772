"""The MAUP audit as one figure: an index against cell size, with what origins, sampling and chance make of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from matplotlib.transforms import blended_transform_factory

from civigrid.errors import SchemaError
from civigrid.layers.segregation.indices import index_named
from civigrid.report.drawing import GREY, GROUPS, INK, PALE, SAND, new_figure, panel_title, percent
from civigrid.types import Floats

MOST_PANELS = 6
TITLES = {
    "D": "Dissimilarity D", "G": "Gini index G", "H": "Information index H", "D_multi": "Dissimilarity D, all groups",
    "H_multi": "Information index H, all groups", "isolation": "Isolation", "interaction": "Interaction",
}  # fmt: skip


def maup_figure(
    table: pd.DataFrame,
    *,
    indices: Sequence[str] = ("D", "H"),
    groups: str = "",
    zone: str = "all",
    words: Mapping[str, str] | None = None,
    title: str = "",
) -> Figure:
    """Draw indices against cell size: median and envelope over origins, interval, chance, and other divisions.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `civigrid.layers.segregation.maup_table`.
    indices : sequence of str
        One panel each, six at most; those that the table lacks are skipped.
    groups : str
        Which group or groups; by default the last group that the table has for the index.
    zone : str
        Which zone.
    words : mapping of str to str, optional
        What groups are called.
    title : str
        By default what the audit found.

    Returns
    -------
    matplotlib.figure.Figure
        Dots: median over origins, as measured.  Thick bars: 5th to 95th percentile over origins, thin: least to most.
        Broken line: freed of chance, with its 95 % interval of sampling as a band.  Sand: expected if people were
        allocated at random.  Diamonds: hexagons and areas, at the side of a square of their mean size.

    Raises
    ------
    SchemaError
        The table has none of these.
    """
    of_zone = table[(table["topic"] == "maup") & (table["zone"] == zone)]
    panels = _panels(of_zone, indices, groups)
    if not panels:
        raise SchemaError(f"the table has no MAUP audit of {', '.join(indices)} in zone {zone!r}.")
    columns = min(len(panels), 2)
    lines = -(-len(panels) // columns)
    figure, axes = new_figure(
        title or _finding(of_zone, panels),
        "Dot: median over grid origins, as measured; thick bar: 90 % of origins; thin: all. Broken: freed of chance, "
        "with the 95 % band of sampling. Shaded below: chance alone.",
        height=1.0 + 2.9 * lines,
        shape=(lines, columns),
    )
    for place, (index, named, rows) in zip(axes, panels, strict=False):
        _panel(place, rows)
        of = "" if "|" in named else f": {(words or {}).get(named, named)}"
        panel_title(place, fill(_title(index) + of, 32))
    for place in axes[len(panels) :]:
        place.set_visible(False)
    figure.supxlabel("Side of a square cell, km; of hexagons and areas, of a square as large", fontsize=9.5, color=INK)
    return figure


def _title(index: str) -> str:
    """Short words for an index; what is not among them has its own title."""
    return TITLES.get(index) or index_named(index).title


def _panels(table: pd.DataFrame, indices: Sequence[str], groups: str) -> list[tuple[str, str, pd.DataFrame]]:
    """Rows of each index: of the groups asked for, of all groups where the index is one of all, else of the last."""
    panels = []
    for index in indices:
        rows = table[table["index"] == index]
        named = [str(n) for n in rows["groups"].unique()]
        of_all = [n for n in named if "|" in n]
        wanted = groups if groups in named else of_all[0] if of_all else named[-1] if named and not groups else ""
        if wanted:
            panels.append((index, wanted, rows[rows["groups"] == wanted]))
    return panels[:MOST_PANELS]


def _finding(table: pd.DataFrame, panels: Sequence[tuple[str, str, pd.DataFrame]]) -> str:
    """Say which of scale, zoning and sampling moves the first index most."""
    index, groups, _ = panels[0]
    found = table[(table["index"] == f"maup:{index}") & (table["groups"] == groups)]
    if not len(found):
        return f"{_title(index)} by cell size and grid origin"
    about = json.loads(found["parameters"].iloc[0])
    words = {"scale": "Cell size", "zoning": "The grid's origin", "sampling": "Sampling"}
    change = {k: about.get(k) or 0.0 for k in words}
    first = max(change, key=change.__getitem__)
    others = [f"{words[k].lower()} by {change[k]:.3f}" for k in words if k != first]
    return f"{words[first]} moves {index} most: by {change[first]:.3f}; {', '.join(others)}"


def _panel(axes: Axes, rows: pd.DataFrame) -> None:
    about = [json.loads(p) for p in rows["parameters"]]
    squares = [a["division"] == "squares" for a in about]
    of = rows[squares].reset_index(drop=True)
    facts = [a for a, square in zip(about, squares, strict=True) if square]
    side = np.array([a["size_m"] / 1000 for a in facts])
    better = of["corrected"].fillna(of["estimate"])
    axes.set_xscale("log")
    axes.fill_between(side, 0, of["expected"].fillna(0.0), color=SAND, alpha=0.35, lw=0)
    axes.plot(side, of["expected"], color=SAND, lw=1.2)
    axes.fill_between(side, of["low"], of["high"], color=GROUPS[4], alpha=0.35, lw=0)
    axes.plot(side, better, "--", color=GROUPS[0], lw=1.2)
    axes.plot(side, of["estimate"], color=GROUPS[0], lw=0.8, alpha=0.6)
    axes.vlines(side, [a["least"] for a in facts], [a["most"] for a in facts], color=GROUPS[0], lw=1.0)
    axes.vlines(side, [a["p5"] for a in facts], [a["p95"] for a in facts], color=GROUPS[0], lw=4.0, alpha=0.75)
    axes.plot(side, of["estimate"], "o", color=GROUPS[0], ms=4.5, mec="white", mew=0.7)
    others = [a for a in about if a["division"] != "squares"]
    _divisions(axes, rows[~np.array(squares)], others, side, of["estimate"].to_numpy())
    axes.set_ylim(bottom=0)
    axes.margins(x=0.07)
    ticks = sorted({round(s, 3) for s in side})
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(axis="y", lw=0.4, color=PALE)
    if of["expected"].notna().any():
        top, sand = axes.get_ylim()[1], max(float(of["expected"].iloc[0]), 0.0)
        # within the sand where it is high enough to read, else above it
        place = 0.3 * sand if sand > 0.15 * top else sand + 0.015 * top
        axes.text(side[0] * 1.04, place, "chance", color="#8a6d3b", fontsize=8)


def _divisions(axes: Axes, rows: pd.DataFrame, about: Sequence[dict[str, Any]], side: Floats, middle: Floats) -> None:
    """Other divisions as diamonds, named away from the squares; tables without areas stand at the right border."""
    border = blended_transform_factory(axes.transAxes, axes.transData)
    for (_, row), facts in zip(rows.iterrows(), about, strict=True):
        size, value = float(facts.get("size_m") or 0.0), float(row["estimate"])
        where: Any = axes.transData if size else border
        x = size / 1000 if size else 0.985
        above = size > 0 and value > np.interp(np.log(size / 1000), np.log(side), middle)
        axes.plot([x], [value], "D", color=GROUPS[1], ms=5, mec="white", mew=0.7, transform=where, clip_on=False)
        axes.annotate(
            str(facts["division"]), (x, value), xycoords=where, xytext=(5, 5) if above else (-4, -12),
            textcoords="offset points", fontsize=8, color=GROUPS[1], ha="left" if above else "right",
        )  # fmt: skip


def stability_figure(table: pd.DataFrame, *, words: Mapping[str, str] | None = None, title: str = "") -> Figure:
    """Draw whose class holds: people in robust, scale-dependent and fragile cells, a bar for each group.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `civigrid.layers.segregation.maup_table`.
    words : mapping of str to str, optional
        What groups are called.
    title : str
        By default what the least steady group shows.
    """
    kinds = {"robust": GROUPS[0], "scale-dependent": "#8db3cf", "fragile": GROUPS[1]}
    rows = table[table["index"].isin([f"people:{k}" for k in kinds])]
    if not len(rows):
        raise SchemaError("the table says nothing of classes: is it one of maup_table?")
    wide = rows.pivot_table(index="groups", columns="index", values="estimate", sort=False)
    robust = wide["people:robust"]
    names = [(words or {}).get(str(g), str(g)) for g in wide.index]
    least = names[int(np.argmin(robust.to_numpy()))]
    settings = json.loads(rows["parameters"].iloc[0])
    cut = " and ".join(f"{b:g}" for b in settings["breaks"])
    figure, (axes,) = new_figure(
        title or f"{percent(float(robust.min()))} of people live where the class does not depend on the grid: {least}",
        f"Class: location quotient below or above {cut}. Robust: {percent(settings['steady'])} of "
        f"{settings['settings']} grids agree. Scale-dependent: they agree at each size.",
        height=1.7 + 0.42 * len(wide),
    )
    left = np.zeros(len(wide))
    for kind, color in kinds.items():
        part = 100 * wide[f"people:{kind}"].to_numpy()
        axes.barh(names, part, left=left, color=color, height=0.62)
        for y, (start, wide_) in enumerate(zip(left, part, strict=True)):
            if wide_ >= 6:
                color = INK if kind == "scale-dependent" else "white"
                axes.text(start + 1, y, f"{wide_:.0f} %", va="center", fontsize=8.5, color=color)
        left += part
    axes.set_xlim(0, 100)
    axes.set_ylim(len(wide) - 0.5, -1.1)
    for x, (kind, color) in zip((0, 16, 45), kinds.items(), strict=True):
        axes.text(x, -0.7, kind, color="#4f86ad" if kind == "scale-dependent" else color, fontsize=9, va="center")
    axes.set_xlabel("Share of people, %")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", colors=GREY)
    return figure
