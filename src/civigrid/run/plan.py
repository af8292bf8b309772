"""The plan of a run: its steps in order, what each needs, and what it will cost.  Plain data, made before any work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pyogrio

from civigrid.io.hashing import sha256_of
from civigrid.io.raster import RASTER, open_raster
from civigrid.run import config
from civigrid.run.inputs import input_files
from civigrid.run.layer_steps import LAYERS
from civigrid.run.parts import code_digest, digest
from civigrid.run.paths import resolve

BYTES_PER_VALUE = 30
"""Measured: peak memory of a run by cell and variable, with statuses and copies on the way."""
SECONDS_PER_MILLION = {
    "cells": 6.0,
    "segregation": 10.0,
    "access": 8.0,
    "times": 1000.0,
    "onestop": 500.0,
    "reach": 4.0,
    "centres": 2.0,
    "map": 6.0,
    "files": 12.0,
}
"""Measured on two cores, by a million cells: a guide for the plan, no promise."""
SECONDS_PER_NEIGHBOURHOOD = 3.0
"""For each radius, each k and each nested scale, by a million cells."""
BASE_SECONDS = {"cells": 0.6, "segregation": 0.5, "access": 0.4, "reach": 0.3, "centres": 0.3, "map": 0.4, "files": 0.6}


@dataclass(frozen=True)
class Step:
    """One step: `key` names its result by everything that made it."""

    name: str
    kind: str
    cells: str
    needs: tuple[str, ...]
    item: Any
    key: str
    rows: int

    @property
    def seconds(self) -> float:
        """Estimated time on two cores."""
        each = SECONDS_PER_MILLION.get(self.kind, 1.0) + SECONDS_PER_NEIGHBOURHOOD * _neighbourhoods(self.item)
        return BASE_SECONDS.get(self.kind, 0.3) + each * self.rows / 1e6

    @property
    def memory_mb(self) -> float:
        """Estimated memory beyond the libraries' own."""
        columns = 30 if self.kind in ("segregation", "files") else 16
        return self.rows * columns * BYTES_PER_VALUE / 2 / 1e6


def make_plan(run: config.Run, base: Path) -> tuple[Step, ...]:
    """Give the steps of a run in the order they run.

    Parameters
    ----------
    run : config.Run
        The run.
    base : Path
        Folder of the run file.

    Returns
    -------
    tuple of Step
        Projections, layers, then outputs.  The key of a step hashes the code, its table of the run file, its inputs'
        bytes and the keys of the steps it needs.
    """
    code = code_digest()
    files = {s.name: {p.name: sha256_of(p) for p in input_files(s, base)} for s in run.source}
    sources = {s.name: digest({"about": _plain(s), "files": files[s.name]}) for s in run.source}
    rows = {s.name: _rows_of(s, base) for s in run.source}
    steps: dict[str, Step] = {}
    last: dict[str, str] = {}

    def add(name: str, kind: str, cells: str, needs: tuple[str, ...], item: Any, extra: list[str], n: int) -> None:
        keys = [steps[need].key for need in needs]
        made_of = {"code": code, "item": _plain(item), "needs": keys, "inputs": extra}
        steps[name] = Step(name, kind, cells, needs, item, digest(made_of), n)

    for made in run.cells:
        looked_at = (made.source, made.weights, *(text.partition(":")[0] for text in made.fallback))
        needs = tuple(f"cells:{n}" for n in looked_at if f"cells:{n}" in steps)
        n = max([rows.get(made.source, 0), *(steps[need].rows for need in needs)])
        add(f"cells:{made.name}", "cells", made.name, needs, made, [sources.get(made.source, "")], n)
        last[made.name] = f"cells:{made.name}"
    for kind, _ in LAYERS:
        for i, item in enumerate(getattr(run, kind)):
            before = last[item.cells]
            extra = [sources[s] for s in _site_names(item)]
            extra += [sha256_of(p) for p in _extra_files(item, base)]
            # measures rest on the counts that may leave
            extra += [f"{run.profile}({run.threshold})"] if getattr(item, "measures", ()) and kind == "access" else []
            add(f"{kind}:{i}", kind, item.cells, (before,), item, extra, steps[before].rows)
            last[item.cells] = f"{kind}:{i}"
    return tuple(steps.values())


def _neighbourhoods(item: Any) -> int:
    return sum(len(getattr(item, name, ())) for name in ("radii_m", "k", "scales_m"))


def _plain(item: Any) -> Any:
    return {k: dict(v) if hasattr(v, "items") else v for k, v in vars(item).items()}


def _site_names(item: Any) -> tuple[str, ...]:
    sites = getattr(item, "sites", ())
    return (sites,) if isinstance(sites, str) else tuple(sites)


def _extra_files(item: Any, base: Path) -> Iterator[Path]:
    for name in (
        "names",
        "users",
        "network",
        "nodes",
        "elevation",
        "gtfs",
        "stations",
        "links",
        "landcover",
        "matrix",
    ):
        given = getattr(item, name, ())
        yield from (resolve(path, base) for path in ([given] if isinstance(given, str) else given) if path)


def _rows_of(source: config.Source, base: Path) -> int:
    if source.reader == "placed":
        # as many as are asked for: the file is a timetable
        return sum(source.options.get("kinds", {}).values())
    return sum(_rows(path) for path in input_files(source, base)[:1])


def _rows(path: Path) -> int:
    """Rows of an input, from its header alone."""
    if path.suffix == ".parquet":
        return int(pq.ParquetFile(path).metadata.num_rows)
    if path.suffix in (".csv", ".txt"):
        return path.stat().st_size // 60
    if path.suffix.lower() in RASTER:
        # a hundred pixels cost as much as a row of a table
        lattice = open_raster(path, crs="EPSG:4326").lattice
        return lattice.rows * lattice.cols // 100
    return max(int(pyogrio.read_info(path)["features"]), 0)


def describe_plan(steps: tuple[Step, ...]) -> list[dict[str, Any]]:
    """Give the plan as rows for people and machines."""
    return [
        {
            "step": s.name,
            "cells": s.cells,
            "needs": list(s.needs),
            "rows": s.rows,
            "estimated_seconds": round(s.seconds, 1),
            "estimated_mb": round(s.memory_mb),
            "key": s.key[:16],
        }
        for s in steps
    ]
