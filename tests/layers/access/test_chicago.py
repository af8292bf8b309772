"""Real figures: Chicago's tracts, physicians and dentists, against the reference output and PySAL's traps."""

import warnings

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from civigrid.layers.access import given_weights, market, raam
from civigrid.layers.access.catchment import three_step, two_step
from civigrid.layers.access.cumulative import gravity
from civigrid.layers.access.decay import Binary, Gaussian
from civigrid.travel_times import times_of_pairs


@pytest.fixture(scope="module")
def chicago(real_data):
    """Pairs up to 15 km, in kilometres; people, physicians and dentists; the reference output."""
    folder = real_data / "access"
    people = gpd.read_file(folder / "chicago_metro_pop.geojson").sort_values("geoid", ignore_index=True)
    doctors = pd.read_csv(folder / "chicago_metro_docs_dentists.csv").sort_values("geoid", ignore_index=True)
    reference = pd.read_csv(folder / "reference_pysal_access_1.1.10_euclid15km.csv").sort_values("geoid")
    place = np.column_stack([people.geometry.x, people.geometry.y])
    km = np.sqrt(((place[:, None] - place[None]) ** 2).sum(axis=-1)) / 1000
    row, site = np.nonzero(km <= 15)
    ids = people["geoid"].astype(np.uint64).to_numpy()
    # metres stand for seconds: what is compared takes the exact kilometres
    metres = np.round(km[row, site] * 1000).astype(np.int64)
    times = times_of_pairs(ids, ids.astype(str), row, site, metres, limit_s=15_000, mode="straight line")
    assert ids.tolist() == doctors["geoid"].tolist() == reference["geoid"].tolist()
    return {
        "times": times,
        "km": km[row, site],
        "people": people["pop"].to_numpy(dtype=float),
        "supply": doctors[["doc", "dentist"]].to_numpy(dtype=float),
        "reference": reference,
    }


def _town(chicago, decay):
    weights = given_weights(chicago["times"], decay(chicago["km"]), "of kilometres")
    return market(weights, chicago["people"], chicago["supply"], services=("doc", "dentist"))


@pytest.mark.parametrize(
    ("measure", "decay", "column"),
    [
        (gravity, Binary(5.0), "cum5"),
        (two_step, Binary(5.0), "2sfca5"),
        (gravity, Gaussian(3.0), "grav_gauss3"),
    ],
)
def test_reference_output_to_the_twelfth_digit(chicago, measure, decay, column):
    """693,764 pairs, both services at once: every tract as access 1.1.10 has it."""
    found = measure(_town(chicago, decay))

    assert len(chicago["km"]) == 693_764
    for service in ("doc", "dentist"):
        theirs = chicago["reference"][f"{column}_{service}"].to_numpy(dtype=float)
        assert found.of(service) == pytest.approx(theirs, rel=1e-12, abs=0)


def test_all_physicians_are_shared_out(chicago):
    """7,254 = 7,254, and 4,970 dentists."""
    town = _town(chicago, Binary(5.0))
    found = two_step(town)
    shared = [(chicago["people"] * found.of(s)).sum() for s in ("doc", "dentist")]

    assert found.notes["supply_lost"].tolist() == [0.0, 0.0]
    assert shared == pytest.approx([7254.0, 4970.0], rel=1e-12)


