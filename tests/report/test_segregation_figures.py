"""Figures of segregation: what stands in them, what they refuse, and that equal figures are equal bytes."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection

from civigrid.cells import make_cells
from civigrid.errors import SchemaError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.layers.segregation import segregation_cells, segregation_table
from civigrid.layers.segregation.maup.settings import MaupOptions
from civigrid.layers.segregation.maup.table import maup_table
from civigrid.report.drawing import Mark, figure_bytes, label_ends, new_figure, save
from civigrid.report.map_figures import cell_image, distance_figure
from civigrid.report.maup_figures import maup_figure, stability_figure
from civigrid.report.profile_figures import difference_figure, profile_figure
from civigrid.report.segregation_figures import contribution_figure, exposure_figure, segplot, segregation_curve
from civigrid.result_table import parameters, result_table
from civigrid.types import Column

GRID = SquareGrid(cell_size_m=1000)


def words_of(figure):
    """Every word in a figure, with one kind of space."""
    found = [figure.get_suptitle(), *(t.get_text() for t in figure.texts)]
    for axes in figure.axes:
        found += [t.get_text() for t in axes.texts]
        found += [axes.get_xlabel(), axes.get_ylabel(), axes.get_title(loc="left")]
        found += [t.get_text() for t in (*axes.get_xticklabels(), *axes.get_yticklabels())]
    return " ".join(" ".join(found).split())


@pytest.fixture(scope="module")
def cells():
    """Ten by ten cells of two groups and a rest, more of the first in the north."""
    rng = np.random.default_rng(0)
    row, col = (v.ravel() for v in np.indices((10, 10)))
    size = rng.integers(20, 200, 100)
    a = rng.binomial(size, 0.1 + 0.05 * row)
    b = rng.binomial(size - a, 0.4)
    values = {"a": a.astype(float), "b": b.astype(float), "c": (size - a - b).astype(float)}
    about = {n: Column(long_name=f"Group {n.upper()}") for n in values}
    return make_cells(GRID, GRID.from_row_col(3000 + row, 4000 + col), values, about)


@pytest.fixture(scope="module")
def audit(cells):
    """A MAUP audit with an area division of known and one of unknown size."""
    others = {
        "rows": (np.arange(100) // 10).astype(str),
        "table": pd.DataFrame({"a": [9.0, 1], "b": [1.0, 9], "c": [5.0, 5]}),
    }
    return maup_table(cells, ["a", "b", "c"], others=others, options=MaupOptions(sizes=(1, 2, 3)))


def profile(over, values, groups=("a", "b"), **more):
    """A made-up profile of D that falls with the scale."""
    rows = [
        {"zone": "all", "index": "D", "groups": g, "estimate": 0.4 / (2 + i), "expected": 0.02, "topic": "segregation",
         "corrected": 0.4 / (2 + i) - 0.02, "low": 0.3 / (2 + i), "high": 0.42 / (2 + i),
         "parameters": parameters(**{over: v}), **more}
        for g in groups for i, v in enumerate(values)
    ]  # fmt: skip
    return result_table(rows)


def test_equal_figures_are_equal_bytes(cells, tmp_path):
    """PNG and SVG: the same twice, the title inside, no date; another suffix is refused before anything is written."""
    counts = np.stack([cells[g].to_numpy() for g in "abc"], axis=1)
    for suffix in (".png", ".svg"):
        one, two = (figure_bytes(segregation_curve(counts, ["a", "b", "c"]), suffix) for _ in range(2))

        assert one == two
        assert b"furthest from living evenly" in one
        assert b"2026-" not in one
    path = save(segregation_curve(counts, ["a", "b", "c"]), tmp_path / "new" / "curve.svg")

    assert path.read_bytes() == one
    with pytest.raises(SchemaError, match="written as"):
        save(segregation_curve(counts, ["a", "b", "c"]), tmp_path / "curve.pdf")
    assert not (tmp_path / "curve.pdf").exists()


def test_curves_show_g_and_d(cells):
    """The words beside each curve are the table's G and D; two groups make one curve; nobody makes none."""
    counts = np.stack([cells[g].to_numpy() for g in "abc"], axis=1)
    table = segregation_table(cells, ["a", "b", "c"], indices=["D", "G"])
    words = words_of(segregation_curve(counts, ["a", "b", "c"]))

    for group in "abc":
        d, g = (table[(table["index"] == i) & (table["groups"] == group)]["estimate"].iloc[0] for i in "DG")
        assert f"{group}: G {g:.2f}, D {d:.2f}" in words
    two = words_of(segregation_curve(np.array([[10.0, 0], [10, 30], [np.nan, 1]]), ["x", "y"]))

    assert "x: G 0.50, D 0.50" in two
    assert "y:" not in two
    assert "y:" not in words_of(segregation_curve(np.array([[5.0, 0, 5], [1, 0, 9]]), ["x", "y", "z"]))
    for bad, words in (
        ([[1.0, -1.0]], "at least 0"),
        ([[0.0, 0.0]], "no cell has"),
        ([[1.0]], "have shape"),
        ([[5.0, 0.0]], "no group"),
    ):
        with pytest.raises(SchemaError, match=words):
            segregation_curve(bad, ["x", "y"][: max(len(bad[0]), 2)])


