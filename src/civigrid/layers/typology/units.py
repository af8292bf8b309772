"""Units (municipalities, planning areas) classified by the shares of their residents in the classes of cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy import sparse

from civigrid.cells import grid_of, ids_of, values_of
from civigrid.crosswalk import Crosswalk
from civigrid.errors import GridMismatchError
from civigrid.kernels.group import group_sum
from civigrid.layers.typology.clusters import look_up
from civigrid.layers.typology.degurba import LEVEL_1, LEVEL_2, in_words
from civigrid.layers.typology.rules import UnitRule
from civigrid.types import Floats, Ints, Labels

UNIT_LEVEL_1 = {1: "rural area", 2: "town or suburb", 3: "city"}
UNIT_LEVEL_2 = {
    11: "mostly uninhabited area",
    12: "dispersed rural area",
    13: "village",
    21: "suburban or peri-urban area",
    22: "semi-dense town",
    23: "dense town",
    30: "city",
}
"""Classes of units.  Eurostat's tables of municipalities count level 1 the other way round: 1 is a city there."""
_CODES_1, _CODES_2 = tuple(LEVEL_1)[1:], tuple(LEVEL_2)[1:]
_DECIMALS = 12
"""Shares are compared after rounding: half of the residents is half, whatever the order of a sum."""


@dataclass(frozen=True, eq=False)
class UnitShares:
    """Residents and land of units by class of cell.

    Parameters
    ----------
    unit_id : ndarray of object, shape (unit,)
        Ids.
    persons_1, land_1 : ndarray of float64, shape (unit, 3)
        Residents and km2 of land in rural cells, urban clusters and urban centres; water is left out.
    persons_2, land_2 : ndarray of float64, shape (unit, 7)
        The same for the classes 11, 12, 13, 21, 22, 23, 30.
    cells_unknown : ndarray of int64, shape (unit,)
        Cells of the unit whose residents are not known.
    """

    unit_id: npt.NDArray[np.object_]
    persons_1: Floats
    persons_2: Floats
    land_1: Floats
    land_2: Floats
    cells_unknown: Ints


def unit_shares(cells: xr.Dataset, variable: str, by: str | Crosswalk, *, land: str = "") -> UnitShares:
    """Add up residents and land of units by class of cell.

    Parameters
    ----------
    cells : xarray.Dataset
        Cells with ``degurba_1`` and ``degurba_2``.
    variable : str
        Count of residents.
    by : str or Crosswalk
        Label that names each cell's unit (``""``: none), or the crosswalk of polygons to cells by area (in m2), which
        splits border cells exactly: no unit is too small for it.
    land : str
        Variable with each cell's share of land; empty: all of it.

    Returns
    -------
    UnitShares
        By a crosswalk, cells that the table does not hold count as uninhabited land (11, rural).

    Raises
    ------
    GridMismatchError, SchemaError
        A crosswalk of another grid, or one that does not measure area.
    """
    persons, share = values_of(cells, variable), np.ones(cells.sizes["cell"])
    if land:
        share = np.where(np.isnan(values_of(cells, land)), 1.0, values_of(cells, land))
    return (_by_label if isinstance(by, str) else _by_crosswalk)(cells, persons, share, by)  # type: ignore[arg-type]


def _by_label(cells: xr.Dataset, persons: Floats, share: Floats, by: str) -> UnitShares:
    unit, row = np.unique(cells[by].to_numpy().astype(str), return_inverse=True)
    named = unit != ""
    km2 = grid_of(cells).area_km2(ids_of(cells)) * share

    def total(weight: Floats, code: Floats) -> Floats:
        sums = [group_sum(row, weight * column, len(unit)) for column in code.T]
        whole: Floats = np.stack(sums, axis=1)[named]
        return whole

    one, two = (_one_hot(values_of(cells, name), codes) for name, codes in _LEVELS)
    known, unknown = np.nan_to_num(persons), np.isnan(persons).astype(np.float64)
    return UnitShares(
        unit_id=unit[named].astype(object),
        persons_1=total(known, one),
        persons_2=total(known, two),
        land_1=total(km2, one),
        land_2=total(km2, two),
        cells_unknown=total(unknown, np.ones((len(unknown), 1)))[:, 0].astype(np.int64),
    )


def _by_crosswalk(cells: xr.Dataset, persons: Floats, share: Floats, by: Crosswalk) -> UnitShares:
    grid = grid_of(cells)
    if by.grid != grid or by.unit_of_measure != "m2":
        raise GridMismatchError(
            f"the crosswalk is of {by.grid.id} in {by.unit_of_measure}, the cells of {grid.id}: build it with "
            "polygon_crosswalk() on the grid of the cells."
        )
    at = look_up(ids_of(cells), by.cell_id)
    here = at >= 0
    known = np.where(here, np.nan_to_num(persons)[at], 0.0)[:, None]
    part = np.where(here, share[at], 1.0)[:, None]
    # what the table does not hold is uninhabited: the first class of either level
    one, two = (
        np.where(here[:, None], _one_hot(values_of(cells, name), codes)[at], np.arange(len(codes)) == 0)
        for name, codes in _LEVELS
    )
    touches = sparse.csr_array(by.measure > 0).astype(np.float64)
    return UnitShares(
        unit_id=by.unit_id.astype(object),
        persons_1=by.back_extensive(known * one),
        persons_2=by.back_extensive(known * two),
        land_1=np.asarray(by.measure @ (part * one)) / 1e6,
        land_2=np.asarray(by.measure @ (part * two)) / 1e6,
        cells_unknown=np.asarray(touches @ (here & np.isnan(persons)[at]).astype(np.float64)).astype(np.int64),
    )


