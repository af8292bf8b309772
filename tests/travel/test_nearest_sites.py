"""The k nearest sites against all street times, and the way of one pair."""

from itertools import pairwise

import numpy as np
import pytest
from lattices import dense, lattice, origins_at, sites_at

from civigrid.errors import CivigridError, SchemaError
from civigrid.travel.nearest_sites import nearest_times, node_nearest
from civigrid.travel.snap import snap
from civigrid.travel.street_path import street_path
from civigrid.travel.street_times import street_times


@pytest.mark.parametrize("limit", [600, 1.5])
@pytest.mark.parametrize("means", [False, True])
def test_nearest_times_are_the_smallest_of_street_times(streets, limit, means):
    """The k smallest of each kind, for cells of one point and of several."""
    city, here, there = streets
    kind = np.array(["b", "a"] * 7)
    row = np.sort(np.random.default_rng(3).integers(0, 30, len(here))) if means else np.arange(len(here))
    origins = origins_at(here, row, 1 / np.bincount(row)[row])
    every, _ = street_times(city.graph, origins, sites_at(there), limit_min=limit)
    near, _ = nearest_times(city.graph, origins, sites_at(there), kind, 2, limit_min=limit)
    expected, got = dense(every), dense(near)
    for one in "ab":
        some = kind == one

        assert np.sort(expected[:, some])[:, :2].tolist() == np.sort(got[:, some])[:, :2].tolist()
        assert np.isinf(np.sort(got[:, some])[:, 2:]).all()
    assert (got[np.isfinite(got)] == expected[np.isfinite(got)]).all()


def test_one_more_site_is_never_worse(streets):
    """The nearest time of no cell and no node grows when a site is added."""
    city, here, there = streets
    origins = origins_at(here)
    before, after = (
        dense(nearest_times(city.graph, origins, sites_at(there[:n]), ["a"] * n, 1)[0]).min(axis=1) for n in (3, 9)
    )
    nodes = [node_nearest(city.graph, sites_at(there[:n]), 1)[1] for n in (3, 9)]

    assert (after <= before).all()
    assert (after < before).any()
    assert (nodes[1] <= nodes[0]).all()


@pytest.mark.parametrize("row", [[0, 1, 2], [0, 0, 1]])
def test_of_sites_in_one_place_the_first_id_is_nearest(row):
    """In whatever order they are given, for cells of one point and of several."""
    city = lattice(seed=0)
    row = np.array(row)
    origins = origins_at(city.graph.spot_place[:3], row, 1 / np.bincount(row)[row])
    for names in (["b", "a", "c"], ["c", "b", "a"], ["a", "b", "c"]):
        sites = sites_at(city.graph.spot_place[[20, 20, 20]], names)
        near, _ = nearest_times(city.graph, origins, sites, ["x"] * 3, 2)

        assert len(near.seconds) == 2 * len(set(row.tolist()))
        assert set(near.site_id[near.site]) == {"a", "b"}


def test_node_nearest_counts_the_way_to_the_door(streets):
    """From every node by SciPy, plus the walk to the site."""
    city, _, there = streets
    n, on = len(city.graph.node_place), snap(city.graph, there)
    site, cost = node_nearest(city.graph, sites_at(there), 3)
    expected = city.between(np.arange(n), on.spot) + on.walk_ds(4.8)

    assert np.sort(expected)[:, :3].tolist() == np.where(site < 0, np.inf, cost).tolist()
    with pytest.raises(SchemaError, match="k = 0"):
        node_nearest(city.graph, sites_at(there), 0)


def test_a_kind_is_named_for_every_site():
    """Too few kinds, an unknown one, and no number of sites are refused."""
    city = lattice(seed=0)
    origins, sites = origins_at(city.graph.spot_place[:3]), sites_at(city.graph.spot_place[:3])

    with pytest.raises(SchemaError, match="3 sites have 3 kinds, 1 of them unknown"):
        nearest_times(city.graph, origins, sites, ["a", None, "b"], 1)
    with pytest.raises(SchemaError, match="3 sites have 2 kinds, 0 of them unknown"):
        nearest_times(city.graph, origins, sites, ["a", "b"], 1)
    with pytest.raises(SchemaError, match="k = 0"):
        nearest_times(city.graph, origins, sites, ["a"] * 3, 0)


def test_a_path_takes_what_the_matrix_says_and_passes_every_vertex(streets):
    """Seconds end at the time of the pair; vertices follow each other along the streets."""
    city, here, there = streets
    times = dense(street_times(city.graph, origins_at(here), sites_at(there), limit_min=600)[0])
    at = {tuple(p): i for i, p in enumerate(city.graph.spot_place)}
    for i, j in np.ndindex(20, len(there)):
        if np.isinf(times[i, j]):
            with pytest.raises(CivigridError, match="not joined"):
                street_path(city.graph, here[i], there[j])
            continue
        way = street_path(city.graph, here[i], there[j])
        spots = [at[tuple(p)] for p in way.place[1:-1]]
        steps = [city.full[a, b] for a, b in pairwise(spots)]

        assert way.seconds[-1] == times[i, j]
        assert (np.diff(way.seconds) >= 0).all()
        assert way.place[[0, -1]].tolist() == [here[i].tolist(), there[j].tolist()]
        assert all(step > 0 for step in steps)
        assert sum(steps) == pytest.approx(10 * (way.seconds[-2] - way.seconds[1]), abs=10)


def test_a_path_from_nowhere_is_refused(streets):
    """The message says how far it is, and what may be raised."""
    city, here, _ = streets

    with pytest.raises(CivigridError, match=r"lies \d+ m from any street, farther than 500 m. Raise snap_limit_m"):
        street_path(city.graph, here[0], (0.5, 0.5))
