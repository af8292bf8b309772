"""The Pareto figure of layouts: every name is there, none over another, what is beaten is hollow, faults are told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from service_towns import a_town

from civigrid.errors import SchemaError
from civigrid.layers.onestop.archetypes import neighbourhood_points, one_hub
from civigrid.layers.onestop.comparison import compare
from civigrid.layers.onestop.siting import Plan
from civigrid.report.drawing import figure_bytes
from civigrid.report.onestop_figures import pareto_figure


def layouts(n):
    """Some layouts, many of them alike."""
    rng = np.random.default_rng(n)
    return pd.DataFrame(
        {
            "layout": [f"layout {k}" for k in range(n)],
            "pareto": rng.random(n) < 0.5,
            "cost": np.geomspace(1e5, 3e6, n),
            "reach_share": np.round(rng.random(n), 1),
            "burden_ede": rng.uniform(1000, 3000, n),
            "fragility_unmet": rng.integers(0, 5000, n).astype(float),
        }
    )


@pytest.mark.parametrize("n", [1, 4, 11])
def test_every_layout_is_named_and_no_name_hides_another(n):
    """For one, few and many."""
    figure = pareto_figure(layouts(n))
    axes = figure.axes[0]
    figure.canvas.draw()
    names = [t for t in axes.texts if t.get_text().startswith("layout")]
    assert len(names) == n
    y = np.sort([t.get_window_extent().y0 for t in names])
    tall = names[0].get_window_extent().height
    assert n == 1 or np.diff(y).min() > tall
    assert max(t.get_window_extent().y1 for t in names) < figure.bbox.height * 0.93
    assert figure_bytes(figure, ".svg") == figure_bytes(pareto_figure(layouts(n)), ".svg")


def wide(**more):
    """Three layouts; the last is beaten by the first in everything."""
    table = pd.DataFrame({
        "layout": ["hub", "points", "worse"], "pareto": [True, True, False], "cost": [400e3, 900e3, 500e3],
        "reach_share": [0.4, 0.8, 0.3], "burden_ede": [1200.0, 900.0, 1800.0],
        "fragility_unmet": [4000.0, 700.0, 4100.0],
    })  # fmt: skip
    return table.assign(**more)


def words_of(figure):
    """Every word in the figure."""
    return " ".join(t.get_text() for axes in figure.axes for t in axes.texts)


def test_places_sizes_and_fill_tell_the_numbers():
    """Cost across, reach up, a larger burden larger, hollow where another layout is better in all."""
    (axes,) = (figure := pareto_figure(wide())).axes
    marks = axes.collections
    places = [tuple(m.get_offsets()[0]) for m in marks]
    sizes = [float(m.get_sizes()[0]) for m in marks]
    filled = [tuple(m.get_facecolor()[0][:3]) != to_rgba("white")[:3] for m in marks]

    assert places == [(400, 0.4), (900, 0.8), (500, 0.3)]
    assert np.argsort(sizes).tolist() == [1, 0, 2]
    assert filled == [True, True, False]
    for words in ("hub", "points", "worse", "20 h a year", "4,000 lose if the worst closes"):
        assert words in words_of(figure)


def test_costs_far_apart_are_drawn_as_ratios():
    """A point that costs a hundredth does not press the others together."""
    assert pareto_figure(wide(cost=[1e4, 9e5, 1e6])).axes[0].get_xscale() == "log"
    assert pareto_figure(wide()).axes[0].get_xscale() == "linear"


def test_equal_comparisons_are_equal_bytes():
    """A real comparison, drawn twice; nobody in the town is no reason to fail."""
    town = a_town(cells=30)
    plan = Plan(budget=2e6)
    layouts = [one_hub(town, plan), neighbourhood_points(town, plan)]
    found = compare(town, layouts, plan.costs).wide
    empty = compare(type(town)(**{**vars(town), "persons": town.persons * 0}), layouts, plan.costs).wide

    assert figure_bytes(pareto_figure(found), ".svg") == figure_bytes(pareto_figure(found.copy()), ".svg")
    assert figure_bytes(pareto_figure(found), ".png")[:4] == b"\x89PNG"
    with pytest.raises(SchemaError, match="no residents"):
        pareto_figure(empty)


def test_what_lacks_is_told():
    """A column, or any layout."""
    with pytest.raises(SchemaError, match="absent: cost"):
        pareto_figure(layouts(3).drop(columns="cost"))
    with pytest.raises(SchemaError, match="no layout"):
        pareto_figure(layouts(0))
