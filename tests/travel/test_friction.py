"""Friction surfaces: windows and blocks change nothing, water and roads, slopes, H3, and what is out of reach."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from civigrid.engine import Scheduler
from civigrid.errors import SchemaError, UnknownNameError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.io.elevation import read_elevation
from civigrid.kernels.true_distances import along_ground, on_earth
from civigrid.travel.friction import FrictionOptions, FrictionSurface, friction_times, nearest_site
from civigrid.travel.friction_speeds import LAND_KMH, fastest_of, land_speeds, road_speeds
from civigrid.travel.slopes import tobler
from civigrid.travel.straight_line import IN_CELL

GRID = SquareGrid(cell_size_m=100)


def _surface(side=40, *, seed=0, slopes=False, holes=0.1):
    """A square of 100 m cells, some missing, some closed, with three fast roads."""
    rng = np.random.default_rng(seed)
    row, col = np.indices((side, side)).reshape(2, -1)
    road = (row == side // 2) | (col == side // 3) | (row == col)
    kept = (rng.random(side * side) > holes) | road
    ids = GRID.from_row_col(30_000 + row[kept], 40_000 + col[kept])
    order = np.argsort(ids)
    kmh = rng.choice([0.0, 2.0, 4.0, 5.0], len(ids), p=[0.05, 0.2, 0.4, 0.35])
    kmh[road[kept]] = 30.0
    height = np.cumsum(rng.normal(0, 8, len(ids))) if slopes else None
    return FrictionSurface(
        grid=GRID, cell_id=ids[order], speed_kmh=kmh[order], height_m=height,
        on_foot=kmh[order] < 6 if slopes else None,
    )  # fmt: skip


def _sites(surface, n, seed=1):
    """Sites in open cells, named."""
    rng = np.random.default_rng(seed)
    cells = rng.choice(surface.cell_id[surface.speed_kmh > 0], n, replace=False)
    names = [f"s{i}" for i in range(n)]
    return gpd.GeoSeries(shapely.points(surface.grid.centre(cells)), names, crs=surface.grid.crs)


def _hexagons(resolution=8, *, slopes=False):
    """Hexagons around Mannheim, some missing, some closed, with a fast road."""
    grid, rng = H3Grid(resolution), np.random.default_rng(2)
    lon, lat = np.meshgrid(np.linspace(8.3, 8.7, 140), np.linspace(49.4, 49.6, 120))
    ids = np.unique(grid.cell_at(np.stack([lon.ravel(), lat.ravel()], axis=1)))
    ids = ids[rng.random(len(ids)) > 0.05]
    land = rng.choice([0.0, 3.0, 5.0], len(ids), p=[0.05, 0.4, 0.55])
    road = gpd.GeoSeries([shapely.LineString([(8.32, 49.42), (8.5, 49.55), (8.68, 49.47)])], crs="EPSG:4326")
    return FrictionSurface(
        grid=grid, cell_id=ids, speed_kmh=np.maximum(land, road_speeds(grid, ids, road, [40.0])),
        height_m=rng.normal(100, 30, len(ids)) if slopes else None,
    )  # fmt: skip


def _same(one, other):
    """Same bytes."""
    assert (one.seconds == other.seconds).all()
    assert (one.site == other.site).all()


@pytest.mark.parametrize("neighbours", [8, 16])
@pytest.mark.parametrize("slopes", [False, True])
def test_blocks_with_halos_give_the_bytes_of_one_pass(neighbours, slopes):
    """Whatever the side of the blocks, the nearest site and its time are the same on squares."""
    surface = _surface(64, slopes=slopes)
    sites = _sites(surface, 40)
    # 8 cells at the top speed: most of the map lies beyond the halo
    options = FrictionOptions(limit_min=1.6, neighbours=neighbours)
    whole, report = nearest_site(surface, sites, options=options)

    assert 0.03 < (whole.seconds >= 0).mean() < 0.99
    assert len(report.far_cells) + len(report.shut_cells) == (whole.seconds < 0).sum()
    for side in (4, 16, 32):
        for kind in ("serial", "threads"):
            blocks, told = nearest_site(
                surface, sites, options=options, cells_per_side=side, scheduler=Scheduler(kind, 2)
            )  # fmt: skip
            _same(blocks, whole)
            assert (told.far_cells == report.far_cells).all()


@pytest.mark.parametrize("slopes", [False, True])
def test_blocks_of_hexagons_give_the_bytes_of_one_pass(slopes):
    """On H3 the halo is a distance on the ground."""
    surface = _hexagons(slopes=slopes)
    on_road = gpd.GeoSeries(shapely.points([[8.32, 49.42], [8.5, 49.55]]), ["r0", "r1"], crs="EPSG:4326")
    sites = gpd.GeoSeries(pd.concat([_sites(surface, 25), on_road]), crs="EPSG:4326")
    options = FrictionOptions(limit_min=8)
    whole, _ = nearest_site(surface, sites, options=options)

    assert 0.02 < (whole.seconds >= 0).mean() < 0.9
    for side in (3, 10):
        _same(nearest_site(surface, sites, options=options, cells_per_side=side)[0], whole)


@pytest.mark.parametrize("surface", [_surface(slopes=True), _hexagons()], ids=["squares", "hexagons"])
def test_times_to_each_site_agree_with_the_nearest(surface):
    """The least time of a row is the nearest site's; blocks of sites and their order change nothing."""
    sites = _sites(surface, 6)
    options = FrictionOptions(limit_min=15)
    times, report = friction_times(surface, sites, options=options)
    nearest, _ = nearest_site(surface, sites, options=options)
    best = np.full(len(surface.cell_id), 10**9)
    np.minimum.at(best, times.rows(), times.seconds)

    assert (np.where(best == 10**9, -1, best) == nearest.seconds).all()
    assert (report.shut_cells == surface.cell_id[surface.speed_kmh == 0]).all()
    for block in (1, 4):
        other, _ = friction_times(surface, sites, options=FrictionOptions(limit_min=15, block=block))
        assert (other.seconds == times.seconds).all()
        assert (other.site == times.site).all()
    turned, _ = friction_times(surface, sites.iloc[::-1], options=options)
    assert (turned.in_order(np.arange(6)[::-1]).seconds == times.seconds).all()


