"""The way a pair takes: as long as the search says, and one that could be ridden."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timetables import Events, random_city

from civigrid.errors import SchemaError
from civigrid.travel.transit import TransitOptions
from civigrid.travel.transit_path import transit_path


@given(st.integers(0, 100_000), st.integers(0, 1800), st.booleans(), st.integers(1, 4))
@settings(max_examples=60)
def test_a_way_takes_what_the_events_say_and_can_be_ridden(seed, after, arrive_by, rides):
    """Legs follow one another in place and time; rides are those of the timetable; the times are the events'."""
    timetable, walks = random_city(seed)
    options = TransitOptions(arrive_by=arrive_by, max_rides=rides)
    events = Events(timetable, walks, rides=rides, change_s=options.change_s)
    time = 8 * 3600 + after
    at = f"{time // 3600:02d}:{time // 60 % 60:02d}:{time % 60:02d}"
    for cell, site in np.ndindex(4, 3):
        way = transit_path(timetable, walks, int(walks.cell_id[cell]), f"site{site}", at=at, options=options)
        if arrive_by:
            left = events.latest(cell, site, time, options.limit_s)
            expected = -1 if left is None else time - left
        else:
            took = events.arrivals(cell, time).get(site, 10**9) - time
            expected = took if took <= options.limit_s else -1

        assert way.seconds == expected
        if way.legs:
            check(way, timetable, time, arrive_by=arrive_by, rides=rides)


def check(way, timetable, time, *, arrive_by, rides):
    """Whether the legs fit each other and the timetable."""
    ends = [leg.arrives for leg in way.legs]
    starts = [leg.departs for leg in way.legs]
    assert starts[0] == way.departs
    assert all(a <= b for a, b in zip(ends, starts[1:], strict=False))
    assert all(leg.start == before.end for before, leg in zip(way.legs, way.legs[1:], strict=False))
    assert way.departs == (time - way.seconds if arrive_by else time)
    assert ends[-1] <= time if arrive_by else ends[-1] == time + way.seconds
    assert way.rides <= rides
    for leg in way.legs:
        if leg.kind == "ride":
            trip = int(np.flatnonzero(timetable.trip_id == leg.trip_id)[0])
            p = int(np.searchsorted(timetable.trip_first, trip, side="right")) - 1
            length = np.diff(timetable.pattern_first)[p]
            event = timetable.event_first[p] + (trip - timetable.trip_first[p]) * length
            stops = timetable.stop_name[timetable.pattern_stop[timetable.pattern_first[p] :][:length]].tolist()
            on = [j for j in range(length) if (stops[j], timetable.departure[event + j]) == (leg.start, leg.departs)]
            off = [j for j in range(length) if (stops[j], timetable.arrival[event + j]) == (leg.end, leg.arrives)]

            assert leg.line == timetable.pattern_line[p]
            assert any(i + leg.stops == j for i in on for j in off)


def test_a_way_in_words():
    """Walk, line, walk, in one line; an unknown cell or site is said to be unknown."""
    timetable, walks = random_city(13)
    ways = [
        transit_path(timetable, walks, int(cell), str(site), at="08:00", options=TransitOptions(limit_min=120))
        for cell in walks.cell_id
        for site in walks.site_id
    ]
    way = next(way for way in ways if way.rides)

    assert way.words.startswith("08:00 walk ")
    assert " from Stop " in way.words
    with pytest.raises(SchemaError, match="cell 3 is not among"):
        transit_path(timetable, walks, 3, "site0", at="08:00")
    with pytest.raises(SchemaError, match="'nowhere' is not among"):
        transit_path(timetable, walks, 10, "nowhere", at="08:00")
