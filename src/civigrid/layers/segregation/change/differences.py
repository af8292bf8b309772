"""Why segregation differs: between two years on stable cells in five terms, between two cities in two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.cells import grid_of, make_cells
from civigrid.errors import CivigridError, SchemaError, unknown_name
from civigrid.kernels import shapley
from civigrid.kernels.shapley import Difference, shapley_difference, two_term_difference
from civigrid.kernels.zones import zones_of
from civigrid.layers.segregation.change.pairs import Aligned, align, group_names, sample_of
from civigrid.layers.segregation.groups import is_interpolated, refuse_zone_names
from civigrid.layers.segregation.indices import INDICES, Index, index_named, with_parameters
from civigrid.layers.segregation.measured import against_others
from civigrid.result_table import parameters, result_table
from civigrid.types import Column, Floats

MEASURES = {"M": shapley.mutual_information, "H": shapley.information}
"""What can be split into five terms."""
TERMS = ("additions", "removals", "group_marginal", "unit_marginal", "structural")
_FIVE = {"source": "Elbers (2023)", "cite": "elbers2023", "correction": "none"}
_TWO = {"source": "Rey et al. (2021)", "cite": "rey2021", "correction": "none"}


def difference_table(
    before: xr.Dataset,
    after: xr.Dataset,
    groups: Sequence[str],
    *,
    total: str = "",
    measures: Sequence[str] = ("M", "H"),
    zone: str = "",
    added: float = 0.0,
    draws: int = 0,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Split the difference of M and H between two years into what changed.

    Parameters
    ----------
    before, after : xarray.Dataset
        Cells of one grid: stable units, so that no boundary change is taken for a change of segregation.
    groups : sequence of str
        Counts of the same groups in both.
    total : str
        Published total.  Named: what the groups leave of it is one more group, "rest".
    measures : sequence of {"M", "H"}
        Mutual information, Theil's H.
    zone : str
        Label whose values are zones; a cell lies where the later set says.
    added : float
        Persons put into each empty combination of cell and group before fitting, where zeros forbid a fit.
    draws : int
        Bootstrap draws of persons, from which intervals and corrected terms follow; 0: none.
    seed : int
        Seed of the draws.

    Returns
    -------
    pandas.DataFrame
        A result table: for each zone and measure ``M_before``, ``M_after``, ``M_difference``, and five terms that sum
        to it.  ``M_additions`` and ``M_removals``: cells (and groups) with people in one year only;
        ``M_group_marginal``: the groups' shares in the whole; ``M_unit_marginal``: the cells' shares of all people;
        ``M_structural``: who lives where, given both.

    Raises
    ------
    GridMismatchError
        Different grids.
    CivigridError
        No cells in common, or zeros that forbid a fit: what to do is told.  Of a zone, a row without a number tells it.

    Notes
    -----
    B. Elbers (2023), Sociol. Methods Res. 52(1), by iterative proportional fitting to margins within 1e-10 of all
    persons (`kernels.shapley`).  Cells whose counts one year does not know are left out of both.  With draws, corrected
    terms are twice the estimate less the mean of the draws, and intervals the draws' percentiles, moved as much: the
    bias of each term that resampling shows is taken out once.  Small cells have people of a group in one year only, by
    chance; that is bias of the structural term, not change.
    """
    for name in measures:
        if name not in MEASURES:
            raise unknown_name("measure that can be split into five terms", name, MEASURES)
    both = align(before, after, groups, total, zone)
    about: dict[str, Any] = {
        "total": total or "sum of the groups",
        "left_out_cells": both.left_out,
        "added": added or None,
        "draws": draws or None,
        "seed": seed if draws else None,
    }
    if is_interpolated(before, groups) or is_interpolated(after, groups):
        about["no_correction"] = "counts are interpolated: they lack the scatter that chance makes among counted people"
    rows: list[dict[str, Any]] = []
    names = "|".join(group_names(groups, total))
    for place, inside in _zones(both, zone):
        for measure in measures:
            rng = np.random.default_rng(seed)
            first, second = both.first[inside], both.second[inside]
            try:
                rows += _five(place, measure, names, first, second, added, draws, rng, about)
            except CivigridError as fault:
                # one zone that cannot be split does not cost the others theirs
                if place == "all":
                    raise
                rows.append(_without(place, measure, names, first, second, str(fault), about))
    return result_table(rows)


def _zones(both: Aligned, zone: str) -> Iterator[tuple[str, Any]]:
    yield "all", slice(None)
    if zone:
        refuse_zone_names(both.zone)
        for name in np.unique(both.zone):
            yield str(name) or "(none)", both.zone == name


