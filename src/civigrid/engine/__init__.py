"""Plan in geometry, run anywhere: blocks, reductions, and the one file that builds Dask graphs."""

from civigrid.engine.blocks import Block, densify, plan_blocks, sparsify
from civigrid.engine.execute import Scheduler, map_blocks, map_pieces, reduce_blocks, reduce_pieces
from civigrid.engine.reduction import Reduction

__all__ = [
    "Block",
    "Reduction",
    "Scheduler",
    "densify",
    "map_blocks",
    "map_pieces",
    "plan_blocks",
    "reduce_blocks",
    "reduce_pieces",
    "sparsify",
]
