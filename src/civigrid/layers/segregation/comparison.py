"""Is one city, or year, more segregated than another: the difference of an index, its interval, and three tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import erfc

from civigrid.errors import SchemaError
from civigrid.kernels.random_allocation import chance_of
from civigrid.kernels.two_samples import relabel, resample
from civigrid.kernels.zones import Zones, gradient, zones_of
from civigrid.layers.segregation.indices import Index, corrected, index_named, with_parameters
from civigrid.layers.segregation.measured import Z_95, Measured, Target, against_others, measure, of_target, targets
from civigrid.layers.segregation.pairs import Sample, align, group_names, known_in_both, same_grid, sample_of
from civigrid.layers.segregation.sources import SOURCES
from civigrid.result_table import parameters, result_table
from civigrid.types import Floats

Units = Literal["auto", "same", "different"]
ROUGH = ("D", "G", "gorard", "minmax", "A", "hutchens", "D_multi", "G_multi")
"""Indices from which random allocation takes too much where there is real segregation: H, V and exposures are freed of
chance to a good approximation at any level."""
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
    z: difference of corrected values by the root of the sum of their delta-method variances; persons are independent,
    between the sets too, so that people who stay make it cautious.  What chance makes of D, G and their kin is known
    without segregation, and less with it: where it differs between the sets by more than the standard error (cells of
    other sizes), `parameters` holds a ``caution``, and H or V are the better choice, or relabelling.

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
        rng = np.random.default_rng(seed)
        if same:
            drawn = _permutation(first, second, groups, total, asked, draws, rng)
        else:
            drawn = _bootstrap(samples, asked, draws, rng)
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
    kept = [t[t.sum(axis=1) > 0] for t in tables]
    starts = np.append(0, np.cumsum([len(t) for t in kept])[:-1])
    return zones_of(np.concatenate(kept), starts=starts)


def with_errors(
    index: Index, target: Target, rows: Zones, noise: Floats | None, correct: bool
) -> tuple[Measured, Floats]:
    """Give an index of each zone, and the standard error of its corrected value, shape (zone,)."""
    some = of_target(index, rows, target)
    theirs = noise if noise is None or index.groups != "each" else against_others(noise, target.first)
    chance = chance_of(some, theirs) if correct else None
    found = measure(index, target, some, chance, noise=theirs)
    value, _ = with_parameters(index)
    pair = {"a": target.first, "b": target.second} if index.groups == "pairs" else {}
    slope = gradient(some, value(some, **pair))
    spread = some.own if theirs is None else some.own + theirs
    error = np.sqrt(some.sums((spread * slope**2).sum(axis=1)))
    if chance is None or np.isnan(found.expected).all():
        return found, error
    return found, error * corrected(index, found.estimate, found.expected, np.zeros_like(error))[1]


def _row(
    index: Index, target: Target, samples: Sequence[Sample], drawn: _Draws | None, about: dict[str, Any]
) -> dict[str, Any]:
    rows = _stacked([s.counts for s in samples])
    noise = None
    if any(s.noise is not None for s in samples):
        noise = np.concatenate([np.zeros_like(s.counts) if s.noise is None else s.noise for s in samples])
    correct = not any(s.interpolated for s in samples)
    found, error = with_errors(index, target, rows, noise, correct)
    better = found.corrected if correct else found.estimate
    difference, half = float(np.diff(better)[0]), Z_95 * float(np.hypot(*error))
    z = difference / (half / Z_95) if half > 0 else np.nan
    test: dict[str, Any] = {}
    if drawn is not None:
        spread = drawn.differences[index.name, target.groups]
        plain = float(np.diff(found.estimate)[0])
        test = {"test": drawn.name, "hypothesis": drawn.words, "p": p_value(spread, plain, difference, drawn.name)}
    if index.name.partition("(")[0] in ROUGH and abs(np.diff(found.expected)[0]) > half / Z_95:
        test["caution"] = (
            "chance makes more of one set than of the other; it is taken out exactly only where nothing is segregated"
        )
    if not correct:
        test["no_correction"] = "counts are interpolated: they lack the scatter that chance makes among counted people"
    return {
        "zone": "all",
        "topic": "segregation",
        "index": f"{index.name}_difference",
        "groups": target.groups,
        "estimate": float(np.diff(found.estimate)[0]),
        "expected": float(np.diff(found.expected)[0]),
        "corrected": difference if correct else np.nan,
        "low": difference - half,
        "high": difference + half,
        "persons": float(rows.own.sum()),
        "cells": len(rows.own),
        "parameters": parameters(
            **about,
            **index.parameters,
            **test,
            first=float(better[0]),
            second=float(better[1]),
            z=z if np.isfinite(z) else None,
            # erfc keeps its digits where 1 - Phi has none left
            p_z=float(erfc(abs(z) / np.sqrt(2))) if np.isfinite(z) else None,
            correction=index.correction if correct else "none",
            interval="delta method, 95 %",
            source=SOURCES[index.source].short,
            cite=index.source,
        ),
    }


def p_value(spread: Floats, plain: float, difference: float, test: str) -> float:
    """Give (b + 1)/(B + 1), two-sided, of draws around their own mean."""
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


def _permutation(
    first: xr.Dataset,
    second: xr.Dataset,
    groups: Sequence[str],
    total: str,
    asked: Sequence[tuple[Index, Target]],
    draws: int,
    rng: np.random.Generator,
) -> _Draws:
    both = align(first, second, groups, total)

    def draw(n: int) -> tuple[Floats, Floats]:
        return relabel(both.first, both.second, n, rng)

    words = "in every cell both samples come from one composition"
    return _Draws("permutation", words, _differences(draw, 2 * len(both.first), asked, draws))


def _bootstrap(
    samples: Sequence[Sample], asked: Sequence[tuple[Index, Target]], draws: int, rng: np.random.Generator
) -> _Draws:
    def draw(n: int) -> tuple[Floats, Floats]:
        return resample(samples[0].counts, n, rng), resample(samples[1].counts, n, rng)

    cells = sum(len(s.counts) for s in samples)
    return _Draws("bootstrap", "the corrected values are equal", _differences(draw, cells, asked, draws))


def _differences(
    draw: Any, cells: int, asked: Sequence[tuple[Index, Target]], draws: int
) -> dict[tuple[str, str], Floats]:
    """Draw by draw, the difference of every index: all draws of a turn are zones of one table."""
    found: dict[tuple[str, str], list[Floats]] = {(i.name, t.groups): [] for i, t in asked}
    done, at_once = 0, max(1, _CELLS_AT_ONCE // max(cells, 1))
    while done < draws:
        n = min(at_once, draws - done)
        one, other = draw(n)
        rows = _stacked([*one, *other])
        for index, target in asked:
            value, _ = with_parameters(index)
            pair = {"a": target.first, "b": target.second} if index.groups == "pairs" else {}
            both = value(of_target(index, rows, target), **pair).estimate
            found[index.name, target.groups].append(both[n:] - both[:n])
        done += n
    return {key: np.concatenate(parts) for key, parts in found.items()}
