"""The rules by which Eurostat checks the census grid of 2021, as a report by country.  Nothing is asserted or mended.

Many cells fail the sums by design: each count was protected on its own.  What fails is a property of a country's
disclosure control, and tells which denominators and which corrections are safe.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from civigrid.errors import SchemaError
from civigrid.kernels.group import group_sum, largest
from civigrid.source import Source
from civigrid.types import Bools, Floats, Ints, Status

TOTAL = "T"
PARTITIONS: Mapping[str, tuple[str, ...]] = {
    "sex": ("M", "F"),
    "age": ("Y_LT15", "Y_1564", "Y_GE65"),
    "birth": ("NAT", "EU_OTH", "OTH"),
    "residence": ("SAME", "CHG_IN", "CHG_OUT"),
}
"""Each adds up to T before protection; residence is best read as a universe of its own."""
BORDER, NOWHERE, ALL = "border", "no code", "all"
RULE_COLUMNS = ("rule", "country", "cells", "failing", "share", "largest", "first")
FIRST = 5


@dataclass(frozen=True, eq=False)
class _Check:
    """One rule: which cells it speaks of, which of these fail, and by how much."""

    rule: str
    cells: Bools
    failing: Bools
    deviation: Floats | None = None


def census_rules(source: Source) -> pd.DataFrame:
    """Check a census grid by the published validation rules.

    Parameters
    ----------
    source : Source
        As `civigrid.io.census.read_census_grid` makes it; a rule whose columns are not there is left out.

    Returns
    -------
    pandas.DataFrame
        One row per rule and country (``all`` first, ``border`` for cells of several countries, ``no code``): how many
        cells the rule speaks of, how many fail it, their share, the largest deviation in persons (NaN where a rule
        has none), and the ids of the first five.  The rules:

        - ``flag V``: a count flagged confidential has no value;
        - ``given V``: a count has a value or is confidential (the employed may be absent);
        - ``T published``: the total is never confidential;
        - ``populated where T > 0``, ``T > 0 where populated``;
        - ``V >= 0``; ``EMP <= T``;
        - ``sex = T`` (``age``, ``birth``, ``residence``): parts sum to the total where none of them is flagged;
        - ``sex <= T where flagged``: what is known of the parts does not exceed it where one is;
        - ``V delivered``: a country that has residents has some of this count.

    Notes
    -----
    Eurostat, validation of the 1 km census grid (rules of the transmission under Regulation (EU) 2018/1799).

    Examples
    --------
    >>> from civigrid.types import Column
    >>> table = pd.DataFrame({"T": [10.0, 3.0], "M": [4.0, 2.0], "F": [6.0, 3.0]}, index=np.array([1, 2], np.uint64))
    >>> rules = census_rules(Source(name="s", table=table, columns={n: Column() for n in "TMF"}))
    >>> sex = rules[(rules["rule"] == "sex = T") & (rules["country"] == "all")].iloc[0]
    >>> int(sex["failing"]), float(sex["largest"])
    (1, 2.0)
    """
    if TOTAL not in source.columns:
        raise SchemaError(f"source {source.name!r} has no total 'T'. Read it with read_census_grid().")
    code, names = _countries(source)
    ids = source.table.index.to_numpy()
    rows = [row for check in _checks(source, code, len(names)) for row in _rows(check, code, names, ids)]
    return pd.DataFrame(rows, columns=list(RULE_COLUMNS))


def additivity(source: Source) -> pd.DataFrame:
    """Measure how far the parts of each country add up to its total: a fingerprint of its disclosure control.

    Parameters
    ----------
    source : Source
        Census grid with countries; cells of several countries are left out.

    Returns
    -------
    pandas.DataFrame
        One row per country, index ``country``, sorted: ``cells``; ``T``; for each partition the share of cells,
        unflagged in it and in T, whose parts sum to T (NaN where none is unflagged); ``min_T``, the smallest
        published total above 0; ``flagged_M``, ``flagged_OTH``, shares of cells; ``sd_T_M_F``, standard deviation of
        T - M - F in unflagged cells, persons.  Columns of variables that are not there are left out.
    """
    code, names = _countries(source)
    single = np.array([n not in (BORDER, NOWHERE) for n in names], dtype=bool)
    n, value, flagged = len(names), _values(source), _flags(source)

    def share(part: Bools, of: Bools) -> Floats:
        found: Floats = np.divide(
            group_sum(code, part & of, n), base := group_sum(code, of, n), out=np.full(n, np.nan), where=base > 0
        )
        return found

    every = np.ones(len(code), dtype=bool)
    total = value[TOTAL]
    out: dict[str, Any] = {"cells": group_sum(code, every, n), TOTAL: group_sum(code, np.nan_to_num(total), n)}
    for name, parts in PARTITIONS.items():
        if set(parts) <= set(value):
            open_ = ~np.any([flagged[p] for p in (TOTAL, *parts)], axis=0)
            out[name] = share(np.nansum([value[p] for p in parts], axis=0) == total, open_)
    out["min_T"] = -largest(code, np.where(total > 0, -total, -np.inf), n, start=-np.inf)
    out |= {f"flagged_{p}": share(flagged[p], every) for p in ("M", "OTH") if p in value}
    if {"M", "F"} <= set(value):
        open_ = ~(flagged[TOTAL] | flagged["M"] | flagged["F"])
        error = np.where(open_, total - value["M"] - value["F"], 0.0)
        count = np.maximum(group_sum(code, open_, n), 1.0)
        mean = group_sum(code, error, n) / count
        out["sd_T_M_F"] = np.sqrt(np.maximum(group_sum(code, error**2, n) / count - mean**2, 0.0))
    table = pd.DataFrame(out, index=pd.Index(names, name="country"))[single].sort_index()
    return table.astype({"cells": np.int64})


def _countries(source: Source) -> tuple[Ints, list[str]]:
    """Country of each cell, by number; all cells of several countries are one."""
    if "country" not in source.table:
        return np.zeros(len(source.table), dtype=np.int64), [NOWHERE]
    code, found = pd.factorize(source.table["country"], sort=True)
    names = [NOWHERE if not n else BORDER if "-" in n else n for n in map(str, found)]
    order = sorted(set(names), key=lambda n: (n in (BORDER, NOWHERE), n))
    place = np.array([order.index(n) for n in names], dtype=np.int64)
    return place[code], order


def _values(source: Source) -> dict[str, Floats]:
    return {n: source.table[n].to_numpy(dtype=np.float64) for n, c in source.columns.items() if not c.companion_of}


def _flags(source: Source) -> dict[str, Bools]:
    """Whether each count is flagged, or not there."""
    wrong = np.array([Status.CONFIDENTIAL, Status.PERTURBED, Status.UNAVAILABLE, Status.SUPPRESSED], dtype=np.uint8)
    none = np.zeros(len(source.table), dtype=np.uint8)
    return {n: np.isin(source.status.get(n, none), wrong) for n in _values(source)}


def _checks(source: Source, code: Ints, n: int) -> Iterator[_Check]:
    value, flagged = _values(source), _flags(source)
    none = np.zeros(len(code), dtype=np.uint8)
    every = np.ones(len(code), dtype=bool)
    for name in value:
        codes = source.status.get(name, none)
        withheld = np.isin(codes, [Status.CONFIDENTIAL, Status.PERTURBED])
        yield _Check(f"flag {name}", withheld, codes == Status.PERTURBED, value[name])
        if name != "EMP":
            yield _Check(f"given {name}", every, codes == Status.UNAVAILABLE)
        known = ~np.isnan(value[name])
        yield _Check(f"{name} >= 0", known, known & (value[name] < 0), -value[name])
    yield _Check("T published", every, flagged[TOTAL])
    yield from _populated(source, value[TOTAL])
    yield from _sums(value, flagged)
    residents = group_sum(code, np.nan_to_num(value[TOTAL]), n)
    for name in value:
        some = group_sum(code, np.nan_to_num(value[name]) > 0, n) > 0
        yield _Check(f"{name} delivered", (residents > 0)[code], (residents > 0)[code] & ~some[code])


def _populated(source: Source, total: Floats) -> Iterator[_Check]:
    if "populated" not in source.table:
        return
    populated = source.table["populated"].to_numpy() == "1"
    some = np.nan_to_num(total) > 0
    yield _Check("populated where T > 0", some, some & ~populated, total)
    yield _Check("T > 0 where populated", populated, populated & (total == 0))


def _sums(value: Mapping[str, Floats], flagged: Mapping[str, Bools]) -> Iterator[_Check]:
    total = value[TOTAL]
    if "EMP" in value:
        both = ~np.isnan(value["EMP"]) & ~np.isnan(total)
        excess = value["EMP"] - total
        yield _Check("EMP <= T", both, both & (excess > 0), excess)
    for name, parts in PARTITIONS.items():
        if not set(parts) <= set(value):
            continue
        error = np.nansum([value[p] for p in parts], axis=0) - total
        hidden = np.any([flagged[p] for p in parts], axis=0)
        open_ = ~hidden & ~flagged[TOTAL]
        yield _Check(f"{name} = T", open_, open_ & (error != 0), np.abs(error))
        part = hidden & ~flagged[TOTAL]
        yield _Check(f"{name} <= T where flagged", part, part & (error > 0), error)


def _rows(check: _Check, code: Ints, names: list[str], ids: Any) -> Iterator[tuple[Any, ...]]:
    """Rows of one rule: all cells, then the countries it speaks of."""
    n, at = len(names), np.flatnonzero(check.failing)
    cells, failing = group_sum(code, check.cells, n), group_sum(code, check.failing, n)
    deviation = np.zeros(len(at)) if check.deviation is None else check.deviation[at]
    most = largest(code[at], deviation, n)
    by_country = at[np.argsort(code[at], kind="stable")]
    start = np.concatenate([[0], np.cumsum(failing)]).astype(np.int64)

    def row(country: str, numbers: tuple[float, float, float], first: Ints) -> tuple[Any, ...]:
        spoken, wrong, by = numbers
        share = wrong / spoken if spoken else np.nan
        told = by if wrong and check.deviation is not None else np.nan
        return check.rule, country, int(spoken), int(wrong), share, told, tuple(ids[first[:FIRST]].tolist())

    yield row(ALL, (cells.sum(), failing.sum(), deviation.max(initial=0.0)), at)
    for k in np.flatnonzero(cells):
        yield row(names[k], (cells[k], failing[k], most[k]), by_country[start[k] : start[k + 1]])
