"""What an attacker read from outputs of segregation, and no longer can."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from civigrid.cells import ids_of, make_cells, values_of
from civigrid.cli import app
from civigrid.errors import SchemaError
from civigrid.grid import SquareGrid
from civigrid.io.parts import save_cells
from civigrid.layers.segregation import maup_cells, nearest_cells, segregation_cells, trajectory_cells
from civigrid.release import min_count, release
from civigrid.types import Column

GRID = SquareGrid(cell_size_m=1000)
GROUPS = ["a", "b", "c"]


def town(part_of=None, total=False):
    """400 cells in which one of three groups is small, as in most towns."""
    rng = np.random.default_rng(1)
    values = {"a": rng.poisson(60, 400), "b": rng.poisson(3, 400), "c": rng.poisson(40, 400)}
    values = {n: v.astype(float) for n, v in values.items()}
    about = {n: Column(part_of=part_of) for n in values}
    if total:
        values["t"], about["t"] = sum(values.values()) + 20, Column()
    row, col = np.divmod(np.arange(400), 20)
    return make_cells(GRID, GRID.from_row_col(3000 + row, 4000 + col), values, about)


def nested_town():
    """The same town as a register tells it: b and c are parts of those from abroad, who are part of all."""
    cells = town()
    counts = {n: values_of(cells, n) for n in GROUPS}
    values = counts | {"abroad": counts["b"] + counts["c"], "all": counts["a"] + counts["b"] + counts["c"]}
    about = {n: Column(part_of="abroad") for n in ("b", "c")} | {n: Column(part_of="all") for n in ("a", "abroad")}
    return make_cells(GRID, ids_of(cells), values, about | {"all": Column()})


@pytest.mark.parametrize("layer", [segregation_cells, trajectory_cells, maup_cells,
                                   lambda c, g: nearest_cells(c, g, [500])])  # fmt: skip
@pytest.mark.parametrize(
    "cells",
    [town(), town("t", total=True), nested_town()],
    ids=["no total", "parts of another total", "parts of parts"],
)
def test_residents_less_what_is_shown_tell_no_group(layer, cells):
    """No cell shows its residents and all groups but one, in counts or in shares."""
    out = release(layer(cells, GROUPS), min_count(10)).data
    hidden = np.isnan([values_of(out, g) for g in GROUPS])
    residents = values_of(out, "residents")
    assert hidden[1].sum() > 300
    assert not ((hidden.sum(axis=0) == 1) & ~np.isnan(residents)).any()
    for group in GROUPS if "share_a" in out else ():
        shown = ~np.isnan(values_of(out, f"share_{group}"))
        assert not (shown & np.isnan(values_of(out, group))).any()


def test_residents_of_a_register_are_shown_where_all_its_people_are():
    """Parts of parts of one count: residents go where that count goes, and nowhere else."""
    out = release(segregation_cells(nested_town(), GROUPS), min_count(10)).data

    assert out["residents"].attrs["rests_on"] == "all"
    np.testing.assert_array_equal(np.isnan(values_of(out, "residents")), np.isnan(values_of(out, "all")))
    assert np.isfinite(values_of(out, "residents")).mean() > 0.9


def test_a_small_group_takes_the_others_of_its_zone_with_it(tmp_path):
    """Isolation by chance tells a share: where one group is held back, so are the others; persons are rounded."""
    rows = []
    for zone, b in (("big", 300), ("small", 7)):
        some = [{"u": f"{zone}{i}", "A": 100 + i, "B": b // 30 + (i < b % 30)} for i in range(30)]
        rows += [{**row, "zone": zone, "C": 60} for row in some]
    pd.DataFrame(rows).to_csv(tmp_path / "q.csv", index=False)
    words = ["segregation", tmp_path / "q.csv", "--groups", "A,B,C", "--units", "u", "--zones", "zone",
             "--indices", "isolation", "--out", tmp_path / "o.csv"]  # fmt: skip
    answer = CliRunner().invoke(app, [str(w) for w in words])
    assert answer.exit_code == 0, answer.output
    out = pd.read_csv(tmp_path / "o.csv").set_index(["zone", "groups"])

    assert out.loc["small", ["estimate", "expected"]].isna().all().all()
    assert out.loc["big", "estimate"].notna().all()
    assert (out["persons"].dropna() % 10 == 0).all()


def test_the_audit_passes_the_same_door(tmp_path):
    """Rows of few of a group lose their figures in the audit's table too, among the parameters as well."""
    save_cells(town(), tmp_path / "c.cells")
    words = ["maup", tmp_path / "c.cells", "--groups", "a,b,c", "--sizes", "1,10", "--indices", "isolation", "--out",
             tmp_path / "m.csv"]  # fmt: skip
    answer = CliRunner().invoke(app, [str(w) for w in words])
    assert answer.exit_code == 0, answer.output
    out = pd.read_csv(tmp_path / "m.csv")
    coarse = out[(out["index"] == "isolation") & (out["cells"] < 10)]
    assert len(coarse)
    assert coarse["estimate"].isna().all()
    for text in coarse["parameters"]:
        assert not {"least", "most", "p5", "p95"} & set(json.loads(text))


def test_a_curve_of_few_units_is_not_drawn(tmp_path):
    """Each corner of a curve is a unit: with few of them none is drawn, and larger ones are drawn coarsely."""
    from civigrid.report import figure_bytes, segregation_curve

    rng = np.random.default_rng(2)
    counts = rng.poisson([50, 9], (60, 2))
    exact, coarse = (segregation_curve(counts, ["a", "b"], coarse=c).axes[0].lines[1] for c in (False, True))
    assert len(coarse.get_xdata()) == 41 < len(exact.get_xdata())
    assert np.allclose(coarse.get_ydata() * 2, np.round(coarse.get_ydata() * 2))
    assert figure_bytes(segregation_curve(counts, ["a", "b"], coarse=True), ".svg")


def test_python_asks_for_a_reference_where_a_border_runs_through():
    """Born-in-the-country means two things on its two sides: indices of both need it said."""
    from civigrid import segregation

    rng = np.random.default_rng(3)
    row, col = np.divmod(np.arange(100), 10)
    values = {n: rng.poisson(50, 100).astype(float) for n in ("NAT", "EU_OTH", "OTH")}
    about = dict.fromkeys(values, Column())
    labels = {"country": np.where(col < 5, "DE", "FR").astype(object)}
    cells = make_cells(GRID, GRID.from_row_col(3000 + row, 4000 + col), values, about, labels=labels)
    with pytest.raises(SchemaError, match="reference"):
        segregation.indices(cells, list(values), indices=["D"])
    found = segregation.indices(cells, list(values), indices=["D"], reference="whole", zone="country")
    assert len(found) == 9
    with pytest.raises(SchemaError, match="own country"):
        segregation.profile(cells, list(values), [2000], reference="country")