def test_workers_in_other_processes_map_the_surface():
    """A task is a range of rows; the same bytes come back from another process."""
    surface = _surface(20)
    sites = _sites(surface, 3)
    options = FrictionOptions(limit_min=5, block=2)
    here, _ = friction_times(surface, sites, options=options)
    there, _ = friction_times(surface, sites, options=options, scheduler=Scheduler("processes", 1))

    assert (there.seconds == here.seconds).all()
    assert (there.indptr == here.indptr).all()


def test_hexagons_are_those_of_dijkstra_on_true_distances():
    """Steps between hexagons cost the mean pace times the distance of their centres, up and down by Tobler."""
    surface = _hexagons(slopes=True)
    site = _sites(surface, 1)
    times, _ = nearest_site(surface, site, options=FrictionOptions(limit_min=None))
    open_ = np.flatnonzero(surface.speed_kmh > 0)
    ids = surface.cell_id[open_]
    near = surface.grid.neighbours(ids)
    at = np.minimum(np.searchsorted(ids, near), len(ids) - 1)
    one, slot = np.nonzero(ids[at] == near)
    other = at[one, slot]
    earth = on_earth(*surface.grid.centre(ids).T)
    metres = along_ground(np.linalg.norm(earth[one] - earth[other], axis=1))
    pace, height = 3.6 / surface.speed_kmh[open_], surface.height_m[open_]
    cost = (pace[one] + pace[other]) / 2 * metres * tobler((height[one] - height[other]) / metres)
    start = int(np.searchsorted(ids, surface.grid.cell_at(shapely.get_coordinates(site.to_numpy()))[0]))
    seconds = dijkstra(coo_array((cost, (one, other)), shape=(len(ids),) * 2).tocsr(), indices=start)
    found = times.seconds[open_]
    rest = np.arange(len(ids)) != start

    assert (np.isfinite(seconds) == (found >= 0)).all()
    reached = np.isfinite(seconds) & rest
    assert reached.sum() > 100
    assert np.abs(found[reached] - seconds[reached]).max() < 1.0


