"""Which rows of the results a report shows, and how it names them; all rows are in results.csv."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
import xarray as xr

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


def persona_sentences(table: pd.DataFrame, name: str, cells: xr.Dataset) -> Iterator[str]:
    """Say for each persona what all residents of the cells `name` need, and which group needs most."""
    about = table["parameters"].map(json.loads)
    mine = table[about.map(lambda a: a.get("on") == name and "persona" in a) & (table["zone"] == "all")]
    for persona, rows in mine.groupby(about[mine.index].map(lambda a: a["persona"]), sort=False):
        keys = zip(rows["groups"].astype(str), rows["index"].astype(str), strict=True)
        found = dict(zip(keys, rows["estimate"].astype(float), strict=True))
        yield from _persona(str(persona), found, cells)


def _persona(persona: str, found: Mapping[tuple[str, str], float], cells: xr.Dataset) -> Iterator[str]:
    groups = list(dict.fromkeys(group for group, _ in found))
    everyone = groups[0]
    tour, trips = (found.get((everyone, f"mean:round_{n}"), np.nan) for n in ("chain", "separate"))
    if not (np.isfinite(tour) and np.isfinite(trips)):
        return
    text = f"{persona.capitalize()}: all services take {trips:.0f} minutes of separate trips, or {tour:.0f} on one tour"
    of_groups = {g: found.get((g, "mean:round_chain"), np.nan) for g in groups[1:]}
    known = {g: v for g, v in of_groups.items() if np.isfinite(v)}
    if known:
        worst = max(known, key=lambda g: known[g])
        words = cells[worst].attrs.get("long_name") or worst
        text += f"; {known[worst]:.0f} for {words}, who need most"
    yield f"{text} ({everyone}; means of those who can make the trips, and the tour)."
