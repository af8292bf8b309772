"""GTFS feeds that are damaged at random, and the real ones: an error of ours or a feed that fits together."""

import io
import zipfile

import numpy as np
import pandas as pd
import pytest
from feeds import SMALL, as_folder, as_zip, changed, rules, unaccounted
from hypothesis import given, settings
from hypothesis import strategies as st

from civigrid.errors import CivigridError
from civigrid.io.gtfs import read_gtfs
from civigrid.io.gtfs_report import check_gtfs
from civigrid.travel.build_timetable import build_timetable
from civigrid.travel.service_days import date_of, running

WHOLE = changed(
    calendar_dates="service_id,date,exception_type\nweek,20260303,2\nsunday,20260310,1\n",
    frequencies="trip_id,start_time,end_time,headway_secs,exact_times\nt1,08:00:00,09:00:00,600,0\n",
    transfers="from_stop_id,to_stop_id,transfer_type,min_transfer_time\na,b,2,90\nc,d,0,\n",
    pathways="pathway_id,from_stop_id,to_stop_id,pathway_mode,is_bidirectional,traversal_time\np,a,b,1,1,60\n",
    shapes="shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\ns,49,8,1\ns,49.1,8,2\n",
    feed_info="feed_publisher_name,feed_publisher_url,feed_lang,feed_end_date\nP,https://p,de,20260329\n",
)
"""A feed with every file."""
ODD = ("", " ", '"', '""', ",", "\n", "\r", "\0", "-1", "1e400", "nan", "inf", "99:99:99", "9" * 5000, "25:00:00",
       "08:00:00", "00000000", "20261301", "٣", "ß\u2028", "a", "t1", "week", "\ufeff", "0", "2", "1e300",
       "-1e300", "1.5", "T")  # fmt: skip
"""Values that trip readers up."""


def sound(feed):
    """Everything a `Feed` promises."""
    times, n = feed.stop_times, len(feed.trips)
    trip, arrival, departure = (times[c].to_numpy() for c in ("trip", "arrival", "departure"))
    same = trip[1:] == trip[:-1]

    assert unaccounted(feed) == {}
    assert feed.trips.index.is_unique
    assert feed.stops.index.is_unique
    assert (np.bincount(trip, minlength=n) > 1).all()
    assert (np.diff(trip) >= 0).all()
    assert (arrival <= departure).all()
    assert (departure[:-1][same] <= arrival[1:][same]).all()
    assert (arrival >= 0).all()
    for rows, count in ((times["stop"], len(feed.stops)), (feed.changes["a"], len(feed.stops)),
                        (feed.changes["b"], len(feed.stops)), (feed.frequencies["trip"], n)):  # fmt: skip
        assert rows.between(0, count - 1).all()


def survives(path):
    """Read it, check it and build its days: an error of ours, or all that is promised."""
    try:
        feed = read_gtfs(path)
    except CivigridError as error:
        return str(error)
    sound(feed)
    check_gtfs(path, today="2026-11-25")
    for day in ("2026-03-08", "2026-03-09"):
        try:
            timetable, _ = build_timetable([feed], day)
        except CivigridError:
            continue
        assert (timetable.arrival <= timetable.departure).all()
        holds_all(feed, timetable, day)
    return feed


def holds_all(feed, timetable, day):
    """Every trip that runs on a day and leaves within its hours is there; none overtakes."""
    here = {trip.partition("@")[0] for trip in timetable.trip_id.tolist()}
    leaves = feed.stop_times.groupby("trip")["departure"].first().to_numpy()
    wanted = running(feed, date_of(day)) & ~feed.trips["by_headway"].to_numpy(dtype=bool) & (leaves < 30 * 3600)

    assert set(feed.trips.index[wanted]) <= here
    for p, length in enumerate(np.diff(timetable.pattern_first)):
        at = slice(timetable.event_first[p], timetable.event_first[p + 1])
        assert (np.diff(timetable.arrival[at].reshape(-1, length), axis=0) >= 0).all()
        assert (np.diff(timetable.departure[at].reshape(-1, length), axis=0) >= 0).all()


@settings(max_examples=25)
@given(data=st.data())
def test_any_value_may_be_anything(tmp_path_factory, data):
    """Some values of some tables are replaced by others that trip readers up."""
    files = dict(WHOLE)
    for _ in range(data.draw(st.integers(1, 4))):
        name = data.draw(st.sampled_from(sorted(files)))
        rows = [row.split(",") for row in files[name].split("\n")]
        at = data.draw(st.integers(0, len(rows) - 1))
        rows[at][data.draw(st.integers(0, len(rows[at]) - 1))] = data.draw(st.sampled_from(ODD))
        files[name] = "\n".join(",".join(row) for row in rows)

    survives(as_folder(tmp_path_factory.mktemp("feed"), files))


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), share=st.sampled_from([0.03, 0.1, 0.3]))
def test_a_tenth_of_all_values_may_be_anything(tmp_path_factory, seed, share):
    """Of all tables at once, below their first lines: whatever is left of the timetable keeps its promises."""
    rng = np.random.default_rng(seed)
    files = {}
    for name, text in WHOLE.items():
        head, *rows = text.splitlines()
        cells = [[str(rng.choice(ODD)) if rng.random() < share else v for v in row.split(",")] for row in rows]
        files[name] = "\n".join([head, *[",".join(row) for row in cells]])

    survives(as_folder(tmp_path_factory.mktemp("feed"), files))


