"""Counts joined to areas by id, each fault reported or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from civigrid.errors import SourceError, first_few
from civigrid.io.hashing import sha256_of
from civigrid.io.protection import declare_noise
from civigrid.io.tables import read_table, to_numbers
from civigrid.source import Finding, Report, Source
from civigrid.types import Bools, Column, Floats, Status, Statuses

RESERVED = ("covered", "code", "geometry", "bbox", "cell_id")
"""Names that cells and their files use."""
WHOLE_UP_TO = 2.0**53
"""Whole numbers beyond this are not exact in 64-bit floats."""


def join_counts(
    source: Source,
    path: Path,
    *,
    id_column: str,
    columns: Sequence[str] | Mapping[str, str],
    part_of: Mapping[str, str] | None = None,
    rates: Mapping[str, str] | None = None,
    only: Mapping[str, Any] | None = None,
    encoding: str = "",
    reference_date: str = "",
    noise_variance: float | None = None,
) -> tuple[Source, Report]:
    """Join a table of counts to areas by id.

    Parameters
    ----------
    source : Source
        Areas.
    path : Path
        CSV, Parquet or vector file of counts.
    id_column : str
        Its column of ids; leading zeros that a program dropped are put back where all ids of the areas have one length.
    columns : sequence of str, or mapping of str to str
        Columns of persons, or each with the name it gets.
    part_of : mapping of str to str, optional
        Declared hierarchy: which count is part of which (columns may be nested; nothing is assumed).
    rates : mapping of str to str, optional
        Which of the columns, by the name they get, average: each with the count that weighs it; ``""``: by area.
    only : mapping of str to value, optional
        Take the rows where a column has this value, as ``{"period": "2021-02"}``.
    encoding : str
        Encoding of a CSV.
    reference_date : str
        Date the counts refer to.
    noise_variance : float, optional
        Variance of the noise that the publisher added to each of these counts, persons2.  By default none is declared.

    Returns
    -------
    tuple of Source and Report
        The areas with the counts; ids on one side only are reported with the persons they carry.

    Raises
    ------
    SourceError
        Repeated ids, entries that are no numbers, negative counts, no id in common.
    """
    path = Path(path)
    table = read_table(path, encoding=encoding, text=path.suffix.lower() in (".csv", ".txt", ".tsv"))
    names = dict(columns) if isinstance(columns, Mapping) else {n: n for n in columns}
    if lacking := [n for n in (id_column, *names, *(only or {})) if n not in table.columns]:
        near = {n: get_close_matches(n, list(map(str, table.columns)), 1) for n in lacking}
        hint = "".join(f" Did you mean {m[0]!r} for {n!r}?" for n, m in near.items() if m)
        raise SourceError(
            f"{path.name} has no column {', '.join(lacking)}.{hint} It has {first_few(table.columns, 12)}. "
            "The column of ids is named by id_column (--counts-id)."
        )
    for name, value in (only or {}).items():
        table = table[table[name].astype(str) == str(value)]
    if not len(table):
        raise SourceError(f"{path.name} has no row{f' with {dict(only)}' if only else ''}. Is it the right file?")
    ids, findings = _padded(table[id_column], source.table.index, path.name)
    if (twice := ids[ids.duplicated()]).size:
        raise SourceError(
            f"{path.name}: {twice.size} ids repeat (first: {first_few(twice)}). "
            "Choose one period: only = { period = ... }."
        )
    numbers = pd.DataFrame({n: table[n].to_numpy() for n in names}, index=ids)
    ours, theirs = source.table.index.difference(ids), ids.difference(source.table.index)
    if len(ours) == len(source.table):
        raise SourceError(
            f"no id of {path.name} is an id of {source.name!r} ({first_few(ids, 3)} against "
            f"{first_few(source.table.index, 3)}). Do they belong to one vintage?"
        )
    unplaced = dict(source.unplaced)
    if len(theirs):
        first = next(iter(names))
        lost = {new: float(to_numbers(numbers.loc[theirs, old])[0].sum()) for old, new in names.items()}
        unplaced |= lost
        text = f"{len(theirs)} ids of {path.name} have no area; they carry {lost[names[first]]:,.0f} {names[first]}"
        findings.append(Finding("warning", "join.no-area", text, len(theirs), tuple(theirs[:5])))
    if len(ours):
        text = f"{len(ours)} areas of {source.name!r} have no row in {path.name}: unavailable"
        findings.append(Finding("warning", "join.no-row", text, len(ours), tuple(map(str, ours[:5]))))
    joined = numbers.reindex(source.table.index)
    more_files = {**source.files, path.name: sha256_of(path)}
    source = replace(
        source, unplaced=unplaced, files=more_files, reference_date=reference_date or source.reference_date
    )
    source, more = add_counts(source, joined, names, dict(part_of or {}), path.name, rates)
    # an area without a row lacks every count: said once, above
    more = [f for f in more if f.code != "counts.missing" or f.count > len(ours)]
    counted = [n for n in names.values() if n not in (rates or {})]
    return declare_noise(source, noise_variance, counted), Report((*findings, *more))


def _as_text(value: object) -> str:
    """An id as text: a whole number that a program stored as 2.0 is 2."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _padded(column: pd.Series, areas: pd.Index, name: str) -> tuple[pd.Index, list[Finding]]:
    """Ids as text; zeros lost on the left are put back where the areas' ids all have one length."""
    if column.isna().any():
        raise SourceError(f"{name}: {int(column.isna().sum())} rows have no {column.name!r}. Drop them first.")
    ids = pd.Index(column.astype(object).map(_as_text).str.strip())
    widths = {len(str(a)) for a in areas}
    if len(widths) == 1 and ids.str.fullmatch(r"\d+").all() and (short := ids.str.len() < min(widths)).any():
        text = f"{int(short.sum())} ids of {name} had lost their leading zeros; they were put back"
        return ids.str.zfill(min(widths)), [
            Finding("note", "join.zeros", text, int(short.sum()), tuple(ids[short][:5]))
        ]
    return ids, []


