"""Engines against each other, and what must hold in every family: zones, order, turns, sums, and what is not known."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from towns import GRID, NAMES, on_cells, segregated

from civigrid.cells import make_cells, values_of
from civigrid.errors import SchemaError
from civigrid.layers.segregation import (
    INDICES,
    Kernel,
    MaupOptions,
    Nearest,
    PatternOptions,
    SpatialOptions,
    city_difference_table,
    comparison_table,
    difference_table,
    maup_table,
    nearest_table,
    pattern_table,
    permutation_test,
    profile_table,
    scale_cells,
    scale_table,
    segregation_cells,
    segregation_table,
    spatial_table,
    trajectory_table,
)
from civigrid.layers.segregation.by_cell import MEASURES
from civigrid.layers.segregation.neighbourhoods.by_time import ByTime
from civigrid.travel_times import TravelTimes
from civigrid.types import Column, Status

FIGURES = ["estimate", "expected", "corrected", "low", "high"]
ALL = list(INDICES)
FAMILIES = {
    "aspatial": lambda c: segregation_table(c, NAMES, indices=ALL),
    "kernel": lambda c: spatial_table(c, NAMES, Kernel("biweight", 2500), indices=ALL),
    "profile": lambda c: profile_table(c, NAMES, [Kernel("uniform", 1500)]),
    "nearest": lambda c: nearest_table(c, NAMES, [50, 200], indices=ALL),
    "any rule": lambda c: spatial_table(c, NAMES, Nearest(k=50)),
    "trajectories": lambda c: trajectory_table(c, NAMES),
    "pattern": lambda c: pattern_table(c, NAMES, decay_m=1000.0, options=PatternOptions(simulations=19)),
    "scales": lambda c: scale_table(c, NAMES, levels_m=[2000, 4000]),
    "maup": lambda c: maup_table(c, NAMES, indices=["D", "H_multi"], options=MaupOptions(sizes=(1, 2))),
    "comparison": lambda c: comparison_table(c, c, NAMES),
    "difference": lambda c: difference_table(c, c, NAMES),
    "city difference": lambda c: city_difference_table(c, c, NAMES),
}


def plain(table):
    """Figures alone, in the order of their names."""
    rows = table[~table["index"].str.contains("macro_micro")]
    return rows.set_index(["zone", "index", "groups"])[FIGURES].astype(float).sort_index()


def equal(found, expected, tolerance=1e-12):
    pd.testing.assert_frame_equal(found, expected, rtol=tolerance, atol=tolerance)


@given(st.integers(0, 1000))
def test_four_engines_agree_on_the_cell_itself(seed):
    """Cells, a kernel of radius 0, the nearest person, and no minutes of travel: one value, whatever the counts."""
    rng = np.random.default_rng(seed)
    counts = rng.choice([0.0, 0.0, 0.0, 1.0, 2.0, 7.0, 40.0, 1e9], (36, 3))
    if not (counts.sum(axis=0) > 0).all():
        return
    cells = on_cells(counts, 6)
    ids = cells["cell_id"].to_numpy()
    home = TravelTimes(
        cell_id=ids, site_id=ids.astype(str), indptr=np.arange(len(ids) + 1), site=np.arange(len(ids), dtype=np.int32),
        seconds=np.zeros(len(ids), dtype=np.int32), limit_s=60, mode="by hand",
    )  # fmt: skip
    options = SpatialOptions(interval=False)
    found = {
        "kernel": spatial_table(cells, NAMES, Kernel("uniform", 0), indices=ALL, options=options),
        "nearest": nearest_table(cells, NAMES, [1], indices=ALL, options=options),
        "time": spatial_table(cells, NAMES, ByTime(times=home, within_min=0.5), indices=ALL, options=options),
    }
    expected = plain(segregation_table(cells, NAMES, indices=ALL))
    for name, table in found.items():
        for figure in ("estimate", "expected"):
            # the Gini index of neighbourhoods of which nobody says that they are cells has no expectation
            one = plain(table)[figure]
            same = one.index[one.notna()] if name == "nearest" else one.index
            got, wanted = one[same].to_numpy(), expected.loc[same, figure].to_numpy()
            # what chance makes of the nearest person is told for classes of size, 0.05 % wide
            near = 1e-9 if figure == "estimate" or name != "nearest" else 1e-3
            assert got == pytest.approx(wanted, rel=near, abs=near, nan_ok=True), (name, figure)


@pytest.mark.parametrize("family", ["aspatial", "pattern", "scales"])
def test_a_zone_is_what_its_cells_are_alone(family):
    """Estimate, expectation, corrected value and interval of each zone are those of a table of its cells alone."""
    side = 12
    counts = segregated(side, seed=8, mean=25.0)
    counts[5:9] = 0
    part = np.where(np.arange(side * side) % side < 5, "west", "east")
    cells = on_cells(counts, side, {"part": part})
    tables = {
        "aspatial": lambda c, **zone: segregation_table(c, NAMES, indices=ALL, **zone),
        "pattern": lambda c, **zone: pattern_table(
            c, NAMES, decay_m=1500.0, options=PatternOptions(simulations=19), **zone
        ),
        "scales": lambda c, **zone: scale_table(c, NAMES, levels_m=[2000, 4000], **zone),
    }
    every = plain(tables[family](cells, zone="part"))
    for name in ("west", "east"):
        own = cells.isel(cell=np.flatnonzero(cells["part"].to_numpy() == name))
        equal(every.loc[name], plain(tables[family](own)).loc["all"], 1e-10)


def test_a_zone_has_neighbours_beyond_its_border():
    """The exception: of neighbourhoods, a zone is its cells with the others outside, not its cells alone."""
    cells = on_cells(segregated(12, seed=8), 12, {"part": np.where(np.arange(144) % 12 < 5, "west", "east")})
    kernel, west = Kernel("biweight", 3000), cells["part"].to_numpy() == "west"
    own, others = (cells.isel(cell=np.flatnonzero(w)) for w in (west, ~west))
    in_zone = plain(spatial_table(cells, NAMES, kernel, zone="part")).loc["west"]

    equal(in_zone, plain(spatial_table(own, NAMES, kernel, options=SpatialOptions(outside=others))).loc["all"], 1e-9)
    assert not np.allclose(in_zone["estimate"], plain(spatial_table(own, NAMES, kernel)).loc["all", "estimate"])


@pytest.mark.parametrize("family", [f for f in FAMILIES if "difference" not in f and f != "comparison"])
def test_quarter_turns_and_shuffled_rows_change_nothing(family):
    """A map turned by 90 degrees, and rows in any order: the same figures within 1e-12, intervals within 1e-9."""
    rng = np.random.default_rng(3)
    counts = segregated(8, seed=2, mean=25.0)
    row, col = (v.ravel() for v in np.indices((8, 8)))
    order = rng.permutation(64)

    def town(row, col, counts):
        values = {n: counts[:, k] for k, n in enumerate(NAMES)}
        # the middle lies on a corner of the squares of 8 km
        return make_cells(GRID, GRID.from_row_col(row + 3200, col + 4304), values, {n: Column() for n in NAMES})

    expected = plain(FAMILIES[family](town(row, col, counts)))
    equal(plain(FAMILIES[family](town(row[order], col[order], counts[order]))), expected, 1e-15)
    turned = plain(FAMILIES[family](town(col, 7 - row, counts)))
    if family == "pattern":
        # what is simulated draws cells in their order
        simulated = [n.startswith("D_") for n in turned.index.get_level_values("index")]
        turned.loc[simulated, "expected"] = expected.loc[simulated, "expected"]
    equal(turned[["estimate", "expected", "corrected"]], expected[["estimate", "expected", "corrected"]])
    equal(turned, expected, 1e-9)


@pytest.mark.parametrize("total", ["", "everyone"])
def test_what_cells_add_is_the_printed_value(total):
    """Every measure that says it adds up, with missing cells, empty ones, and a published total above the groups."""
    counts = segregated(12, seed=5, mean=25.0)
    counts[3:6], counts[20, 1] = 0, np.nan
    more = np.nansum(counts, axis=1) + np.arange(144) % 4
    status = {n: np.where(np.isnan(counts[:, k]), Status.UNAVAILABLE, Status.OK) for k, n in enumerate(NAMES)}
    row, col = (v.ravel() for v in np.indices((12, 12)))
    values = {n: counts[:, k] for k, n in enumerate(NAMES)} | {"everyone": more}
    about = {n: Column() for n in values}
    cells = make_cells(GRID, GRID.from_row_col(row + 3205, col + 4310), values, about, status=status)
    printed = segregation_table(cells, NAMES, total=total, indices=["D", "isolation", "H_multi", "M"]).set_index(
        ["index", "groups"]
    )["estimate"]
    adding = [name for name, m in MEASURES.items() if m.adds]
    found = segregation_cells(cells, NAMES, total=total, measures=adding)
    several = "|".join([*NAMES, "rest"] if total else NAMES)
    of = {"adds_to_D": "D", "adds_to_isolation": "isolation", "adds_to_H": "H_multi", "adds_to_M": "M"}

    assert set(adding) == set(of)
    for name in adding:
        for group in NAMES if MEASURES[name].by_group else [""]:
            column = values_of(found, f"{name}_{group}" if group else name)
            assert np.isnan(column).sum() == 1
            assert np.nansum(column) == pytest.approx(printed[of[name], group or several], abs=1e-12), (name, group)
    terms = scale_table(cells, NAMES, total=total, levels_m=[2000, 4000]).set_index("index")["estimate"]
    by_cell = scale_cells(cells, NAMES, total=total, levels_m=[2000, 4000])
    added = [n for n in map(str, by_cell.data_vars) if n.startswith("adds_to_") and not n.endswith("_status")]
    assert len(added) == 3
    for name in added:
        assert np.nansum(values_of(by_cell, name)) == pytest.approx(terms[name.removeprefix("adds_to_")], abs=1e-12)
    assert sum(np.nansum(values_of(by_cell, n)) for n in added) == pytest.approx(printed["M", several], abs=1e-12)


def with_status(code):
    """A town in which a cell is not known (and most are interpolated), or one is suppressed."""
    counts = segregated(12, seed=5, mean=25.0)
    status = np.full(144, Status.IMPUTED if code == Status.IMPUTED else Status.OK, dtype=np.uint8)
    status[20] = Status.SUPPRESSED if code == Status.SUPPRESSED else Status.UNAVAILABLE
    counts[20] = np.nan
    row, col = (v.ravel() for v in np.indices((12, 12)))
    values = {n: counts[:, k] for k, n in enumerate(NAMES)}
    ids = GRID.from_row_col(row + 3205, col + 4310)
    return make_cells(GRID, ids, values, {n: Column() for n in NAMES}, status=dict.fromkeys(NAMES, status))


@pytest.mark.parametrize("family", FAMILIES)
def test_interpolated_suppressed_and_unknown_counts(family):
    """Nothing is expected of interpolated counts, a suppressed one is refused, an unknown one left out and counted."""
    with pytest.raises(SchemaError, match="suppressed"):
        FAMILIES[family](with_status(Status.SUPPRESSED))
    plainly, guessed = (FAMILIES[family](with_status(code)) for code in (Status.OK, Status.IMPUTED))
    no_index_of_segregation = guessed["index"].str.startswith(("E", "simpson"))

    assert guessed["expected"].isna().all()
    assert guessed.loc[~no_index_of_segregation, "corrected"].isna().all()
    # envelopes of the MAUP are those of corrected values where there are any
    told = ~guessed["index"].str.contains("maup|zoning|scale")
    plainly, guessed = plainly[told], guessed[told]
    assert guessed["estimate"].to_numpy() == pytest.approx(plainly["estimate"].to_numpy(), abs=1e-12, nan_ok=True)
    for text in plainly.loc[~plainly["index"].str.contains("macro_micro"), "parameters"]:
        assert json.loads(text)["left_out_cells"] in (1, [1, 1])


def test_chance_is_not_permuted_among_interpolated_counts():
    """Cells that share the composition of their area lack the scatter of people: no p, but the reason."""
    with pytest.raises(SchemaError, match="interpolated"):
        permutation_test(with_status(Status.IMPUTED), NAMES, Kernel("uniform", 1500), "D", draws=19)
    assert permutation_test(with_status(Status.OK), NAMES, None, "D", draws=19).p == 1 / 20


def test_noise_that_a_rule_does_not_know_is_told():
    """A rule of one's own that tells no noise: parameters say that it was not taken out, and claim no variance."""
    cells = on_cells(segregated(12, seed=5, mean=25.0), 12)
    options = SpatialOptions(noise_variance=2.0)
    known, unknown = (
        json.loads(spatial_table(cells, NAMES, rule, indices=["D"], options=options)["parameters"].iloc[0])
        for rule in (Kernel("uniform", 1500), Nearest(k=50))
    )

    assert (known["noise_variance"], "noise_left_in" in known) == (2.0, False)
    assert (unknown["noise_left_in"], "noise_variance" in unknown) == (2.0, False)


