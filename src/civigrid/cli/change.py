"""What changed between two years, or differs between two cities, from the shell."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from civigrid.cli.app import Json, answer, app, console
from civigrid.cli.segregation import composed_of
from civigrid.cli.steps import Profile, Threshold


@app.command()
def change(
    before: Annotated[Path, typer.Argument(help="The earlier year, or the first city: cells, or a plain table.")],
    after: Annotated[Path, typer.Argument(help="The later year on the same units, or the second city.")],
    groups: Annotated[str, typer.Option("--groups", help="Groups that share people out, in both: A,B,C.")] = "",
    total: Annotated[str, typer.Option("--total", help="Count of all persons; groups leave a rest of it.")] = "",
    units: Annotated[str, typer.Option("--units", help="Plain tables: columns that name a unit in both.")] = "",
    zones: Annotated[str, typer.Option("--zones", help="Column or label whose values are zones.")] = "",
    indices: Annotated[str, typer.Option("--indices", help="Whose difference is tested: D,H,H_multi.")] = "",
    cities: Annotated[
        bool, typer.Option("--cities", help="Two places: shares of the groups, and where people live, as two terms.")
    ] = False,
    draws: Annotated[int, typer.Option("--draws", help="Draws of a second test, and of intervals of the terms.")] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Seed of these.")] = 0,
    added: Annotated[
        float, typer.Option("--added", help="Persons put where a unit has none of a group, if zeros forbid a fit.")
    ] = 0.0,
    reference: Annotated[
        str, typer.Option("--reference", help="whole: declared where one file spans several countries.")
    ] = "",
    long: Annotated[str, typer.Option("--long", help="CATEGORY,COUNT: a row by unit and group.")] = "",
    where: Annotated[list[str] | None, typer.Option("--where", help="COLUMN=VALUE: rows to take. Repeat it.")] = None,
    sum_units: Annotated[bool, typer.Option("--sum-units", help="Add up rows of one unit.")] = False,
    layer: Annotated[str, typer.Option("--layer", help="Sheet or layer of the files, where they hold several.")] = "",
    plain: Annotated[bool, typer.Option("--plain", help="Plain tables, even where they hold cells.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Table of results: .csv or .parquet.")] = None,
    figure: Annotated[Path | None, typer.Option("--figure", help="Terms as steps: .png or .svg.")] = None,
    show: Annotated[str, typer.Option("--show", help="Index of the figure; by default H, or the first.")] = "",
    group: Annotated[str, typer.Option("--group", help="Cities: group of the figure; by default the first.")] = "",
    profile: Profile = "min-count",
    threshold: Threshold = 10,
    as_json: Json = False,
) -> None:
    """Say what changed segregation between two years, or makes two cities differ, and whether it may be chance."""
    from civigrid.run.segregation.change import ChangeAsked, ChangeOutputs, change_files
    from civigrid.run.segregation.change_text import change_text
    from civigrid.run.segregation.names import split_names
    from civigrid.run.steps import profile_named

    asked = ChangeAsked(
        composed=composed_of(groups, total, units, zones, long, where, sum_units, layer),
        indices=split_names(indices),
        cities=cities,
        draws=draws,
        seed=seed,
        added=added,
        plain=plain,
        reference=reference,  # type: ignore[arg-type]
    )
    places = ChangeOutputs(table=out, figure=figure, show=show, group=group)
    with console().status("reading") as status:
        found = change_files(before, after, asked, profile_named(profile, threshold), places, status.update)
    answer(found, as_json, change_text(found))
