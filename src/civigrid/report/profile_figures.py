"""Figures of scale and of time: an index against the size of neighbourhoods, and what changed it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from civigrid.errors import SchemaError
from civigrid.report.drawing import GREY, GROUPS, INK, PALE, SAND, Mark, label_ends, new_figure
from civigrid.types import Floats

Over = Literal["radius_m", "k"]
TERMS = {
    "additions": "areas that were added", "removals": "areas that went", "group_marginal": "size of the groups",
    "unit_marginal": "size of the areas", "structural": "where people live, all else equal",
    "composition": "shares of the groups", "spatial": "where people live",
}  # fmt: skip
"""What the terms of a difference are called: five over time (Elbers 2023), two between cities (Rey et al. 2021)."""
FIRST = ("before", "first")


def profile_rows(table: pd.DataFrame, index: str, over: Over, zone: str = "all") -> pd.DataFrame:
    """Give the rows of an index that lie on a profile, with the column `at`: radius in km, or persons; sorted."""
    rows = table[(table["index"] == index) & (table["zone"] == zone)]
    at = [json.loads(p or "{}").get(over) for p in rows["parameters"]]
    rows = rows.assign(at=pd.to_numeric(pd.Series(at, index=rows.index), errors="coerce")).dropna(subset=["at"])
    if over == "radius_m":
        rows = rows.assign(at=rows["at"] / 1000)
    if not len(rows):
        raise SchemaError(f"the table has no {index} with {over} in its parameters, in zone {zone!r}.")
    order = rows["groups"].map({g: i for i, g in enumerate(rows["groups"].unique())})
    return rows.assign(order=order).sort_values(["order", "at"], kind="stable", ignore_index=True)


def profile_figure(
    table: pd.DataFrame,
    index: str,
    *,
    over: Over = "radius_m",
    zone: str = "all",
    maup: pd.DataFrame | None = None,
    words: Mapping[str, str] | None = None,
    title: str = "",
) -> Figure:
    """Draw an index against the radius of neighbourhoods, or against the number of nearest persons.

    Parameters
    ----------
    table : pandas.DataFrame
        Result table with ``radius_m`` or ``k`` in its parameters.
    index : str
        Which index.
    over : {"radius_m", "k"}
        What neighbourhoods grow by.
    zone : str
        Which zone.
    maup : pandas.DataFrame, optional
        Of `maup_table`, for a profile over radii: how far moving the grid's origin moves the index of square cells, in
        parts of its median, drawn around the line at the radius of a disc as large as the cell.
    words : mapping of str to str, optional
        What groups are called.
    title : str
        By default how the first group's index falls.

    Returns
    -------
    matplotlib.figure.Figure
        Lines: corrected for chance (where nothing is corrected, as measured); bands: 95 % interval; broken lines: as
        measured; sand: what chance alone makes, at most of any group shown.  Radius 0, the cell itself, stands at the
        left border.
    """
    rows = profile_rows(table, index, over, zone)
    rows = rows.assign(shown=rows["corrected"].fillna(rows["estimate"]))
    names = rows["groups"].unique().tolist()
    called = {n: (words or {}).get(n, "all groups" if "|" in n else str(n)) for n in names}
    first = rows[rows["groups"] == names[0]]
    unit = "km" if over == "radius_m" else "nearest persons"
    fall = f"{called[names[0]]}: {index} {first['shown'].iloc[0]:.3f} at {_words(first['at'].iloc[0], over)}"
    bands = "; hatched: 90 % of grid origins" if maup is not None else ""
    figure, (axes,) = new_figure(
        title or f"{fall}, {first['shown'].iloc[-1]:.3f} at {_words(first['at'].iloc[-1], over)}",
        f"Line: freed of chance, with 95 % interval; broken: as measured; sand: chance alone{bands}.",
        height=4.2,
    )
    place, ticks, labels = _scale(np.unique(rows["at"]), over)
    chance = rows.groupby("at")["expected"].max()
    if chance.notna().any():
        axes.fill_between([place[a] for a in chance.index], 0, chance, color=SAND, alpha=0.35, lw=0)
    ends = []
    for k, name in enumerate(names):
        of, color = rows[rows["groups"] == name], GROUPS[k % len(GROUPS)]
        x = [place[a] for a in of["at"]]
        axes.fill_between(x, of["low"], of["high"], color=color, alpha=0.18, lw=0)
        axes.plot(x, of["shown"], color=color, lw=1.8, marker="o", ms=3.5)
        if of["corrected"].notna().any():
            axes.plot(x, of["estimate"], color=color, lw=0.9, ls=(0, (4, 2)))
        if maup is not None:
            _origins(axes, maup, (index, name, zone), (np.array(x), of["shown"].to_numpy()), color)
        ends.append(Mark((x[-1], float(of["shown"].iloc[-1])), called[name], color))
    axes.set_xscale("log")
    axes.set_xticks(ticks, labels)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(bottom=min(0.0, float(rows["low"].min()) if rows["low"].notna().any() else 0.0))
    axes.grid(axis="y", lw=0.4, color=PALE)
    axes.set(xlabel=f"Radius of neighbourhoods, {unit}" if over == "radius_m" else "Nearest persons", ylabel=index)
    label_ends(axes, ends)
    return figure


def _words(at: float, over: Over) -> str:
    if over == "k":
        return f"{at:,.0f} persons"
    return f"{at:g} km" if at > 0 else "the cell itself"


def _scale(values: Floats, over: Over) -> tuple[dict[float, float], list[float], list[str]]:
    """Where values stand on a logarithmic axis, and its ticks; 0, the cell itself, one step left of the smallest."""
    above = values[values > 0]
    step = float(above[1] / above[0]) if len(above) > 1 else 2.0
    left = float(above[0]) / max(step, 1.5) if len(above) else 1.0
    place = {float(v): float(v) if v > 0 else left for v in values}
    # numbers of persons are long words
    most = 9 if over == "radius_m" else 5
    some = values if len(values) <= most else values[np.unique(np.linspace(0, len(values) - 1, most).astype(int))]
    labels = [("cell" if v == 0 else f"{v:g}") if over == "radius_m" else f"{v:,.0f}" for v in some]
    return place, [place[float(v)] for v in some], labels


def _origins(axes: Axes, maup: pd.DataFrame, of: tuple[str, str, str], line: tuple[Floats, Floats], color: str) -> None:
    """Hatch what 90 % of the origins do around the line, where radii and cell sizes meet."""
    index, groups, zone = of
    rows = maup[(maup["index"] == index) & (maup["groups"] == groups) & (maup["zone"] == zone)]
    about = [json.loads(p) for p in rows["parameters"]]
    found = [
        (a["size_m"] / 1000 / np.sqrt(np.pi), a["p5"] / e, a["p95"] / e)
        for a, e in zip(about, rows["estimate"], strict=True)
        if a.get("division") == "squares" and e > 0
    ]
    x, shown = line
    if len(found) < 2 or len(x) < 2:
        return
    radius, low, high = np.array(sorted(found)).T
    at = np.linspace(np.log(max(radius[0], x[0])), np.log(min(radius[-1], x[-1])), 60)
    if at[-1] <= at[0]:
        return
    middle = np.interp(at, np.log(x), shown)
    least, most = (middle * np.interp(at, np.log(radius), edge) for edge in (low, high))
    axes.fill_between(np.exp(at), least, most, facecolor="none", edgecolor=color, hatch="//////", lw=0, alpha=0.8)


def difference_figure(
    table: pd.DataFrame,
    index: str,
    *,
    zone: str = "all",
    groups: str = "",
    names: tuple[str, str] = ("before", "after"),
    terms: Sequence[str] = tuple(TERMS),
    words: Mapping[str, str] | None = None,
    title: str = "",
) -> Figure:
    """Draw what changed an index: its Shapley terms as steps from the first value to the second.

    Parameters
    ----------
    table : pandas.DataFrame
        Result table with an index for each term, as ``M_before, M_after, M_structural``, or the ``term`` in its
        parameters.  Where the first value (``before``, ``first``) is absent, steps start at 0.
    index : str
        Which index.
    zone : str
        Which zone.
    groups : str
        Which groups; by default the first that the table has.
    names : tuple of str
        What the two times or places are called.
    terms : sequence of str
        Terms in their order; those that the table lacks are left out.
    words : mapping of str to str, optional
        What terms are called.
    title : str
        By default the largest term.

    Notes
    -----
    Elbers (2023), Sociol. Methods Res. 52, 5-42: five terms that sum to the difference.
    """
    found = _terms(table[table["zone"] == zone], index, groups)
    shown = [t for t in terms if t in found]
    if not shown:
        raise SchemaError(
            f"the table has no terms of {index} in zone {zone!r}: its parameters name none of {list(terms)}."
        )
    called = {**TERMS, **(words or {})}
    steps = np.array([float(found[t]["estimate"]) for t in shown])
    start = next((float(found[t]["estimate"]) for t in FIRST if t in found), 0.0)
    end = start + float(steps.sum())
    largest = int(np.nanargmax(np.abs(steps)))
    figure, (axes,) = new_figure(
        title or _difference_title(index, found, end - start, called.get(shown[largest], shown[largest])),
        "Steps add up to the difference (Shapley values); whiskers: 95 % interval, freed of bias.",
        height=1.9 + 0.42 * (len(shown) + 2),
    )
    labels = [names[0], *(called.get(t, t) for t in shown), names[1]]
    at = start
    axes.barh(0, start, color=GREY, height=0.6)
    for i, (term, step) in enumerate(zip(shown, steps, strict=True), start=1):
        color = GROUPS[1] if step >= 0 else GROUPS[0]
        axes.barh(i, step, left=at, color=color, height=0.6)
        axes.plot([at, at], [i - 1.3, i + 0.3], color=GREY, lw=0.6)
        low, high = (float(found[term][c]) for c in ("low", "high"))
        if np.isfinite(low) and np.isfinite(high):
            axes.plot([at + low, at + high], [i, i], color=INK, lw=1.2)
        edge = at + max(step, 0.0, high if np.isfinite(high) else 0.0)
        axes.annotate(
            _signed(step), (edge, i), xytext=(5, 0), textcoords="offset points", va="center", color=color, fontsize=9
        )
        at += step
    axes.plot([at, at], [len(shown) - 0.3, len(shown) + 1.3], color=GREY, lw=0.6)
    axes.barh(len(labels) - 1, end, color=GREY, height=0.6)
    for i, value in ((0, start), (len(labels) - 1, end)):
        axes.annotate(f"{value:.4f}", (value, i), xytext=(5, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_yticks(range(len(labels)), labels)
    axes.invert_yaxis()
    axes.set_xlabel(index)
    _cut_axis(axes, start, steps, end)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    return figure


def _terms(table: pd.DataFrame, index: str, groups: str) -> dict[str, pd.Series]:
    """Rows of one index's terms by name: the parameters name it, or the index ends in it."""
    found: dict[str, pd.Series] = {}
    for _, row in table.iterrows():
        name = str(row["index"])
        term = json.loads(row["parameters"] or "{}").get("term") if name == index else name.removeprefix(f"{index}_")
        wanted = groups or next((str(r["groups"]) for r in found.values()), str(row["groups"]))
        if term and term != name and str(row["groups"]) == wanted and term in (*TERMS, *FIRST, "difference"):
            found.setdefault(str(term), row)
    return found


