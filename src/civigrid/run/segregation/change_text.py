"""What changed, as people read it in a terminal."""

from __future__ import annotations

import math
from typing import Any

from civigrid.run.segregation.text import ROWS_SHOWN, aligned, figure_words, hidden_words

_NUMBERS = (3, 7)


def change_text(found: dict[str, Any]) -> str:
    """Give the answer of `civigrid.run.segregation.change.change_files` as an aligned table with notes."""
    rows = found["table"]
    head = ("zone", "index", "groups", "estimate", "corrected", "95 % interval", "z", "note")
    lines = aligned([head, *(_line(row) for row in rows[:ROWS_SHOWN])], *_NUMBERS)
    if len(rows) > ROWS_SHOWN:
        lines.append(f"... and {len(rows) - ROWS_SHOWN:,} more rows: --out FILE or --json gives all")
    notes = [f"{found['after']} less {found['before']}", *found["findings"]]
    if tests := sorted({row["parameters"]["test"] for row in rows if "test" in row["parameters"]}):
        asked = {"permutation": "in every unit both files have one composition", "bootstrap": "the values are equal"}
        notes += [f"p by {test}, two-sided: whether {asked.get(test, 'both are equal')}" for test in tests]
        notes.append("z: whether the corrected values are equal; the two questions may have two answers")
    elif any("p_z" in row["parameters"] for row in rows):
        notes.append("p is that of z, two-sided; --draws N adds a test by drawing")
    notes += sorted(
        {f"not split: {row['parameters']['not_split']}" for row in rows if "not_split" in row["parameters"]}
    )
    if any(row["index"].endswith("_structural") for row in rows):
        notes.append(
            "terms sum to the difference: units only in the second (additions) and only in the first (removals), sizes "
            "of groups, sizes of units, and what is left: where people live (structural)"
        )
    notes += hidden_words(found, rows)
    if found["figure"]:
        notes.append(f"figure in {found['figure']}, by disclosure profile {found['profile']}")
    if found["out"]:
        notes.append(f"written to {found['out']}, by disclosure profile {found['profile']}")
    return "\n".join([*lines, "", *notes, f"sources  {'; '.join(source['short'] for source in found['sources'])}"])


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    said = row["parameters"]
    groups = row["groups"].replace("|", ", ")
    interval = f"{figure_words(row['low'])} to {figure_words(row['high'])}" if math.isfinite(row["low"]) else "-"
    notes = ["term" if said.get("addend") else "", "held back" if row["held_back"] else ""]
    p = said.get("p", said.get("p_z"))
    notes.append(f"p {p:.2g}" if p is not None else "")
    z = said.get("z")
    return (
        row["zone"],
        row["index"],
        groups if len(groups) <= 40 else f"{groups[:37]}...",
        figure_words(row["estimate"]),
        figure_words(row["corrected"]),
        interval,
        f"{z:.2f}" if z is not None else "",
        ", ".join(filter(None, notes)),
    )
