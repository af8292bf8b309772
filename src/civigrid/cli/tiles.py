"""Tiles of cells."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from civigrid.cli.app import Json, answer, app, console
from civigrid.cli.steps import Profile, Threshold


@app.command()
def tiles(
    cells: Annotated[
        Path, typer.Argument(help="Cells (a file of civigrid's, a census grid), or borders (GeoPackage, GeoJSON).")
    ],
    out: Annotated[Path, typer.Option("--out", help="T.pmtiles, T.mbtiles, or a folder.")],
    value: Annotated[
        list[str] | None,
        typer.Option("--value", "--columns", help="Variable to carry; repeat it, or A,B. By default all."),
    ] = None,
    scheme: Annotated[
        str, typer.Option("--scheme", help="WebMercatorQuad, EuropeanETRS89_LAEAQuad or EU1kmQuad.")
    ] = "WebMercatorQuad",
    kind: Annotated[str, typer.Option("--format", help="mvt: vector tiles; png: pictures of one variable.")] = "mvt",
    geometry_only: Annotated[
        bool, typer.Option("--geometry-only", help="Features bear ids alone; values in a Parquet table beside.")
    ] = False,
    min_zoom: Annotated[int | None, typer.Option("--min-zoom", help="Least zoom. By default 0.")] = None,
    max_zoom: Annotated[
        int | None, typer.Option("--max-zoom", help="Deepest zoom. By default where a cell is 3 pixels wide.")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="Name in the metadata.")] = "cells",
    description: Annotated[str, typer.Option("--description", help="Words in the metadata.")] = "",
    attribution: Annotated[str, typer.Option("--attribution", help="Words that must stand beside the data.")] = "",
    workers: Annotated[int, typer.Option("--workers", help="Workers; 0: all cores. No byte depends on it.")] = 0,
    profile: Profile = "min-count",
    threshold: Threshold = 10,
    as_json: Json = False,
) -> None:
    """Make a pyramid of tiles: the cells, above them their parents, with honest sums and means."""
    from civigrid.errors import SchemaError, unknown_name
    from civigrid.run.steps import profile_named
    from civigrid.run.tiles import SHAPES, shapes_file, tiles_file, tiles_text
    from civigrid.tiles import ShapeOptions, TileOptions

    if kind not in ("mvt", "png"):
        raise unknown_name("format of tiles", kind, ("mvt", "png"))
    columns = tuple(part.strip() for one in value or () for part in one.split(","))
    limits = profile_named(profile, threshold)
    if cells.suffix in SHAPES:
        if kind == "png" or geometry_only:
            raise SchemaError(
                "borders become vector tiles with their columns: leave out --format png, --geometry-only."
            )
        low, high = min_zoom or 0, 9 if max_zoom is None else max_zoom
        shapes = ShapeOptions(layer=name, columns=columns, scheme=scheme, min_zoom=low, max_zoom=high)
        found = shapes_file(cells, out, shapes, limits)
        answer(found, as_json, tiles_text(found))
        return
    options = TileOptions(
        values=columns,
        scheme=scheme,
        pictures=kind == "png",
        geometry_only=geometry_only,
        min_zoom=min_zoom,
        max_zoom=max_zoom,
        name=name,
        description=description,
        attribution=attribution,
    )
    with console().status("making tiles"):
        found = tiles_file(cells, out, options, limits, workers)
    answer(found, as_json, tiles_text(found))
