"""Pyramids: which cells at which zoom, what stands on parents, and that no hidden value comes out of them."""

import json

import h3
import numpy as np
import pytest
from tile_reader import KM, decode, features_of, town

from civigrid.cells import grid_of, ids_of, make_cells, status_of, values_of
from civigrid.engine.execute import Scheduler
from civigrid.errors import SchemaError, UnknownNameError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.kernels.aggregate import Pairs
from civigrid.release import min_count, public_grid, release
from civigrid.release.overviews import Rule, inputs, overview, parents, rule_of
from civigrid.tiles import TileOptions, make_tiles, scheme_named, vector
from civigrid.tiles.levels import cell_ids, feature_ids, plan_levels
from civigrid.tiles.schemes import SCHEMES
from civigrid.tiles.values import values_table
from civigrid.types import Column, Status

SERIAL = Scheduler("serial")


def made_of(cells, profile=None, **options):
    """Tiles of cells, made in this thread."""
    return make_tiles(release(cells, profile or public_grid()), TileOptions(**options), SERIAL)


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
@pytest.mark.parametrize("grid", [KM, SquareGrid(cell_size_m=100), SquareGrid(cell_size_m=250), H3Grid(8), H3Grid(0)])
def test_levels_fill_all_zooms_and_end_with_the_cells(grid, scheme):
    """Each zoom has one level, finer ones below, every size a multiple; the finest is at the two deepest zooms."""
    levels = plan_levels(grid, scheme_named(scheme))
    zooms = [z for a in levels for z in range(a.min_zoom, a.max_zoom + 1)]

    assert zooms == list(range(levels[-1].max_zoom + 1))
    assert levels[-1].grid == grid
    assert levels[-1].max_zoom - levels[-1].min_zoom >= min(1, levels[-1].max_zoom)
    assert len({a.layer for a in levels}) == len(levels)


def test_zooms_can_be_chosen():
    """Fewer zooms leave finer cells out; more repeat them; impossible ones are refused."""
    scheme = scheme_named("WebMercatorQuad")
    all_of = plan_levels(KM, scheme)
    few, more = plan_levels(KM, scheme, min_zoom=3, max_zoom=5), plan_levels(KM, scheme, max_zoom=12)

    assert (few[0].min_zoom, few[-1].max_zoom) == (3, 5)
    assert few[-1].grid in [a.grid for a in all_of[:-1]]
    assert (more[-1].grid, more[-1].max_zoom) == (KM, 12)
    for low, high in ((5, 3), (-1, 4), (0, 40)):
        with pytest.raises(SchemaError, match="zoom"):
            plan_levels(KM, scheme, min_zoom=low, max_zoom=high)


@pytest.mark.parametrize("grid", [KM, SquareGrid(cell_size_m=100), H3Grid(0), H3Grid(8), H3Grid(15)])
def test_ids_of_features_lead_back_to_cells(grid):
    """Whole numbers below 2**53, one for each cell, and the cell id follows from them."""
    points = np.array([[9.1, 48.7], [16.3, 48.2], [9.1003, 48.7001]])
    ids = np.unique(
        grid.cell_at(points if isinstance(grid, H3Grid) else points * 0 + [[4.3e6, 3.1e6], [5e6, 2e6], [4.4e6, 3e6]])
    )
    found = feature_ids(grid, ids)

    assert cell_ids(grid, found).tolist() == ids.tolist()
    assert len(np.unique(found)) == len(ids)
    assert (found < 2**53).all()


def test_parents_stand_for_their_cells():
    """Counts add up, a rate is the mean by its weight, an index without weight is on no parent."""
    cells = town()
    made = made_of(cells)
    for table in made.tables[:-1]:
        ids, row = parents(grid_of(cells), ids_of(cells), table.level.grid)
        total, share = values_of(cells, "total"), values_of(cells, "share")
        mass = np.bincount(row, total)
        mean = np.bincount(row, np.nan_to_num(share) * total) / np.where(mass > 0, mass, np.nan)

        assert table.ids.tolist() == ids.tolist()
        assert np.array_equal(table.values["total"].values, mass)
        np.testing.assert_allclose(table.values["share"].values, mean)
        assert "index" not in table.values
    assert made.totals == {"total": True, "part": True}


def test_tiles_carry_the_values_of_their_level():
    """Counts are whole numbers, rates have four decimals, a missing value is absent and its status says why."""
    cells = town()
    made = made_of(cells)
    found = features_of(made, made.contents.max_zoom)
    fid = feature_ids(KM, ids_of(cells)).tolist()

    assert sorted(found) == sorted(fid)
    for k, of in enumerate(fid):
        about, part, share = found[of], values_of(cells, "part")[k], values_of(cells, "share")[k]
        assert about["total"] == values_of(cells, "total")[k]
        assert isinstance(about["total"], int)
        if np.isnan(part):
            assert "part" not in about
            assert about["part_status"] == "confidential"
        else:
            assert (about["part"], about.get("part_status")) == (part, None)
        assert about.get("share") == (None if np.isnan(share) else round(share, 4))


