"""Nested units of cells, and the rows that tell how much segregation lies between the units of each level."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from civigrid.errors import SchemaError, unknown_name
from civigrid.kernels import decomposition as kernel
from civigrid.kernels.decomposition import Hierarchy, Level, Term, Whole
from civigrid.layers.segregation.groups import group_counts, group_noise, is_interpolated, rest_note
from civigrid.layers.segregation.measured import Z_95
from civigrid.layers.segregation.sources import SOURCES
from civigrid.result_table import parameters
from civigrid.types import Bools, Floats, Ints

MEASURES = {
    "M": "mora2011",
    "H": "theil1971",
    "divergence": "roberto2015",
}
"""What can be split over nested units, with the key of the source of the split."""


class Counted(NamedTuple):
    """Persons of the inhabited cells, shape (row, group), their noise, which cells they are, and what to tell."""

    counts: Floats
    noise: Floats | None
    rows: Bools
    names: list[str]
    about: dict[str, Any]


class Step(NamedTuple):
    """One term: its name, the places of its levels, and whether it is one of those that sum to the whole."""

    name: str
    low: int
    high: int
    addend: bool


def counted(cells: xr.Dataset, groups: Sequence[str], total: str, noise_variance: float | None = None) -> Counted:
    """Read the groups: missing cells are left out and counted, empty ones are nobody's."""
    counts, left_out = group_counts(cells, groups, total)
    names = [*groups, "rest"] if total else list(groups)
    if len(names) < 2:
        raise SchemaError(f"segregation needs two groups at least, got {names}. Name the total to make a rest.")
    rows = counts.sum(axis=1) > 0
    if not rows.any():
        raise SchemaError(f"no cell has anybody in {', '.join(names)}: there is nothing to decompose.")
    noise = group_noise(cells, groups, total, noise_variance)
    about: dict[str, Any] = {"total": total or "sum of the groups", "left_out_cells": left_out}
    about |= rest_note(cells, groups, total)
    if is_interpolated(cells, groups):
        about["no_correction"] = "counts are interpolated: they lack the scatter that chance makes among counted people"
    if noise is not None:
        about["noise_variance"] = round(float(noise[rows].mean()), 3)
    return Counted(counts[rows], None if noise is None else noise[rows], rows, names, about)


def nest(counted_: Counted, keys: Sequence[npt.NDArray[Any]], zone: Ints) -> list[Level]:
    """Build nested levels from the unit of each row at each level, small units first; a zone's border cuts units."""
    code, above = zone, [zone]
    for key in reversed(keys):
        _, own = np.unique(key, return_inverse=True)
        _, code = np.unique(code * (int(own.max()) + 1) + own.ravel(), return_inverse=True)
        above.append(code.ravel().astype(np.int64))
    codes = above[::-1]
    parents = [codes[0]]
    for low, high in pairwise(codes):
        parent = np.zeros(int(low.max()) + 1, dtype=np.int64)
        parent[low] = high
        parents.append(parent)
    return kernel.pyramid(counted_.counts, parents, counted_.noise)


def steps(names: Sequence[str]) -> list[Step]:
    """Name the terms of levels given small ones first: the whole, between levels from the largest, within each level.

    >>> [s.name for s in steps(["1km", "2km", "4km"])]
    ['', 'between_4km', 'between_2km_within_4km', 'within_2km', 'within_4km']
    """
    n = len(names)
    found = [Step("", 0, n, n == 1)]
    if n == 1:
        return found
    found.append(Step(f"between_{names[-1]}", n - 1, n, True))
    found += [Step(f"between_{names[k]}_within_{names[k + 1]}", k, k + 1, True) for k in range(n - 2, 0, -1)]
    found += [Step(f"within_{names[k]}", 0, k, k == 1) for k in range(1, n)]
    return found


def check_measures(measures: Sequence[str]) -> None:
    """Refuse a measure that cannot be split."""
    for name in measures:
        if name not in MEASURES:
            raise unknown_name("measure of a decomposition", name, MEASURES)


class Part(NamedTuple):
    """A part of the groups' differences: its name in the table, its logarithms, and what is expected of it."""

    groups: str
    logs: kernel.Logs
    expected: Floats
    about: dict[str, str]


