"""Areas in several countries: what indices may say of them, where "born in the country" means two things."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import pandas as pd
import xarray as xr

from civigrid.errors import SchemaError
from civigrid.layers.segregation.reference import Reference, check_reference, reference_table, relative_groups
from civigrid.run.segregation.people import People


def spanning_areas(people: People, reference: Reference) -> dict[str, list[str]]:
    """Give the areas, the whole as "all", in which groups mean several things, with their countries.

    Raises
    ------
    SchemaError
        There are some, and no reference is declared.
    """
    if not relative_groups(people.groups):
        return {}
    try:
        found = check_reference(people.cells, people.groups, reference=reference)
        if people.zone:
            found |= check_reference(people.cells, people.groups, zone=people.zone, reference=reference)
    except SchemaError as error:
        # a command and a run file declare it in other words than a call
        text = re.sub(r"reference='(\w+)'", r"--reference \1", str(error))
        raise SchemaError(f'{text} In a run file: reference = "country", or "whole".') from error
    return found


def refuse_neighbours(spanning: Mapping[str, object], options: tuple[str, ...]) -> None:
    """Refuse neighbourhoods that reach across a border where each country has its own reference."""
    if spanning and options:
        raise SchemaError(
            f"{', '.join(options)}: neighbourhoods reach across the border, where the groups mean others. Declare the "
            "reference 'whole', or take the cells of one country."
        )


def by_reference(table: pd.DataFrame, spanning: Mapping[str, list[str]], reference: Reference) -> pd.DataFrame:
    """Say the reference in rows of areas that several countries report; by "country" such rows are left out."""
    rows = table["zone"].isin(list(spanning))
    if not rows.any():
        return table
    if reference == "country":
        return table[~rows].reset_index(drop=True)

    def said(zone: str, text: str) -> str:
        about = json.loads(text)
        return json.dumps(about | {"reference": "whole", "countries": spanning[zone]}, ensure_ascii=False)

    changed = table.copy()
    changed.loc[rows, "parameters"] = [
        said(zone, text) for zone, text in zip(table["zone"][rows], table["parameters"][rows], strict=True)
    ]
    return changed


def country_table(people: People) -> pd.DataFrame:
    """Divergence of the whole, and of each zone, from the compositions of their own countries."""
    cells: xr.Dataset = people.cells
    tables = [
        reference_table(cells, people.groups, total=people.total, zone=zone, reference="country")
        for zone in dict.fromkeys(("", people.zone))
    ]
    return pd.concat(tables, ignore_index=True)
