"""Segregation: who lives near whom, for the whole, by zone and by cell, at every scale."""

from civigrid.kernels.convolution import Kernel
from civigrid.layers.segregation.bounds import bounds_table
from civigrid.layers.segregation.by_cell import segregation_cells
from civigrid.layers.segregation.change.comparison import comparison_table
from civigrid.layers.segregation.change.differences import city_difference_table, difference_cells, difference_table
from civigrid.layers.segregation.indices import INDICES, Index
from civigrid.layers.segregation.maup.classes import maup_cells
from civigrid.layers.segregation.maup.settings import MaupOptions
from civigrid.layers.segregation.maup.table import maup_table
from civigrid.layers.segregation.neighbourhoods.by_kernel import Neighbours
from civigrid.layers.segregation.neighbourhoods.by_time import ByTime
from civigrid.layers.segregation.neighbourhoods.nearest import PRESETS, Nearest
from civigrid.layers.segregation.neighbourhoods.nearest_table import nearest_cells, nearest_table
from civigrid.layers.segregation.neighbourhoods.permuted import permutation_test
from civigrid.layers.segregation.neighbourhoods.profile import profile_table
from civigrid.layers.segregation.neighbourhoods.spatial import SpatialOptions, spatial_table
from civigrid.layers.segregation.neighbourhoods.trajectories import (
    divergence_trajectories,
    trajectory_cells,
    trajectory_table,
)
from civigrid.layers.segregation.neighbourhoods.trajectory_paths import TrajectoryOptions
from civigrid.layers.segregation.pattern.indices import PATTERNS
from civigrid.layers.segregation.pattern.local import LocalOptions, local_cells, local_table
from civigrid.layers.segregation.pattern.places import Centres, PatternOptions
from civigrid.layers.segregation.pattern.table import pattern_table
from civigrid.layers.segregation.reference import check_reference, reference_cells, reference_table
from civigrid.layers.segregation.results import Result, Results
from civigrid.layers.segregation.scales.table import level_table, scale_cells, scale_table, within_table
from civigrid.layers.segregation.table import composition_table, segregation_table

__all__ = [
    "INDICES", "PATTERNS", "PRESETS", "ByTime", "Centres", "Index", "Kernel", "LocalOptions", "MaupOptions", "Nearest",
    "Neighbours", "PatternOptions", "Result", "Results", "SpatialOptions", "TrajectoryOptions", "bounds_table",
    "check_reference", "city_difference_table", "comparison_table", "composition_table", "difference_cells",
    "difference_table", "divergence_trajectories", "level_table", "local_cells", "local_table", "maup_cells",
    "maup_table", "nearest_cells", "nearest_table", "pattern_table", "permutation_test", "profile_table",
    "reference_cells", "reference_table", "scale_cells", "scale_table", "segregation_cells", "segregation_table",
    "spatial_table", "trajectory_cells", "trajectory_table", "within_table",
]  # fmt: skip
