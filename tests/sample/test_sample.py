"""Havelmark: the same for the same seed, and true to what it says of itself."""

from hashlib import sha256

import numpy as np
import pytest
import shapely

from civigrid.grid import SquareGrid
from civigrid.sample import CityOptions, city_files, make_city
from civigrid.sample.options import GROUPS
from civigrid.sample.people import group_probabilities, is_water
from civigrid.sample.services import UNEQUAL_SITE, catchment_counts


def digest(city):
    whole = sha256()
    for name, table in city_files(city):
        whole.update(name.encode() + table.to_csv().encode())
    return whole.hexdigest()


def test_equal_seeds_give_equal_cities_and_others_do_not(city):
    """Every file of a city hangs on its options alone."""
    assert digest(make_city(CityOptions(persons=20_000))) == digest(city)
    assert digest(make_city(CityOptions(persons=20_000, seed=1))) != digest(city)


@pytest.mark.parametrize("vintage", ["areas_2015", "areas_2021"])
def test_areas_tile_the_city_and_count_its_homes(city, vintage):
    """No gap, no overlap, and the counts are those of point in polygon."""
    areas = getattr(city, vintage)
    whole = areas.union_all()
    homes = shapely.points(city.persons[["easting", "northing"]].to_numpy())
    first = areas.geometry.iloc[10]
    inside = shapely.contains(first, homes)

    assert whole.geom_type == "Polygon"
    assert areas.area.sum() == pytest.approx(whole.area, rel=1e-12)
    assert areas["population"].sum() == len(city.persons)
    assert areas["population"].iloc[10] == inside.sum()
    assert areas[list(GROUPS)].sum(axis=1).tolist() == areas["population"].tolist()
    assert areas["area_id"].is_unique
    assert areas["area_id"].str.startswith("0").all()


def test_most_areas_are_the_same_in_both_vintages(city):
    """An area that kept its id kept its shape, unless a part was split off; most kept both."""
    both = city.areas_2015.merge(city.areas_2021, on="area_id")
    same = [a.equals_exact(b, 0) for a, b in zip(both["geometry_x"], both["geometry_y"], strict=True)]

    assert sum(same) > 60
    assert len(city.areas_2021) > len(city.areas_2015)
    assert len(city.districts) == 8


def test_districts_have_no_slits(city):
    """Every hole of a district is an enclave of a pixel at least, and its areas fill it."""
    parts = city.districts.geometry.explode()

    assert min(shapely.Polygon(ring).area for part in parts for ring in part.interiors) > 1_000
    together = city.areas_2015.dissolve("district").area.to_numpy()
    np.testing.assert_allclose(city.districts.set_index("district").sort_index().area, together, rtol=1e-6)


def test_truth_is_what_the_persons_say(city):
    """Counts by cell add up to the persons; the true D lies between 0 and that of finer cells."""
    fine, coarse = city.counts(100), city.counts(1000)
    total = coarse["population"].to_numpy(float)
    others = total - coarse["native"].to_numpy(float)

    assert len(city.persons) == fine["population"].sum() == coarse["population"].sum()
    expected = 0.5 * np.abs(others / others.sum() - (total - others) / (total - others).sum()).sum()
    assert city.truth["D_1km"] == pytest.approx(expected)
    assert 0 < city.truth["D_1km"] < city.truth["D_100m"] < 1
    parent = SquareGrid(cell_size_m=100).parent(fine.index.to_numpy(), SquareGrid(cell_size_m=1000))
    assert fine.groupby(parent)["native"].sum().tolist() == coarse["native"].tolist()


def test_probabilities_are_probabilities_and_groups_cluster(city):
    """The known truth sums to one, and the city is more segregated than chance."""
    odds = group_probabilities(city.options)

    np.testing.assert_allclose(odds.sum(axis=-1), 1.0)
    assert city.truth["D_1km"] > 0.1


def test_leaks_are_really_there(city):
    """Each planted leak is in the published counts."""
    areas = city.areas_2021.set_index("area_id")
    for leak in city.leaks.itertuples():
        count = areas.loc[leak.area_id, leak.group]
        small = [g for g in GROUPS if 0 < areas.loc[leak.area_id, g] < 10]

        assert count == 1 if leak.kind == "single person" else small == [leak.group]
    assert {"single person", "by subtraction"} == set(city.leaks["kind"])


def test_one_sports_centre_serves_few_of_those_born_elsewhere():
    """About 31 % of its catchment, 3 % of its members."""
    city = make_city()
    row = city.services.index[city.services["site_id"] == UNEQUAL_SITE][0]
    near = catchment_counts(city.persons, city.services)[row]
    members = city.users[city.users["site_id"] == UNEQUAL_SITE].set_index("group")["users"]

    assert 1 - near[0] / near.sum() == pytest.approx(0.31, abs=0.01)
    assert (members.sum(), members["native"]) == (1000, 970)


def test_the_river_is_crossed_on_bridges_only(city):
    """Two street edges cross the river; no service stands in it."""
    nodes = city.nodes.set_index("node")
    options, water = city.options, is_water(city.options)
    place = ((city.services[["northing", "easting"]] - [options.south_m, options.west_m]) // 100).astype(int).to_numpy()
    long = city.edges[city.edges["length_m"] > 350]

    assert not water[place[:, 0], place[:, 1]].any()
    assert len(long) == 2
    assert set(city.edges["a"]) | set(city.edges["b"]) == set(nodes.index)


def test_the_timetable_runs_forward(city):
    """Every trip's times rise along its stops."""
    times = city.timetable["stop_times"]
    rising = (
        times.sort_values(["trip_id", "stop_sequence"]).groupby("trip_id")["departure_time"].is_monotonic_increasing
    )

    assert rising.all()
    assert set(times["stop_id"]) == set(city.timetable["stops"]["stop_id"])
