"""Disclosure control: what must not leave does not, by any way round."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from civigrid.cells import is_missing, make_cells, status_of, values_of
from civigrid.errors import SchemaError
from civigrid.grid import SquareGrid
from civigrid.layers.segregation import segregation_cells
from civigrid.release import Release, min_count, public_grid, release
from civigrid.release.suppress import hidden_counts
from civigrid.result_table import result_table
from civigrid.types import Column, Status

GRID = SquareGrid(cell_size_m=100)
PARTS = ("a", "b", "c")


def cells_of(counts):
    row, col = np.divmod(np.arange(len(counts)), 10)
    values = {p: counts[:, k] for k, p in enumerate(PARTS)} | {"total": counts.sum(axis=1)}
    about = {p: Column(part_of="total") for p in PARTS} | {"total": Column()}
    return make_cells(GRID, GRID.from_row_col(30_000 + row, 40_000 + col), values, about)


@given(arrays(np.float64, (20, 3), elements=st.integers(0, 40).map(float)))
def test_no_small_count_is_shown_or_recoverable(counts):
    """No count in 1 to 9 is left; beside a shown total never exactly one part is hidden; twice is once."""
    out = release(cells_of(counts), min_count(10)).data
    for name in (*PARTS, "total"):
        shown = values_of(out, name)
        assert not ((shown > 0) & (shown < 10)).any()
        assert (np.isnan(shown) == is_missing(status_of(out, name))).all()
    hidden = sum(np.isnan(values_of(out, p)).astype(int) for p in PARTS)
    assert not ((hidden == 1) & ~np.isnan(values_of(out, "total"))).any()
    assert release(out, min_count(10)).data.identical(out)


@given(arrays(np.float64, (20, 3), elements=st.integers(0, 40).map(float)))
def test_rates_do_not_give_away_what_counts_hide(counts):
    """Where a group is hidden its share, quotient and part of the index are hidden too."""
    out = release(segregation_cells(cells_of(counts), PARTS), min_count(10)).data
    for part in PARTS:
        hidden = status_of(out, part) == Status.SUPPRESSED
        for name in (f"share_{part}", f"lq_{part}", f"adds_to_D_{part}", "diversity"):
            assert np.isnan(values_of(out, name)[hidden]).all()


def test_public_grid_changes_nothing(four_cells):
    """What its publisher protected passes as it is."""
    out = release(four_cells, public_grid())

    assert out.data.identical(four_cells)
    assert out.actions == {}


def test_interpolated_crumbs_are_hidden():
    """A count of 3.2 from interpolation is hidden, and so is 0.2: many such cells would tell a small area's people."""
    out = release(cells_of(np.array([[3.2, 0.2, 40.0]])), min_count(10)).data

    assert np.isnan(values_of(out, "a")[0])
    assert np.isnan(values_of(out, "b")[0])


def test_tables_lose_rows_that_rest_on_few():
    """Rows of few persons, and counts that are few themselves, lose their figures."""
    rows = [
        {"index": "D", "estimate": 0.4, "persons": 6.0},
        {"index": "D", "estimate": 0.4, "persons": 600.0},
        {"index": "beyond:library", "estimate": 4.0, "persons": 600.0},
    ]
    out = release(result_table(rows), min_count(10))

    assert out.data["estimate"].isna().tolist() == [True, False, True]
    assert out.actions == {"rows": 2}


def test_a_release_cannot_be_made_by_hand(four_cells):
    """The door has one key."""
    with pytest.raises(TypeError, match="made by civigrid.release"):
        Release(four_cells, "public-grid")
    with pytest.raises(TypeError, match="cannot release a list"):
        release([1, 2], public_grid())
    with pytest.raises(SchemaError, match="3 or more"):
        min_count(2)
    assert isinstance(release(four_cells, min_count()).data, xr.Dataset)
    assert isinstance(release(pd.DataFrame({"x": [1]}), min_count()).data, pd.DataFrame)


def test_companions_are_hidden_with_their_count():
    """The bound of a suppressed count would tell it: it goes too."""
    grid = SquareGrid(cell_size_m=1000)
    ids = grid.from_row_col(np.array([3000, 3001, 3002]), np.array([4000, 4000, 4000]))
    values = {"n": [4.0, 40.0, 8.0], "n_high": [4.0, 44.0, 9.0]}
    about = {"n": Column(), "n_high": Column(companion_of="n")}
    out = release(make_cells(grid, ids, values, about), min_count(10)).data

    assert np.isnan(out["n_high"].to_numpy()).tolist() == [True, False, True]


