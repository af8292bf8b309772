"""GTFS feeds: read whatever their form; every row is kept or told of; nothing damaged breaks more than itself."""

import json

import numpy as np
import pandas as pd
import pytest
from feeds import SMALL, as_folder, as_zip, changed, plus, rules, unaccounted

from civigrid.io.gtfs import read_gtfs
from civigrid.io.gtfs_report import check_gtfs


def read(tmp_path, **files):
    """Read the small feed with some files changed."""
    return read_gtfs(as_folder(tmp_path / "feed", changed(**files)))


def times(feed, trip):
    """Stops, arrivals and departures of a trip."""
    rows = feed.stop_times[feed.stop_times["trip"] == feed.trips.index.get_loc(trip)]
    return (feed.stops.index[rows["stop"]].tolist(), rows["arrival"].tolist(), rows["departure"].tolist())


def crlf(files):
    """Windows line ends and a mark of byte order."""
    return {name: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() for name, text in files.items()}


def quoted(files, between=","):
    """Quotes around every value."""
    return {
        name: "".join(between.join(f'"{v}"' for v in line.split(",")) + "\n" for line in text.splitlines())
        for name, text in files.items()
    }


def wide(files):
    """Blanks around values, names of columns in capitals, a column nobody knows, an empty line at the end."""
    found = {}
    for name, text in files.items():
        head, *rows = text.splitlines()
        body = [" , ".join(row.split(",")) + " ,x" for row in rows]
        found[name] = "\n".join([" ,".join(head.upper().split(",")) + ",colour", *body, "", ""])
    return found


@pytest.mark.parametrize(
    "form", [crlf, quoted, lambda f: quoted(f, ", "), wide], ids=["crlf", "quotes", "blanks", "wide"]
)
def test_the_form_of_the_text_changes_nothing(tmp_path, form):
    """Line ends, quotes, blanks, capitals and unknown columns: the same feed, and no more faults."""
    expected = read(tmp_path)
    feed = read_gtfs(as_folder(tmp_path / "form", form(SMALL)))

    for name in ("stops", "routes", "trips", "stop_times", "services"):
        pd.testing.assert_frame_equal(getattr(expected, name), getattr(feed, name))
    assert expected.faults == feed.faults


@pytest.mark.parametrize(("under", "names"), [("", str), ("feed/", str), ("", str.upper)])
def test_zip_and_folder_are_the_same(tmp_path, under, names):
    """A zip, a zip with its files in a folder, and one with names in capitals."""
    expected = read(tmp_path)
    files = {names(f"{name}.txt"): text for name, text in SMALL.items()}
    feed = read_gtfs(as_zip(tmp_path / "feed.zip", files, under=under))

    pd.testing.assert_frame_equal(expected.stop_times, feed.stop_times)
    assert expected.faults == feed.faults
    assert feed.name == "feed.zip"


def test_times_nobody_wrote_lie_on_the_way(tmp_path):
    """One quarter and three quarters of the way from a to d, by the distance between stops; the written ones stay."""
    feed = read(tmp_path)

    assert times(feed, "t1") == (["a", "b", "c", "d"], [28800, 28920, 29160, 29280], [28800, 28920, 29160, 29280])
    assert times(feed, "t2") == (["a", "b", "c"], [32400, 32520, 32880], [32400, 32580, 32880])
    assert rules(feed)["interpolated", "stop_times.txt"] == (2, ("t1",))
    assert feed.stop_times["written"].tolist() == [True, False, False, True] + [True] * 5


@pytest.mark.parametrize(
    ("along", "arrivals"),
    [
        (("0", "6", "9", "12"), [28800, 29040, 29160, 29280]),
        (("0", "6", "", "12"), [28800, 28920, 29160, 29280]),
        (("0", "6", "5", "12"), [28800, 28920, 29160, 29280]),
        (("-1", "6", "9", "12"), [28800, 28920, 29160, 29280]),
        (("3", "3", "3", "3"), [28800, 28960, 29120, 29280]),
    ],
    ids=["whole", "gap", "falls", "negative", "one place"],
)
def test_times_follow_the_shape_where_it_is_whole(tmp_path, along, arrivals):
    """The way along the shape counts where it is whole and does not fall; at one place time is shared evenly."""
    rows = [
        f"t1,{'' if k in (1, 2) else f'08:0{k and 8}:00'},,{stop},{k},{way}"
        for k, (stop, way) in enumerate(zip("abcd", along, strict=True))
    ]
    head = "trip_id,arrival_time,departure_time,stop_id,stop_sequence,shape_dist_traveled"
    feed = read(tmp_path, stop_times="\n".join([head, *rows]))

    assert arrivals == times(feed, "t1")[1]


