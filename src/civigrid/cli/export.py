"""Cells to the files that other programs open."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from civigrid.cli.app import Json, answer, app, console
from civigrid.cli.steps import Profile, Threshold, names_of


@app.command()
def export(
    cells: Annotated[
        Path | None, typer.Argument(help="Cells: a file of civigrid's, or a census grid.", show_default=False)
    ] = None,
    to: Annotated[
        str, typer.Option("--to", help="Format: gpkg, qgis, geoparquet, cog, csv and more: see --list.")
    ] = "",
    out: Annotated[Path | None, typer.Option("--out", help="File or folder to write.")] = None,
    value: Annotated[
        list[str] | None, typer.Option("--value", help="Variable to write; repeat it, or A,B. By default all.")
    ] = None,
    crs: Annotated[
        str, typer.Option("--crs", help="Polygons in this CRS: EPSG:25832. By default the grid's own.")
    ] = "",
    title: Annotated[str, typer.Option("--title", help="What the data are called.")] = "",
    attribution: Annotated[
        str, typer.Option("--attribution", help="Words the publisher wants beside the data; else those of the file.")
    ] = "",
    licence: Annotated[str, typer.Option("--licence", help="Licence of the data; else that of the file.")] = "",
    listed: Annotated[bool, typer.Option("--list", help="List every format.")] = False,
    profile: Profile = "min-count",
    threshold: Threshold = 10,
    as_json: Json = False,
) -> None:
    """Write cells as GeoPackage, QGIS project, GeoParquet, COG, netCDF, spreadsheet ..., with colours and titles."""
    from civigrid.run.export import FORMATS, Export, export_file
    from civigrid.run.steps import profile_named
    from civigrid.source import Licence

    if listed:
        formats = {name: {"suffixes": list(f.suffixes), "words": f.words, "crs": f.crs} for name, f in FORMATS.items()}
        answer(formats, as_json, "\n".join(f"{name:<12}{f.words}" for name, f in FORMATS.items()))
        return
    if cells is None or out is None or not to:
        raise typer.BadParameter("CELLS, --to and --out are needed", param_hint="CELLS")
    values = tuple(dict.fromkeys(name for text in value or () for name in names_of(text)))
    terms = (Licence(licence=licence, attribution=attribution),) if licence or attribution else ()
    wanted = Export(to=to, out=out, values=values, crs=crs, title=title, terms=terms)
    with console().status("writing"):
        found = export_file(cells, wanted, profile_named(profile, threshold))
    lines = [
        f"{found['cells']:,} cells of {found['grid']}, {len(found['variables'])} variables, profile {found['profile']}"
    ]
    lines += [f"wrote    {file}" for file in found["files"]]
    lines += [f"beside it {words}" for words in found["attribution"] if words]
    lines += [f"{name}: {n:,} cells hidden" for name, n in found["suppressed"].items()]
    answer(found, as_json, "\n".join(lines))
