"""Who lives or learns in each unit, from any plain table: wide (a column by group) or long (a row by group)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyogrio

from civigrid.errors import SourceError, first_few, unknown_name
from civigrid.io.composition_checks import check_composition
from civigrid.io.composition_text import refuse_title, small_fractions
from civigrid.io.marks import Entries, read_entries, with_status
from civigrid.io.tables import VECTOR, read_table, refuse_binary
from civigrid.source import Finding
from civigrid.types import Floats, Ints

SHEETS = (".xlsx", ".ods")
_JOIN = " / "
Words = npt.NDArray[np.object_]


@dataclass(frozen=True, kw_only=True)
class Composed:
    """Which columns of a plain table make a composition.

    Parameters
    ----------
    groups : tuple of str
        Wide: columns of counts.  Long: the categories to take, in their order; empty: all.
    total : str
        Column (long: category) of all persons; what the groups leave of it becomes "rest".
    units : tuple of str
        Columns that together name a unit; empty: every row is one.
    zones : str
        Column whose values are zones.
    long : tuple of str
        Column of categories, column of counts; empty: the table is wide.
    where : tuple of str
        ``COLUMN=VALUE``: rows to take.
    sum_units : bool
        Add up rows of one unit in a wide table; else they are refused.
    layer : str
        Sheet or layer of a file that holds several.
    bounded : bool
        Give counts that the publisher keeps back with the most they can be, instead of refusing the table.
    """

    groups: tuple[str, ...] = ()
    total: str = ""
    units: tuple[str, ...] = ()
    zones: str = ""
    long: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    sum_units: bool = False
    layer: str = ""
    bounded: bool = False


@dataclass(frozen=True, eq=False)
class Composition:
    """Persons by unit and group.

    Parameters
    ----------
    names : tuple of str
        Groups; the last is "rest" where a total was named.
    unit, zone : ndarray of str, shape (unit,)
        Names of the units, and the zone of each ("" where it has none); `zone` is empty without zones.
    counts : ndarray, shape (unit, group)
        NaN in all groups where one is missing; NaN where one is kept back.
    most : ndarray, shape (unit, group)
        The most that a count kept back can be, by its mark; NaN elsewhere.  Of "rest" nothing is known beside.
    persons : ndarray, shape (unit,)
        The total, or the sum of the groups.
    findings : tuple of Finding
        What was noticed.
    """

    names: tuple[str, ...]
    unit: Words
    zone: Words
    counts: Floats
    most: Floats
    persons: Floats
    findings: tuple[Finding, ...] = ()


class _Rows(NamedTuple):
    """Counts by unit and column as read."""

    names: list[str]
    unit: Words
    zone: Words
    counts: Floats
    most: Floats
    marks: tuple[str, ...]
    findings: list[Finding]


def read_composition(path: Path, asked: Composed) -> Composition:
    """Read a plain table of units by groups.

    Parameters
    ----------
    path : Path
        CSV, Parquet, a sheet (.xlsx, .ods), or the attributes of a vector file.
    asked : Composed
        Which columns.

    Returns
    -------
    Composition
        Missing counts are NaN, never zero; everything noticed stands in `findings`.

    Raises
    ------
    SourceError
        Unknown columns, counts that the publisher keeps back, text, negative counts, rates instead of counts, units
        that repeat, groups that contain each other, a row that is the total of the others, no persons.
    """
    path = Path(path)
    table = _chosen(read_plain(path, asked.layer), asked.where, path.name)
    rows = _long(table, asked, path.name) if asked.long else _wide(table, asked, path.name)
    if not asked.bounded:
        _refuse_kept_back(rows, path.name)
    kept_back = ~np.isnan(rows.most)
    counts, found = check_composition(rows.names, rows.unit, rows.zone, rows.counts, kept_back, asked.total, path.name)
    names, most, persons = list(rows.names), rows.most, counts.sum(axis=1)
    if asked.total:
        at = names.index(asked.total)
        others = [k for k in range(len(names)) if k != at]
        persons = counts[:, at]
        rest = np.maximum(persons - counts[:, others].sum(axis=1), 0.0)
        counts = np.concatenate([counts[:, others], rest[:, None]], axis=1)
        most = np.concatenate([most[:, others], np.where(np.isnan(rest), np.inf, np.nan)[:, None]], axis=1)
        names = [*(names[k] for k in others), "rest"]
    return Composition(tuple(names), rows.unit, rows.zone, counts, most, persons, (*rows.findings, *found))


def _refuse_kept_back(rows: _Rows, file: str) -> None:
    """An index of the counts that a publisher tells is wrong: it hides the small ones first."""
    hidden = ~np.isnan(rows.most)
    if not hidden.any():
        return
    which = [name for k, name in enumerate(rows.names) if hidden[:, k].any()]
    dash = " A dash that stands for nobody must be written 0." if set(rows.marks) & set("-–—") else ""
    raise SourceError(
        f"{file} keeps {int(hidden.sum())} counts back in {first_few(which)} (marks "
        f"{first_few(map(repr, rows.marks))}): an index of the others would be wrong: small counts hide first. "
        "Take larger units or groups whose counts are all told, or ask how large and small indices can be (--bounds, "
        f"with --total).{dash}"
    )


def read_plain(path: Path, layer: str = "") -> pd.DataFrame:
    """Read a table of any kind, its text left as it stands.

    Raises
    ------
    SourceError
        It cannot be read, has several sheets and none is named, a title above its header, or rows longer than it.
    """
    suffix = path.suffix.lower()
    if suffix == ".xls":
        raise SourceError(f"{path.name}: this old form of spreadsheet is not read. Save it as .xlsx or .csv.")
    if suffix in SHEETS or (suffix in VECTOR and layer):
        frame = _sheet(path, layer)
    else:
        if suffix != ".parquet" and suffix not in VECTOR:
            if path.exists():
                refuse_binary(path)
            refuse_title(path)
        frame = read_table(path, text=suffix != ".parquet" and suffix not in VECTOR)
    if not isinstance(frame.index, pd.RangeIndex):
        if suffix != ".parquet":
            raise SourceError(f"{path.name}: rows have more entries than the header names. Mend the header.")
        frame = frame.reset_index()
    frame.columns = [str(c).strip() for c in frame.columns]
    if twice := sorted(set(frame.columns[frame.columns.duplicated()])):
        raise SourceError(f"{path.name} has columns of one name twice: {first_few(twice)}. Rename them.")
    if not len(frame):
        raise SourceError(f"{path.name} has no rows.")
    return frame


def _sheet(path: Path, layer: str) -> pd.DataFrame:
    if not path.exists():
        raise SourceError(f"{path} does not exist. Check the path, and CIVIGRID_DATA where the path uses it.")
    try:
        layers = [str(name) for name, _ in pyogrio.list_layers(path)]
        if layer and layer not in layers:
            raise unknown_name("sheet or layer", layer, layers)
        if not layer and len(layers) > 1:
            raise SourceError(f"{path.name} has the sheets {', '.join(layers)}. Name one (--layer).")
        return pd.DataFrame(pyogrio.read_dataframe(path, layer=layer or None, read_geometry=False))
    except pyogrio.errors.DataSourceError as error:
        raise SourceError(f"{path.name} cannot be read as {path.suffix}: {error}") from error


def known_column(name: str, columns: Sequence[str], file: str) -> str:
    """Give a column's name back, or raise with the nearest that there is."""
    if name in columns:
        return name
    if alike := [c for c in columns if c.casefold() == name.strip().casefold()]:
        raise SourceError(f"{file} has no column {name!r}. Did you mean {alike[0]!r}?")
    raise SourceError(str(unknown_name(f"column of {file}", name, columns)))