def test_even_hexagons_stay_near_the_straight_line():
    """On even ground ways over hexagons exceed the straight line by at most 15.5 %, and shapes vary a little."""
    surface = _hexagons()
    even = FrictionSurface(grid=surface.grid, cell_id=surface.cell_id, speed_kmh=np.full(len(surface.cell_id), 5.0))
    grid = even.grid
    site = gpd.GeoSeries(shapely.points([[8.5, 49.5]]), ["centre"], crs="EPSG:4326")
    near, _ = nearest_site(even, site, options=FrictionOptions(limit_min=45))
    earth = on_earth(*grid.centre(even.cell_id).T)
    at = int(np.searchsorted(even.cell_id, grid.cell_at(np.array([[8.5, 49.5]]))[0]))
    straight = along_ground(np.linalg.norm(earth - earth[at], axis=1)) * 3.6 / 5
    use = (near.seconds > 0) & (straight > 600)
    ratio = near.seconds[use] / straight[use]

    assert ratio.min() > 0.999
    # cells are missing here and there: ways go around them
    assert np.quantile(ratio, 0.9) < 1.17


def test_going_and_coming_are_transposed():
    """From a site to a cell takes what it takes from a site in that cell to the other place."""
    surface = _surface(15, slopes=True)
    two = _sites(surface, 2)
    to, _ = friction_times(surface, two)
    back, _ = friction_times(surface, two, options=FrictionOptions(towards=False))
    rows = np.searchsorted(surface.cell_id, surface.grid.cell_at(shapely.get_coordinates(two.to_numpy())))
    table = {
        name: {(int(r), int(s)): int(t) for r, s, t in zip(x.rows(), x.site, x.seconds, strict=True)}
        for name, x in (("to", to), ("back", back))
    }

    assert table["to"][rows[0], 1] == table["back"][rows[1], 0]
    assert table["to"][rows[1], 0] == table["back"][rows[0], 1]
    assert table["to"][rows[0], 1] != table["to"][rows[1], 0]


def test_opening_a_cell_or_a_site_never_hurts():
    """More speed, more sites: no time grows."""
    surface = _surface()
    sites = _sites(surface, 4)
    options = FrictionOptions(limit_min=None)
    faster = FrictionSurface(grid=GRID, cell_id=surface.cell_id, speed_kmh=surface.speed_kmh + 1.0)
    few, _ = nearest_site(surface, sites.iloc[:3], options=options)
    many, _ = nearest_site(surface, sites, options=options)
    quick, _ = nearest_site(faster, sites.iloc[:3], options=options)
    was = few.seconds >= 0

    assert (many.seconds[was] <= few.seconds[was]).all()
    assert (quick.seconds[was] <= few.seconds[was]).all()


def test_residents_do_not_live_at_the_centre():
    """In a site's own cell the mean way within a square counts, if the limit allows it."""
    ids = GRID.from_row_col(np.array([30_000]), np.array([40_000]))
    surface = FrictionSurface(grid=GRID, cell_id=ids, speed_kmh=np.array([3.6]))
    site = gpd.GeoSeries([shapely.Point(4_000_001, 3_000_001)], ["a"], crs="EPSG:3035")

    assert nearest_site(surface, site)[0].seconds.tolist() == [round(100 * IN_CELL)]
    assert friction_times(surface, site)[0].seconds.tolist() == [round(100 * IN_CELL)]
    short = FrictionOptions(limit_min=0.5)
    assert nearest_site(surface, site, options=short)[0].seconds.tolist() == [-1]
    assert len(friction_times(surface, site, options=short)[0].seconds) == 0


def test_only_the_cells_asked_for_are_origins():
    """Origins among the cells, outside of them, and in water: pairs of the first, a report of the rest."""
    surface = _surface(12)
    sites = _sites(surface, 2)
    all_, _ = friction_times(surface, sites)
    outside = GRID.from_row_col(np.array([30_500]), np.array([40_500]))
    origins = np.sort(np.concatenate([surface.cell_id[::3], outside]))
    some, report = friction_times(surface, sites, origins=origins)
    kept = np.isin(all_.cell_id[all_.rows()], origins)

    assert (some.cell_id == origins).all()
    assert (some.seconds == all_.seconds[kept]).all()
    assert (some.site == all_.site[kept]).all()
    assert outside[0] in report.shut_cells


