"""The Pareto figure of layouts: every name is there, none over another, and a lacking column is told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from civigrid.errors import SchemaError
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


def test_what_lacks_is_told():
    """A column, or any layout."""
    with pytest.raises(SchemaError, match="absent: cost"):
        pareto_figure(layouts(3).drop(columns="cost"))
    with pytest.raises(SchemaError, match="no layout"):
        pareto_figure(layouts(0))
