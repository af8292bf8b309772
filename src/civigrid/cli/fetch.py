"""Commands around declared sources: list them, fetch one, take a local file instead."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from civigrid.cli.app import Json, answer, app, console

if TYPE_CHECKING:
    from rich.progress import Progress

    from civigrid.run.fetch import Fetched


@app.command()
def fetch(
    source: Annotated[str, typer.Argument(metavar="ID", help="Id of a declaration, as gisco-nuts-2024.")] = "",
    file: Annotated[Path | None, typer.Option("--file", help="A local file, taken instead of the network.")] = None,
    cache: Annotated[Path | None, typer.Option("--cache", help="Folder of the cache, instead of the system's.")] = None,
    show: Annotated[bool, typer.Option("--list", help="List every declared source.")] = False,
    as_json: Json = False,
) -> None:
    """Fetch a declared source into the cache: download, verify, unpack, and try its reader."""
    from civigrid.run.fetch import fetch as fetch_source
    from civigrid.run.fetch import list_sources

    if show:
        rows = list_sources(cache)
        text = [f"{r['id']:<28} {'cached' if r['cached'] else '':<7} {r['title']}" for r in rows]
        answer(rows, as_json, "\n".join(text))
        return
    if not source:
        raise typer.BadParameter("give the ID of a declared source, or --list")
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    with Progress(BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=console(), transient=True) as progress:
        found = fetch_source(source, file=file, cache=cache, bar=_Bar(progress))
    answer(_facts(found), as_json, "\n".join(_lines(found)))
    if not found.report.is_ok:
        raise typer.Exit(1)


class _Bar:
    """Rich's bar under the name pooch knows it by; it appears with the first bytes."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._task, self.total = progress, progress.add_task("", visible=False), 0

    def update(self, n: int) -> None:
        self._progress.update(self._task, total=self.total or None, advance=n, visible=True)

    def reset(self) -> None:
        self._progress.update(self._task, completed=0)

    def close(self) -> None:
        self._progress.update(self._task, visible=False)


def _facts(found: Fetched) -> dict[str, object]:
    facts = {k: v for k, v in vars(found).items() if k != "report"}
    return facts | {"path": str(found.path), "findings": [vars(finding) for finding in found.report]}


def _lines(found: Fetched) -> list[str]:
    words = {"download": "downloaded", "cache": "in the cache already", "file": "taken from the local file"}
    lines = [f"{found.id}: {words[found.origin]}", f"file    {found.path}"]
    if found.verified:
        lines.append(f"sha256  {found.sha256}, verified")
    else:
        lines.append(f'sha256  not declared; declare it:  sha256 = "{found.sha256}"')
    lines.append("units   no reader yet" if found.units is None else f"units   {found.units:,} in {found.crs}")
    return lines + [str(finding) for finding in found.report]
