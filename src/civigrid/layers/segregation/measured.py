"""One index on one set of rows: estimate, expectation, correction and interval together, whatever the neighbourhood."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from civigrid.kernels.random_allocation import Chance
from civigrid.kernels.zones import Value, Zones, across, gradient
from civigrid.layers.segregation.indices import Chances, Index, freed, with_parameters
from civigrid.layers.segregation.sources import SOURCES
from civigrid.result_table import parameters
from civigrid.types import Bools, Floats

_SHARES = ("isolation", "interaction", "exposure")
"""Indices that are shares of people met: without cells they would be a group's share in the zone."""
Z_95 = 1.959963984540054
Error = Callable[[Zones, Value], Floats]


class Target(NamedTuple):
    """Whom an index is about: names joined as tables write them, and the columns it takes."""

    groups: str
    first: int = 0
    second: int = 1


class Measured(NamedTuple):
    """An index of every zone, shape (zone,) each."""

    estimate: Floats
    expected: Floats
    corrected: Floats
    low: Floats
    high: Floats
    unreliable: Bools


def targets(index: Index, names: Sequence[str]) -> Iterator[Target]:
    """Whom an index is computed for: each group, each pair, or all."""
    if index.groups == "each":
        for k, name in enumerate(names):
            # what the groups leave of a total stands last: nobody asks how it lives
            if name != "rest" or k == 0 or k < len(names) - 1:
                yield Target(name, k, -1)
    elif index.groups == "pairs":
        for a, one in enumerate(names):
            for b, other in enumerate(names):
                yield Target(f"{one}->{other}", a, b)
    else:
        yield Target("|".join(names))


def against_others(columns: Floats, k: int) -> Floats:
    """One column, and the sum of all others."""
    return np.stack([columns[:, k], across(columns) - columns[:, k]], axis=1)


def of_target(index: Index, rows: Zones, target: Target) -> Zones:
    """Rows as an index takes them: two groups where it is about one group and everyone else."""
    if index.groups != "each":
        return rows
    own = against_others(rows.own, target.first)
    first = rows.share[:, target.first]
    return rows._replace(own=own, share=np.stack([first, 1 - first], axis=1))


def measure(
    index: Index,
    target: Target,
    rows: Zones,
    chance: Chance | None,
    *,
    noise: Floats | None = None,
    scatter: Floats | None = None,
    error: Error | None = None,
) -> Measured:
    """Compute an index of every zone.

    Parameters
    ----------
    index : Index
        Which index.
    target : Target
        Whom it is about.
    rows : Zones
        As `of_target` gives them.
    chance : Chance or None
        How random allocation works on these rows; None where nothing is to be expected of it.
    noise : ndarray, shape (row, group), optional
        Variance of the publisher's noise in each count.
    scatter : ndarray, shape (draw, zone), optional
        Values of the index in drawn cities: the interval is as wide as the middle 95 % of them.
    error : callable, optional
        Standard error of each zone, shape (zone,), from rows and `Value`, where neighbourhoods overlap; by default the
        delta method's for cells themselves.

    Returns
    -------
    Measured
        The interval is the delta method's, 95 %, for independent Poisson persons and independent noise, around the
        estimate; where that is corrected, so are both ends.
    """
    value, expectation = with_parameters(index)
    pair = {"a": target.first, "b": target.second} if index.groups == "pairs" else {}
    found = value(rows, **pair)
    if scatter is None:
        above = Z_95 * (_delta_error(rows, found, noise) if error is None else error(rows, found))
        below = above
    else:
        below, above = np.abs(np.nanquantile(scatter - np.nanmean(scatter, axis=0), (0.025, 0.975), axis=0))
    low, high = found.estimate - below, found.estimate + above
    nothing = np.full_like(found.estimate, np.nan)
    expected, better, unreliable = nothing, nothing, np.zeros(len(nothing), dtype=bool)
    if index.correction == "none":
        better = found.estimate
    elif chance is not None and expectation is not None:
        expected, baseline = expectation(chance, **pair), _baseline(index, target, chance)
        top = 1 - chance.share[:, 0] if index.name == "gorard" else np.ones_like(baseline)
        by = Chances(expected, baseline, top)
        better, low, high = (freed(index, value, by) for value in (found.estimate, low, high))
        # of interaction both lie below the share: what counts is how far from it
        unreliable = np.abs(expected - baseline) > np.abs(found.estimate - baseline) / 2
    if index.correction in ("rescaled", "squares") or index.name in _SHARES:
        # neighbourhoods that reach beyond a zone may take an index out of its range: then nothing is cut
        inside = np.abs(better if chance is not None else found.estimate) <= 1
        low, high = np.where(inside, np.maximum(low, -1.0), low), np.where(inside, np.minimum(high, 1.0), high)
    return Measured(found.estimate, expected, better, low, high, unreliable)


def _delta_error(rows: Zones, found: Value, noise: Floats | None) -> Floats:
    spread = rows.own if noise is None else rows.own + noise
    return np.sqrt(rows.sums(across(spread * gradient(rows, found) ** 2)))


def _baseline(index: Index, target: Target, chance: Chance) -> Floats:
    if index.name not in _SHARES:
        return np.zeros(len(chance.starts))
    if index.groups == "pairs":
        return chance.share[:, target.second]
    return chance.share[:, 1 if index.name == "interaction" else 0]


def row_parameters(index: Index, about: dict[str, Any]) -> tuple[str, str]:
    """Parameters of a row, and the same of a row whose value chance alone explains by more than half."""
    where = f", {index.where}" if index.where else ""
    source = SOURCES[index.source].short + where
    said = {**about, **index.parameters, "correction": index.correction, "source": source, "cite": index.source}
    return parameters(**said), parameters(**said, unreliable=True)
