"""Tiles of cells."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from civigrid.cli.app import Json, answer, app, console
from civigrid.cli.steps import Profile, Threshold


@app.command()
def tiles(
    cells: Annotated[Path, typer.Argument(help="Cells: a file of civigrid's, or a census grid.")],
    out: Annotated[Path, typer.Option("--out", help="T.pmtiles, T.mbtiles, or a folder.")],
    value: Annotated[list[str] | None, typer.Option("--value", help="A variable; repeat it. None: all.")] = None,
    scheme: Annotated[
        str, typer.Option("--scheme", help="WebMercatorQuad, EuropeanETRS89_LAEAQuad or EU1kmQuad.")
    ] = "WebMercatorQuad",
    png: Annotated[bool, typer.Option("--png", help="Pictures of one variable instead of vector tiles.")] = False,
    geometry_only: Annotated[
        bool, typer.Option("--geometry-only", help="Features bear ids alone; values in a Parquet table beside.")
    ] = False,
    name: Annotated[str, typer.Option("--name", help="Name in the metadata.")] = "cells",
    description: Annotated[str, typer.Option("--description", help="Words in the metadata.")] = "",
    attribution: Annotated[str, typer.Option("--attribution", help="Words that must stand beside the data.")] = "",
    workers: Annotated[int, typer.Option("--workers", help="Workers; 0: all cores. No byte depends on it.")] = 0,
    profile: Profile = "min-count",
    threshold: Threshold = 10,
    as_json: Json = False,
) -> None:
    """Make a pyramid of tiles: the cells, above them their parents, with honest sums and means."""
    from civigrid.run.steps import profile_named
    from civigrid.run.tiles import tiles_file, tiles_text
    from civigrid.tiles import TileOptions

    options = TileOptions(
        values=tuple(value or ()),
        scheme=scheme,
        pictures=png,
        geometry_only=geometry_only,
        name=name,
        description=description,
        attribution=attribution,
    )
    with console().status("making tiles"):
        found = tiles_file(cells, out, options, profile_named(profile, threshold), workers)
    answer(found, as_json, tiles_text(found))
