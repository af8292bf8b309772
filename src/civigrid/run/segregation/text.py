"""A table of indices as people read it in a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

ROWS_SHOWN = 200
"""More rows than this are left to --out and --json."""
_NUMBERS_FROM, _TEXT_FROM = 3, 9
_CHANCE, _HELD = "chance", "held back"


def table_text(found: dict[str, Any]) -> str:
    """Give the answer of `civigrid.run.segregation.segregation_file` as an aligned table with notes.

    Returns
    -------
    str
        One row per number: estimate, value by chance alone, corrected value, 95 % interval, persons, cells or units;
        then what was noticed and whom to cite.
    """
    rows = found["table"]
    if not rows:
        return "\n".join(["no inhabited cells: nothing to compute", *found["findings"]])
    interval = "least to most" if "bounds" in rows[0]["parameters"] else "95 % interval"
    head = ("zone", "index", "groups", "estimate", "by chance", "corrected", interval, "persons", found["unit"])
    lines = _aligned([(*head, "around", "note"), *(_line(row) for row in rows[:ROWS_SHOWN])])
    if len(rows) > ROWS_SHOWN:
        lines.append(f"... and {len(rows) - ROWS_SHOWN:,} more rows: --out FILE or --json gives all")
    return "\n".join([*lines, "", *_notes(found)])


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    notes = [_CHANCE] * row["unreliable"] + [_HELD] * bool(row["held_back"])
    interval = f"{_figure(row['low'])} to {_figure(row['high'])}" if math.isfinite(row["low"]) else "-"
    figures = [_figure(row[name]) for name in ("estimate", "expected", "corrected")]
    groups = row["groups"].replace("|", ", ")
    groups = groups if len(groups) <= 40 else f"{groups[:37]}..."
    return (row["zone"], row["index"], groups, *figures, interval, f"{row['persons']:,.0f}", f"{row['cells']:,}",
            around_words(row["parameters"]), ", ".join(notes))  # fmt: skip


def _figure(value: float) -> str:
    return f"{value + 0.0:.6f}".replace("-0.000000", "0.000000") if math.isfinite(value) else "-"


def around_words(said: dict[str, Any]) -> str:
    """Whose composition counts, from the parameters of a row; nothing to say of the cell or unit itself.

    >>> around_words({"radius_m": 1000.0, "kernel": "biweight"}), around_words({"k": 1600}), around_words({})
    ('1,000 m biweight', '1,600 nearest', '')
    """
    if "k" in said:
        return f"{said['k']:,} nearest"
    if "radius_m" in said:
        return f"{said['radius_m']:,.0f} m {said.get('kernel', '')}".strip()
    return ""


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Columns side by side, numbers to the right, without those that say nothing."""
    said = [k for k in range(len(rows[0])) if k < _TEXT_FROM or any(row[k] for row in rows[1:])]
    widths = {k: max(len(row[k]) for row in rows) for k in said}
    return [
        "  ".join(
            row[k].rjust(widths[k]) if _NUMBERS_FROM <= k < _TEXT_FROM else row[k].ljust(widths[k]) for k in said
        ).rstrip()
        for row in rows
    ]


def _notes(found: dict[str, Any]) -> list[str]:
    rows, notes = found["table"], list(found["findings"])
    if any(row["unreliable"] for row in rows):
        notes.append(f"{_CHANCE}: chance alone explains more than half of the estimate; small counts make it")
    if any("bounds" in row["parameters"] for row in rows):
        notes.append("limits, no confidence interval: whatever the hidden counts are, the index lies between them")
    noise = {row["parameters"]["noise_variance"] for row in rows if "noise_variance" in row["parameters"]}
    if noise:
        notes.append(f"publisher's noise of variance {max(noise):g} by count is taken out and widens intervals")
    if why := {row["parameters"]["no_correction"] for row in rows if "no_correction" in row["parameters"]}:
        notes.append(f"nothing is corrected: {'; '.join(sorted(why))}")
    if found["held_back"]:
        reasons = sorted({row["held_back"] for row in rows if row["held_back"]})
        left = f"{found['out']} lacks" if found["out"] else "a file of them (--out) would lack"
        notes.append(f"{_HELD}: {left} {found['held_back']} rows, by {found['profile']}: {', '.join(reasons)}")
    if found["local"]:
        hidden = sum(found["suppressed"].values())
        notes.append(f"local measures in {found['local']}" + (f", {hidden:,} values hidden" if hidden else ""))
    if found["out"]:
        notes.append(f"written to {found['out']}, by disclosure profile {found['profile']}")
    cited = "; ".join(source["short"] for source in found["sources"] if source)
    return [*notes, f"sources  {cited}"]
