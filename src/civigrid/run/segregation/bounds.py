"""Least and most of indices where counts are hidden: of a plain table, and of cells."""

from __future__ import annotations

import numpy as np
import xarray as xr

from civigrid.cells import values_of
from civigrid.errors import SchemaError
from civigrid.io.composition import Composed, Composition
from civigrid.layers.segregation.bounds import bounds_table
from civigrid.layers.segregation.unit_bounds import composition_bounds
from civigrid.run.segregation.members import Computed, members_of
from civigrid.run.segregation.tables import Wanted


def bounds_of_units(found: Composition, wanted: Wanted, composed: Composed) -> Computed:
    """Bound the indices of a plain table, each group against everyone else.

    Raises
    ------
    SchemaError
        No total, an index that cannot be bounded.
    """
    if not composed.total:
        raise SchemaError("bounds need the published total of each unit (--total): a sum of groups hides with them.")
    hidden = ~np.isnan(found.most)
    known = hidden | ~np.isnan(found.counts)
    if (secret := np.isnan(found.persons) & known[:, :-1].any(axis=1)).any():
        raise SchemaError(
            f"{composed.total!r} is kept back in {int(secret.sum())} units: without their persons no index has bounds."
        )
    most_of_all = np.inf if wanted.bounds is None else wanted.bounds
    low = np.where(hidden, 0.0, found.counts)[:, :-1]
    most = np.where(hidden, np.minimum(found.most, most_of_all), found.counts)[:, :-1]
    names = list(found.names[:-1])
    table = composition_bounds(low, most, found.persons, names, zone=found.zone, indices=wanted.bounded)
    rest = np.maximum(np.nan_to_num(found.persons) - np.nan_to_num(low).sum(axis=1), 0.0)
    zones, members = members_of(np.column_stack([np.nan_to_num(low), rest]), found.zone)
    return Computed(table, zones, [*names, "rest"], members, [str(f) for f in found.findings])


def bounds_of_cells(cells: xr.Dataset, wanted: Wanted, composed: Composed) -> Computed:
    """Bound the indices of cells in which counts are suppressed or confidential."""
    table = bounds_table(
        cells,
        composed.groups,
        total=composed.total,
        high=wanted.bounds,
        zone=composed.zones,
        indices=wanted.bounded,
    )
    known = np.stack([np.nan_to_num(values_of(cells, g)) for g in composed.groups], axis=1)
    rest = np.maximum(np.nan_to_num(values_of(cells, composed.total)) - known.sum(axis=1), 0.0)
    zone = cells[composed.zones].to_numpy() if composed.zones else np.empty(0, dtype=object)
    zones, members = members_of(np.column_stack([known, rest]), zone)
    return Computed(table, zones, [*composed.groups, "rest"], members, [], cells)
