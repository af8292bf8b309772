"""Statuses, numbers of missing parts, bounds and noise travel through every step; nothing missing becomes zero."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from civigrid.cells import (
    column_of,
    ids_of,
    is_missing,
    join_cells,
    make_cells,
    measured,
    status_of,
    values_of,
    with_variables,
)
from civigrid.crosswalk import Crosswalk
from civigrid.grid import H3Grid, SquareGrid
from civigrid.io.parts import load_cells, save_cells
from civigrid.project import coarsen, coarsen_crosswalk, grid_crosswalk, project_areas, project_cells, regrid, reweight
from civigrid.project.methods import count_layer
from civigrid.source import Source
from civigrid.types import Column, Status

KM = SquareGrid(cell_size_m=1000)
FOUR = SquareGrid(cell_size_m=4000)
ROW, COL = np.divmod(np.arange(64), 8)
IDS = np.sort(KM.from_row_col(3000 + ROW, 4000 + COL))
COMPANIONS = ("g_confidential_parts", "g_missing_parts", "g_high", "g_noise_variance")
seeds = st.integers(0, 2**32 - 1)


def table(n, seed, declared=2.0):
    """Totals and a part with every status there is; what the part truly is."""
    rng = np.random.default_rng(seed)
    total = rng.integers(0, 50, n).astype(float)
    truth = np.floor(total * rng.random(n))
    codes = rng.choice(np.array([0, 1, 2, 3, 4, 5, 6, 7], np.uint8), n, p=[0.3, 0.1, 0.1, 0.2, 0.1, 0.1, 0.05, 0.05])
    truth[(codes == 1) | (codes == 2)] = 0.0
    values = {"T": total, "g": np.where(is_missing(codes), np.nan, truth), "r": rng.random(n)}
    about = {
        "T": Column(),
        "g": Column(part_of="T", noise_variance=declared),
        "r": Column(kind="intensive", units="1", weight="g"),
    }
    return values, about, codes, truth


def cells_of(seed, **options):
    values, about, codes, truth = table(64, seed, **options)
    return make_cells(KM, IDS, values, about, status={"g": codes}), truth


def areas_of(seed, n=12):
    """Areas with any statuses, and a crosswalk in which some lie in one cell, some in many, some half outside."""
    values, about, codes, truth = table(n, seed)
    rng = np.random.default_rng(seed)
    shared = np.where(rng.random((n, 64)) < 0.08, rng.random((n, 64)) * 1e5, 0.0)
    shared[np.arange(n), rng.integers(0, 64, n)] += 1e5
    whole = shared.sum(axis=1) * np.where(rng.random(n) < 0.3, 2.0, 1.0)
    crosswalk = Crosswalk(
        grid=KM,
        unit_id=np.array([f"u{k:02d}" for k in range(n)]),
        cell_id=IDS,
        measure=sparse.csr_array(shared),
        unit_measure=whole,
        cell_measure=np.full(64, 1e6),
        covered=shared.sum(axis=0) / 1e6,
        method="made up",
    )
    source = Source(
        name="areas", table=pd.DataFrame(values, index=crosswalk.unit_id), columns=about, status={"g": codes}
    )
    return source, crosswalk, truth


def same(expected, found, *names):
    """Equal values, statuses and meanings."""
    for name in names:
        np.testing.assert_allclose(values_of(found, name), values_of(expected, name), rtol=1e-9, err_msg=name)
        assert status_of(expected, name).tolist() == status_of(found, name).tolist(), name


def test_the_status_of_a_sum_by_hand():
    """Missing parts make a lower bound, an estimate makes an estimate, zeros of one kind stay of that kind."""
    cases = [
        ([3, 4], [np.nan, np.nan], Status.CONFIDENTIAL),
        ([7, 4], [np.nan, np.nan], Status.SUPPRESSED),
        ([3, 0], [np.nan, 5.0], Status.PARTIAL),
        ([8, 0], [2.0, 5.0], Status.PARTIAL),
        ([5, 6], [2.0, 5.0], Status.IMPUTED),
        ([5, 0], [0.0, 0.0], Status.PERTURBED),
        ([2, 2], [0.0, 0.0], Status.STRUCTURAL_ZERO),
        ([2, 1], [0.0, 0.0], Status.OBSERVED_ZERO),
        ([1, 0], [0.0, 4.0], Status.OK),
    ]
    for codes, values, expected in cases:
        status = {"g": np.array(codes, dtype=np.uint8)}
        coarse = coarsen(make_cells(KM, IDS[:2], {"g": values}, {"g": Column()}, status=status), FOUR)

        assert [int(expected)] == status_of(coarse, "g").tolist()


@given(seeds)
def test_cells_keep_every_status(seed):
    """A published grid becomes cells with each status, and a chosen column brings its companions."""
    values, about, codes, _ = table(64, seed)
    values["g_noise_variance"], about["g_noise_variance"] = np.full(64, 1.5), Column(companion_of="g")
    source = Source(
        name="s", table=pd.DataFrame(values, index=IDS), columns=about, grid=KM, status={"g": codes}
    )  # fmt: skip
    made = project_cells(source, columns=["g"])

    assert codes.tolist() == status_of(made.cells, "g").tolist()
    assert measured(made.cells) == ["g", "g_noise_variance"]
    assert [entry.variable for entry in made.ledger] == ["g"]


@given(seeds, st.booleans())
def test_any_chain_of_levels_gives_what_one_step_gives(seed, bounds_late):
    """Statuses, bounds, numbers of parts and noise do not depend on the way; missing parts are all counted."""
    cells, truth = cells_of(seed)
    two = coarsen(cells, SquareGrid(cell_size_m=2000), bounds=True)
    direct, chain = coarsen(cells, FOUR, bounds=True), coarsen(two, FOUR, bounds=bounds_late)
    of = np.unique(KM.parent(IDS, FOUR), return_inverse=True)[1]
    true = np.bincount(of, truth)

    same(direct, chain, "T", "g", *COMPANIONS)
    assert status_of(direct, "r").tolist() == status_of(chain, "r").tolist()
    assert values_of(chain, "g_missing_parts").sum() == np.isnan(values_of(cells, "g")).sum()
    assert (np.nan_to_num(values_of(chain, "g")) <= true).all()
    assert (true <= values_of(chain, "g_high") + 1e-9).all()
    known = ~is_missing(status_of(cells, "g")) & (status_of(cells, "g") != Status.STRUCTURAL_ZERO)
    assert values_of(chain, "g_noise_variance").tolist() == (2.0 * np.bincount(of, known)).tolist()
    assert column_of(chain["g"]).noise_variance is None


@given(seeds, st.booleans())
def test_areas_bound_the_truth(seed, whole):
    """Low <= what areas would give if all were known <= high, in parts of persons and in whole ones."""
    source, crosswalk, truth = areas_of(seed)
    crosswalk.measure.data[::7] = 0.0
    made = project_areas(source, crosswalk, columns=["T", "g"], bounds=True, whole_seed=1 if whole else None).cells
    source.table["g"] = truth
    full = Source(name="full", table=source.table[["g"]], columns={"g": Column()})
    true = values_of(project_areas(full, crosswalk, whole_seed=1 if whole else None).cells, "g")
    assert (np.nan_to_num(values_of(made, "g")) <= true + 1e-9).all()
    if "g_high" in made:
        assert (true <= values_of(made, "g_high") + 1e-9).all()
        gone = is_missing(source.status["g"])
        assert values_of(made, "g_missing_parts").sum() == pytest.approx((crosswalk.placed_share * gone).sum())


@given(seeds)
def test_areas_lose_no_status(seed):
    """Cells say what the areas that share in them say, as found by a loop over sets."""
    source, crosswalk, _ = areas_of(seed)
    made = project_areas(source, crosswalk).cells
    shares, codes, given_ = crosswalk.shares().toarray(), source.status["g"], source.table["g"].to_numpy()
    for cell in range(64):
        parts = np.flatnonzero(shares[:, cell] > 0)
        missing = {Status(int(codes[u])) for u in parts if np.isnan(given_[u])}
        found = Status(int(status_of(made, "g")[cell]))
        estimated = any(given_[u] > 0 and shares[u, cell] < 1 - 1e-9 for u in parts)
        if not len(parts):
            assert found == Status.STRUCTURAL_ZERO
        elif missing and len(missing) == len({int(codes[u]) for u in parts}):
            assert found in missing
        elif missing:
            assert found == Status.PARTIAL
        elif estimated:
            assert found == Status.IMPUTED
        assert np.isnan(values_of(made, "g")[cell]) == (found in missing and found != Status.PARTIAL)


@given(seeds)
def test_areas_by_way_of_fine_cells_know_as_much(seed):
    """Through fine cells to coarse ones, or there at once: the same is missing, partial and bounded."""
    source, crosswalk, _ = areas_of(seed)
    direct = project_areas(source, coarsen_crosswalk(crosswalk, FOUR), bounds=True).cells
    chain = coarsen(project_areas(source, crosswalk, bounds=True).cells, FOUR, bounds=True)
    held = [n for n in COMPANIONS[:3] if n in direct]

    for name in ("g", *held):
        np.testing.assert_allclose(values_of(chain, name), values_of(direct, name), atol=1e-9, err_msg=name)
    for code in (3, 4, 7, 8, 2):
        assert (status_of(direct, "g") == code).tolist() == (status_of(chain, "g") == code).tolist()


@given(seeds)
def test_other_grids_and_weights_keep_what_is_missing(seed):
    """To hexagons, and by where people live: missing units stay missing or partial, their number and bounds come."""
    cells, truth = cells_of(seed)
    crosswalk = grid_crosswalk(IDS, KM, H3Grid(7))
    moved = regrid(coarsen_nothing(cells), crosswalk).cells
    gone = np.isnan(values_of(cells, "g"))
    touched = crosswalk.shares().T @ gone.astype(float) > 0

    assert values_of(moved, "g_missing_parts").sum() == pytest.approx(gone.sum())
    assert (is_missing(status_of(moved, "g")) | (status_of(moved, "g") == Status.PARTIAL)).tolist() == touched.tolist()
    true = crosswalk.apply_extensive(truth)
    assert (true <= values_of(moved, "g_high") + 1e-9).all()
    noise = crosswalk.shares().power(2).T @ values_of(coarsen_nothing(cells), "g_noise_variance")
    np.testing.assert_allclose(values_of(moved, "g_noise_variance"), noise, rtol=1e-12)

    source, areas, _ = areas_of(seed)
    people = make_cells(KM, IDS, {"p": np.arange(64.0)}, {"p": Column()})
    weighed = project_areas(source, reweight(areas, count_layer(people, "p")), bounds=True).cells
    missing = is_missing(source.status["g"])
    assert np.isnan(values_of(weighed, "g")).any() == (is_missing(status_of(weighed, "g"))).any()
    if missing.any():
        share = reweight(areas, count_layer(people, "p")).placed_share
        assert values_of(weighed, "g_missing_parts").sum() == pytest.approx((share * missing).sum())


def coarsen_nothing(cells):
    """The same cells with companions: a level made of itself."""
    return coarsen(cells, KM, bounds=True)


def test_a_rate_without_its_weight_is_missing():
    """The mean leaves it out and says so; alone it has no mean, and the reason is that of the weight."""
    about = {"g": Column(), "r": Column(kind="intensive", units="1", weight="g")}
    codes = np.array([0, 3, 0, 0], dtype=np.uint8)
    values = {"g": [10.0, np.nan, 30.0, 0.0], "r": [1.0, 0.5, 0.0, 0.7]}
    cells = make_cells(KM, IDS[:4], values, about, status={"g": codes})
    mean, alone = coarsen(cells, FOUR), coarsen(cells.isel(cell=[1]), FOUR)

    assert values_of(mean, "r").tolist() == [0.25]
    assert status_of(mean, "r").tolist() == [Status.PARTIAL]
    assert status_of(alone, "r").tolist() == [Status.CONFIDENTIAL]
    assert np.isnan(values_of(alone, "r")).all()


def test_noise_goes_with_the_square_of_the_share():
    """Half of a count with variance 4 has variance 1; three counts together have their sum."""
    source, crosswalk, _ = areas_of(0, n=2)
    shared = np.zeros((2, 64))
    shared[0, :2], shared[1, 1] = 5.0, 7.0
    crosswalk = replace(crosswalk, measure=sparse.csr_array(shared), unit_measure=np.array([10.0, 7.0]))
    source = Source(
        name="s",
        table=pd.DataFrame({"g": [8.0, 6.0]}, index=crosswalk.unit_id),
        columns={"g": Column(noise_variance=4.0)},
    )
    made = project_areas(source, crosswalk).cells

    assert values_of(made, "g_noise_variance")[:3].tolist() == [1.0, 5.0, 0.0]
    assert values_of(coarsen(made, FOUR), "g_noise_variance").sum() == 6.0


def test_joining_and_replacing_leave_no_stale_status(tmp_path):
    """What one dataset lacks is unavailable in companions too; a replaced variable loses its old status and bounds."""
    cells = coarsen_nothing(cells_of(3)[0])
    other = make_cells(KM, IDS[:1], {"x": [1.0]}, {"x": Column()}, labels={"zone": ["a"]}).assign_attrs(note="kept")
    joined = join_cells(cells.isel(cell=slice(1, None)), other)
    again = coarsen(joined, FOUR, bounds=True)

    assert status_of(joined, "g")[0] == Status.UNAVAILABLE
    assert values_of(again, "g_missing_parts").sum() == np.isnan(values_of(joined, "g")).sum()
    assert joined.attrs == {"note": "kept"}
    new = with_variables(cells, {"g": np.ones(64)}, {"g": Column()})
    assert {"g_status", *COMPANIONS} & set(new) == set()
    save_cells(cells.assign_attrs(note="kept"), tmp_path / "cells.arrow")
    assert load_cells(tmp_path / "cells.arrow").identical(cells.assign_attrs(note="kept"))


def test_a_label_stands_in_two_datasets():
    """The second names only the cells that the first does not."""
    one = make_cells(KM, IDS[:2], {}, {}, labels={"zone": ["a", ""]})
    other = make_cells(KM, IDS[:3], {}, {}, labels={"zone": ["x", "y", "z"]})

    assert join_cells(one, other)["zone"].values.tolist() == ["a", "y", "z"]


def test_a_cell_half_outside_its_source_stays_so_on_another_grid():
    """The share that is covered is carried over, never raised."""
    about = {"covered": Column(kind="intensive", units="1"), "g": Column()}
    cells = make_cells(KM, IDS, {"covered": np.full(64, 0.5), "g": np.ones(64)}, about)
    moved = regrid(cells, grid_crosswalk(IDS, KM, H3Grid(8))).cells

    assert values_of(moved, "covered").max() == pytest.approx(0.5, abs=1e-4)
    assert len(ids_of(moved)) > 64
