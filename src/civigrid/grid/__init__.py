"""Grids: frozen values that turn places into ids and back, by arithmetic on arrays."""

from __future__ import annotations

from civigrid.grid.base import INVALID, Grid
from civigrid.grid.h3 import H3Grid
from civigrid.grid.named import grid_from_dict, list_grids, load_grid
from civigrid.grid.square import SquareGrid

__all__ = ["INVALID", "Grid", "H3Grid", "SquareGrid", "grid_from_dict", "list_grids", "load_grid"]
