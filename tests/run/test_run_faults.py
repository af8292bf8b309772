"""Run files whose keys are of their types and yet cannot be meant: told by `check`, before anything is computed."""

import pytest

from civigrid.run import check_run
from civigrid.run.paths import slug

GOOD = """
[run]
title = "t"
question = "q"
[[source]]
name = "s"
reader = "points"
path = "p.csv"
[[source]]
name = "sites"
reader = "points"
path = "p.csv"
[[cells]]
name = "c"
source = "s"
grid = "eu-laea-1km"
method = "points"
[[times]]
name = "walk"
cells = "c"
sites = ["sites"]
mode = "straight"
[[access]]
cells = "c"
times = "walk"
sites = ["sites"]
kinds = ["school"]
[[map]]
cells = "c"
title = "Map"
variables = ["population"]
"""
TWICE = '[[map]]\ncells = "c"\ntitle = "map!"\nvariables = ["population"]\n[[map]]'


def faults_of(tmp_path, old="", new=""):
    assert old in GOOD
    (tmp_path / "p.csv").write_text("x\n1\n")
    (tmp_path / "run.toml").write_text(GOOD.replace(old, new, 1) if old else GOOD)
    return check_run(tmp_path / "run.toml")[1]


def test_a_good_file_has_none(tmp_path):
    """What all others change has no fault itself."""
    assert faults_of(tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ('question = "q"', 'question = "q"\nworkers = -3', "run.workers", "0 (all cores) or more"),
        ('question = "q"', 'question = "q"\nthreshold = -1', "run.threshold", "3 or more"),
        ('question = "q"', 'question = "q"\nformats = ["xls"]', "run.formats", "Known: parquet, gpkg, csv"),
        ('title = "t"', 'title = " "', "run.title", "is empty"),
        ('name = "sites"', 'name = "s"', "run.source[1].name", "another [[source]] has this name"),
        ('[[times]]\nname = "walk"', '[[times]]\nname = "../walk"', "run.times[0].name", "without / \\ :"),
        ('name = "c"', 'name = ".c"', "run.cells[0].name", "does not begin with a point"),
        ('mode = "straight"', 'mode = "straight"\nmax_min = nan', "run.times[0].max_min", "above 0"),
        ('mode = "straight"', 'mode = "straight"\ndetour = 0.5', "run.times[0].detour", "straight line"),
        ('mode = "straight"', 'mode = "straight"\npercentile = 200', "run.times[0].percentile", "100 at most"),
        ('mode = "straight"', 'mode = "straight"\nsnap_m = -1', "run.times[0].snap_m", "at least 0"),
        ('mode = "straight"', 'mode = "walk"\nnetwork = "no.pbf"', "run.times[0].network", "does not exist"),
        ('mode = "straight"', 'mode = "transit"\ngtfs = ["no.zip"]', "run.times[0].gtfs", "does not exist"),
        ('kinds = ["school"]', "kinds = []", "run.access[0].kinds", "is empty"),
        ('kinds = ["school"]', 'kinds = ["school"]\nthreshold_min = inf', "run.access[0].threshold_min", "at least 0"),
        ('variables = ["population"]', "variables = []", "run.map[0].variables", "is empty"),
        ('variables = ["population"]', 'variables = ["a_status"]', "run.map[0].variables", "told with 'a'"),
        ('title = "Map"', 'title = "Map"\noutline = "no.gpkg"', "run.map[0].outline", "does not exist"),
        ('title = "Map"', 'title = "Map"\nserved = "new family"', "run.map[0].served", "no [[onestop]] of the cells"),
        ('title = "Map"', 'title = "Map"\nreach = true', "run.map[0].reach", "no [[reach]] is computed"),
        ('title = "Map"', 'title = ""', "run.map[0].title", "needs a title"),
        ("[[map]]", TWICE, "run.map[1].title", "same file name, map"),
        ('path = "p.csv"', 'path = "p.csv"\noptions = { x = 3 }', "run.source[0].options.x", "must be text"),
    ],
)
def test_what_cannot_be_meant_is_told_by_its_key(tmp_path, old, new, key, words):
    """Each is one fault; none waits for the run, or passes in silence."""
    # a name that changes is missed where it was used
    told = [f for f in faults_of(tmp_path, old, new) if "of this name. Known" not in f.message]

    assert [key] == [fault.key for fault in told]
    assert words in told[0].message


def test_two_travel_times_of_one_name_are_refused(tmp_path):
    """The later one would silently stand for both: minutes on foot would be those by car."""
    again = '[[times]]\nname = "walk"\ncells = "c"\nsites = ["sites"]\nmode = "straight"\n[[access]]'

    assert [f.key for f in faults_of(tmp_path, "[[access]]", again)] == ["run.times[1].name"]


def test_titles_of_any_script_and_length_name_a_file():
    """Titles without a letter of ASCII get names of their own, long ones are cut."""
    assert slug("Köln: Zugänge") == "koln-zugange"
    assert slug("Население") != slug("عدد السكان")
    assert len(slug("long " * 200)) <= 100
