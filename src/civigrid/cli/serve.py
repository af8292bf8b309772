"""Command around a finished run: show it on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from civigrid.cli.app import Json, answer, app


@app.command()
def serve(
    run: Annotated[Path, typer.Argument(help="Run directory, as `civigrid run` leaves it.")],
    port: Annotated[int, typer.Option(help="Port; 0 takes one that is free.")] = 8765,
    host: Annotated[str, typer.Option(help="127.0.0.1, localhost or ::1: nothing but this machine.")] = "127.0.0.1",
    as_json: Json = False,
) -> None:
    """Serve a run's released files on this machine: maps, report, tables, tiles, OGC API Tiles.  Ctrl-C ends it."""
    import sys

    from civigrid.run.serving.server import serve_run

    with serve_run(run, host=host, port=port) as server:
        about = {"url": server.url, "files": len(server.run.files), "tiles": list(server.run.archives)}
        answer(about, as_json, f"{server.url}\n{about['files']} released files; Ctrl-C ends it.")
        sys.stdout.flush()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return
