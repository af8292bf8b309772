"""Street times on real streets: Porto Alegre against SciPy, walk and drive; Malta with its islands."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from lattices import dense, origins_at, whole_seconds
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from civigrid.engine.execute import Scheduler
from civigrid.io.osm import read_osm
from civigrid.travel.build_graph import build_graph
from civigrid.travel.nearest_sites import nearest_times
from civigrid.travel.places import lonlat
from civigrid.travel.snap import snap
from civigrid.travel.street_path import street_path
from civigrid.travel.street_search import along_chain
from civigrid.travel.street_times import StreetOptions, site_times, street_times


@pytest.fixture(scope="module")
def malta(real_data):
    """The graph for cars."""
    return build_graph(read_osm(real_data / "malta" / "malta-latest.osm.pbf"), "drive")[0]


@pytest.fixture(scope="module")
def porto_alegre(real_data):
    """Streets, centres of the 1,227 hexagons, and the points of interest."""
    folder = real_data / "r5r_poa"
    homes = pd.read_csv(folder / "poa_hexgrid.csv")[["lon", "lat"]].to_numpy()
    sites = pd.read_csv(folder / "poa_points_of_interest.csv")
    places = gpd.points_from_xy(sites.lon, sites.lat, crs=4326)
    return read_osm(folder / "poa_osm.pbf"), homes, gpd.GeoSeries(places, index=sites.id)


def by_scipy(graph, here, there):
    """Deciseconds between snapped places by SciPy over the nodes, and along chains; shape (here, there)."""
    a, b = snap(graph, here), snap(graph, there)
    n = len(graph.node_place)
    peer = dijkstra(csr_array((graph.cost.astype(float), graph.head, graph.indptr), shape=(n, n)).T.tocsr(),
                    indices=(ends := np.unique(graph.spot_node_from[b.spot])))  # fmt: skip
    out = np.full((len(here), len(there)), np.inf)
    for j, s in enumerate(b.spot):
        for e, f in np.ndindex(2, 2):
            to, back = graph.spot_to[a.spot, e].astype(float), graph.spot_from[s, f]
            if back >= 0:
                over = peer[np.searchsorted(ends, graph.spot_node_from[s, f]), graph.spot_node[a.spot, e]]
                out[:, j] = np.minimum(out[:, j], np.where(to >= 0, to, np.inf) + over + back)
        beside = (graph.spot_chain[a.spot] == graph.spot_chain[s]) & (graph.spot_chain[s] >= 0)
        way = along_chain(graph, a.spot, np.full(len(here), s))
        out[:, j] = np.where(beside & (way >= 0), np.minimum(out[:, j], way), out[:, j])
    out = a.walk_ds(4.8)[:, None] + out + b.walk_ds(4.8)
    out[a.beyond] = out[:, b.beyond] = np.inf
    return out


@pytest.mark.parametrize(("mode", "limit"), [("walk", 30), ("walk", 600), ("drive", 15)])
def test_porto_alegre_is_equal_to_scipy(porto_alegre, mode, limit):
    """Cells to points of interest; the three nearest of two kinds; the same with two threads and other blocks."""
    lines, homes, sites = porto_alegre
    graph, _ = build_graph(lines, mode)
    times, report = street_times(graph, origins_at(homes), sites, limit_min=limit)
    expected = whole_seconds(by_scipy(graph, homes, lonlat(sites)))
    expected[expected > limit * 60] = np.inf
    two = Scheduler("threads", 2)
    again, _ = street_times(
        graph, origins_at(homes), sites, limit_min=limit, options=StreetOptions(block=2), scheduler=two
    )
    kind = np.arange(len(sites)) % 2
    near, _ = nearest_times(graph, origins_at(homes), sites, kind, 3, limit_min=limit)

    assert expected.tolist() == dense(times).tolist()
    assert times.seconds.tobytes() == again.seconds.tobytes()
    for one in (0, 1):
        assert np.sort(expected[:, kind == one])[:, :3].tolist() == np.sort(dense(near)[:, kind == one])[:, :3].tolist()
    if limit == 600:
        nowhere = np.isinf(expected).all(axis=1)
        assert nowhere.tolist() == (report.origins.beyond | report.origins.on_island).tolist()
        assert 0 < nowhere.sum() < 20
    assert len(times.seconds) > 500


def test_spots_beside_forbidden_turns_are_reached_by_where_one_may_come_from(malta):
    """On streets that end at a split junction: equal to SciPy, and so are their paths."""
    rng = np.random.default_rng(1)
    beside = np.flatnonzero((malta.spot_node != malta.spot_node_from).any(axis=1))
    place = malta.spot_place[np.sort(rng.choice(beside, 40, replace=False))]
    homes = np.concatenate([place[::8], malta.spot_place[rng.integers(0, len(malta.spot_place), 200)]])
    sites = gpd.GeoSeries(gpd.points_from_xy(*place.T, crs=4326))
    times = dense(street_times(malta, origins_at(homes), sites, limit_min=600)[0])

    assert times.tolist() == whole_seconds(by_scipy(malta, homes, place)).tolist()
    for i, j in np.ndindex(6, 12):
        assert np.isinf(times[i, j]) or street_path(malta, homes[i], place[j]).seconds[-1] == times[i, j]


def test_paths_of_porto_alegre_take_what_the_matrix_says(porto_alegre):
    """By car, with one-way streets and forbidden turns; every step is forward."""
    lines, _, sites = porto_alegre
    graph, _ = build_graph(lines, "drive")
    matrix, place = site_times(graph, sites), lonlat(sites)
    ways = [(i, j, street_path(graph, place[i], place[j])) for i, j in np.ndindex(6, 6) if i != j and matrix[i, j] >= 0]

    assert len(ways) >= 20
    for i, j, way in ways:
        assert way.seconds[-1] == matrix[i, j]
        assert (np.diff(way.seconds) >= 0).all()


def test_gozo_is_an_island_of_malta(real_data, malta):
    """No street leads there; its services are reached from itself, and told in the report."""
    services = gpd.read_file(real_data / "malta" / "malta_services.gpkg").geometry.to_crs(4326)
    valletta, victoria = [14.5136, 35.8989], [14.2396, 36.0444]
    times, report = street_times(malta, origins_at([valletta, victoria]), services, limit_min=120)
    seconds = dense(times)
    gozo = (services.x < 14.36).to_numpy() & (services.y > 36.005).to_numpy()
    on = ~report.sites.beyond

    assert report.island_cells.tolist() == [4]
    assert np.isfinite(seconds[0, on & ~report.sites.on_island]).mean() == 1
    assert np.isinf(seconds[0, gozo]).all()
    assert np.isinf(seconds[1, ~gozo]).all()
    assert gozo.sum() > 50
    assert set(np.flatnonzero(gozo & on).astype(str)) <= set(report.island_sites)
    assert any("not joined to the main network" in line for line in report.lines())
