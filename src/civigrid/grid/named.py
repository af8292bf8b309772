"""Grids by name: the declarations in ``grids/`` and the attributes that travel with data."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from civigrid.catalog import declarations
from civigrid.errors import SchemaError, unknown_name
from civigrid.grid.base import Grid
from civigrid.grid.h3 import H3Grid
from civigrid.grid.square import EU_BOUNDS, SquareGrid
from civigrid.types import Bounds


def grid_from_dict(about: Mapping[str, Any]) -> Grid:
    """Give the grid that `Grid.to_dict` described.

    >>> grid_from_dict(SquareGrid(cell_size_m=500).to_dict()) == SquareGrid(cell_size_m=500)
    True
    """
    match about.get("grid_name"):
        case "square":
            bounds = Bounds(*about.get("bounds_m", EU_BOUNDS))
            return SquareGrid(cell_size_m=int(about["cell_size_m"]), crs=str(about["crs"]), bounds_m=bounds)
        case "h3":
            return H3Grid(int(about["level"]))
        case other:
            raise SchemaError(f"cell_id attributes describe no grid (grid_name = {other!r}, must be square or h3).")


@cache
def load_grid(name: str) -> Grid:
    """Give the grid declared as `name` in ``grids/``.

    Examples
    --------
    >>> load_grid("h3-r8")
    H3Grid(resolution=8)
    """
    known = declarations("grids")
    if name not in known:
        raise unknown_name("grid", name, known)
    about = known[name]
    if about["kind"] == "h3":
        return H3Grid(int(about["resolution"]))
    return SquareGrid(cell_size_m=about["cell_size_m"], crs=about["crs"], bounds_m=Bounds(*about["bounds_m"]))


def list_grids() -> list[str]:
    """Names of all declared grids, by kind and size."""
    known = declarations("grids")
    return sorted(known, key=lambda name: (known[name]["kind"], known[name].get("cell_size_m", 0), name))
