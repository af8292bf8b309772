"""A small invented town of cells and services, whose ways are shortest ways."""

from dataclasses import replace

import numpy as np

from civigrid.cells import make_cells
from civigrid.grid import SquareGrid
from civigrid.layers.onestop.services import services_at
from civigrid.travel_times import times_of_pairs
from civigrid.types import Column

GRID = SquareGrid(cell_size_m=200)
KINDS = ("advice", "doctor", "school", "library")


def metric_town(seed=0, cells=40, sites=12, limit_s=3600, offered=0.4):
    """Give cells, times, times between, and services; seconds are rounded up, so that no detour is shorter."""
    rng = np.random.default_rng(seed)
    row, col = np.unravel_index(rng.choice(400, cells, replace=False), (20, 20))
    values = {g: rng.integers(0, 50, cells).astype(float) for g in ("old", "new")}
    values["total"] = values["old"] + values["new"]
    about = {"old": Column(part_of="total"), "new": Column(part_of="total"), "total": Column()}
    town = make_cells(GRID, GRID.from_row_col(15_000 + row, 20_000 + col), values, about)
    homes = np.stack(GRID.row_col(town["cell_id"].to_numpy()), axis=1) - np.array([15_000, 20_000])
    at = rng.random((sites, 2)) * 20
    names = np.array([f"s{k:02d}" for k in range(sites)])
    times = ways(homes, at, town["cell_id"].to_numpy(), names, limit_s)
    between = ways(at, at, np.arange(sites, dtype=np.uint64), names, 10**6)
    has = rng.random((sites, len(KINDS))) < offered
    has[rng.integers(0, sites, len(KINDS)), np.arange(len(KINDS))] = True
    site, kind = np.nonzero(has)
    services = services_at(site, [KINDS[k] for k in kind])
    return town, times, between, replace(services, capacity=rng.integers(50, 500, len(site)).astype(float))


def ways(origin, place, cell_id, names, limit_s):
    """Seconds from points to points at 150 s a cell."""
    seconds = np.ceil(150 * np.hypot(*(origin[:, None] - place[None]).transpose(2, 0, 1))).astype(np.int64)
    row, site = np.indices(seconds.shape)
    return times_of_pairs(cell_id, names, row.ravel(), site.ravel(), seconds.ravel(), limit_s=limit_s, mode="walk")
