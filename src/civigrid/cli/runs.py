"""Commands around whole runs: say what is there, check a run file, run it, run the demo."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from civigrid.cli.app import Json, Scheduler, answer, app, console


@app.command()
def version(as_json: Json = False) -> None:
    """Say which civigrid this is."""
    from importlib.metadata import version as installed

    answer({"civigrid": installed("civigrid")}, as_json, f"civigrid {installed('civigrid')}")


@app.command()
def grids(as_json: Json = False) -> None:
    """List the grids a run file may name."""
    from civigrid.catalog import declarations
    from civigrid.grid import list_grids

    known = declarations("grids")
    rows = [known[name] for name in list_grids()]
    answer(rows, as_json, "\n".join(f"{r['id']:<16} {r['title']}" for r in rows))


@app.command()
def describe(file: Path, as_json: Json = False) -> None:
    """Say what a file holds: columns, CRS, extent, grid, and what stands out."""
    from civigrid.run.describe import describe_file

    found = describe_file(file)
    answer(found, as_json, "\n".join(f"{key:<12} {value}" for key, value in found.items()))


@app.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="A run file.")] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of run files.")] = False,
    keys: Annotated[bool, typer.Option("--keys", help="Print every key of a run file, as Markdown.")] = False,
    as_json: Json = False,
) -> None:
    """Check a run file: every fault with its key, its value and how to mend it."""
    from civigrid.run import check_run, json_schema, key_documentation

    if schema or keys:
        sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n" if schema else key_documentation())
        return
    if file is None:
        raise typer.BadParameter("give a run file, or --schema or --keys")
    _, faults = check_run(file)
    text = "\n".join(map(str, faults)) or f"{file}: no fault found."
    answer([vars(fault) for fault in faults], as_json, text)
    if faults:
        raise typer.Exit(1)


@app.command()
def run(
    file: Annotated[Path, typer.Argument(help="A run file.")],
    scheduler: Scheduler = "",
    folder: Annotated[Path | None, typer.Option("--folder", help="Run directory, instead of the file's.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan with its cost; compute nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Run a run file: from inputs to cells, layers, tables, maps and a report."""
    if dry_run:
        from civigrid.run import describe_plan, make_plan, read_run

        rows = describe_plan(make_plan(read_run(file), file.resolve().parent))
        seconds = sum(r["estimated_seconds"] for r in rows)
        lines = [
            f"{r['step']:<28} {r['rows']:>10,} rows  ~{r['estimated_seconds']:>6} s  ~{r['estimated_mb']:>6} MB"
            for r in rows
        ]
        peak = 400 + max((r["estimated_mb"] for r in rows), default=0)
        total = f"about {seconds:.0f} s on two cores, {peak:,.0f} MB; no network is contacted"
        answer({"steps": rows, "seconds": seconds, "peak_mb": peak}, as_json, "\n".join([*lines, total]))
        return
    from civigrid.run import run_file

    _finish(lambda announce: run_file(file, scheduler=scheduler, folder=folder, announce=announce), as_json)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--folder", help="Where the city and its maps are written.")] = Path(
        "runs/demo"
    ),
    persons: Annotated[int, typer.Option(help="Inhabitants of the invented city.")] = 250_000,
    scheduler: Scheduler = "",
    as_json: Json = False,
) -> None:
    """Make an invented city and run the whole job on it."""
    from civigrid.run import run_demo

    _finish(lambda announce: run_demo(folder, persons=persons, scheduler=scheduler, announce=announce), as_json)


def _finish(work: Any, as_json: bool) -> None:
    """Run with a progress line per step, then say where everything lies and how long it took."""
    import time

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    screen, began = console(), time.perf_counter()
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=screen, transient=True) as progress:
        task = progress.add_task("start", total=None)

        def announce(name: str, seconds: float, what: str) -> None:
            if what == "planned":
                progress.update(task, total=seconds, completed=0)
            elif what == "start":
                progress.update(task, description=name)
            else:
                progress.advance(task)
                screen.print(
                    f"  {name:<46} {'kept' if what == 'kept' else f'{seconds:6.2f} s'}",
                    highlight=False,
                    markup=False,
                    emoji=False,
                )

        done = work(announce)
    total = time.perf_counter() - began
    text = [f"Done in {total:.1f} s.", f"Report:  {done.folder / 'release' / 'report.html'}"]
    text += [f"Map:     {path}" for path in done.maps]
    text += [f"Results: {done.folder / 'release' / 'results.csv'}"]
    for finding in done.findings.itertuples():
        if finding.level == "warning":
            screen.print(f"warning ({finding.cells}): {finding.message}", markup=False, emoji=False, highlight=False)
    facts = {
        "folder": str(done.folder),
        "seconds": total,
        "steps": dict(done.seconds),
        "maps": [str(p) for p in done.maps],
        "files": [str(p) for p in done.files],
    }
    answer(facts, as_json, "\n".join(text))
