"""Days of real feeds against a count by pandas that knows nothing of patterns."""

import io
import zipfile
from datetime import timedelta

import pandas as pd
import pytest
from feeds import never_overtakes

from civigrid.io.gtfs import read_gtfs
from civigrid.travel.build_timetable import build_timetable
from civigrid.travel.edit_timetable import journeys_of
from civigrid.travel.service_days import date_of


def seconds(text):
    """Seconds of a time of day."""
    hours, minutes, rest = map(int, text.split(":"))
    return 3600 * hours + 60 * minutes + rest


def service(raw, day):
    """Services that run on a day, by a loop over the calendar."""
    number = f"{day:%Y%m%d}"
    weekly = raw.get("calendar")
    on = set()
    for row in weekly.to_dict("records"):
        if row[f"{day:%A}".lower()] == "1" and row["start_date"] <= number <= row["end_date"]:
            on.add(row["service_id"])
    for row in raw["calendar_dates"].to_dict("records") if "calendar_dates" in raw else []:
        if row["date"] == number:
            (on.add if row["exception_type"] == "1" else on.discard)(row["service_id"])
    return on


def tables(path):
    """Tables of a zip as text, read by pandas."""
    with zipfile.ZipFile(path) as archive:
        return {
            name.removesuffix(".txt"): pd.read_csv(
                io.BytesIO(archive.read(name)), dtype=str, keep_default_na=False, encoding="utf-8-sig"
            )
            for name in archive.namelist()
            if name in ("calendar.txt", "calendar_dates.txt", "trips.txt", "stop_times.txt", "frequencies.txt")
        }


def expected_runs(raw, day, until_h=30):
    """First departure, last arrival and number of stops of all that runs on a day and reaches into its hours."""
    found = []
    times = raw["stop_times"].assign(order=raw["stop_times"]["stop_sequence"].astype(int)).sort_values("order")
    ends = times.groupby("trip_id").agg(
        first=("departure_time", "first"), last=("arrival_time", "last"), n=("order", "size")
    )
    often = raw["frequencies"].groupby("trip_id") if "frequencies" in raw else None
    for shift in (-1, 0, 1):
        on = service(raw, day + timedelta(days=shift))
        for trip in raw["trips"].loc[raw["trips"]["service_id"].isin(on), "trip_id"]:
            first, last, n = ends.loc[trip]
            if n < 2:
                continue
            first, last = seconds(first), seconds(last)
            leaves = [first]
            if often is not None and trip in often.groups:
                leaves = [
                    t
                    for row in often.get_group(trip).to_dict("records")
                    for t in range(seconds(row["start_time"]), seconds(row["end_time"]), int(row["headway_secs"]))
                ]
            for t in leaves:
                run = (t + 86_400 * shift, t + last - first + 86_400 * shift, n)
                if run[1] >= 0 and run[0] < until_h * 3600:
                    found.append(run)
    return sorted(found)


@pytest.mark.parametrize(
    ("names", "day", "trips"),
    [
        (("r5r_poa/poa_eptc.zip", "r5r_poa/poa_trensurb.zip"), "2019-05-13", (2374, 529)),
        (("helsinki_center/helsinki_gtfs.zip",), "2022-02-22", (12_788,)),
        (("helsinki_center/broken_gtfs.zip",), "2022-02-23", None),
        (("rhein_neckar/rnv_gtfs.zip",), "2016-11-15", (7123,)),
        (("rhein_neckar/heidelberg_vrn_gtfs_cut_2022.zip",), "2022-06-18", (572,)),
    ],
    ids=["porto alegre", "helsinki", "broken", "rhein-neckar", "heidelberg"],
)
def test_real_days_hold_what_the_feeds_say(real_data, names, day, trips):
    """First departures, last arrivals and stops of all trips equal a count by pandas; none overtakes."""
    timetable, report = build_timetable([read_gtfs(real_data / name) for name in names], day)
    found = sorted((int(j.departure[0]), int(j.arrival[-1]), len(j.stop)) for j in journeys_of(timetable))

    never_overtakes(timetable)
    if trips is None:
        assert len(found) == report.trips["broken_gtfs.zip"] + report.other_days == 63
        return
    raw = [tables(real_data / name) for name in names]
    assert found == sorted(run for feed in raw for run in expected_runs(feed, date_of(day)))
    assert tuple(report.trips.values()) == trips
    assert len(found) == sum(trips) + report.other_days
