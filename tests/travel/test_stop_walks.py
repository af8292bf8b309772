"""Walks to, between and from stops: straight lines by hand, streets of a small grid, stops without a place."""

import dataclasses

import geopandas as gpd
import numpy as np
import pytest
import shapely
from timetables import random_timetable

from civigrid.engine import Scheduler
from civigrid.errors import SchemaError
from civigrid.travel.graph import StreetGraph
from civigrid.travel.places import EARTH_M, Origins
from civigrid.travel.stop_walks import StraightWalks, straight_walks
from civigrid.travel.street_walks import street_walks
from civigrid.travel.transit import TransitOptions, transit_times

METRE = 180 / np.pi / EARTH_M
"""Degrees of latitude."""


def places(metres):
    """Points on the equator's meridian, so many metres north."""
    return np.column_stack([np.zeros(len(metres)), np.array(metres, dtype=float) * METRE])


@pytest.fixture
def timetable():
    """Eight stops, 300 m apart, the last one without a place."""
    made = random_timetable(np.random.default_rng(1))
    place = places(np.arange(8) * 300.0)
    place[7] = np.nan
    return dataclasses.replace(made, stop_place=place)


@pytest.fixture
def sites():
    """A library 1 km north."""
    return gpd.GeoSeries(shapely.points(places([1000.0])), ["library"], crs="EPSG:4326")


def test_straight_walks_by_hand(timetable, sites):
    """Metres × detour ÷ speed, rounded half up; a cell of two points has their weighted mean."""
    row, weight = np.array([0, 1, 1]), np.array([1.0, 0.25, 0.75])
    origins = Origins(cell_id=np.array([3, 9], np.uint64), place=places([0, 900, 1300]), row=row, weight=weight)
    options = StraightWalks(speed_kmh=3.6, detour=1.5, max_min=25, max_change_min=8)
    walks = straight_walks(timetable, origins, sites, options=options)

    assert walks.direct.seconds.tolist() == [1500, round(1.5 * (0.25 * 100 + 0.75 * 300))]
    first = walks.to_stop.seconds[: walks.to_stop.indptr[1]]
    assert first.tolist() == [0, 450, 900, 1350]
    assert walks.to_stop.site[: len(first)].tolist() == [0, 1, 2, 3]
    assert walks.from_stop.seconds.tolist() == [1500, 1050, 600, 150, 300, 750, 1200]
    assert walks.between.seconds.max() == 450
    assert np.diff(walks.between.indptr).tolist() == [2, 3, 3, 3, 3, 3, 2, 0]


def test_a_stop_without_a_place_has_no_walks_and_is_no_fault(timetable, sites):
    """It keeps its row and column, and times are searched."""
    origins = Origins(cell_id=np.array([3], np.uint64), place=places([0]), row=np.array([0]), weight=np.ones(1))
    walks = straight_walks(timetable, origins, sites, options=StraightWalks(max_min=60))
    window = transit_times(timetable, walks, options=TransitOptions(), scheduler=Scheduler("serial"))

    assert 7 not in walks.to_stop.site
    assert walks.from_stop.indptr[7] == walks.from_stop.indptr[8]
    assert len(window.fastest.seconds) == 1
    with pytest.raises(SchemaError, match="given twice"):
        straight_walks(timetable, origins, gpd.GeoSeries([*sites, *sites], ["a", "a"], crs="EPSG:4326"))
    with pytest.raises(SchemaError, match="searched up to"):
        walks.within(7200)


def long_street(corners):
    """A street with a corner every 100 m, 75 s on foot each, both ways."""
    node = np.arange(corners)
    tail = np.repeat(node, 2)
    head = (node[:, None] + [-1, 1]).ravel()
    keep = (head >= 0) & (head < corners)
    zero = np.zeros((corners, 2), dtype=np.int32)
    return StreetGraph(
        mode="walk",
        node_place=places(node * 100.0),
        indptr=np.searchsorted(tail[keep], np.arange(corners + 1)),
        head=head[keep].astype(np.int32),
        cost=np.full(int(keep.sum()), 750, dtype=np.int32),
        component=zero[:, 0],
        spot_place=places(node * 100.0),
        spot_node=np.column_stack([node, node]).astype(np.int32),
        spot_to=zero,
        spot_from=zero,
        spot_chain=zero[:, 0] - 1,
    )


def test_streets_lead_to_stops(timetable, sites):
    """Along one street the walks are those of the straight line; stops without a place are left out."""
    origins = Origins(cell_id=np.array([3, 9], np.uint64), place=places([0, 1200]), row=np.arange(2), weight=np.ones(2))
    walks, report, stops = street_walks(long_street(22), timetable, origins, sites, max_min=20, max_change_min=8)
    straight = StraightWalks(speed_kmh=4.8, detour=1, max_min=20, max_change_min=8)
    lines = straight_walks(timetable, origins, sites, options=straight)

    for name in ("to_stop", "from_stop", "between", "direct"):
        walked, line = getattr(walks, name), getattr(lines, name)
        assert np.array_equal(walked.cell_id, line.cell_id)
        assert np.array_equal(walked.site_id, line.site_id)
        assert np.array_equal(walked.indptr, line.indptr)
        assert np.array_equal(walked.site, line.site)
        assert np.array_equal(walked.seconds, line.seconds)
    assert report.lost_cells.size == report.lost_sites.size == 0
    assert len(stops.sites.spot) == 7