def test_a_parent_with_a_missing_part_says_that_it_is_partial():
    """The sum of the others, and the word for it."""
    made = made_of(town())
    coarsest = features_of(made, 0)

    assert {of["part_status"] for of in coarsest.values()} == {"partial"}


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_no_parent_less_its_children_gives_a_hidden_count(scheme):
    """A red team knows all tiles: at each level a parent is the sum of what its cells show, whatever was hidden."""
    cells = town(900)
    passed = release(cells, min_count(30))
    made = make_tiles(passed, TileOptions(scheme=scheme), SERIAL)
    hidden = np.isnan(values_of(passed.data, "part")) & ~np.isnan(values_of(cells, "part"))
    zooms = [t.level.max_zoom for t in made.tables]
    shown = {z: {int(k): v for k, v in features_of(made, z).items()} for z in zooms}

    assert hidden.sum() > 10
    for coarse in made.tables[:-1]:
        ids, row = parents(KM, ids_of(cells), coarse.level.grid)
        for name in ("total", "part"):
            child = [shown[zooms[-1]][k].get(name, 0) for k in feature_ids(KM, ids_of(cells)).tolist()]
            above = [shown[coarse.level.max_zoom][k].get(name, 0) for k in feature_ids(coarse.level.grid, ids).tolist()]
            assert np.bincount(row, child).tolist() == above


def test_a_hidden_cell_is_hidden_on_every_level_it_fills_alone():
    """A parent whose only cell is suppressed is suppressed: its rate and its count alike."""
    ids = KM.from_row_col(np.array([3000, 3100, 3101]), np.array([4000, 4100, 4101]))
    values = {"total": [4.0, 500.0, 600.0], "share": [0.25, 0.5, 0.5]}
    about = {"total": Column(), "share": Column(kind="intensive", units="1", weight="total", source="x")}
    made = made_of(make_cells(KM, ids, values, about), min_count(10))
    table = next(t for t in made.tables if t.level.grid.cell_size_m == 10_000)
    alone = int(np.flatnonzero(table.ids == KM.parent(ids[:1], table.level.grid)[0])[0])

    for name in ("total", "share"):
        assert np.isnan(table.values[name].values[alone])
        assert table.values[name].status[alone] == Status.SUPPRESSED
    assert not any(
        "total" in of or "share" in of
        for k, of in features_of(made, table.level.max_zoom).items()
        if k == feature_ids(table.level.grid, table.ids[alone : alone + 1])[0]
    )


def test_metadata_tell_no_sample_and_no_extreme():
    """Neither a value of one cell nor the largest of all stands in what tiles say of themselves."""
    cells = town()
    told = json.dumps(made_of(cells).contents.metadata)
    largest = int(np.nanmax(values_of(cells, "total")))

    assert "tilestats" in told
    assert f" {largest}" not in told
    assert "values" not in json.loads(told)["tilestats"]["layers"][0]["attributes"][0]
    assert "/work" not in told
    assert "/tmp" not in told


def test_geometry_alone_with_values_beside():
    """Features bear ids alone; the table has a row for each, and says what their values are."""
    cells = town()
    made, full = made_of(cells, geometry_only=True), made_of(cells)
    rows = values_table(made).to_pylist()

    for table in made.tables:
        found = features_of(made, table.level.max_zoom)
        same = features_of(full, table.level.max_zoom)
        here = {r["fid"]: r for r in rows if r["layer"] == table.level.layer}
        assert set(found) == set(here)
        assert all(about == {} for about in found.values())
        for fid, row in here.items():
            assert row["total"] == same[fid].get("total")
            assert row["part"] == same[fid].get("part")
            assert row["share"] == same[fid].get("share")
            assert row["part_status"] == same[fid].get("part_status", row["part_status"])


def test_no_byte_depends_on_where_tiles_are_made(monkeypatch):
    """One thread, two, or two processes, and bundles of few cells: equal tiles."""
    passed = release(town(200), public_grid())
    first = list(make_tiles(passed, TileOptions(), SERIAL).tiles())
    monkeypatch.setattr(vector, "BUNDLE", 50)
    few = TileOptions(min_zoom=9)
    threads = list(make_tiles(passed, TileOptions(), Scheduler("threads", 2)).tiles())
    processes = list(make_tiles(passed, few, Scheduler("processes", 2)).tiles())

    assert threads == first
    assert processes == [t for t in first if t.zoom == 9]


def test_codes_are_those_of_most_people():
    """A settlement class on a parent is that of most residents; among nobody that of most cells; never a mean."""
    ids = KM.from_row_col(np.array([3000, 3000, 3001, 3020, 3021]), np.array([4000, 4001, 4000, 4000, 4000]))
    values = {"degurba_1": [1.0, 3.0, 3.0, 2.0, 2.0], "total": [900.0, 100.0, 50.0, 0.0, 0.0]}
    about = {"degurba_1": Column(kind="intensive", units="1", weight="total"), "total": Column()}
    cells = make_cells(KM, ids, values, about)
    rule = rule_of(cells, "degurba_1", coded=True)
    found, row = parents(KM, ids, SquareGrid(cell_size_m=10_000))

    assert rule == Rule("most", "total")
    made = overview(inputs(cells, {"degurba_1": rule}), "degurba_1", rule, Pairs(row, len(found)))
    assert made.values.tolist() == [1.0, 2.0]
    assert features_of(made_of(cells, values=("degurba_1",)), 0) != {}


