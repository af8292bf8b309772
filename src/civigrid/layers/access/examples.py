"""A town of two cells and two sites, worked out on paper: the measures' examples run on it."""

from __future__ import annotations

import numpy as np

from civigrid.layers.access.decay import Binary, Decay
from civigrid.layers.access.market import Market, market
from civigrid.layers.access.weights import weighted
from civigrid.travel_times import TravelTimes, times_of_pairs


def two_cell_times() -> TravelTimes:
    """Cell 1 reaches site a in 10 minutes; cell 2 reaches a in 20 and b in 5.

    >>> two_cell_times().seconds.tolist()
    [600, 1200, 300]
    """
    row, site, seconds = np.array([0, 1, 1]), np.array([0, 0, 1]), np.array([600, 1200, 300])
    ids, names = np.array([1, 2], dtype=np.uint64), np.array(["a", "b"])
    return times_of_pairs(ids, names, row, site, seconds, limit_s=1800, mode="walk")


def two_cells(decay: Decay | None = None) -> Market:
    """10 people in cell 1, 30 in cell 2; 4 places at site a, 3 at site b; within 30 minutes by default.

    >>> two_cells().demand.ravel().tolist()
    [10.0, 30.0]
    """
    pairs = weighted(two_cell_times(), decay or Binary(30.0))
    return market(pairs, np.array([10.0, 30.0]), np.array([4.0, 3.0]))