def add_counts(
    source: Source,
    values: pd.DataFrame,
    names: Mapping[str, str],
    part_of: Mapping[str, str],
    file: str,
    rates: Mapping[str, str] | None = None,
) -> tuple[Source, list[Finding]]:
    """Add checked counts to a source: numbers or missing, never negative; rates may be.

    Parameters
    ----------
    source : Source
        Areas.
    values : pandas.DataFrame
        A row per area, in order.
    names : mapping of str to str
        Its columns, each with the name it gets.
    part_of : mapping of str to str
        Which count is part of which.
    file : str
        Name of the file, for messages.
    rates : mapping of str to str, optional
        Which of them average, by the name they get, each with the count that weighs it.
    """
    rates = rates or {}
    if taken := sorted({n for n in names.values() if n in RESERVED or n.endswith("_status")}):
        raise SourceError(f"columns are called {', '.join(taken)}, which civigrid uses itself. Rename them first.")
    findings, data, status = [], source.table.copy(), dict(source.status)
    for old, new in names.items():
        number, missing = to_numbers(values[old])
        count = number.to_numpy(copy=True)
        bad = ~missing.to_numpy() & (((count < 0) & (new not in rates)) | ~np.isfinite(count))
        if (vast := np.abs(np.nan_to_num(count, posinf=0, neginf=0)) > WHOLE_UP_TO).any():
            first = first_few(source.table.index[vast])
            raise SourceError(
                f"{old!r} of {file} has counts above 2**53 ({first}): they would lose their last persons."
            )
        if bad.any():
            ids = tuple(map(str, source.table.index[bad][:5]))
            text = (
                f"{old!r} of {file} is negative or not finite in {int(bad.sum())} areas (first value {count[bad][0]})"
            )
            findings.append(Finding("error", "counts.negative", text, int(bad.sum()), ids))
        if missing.any():
            ids = tuple(map(str, source.table.index[missing.to_numpy()][:5]))
            text = f"{old!r} of {file} is missing in {int(missing.sum())} areas: unavailable, not zero"
            findings.append(Finding("warning", "counts.missing", text, int(missing.sum()), ids))
        data[new], status[new] = count, _status(count, missing.to_numpy())
    about = {n: _column(n, part_of, rates) for n in names.values()}
    return replace(source, table=data, columns={**source.columns, **about}, status=status), findings


def _column(name: str, part_of: Mapping[str, str], rates: Mapping[str, str]) -> Column:
    words = name.replace("_", " ").capitalize()
    if name in rates:
        return Column(kind="intensive", units="1", long_name=words, weight=rates[name] or None)
    return Column(long_name=words, part_of=part_of.get(name))


def _status(count: Floats, missing: Bools) -> Statuses:
    status = np.where(count == 0, Status.OBSERVED_ZERO, Status.OK)
    return np.where(missing, Status.UNAVAILABLE, status).astype(np.uint8)
