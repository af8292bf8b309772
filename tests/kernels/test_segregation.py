"""Indices against published numbers, by hand, and by the laws that catch known defects."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from civigrid.kernels import random_allocation as chance
from civigrid.kernels.compositions import compositions, merge
from civigrid.kernels.zones import gradient, zones_of
from civigrid.layers.segregation.indices import INDICES, index_named, with_parameters

TWO_GROUP = {
    "D": 0.687622563427, "G": 0.855978820471, "H": 0.501076818723, "A": 0.680841803520, "isolation": 0.611959574521,
    "interaction": 0.388040425479, "V": 0.520849062416, "A(b=0.1)": 0.2420873368, "A(b=0.9)": 0.9525797185,
    "gorard": 0.5568711885, "hutchens": 0.435059121253, "minmax": 0.814900888776,
}  # fmt: skip
MULTIGROUP = {
    "M": 0.425538975876, "H_multi": 0.418808314642, "E": 1.016070982832, "D_multi": 0.619699898864,
    "G_multi": 0.786154090128, "C": 0.248540923788, "R": 0.421614698727, "P": 0.433154454406,
    "simpson": 0.545766348727, "divergence": 0.425538975876,
}  # fmt: skip
COUNTS = arrays(np.float64, (6, 2), elements=st.integers(0, 30).map(float))
EVENNESS = [n for n, i in INDICES.items() if i.correction != "none" and i.groups in ("all", "each")]
ALL = sorted(INDICES)


def value_of(name, own, around=None, cells=None, starts=None):
    return with_parameters(index_named(name))[0](zones_of(own, around, cells, starts))


def estimate(name, own, **options):
    return float(value_of(name, own, **options).estimate[0])


def schools(real_data, year="00"):
    long = pd.read_csv(real_data / "us_schools_elbers" / f"schools{year}.csv")
    return long.pivot_table(index="school", columns="race", values="n", fill_value=0, aggfunc="sum")


def two_of(table, group):
    own = table[group].to_numpy(float)
    return np.stack([own, table.to_numpy(float).sum(axis=1) - own], axis=1)


def test_published_school_values(real_data):
    """schools00 of the R package segregation: five groups, and black pupils against the rest, to 1e-9."""
    table = schools(real_data)
    n, pair = table.to_numpy(float), two_of(table, "black")

    for name, expected in MULTIGROUP.items():
        assert estimate(name, n) == pytest.approx(expected, abs=1e-9), name
    for name, expected in TWO_GROUP.items():
        assert estimate(name, pair) == pytest.approx(expected, abs=1e-9), name
    black_white = table[["black", "white"]].to_numpy(float)
    published = {"asian": 0.6287672517, "black": 0.8805413052, "hisp": 0.7766327429, "white": 0.1836392854,
                 "native": 1.4342643919}  # fmt: skip
    for group, expected in published.items():
        assert estimate("L_g", two_of(table, group)) == pytest.approx(expected, abs=1e-9), group
    assert estimate("D", black_white[black_white.sum(axis=1) > 0]) == pytest.approx(0.728387884871, abs=1e-9)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ([[40, 20, 5, 1], [20, 40, 60, 80]], {"M": 0.186586735545, "H_multi": 0.135383659898}),
        ([[40, 30, 20, 10], [5, 10, 15, 20]], {"M": 0.095260442888}),
        ([[20, 20, 20, 15], [5, 10, 10, 15]], {"M": 0.024392017209}),
        ([[40, 0], [0, 40]], {"M": np.log(2), "H_multi": 1.0}),
    ],
)
def test_published_small_tables(table, expected):
    """The tables that the R package segregation tests itself with; M of groups in units equals M of units in groups."""
    n = np.array(table, dtype=float)
    for name, number in expected.items():
        assert estimate(name, n) == pytest.approx(number, abs=1e-9)
    assert estimate("M", n) == pytest.approx(estimate("M", n.T), abs=1e-12)


def test_published_sacramento_values(real_data):
    """Hispanic against all others in 403 tracts, and four groups, as PySAL asserts them."""
    import geopandas as gpd

    folder = real_data / "us_sacramento_tracts"
    path = next(folder.glob("*.shp"), None) or next(folder.glob("*.g*"))
    tracts = gpd.read_file(path)
    n = np.stack([tracts["HISP_"], tracts["TOT_POP"] - tracts["HISP_"]], axis=1).astype(float)
    n = n[n.sum(axis=1) > 0]
    four = tracts[["WHITE_", "BLACK_", "ASIAN_", "HISP_"]].to_numpy(float)
    four = four[four.sum(axis=1) > 0]

    published = {
        "D": 0.32184656076566864, "G": 0.43506510676886234, "H": 0.09626774479970557, "A": 0.15079259382667654,
        "isolation": 0.2319615486459151, "interaction": 0.7680384513540848, "V": 0.09164042012926693,
    }  # fmt: skip
    for name, expected in published.items():
        assert estimate(name, n) == pytest.approx(expected, abs=1e-9), name
    for name, expected in {"D_multi": 0.41340872573177806, "H_multi": 0.1710160297858887,
                           "divergence": 0.16645182134289443}.items():  # fmt: skip
        assert estimate(name, four) == pytest.approx(expected, abs=1e-9), name


PATTERNS = {"A": (1, 1, 1, 1, 1), "D": (0.842105, 0.921053, 0.698129, 0.75, 0.671053), "I": (0, 0, 0, 0.5, 0)}


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_of_morrill_and_wong(name):
    """The 10 x 10 patterns: D, Gini, H, isolation and V to the printed digits."""
    share = np.zeros((10, 10))
    if name == "A":
        share[:5, 5:] = 1
    elif name == "D":
        share[:6, 4:] = 0.5
        share[:3, 6:] = 1
    else:
        share[:] = 0.5
    n = np.stack([100 * share.ravel(), 100 - 100 * share.ravel()], axis=1)

    found = [estimate(f, n) for f in ("D", "G", "H", "isolation", "V")]
    np.testing.assert_allclose(found, PATTERNS[name], atol=5e-7)


@given(COUNTS)
def test_laws_of_two_group_indices(n):
    """Bounds, D <= G, exposure sums to 1, V from isolation; of two groups the multigroup index is the two-group one."""
    n = n[n.sum(axis=1) > 0]
    if len(n) == 0 or (n.sum(axis=0) == 0).any():
        return
    d, g, iso = estimate("D", n), estimate("G", n), estimate("isolation", n)
    share = n[:, 0].sum() / n.sum()

    assert -1e-12 <= d <= g + 1e-12 <= 1 + 2e-12
    for name in ("H", "A", "hutchens", "gorard", "minmax", "V", "C", "R", "P", "ordinal_H"):
        assert -1e-9 <= estimate(name, n) <= 1 + 1e-12, name
    assert iso + estimate("interaction", n) == pytest.approx(1)
    assert estimate("V", n) == pytest.approx((iso - share) / (1 - share), abs=1e-9)
    assert estimate("minmax", n) == pytest.approx(2 * d / (1 + d))
    assert estimate("H_multi", n) == pytest.approx(estimate("H", n), abs=1e-12)
    for name in ("C", "R", "P", "ordinal_R"):
        assert estimate(name, n) == pytest.approx(estimate("V", n), abs=1e-9), name
    pairs = [(i, j) for i in range(len(n)) for j in range(len(n))]
    brute = sum(abs(n[i, 0] * n[j, 1] - n[j, 0] * n[i, 1]) for i, j in pairs) / 2 / n[:, 0].sum() / n[:, 1].sum()
    assert g == pytest.approx(brute, abs=1e-12)


@given(arrays(np.float64, (7, 3), elements=st.integers(0, 20).map(float)), st.permutations(range(7)))
@pytest.mark.parametrize("name", EVENNESS)
def test_what_changes_nothing(name, n, order):
    """Order of cells, a cell split in proportion, cells without people, people c times over, a group without people."""
    n = n[list(order)]
    n = n[n.sum(axis=1) > 0]
    if INDICES[name].groups == "each":
        n = np.stack([n[:, 0], n[:, 1:].sum(axis=1)], axis=1)
    if len(n) == 0 or (n.sum(axis=0) == 0).any():
        return
    found = estimate(name, n)
    split = np.concatenate([0.3 * n[:1], 0.7 * n[:1], n[1:][::-1]])

    assert estimate(name, split) == pytest.approx(found, abs=1e-9)
    assert estimate(name, 17 * n) == pytest.approx(found, abs=1e-9)
    assert estimate(name, np.concatenate([n, n])) == pytest.approx(found, abs=1e-9)
    if INDICES[name].groups == "all":
        assert estimate(name, np.concatenate([n, 0 * n[:, :1]], axis=1)) == pytest.approx(found, abs=1e-9)
        assert estimate(name, n[:, ::-1]) == pytest.approx(found, abs=1e-9)


@pytest.mark.parametrize("name", [n for n in ALL if INDICES[n].groups != "pairs"])
def test_separation_and_evenness(name):
    """Groups apart give 1 (an index of exposure its own end), equal shares everywhere 0."""
    index = INDICES[name]
    apart, even = np.array([[40.0, 0], [0, 40]]), np.array([[10.0, 30], [5, 15]])
    if index.correction == "none":
        return
    complete = {"interaction": 0.0, "gorard": 0.5, "M": np.log(2), "divergence": np.log(2), "L_g": np.log(2)}.get(
        name, 1.0
    )
    nothing = {"isolation": 0.25, "interaction": 0.75}.get(name, 0.0)

    assert estimate(name, apart) == pytest.approx(complete, abs=1e-9)
    assert estimate(name, even) == pytest.approx(nothing, abs=1e-9)


def test_a_zone_of_one_group_has_no_index():
    """Where everyone is of one group nothing is even or uneven: NaN, never 0 or 1."""
    for name in EVENNESS:
        if name not in ("isolation", "interaction", "M", "divergence", "L_g"):
            assert np.isnan(estimate(name, np.array([[3.0, 0.0], [9.0, 0.0]]))), name


@pytest.mark.parametrize("name", [n for n in ALL if not n.startswith("rank_order")])
@pytest.mark.parametrize("around", [False, True])
def test_derivatives(name, around):
    """Both derivatives equal central differences, in two zones, of cells and of neighbourhoods."""
    rng = np.random.default_rng(0)
    groups = 2 if INDICES[name].groups == "each" else 3
    n = rng.integers(1, 30, (9, groups)).astype(float)
    other = n + rng.integers(1, 30, n.shape) if around else None
    cells, starts = np.array([1, 2, 1, 3, 1, 1, 2, 1, 1]), np.array([0, 4])
    zone = np.repeat([0, 1], [4, 5])
    rows = zones_of(n, other, cells, starts)
    value = value_of(name, n, other, cells, starts)
    slope = value.by_own if around else gradient(rows, value)
    for i, g in np.ndindex(*n.shape):
        step = np.zeros_like(n)
        step[i, g] = 1e-5
        up, down = (value_of(name, n + s, other, cells, starts).estimate[zone[i]] for s in (step, -step))
        assert slope[i, g] * cells[i] == pytest.approx((up - down) / 2e-5, abs=1e-7)
        if other is not None:
            up, down = (value_of(name, n, other + s, cells, starts).estimate[zone[i]] for s in (step, -step))
            moved = value.by_share[i, g] - (rows.share[i] * value.by_share[i]).sum()
            assert moved / other[i].sum() * cells[i] == pytest.approx((up - down) / 2e-5, abs=1e-7)


@pytest.mark.parametrize("name", ["D", "H", "G", "A", "hutchens", "isolation", "V"])
def test_delta_variance_is_that_of_simulated_cities(name):
    """The analytic standard error agrees with 400 Poisson cities within 15 %."""
    rng = np.random.default_rng(3)
    mean = rng.uniform(20, 400, (80, 2)) * np.array([0.3, 1.0])
    drawn = np.std([estimate(name, rng.poisson(mean).astype(float)) for _ in range(400)])
    slope = gradient(zones_of(mean), value_of(name, mean))

    assert np.sqrt((mean * slope**2).sum()) == pytest.approx(drawn, rel=0.15)


def test_zones_are_computed_each_for_itself():
    """Many zones in one pass give what each gives alone: every index, its derivative, and its expectation."""
    rng = np.random.default_rng(8)
    n = rng.integers(0, 40, (60, 3)).astype(float) + [1, 0, 0]
    starts = np.array([0, 7, 8, 30])
    cells = rng.integers(1, 5, 60)
    for name in ALL:
        own = n if INDICES[name].groups != "each" else np.stack([n[:, 0], n[:, 1:].sum(axis=1)], axis=1)
        index, expected = with_parameters(INDICES[name])
        rows = zones_of(own, cells=cells, starts=starts)
        together = index(rows)
        by_chance = expected(chance.chance_of(rows)) if expected else None
        for z, (a, b) in enumerate(zip(starts, [*starts[1:], 60], strict=True)):
            alone = zones_of(own[a:b], cells=cells[a:b])
            value = index(alone)
            np.testing.assert_allclose(together.estimate[z], value.estimate[0], atol=1e-12, err_msg=name)
            np.testing.assert_allclose(together.by_own[a:b], value.by_own, atol=1e-12)
            if by_chance is not None:
                np.testing.assert_allclose(by_chance[z], expected(chance.chance_of(alone))[0], atol=1e-9)


WINSHIP = [(10, 0.01, 0.9135), (10, 0.1, 0.3874), (10, 0.5, 0.2461), (20, 0.1, 0.2852), (100, 0.1, 0.1319),
           (100, 0.01, 0.3697), (1000, 0.01, 0.1257), (500, 0.5, 0.0357)]  # fmt: skip


def by_chance(name, n, cells=None):
    expected = with_parameters(INDICES[name])[1]
    return float(expected(chance.chance_of(zones_of(np.array(n, dtype=float), cells=cells)))[0])


@pytest.mark.parametrize(("size", "share", "expected"), WINSHIP)
def test_expected_dissimilarity_is_winships(size, share, expected):
    """Winship (1977), table 2, and its continuation."""
    n = [[size * share, size * (1 - share)]]

    assert by_chance("D", n, np.array([1_000_000])) == pytest.approx(expected, abs=6e-5)


def test_expected_dissimilarity_of_fixed_margins():
    """Hypergeometric: ten cells of 10 and of 100 persons with a tenth of minority, and the R package's table."""
    assert by_chance("D", [[1, 9]], np.array([10])) == pytest.approx(0.36720, abs=5e-6)
    assert by_chance("D", [[10, 90]], np.array([10])) == pytest.approx(0.12509, abs=5e-6)
    assert by_chance("D", [[40, 20], [20, 40], [5, 60], [1, 80]]) == pytest.approx(0.097683, abs=5e-7)