def test_trips_without_end_times_are_dropped(tmp_path):
    """Nothing can be filled in before the first time or after the last: the trip and its rows are told as dropped."""
    feed = read(tmp_path, stop_times=SMALL["stop_times"].replace("t1,08:08:00,08:08:00", "t1,,"))
    found = rules(feed)

    assert feed.trips.index.tolist() == ["t2", "t3"]
    assert found["no-end-times", "trips.txt"] == (1, ("t1",))
    assert found["dropped-trip", "stop_times.txt"] == (4, ("t1",))
    assert unaccounted(feed) == {}


def test_falling_times_are_raised(tmp_path):
    """A time before the one of the stop before is raised to it, and a departure before its arrival to that."""
    text = SMALL["stop_times"].replace("09:02:00,09:03:00", "09:10:00,09:09:00")
    feed = read(tmp_path, stop_times=text)
    found = rules(feed)

    assert times(feed, "t2") == (["a", "b", "c"], [32400, 33000, 33000], [32400, 33000, 33000])
    assert found["time-falls", "stop_times.txt"] == (1, ("t2",))
    assert found["arrival-after-departure", "stop_times.txt"] == (1, ("t2",))


def test_times_that_begin_anew_after_midnight_are_repaired(tmp_path):
    """00:20 after 23:50 is 24:20."""
    feed = read(tmp_path, stop_times=SMALL["stop_times"].replace("24:20:00", "00:20:00"))

    assert times(feed, "t3")[1] == [85800, 87600]
    assert rules(feed)["past-midnight", "stop_times.txt"] == (1, ("t3",))


STOPS, TRIPS, TIMES = SMALL["stops"], SMALL["trips"], SMALL["stop_times"]
FREQUENCIES = "trip_id,start_time,end_time,headway_secs,exact_times\n"
TRANSFERS = "from_stop_id,to_stop_id,transfer_type,min_transfer_time,from_trip_id,to_trip_id\n"


def test_the_sound_feed_has_no_errors(tmp_path):
    """Of the small feed only the times that are filled in are told."""
    feed = read(tmp_path)

    assert [(f.rule, f.severity) for f in feed.faults] == [("interpolated", "note")]
    assert {name: (n, n) for name, (n, _) in feed.rows.items()} == dict(feed.rows)


def stations(tmp_path, **files):
    """A feed whose stops b and c are platforms of a station, with an entrance and a mezzanine."""
    rows = ["s,Stadium,49.02,8,1,", "e,Entrance,49.02,8,2,s", "m,Mezzanine,,,3,s"]
    stops = STOPS.replace("49.01,8.00,,", "49.01,8.00,0,s").replace("49.03,8.00,,", "49.03,8.00,,s")
    return read(tmp_path, stops=stops + "".join(f"{row}\n" for row in rows), **files)


def changes(feed):
    """Stated changes by the ids of their stops."""
    names = feed.stops.index
    return {(names[c.a], names[c.b]): c.seconds for c in feed.changes.itertuples()}


def test_changes_are_those_the_feed_states(tmp_path):
    """Type 2 takes its time, types 0 and 1 the walk, of several the shortest; type 3 is told and not used."""
    text = TRANSFERS + "a,b,2,90,,\na,b,2,60,,\nb,a,0,,,\na,a,2,120,,\nd,a,3,,,\nc,d,1,45,,\n"
    walk = 6_371_008.8 * np.radians(0.01) * 1.3 * 3.6 / 4.8
    feed = read(tmp_path, transfers=text)

    assert {("a", "b"): 60, ("b", "a"): round(walk), ("a", "a"): 120, ("c", "d"): 45} == changes(feed)
    assert feed.rows["transfers.txt"] == (6, 4)


def test_changes_without_a_time_take_the_walk_between_platforms(tmp_path):
    """Of a station to itself: from each platform to the other, none to itself; where a vehicle waits, that too."""
    walk = round(6_371_008.8 * np.radians(0.02) * 1.3 * 3.6 / 4.8)
    loose = stations(tmp_path / "loose", transfers=TRANSFERS + "s,s,0,,,\na,a,0,,,\na,s,0,,,\n")
    waits = stations(tmp_path / "waits", transfers=TRANSFERS + "s,s,1,,,\na,a,1,,,\n")

    assert {("b", "c"): walk, ("c", "b"): walk, ("a", "b"): round(walk / 2), ("a", "c"): round(walk * 1.5)} == (
        changes(loose)
    )
    assert rules(loose)["change-of-no-time", "transfers.txt"] == (1, ("a",))
    assert unaccounted(loose) == {}
    assert {("b", "c"): walk, ("c", "b"): walk} | {(p, p): 0 for p in "abc"} == changes(waits)


@pytest.mark.parametrize(("kind", "seconds"), [("0", 60), ("", 60), ("2", 60), ("1", 22)])
def test_a_change_without_a_time_is_not_made_at_once(tmp_path, kind, seconds):
    """Platforms 22 m apart: a minute at least, but where the vehicle waits."""
    stops = plus("stops", "z,Zelkova,49.0002,8,,")

    assert changes(read(tmp_path, stops=stops, transfers=TRANSFERS + f"a,z,{kind},,,\n")) == {("a", "z"): seconds}