def _parts(levels: Sequence[Level], names: Sequence[str], hierarchy: Hierarchy | None) -> Iterator[Part]:
    yield Part("|".join(names), kernel.log_shares, kernel.expected_information(levels), {})
    if hierarchy is None:
        return
    above = kernel.restrict(levels, lambda c: kernel.by_supergroup(c, hierarchy))
    expected = kernel.expected_information(above)
    yield Part("|".join(hierarchy.names), kernel.logs_of_supergroups(hierarchy), expected, {"part": "supergroups"})
    whole = levels[-1].counts
    for k, name in enumerate(hierarchy.names):
        inside = hierarchy.parent == k
        if inside.sum() < 2:
            continue
        share = whole[:, inside].sum(axis=1) / whole.sum(axis=1)
        below = kernel.restrict(levels, lambda c, inside=inside: c[:, inside])  # type: ignore[misc]
        groups = "|".join(n for n, inner in zip(names, inside, strict=True) if inner)
        about = {"part": f"within {name}"}
        yield Part(groups, kernel.logs_within(hierarchy, k), share * kernel.expected_information(below), about)


def rows_of(
    levels: Sequence[Level],
    zone_names: Sequence[str],
    wanted: Sequence[Step],
    found: Counted,
    measures: Sequence[str],
    hierarchy: Hierarchy | None,
    about: Mapping[str, Any],
) -> Iterator[dict[str, Any]]:
    """Give a row for each zone, measure, part of the groups and step, zone by zone."""
    whole = kernel.whole_of(levels)
    parts = list(_parts(levels, found.names, hierarchy))
    terms = [[kernel.term(levels, s.low, s.high, whole.surprise, p.logs) for s in wanted] for p in parts]
    cells = np.bincount(kernel.unit_of(levels, 0, len(levels) - 1), minlength=len(zone_names))
    everything = {**found.about, **about}
    for z, zone in enumerate(zone_names):
        # chance alone makes so much of all there can be
        chance = float(parts[0].expected[0, z] / whole.entropy[z]) if whole.entropy[z] > 0 else np.nan
        for measure in measures:
            for part, of_part in zip(parts, terms, strict=True):
                for step, term in zip(wanted, of_part, strict=True):
                    value = _value(measure, term, whole, z)
                    by_chance = (part.expected[step.low, z] - part.expected[step.high, z]) * _scale(measure, whole, z)
                    yield {
                        "zone": zone,
                        "index": f"{measure}_{step.name}" if step.name else measure,
                        "groups": part.groups,
                        "persons": whole.persons[z],
                        "cells": int(cells[z]),
                        **_row(value, by_chance, chance, everything | part.about, measure, step),
                    }


def _scale(measure: str, whole: Whole, z: int) -> float:
    if measure != "H":
        return 1.0
    return 1 / float(whole.entropy[z]) if whole.entropy[z] > 0 else np.nan


def _value(measure: str, term: Term, whole: Whole, z: int) -> tuple[float, float]:
    """Estimate of a term of a zone, and its standard error."""
    persons, size = whole.persons[z], float(term.estimate[z])
    variance = float(term.square[z] - 2 * size * term.line[z] + size**2 * whole.spread[z])
    if measure != "H":
        return size, np.sqrt(max(variance, 0.0)) / persons
    entropy = float(whole.entropy[z])
    if not entropy > 0:
        return np.nan, np.nan
    # a ratio: the entropy of the groups is estimated too, from the same persons
    joint = float(term.entropy[z] - size * float(whole.drift[z]))
    ratio = size / entropy
    variance += ratio**2 * float(whole.square[z]) - 2 * ratio * joint
    return ratio, np.sqrt(max(variance, 0.0)) / (persons * entropy)


def _row(
    value: tuple[float, float],
    by_chance: float,
    chance: float,
    about: dict[str, Any],
    measure: str,
    step: Step,
) -> dict[str, Any]:
    estimate, error = value
    corrects = "no_correction" not in about
    expected = by_chance if corrects else np.nan
    # M and divergence are freed of chance by a difference, H is rescaled too: both add up over terms
    factor = 1.0 if measure != "H" else 1 / (1 - chance) if chance < 1 else np.nan
    better = (estimate - expected) * factor if corrects else np.nan
    middle, half = (better, factor * error) if corrects else (estimate, error)
    low, high = middle - Z_95 * half, middle + Z_95 * half
    if measure == "H":
        low, high = max(low, -1.0), min(high, 1.0)
    return {
        "topic": "segregation",
        "estimate": estimate,
        "expected": expected,
        "corrected": better,
        "low": low,
        "high": high,
        "parameters": parameters(
            **about,
            addend=step.addend,
            correction="rescaled" if measure == "H" else "difference",
            interval="delta method, 95 %",
            source=SOURCES[MEASURES[measure]].short,
            cite=f"{MEASURES[measure]}|elbers2023",
            unreliable=True if corrects and expected > estimate / 2 else None,
        ),
    }
