"""Slopes: what the formulas say on a plane, and what stays flat."""

import numpy as np
import pytest
from travel.streets import PER_M, ROAD, at_m, same, streets

from civigrid.errors import SourceError
from civigrid.io.elevation import read_elevation
from civigrid.io.osm import read_osm
from civigrid.travel.build_graph import build_graph
from civigrid.travel.slopes import Elevation, cycling, tobler


def _slope(rise: float) -> Elevation:
    """A plane that rises to the east."""
    step = 0.0005
    cols = np.arange(60)
    east = (cols + 0.5) * step / PER_M[0] - 100
    height = np.repeat((500 + rise * east)[None, :], 8, axis=0)
    corner = at_m([(-100, 0)])[0]
    return Elevation(height_m=height, transform=(step, 0, corner[0], 0, -step, corner[1] + 4 * step))


@pytest.mark.parametrize("rise", [0.0, 0.03, 0.12, -0.2])
@pytest.mark.parametrize(("mode", "factor", "kmh"), [("walk", tobler, 4.8), ("bike", cycling, 15.0)])
def test_slopes_cost_what_the_formula_says(rise, mode, factor, kmh):
    """On a plane: up by the formula at its slope, down by that of the opposite slope."""
    lines = streets([(0, 0), (900, 0)], [([0, 1], ROAD)])
    graph, report = build_graph(lines, mode, elevation=_slope(rise))
    flat = 36 * 900 / kmh
    up, down = graph.cost[graph.head == 1], graph.cost[graph.head == 0]

    assert up[0] == pytest.approx(flat * factor(np.array([rise]))[0], rel=2e-3)
    assert down[0] == pytest.approx(flat * factor(np.array([-rise]))[0], rel=2e-3)
    assert report.unknown_height == 0


def test_slopes_leave_bridges_cars_and_unknown_ground_flat():
    """Outside the raster streets are flat and counted; so are bridges; cars do not mind."""
    bridge = ROAD | {"bridge": "yes"}
    lines = streets(
        [(0, 0), (400, 0), (800, 0), (0, 9_000), (100, 9_000)], [([0, 1], ROAD), ([1, 2], bridge), ([3, 4], ROAD)]
    )
    steep = _slope(0.1)
    graph, report = build_graph(lines, "walk", elevation=steep)
    drive, told = build_graph(lines, "drive", elevation=steep)
    cost = dict(zip(graph.head.tolist(), graph.cost.tolist(), strict=True))
    up = 3000 * tobler(np.array([0.1]))[0] + 3000

    assert report.level_pieces == 16
    assert report.unknown_height == 4
    assert cost[1] == pytest.approx(up, rel=2e-3)
    assert cost[3] == pytest.approx(750, abs=2)
    assert told.unknown_height == 0
    assert same(drive, build_graph(lines, "drive")[0])


def test_real_slopes_are_slower_up_than_down(real_data):
    """In hilly Porto Alegre walking takes longer than on the flat, and the way there is not the way back."""
    lines = read_osm(real_data / "r5r_poa" / "poa_osm.pbf")
    ground = read_elevation(real_data / "r5r_poa" / "poa_elevation.tif", lines.bounds)
    graph, report = build_graph(lines, "walk", elevation=ground)
    flat, _ = build_graph(lines, "walk")
    tail = np.repeat(np.arange(len(graph.node_place)), np.diff(graph.indptr))
    there = dict(zip(zip(tail.tolist(), graph.head.tolist(), strict=True), graph.cost.tolist(), strict=True))

    assert 1.0 < graph.cost.sum() / flat.cost.sum() < 1.3
    assert 0 < report.unknown_height < 0.1 * report.spots
    assert sum(there.get((b, a), c) != c for (a, b), c in there.items()) > 0.5 * len(there)


def test_an_elevation_raster_of_another_region_is_an_error(real_data):
    """Nothing is flat by mistake."""
    with pytest.raises(SourceError, match="does not touch the streets"):
        read_elevation(real_data / "r5r_poa" / "poa_elevation.tif", (8.0, 49.0, 8.1, 49.1))


def test_heights_are_bilinear_between_centres():
    """By hand: on a centre, between two, between four; unknown pixels count only where they have a weight."""
    height = np.array([[0.0, 10.0, np.nan], [20.0, 30.0, np.nan]])
    ground = Elevation(height_m=height, transform=(1, 0, 0, 0, -1, 2))
    place = np.array([[0.5, 1.5], [1.0, 1.5], [1.0, 1.0], [1.5, 0.5], [1.6, 0.5], [0.4, 1.0]])

    assert ground.at(place).tolist() == pytest.approx([0, 5, 15, 30, np.nan, np.nan], nan_ok=True)
