"""Whole runs: wall time and peak memory of a command, as a user would start it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measure import command, row

ROOT = Path(__file__).resolve().parents[1]


def demo(persons: int) -> dict[str, Any]:
    """Measure the demo."""
    with TemporaryDirectory() as folder:
        seconds, peak, text = command(
            "-m", "civigrid.cli", "demo", "--persons", str(persons), "--folder", folder, "--json"
        )
    files = len(json.loads(text)["files"])
    return row("demo", f"{persons:,} people", (seconds, peak), checked=f"{files} files released")


def example(name: str, *, smallest: bool) -> Iterator[dict[str, Any]]:
    """Measure a real run; a small one stands in where only life is asked for, or the data are absent."""
    data = Path(os.environ.get("CIVIGRID_DATA", ROOT / ".." / "shared" / "data"))
    if not data.is_dir():
        yield row(name, "absent", (float("nan"), 0.0), checked="the real data are not here: set CIVIGRID_DATA")
        return
    file = "malta" if smallest else name
    with TemporaryDirectory() as folder:
        path = str(ROOT / "examples" / f"{file}.toml")
        seconds, peak, text = command("-m", "civigrid.cli", "run", path, "--folder", folder, "--json")
        manifest = json.loads((Path(folder) / "manifest.json").read_text(encoding="utf-8"))
    error = max(
        abs(e["total"] - e["placed"] - e["outside"] - e["unplaceable"]) / max(e["total"], 1) for e in manifest["ledger"]
    )
    checked = f"{len(json.loads(text)['files'])} files, mass error {error:.0e}"
    yield row(name, f"examples/{file}.toml", (seconds, peak), checked=checked)