def test_a_difference_of_interpolated_years_has_no_corrected_terms():
    """Resampling persons shows no bias that interpolated counts have: terms and intervals stay, corrections go."""
    earlier, later = with_status(Status.OK), with_status(Status.IMPUTED)
    table = difference_table(earlier, later, NAMES, measures=["M"], draws=20, added=0.01)

    assert table["corrected"].isna().all()
    assert table["low"].notna().all()
    assert "no_correction" in table["parameters"].iloc[0]
    assert difference_table(earlier, earlier, NAMES, draws=20, added=0.01)["corrected"].notna().all()


@pytest.mark.parametrize("source", ["drawn", "real"])
def test_a_thousand_random_origins_by_brute_force(source, request):
    """Kernels and the k nearest persons around 1,000 random cells: what a look at every cell gives."""
    from civigrid.layers.segregation.neighbourhoods.by_kernel import around
    from civigrid.layers.segregation.neighbourhoods.nearest import nearest_around

    rng = np.random.default_rng(8)
    if source == "drawn":
        side = 60
        row, col = (v.ravel() for v in np.indices((side, side)))
        counts = rng.poisson(rng.pareto(1.2, (side * side, 1)) * [4.0, 1.0]).astype(float)
        counts[rng.random(side * side) < 0.3] = 0
    else:
        row, col, counts = _berlin(request.getfixturevalue("real_data"))
    names = NAMES[:2]
    ids = GRID.from_row_col(row + 3200, col + 4300)
    cells = make_cells(GRID, ids, {n: counts[:, k] for k, n in enumerate(names)}, {n: Column() for n in names})
    n = np.stack([values_of(cells, name) for name in names], axis=1)
    at = np.stack(GRID.row_col(cells["cell_id"].to_numpy()), axis=1)
    size = n.sum(axis=1)
    origins = rng.choice(np.flatnonzero(size > 0), 1000)
    kernels = (Kernel("uniform", 3000), Kernel("biweight", 4500))
    wide, narrow = (around(cells, n, kernel).counts for kernel in kernels)
    k = (7, 400, 12_800)
    nearest = [found.around.counts for found in nearest_around(cells, n, k)]
    for i in origins:
        square = ((at - at[i]) ** 2).sum(axis=1)
        for found, kernel, tolerance in zip((wide, narrow), kernels, (1e-12, 2e-6), strict=True):
            expected = kernel(np.sqrt(square) * GRID.cell_size_m) @ n
            assert found[i] == pytest.approx(expected, rel=tolerance, abs=tolerance * expected.sum())
        _ring, number = np.unique(square, return_inverse=True)
        upto = np.cumsum(np.bincount(number, size))
        for found, persons in zip(nearest, k, strict=True):
            last = int(np.searchsorted(upto, persons))
            inside = upto[last - 1] if last else 0.0
            part = (persons - inside) / (upto[last] - inside)
            expected = ((number < last) + part * (number == last)) @ n
            assert found[i] == pytest.approx(expected, rel=1e-12)
            assert found[i].sum() == pytest.approx(persons, rel=1e-12)


