"""Tables of pattern: published values through the door, zones, chance, hexagons, and every refusal."""

import json

import numpy as np
import pandas as pd
import pytest
from patterns import pattern

from civigrid.cells import ids_of, make_cells
from civigrid.errors import SchemaError, UnknownNameError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.layers.segregation.pattern.indices import PATTERNS
from civigrid.layers.segregation.pattern.places import Centres, PatternOptions
from civigrid.layers.segregation.pattern.table import pattern_table
from civigrid.layers.segregation.sources import SOURCES
from civigrid.release import min_count, release
from civigrid.result_table import check_table
from civigrid.types import Column, Status

GRID = SquareGrid(cell_size_m=1000)
ABOUT = {"a": Column(), "b": Column()}
NAMES = [index.name for index in PATTERNS]


def square_cells(counts, row, col, **more):
    values = {"a": counts[:, 0], "b": counts[:, 1]} | more
    about = ABOUT | {name: Column(units="m2") for name in more}
    return make_cells(GRID, GRID.from_row_col(3000 + row, 4000 + col), values, about)


def town(seed=0, n=60, side=12, **more):
    rng = np.random.default_rng(seed)
    row, col = np.divmod(rng.choice(side * side, n, replace=False), side)
    return square_cells(rng.integers(1, 60, (n, 2)).astype(float), row, col, **more)


def estimates(cells, group="a", column="estimate", **asked):
    asked = {"decay_m": 1000.0} | asked
    table = pattern_table(cells, ["a", "b"], **asked)
    table = table[(table["zone"] == "all") & (table["groups"] == group)]
    return table.set_index("index")[column]


PRINTED = {
    "A": {"ACL": 0.663637, "SP": 1.663637, "D_adj": 0.944444, "D_w": 0.944444, "D_s": 0.947222, "Delta": 0.75},
    "B": {"ACL": 0.257269, "SP": 1.262826, "D_adj": 0.827778, "D_w": 0.827778, "D_s": 0.8375, "Delta": 0.75},
    "C": {"ACL": 0.022112, "SP": 1.022112, "D_adj": 0.5, "D_w": 0.5, "D_s": 0.538889, "Delta": 0.75},
    "D": {"ACL": 0.463648, "SP": 1.463544, "D_adj": 0.789327, "D_w": 0.789327, "D_s": 0.792105, "Delta": 0.64},
    "I": {"ACL": 0, "SP": 1, "D_adj": 0, "D_w": 0, "D_s": 0, "Delta": 0},
}


@pytest.mark.parametrize("name", PRINTED)
def test_published_patterns(name):
    """Cells of 1 km, a decay length of 1 km: the printed digits; contiguity and corners by their options."""
    cells = square_cells(*pattern(name))
    found = estimates(cells)
    queen = estimates(cells, options=PatternOptions(proximity="rook", contiguity="queen"))
    zero = estimates(cells, self_distance=0.0)

    for index, value in PRINTED[name].items():
        assert found[index] == pytest.approx(value, abs=5e-7), index
    assert queen["ACL"] == pytest.approx(
        {"A": 0.884058, "B": 0.636364, "C": -0.043478, "D": 0.601209, "I": 0}[name], abs=5e-7
    )
    assert queen["D_adj"] == pytest.approx(
        {"A": 0.921053, "B": 0.777778, "C": 0.5, "D": 0.767544, "I": 0}[name], abs=5e-7
    )
    rcl, dpxx = {"A": (1.502004, 0.788235), "B": (0.744187, 0.514824), "C": (0.279922, 0.338849),
                 "D": (1.205525, 0.634093), "I": (0, 0.5)}[name]  # fmt: skip
    np.testing.assert_allclose(zero[["RCL", "DPxx"]], [rcl, dpxx], atol=5e-7)


def test_a_table_has_every_index_for_every_group():
    """One schema, each index with its source, settings and people; DPxx and DPxy share out one meeting."""
    table = check_table(pattern_table(town(), ["a", "b"], decay_m=1500))
    first = json.loads(table.loc[0, "parameters"])

    assert list(table["index"]) == 2 * NAMES
    assert first["decay_m"] == 1500
    assert first["self_distance"] == 0.6
    assert "contiguity" not in first
    assert (table["cells"] == 60).all()
    by_name = table[table["groups"] == "a"].set_index("index")["estimate"]
    assert by_name["DPxx"] + by_name["DPxy"] == pytest.approx(1, abs=1e-12)
    assert ((table["low"] <= table["corrected"]) & (table["corrected"] <= table["high"])).all()