def _five(
    zone: str,
    measure: str,
    groups: str,
    first: Floats,
    second: Floats,
    added: float,
    draws: int,
    rng: np.random.Generator,
    about: dict[str, Any],
) -> Iterator[dict[str, Any]]:
    index = MEASURES[measure]
    found = shapley_difference(first, second, index, added=added)
    drawn = None
    if draws:
        pairs = ([rng.poisson(t).astype(np.float64) for t in (first, second)] for _ in range(draws))
        drawn = np.array([_values(shapley_difference(a, b, index, added=added)) for a, b in pairs])
    fit = {
        "common_cells": found.units,
        "common_groups": found.groups,
        "rounds": found.rounds,
        "largest_deviation": found.deviation,
    }
    persons = float(first.sum() + second.sum())
    for k, (name, value) in enumerate(zip(("before", "after", "difference", *TERMS), _values(found), strict=True)):
        row: dict[str, Any] = {"estimate": value}
        if drawn is not None:
            better = 2 * value - float(drawn[:, k].mean())
            low, high = np.percentile(drawn[:, k] - drawn[:, k].mean(), [2.5, 97.5])
            middle = value if "no_correction" in about else better
            row |= {"corrected": np.nan if "no_correction" in about else better}
            row |= {"low": middle + low, "high": middle + high}
        interval = "bootstrap of persons, 95 %" if draws else None
        bias = "that of resampling, taken out once" if draws and "no_correction" not in about else None
        told = parameters(**about, **fit, **_FIVE, addend=name in TERMS, interval=interval, bias=bias)
        yield {
            "zone": zone,
            "topic": "segregation",
            "index": f"{measure}_{name}",
            "groups": groups,
            "persons": persons,
            "cells": len(first),
            "parameters": told,
            **row,
        }


def _without(
    zone: str, measure: str, groups: str, first: Floats, second: Floats, why: str, about: dict[str, Any]
) -> dict[str, Any]:
    """Give a row without a number that says why."""
    return {
        "zone": zone,
        "topic": "segregation",
        "index": f"{measure}_difference",
        "groups": groups,
        "persons": float(first.sum() + second.sum()),
        "cells": len(first),
        "parameters": parameters(**about, **_FIVE, not_split=why),
    }


def _values(found: Difference) -> list[float]:
    return [found.before, found.after, found.after - found.before, *(getattr(found, term) for term in TERMS)]


def difference_cells(
    before: xr.Dataset, after: xr.Dataset, groups: Sequence[str], *, total: str = "", added: float = 0.0
) -> xr.Dataset:
    """Give what each cell adds to the structural change of M.

    Parameters
    ----------
    before, after, groups, total, added
        As for `difference_table`.

    Returns
    -------
    xarray.Dataset
        The cells with people in either year, with ``adds_to_M_structural``: the sum is the printed term.  It is 0 where
        people live in one year only: such cells are additions and removals.
    """
    both = align(before, after, groups, total)
    found = shapley_difference(both.first, both.second, shapley.mutual_information, added=added)
    about = {
        "adds_to_M_structural": Column(units="1", source="segregation", long_name="Adds to the structural change of M")
    }
    return make_cells(grid_of(before), both.ids, {"adds_to_M_structural": found.structural_by_unit}, about)


def city_difference_table(
    first: xr.Dataset,
    second: xr.Dataset,
    groups: Sequence[str],
    *,
    total: str = "",
    indices: Sequence[str] = ("D", "H"),
) -> pd.DataFrame:
    """Split the difference of a two-group index between two cities into composition and spatial structure.

    Parameters
    ----------
    first, second : xarray.Dataset
        Cells of the two cities; they need not lie on one grid, but cells of one size compare best.
    groups : sequence of str
        Counts of the same groups in both, each against everyone else.
    total : str
        Published total.  Named: what the groups leave of it is one more group, "rest".
    indices : sequence of str
        Names of two-group indices in `INDICES`.

    Returns
    -------
    pandas.DataFrame
        A result table: ``D_difference``, second less first, is the sum of ``D_composition`` (how the group's shares
        are distributed over people) and ``D_spatial`` (sizes of cells, and which of them have which shares).

    Raises
    ------
    SchemaError
        An index of several groups: shares of several groups have no common order.

    Notes
    -----
    S. J. Rey, R. Cortes, E. Knaap (2021), with quantiles counted in persons (`kernels.shapley.two_term_difference`).
    Aspatial indices only know what a cell holds, so that their spatial term tells of sizes.
    """
    names = group_names(groups, total)
    declared = [index_named(name) for name in indices]
    for index in declared:
        if index.groups != "each":
            raise SchemaError(
                f"{index.name} is no index of two groups: two-term differences are defined for one group against "
                f"everyone else. Can be: {', '.join(n for n, i in INDICES.items() if i.groups == 'each')}."
            )
    found = [sample_of(cells, groups, total) for cells in (first, second)]
    samples, left_out = [sample.counts for sample in found], [sample.left_out for sample in found]
    rows = []
    for index in declared:
        for k, group in enumerate(names):
            if not (total and group == "rest"):
                pair = [against_others(sample, k) for sample in samples]
                rows += list(
                    _two(index, group, pair, {"total": total or "sum of the groups", "left_out_cells": left_out})
                )
    return result_table(rows)


def _two(index: Index, group: str, pair: Sequence[Floats], about: dict[str, Any]) -> Iterator[dict[str, Any]]:
    value, _ = with_parameters(index)

    def of_table(table: Floats) -> float:
        return float(value(zones_of(table)).estimate[0])

    found = two_term_difference(pair[0], pair[1], of_table)
    terms = {
        "first": found.first,
        "second": found.second,
        "difference": found.second - found.first,
        "composition": found.composition,
        "spatial": found.spatial,
    }
    for name, estimate in terms.items():
        addend = name in ("composition", "spatial")
        yield {
            "zone": "all",
            "topic": "segregation",
            "index": f"{index.name}_{name}",
            "groups": group,
            "estimate": estimate,
            "persons": float(sum(t.sum() for t in pair)),
            "cells": sum(len(t) for t in pair),
            "parameters": parameters(**about, addend=addend, **_TWO, **index.parameters),
        }
