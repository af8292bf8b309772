"""Run a run file: plan, parts, release, manifest.  Killed and started again, it ends with the same bytes."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from civigrid.engine import Scheduler
from civigrid.io.atomic import write_json
from civigrid.io.hashing import sha256_of
from civigrid.result_table import result_table
from civigrid.run import config, outputs
from civigrid.run.access.steps import times_of_part
from civigrid.run.catalogues import write_catalogues
from civigrid.run.export import write_item
from civigrid.run.inputs import input_files, read_source
from civigrid.run.large_points import point_file, unread
from civigrid.run.layer_steps import LAYERS, compare_cells
from civigrid.run.make_cells import Given, cells_part
from civigrid.run.maps import write_map
from civigrid.run.parts import Part, PartStore, code_digest
from civigrid.run.plan import Step, describe_plan, make_plan
from civigrid.run.read_config import read_run
from civigrid.run.reporting.made import Made
from civigrid.run.reporting.report import write_report
from civigrid.run.reporting.rows import write_comparisons
from civigrid.run.setting import Setting, Ways
from civigrid.source import Licence, Report, Source

LIBRARIES = (
    "numpy",
    "scipy",
    "xarray",
    "pandas",
    "geopandas",
    "shapely",
    "pyproj",
    "pyarrow",
    "numba",
    "h3ronpy",
    "dask",
    "folium",
)
LEDGER = ["cells", "variable", "total", "placed", "outside", "unplaceable", "error"]
"""Columns of the ledger that a report shows."""
Announce = Callable[[str, float, str], None]
"""Called with a step's name, its seconds, and ``start``, ``done`` or ``kept``; once with how many are ``planned``."""


@dataclass(frozen=True, eq=False)
class Finished:
    """What a run made.

    Parameters
    ----------
    folder : Path
        Run directory.
    maps, files : tuple of Path
        Maps, and every released file.
    seconds : mapping of str to float
        Time by step; 0 for what was kept from an earlier run.
    cells : mapping of str to xarray.Dataset
        All cells with their layers, as they are inside: not released.
    results : pandas.DataFrame
        Result table, as it is inside.
    ledger : pandas.DataFrame
        Where every person went.
    findings : pandas.DataFrame
        What the readers noticed.
    """

    folder: Path
    maps: tuple[Path, ...]
    files: tuple[Path, ...]
    seconds: Mapping[str, float]
    cells: Mapping[str, xr.Dataset]
    results: pd.DataFrame
    ledger: pd.DataFrame
    findings: pd.DataFrame


