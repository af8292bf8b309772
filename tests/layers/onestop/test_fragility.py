"""Closures: equal to evaluating the layout without each site and operator; and who has no second choice."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from service_towns import a_town, some_services

from civigrid.cells import make_cells, values_of
from civigrid.errors import SchemaError
from civigrid.grid import SquareGrid
from civigrid.layers.onestop.evaluation import evaluate
from civigrid.layers.onestop.fragility import fragility_cells, fragility_of, fragility_table, redundancy_of
from civigrid.layers.onestop.services import services_at
from civigrid.types import Column


@given(st.integers(0, 10_000), st.sampled_from(["site", "operator"]), st.sampled_from([(), (1.0, 3.0, 1.0, 2.0)]))
def test_closures_equal_evaluations_without(seed, by, visits):
    """Minutes, persons who lose nearness, and the worst closure of every cell, for every group."""
    town = a_town(seed % 9, cells=25, visits=visits)
    services = some_services(town, seed, 18)
    found = evaluate(town, services)
    fragile = fragility_of(found, by=by)
    label = town.times.site_id[services.site] if by == "site" else services.operator
    most = np.zeros((25, 3))
    for n, name in enumerate(fragile.names):
        after = evaluate(town, services.some(label != name), before=found)
        for g, group in enumerate(town.groups):
            more = after.year_min(group) - found.year_min(group)
            lost = found.near(group) & ~after.near(group)
            most[:, g] = np.maximum(most[:, g], more)

            assert fragile.minutes[n, g] == pytest.approx(town.counts[:, g] @ more, rel=1e-9, abs=1e-7)
            assert fragile.unmet[n, g] == town.counts[lost, g].sum()
    assert np.allclose(most, fragile.worst_min, rtol=1e-9, atol=1e-9)
    assert sorted(set(label.tolist())) == fragile.names.tolist()


@given(st.integers(0, 10_000))
def test_redundancy_equals_counting(seed):
    """Operators near with each kind, counted by hand; sites are at least as many."""
    town = a_town(seed % 9, cells=10)
    services = some_services(town, seed, 20)
    found = evaluate(town, services)
    counted, sites = redundancy_of(found, group="new"), redundancy_of(found, group="new", by="site")
    suits = town.suitable(services, "new") & services.in_house
    for i in range(10):
        a, b = town.times.indptr[i : i + 2]
        near = town.times.site[a:b][town.times.seconds[a:b] <= town.threshold_s]
        for k, kind in enumerate(town.bundle.kinds):
            here = suits & np.isin(services.site, near) & (services.kind == kind)

            assert counted[i, k] == len(set(services.operator[here].tolist()))
    assert (sites >= counted).all()


def test_one_hub_is_the_most_fragile():
    """All in one place: closing it takes all; a second whole place, of another operator, takes the fragility."""
    town = a_town(sites=2, limit=6000)
    town = replace(town, bundle=replace(town.bundle, threshold_min=40.0))
    hub, twins = (services_at([j for j in sites for _ in range(4)], list(town.bundle.kinds) * len(sites))
                  for sites in ([0], [0, 1]))  # fmt: skip
    alone, two = (fragility_table(fragility_of(evaluate(town, s))) for s in (hub, twins))
    of = {(i, r["index"]): r["estimate"] for i, t in enumerate((alone, two)) for _, r in t.iterrows()
          if r["groups"] == "all"}  # fmt: skip

    assert of[0, "fragility_unmet:max"] == town.counts[evaluate(town, hub).near(), 0].sum()
    assert of[0, "fragility_minutes:max"] > of[1, "fragility_minutes:max"] >= of[1, "fragility_minutes:mean"] > 0
    assert of[0, "no_second_choice"] == town.counts[:, 0].sum() > of[1, "no_second_choice"]


def test_cells_for_maps_and_towns_without_services(four_cells):
    """Variables with what they mean; without services nothing can close, and nobody has a choice."""
    grid = SquareGrid(cell_size_m=1000)
    ids = four_cells["cell_id"].to_numpy()
    town = a_town(cells=4)
    town = replace(town, times=replace(town.times, cell_id=ids))
    cells = make_cells(grid, ids, {"all": town.persons[:, 0]}, {"all": Column()})
    fragile = fragility_of(evaluate(town, some_services(town, 3, 20)))
    found = fragility_cells(cells, fragile)
    empty = fragility_of(evaluate(town, services_at([], [])))

    assert values_of(found, "minutes_lost_site").tolist() == fragile.worst_min[:, 0].tolist()
    assert found["lost_with"].attrs["words"].split("|")[1:] == fragile.names.tolist()
    assert values_of(fragility_cells(cells, empty), "redundancy").tolist() == [0, 0, 0, 0]
    assert fragility_table(empty)["estimate"].tolist()[1:5] == [0, 0, 0, 0]
    with pytest.raises(SchemaError, match="not those of the town"):
        fragility_cells(four_cells, fragility_of(evaluate(a_town(), services_at([], []))))
    with pytest.raises(SchemaError, match="site or operator"):
        fragility_of(evaluate(town, services_at([], [])), by="town")
