"""The report a transit office reads: what is odd, double or not read is told, counted as pandas counts it."""

import io
import zipfile
from datetime import date

import numpy as np
import pandas as pd
import pytest
from feeds import SMALL, as_folder, as_zip, changed, plus, rules, unaccounted

from civigrid.errors import SourceError
from civigrid.io.gtfs import read_gtfs
from civigrid.io.gtfs_report import check_gtfs, gtfs_report
from civigrid.travel.service_days import running

TIMES, TRIPS, STOPS = SMALL["stop_times"], SMALL["trips"], SMALL["stops"]
SAME = "t4,09:00:00,09:00:00,a,1\nt4,09:02:00,09:03:00,b,2\nt4,09:08:00,09:08:00,c,3\n"
TRANSFERS = "from_stop_id,to_stop_id,transfer_type,min_transfer_time,from_trip_id,to_trip_id\n"
FREQUENCIES = "trip_id,start_time,end_time,headway_secs\n"
INFO = "feed_publisher_name,feed_publisher_url,feed_lang\n"


def wider(text, head, value):
    """A table with a column more, of one value."""
    first, *rows = text.splitlines()
    return "\n".join([f"{first},{head}", *[f"{row},{value}" for row in rows], ""])


def read(tmp_path, **files):
    """Read the small feed with some files changed."""
    return read_gtfs(as_folder(tmp_path / "feed", changed(**files)))


PRACTICE = {
    "route again": (
        {"routes": plus("routes", "q,A,7,,3")}, "warning", "route-twice", "routes.txt", 1, ("q",),
    ),
    "route unused": ({"routes": plus("routes", "q,A,8,,3")}, "note", "unused-route", "routes.txt", 1, ("q",)),
    "trip again": (
        {"trips": plus("trips", "r,week,t4,"), "stop_times": TIMES + SAME}, "warning", "trip-twice", "trips.txt", 1,
        ("t4",),
    ),
    "two places": (
        {"trips": TRIPS.replace("t1,", "t1,v").replace("t2,", "t2,v"), "stop_times": TIMES.replace("08:08", "09:01")},
        "warning", "block-overlap", "trips.txt", 1, ("t2",),
    ),
    "seat back in time": (
        {"transfers": TRANSFERS + "c,a,4,,t2,t1\n"}, "error", "in-seat-time", "transfers.txt", 1, ("t2",),
    ),
    "seat at a headway": (
        {"transfers": TRANSFERS + "d,a,4,,t1,t2\n", "frequencies": FREQUENCIES + "t2,09:00:00,10:00:00,600\n"},
        "warning", "in-seat-headway", "transfers.txt", 1, ("t1",),
    ),
    "short headway": (
        {"frequencies": FREQUENCIES + "t1,08:00:00,08:10:00,30\n"}, "warning", "short-headway", "frequencies.txt", 1,
        ("t1",),
    ),
    "nobody boards": ({"stop_times": wider(TIMES, "pickup_type", 1)}, "warning", "no-passengers", "stop_times.txt", 3,
                      ("t1", "t2", "t3")),
    "nobody alights": ({"stop_times": wider(TIMES, "drop_off_type", 1)}, "warning", "no-passengers", "stop_times.txt",
                       3, ("t1", "t2", "t3")),
    "by phone": ({"stop_times": wider(TIMES, "pickup_type", 2)}, "note", "on-request", "stop_times.txt", 9,
                 ("t1", "t2", "t3")),
    "anywhere": ({"routes": wider(SMALL["routes"], "continuous_pickup", 0)}, "note", "between-stops", "routes.txt", 1,
                 ("r",)),
    "far change": ({"transfers": TRANSFERS + "a,d,0,,,\n"}, "warning", "far-change", "transfers.txt", 1, ("a to d",)),
    "fast change": ({"transfers": TRANSFERS + "a,b,2,60,,\n"}, "warning", "fast-change", "transfers.txt", 1,
                    ("a to b",)),
    "no address": ({"agency": SMALL["agency"].replace("https://", "")}, "warning", "url", "agency.txt", 1,
                   ("example.org",)),
    "no address of a publisher": ({"feed_info": INFO + "P,www,de\n"}, "warning", "url", "feed_info.txt", 1, ("www",)),
    "no zone": ({"agency": SMALL["agency"].replace("Berlin", "Bärlin")}, "error", "time-zone", "agency.txt", 1,
                ("Europe/Bärlin",)),
    "empty station": ({"stops": plus("stops", "s,S,49,8,1,")}, "note", "unused-station", "stops.txt", 1, ("s",)),
    "no Saturday": ({"calendar": SMALL["calendar"].replace("saturday", "sat")}, "error", "missing-value",
                    "calendar.txt", 2, ("line 2", "line 3")),
    "exact and absent": ({"stop_times": wider(TIMES, "timepoint", 1)}, "error", "timepoint", "stop_times.txt", 2,
                         ("t1",)),
    "way back": ({"stop_times": wider(TIMES, "shape_dist_traveled", -1)}, "warning", "distance-falls",
                 "stop_times.txt", 3, ("t1", "t2", "t3")),
    "zone": ({"stop_times": wider(TIMES, "location_id", "") + "t2,,,,4,z\n"}, "warning", "zone", "stop_times.txt", 1,
             ("t2",)),
    "other file": ({"fare_rules": "fare_id\n"}, "note", "other-file", "feed", 1, ("fare_rules.txt",)),
}  # fmt: skip