def test_expected_variance_ratio_is_exact():
    """(n - 1) / (T - 1) for V, C and R, whatever the sizes."""
    n = [[1.0, 2.0, 7.0], [30.0, 0.0, 2.0], [5.0, 5.0, 5.0]]
    for name in ("C", "R"):
        assert by_chance(name, n) == pytest.approx(2 / (np.sum(n) - 1))
    assert by_chance("V", np.array(n)[:, :2]) == pytest.approx(2 / (np.array(n)[:, :2].sum() - 1))


def test_one_cell_is_expected_to_show_nothing():
    """A zone of one cell has every index at 0, by chance too."""
    for name in ("D", "H", "G", "V", "M", "A", "hutchens"):
        assert by_chance(name, [[30.0, 70.0]]) == pytest.approx(0, abs=1e-9), name


@pytest.mark.parametrize("name", [n for n in ALL if INDICES[n].expected])
def test_expectations_agree_with_shuffled_people(name):
    """People of 330 cells of very unequal sizes shuffled 80 times: the mean is the expectation, within 4 errors."""
    rng = np.random.default_rng(1)
    size = np.concatenate([rng.integers(1, 40, 300), rng.integers(100, 2000, 30)])
    whole = np.rint([0.07 * size.sum(), 0.2 * size.sum(), 0]).astype(int)
    whole[2] = size.sum() - whole.sum()
    person, cell = np.repeat([0, 1, 2], whole), np.repeat(np.arange(len(size)), size)
    found = []
    for _ in range(80):
        n = np.zeros((len(size), 3))
        np.add.at(n, (cell, rng.permutation(person)), 1)
        n = np.stack([n[:, 0], n[:, 1:].sum(axis=1)], axis=1) if INDICES[name].groups == "each" else n
        found.append(estimate(name, n))

    assert by_chance(name, n) == pytest.approx(np.mean(found), rel=5e-3, abs=4 * np.std(found) / np.sqrt(80))