def test_exposure_tells_shares_and_ratios(cells):
    """Each cell of the matrix has its percent and how often an even city's; the columns tell the groups' shares."""
    table = segregation_table(cells, ["a", "b", "c"], indices=["exposure"])
    total = {g: float(cells[g].sum()) for g in "abc"}
    everyone = sum(total.values())
    words = words_of(exposure_figure(table, words={"a": "Alphas"}))
    met = table.set_index("groups")["estimate"]

    assert f"{100 * met['a->a']:.1f} ×{met['a->a'] / (total['a'] / everyone):.2f}" in words
    assert f"{100 * met['c->b']:.1f} ×{met['c->b'] / (total['b'] / everyone):.2f}" in words
    assert f"Alphas {100 * total['a'] / everyone:.0f} % of all" in words
    with pytest.raises(SchemaError, match="no exposure"):
        exposure_figure(table[table["groups"] != "a->b"])


def test_contributions_tell_how_few_make_how_much(cells):
    """The title counts the cells by hand; a sum of nothing is refused; curves that turn back say so."""
    figure = contribution_figure({"x": [6.0, 2.0, 1.0, 1.0, np.nan]}, index="D")
    back = contribution_figure({"x": [6.0, 2.0, -1.0]}, index="H", marks=(0.5, 0.9))

    assert "25 % of cells make 50 % of D" in words_of(figure)
    assert "take away" not in words_of(figure)
    assert "take away" in words_of(back)
    made = segregation_cells(cells, ["a", "b", "c"])
    assert "of cells make 50 % of H" in words_of(contribution_figure({"all": made["adds_to_H"].to_numpy()}))
    with pytest.raises(SchemaError, match="adds up to nothing"):
        contribution_figure({"x": [0.0, 0.0]})


def test_segplot_joins_many_areas(cells):
    """Bars run from the first group's strongholds; many areas are joined; every person is drawn."""
    counts = np.stack([cells[g].to_numpy() for g in "abc"], axis=1)
    words = words_of(segplot(counts, ["a", "b", "c"]))
    joined = segplot(counts, ["a", "b", "c"], most=10)

    assert f"from {100 * (counts[:, 0] / counts.sum(axis=1)).max():.0f} % in some areas" in words
    assert len(joined.axes[1].patches[0].get_data().values) <= 10
    assert joined.axes[1].patches[0].get_data().edges[-1] == pytest.approx(100)


@pytest.mark.parametrize(("over", "values"), [("radius_m", [0, 500, 1000, 5000]), ("k", [200, 800, 3200])])
def test_profiles_over_radius_and_persons(over, values, audit):
    """Lines in the table's order, ticks in the unit of the axis, the cell itself at the left, a band of origins."""
    table = profile(over, values)
    shown = profile_figure(table, "D", over=over, words={"a": "Alphas"})
    words = words_of(shown)

    assert "Alphas" in words
    assert ("Radius of neighbourhoods, km" if over == "radius_m" else "Nearest persons") in words
    assert ("cell" if over == "radius_m" else "3,200") in words
    assert "0.180" in shown.get_suptitle()
    if over == "radius_m":
        with_origins = profile_figure(table, "D", maup=audit)
        bands = [sum(isinstance(c, PolyCollection) for c in f.axes[0].collections) for f in (shown, with_origins)]

        assert bands[1] == bands[0] + 2
    with pytest.raises(SchemaError, match="no H with"):
        profile_figure(table, "H", over=over)


def test_profile_without_correction_or_band():
    """What is not corrected is drawn as measured; one point alone is drawn too."""
    table = profile("k", [200.0], corrected=None, expected=None, low=None, high=None)

    assert "0.200 at 200 persons" in " ".join(profile_figure(table, "D", over="k").get_suptitle().split())


