"""Is one city, or year, more segregated than another: the difference of an index, its interval, and three tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import erfc

from civigrid.errors import SchemaError
from civigrid.kernels.bootstrap import bootstrap
from civigrid.kernels.random_allocation import chance_of
from civigrid.kernels.relabel import relabel
from civigrid.kernels.zones import Zones, across, zones_of
from civigrid.layers.segregation.change.pairs import (
    Aligned,
    Sample,
    align,
    group_names,
    known_in_both,
    same_grid,
    sample_of,
)
from civigrid.layers.segregation.indices import Index, index_named, with_parameters
from civigrid.layers.segregation.measured import Z_95, Measured, Target, against_others, measure, of_target, targets
from civigrid.layers.segregation.sources import SOURCES
from civigrid.result_table import parameters, result_table
from civigrid.types import Floats

Units = Literal["auto", "same", "different"]
_CELLS_AT_ONCE = 400_000
"""Cells of all draws together that are held in memory at a time."""


class _Draws(NamedTuple):
    """How a test draws: its name, its words, and the differences of each index in each draw."""

    name: str
    words: str
    differences: dict[tuple[str, str], Floats]


def comparison_table(
    first: xr.Dataset,
    second: xr.Dataset,
    groups: Sequence[str],
    *,
    total: str = "",
    indices: Sequence[str] = ("D", "H"),
    draws: int = 0,
    seed: int = 0,
    units: Units = "auto",
    noise_variance: float | None = None,
) -> pd.DataFrame:
    r"""Test whether an index differs between two sets of cells: two years, or two cities.

    Parameters
    ----------
    first, second : xarray.Dataset
        Cell datasets.
    groups : sequence of str
        Counts of the same groups in both.
    total : str
        Published total.  Named: what the groups leave of it is one more group, "rest".
    indices : sequence of str
        Names in `INDICES`.
    draws : int
        Draws of a second test; 0: the z test alone.
    seed : int
        Seed of the draws.
    units : {"auto", "same", "different"}
        Whether both sets have the same cells, so that persons can be relabelled between the two samples of a cell; by
        default, whether both lie on one grid and each has most of the other's inhabited cells.
    noise_variance : float, optional
        Variance of the publisher's noise in each count; by default what the counts declare.

    Returns
    -------
    pandas.DataFrame
        A result table, one row ``D_difference`` for each index and group: second less first.  ``estimate`` is the plain
        difference, ``expected`` what chance alone makes of it, ``corrected`` the difference of the corrected values,
        ``low`` and ``high`` its 95 % interval.  `parameters` holds ``first`` and ``second``, ``z`` and ``p_z``, and,
        with draws, ``p`` and which test it is of.

    Raises
    ------
    SchemaError
        Suppressed counts; relabelling asked for on different cells or on counts that are not whole.

    Notes
    -----
    z: difference of corrected values against the delta-method intervals of both (`compare`); persons are independent,
    between the sets too, so that people who stay make it cautious.

    Permutation, same units: the persons of each cell are dealt out anew to the two samples, both of whose sizes stay;
    the hypothesis is that in every cell both come from one composition.  Bootstrap, different units: both sets are
    drawn anew, person by person; the hypothesis is that the corrected values are equal.  In both
    :math:`p = (b + 1)/(B + 1)`, *b* of *B* draws being at least as far from their mean (permutation: as the difference
    found; bootstrap: as 0 is from the corrected difference); B. Phipson and G. K. Smyth (2010), Stat. Appl. Genet. 9.

    Examples
    --------
    >>> from civigrid.cells import make_cells
    >>> from civigrid.grid import SquareGrid
    >>> from civigrid.types import Column
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> ids, about = grid.from_row_col(np.array([3000, 3000]), np.array([4000, 4001])), {"a": Column(), "b": Column()}
    >>> even = make_cells(grid, ids, {"a": [50.0, 50.0], "b": [50.0, 50.0]}, about)
    >>> apart = make_cells(grid, ids, {"a": [90.0, 10.0], "b": [10.0, 90.0]}, about)
    >>> comparison_table(even, apart, ["a", "b"], indices=["D"])["estimate"].round(3).tolist()
    [0.8, 0.8]
    """
    names = group_names(groups, total)
    declared = [index_named(name) for name in indices]
    samples = [sample_of(cells, groups, total, noise_variance) for cells in (first, second)]
    asked = list(_asked(declared, names))
    left_out = [s.left_out for s in samples]
    same = _have_same_units(first, second, samples, units)
    if same:
        first, second = known_in_both(first, second, groups, total)
        samples = [sample_of(cells, groups, total, noise_variance) for cells in (first, second)]
    drawn = None
    if draws:
        if same:
            drawn = _permutation(align(first, second, groups, total), asked, draws, seed)
        else:
            drawn = _bootstrap(samples, asked, draws, seed)
    about = {
        "total": total or "sum of the groups",
        "left_out_cells": left_out,
        "units": "same" if same else "different",
        "draws": draws or None,
        "seed": seed if draws else None,
    }
    return result_table([_row(index, target, samples, drawn, about) for index, target in asked])


def _asked(declared: Sequence[Index], names: Sequence[str]) -> Iterator[tuple[Index, Target]]:
    for index in declared:
        for target in targets(index, names):
            yield index, target


def _stacked(tables: Sequence[Floats]) -> Zones:
    """One zone for each table, empty cells left out."""
    kept = [t[across(t) > 0] for t in tables]
    starts = np.append(0, np.cumsum([len(t) for t in kept])[:-1])
    return zones_of(np.concatenate(kept), starts=starts)


class Compared(NamedTuple):
    """Second less first, its 95 % interval, and z: the interval leaves out 0 where z is beyond 1.96, shape (zone,)."""

    difference: Floats
    low: Floats
    high: Floats
    z: Floats


def compare(first: Measured, second: Measured, correct: bool) -> Compared:
    r"""Compare an index of as many zones on both sides, by the intervals that each side has.

    Notes
    -----
    G. Y. Zou and A. Donner (2008), Stat. Med. 27, 1693-1702: the distance from the difference to its lower end is the
    root of the squares of the second's distance to its lower and the first's to its upper end.  Corrected values have
    intervals that are not symmetric, most of all D and Gini where there is little segregation.
    """
    one, other = (m.corrected if correct else m.estimate for m in (first, second))
    difference = other - one
    below = np.hypot(other - second.low, first.high - one)
    above = np.hypot(second.high - other, one - first.low)
    toward = np.where(difference > 0, below, above)
    z = Z_95 * np.divide(difference, toward, out=np.full_like(difference, np.nan), where=toward > 0)
    return Compared(difference, difference - below, difference + above, z)


def measured_zones(index: Index, target: Target, rows: Zones, noise: Floats | None, correct: bool) -> Measured:
    """Measure an index of each zone."""
    some = of_target(index, rows, target)
    theirs = noise if noise is None or index.groups != "each" else against_others(noise, target.first)
    return measure(index, target, some, chance_of(some, theirs) if correct else None, noise=theirs)


def _row(
    index: Index, target: Target, samples: Sequence[Sample], drawn: _Draws | None, about: dict[str, Any]
) -> dict[str, Any]:
    rows = _stacked([s.counts for s in samples])
    noise = _noise_of(samples)
    correct = not any(s.interpolated for s in samples)
    found = measured_zones(index, target, rows, noise, correct)
    first, second = (found._replace(**{n: v[k : k + 1] for n, v in found._asdict().items()}) for k in (0, 1))
    both = compare(first, second, correct)
    difference, z = float(both.difference[0]), float(both.z[0])
    plain = float(np.diff(found.estimate)[0])
    test: dict[str, Any] = {}
    if drawn is not None:
        spread = drawn.differences[index.name, target.groups]
        test = {"test": drawn.name, "hypothesis": drawn.words, "p": p_value(spread, plain, difference, drawn.name)}
    if not correct:
        test["no_correction"] = "counts are interpolated: they lack the scatter that chance makes among counted people"
    values = found.corrected if correct else found.estimate
    known = bool(np.isfinite(z))
    return {
        "zone": "all",
        "topic": "segregation",
        "index": f"{index.name}_difference",
        "groups": target.groups,
        "estimate": plain,
        "expected": float(np.diff(found.expected)[0]),
        "corrected": difference if correct else np.nan,
        "low": float(both.low[0]),
        "high": float(both.high[0]),
        "persons": float(rows.own.sum()),
        "cells": len(rows.own),
        "parameters": parameters(
            **about,
            **index.parameters,
            **test,
            first=_told(values[0]),
            second=_told(values[1]),
            z=z if known else None,
            # erfc keeps its digits where 1 - Phi has none left
            p_z=float(erfc(abs(z) / np.sqrt(2))) if known else None,
            correction=index.correction if correct else "none",
            interval="delta method, 95 %",
            source=SOURCES[index.source].short,
            cite=f"{index.source}|zou2008" + ("|phipson2010" if drawn is not None else ""),
        ),
    }


def _told(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def p_value(spread: Floats, plain: float, difference: float, test: str) -> float | None:
    """Give (b + 1)/(B + 1), two-sided, of draws around their own mean; None where there is no difference to test.

    >>> p_value(np.array([-1.0, 0.0, 1.0]), 2.0, 2.0, "bootstrap")
    0.25
    """
    spread = spread[np.isfinite(spread)]
    if not len(spread) or not np.isfinite(difference):
        return None
    away = np.abs(spread - spread.mean())
    far = abs(plain - spread.mean()) if test == "permutation" else abs(difference)
    # what is equal on paper may differ by rounding
    return float(((away >= far * (1 - 1e-12)).sum() + 1) / (len(spread) + 1))


def _have_same_units(first: xr.Dataset, second: xr.Dataset, samples: Sequence[Sample], units: Units) -> bool:
    if units not in ("auto", "same", "different"):
        raise SchemaError(f"units = {units!r}: say auto, same or different.")
    on_one = same_grid(first, second)
    common = len(np.intersect1d(samples[0].ids, samples[1].ids)) if on_one else 0
    if units == "same" and not common:
        raise SchemaError("the two sets have no cell in common: persons cannot be relabelled. Say units='different'.")
    whole = all(np.array_equal(s.counts, np.rint(s.counts)) for s in samples)
    if units == "same" and not whole:
        raise SchemaError("counts are not whole: half a person cannot be relabelled. Say units='different'.")
    most = common > 0.5 * max(len(s.ids) for s in samples)
    return units == "same" or (units == "auto" and most and whole)


def _permutation(both: Aligned, asked: Sequence[tuple[Index, Target]], draws: int, seed: int) -> _Draws:
    """Relabel persons: all draws of a turn are zones of one table."""
    rng, functions = np.random.default_rng(seed), [_estimates(i, t) for i, t in asked]
    found: list[list[Floats]] = [[] for _ in asked]
    done, at_once = 0, max(1, _CELLS_AT_ONCE // (2 * len(both.first)))
    while done < draws:
        n = min(at_once, draws - done)
        one, other = relabel(both.first, both.second, n, rng)
        rows = _stacked([*one, *other])
        for k, function in enumerate(functions):
            value = function(rows)
            found[k].append(value[n:] - value[:n])
        done += n
    words = "in every cell both samples come from one composition"
    return _Draws("permutation", words, _keyed(asked, [np.concatenate(parts) for parts in found]))


def _bootstrap(samples: Sequence[Sample], asked: Sequence[tuple[Index, Target]], draws: int, seed: int) -> _Draws:
    """Draw both sets anew, person by person."""
    rows, noise = _stacked([s.counts for s in samples]), _noise_of(samples)
    values = bootstrap(rows, [_estimates(i, t) for i, t in asked], draws, seed, noise=noise)
    differences = values[:, :, 1] - values[:, :, 0]
    return _Draws("bootstrap", "the corrected values are equal", _keyed(asked, list(differences.T)))


def _estimates(index: Index, target: Target) -> Callable[[Zones], Floats]:
    value, _ = with_parameters(index)
    pair = {"a": target.first, "b": target.second} if index.groups == "pairs" else {}
    return lambda rows: value(of_target(index, rows, target), **pair).estimate


def _keyed(asked: Sequence[tuple[Index, Target]], parts: Sequence[Floats]) -> dict[tuple[str, str], Floats]:
    return {(i.name, t.groups): part for (i, t), part in zip(asked, parts, strict=True)}


def _noise_of(samples: Sequence[Sample]) -> Floats | None:
    if all(s.noise is None for s in samples):
        return None
    return np.concatenate([np.zeros_like(s.counts) if s.noise is None else s.noise for s in samples])