def test_rates_that_tell_few_persons_are_hidden():
    """A share times its base is a count: a small one, or what it leaves, goes with it; a mean does not."""
    grid = SquareGrid(cell_size_m=1000)
    ids = grid.from_row_col(np.arange(3000, 3004), np.full(4, 4000))
    values = {"n": [100.0, 100.0, 100.0, 100.0], "p": [4.0, 50.0, 97.0, 0.0], "rent": [900.0, 800.0, 700.0, 600.0]}
    share = Column(kind="intensive", units="1", weight="n", source="register")
    about = {"n": Column(), "p": share, "rent": share}
    out = release(make_cells(grid, ids, values, about), min_count(10)).data

    assert np.isnan(out["p"].to_numpy()).tolist() == [True, False, True, False]
    assert not np.isnan(out["rent"].to_numpy()).any()


@given(arrays(np.int64, (4, 6), elements=st.integers(0, 40)), st.integers(0, 5))
def test_nothing_shown_gives_a_hidden_count_away(parts, other):
    """Two levels of parts: no shown total less its shown parts is between 0 and the threshold, nor one alone."""
    values = {f"p{k}": parts[:, k].astype(float) for k in range(6)}
    values["a"], values["b"] = values["p0"] + values["p1"] + values["p2"], values["p3"] + values["p4"]
    values["all"] = values["a"] + values["b"] + values["p5"] + other
    part_of = {"p0": "a", "p1": "a", "p2": "a", "p3": "b", "p4": "b", "a": "all", "b": "all", "p5": "all"}
    hidden = hidden_counts(values, part_of, 10)

    for total in ("a", "b", "all"):
        family = [n for n, t in part_of.items() if t == total]
        some = np.stack([hidden[n] for n in family])
        rest = values[total] - np.where(some, 0, np.stack([values[n] for n in family])).sum(axis=0)
        shown = ~hidden[total] & some.any(axis=0)
        assert (some.sum(axis=0)[shown] > 1).all()
        assert (rest[shown] >= 10).all()
    for name, rows in hidden.items():
        gone = values[name][rows].sum()
        assert gone == 0 or gone >= 10 or rows[values[name] > 0].all()


def test_tables_of_access_tell_no_few():
    """Few who are beyond, few who are not, and few by the difference of two rows: none can be read."""
    rows = [
        {"index": "beyond:doctor", "estimate": 4.0, "persons": 300.0},
        {"index": "share_beyond:doctor", "estimate": 4 / 300, "persons": 300.0},
        {"index": "share_beyond:library", "estimate": 1 - 5 / 300, "persons": 300.0},
        {"index": "unreachable:minutes", "estimate": 120.0, "persons": 304.0},
        {"index": "mean:minutes", "estimate": 12.5, "persons": 296.0},
        {"index": "persons_gaining", "estimate": 3.0, "persons": 300.0},
    ]
    rows += [
        {"index": "onestop:lose", "estimate": 3.0, "persons": 300.0},
        {"index": "onestop:person_hours_change", "estimate": 12.5, "persons": 300.0},
        {"index": "onestop:reach_share", "estimate": 0.5, "persons": 300.0},
    ]
    common = {"zone": "all", "topic": "access", "groups": "a", "cells": 50, "parameters": "{}"}
    table = result_table([common | row for row in rows])
    told = release(table, min_count(10)).data.set_index("index")
    assert told["estimate"].isna().tolist() == [True, True, True, False, False, True, True, True, False]
    assert told.loc["unreachable:minutes", "estimate"] == 120
    assert (told["persons"].dropna() % 10 == 0).all()
    assert release(table, public_grid()).data["estimate"].notna().all()


def test_the_order_of_variables_protects_nobody_less():
    """A rate of rates, its base and their counts in any order: the same cells are hidden."""
    grid, rng = SquareGrid(cell_size_m=1000), np.random.default_rng(5)
    n = 60
    values = {
        "a": rng.poisson(12, n),
        "b": rng.poisson(40, n),
        "residents": 0,
        "x": rng.random(n) * 9,
        "y": rng.random(n),
    }
    values["residents"] = values["a"] + values["b"]
    about = {
        "a": Column(),
        "b": Column(),
        "residents": Column(rests_on="a|b"),
        "x": Column(kind="intensive", units="min", weight="residents"),
        "y": Column(kind="intensive", units="min", rests_on="x"),
    }
    row, col = np.divmod(np.arange(n), 10)
    ids = grid.from_row_col(3000 + row, 4000 + col)
    hidden = set()
    for order in permutations(about):
        cells = make_cells(grid, ids, {v: np.asarray(values[v], float) for v in order}, {v: about[v] for v in order})
        out = release(cells, min_count(10)).data
        hidden.add(tuple(tuple(np.isnan(values_of(out, v))) for v in about))

    assert len(hidden) == 1
    found = dict(zip(about, map(np.array, hidden.pop()), strict=True))
    assert found["a"].sum() > 5
    assert (found["residents"] <= found["x"]).all()
    assert (found["x"] <= found["y"]).all()
