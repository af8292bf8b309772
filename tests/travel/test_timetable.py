"""The timetable of a day: every trip once, its times kept, none overtakes; the days, headways and seats of a feed."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from feeds import SMALL, as_folder, changed, equal, never_overtakes, plus, runs, starts
from hypothesis import given, settings
from hypothesis import strategies as st

from civigrid.errors import SchemaError, UnknownNameError
from civigrid.io.gtfs import read_gtfs
from civigrid.travel.build_timetable import DayOptions, Journey, build_timetable, timetable_of
from civigrid.travel.service_days import date_of, days_of, departures, running, trips_by_day

MONDAY, SATURDAY, SUNDAY = "2026-03-09", "2026-03-14", "2026-03-08"
HOUR = 3600


def read(tmp_path, name="feed", **files):
    """Read the small feed with some files changed."""
    return read_gtfs(as_folder(tmp_path / name, changed(**files)))


@st.composite
def journeys(draw):
    """Journeys over two sequences of stops with several rights and two lines, at few and many times."""
    found = []
    for k in range(draw(st.integers(0, 12))):
        stops = draw(st.sampled_from([[0, 1, 2], [0, 2]]))
        step = st.integers(0, draw(st.sampled_from([2, 40])))
        times = np.cumsum([draw(step) for _ in range(2 * len(stops))]).astype(np.int32)
        board, alight = (np.array([True, draw(st.booleans()), True][: len(stops)]) for _ in range(2))
        line = draw(st.sampled_from(["A", "B"]))
        found.append(
            Journey(np.array(stops, dtype=np.int32), times[::2], times[1::2], board, alight, line, f"t{k:02d}")
        )
    return found


STOPS = pd.DataFrame({"name": list("abc"), "lon": [8.0, 8.1, 8.2], "lat": 49.0}, index=list("abc"))
NO_CHANGES = pd.DataFrame({"a": [], "b": [], "seconds": []})


@given(found=journeys(), order=st.randoms(use_true_random=False))
def test_every_journey_is_there_once_and_none_overtakes(found, order):
    """Stops, times and rights are kept; patterns share stops, rights and line; the order of journeys is nothing."""
    timetable = timetable_of("2026-03-17", STOPS, found, NO_CHANGES)
    mixed = list(found)
    order.shuffle(mixed)

    never_overtakes(timetable)
    assert sorted(timetable.trip_id.tolist()) == sorted(j.trip_id for j in found)
    expected = {
        j.trip_id: ([list("abc")[s] for s in j.stop], j.arrival.tolist(), j.departure.tolist(), j.board.tolist(),
                    j.alight.tolist())
        for j in found
    }  # fmt: skip
    assert runs(timetable) == expected
    lines = dict(
        zip(timetable.trip_id.tolist(), np.repeat(timetable.pattern_line, np.diff(timetable.trip_first)), strict=True)
    )
    assert lines == {j.trip_id: j.line for j in found}
    equal(timetable, timetable_of("2026-03-17", STOPS, mixed, NO_CHANGES))


def test_a_day_has_its_own_trips_and_the_late_ones_of_others(tmp_path):
    """On a Monday its two, and the end of Sunday's a day earlier; on a Sunday its own, and Monday's next."""
    feed = read(tmp_path)
    monday, report = build_timetable([feed], MONDAY)
    sunday, _ = build_timetable([feed], SUNDAY, options=DayOptions(until_h=34))

    assert starts(monday) == {"t1": 8 * HOUR, "t2": 9 * HOUR, "t3": 85_800 - 86_400}
    assert runs(monday)["t3"][1] == [-600, 1200]
    assert (report.trips, report.other_days, report.idle) == ({"feed": 2}, 1, ())
    assert starts(sunday) == {"t3": 85_800, "t1": 32 * HOUR, "t2": 33 * HOUR}


def test_hours_that_are_not_wanted_are_left_out(tmp_path):
    """With hours up to 8:30 only the trip that leaves at 8:00 is there, and the one under way at midnight."""
    timetable, report = build_timetable([read(tmp_path)], MONDAY, options=DayOptions(until_h=9))

    assert starts(timetable) == {"t1": 8 * HOUR, "t3": -600}
    assert report.trips == {"feed": 1}


def test_a_trip_of_three_days_is_there_on_each(tmp_path):
    """A ferry that leaves on Sunday and arrives on Tuesday is under way on Monday and on Tuesday."""
    feed = read(tmp_path, stop_times=SMALL["stop_times"].replace("24:20:00", "60:00:00"))

    assert [starts(build_timetable([feed], f"2026-03-{d:02d}")[0]).get("t3") for d in (8, 9, 10, 11)] == [
        85_800, -600, -87_000, None,
    ]  # fmt: skip


def test_a_day_without_trips_names_those_that_have_some(tmp_path):
    """The range of the feed, and the nearest day of each weekday with its trips."""
    feed = read(tmp_path)
    match = (
        r"nothing runs on 2026-03-14, a Saturday\. feed runs from 2026-03-02 to 2026-03-29; trips on the nearest days: "
    )

    with pytest.raises(SchemaError, match=match + r"Mon 2026-03-16: 2, .*Fri 2026-03-13: 2, Sun 2026-03-15: 1\."):
        build_timetable([feed], SATURDAY)
    with pytest.raises(SchemaError, match=r"'tomorrow' is no date\. Write it as 2026-03-17"):
        build_timetable([feed], "tomorrow")


def test_a_feed_that_idles_beside_another_is_named(tmp_path):
    """Of two feeds one has no trip on the day: the other's are there, and the report says which is idle."""
    late = read(tmp_path, "late", calendar=SMALL["calendar"].replace("20260302", "20260323"))
    timetable, report = build_timetable([read(tmp_path), late], MONDAY)

    assert report.idle == ("1:late",)
    assert report.trips == {"0:feed": 2, "1:late": 0}
    assert set(starts(timetable)) == {"0:t1", "0:t2", "0:t3"}


