"""Segregation: who lives near whom, for the whole, by zone and by cell."""

from civigrid.layers.segregation.by_cell import segregation_cells
from civigrid.layers.segregation.indices import INDICES, Index
from civigrid.layers.segregation.table import segregation_table

__all__ = ["INDICES", "Index", "segregation_cells", "segregation_table"]
