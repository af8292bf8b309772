"""The command line itself: one Typer app, and how every command answers.  Answers go to stdout, talk to stderr."""

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    name="civigrid",
    help="Census and administrative data on equal cells: segregation, service reach, one-stop access, true maps.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
Json = Annotated[bool, typer.Option("--json", help="Answer as JSON, for machines.")]
Scheduler = Annotated[
    str, typer.Option("--scheduler", help="serial, threads, processes, or the address of a Dask scheduler.")
]


def console() -> Console:
    """Give the screen that people read: stderr."""
    from rich.console import Console

    return Console(stderr=True)


def answer(what: Any, as_json: bool, text: str) -> None:
    """Print an answer: `what` as JSON for machines, else `text`."""
    sys.stdout.write((json.dumps(_plain(what), ensure_ascii=False, indent=2, default=str) if as_json else text) + "\n")


def _plain(what: Any) -> Any:
    """Give what JSON can say: a number that is not known, or has no bound, is null."""
    if isinstance(what, dict):
        return {str(k): _plain(v) for k, v in what.items()}
    if isinstance(what, list | tuple):
        return [_plain(v) for v in what]
    if hasattr(what, "item") and not hasattr(what, "__len__"):
        what = what.item()
    return None if isinstance(what, float) and not math.isfinite(what) else what


def main() -> None:
    """Run the command line.  Exit codes: 0 done, 1 a check found a fault, 2 wrong usage or input."""
    from civigrid.errors import CivigridError

    try:
        app()
    except CivigridError as error:
        _refuse(str(error), error)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _refuse(f"{where}{error.strerror or error}. Check the path, and whether it may be written.", error)


def _refuse(text: str, error: Exception) -> NoReturn:
    console().print(f"civigrid: {text}", style="bold", highlight=False, markup=False, emoji=False)
    raise SystemExit(2) from error
