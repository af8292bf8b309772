"""What is wrong in a run file though each key is of its type: names twice, numbers out of bounds, absent files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from civigrid.errors import CivigridError
from civigrid.release.profiles import PROFILES
from civigrid.run import config
from civigrid.run.faults import Fault
from civigrid.run.paths import resolve, slug, unset_variables

TOPICS = ("source", "cells", "centres", "times", "access", "onestop", "archetypes", "reach", "compare", "map")
ABOVE_0 = ("max_min", "limit_min", "speed_kmh", "ride_kmh", "max_walk_min", "density_km2", "budget", "kinds_per_point")
"""Keys whose numbers are above 0, in whatever table they stand."""
AT_LEAST_0 = (
    "threshold_min", "same_place_m", "snap_m", "wait_min", "minimum_persons", "bootstrap", "min_users", "largest",
    "fare_per_ride", "fare_per_minute", "max_rides",
)  # fmt: skip
SHARES = ("drop_out", "referral", "min_covered")
FILES = (
    ("times", ("network", "nodes", "elevation", "gtfs", "stations", "links", "landcover", "matrix")),
    ("reach", ("users",)),
    ("centres", ("names",)),
    ("map", ("outline", "background")),
)
"""Keys that name files, by their table."""
LONGEST = 100
"""Letters of a name that becomes part of the name of a file."""


def run_faults(run: config.Run, base: Path) -> list[Fault]:
    """Give the faults that types cannot tell.

    Parameters
    ----------
    run : config.Run
        The run file, its keys of their types.
    base : Path
        Folder that relative paths begin in.

    Returns
    -------
    list of Fault
        Names that are no file names or stand twice, numbers out of bounds, empty lists, files that are absent, maps
        of one file name, or of what nothing computes.
    """
    return [*_whole(run), *_names(run), *_numbers(run), *_empty(run), *_files(run, base), *_maps(run)]


def _whole(run: config.Run) -> Iterator[Fault]:
    """Faults of the table [run] itself."""
    if not run.title.strip():
        yield Fault("run.title", repr(run.title), "is empty: the report needs a title.")
    if run.workers < 0:
        yield Fault("run.workers", str(run.workers), "must be 0 (all cores) or more.")
    for form in run.formats:
        if form not in ("parquet", "gpkg", "csv"):
            yield Fault("run.formats", repr(form), "is no format of released cells. Known: parquet, gpkg, csv.")
    if run.profile == "min-count":
        try:
            PROFILES[run.profile](run.threshold)
        except CivigridError as error:
            yield Fault("run.threshold", str(run.threshold), str(error))


def _names(run: config.Run) -> Iterator[Fault]:
    """Names become names of files, and are looked up: each must be one, and stand once."""
    for topic in ("source", "cells", "times"):
        seen: set[str] = set()
        for i, item in enumerate(getattr(run, topic)):
            if not re.fullmatch(r"(?!\.)[^/\\:\x00-\x1f\x7f]+", item.name) or len(item.name) > LONGEST:
                text = f"a name has 1 to {LONGEST} letters, without / \\ : and does not begin with a point."
                yield Fault(f"run.{topic}[{i}].name", repr(item.name), text)
            elif item.name in seen:
                text = f"another [[{topic}]] has this name: give each its own."
                yield Fault(f"run.{topic}[{i}].name", repr(item.name), text)
            seen.add(item.name)


def _numbers(run: config.Run) -> Iterator[Fault]:
    bounds: tuple[tuple[tuple[str, ...], float, bool, float, str], ...] = (
        (ABOVE_0, 0.0, True, float("inf"), "must be a number above 0"),
        (AT_LEAST_0, 0.0, False, float("inf"), "must be a number of at least 0"),
        (SHARES, 0.0, False, 1.0, "must be a share, from 0 to 1"),
        (("percentile",), 0.0, True, 100.0, "must lie above 0, and at 100 at most"),
        # a way is never shorter than the straight line
        (("detour",), 1.0, False, float("inf"), "must be 1 or more: no way is shorter than the straight line"),
    )
    for place, item in _tables(run):
        for keys, low, open_at_low, high, text in bounds:
            for name in keys:
                value = getattr(item, name, None)
                if isinstance(value, int | float) and not _within(float(value), low, open_at_low, high):
                    yield Fault(f"{place}.{name}", f"{value:g}", f"{text}.")


def _within(value: float, low: float, open_at_low: bool, high: float) -> bool:
    """Whether a number is finite and within its bounds; NaN is not."""
    return (low < value if open_at_low else low <= value) and value <= high and value < float("inf")


def _empty(run: config.Run) -> Iterator[Fault]:
    """Lists that must be given ask for something: an empty one asks for nothing."""
    for place, item in (("run", run), *_tables(run)):
        for declared in fields(item):
            needed = declared.default is MISSING and declared.default_factory is MISSING
            if needed and getattr(item, declared.name) == ():
                yield Fault(f"{place}.{declared.name}", "[]", f"is empty: {declared.metadata['help']}.")


def _files(run: config.Run, base: Path) -> Iterator[Fault]:
    for topic, keys in FILES:
        for i, item in enumerate(getattr(run, topic)):
            for name in keys:
                value = getattr(item, name)
                for path in (value,) if isinstance(value, str) else value:
                    if path and not resolve(path, base).exists():
                        text = f"{resolve(path, base)} does not exist{unset_variables(path)}."
                        yield Fault(f"run.{topic}[{i}].{name}", repr(path), text)


def _maps(run: config.Run) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for i, item in enumerate(run.map):
        place, name = f"run.map[{i}]", slug(item.title)
        if not item.title.strip():
            yield Fault(f"{place}.title", repr(item.title), "is empty: a map needs a title.")
        elif name in seen:
            text = f"map {seen[name]} has the same file name, {name}: the later one would take its place."
            yield Fault(f"{place}.title", repr(item.title), text)
        seen.setdefault(name, i)
        # a status is told with the value it belongs to, and is no variable of a map
        for variable in (*item.variables, *item.tell):
            if variable.endswith("_status"):
                text = f"is told with {variable.removesuffix('_status')!r} already: name that instead."
                yield Fault(f"{place}.variables", repr(variable), text)
        yield from _asked_of(run, item, place)


def _asked_of(run: config.Run, item: config.Map, place: str) -> Iterator[Fault]:
    """A map shows what a table of the run computes, or nothing."""
    personas = {name for one in run.onestop if one.cells == item.cells for name in one.personas}
    if item.served and item.served not in personas:
        text = f"no [[onestop]] of the cells {item.cells!r} has this persona. Known: {', '.join(personas) or 'none'}."
        yield Fault(f"{place}.served", repr(item.served), text)
    if item.reach and not any(one.cells == item.cells for one in run.reach):
        yield Fault(f"{place}.reach", "true", f"no [[reach]] is computed of the cells {item.cells!r}.")


def _tables(run: config.Run) -> Iterator[tuple[str, Any]]:
    """Every table with its place; those of segregation are checked in their own room."""
    for topic in TOPICS:
        for i, item in enumerate(getattr(run, topic)):
            yield f"run.{topic}[{i}]", item
