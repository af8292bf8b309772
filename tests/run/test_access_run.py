"""Travel times and one-stop shops in a run: what stands in cells, tables and parts agrees."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from civigrid.cells import values_of
from civigrid.errors import SchemaError, UnknownNameError
from civigrid.layers.onestop.edits import Close
from civigrid.run import check_run, read_run, run_demo
from civigrid.run.access.onestop import KEPT, persona_of
from civigrid.run.access.served import served_sites
from civigrid.run.access.steps import times_of_part
from civigrid.run.access.whatif import known_site
from civigrid.run.config import Onestop
from civigrid.run.parts import PartStore

PERSONS = 6_000


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo on a small city."""
    folder = tmp_path_factory.mktemp("demo")
    return folder, run_demo(folder, persons=PERSONS)


def of(cells, name):
    """Values of a newly arrived family."""
    return values_of(cells, f"new_family_{name}")


def test_what_a_persona_needs_keeps_the_order_of_its_ways(demo):
    """The cheapest mix is no longer than separate trips or one stop; a place that has all makes the bundle complete."""
    cells = demo[1].cells["register_200m"]
    for name in KEPT:
        assert f"new_family_{name}" in cells
    mix, separate, one = of(cells, "round_mix"), of(cells, "round_separate"), of(cells, "round_one_stop")
    both = np.isfinite(mix) & np.isfinite(separate)
    assert both.any()
    assert (mix[both] <= separate[both] + 1e-9).all()
    stop = np.isfinite(one) & np.isfinite(mix)
    assert (mix[stop] <= one[stop] + 1e-9).all()
    near = one <= 60.0
    assert near.any()
    assert (of(cells, "completeness")[near] >= 1 - 1e-9).all()


def test_codes_have_words(demo):
    """Nearest services and stops of tours are codes whose words are names of the services' table."""
    cells = demo[1].cells["register_200m"]
    for name in ("nearest_doctor", "binding", "chain_stop_1"):
        variable = cells[f"new_family_{name}"]
        words = variable.attrs["words"].split("|")
        codes = variable.to_numpy()
        codes = codes[np.isfinite(codes)]
        assert len(codes)
        assert codes.max() < len(words)
    assert all(word.startswith("Doctor") for word in cells["new_family_nearest_doctor"].attrs["words"].split("|"))


def test_places_show_no_less_because_few_live_there(demo):
    """Minutes say something of the place: where residents are hidden the minutes are not."""
    released = pd.read_parquet(demo[0] / "release" / "cells" / "register_200m.parquet")
    hidden = released["population"].isna()
    assert hidden.any()
    assert released.loc[hidden, "minutes_doctor"].notna().any()
    assert "minutes_doctor_status" not in released


def test_times_of_a_run_are_parts_that_are_kept(demo):
    """Cells to services and services to services, with how they were made."""
    folder, _ = demo
    record = json.loads(next((folder / "parts").glob("times-1-*.json")).read_text())
    assert set(record["tables"]) == {"times", "sites", "between", "findings"}
    assert record["facts"]["departures"] == 120
    again = run_demo(folder, persons=PERSONS)
    assert again.seconds["times:0"] == 0.0
    assert again.seconds["onestop:0"] == 0.0


def test_the_report_names_personas(demo):
    """In words, and in rows that fit a page."""
    text = (demo[0] / "release" / "report.html").read_text()
    assert "minutes of separate trips" in text
    assert "What all services take: new family" in text
    assert "Shortest tour, minutes" in text
    assert "p90:round_mix" not in text


def test_wrong_names_are_told_by_key(demo, tmp_path):
    """Times, personas and modes that are not there."""
    text = (demo[0] / "demo.toml").read_text()
    changes = {
        'times = { walk = "walk", transit = "transit" }': 'times = { walk = "feet" }',
        '"new family", "older resident"': '"new family", "robot"',
    }
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "wrong.toml").write_text(text.replace('"havelmark/', f'"{demo[0]}/havelmark/'))
    _, faults = check_run(tmp_path / "wrong.toml")
    told = {fault.key: fault for fault in faults}
    assert "run.onestop[0].times.walk" in told
    assert "run.onestop[0].personas" in told
    assert told["run.onestop[0].personas"].line > 0
    assert read_run(demo[0] / "demo.toml").onestop[0].total == "population"


