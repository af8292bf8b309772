"""The one door: ``python -m benchmarks [NAME ...] [--smallest]``."""

from __future__ import annotations

import argparse
import json
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.measure import COLUMNS

HERE = Path(__file__).parent


def main() -> None:
    """Run the benchmarks named, or all; print a table of each and write its rows."""
    known = sorted(p.stem.removeprefix("bench_") for p in HERE.glob("bench_*.py"))
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("names", nargs="*", help=f"which: {', '.join(known)}; none: all")
    parser.add_argument("--smallest", action="store_true", help="only the smallest size: is it alive?")
    given = parser.parse_args()
    if unknown := sorted(set(given.names) - set(known)):
        parser.error(f"unknown benchmark {', '.join(unknown)}; known: {', '.join(known)}")
    for name in given.names or known:
        rows = list(import_module(f"benchmarks.bench_{name}").rows(smallest=given.smallest))
        table = Table(*COLUMNS, title=name)
        for row in rows:
            table.add_row(*(_text(row[c]) for c in COLUMNS))
        Console(width=180).print(table)
        if not given.smallest:
            path = HERE / "results" / f"{name}.json"
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def _text(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else ("" if value is None else str(value))


if __name__ == "__main__":
    main()
