"""Results as values: each prints well, goes out tidy, and cites its source."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, overload

import pandas as pd

from civigrid.errors import CivigridError, unknown_name
from civigrid.layers.segregation.sources import SOURCES, bibtex
from civigrid.result_table import check_table

_METHODS = ("winship1977", "carrington1997")
"""What the expectation and the correction rest on."""


@dataclass(frozen=True)
class Result:
    """One index of one zone.

    Parameters
    ----------
    index, groups, zone : str
        Which index, of whom, where.
    estimate, expected, corrected : float
        Its value, its value under random allocation, and the value freed of that; NaN where nothing is expected.
    interval : tuple of float
        95 %, around the corrected value.
    persons : float
        On how many it rests.
    cells : int
        In how many cells.
    parameters : dict
        Definition, neighbourhood, protection: all that another needs to compute the same.
    """

    index: str
    groups: str
    zone: str
    estimate: float
    expected: float
    corrected: float
    interval: tuple[float, float]
    persons: float
    cells: int
    parameters: dict[str, Any]

    @property
    def unreliable(self) -> bool:
        """Whether chance alone explains more than half of the value."""
        return bool(self.parameters.get("unreliable", False))

    @property
    def citation(self) -> str:
        """BibTeX of the index and of its correction."""
        return bibtex(_keys(self.parameters))

    def _seen_at(self) -> str:
        """Say which neighbourhoods or cells, where they are not the cells themselves."""
        for name, words in (
            ("radius_m", " within {:,.0f} m"),
            ("k", " among {:,.0f} nearest"),
            ("size_m", " at {:,.0f} m"),
        ):
            if name in self.parameters:
                return words.format(self.parameters[name])
        return ""

    def __float__(self) -> float:
        """Give the estimate."""
        return self.estimate

    def __str__(self) -> str:
        """One line, as a text would say it."""
        told = [f"{self.index} = {self.estimate:.4f}"]
        if self.expected == self.expected:
            told.append(f"by chance {self.expected:.4f}, corrected {self.corrected:.4f}")
        if self.interval[0] == self.interval[0]:
            told.append(f"95 % interval {self.interval[0]:.4f} to {self.interval[1]:.4f}")
        where = self._seen_at() + ("" if self.zone == "all" else f" in {self.zone}")
        doubt = "; chance alone makes more than half of it" if self.unreliable else ""
        return f"{'; '.join(told)} ({self.groups}{where}; {self.persons:,.0f} persons, {self.cells:,} cells{doubt})"


class Results(Sequence[Result]):
    """Results of one computation, in order.

    Parameters
    ----------
    table : pandas.DataFrame
        A result table.

    Examples
    --------
    >>> from civigrid.result_table import parameters, result_table
    >>> row = {"zone": "all", "index": "D", "groups": "a", "estimate": 0.5, "persons": 100, "cells": 4}
    >>> found = Results(result_table([row | {"parameters": parameters(cite="duncan1955")}]))
    >>> print(found["D"])
    D = 0.5000 (a; 100 persons, 4 cells)
    >>> found["D"].citation.splitlines()[0]
    '@article{carrington1997,'
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self._table = check_table(table).reset_index(drop=True)

    def __len__(self) -> int:
        return len(self._table)

    @overload
    def __getitem__(self, at: int) -> Result: ...
    @overload
    def __getitem__(self, at: slice) -> Results: ...
    @overload
    def __getitem__(self, at: str) -> Result: ...
    def __getitem__(self, at: int | slice | str) -> Result | Results:
        """Give a result by its place, or the only one of an index by its name."""
        if isinstance(at, slice):
            return Results(self._table.iloc[at])
        if isinstance(at, str):
            found = self.where(index=at)
            if len(found) != 1:
                raise CivigridError(
                    f"{len(found)} results are named {at!r}. Choose with where(index=..., groups=..., zone=...)."
                )
            return found[0]
        row = self._table.iloc[at]
        return Result(
            index=row["index"],
            groups=row["groups"],
            zone=row["zone"],
            estimate=float(row["estimate"]),
            expected=float(row["expected"]),
            corrected=float(row["corrected"]),
            interval=(float(row["low"]), float(row["high"])),
            persons=float(row["persons"]),
            cells=int(row["cells"]),
            parameters=json.loads(row["parameters"] or "{}"),
        )

    def __iter__(self) -> Iterator[Result]:
        return (self[at] for at in range(len(self)))

    def where(self, **columns: Any) -> Results:
        """Give the results whose columns have these values, as ``where(index="D", zone="Berlin")``."""
        table = self._table
        for name, value in columns.items():
            if name not in table:
                raise unknown_name("column of results", name, table.columns)
            known = self._table[name]
            if isinstance(value, str) and len(known) and not (known == value).any():
                raise unknown_name(f"{name} of these results", value, known.unique())
            table = table[table[name] == value]
        return Results(table)

    def table(self) -> pd.DataFrame:
        """Give the result table: a row per result, parameters as JSON."""
        return self._table.copy()

    def tidy(self) -> pd.DataFrame:
        """Give a row per result, each parameter in a column of its own."""
        more = pd.DataFrame([json.loads(text or "{}") for text in self._table["parameters"]])
        more = more.drop(columns=[c for c in more.columns if c in self._table])
        return pd.concat([self._table.drop(columns="parameters"), more], axis=1)

    def bibtex(self) -> str:
        """Give the sources of all results, each once."""
        return bibtex({key for one in self for key in _keys(one.parameters)})

    def __str__(self) -> str:
        return "\n".join(str(one) for one in self)

    def __repr__(self) -> str:
        return f"<{len(self)} results>\n{self}"

    def _repr_html_(self) -> str:
        """Show a table in notebooks."""
        shown = self._table.drop(columns=["topic", "parameters"])
        shown = shown.assign(flag=["chance > half" if one.unreliable else "" for one in self])
        sources = sorted({str(one.parameters.get("source", "")) for one in self} - {""})
        html: str = shown.to_html(index=False, float_format="{:,.4f}".format, na_rep="")
        return f"{html}<p><small>{escape('; '.join(sources))}. Intervals: 95 %.</small></p>"


def _keys(said: dict[str, Any]) -> list[str]:
    cited = str(said.get("cite", "")).split("|")
    return [key for key in cited if key in SOURCES] + list(_METHODS if said.get("correction") != "none" else ())
