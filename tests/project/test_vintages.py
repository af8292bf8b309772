"""From one vintage of areas to another: what did not change comes out exactly, nobody is lost, doubt is told."""

from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from civigrid.cells import make_cells, values_of
from civigrid.errors import GridMismatchError, SchemaError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.io.german_grid import read_german_grid
from civigrid.io.vector import read_areas
from civigrid.project import polygon_crosswalk, project_areas, project_cells
from civigrid.project.methods import count_layer, reweight
from civigrid.project.panel import METHOD, make_panel, separate_change
from civigrid.project.vintages import to_vintage, vintage_crosswalk, with_records
from civigrid.release import min_count, release
from civigrid.run.fetch import read_declared
from civigrid.source import Source
from civigrid.stacks import over, slice_of
from civigrid.types import Column, Status

GRID = SquareGrid(cell_size_m=100)
X, Y = 4_500_000, 3_200_000


def boxes(*edges, ids=None):
    """Areas side by side, cut at the given eastings (m from X), 1,000 m high."""
    shapes = [shapely.box(X + a, Y, X + b, Y + 1_000) for a, b in pairwise(edges)]
    return gpd.GeoSeries(shapes, ids or [f"u{k}" for k in range(len(shapes))], crs="EPSG:3035")


def people(per_cell):
    """One row of cells per column of 100 m, all the same northwards."""
    n = len(per_cell)
    row, col = np.divmod(np.arange(10 * n), n)
    ids = GRID.from_row_col(Y // 100 + row, X // 100 + col)
    return make_cells(GRID, ids, {"p": np.tile(np.asarray(per_cell, float), 10)}, {"p": Column()})


def counts(shapes, n, status=None):
    table = pd.DataFrame({"n": np.asarray(n, float)}, index=shapes.index)
    return Source(name="s", table=table, columns={"n": Column()}, geometry=shapes, status=status or {}, vintage="v1")


OLD = boxes(0, 450, 1_000, 1_600, 2_000, ids=["stays", "splits", "joins", "joins too"])
NEW = boxes(0, 450, 730, 1_000, 2_000, ids=["stays", "left", "right", "joined"])
LAND = [5, 5, 5, 5, 5, 9, 9, 0, 1, 1, 2, 2, 2, 2, 2, 2, 0, 4, 4, 4]


def test_by_hand():
    """One area stays, one splits where its people are, two join."""
    found = vintage_crosswalk(OLD, NEW, GRID, weights={"people": [count_layer(people(LAND), "p")]}).table()
    half = 5 / 2  # the column at 400 m is cut in the middle by the border at 450 m
    left = (half + 9 + 9) / (half + 9 + 9 + 0.0 + 1 + 1)

    assert found["what"].tolist() == ["unchanged", "split", "split", "merged", "merged"]
    assert found["share"].tolist() == pytest.approx([1, left, 1 - left, 1, 1], abs=1e-12)
    by_area = 280 / 550
    assert found["low"].tolist()[1] == pytest.approx(by_area)
    assert found["high"].tolist()[1] == pytest.approx(left)


@given(st.lists(st.integers(0, 999), min_size=4, max_size=4), st.sampled_from([GRID, H3Grid(10)]))
def test_mass_and_identity(n, grid):
    """Whatever the counts, on squares and hexagons, everyone arrives; an unchanged area is itself to the last bit."""
    crosswalk = vintage_crosswalk(OLD, NEW, grid)
    moved, bounds, ledger = to_vintage(counts(OLD, n), crosswalk, NEW)

    assert moved.table["n"]["stays"] == n[0]
    assert moved.table["n"]["joined"] == pytest.approx(n[2] + n[3], rel=1e-12)
    assert moved.table["n"].sum() == pytest.approx(sum(n), rel=1e-12)
    assert ledger[0].error < 1e-12
    assert (bounds["n_low"] <= moved.table["n"] + 1e-9).all()
    assert moved.status["n"][1:3].tolist() == [Status.IMPUTED if n[1] else Status.OBSERVED_ZERO] * 2


def test_slivers_are_no_change():
    """Borders drawn some metres apart leave areas what they were; a real cut of one per cent does not."""
    rough = boxes(0, 453, 733, 1_002, 2_000, ids=["stays", "left", "right", "joined"])
    found = vintage_crosswalk(OLD, rough, GRID)
    assert found.unchanged.tolist() == [True, False, False, False, False]
    assert found.sliver_m2 == pytest.approx(5_000, rel=1e-6)

    cut = vintage_crosswalk(OLD, boxes(0, 460, 730, 1_000, 2_000, ids=list(NEW.index)), GRID).table()
    assert cut["what"].tolist() == ["merged", "redrawn", "split", "split", "merged", "merged"]


def test_missing_stays_missing_and_outside_is_counted():
    """A missing area makes its successors missing or lower bounds; the ledger holds who lives beyond."""
    status = {"n": np.array([0, 0, Status.CONFIDENTIAL, 0], dtype=np.uint8)}
    crosswalk = vintage_crosswalk(OLD, NEW, GRID)
    moved, _, _ = to_vintage(counts(OLD, [1, 2, np.nan, 4], status), crosswalk, NEW)
    names = [Status(s).name for s in moved.status["n"]]
    assert names == ["OK", "IMPUTED", "IMPUTED", "PARTIAL"]

    shorter = boxes(0, 450, 730, 1_000, 1_500, ids=list(NEW.index))
    cut = vintage_crosswalk(OLD, shorter, GRID)
    _, _, ledger = to_vintage(counts(OLD, [1, 2, 6, 4]), cut, shorter)
    assert ledger[0].outside == pytest.approx(4 + 6 / 6)
    assert ledger[0].error < 1e-12


def test_refusals():
    """Repeated ids, foreign places, other areas."""
    twice = gpd.GeoSeries([*OLD, OLD.iloc[0]], [*OLD.index, "stays"], crs=OLD.crs)
    crosswalk = vintage_crosswalk(OLD, NEW, GRID)

    with pytest.raises(SchemaError, match=r"1 ids of the old areas repeat \(first: stays\)"):
        vintage_crosswalk(twice, NEW, GRID)
    with pytest.raises(SchemaError, match="share no land"):
        vintage_crosswalk(OLD, OLD.translate(50_000), GRID)
    with pytest.raises(SchemaError, match="not made for the areas"):
        to_vintage(counts(NEW, [1, 2, 3, 4]), crosswalk, NEW)
    with pytest.raises(GridMismatchError, match="not the new areas"):
        to_vintage(counts(OLD, [1, 2, 3, 4]), crosswalk, OLD)


def test_a_panel_is_a_stack_of_cells_with_their_method():
    """Every period is cells; what each was made by is said cell by cell."""
    first = (counts(OLD, [10, 20, 30, 40]), polygon_crosswalk(OLD, GRID))
    weighed = reweight(polygon_crosswalk(NEW, GRID), count_layer(people([0, 0, 0, 0, 0, *LAND[5:]]), "p"))
    second = (counts(NEW, [10, 9, 11, 80]), weighed)
    panel = make_panel({"2020": first, "2021": second}, ["n"])

    assert over(panel.cells, "period", lambda c: round(float(c["n"].sum()), 9)) == {"2020": 100.0, "2021": 110.0}
    assert set(np.unique(panel.cells[METHOD].sel(period="2021").to_numpy())) == {"v1: area", "v1: p"}
    assert slice_of(panel.cells, "period", "2021")["n"].attrs["reference_date"] == "2021"
    with pytest.raises(SchemaError, match="no column m"):
        make_panel({"2020": first}, ["m"])


def test_change_is_real_change_and_boundary_change():
    """With nobody moving, all change is the border's; the two always add up; small counts hide what rests on them."""
    crosswalk = vintage_crosswalk(OLD, NEW, GRID)
    old = counts(OLD, [10, 20, 30, 40])
    recut = to_vintage(old, crosswalk, NEW)[0]
    before, still = (project_areas(s, polygon_crosswalk(s.geometry, GRID)).cells for s in (old, recut))
    grown = counts(NEW, recut.table["n"].to_numpy() * 2)
    after = project_areas(grown, polygon_crosswalk(NEW, GRID)).cells
    calm, found = separate_change(before, still, still, "n"), separate_change(before, still, after, "n")

    assert np.abs(values_of(calm, "n_real_change")).max() == 0
    assert np.abs(values_of(calm, "n_boundary_change")).max() > 0.05
    total = values_of(found, "n_real_change") + values_of(found, "n_boundary_change")
    np.testing.assert_allclose(total, values_of(found, "n_change"), atol=1e-12)
    assert np.nansum(values_of(found, "n_real_change")) == pytest.approx(100)
    out = release(found, min_count(3)).data
    small = np.isnan(values_of(out, "n_after"))
    assert small.any()
    assert np.isnan(values_of(out, "n_change"))[small].all()


@pytest.fixture(scope="module")
def berlin(real_data):
    """Both vintages, the register of 2020-02, and the people of 100 m cells."""
    folder = real_data / "berlin_lor_boundaries"
    old = read_declared("berlin-lor-2006", folder / "lor_planungsraeume.shp")[0].geometry
    new = read_declared("berlin-lor-2021", folder / "lor_planungsraeume_2021.shp")[0].geometry
    table = pd.read_parquet(real_data / "berlin_lor_population" / "lor_plr_t1_2015h1_2024h2.parquet")
    zensus, _ = read_german_grid(real_data / "de_zensus2022_100m_cities" / "berlin_zensus_100m.parquet")
    return old, new, table, project_cells(zensus).cells


def test_berlin_448_to_542(berlin):
    """Areas that stayed come out exactly; the rest of 3.77 million people arrive; weights matter for some of them."""
    old, new, table, zensus = berlin
    before = table[table["period"] == "2020-02"].set_index("id")["inhabitants"].reindex(old.index)
    crosswalk = vintage_crosswalk(old, new, GRID, weights={"people": [count_layer(zensus, "population")]})
    source = counts(old, before.fillna(0))
    moved, bounds, ledger = to_vintage(source, crosswalk, new)
    flows = crosswalk.table()
    same = flows[flows["what"] == "unchanged"]
    reassigned = crosswalk.reassigned(source.table["n"].to_numpy())

    assert len(old) == 448
    assert before.notna().all()
    assert len(same) > 280
    assert (moved.table["n"][same["new"]].to_numpy() == source.table["n"][same["old"]].to_numpy()).all()
    assert ledger[0].error < 1e-12
    assert moved.table["n"].sum() == pytest.approx(source.table["n"].sum(), rel=1e-12)
    assert crosswalk.outside.max() == 0
    assert 0.02 < reassigned["people"] / source.table["n"].sum() < 0.3
    after = table[table["period"] == "2021-02"].set_index("id")["inhabitants"].reindex(new.index)
    errors = {w: np.abs(crosswalk.matrix(w).T @ source.table["n"].to_numpy() - after).sum() for w in crosswalk.shares}
    assert errors["people"] < errors["area"]
    assert (bounds["n_high"] - bounds["n_low"] > 100).sum() > 20


def test_addresses_weigh_without_coordinates():
    """Nine of ten addresses of the area that splits lie in its right half, whatever the land says."""
    base = vintage_crosswalk(OLD, NEW, GRID)
    old = ["splits"] * 10 + ["joins"]
    found = with_records(base, old, ["left"] + ["right"] * 9 + ["joined"])
    table = found.table().set_index(["old", "new"])

    assert found.weights == "addresses"
    assert table.loc[("splits", "left"), "share"] == pytest.approx(0.1)
    assert table.loc[("splits", "right"), "low"] == pytest.approx(270 / 550)
    assert table.loc[("stays", "stays"), "share"] == 1.0
    assert table["share"].groupby("old").sum().tolist() == pytest.approx([1, 1, 1, 1])
    with pytest.raises(SchemaError, match=r"1 of 1 records lie in new areas that are not there \(first: Mars\)"):
        with_records(base, ["stays"], ["Mars"])


def test_berlins_addresses_show_the_need(real_data):
    """Postcodes to planning areas: by land a sixth of 401,032 addresses would go wrong, by addresses none."""
    folder = real_data / "berlin_lor_boundaries"
    addresses = pd.read_csv(real_data / "berlin_addresses_plr" / "adressen.csv.gz", dtype=str)
    codes = read_areas(folder / "plz.shp", id_column="plz", dissolve=True)[0].geometry
    new = read_declared("berlin-lor-2021", folder / "lor_planungsraeume_2021.shp")[0].geometry
    addresses = addresses[addresses["plz"].isin(codes.index)]
    base = vintage_crosswalk(codes, new, GRID)
    found = with_records(base, addresses["plz"].tolist(), addresses["PLR_ID"].tolist())
    per_code = addresses["plz"].value_counts().reindex(codes.index).fillna(0).to_numpy(float)
    truth = addresses["PLR_ID"].value_counts().reindex(new.index).fillna(0).to_numpy(float)
    wrong = {w: np.abs(found.matrix(w).T @ per_code - truth).sum() / 2 / truth.sum() for w in found.shares}

    assert len(addresses) > 400_000
    # one code reaches beyond the city: 5 % of its single address may live there
    assert wrong["addresses"] < 1e-7
    assert wrong["area"] == pytest.approx(0.161, abs=0.001)
