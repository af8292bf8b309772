"""Run a panel file: periods to cells, what changed and what was only redrawn, as cells, tables and a map."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

from civigrid.cells import column_of, measured
from civigrid.crosswalk import Crosswalk
from civigrid.grid import Grid, load_grid
from civigrid.io.atomic import write_json, write_text
from civigrid.io.counts import join_counts
from civigrid.io.geoparquet import write_geoparquet
from civigrid.io.hashing import sha256_of
from civigrid.io.vector import read_areas
from civigrid.io.write import write_csv
from civigrid.maps import make_map, to_html
from civigrid.project import coarsen_crosswalk, ledger_table, polygon_crosswalk, project_areas
from civigrid.project.hierarchy import check_hierarchy
from civigrid.project.methods import Layer, reweight
from civigrid.project.panel import Panel, make_panel, separate_change
from civigrid.project.vintages import VintageCrosswalk, to_vintage, vintage_crosswalk
from civigrid.release import Profile, release
from civigrid.run.ancillary import read_ancillary
from civigrid.run.fetch import read_declared
from civigrid.run.methods import polygons_of
from civigrid.run.panel_config import PanelRun, Vintage, read_panel
from civigrid.run.paths import resolve
from civigrid.run.steps import profile_named, protect_zones
from civigrid.source import Licence, Report, Source
from civigrid.stacks import over

Announce = Callable[[str], None]


@dataclass(eq=False)
class _Made:
    """What a panel run has made so far."""

    panel: PanelRun
    base: Path
    grid: Grid
    profile: Profile
    areas: dict[str, Source]
    weighed: dict[str, Crosswalk]
    layers: dict[str, tuple[Layer, ...]]
    sources: dict[str, Source]
    findings: list[str]

    @property
    def terms(self) -> tuple[Licence, ...]:
        return tuple(dict.fromkeys(s.terms for s in self.areas.values()))


def run_panel(path: Path, *, folder: Path | None = None, announce: Announce = lambda _: None) -> dict[str, Any]:
    """Run a panel file.

    Parameters
    ----------
    path : Path
        The TOML file.
    folder : Path, optional
        Overrides the file's folder.
    announce : callable
        Told of every step as it begins.

    Returns
    -------
    dict
        Paths of what was written, totals by period and count, the crosswalk between vintages in figures, findings.

    Raises
    ------
    SchemaError, SourceError, MassError
        A fault of the file, bad input, a count that does not balance.
    """
    panel = read_panel(path)
    base = path.resolve().parent
    made = _Made(panel, base, load_grid(panel.grid), profile_named(panel.profile, panel.threshold), {}, {}, {}, {}, [])
    for vintage in panel.vintage:
        announce(f"areas of {vintage.declared_as or vintage.areas}")
        _read_areas(made, vintage)
        for period in vintage.periods:
            announce(f"counts of {period}")
            _read_period(made, vintage, period)
    announce("cells by period")
    by_period = {p: (s, made.weighed[_of(made, p)]) for p, s in made.sources.items()}
    cells = make_panel(by_period, list(panel.columns.values()))
    out = (folder or resolve(panel.folder, base)) / "release"
    files = _write_cells(made, cells, out)
    answer: dict[str, Any] = {"folder": str(out), "totals": _totals(cells), "findings": sorted(set(made.findings))}
    if panel.change:
        announce("change, and what of it is redrawn borders")
        files += _change(made, out, answer)
    ledgers = pd.concat([ledger_table(e).assign(period=p) for p, e in cells.ledgers.items()], ignore_index=True)
    write_json(out.parent / "manifest.json", _manifest(made, ledgers, files, out))
    return answer | {"files": [str(f) for f in files], "worst_mass_error": float(ledgers["error"].max())}


def _of(made: _Made, period: str) -> str:
    """Key of the vintage that a period lies in."""
    return next(_key(v) for v in made.panel.vintage if period in v.periods)


def _key(vintage: Vintage) -> str:
    return f"{vintage.areas} {'|'.join(vintage.weights)}"


def _read_areas(made: _Made, vintage: Vintage) -> None:
    """Areas and weights of a vintage, once for all its periods."""
    if _key(vintage) in made.areas:
        return
    path = resolve(vintage.areas, made.base)
    if vintage.declared_as:
        source, report = read_declared(vintage.declared_as, path)
    else:
        source, report = read_areas(path, id_column=vintage.id_column)
    _noticed(made, report)
    weights = [str(resolve(w, made.base)) for w in vintage.weights]
    layers = read_ancillary(weights, "", made.grid).layers
    areas = polygon_crosswalk(polygons_of(source), layers[0].grid if layers else made.grid)
    weighed = reweight(areas, *layers) if layers else areas
    made.areas[_key(vintage)], made.layers[_key(vintage)] = source, layers
    made.weighed[_key(vintage)] = weighed if weighed.grid == made.grid else coarsen_crosswalk(weighed, made.grid)


def _read_period(made: _Made, vintage: Vintage, period: str) -> None:
    areas = made.areas[_key(vintage)]
    part_of = {**made.panel.part_of, **vintage.part_of}
    source, report = join_counts(
        areas,
        resolve(vintage.counts, made.base),
        id_column=vintage.counts_id,
        columns=made.panel.columns,
        part_of=part_of,
        only={vintage.period_column: period},
        reference_date=period,
    )
    _noticed(made, report)
    made.findings += [f"{period}: {f}" for f in check_hierarchy(source)]
    words = {n: replace(c, long_name=made.panel.words.get(n, c.long_name)) for n, c in source.columns.items()}
    made.sources[period] = replace(source, columns=words)


def _noticed(made: _Made, report: Report) -> None:
    report.raise_errors()
    made.findings += [str(f) for f in report]


def _write_cells(made: _Made, panel: Panel, out: Path) -> list[Path]:
    """One file of released cells per period, and the totals as a table."""
    files = []
    for period, cells in over(panel.cells, "period", lambda c: c).items():
        files.append(out / "cells" / f"{period}.parquet")
        write_geoparquet(release(cells, made.profile, terms=made.terms), files[-1])
    files.append(out / "totals.csv")
    totals = pd.DataFrame(_totals(panel))
    columns = {n: column_of(panel.cells[n]) for n in totals.columns[1:]}
    write_csv(release(protect_zones(totals, columns, made.profile)[0], made.profile), files[-1])
    return files


def _totals(panel: Panel) -> list[dict[str, Any]]:
    """Persons by period and count, as placed on cells."""
    names = [n for n in measured(panel.cells) if panel.cells[n].attrs["kind"] == "extensive"]
    rows = over(panel.cells, "period", lambda c: {n: round(float(c[n].sum()), 3) for n in names})
    return [{"period": period, **row} for period, row in rows.items()]


def _change(made: _Made, out: Path, answer: dict[str, Any]) -> list[Path]:
    """Cells of change, their map, the flows between vintages and the counts on the new areas with their range."""
    before, after = (made.sources[p] for p in made.panel.change)
    old, new = (_of(made, p) for p in made.panel.change)
    later = polygons_of(made.areas[new])
    flows = _flows(made, polygons_of(made.areas[old]), later, old)
    recut, bounds, ledger = to_vintage(before, flows, later, vintage=after.vintage)
    names = list(made.panel.change_of) or list(made.panel.columns.values())[:1]
    sides = [(before, old), (replace(recut, name=before.name), new), (after, new)]
    first, middle, last = (project_areas(s, made.weighed[k], columns=names).cells for s, k in sides)
    parts = [separate_change(first, middle, last, name, totals=names) for name in names]
    found = xr.merge(parts, combine_attrs="override", compat="equals")
    answer["crosswalk"] = _figures(flows, before, recut, names)
    answer["crosswalk"]["mass_error"] = max(e.error for e in ledger)
    files = [out / "flows.csv", out / "recut.csv", out / "cells" / "change.parquet", out / "maps" / "change.html"]
    write_csv(release(flows.table(), made.profile), files[0])
    columns = [c for n in names for c in (n, f"{n}_low", f"{n}_high")]
    moved, _ = protect_zones(
        pd.concat([recut.table, bounds], axis=1)[columns], {n: recut.columns[n] for n in names}, made.profile
    )
    write_csv(release(moved.reset_index(names="area"), made.profile), files[1])
    passed = release(found, made.profile, terms=made.terms)
    write_geoparquet(passed, files[2])
    write_text(files[3], to_html(_map(made, passed, names, later)))
    return files


def _flows(made: _Made, earlier: gpd.GeoSeries, later: gpd.GeoSeries, old: str) -> VintageCrosswalk:
    layers = made.layers[old]
    weights = {layers[0].name: list(layers)} if layers else {}
    return vintage_crosswalk(earlier, later, layers[0].grid if layers else made.grid, weights=weights)


def _figures(flows: VintageCrosswalk, before: Source, recut: Source, names: list[str]) -> dict[str, Any]:
    """How many areas stayed, and whether their counts came out exactly; who was reassigned, under which weights."""
    table = flows.table()
    same = table[table["what"] == "unchanged"]
    exact = all(
        np.array_equal(
            before.table.loc[same["old"], n].to_numpy(), recut.table.loc[same["new"], n].to_numpy(), equal_nan=True
        )
        for n in names
    )
    return {
        "areas": {"old": len(flows.old_id), "new": len(flows.new_id)},
        "flows": table["what"].value_counts().to_dict(),
        "unchanged_areas_exact": bool(exact),
        "reassigned_persons": {n: flows.reassigned(before.table[n].to_numpy(dtype=np.float64)) for n in names},
    }


def _map(made: _Made, passed: Any, names: list[str], outline: gpd.GeoSeries) -> Any:
    shown = [f"{n}_{what}" for n in names for what in ("real_change", "boundary_change", "change")]
    first, last = made.panel.change
    return make_map(
        passed,
        shown,
        title=made.panel.title,
        question=f"{made.panel.question} ({first} to {last})",
        outline=outline,
        notes=[
            f"Change from {first} to {last}.  Both = people who came or left, seen on the later borders, and people "
            "who only seem to have moved because a border was redrawn.",
            "Cells whose counts are small or not known are hatched; they are not zero.",
        ],
        carry=[f"{n}_{when}" for n in names for when in ("before", "after")],
    )


def _manifest(made: _Made, ledgers: pd.DataFrame, files: list[Path], out: Path) -> Mapping[str, Any]:
    inputs = {name: digest for s in made.sources.values() for name, digest in s.files.items()}
    return {
        "title": made.panel.title,
        "grid": made.grid.id,
        "disclosure_profile": str(made.profile),
        "inputs": inputs,
        "terms": [vars(t) for t in made.terms],
        "methods": {p: made.weighed[_of(made, p)].method for p in made.sources},
        "ledger": ledgers.to_dict("records"),
        "findings": sorted(set(made.findings)),
        "outputs": {f.relative_to(out).as_posix(): sha256_of(f) for f in files},
    }
