"""The comparisons of archetypes that a report shows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from civigrid.report.drawing import save
from civigrid.report.onestop_figures import pareto_figure
from civigrid.run import config

PERSONS = ("reach", "unserved", "fragility_unmet", "fragility_unmet_mean")
"""Columns of a comparison that count persons."""


def write_comparisons(
    run: config.Run, comparisons: Sequence[tuple[config.Archetypes, pd.DataFrame]], folder: Path
) -> list[tuple[Path, tuple[str, Figure]]]:
    """Draw each comparison of archetypes, persons rounded to the threshold; give the files, and figures with words."""
    step = run.threshold if run.profile == "min-count" else 1
    made = []
    for k, (item, wide) in enumerate(comparisons):
        told = wide.assign(**{name: (wide[name] / step).round() * step for name in PERSONS})
        words = f"Ways to organise services for a {item.persona}, each within {item.budget:,.0f} a year"
        figure = pareto_figure(told, title=words)
        made.append((save(figure, folder / "figures" / f"archetypes-{k + 1}.svg"), (words, figure)))
    return made
