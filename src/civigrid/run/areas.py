"""A file of areas, its counts and its labels, as a single step is told of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from civigrid.errors import SchemaError
from civigrid.io.counts import join_counts
from civigrid.io.vector import read_areas
from civigrid.run.fetch import read_declared
from civigrid.source import Report, Source


@dataclass(frozen=True, kw_only=True)
class Areas:
    """A file of areas and how to read it.

    Parameters
    ----------
    path : Path
        Vector file.
    id_column : str
        Column of unique ids.
    layer, crs : str
        Layer of the file; CRS where it names none.
    counts : Path or None
        Table of counts joined by id; None: the counts stand in the file itself.
    counts_id : str
        Its column of ids; empty: as `id_column`.
    dissolve : bool
        Rows of one id are parts of one area.
    declared : str
        Id of a declaration in ``boundaries/`` that says how the file is read; it needs no `id_column` then.
    part_of : mapping of str to str
        Which count is part of which: disclosure control needs to know.
    """

    path: Path
    id_column: str = ""
    layer: str = ""
    crs: str = ""
    counts: Path | None = None
    counts_id: str = ""
    dissolve: bool = False
    declared: str = ""
    part_of: Mapping[str, str] = field(default_factory=dict)

    def read(
        self, extensive: Sequence[str] = (), intensive: Sequence[str] = (), labels: Sequence[str] = ()
    ) -> tuple[Source, Report]:
        """Read the areas; an intensive column may name the count that weighs it: ``rent:dwellings``.

        Raises
        ------
        SourceError
            What the readers refuse.
        """
        rates = dict(t.partition(":")[::2] for t in intensive)
        _check_names(extensive, rates, labels, self.part_of)
        if not (self.id_column or self.declared):
            raise SchemaError(f"{self.path.name}: name the column of ids (--id), or its declaration (--as).")
        given = {"id_column": self.id_column, "layer": self.layer, "crs": self.crs, "dissolve": self.dissolve}
        options: dict[str, Any] = {k: v for k, v in given.items() if v}
        if self.counts is None:
            options |= {"counts": extensive, "rates": rates}
        if labels:
            options["labels"] = labels
        if self.declared:
            source, report = read_declared(self.declared, self.path, **options)
        else:
            source, report = read_areas(self.path, **options)
        if self.counts is not None:
            columns = [*extensive, *rates]
            source, more = join_counts(
                source, self.counts, id_column=self.counts_id or self.id_column or "id", columns=columns, rates=rates
            )
            report = report + more
        report.raise_errors()
        _check_labels(source, labels)
        about = {n: replace(c, part_of=self.part_of.get(n, c.part_of)) for n, c in source.columns.items()}
        return replace(source, columns=about), report


def _check_names(
    extensive: Sequence[str], rates: Mapping[str, str], labels: Sequence[str], part_of: Mapping[str, str]
) -> None:
    """Each column is one thing; a rate's weight, and the total of a part, are among the counts."""
    every = [*extensive, *rates, *labels]
    if twice := sorted({n for n in every if every.count(n) > 1}):
        raise SchemaError(f"{', '.join(twice)} is named twice: a column is a count, a rate or a label.")
    for rate, weight in rates.items():
        if weight and weight not in extensive:
            raise SchemaError(
                f"--intensive {rate}:{weight}: the count that weighs a rate must be among the counts. "
                f"Add {weight} to --extensive."
            )
    if absent := sorted({n for pair in part_of.items() for n in pair if n not in extensive}):
        raise SchemaError(f"--part-of names {', '.join(absent)}, which is not among the counts of --extensive.")


def _check_labels(source: Source, labels: Sequence[str]) -> None:
    """A column of numbers that differ from area to area is a count, and would pass disclosure control as a label."""
    for name in labels:
        words = source.table[name].astype(str)
        numeric = pd.to_numeric(words, errors="coerce").notna().all()
        if numeric and words.nunique() > max(FEW_LABELS, len(words) / 4):
            raise SchemaError(
                f"--keep {name}: its {words.nunique()} values are numbers, as counts are. Labels name groups of areas."
            )


FEW_LABELS = 30
"""So many different numbers may be codes of districts."""
