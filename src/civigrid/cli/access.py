"""Access of people to services by measures, from travel times."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from civigrid.cli.app import Json, answer, app, console
from civigrid.cli.steps import Profile, Threshold, names_of, pairs_of
from civigrid.cli.travel import SiteId


@app.command()
def access(
    times: Annotated[
        Path | None, typer.Argument(help="Travel times: of `civigrid travel`, or a matrix of another engine.")
    ] = None,
    demand: Annotated[Path | None, typer.Option("--demand", help="Cells with counts of people.")] = None,
    groups: Annotated[str, typer.Option("--groups", help="Counts of people who compete, without overlap: A,B.")] = "",
    total: Annotated[str, typer.Option("--total", help="Count of all residents: what groups leave competes.")] = "",
    supply: Annotated[Path | None, typer.Option("--supply", help="Services: CSV, Parquet, vector file.")] = None,
    supply_column: Annotated[str, typer.Option("--supply-column", help="What a service offers; else 1 each.")] = "",
    kind_column: Annotated[str, typer.Option("--kind-column", help="Kinds of service, each apart.")] = "",
    site_id: SiteId = "",
    columns: Annotated[
        str, typer.Option("--columns", help="Of a matrix: origin=from_id,site=to_id,time=travel_time,unit=min.")
    ] = "",
    measure: Annotated[
        str, typer.Option("--measure", help="nearest,cumulative,2sfca and more: see --list.")
    ] = "nearest",
    decay: Annotated[str, typer.Option("--decay", help="Weight of travel time: 'gaussian(sigma_min=10)'.")] = "",
    k: Annotated[int | None, typer.Option("--k", help="nearest: the k-th.")] = None,
    threshold_min: Annotated[float | None, typer.Option("--threshold-min", help="cumulative: minutes.")] = None,
    options: Annotated[str, typer.Option("--options", help="More of the measures: wanted=10,tau_min=60.")] = "",
    thresholds: Annotated[
        str, typer.Option("--thresholds", help="What is just good enough: nearest=15,2sfca=0.001.")
    ] = "",
    inequality: Annotated[str, typer.Option("--inequality", help="Between persons: gini,theil_t; see --list.")] = "",
    zones: Annotated[str, typer.Option("--zones", help="Label of the cells: rows by zone too.")] = "",
    bootstrap: Annotated[int, typer.Option("--bootstrap", help="Draws for intervals of inequality.")] = 200,
    seed: Annotated[int, typer.Option("--seed", help="Seed of these.")] = 0,
    out: Annotated[Path | None, typer.Option("--out", help="Table: .csv or .parquet.")] = None,
    cells: Annotated[Path | None, typer.Option("--cells", help="Cells with the measures; .cells stays inside.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="List every measure, decay and index.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="With --list: as docs/access_measures.md.")] = False,
    profile: Profile = "min-count",
    threshold: Threshold = 10,
    as_json: Json = False,
) -> None:
    """Say what services people reach: minutes, places per person, who goes without, how unequally.

    With min-count, counts that the profile hides stand as half of its threshold before people compete.
    """
    from civigrid.run.access.file_access import AccessFiles, access_file
    from civigrid.run.access.measures_text import access_text, listed_measures, measures_markdown, measures_text
    from civigrid.run.access.wanted import Wanted
    from civigrid.run.steps import profile_named

    if listed:
        answer(listed_measures(), as_json, measures_markdown().rstrip() if markdown else measures_text())
        return
    more: dict[str, Any] = {**pairs_of(options)}
    more |= {name: v for name, v in (("k", k), ("threshold_min", threshold_min)) if v is not None}
    wanted = Wanted(
        groups=names_of(groups),
        total=total,
        measures=names_of(measure),
        decay=decay,
        options=more,
        thresholds={name: _number(text) for name, text in pairs_of(thresholds).items()},
        inequality=names_of(inequality),
        zones=zones,
        bootstrap=bootstrap,
        seed=seed,
    )
    files = AccessFiles(
        times=_given(times, "TIMES"),
        demand=_given(demand, "--demand"),
        supply=_given(supply, "--supply"),
        columns=pairs_of(columns),
        site_id=site_id,
        supply_column=supply_column,
        kind_column=kind_column,
        table=out,
        cells=cells,
    )
    with console().status("reading") as status:
        found = access_file(files, wanted, profile_named(profile, threshold), status.update)
    answer(found, as_json, access_text(found))


def _given(path: Path | None, name: str) -> Path:
    if path is None:
        raise typer.BadParameter(f"{name} is missing", param_hint=name)
    return path


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no number: write nearest=15,2sfca=0.001", param_hint="--thresholds"
        ) from None