@dataclass(eq=False)
class _State:
    """What the steps of one run share while it goes on."""

    run: config.Run
    base: Path
    scheduler: Scheduler
    store: PartStore
    announce: Announce
    cells: dict[str, xr.Dataset] = field(default_factory=dict)
    times: dict[str, Ways] = field(default_factory=dict)
    terms: dict[str, Licence] = field(default_factory=dict)
    tables: list[pd.DataFrame] = field(default_factory=list)
    served: list[pd.DataFrame] = field(default_factory=list)
    comparisons: list[tuple[config.Archetypes, pd.DataFrame]] = field(default_factory=list)
    told: list[pd.DataFrame] = field(default_factory=list)
    ledgers: list[pd.DataFrame] = field(default_factory=list)
    findings: list[pd.DataFrame] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    read: dict[str, tuple[Source, Report]] = field(default_factory=dict)

    def source(self, name: str) -> Source:
        """Read a source once, when it is first asked for."""
        if name not in self.read:
            about = next(s for s in self.run.source if s.name == name)
            self.read[name] = read_source(about, self.base)
        found = self.read[name][0]
        self.terms[name] = found.terms
        return found

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Announce a step, and keep its time."""
        self.announce(name, 0.0, "start")
        began = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - began
        self.announce(name, self.seconds[name], "done")


def run_file(
    path: Path, *, scheduler: str = "", folder: Path | None = None, announce: Announce | None = None
) -> Finished:
    """Run a run file.

    Parameters
    ----------
    path : Path
        The TOML run file.
    scheduler : str
        Overrides the file's: ``serial``, ``threads``, ``processes``, or the address of a Dask scheduler.
    folder : Path, optional
        Overrides the file's run directory.
    announce : callable, optional
        Told of every step as it starts and ends.

    Returns
    -------
    Finished
        Paths, times and results.

    Raises
    ------
    SchemaError
        The run file has faults; all are named.
    SourceError, MassError
        An input is not what it claims, or people were lost: old outputs stay as they were.
    """
    path = path.resolve()
    run = read_run(path)
    state = _State(
        run,
        path.parent,
        Scheduler.parse(scheduler or run.scheduler, run.workers),
        PartStore((folder or _folder(run, path)) / "parts"),
        announce or _silent,
    )
    root = state.store.folder.parent
    with state.timed("plan"):
        steps = make_plan(run, path.parent)
        write_json(root / "plan.json", describe_plan(steps))
    state.announce("plan", float(len(steps) + len(run.map) + 2), "planned")
    for step in steps:
        _do(step, state)
    compared = [compare_cells(item, state.cells) for item in state.run.compare]
    results, told = (_stacked([*tables, *compared]) for tables in (state.tables, state.told))
    about = _about(state)
    files = _outputs(state, results, told, root, path.name, about)
    files += _manifest(state, steps, root, files, about)
    return Finished(
        folder=root,
        maps=tuple(p for p in files if p.parent.name == "maps"),
        files=tuple(files),
        seconds=state.seconds,
        cells=state.cells,
        results=results,
        ledger=_joined(state.ledgers),
        findings=_joined(state.findings),
    )


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _silent(*_: object) -> None:
    """Tell no one."""


def _folder(run: config.Run, path: Path) -> Path:
    return (path.parent / (run.folder or f"runs/{path.stem}")).resolve()


def _do(step: Step, state: _State) -> None:
    """Give a step's part from the store, or make it and store it; then hand its results on."""
    part = state.store.load(step.name, step.key)
    if part is None:
        with state.timed(step.name):
            part = _make(step, state)
            state.store.save(step.name, step.key, part)
    else:
        state.seconds[step.name] = 0.0
        state.announce(step.name, 0.0, "kept")
    if part.cells is not None:
        known = state.cells.get(step.cells)
        state.cells[step.cells] = part.cells if known is None else known.assign(part.cells.data_vars)
    if "times" in part.tables:
        state.times[part.facts["times"]] = replace(times_of_part(part), item=step.item)
    if terms := part.facts.get("terms"):
        state.terms[str(step.item.source)] = Licence(**terms)
    if "served" in part.tables:
        state.served.append(part.tables["served"])
    if "comparison" in part.tables:
        state.comparisons.append((step.item, part.tables["comparison"]))
    if "results" in part.tables:
        state.tables.append(part.tables["results"])
        state.told.append(outputs.protected(state.run, part.tables["results"], part.tables.get("rests_on")))
    for name, kept in (("ledger", state.ledgers), ("findings", state.findings)):
        if name in part.tables and len(part.tables[name]):
            kept.append(part.tables[name].assign(cells=step.cells))


def _make(step: Step, state: _State) -> Part:
    if step.kind == "cells":
        from_source = step.item.source in {s.name for s in state.run.source} and step.item.method not in (
            "regrid",
            "coarsen",
        )
        return cells_part(step.item, *_given(step.item, state, from_source))
    before = state.cells[step.cells]
    setting = Setting(
        state.base,
        state.cells,
        state.source,
        state.scheduler,
        state.run.block_cells,
        state.times,
        profile=outputs.profile_of(state.run),
    )
    part = dict(LAYERS)[step.kind](step.item, before, setting)
    added = [n for n in part.cells.data_vars if n not in before] if part.cells is not None else []
    return replace(part, cells=part.cells[added] if part.cells is not None and added else None)