def _berlin(folder):
    """Cells of the European grid around Berlin: born in the country, and elsewhere."""
    path = folder / "eu_census2021_1km" / "census2021_1km_v2.parquet"
    box = [("x", ">=", 4_480_000), ("x", "<", 4_620_000), ("y", ">=", 3_210_000), ("y", "<", 3_340_000)]
    table = pd.read_parquet(path, columns=["x", "y", "NAT", "EU_OTH", "OTH"], filters=box)
    counts = np.column_stack([table["NAT"], table["EU_OTH"] + table["OTH"]]).astype(float)
    return table["y"].to_numpy() // 1000 - 3210, table["x"].to_numpy() // 1000 - 4480, counts


def test_citations_are_bibtex_of_their_kind():
    """An article has a journal and pages, a chapter its book, a book its publisher; titles are those in print."""
    from civigrid.layers.segregation.sources import SOURCES, bibtex

    for key, source in SOURCES.items():
        text = source.bibtex()
        place = "publisher" if source.book else "booktitle" if source.chapter else "journal"
        assert f"  {place} = {{{source.venue}}}" in text, key
        assert source.book or source.venue == "arXiv" or "pages = {" in text or source.chapter, key
        assert str(source.year) in key
    assert "Measuring and visualizing patterns of ethnic concentration" in bibtex(["bezenac2022"])
    assert "volume = {54},\n  number = {1},\n  pages = {173--196}" in bibtex(["bezenac2022"])
    assert {INDICES[name].source for name in ("rank_order_R", "rank_order_S")} == {"reardon2011b"}