def test_two_feeds_are_joined_with_their_numbers(tmp_path):
    """Stops, trips and changes of the second stand after those of the first."""
    head = "from_stop_id,to_stop_id,transfer_type,min_transfer_time\n"
    one = read(tmp_path, "one", transfers=head + "a,b,2,60\n")
    other = read(tmp_path, "other", transfers=head + "c,d,2,90\n")
    timetable, report = build_timetable([one, other], MONDAY)
    at = np.repeat(np.arange(8), np.diff(timetable.change_first))

    assert timetable.stop_id.tolist() == [f"{k}:{s}" for k in (0, 1) for s in "abcd"]
    assert list(zip(at.tolist(), timetable.change_stop.tolist(), timetable.change_s.tolist(), strict=True)) == [
        (0, 1, 60), (6, 7, 90),
    ]  # fmt: skip
    assert runs(timetable)["1:t2"][0] == ["1:a", "1:b", "1:c"]
    assert report.trips == {"0:one": 2, "1:other": 2}


def test_feeds_of_two_clocks_are_refused(tmp_path):
    """Berlin and London differ by an hour, Berlin and Vienna by none, and a zone nobody knows is taken to fit."""

    def zone(name):
        return read(tmp_path, name.lower()[-4:], agency=SMALL["agency"].replace("Europe/Berlin", name))

    here = read(tmp_path)
    for name in ("Europe/Vienna", "", "Mars/Elysium"):
        assert sum(build_timetable([here, zone(name)], MONDAY)[1].trips.values()) == 4
    match = r"clocks differ on 2026-03-09: Europe/Berlin \(feed\), Europe/London \(ndon\)"
    with pytest.raises(SchemaError, match=match):
        build_timetable([here, zone("Europe/London")], MONDAY)


