"""Tags of streets and barriers, by mode: every rule a case."""

import math

import pytest

from civigrid.errors import UnknownNameError
from civigrid.travel.limits import limit_kmh
from civigrid.travel.modes import CLASSES, MODES, Speeds, access_of, class_table, is_closed
from civigrid.travel.uses import seconds_of, use_of

ROAD = "residential"


def _speeds(mode, speeds=None, **tags):
    tags = {key.replace("__", ":"): value for key, value in tags.items()}
    use = use_of({"highway": ROAD} | tags, mode, speeds or Speeds())
    return use.forward_kmh, use.backward_kmh


@pytest.mark.parametrize(
    ("tags", "walk", "bike", "drive"),
    [
        ({}, 1, 1, 1),
        ({"highway": "motorway"}, 0, 0, 1),
        ({"highway": "motorway", "foot": "yes"}, 1, 1, 1),
        ({"highway": "trunk"}, 1, 1, 1),
        ({"highway": "trunk", "motorroad": "yes"}, 0, 0, 1),
        ({"highway": "trunk", "motorroad": "yes", "sidewalk": "both"}, 1, 1, 1),
        ({"highway": "trunk_link", "motorroad": "yes", "bicycle": "yes"}, 0, 1, 1),
        ({"highway": "track"}, 1, 1, 0),
        ({"highway": "track", "motor_vehicle": "yes"}, 1, 1, 1),
        ({"highway": "track", "motor_vehicle": "agricultural;forestry"}, 1, 1, 0),
        ({"highway": "track", "motor_vehicle": "agricultural; destination"}, 1, 1, 1),
        ({"highway": "footway"}, 1, 1, 0),
        ({"highway": "footway", "bicycle": "no"}, 1, 1, 0),
        ({"highway": "footway", "access": "private"}, 0, 0, 0),
        ({"highway": "cycleway"}, 1, 1, 0),
        ({"highway": "cycleway", "foot": "no"}, 0, 1, 0),
        ({"highway": "busway"}, 0, 0, 0),
        ({"highway": "busway", "bicycle": "designated"}, 0, 1, 0),
        ({"highway": "construction"}, 0, 0, 0),
        ({"highway": "trail"}, 0, 0, 0),
        ({"highway": "bridleway"}, 1, 1, 0),
        ({"access": "no"}, 0, 0, 0),
        ({"access": "private"}, 0, 0, 0),
        ({"access": "private", "foot": "permissive"}, 1, 1, 0),
        ({"access": "destination"}, 1, 1, 1),
        ({"access": "customers"}, 1, 1, 1),
        ({"access": "private; yes"}, 1, 1, 1),
        ({"access": "unknown"}, 1, 1, 1),
        ({"access": "Schranke!"}, 1, 1, 1),
        ({"vehicle": "no"}, 1, 1, 0),
        ({"vehicle": "no", "bicycle": "yes"}, 1, 1, 0),
        ({"vehicle": "no", "motorcar": "yes"}, 1, 1, 1),
        ({"motor_vehicle": "private"}, 1, 1, 0),
        ({"motor_vehicle": "no", "motorcar": "destination"}, 1, 1, 1),
        ({"motorcar": "no"}, 1, 1, 0),
        ({"foot": "no"}, 0, 1, 1),
        ({"foot": "use_sidepath"}, 1, 1, 1),
        ({"bicycle": "no", "foot": "no"}, 0, 0, 1),
        ({"bicycle": "private"}, 1, 0, 1),
        ({"bicycle": "use_sidepath"}, 1, 1, 1),
        ({"oneway": "reversible"}, 1, 0, 0),
    ],
)
def test_access_by_tags(tags, walk, bike, drive):
    """The most special key that is understood decides; else the class does."""
    open_to = {mode: not use_of({"highway": ROAD} | tags, mode, Speeds()).reason for mode in MODES}

    assert open_to == {"walk": bool(walk), "bike": bool(bike), "drive": bool(drive)}


