"""Bootstrap of persons: the same city drawn again and again, each person as likely as those who were counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from civigrid.kernels.zones import Zones, across, zones_of
from civigrid.types import Floats


def bootstrap(
    rows: Zones, functions: Sequence[Callable[[Zones], Floats]], draws: int, seed: int, *, noise: Floats | None = None
) -> Floats:
    """Draw each count anew, Poisson with its own value as the mean, and compute functions of the cells.

    Parameters
    ----------
    rows : Zones
        Cells' own compositions; rows that stand for several cells are drawn for each.
    functions : sequence of callable
        `Zones` to a value per zone, shape (zone,).
    draws, seed : int
        How many cities, and the seed of the generator.
    noise : ndarray, shape (row, group), optional
        Variance of the publisher's noise in each count: it is drawn again too, rounded, and no count falls below 0.

    Returns
    -------
    ndarray of float64, shape (draw, function, zone)
        NaN where a draw left a zone empty.

    Notes
    -----
    Efron (1979), with a Poisson number of persons: a multinomial city of the same size has the same indices.

    >>> rows = zones_of(np.array([[50.0, 0.0], [0.0, 50.0]]))
    >>> bootstrap(rows, [lambda r: r.sums(r.size) * 0 + 1], 2, 0)
    array([[[1.]], [[1.]]])
    """
    rng = np.random.default_rng(seed)
    own = np.repeat(rows.own, rows.cells, axis=0)
    errors = None if noise is None else np.sqrt(np.repeat(noise, rows.cells, axis=0))
    zone = np.repeat(np.arange(len(rows.starts)), rows.sums(np.ones(len(rows.own))).astype(np.int64))
    found = np.full((draws, len(functions), len(rows.starts)), np.nan)
    for draw in range(draws):
        n = rng.poisson(own).astype(np.float64)
        if errors is not None:
            n = np.maximum(n + np.rint(rng.normal(size=n.shape) * errors), 0.0)
        there = across(n) > 0
        zones, starts = np.unique(zone[there], return_index=True)
        if not len(zones):
            continue
        city = zones_of(n[there], starts=starts)
        for k, function in enumerate(functions):
            found[draw, k, zones] = function(city)
    return found
