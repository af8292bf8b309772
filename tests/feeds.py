"""Small invented GTFS feeds as text, written as a folder or a zip, and read again."""

from __future__ import annotations

import zipfile
from dataclasses import fields

import numpy as np

from civigrid.travel.edit_timetable import journeys_of

SMALL = {
    "agency": "agency_id,agency_name,agency_url,agency_timezone\nA,Havel Lines,https://example.org,Europe/Berlin\n",
    "stops": "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\n"
    "a,Alder,49.00,8.00,,\nb,Birch,49.01,8.00,,\nc,Cedar,49.03,8.00,,\nd,Dogwood,49.04,8.00,,\n",
    "routes": "route_id,agency_id,route_short_name,route_long_name,route_type\nr,A,7,,3\n",
    "trips": "route_id,service_id,trip_id,block_id\nr,week,t1,\nr,week,t2,\nr,sunday,t3,\n",
    "stop_times": "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
    "t1,08:00:00,08:00:00,a,1\nt1,,,b,2\nt1,,,c,3\nt1,08:08:00,08:08:00,d,4\n"
    "t2,09:00:00,09:00:00,a,1\nt2,09:02:00,09:03:00,b,2\nt2,09:08:00,09:08:00,c,3\n"
    "t3,23:50:00,23:50:00,a,1\nt3,24:20:00,24:20:00,d,2\n",
    "calendar": "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
    "week,1,1,1,1,1,0,0,20260302,20260329\nsunday,0,0,0,0,0,0,1,20260302,20260329\n",
}
"""Three trips in four weeks of March 2026; two stops of one have no time, and one runs past midnight on Sundays."""


def changed(**files):
    """The small feed with some files instead of its own; None takes one away."""
    return {name: text for name, text in (SMALL | files).items() if text is not None}


def plus(name, *rows):
    """A file of the small feed with more rows."""
    return SMALL[name] + "".join(f"{row}\n" for row in rows)


def as_folder(path, files):
    """Write a feed as a folder."""
    path.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        data = text if isinstance(text, bytes) else text.encode()
        (path / (name if "." in name else f"{name}.txt")).write_bytes(data)
    return path


def as_zip(path, files, *, under=""):
    """Write a feed as a zip."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(f"{under}{name if '.' in name else f'{name}.txt'}", text)
    return path


def rules(feed):
    """Faults by their rule and file: how many, and the examples."""
    return {(f.rule, f.file): (f.count, f.examples) for f in feed.faults}


def unaccounted(feed):
    """Rows by file that were read and are neither kept nor told as dropped: there must be none."""
    dropped = {}
    for fault in feed.faults:
        if fault.action.startswith("dropped"):
            dropped[fault.file] = dropped.get(fault.file, 0) + fault.count
    lost = {name: read - kept - dropped.get(name, 0) for name, (read, kept) in feed.rows.items()}
    return {name: n for name, n in lost.items() if n}


def runs(timetable):
    """Journeys by name: stops by id, arrivals, departures, rights."""
    return {
        j.trip_id: (
            timetable.stop_id[j.stop].tolist(), j.arrival.tolist(), j.departure.tolist(), j.board.tolist(),
            j.alight.tolist(),
        )
        for j in journeys_of(timetable)
    }  # fmt: skip


def starts(timetable):
    """First departures by the name of the trip."""
    return {j.trip_id: int(j.departure[0]) for j in journeys_of(timetable)}


def equal(one, other):
    """Whether two timetables are the same, byte for byte."""
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        assert np.array_equal(a, b) if isinstance(a, str) else (a.dtype, a.tobytes()) == (b.dtype, b.tobytes()), field


def never_overtakes(timetable):
    """Times never fall along a trip, nor from a trip to the next of its pattern."""
    for p in range(len(timetable.pattern_line)):
        length = timetable.pattern_first[p + 1] - timetable.pattern_first[p]
        at = slice(timetable.event_first[p], timetable.event_first[p + 1])
        arrival, departure = (t[at].reshape(-1, length) for t in (timetable.arrival, timetable.departure))
        assert (np.diff(np.stack([arrival, departure], axis=2).reshape(len(arrival), -1), axis=1) >= 0).all()
        assert (np.diff(arrival, axis=0) >= 0).all()
        assert (np.diff(departure, axis=0) >= 0).all()