@pytest.mark.parametrize(
    ("tags", "bike"),
    [
        ({}, 15.0),
        ({"highway": "footway"}, 4.8),
        ({"highway": "footway", "bicycle": "yes"}, 15.0),
        ({"highway": "pedestrian", "bicycle": "dismount"}, 4.8),
        ({"bicycle": "dismount"}, 4.8),
        ({"bicycle": "no"}, 4.8),
        ({"vehicle": "no"}, 4.8),
        ({"highway": "steps"}, 2.4),
        ({"highway": "steps", "bicycle": "yes"}, 2.4),
        ({"highway": "path"}, 12.0),
        ({"highway": "path", "surface": "asphalt"}, 15.0),
        ({"highway": "track", "tracktype": "grade1"}, 15.0),
        ({"highway": "track", "tracktype": "grade5"}, 7.5),
        ({"surface": "sett"}, 11.25),
        ({"surface": "sand"}, 4.5),
        ({"bicycle": "use_sidepath"}, 15.0),
    ],
)
def test_bicycles_are_ridden_or_pushed(tags, bike):
    """Where one may not ride one pushes at walking pace; surfaces slow down."""
    assert use_of({"highway": ROAD} | tags, "bike", Speeds()).forward_kmh == pytest.approx(bike)


@pytest.mark.parametrize(
    ("tags", "walk", "bike", "drive"),
    [
        ({}, "ab", "ab", "ab"),
        ({"oneway": "yes"}, "ab", "a", "a"),
        ({"oneway": "true"}, "ab", "a", "a"),
        ({"oneway": "1"}, "ab", "a", "a"),
        ({"oneway": "-1"}, "ab", "b", "b"),
        ({"oneway": "no"}, "ab", "ab", "ab"),
        ({"oneway": "alternating"}, "ab", "ab", "ab"),
        ({"oneway": "perhaps"}, "ab", "ab", "ab"),
        ({"junction": "roundabout"}, "ab", "a", "a"),
        ({"junction": "circular"}, "ab", "a", "a"),
        ({"junction": "roundabout", "oneway": "no"}, "ab", "ab", "ab"),
        ({"highway": "motorway"}, "", "", "a"),
        ({"highway": "motorway_link"}, "", "", "ab"),
        ({"oneway": "yes", "oneway:bicycle": "no"}, "ab", "ab", "a"),
        ({"oneway:bicycle": "yes"}, "ab", "a", "ab"),
        ({"oneway": "yes", "oneway:bicycle": "-1"}, "ab", "b", "a"),
        ({"oneway": "yes", "cycleway": "opposite"}, "ab", "ab", "a"),
        ({"oneway": "yes", "cycleway": "opposite_lane"}, "ab", "ab", "a"),
        ({"oneway": "yes", "cycleway:left": "opposite_track"}, "ab", "ab", "a"),
        ({"oneway": "yes", "cycleway:left:oneway": "-1"}, "ab", "ab", "a"),
        ({"oneway": "yes", "bicycle": "opposite"}, "ab", "ab", "a"),
        ({"oneway": "yes", "cycleway": "lane"}, "ab", "a", "a"),
        ({"oneway": "yes", "oneway:foot": "yes"}, "a", "a", "a"),
        ({"oneway": "no", "oneway:motor_vehicle": "yes"}, "ab", "ab", "a"),
        ({"highway": "steps", "conveying": "forward"}, "a", "a", ""),
        ({"highway": "steps", "conveying": "backward"}, "b", "b", ""),
        ({"highway": "footway", "oneway": "yes"}, "ab", "ab", ""),
    ],
)
def test_directions_by_tags(tags, walk, bike, drive):
    """One-way streets, roundabouts, ways against them for bicycles; people on foot go both ways."""
    found = {}
    for mode in MODES:
        use = use_of({"highway": ROAD} | tags, mode, Speeds())
        found[mode] = "a" * (use.forward_kmh > 0) + "b" * (use.backward_kmh > 0)

    assert found == {"walk": walk, "bike": bike, "drive": drive}


