"""The MAUP audit from the shell."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from civigrid.cli.app import Json, answer, app, console
from civigrid.cli.steps import Profile, Threshold, names_of


@app.command()
def maup(
    file: Annotated[Path, typer.Argument(help="Square cells: a file of civigrid's, or a census grid.")],
    groups: Annotated[str, typer.Option("--groups", help="Counts of the groups: A,B,C.")],
    total: Annotated[str, typer.Option("--total", help="Published total; what groups leave of it is a rest.")] = "",
    zones: Annotated[str, typer.Option("--zones", help="Label of the cells: each zone by itself, and ranks.")] = "",
    where: Annotated[str, typer.Option("--where", help="These cells only: country=DE.")] = "",
    sizes: Annotated[str, typer.Option("--sizes", help="Sides of blocks, in cells.")] = "1,2,3,4,5,10",
    origins: Annotated[int, typer.Option("--origins", help="Origins of each size at most.")] = 25,
    seed: Annotated[int, typer.Option("--seed", help="Which origins, where there are more.")] = 0,
    h3: Annotated[str, typer.Option("--h3", help="Resolutions of H3 to compare with: 7,8.")] = "",
    areas: Annotated[
        list[str] | None, typer.Option("--areas", help="[NAME=]FILE:COLUMN, polygons and their ids; repeat it.")
    ] = None,
    inside: Annotated[bool, typer.Option("--inside", help="Leave out cells that no area holds.")] = False,
    indices: Annotated[str, typer.Option("--indices", help="D,G,A(b=0.1) ..., or all.")] = "",
    breaks: Annotated[str, typer.Option("--breaks", help="Where location quotients are cut into classes.")] = "1.5",
    covariate: Annotated[
        str, typer.Option("--covariate", help="A variable (NAME, or NAME=rate): does its correlation keep its sign?")
    ] = "",
    noise_variance: Annotated[
        float | None, typer.Option("--noise-variance", help="Of the publisher's noise in each count.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Table: .csv or .parquet.")] = None,
    figure: Annotated[Path | None, typer.Option("--figure", help="Figure: .png or .svg.")] = None,
    show: Annotated[str, typer.Option("--show", help="Indices of the figure, six at most; by default D,H.")] = "",
    group: Annotated[str, typer.Option("--group", help="Group of the figure; by default the last.")] = "",
    map_file: Annotated[Path | None, typer.Option("--map", help="HTML page: whose class holds.")] = None,
    profile: Profile = "min-count",
    threshold: Threshold = 10,
    as_json: Json = False,
) -> None:
    """Audit indices of segregation against cell size, grid origin, hexagons and areas (MAUP)."""
    from civigrid.layers.segregation.maup.settings import MaupOptions
    from civigrid.run.maup import MaupJob, run_maup, summary_lines
    from civigrid.run.steps import profile_named

    job = MaupJob(
        cells=file,
        groups=names_of(groups),
        total=total,
        zone=zones,
        where=where,
        h3=tuple(int(r) for r in _numbers("--h3", h3)),
        areas=tuple(areas or ()),
        inside=inside,
        indices=names_of(indices),
        shown=names_of(show),
        group=group,
        options=MaupOptions(
            sizes=tuple(_numbers("--sizes", sizes)),  # type: ignore[arg-type]
            origins=origins,
            seed=seed,
            breaks=tuple(_numbers("--breaks", breaks)),
        ),
        covariate=covariate,
        noise_variance=noise_variance,
        profile=profile_named(profile, threshold),
        table=out,
        figure=figure,
        page=map_file,
    )
    found = _with_progress(job, run_maup)
    lines = [f"{found['cells']:,} cells of {found['grid']}, cut {found['settings']:,} times", *found["findings"]]
    lines += [*summary_lines(found["rows"]), *(f"wrote {f}" for f in found["files"])]
    answer(found, as_json, "\n".join(lines))


def _numbers(option: str, text: str) -> list[float]:
    from civigrid.errors import SchemaError

    try:
        found = [float(part) for part in names_of(text)]
    except ValueError as error:
        raise SchemaError(f"{option} {text}: write numbers with commas between.") from error
    whole = option in ("--sizes", "--h3")
    if not all(math.isfinite(n) and (n == round(n) or not whole) for n in found):
        raise SchemaError(f"{option} {text}: write {'whole' if whole else 'finite'} numbers.")
    return found


def _with_progress(job: Any, work: Any) -> Any:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console(), transient=True) as progress:
        task = progress.add_task("start", total=1)
        return work(job, lambda what, done, of: progress.update(task, description=what, completed=done, total=of))
