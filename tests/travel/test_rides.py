"""Rides along lines without a timetable, against an explicit graph and by hand."""

from __future__ import annotations

import itertools

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from civigrid.errors import SchemaError, SourceError
from civigrid.grid import SquareGrid
from civigrid.kernels.min_plus import FAR, min_plus
from civigrid.run.access.rides import read_lines_of
from civigrid.travel import StraightLine, straight_line_times
from civigrid.travel.rides import Rides, ride_times, station_times

GRID = SquareGrid(cell_size_m=1000)
STATIONS = gpd.GeoSeries(
    [shapely.Point(4_000_500 + 4000 * k, 3_000_500) for k in range(4)], list("ABCD"), crs="EPSG:3035"
)
LINKS = pd.DataFrame({"a": list("ABC"), "b": list("BCD"), "line": ["1", "1", "2"]})
CELLS = np.sort(GRID.cell_at(np.array([[4_000_500.0 + 1000 * k, 3_000_500] for k in range(14)])))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_least_sum_is_that_of_all_sums(seed):
    """Against the plainest way, with rows that have no station and ways that lead nowhere."""
    rng = np.random.default_rng(seed)
    count = rng.integers(0, 4, 6)
    indptr = np.concatenate([[0], np.cumsum(count)])
    station = rng.integers(0, 5, count.sum()).astype(np.int32)
    walk = rng.integers(0, 30, count.sum()).astype(np.int32)
    onward = np.where(rng.random((5, 7)) < 0.3, FAR, rng.integers(0, 60, (5, 7))).astype(np.int32)
    found, site, time = min_plus(indptr, station, walk, onward, 50)
    expected = {}
    for i, j in itertools.product(range(6), range(7)):
        sums = [int(walk[p]) + int(onward[station[p], j]) for p in range(indptr[i], indptr[i + 1])]
        if sums and min(sums) <= 50:
            expected[i, j] = min(sums)
    row = np.repeat(np.arange(6), np.diff(found))
    assert dict(zip(zip(row.tolist(), site.tolist(), strict=True), time.tolist(), strict=True)) == expected


def test_a_change_costs_its_walk_and_another_wait():
    """A to C is one wait and two hops; on to D a change lies between."""
    rides = Rides(speed_kmh=36.0, wait_min=3.0, change_min=1.0)
    seconds = station_times(STATIONS, LINKS, rides)
    hop = seconds[0, 1] - 180
    assert hop == pytest.approx(400, rel=0.01)
    assert seconds[0, 2] == pytest.approx(180 + 2 * hop, abs=2)
    assert seconds[0, 3] == pytest.approx(180 + 3 * hop + 240, abs=3)
    assert np.array_equal(seconds, seconds.T)


def test_rides_never_take_longer_than_walking():
    """And where a station is near on both ends, they take less."""
    sites = STATIONS.iloc[[2]].set_axis(["office"])
    walking = StraightLine(limit_min=180.0)
    first = int(GRID.cell_at(np.array([[4_000_500.0, 3_000_500.0]]))[0])
    foot = straight_line_times(GRID, CELLS, sites, options=walking)
    ride = ride_times(GRID, CELLS, sites, STATIONS, LINKS, walking=walking)
    on_foot = dict(zip(foot.cell_id[foot.rows()].tolist(), foot.seconds.tolist(), strict=True))
    by_ride = dict(zip(ride.cell_id[ride.rows()].tolist(), ride.seconds.tolist(), strict=True))
    assert all(by_ride[c] <= s for c, s in on_foot.items())
    assert by_ride[first] < on_foot[first] / 3
    unreached = station_times(STATIONS, LINKS[LINKS["line"] == "1"])
    assert unreached[0, 3] == FAR


def test_links_without_a_station_are_told(tmp_path):
    """They are left out, counted and named; without any other link the file is refused."""
    place = STATIONS.to_crs(4326)
    pd.DataFrame({"name": place.index, "lon": place.x, "lat": place.y}).to_csv(tmp_path / "s.csv", index=False)
    more = pd.DataFrame({"a": ["Q17", "A"], "b": ["A", "Q18"], "line": ["1", ""]})
    links = pd.concat([LINKS, more]).rename(columns={"a": "point1", "b": "point2"})
    links.to_csv(tmp_path / "l.csv", index=False)
    columns = {"x": "lon", "y": "lat", "a": "point1", "b": "point2"}
    found = read_lines_of(tmp_path / "s.csv", tmp_path / "l.csv", columns)
    assert len(found.links) == 3
    assert (found.findings[0].count, found.findings[0].examples) == (2, ("Q17", "Q18"))
    links[3:].to_csv(tmp_path / "none.csv", index=False)
    with pytest.raises(SourceError, match="Are the names the same"):
        read_lines_of(tmp_path / "s.csv", tmp_path / "none.csv", columns)
    with pytest.raises(SchemaError, match="unknown lat"):
        read_lines_of(tmp_path / "s.csv", tmp_path / "l.csv", {"lat": "lat"})
    with pytest.raises(SchemaError, match="2 links name an unknown station"):
        station_times(STATIONS, pd.concat([LINKS, more], ignore_index=True))
