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
    lines = aligned([(*head, "around", "note"), *(_line(row) for row in rows[:ROWS_SHOWN])])
    if len(rows) > ROWS_SHOWN:
        lines.append(f"... and {len(rows) - ROWS_SHOWN:,} more rows: --out FILE or --json gives all")
    return "\n".join([*lines, "", *_notes(found)])


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    notes = [_CHANCE] * row["unreliable"] + [_HELD] * bool(row["held_back"])
    if "p" in row["parameters"]:
        notes.append(f"p {row['parameters']['p']:.2g}")
    interval = f"{figure_words(row['low'])} to {figure_words(row['high'])}" if math.isfinite(row["low"]) else "-"
    figures = [figure_words(row[name]) for name in ("estimate", "expected", "corrected")]
    groups = row["groups"].replace("|", ", ")
    groups = groups if len(groups) <= 40 else f"{groups[:37]}..."
    return (row["zone"], row["index"], groups, *figures, interval, f"{row['persons']:,.0f}", f"{row['cells']:,}",
            around_words(row["parameters"]), ", ".join(notes))  # fmt: skip


def figure_words(value: float) -> str:
    """Write a figure with six digits, or a dash where there is none."""
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


def aligned(rows: Sequence[tuple[str, ...]], numbers: int = _NUMBERS_FROM, text: int = _TEXT_FROM) -> list[str]:
    """Set columns side by side, those from `numbers` to before `text` to the right, without texts that say nothing."""
    said = [k for k in range(len(rows[0])) if k < text or any(row[k] for row in rows[1:])]
    widths = {k: max(len(row[k]) for row in rows) for k in said}
    return [
        "  ".join(row[k].rjust(widths[k]) if numbers <= k < text else row[k].ljust(widths[k]) for k in said).rstrip()
        for row in rows
    ]


def _notes(found: dict[str, Any]) -> list[str]:
    rows, notes = found["table"], list(found["findings"])
    notes += _reasons(rows)
    notes += hidden_words(found, rows)
    if found["local"]:
        notes.append(f"local measures in {found['local']}{_hidden_values(found)}")
    if found["figure"]:
        notes.append(f"figure in {found['figure']}, by disclosure profile {found['profile']}")
    if found["out"]:
        notes.append(f"written to {found['out']}, by disclosure profile {found['profile']}")
    cited = "; ".join(source["short"] for source in found["sources"] if source)
    return [*notes, f"sources  {cited}"]


def _hidden_values(found: dict[str, Any]) -> str:
    """Say how much of the local measures is hidden, and when all may be told."""
    hidden, values = sum(found["suppressed"].values()), found["local_values"]
    if not hidden:
        return ""
    return (
        f": {hidden:,} of {values:,} values hidden ({hidden / values:.0%}), by {found['profile']}; --profile "
        "public-grid hides none: it is for grids that their publisher has protected already"
    )


def hidden_words(found: dict[str, Any], rows: Sequence[dict[str, Any]]) -> list[str]:
    """Say which rows a file lacks, and why."""
    if not found["held_back"]:
        return []
    reasons = sorted({row["held_back"] for row in rows if row["held_back"]})
    left = f"{found['out']} lacks" if found["out"] else "a file of them (--out) would lack"
    return [f"{_HELD}: {left} {found['held_back']} rows, by {found['profile']}: {', '.join(reasons)}"]


def _reasons(rows: Sequence[dict[str, Any]]) -> list[str]:
    """What words and gaps of the table mean."""
    notes = []
    if any(row["unreliable"] for row in rows):
        notes.append(f"{_CHANCE}: chance alone explains more than half of what the index shows beyond evenness")
    if alone := {f"{row['parameters']['radius_m']:,.0f} m" for row in rows if "reaches" in row["parameters"]}:
        notes.append(
            f"warning: no other cell within {', '.join(sorted(alone))}: these rows are of the cells themselves"
        )
    if any("bounds" in row["parameters"] for row in rows):
        notes.append("limits, no confidence interval: whatever the hidden counts are, the index lies between them")
    noise = {row["parameters"]["noise_variance"] for row in rows if "noise_variance" in row["parameters"]}
    if noise:
        notes.append(f"publisher's noise of variance {max(noise):g} by count is taken out and widens intervals")
    if why := {row["parameters"]["no_correction"] for row in rows if "no_correction" in row["parameters"]}:
        notes.append(f"nothing is corrected: {'; '.join(sorted(why))}")
    if tested := [row["parameters"] for row in rows if "permutations" in row["parameters"]]:
        draws = tested[0]["permutations"]
        notes.append(f"p: how likely chance alone makes it as extreme, of {draws:,} allocations, margins fixed")
    if why := {row["parameters"]["not_told"] for row in rows if "not_told" in row["parameters"]}:
        notes.append(f"no ratio of scales: {'; '.join(sorted(why))}")
    if spans := {", ".join(row["parameters"]["countries"]) for row in rows if row["parameters"].get("countries")}:
        codes = max(spans, key=len)
        notes.append(f"an area lies in {codes}: groups relative to a country mean others on either side of a border")
    return notes
