"""Cells over time, across redrawn borders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from civigrid.cli.app import Json, answer, app, console


@app.command()
def panel(
    file: Annotated[Path, typer.Argument(help="A panel file, as examples/berlin-panel.toml.")],
    folder: Annotated[Path | None, typer.Option("--folder", help="Where results go, instead of the file's.")] = None,
    as_json: Json = False,
) -> None:
    """Bring counts of many periods, each on its own borders, to the same cells; tell change from redrawn borders."""
    from pandas import DataFrame

    from civigrid.run.panel import run_panel

    with console().status("reading") as status:
        found = run_panel(file, folder=folder, announce=status.update)
    table = DataFrame(found["totals"])
    lines = [table.iloc[:, :8].to_string(index=False, float_format=lambda v: f"{v:,.0f}"), ""]
    if (more := len(table.columns) - 8) > 0:
        lines.insert(1, f"and {more} more columns in totals.csv")
    if "crosswalk" in found:
        told = found["crosswalk"]
        lines += [
            f"{told['areas']['old']} areas to {told['areas']['new']}: "
            + ", ".join(f"{n} flows {what}" for what, n in told["flows"].items()),
            f"unchanged areas came out exactly: {'yes' if told['unchanged_areas_exact'] else 'NO'}",
        ]
        for name, by in told["reassigned_persons"].items():
            lines.append(f"{name}: reassigned " + ", ".join(f"{v:,.0f} by {w}" for w, v in by.items()))
    lines += [f"largest mass error {found['worst_mass_error']:.0e}", *found["findings"], *found["files"]]
    answer(found, as_json, "\n".join(lines))