@pytest.mark.parametrize("damage", PRACTICE)
def test_each_oddity_is_told_and_counted(tmp_path, damage):
    """Severity, rule, count and examples; no row is lost untold, and the trips of the small feed are there."""
    files, severity, rule, file, count, examples = PRACTICE[damage]
    feed = read(tmp_path, **files)
    fault = next(f for f in feed.faults if (f.rule, f.file) == (rule, file))

    assert (rule, file) not in rules(read_gtfs(as_folder(tmp_path / "sound", SMALL)))
    assert (fault.severity, fault.count, fault.examples) == (severity, count, examples)
    assert unaccounted(feed) == {}
    assert {"t1", "t2", "t3"} <= set(feed.trips.index)
    assert running(feed, date(2026, 3, 4))[feed.trips.index.get_loc("t2")]


NOT_ODD = {
    "the same times on other days": {"trips": plus("trips", "r,sunday,t4,"), "stop_times": TIMES + SAME},
    "the same times on another route": {
        "trips": plus("trips", "q,week,t4,"), "stop_times": TIMES + SAME, "routes": plus("routes", "q,A,8,,3"),
    },
    "one vehicle after another": {"trips": TRIPS.replace("t1,", "t1,v").replace("t2,", "t2,v")},
    "a block of two calendars": {
        "trips": TRIPS.replace("t2,", "t2,v") + "r,sunday,t4,v\n", "stop_times": TIMES + SAME,
    },
    "a change in ten minutes": {"transfers": TRANSFERS + "a,b,2,600,,\n"},
    "distances that stay": {"stop_times": wider(TIMES, "shape_dist_traveled", 3)},
    "drop-off only at the end": {"stop_times": TIMES.replace("stop_sequence", "stop_sequence,pickup_type")
                                 .replace("d,4", "d,4,1").replace("c,3", "c,3,1")},
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_ODD)
def test_what_is_not_odd_is_not_told(tmp_path, name):
    """Cases beside the rules: no error, and no warning but of rows that are shorter."""
    feed = read(tmp_path, **NOT_ODD[name])

    assert {f.rule for f in feed.faults if f.severity != "note"} <= {"row-length"}


