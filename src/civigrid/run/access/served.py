"""Whom each site serves, and who would lose if it closed: as a table, and in words for the map."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd

from civigrid.layers.onestop.access import OneStop
from civigrid.layers.onestop.explain import explain_site
from civigrid.layers.onestop.services import Services
from civigrid.types import Floats


def served_table(found: OneStop, services: Services, people: Mapping[str, Floats]) -> pd.DataFrame:
    """Give what `explain_site` says of every site that anybody is nearest to.

    Parameters
    ----------
    found : OneStop
        What a persona needs, by one mode.
    services : Services
        What it was computed for.
    people : mapping of str to ndarray, shape (cell,)
        Persons by group, everyone first.

    Returns
    -------
    pandas.DataFrame
        Columns ``site_id, persona, service, group, persons, only, extra_minutes``.
    """
    names = found.times.site_id
    nearest = np.unique(found.patterns.nearest_site)
    tables = [
        explain_site(str(names[j]), found, services, people).assign(site_id=str(names[j])) for j in nearest if j >= 0
    ]
    columns = ["site_id", "service", "group", "persons", "only", "extra_minutes"]
    whole = pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)
    return whole.assign(persona=found.persona.name)


def served_sites(table: pd.DataFrame, sites: gpd.GeoDataFrame, threshold: int) -> gpd.GeoDataFrame:
    """Give the sites with words of whom they serve; persons below the threshold are not told, others rounded to it."""
    words = {}
    for site, rows in table.groupby("site_id", sort=False):
        lines = [_line(str(service), part, threshold) for service, part in rows.groupby("service", sort=False)]
        words[str(site)] = "; ".join(filter(None, lines))
    told = sites[sites.index.astype(str).isin([s for s, text in words.items() if text])]
    return told.assign(served=[words[str(i)] for i in told.index])


def _line(service: str, rows: pd.DataFrame, threshold: int) -> str:
    """Nearest one for so many; of them by group; who would have none, and how much longer the others would need."""
    persons = zip(rows["group"].astype(str), rows["persons"].astype(float), strict=True)
    counts = {group: _told(n, threshold) for group, n in persons}
    everyone = next(iter(counts))
    if not counts[everyone]:
        return ""
    others = ", ".join(f"{n} {group}" for group, n in list(counts.items())[1:] if n)
    first = rows.iloc[0]
    only = _told(float(first["only"]), threshold)
    lost = f"; {only} would have none" if only else ""
    extra = float(first["extra_minutes"])
    longer = f"; {extra:.0f} minutes more to the next" if np.isfinite(extra) and counts[everyone] else ""
    return (
        f"nearest {service.replace('_', ' ')} of {counts[everyone]}"
        + (f" ({others})" if others else "")
        + lost
        + longer
    )


def _told(persons: float, threshold: int) -> str:
    if persons < max(threshold, 1):
        return ""
    step = max(threshold, 1)
    return f"{round(persons / step) * step:,}"
