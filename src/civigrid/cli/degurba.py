"""The degree of urbanisation of cells and units."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from civigrid.cli.app import Json, Scheduler, answer, app, console


@app.command()
def degurba(
    cells: Annotated[Path, typer.Argument(help="A census grid, or cells that civigrid wrote.")],
    out: Annotated[Path, typer.Option("--out", help="GeoParquet to write; tables of units lie beside it.")],
    population: Annotated[str, typer.Option("--population", help="Column of residents.")] = "T",
    rules: Annotated[str, typer.Option("--rules", help="eu-2011, eu-2024, ghsl-r2022a or ghsl-r2023a.")] = "eu-2024",
    change: Annotated[list[str] | None, typer.Option("--set", help="Change a parameter, as land_floor=0.2.")] = None,
    land: Annotated[
        str, typer.Option("--land", help="Column with the share of land; auto: LAND_SURFACE if there; none.")
    ] = "auto",
    built: Annotated[str, typer.Option("--built", help="Column with the share of built-up land.")] = "",
    units: Annotated[Path | None, typer.Option("--units", help="Polygons of municipalities to classify.")] = None,
    id_column: Annotated[str, typer.Option("--id", help="Column that names the units.")] = "",
    layer: Annotated[str | None, typer.Option("--layer", help="Layer of the units' file.")] = None,
    commuting: Annotated[
        Path | None, typer.Option("--commuting", help="Table origin, destination, persons: functional urban areas.")
    ] = None,
    names: Annotated[Path | None, typer.Option("--names", help="Named points (column name) for the centres.")] = None,
    draws: Annotated[int, typer.Option("--draws", help="Draws of noise for the stability of classes; 0: none.")] = 0,
    noise_sd: Annotated[float, typer.Option("--noise-sd", help="Standard deviation of that noise, persons.")] = 1.5,
    map_file: Annotated[Path | None, typer.Option("--map", help="HTML page to draw.")] = None,
    scheduler: Scheduler = "serial",
    as_json: Json = False,
) -> None:
    """Classify cells, and units, by the degree of urbanisation; find urban centres and functional urban areas."""
    from civigrid.layers.typology.stability import Noise
    from civigrid.run.degurba import DegurbaJob, run_degurba

    job = DegurbaJob(
        cells=cells,
        out=out,
        population=population,
        rules=rules,
        changes=tuple(change or ()),
        land=land,
        built=built,
        units=units,
        id_column=id_column,
        layer=layer,
        commuting=commuting,
        names=names,
        noise=Noise(sd=noise_sd, draws=draws) if draws else None,
        map_file=map_file,
        scheduler=scheduler,
    )
    found = _with_progress(job, run_degurba)
    answer(found, as_json, _text(found))


def _with_progress(job: Any, work: Any) -> Any:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console(), transient=True) as progress:
        task = progress.add_task("start", total=len(job.steps))

        def announce(step: str) -> None:
            progress.update(task, description=step, completed=job.steps.index(step))

        return work(job, announce)


def _text(found: dict[str, Any]) -> str:
    """What people read: classes with their residents, then units, then files."""
    about = found["found"]
    lines = [
        f"Rules {about['rules']['name']}: {about['centres']:,} urban centres, {about['urban_clusters']:,} clusters."
    ]
    for row in found["classes"]:
        if row["zone"] == "all" and row["cells"]:
            share = "" if row["estimate"] is None else f"{100 * row['estimate']:6.1f} %"
            lines.append(f"  {row['index']:<40} {row['cells']:>10,} cells {row['persons']:>14,.0f} people {share}")
    if about["cells_unknown"]:
        lines.append(f"  residents unknown: {about['cells_unknown']:,} cells without a class of their own")
    for name in sorted({"units", "cities"} & set(found), reverse=True):
        lines += [f"{name}: " + ", ".join(f"{n:,} {word.replace('_', ' ')}" for word, n in found[name].items())]
    return "\n".join([*lines, *(f"Written: {path}" for path in found["files"])])
