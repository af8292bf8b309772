"""Parts of a run on disk: each named by what made it, whole or absent, checked when it is read again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from civigrid.io.atomic import write_bytes, write_json
from civigrid.io.hashing import sha256_of
from civigrid.io.parts import load_cells, save_cells


@dataclass(frozen=True, eq=False)
class Part:
    """What one step made: cells, tables by name, and facts that fit in JSON."""

    cells: xr.Dataset | None = None
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


def digest(what: Any) -> str:
    """SHA-256 of anything that is JSON: equal values give equal names.

    >>> digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    True
    """
    return sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()


def code_digest() -> str:
    """SHA-256 of civigrid's own source: a part made by other code is made again."""
    root = files("civigrid")
    whole = sha256()
    for path in sorted(Path(str(root)).rglob("*")):
        if path.suffix in {".py", ".js", ".css"}:
            whole.update(path.relative_to(str(root)).as_posix().encode() + path.read_bytes())
    return whole.hexdigest()


@dataclass(frozen=True)
class PartStore:
    """The folder ``parts/`` of a run directory."""

    folder: Path

    def load(self, step: str, key: str) -> Part | None:
        """Give a part if it is whole: its record is there, and every file it names has the recorded hash."""
        record = self._path(step, key, "json")
        if not record.exists():
            return None
        about = json.loads(record.read_text(encoding="utf-8"))
        paths = {name: self.folder / name for name in about["files"]}
        if any(not p.exists() or sha256_of(p) != about["files"][name] for name, p in paths.items()):
            return None
        cells = self._path(step, key, "cells")
        tables = {name: pd.read_parquet(self.folder / file) for name, file in about["tables"].items()}
        return Part(load_cells(cells) if cells.exists() else None, tables, about["facts"])

    def save(self, step: str, key: str, part: Part) -> None:
        """Write a part; its record comes last, so that half a part is no part."""
        self.folder.mkdir(parents=True, exist_ok=True)
        made: list[Path] = []
        if part.cells is not None:
            made.append(self._path(step, key, "cells"))
            save_cells(part.cells, made[-1])
        tables = {}
        for name, table in part.tables.items():
            made.append(self._path(step, key, f"{name}.parquet"))
            write_bytes(made[-1], table.to_parquet(index=False))
            tables[name] = made[-1].name
        hashes = {path.name: sha256_of(path) for path in made}
        write_json(self._path(step, key, "json"), {"files": hashes, "tables": tables, "facts": dict(part.facts)})

    def _path(self, step: str, key: str, suffix: str) -> Path:
        return self.folder / f"{step.replace(':', '-')}-{key[:16]}.{suffix}"