def test_modes_of_personas_are_those_there_are():
    """Who has a mode without times is shared out among the others; a mode named without times is refused."""
    item = Onestop(cells="c", sites=("s",), times={"walk": "w", "transit": "t"})
    modes = persona_of("job seeker", item).modes
    assert modes == pytest.approx({"walk": 1 / 3, "transit": 2 / 3})
    with pytest.raises(SchemaError, match="modes of travel without times: bike"):
        persona_of("job seeker", Onestop(cells="c", sites=("s",), times={"walk": "w"}, modes={"bike": 1.0}))
    with pytest.raises(SchemaError, match="say with modes"):
        persona_of("job seeker", Onestop(cells="c", sites=("s",), times={"ferry": "f"}))


def of_parameters(table, **wanted):
    """Rows whose parameters say so."""
    about = table["parameters"].map(json.loads)
    return table[about.map(lambda a: all(a.get(k) == v for k, v in wanted.items()))]


def test_edits_close_one_office_and_nobody_gains(demo):
    """Closing costs minutes, longer hours cost none; gains and losses stand in cells and in the table."""
    done = demo[1]
    table = done.results[done.results["index"].str.startswith("onestop:")]
    edits = ["close=advice_office-001", "hours=advice_office-000:Mo-Sa 09:00-19:00"]
    edited = of_parameters(table, persona="new family", edits=edits)
    assert len(edited)
    cells = done.cells["register_200m"]
    change = values_of(cells, "new_family_if_minutes_change_population")
    assert change.min() >= 0
    assert change.max() > 0
    lose = values_of(cells, "new_family_if_lose_population")
    assert np.nansum(lose) == np.nansum(values_of(cells, "population")[change > 0])


def test_archetypes_keep_to_the_budget(demo):
    """Each layout but today's costs at most the budget; who pays in the cluster adds up by every rule."""
    folder, done = demo
    cost = done.results[done.results["index"] == "onestop:cost"]
    layout = cost["parameters"].map(lambda text: json.loads(text)["layout"])
    assert set(layout) == {"today", "one hub", "neighbourhood points", "hub and satellites", "cluster of towns"}
    assert (cost.loc[layout != "today", "estimate"] <= 3_000_000).all()
    shared = done.results[done.results["index"].str.startswith("sharing:")]
    sums = shared[shared["index"] != "sharing:alone"].groupby("index")["estimate"].sum()
    assert sums.to_numpy() == pytest.approx(np.full(len(sums), sums.iloc[0]))
    assert (folder / "release" / "figures" / "archetypes-1.svg").read_text().count("cluster of towns") >= 1
    assert "Ways to organise services" in (folder / "release" / "report.html").read_text()


def test_sites_of_edits_are_named_as_people_do(demo):
    """By their own id or with the source's; an unknown one is told with its neighbours."""
    folder, _ = demo
    name = next((folder / "parts").glob("times-0-*.json")).stem
    times = times_of_part(PartStore(folder / "parts").load("times:0", name.rsplit("-", 1)[1])).times
    full = known_site(Close(site="library-003"), times)
    assert full.site == "services:library-003"
    assert known_site(full, times) == full
    with pytest.raises(UnknownNameError, match="Did you mean 'library-003'"):
        known_site(Close(site="libary-003"), times)


def test_sites_tell_whom_they_serve_and_no_few():
    """Counts are rounded to the threshold; below it nothing is told, nor a site that serves fewer."""
    rows = [("s:1", "doctor", "all", 1234.0, 4.0, 7.2), ("s:1", "doctor", "a", 9.0, 0.0, 7.0),
            ("s:1", "doctor", "b", 61.0, 0.0, 7.0), ("s:2", "doctor", "all", 6.0, 6.0, np.nan)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["site_id", "service", "group", "persons", "only", "extra_minutes"])
    sites = gpd.GeoDataFrame({"name": ["x", "y"]}, geometry=gpd.points_from_xy([8, 9], [50, 50]), index=["s:1", "s:2"])
    told = served_sites(table, sites, 10)
    assert told["served"].tolist() == ["nearest doctor of 1,230 (60 b); 7 minutes more to the next"]
    assert len(served_sites(table, sites, 0)) == 2


def test_a_map_tells_whom_services_serve(demo):
    """The popups of the demo's map."""
    page = (demo[0] / "release" / "maps" / "a-day-in-the-life-of-a-newly-arrived-family.html").read_text()
    assert "Serves (new family): nearest" in page