@pytest.mark.parametrize(
    ("text", "kmh"),
    [
        ("50", 50), ("30 mph", 48.28032), ("20mph", 32.18688), ("7,5", 7.5), ("50 km/h", 50), ("walk", 7),
        ("none", 130), ("DE:urban", 50), ("DE:rural", 100), ("DE:motorway", 130), ("FR:rural", 80), ("RU:urban", 60),
        ("GB:nsl_single", 96.56064), ("UK:nsl_dual", 112.65408), ("GB:zone20", 32.18688), ("DE:zone:30", 30),
        ("DE:zone30", 30), ("DE:30", 30), ("zone:30", 30), ("AT:living_street", 10), ("DE:living_street", 7),
        ("BE-VLG:rural", 70), ("XX:urban", 50), ("30;50", 30), ("signals;80", 80), ("signals", 0), ("variable", 0),
        ("fast", None), ("", None), ("0", None), ("999", None), ("10 furlongs", None), ("DE:moon", None), ("-30", None),
    ],
)  # fmt: skip
def test_speed_limits_as_they_are_written(text, kmh):
    """Numbers with and without units, zones by country, words for none; what is not understood is None."""
    found = limit_kmh(text)

    assert found == (None if kmh is None else pytest.approx(kmh))


@pytest.mark.parametrize(
    ("tags", "forward", "backward"),
    [
        ({}, 25, 25),
        ({"maxspeed": "50"}, 40, 40),
        ({"maxspeed": "none", "highway": "motorway"}, 104, 0),
        ({"maxspeed": "200", "highway": "motorway"}, 130, 0),
        ({"maxspeed": "50", "maxspeed:forward": "30"}, 24, 40),
        ({"maxspeed": "signals"}, 25, 25),
        ({"maxspeed": "quick"}, 25, 25),
        ({"maxspeed:type": "DE:urban"}, 40, 40),
        ({"source:maxspeed": "sign"}, 25, 25),
        ({"source:maxspeed": "DE:rural"}, 80, 80),
        ({"maxspeed": "walk"}, 5.6, 5.6),
    ],
)
def test_speeds_of_cars(tags, forward, backward):
    """A stated share of the limit; by class where none is known."""
    use = use_of({"highway": ROAD} | tags, "drive", Speeds())

    assert (use.forward_kmh, use.backward_kmh) == pytest.approx((forward, backward))


def test_what_is_not_understood_is_told():
    """Values that were passed over come with the use, also where the street is left out."""
    odd = {"maxspeed": "quick", "oneway": "perhaps", "motorcar": "noexit", "access": "private"}

    assert use_of({"highway": ROAD} | odd, "drive", Speeds()).unknown == (("motorcar", "noexit"),)
    del odd["access"]
    assert set(use_of({"highway": ROAD} | odd, "drive", Speeds()).unknown) == set(odd.items())


@pytest.mark.parametrize(
    ("tags", "mode", "kmh"),
    [
        ({}, "walk", 15),
        ({}, "bike", 15),
        ({}, "drive", 0),
        ({"motorcar": "yes"}, "drive", 15),
        ({"foot": "no"}, "walk", 0),
        ({"bicycle": "no"}, "bike", 0),
        ({"access": "private"}, "walk", 0),
    ],
)
def test_ferries_are_used_only_when_asked_for(tags, mode, kmh):
    """Without ferries islands are out of reach; with them cars need a tag that lets them in."""
    ferry = {"route": "ferry"} | tags

    assert use_of(ferry, mode, Speeds()).reason == "ferry"
    assert use_of(ferry, mode, Speeds(ferries=True)).forward_kmh == kmh
    assert use_of({"route": "bicycle"}, mode, Speeds(ferries=True)).reason == "not a street"


