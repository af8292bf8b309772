"""Segregation by scale: how much lies between large squares, between smaller ones within them, within the smallest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from civigrid.cells import grid_of, ids_of, with_variables
from civigrid.errors import SchemaError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.kernels import decomposition as kernel
from civigrid.layers.segregation.groups import label_of, why_missing, zones_within
from civigrid.layers.segregation.scales.nested import Counted, Step, check_measures, counted, nest, rows_of, steps
from civigrid.result_table import result_table
from civigrid.types import Column, Floats

DOUBLINGS = 7
"""Levels above the cells by default: 1 km cells to squares of 128 km; H3 cells to `H3_LEVELS` resolutions up."""
H3_LEVELS = 4

Hierarchies = Mapping[str, Sequence[str]]
Keys = list[npt.NDArray[Any]]


def scale_table(
    cells: xr.Dataset,
    groups: Sequence[str],
    *,
    total: str = "",
    levels_m: Sequence[int] | None = None,
    resolutions: Sequence[int] | None = None,
    zone: str = "",
    hierarchy: Hierarchies | None = None,
    measures: Sequence[str] = ("M", "H"),
    noise_variance: float | None = None,
) -> pd.DataFrame:
    r"""Split segregation over the scales of a nested pyramid of cells.

    Parameters
    ----------
    cells : xarray.Dataset
        Cell dataset.
    groups : sequence of str
        Counts of at least two groups that share the people out among them.
    total : str
        Published total.  Named: what the groups leave of it is one more group, "rest".
    levels_m : sequence of int, optional
        Sizes of the larger squares, metres, each a multiple of the one before; by default seven doublings.
    resolutions : sequence of int, optional
        H3 resolutions of the larger cells; by default the four coarser ones.
    zone : str
        Label whose values are zones; each is decomposed by itself too, its border cutting the squares.
    hierarchy : mapping of str to sequence of str, optional
        Supergroups and their groups, as ``{"abroad": ["EU_OTH", "OTH"]}``: every term is split once more, into what
        separates supergroups and what separates the groups within each.
    measures : sequence of {"M", "H", "divergence"}
        Mutual information (nats); Theil's H, each term by the entropy of the zone, so that the H of a part counts with
        the ratio of its entropy to the zone's; the divergence index, whose mean over persons is M.
    noise_variance : float, optional
        Variance of the publisher's noise in each count; by default what the counts declare.

    Returns
    -------
    pandas.DataFrame
        A result table.  ``M`` is the sum of the rows whose parameters say ``addend``: ``M_between_128km``,
        ``M_between_64km_within_128km`` ... ``M_within_2km``; the other ``M_within_...`` are sums of them.  With a
        hierarchy, rows whose parameters name a ``part`` sum to the row of all groups.

    Raises
    ------
    SchemaError
        Fewer than two groups, sizes that do not nest, a hierarchy that overlaps.

    Notes
    -----
    Theil and Finizza (1971); B. Elbers (2023), Sociol. Methods Res. 52(1); groups of groups: the same additivity.
    Expected terms are differences of the expected M of two levels under random allocation.  Corrected terms, for M the
    difference, for H :math:`(H_k - E_k)/(1 - E)` with *E* the expected H of the cells, sum to the corrected whole.
    Expected values of the parts of a hierarchy take the persons of each supergroup in each unit as given, so that their
    sum is near, not at, what is expected of the whole.  Cells of H3 are only nearly nested: the larger units here are
    those of H3's own hierarchy, which hold most, not all, of the area of each cell; no person is counted twice.
    """
    check_measures(measures)
    found = counted(cells, groups, total, noise_variance)
    names, keys, about = _pyramid(cells, found, levels_m, resolutions)
    nested = None if hierarchy is None else kernel.hierarchy_of(found.names, hierarchy)
    rows = []
    for label in ("", zone) if zone else ("",):
        zone_names, code = zones_within(cells, label, found.rows)
        levels = nest(found, keys, code)
        rows += list(rows_of(levels, zone_names, steps(names), found, measures, nested, about))
    return result_table(rows)


def _pyramid(
    cells: xr.Dataset, found: Counted, levels_m: Sequence[int] | None, resolutions: Sequence[int] | None
) -> tuple[list[str], Keys, dict[str, Any]]:
    """Names of the levels, cells first, the unit of each row at each larger level, and what to tell."""
    grid, ids = grid_of(cells), ids_of(cells)[found.rows]
    if isinstance(grid, SquareGrid):
        if resolutions is not None:
            raise SchemaError("resolutions are for H3 cells. Name the sizes of larger squares: levels_m=[2000, 4000].")
        sizes = _sizes(grid.cell_size_m, levels_m)
        row, col = grid.row_col(ids)
        factors = [size // grid.cell_size_m for size in sizes]
        keys: Keys = [((row // f) << 32) + col // f for f in factors]
        return [_named(s) for s in (grid.cell_size_m, *sizes)], keys, {"levels_m": [grid.cell_size_m, *sizes]}
    if not isinstance(grid, H3Grid):
        raise SchemaError(f"cells of {grid.id} have no larger cells. Decompose over labels: level_table().")
    if levels_m is not None:
        raise SchemaError("levels_m are for squares. Name coarser H3 resolutions: resolutions=[7, 6].")
    coarser = _resolutions(grid, resolutions)
    about = {"resolutions": [grid.resolution, *coarser], "nesting": "H3's own hierarchy: not exact in area"}
    return [f"r{r}" for r in (grid.resolution, *coarser)], [grid.parent(ids, H3Grid(r)) for r in coarser], about


def _sizes(cell_size_m: int, levels_m: Sequence[int] | None) -> list[int]:
    sizes = [cell_size_m * 2 ** (k + 1) for k in range(DOUBLINGS)] if levels_m is None else [int(s) for s in levels_m]
    sizes = [s for s in sizes if s != cell_size_m]
    for small, large in zip([cell_size_m, *sizes], sizes, strict=False):
        if large <= small or large % small:
            raise SchemaError(
                f"squares of {large} m do not hold whole squares of {small} m: terms would not add up. Give sizes from "
                "small to large, each a multiple of the one before."
            )
    return sizes


def _resolutions(grid: H3Grid, resolutions: Sequence[int] | None) -> list[int]:
    if resolutions is None:
        return list(range(grid.resolution - 1, max(grid.resolution - 1 - H3_LEVELS, -1), -1))
    coarser = [int(r) for r in resolutions if int(r) != grid.resolution]
    for fine, coarse in zip([grid.resolution, *coarser], coarser, strict=False):
        if not 0 <= coarse < fine:
            raise SchemaError(f"resolution {coarse} is not coarser than {fine}. Give them from fine to coarse.")
    return coarser


def _named(size_m: int) -> str:
    return f"{size_m // 1000}km" if size_m % 1000 == 0 else f"{size_m}m"


def level_table(
    cells: xr.Dataset,
    groups: Sequence[str],
    labels: Sequence[str],
    *,
    total: str = "",
    zone: str = "",
    hierarchy: Hierarchies | None = None,
    measures: Sequence[str] = ("M", "H"),
    noise_variance: float | None = None,
) -> pd.DataFrame:
    """Split segregation over administrative levels: labels of the cells, each nested in the next.

    Parameters
    ----------
    cells : xarray.Dataset
        Cell dataset.
    groups : sequence of str
        Counts of the groups.
    labels : sequence of str
        Labels from the smallest areas to the largest, as ``["municipality", "region", "country"]``.
    total, zone, hierarchy, measures, noise_variance
        As for `scale_table`.

    Returns
    -------
    pandas.DataFrame
        A result table: ``M_between_country``, ``M_between_region_within_country`` ... ``M_within_municipality``.

    Raises
    ------
    SchemaError
        A label that these cells do not have, or areas that lie in several of the next larger ones: they are named.
    """
    check_measures(measures)
    found = counted(cells, groups, total, noise_variance)
    keys = nested_labels(cells, labels, found)
    nested = None if hierarchy is None else kernel.hierarchy_of(found.names, hierarchy)
    rows = []
    for name in ("", zone) if zone else ("",):
        zone_names, code = zones_within(cells, name, found.rows)
        levels = nest(found, keys, code)
        about = {"levels": ["cell", *labels]}
        rows += list(rows_of(levels, zone_names, steps(["cell", *labels]), found, measures, nested, about))
    return result_table(rows)


def nested_labels(cells: xr.Dataset, labels: Sequence[str], found: Counted) -> Keys:
    """Give the area of each row at each level, refusing areas that are not nested.

    Cells without a name at a level are one area in each of the next larger ones.
    """
    if not labels:
        raise SchemaError("no labels to decompose over. Name them from the smallest areas to the largest.")
    names = [label_of(cells, name)[found.rows] for name in labels]
    keys: Keys = [np.unique(names[-1], return_inverse=True)[1]]
    for k in range(len(labels) - 2, -1, -1):
        small, code = np.unique(names[k], return_inverse=True)
        pairs = np.unique(np.stack([code, np.unique(names[k + 1], return_inverse=True)[1]], axis=1), axis=0)
        often = np.bincount(pairs[:, 0], minlength=len(small))
        if (torn := small[(often > 1) & (small != "")]).size:
            raise SchemaError(
                f"{torn.size} of {len(small)} areas of {labels[k]!r} lie in several of {labels[k + 1]!r}, so terms "
                f"would not add up (first: {', '.join(repr(str(n)) for n in torn[:5])}). Give labels that nest, from "
                "the smallest areas to the largest, and names that are unique."
            )
        above = keys[0]
        keys.insert(0, np.unique(np.stack([code, above], axis=1), axis=0, return_inverse=True)[1].ravel())
    return keys


def within_table(
    cells: xr.Dataset,
    groups: Sequence[str],
    label: str,
    *,
    total: str = "",
    measures: Sequence[str] = ("M", "H"),
    noise_variance: float | None = None,
) -> pd.DataFrame:
    r"""Segregation within each area of a label, and the weight with which it counts in that of all cells.

    Parameters
    ----------
    cells : xarray.Dataset
        Cell dataset.
    groups : sequence of str
        Counts of the groups.
    label : str
        Label of the areas.
    total, measures, noise_variance
        As for `scale_table`.

    Returns
    -------
    pandas.DataFrame
        A row for each area and measure.  `parameters` holds ``weight``, :math:`t_v/T` for M and
        :math:`t_v E_v / (T E)` for H: the sum of weight times estimate is ``M_within_LABEL``, or H's.

    Notes
    -----
    Theil and Finizza (1971); Reardon and Firebaugh (2002), on the decomposition of H.
    """
    check_measures(measures)
    found = counted(cells, groups, total, noise_variance)
    names, code = zones_within(cells, label, found.rows)
    levels = nest(found, [], code)
    areas, everyone = kernel.whole_of(levels), kernel.whole_of(nest(found, [], np.zeros_like(code)))
    weights: dict[str, Floats] = dict.fromkeys(measures, areas.persons / everyone.persons)
    if "H" in weights and everyone.entropy[0] > 0:
        weights["H"] = weights["H"] * areas.entropy / everyone.entropy
    rows = list(rows_of(levels, names, [Step("", 0, 1, False)], found, measures, None, {"within": label}))
    table = result_table(rows)
    flat = [float(weights[m][z]) for z in range(len(names)) for m in measures]
    table["parameters"] = [f'{text[:-1]}, "weight": {w!r}}}' for text, w in zip(table["parameters"], flat, strict=True)]
    return table


def scale_cells(
    cells: xr.Dataset,
    groups: Sequence[str],
    *,
    total: str = "",
    levels_m: Sequence[int] | None = None,
    resolutions: Sequence[int] | None = None,
    labels: Sequence[str] | None = None,
    zone: str = "",
) -> xr.Dataset:
    r"""Add to cells what each adds to every term of M.

    Parameters
    ----------
    cells : xarray.Dataset
        Cell dataset.
    groups : sequence of str
        Counts of the groups.
    total, levels_m, resolutions, zone
        As for `scale_table`; with a zone, cells add to the terms of their own zone.
    labels : sequence of str, optional
        Administrative levels, as for `level_table`, in place of larger cells.

    Returns
    -------
    xarray.Dataset
        The same cells with ``adds_to_M_between_4km_within_8km`` and so on: the cell's share of all persons times the
        divergence of its unit from the next larger one, at least 0.  The sum over cells is the printed term; by the
        entropy of the groups it is that of H.
    """
    found = counted(cells, groups, total)
    if labels is None:
        names, keys, _ = _pyramid(cells, found, levels_m, resolutions)
    else:
        names, keys = ["cell", *labels], nested_labels(cells, labels, found)
    levels = nest(found, keys, zones_within(cells, zone, found.rows)[1])
    whole, at = kernel.whole_of(levels), kernel.unit_of(levels, 0, len(levels) - 1)
    share = found.counts.sum(axis=1) / whole.persons[at]
    status = why_missing(cells, [*groups, total] if total else list(groups))
    values, about = {}, {}
    for step in (s for s in steps(names) if s.addend):
        apart = kernel.term(levels, step.low, step.high, whole.surprise).divergence
        added = np.where(status > 0, np.nan, 0.0)
        # rounding may leave a unit that is like the next one a hair below 0
        added[found.rows] = share * np.maximum(apart[kernel.unit_of(levels, 0, step.low)], 0.0)
        name = f"adds_to_M_{step.name}" if step.name else "adds_to_M"
        values[name] = added
        words = step.name.replace("_", " ") or "between cells"
        # parts of an index add up over cells, as counts do, but they are no persons
        about[name] = Column(units="1", source="segregation", long_name=f"Adds to M {words}")
    return with_variables(cells, values, about, status=dict.fromkeys(values, status))