@pytest.mark.parametrize(
    ("name", "deltas"),
    [
        ("rank_order_H", [1, 1 / 2, 11 / 36, 5 / 24, 137 / 900]),
        ("rank_order_R", [1, 1 / 2, 3 / 10, 1 / 5, 1 / 7]),
        ("rank_order_S", [1, 1 / 2, 0.3125, 0.21875, 0.1640625]),
    ],
)
def test_rank_order_deltas(name, deltas):
    """Reardon's integrals of powers of the percentile: a fit through many thresholds gives the published deltas."""
    from civigrid.kernels.ordinal import VARIATIONS, fit_weights

    kind = {"H": "entropy", "R": "square", "S": "root"}[name[-1]]
    cuts = np.linspace(0.05, 0.95, 19)
    weights = fit_weights(cuts[None, :], VARIATIONS[kind], 4)[0]
    for power, delta in enumerate(deltas):
        assert weights @ cuts**power == pytest.approx(delta, abs=2e-6)


def test_exposures_sum_to_one():
    """What a group meets, over all groups, is 1; so are its expectations."""
    n = np.random.default_rng(2).integers(0, 30, (40, 4)).astype(float) + [1, 0, 0, 0]
    rows = zones_of(n)
    index, expected = INDICES["exposure"].value, INDICES["exposure"].expected
    for a in range(4):
        assert sum(index(rows, a=a, b=b).estimate[0] for b in range(4)) == pytest.approx(1)
        assert sum(expected(chance.chance_of(rows), a=a, b=b)[0] for b in range(4)) == pytest.approx(1)