def test_exceptions_add_and_take_away_days(tmp_path):
    """Weekday trips do not run on a Tuesday that is taken away, and run on the Saturday that is added."""
    head = "service_id,date,exception_type\n"
    feed = read(tmp_path, calendar_dates=head + "week,20260310,2\nweek,20260314,1\n")
    count = trips_by_day(feed)

    assert count[["2026-03-09", "2026-03-10", "2026-03-14", "2026-03-15"]].tolist() == [2, 0, 2, 1]
    assert set(starts(build_timetable([feed], SATURDAY)[0])) == {"t1", "t2"}


def test_a_calendar_may_be_of_exceptions_alone(tmp_path):
    """Without calendar.txt the days are those that are added."""
    feed = read(tmp_path, calendar=None, calendar_dates="service_id,date,exception_type\nweek,20260309,1\n")

    assert trips_by_day(feed).to_dict() == {MONDAY: 2}
    assert set(starts(build_timetable([feed], MONDAY)[0])) == {"t1", "t2"}


@settings(max_examples=30)
@given(data=st.data())
def test_trips_by_day_are_those_that_run(tmp_path_factory, data):
    """Counted all at once they are what is counted day by day, for any week, span and exceptions."""
    day = st.dates(date(2026, 2, 20), date(2026, 4, 10)).map(lambda d: f"{d:%Y%m%d}")
    head = SMALL["calendar"].splitlines()[0]
    weeks = [
        f"{name},{','.join(str(data.draw(st.integers(0, 1))) for _ in range(7))},{data.draw(day)},{data.draw(day)}"
        for name in data.draw(st.sampled_from([("week", "sunday"), ("week",), ()]))
    ]
    odd = data.draw(
        st.lists(st.tuples(st.sampled_from(["week", "sunday", "x"]), day, st.sampled_from("12")), min_size=1)
    )
    feed = read(
        tmp_path_factory.mktemp("feed"),
        calendar="\n".join([head, *weeks]),
        calendar_dates="service_id,date,exception_type\n" + "\n".join(",".join(row) for row in odd),
    )
    span, count = days_of(feed), trips_by_day(feed)

    assert span is not None
    assert len(count) == (span[1] - span[0]).days + 1
    expected = [int(running(feed, span[0] + timedelta(days=k)).sum()) for k in range(len(count))]
    assert count.tolist() == expected


def test_days_for_ever_are_counted_in_our_time(tmp_path):
    """A service from 1900 to 9999 runs each weekday from 1970 to 2100."""
    feed = read(tmp_path, calendar=SMALL["calendar"].replace("20260302", "19000101").replace("20260329", "99991231"))
    count = trips_by_day(feed)

    assert days_of(feed) == (date(1970, 1, 1), date(2100, 12, 31))
    assert count[["1970-01-02", MONDAY, SUNDAY]].tolist() == [2, 2, 1]


FREQUENCIES = "trip_id,start_time,end_time,headway_secs,exact_times\n"


def test_exact_headways_are_expanded_exactly(tmp_path):
    """From the start, every headway, before the end; with the times of the trip between its stops."""
    feed = read(tmp_path, frequencies=FREQUENCIES + "t2,06:00:00,07:00:00,1200,1\n")
    found = runs(build_timetable([feed], MONDAY)[0])

    assert sorted(found) == ["t1", "t2@21600", "t2@22800", "t2@24000", "t3"]
    assert found["t2@22800"][1:3] == ([22_800, 22_920, 23_280], [22_800, 22_980, 23_280])
    assert departures(feed).tolist() == [1, 3, 1]
    assert trips_by_day(feed)[MONDAY] == 4


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_loose_headways_begin_at_a_drawn_part_of_themselves(tmp_path, seed):
    """Each period has its own draw below the headway, the same whatever else is in the timetable."""
    text = FREQUENCIES + "t2,06:00:00,07:00:00,600,0\nt2,10:00:00,11:00:00,900,\n"
    feed = read(tmp_path, frequencies=text)
    options = DayOptions(seed=seed)
    alone, report = build_timetable([feed], MONDAY, options=options)
    beside, _ = build_timetable([feed, read(tmp_path, "other")], MONDAY, options=options)
    leave = sorted(t for name, t in starts(alone).items() if name.startswith("t2@"))
    first, second = (np.array([t for t in leave if low <= t < low + HOUR]) for low in (6 * HOUR, 10 * HOUR))

    assert set(np.diff(first)) == {600}
    assert set(np.diff(second)) == {900}
    assert 0 <= first[0] - 6 * HOUR < 600
    assert 0 <= second[0] - 10 * HOUR < 900
    assert report.by_headway == len(leave)
    assert {name for name in starts(alone) if "@" in name} == {n[2:] for n in starts(beside) if "@" in n}


