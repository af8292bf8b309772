"""The command around the census grid's validation rules.  It reports; findings are no faults."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from civigrid.cli.app import Json, answer, app, console


@app.command("census-rules")
def census_rules(
    file: Annotated[Path, typer.Argument(help="Census grid 2021: Parquet, CSV or GeoPackage.")],
    out: Annotated[Path | None, typer.Option("--out", help="Write the whole table as CSV.")] = None,
    additivity: Annotated[
        bool, typer.Option("--additivity", help="Instead: how far parts add up to the total, by country (Markdown).")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check a census grid by Eurostat's validation rules, by country: a report, whatever it finds."""
    from civigrid.run.census_rules import additivity_markdown, check_census_file

    with console().status("reading and checking the cells"):
        table = check_census_file(file, of_additivity=additivity, out=out)
    if additivity:
        text = additivity_markdown(table)
    else:
        failing = table[(table["failing"] > 0) & (table["country"] == "all")].drop(columns="country")
        failing = failing.assign(share=failing["share"].map("{:.2%}".format), first=failing["first"].str.split().str[0])
        text = failing.to_string(index=False) if len(failing) else "No cell fails any rule."
    answer(table.astype(object).where(table.notna(), None).to_dict("records"), as_json, text)
