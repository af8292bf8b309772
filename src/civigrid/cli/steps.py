"""Single steps: a file in, a file out, and the ledger of what went where."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from civigrid.cli.app import Json, answer, app, console

Id = Annotated[str, typer.Option("--id", help="Column of unique ids of the areas.")]
As = Annotated[str, typer.Option("--as", help="Declared source (`civigrid fetch --list`) that says how to read them.")]
Layer = Annotated[str, typer.Option("--layer", help="Layer of the file, where it holds several.")]
Crs = Annotated[str, typer.Option("--crs", help="CRS of the file, where it names none: EPSG:25833.")]
Counts = Annotated[Path | None, typer.Option("--counts", help="Table of counts joined by id; else they stand inside.")]
CountsId = Annotated[str, typer.Option("--counts-id", help="Its column of ids; by default that of --id.")]
Dissolve = Annotated[bool, typer.Option("--dissolve", help="Rows of one id are parts of one area.")]
Weights = Annotated[
    list[str] | None,
    typer.Option(
        "--weights",
        help="FILE:VARIABLE: cells, raster, points or buildings. Repeat it: asked where the first is empty.",
    ),
]
PartOf = Annotated[
    str, typer.Option("--part-of", help="Which count is part of which: foreign=residents,german=residents.")
]
Profile = Annotated[str, typer.Option("--profile", help="Disclosure profile: min-count, or public-grid.")]
Threshold = Annotated[int, typer.Option("--threshold", help="min-count: counts from 1 to below this are hidden.")]


def pairs_of(text: str) -> dict[str, str]:
    """Cut a list of pairs A=B at its commas."""
    return {a: b for a, _, b in (part.partition("=") for part in names_of(text))}


def names_of(text: str) -> tuple[str, ...]:
    """Cut a list of names at its commas."""
    return tuple(filter(None, (part.strip() for part in text.split(","))))


@app.command()
def project(
    source: Annotated[Path, typer.Argument(help="Areas: any vector file.")],
    out: Annotated[Path, typer.Option("--out", help="Cells: .parquet, .gpkg, .csv, or .cells, which stays inside.")],
    grid: Annotated[str, typer.Option("--grid", help="Id of a grid: see `civigrid grids`.")],
    id_column: Id = "",
    declared: As = "",
    extensive: Annotated[str, typer.Option("--extensive", help="Counts: A,B.")] = "",
    intensive: Annotated[str, typer.Option("--intensive", help="Rates: C, or C:A where the count A weighs it.")] = "",
    method: Annotated[
        str, typer.Option("--by", help="area, largest, dasymetric, pycnophylactic, poisson or boosting.")
    ] = "area",
    weights: Weights = None,
    covariates: Annotated[str, typer.Option("--covariates", help="Models: FILE:A,B, cells and variables.")] = "",
    keep: Annotated[str, typer.Option("--keep", help="Labels of the areas to keep: district.")] = "",
    shares: Annotated[str, typer.Option("--shares", help="Labels whose categories become shares of land.")] = "",
    whole: Annotated[int | None, typer.Option("--whole", help="Place whole persons; this seed decides ties.")] = None,
    counts: Counts = None,
    counts_id: CountsId = "",
    part_of: PartOf = "",
    layer: Layer = "",
    crs: Crs = "",
    dissolve: Dissolve = False,
    profile: Profile = "min-count",
    threshold: Threshold = 10,
    as_json: Json = False,
) -> None:
    """Project areas onto equal cells, and say where every person went."""
    from civigrid.run.areas import Areas
    from civigrid.run.steps import ProjectOptions, profile_named, project_file

    areas = Areas(
        path=source,
        id_column=id_column,
        layer=layer,
        crs=crs,
        counts=counts,
        counts_id=counts_id,
        dissolve=dissolve,
        declared=declared,
        part_of=pairs_of(part_of),
    )
    options = ProjectOptions(
        grid=grid,
        method=method,
        extensive=names_of(extensive),
        intensive=names_of(intensive),
        keep=names_of(keep),
        shares_of=names_of(shares),
        weights=tuple(weights or ()),
        covariates=covariates,
        whole_seed=whole,
    )
    found = project_file(areas, options, out, profile_named(profile, threshold))
    lines = [f"{found['cells']:,} cells of {found['grid']} in {found['out']}", f"method   {found['method']}"]
    answer(found, as_json, "\n".join([*lines, *_ledger(found), *_said(found)]))


@app.command()
def zonal(
    cells: Annotated[Path, typer.Argument(help="Cells: a file of civigrid's, or a census grid.")],
    zones: Annotated[Path, typer.Argument(help="Zones: any vector file.")],
    id_column: Id = "",
    declared: As = "",
    out: Annotated[Path | None, typer.Option("--out", help="Table: .csv or .parquet.")] = None,
    layer: Layer = "",
    crs: Crs = "",
    dissolve: Dissolve = False,
    profile: Profile = "min-count",
    threshold: Threshold = 10,
    as_json: Json = False,
) -> None:
    """Add cells up by zone: counts, means, what is missing, and how far missing cells leave the sum open."""
    from civigrid.run.areas import Areas
    from civigrid.run.steps import profile_named, zonal_file

    areas = Areas(path=zones, id_column=id_column, layer=layer, crs=crs, dissolve=dissolve, declared=declared)
    found = zonal_file(cells, areas, out, profile_named(profile, threshold))
    head = [f"{found['zones']:,} zones" + (f" in {found['out']}" if found["out"] else "")]
    answer(found, as_json, "\n".join([*head, *_ledger(found), *_said(found), *_first_rows(found, shown=not out)]))


@app.command()
def crosswalk(
    old: Annotated[Path, typer.Argument(help="Areas of the one vintage.")],
    new: Annotated[Path, typer.Argument(help="Areas of the other.")],
    old_id: Annotated[str, typer.Option("--old-id", help="Column of unique ids of the old areas.")] = "",
    new_id: Annotated[str, typer.Option("--new-id", help="Column of unique ids of the new areas.")] = "",
    old_as: Annotated[str, typer.Option("--old-as", help="Declared source that says how to read the old.")] = "",
    new_as: Annotated[str, typer.Option("--new-as", help="Declared source that says how to read the new.")] = "",
    grid: Annotated[str, typer.Option("--grid", help="Grid of the weights.")] = "eu-laea-100m",
    weights: Weights = None,
    records: Annotated[
        str, typer.Option("--records", help="FILE:OLD,NEW: addresses with their old and new area; used first.")
    ] = "",
    counts: Counts = None,
    counts_id: CountsId = "",
    extensive: Annotated[str, typer.Option("--extensive", help="Counts of the old areas to bring over: A,B.")] = "",
    part_of: PartOf = "",
    out: Annotated[Path | None, typer.Option("--out", help="Flows between areas: .csv or .parquet.")] = None,
    dissolve: Dissolve = False,
    counts_out: Annotated[Path | None, typer.Option("--counts-out", help="Counts by new area, with range.")] = None,
    profile: Profile = "min-count",
    threshold: Threshold = 10,
    as_json: Json = False,
) -> None:
    """Bring counts from one vintage of areas to another; --weights repeated gives the range over choices."""
    from civigrid.run.areas import Areas
    from civigrid.run.steps import crosswalk_files, profile_named

    found = crosswalk_files(
        Areas(
            path=old,
            id_column=old_id,
            counts=counts,
            counts_id=counts_id,
            dissolve=dissolve,
            declared=old_as,
            part_of=pairs_of(part_of),
        ),
        Areas(path=new, id_column=new_id, dissolve=dissolve, declared=new_as),
        grid,
        weights=tuple(weights or ()),
        records=records,
        extensive=names_of(extensive),
        out=out,
        counts_out=counts_out,
        profile=profile_named(profile, threshold),
    )
    lines = [
        f"{found['areas']['old']:,} areas to {found['areas']['new']:,}",
        "flows    " + ", ".join(f"{n:,} {what}" for what, n in found["flows"].items()),
        f"slivers  {found['sliver_m2']:,} m2 were two drawings of one border",
    ]
    for name, by in found.get("reassigned_persons", {}).items():
        told = ", ".join(f"{'few' if v is None else f'{v:,.0f}'} by {w}" for w, v in by.items())
        lines.append(f"{name}: reassigned {told}")
    answer(found, as_json, "\n".join([*lines, *_ledger(found), *_said(found), *_first_rows(found, shown=not out)]))


@app.command()
def validate(
    fine: Annotated[Path | None, typer.Argument(help="Fine cells to hide; none: an invented city alone.")] = None,
    areas: Annotated[Path | None, typer.Option("--areas", help="Areas: any vector file.")] = None,
    id_column: Id = "",
    declared: As = "",
    groups: Annotated[str, typer.Option("--groups", help="Counts of the fine cells to hide: A,B.")] = "",
    methods: Annotated[
        str, typer.Option("--methods", help="Ways to spread, where files are given: area,dasymetric.")
    ] = "area,pycnophylactic",
    weights: Weights = None,
    covariates: Annotated[str, typer.Option("--covariates", help="Models: FILE:A,B=rate.")] = "",
    grids: Annotated[str, typer.Option("--grids", help="Grids to compare on; by default that of the cells.")] = "",
    external: Annotated[str, typer.Option("--external", help="A published grid to compare with.")] = "",
    pairs: Annotated[str, typer.Option("--pairs", help="Counts against its variables: population=T.")] = "",
    density: Annotated[str, typer.Option("--density", help="Residents that make density classes: population=T.")] = "",
    counts: Counts = None,
    counts_id: CountsId = "",
    draws: Annotated[int, typer.Option("--draws", help="Draws for the coverage of intervals; 0: none.")] = 200,
    dissolve: Dissolve = False,
    out: Annotated[Path | None, typer.Option("--out", help="All figures: .csv or .parquet.")] = None,
    profile: Profile = "min-count",
    threshold: Threshold = 10,
    as_json: Json = False,
) -> None:
    """Say how true projected cells are: mass, hidden truth, known homes, a published grid, stress (V1 to V5).

    Exit code 1 where people were lost or a stress case failed.
    """
    from civigrid.run.areas import Areas
    from civigrid.run.steps import profile_named
    from civigrid.run.validate import ValidateOptions, best_methods, rows_to_show, validate_files

    zones = (
        None
        if areas is None
        else Areas(
            path=areas, id_column=id_column, counts=counts, counts_id=counts_id, dissolve=dissolve, declared=declared
        )
    )
    options = ValidateOptions(
        methods=names_of(methods),
        weights=tuple(weights or ()),
        covariates=covariates,
        groups=names_of(groups),
        grids=names_of(grids),
        external=external,
        pairs=names_of(pairs),
        density=density,
        draws=draws,
    )
    screen = console()
    with screen.status("validating") as status:
        found = validate_files(fine, zones, options, out, profile_named(profile, threshold), announce=status.update)
    lines = [
        f"{v['rung']}  {'held' if v['held'] else 'NOT held'}  {v['asked']}: "
        f"worst {v['worst']:.3g}{_means(v)} {v['how_many']}"
        for v in found["verdicts"]
    ]
    for grid in names_of(grids):
        lines += [
            "",
            f"persons put into a wrong cell of {grid}",
            best_methods(found["table"], grid).to_string(index=False),
        ]
    answer(found, as_json, "\n".join([rows_to_show(found["table"]).to_string(index=False), "", *lines]))
    if any(v["rung"] in ("V1", "V5") and not v["held"] for v in found["verdicts"]):
        raise typer.Exit(1)


def _means(verdict: dict[str, Any]) -> str:
    """What a share of intervals that is off means."""
    if verdict["rung"] not in ("V2", "V3", "V4") or verdict["held"]:
        return ""
    return " (intervals wider than they need be)" if verdict["worst"] > 0.9 else " (intervals too narrow)"


def _ledger(found: dict[str, Any]) -> list[str]:
    return [
        f"{e['variable']:<24} in {e['total']:>14,.1f} = placed {e['placed']:,.1f} + outside {e['outside'] + 0.0:,.1f} "
        f"+ unplaceable {e['unplaceable']:,.1f}   ({e['missing_units']} units unknown, error {e['error']:.0e})"
        for e in found.get("ledger", [])
    ]


def _said(found: dict[str, Any]) -> list[str]:
    hidden = [f"hidden   {name}: {n:,} small counts" for name, n in found.get("suppressed", {}).items() if n]
    return [*hidden, *found.get("findings", [])]


def _first_rows(found: dict[str, Any], *, shown: bool) -> list[str]:
    if not shown:
        return []
    from pandas import DataFrame

    return [DataFrame(found["table"]).head(20).to_string(index=False)]
