"""Access of cells and groups to services: from travel times, people and places to minutes, places per person, costs."""

from civigrid.layers.access.balanced import constrained_doubly
from civigrid.layers.access.capacity import allocation
from civigrid.layers.access.cells import access_cells, access_market, with_access
from civigrid.layers.access.cumulative import passive
from civigrid.layers.access.decay import (
    Binary,
    Decay,
    Exponential,
    Gaussian,
    Linear,
    Power,
    Step,
    TruncatedGaussian,
)
from civigrid.layers.access.decay_text import DECAYS, parse_decay
from civigrid.layers.access.equilibrium import raam
from civigrid.layers.access.found import Access
from civigrid.layers.access.huff import patronage
from civigrid.layers.access.market import Market, market
from civigrid.layers.access.measures import MEASURES, AccessOptions, measure_access
from civigrid.layers.access.table import access_table, table_of_access
from civigrid.layers.access.weights import Weighted, given_weights, mean_of_decay, weighted

__all__ = [
    "DECAYS",
    "MEASURES",
    "Access",
    "AccessOptions",
    "Binary",
    "Decay",
    "Exponential",
    "Gaussian",
    "Linear",
    "Market",
    "Power",
    "Step",
    "TruncatedGaussian",
    "Weighted",
    "access_cells",
    "access_market",
    "access_table",
    "allocation",
    "constrained_doubly",
    "given_weights",
    "market",
    "mean_of_decay",
    "measure_access",
    "parse_decay",
    "passive",
    "patronage",
    "raam",
    "table_of_access",
    "weighted",
    "with_access",
]
