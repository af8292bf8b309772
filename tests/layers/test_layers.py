"""Layers: local parts sum to the whole, refusals, and brute force beside every measure."""

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from civigrid.cells import ids_of, make_cells, status_of, values_of
from civigrid.errors import SchemaError, UnknownNameError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.layers.onestop import Bundle, bundle_cells, bundle_table, places_of
from civigrid.layers.reach import catchments, reach_table, representation
from civigrid.layers.segregation import INDICES, segregation_cells, segregation_table
from civigrid.release import min_count, release
from civigrid.result_table import check_table
from civigrid.travel import StraightLine, straight_line_times
from civigrid.types import Column, Status

GRID = SquareGrid(cell_size_m=200)
KINDS = ("doctor", "library", "school")


def town(seed=0, n=60):
    rng = np.random.default_rng(seed)
    row, col = np.unravel_index(rng.choice(400, n, replace=False), (20, 20))
    values = {g: rng.integers(0, 60, n).astype(float) for g in ("a", "b", "c")}
    values["total"] = np.sum(list(values.values()), axis=0)
    about = {g: Column(part_of="total") for g in ("a", "b", "c")} | {"total": Column()}
    zone = np.where(col < 10, "west", "east")
    return make_cells(GRID, GRID.from_row_col(15_000 + row, 20_000 + col), values, about, labels={"zone": zone})


def test_local_parts_sum_to_the_printed_index():
    """What the cells add is the D of each group and the H of all."""
    cells = town()
    table = segregation_table(cells, ["a", "b", "c"]).set_index(["index", "groups"])["estimate"]
    local = segregation_cells(cells, ["a", "b", "c"])

    for group in ("a", "b", "c"):
        assert float(local[f"adds_to_D_{group}"].sum()) == pytest.approx(table["D", group], abs=1e-12)
    assert float(local["adds_to_H"].sum()) == pytest.approx(table["H_multi", "a|b|c"], abs=1e-12)
    shares = sum(values_of(local, f"share_{g}") for g in ("a", "b", "c"))
    np.testing.assert_allclose(shares[values_of(local, "residents") > 0], 1.0)


def test_a_confidential_group_leaves_a_reason_beside_every_local_measure():
    """Where a group is hidden, shares are hidden too and say so; where nobody lives they are merely undefined."""
    ids = GRID.from_row_col(np.full(3, 15_000), np.arange(20_000, 20_003))
    values = {"a": [3.0, np.nan, 0.0], "b": [7.0, 5.0, 0.0]}
    hidden = np.array([Status.OK, Status.CONFIDENTIAL, Status.OK], dtype=np.uint8)
    about = {"a": Column(), "b": Column()}
    local = segregation_cells(make_cells(GRID, ids, values, about, status={"a": hidden}), ["a", "b"])

    for name in ("residents", "share_a", "lq_a", "diversity", "adds_to_D_a"):
        assert status_of(local, name).tolist()[1:] == [Status.CONFIDENTIAL, Status.OK], name
    assert np.isnan(values_of(local, "share_a")).tolist() == [False, True, True]


def test_a_zone_is_what_the_zone_alone_would_be():
    """The grouped pass gives each zone the figures of its own cells."""
    cells = town()
    grouped = segregation_table(cells, ["a", "b"], zone="zone")
    west = cells.isel(cell=np.flatnonzero(cells["zone"].values == "west"))
    alone = segregation_table(west, ["a", "b"])

    expected = alone.drop(columns=["zone", "parameters"])
    found = grouped[grouped["zone"] == "west"].drop(columns=["zone", "parameters"])
    pd.testing.assert_frame_equal(expected, found.reset_index(drop=True))
    assert check_table(grouped) is grouped


def test_correction_lies_below_and_chance_is_taken_out():
    """People allocated at random: the corrected D is about 0, its interval holds 0, and it is flagged."""
    rng = np.random.default_rng(11)
    total = rng.integers(5, 40, 400)
    a = rng.binomial(total, 0.2).astype(float)
    row, col = np.divmod(np.arange(400), 20)
    cells = make_cells(
        GRID, GRID.from_row_col(15_000 + row, 20_000 + col), {"a": a, "b": total - a}, {"a": Column(), "b": Column()}
    )
    found = segregation_table(cells, ["a", "b"]).set_index(["index", "groups"])

    assert found.loc[("D", "a"), "estimate"] > 0.15
    assert abs(found.loc[("D", "a"), "corrected"]) < 0.05
    assert found.loc[("D", "a"), "low"] < 0 < found.loc[("D", "a"), "high"]
    assert json.loads(found.loc[("D", "a"), "parameters"])["unreliable"] is True


