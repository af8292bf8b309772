"""What-if edits of timetables: a line more, a line less, stops by their names."""

from dataclasses import replace

import numpy as np
import pytest
from feeds import SMALL, as_folder, changed, equal, never_overtakes, plus, runs

from civigrid.errors import SchemaError
from civigrid.io.gtfs import read_gtfs
from civigrid.travel.build_timetable import build_timetable
from civigrid.travel.edit_timetable import Line, find_stop, with_line, without_line

MONDAY = "2026-03-09"


def read(tmp_path, name="feed", **files):
    """Read the small feed with some files changed."""
    return read_gtfs(as_folder(tmp_path / name, changed(**files)))


def test_a_line_more_runs_both_ways_and_leaves_no_trace_when_taken_away(tmp_path):
    """Stops by name; every headway from both ends; by its running times or by speed; and back to the same bytes."""
    timetable, _ = build_timetable([read(tmp_path)], MONDAY)
    line = Line(name="X", stops=("Alder", "d", "Cedar"), first_s=0, last_s=1200, headway_s=600, run_s=(100, 50))
    more = with_line(timetable, line)
    found = {name: run[:2] for name, run in runs(more).items() if name.startswith("X:")}

    assert found == {f"X:0:{t}": (["a", "d", "c"], [t, t + 100, t + 150]) for t in (0, 600, 1200)} | {
        f"X:1:{t}": (["c", "d", "a"], [t, t + 50, t + 150]) for t in (0, 600, 1200)
    }
    never_overtakes(more)
    assert {n: r for n, r in runs(more).items() if n in runs(timetable)} == runs(timetable)
    equal(without_line(more, "X"), timetable)
    by_speed = with_line(timetable, replace(line, run_s=(), speed_kmh=36.0))
    metres = 6_371_008.8 * np.radians(0.04)
    assert runs(by_speed)["X:0:0"][1] == [0, round(metres / 10), round(metres / 10) + round(metres / 40)]


def test_a_line_less_takes_only_its_own(tmp_path):
    """Of two lines one is left, and a line that is not there is refused with those that are."""
    routes, trips = plus("routes", "q,A,8,,0"), SMALL["trips"].replace("r,week,t2", "q,week,t2")
    timetable, _ = build_timetable([read(tmp_path, routes=routes, trips=trips)], MONDAY)

    assert set(runs(without_line(timetable, "8"))) == {"t1", "t3"}
    with pytest.raises(SchemaError, match=r"no line is called '9'\. Lines: 7, 8\."):
        without_line(timetable, "9")
    with pytest.raises(SchemaError, match="a line is called '7' already"):
        with_line(timetable, Line(name="7", stops=("a", "b")))


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ({"stops": ("a",)}, "two stops"),
        ({"stops": ("a", "b"), "headway_s": 0}, "a headway of at least 1 s"),
        ({"stops": ("a", "b"), "last_s": 0}, "not before the first"),
        ({"stops": ("a", "b"), "speed_kmh": float("nan")}, "above 0 km/h"),
        ({"stops": ("a", "b"), "run_s": (1, 2)}, r"run_s needs 1 times.*2 stops to the next; got \[1, 2\]"),
        ({"stops": ("a", "b"), "run_s": (-1,)}, "run_s needs 1 times of at least 0 s"),
    ],
)
def test_a_line_that_cannot_run_is_refused(line, match):
    """Each of its numbers."""
    with pytest.raises(SchemaError, match=match):
        Line(name="X", **line)


def test_stops_are_found_by_name(tmp_path):
    """Platforms of one place: the one most trips leave from; the same name in two places, or in none, is refused."""
    rows = ["b2,Birch,49.0101,8.0,,", "x,Alder,49.5,8.0,,", "n,Nowhere,,,,"]
    feed = read(tmp_path, stops=plus("stops", *rows))
    timetable, _ = build_timetable([feed], MONDAY)

    assert timetable.stop_id[find_stop(timetable, "Birch")] == "b"
    assert timetable.stop_id[find_stop(timetable, "b2")] == "b2"
    with pytest.raises(SchemaError, match=r"2 stops are called 'Alder', up to 55,.* m from each other \(first: a, x\)"):
        find_stop(timetable, "Alder")
    with pytest.raises(SchemaError, match=r"no stop has the id or the name 'irc'\. Names like it: Birch\."):
        find_stop(timetable, "irc")
    with pytest.raises(SchemaError, match=r"a stop has no place\. Give run_s"):
        with_line(timetable, Line(name="X", stops=("a", "n")))
    assert "X" in with_line(timetable, Line(name="X", stops=("a", "n"), run_s=(60,))).pattern_line


def test_a_line_more_between_real_stops(real_data):
    """A new line through Mannheim by the names of its stops, where each name is of several platforms."""
    timetable, _ = build_timetable([read_gtfs(real_data / "rhein_neckar" / "rnv_gtfs.zip")], "2016-11-15")
    line = Line(name="new", stops=("Paradeplatz", "Wasserturm", "Universität"))
    more = with_line(timetable, line)

    assert len(more.trip_id) == len(timetable.trip_id) + 2 * 97
    assert len(np.flatnonzero(timetable.stop_name == "Paradeplatz")) > 1
    never_overtakes(more)
    equal(without_line(more, "new"), timetable)
