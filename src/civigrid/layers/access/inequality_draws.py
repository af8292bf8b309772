"""Indices of a population in the whole and in each zone, for the cells as they are and as a bootstrap draws them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from civigrid.kernels.inequality import People, mean, people_of
from civigrid.kernels.poverty import linear_error
from civigrid.layers.access.inequality_indices import BY_RANK, COUNT_UNREACHABLE, Inequality, InequalityOptions
from civigrid.layers.access.inequality_people import Population
from civigrid.types import Floats, Ints

_AT_ONCE = 1_000_000
"""Numbers drawn at once: what keeps memory small."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Draws:
    """How cells are drawn and where they lie.

    Parameters
    ----------
    draws, seed : int
        How many, and the seed.
    zone : ndarray of int64, shape (cell,)
        Zone of each cell.
    zones : int
        How many.
    rank : ndarray of float64, shape (cell,), optional
        What ranks persons; NaN where it is not known.
    """

    draws: int
    seed: int
    zone: Ints
    zones: int
    rank: Floats | None

    def times(self) -> Iterator[tuple[int, Floats]]:
        """How often each cell counts, in blocks of draws (number of the first, shape (draw, cell)); once, first."""
        rng, n = np.random.default_rng(self.seed), len(self.zone)
        yield 0, np.ones((1, n))
        step = max(1, _AT_ONCE // max(n, 1))
        for first in range(0, self.draws, step):
            yield 1 + first, rng.exponential(size=(min(step, self.draws - first), n))


@dataclass(frozen=True, eq=False, kw_only=True)
class Estimates:
    """What was found for one population; column 0 is the whole, column 1 + z the zone z, row 0 the cells as they are.

    Parameters
    ----------
    name : str
        The population.
    values : dict of str to ndarray, shape (1 + draw, 1 + zone)
        By index; NaN where it is undefined or nobody lives.
    bounds : dict of str to ndarray, shape (2, 1 + zone)
        Interval of each of `values`, as `interval` gives it.
    reached, persons : ndarray of float64, shape (1 + draw, 1 + zone)
        Persons who have a value (a cap is one), and all of them.
    lost : ndarray of float64, shape (1 + draw, 1 + zone)
        Persons who reach nothing.
    ranked : ndarray of float64, shape (1 + zone,)
        Persons who have a value and a rank.
    errors : dict of str to ndarray, shape (1 + zone,)
        Standard errors of the indices that are means.
    zero : ndarray of float64, shape (1 + zone,)
        Persons whose value is 0.
    cells : ndarray of int64, shape (1 + zone,)
        Cells where any of them lives.
    """

    name: str
    values: dict[str, Floats]
    bounds: dict[str, Floats]
    reached: Floats
    persons: Floats
    lost: Floats
    ranked: Floats
    errors: dict[str, Floats]
    zero: Floats
    cells: Ints


class _View(NamedTuple):
    """Persons as one zone or by zone, where their columns stand, and the cells of their rows."""

    people: People
    columns: Ints
    cell: Ints


def estimates_of(
    population: Population, wanted: Sequence[Inequality], options: InequalityOptions, how: Draws
) -> Estimates:
    """Compute indices of a population, in the whole and each zone, for every draw."""
    there = population.reached(options.unreachable)
    shape = (1 + how.draws, 1 + how.zones)
    values = {name: np.full(shape, np.nan) for name in ["mean", *(index.name for index in wanted)]}
    counts = {kind: np.zeros(shape) for kind in ("value", "all", "by", "lost")}
    views = {"value": _views(there, None, how)}
    # the unreachable have no value, unless one is said
    views["all"] = _views(population, None, how) if options.unreachable is None else views["value"]
    if how.rank is not None:
        views["by"] = _views(there, how.rank, how)
    for first, times in how.times():
        rows = slice(first, first + len(times))
        for kind, sides in views.items():
            for view in sides:
                drawn = view.people.drawn(times, view.cell)
                counts[kind][rows, view.columns] = drawn.persons
                if kind == "all":
                    nothing = np.isinf(population.values[view.people.row])
                    counts["lost"][rows, view.columns] = drawn.sums(nothing.astype(np.float64))
                if kind == "value":
                    values["mean"][rows, view.columns] = mean(drawn)
                for index in wanted:
                    if _kind(index) == kind:
                        values[index.name][rows, view.columns] = index.value(drawn, options)
    zero, cells = _told(views, shape[1])
    return Estimates(
        name=population.name,
        values=values,
        bounds={name: interval(found) for name, found in values.items()},
        reached=counts["value"],
        persons=counts["all"],
        lost=counts["lost"],
        ranked=counts["by"][0],
        errors=_errors(views, wanted, options, shape[1]),
        zero=zero,
        cells=cells,
    )


def interval(draws: Floats) -> Floats:
    """2.5 to 97.5 % of the draws in which a number is defined, shape (2, column); NaN where the first row is not.

    Parameters
    ----------
    draws : ndarray of float64, shape (1 + draw, column)
        The number of the cells as they are, then its draws.

    Notes
    -----
    Quantiles between order statistics as Hyndman and Fan (1996), definition 7, for all columns at once.

    Examples
    --------
    >>> interval(np.array([[5.0], [0.0], [np.nan], [40.0]]))
    array([[ 1.], [39.]])
    """
    known = np.sort(np.where(np.isfinite(draws[1:]), draws[1:], np.nan), axis=0)
    n = np.isfinite(known).sum(axis=0)
    found = np.full((2, draws.shape[1]), np.nan)
    there = np.flatnonzero((n > 0) & np.isfinite(draws[0]))
    for side, q in enumerate((0.025, 0.975)):
        place = q * (n[there] - 1)
        below = np.floor(place).astype(np.int64)
        low, high = known[below, there], known[np.minimum(below + 1, n[there] - 1), there]
        found[side, there] = low + (place - below) * (high - low)
    return found


def _told(views: Mapping[str, list[_View]], columns: int) -> tuple[Floats, Ints]:
    """Persons whose value is 0, and cells where anyone lives, shape (1 + zone,)."""
    zero, cells = np.zeros(columns), np.zeros(columns, dtype=np.int64)
    for view in views["value"]:
        zero[view.columns] = view.people.sums((view.people.values == 0).astype(np.float64))[0]
    for view in views["all"]:
        rows = np.split(view.cell, view.people.starts[1:])
        cells[view.columns] = [len(np.unique(part)) for part in rows]
    return zero, cells


def _errors(
    views: Mapping[str, list[_View]], wanted: Sequence[Inequality], options: InequalityOptions, columns: int
) -> dict[str, Floats]:
    """Standard errors of the indices that are means over persons."""
    errors: dict[str, Floats] = {}
    for index in wanted:
        if index.per_person is None:
            continue
        errors[index.name] = np.full(columns, np.nan)
        for view in views[_kind(index)]:
            of = index.per_person(view.people.values, options)
            errors[index.name][view.columns] = linear_error(view.people, of, view.cell)
    return errors


def _kind(index: Inequality) -> str:
    """Whom an index looks at: all, or those with a value, or those of them with a rank."""
    return "all" if index.name in COUNT_UNREACHABLE else "by" if index.name in BY_RANK else "value"


def _views(population: Population, rank: Floats | None, how: Draws) -> list[_View]:
    cell, by = population.cell, None
    values, persons = population.values, population.persons
    if rank is not None:
        known = ~np.isnan(rank[cell])
        cell, values, persons = cell[known], values[known], persons[known]
        by = rank[cell]
    if not len(cell):
        return []
    whole = people_of(values, persons, by=by)
    views = [_View(whole, np.zeros(1, dtype=np.int64), cell[whole.row])]
    if how.zones:
        zoned = people_of(values, persons, by=by, zone=how.zone[cell])
        views.append(_View(zoned, 1 + zoned.zones, cell[zoned.row]))
    return views
