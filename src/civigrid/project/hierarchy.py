"""Nested counts: a declared hierarchy of columns is checked, and cut into parts that do not overlap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from civigrid.errors import SchemaError, first_few
from civigrid.source import Finding, Source
from civigrid.types import Column, Floats, Status

REST = "_rest"
"""Ending of the count of those of a total who are in none of its declared parts."""


def check_hierarchy(source: Source) -> list[Finding]:
    """Check that no part is larger than its total, nor all parts of a total together.

    Parameters
    ----------
    source : Source
        Counts whose `Column.part_of` declares what they are part of.

    Returns
    -------
    list of Finding
        Warnings with the units where a declared hierarchy does not hold: the publisher's noise, or a wrong declaration.

    Raises
    ------
    SchemaError
        A total that is no column, or a circle.
    """
    findings = []
    for total, parts in families(source).items():
        whole = source.table[total].to_numpy(dtype=np.float64)
        together = sum((_count(source, p) for p in parts), np.zeros(len(whole)))
        with np.errstate(invalid="ignore"):
            over = together > whole
        if over.any():
            most = float(np.nanmax((together - whole)[over]))
            text = f"{' + '.join(parts)} is more than {total} in {int(over.sum())} units, by up to {most:,.0f}"
            ids = tuple(map(str, source.table.index[over][:5]))
            findings.append(Finding("warning", "hierarchy.over", text, int(over.sum()), ids))
    return findings


def families(source: Source) -> dict[str, list[str]]:
    """Totals with their declared parts, in the order of the columns."""
    found: dict[str, list[str]] = {}
    for name, column in source.columns.items():
        total = column.part_of
        if total is None:
            continue
        if total not in source.columns:
            raise SchemaError(f"{name!r} is declared part of {total!r}, which is no column. Read it too.")
        _refuse_circle(source.columns, name)
        found.setdefault(total, []).append(name)
    return found


def _refuse_circle(columns: Mapping[str, Column], name: str) -> None:
    seen, at = [name], columns[name].part_of
    while at is not None and at in columns:
        if at in seen:
            raise SchemaError(f"the hierarchy runs in a circle: {first_few([*seen, at], 9)}.")
        seen.append(at)
        at = columns[at].part_of


def partition(source: Source, total: str) -> tuple[Source, list[str]]:
    """Cut a total into parts that do not overlap: the declared leaves, and a rest wherever they leave one.

    Parameters
    ----------
    source : Source
        Counts with their hierarchy.
    total : str
        The whole.

    Returns
    -------
    tuple of Source and list of str
        The source with counts ``TOTAL_rest`` of those in none of a total's parts (0 where noise makes the parts more
        than the total, marked ``PERTURBED``), and the names that add up to `total`.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"eu": [10.0], "poland": [4.0], "italy": [1.0]}, index=["a"])
    >>> about = {"eu": Column(), "poland": Column(part_of="eu"), "italy": Column(part_of="eu")}
    >>> cut, names = partition(Source(name="s", table=table, columns=about), "eu")
    >>> names, float(cut.table.loc["a", "eu_rest"])
    (['poland', 'italy', 'eu_rest'], 5.0)
    """
    tree = families(source)
    if total not in tree:
        return source, [total]
    names: list[str] = []
    for part in tree[total]:
        source, below = partition(source, part)
        names += below
    return _with_rest(source, total, tree[total]), [*names, total + REST]


def _with_rest(source: Source, total: str, parts: list[str]) -> Source:
    rest = _count(source, total) - sum((_count(source, p) for p in parts), np.zeros(len(source.table)))
    status = np.where(rest == 0, Status.OBSERVED_ZERO, Status.OK)
    status = np.where(rest < 0, Status.PERTURBED, np.where(np.isnan(rest), Status.UNAVAILABLE, status))
    about = replace(
        source.columns[total], long_name=f"{source.columns[total].long_name or total}: others", part_of=total
    )
    name = total + REST
    return replace(
        source,
        table=source.table.assign(**{name: np.maximum(rest, 0.0)}),
        columns={**source.columns, name: about},
        status={**source.status, name: status.astype(np.uint8)},
    )


def _count(source: Source, name: str) -> Floats:
    return source.table[name].to_numpy(dtype=np.float64)
