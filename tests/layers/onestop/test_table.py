"""Cells, the result table and explanations of a persona, by hand and against each other."""

from dataclasses import replace

import numpy as np
import pytest
from shops import KINDS, metric_town

from civigrid.cells import measured, values_of
from civigrid.errors import SchemaError, UnknownNameError
from civigrid.layers.onestop import Bundle
from civigrid.layers.onestop.access import OneStopOptions, one_stop_cells, one_stop_of
from civigrid.layers.onestop.explain import capacity_of, demand_of, explain_cell, explain_site
from civigrid.layers.onestop.personas import PERSONAS, Persona
from civigrid.layers.onestop.table import one_stop_table, people_of, upper_quantile
from civigrid.result_table import check_table

PERSONA = Persona(
    name="somebody",
    title="somebody with four needs",
    bundle=Bundle(kinds=KINDS, visits=(2.0, 4.0, 4.0, 12.0), minutes=(30.0, 20.0, 15.0, 45.0), threshold_min=20.0),
    languages={"de": 1.0},
    free=(("Mo-Fr 08:00-18:00", 1.0),),
    modes={"walk": 0.75, "drive": 0.25},
)


def made(seed=3):
    """A town, and its access on foot and by car, at a third of the time."""
    town, times, between, services = metric_town(seed, offered=0.3)
    quick = replace(times, seconds=times.seconds // 3, mode="drive")
    found = {
        "walk": one_stop_of(times, between, services, PERSONA),
        "drive": one_stop_of(quick, between, services, PERSONA),
    }
    return town, between, services, found


def test_the_table_counts_persons_by_mode():
    """Means and persons beyond are those of persons times the share that has the mode."""
    town, _, _, found = made()
    table = check_table(one_stop_table(town, found, ["old", "new"], total="total"))
    values = table.set_index(["index", "groups"])["estimate"]
    for group in ("total", "old", "new"):
        persons = people_of(town, group)
        walk, drive = (found[m].patterns.nearest_min[:, 1] for m in ("walk", "drive"))
        weights = np.concatenate([0.75 * persons, 0.25 * persons])
        minutes = np.concatenate([walk, drive])
        known = ~np.isnan(minutes)
        beyond = weights[~(minutes <= 20)].sum()

        assert values["mean:minutes_doctor", group] == pytest.approx(
            weights[known] @ minutes[known] / weights[known].sum()
        )
        assert values["unreachable:minutes_doctor", group] == pytest.approx(weights[~known].sum())
        assert values["beyond:minutes_doctor", group] == pytest.approx(beyond)
        assert values["share_beyond:minutes_doctor", group] == pytest.approx(beyond / persons.sum())
    assert values["ratio:year_mix", "total"] == 1.0
    gaining = values["persons_gaining", "old"] + values["persons_gaining", "new"]
    assert values["persons_gaining", "total"] == pytest.approx(gaining)


def test_modes_that_are_not_there_are_named():
    """Results by the modes of the persona, no more and no less, of one persona, from these cells."""
    town, _, _, found = made()
    with pytest.raises(UnknownNameError, match="mode of the results 'drive'"):
        one_stop_table(town, {"walk": found["walk"]}, [], total="total")
    with pytest.raises(UnknownNameError, match="mode of travel 'bike'"):
        one_stop_table(town, {**found, "bike": found["walk"]}, [], total="total")
    other = replace(found["walk"], persona=replace(PERSONA, name="else"))
    with pytest.raises(SchemaError, match="of one persona"):
        one_stop_table(town, {"walk": other, "drive": found["drive"]}, [], total="total")
    with pytest.raises(SchemaError, match="do not start from these cells"):
        one_stop_table(town.isel(cell=slice(3)), found, [], total="total")
    with pytest.raises(SchemaError, match="do not start from these cells"):
        one_stop_cells(town.isel(cell=slice(3)), found["walk"], total="total")


def test_cells_carry_ways_and_stops():
    """Every variable stands on the cells with its description; stops are codes whose words are sites."""
    town, _, _, found = made()
    cells = one_stop_cells(town, found["walk"], total="total", prefix="x_")
    chains = found["walk"].chains

    assert {"x_round_chain", "x_year_mix", "x_week_all", "x_completeness", "x_completed"} <= set(measured(cells))
    np.testing.assert_array_equal(values_of(cells, "x_round_chain"), chains.chain_min)
    words = cells["x_chain_stop_1"].attrs["words"].split("|")
    for code, stop in zip(values_of(cells, "x_chain_stop_1"), chains.stops[:, 0], strict=True):
        assert (stop < 0 and np.isnan(code)) or words[int(code)] == found["walk"].times.site_id[stop]


def test_without_times_between_sites_there_are_no_chains():
    """Chains and referrals need times between the sites; all else stands."""
    town, times, _, services = metric_town(3)
    alone = one_stop_of(times, None, services, replace(PERSONA, modes={"walk": 1.0}))
    table = one_stop_table(town, {"walk": alone}, ["new"], total="total")

    assert alone.chains is None
    assert not table["index"].str.contains("chain|completed$").any()
    assert table["index"].str.contains("mean:round_mix").any()


def test_a_cell_is_explained():
    """Nearest sites, the binding one, competing demand, and a chain whose parts add up and whose clock goes on."""
    town, between, services, found = made()
    walk = found["walk"]
    people = {"total": values_of(town, "total"), "new": values_of(town, "new")}
    row = int(np.flatnonzero(np.isfinite(walk.chains.chain_min))[0])
    told = explain_cell(int(town["cell_id"][row]), walk, services, people, between=between)
    near, chain = told[told["part"] == "nearest"], told[told["part"].isin(["chain", "home"])]

    assert near["minutes"].tolist() == walk.patterns.nearest_min[row].tolist()
    assert near.loc[near["binding"].astype(bool), "minutes"].tolist() == [near["minutes"].max()]
    assert chain["minutes"].sum() == pytest.approx(walk.chains.chain_min[row])
    assert chain["when"].str.match(r"(Mo|Tu|We|Th|Fr) \d\d:\d\d").all()
    assert set("|".join(chain["service"].dropna()).split("|")) == set(KINDS)
    site = walk.times.site_id.tolist().index(near["site_id"].iloc[0])
    mine = walk.patterns.nearest_site[:, 0] == site
    assert near["visits"].iloc[0] == pytest.approx(2.0 * people["total"][mine].sum())
    assert near["capacity"].iloc[0] == capacity_of(walk, services)[site, 0]
    with pytest.raises(SchemaError, match="is not among"):
        explain_cell(1, walk, services, people)


def test_a_site_is_explained_by_closing_it():
    """Who would lose is who a run without the site finds further away."""
    town, _, services, found = made()
    walk = found["walk"]
    people = {"total": values_of(town, "total"), "new": values_of(town, "new")}
    for site in range(4):
        told = explain_site(f"s{site:02d}", walk, services, people).set_index(["service", "group"])
        kinds = [k for k in KINDS if (k, "new") in told.index]
        assert set(kinds) == set(services.kind[services.site == site].tolist())
        for kind in kinds:
            k = KINDS.index(kind)
            single = replace(PERSONA, bundle=Bundle(kinds=(kind,), threshold_min=20.0), modes={"walk": 1.0})
            closed = one_stop_of(walk.times, None, services.some(services.site != site), single).patterns.nearest_min[
                :, 0
            ]
            mine = walk.patterns.nearest_site[:, k] == site
            persons = np.where(mine, people["new"], 0.0)
            only = persons[np.isnan(closed)].sum()
            extra = np.nan_to_num(closed - walk.patterns.nearest_min[:, k]) @ persons

            assert told.loc[(kind, "new"), "persons"] == persons.sum()
            assert told.loc[(kind, "new"), "only"] == only
            visits = PERSONA.bundle.visits[k]
            assert told.loc[(kind, "new"), "person_minutes"] == pytest.approx(2 * extra * visits)
    with pytest.raises(SchemaError, match="is not among"):
        explain_site("nowhere", walk, services, people)


def test_demand_is_conserved():
    """Visits to all sites are the visits of all who reach one."""
    town, _, _, found = made()
    persons = values_of(town, "total")
    for k, visits in enumerate(PERSONA.bundle.visits):
        reached = ~np.isnan(found["walk"].patterns.nearest_min[:, k])
        assert demand_of(found["walk"], persons)[:, k].sum() == pytest.approx(visits * persons[reached].sum())


def test_upper_quantiles_are_of_persons():
    """The 90th percentile of persons is a value of someone, and of nobody it is not known."""
    assert upper_quantile(np.array([1.0, 2.0, 3.0]), np.array([1.0, 8.0, 1.0]), 0.9) == 2.0
    assert np.isnan(upper_quantile(np.array([1.0]), np.array([0.0]), 0.9))


def test_bad_personas_are_refused():
    """Shares outside their bounds and free time nobody understands."""
    plain = PERSONAS["job seeker"]
    with pytest.raises(SchemaError, match="modes add up to 0.5"):
        replace(plain, modes={"walk": 0.5})
    with pytest.raises(SchemaError, match="must lie in"):
        replace(plain, languages={"de": 0.8, "ar": 0.4})
    with pytest.raises(SchemaError, match="is not understood"):
        replace(plain, free=(("now and then", 1.0),))
    with pytest.raises(UnknownNameError, match="kind of the persona"):
        plain.of_kinds({"bakery": "baker"})
    assert OneStopOptions().hours
