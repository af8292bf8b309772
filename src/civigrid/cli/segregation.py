"""Segregation of a file: cells, or any plain table of units by groups."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from civigrid.cli.app import Json, Scheduler, answer, app, console
from civigrid.cli.steps import Profile, Threshold, names_of, pairs_of

if TYPE_CHECKING:
    from civigrid.io.composition import Composed


@app.command()
def segregation(
    file: Annotated[
        Path, typer.Argument(help="Cells, a census grid, or a plain table: CSV, Parquet, .xlsx, vector file.")
    ],
    groups: Annotated[str, typer.Option("--groups", help="Groups that share people out: A,B,C, in order.")] = "",
    total: Annotated[str, typer.Option("--total", help="Count of all persons; groups leave a rest of it.")] = "",
    units: Annotated[str, typer.Option("--units", help="Plain tables: columns that name a unit.")] = "",
    zones: Annotated[str, typer.Option("--zones", help="Column or label whose values are zones.")] = "",
    indices: Annotated[
        str, typer.Option("--indices", help="D,H,'A(b=0.1)',SP; or all, ordered (groups in order), pattern.")
    ] = "",
    radii: Annotated[str, typer.Option("--radii", help="Cells: neighbourhoods by radius, metres: 500,1000.")] = "",
    kernel: Annotated[
        str, typer.Option("--kernel", help="Their shape: uniform, triangular, biweight, gaussian, exponential.")
    ] = "biweight",
    k: Annotated[str, typer.Option("--k", help="Cells: the nearest so many persons: 200,1600; or presets.")] = "",
    scales: Annotated[
        str, typer.Option("--scales", help="Cells: decompose over nested squares, km: 2,4,8; or pyramid.")
    ] = "",
    levels: Annotated[str, typer.Option("--levels", help="Cells: decompose over labels, smallest areas first.")] = "",
    hierarchy: Annotated[
        str, typer.Option("--hierarchy", help="Split its terms by groups of groups: abroad=EU_OTH+OTH,...")
    ] = "",
    decay: Annotated[
        float | None, typer.Option("--decay", help="Clustering: metres over which nearness falls to 1/e.")
    ] = None,
    long: Annotated[str, typer.Option("--long", help="CATEGORY,COUNT: a row by unit and group.")] = "",
    where: Annotated[list[str] | None, typer.Option("--where", help="COLUMN=VALUE: rows to take. Repeat it.")] = None,
    sum_units: Annotated[bool, typer.Option("--sum-units", help="Add up rows of one unit.")] = False,
    layer: Annotated[str, typer.Option("--layer", help="Sheet or layer of the file, where it holds several.")] = "",
    plain: Annotated[bool, typer.Option("--plain", help="A plain table, even where it holds cells.")] = False,
    noise_variance: Annotated[
        float | None, typer.Option("--noise-variance", help="Variance of the publisher's noise in each count.")
    ] = None,
    bootstrap: Annotated[int, typer.Option("--bootstrap", help="Intervals by so many cities drawn again.")] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Seed of bootstrap and permutations.")] = 0,
    permutations: Annotated[
        int, typer.Option("--permutations", help="p of each index of the whole, by so many random allocations: 999.")
    ] = 0,
    distortion: Annotated[
        bool, typer.Option("--distortion", help="Cells: divergence of the surroundings at all scales together.")
    ] = False,
    reference: Annotated[
        str, typer.Option("--reference", help="Areas of several countries: whole, or each cell's own country.")
    ] = "",
    bounds: Annotated[
        float | None, typer.Option("--bounds", help="Hidden counts are at most this: least and most of indices.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Table of results: .csv or .parquet.")] = None,
    local: Annotated[
        Path | None, typer.Option("--local", help="Cells with local measures; .cells stays inside.")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option("--figure", help=".png or .svg: profile over radii or k, scales, or curves.")
    ] = None,
    show: Annotated[str, typer.Option("--show", help="Index of the figure; by default H_multi, or the first.")] = "",
    bibtex: Annotated[Path | None, typer.Option("--bibtex", help="Publications to cite, as BibTeX.")] = None,
    profile: Profile = "min-count",
    threshold: Threshold = 10,
    scheduler: Scheduler = "threads",
    as_json: Json = False,
) -> None:
    """Say who lives near whom: each index, what chance alone would make, the corrected value and its interval.

    The screen shows every number; a file written by --out passes the disclosure profile, and the screen says which
    rows it lacks.
    """
    from civigrid.engine import Scheduler as Where
    from civigrid.layers.segregation.neighbourhoods.nearest import PRESETS
    from civigrid.run.segregation.file import Asked, Outputs, segregation_file
    from civigrid.run.segregation.names import split_names
    from civigrid.run.segregation.tables import Wanted
    from civigrid.run.segregation.text import table_text
    from civigrid.run.steps import profile_named

    asked = Asked(
        composed=composed_of(groups, total, units, zones, long, where, sum_units, layer),
        wanted=Wanted(
            indices=split_names(indices),
            radii_m=numbers_of(radii, "--radii"),
            kernel=kernel,
            k=PRESETS if k == "presets" else tuple(whole_number(n) for n in numbers_of(k, "--k")),
            scales_m=() if scales == "pyramid" else tuple(round(1000 * km) for km in numbers_of(scales, "--scales")),
            pyramid=scales == "pyramid",
            levels=columns_of(levels),
            hierarchy={name: tuple(parts.split("+")) for name, parts in pairs_of(hierarchy).items()},
            decay_m=decay,
            noise_variance=noise_variance,
            bootstrap=bootstrap,
            seed=seed,
            bounds=bounds,
            permutations=permutations,
            distortion=distortion,
            reference=reference,  # type: ignore[arg-type]
        ),
        plain=plain,
        scheduler=Where.parse(scheduler),
    )
    with console().status("reading") as status:
        places = Outputs(table=out, local=local, bibtex=bibtex, figure=figure, show=show)
        found = segregation_file(file, asked, profile_named(profile, threshold), places, status.update)
    answer(found, as_json, table_text(found))


def columns_of(text: str) -> tuple[str, ...]:
    """Cut a list of names at its commas, but not in quotes.

    >>> columns_of('a, "b, c"')
    ('a', 'b, c')
    """
    import csv

    return tuple(filter(None, (name.strip() for row in csv.reader([text], skipinitialspace=True) for name in row)))


def numbers_of(text: str, option: str) -> tuple[float, ...]:
    """Cut a list of numbers at its commas."""
    found = []
    for word in names_of(text):
        try:
            found.append(float(word))
        except ValueError:
            raise typer.BadParameter(f"{word!r} is no number", param_hint=option) from None
        if not math.isfinite(found[-1]):
            raise typer.BadParameter(f"{word!r} is no finite number", param_hint=option)
    return tuple(found)


def whole_number(value: float) -> int:
    """Give a number of persons."""
    if value != round(value):
        raise typer.BadParameter(f"{value} is no number of persons", param_hint="--k")
    return round(value)


def composed_of(
    groups: str, total: str, units: str, zones: str, long: str, where: list[str] | None, sum_units: bool, layer: str
) -> Composed:
    """Give what a table is read by, from the options that say so."""
    from civigrid.io.composition import Composed

    return Composed(
        groups=columns_of(groups),
        total=total,
        units=columns_of(units),
        zones=zones,
        long=columns_of(long),
        where=tuple(where or ()),
        sum_units=sum_units,
        layer=layer,
    )
