"""Figures of the report, drawn without a browser."""

from __future__ import annotations

import io
import json

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from civigrid.release.gate import Release
from civigrid.report.numbers import percent_words
from civigrid.report.phrases import phrases

BLUE, GREY, SAND = "#1b4f72", "#8a8f95", "#c2a878"


def interval_figure(table: Release[pd.DataFrame], index: str, *, most: int = 40, lang: str = "en") -> str:
    """Dots of an index by zone with their intervals, beside what chance alone makes; as SVG text.

    Parameters
    ----------
    table : Release of pandas.DataFrame
        Result table.
    index : str
        Which index, as ``H_multi``.
    most : int
        Zones shown: the largest by persons.
    lang : str
        Language of its words.
    """
    says = phrases(lang)["figures"]
    rows = table.data[(table.data["index"] == index) & (table.data["zone"] != "(none)")]
    # where nothing was corrected the estimate itself stands
    rows = rows.assign(shown=rows["corrected"].fillna(rows["estimate"])).dropna(subset=["shown", "low"])
    rows = rows.nlargest(most, "persons").sort_values("shown")
    figure = Figure(figsize=(8, 1.1 + 0.3 * max(len(rows), 2)), layout="constrained")
    axes = figure.subplots()
    at = range(len(rows))
    axes.errorbar(
        rows["shown"], at, xerr=[rows["shown"] - rows["low"], rows["high"] - rows["shown"]],
        fmt="o", color=BLUE, ms=4, lw=1,
        label=says["interval"] if rows["corrected"].isna().all() else says["corrected"],
    )  # fmt: skip
    if rows["corrected"].notna().any():
        axes.scatter(rows["estimate"], at, s=14, facecolors="none", edgecolors=GREY, label=says["measured"])
        axes.scatter(rows["expected"], at, s=14, marker="|", color=SAND, label=says["expected"])
    axes.set_yticks(list(at), rows["zone"].tolist())
    axes.set_ylim(-0.7, max(len(rows), 1) - 0.3)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(left=False)
    axes.set_xlim(left=min(0.0, float(rows["low"].min()) if len(rows) else 0.0))
    axes.set_xlabel(says["index"].format(index=index))
    axes.grid(axis="x", lw=0.4)
    figure.legend(loc="outside upper left", fontsize=8, frameon=False, ncols=3)
    return _svg(figure)


def comparison_figure(table: Release[pd.DataFrame], lang: str = "en") -> str:
    """Bars of the total allocation error of each projection against its reference; as SVG text."""
    says = phrases(lang)["figures"]
    rows = table.data[table.data["index"] == "total_allocation_error"].reset_index(drop=True)
    names = [
        f"{p['on']}\n{says['against'].format(reference=p['reference'])}" for p in map(json.loads, rows["parameters"])
    ]
    figure = Figure(figsize=(8, 1.0 + 0.5 * len(rows)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(range(len(rows)), 100 * rows["estimate"], color=BLUE, height=0.6)
    axes.bar_label(bars, [percent_words(e, lang) for e in rows["estimate"]], padding=4)
    axes.set_yticks(range(len(rows)), names)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_xlabel(says["wrong"])
    axes.spines[["top", "right"]].set_visible(False)
    return _svg(figure)


def _svg(figure: Figure) -> str:
    # no date and no random ids: equal results give equal bytes
    with mpl.rc_context({"svg.hashsalt": "civigrid", "svg.fonttype": "none"}):
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": "civigrid"})
    text = out.getvalue()
    return text[text.index("<svg") :]
