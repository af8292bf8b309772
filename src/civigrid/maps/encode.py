"""Cells to the compact text a map carries (format 2, docs/map_format.md): ids and values, no geometry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from civigrid.cells import column_of, grid_of, ids_of, status_of, values_of
from civigrid.grid import H3Grid
from civigrid.maps.extent import extent_of
from civigrid.maps.lattices import faces_table, place_cells
from civigrid.maps.overviews import Level, overviews
from civigrid.maps.pack import pack, pack_values
from civigrid.style.classes import words_of_codes
from civigrid.types import COMPUTED, Column, Floats, Statuses

FORMAT = 2
STEPS = 4_095
"""A variable keeps at least as many steps of its range, however small that is."""
LARGEST = 2**31 - 2


def decimals_of(values: Floats, about: Column) -> int:
    """Decimals that a map keeps of a variable: all of whole numbers, enough of everything else to be read and classed.

    >>> decimals_of(np.array([3.0, 12.0]), Column()), decimals_of(np.array([0.25, 0.75]), Column(units="1"))
    (0, 4)
    """
    known = values[np.isfinite(values)]
    if not len(known) or np.array_equal(known, np.rint(known)):
        most = 0
    else:
        most = {"1": 4, "min": 1}.get(about.units, 2)
        spread = float(known.max() - known.min())
        most = max(most, int(np.ceil(np.log10(STEPS / spread))) if spread > 0 else most)
    size = float(np.abs(known).max()) if len(known) else 0.0
    while size * 10.0**most > LARGEST:
        most -= 1
    return most


def rounded(values: Floats, decimals: int) -> Floats:
    """Values to so many decimals: what a page tells, and what its classes are cut from.

    >>> rounded(np.array([0.12344, 1234.0]), 3).tolist(), rounded(np.array([1234.0]), -2).tolist()
    ([0.123, 1234.0], [1200.0])
    """
    if decimals < 0:
        return np.rint(values / 10.0**-decimals) * 10.0**-decimals
    return np.rint(values * 10.0**decimals) / 10.0**decimals


def encode_cells(cells: xr.Dataset, variables: Sequence[str]) -> dict[str, Any]:
    """Give what the page's script needs to draw cells and tell their values.

    Parameters
    ----------
    cells : xarray.Dataset
        Released cells: squares of EPSG:3035, or H3.
    variables : sequence of str
        Measured variables to carry.

    Returns
    -------
    dict
        JSON-ready.  Whole numbers are exact, all others to the decimals of `decimals_of`.

    Raises
    ------
    SchemaError
        On squares of another CRS.
    """
    grid = grid_of(cells)
    columns = {name: column_of(cells[name]) for name in variables}
    first = Level(
        grid, ids_of(cells), {n: values_of(cells, n) for n in variables}, {n: status_of(cells, n) for n in variables}
    )
    all_levels = [first, *overviews(cells, first, columns)]
    decimals = {
        name: decimals_of(np.concatenate([level.values[name] for level in all_levels if name in level.values]), about)
        for name, about in columns.items()
    }
    levels = [_level(level, decimals) for level in all_levels]
    kind = {"kind": "h3", "faces": faces_table()} if isinstance(grid, H3Grid) else {"kind": "square"}
    about = {name: _about(name, column, decimals[name]) for name, column in columns.items()}
    box = extent_of(cells)
    middle = round((box.south + box.north) / 2, 3)
    return {"format": FORMAT, **kind, "lat": middle, "levels": levels, "about": about, "order": list(variables)}


def _about(name: str, column: Column, decimals: int) -> dict[str, Any]:
    about: dict[str, Any] = {
        "long_name": column.long_name or name,
        "units": column.units,
        "kind": column.kind,
        "decimals": decimals,
        "percent": name.startswith("share_"),
        "source": "" if column.source in COMPUTED else column.source,
        "computed": column.source in COMPUTED,
        "date": column.reference_date,
        "base": column.weight if name != "share_at_one_place" else None,
    }
    if (codes := words_of_codes(name, column.words)) is not None:
        about["words"] = {str(code): text for code, text in codes.items()}
    return about


def _level(level: Level, decimals: dict[str, int]) -> dict[str, Any]:
    placed = place_cells(level.grid, level.cell_id)
    values = {
        name: _coded(found[placed.order], level.status[name][placed.order], decimals[name])
        for name, found in level.values.items()
    }
    return {**level.about(), **placed.about, "n": len(level.cell_id), "values": values}


def _coded(values: Floats, status: Statuses, decimals: int) -> dict[str, Any]:
    """Whole numbers of steps above the lowest value, from 1; 0 where there is no value."""
    known = np.isfinite(values)
    steps = np.rint(np.where(known, values, 0.0) * 10.0**decimals).astype(np.int64)
    low = int(steps[known].min()) if known.any() else 0
    code = np.where(known, steps - low + 1, 0)
    width = 1
    while int(code.max(initial=0)) >= 256**width:
        width += 1
    data, plain = pack_values(code, width)
    coded: dict[str, Any] = {"width": width, "low": low, "data": data} | ({"plain": True} if plain else {})
    return coded | ({"status": pack(status.tobytes())} if status.any() else {})
