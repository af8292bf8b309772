"""Every fault of a feed is told by its rule, counted, and breaks no more than itself."""

from datetime import date

import pytest
from feeds import SMALL, as_folder, as_zip, changed, plus, rules, unaccounted

from civigrid.errors import SourceError
from civigrid.io.gtfs import read_gtfs
from civigrid.io.gtfs_report import gtfs_report
from civigrid.travel.service_days import running


def read(tmp_path, **files):
    """Read the small feed with some files changed."""
    return read_gtfs(as_folder(tmp_path / "feed", changed(**files)))


STOPS, TRIPS, TIMES = SMALL["stops"], SMALL["trips"], SMALL["stop_times"]
FREQUENCIES = "trip_id,start_time,end_time,headway_secs,exact_times\n"
TRANSFERS = "from_stop_id,to_stop_id,transfer_type,min_transfer_time,from_trip_id,to_trip_id\n"
DAMAGES = {
    "stop twice": ({"stops": plus("stops", "a,Ash,48,8,,")}, "duplicate-id", "stops.txt", 1),
    "stop without id": ({"stops": plus("stops", ",Ash,48,8,,")}, "missing-id", "stops.txt", 1),
    "stop nowhere": ({"stops": STOPS.replace("49.01", "149.01")}, "stop-place", "stops.txt", 1),
    "stop without place": ({"stops": STOPS.replace("49.01,8.00", ",")}, "stop-place", "stops.txt", 1),
    "stop at zero": ({"stops": STOPS.replace("49.01,8.00", "0,0.0")}, "stop-at-zero", "stops.txt", 1),
    "latitude of words": ({"stops": STOPS.replace("49.01", "north")}, "not-a-number", "stops.txt", 1),
    "far stop": ({"stops": plus("stops", "z,Zelkova,12,8,,")}, "far-stop", "stops.txt", 1),
    "unused stop": ({"stops": plus("stops", "z,Zelkova,49,8,,")}, "unused-stop", "stops.txt", 1),
    "nameless stop": ({"stops": STOPS.replace("Birch", "")}, "stop-name", "stops.txt", 1),
    "unknown kind": ({"stops": STOPS.replace("8.00,,", "8.00,9,", 1)}, "unknown-code", "stops.txt", 1),
    "unknown station": ({"stops": plus("stops", "z,Z,49,8,,nowhere")}, "unknown-parent", "stops.txt", 1),
    "no station": ({"stops": plus("stops", "z,Z,49,8,,a")}, "parent-kind", "stops.txt", 1),
    "entrance of nothing": ({"stops": plus("stops", "z,Z,49,8,2,")}, "missing-parent", "stops.txt", 1),
    "served station": ({"stops": STOPS.replace("49.01,8.00,", "49.01,8.00,1")}, "served-station", "stop_times.txt", 1),
    "route twice": ({"routes": plus("routes", "r,A,8,,3")}, "duplicate-id", "routes.txt", 1),
    "route of no agency": ({"routes": SMALL["routes"].replace("r,A", "r,B")}, "unknown-agency", "routes.txt", 1),
    "route of no kind": ({"routes": SMALL["routes"].replace(",,3", ",,")}, "missing-value", "routes.txt", 1),
    "route of odd kind": ({"routes": SMALL["routes"].replace(",,3", ",,77")}, "unknown-code", "routes.txt", 1),
    "nameless route": ({"routes": SMALL["routes"].replace(",7,", ",,")}, "route-name", "routes.txt", 1),
    "no agency": ({"agency": None}, "no-agency", "agency.txt", 1),
    "agency nowhere": ({"agency": SMALL["agency"].replace("Europe/Berlin", "")}, "missing-value", "agency.txt", 1),
    "two time zones": ({"agency": plus("agency", "B,B,https://b,UTC")}, "time-zones", "agency.txt", 2),
    "trip twice": ({"trips": plus("trips", "r,week,t1,")}, "duplicate-id", "trips.txt", 1),
    "trip of no route": ({"trips": TRIPS.replace("r,week,t2", "q,week,t2")}, "unknown-route", "trips.txt", 1),
    "trip of no service": ({"trips": TRIPS.replace("r,week,t2", "r,never,t2")}, "unknown-service", "trips.txt", 1),
    "trip of one stop": ({"stop_times": TIMES.replace("24:20:00,d", "24:20:00,y")}, "no-stops", "trips.txt", 1),
    "time at no stop": ({"stop_times": TIMES.replace("24:20:00,d", "24:20:00,y")}, "unknown-stop", "stop_times.txt", 1),
    "time of no trip": ({"stop_times": plus("stop_times", "x,9:00:00,,a,1")}, "unknown-trip", "stop_times.txt", 1),
    "time not numbered": ({"stop_times": plus("stop_times", "t1,9:00:00,,a,")}, "sequence", "stop_times.txt", 1),
    "number twice": ({"stop_times": plus("stop_times", "t1,9:00:00,,a,3")}, "sequence-twice", "stop_times.txt", 1),
    "no time of day": ({"stop_times": TIMES.replace("09:02:00,", "9.02,")}, "time", "stop_times.txt", 1),
    "too fast": ({"stop_times": TIMES.replace("08:08:00", "08:00:01")}, "too-fast", "stop_times.txt", 1),
    "no time at all": ({"stop_times": TIMES.replace("08:08:00", "08:00:00")}, "no-time", "stop_times.txt", 1),
    "late": ({"stop_times": TIMES.replace("24:20:00", "31:20:00")}, "late-times", "stop_times.txt", 1),
    "no day": ({"calendar": SMALL["calendar"].replace("20260302", "20270302")}, "no-day", "calendar.txt", 1),
    "no date": ({"calendar": SMALL["calendar"].replace("20260329", "29.3.26", 1)}, "date", "calendar.txt", 1),
    "backwards": ({"calendar": SMALL["calendar"].replace("0329", "0228", 1)}, "calendar-span", "calendar.txt", 1),
    "no weekday": ({"calendar": SMALL["calendar"].replace("k,1,", "k,x,")}, "unknown-code", "calendar.txt", 1),
    "no day of a service": (
        {"calendar": SMALL["calendar"].replace("1,1,1,1,1", "0,0,0,0,0")}, "service-without-day", "calendar.txt", 1,
    ),
    "unused service": (
        {"calendar": plus("calendar", "q,1,1,1,1,1,0,0,20260302,20260329")}, "unused-service", "calendar.txt", 1,
    ),
    "odd exception": (
        {"calendar_dates": "service_id,date,exception_type\nweek,20260303,3\n"}, "exception-type", "calendar_dates.txt",
        1,
    ),
    "exception of no day": (
        {"calendar_dates": "service_id,date,exception_type\nweek,20260230,2\n"}, "date", "calendar_dates.txt", 1,
    ),
    "exceptions at odds": (
        {"calendar_dates": "service_id,date,exception_type\nweek,20260303,1\nweek,20260303,2\n"}, "exception-twice",
        "calendar_dates.txt", 1,
    ),
    "headway of nothing": (
        {"frequencies": FREQUENCIES + "t1,08:00:00,09:00:00,0,\n"}, "frequency", "frequencies.txt", 1,
    ),
    "headway of no trip": (
        {"frequencies": FREQUENCIES + "x,08:00:00,09:00:00,60,\n"}, "unknown-trip", "frequencies.txt", 1,
    ),
    "headways overlap": (
        {"frequencies": FREQUENCIES + "t1,08:00:00,09:00:00,60,\nt1,08:30:00,10:00:00,60,\n"}, "frequency-overlap",
        "frequencies.txt", 1,
    ),
    "headway again": (
        {"frequencies": FREQUENCIES + "t1,08:00:00,09:00:00,60,\n" * 2}, "frequency-twice", "frequencies.txt", 1,
    ),
    "change at no stop": ({"transfers": TRANSFERS + "a,x,0,,,\n"}, "unknown-stop", "transfers.txt", 1),
    "change of no time": ({"transfers": TRANSFERS + "a,b,2,,,\n"}, "missing-value", "transfers.txt", 1),
    "change back in time": ({"transfers": TRANSFERS + "a,b,2,-5,,\n"}, "change-time", "transfers.txt", 1),
    "no change": ({"transfers": TRANSFERS + "a,b,3,,,\n"}, "no-change", "transfers.txt", 1),
    "change again": ({"transfers": TRANSFERS + "a,b,2,90,,\na,b,2,60,,\n"}, "change-again", "transfers.txt", 1),
    "change of some": ({"transfers": TRANSFERS + "a,b,2,90,t1,\n"}, "change-of-some", "transfers.txt", 1),
    "seat in no trip": ({"transfers": TRANSFERS + "a,b,4,,t1,x\n"}, "unknown-trip", "transfers.txt", 1),
    "way to nowhere": (
        {"pathways": "pathway_id,from_stop_id,to_stop_id,pathway_mode,is_bidirectional\np,a,x,1,1\n"}, "unknown-stop",
        "pathways.txt", 1,
    ),
    "shape of one point": (
        {"shapes": "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\ns,49,8,1\n"}, "shape-short", "shapes.txt", 1,
    ),
    "shape nowhere": (
        {"shapes": "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\ns,99,8,1\ns,49,8,2\n"}, "shape-place",
        "shapes.txt", 1,
    ),
    "no shape": (
        {"trips": "route_id,service_id,trip_id,shape_id\nr,week,t1,s\nr,week,t2,\nr,sunday,t3,\n"}, "unknown-shape",
        "trips.txt", 1,
    ),
    "feed backwards": (
        {"feed_info": "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date\n"
                      "P,https://p,de,20260401,20260301\n"}, "feed-span", "feed_info.txt", 1,
    ),
    "feed goes on": (
        {"feed_info": "feed_publisher_name,feed_publisher_url,feed_lang,feed_end_date\nP,https://p,de,20260301\n"},
        "after-feed-end", "feed_info.txt", 1,
    ),
    "Latin text": ({"stops": STOPS.replace("Birch", "Bröl").encode("cp1252")}, "encoding", "stops.txt", 1),
    "null bytes": ({"stops": STOPS.replace("Birch", "Bi\0r\0ch")}, "null-bytes", "stops.txt", 2),
    "long row": ({"stops": plus("stops", "z,Z,49,8,,,,,9")}, "row-length", "stops.txt", 1),
    "short row": ({"stops": plus("stops", "z,Z,49,8")}, "row-length", "stops.txt", 1),
    "open quote": ({"stops": STOPS.replace("Birch", '"Birch')}, "open-quote", "stops.txt", 1),
    "value of two lines": ({"stops": STOPS.replace("Birch", '"Bi\nrch"')}, "line-break", "stops.txt", 1),
    "column twice": ({"stops": STOPS.replace("parent_station", "stop_name")}, "duplicate-column", "stops.txt", 1),
    "column lacking": ({"frequencies": "trip_id,start_time\nt1,08:00:00\n"}, "missing-column", "frequencies.txt", 1),
}  # fmt: skip