def test_durations_of_ferries_by_direction():
    """A duration holds instead of the speed; each direction may have its own."""
    use = use_of(
        {"route": "ferry", "duration:forward": "PT6M", "duration:backward": "0:03"}, "walk", Speeds(ferries=True)
    )

    assert (use.forward_s, use.backward_s) == (360, 180)
    assert not use.board
    assert [seconds_of(w) for w in ("1:45", "25", "1:00:30", "PT1H", "x", "")] == [6300, 1500, 3630, 3600, 0, 0]


@pytest.mark.parametrize(
    ("tags", "walk", "bike", "drive"),
    [
        ({"barrier": "bollard"}, 0, 0, 1),
        ({"barrier": "bollard", "motor_vehicle": "yes"}, 0, 0, 0),
        ({"barrier": "gate"}, 0, 0, 0),
        ({"barrier": "gate", "access": "private"}, 1, 1, 1),
        ({"barrier": "gate", "access": "private", "foot": "yes"}, 0, 1, 1),
        ({"barrier": "lift_gate", "bicycle": "no"}, 0, 1, 0),
        ({"barrier": "cycle_barrier"}, 0, 0, 1),
        ({"barrier": "stile"}, 0, 1, 1),
        ({"barrier": "kissing_gate"}, 0, 1, 1),
        ({"barrier": "fence"}, 1, 1, 1),
        ({"barrier": "toll_booth"}, 0, 0, 0),
        ({"barrier": "Stones"}, 0, 0, 1),
    ],
)
def test_barriers_by_mode(tags, walk, bike, drive):
    """Access tags decide; else what kind of barrier it is."""
    assert [is_closed(tags, mode) for mode in MODES] == [bool(walk), bool(bike), bool(drive)]


@pytest.mark.parametrize(
    ("tags", "mode", "forward"),
    [
        ({"speed_kmh": "50", "walk": "yes", "drive": "yes"}, "drive", 50),
        ({"speed_kmh": "50", "walk": "yes", "drive": "no"}, "drive", 0),
        ({"speed_kmh": "50", "walk": "yes", "drive": "no"}, "bike", 15),
        ({"speed_kmh": "50", "walk": "no", "drive": "yes"}, "bike", 0),
        ({"speed_kmh": "50", "walk": "no", "bike": "yes"}, "bike", 15),
        ({"speed_kmh": "50"}, "walk", 4.8),
        ({"speed_kmh": "50", "oneway": "-1"}, "drive", 0),
        ({"speed_kmh": "50", "oneway": "-1"}, "walk", 4.8),
    ],
)
def test_edge_tables_state_who_goes_and_how_fast(tags, mode, forward):
    """Speeds of cars are taken as they stand; bicycles go where people walk unless a column says otherwise."""
    assert use_of(tags, mode, Speeds()).forward_kmh == forward


def test_defaults_are_one_table():
    """Each class has a row, and is walked, ridden or driven by somebody or by nobody; other speeds are options."""
    rows = list(class_table())

    assert [row["highway"] for row in rows] == list(CLASSES)
    assert all(row["drive_kmh"] > 0 and row["bike"] in ("ride", "push", "") for row in rows)
    assert _speeds("walk", Speeds(walk_kmh=6, steps_share=0.4), highway="steps") == pytest.approx((2.4, 2.4))
    assert _speeds("drive", Speeds(drive_share=1.0), maxspeed="50") == (50, 50)
    assert math.isclose(_speeds("bike", Speeds(bike_kmh=20))[0], 20)


def test_unknown_modes_are_named():
    """The known ones stand in the message."""
    with pytest.raises(UnknownNameError, match=r"unknown mode 'dirve'. Did you mean 'drive'"):
        use_of({"highway": ROAD}, "dirve", Speeds())
    with pytest.raises(UnknownNameError, match="unknown mode"):
        access_of({}, "dirve")
