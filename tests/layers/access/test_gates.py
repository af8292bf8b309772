"""Gates of access: laws on real figures, each trap of other packages by hand, and the edges of what can be asked."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from towns_of_access import close

from civigrid.kernels.inequality import concentration, erreygers, kappa_of, kolm_pollak, people_of, theil_t, wagstaff
from civigrid.kernels.poverty import fgt
from civigrid.layers.access import (
    AccessOptions,
    allocation,
    constrained_doubly,
    given_weights,
    market,
    mean_of_decay,
    measure_access,
    passive,
    patronage,
    raam,
    weighted,
)
from civigrid.layers.access.balanced import availability, availability_per_person, balanced
from civigrid.layers.access.catchment import modified_two_step, three_step, two_step
from civigrid.layers.access.decay import Binary, Gaussian, Step, TruncatedGaussian
from civigrid.layers.access.measures import MEASURES
from civigrid.travel_times import times_of_pairs


@pytest.fixture(scope="module")
def chicago(real_data):
    """People of 1,930 tracts, doctors and dentists, 12 km to a tract being the farthest: a metre is a second."""
    folder = real_data / "access"
    people = gpd.read_file(folder / "chicago_metro_pop.geojson").sort_values("geoid", ignore_index=True)
    doctors = pd.read_csv(folder / "chicago_metro_docs_dentists.csv").sort_values("geoid", ignore_index=True)
    place = np.column_stack([people.geometry.x, people.geometry.y])
    metres = np.rint(np.sqrt(((place[:, None] - place[None]) ** 2).sum(axis=-1))).astype(np.int64)
    row, site = np.nonzero(metres <= 12_000)
    ids = people["geoid"].astype(np.uint64).to_numpy()
    times = times_of_pairs(ids, ids.astype(str), row, site, metres[row, site], limit_s=12_000, mode="a metre a second")
    supply = doctors[["doc", "dentist"]].to_numpy(dtype=float)
    return times, people["pop"].to_numpy(dtype=float), supply


def of_seconds(seconds, limit_s=3600):
    """Times of a small matrix; below 0: none."""
    seconds = np.asarray(seconds)
    row, site = np.nonzero(seconds >= 0)
    names = np.array([f"s{j}" for j in range(seconds.shape[1])], dtype=np.str_)
    ids = np.arange(seconds.shape[0], dtype=np.uint64)
    return times_of_pairs(ids, names, row, site, seconds[row, site], limit_s=limit_s, mode="by hand")


@pytest.mark.parametrize(
    "decay", [Binary(150.0), TruncatedGaussian(180.0), Step((50.0, 100.0, 200.0), (1.0, 0.6, 0.1))]
)
def test_doctors_of_chicago_are_conserved_by_every_catchment(chicago, decay):
    """Persons times access is all 7,254 doctors and 4,970 dentists; spatial availability is 2SFCA to the last bit."""
    times, people, supply = chicago
    town = market(weighted(times, decay), people, supply)
    persons = people[:, None]
    for found in (two_step(town), three_step(town), three_step(town, huff=True), availability_per_person(town)):
        assert (persons * found.value[:, :, 0]).sum(axis=0) == pytest.approx([7254.0, 4970.0], rel=1e-12)
    level = balanced(town)
    squared = modified_two_step(town).value

    assert availability(town).value.sum(axis=(0, 2)) == pytest.approx([7254.0, 4970.0], rel=1e-12)
    assert availability_per_person(town).value.tobytes() == two_step(town).value.tobytes()
    assert level.value.sum(axis=(0, 2)) == pytest.approx(level.at_site["ratio"].sum(axis=0), rel=1e-12)
    assert level.at_site["demand"].sum(axis=0) == pytest.approx(
        level.notes["demand"] - level.notes["demand_unserved"], rel=1e-12
    )
    assert ((persons * squared[:, :, 0]).sum(axis=0) <= np.array([7254.0, 4970.0]) * (1 + 1e-12)).all()
    if isinstance(decay, Binary):
        assert squared == pytest.approx(two_step(town).value, rel=1e-12)


@pytest.mark.parametrize("name", ["nearest", "cumulative", "gravity", "2sfca", "m2sfca", "bfca", "availability"])
def test_closing_the_largest_sites_of_chicago_helps_nobody(chicago, name):
    """Five closures: no tract is better off."""
    times, people, supply = chicago
    town = market(weighted(times, Gaussian(60.0)), people, supply[:, 0])
    before = measure_access(town, [name], AccessOptions(threshold_min=100.0))[name].of()
    sign = 1 if MEASURES[name].better == "higher" else -1
    for site in np.argsort(-town.supply[:, 0])[:5]:
        after = measure_access(close(town, site), [name], AccessOptions(threshold_min=100.0))[name].of()
        gained = sign * np.nan_to_num(after, nan=-sign * np.inf) - sign * np.nan_to_num(before, nan=-sign * np.inf)
        assert not (gained > 1e-12 * np.abs(before)).any()


def test_the_decay_of_the_median_is_not_the_mean_of_the_decay():
    """A bus every half hour, left at random: 10, 20, 30, 40 minutes for four departures; weights 1 to 25 minutes.

    By the mean two of four departures are near: 0.5.  By the median (rank 2 of 4, 20 minutes) the site counts whole; by
    the 75th percentile (30 minutes) not at all.
    """
    departures = [of_seconds([[60 * m]]) for m in (10, 20, 30, 40)]
    near = Binary(25.0)

    assert mean_of_decay(departures, near).weight.tolist() == [0.5]
    assert weighted(departures[1], near).weight.tolist() == [1.0]
    assert weighted(departures[2], near).weight.tolist() == [0.0]


def test_steps_are_closed_where_it_is_said_in_every_measure():
    """A site at exactly 10 minutes: it has the weight of the first zone (PySAL), or of the second (R)."""
    times = of_seconds([[600, 1200]])
    for closed, weights in (("right", (1.0, 0.42)), ("left", (0.42, 0.0))):
        town = market(weighted(times, Step((10.0, 20.0), (1.0, 0.42), closed)), np.array([10.0]), np.array([3.0, 5.0]))
        assert town.modes["all"].weight.tolist() == list(weights)
        assert measure_access(town, ["gravity"])["gravity"].of() == pytest.approx(3 * weights[0] + 5 * weights[1])


def test_the_selection_weight_of_three_steps_stops_at_the_catchment():
    """By hand: a site at 25 minutes draws nobody from one at 10 where the catchment ends at 20, as in a cut table."""
    times = of_seconds([[600, 1500], [600, -1]])
    found = three_step(market(weighted(times, Binary(20.0)), np.array([10.0, 30.0]), np.array([8.0, 5.0])))

    assert found.of().tolist() == [0.2, 0.2]
    assert found.notes["supply_lost"].tolist() == [5.0]


def test_zeros_ties_and_bounds_of_inequality_by_hand():
    """Theil keeps who has nothing; equal ranks share the middle; Erreygers takes bounds of the definition."""
    theirs = people_of([0.0, 0.0, 2.0, 2.0], np.ones(4))
    tied = [people_of(v, np.ones(3), by=np.array([1.0, 1.0, 2.0])) for v in ([1.0, 3.0, 5.0], [3.0, 1.0, 5.0])]
    share = people_of([0.2, 0.4], np.ones(2), by=np.array([1.0, 2.0]))

    assert theil_t(theirs)[0, 0] == pytest.approx(np.log(2))
    # mid-ranks 1/3, 1/3, 5/6 and mean 3: 2 cov / mu = 2 * (1/3) / 3
    assert concentration(tied[0])[0, 0] == pytest.approx(2 / 9)
    assert concentration(tied[0]).tobytes() == concentration(tied[1]).tobytes()
    # ranks 1/4 and 3/4: cov = 0.025, C = 1/6
    assert erreygers(share, 0.0, 1.0)[0, 0] == pytest.approx(4 * 0.3 / 6)
    assert wagstaff(share, 0.0, 1.0)[0, 0] == pytest.approx(1 / 6 / 0.7)


def test_kolm_pollak_and_poverty_by_their_papers():
    """Kappa of Sheriff and Maguire, both equivalents of Logan et al., FGT with its strict threshold: two persons."""
    two = people_of([10.0, 30.0], np.ones(2))
    kappa = kappa_of(np.array([10.0, 30.0]), np.ones(2), 0.5)
    goods, bads = (kolm_pollak(two, kappa, bads=b)[0, 0] for b in (False, True))

    assert kappa == pytest.approx(0.5 * 40 / 1000)
    assert goods == pytest.approx(-np.log((np.exp(-10 * kappa) + np.exp(-30 * kappa)) / 2) / kappa)
    assert bads == pytest.approx(np.log((np.exp(10 * kappa) + np.exp(30 * kappa)) / 2) / kappa)
    assert 10 < goods < 20 < bads < 30
    assert [fgt(two, 20.0, a, bads=False)[0, 0] for a in (0, 1, 2)] == [0.5, 0.25, 0.125]
    assert [fgt(two, 10.0, a, bads=False)[0, 0] for a in (0, 1, 2)] == [0.0, 0.0, 0.0]


def test_rational_agents_even_out_what_they_can():
    """By hand: two sites of 10 places at 0 and 6 minutes, 20 people, tau 60: D_1 - D_2 = 2 makes costs equal."""
    town = market(weighted(of_seconds([[0, 360]]), Binary(60.0)), np.array([20.0]), np.array([10.0, 10.0]))
    found = raam(town, tau_min=60.0, tolerance=1e-10)

    # 0 + D_1 / 10 = 0.1 + D_2 / 10 with rho = 1 and D_1 + D_2 = 20
    assert found.access.at_site["load"].ravel() == pytest.approx([10.5, 9.5], abs=1e-6)
    assert found.access.of() == pytest.approx([1.05], abs=1e-6)


@pytest.mark.parametrize("cells", [0, 3])
@pytest.mark.parametrize("sites", [0, 2])
@pytest.mark.parametrize("shape", [(1, 1), (2, 3)])
def test_no_cells_and_no_sites_have_defined_values(cells, sites, shape):
    """A district without people or a service nobody offers: 0 places, no minutes, everyone unmet, and no error."""
    nothing = np.full((cells, sites), -1)
    town = market(weighted(of_seconds(nothing), Binary(30.0)), np.ones((cells, shape[0])), np.ones((sites, shape[1])))
    found = measure_access(town, list(MEASURES), AccessOptions(wanted=1.0))
    if cells:
        assert all((found[name].of() == 0).all() for name in ("cumulative", "gravity", "2sfca", "bfca", "availability"))
        assert all(np.isnan(found[name].of()).all() for name in ("nearest", "dual", "logsum", "raam"))
        assert (found["unmet"].of() == 1).all()
    assert all(found[name].value.shape[:2] == (cells, shape[1]) for name in MEASURES)
    assert passive(town).shape == patronage(town).users.shape == (sites, shape[1], shape[0])
    assert constrained_doubly(town).converged
    assert allocation(town).notes["unmet"].tolist() == [float(cells * shape[0])] * shape[1]


@pytest.mark.parametrize(("people", "supply"), [([10.0], [0.0]), ([0.0], [5.0]), ([np.nan], [5.0]), ([10.0], [5.0])])
def test_one_cell_and_one_site(people, supply):
    """No capacity, nobody, unknown people, and the plain case: every measure has a value or says there is none."""
    town = market(weighted(of_seconds([[600]]), Binary(30.0)), np.array(people), np.array(supply))
    found = measure_access(town, list(MEASURES), AccessOptions(wanted=1.0))
    minutes, places = found["nearest"].of()[0], found["2sfca"].of()[0]

    assert np.isnan(minutes) if supply == [0.0] else minutes == 10.0
    assert places == (0.5 if people == [10.0] and supply == [5.0] else 0.0)
    assert not any(np.isinf(found[name].value).any() for name in MEASURES)


def test_a_limit_of_nought_reaches_whoever_is_there():
    """At 0 minutes the closed threshold holds: a site at home counts, one a second away does not."""
    times = of_seconds([[0, 1]], limit_s=1)
    town = market(weighted(times, Binary(0.0)), np.array([4.0]), np.array([2.0, 7.0]))

    assert two_step(town).of().tolist() == [0.5]
    assert measure_access(town, ["cumulative"], AccessOptions(threshold_min=0.0))["cumulative"].of().tolist() == [2.0]


def test_given_weights_above_one_waste_nothing_in_two_steps():
    """The scale of weights cancels in 2SFCA and 3SFCA; M2SFCA grows with it, as its docs say."""
    times, people, supply = of_seconds([[60, 120], [-1, 60]]), np.array([10.0, 30.0]), np.array([4.0, 3.0])
    one, ten = (market(given_weights(times, w * np.array([1.0, 0.5, 1.0]), "given"), people, supply) for w in (1, 10))

    for measure in (two_step, three_step, balanced):
        assert measure(ten).value == pytest.approx(measure(one).value, rel=1e-12)
    assert modified_two_step(ten).value == pytest.approx(10 * modified_two_step(one).value, rel=1e-12)
