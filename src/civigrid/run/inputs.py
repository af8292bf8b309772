"""The inputs of a run: which reader reads which source, and under which terms."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_type_hints

from civigrid.catalog import declarations
from civigrid.errors import SchemaError
from civigrid.io.census import read_census_grid
from civigrid.io.counts import join_counts
from civigrid.io.german_grid import read_german_grid
from civigrid.io.lines import read_lines
from civigrid.io.placed import read_placed
from civigrid.io.points import read_points
from civigrid.io.raster import read_raster
from civigrid.io.vector import read_areas
from civigrid.run import config
from civigrid.run.faults import Fault
from civigrid.run.paths import resolve
from civigrid.source import Licence, Report, Source

READERS: dict[str, Callable[..., tuple[Source, Report]]] = {
    "census-grid": read_census_grid,
    "german-grid": read_german_grid,
    "areas": read_areas,
    "points": read_points,
    "placed": read_placed,
    "lines": read_lines,
    "raster": read_raster,
}
"""Reader by its name in a run file; a new reader is one function and one line here."""
_FACTS = ("id_column", "layer", "crs", "encoding", "only", "corrections")


def read_source(about: config.Source, base: Path) -> tuple[Source, Report]:
    """Read one source of a run file, join its counts, and attach what it is declared as.

    Raises
    ------
    SourceError
        The report of the reader holds an error.
    SchemaError
        An option the reader does not know.
    """
    declared = declarations("boundaries").get(about.declared_as, {})
    facts = declared_facts(declared) if declared.get("reader") == about.reader else {}
    options = {**facts, **about.options}
    source, report = call_reader(READERS[about.reader], resolve(about.path, base), options, about.name)
    if about.counts:
        options = {k: v for k, v in about.counts.items() if k != "path"}
        path = resolve(str(about.counts["path"]), base)
        source, more = call_reader(join_counts, source, {"path": path, **options}, about.name)
        report = report + more
    report.raise_errors()
    return with_name(source, about), report


def with_name(source: Source, about: config.Source) -> Source:
    """Name a source as its run file does, and attach what it is declared as."""
    declared = declarations("boundaries").get(about.declared_as)
    return replace(with_declaration(source, declared) if declared else source, name=about.name)


def declared_facts(declared: Mapping[str, Any]) -> dict[str, Any]:
    """Options of its reader that a declaration settles: column of ids, layer, CRS, encoding, rows, corrections."""
    takes = inspect.signature(READERS[declared["reader"]]).parameters
    return {k: declared[k] for k in _FACTS if k in declared and k in takes}


def with_declaration(source: Source, declared: Mapping[str, Any]) -> Source:
    """Attach what a declaration says to a source: terms, boundary vintage, and a reference date where it has none."""
    terms = Licence(**{k: str(declared.get(k, "")) for k in ("publisher", "licence", "attribution")})
    date = source.reference_date or str(declared.get("reference_date", ""))
    return replace(source, terms=terms, reference_date=date, vintage=str(declared["id"]))


def call_reader(reader: Callable[..., Any], first: Any, options: Mapping[str, Any], name: str) -> tuple[Source, Report]:
    """Call a reader with the options it knows; others are refused by name."""
    known = list(inspect.signature(reader).parameters)[1:]
    if unknown := sorted(set(options) - set(known)):
        raise SchemaError(
            f"source {name!r}: {reader.__name__} knows no option {', '.join(unknown)}. Known: {', '.join(known)}."
        )
    found: tuple[Source, Report] = reader(first, **options)
    return found


def option_faults(about: config.Source, place: str) -> list[Fault]:
    """Options that the source's reader does not know, found before anything is read."""
    wanted: list[tuple[str, Callable[..., Any], Mapping[str, Any]]] = [
        ("options", READERS[about.reader], about.options)
    ]
    if about.counts:
        wanted.append(("counts", join_counts, {k: v for k, v in about.counts.items() if k != "path"}))
    faults = []
    for name, reader, options in wanted:
        known = list(inspect.signature(reader).parameters)[2 if reader is join_counts else 1 :]
        text = f"{reader.__name__} knows no such option. Known: {', '.join(known)}."
        faults += [Fault(f"{place}.{name}.{k}", repr(v), text) for k, v in options.items() if k not in known]
        faults += _mistyped(reader, options, f"{place}.{name}")
    return faults


def _mistyped(reader: Callable[..., Any], options: Mapping[str, Any], place: str) -> list[Fault]:
    """Options whose reader wants one number, text or truth, and that are another thing."""
    hints = get_type_hints(reader)
    plain = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    return [
        Fault(f"{place}.{name}", repr(value), f"must be {plain[hints[name]]}.")
        for name, value in options.items()
        if hints.get(name) in plain and not _is_of(value, hints[name])
    ]


def _is_of(value: Any, kind: type) -> bool:
    if isinstance(value, bool) or kind is bool:
        return isinstance(value, bool) and kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def input_files(about: config.Source, base: Path) -> list[Path]:
    """Files of a source, for hashing."""
    return [resolve(p, base) for p in (about.path, str(about.counts.get("path", ""))) if p]
