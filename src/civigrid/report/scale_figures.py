"""Figure of a decomposition: how much of an index lies between units of each scale."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from civigrid.errors import SchemaError
from civigrid.report.drawing import GREY, GROUPS, INK, SAND, new_figure, percent


def scale_figure(table: pd.DataFrame, index: str, *, zone: str = "all", title: str = "") -> Figure:
    """Draw the terms of an index that is split over nested units, from the largest units to the smallest.

    Parameters
    ----------
    table : pandas.DataFrame
        Result table of `scale_table` or `level_table`: rows whose parameters call them ``addend`` are drawn.
    index : str
        "M", "H" or "divergence".
    zone : str
        Which zone.
    title : str
        By default the largest term.

    Returns
    -------
    matplotlib.figure.Figure
        Bars: corrected for chance (where nothing is corrected, as measured), with 95 % intervals; sand: what chance
        alone makes of the term; percent: of the sum of the bars.

    Raises
    ------
    SchemaError
        The table has no terms of the index in the zone.

    Examples
    --------
    >>> rows = {"zone": "all", "index": ["M_between_4km", "M_within_4km"], "estimate": [0.3, 0.1], "expected": 0.01,
    ...         "corrected": [0.29, 0.09], "low": np.nan, "high": np.nan, "parameters": '{"addend": true}'}
    >>> [t.get_text() for t in scale_figure(pd.DataFrame(rows), "M").axes[0].get_yticklabels()]
    ['between squares of 4 km', 'within squares of 4 km']
    """
    rows = table[(table["zone"] == zone) & table["index"].astype(str).str.startswith(f"{index}_")]
    about = [json.loads(text or "{}") for text in rows["parameters"]]
    rows = rows[[bool(a.get("addend")) and "part" not in a for a in about]].reset_index(drop=True)
    if not len(rows):
        raise SchemaError(f"the table has no terms of {index} over scales in zone {zone!r}: ask for scales or levels.")
    shown = rows["corrected"].fillna(rows["estimate"]).to_numpy(dtype=np.float64)
    words = [scale_words(str(name).removeprefix(f"{index}_")) for name in rows["index"]]
    whole, largest = float(shown.sum()), int(np.nanargmax(shown))
    part = [value / whole if whole > 0 else np.nan for value in shown]
    figure, (axes,) = new_figure(
        title or f"{index} {whole:.3f}: {percent(part[largest])} of it {words[largest]}",
        "Bars: freed of chance, with 95 % interval, and what part of their sum; sand: what chance alone makes.",
        height=1.7 + 0.45 * len(rows),
    )
    at = np.arange(len(rows))
    axes.barh(at, shown, color=GROUPS[0], height=0.6)
    axes.barh(at, rows["expected"].fillna(0.0), color=SAND, height=0.22)
    known = rows["low"].notna() & rows["high"].notna()
    axes.hlines(at[known], rows["low"][known], rows["high"][known], color=INK, lw=1.2)
    for i, value in enumerate(shown):
        edge = np.nanmax([value, rows["high"][i], 0.0])
        axes.annotate(
            f"{value:.3f}, {percent(part[i])}", (edge, i), xytext=(5, 0), textcoords="offset points", va="center",
            color=INK, fontsize=9,
        )  # fmt: skip
    axes.set_yticks(at, words)
    axes.invert_yaxis()
    axes.margins(x=0.22)
    axes.axvline(0, color=GREY, lw=0.7)
    axes.set_xlabel(index)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    return figure


def scale_words(term: str) -> str:
    """Say a term in words.

    >>> scale_words("between_2km_within_4km"), scale_words("within_400m"), scale_words("between_district")
    ('between squares of 2 km within 4 km', 'within squares of 400 m', 'between district')
    """
    words = re.sub(r"(?<![a-z0-9])(\d+(?:\.\d+)?)(k?m)(?![a-z0-9])", r"\1 \2", term.replace("_", " "))
    return re.sub(r"^(between|within) (?=[\d.]+ k?m\b)", r"\1 squares of ", words)
