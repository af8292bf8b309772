"""Areas across a border: no number without a declared reference, and the right one with it."""

import json

import numpy as np
import pytest

from civigrid.cells import make_cells, status_of, values_of
from civigrid.errors import SchemaError
from civigrid.grid import SquareGrid
from civigrid.layers.segregation import segregation_table
from civigrid.layers.segregation.reference import (
    check_reference,
    countries_of_zones,
    reference_cells,
    reference_table,
    relative_groups,
)
from civigrid.result_table import check_table
from civigrid.types import Column, Status

GRID = SquareGrid(cell_size_m=1000)
BIRTH = ["NAT", "EU_OTH", "OTH"]


def region(seed=0, n=200, border=False, alike=False):
    """Two countries side by side: few foreigners in the west, many in the east; a city across the border."""
    rng = np.random.default_rng(seed)
    east = np.arange(n) >= n // 2
    share = np.where(east[:, None], [0.5, 0.4, 0.1], [0.9, 0.06, 0.04])
    if not alike:
        share = np.array([rng.dirichlet(20 * s) for s in share])
    size = rng.integers(20, 300, n)
    counts = np.array([rng.multinomial(t, s) for t, s in zip(size, share, strict=True)]).astype(float)
    country = np.where(east, "LU", "FR").astype(object)
    if border:
        country[n // 2] = "FR-LU"
        country[0] = ""
    city = np.where(np.abs(np.arange(n) - n // 2) < 30, "city", np.where(east, "east", "west")).astype(object)
    ids = GRID.from_row_col(np.full(n, 3000), 4000 + np.arange(n))
    values = {g: counts[:, k] for k, g in enumerate(BIRTH)}
    return make_cells(GRID, ids, values, {g: Column() for g in BIRTH}, labels={"country": country, "city": city})


def test_an_area_across_a_border_needs_a_declared_reference():
    """The message names the area, its countries and the groups; what is declared, or means one thing, passes."""
    cells = region()

    with pytest.raises(SchemaError, match=r"area 'city' is reported by FR, LU.*NAT \(born in the reporting country\)"):
        check_reference(cells, BIRTH, zone="city")
    with pytest.raises(SchemaError, match="area 'all' is reported by FR, LU"):
        reference_table(cells, BIRTH)
    with pytest.raises(SchemaError, match="declare 'country' or 'whole'"):
        check_reference(cells, BIRTH, reference="town")
    with pytest.raises(SchemaError, match="'country', 'nothing'"):
        relative_groups(BIRTH, "town")
    assert check_reference(cells, BIRTH, zone="city", reference="whole") == {"city": ["FR", "LU"]}
    assert check_reference(cells, ["OTH"], zone="city") == {"city": ["FR", "LU"]}
    assert check_reference(cells, BIRTH, zone="city", relative_to="nothing") == {"city": ["FR", "LU"]}
    assert check_reference(cells, BIRTH, zone="country") == {}
    assert check_reference(cells.drop_vars("country"), BIRTH) == {}


def test_a_neighbour_that_reports_nothing_is_no_second_country():
    """A cell shared with a country outside the census is the other's alone."""
    cells = region()
    label = np.where(np.arange(200) % 50 == 0, "AL-EL", "EL").astype(object)
    cells = cells.assign(country=("cell", label, {"kind": "label"}))

    assert countries_of_zones(cells) == {"all": ["EL"]}
    assert check_reference(cells, BIRTH) == {}


def test_groups_of_any_name_can_be_declared_relative():
    """Names that nobody knows are declared: then the border matters."""
    cells = region().rename({"NAT": "here", "EU_OTH": "there", "OTH": "far"})

    assert check_reference(cells, ["here", "there", "far"]) == {"all": ["FR", "LU"]}
    with pytest.raises(SchemaError, match="here .declared relative"):
        check_reference(cells, ["here", "there", "far"], relative_to="country")


def test_divergence_from_the_country_is_its_definition():
    """Mean over persons of the divergence from the composition of the cell's own country, by hand."""
    cells = region()
    counts = np.stack([values_of(cells, g) for g in BIRTH], axis=1)
    country = cells["country"].to_numpy()
    city = cells["city"].to_numpy() == "city"
    total = 0.0
    for row, c in zip(counts[city], country[city], strict=True):
        own = counts[country == c].sum(axis=0)
        total += sum(x * np.log(x / row.sum() / (q / own.sum())) for x, q in zip(row, own, strict=True) if x > 0)
    table = check_table(reference_table(cells, BIRTH, zone="city", reference="country")).set_index("zone")

    assert table.loc["city", "estimate"] == pytest.approx(total / counts[city].sum(), abs=1e-12)
    assert json.loads(table.loc["city", "parameters"])["countries"] == ["FR", "LU"]
    assert "countries" not in json.loads(table.loc["east", "parameters"])


def test_divergence_from_the_whole_is_mutual_information():
    """One reference for all is M of the segregation table, its interval too."""
    cells = region()
    ours = reference_table(cells, BIRTH, zone="city", reference="whole").set_index("zone")
    theirs = segregation_table(cells, BIRTH, zone="city", indices=["M"]).set_index("zone").loc[ours.index]
    for column in ("estimate", "expected", "low", "high", "persons", "cells"):
        np.testing.assert_allclose(ours[column], theirs[column], rtol=1e-9, err_msg=column)


def test_without_segregation_within_countries_only_the_whole_diverges():
    """Two unlike countries, each even: nothing is left of the divergence from the country but chance."""
    cells = region(alike=True)
    own = reference_table(cells, BIRTH, reference="country").iloc[0]
    whole = reference_table(cells, BIRTH, reference="whole").iloc[0]

    assert own["low"] < 0 < own["high"]
    assert own["corrected"] == pytest.approx(0, abs=0.003)
    assert whole["corrected"] > 0.1


def test_cells_of_two_countries_and_of_none_are_told():
    """A shared cell is measured by the mean of both compositions; one without a country is left out and counted."""
    cells = region(border=True)
    added = reference_cells(cells, BIRTH, reference="country")
    told = json.loads(reference_table(cells, BIRTH, reference="country")["parameters"].iloc[0])
    zones = countries_of_zones(cells, zone="city")
    quotient = np.array([values_of(added, f"lq_from_country_{g}")[100] for g in BIRTH])
    share = np.array([values_of(cells, g)[100] for g in BIRTH])
    reference = share / share.sum() / quotient

    assert told["cells_without_country"] == 1
    assert np.isnan(values_of(added, "divergence_from_country")[0])
    assert zones == {"city": ["FR", "LU"], "east": ["LU"], "west": ["FR"]}
    assert reference.sum() == pytest.approx(1)
    assert 0.6 < reference[0] < 0.8


@pytest.mark.parametrize("reference", ["country", "whole"])
def test_the_map_averages_to_the_printed_value(reference):
    """Divergence by cell, weighted by residents, is the table's."""
    cells = region()
    added = reference_cells(cells, BIRTH, reference=reference)
    weight = values_of(added, "residents")
    printed = reference_table(cells, BIRTH, reference=reference)["estimate"].iloc[0]

    assert np.average(values_of(added, f"divergence_from_{reference}"), weights=weight) == pytest.approx(printed)
    assert f"lq_from_{reference}_OTH" in added


def test_a_confidential_cell_leaves_a_reason():
    """Where a count is hidden, so is what rests on it, with the reason."""
    cells = region(n=20)
    values = {g: values_of(cells, g).copy() for g in BIRTH}
    values["OTH"][3] = np.nan
    codes = np.zeros(20, dtype=np.uint8)
    codes[3] = Status.CONFIDENTIAL
    labels = {"country": cells["country"].to_numpy()}
    about = {g: Column() for g in BIRTH}
    hidden = make_cells(GRID, cells["cell_id"].to_numpy(), values, about, status={"OTH": codes}, labels=labels)
    added = reference_cells(hidden, BIRTH, reference="country")

    assert status_of(added, "divergence_from_country")[3] == Status.CONFIDENTIAL
    assert status_of(added, "residents")[3] == Status.CONFIDENTIAL