def test_three_step_normalises_within_the_catchment_and_pysal_beyond_it(chicago):
    """PySAL's selection weight sums over its whole table: its number comes out only with its convention."""
    peer = pytest.importorskip("access.fca")
    times, some = chicago["times"], np.flatnonzero(chicago["supply"][:, 0] > 0)[:150]
    rows, km = times.rows(), chicago["km"]
    keep = np.isin(rows, some) & np.isin(times.site, some)
    table = pd.DataFrame({"origin": rows[keep], "dest": times.site[keep], "cost": km[keep]})
    demand = pd.DataFrame({"demand": chicago["people"][some]}, index=pd.Index(some, name="geoid"))
    supply = pd.DataFrame({"supply": chicago["supply"][some, 0]}, index=pd.Index(some, name="geoid"))
    decay = Gaussian(2.0)

    def theirs(costs):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = peer.three_stage_fca(
                demand.reset_index(), supply, costs.copy(), 5.0, weight_fn=lambda t: float(decay(np.array([t]))[0])
            )
        return found.reindex(some).to_numpy()

    def ours(within):
        number = np.full(len(chicago["people"]), -1)
        number[some] = np.arange(len(some))
        ids = np.arange(len(some), dtype=np.uint64)
        pairs = times_of_pairs(
            ids, np.array([f"{k:03d}" for k in ids]), number[table["origin"]], number[table["dest"]],
            np.zeros(len(table), dtype=np.int64), limit_s=0, mode="km",
        )  # fmt: skip
        order = np.lexsort((number[table["dest"]], number[table["origin"]]))
        cost = table["cost"].to_numpy()[order]
        weights = given_weights(pairs, np.where(cost <= within, decay(cost), 0.0), "km")
        town = market(weights, demand["demand"].to_numpy(), supply["supply"].to_numpy())
        return three_step(town).of(), weights, town

    mine, inside, town = ours(5.0)
    _, everywhere, _ = ours(15.0)
    # PySAL's convention: the normaliser of 15 km, catchments of 5
    f, g = (np.zeros((150, 150)) for _ in range(2))
    at = inside.times.rows(), inside.times.site
    f[at], g[at] = inside.weight, everywhere.weight
    select = f / g.sum(axis=1, keepdims=True)
    level = town.supply[:, 0] / (select * f * town.demand).sum(axis=0)
    convention = (select * f * level).sum(axis=1)

    assert theirs(table[table["cost"] <= 5.0]) == pytest.approx(mine, rel=1e-12)
    assert theirs(table) == pytest.approx(convention, rel=1e-12)
    assert np.abs(convention / mine - 1).max() > 1e-3


def test_raam_is_where_pysals_goes_with_finer_steps(chicago):
    """60 tracts: the peer's 150 cycles end 7 % away; ten times as many, with smaller steps, come near."""
    peer = pytest.importorskip("access.raam")
    times, km = chicago["times"], chicago["km"]
    some = np.flatnonzero(chicago["supply"][:, 0] > 0)[:60]
    keep = np.isin(times.rows(), some) & np.isin(times.site, some)
    table = pd.DataFrame({"origin": times.rows()[keep], "dest": times.site[keep], "cost": np.round(km[keep] * 60)})
    demand = pd.DataFrame({"demand": chicago["people"][some].astype(int)}, index=some)
    supply = pd.DataFrame({"supply": chicago["supply"][some, 0]}, index=some)
    early = peer.raam(demand, supply, table, tau=600).reindex(some).to_numpy()
    more = {"max_cycles": 1500, "min_step": 0.0005, "half_life": 150}
    late = peer.raam(demand, supply, table, tau=600, **more).reindex(some).to_numpy()

    number = np.full(len(chicago["people"]), -1)
    number[some] = np.arange(60)
    ids = np.arange(60, dtype=np.uint64)
    mine = times_of_pairs(
        ids, np.array([f"{k:02d}" for k in ids]), number[table["origin"]], number[table["dest"]],
        table["cost"].to_numpy().astype(np.int64), limit_s=900, mode="km",
    )  # fmt: skip
    town = market(
        given_weights(mine, np.ones(len(mine.site)), "1"), demand["demand"].to_numpy(), supply["supply"].to_numpy()
    )
    found = raam(town, tau_min=10.0, tolerance=1e-7)

    assert found.converged == (True,)
    assert found.access.of() == pytest.approx(late, rel=0.02)
    assert np.abs(early / found.access.of() - 1).max() > 0.05
    assert found.access.notes["demand_unserved"][0] == 0