_LEVELS = (("degurba_1", _CODES_1), ("degurba_2", _CODES_2))


def _one_hot(code: Floats, known: tuple[int, ...]) -> Floats:
    hot: Floats = (code[:, None] == np.array(known)).astype(np.float64)
    return hot


def persons_in_centres(cells: xr.Dataset, variable: str, by: Crosswalk) -> tuple[Labels, Floats]:
    """Names of the urban centres, and the known residents of each unit in each, shape (unit, centre)."""
    names, code = np.unique(cells["urban_centre"].to_numpy().astype(str), return_inverse=True)
    at = look_up(ids_of(cells), by.cell_id)
    here = np.flatnonzero((at >= 0) & (names[code][at] != "")) if len(code) else np.empty(0, dtype=np.int64)
    persons = np.nan_to_num(values_of(cells, variable))[at[here]] / by.cell_measure[here]
    spread = sparse.csr_array((persons, (here, code[at[here]])), shape=(len(by.cell_id), len(names)))
    found: Floats = (by.measure @ spread).toarray()
    return names[names != ""].astype(object), found[:, names != ""]


def classify_units(found: UnitShares, rule: UnitRule | None = None) -> pd.DataFrame:
    """Classify units at both levels.

    Parameters
    ----------
    found : UnitShares
        What lives and lies in which class.
    rule : UnitRule, optional
        Edition and threshold; by default July 2024.

    Returns
    -------
    pandas.DataFrame, one row per unit
        Index ``unit``; ``degurba_1`` (3, 2, 1), ``degurba_2`` (30 to 11), their words, ``decided_by`` (``persons``;
        ``land`` where nobody lives; ``unknown`` where all that is known is nobody, but residents of some cells are not
        known: no class), ``persons``, ``cells_unknown``, and the share of each class of cells, by what decided.

    Notes
    -----
    Level 1: a city has at least half of its residents in urban centres, a rural area more than half in rural cells.
    Level 2, July 2024: a dense town has half in centres and dense clusters; a suburb half in suburban **and rural**
    cells; else a semi-dense town.  A village has half in rural and all urban clusters; else half in cells below 50 per
    km2 is mostly uninhabited.  flexurba 0.2.2 tests semi-dense and rural cells for suburbs instead: not followed.
    Level 2, 2021: the largest share; among equals the denser class.

    Examples
    --------
    >>> persons = np.array([[0.0, 0.0, 0.0, 40.0, 60.0, 0.0, 0.0]])
    >>> nothing = np.zeros((1, 7))
    >>> two = UnitShares(np.array(["a"], dtype=object), np.array([[0.0, 100.0, 0.0]]), persons, nothing[:, :3], nothing,
    ...                  np.array([0]))
    >>> classify_units(two)["degurba_2_class"].tolist()
    ['semi-dense town']
    """
    rule = rule or UnitRule()
    persons, land = found.persons_1.sum(axis=1), found.land_1.sum(axis=1)
    by_land = persons == 0
    share_1 = _shares(np.where(by_land[:, None], found.land_1, found.persons_1))
    share_2 = _shares(np.where(by_land[:, None], found.land_2, found.persons_2))
    level_1 = _level_1(share_1, rule)
    level_2 = np.where(level_1 == 3, 30, np.where(level_1 == 2, _towns(share_2, rule), _rural(share_2, rule)))
    unknown = by_land & (found.cells_unknown > 0)
    level_1, level_2 = np.where(unknown, -1, level_1), np.where(unknown, -1, level_2)
    decided = np.where(unknown, "unknown", np.where(by_land, "land", "persons"))
    table = pd.DataFrame(
        {
            "degurba_1": level_1,
            "degurba_2": level_2,
            "degurba_1_class": in_words(level_1, UNIT_LEVEL_1),
            "degurba_2_class": in_words(level_2, UNIT_LEVEL_2),
            "decided_by": decided.astype(object),
            "persons": persons,
            "land_km2": land,
            "cells_unknown": found.cells_unknown,
        },
        index=pd.Index(found.unit_id, name="unit"),
    )
    for k, code in enumerate(_CODES_2):
        table[f"share_{LEVEL_2[code].replace(' ', '_').replace('-', '_')}"] = share_2[:, k]
    return table


def _shares(amount: Floats) -> Floats:
    total = amount.sum(axis=1, keepdims=True)
    share = np.divide(amount, total, out=np.zeros_like(amount), where=total > 0)
    # neither residents nor land, all water: the emptiest class
    share[total[:, 0] == 0, 0] = 1.0
    rounded: Floats = np.round(share, _DECIMALS)
    return rounded


def _level_1(share: Floats, rule: UnitRule) -> Ints:
    return np.where(share[:, 2] >= rule.share, 3, np.where(share[:, 0] > rule.share, 1, 2))


def _towns(share: Floats, rule: UnitRule) -> Ints:
    very_low, low, rural, suburb, semi, dense, centre = share.T
    if rule.edition == "2021":
        return np.where(dense + semi <= suburb, 21, np.where(dense >= semi, 23, 22))
    outside = np.round(suburb + rural + low + very_low, _DECIMALS)
    return np.where(np.round(centre + dense, _DECIMALS) >= rule.share, 23, np.where(outside >= rule.share, 21, 22))


def _rural(share: Floats, rule: UnitRule) -> Ints:
    very_low = share[:, 0]
    if rule.edition == "2021":
        # the denser class first: argmax takes the first of equals
        largest: Ints = np.array([13, 12, 11])[share[:, [2, 1, 0]].argmax(axis=1)]
        return largest
    clustered = np.round(share[:, 2:].sum(axis=1), _DECIMALS)
    return np.where(clustered >= rule.share, 13, np.where(very_low >= rule.share, 11, 12))