@settings(max_examples=25)
@given(data=st.data())
def test_any_bytes_may_be_anything(tmp_path_factory, data):
    """Some files are cut off, emptied, or have bytes put in anywhere."""
    files = {name: text.encode() for name, text in WHOLE.items()}
    for name in data.draw(st.lists(st.sampled_from(sorted(files)), min_size=1, max_size=3)):
        text = files[name]
        a, b = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        files[name] = (
            text[:a] + data.draw(st.binary(max_size=12)) + text[data.draw(st.sampled_from([a, b, len(text)])) :]
        )

    survives(as_folder(tmp_path_factory.mktemp("feed"), files))


@settings(max_examples=25)
@given(data=st.data())
def test_any_bytes_of_a_zip_may_be_anything(tmp_path_factory, data):
    """A zip that is cut off, or of which some bytes are others."""
    folder = tmp_path_factory.mktemp("feed")
    text = as_zip(folder / "feed.zip", WHOLE).read_bytes()
    a, b = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    end = data.draw(st.sampled_from([a, min(a + 4, b), len(text)]))
    (folder / "feed.zip").write_bytes(text[:a] + data.draw(st.binary(max_size=4)) + text[end:])

    survives(folder / "feed.zip")


def test_an_unbroken_feed_survives(tmp_path):
    """What the damages above begin from is whole, so that they test more than its rejection."""
    feed = survives(as_folder(tmp_path / "feed", WHOLE))

    assert [f for f in feed.faults if f.severity == "error"] == []
    assert feed.trips.index.tolist() == ["t1", "t2", "t3"]


FEEDS = {
    "r5r_poa/poa_eptc.zip": (3986, 2374, 130_019),
    "r5r_poa/poa_trensurb.zip": (24, 1248, 14_855),
    "helsinki_center/helsinki_gtfs.zip": (1388, 3187, 62_477),
    "helsinki_center/broken_gtfs.zip": (199, 63, 567),
    "rhein_neckar/rnv_gtfs.zip": (2057, 20_636, 424_266),
    "rhein_neckar/heidelberg_vrn_gtfs_cut_2022.zip": (392, 1480, 46_269),
}


def raw(path, name):
    """A table of a zip as text, read by pandas."""
    with zipfile.ZipFile(path) as archive:
        return pd.read_csv(
            io.BytesIO(archive.read(f"{name}.txt")), dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )


@pytest.mark.parametrize("name", FEEDS)
def test_real_feeds_are_read_whole(real_data, name):
    """Rows as pandas counts them; those left out are the ones that name what is not there."""
    path = real_data / name
    feed = read_gtfs(path)
    times, stops, trips = (raw(path, table) for table in ("stop_times", "stops", "trips"))
    fits = times[times["stop_id"].isin(stops["stop_id"]) & times["trip_id"].isin(trips["trip_id"])]
    size = fits.groupby("trip_id").size()
    usable = size[size > 1]

    sound(feed)
    assert FEEDS[name] == (len(feed.stops), len(feed.trips), len(feed.stop_times))
    assert (len(stops), len(usable), int(usable.sum())) == FEEDS[name]
    assert sorted(usable.index) == feed.trips.index.tolist()
    assert (len(times), len(trips)) == (feed.rows["stop_times.txt"][0], feed.rows["trips.txt"][0])


def test_porto_alegre_is_filled_in(real_data):
    """Nine of ten buses' stops have no time; what is filled in stands between what was written."""
    path = real_data / "r5r_poa" / "poa_eptc.zip"
    feed, table = read_gtfs(path), raw(path, "stop_times")
    empty = (table["arrival_time"] == "") & (table["departure_time"] == "")
    times = feed.stop_times
    share = 1 - times["written"].mean()

    assert int(empty.sum()) == rules(feed)["interpolated", "stop_times.txt"][0]
    assert round(share, 2) == 0.96
    written = table[~empty].set_index(["trip_id", "stop_id"]).index
    known = times[times["written"]]
    found = pd.MultiIndex.from_arrays([feed.trips.index[known["trip"]], feed.stops.index[known["stop"]]])
    assert sorted(written) == sorted(found)


def test_the_damaged_feed_is_reported_and_read(real_data):
    """Stops, stations and a route that are not there: counted as pandas counts them, and 63 trips are left."""
    path = real_data / "helsinki_center" / "broken_gtfs.zip"
    found = check_gtfs(path)
    times, stops, trips = (raw(path, table) for table in ("stop_times", "stops", "trips"))
    lost = ~times["stop_id"].isin(stops["stop_id"])
    count = {(f["rule"], f["file"]): f["count"] for f in found["faults"]}
    parent = stops["parent_station"].str.strip()

    assert not found["without_errors"]
    assert found["trips"] == 63
    assert int(lost.sum()) == count["unknown-stop", "stop_times.txt"] == 1432
    assert len(trips) - 63 == count["no-stops", "trips.txt"]
    assert int(((parent != "") & ~parent.isin(stops["stop_id"])).sum()) == count["unknown-parent", "stops.txt"]
    assert {day[:3]: n for day, n in found["trips_by_weekday"].items() if n} == {"Wed": 63}


def test_headways_of_helsinki_overlap(real_data):
    """Periods of one trip that begin before the one before ends, as a loop over the table counts them."""
    path = real_data / "helsinki_center" / "helsinki_gtfs.zip"
    feed, table = read_gtfs(path), raw(path, "frequencies")
    table = table[table["trip_id"].isin(feed.trips.index)].sort_values(["trip_id", "start_time", "end_time"])
    overlap, before = 0, ("", "")
    for trip, start, end in table[["trip_id", "start_time", "end_time"]].itertuples(index=False):
        overlap += trip == before[0] and start < before[1]
        before = (trip, end)

    assert overlap == rules(feed)["frequency-overlap", "frequencies.txt"][0]
    assert len(table) == len(feed.frequencies)


def test_the_small_feed_is_a_part_of_the_whole():
    """The damages of the two files of tests begin from the same feed."""
    assert set(SMALL) < set(WHOLE)