def test_cells_with_a_missing_group_are_left_out_and_counted():
    """A cell whose group is withheld counts in no index, and the row says how many."""
    cells = town()
    status = np.full(60, Status.OK, dtype=np.uint8)
    status[:7] = Status.CONFIDENTIAL
    a = np.where(status == Status.CONFIDENTIAL, np.nan, values_of(cells, "a"))
    cells = make_cells(
        GRID, ids_of(cells), {"a": a, "b": values_of(cells, "b")}, {"a": Column(), "b": Column()}, status={"a": status}
    )
    row = segregation_table(cells, ["a", "b"], indices=["D"]).iloc[0]

    assert json.loads(row["parameters"])["left_out_cells"] == 7
    assert row["cells"] <= 53


def test_a_suppressed_table_is_refused():
    """An index of what disclosure control left over would be silently wrong."""
    with pytest.raises(SchemaError, match="suppressed in"):
        segregation_table(release(town(), min_count(20)).data, ["a", "b", "c"])


def test_unknown_indices_zones_and_lonely_groups():
    """Each wrong question is told what to ask."""
    with pytest.raises(UnknownNameError, match="unknown index 'Q'"):
        segregation_table(town(), ["a", "b"], indices=["Q"])
    with pytest.raises(SchemaError, match="is no label"):
        segregation_table(town(), ["a", "b"], zone="district")
    with pytest.raises(SchemaError, match="two groups at least"):
        segregation_table(town(), ["a"])
    assert "rest" in segregation_table(town(), ["a"], total="total", indices=["D_multi"]).loc[0, "groups"]


@pytest.mark.parametrize("name", sorted(INDICES))
def test_every_index_declares_its_source(name):
    """A declaration has plain words and a source with a year."""
    index = INDICES[name]

    assert any(c.isdigit() for c in index.source)
    assert index.title


def sites(seed=0, n=14):
    rng = np.random.default_rng(seed)
    at = rng.uniform([4_000_000, 3_000_000], [4_004_000, 3_004_000], (n, 2))
    kind = np.array([KINDS[k % 3] for k in range(n)])
    return gpd.GeoSeries(shapely.points(at), [f"s{k}" for k in range(n)], crs="EPSG:3035"), kind, at


def access(seed, same_place_m=500.0, threshold=15.0, n=14, kinds=KINDS):
    cells = town(seed)
    points, kind, at = sites(seed, n)
    times = straight_line_times(GRID, ids_of(cells), points, options=StraightLine(limit_min=60))
    bundle = Bundle(kinds=kinds, threshold_min=threshold)
    return bundle_cells(cells, times, kind, places_of(at, same_place_m), bundle, total="total"), times, kind, at


@pytest.mark.parametrize("seed", range(5))
def test_bundles_agree_with_brute_force(seed):
    """Nearest, best place and complete place equal loops over every cell, place and site."""
    made, times, kind, at = access(seed)
    place = places_of(at, 500.0)
    centre = GRID.centre(ids_of(made))
    for i in range(0, len(centre), 7):
        metres = np.maximum(np.hypot(*(at - centre[i]).T), 0.3826 * 200)
        minutes = np.rint(metres * 1.3 / (4.8 / 3.6)) / 60
        minutes[minutes > 60] = np.inf
        for k in KINDS:
            expected = minutes[kind == k].min()
            assert (values_of(made, f"minutes_{k}")[i] == pytest.approx(expected)) or not np.isfinite(expected)
        by_place = [
            [minutes[(place == p) & (kind == k)].min(initial=np.inf) for k in KINDS] for p in range(place.max() + 1)
        ]
        complete = min(max(p) for p in by_place)
        share = max(np.mean(np.array(p) <= 15) for p in by_place)
        assert values_of(made, "share_at_one_place")[i] == pytest.approx(share)
        stop = values_of(made, "minutes_one_stop")[i]
        assert stop == pytest.approx(complete) if np.isfinite(complete) else np.isnan(stop)
    assert "straight line" in times.mode


def test_one_service_makes_one_stop_equal_to_separate():
    """A bundle of one kind saves nothing."""
    made = access(1, kinds=("doctor",))[0]
    saved = values_of(made, "minutes_saved")

    np.testing.assert_allclose(saved[~np.isnan(saved)], 0.0, atol=1e-12)


@given(st.integers(0, 50))
def test_more_time_and_more_sites_never_hurt(seed):
    """The share at one place grows with the threshold; another site never lengthens a way."""
    few, many = access(seed, n=9)[0], access(seed, n=14)[0]
    longer = access(seed, threshold=30.0)[0]

    assert (values_of(longer, "share_at_one_place") >= values_of(many, "share_at_one_place")).all()
    assert not (values_of(many, "minutes_doctor") > values_of(few, "minutes_doctor")).any()