def test_what_is_out_of_reach_is_told():
    """Sites in water, outside the cells and beyond the grid are lost, not fatal; no site at all reaches nothing."""
    ids = GRID.from_row_col(np.array([30_000, 30_000, 30_000]), np.array([40_000, 40_001, 40_002]))
    surface = FrictionSurface(grid=GRID, cell_id=np.sort(ids), speed_kmh=np.array([5.0, 0.0, 5.0]))
    places = [(4_000_050, 3_000_050), (4_000_150, 3_000_050), (4_900_050, 3_000_050), (100.0, 100.0)]
    sites = gpd.GeoSeries([shapely.Point(p) for p in places], ["ok", "wet", "out", "far"], crs="EPSG:3035")
    times, report = friction_times(surface, sites)

    assert report.lost_sites.tolist() == ["wet", "out", "far"]
    assert len(times.seconds) == 1
    assert (len(report.shut_cells), len(report.far_cells)) == (1, 1)
    assert report.lines()[0] == "3 sites lie where nobody can go (first: wet, out, far)"
    none = nearest_site(surface, sites.iloc[:0])
    assert none[0].seconds.tolist() == [-1, -1, -1]
    assert len(friction_times(surface, sites.iloc[:0])[0].seconds) == 0
    empty = FrictionSurface(grid=GRID, cell_id=ids[:0], speed_kmh=np.empty(0))
    assert len(nearest_site(empty, sites)[0].seconds) == 0
    assert len(friction_times(empty, sites)[0].seconds) == 0
    assert "8 neighbours, up to 60 minutes" in times.mode
    with pytest.raises(SchemaError, match="lie outside"):
        friction_times(surface, sites.iloc[3:])


def test_land_and_roads_make_the_speed_of_a_cell():
    """The fastest road that touches a cell counts, exactly; a bridge opens water; slopes matter off the road."""
    grid = SquareGrid(cell_size_m=1000)
    row, col = np.indices((3, 4)).reshape(2, -1)
    ids = grid.from_row_col(3000 + row, 4000 + col)
    order = np.argsort(ids)
    road = shapely.LineString([(4_000_100, 3_000_900), (4_002_050, 3_001_010), (4_002_050, 3_001_990)])
    track = shapely.MultiLineString([[(4_000_500, 3_000_500), (4_001_500, 3_000_500)]])
    roads = gpd.GeoSeries([road, track, None, road], crs="EPSG:3035")
    kmh = np.empty(12)
    kmh[np.argsort(order)] = road_speeds(grid, ids[order], roads, [50.0, 20.0, 90.0, np.nan])[np.argsort(order)]
    table = np.zeros((3, 4))
    table[row, col] = road_speeds(grid, ids[order], roads, [50.0, 20.0, 90.0, np.nan])[np.argsort(order)]

    assert table.tolist() == [[50, 50, 0, 0], [0, 50, 50, 0], [0, 0, 0, 0]]
    assert land_speeds(np.array([[10, 80]]), "worldcover").tolist() == [[2.0, 0.0]]
    assert land_speeds(np.array([7]), {7: 3.5}).tolist() == [3.5]
    speed, feet = fastest_of(np.array([0.0, 4.0, 0.0]), np.array([50.0, 0.0, 0.0]))
    assert speed.tolist() == [50.0, 4.0, 0.0]
    assert feet.tolist() == [False, True, True]
    assert len(road_speeds(grid, ids[order], roads.iloc[:0], [])) == 12
    assert set(LAND_KMH["corine"].values()) == {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}
    assert len(LAND_KMH["corine"]) == 44


def test_roads_through_hexagons_leave_no_gap():
    """A road makes a chain of neighbouring hexagons."""
    surface = _hexagons()
    grid, ids = surface.grid, surface.cell_id
    road = gpd.GeoSeries([shapely.LineString([(8.32, 49.42), (8.5, 49.55), (8.68, 49.47)])], crs="EPSG:4326")
    full = np.unique(np.concatenate([ids, grid.neighbours(ids).ravel()]))
    kmh = road_speeds(grid, full[full > 0], road, [60.0])
    on = full[full > 0][kmh > 0]
    near = grid.neighbours(on)

    assert len(on) > 30
    assert (np.isin(near, on).sum(axis=1) >= 1).all()
    assert (np.isin(near, on).sum(axis=1) >= 2).sum() >= len(on) - 2


