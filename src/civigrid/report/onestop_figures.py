"""Layouts of services side by side: what they cost, whom they reach, how unevenly and how surely."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from civigrid.errors import SchemaError
from civigrid.report.drawing import GREY, GROUPS, INK, PALE, new_figure, percent
from civigrid.types import Floats

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
        A column is absent, or there is no layout.
    """
    if lacking := [name for name in NEEDED if name not in wide]:
        raise SchemaError(f"a comparison has the columns {', '.join(NEEDED)}; absent: {', '.join(lacking)}.")
    if not len(wide):
        raise SchemaError("there is no layout to draw.")
    subtitle = (
        "Further left is cheaper, further up reaches more. Filled: no other layout is at least as good in cost, reach, "
        "burden and fragility and better in one. Size: burden of travel, evened out for inequality."
    )
    figure, (axes,) = new_figure(title or "What each way to organise services costs, and whom it reaches", subtitle,
                                 height=4.8)  # fmt: skip
    cost = wide["cost"].to_numpy(dtype=float) / 1000
    reach = wide["reach_share"].to_numpy(dtype=float)
    hours = wide["burden_ede"].to_numpy(dtype=float) / 60
    most = float(np.nanmax(hours)) or 1.0
    front = wide["pareto"].to_numpy(dtype=bool)
    order = np.argsort(cost[front])
    axes.plot(cost[front][order], reach[front][order], color=PALE, linewidth=1.5, zorder=1)
    for k in range(len(wide)):
        color = GROUPS[k % len(GROUPS)]
        axes.scatter(
            cost[k], reach[k], s=40 + 260 * hours[k] / most, zorder=2, linewidths=1.6, edgecolors=color,
            facecolors=color if front[k] else "white", alpha=0.85,
        )  # fmt: skip
    span = max(float(np.ptp(cost)), 1.0)
    axes.set_xlim(cost.min() - 0.12 * span, cost.max() + 0.55 * span)
    axes.set_ylim(min(-0.02, reach.min() - 0.05), min(1.05, reach.max() * 1.25 + 0.05))
    _labels(axes, wide, cost, reach, hours)
    axes.set_xlabel(f"Cost of provision, thousand {currency} a year")
    axes.set_ylabel("Residents with every service near")
    axes.yaxis.set_major_formatter(lambda value, _: percent(value))
    return figure


def _labels(axes: Axes, wide: pd.DataFrame, cost: Floats, reach: Floats, hours: Floats) -> None:
    """Names beside the points, moved apart upwards where they would touch."""
    low, high = axes.get_ylim()
    least, taken = 0.085 * (high - low), list[float]()
    for k in np.argsort(reach):
        y = reach[k]
        while any(abs(y - other) < least for other in taken):
            y += least / 4
        taken.append(y)
        lost = wide["fragility_unmet"].iloc[k]
        row = wide.iloc[k]
        axes.annotate(
            f"{row['layout']}\n", (cost[k], reach[k]), (cost.max() + 0.08 * float(np.ptp(cost) or 1), y),
            fontsize=9, color=INK, va="center", arrowprops={"arrowstyle": "-", "color": PALE, "lw": 0.8},
            annotation_clip=False,
        )  # fmt: skip
        axes.annotate(
            f"{hours[k]:.0f} h a year; {lost:,.0f} lose if the worst closes",
            (cost.max() + 0.08 * float(np.ptp(cost) or 1), y - least * 0.22), fontsize=7.5, color=GREY, va="center",
            annotation_clip=False,
        )  # fmt: skip
