"""Which rows and figures of a run a report shows, and how it names them; all rows are in results.csv."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from civigrid.report.drawing import save
from civigrid.report.onestop_figures import pareto_figure
from civigrid.run import config
from civigrid.run.segregation.text import around_words

OF_PERSONAS = {
    "mean:round_separate": "separate trips, minutes",
    "mean:round_one_stop": "all at one place, minutes",
    "mean:round_mix": "cheapest mix of places, minutes",
    "mean:round_chain": "shortest tour, minutes",
    "mean:completeness": "bundle completeness",
    "mean:week_one_stop": "share of free time when one place is open for all",
    "hours_saved": "hours one stop saves per person and year",
    "share_beyond:round_chain": "share beyond the threshold, shortest tour",
    "unreachable:round_chain": "persons without any tour",
}
"""Rows of a persona that a report shows, and their words."""


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """Rows that fit a page: of personas the main ones; the neighbourhood or the persona stands beside the index."""
    about = table["parameters"].map(json.loads)
    persona = about.map(lambda a: str(a.get("persona", "")))
    table = table[(persona == "") | table["index"].isin(list(OF_PERSONAS))]
    about, persona = about[table.index], persona[table.index]
    words = about.map(around_words)
    index = table["index"].where(words == "", table["index"] + ", " + words)
    of_persona = persona + ": " + table["index"].map(OF_PERSONAS).fillna("")
    return table.assign(index=index.where(persona == "", of_persona))


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