def test_draws_differ_by_seed_and_half_needs_none(tmp_path):
    """Twenty seeds draw many offsets; half of the headway is the same for all."""
    feed = read(tmp_path, frequencies=FREQUENCIES + "t2,06:00:00,07:00:00,600,0\n")
    drawn = {
        min(t for n, t in starts(build_timetable([feed], MONDAY, options=DayOptions(seed=k))[0]).items() if "@" in n)
        for k in range(20)
    }
    half = {
        min(t for n, t in starts(build_timetable([feed], MONDAY, options=o)[0]).items() if "@" in n)
        for o in (DayOptions(headways="half", seed=k) for k in range(3))
    }

    assert len(drawn) > 10
    assert half == {6 * HOUR + 300}


def test_a_trip_whose_headways_are_all_unusable_never_runs(tmp_path):
    """Its times are a pattern, and not when it leaves."""
    feed = read(tmp_path, frequencies=FREQUENCIES + "t2,06:00:00,05:00:00,600,0\n")

    assert set(starts(build_timetable([feed], MONDAY)[0])) == {"t1", "t3"}
    assert departures(feed).tolist() == [1, 0, 1]


TRANSFERS = "from_stop_id,to_stop_id,transfer_type,from_trip_id,to_trip_id\n"


def vehicle(tmp_path, transfers="", *, block="v", leaves="08:10:00"):
    """The first trip ends at d, where a second of the same block begins."""
    text = plus("stop_times", f"t4,{leaves},{leaves},d,1", "t4,08:30:00,08:30:00,a,2")
    trips = SMALL["trips"].replace("t1,", f"t1,{block}") + f"r,week,t4,{block}\n"
    return read(tmp_path, stop_times=text, trips=trips, transfers=TRANSFERS + transfers if transfers else None)


@pytest.mark.parametrize(
    ("transfers", "seated", "joined"),
    [
        ("d,d,4,t1,t4\n", "stated", True),
        ("d,d,4,t1,t4\n", "blocks", True),
        ("", "stated", False),
        ("", "blocks", True),
        ("d,d,5,t1,t4\n", "blocks", False),
        ("d,d,4,t1,t4\nd,d,5,t1,t4\n", "blocks", False),
        ("d,d,4,t4,t1\n", "stated", False),
    ],
    ids=["stated", "both", "not asked", "block", "forbidden", "at odds", "backwards"],
)
def test_people_stay_in_the_vehicle(tmp_path, transfers, seated, joined):
    """Two trips become one where the feed states it, or a block does and that is asked for, unless it is forbidden."""
    timetable, report = build_timetable([vehicle(tmp_path, transfers)], MONDAY, options=DayOptions(stay_seated=seated))
    found = runs(timetable)

    assert report.joined == joined
    assert ("t1+t4" in found) == joined
    if joined:
        assert found["t1+t4"][0] == ["a", "b", "c", "d", "a"]
        assert found["t1+t4"][1] == [28_800, 28_920, 29_160, 29_280, 30_600]
        assert found["t1+t4"][2] == [28_800, 28_920, 29_160, 29_400, 30_600]


