"""Travel times and one-stop shops in a run: what stands in cells, tables and parts agrees."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from civigrid.cells import values_of
from civigrid.errors import SchemaError
from civigrid.run import check_run, read_run, run_demo
from civigrid.run.access.onestop import KEPT, persona_of
from civigrid.run.config import Onestop

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
    assert "new family: shortest tour, minutes" in text
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