def test_rates_over_nobody_are_undefined_and_not_withheld():
    """A parent without people has no rate, and no status that says somebody hid it."""
    ids = KM.from_row_col(np.array([3000, 3001]), np.array([4000, 4000]))
    about = {"share": Column(kind="intensive", units="1", weight="total"), "total": Column()}
    cells = make_cells(KM, ids, {"share": [np.nan, np.nan], "total": [0.0, 0.0]}, about)
    made = overview(
        inputs(cells, {"share": Rule("mean", "total")}), "share", Rule("mean", "total"), Pairs(np.array([0, 0]), 1)
    )

    assert np.isnan(made.values[0])
    assert made.status[0] == Status.OK


def test_what_cannot_be_tiled_is_refused():
    """No release, no such variable or scheme, pictures of two variables, parents of what cannot be averaged."""
    cells = town()
    with pytest.raises(TypeError, match="Release"):
        make_tiles(cells, TileOptions())
    for options, words in (
        ({"values": ("nobody",)}, "nobody"),
        ({"pictures": True}, "one variable"),
        ({"pictures": True, "values": ("total",), "geometry_only": True}, "one variable"),
        ({"values": ("index",), "max_zoom": 4}, "averaged"),
    ):
        with pytest.raises(SchemaError, match=words):
            made_of(cells, **options)
    with pytest.raises(UnknownNameError, match="WebMercatorQuad"):
        made_of(cells, scheme="WebMercator")


@pytest.mark.parametrize("n", [0, 1])
def test_few_cells_and_no_value_at_all(n):
    """No cell makes no tile; one whose value is missing is there, and says so."""
    ids = KM.from_row_col(np.full(n, 3000), np.full(n, 4000))
    status = {"total": np.full(n, Status.UNAVAILABLE, dtype=np.uint8)}
    cells = make_cells(KM, ids, {"total": np.full(n, np.nan)}, {"total": Column()}, status=status)
    made = made_of(cells)

    assert [t.zoom for t in made.tiles()] == ([] if n == 0 else list(range(10)))
    assert list(features_of(made, 9).values()) == ([] if n == 0 else [{"total_status": "unavailable"}])


def test_counts_too_large_for_an_integer_stay_exact():
    """2**53 - 1 comes back to the unit, and the metadata name a type that holds it."""
    ids = KM.from_row_col(np.array([3000, 3001]), np.array([4000, 4000]))
    cells = make_cells(KM, ids, {"total": [2.0**53 - 1, 0.0]}, {"total": Column(units="euro")})
    made = made_of(cells)
    field = made.contents.metadata["tilestats"]["layers"][-1]["attributes"][0]

    assert sorted(of["total"] for of in features_of(made, 9).values()) == [0, 2**53 - 1]
    assert (field["min"], field["max"]) == (0, 2**53 - 1)


def test_the_other_side_of_the_world():
    """Hexagons across the antimeridian stand at both edges; those around a pole are counted as outside."""
    grid = H3Grid(4)
    around = grid.cell_at(np.array([[179.99, -17.0], [-179.99, -17.0], [179.5, -16.0]]))
    ids = np.unique(np.append(around, grid.cell_at(np.array([[0.0, 90.0]]))))
    cells = make_cells(grid, ids, {"total": np.ones(len(ids))}, {"total": Column()})
    made = made_of(cells)
    columns = {t.column for t in made.tiles() if t.zoom == made.contents.max_zoom}

    assert made.outside == 1
    assert {0, 2**made.contents.max_zoom - 1} <= columns
    assert len(features_of(made, made.contents.max_zoom)) == len(ids) - 1


def test_pentagons_have_five_corners():
    """All twelve of them at once, each with its parents."""
    grid = H3Grid(2)
    ids = np.sort(np.array([h3.str_to_int(c) for c in h3.get_pentagons(2)], dtype=np.uint64))
    made = made_of(make_cells(grid, ids, {"total": np.ones(len(ids))}, {"total": Column()}))
    found = [f for t in made.tiles() if t.zoom == made.contents.max_zoom for f in decode(t.data)["cells_h3_r2"]]

    assert {len(corners) for *_, corners in found} == {5}
    assert len({fid for fid, *_ in found}) == 12


def test_status_of_every_kind_is_said_in_words():
    """Perturbed and imputed values keep their word beside the value."""
    ids = KM.from_row_col(np.array([3000, 3001, 3002]), np.array([4000, 4000, 4000]))
    status = np.array([Status.PERTURBED, Status.IMPUTED, Status.OK], dtype=np.uint8)
    cells = make_cells(KM, ids, {"total": [5.0, 6.0, 7.0]}, {"total": Column()}, status={"total": status})
    found = {of["total"]: of.get("total_status") for of in features_of(made_of(cells), 9).values()}

    assert status_of(cells, "total").tolist() == status.tolist()
    assert found == {5: "perturbed", 6: "imputed", 7: None}
