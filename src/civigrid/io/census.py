"""The Eurostat census grid 2021, in every form it is published in: V1, V2, V3, and the x, y tables made from it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from civigrid.errors import SourceError, first_few
from civigrid.grid import SquareGrid
from civigrid.io.codes import detect_grid, parse_codes
from civigrid.io.hashing import sha256_of
from civigrid.io.protection import declare_noise
from civigrid.io.tables import column_names, read_table
from civigrid.source import Finding, Report, Source
from civigrid.types import Bounds, Column, Floats, Ids, Ints, Status, Statuses

CONFIDENTIAL, UNAVAILABLE = -8888, -9999
"""Sentinels of V3.  V2 wrote -9999 for what its flags call confidential."""

MEANING = {
    "T": "Residents",
    "M": "Men",
    "F": "Women",
    "Y_LT15": "Under 15 years",
    "Y_1564": "15 to 64 years",
    "Y_GE65": "65 years and over",
    "EMP": "Employed",
    "NAT": "Born in the country they live in",
    "EU_OTH": "Born in another EU country",
    "OTH": "Born outside the EU",
    "SAME": "Same home a year before",
    "CHG_IN": "Moved within the country in the last year",
    "CHG_OUT": "Moved in from abroad in the last year",
}
_PARTS = (("M", "F"), ("Y_LT15", "Y_1564", "Y_GE65"), ("NAT", "EU_OTH", "OTH"), ("SAME", "CHG_IN", "CHG_OUT"))


def read_census_grid(
    path: Path,
    *,
    columns: Sequence[str] = (),
    bbox: Bounds | None = None,
    cell_size_m: int = 0,
    noise_variance: float | Mapping[str, float] | None = None,
) -> tuple[Source, Report]:
    """Read the Eurostat census grid 2021.

    Parameters
    ----------
    path : Path
        Parquet, CSV or GeoPackage; cells named by ``GRD_ID``, or by ``x``, ``y`` of the lower-left corner in metres
        (in a tile beside its ``info.json``: counted within the tile).
    columns : sequence of str
        Variables to read, as ``T``; empty: all that are there.
    bbox : Bounds, optional
        Keep cells whose lower-left corner lies in this box, EPSG:3035.
    cell_size_m : int
        Side of the cells where only x and y are given; 0: found from them.
    noise_variance : float or mapping of str to float, optional
        Variance of the noise that publishers added to each count, persons2, for all or by country code; see
        `civigrid.io.protection`, whose table is inferred and not official.  By default none is declared.

    Returns
    -------
    tuple of Source and Report
        Counts with their statuses, labels ``country`` and ``populated`` (where the file says it); persons in no cell
        (``FR_unallocated``) in `Source.unplaced`.

    Raises
    ------
    SourceError
        No cell ids, no known variable, cells twice with different counts, negative counts that are no sentinel.

    Notes
    -----
    A flagged 0 is missing; a flagged count above 0 stands, as ``PERTURBED``.  The employed of a country that reports
    none at all were not delivered: ``UNAVAILABLE``.  Parts need not add up to T, by design of disclosure control:
    this is reported, never repaired.
    """
    path = Path(path)
    asked = {*(columns or MEANING), "OBS_VALUE_T", "GRD_ID", "CNTR_ID", "POPULATED", "x", "y"}
    table = read_table(path, wanted=lambda name: name.removesuffix("_CI") in asked)
    # Arrow keeps what it read until told that nobody needs it: a fifth of the peak
    pa.default_memory_pool().release_unused()
    table = table.rename(columns={"OBS_VALUE_T": "T"})
    names = [n for n in (columns or MEANING) if n in table.columns]
    if not names or set(columns) - set(names):
        lacking = sorted(set(columns) - set(names)) or list(MEANING)[:3]
        raise SourceError(
            f"{path.name} has no column {', '.join(lacking)}. It has: {first_few(column_names(path), 12)}."
        )
    table, unplaced, findings = _unallocated(table, names)
    ids, grid = _ids(table, path, cell_size_m)
    rows = np.argsort(ids, kind="stable")
    if bbox is not None:
        corner = grid.corner(ids[rows])
        low, high = (corner >= [bbox.west, bbox.south]).all(axis=1), (corner < [bbox.east, bbox.north]).all(axis=1)
        rows = rows[low & high]
    # columns are put in order one by one: a sorted copy of the whole table would double the memory
    ids = ids[rows]
    if (twice := np.flatnonzero(ids[1:] == ids[:-1])).size:
        raise SourceError(
            f"{path.name}: {twice.size} cells stand twice (first: {first_few(hex(ids[i]) for i in twice)})."
        )
    country = _countries(table, rows)
    values, status, more = _values(table, names, country, ids, rows)
    findings += more + _additivity(values, country)
    index = pd.Index(ids, name="cell_id")
    # a few country codes, each one object that all cells share; and columns that stay apart: one block would copy all
    labels = {} if country is None else {"country": pd.Series(country.names[country.code], index, dtype=object)}
    if "POPULATED" in table.columns:
        # whether the publisher says that someone lives there: known even where T is published as 0
        populated = pd.to_numeric(table["POPULATED"], errors="coerce").to_numpy()[rows] > 0
        words = np.array(["0", "1"], dtype=object)
        labels["populated"] = pd.Series(words[populated.astype(np.int64)], index, dtype=object)
    data = pd.DataFrame({**values, **labels}, index=index, copy=False)
    about = {n: Column(long_name=MEANING[n], part_of=None if n == "T" else "T") for n in names}
    source = Source(
        name=path.stem,
        table=data,
        columns=about,
        grid=grid,
        status=status,
        unplaced=unplaced,
        reference_date="2021-01-01",
        files={path.name: sha256_of(path)},
    )
    return declare_noise(source, noise_variance), Report(tuple(findings))


def _unallocated(table: pd.DataFrame, names: list[str]) -> tuple[pd.DataFrame, dict[str, float], list[Finding]]:
    """Take out the rows of persons whom a country placed in no cell."""
    if "GRD_ID" not in table.columns:
        return table, {}, []
    rows = table["GRD_ID"].astype(str).str.contains("unallocated").to_numpy()
    if not rows.any():
        return table, {}, []
    counts = table.loc[rows, names].apply(pd.to_numeric, errors="coerce")
    unplaced = {n: float(counts[n][counts[n] > 0].sum()) for n in names}
    codes = tuple(table.loc[rows, "GRD_ID"].astype(str).head(5))
    text = f"{unplaced.get('T', 0.0):,.0f} persons stand in no cell (unallocated): in the ledger, not on the map"
    return table[~rows], unplaced, [Finding("note", "census.unallocated", text, int(rows.sum()), codes)]


def _ids(table: pd.DataFrame, path: Path, cell_size_m: int) -> tuple[Ids, SquareGrid]:
    if "GRD_ID" in table.columns:
        codes = table["GRD_ID"]
        if codes.isna().any():
            raise SourceError(f"{path.name}: {int(codes.isna().sum())} rows have no GRD_ID. Drop them first.")
        grid = detect_grid(str(codes.iloc[0]))
        return parse_codes(codes.astype(str).to_numpy(), grid), grid
    if not {"x", "y"} <= set(table.columns):
        raise SourceError(
            f"{path.name} names no cells: it needs GRD_ID, or x and y. It has {first_few(column_names(path), 8)}."
        )
    corner = table[["x", "y"]].to_numpy(dtype=np.float64)
    info = path.parent.parent / "info.json"
    if corner.size and corner.max() < 100_000 and info.exists():
        about = json.loads(info.read_text(encoding="utf-8"))
        tile = np.array([int(path.parent.name), int(path.stem)])
        cell_size_m = int(about["resolutionGeo"])
        origin = np.array([about["originPoint"]["x"], about["originPoint"]["y"]])
        corner = (tile * about["tileSizeCell"] + corner) * cell_size_m + origin
    size = cell_size_m or _spacing(corner)
    grid = SquareGrid(cell_size_m=size)
    if np.any(corner % size):
        raise SourceError(f"{path.name}: x, y are no corners of {size} m cells. Give cell_size_m=.")
    return grid.cell_at(corner + size / 2), grid


def _spacing(corner: Floats) -> int:
    """Greatest common divisor of the corners: the size of the cells."""
    return int(np.gcd.reduce(corner.astype(np.int64).ravel())) or 1


class _Countries(NamedTuple):
    """Country codes by number: a million repeated texts are looked at once."""

    code: Ints
    names: npt.NDArray[np.object_]

    def share(self, part: npt.NDArray[np.bool_], of: npt.NDArray[np.bool_]) -> Floats:
        """Share of the cells `of` in which `part` holds, by country; NaN where there are none."""
        n = len(self.names)
        some, all_ = (np.bincount(self.code[rows], minlength=n) for rows in (part & of, of))
        share: Floats = np.divide(some, all_, out=np.full(n, np.nan), where=all_ > 0)
        return share


def _countries(table: pd.DataFrame, rows: npt.NDArray[np.intp]) -> _Countries | None:
    if "CNTR_ID" not in table.columns:
        return None
    code, names = pd.factorize(table["CNTR_ID"].iloc[rows], sort=True)
    words = np.append(np.asarray(names, dtype=object), "")
    return _Countries(np.where(code < 0, len(names), code), words)


def _values(
    table: pd.DataFrame, names: list[str], country: _Countries | None, ids: Ids, rows: npt.NDArray[np.intp]
) -> tuple[dict[str, Floats], dict[str, Statuses], list[Finding]]:
    values, status, findings = {}, {}, []
    for name in names:
        value = pd.to_numeric(table.pop(name), errors="coerce").to_numpy(dtype=np.float64)[rows]
        flag = f"{name}_CI"
        flagged = np.zeros(len(rows), dtype=bool)
        if flag in table.columns:
            given = table.pop(flag).fillna(0).to_numpy()[rows]
            flagged = given != 0
            findings += _odd_flags(flag, given, ids)
        codes = _status(value, flagged)
        findings += _refuse_negative(name, value, codes, ids)
        if name == "EMP" and country is not None:
            findings += _not_delivered(value, codes, country)
        missing = (codes == Status.CONFIDENTIAL) | (codes == Status.UNAVAILABLE)
        value[missing] = np.nan
        values[name], status[name] = value, codes
        if missing.any():
            text = f"{name} is missing in {int(missing.sum()):,} cells (confidential or unavailable), never zero"
            findings.append(Finding("note", "census.missing", text, int(missing.sum()), _first(ids[missing])))
        if (perturbed := codes == Status.PERTURBED).any():
            text = f"{name} is flagged confidential in {int(perturbed.sum()):,} cells and yet has a value: kept, marked"
            findings.append(Finding("note", "census.flagged-value", text, int(perturbed.sum()), _first(ids[perturbed])))
    if country is not None:
        findings += _borders(country, ids)
    return values, status, findings


def _status(value: Floats, flagged: npt.NDArray[np.bool_]) -> Statuses:
    status = np.where(value == 0, Status.OBSERVED_ZERO, Status.OK).astype(np.uint8)
    status[flagged & (value > 0)] = Status.PERTURBED
    status[np.isnan(value) | (value == UNAVAILABLE)] = Status.UNAVAILABLE
    status[(value == CONFIDENTIAL) | (flagged & ~(value > 0))] = Status.CONFIDENTIAL
    return status


def _odd_flags(flag: str, given: npt.NDArray[np.generic], ids: Ids) -> list[Finding]:
    """Flags other than 0, 1 and the sentinel of V2: taken as set, and told."""
    odd = ~np.isin(given, (0, 1, UNAVAILABLE))
    if not odd.any():
        return []
    text = f"{flag} is neither 0 nor 1 in {int(odd.sum())} cells (first {given[odd][0]}): taken as confidential"
    return [Finding("warning", "census.odd-flag", text, int(odd.sum()), _first(ids[odd]))]


def _refuse_negative(name: str, value: Floats, status: Statuses, ids: Ids) -> list[Finding]:
    known = (status == Status.OK) | (status == Status.OBSERVED_ZERO) | (status == Status.PERTURBED)
    bad = known & ((value < 0) | ~np.isfinite(value))
    if not bad.any():
        return []
    text = f"{name} is negative or not finite in {int(bad.sum())} cells (first value {value[bad][0]})"
    return [Finding("error", "census.negative", text, int(bad.sum()), _first(ids[bad]))]


def _not_delivered(value: Floats, status: Statuses, country: _Countries) -> list[Finding]:
    """The employed of a country all of whose cells say 0: a column that was not delivered."""
    employed = country.share(np.nan_to_num(value) > 0, np.ones(len(value), dtype=bool))
    absent = {n for n, some in zip(country.names, employed, strict=True) if some == 0 and n and "-" not in n}
    between = {n for n in country.names if "-" in n and set(n.split("-")) <= absent}
    rows = np.isin(country.names, sorted(absent | between))[country.code] & (value == 0)
    status[rows] = Status.UNAVAILABLE
    if not rows.any():
        return []
    text = f"EMP is 0 in every cell of {', '.join(sorted(absent))}: not delivered, taken as unavailable"
    return [Finding("warning", "census.not-delivered", text, int(rows.sum()))]


def _borders(country: _Countries, ids: Ids) -> list[Finding]:
    findings = []
    border = np.array(["-" in n for n in country.names])[country.code]
    nowhere = (country.names == "")[country.code]
    if border.any():
        first = country.names[country.code[border][0]]
        words = f"{int(border.sum()):,} cells lie on a border and belong to several countries, as {first}"
        findings.append(Finding("note", "census.border", words, int(border.sum()), _first(ids[border])))
    if nowhere.any():
        words = f"{int(nowhere.sum()):,} cells have no country code"
        findings.append(Finding("note", "census.no-country", words, int(nowhere.sum()), _first(ids[nowhere])))
    return findings


def _additivity(values: dict[str, Floats], country: _Countries | None) -> list[Finding]:
    """How often the parts add up to T: a property of each country's disclosure control, reported."""
    findings = []
    for parts in _PARTS:
        if not {"T", *parts} <= set(values):
            continue
        total = sum((values[p] for p in parts), np.zeros(len(values["T"])))
        known = ~np.isnan(total) & ~np.isnan(values["T"])
        adds = total == values["T"]
        if not known.any() or adds[known].all():
            continue
        text = f"{' + '.join(parts)} = T in {adds[known].mean():.1%} of cells where all are known"
        if country is not None:
            share = zip(country.names, country.share(adds, known), strict=True)
            low = [f"{n} {s:.0%}" for n, s in sorted(share, key=lambda p: p[1]) if len(n) == 2 and s == s]
            text += f"; least in {', '.join(low[:5])}"
        findings.append(Finding("note", "census.not-additive", text, int((~adds & known).sum())))
    return findings


def _first(ids: Ids) -> tuple[str, ...]:
    return tuple(hex(i) for i in ids[:5].tolist())
