"""Random towns for tests of access, and the same as dense matrices."""

from __future__ import annotations

import numpy as np

from civigrid.layers.access import market, weighted
from civigrid.travel_times import times_of_pairs

LIMIT_S = 3600


def random_times(seed=0, cells=40, sites=12, share=0.6, whole_minutes=False):
    """Times with some pairs absent, one site that nobody reaches and one cell that reaches nothing."""
    rng = np.random.default_rng(seed)
    seconds = rng.integers(0, LIMIT_S + 1, (cells, sites))
    if whole_minutes:
        seconds = seconds // 60 * 60
    there = rng.random((cells, sites)) < share
    there[:, -1] = False
    there[-1, :] = False
    row, site = np.nonzero(there)
    ids = np.arange(cells, dtype=np.uint64)
    names = np.array([f"s{k:02d}" for k in range(sites)])
    mix = rng.permutation(len(row))
    return times_of_pairs(ids, names, row[mix], site[mix], seconds[there][mix], limit_s=LIMIT_S, mode="walk")


def dense(times, decay):
    """Weights as a matrix, by a decay that knows nothing of tables; and minutes, infinite where absent."""
    minutes = np.full((len(times.cell_id), len(times.site_id)), np.inf)
    minutes[times.rows(), times.site] = times.seconds / 60
    weight = np.zeros(minutes.shape)
    there = np.isfinite(minutes)
    weight[there] = decay(minutes[there])
    return weight, minutes


def random_town(decay, seed=0, groups=1, services=1, **more):
    """A market of random people and places; some cells are empty, some sites do not offer some service."""
    rng = np.random.default_rng(seed + 1000)
    times = random_times(seed)
    people = rng.integers(0, 200, (len(times.cell_id), groups)).astype(float)
    people[::7] = 0.0
    supply = rng.integers(1, 30, (len(times.site_id), services)).astype(float)
    supply[2, :] = 0.0
    return market(weighted(times, decay), people, supply, **more)


def close(town, site):
    """The same town without the capacity of one site."""
    from dataclasses import replace

    supply = town.supply.copy()
    supply[site] = 0.0
    return replace(town, supply=supply)