IDLE = ("no day", "no date", "backwards", "trip of no service", "no day of a service")
"""Damages after which t2 has no day."""


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_damage_is_told_once_and_breaks_nothing_else(tmp_path, damage):
    """The rule is named, the rows are counted, every row read is kept or told as dropped, and the other trips run."""
    files, rule, file, count = DAMAGES[damage]
    feed = read(tmp_path, **files)
    severity = gtfs_report(feed)["severity"].map({"error": 0, "warning": 1, "note": 2})

    assert (rule, file) not in rules(read_gtfs(as_folder(tmp_path / "sound", SMALL)))
    assert count == rules(feed)[rule, file][0]
    assert unaccounted(feed) == {}
    assert "t2" in feed.trips.index
    assert severity.is_monotonic_increasing
    assert (damage not in IDLE) == running(feed, date(2026, 3, 4))[feed.trips.index.get_loc("t2")]


def test_an_open_quote_loses_no_row(tmp_path):
    """A quote that is never closed would swallow all that follows: every line is read as a row instead."""
    feed = read(tmp_path, stop_times=TIMES.replace("08:08:00,08:08:00", '"08:08:00,08:08:00'))

    assert feed.rows["stop_times.txt"][0] == 9
    assert feed.trips.index.tolist() == ["t2", "t3"]
    assert rules(feed)["row-length", "stop_times.txt"] == (1, ("line 5",))


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("absent.zip", None, "does not exist"),
        ("text.zip", b"no zip at all", "cannot be read as a zip"),
        ("empty.zip", b"", "cannot be read as a zip"),
    ],
)
def test_what_is_no_feed_is_refused(tmp_path, name, content, match):
    """Neither a zip nor a folder."""
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(SourceError, match=match):
        read_gtfs(tmp_path / name)