def test_a_zip_of_two_feeds_is_never_mixed(tmp_path):
    """The folder with the most tables is read, of equals the first; a lone calendar elsewhere is not borrowed."""
    other = {name: text for name, text in changed(stops=STOPS.replace("Alder", "Ash")).items() if name != "calendar"}
    both = as_zip(tmp_path / "both.zip", {f"a/{n}.txt": t for n, t in SMALL.items()} | {"b/agency.txt": "x\n"})
    lone = as_zip(tmp_path / "lone.zip", {f"b/{n}.txt": t for n, t in other.items()} | {"calendar.txt": "x\n"})
    equal = as_zip(tmp_path / "equal.zip", {f"{f}/{n}.txt": t for n, t in other.items() for f in "ba"}
                   | {"a/calendar.txt": SMALL["calendar"]})  # fmt: skip

    assert rules(read_gtfs(both))["several-feeds", "feed"] == (1, ("b/agency.txt",))
    assert rules(read_gtfs(equal))["several-feeds", "feed"] == (5, tuple(f"b/{n}.txt" for n in sorted(other)))
    with pytest.raises(SourceError, match=r"neither calendar\.txt nor calendar_dates\.txt"):
        read_gtfs(lone)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_text_of_wide_characters_is_read(tmp_path, encoding):
    """As spreadsheets write it, with a mark of byte order: repaired and told; without one it is refused in words."""
    text = STOPS.replace("Birch", "Bröl").encode(encoding)
    mark = b"" if encoding == "utf-16" else "\ufeff".encode(encoding)
    feed = read(tmp_path, stops=mark + text)

    assert feed.stops.loc["b", "name"] == "Bröl"
    assert rules(feed)["encoding", "stops.txt"][0] == 1
    with pytest.raises(SourceError, match=r"stops\.txt has no column stop_id|stops\.txt is damaged"):
        read(tmp_path, stops=("\ufeff" + STOPS).encode("utf-16-le")[:-1])


def test_ids_may_hold_commas_quotes_and_any_letter(tmp_path):
    """They come back as they were written, in the feed and in the examples."""
    names = {"a": '"a, ""b"""', "b": "Ж\u20ac", "c": '" c "', "d": "0"}
    files = changed(stop_times=TIMES, stops=STOPS)
    for old, new in names.items():
        files["stops"] = files["stops"].replace(f"\n{old},", f"\n{new},")
        files["stop_times"] = files["stop_times"].replace(f",{old},", f",{new},")
    feed = read_gtfs(as_folder(tmp_path / "feed", files))

    assert sorted(feed.stops.index) == ["0", 'a, "b"', "c", "Ж\u20ac"]
    assert [f.rule for f in feed.faults] == ["interpolated"]


def test_the_table_has_a_row_by_fault(tmp_path):
    """Columns, order and examples as text; a sound feed of written times has none."""
    table = gtfs_report(read(tmp_path, routes=plus("routes", "q,A,7,,3"), stops=plus("stops", "a,A,49,8,,")))
    sound = gtfs_report(read(tmp_path / "sound", stop_times="\n".join(r for r in TIMES.splitlines() if ",,," not in r)))

    assert table.columns.tolist() == [
        "severity", "rule", "file", "field", "count", "message", "action", "examples",
    ]  # fmt: skip
    assert table[["severity", "rule", "count", "examples"]].to_numpy().tolist() == [
        ["error", "duplicate-id", 1, "a"], ["warning", "route-twice", 1, "q"], ["note", "unused-route", 1, "q"],
        ["note", "interpolated", 2, "t1"],
    ]  # fmt: skip
    assert len(sound) == 0


@pytest.mark.parametrize(
    ("rows", "hours"),
    [
        ("t1,05:00:00,26:00:00,600\n", ("05:00", "26:08")),
        ("t1,10:00:00,12:00:00,600\n", ("09:00", "24:20")),
        ("t1,10:00:00,09:00:00,600\nt2,0,0,0\nt3,0,0,0\n", ("never", "never")),
    ],
)
def test_hours_of_headways_are_their_periods(tmp_path, rows, hours):
    """From the first period to the end of the last and the time of a trip; where nothing ever leaves, none."""
    found = check_gtfs(as_folder(tmp_path / "feed", changed(frequencies=FREQUENCIES + rows)))["hours"]

    assert found == dict(zip(("first_departure", "last_arrival"), hours, strict=True))


