"""What changed between two files: two years of one place, or two cities; cells, or plain tables of the same units."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from civigrid.cells import ids_of, labels, make_cells
from civigrid.errors import GridMismatchError, SchemaError, unknown_name
from civigrid.grid import SquareGrid
from civigrid.io.atomic import write_bytes
from civigrid.io.composition import Composed, Composition, read_composition
from civigrid.layers.segregation.change.comparison import comparison_table
from civigrid.layers.segregation.change.differences import city_difference_table, difference_table
from civigrid.layers.segregation.change.pairs import same_grid
from civigrid.layers.segregation.groups import group_counts
from civigrid.layers.segregation.indices import INDICES, index_named
from civigrid.layers.segregation.reference import Reference
from civigrid.release import Profile
from civigrid.release.indices import fewest_members, held_back, protect_indices
from civigrid.report import difference_figure, figure_bytes
from civigrid.run.segregation.cell_checks import check_cells
from civigrid.run.segregation.figures import NOTHING
from civigrid.run.segregation.file import cells_of, cited, holds_cells, rows_of
from civigrid.run.segregation.limits import MOST_DRAWS, check_draws, check_outputs, check_seed, check_show
from civigrid.run.segregation.members import members_of
from civigrid.run.segregation.names import index_names, refuse_few_groups
from civigrid.run.segregation.people import People
from civigrid.run.segregation.reference import spanning_areas
from civigrid.run.segregation.tables import Announce
from civigrid.run.steps import write_table_file
from civigrid.types import Column, Status

_PLANE = SquareGrid(cell_size_m=1000)
"""Units of plain tables stand on cells of this grid, in the order of their names: nothing here asks where they lie."""
_ALONG = 1000
_KEY = ["zone", "index", "groups"]


@dataclass(frozen=True, kw_only=True)
class ChangeAsked:
    """What is wanted of two files.

    Parameters
    ----------
    composed : Composed
        Groups, total, zones; and how plain tables are read.
    indices : tuple of str
        Indices whose difference is tested; empty: D and H of each group, and H_multi.
    cities : bool
        Two places, not two years: two terms, and no units in common.
    draws, seed : int
        Draws of a second test and of intervals of the five terms, 0: none; and the seed.
    added : float
        Persons put into empty combinations of unit and group, where zeros forbid to split a difference.
    plain : bool
        Read both files as plain tables.
    reference : {"", "whole"}
        Declared where a file spans countries and its groups are relative to them.
    """

    composed: Composed
    indices: tuple[str, ...] = ()
    cities: bool = False
    draws: int = 0
    seed: int = 0
    added: float = 0.0
    plain: bool = False
    reference: Reference = ""


@dataclass(frozen=True, kw_only=True)
class ChangeOutputs:
    """Where results go: the table, and one picture (its index and group by default the first), after disclosure."""

    table: Path | None = None
    figure: Path | None = None
    show: str = ""
    group: str = ""


class _Pair(NamedTuple):
    """Two sets of cells, the groups and total they have, what was noticed, and what they are made of."""

    first: xr.Dataset
    second: xr.Dataset
    groups: tuple[str, ...]
    total: str
    unit: str
    findings: list[str]


def change_files(
    before: Path,
    after: Path,
    asked: ChangeAsked,
    profile: Profile,
    out: ChangeOutputs,
    announce: Announce = lambda _: None,
) -> dict[str, Any]:
    """Compare two files: the terms of the difference, and whether it may be chance.

    Parameters
    ----------
    before, after : Path
        The two files, both of cells or both plain tables.
    asked : ChangeAsked
        What is wanted of them.
    profile : Profile
        What a file written may tell.
    out : ChangeOutputs
        Files to write.
    announce : callable
        Hears what is done.

    Returns
    -------
    dict
        ``table``: rows with parameters as objects and ``held_back``; ``findings``, ``sources``, and files written.

    Raises
    ------
    SchemaError, GridMismatchError, SourceError, UnknownNameError
        Each fault of the files or of what was asked, with its mend.
    """
    names = _checked(asked, out)
    pair = _read(before, after, asked, announce)
    zone = asked.composed.zones
    announce("splitting the difference")
    terms = _terms(pair, asked, names, zone)
    announce("testing the difference")
    tests = comparison_table(
        pair.first,
        pair.second,
        pair.groups,
        total=pair.total,
        indices=names,
        draws=asked.draws,
        seed=asked.seed,
        units="different" if asked.cities else "auto",
    )
    # the test tells the same difference, with its interval
    known = {tuple(key) for key in tests[_KEY].to_numpy()}
    terms = terms[[tuple(key) not in known for key in terms[_KEY].to_numpy()]]
    table = pd.concat([terms, tests], ignore_index=True)
    why = _held(table, pair, zone, profile)
    told = protect_indices(table, why, profile)
    if out.figure is not None:
        _draw(told, out.figure, out, (before.stem, after.stem), profile)
    if out.table is not None:
        write_table_file(told, out.table, profile)
    rows = rows_of(table, why)
    cites = [json.loads(text).get("cite", "") for text in table["parameters"].unique()]
    keys = sorted({key for text in cites for key in text.split("|")})
    return {
        "before": before.name,
        "after": after.name,
        "out": str(out.table) if out.table else "",
        "figure": str(out.figure) if out.figure else "",
        "profile": str(profile),
        "unit": pair.unit,
        "findings": [*pair.findings, *([] if asked.cities else _only_in_one(pair))],
        "held_back": int((why != "").sum()),
        "sources": [found for key in keys if (found := cited(key))],
        "table": rows,
    }


def _only_in_one(pair: _Pair) -> list[str]:
    """Say where units of one file are not in the other: people who came and went, or areas that were redrawn."""
    lived = []
    for cells in (pair.first, pair.second):
        counts, _ = group_counts(cells, pair.groups, pair.total)
        lived.append(ids_of(cells)[np.nan_to_num(counts.sum(axis=1)) > 0])
    gone, new = (len(np.setdiff1d(lived[k], lived[1 - k])) for k in (0, 1))
    if gone + new <= 0.05 * max(len(lived[0]), 1):
        return []
    return [
        f"warning change.units: {gone:,} {pair.unit} live in the first only, {new:,} in the second only: additions and "
        "removals. Where areas were redrawn, the difference is theirs too: bring both onto one grid first"
    ]


def _checked(asked: ChangeAsked, out: ChangeOutputs) -> tuple[str, ...]:
    """Refuse what cannot be done before anything is read; give the indices."""
    check_outputs(out.table, out.figure)
    check_seed(asked.seed)
    check_draws("draws", asked.draws, MOST_DRAWS)
    if not (np.isfinite(asked.added) and asked.added >= 0):
        raise SchemaError(f"added is {asked.added}: the persons put into empty units are a number, 0 or more.")
    names = _indices(asked)
    if out.figure is not None:
        check_show(out.show, names if asked.cities else ("M", "H"))
    return names


def _indices(asked: ChangeAsked) -> tuple[str, ...]:
    if not asked.indices:
        return ("D", "H") if asked.cities else ("D", "H", "H_multi")
    names = index_names(asked.indices)
    if names.of_pattern:
        raise SchemaError(f"{', '.join(names.of_pattern)}: differences are of compositions; pattern is not compared.")
    return names.of_shares


def _terms(pair: _Pair, asked: ChangeAsked, names: tuple[str, ...], zone: str) -> pd.DataFrame:
    """Five terms of M and H over time, two of each index of two groups between cities."""
    if asked.cities:
        two = [name for name in names if index_named(name).groups == "each"]
        if not two:
            known = ", ".join(n for n, i in INDICES.items() if i.groups == "each")
            raise SchemaError(f"between cities an index of one group is split, none of {', '.join(names)}: {known}.")
        return city_difference_table(pair.first, pair.second, pair.groups, total=pair.total, indices=two)
    return difference_table(
        pair.first,
        pair.second,
        pair.groups,
        total=pair.total,
        zone=zone,
        added=asked.added,
        draws=asked.draws,
        seed=asked.seed,
    )


def _read(before: Path, after: Path, asked: ChangeAsked, announce: Announce) -> _Pair:
    composed = asked.composed
    both = [holds_cells(path, composed, asked.plain) for path in (before, after)]
    if both[0] != both[1]:
        of_cells, plain = (before, after) if both[0] else (after, before)
        raise SchemaError(
            f"{of_cells.name} holds cells, {plain.name} is a plain table: bring both onto one grid, or read both as "
            "plain tables (--plain)."
        )
    if asked.cities and composed.zones:
        raise SchemaError("--zones splits a difference over time zone by zone; between cities there is one difference.")
    if not all(both):
        return _of_plain(before, after, asked, announce)
    refuse_few_groups(composed.groups, composed.total)
    found, findings = [], []
    for path in (before, after):
        announce(f"reading {path.name}")
        cells = cells_of(path, composed, [])
        findings += [f"{path.name}: {text}" for text in check_cells(cells, composed, path.name)]
        spanning_areas(People(cells=cells, groups=composed.groups), asked.reference)
        found.append(cells)
    if not asked.cities:
        _check_same(found[0], found[1], before, after)
    return _Pair(found[0], found[1], composed.groups, composed.total, "cells", findings)


def _check_same(first: xr.Dataset, second: xr.Dataset, before: Path, after: Path) -> None:
    """Refuse sets without cells in common."""
    if not same_grid(first, second):
        raise GridMismatchError(
            f"{before.name} and {after.name} lie on different grids: their cells are no common units. Project both to "
            "one grid (civigrid project), or compare them as two cities (--cities)."
        )
    if not len(np.intersect1d(ids_of(first), ids_of(second))):
        raise SchemaError(
            f"{before.name} and {after.name} have no cell in common: they are two places, not two years. Compare them "
            "as two cities (--cities)."
        )


def _of_plain(before: Path, after: Path, asked: ChangeAsked, announce: Announce) -> _Pair:
    composed = asked.composed
    if not (composed.units or asked.cities):
        raise SchemaError("name the columns of the units (--units): rows of two years are matched by them.")
    tables: list[Composition] = []
    for path in (before, after):
        announce(f"reading {path.name}")
        tables.append(read_composition(path, composed))
    names = list(dict.fromkeys(name for table in tables for name in table.names if name != "rest"))
    rest = [table.names[-1] == "rest" for table in tables]
    if rest[0] != rest[1] or (composed.total and not all(rest)):
        raise SchemaError(f"{composed.total!r} leaves a rest in one of the two files only.")
    refuse_few_groups(names, composed.total)
    units = np.unique(np.concatenate([table.unit for table in tables]).astype(str))
    if not asked.cities and set(tables[0].unit).isdisjoint(tables[1].unit):
        raise SchemaError(
            f"{before.name} and {after.name} have no unit in common (first: {tables[0].unit[0]!r}, "
            f"{tables[1].unit[0]!r}). Mend the ids, or compare them as two cities (--cities)."
        )
    made = [_as_cells(table, names, units, composed) for table in tables]
    findings = [
        f"{path.name}: {found}" for path, table in zip((before, after), tables, strict=True) for found in table.findings
    ]
    return _Pair(made[0], made[1], tuple(names), composed.total, "units", findings)


def _as_cells(table: Composition, names: list[str], units: npt.NDArray[np.str_], composed: Composed) -> xr.Dataset:
    """Set units side by side on a grid: the functions of cells count them alike, wherever they lie."""
    at = np.searchsorted(units, table.unit.astype(str))
    ids = _PLANE.from_row_col(1000 + at // _ALONG, 1000 + at % _ALONG)
    place = {name: k for k, name in enumerate(table.names)}
    nobody = np.zeros(len(at))
    values = {name: table.counts[:, place[name]] if name in place else nobody for name in names}
    if composed.total:
        values[composed.total] = table.persons
    label = {composed.zones: table.zone} if composed.zones else {}
    order = np.argsort(ids, kind="stable")
    status = {
        n: np.where(np.isnan(v[order]), Status.UNAVAILABLE, Status.OK).astype(np.uint8) for n, v in values.items()
    }
    return make_cells(
        _PLANE,
        ids[order],
        {name: value[order] for name, value in values.items()},
        {name: Column() for name in values},
        status=status,
        labels={name: of[order] for name, of in label.items()},
    )


def _held(table: pd.DataFrame, pair: _Pair, zone: str, profile: Profile) -> npt.NDArray[np.object_]:
    """Say why a row may not leave: either of the two sets has few of a group in the zone."""
    names = [*pair.groups, *(["rest"] if pair.total else [])]
    fewest = np.full(len(table), np.inf)
    for cells in (pair.first, pair.second):
        counts, _ = group_counts(cells, pair.groups, pair.total)
        of = cells[zone].to_numpy() if zone in labels(cells) else np.empty(0, dtype=object)
        fewest = np.minimum(fewest, fewest_members(table, *_zoned(counts, of, names)))
    return held_back(table, fewest, profile)


def _zoned(counts: Any, of: npt.NDArray[Any], names: list[str]) -> tuple[list[str], list[str], Any]:
    zones, members = members_of(counts, of)
    return zones, names, members


def _draw(told: pd.DataFrame, path: Path, out: ChangeOutputs, names: tuple[str, str], profile: Profile) -> None:
    """Draw the terms of one index as steps from the first value to the second."""
    terms = told[[json.loads(text).get("addend") is not None for text in told["parameters"]]]
    known = list(dict.fromkeys(str(name).rpartition("_")[0] for name in terms["index"] if str(name).endswith(_LAST)))
    index = out.show or next((name for name in ("H", *known) if name in known), "")
    if index not in known:
        raise unknown_name("index of the figure (--show)", index, known)
    groups = list(dict.fromkeys(terms["groups"]))
    if out.group and out.group not in groups:
        raise unknown_name("group of the figure (--group)", out.group, groups)
    rows = terms[(terms["zone"] == "all") & (terms["groups"] == (out.group or groups[0]))].dropna(subset=["estimate"])
    if not len(rows):
        raise SchemaError(NOTHING.format(index, profile, "its rows are held back, or undefined"))
    drawn = difference_figure(rows, index, names=names)
    write_bytes(path, figure_bytes(drawn, path.suffix.lower()))


_LAST = ("structural", "spatial")
"""The last term of each kind of split."""
