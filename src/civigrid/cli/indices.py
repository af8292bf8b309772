"""The command that lists every index of segregation."""

from __future__ import annotations

from typing import Annotated

import typer

from civigrid.cli.app import Json, answer, app


@app.command()
def indices(
    markdown: Annotated[bool, typer.Option("--markdown", help="With formulas, as docs/indices.md.")] = False,
    as_json: Json = False,
) -> None:
    """List every index of segregation: its name, what it is, its source."""
    from civigrid.run.segregation.listing import indices_markdown, indices_text, listed_indices

    answer(listed_indices(), as_json, indices_markdown().rstrip() if markdown else indices_text())
