"""Figures of the report, drawn without a browser."""

from __future__ import annotations

import io
import json

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from civigrid.release.gate import Release

BLUE, GREY, SAND = "#1b4f72", "#8a8f95", "#c2a878"


def interval_figure(table: Release[pd.DataFrame], index: str, *, most: int = 40) -> str:
    """Dots of an index by zone with their intervals, beside what chance alone makes; as SVG text.

    Parameters
    ----------
    table : Release of pandas.DataFrame
        Result table.
    index : str
        Which index, as ``H_multi``.
    most : int
        Zones shown: the largest by persons.
    """
    rows = table.data[(table.data["index"] == index) & (table.data["zone"] != "(none)")]
    # where nothing was corrected the estimate itself stands
    rows = rows.assign(shown=rows["corrected"].fillna(rows["estimate"])).dropna(subset=["shown", "low"])
    rows = rows.nlargest(most, "persons").sort_values("shown")
    figure = Figure(figsize=(8, 1.2 + 0.24 * len(rows)), layout="constrained")
    axes = figure.subplots()
    at = range(len(rows))
    axes.errorbar(
        rows["shown"], at, xerr=[rows["shown"] - rows["low"], rows["high"] - rows["shown"]],
        fmt="o", color=BLUE, ms=4, lw=1, label="with 95 % interval" if rows["corrected"].isna().all() else
        "corrected where that can be, with 95 % interval",
    )  # fmt: skip
    if rows["corrected"].notna().any():
        axes.scatter(rows["estimate"], at, s=14, facecolors="none", edgecolors=GREY, label="as measured")
        axes.scatter(
            rows["expected"], at, s=14, marker="|", color=SAND, label="expected if people were allocated at random"
        )
    axes.set_yticks(list(at), rows["zone"].tolist())
    axes.set_xlim(left=min(0.0, float(rows["low"].min()) if len(rows) else 0.0))
    axes.set_xlabel(index)
    axes.grid(axis="x", lw=0.4)
    figure.legend(loc="outside upper left", fontsize=8, frameon=False, ncols=3)
    return _svg(figure)


def comparison_figure(table: Release[pd.DataFrame]) -> str:
    """Bars of the total allocation error of each projection against its reference; as SVG text."""
    rows = table.data[table.data["index"] == "total_allocation_error"].reset_index(drop=True)
    names = [f"{p['on']} ({p['grid']}, against {p['reference']})" for p in map(json.loads, rows["parameters"])]
    figure = Figure(figsize=(8, 1.0 + 0.5 * len(rows)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(range(len(rows)), 100 * rows["estimate"], color=BLUE, height=0.6)
    axes.bar_label(bars, [f"{100 * e:.1f} %" for e in rows["estimate"]], padding=4)
    axes.set_yticks(range(len(rows)), names)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_xlabel("People placed in the wrong cell, % (total allocation error)")
    axes.spines[["top", "right"]].set_visible(False)
    return _svg(figure)


def _svg(figure: Figure) -> str:
    # no date and no random ids: equal results give equal bytes
    with mpl.rc_context({"svg.hashsalt": "civigrid", "svg.fonttype": "none"}):
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": "civigrid"})
    text = out.getvalue()
    return text[text.index("<svg") :]