@pytest.mark.parametrize(
    ("files", "match"),
    [
        ({"stops": None}, "no rows of stops.txt"),
        ({"trips": "route_id,service_id,trip_id\n"}, "no rows of trips.txt"),
        ({"stops": ""}, "no column stop_id"),
        ({"stop_times": "trip_id,stop_id\nt1,a\n"}, "no column stop_sequence"),
        ({"calendar": None}, "neither calendar.txt nor"),
        ({"stop_times": TIMES.replace(":00,", "!,")}, "no trip has two stops with times.*values are no times"),
    ],
)
def test_without_a_timetable_there_is_no_feed(tmp_path, files, match):
    """Files that must be there, columns that must be there, and a trip that can be used."""
    with pytest.raises(SourceError, match=match):
        read(tmp_path, **files)


def test_a_zip_that_grows_beyond_measure_is_refused(tmp_path):
    """A table of one byte again and again packs a thousand times: no timetable does."""
    path = as_zip(tmp_path / "bomb.zip", changed(shapes="0" * 3_000_000))

    with pytest.raises(SourceError, match=r"shapes\.txt says it is 3,000,000 bytes long: refused"):
        read_gtfs(path)


@pytest.mark.parametrize(("name", "fatal"), [("stops.txt", True), ("agency.txt", False)])
def test_a_damaged_member_is_fatal_only_where_it_is_needed(tmp_path, name, fatal):
    """Bytes of one file are turned over within the zip: its checksum tells."""
    path = as_zip(tmp_path / "feed.zip", SMALL)
    data = bytearray(path.read_bytes())
    at = data.index(name.encode()) + len(name) + 4
    data[at : at + 8] = bytes(255 - b for b in data[at : at + 8])
    path.write_bytes(data)

    if fatal:
        with pytest.raises(SourceError, match=r"stops\.txt is damaged or locked"):
            read_gtfs(path)
    else:
        assert rules(read_gtfs(path))["damaged-file", "agency.txt"] == (1, ())