def raw(path, name):
    """A table of a zip as text, read by pandas."""
    with zipfile.ZipFile(path) as archive:
        return pd.read_csv(
            io.BytesIO(archive.read(f"{name}.txt")), dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )


REAL = {
    "r5r_poa/poa_eptc.zip": (0, 0),
    "r5r_poa/poa_trensurb.zip": (0, 0),
    "helsinki_center/helsinki_gtfs.zip": (640, 9),
    "helsinki_center/broken_gtfs.zip": (1493, 338),
    "rhein_neckar/rnv_gtfs.zip": (0, 0),
    "rhein_neckar/heidelberg_vrn_gtfs_cut_2022.zip": (0, 81),
}
"""Rows with errors and with warnings."""


@pytest.mark.parametrize("name", REAL)
def test_reports_of_real_feeds_are_counted_as_pandas_counts(real_data, name):
    """Routes without trips, stops without times, and how many errors and warnings there are."""
    path = real_data / name
    found = check_gtfs(path)
    count = {(f["rule"], f["file"]): f["count"] for f in found["faults"]}
    total = {s: sum(f["count"] for f in found["faults"] if f["severity"] == s) for s in ("error", "warning")}
    stops, routes, trips, times = (raw(path, t) for t in ("stops", "routes", "trips", "stop_times"))
    times = times[times["stop_id"].isin(stops["stop_id"]) & times["trip_id"].isin(trips["trip_id"])]
    times = times[times.groupby("trip_id")["trip_id"].transform("size") > 1]
    used = trips.loc[trips["trip_id"].isin(times["trip_id"]), "route_id"]
    plain = stops[stops["location_type"].isin(["", "0"])] if "location_type" in stops else stops

    assert (total["error"], total["warning"]) == REAL[name]
    assert count.get(("unused-route", "routes.txt"), 0) == int((~routes["route_id"].isin(used)).sum())
    assert count.get(("unused-stop", "stops.txt"), 0) == int((~plain["stop_id"].isin(times["stop_id"])).sum())


def test_stops_without_time_on_a_day_in_porto_alegre(real_data):
    """Of the stops of all trips of both feeds on 2019-05-13, 91.9 % have no time: 96.3 % of the buses', no train's."""
    shares = []
    for name in ("poa_eptc.zip", "poa_trensurb.zip"):
        feed = read_gtfs(real_data / "r5r_poa" / name)
        today = running(feed, date(2019, 5, 13))[feed.stop_times["trip"]]
        shares.append((int((~feed.stop_times["written"] & today).sum()), int(today.sum())))
    absent, rows = np.sum(shares, axis=0)

    assert shares == [(125_271, 130_019), (0, 6347)]
    assert round(absent / rows, 3) == 0.919


def test_blocks_of_heidelberg_overlap(real_data):
    """Trips that begin while another of their block and calendar runs, as a loop over pairs counts them."""
    path = real_data / "rhein_neckar" / "heidelberg_vrn_gtfs_cut_2022.zip"
    trips, times = raw(path, "trips"), raw(path, "stop_times")
    times["order"] = times["stop_sequence"].astype(int)
    ends = times.sort_values("order").groupby("trip_id").agg(a=("departure_time", "first"), b=("arrival_time", "last"))
    trips = trips[trips["block_id"] != ""].join(ends, on="trip_id")
    late = set()
    for _, group in trips.groupby(["block_id", "service_id"]):
        rows = group[["a", "b", "trip_id"]].sort_values(["a", "b", "trip_id"]).to_numpy().tolist()
        late |= {y[2] for k, y in enumerate(rows) for x in rows[:k] if y[0] < x[1]}

    assert len(late) == rules(read_gtfs(path))["block-overlap", "trips.txt"][0]