def _chosen(table: pd.DataFrame, where: Sequence[str], file: str) -> pd.DataFrame:
    for text in where:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            raise SourceError(f"--where {text!r}: write COLUMN=VALUE.")
        column = table[known_column(name, list(table.columns), file)].astype(str).str.strip()
        if not (column == value).any():
            raise SourceError(f"{file}: no row has {name} = {value!r}. There is: {first_few(column.unique())}.")
        table = table[(column == value).to_numpy()]
    return table.reset_index(drop=True)


def _names(table: pd.DataFrame, columns: Sequence[str], file: str, what: str) -> Words:
    """Text that names each row, from one or several columns; none may be empty."""
    parts = []
    for name in columns:
        column = table[known_column(name, list(table.columns), file)]
        text = column.astype(object).where(column.notna(), "").map(_as_text).str.strip()
        if (text == "").any():
            raise SourceError(f"{file}: {int((text == '').sum())} rows have no {name!r}, which names the {what}.")
        parts.append(text.to_numpy(dtype=object))
    return parts[0] if len(parts) == 1 else np.array([_JOIN.join(row) for row in zip(*parts, strict=True)], object)


def _as_text(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _zones(table: pd.DataFrame, column: str, file: str) -> Words:
    if not column:
        return np.empty(0, dtype=object)
    found = table[known_column(column, list(table.columns), file)]
    text = found.astype(object).where(found.notna(), "").map(_as_text).str.strip().to_numpy(dtype=object)
    if (text == "all").any():
        raise SourceError(f"{file}: a zone is called 'all', which names the whole: rename it.")
    if (text == "(none)").any() and (text == "").any():
        raise SourceError(f"{file}: a zone is called '(none)', which names what lies in no zone: rename it.")
    return text


def _wide(table: pd.DataFrame, asked: Composed, file: str) -> _Rows:
    columns = list(table.columns)
    if not asked.groups:
        raise SourceError(
            f"name the groups of {file} (--groups A,B), or how it is long (--long CATEGORY,COUNT). "
            f"Its columns: {first_few(columns, 20)}."
        )
    names = _distinct(list(asked.groups), asked.total)
    entries = [_entries(table, known_column(name, columns, file)) for name in names]
    counts = np.stack([e.values for e in entries], axis=1)
    most = np.stack([e.most for e in entries], axis=1)
    marks = tuple(dict.fromkeys(m for e in entries for m in e.marks))
    zone = _zones(table, asked.zones, file)
    people = np.nansum(counts[:, -1:] if asked.total else counts)
    findings = small_fractions(counts, np.stack([e.fractional for e in entries], axis=1), people, len(table))
    if not asked.units:
        rows = np.array([f"row {i}" for i in range(1, len(table) + 1)], object)
        return _Rows(names, rows, zone, counts, most, marks, findings)
    unit, code = np.unique(_names(table, asked.units, file, "unit"), return_inverse=True)
    if len(unit) == len(table):
        place = np.argsort(code)
        zone = zone[place] if len(zone) else zone
        return _Rows(names, unit, zone, counts[place], most[place], marks, findings)
    often = np.bincount(code)
    if not asked.sum_units:
        raise SourceError(
            f"{file}: {int((often > 1).sum())} units repeat (first: {first_few(unit[often > 1], 3)}). Choose one "
            "period or kind of row (--where COLUMN=VALUE), or add rows of one unit up (--sum-units)."
        )
    text = f"{len(table)} rows were added up to {len(unit)} units"
    findings.append(Finding("note", "composition.summed", text, len(table) - len(unit), tuple(unit[often > 1][:5])))
    total = np.zeros((len(unit), len(names)))
    np.add.at(total, code, counts)
    zone = _zone_of_units(zone, code, unit, file)
    return _Rows(names, unit, zone, total, _summed(total, (code,), most, counts), marks, findings)


def _entries(table: pd.DataFrame, name: str) -> Entries:
    """Entries of a column, with the statuses that stand beside it."""
    entries, beside = read_entries(table[name]), f"{name}_status"
    return with_status(entries, table[beside]) if beside in table else entries


def _distinct(groups: list[str], total: str) -> list[str]:
    """Give the columns to read, the total last, or raise where a name would mean two things."""
    names = [*groups, total] if total else groups
    if twice := sorted({n for n in names if names.count(n) > 1}):
        raise SourceError(f"{', '.join(twice)} is named twice: each group counts once, and the total is no group.")
    if "rest" in groups:
        raise SourceError("a group is called 'rest', which is what groups leave of a total. Rename it.")
    return names


def _zone_of_units(zone: Words, code: Ints, unit: Words, file: str) -> Words:
    """Give the zone of each unit, which must be one."""
    if not len(zone):
        return zone
    pairs = pd.DataFrame({"unit": code, "zone": zone}).drop_duplicates()
    if (torn := pairs["unit"].duplicated()).any():
        first = unit[pairs["unit"][torn].to_numpy()]
        raise SourceError(
            f"{file}: {int(torn.sum())} units lie in several zones (first: {first_few(first, 3)}). "
            "Name units by several columns (--units ZONE,ID), or mend the zones."
        )
    return pairs.sort_values("unit")["zone"].to_numpy(dtype=object)


def _long(table: pd.DataFrame, asked: Composed, file: str) -> _Rows:
    if len(asked.long) != 2 or not asked.units:
        raise SourceError("a long table needs --long CATEGORY,COUNT and --units, the column that names the unit.")
    unit, code = np.unique(_names(table, asked.units, file, "unit"), return_inverse=True)
    zone = _zone_of_units(_zones(table, asked.zones, file), code, unit, file)
    category = _names(table, asked.long[:1], file, "group")
    known = [str(name) for name in dict.fromkeys(sorted(category))]
    names = list(asked.groups) or [n for n in known if n != asked.total]
    names = _distinct(names, asked.total)
    if lacking := [n for n in names if n not in known]:
        raise SourceError(str(unknown_name(f"category of {file}", lacking[0], known)))
    entries = _entries(table, known_column(asked.long[1], list(table.columns), file))
    number = pd.Index(names).get_indexer(pd.Index(category))
    taken = number >= 0
    findings = _left_categories(known, names, entries.values[~taken])
    at = (code[taken], number[taken])
    people = np.nansum(entries.values[number == len(names) - 1 if asked.total else taken])
    findings += small_fractions(entries.values[taken], entries.fractional[taken], people, len(unit))
    counts, rows = np.zeros((len(unit), len(names))), np.zeros((len(unit), len(names)), dtype=np.int64)
    np.add.at(counts, at, entries.values[taken])
    np.add.at(rows, at, 1)
    most = _summed(counts, at, entries.most[taken], entries.values[taken])
    if (more := int((rows > 1).sum())) > 0:
        text = (
            f"{more} pairs of unit and group have several rows, which were added up: is one of several periods meant?"
        )
        first = tuple(unit[(rows > 1).any(axis=1)][:5])
        findings.append(Finding("warning", "composition.repeated", text, more, first))
    if (none := int((rows == 0).sum())) > 0:
        text = f"{none} of {rows.size} pairs of unit and group have no row: nobody of the group is there"
        findings.append(Finding("note", "composition.no-row", text, none))
    return _Rows(names, unit, zone, counts, most, entries.marks, findings)


def _summed(total: Floats, at: tuple[Ints, ...], most: Floats, counts: Floats) -> Floats:
    """Most that sums can be of which a part is kept back; NaN where none is."""
    hidden = np.zeros(total.shape, dtype=bool)
    np.logical_or.at(hidden, at, ~np.isnan(most))
    largest = np.zeros(total.shape)
    np.add.at(largest, at, np.where(np.isnan(most), np.nan_to_num(counts), most))
    return np.where(hidden, largest, np.nan)


def _left_categories(known: list[str], names: list[str], values: Floats) -> list[Finding]:
    left = [n for n in known if n not in names]
    if not left:
        return []
    text = f"groups left out: {first_few(left)} with {np.nansum(values):,.0f} persons"
    return [Finding("warning", "composition.left-out", text, len(left), tuple(left[:5]))]