def _given(item: config.Cells, state: _State, from_source: bool) -> tuple[Given, Report]:
    """Give what a projection may use; a large table of points is not read, but counted from its file."""
    if not from_source:
        return Given(None, state.cells, state.scheduler), Report()
    about = next(s for s in state.run.source if s.name == item.source)
    if (file := point_file(about, item, state.base)) is not None:
        source, report = unread(file, about)
        return Given(source, state.cells, state.scheduler, file), report
    return Given(state.source(item.source), state.cells, state.scheduler), state.read[item.source][1]


def _stacked(tables: list[pd.DataFrame]) -> pd.DataFrame:
    some = [t for t in tables if len(t)]
    return pd.concat(some, ignore_index=True) if some else result_table([])


def _outputs(
    state: _State, results: pd.DataFrame, told: pd.DataFrame, root: Path, file: str, about: dict[str, Any]
) -> list[Path]:
    """Write everything that may leave; what is there already is replaced, file by file.

    `told` are the results without the rows that would tell of a few.
    """
    run, folder, files = state.run, root / "release", []
    terms = tuple(state.terms.values())
    state.findings.append(outputs.left_out(run, state.cells))
    with state.timed("files"):
        for name, cells in state.cells.items():
            files += outputs.write_cells(run, name, cells, terms, folder)
        for wanted in run.export:
            files += write_item(wanted, state.cells[wanted.cells], terms, outputs.profile_of(run), folder)
        files += outputs.write_results(run, told, folder)
        drawn = write_comparisons(run, state.comparisons, folder)
        files += [path for path, _ in drawn]
    for item in run.map:
        with state.timed(f"map:{item.title}"):
            setting = (state.base, state.source, folder, _joined(state.served))
            files += write_map(run, item, state.cells[item.cells], terms, results, setting)
    with state.timed("report"):
        ledger = _joined(state.ledgers).reindex(columns=LEDGER)
        noticed = _joined(state.findings).reindex(columns=["cells", "level", "message", "count"])
        figures = [figure for _, figure in drawn]
        made = Made(
            run=run,
            base=state.base,
            file=file,
            table=told,
            cells=state.cells,
            terms=terms,
            ledger=ledger,
            findings=noticed,
            drawn=figures,
            about=about,
            lang=run.lang,
        )
        files += write_report(made, folder)
    return files


def _about(state: _State) -> dict[str, Any]:
    """Say what a run was made from: versions, and inputs with their terms; no path of this machine, no time."""
    for source in state.run.source:
        if source.name not in state.terms:
            state.source(source.name)
    return {
        "civigrid": version("civigrid"),
        "code_sha256": code_digest(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "inputs": [
            {"source": s.name, "file": p.name, "sha256": sha256_of(p), **vars(state.terms.get(s.name, Licence()))}
            for s in state.run.source
            for p in input_files(s, state.base)
        ],
    }


def _manifest(
    state: _State, steps: tuple[Step, ...], root: Path, files: list[Path], about: dict[str, Any]
) -> list[Path]:
    """Say what was made from what, so that equal runs have equal manifests; give the catalogues made of it."""
    run = state.run
    manifest: dict[str, Any] = {
        "title": run.title,
        "question": run.question,
        "purpose": run.purpose,
        "disclosure_profile": str(outputs.profile_of(run)),
        **about,
        "steps": {s.name: s.key for s in steps},
        "ledger": _joined(state.ledgers).to_dict("records"),
        "outputs": {p.relative_to(root).as_posix(): sha256_of(p) for p in sorted(files)},
    }
    catalogues = write_catalogues(manifest, root)
    manifest["outputs"].update(catalogues)
    write_json(root / "manifest.json", manifest)
    write_json(root / "timings.json", {k: round(v, 3) for k, v in state.seconds.items()})
    return [root / path for path in catalogues]