@given(arrays(np.float64, (12, 3), elements=st.integers(0, 4).map(float)), st.integers(1, 11))
def test_any_cut_gives_the_same_compositions(counts, cut):
    """Compositions merged from two blocks are those of the whole, to the byte."""
    zone = np.arange(12) % 3
    whole = compositions(zone, counts)
    merged = merge(compositions(zone[cut:], counts[cut:]), compositions(zone[:cut], counts[:cut]))

    for one, other in zip(whole, merged, strict=True):
        assert one.tobytes() == other.tobytes()


CITIES = {"none": (None, 0.15), "weak": (15, 85), "mid": (2, 10), "strong": (0.3, 1.7), "split": (0.05, 0.3)}


@pytest.mark.parametrize("city", CITIES)
@pytest.mark.parametrize(("name", "error"), [("D", 0.015), ("G", 0.025), ("H", 0.02), ("V", 0.02), ("A", 0.08)])
def test_corrected_values_are_those_of_cities_without_chance(city, name, error):
    """4,000 cells of 12 and of 60 persons on average: the corrected value is what infinitely large cells show."""
    rng = np.random.default_rng(3)
    a, b = CITIES[city]
    for size in (12, 60):
        total = np.maximum(rng.negative_binomial(2, 2 / (2 + size), 4000), 1)
        share = np.full(4000, b) if a is None else rng.beta(a, b, 4000)
        group = rng.binomial(total, share)
        found = measured_of(name, np.stack([group, total - group], axis=1).astype(float))
        truth = estimate(name, np.stack([total * share, total * (1 - share)], axis=1) * 1e6)
        # near 0 a distance is a root: small remainders look large
        assert found.corrected[0] == pytest.approx(truth, abs=error if truth > 0.05 else max(error, 0.12))
        if city == "none":
            assert found.unreliable[0]