def test_what_holds_for_all_vehicles_counts_before_what_holds_for_some(tmp_path):
    """Else the longest of what holds for some: nobody misses a vehicle by it."""
    text = TRANSFERS + "a,b,2,30,t1,\na,b,2,60,,\nc,d,2,30,t1,\nc,d,2,90,t2,\n"

    assert changes(read(tmp_path, transfers=text)) == {("a", "b"): 60, ("c", "d"): 90}


def test_changes_of_a_station_hold_for_its_platforms(tmp_path):
    """From a to the station is to both of its platforms; from the station to itself is between all of them."""
    feed = stations(tmp_path, transfers=TRANSFERS + "a,s,2,90,,\ns,s,2,200,,\n")
    expected = {("a", "b"): 90, ("a", "c"): 90} | {(p, q): 200 for p in "bc" for q in "bc"}

    assert expected == changes(feed)


def test_pathways_become_changes_between_platforms(tmp_path):
    """The quickest way through the station: stairs up, a passage by its length; a one-way escalator leads one way."""
    head = "pathway_id,from_stop_id,to_stop_id,pathway_mode,is_bidirectional,traversal_time,length\n"
    ways = ["1,b,m,2,1,30,", "2,m,c,1,1,,40", "3,c,b,4,0,10,", "4,e,m,1,1,5,", "5,m,nowhere,1,1,5,"]
    feed = stations(tmp_path, pathways=head + "".join(f"{w}\n" for w in ways))

    assert changes(feed) == {("b", "c"): 60, ("c", "b"): 10}
    assert feed.rows["pathways.txt"] == (5, 4)


def test_a_way_of_no_time_and_no_place_is_told(tmp_path):
    """The mezzanine has no place: a way to it without time or length cannot be used."""
    head = "pathway_id,from_stop_id,to_stop_id,pathway_mode,is_bidirectional,traversal_time\n"
    feed = stations(tmp_path, pathways=head + "1,b,m,2,1,\n2,m,c,1,1,5\n")

    assert changes(feed) == {}
    assert rules(feed)["change-time", "pathways.txt"] == (1, ("b",))


def test_what_a_feed_is_and_lacks_as_json(tmp_path):
    """All of the check can be written as JSON, and says who, where, when and how much."""
    found = json.loads(json.dumps(check_gtfs(as_folder(tmp_path / "feed", SMALL))))

    assert tuple(found[k] for k in ("agencies", "stops", "stops_served", "routes", "trips")) == (
        ["Havel Lines"],
        4,
        4,
        {"bus": 1},
        3,
    )
    assert (found["first_day"], found["last_day"]) == ("2026-03-02", "2026-03-29")
    week = ["Mon 2026-03-02", "Tue 2026-03-03", "Wed 2026-03-04", "Thu 2026-03-05", "Fri 2026-03-06"]
    assert found["trips_by_weekday"] == dict.fromkeys(week, 2) | {"Sat 2026-03-07": 0, "Sun 2026-03-08": 1}
    assert found["hours"] == {"first_departure": "08:00", "last_arrival": "24:20"}
    assert found["west_south_east_north"] == [8.0, 49.0, 8.0, 49.04]
    assert (found["without_errors"], found["errors"], found["warnings"]) == (True, 0, 0)


@pytest.mark.parametrize(("today", "warnings"), [("", 0), ("2026-03-29", 0), ("2026-03-30", 1)])
def test_a_feed_that_has_run_out_is_told(tmp_path, today, warnings):
    """Its last day of trips lies before the day it is wanted for."""
    found = check_gtfs(as_folder(tmp_path / "feed", SMALL), today=today)

    assert warnings == found["warnings"]
    assert ["expired"] * warnings == [f["rule"] for f in found["faults"] if f["severity"] == "warning"]


def test_the_order_of_rows_changes_nothing(tmp_path):
    """All files shuffled: the same feed, row for row, and the same faults but for which lines are named."""
    rng = np.random.default_rng(5)
    expected = read(tmp_path, transfers=TRANSFERS + "a,b,2,90,,\nb,c,0,,,\n")
    files = changed(transfers=TRANSFERS + "a,b,2,90,,\nb,c,0,,,\n")
    mixed = {}
    for name, text in files.items():
        head, *rows = text.splitlines()
        mixed[name] = "\n".join([head, *rng.permutation(rows).tolist()])
    feed = read_gtfs(as_folder(tmp_path / "mixed", mixed))

    for name in ("stops", "trips", "stop_times", "exceptions", "changes", "seated"):
        pd.testing.assert_frame_equal(getattr(expected, name), getattr(feed, name))
    assert expected.faults == feed.faults