def test_what_makes_no_sense_is_refused():
    """Each refusal says what is wrong and how to mend it."""
    surface = _surface(5, holes=0.0)
    site = _sites(surface, 1)
    ids, kmh = surface.cell_id, surface.speed_kmh
    for wrong, says in (
        ({"cell_id": ids[::-1], "speed_kmh": kmh}, "must be sorted"),
        ({"cell_id": ids, "speed_kmh": kmh[1:]}, "has shape"),
        ({"cell_id": ids, "speed_kmh": kmh * np.nan}, "have no speed"),
        ({"cell_id": ids, "speed_kmh": kmh, "height_m": kmh[1:]}, "height_m has shape"),
    ):
        with pytest.raises(SchemaError, match=says):
            FrictionSurface(grid=GRID, **wrong)
    for wrong, says in (
        ({"neighbours": 4}, "squares have 8"),
        ({"limit_min": -1}, "give minutes"),
        ({"block": 0}, "1"),
    ):
        with pytest.raises(SchemaError, match=says):
            FrictionOptions(**wrong)
    with pytest.raises(SchemaError, match="need a limit"):
        friction_times(surface, site, options=FrictionOptions(limit_min=None))
    with pytest.raises(SchemaError, match="origins must be sorted"):
        friction_times(surface, site, origins=ids[::-1])
    with pytest.raises(SchemaError, match="given twice"):
        friction_times(surface, site.iloc[[0, 0]])
    with pytest.raises(SchemaError, match="no speed for the land cover codes 11"):
        land_speeds(np.array([10, 11]), "worldcover")
    with pytest.raises(UnknownNameError, match="table of land speeds"):
        land_speeds(np.array([10]), "corin")
    with pytest.raises(SchemaError, match="Give one for each"):
        road_speeds(GRID, ids, gpd.GeoSeries([None], crs="EPSG:3035"), [])
    with pytest.raises(SchemaError, match="coordinate system"):
        road_speeds(GRID, ids, gpd.GeoSeries([shapely.LineString([(0, 0), (1, 1)])]), [1.0])
    far = FrictionSurface(
        grid=GRID, cell_id=np.sort(GRID.from_row_col(np.array([10_000, 50_000]), np.array([10_000, 70_000]))),
        speed_kmh=np.ones(2),
    )  # fmt: skip
    with pytest.raises(SchemaError, match="too many to search at once"):
        nearest_site(far, site)


def test_porto_alegre_on_foot_over_hills(real_data):
    """1,227 real hexagons with real heights: everyone reaches a clinic in an hour or is told; hills take longer."""
    table = pd.read_csv(real_data / "r5r_poa" / "poa_hexgrid.csv")
    grid = H3Grid(9)
    table["cell"] = [np.uint64(int(code, 16)) for code in table["id"]]
    table = table.sort_values("cell")
    ids = table["cell"].to_numpy(dtype=np.uint64)
    centres = grid.centre(ids)
    ground = read_elevation(real_data / "r5r_poa" / "poa_elevation.tif", (*centres.min(axis=0), *centres.max(axis=0)))
    height = ground.at(grid.centre(ids))
    clinics = table[table["healthcare"] > 0]
    sites = gpd.GeoSeries(shapely.points(clinics[["lon", "lat"]].to_numpy()), clinics["id"], crs="EPSG:4326")
    walk = {"grid": grid, "cell_id": ids, "speed_kmh": np.full(len(ids), 4.8)}
    hilly, report = friction_times(FrictionSurface(**walk, height_m=height), sites)
    nearest, told = nearest_site(FrictionSurface(**walk, height_m=height), sites)
    flat, _ = nearest_site(FrictionSurface(**walk), sites)
    people = table["population"].to_numpy()
    both = (nearest.seconds >= 0) & (flat.seconds >= 0)

    assert len(ids) == 1_227
    assert np.isfinite(height).mean() > 0.9
    assert len(report.lost_sites) == len(report.shut_cells) == 0
    assert (told.far_cells == report.far_cells).all()
    assert len(hilly.seconds) > 10_000
    assert people[nearest.seconds >= 0].sum() > 0.97 * people.sum()
    mean = [np.average(x.seconds[both], weights=people[both]) for x in (flat, nearest)]
    assert 1.0 < mean[1] / mean[0] < 1.3
