"""Neighbourhoods by travel time: straight lines are kernels, and barriers count."""

import geopandas as gpd
import numpy as np
import pytest
import shapely

from civigrid.cells import make_cells
from civigrid.errors import SchemaError
from civigrid.grid import SquareGrid
from civigrid.kernels.convolution import Kernel
from civigrid.layers.segregation.neighbourhoods.by_kernel import around
from civigrid.layers.segregation.neighbourhoods.by_time import ByTime
from civigrid.layers.segregation.neighbourhoods.spatial import spatial_table
from civigrid.travel.straight_line import StraightLine, straight_line_times
from civigrid.travel_times import TravelTimes
from civigrid.types import Column

GRID = SquareGrid(cell_size_m=100)


def town(side=15):
    rng = np.random.default_rng(4)
    row, col = (v.ravel() for v in np.indices((side, side)))
    kept = rng.random(side * side) > 0.3
    ids = np.sort(GRID.from_row_col(row[kept] + 30_000, col[kept] + 40_000))
    counts = rng.poisson([9.0, 4.0], (len(ids), 2)).astype(float)
    cells = make_cells(GRID, ids, {"a": counts[:, 0], "b": counts[:, 1]}, {"a": Column(), "b": Column()})
    return cells, counts


def straight(cells, limit_min=10.0):
    """Times to all cells, at 6 km/h without detour: 100 m a minute."""
    ids = cells["cell_id"].to_numpy()
    sites = gpd.GeoSeries(shapely.points(GRID.centre(ids)), ids.astype(str), crs=GRID.crs)
    return straight_line_times(GRID, ids, sites, options=StraightLine(speed_kmh=6, detour=1, limit_min=limit_min))


def test_straight_lines_are_the_uniform_kernel():
    """All within 5 minutes are all within 500 m: the same counts, chance, and table, intervals too."""
    cells, counts = town()
    rule, kernel = ByTime(times=straight(cells), within_min=5), Kernel("uniform", 500)
    found, expected = rule(cells, counts), around(cells, counts, kernel)

    assert np.array_equal(found.counts, expected.counts)
    assert found.size == pytest.approx(expected.size)
    assert found.oneself == pytest.approx(expected.oneself)
    one, other = (spatial_table(cells, ["a", "b"], n, indices=["D", "H_multi"]) for n in (rule, kernel))
    for name in ("estimate", "expected", "corrected", "low", "high"):
        assert one[name].to_numpy() == pytest.approx(other[name].to_numpy(), rel=1e-9)
    assert '"within_min": 5' in one["parameters"].iloc[0]


def test_decay():
    """Weights fall with time; effective persons and the chance of oneself are those of the weights."""
    cells, counts = town(8)
    times = straight(cells)
    noise = np.full(counts.shape, 2.0)
    found = ByTime(times=times, decay_min=3, noise=noise)(cells, counts)
    weight = np.zeros((len(counts), len(counts)))
    weight[times.rows(), times.site] = np.exp(-times.seconds / 180)
    size = counts.sum(axis=1)

    assert found.counts == pytest.approx(weight @ counts)
    assert found.size == pytest.approx((weight @ size) ** 2 / (weight**2 @ size))
    assert found.oneself == pytest.approx(np.diag(weight) / (weight @ size))
    assert found.noise == pytest.approx(weight**2 @ noise)
    rows, values = np.array([3, 1]), np.array([[1.0], [2.0]])
    places, back = found.back(rows, values)
    assert back == pytest.approx((weight[rows].T @ values)[places])


def test_times_are_one_way():
    """Who is reached counts, not who reaches; of two sites in a cell the nearer one; one's own cell always."""
    cells, _ = town(3)
    cells = cells.isel(cell=slice(0, 2))
    ids = cells["cell_id"].to_numpy()
    counts = np.array([[5.0, 0.0], [0.0, 3.0]])
    times = TravelTimes(
        cell_id=ids,
        site_id=np.array(["far", "near", "home"]),
        indptr=np.array([0, 2, 2]),
        site=np.array([0, 1], dtype=np.int32),
        seconds=np.array([500, 60], dtype=np.int32),
        limit_s=600,
        mode="by hand",
    )
    found = ByTime(times=times, decay_min=1, site_cell=ids[[1, 1, 0]])(cells, counts)
    assert found.counts == pytest.approx(np.array([[5.0, 3 / np.e], [0.0, 3.0]]))


def test_unknown_counts_are_nobodys_neighbours():
    """A cell with a missing count adds nothing, and has neighbours itself."""
    cells, counts = town(6)
    counts[4] = np.nan
    rule = ByTime(times=straight(cells), within_min=3)
    zero = np.nan_to_num(counts)
    assert np.array_equal(rule(cells, counts).counts, rule(cells, zero).counts)


def test_what_is_refused():
    """Times of other cells, beyond their limit, to unknown places or to a part of the people are told."""
    cells, counts = town(6)
    times = straight(cells)
    with pytest.raises(SchemaError, match="10 minutes only"):
        ByTime(times=times, within_min=30)
    with pytest.raises(SchemaError, match="decay_min"):
        ByTime(times=times, decay_min=0)
    with pytest.raises(SchemaError, match="do not start"):
        ByTime(times=times)(cells.isel(cell=slice(0, 5)), counts[:5])
    ids = cells["cell_id"].to_numpy()
    with pytest.raises(SchemaError, match="no site"):
        ByTime(times=times, site_cell=np.full(len(ids), ids[0]))(cells, counts)
    with pytest.raises(SchemaError, match="lie in no cell"):
        ByTime(times=times, site_cell=np.zeros(len(ids), dtype=np.uint64))(cells, counts)
    with pytest.raises(SchemaError, match="cells of sites"):
        ByTime(times=times, site_cell=ids[:2])(cells, counts)
    named = TravelTimes(
        cell_id=ids, site_id=np.array([f"s{i}" for i in range(len(ids))]), indptr=times.indptr, site=times.site,
        seconds=times.seconds, limit_s=times.limit_s, mode="",
    )  # fmt: skip
    with pytest.raises(SchemaError, match="no cell ids"):
        ByTime(times=named)(cells, counts)


def test_sites_in_uninhabited_land():
    """A site in a cell that is not in the table has no residents; how many there are is told."""
    cells, counts = town(6)
    times = straight(cells)
    ids = cells["cell_id"].to_numpy()
    more = np.append(ids, GRID.from_row_col(np.array([31_000]), np.array([41_000])))
    with_more = TravelTimes(
        cell_id=ids, site_id=more.astype(str), indptr=times.indptr, site=times.site, seconds=times.seconds,
        limit_s=times.limit_s, mode="",
    )  # fmt: skip
    found = ByTime(times=with_more)(cells, counts)
    assert found.about["sites_elsewhere"] == 1
    assert np.array_equal(found.counts, ByTime(times=times)(cells, counts).counts)