def test_steps_of_a_difference_add_up():
    """Steps lead from the first value to the second; the largest is named; small steps cut the axis, and it says so."""
    terms = {"first": 0.4, "additions": 0.01, "structural": -0.03, "second": 0.38}
    rows = [
        {"zone": "all", "index": "M", "groups": "a|b", "estimate": v, "parameters": parameters(term=t)}
        for t, v in terms.items()
    ]
    by_name = [{**row, "index": f"M_{t}", "parameters": "{}"} for row, t in zip(rows, terms, strict=True)]
    by_name += [{**by_name[2], "groups": "other", "estimate": 9.0}, {**by_name[2], "index": "MH_structural"}]
    words = words_of(difference_figure(result_table(rows), "M", names=("2011", "2021")))

    assert words == words_of(difference_figure(result_table(by_name), "M", names=("2011", "2021")))
    plain = words_of(difference_figure(result_table(rows[1:3]), "M"))

    assert "M is 0.02 lower in the second" in words
    assert "where people live, all else equal" in words
    assert "0.3800" in words
    assert "does not start at 0" in words
    assert "does not start at 0" not in plain
    with pytest.raises(SchemaError, match="no terms"):
        difference_figure(result_table(rows[:1]), "M")


def test_maup_figure_tells_what_moves_most(audit):
    """Title from the audit; a panel for each index that is there; divisions by name; what is absent is refused."""
    figure = maup_figure(audit, indices=("D", "H_multi", "no such"), groups="a", words={"a": "Alphas"})
    words = words_of(figure)

    assert words.startswith(("Cell size moves D most", "The grid's origin moves D most", "Sampling moves D most"))
    assert "Dissimilarity D: Alphas" in words
    assert "Information index H, all groups" in words
    assert "rows" in words
    assert "table" in words
    assert len(figure.axes) == 2
    with pytest.raises(SchemaError, match="no MAUP audit"):
        maup_figure(audit, indices=("nothing",))
    assert len([a for a in maup_figure(audit, indices=("D", "G", "H")).axes if a.get_visible()]) == 3


def test_stability_bars_make_up_everybody(audit):
    """Every bar ends at 100 %; a table without classes is refused."""
    figure = stability_figure(audit, words={"a": "Alphas"})
    bars = figure.axes[0].patches
    ends = {}
    for bar in bars:
        ends[round(bar.get_y(), 2)] = max(ends.get(round(bar.get_y(), 2), 0), bar.get_x() + bar.get_width())

    assert list(ends.values()) == pytest.approx([100.0] * 3)
    assert "Alphas" in words_of(figure)
    with pytest.raises(SchemaError, match="nothing of classes"):
        stability_figure(audit[audit["index"] == "D"])


def test_distances_on_a_map_and_by_people(cells):
    """The image has north above, its extent in km; the histogram counts people; the median is theirs."""
    distance = np.linspace(0, 9900, 100)
    people = np.where(distance < 5000, 1.0, 3.0)
    values = {"d": distance, "n": people}
    about = {"d": Column(kind="intensive", units="m", weight="n", long_name="Distance"), "n": Column()}
    made = make_cells(GRID, cells["cell_id"].to_numpy(), values, about)
    figure = distance_figure(made, "d")
    shares = [p.get_width() for p in figure.axes[1].patches]
    image, extent = cell_image(made, distance)

    assert image.shape == (10, 10)
    assert extent == (4000.0, 4010.0, 3000.0, 3010.0)
    assert image[-1, -1] == distance[-1]
    assert sum(shares) == pytest.approx(100.0)
    assert "half of all people above 6.6 km" in " ".join(figure.get_suptitle().split())
    hexagons = make_cells(H3Grid(8), H3Grid(8).cell_at(np.array([[13.4, 52.5]])), {"d": [1.0]}, {"d": about["d"]})
    with pytest.raises(SchemaError, match="square cells"):
        cell_image(hexagons, np.ones(1))
    empty = make_cells(GRID, cells["cell_id"].to_numpy(), values | {"n": 0 * people}, about)
    with pytest.raises(SchemaError, match="nothing to draw"):
        distance_figure(empty, "d")


def test_labels_do_not_touch():
    """Words at one height are moved apart, in their order, and as little as is needed."""
    _, (axes,) = new_figure("t")
    axes.set_ylim(0, 1)
    label_ends(axes, [Mark((1.0, 0.5), "one", "k"), Mark((1.0, 0.5), "two", "k"), Mark((1.0, 0.9), "far", "k")])
    at = {t.get_text(): t.xy[1] for t in axes.texts}

    assert at["far"] == 0.9
    assert at["one"] < 0.5 < at["two"]
    assert at["one"] + at["two"] == pytest.approx(1.0)
