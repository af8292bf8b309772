"""Layouts of services side by side: what they cost, whom they reach, how unevenly and how surely."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from civigrid.errors import SchemaError
from civigrid.report.drawing import GREY, GROUPS, INK, new_figure, percent
from civigrid.types import Floats

WIDE = 8.0
"""Costs further apart than this, as a ratio, are drawn on a logarithmic axis."""
NEEDED = ("layout", "pareto", "cost", "reach_share", "burden_ede", "fragility_unmet")


def pareto_figure(wide: pd.DataFrame, *, title: str = "", currency: str = "EUR") -> Figure:
    """Draw cost against reach; size tells the burden, hollow what another layout beats.

    Parameters
    ----------
    wide : pandas.DataFrame
        As `civigrid.layers.onestop.comparison.Comparison.wide`: one row by layout.
    title : str
        What was compared.
    currency : str
        Of the costs.

    Returns
    -------
    matplotlib.figure.Figure
        Each layout with its name, burden (equally distributed equivalent, hours a year) and how many lose nearness if
        the worst operator closes.

    Raises
    ------
    SchemaError
        A column is absent, there is no layout, or nobody lives there.
    """
    if lacking := [name for name in NEEDED if name not in wide]:
        raise SchemaError(f"a comparison has the columns {', '.join(NEEDED)}; absent: {', '.join(lacking)}.")
    if not len(wide):
        raise SchemaError("there is no layout to draw.")
    if wide[["reach_share", "burden_ede"]].isna().any(axis=None):
        raise SchemaError("some layout has no reach or burden: no residents were counted. Give a town with people.")
    subtitle = (
        "Further left is cheaper, further up reaches more. Filled: no other layout is at least as good in cost, reach, "
        "burden and fragility and better in one. Size: burden of travel, evened out for inequality."
    )
    figure, (axes,) = new_figure(title or "What each way to organise services costs, and whom it reaches", subtitle,
                                 height=max(4.8, 2.2 + 0.38 * len(wide)))  # fmt: skip
    cost = wide["cost"].to_numpy(dtype=float) / 1000
    reach = wide["reach_share"].to_numpy(dtype=float)
    hours = wide["burden_ede"].to_numpy(dtype=float) / 60
    most = float(np.nanmax(hours)) or 1.0
    front = wide["pareto"].to_numpy(dtype=bool)
    for k in range(len(wide)):
        color = GROUPS[k % len(GROUPS)]
        axes.scatter(
            cost[k], reach[k], s=40 + 260 * hours[k] / most, zorder=2, linewidths=1.6, edgecolors=color,
            facecolors=color if front[k] else "white", alpha=0.85,
        )  # fmt: skip
    if cost.min() > 0 and cost.max() > WIDE * cost.min():
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.12)
    axes.set_ylim(min(-0.02, reach.min() - 0.05), min(1.05, reach.max() * 1.25 + 0.05))
    _labels(axes, wide, cost, reach, hours)
    axes.set_xlabel(f"Cost of provision, thousand {currency} a year")
    axes.set_ylabel("Residents with every service near")
    axes.yaxis.set_major_formatter(lambda value, _: percent(value))
    return figure


def _labels(axes: Axes, wide: pd.DataFrame, cost: Floats, reach: Floats, hours: Floats) -> None:
    """Names to the right, each with a thin line to its point, moved apart upwards where they would touch."""
    low, high = axes.get_ylim()
    order = np.argsort(reach, kind="stable")
    least = 0.11 * (high - low)
    places = np.maximum.accumulate(reach[order] - least * np.arange(len(order))) + least * np.arange(len(order))
    if places[-1] > high:
        # many layouts: their names share the height evenly
        places = np.linspace(low + 0.04 * (high - low), high, len(order))
        least = min(least, 0.96 * (high - low) / len(order))
    right: Any = axes.get_yaxis_transform()
    for k, y in zip(order.tolist(), places.tolist(), strict=True):
        row = wide.iloc[k]
        words = f"{hours[k]:.0f} h a year; {row['fragility_unmet']:,.0f} lose if the worst closes"
        axes.annotate(
            "", (cost[k], reach[k]), (1.02, y), xycoords="data", textcoords=right, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": GREY, "lw": 0.5, "alpha": 0.6},
        )  # fmt: skip
        for text, shift, size, color in ((row["layout"], 0.2, 9.0, INK), (words, -0.24, 7.5, GREY)):
            axes.text(1.03, y + shift * least, text, transform=right, fontsize=size, color=color, va="center")
