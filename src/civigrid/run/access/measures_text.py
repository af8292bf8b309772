"""Measures of access as people read them: the list of all, and the answer of `civigrid access`."""

from __future__ import annotations

import math
from typing import Any

from civigrid.layers.access import DECAYS, MEASURES
from civigrid.layers.access.decay_text import CLASSIC
from civigrid.layers.access.inequality_indices import INEQUALITY
from civigrid.run.access.file_access import described
from civigrid.run.segregation.text import ROWS_SHOWN, aligned

_LOST = {
    "supply_lost": "places at services that nobody reaches, in no score",
    "demand_unserved": "persons who reach no service",
    "unmet": "persons without a place",
}
_DISCLOSURE = (
    "With the profile `min-count`, people compete by the counts that may leave: a count that the profile hides stands "
    "as half of the threshold, and hidden parts of a total that is shown share what the shown parts leave of it, "
    "as the groups are elsewhere. What is published is then made of what is public; a score of a site with one hidden "
    "cell around it tells half of the threshold, not its people. `public-grid` takes counts as they are: it is for "
    "grids that their publisher has protected. Rows of inequality that rest on fewer cells than the threshold, or on "
    "fewer than ten times as many members of a group, have no figures."
)


def listed_measures() -> list[dict[str, str]]:
    """Give each measure of access: name, title, units, better, formula, options, invariants, advice, source."""
    return [described(name) for name in MEASURES]


def measures_text() -> str:
    """Give all measures as lines for a screen, and the decays and indices of inequality there are."""
    rows = [(m["name"], m["title"], m["units"], f"{m['better']} is better", m["source"]) for m in listed_measures()]
    lines = aligned([("measure", "is", "units", "", "source"), *rows], numbers=5, text=5)
    return "\n".join(
        [*lines, "", f"decays      {', '.join([*DECAYS, *CLASSIC])}", f"inequality  {', '.join(INEQUALITY)}"]
    )


def measures_markdown() -> str:
    """Give the documentation of all measures of access."""
    parts = ["# Measures of access", "", "Made by `civigrid access --list --markdown`; do not edit by hand.", ""]
    parts += [
        "*t* minutes, *S* what a site offers, *P* people of a cell, *f* the decay of travel time; *i*, *k* cells, *j*, "
        "*l* sites. A measure that competes rests on counts of people.",
        "",
        "| name | measure | units | better | formula | takes | always holds | source |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for m in listed_measures():
        takes = ", ".join(filter(None, [m["weights"], m["options"], "people" if m["competes"] else ""])) or "times"
        title = m["title"] + (f". {m['advice']}" if m["advice"] else "")
        formula = m["formula"].replace("|", r"\vert ")
        parts.append(
            f"| `{m['name']}` | {title} | {m['units']} | {m['better']} | ${formula}$ | {takes} | {m['invariants']} | "
            f"{m['source']} |"
        )
    parts += ["", "## Decays", "", ", ".join(f"`{name}`" for name in [*DECAYS, *CLASSIC])]
    parts += ["", "Written as `gaussian(sigma_min=10)`, any with `within=45`; times are minutes."]
    parts += [
        "",
        "## Inequality between persons",
        "",
        "| name | index | formula | source |",
        "| --- | --- | --- | --- |",
    ]
    for one in INEQUALITY.values():
        formula = one.formula.replace("|", r"\vert ")
        parts.append(f"| `{one.name}` | {one.title} | ${formula}$ | {one.source} |")
    return "\n".join([*parts, "", "## What may leave", "", _DISCLOSURE]) + "\n"


def access_text(found: dict[str, Any]) -> str:
    """Give the answer of `civigrid.run.access.file_access.access_file` as a table with notes."""
    rows = found["table"]
    head = ("zone", "service", "measure", "groups", "estimate", "95 % interval", "persons", "cells", "note")
    lines = aligned([head, *(_line(row) for row in rows[:ROWS_SHOWN])], numbers=4, text=8)
    if len(rows) > ROWS_SHOWN:
        lines.append(f"... and {len(rows) - ROWS_SHOWN:,} more rows: --out FILE or --json gives all")
    return "\n".join([*lines, "", *_notes(found)])


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    said = row["parameters"]
    interval = f"{_figure(row['low'])} to {_figure(row['high'])}" if math.isfinite(row["low"]) else "-"
    measure = said.get("measure", "")
    name = f"{row['index']} of {measure}" if measure and measure != row["index"] else row["index"]
    groups = row["groups"].replace("|", ", ")
    note = f"{100 * said['share_without_value']:.2g} % of persons have none" if "share_without_value" in said else ""
    note = said.get("undefined", note) or ""
    note = "held back" if not math.isfinite(row["persons"]) else note
    persons = f"{row['persons']:,.0f}" if math.isfinite(row["persons"]) else "-"
    service = "" if said.get("service") == "all" else str(said.get("service", ""))
    return (row["zone"], service, name, groups, _figure(row["estimate"]), interval, persons, f"{row['cells']:,}", note)


def _figure(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else "-"


def _notes(found: dict[str, Any]) -> list[str]:
    notes = [f"{m['name']}: {m['title']}, {m['units']}; {m['better']} is better" for m in found["measures"]]
    notes += [f"advice   {m['name']}: {m['advice']}" for m in found["measures"] if m["advice"]]
    for row in found["table"]:
        if row["index"] in _LOST and "measure" in row["parameters"] and row["estimate"] > 0:
            service = row["parameters"]["service"]
            of = "" if service == "all" else f"{service}, "
            notes.append(f"left out {of}{row['parameters']['measure']}: {row['estimate']:,.6g} {_LOST[row['index']]}")
    size = f"{found['pairs']:,} pairs of {found['cells']:,} cells and {found['sites']:,} services"
    notes.append(f"travel   {found['mode']}; {size}")
    notes += found["findings"]
    notes += [
        f"held back: {n:,} rows of inequality, by {found['profile']}: {why}" for why, n in found["held_back"].items()
    ]
    if hidden := sum(found["suppressed"].values()):
        notes.append(f"{hidden:,} values are hidden in {found['cells_out']}")
    for name, what in (("out", "table"), ("cells_out", "cells")):
        if found[name]:
            notes.append(f"{what} in {found[name]}, by disclosure profile {found['profile']}")
    notes += [f"source   {text}" for text in dict.fromkeys(m["source"] for m in found["measures"])]
    return [*notes, f"{found['seconds']:.1f} s"]