def test_access_table_counts_people():
    """Persons beyond the threshold are those of the cells beyond it."""
    made, times, _, _ = access(2)
    table = bundle_table(made, Bundle(kinds=KINDS), ["a"], total="total", mode=times.mode).set_index(
        ["index", "groups"]
    )
    beyond = ~(values_of(made, "minutes_library") <= 15)

    assert table.loc[("beyond:library", "a"), "estimate"] == values_of(made, "a")[beyond].sum()
    assert table.loc[("share_beyond:library", "total"), "estimate"] <= 1


def test_access_refuses_strangers():
    """Kinds nobody offers, and times of other cells, are told."""
    cells = town()
    points, kind, at = sites()
    times = straight_line_times(GRID, ids_of(cells), points)

    with pytest.raises(SchemaError, match="no site is of kind bank"):
        bundle_cells(cells, times, kind, places_of(at, 100.0), Bundle(kinds=("bank",)), total="total")
    with pytest.raises(SchemaError, match="do not start from these cells"):
        catchments(cells.isel(cell=slice(3)), times, ["total"], 15)
    points.iloc[2] = None
    with pytest.raises(SchemaError, match="1 sites have no place"):
        straight_line_times(GRID, ids_of(cells), points)


@pytest.mark.parametrize(("lon", "lat"), [(13.4, 52.5), (-51.2, -30.0), (14.4, 35.9)])
def test_times_on_hexagons_are_those_of_their_centres(lon, lat):
    """Distances on H3 are those on the ground between true centres, on any continent."""
    grid = H3Grid(9)
    cell = np.sort(grid.cell_at(np.array([[lon, lat], [lon + 0.01, lat + 0.01]])))
    site = gpd.GeoSeries([shapely.Point(lon + 0.02, lat)], ["x"], crs="EPSG:4326")
    times = straight_line_times(grid, cell, site)
    centre = grid.centre(cell)
    metres = pyproj.Geod(ellps="WGS84").inv(*centre.T, np.full(2, lon + 0.02), np.full(2, lat))[2]

    # a sphere is within 0.5 % of the ellipsoid
    np.testing.assert_allclose(times.seconds, metres * 1.3 / (4.8 / 3.6), rtol=0.005)


def test_representation_reproduces_the_reference():
    """3 of 100 and 30 of 1,000 where 31 % live: ratio 0.097 with its exact intervals; 280 or 406 are missing."""
    few, many = representation(3, 100, 0.31), representation(30, 1000, 0.31)

    assert 0.097 == round(few.ratio, 3) == round(many.ratio, 3)
    assert (round(few.low, 2), round(few.high, 2)) == (0.02, 0.27)
    assert (round(many.low, 3), round(many.high, 3)) == (0.066, 0.137)
    assert (round(many.shortfall), round(many.added)) == (280, 406)
    assert representation(0, 50, 0.3).low == 0.0
    assert representation(50, 50, 0.3).high == pytest.approx(1 / 0.3)


def test_reach_refuses_what_is_too_few():
    """Too few users: no ratio, and the reason; unknown sites are an error."""
    cells = town()
    points, _, _ = sites()
    times = straight_line_times(GRID, ids_of(cells), points)
    users = pd.DataFrame({"site_id": ["s0", "s0", "s1", "s1"], "group": ["a", "b", "a", "b"], "users": [3, 4, 80, 120]})
    table = reach_table(cells, times, users, ["a", "b"], total="total").set_index(["zone", "index", "groups"])

    assert np.isnan(table.loc[("s0", "representation", "a"), "estimate"])
    assert "fewer than 30 users" in table.loc[("s0", "representation", "a"), "parameters"]
    assert table.loc[("s1", "representation", "a"), "low"] < table.loc[("s1", "representation", "a"), "estimate"]
    near = catchments(cells, times, ["total", "a"], 15.0)[1]
    assert table.loc[("s1", "representation", "a"), "estimate"] == pytest.approx(0.4 / (near[1] / near[0]))
    with pytest.raises(SchemaError, match="sites of the users' table are unknown"):
        reach_table(cells, times, users.assign(site_id="zz"), ["a"], total="total")


def test_interpolated_counts_are_not_corrected_for_chance():
    """Cells spread from areas lack the scatter of counted people: nothing is corrected, and the reason is told."""
    cells = town()
    imputed = np.full(60, Status.IMPUTED, dtype=np.uint8)
    values = {g: values_of(cells, g) for g in ("a", "b")}
    status = {g: np.where(v == 0, Status.OBSERVED_ZERO, imputed).astype(np.uint8) for g, v in values.items()}
    spread = make_cells(GRID, ids_of(cells), values, {"a": Column(), "b": Column()}, status=status)
    row = segregation_table(spread, ["a", "b"], indices=["D"]).iloc[0]

    assert np.isnan(row["expected"])
    assert np.isnan(row["corrected"])
    assert row["low"] < row["estimate"] < row["high"]
    assert "interpolated" in row["parameters"]