def _difference_title(index: str, found: Mapping[str, Any], change: float, largest: str) -> str:
    """Say how far apart, to the digits that are told, and whether it may be nothing."""
    whole = found.get("difference")
    value = float(whole["estimate"]) if whole is not None else change
    if abs(value) < 5e-5:
        return f"{index} is the same in both"
    sure = ""
    if whole is not None and np.isfinite(float(whole["low"])) and float(whole["low"]) <= 0 <= float(whole["high"]):
        sure = ", but may be equal (its 95 % interval holds 0)"
    where = "higher" if value > 0 else "lower"
    return f"{index} is {abs(value):.2g} {where} in the second{sure}; most by: {largest}"


def _signed(step: float) -> str:
    return f"{step:+.4f}".replace("-", "−") if abs(step) >= 5e-5 else "0"


def _cut_axis(axes: Axes, start: float, steps: Floats, end: float) -> None:
    """Let small steps on large values be seen: the axis starts above 0 then, and says so."""
    path = np.append(start, start + np.cumsum(steps))
    reach: Any = max(path.max(), end) - min(path.min(), end)
    low = min(path.min(), end)
    if start > 0 and 0 < reach < 0.35 * low:
        axes.set_xlim(low - 0.6 * reach, path.max() + 0.5 * reach)
        axes.set_xlabel(f"{axes.get_xlabel()} (the axis does not start at 0)")
    else:
        axes.margins(x=0.15)