def test_a_zone_is_what_it_would_be_alone():
    """Each zone has the figures of a table of its own cells, and zones come by name."""
    cells = town()
    east = GRID.row_col(ids_of(cells))[1] % 12 >= 6
    cells = cells.assign(side=("cell", np.where(east, "east", "west").astype(object), {"kind": "label"}))
    table = pattern_table(cells, ["a", "b"], zone="side", decay_m=900.0)
    alone = pattern_table(cells.isel(cell=np.flatnonzero(east)), ["a", "b"], decay_m=900.0)

    found = table[table["zone"] == "east"].reset_index(drop=True).drop(columns=["zone", "parameters"])
    pd.testing.assert_frame_equal(alone.drop(columns=["zone", "parameters"]), found, rtol=1e-12)
    assert list(table["zone"].unique()) == ["all", "east", "west"]


def test_empty_and_unknown_cells_change_nothing():
    """Cells without residents are no neighbours and no ground; cells with a missing count are left out, and counted."""
    cells = town(3)
    row, col = GRID.row_col(ids_of(cells))
    free = [k for k in range(144) if not ((row % 3000 == k // 12) & (col % 4000 == k % 12)).any()]
    new = GRID.from_row_col(3000 + np.array(free) // 12, 4000 + np.array(free) % 12)
    pad = np.zeros(len(new))
    hidden = np.where(np.arange(len(new)) < 5, Status.CONFIDENTIAL, Status.OK).astype(np.uint8)
    lost = np.where(hidden == Status.CONFIDENTIAL, np.nan, pad)
    values = {g: np.concatenate([cells[g].values, v]) for g, v in (("a", lost), ("b", pad))}
    status = {"a": np.concatenate([np.zeros(60, dtype=np.uint8), hidden])}
    padded = make_cells(GRID, np.concatenate([ids_of(cells), new]), values, ABOUT, status=status)

    np.testing.assert_allclose(estimates(padded), estimates(cells), rtol=1e-12)
    told = json.loads(pattern_table(padded, ["a", "b"], indices=["Delta"]).loc[0, "parameters"])
    assert told["left_out_cells"] == 5


@pytest.mark.parametrize("seed", range(3))
def test_chance_is_taken_out(seed):
    """People drawn at random: every corrected value lies near its even one, most intervals hold it, p is no finding."""
    rng = np.random.default_rng(seed)
    row, col = np.divmod(np.arange(400), 20)
    size = rng.integers(3, 40, 400)
    x = rng.binomial(size, 0.2).astype(float)
    table = pattern_table(square_cells(np.column_stack([x, size - x]), row, col), ["a", "b"], decay_m=1000)
    own = table[table["groups"] == "a"].set_index("index")
    share = x.sum() / size.sum()
    neutral = {"RCL": 0, "SP": 1, "DPxx": share, "DPxy": 1 - share, "RCO": 0, "RCE": 0, "D_adj": 0, "D_w": 0, "D_s": 0}
    held = [own.loc[n, "low"] <= v <= own.loc[n, "high"] for n, v in neutral.items()]

    assert sum(held) >= 7
    assert own.loc["SP", "estimate"] > 1 < own.loc["SP", "expected"]
    p = [json.loads(t)["p"] for t in own.loc[["D_adj", "D_w", "D_s"], "parameters"]]
    assert min(p) > 0.02
    assert json.loads(own.loc["D_adj", "parameters"])["simulations"] == 99


def test_simulated_expectations_are_seeded_and_order_free():
    """The same seed gives the same bytes; another seed another draw; p is (b + 1) / (B + 1)."""
    cells = square_cells(*pattern("A"))
    one, again = (pattern_table(cells, ["a", "b"], indices=["D_adj"]) for _ in range(2))
    other = pattern_table(cells, ["a", "b"], indices=["D_adj"], options=PatternOptions(seed=5, simulations=19))

    pd.testing.assert_frame_equal(one, again)
    assert other.loc[0, "expected"] != one.loc[0, "expected"]
    assert json.loads(one.loc[0, "parameters"])["p"] == 0.01
    assert json.loads(other.loc[0, "parameters"])["p"] == 0.05


def test_interpolated_counts_are_not_corrected():
    """Estimates of cells lack the scatter of counted people: nothing is expected of chance, and the reason is told."""
    cells = town()
    guessed = np.full(60, Status.IMPUTED, dtype=np.uint8)
    values = {g: cells[g].values for g in "ab"}
    cells = make_cells(GRID, ids_of(cells), values, ABOUT, status=dict.fromkeys("ab", guessed))
    table = pattern_table(cells, ["a", "b"], decay_m=1000)

    assert table["expected"].isna().all()
    assert table["corrected"].isna().all()
    assert "interpolated" in json.loads(table.loc[0, "parameters"])["no_correction"]


def test_noise_widens_intervals_and_lowers_corrected_clustering():
    """Declared noise enters the expectation of exposure and the interval of all."""
    plain, noisy = (pattern_table(town(), ["a", "b"], decay_m=1000, noise_variance=v) for v in (None, 20.0))
    width = (noisy["high"] - noisy["low"]) - (plain["high"] - plain["low"])
    at = list(plain["index"]).index("DPxx")

    assert (width >= -1e-12).all()
    assert noisy.loc[at, "expected"] > plain.loc[at, "expected"]
    assert noisy.loc[at, "estimate"] == plain.loc[at, "estimate"]


def test_centres():
    """A block is central by its own corner, remote from the far one; two centres, weights, and densest cells."""
    cells = square_cells(*pattern("A"))
    corner = {"near": [4_009_500.0, 3_009_500.0], "far": [4_000_500.0, 3_000_500.0]}
    given = {k: estimates(cells, centres=Centres([v]))[["ACE", "RCE"]] for k, v in corner.items()}
    both = estimates(cells, centres=Centres(list(corner.values())))["RCE"]
    pulled = estimates(cells, centres=Centres(list(corner.values()), weights=[9.0, 1.0]))["RCE"]

    assert (given["near"] > 0.5).all()
    assert (given["far"] < -0.5).all()
    assert given["far"]["RCE"] < both < pulled < given["near"]["RCE"] + 1e-12
    middle = estimates(cells)["RCE"]
    assert estimates(cells, centres=Centres([[4_005_000.0, 3_005_000.0]]))["RCE"] == pytest.approx(middle, abs=1e-12)
    dense = square_cells(*town_with_a_dense_corner())
    assert estimates(dense, centres="densest")["RCE"] > 0.5


def town_with_a_dense_corner():
    counts, row, col = pattern("A")
    counts[(row == 9) & (col == 9)] *= 5
    return counts, row, col


def test_centres_given_as_points_are_moved_to_the_grid():
    """Points in degrees find their place on a metric grid."""
    import geopandas as gpd

    cells = square_cells(*pattern("A"))
    place = gpd.GeoSeries.from_xy([4_009_500.0], [3_009_500.0], crs="EPSG:3035")
    asked = {"indices": ["RCE"]}
    expected = estimates(cells, centres=Centres([[4_009_500.0, 3_009_500.0]]), **asked)["RCE"]

    assert estimates(cells, centres=Centres(place.to_crs(4326)), **asked)["RCE"] == pytest.approx(expected, abs=1e-9)


def test_ground_where_people_can_live():
    """Delta and ACO on residential ground: 0 where people live by it; a cell of people without ground is refused."""
    counts, row, col = pattern("B")
    ground = 1.0 + counts[:, 0]
    cells = square_cells(counts, row, col, homes=ground)

    assert estimates(cells, area="homes", indices=["Delta"])["Delta"] < 0.05
    assert estimates(cells, indices=["Delta"])["Delta"] == pytest.approx(0.75)
    with pytest.raises(SchemaError, match="where people live"):
        estimates(square_cells(counts, row, col, homes=counts[:, 0]), area="homes")


def surface(grid, ids, centre):
    """A town whose group lives in its east, from one smooth surface of people per km2."""
    from pyproj import Transformer

    xy = grid.centre(ids)
    if grid.crs != "EPSG:3035":
        xy = np.column_stack(Transformer.from_crs(grid.crs, "EPSG:3035", always_xy=True).transform(*xy.T))
    dx, dy = (xy - centre).T / 1000
    people = 400 * np.exp(-(dx**2 + dy**2) / 30) * grid.area_km2(ids)
    inside = dx**2 + dy**2 < 150
    share = 1 / (1 + np.exp(-dx))
    return make_cells(grid, ids[inside], {"a": (share * people)[inside], "b": ((1 - share) * people)[inside]}, ABOUT)


def test_hexagons_and_squares_agree_on_one_surface():
    """True distances and areas on H3: all that space decides lies within 2 % of squares."""
    from pyproj import Transformer

    centre = np.array([4_321_000.0, 3_210_000.0])
    side = np.arange(-40, 40)
    squares = SquareGrid(cell_size_m=500)
    ids = np.sort(squares.from_row_col(*(v.ravel() for v in np.meshgrid(6420 + side, 8642 + side))))
    points = np.column_stack([v.ravel() for v in np.meshgrid(*(c + 250.0 * np.arange(-56, 56) for c in centre))])
    degrees = np.column_stack(Transformer.from_crs(3035, 4326, always_xy=True).transform(*points.T))
    hexagons = H3Grid(8)
    asked = {"decay_m": 2000.0, "options": PatternOptions(simulations=19),
             "indices": ["SP", "RCL", "DPxx", "ACE", "RCE", "Delta", "ACO", "RCO", "D_w"]}  # fmt: skip
    on_squares = estimates(surface(squares, ids, centre), **asked)
    on_hexagons = estimates(surface(hexagons, np.unique(hexagons.cell_at(degrees)), centre), **asked)

    # the centre of people lies on the axis of the town on both; RCE differs by nothing but the lattice
    np.testing.assert_allclose(on_hexagons, on_squares, rtol=0.02, atol=0.006)


def test_boundaries_of_hexagons():
    """Six neighbours, common sides that make up the perimeter inside, and touching by corners is nothing new."""
    from civigrid.layers.segregation.pattern.places import borders_of

    grid = H3Grid(8)
    middle = grid.cell_at(np.array([[13.4, 52.5]]))
    ids = np.unique(np.concatenate([middle, grid.ring(middle, 1).ravel(), grid.ring(middle, 2).ravel()]))
    borders = borders_of(grid, ids, "rook")
    at = int(np.searchsorted(ids, middle)[0])

    assert np.sum(borders.first == at) + np.sum(borders.second == at) == 6
    assert borders.inner_perimeter[at] == pytest.approx(borders.perimeter[at], rel=1e-9)
    assert (borders.length > 300).all()
    assert len(borders.first) == len(borders_of(grid, ids, "queen").first) == 42


def test_refusals():
    """Each wrong question is told what to ask."""
    cells = town()
    with pytest.raises(UnknownNameError, match="unknown index 'Dela'.*Delta"):
        pattern_table(cells, ["a", "b"], indices=["Dela"])
    with pytest.raises(SchemaError, match="clustering needs decay_m"):
        pattern_table(cells, ["a", "b"])
    with pytest.raises(SchemaError, match="two groups at least"):
        pattern_table(cells, ["a"], decay_m=1000)
    with pytest.raises(SchemaError, match="is no label"):
        pattern_table(cells, ["a", "b"], zone="country", indices=["Delta"])
    with pytest.raises(SchemaError, match="suppressed in"):
        pattern_table(release(cells, min_count(20)).data, ["a", "b"], indices=["Delta"])
    with pytest.raises(UnknownNameError, match="unknown centre"):
        pattern_table(cells, ["a", "b"], indices=["ACE"], centres="middle")
    with pytest.raises(SchemaError, match="centres must be finite places"):
        pattern_table(cells, ["a", "b"], indices=["ACE"], centres=Centres([1.0, 2.0]))
    with pytest.raises(UnknownNameError, match="unknown proximity"):
        PatternOptions(proximity="bishop")
    with pytest.raises(SchemaError, match="fewer than 19"):
        PatternOptions(simulations=5)


def test_nobody_and_one_side_only():
    """No residents: no rows; a group without members: no value, and the reason."""
    row = np.arange(4)
    empty = square_cells(np.zeros((4, 2)), row, row)
    lonely = pattern_table(square_cells(np.column_stack([0.0 * row, row + 1.0]), row, row), ["a", "b"], decay_m=1000)
    own = lonely[lonely["groups"] == "a"]

    assert pattern_table(empty, ["a", "b"], decay_m=1000).empty
    assert own["estimate"].isna().all()
    assert all("one side is empty" in json.loads(t)["undefined"] for t in own["parameters"])


@pytest.mark.parametrize("index", PATTERNS, ids=NAMES)
def test_every_index_declares_itself(index):
    """A declaration has plain words, a formula, a source with a year and the settings it depends on."""
    assert SOURCES[index.source].bibtex().startswith("@")
    assert index.title
    assert index.formula
    assert index.parameters