def test_a_vehicle_may_go_on_from_another_platform(tmp_path):
    """It reaches d at 8:08 and begins at c at 8:10: people sit from d to c; by the block alone they are two."""
    trips = SMALL["trips"].replace("t1,", "t1,v") + "r,week,t4,v\n"
    text = plus("stop_times", "t4,08:10:00,08:11:00,c,1", "t4,08:30:00,08:30:00,a,2")
    feed = read(tmp_path, trips=trips, stop_times=text, transfers=TRANSFERS + "d,c,4,t1,t4\n")
    found = runs(build_timetable([feed], MONDAY)[0])["t1+t4"]
    alone = read(tmp_path, "alone", trips=trips, stop_times=text)

    assert found[0] == ["a", "b", "c", "d", "c", "a"]
    assert found[1] == [28_800, 28_920, 29_160, 29_280, 29_400, 30_600]
    assert found[2] == [28_800, 28_920, 29_160, 29_280, 29_460, 30_600]
    assert build_timetable([alone], MONDAY, options=DayOptions(stay_seated="blocks"))[1].joined == 0


@pytest.mark.parametrize("length", [1, 2, 3])
def test_vehicles_that_go_round_in_no_time_are_not_lost(tmp_path, length):
    """Trips of no duration may each be said to follow the one before: one link of the circle is left open."""
    names = [f"c{k}" for k in range(length)]
    text = plus("stop_times", *[f"{n},10:00:00,10:00:00,{s},{q}" for n in names for q, s in enumerate("aba")])
    trips = SMALL["trips"] + "".join(f"r,week,{n},\n" for n in names)
    circle = "".join(f"a,a,4,{n},{m}\n" for n, m in zip(names, names[1:] + names[:1], strict=True))
    feed = read(tmp_path, trips=trips, stop_times=text, transfers=TRANSFERS + circle)
    timetable, report = build_timetable([feed], MONDAY)

    assert report.joined == length - 1
    assert set(timetable.trip_id.tolist()) == {"t1", "t2", "t3", "+".join(names)}
    never_overtakes(timetable)


def test_a_vehicle_that_leaves_before_it_arrives_is_none(tmp_path):
    """The second trip begins before the first ends: they stay two."""
    timetable, report = build_timetable(
        [vehicle(tmp_path, "d,d,4,t1,t4\n", leaves="08:05:00")], MONDAY, options=DayOptions(stay_seated="blocks")
    )

    assert report.joined == 0
    assert {"t1", "t4"} <= set(timetable.trip_id.tolist())


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"headways": "halve"}, UnknownNameError, "unknown way to treat headways 'halve'.*mean 'half'"),
        ({"stay_seated": "block"}, UnknownNameError, "unknown way to stay in the vehicle 'block'.*mean 'blocks'"),
        ({"until_h": 0}, SchemaError, "until_h = 0: at least an hour"),
    ],
)
def test_options_are_checked(options, error, match):
    """Words that are not known, and a day of no hours."""
    with pytest.raises(error, match=match):
        DayOptions(**options)


@pytest.mark.parametrize("text", ["0001-01-01", "1969-12-31", "2101-01-01", "9999-12-31"])
def test_days_of_other_ages_are_refused(tmp_path, text):
    """The days before and after are looked at too, and the calendar has an end."""
    with pytest.raises(SchemaError, match=f"'{text}' is not within 1970-01-01 to 2100-12-31"):
        build_timetable([read(tmp_path)], text)
    with pytest.raises(SchemaError, match="no feed is given"):
        build_timetable([], MONDAY)


@pytest.mark.parametrize(("text", "day"), [("2026-03-17", date(2026, 3, 17)), (" 20260317 ", date(2026, 3, 17))])
def test_days_are_read_as_people_write_them(text, day):
    """With hyphens, or as GTFS does."""
    assert date_of(text) == day