def measured_of(name, own):
    from civigrid.layers.segregation.measured import Target, measure

    rows = zones_of(own)
    return measure(INDICES[name], Target("a", 0, -1), rows, chance.chance_of(rows))


@pytest.mark.parametrize(
    ("name", "least"),
    [("D", 180), ("G", 180), ("H", 180), ("V", 180), ("isolation", 180), ("L_g", 180), ("hutchens", 150), ("A", 150)],
)
def test_intervals_hold_the_truth(name, least):
    """Of 200 cities of 400 cells, 95 % intervals hold the value without chance in 90 % and more.

    Roots of shares (Hutchens, Atkinson) keep a tenth of their bias, for which intervals make no room.
    """
    rng = np.random.default_rng(5)
    total, share = rng.integers(40, 200, 400), rng.beta(2, 8, 400)
    truth = estimate(name, np.stack([total * share, total * (1 - share)], axis=1))
    held = 0
    for _ in range(200):
        group, rest = rng.poisson(total * share), rng.poisson(total * (1 - share))
        found = measured_of(name, np.stack([group, rest], axis=1).astype(float))
        held += found.low[0] <= truth <= found.high[0]
    assert held >= least


def test_a_large_zone_is_sorted_as_a_small_one():
    """20,000 cells, many with equal shares and some a hair apart, in one zone and in two: as by a plain sort."""
    rng = np.random.default_rng(7)
    total = rng.integers(1, 60, 20_000).astype(float)
    group = rng.binomial(total.astype(int), 0.3).astype(float)
    n = np.stack([group, total - group], axis=1) * (1 + 1e-13 * rng.integers(0, 3, 20_000))[:, None]
    n[:50] = [[1.0, 2.0]] + 1e-12 * rng.random((50, 2))
    for part in (n, n[:10_000]):
        order = np.argsort(part[:, 0] / part.sum(axis=1), kind="stable")
        x, y = (np.append(0.0, np.cumsum(part[order, k]) / part[:, k].sum()) for k in (0, 1))
        plain = 1 - 2 * np.trapezoid(x, y)
        assert estimate("G", part) == pytest.approx(plain, abs=1e-10)
    both = value_of("G", n, starts=np.array([0, 10_000])).estimate
    np.testing.assert_allclose(both, [estimate("G", n[:10_000]), estimate("G", n[10_000:])], atol=1e-12)
