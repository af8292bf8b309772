"""`civigrid travel` and `civigrid gtfs-check` on the invented city: every mode, from files to files."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import rasterio
from commands import answer_of, call
from rasterio import Affine
from typer.testing import CliRunner

from civigrid.cells import make_cells
from civigrid.cli import app
from civigrid.grid import SquareGrid
from civigrid.io.parts import save_cells
from civigrid.io.travel_times import read_times
from civigrid.run import write_sample
from civigrid.sample import CityOptions
from civigrid.types import Column

GRID = SquareGrid(cell_size_m=1000)
SITES = ("--x", "easting", "--y", "northing", "--crs", "EPSG:3035", "--site-id", "site_id")


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """Files of a small Havelmark, and its inhabited square kilometres."""
    folder = tmp_path_factory.mktemp("havelmark")
    options = CityOptions(persons=3000)
    write_sample(folder, options)
    people = pd.read_parquet(folder / "persons.parquet")
    ids, count = np.unique(GRID.cell_at(people[["easting", "northing"]].to_numpy()), return_counts=True)
    cells = make_cells(GRID, ids, {"population": count.astype(float)}, {"population": Column()})
    save_cells(cells, folder / "km.cells")
    fine = SquareGrid(cell_size_m=100)
    ids, count = np.unique(fine.cell_at(people[["easting", "northing"]].to_numpy()), return_counts=True)
    save_cells(make_cells(fine, ids, {"population": count.astype(float)}, {"population": Column()}), folder / "m.cells")
    return folder


def travel(city, *words, **options):
    """Run the command on the city, and give its answer."""
    return answer_of("travel", "--origins", city / "km.cells", "--sites", city / "services.csv", *SITES, *words)


def streets(city):
    """Options that name the streets."""
    files = ("--network", city / "streets_edges.parquet", "--nodes", city / "streets_nodes.parquet")
    return (*files, "--network-crs", "EPSG:3035")


def test_walking_over_streets_takes_longer_than_the_straight_line(city):
    """And is written with every cell and service, as it is read again."""
    out = city / "walk.parquet"
    walk = travel(city, *streets(city), "--mode", "walk", "--out", out, "--max-min", "45")
    times, grid, _ = read_times(out)
    assert (walk["cells"], walk["sites"], walk["pairs"]) == (len(times.cell_id), 212, len(times.seconds))
    assert grid == GRID
    assert times.limit_s == 2700
    straight = travel(city, "--mode", "straight", "--detour", "1", "--max-min", "45")
    assert straight["pairs"] > walk["pairs"]
    assert walk["minutes_to_nearest"]["p50"] >= straight["minutes_to_nearest"]["p50"]
    assert walk["metres_from_street_cells"]["furthest"] <= 500


def test_a_car_is_quicker_than_a_bicycle_and_that_than_feet(city):
    """Of three modes on the same streets."""
    pairs = [travel(city, *streets(city), "--mode", m, "--max-min", "20")["pairs"] for m in ("walk", "bike", "drive")]
    assert pairs[0] < pairs[1] < pairs[2]


def test_a_timetable_never_makes_it_slower(city):
    """Everybody may walk all the way; at the median of two hours of departures nobody is slower than on foot."""
    out = city / "tram.parquet"
    words = ("--mode", "transit", "--gtfs", city / "gtfs", "--departure", "2026-03-17T08:00", "--max-min", "45")
    tram = travel(city, *streets(city), *words, "--out", out)
    assert tram["departures"] == 120
    walked = read_times(city / "walk.parquet")[0] if (city / "walk.parquet").exists() else None
    times = read_times(out)[0]
    if walked is None:
        travel(city, *streets(city), "--mode", "walk", "--out", city / "walk.parquet", "--max-min", "45")
        walked = read_times(city / "walk.parquet")[0]
    # walks to stops set out from the centre; the walk all the way from a place in the cell at random
    ride = dict(zip(zip(times.rows().tolist(), times.site.tolist(), strict=True), times.seconds.tolist(), strict=True))
    foot = zip(zip(walked.rows().tolist(), walked.site.tolist(), strict=True), walked.seconds.tolist(), strict=True)
    assert all(ride[pair] <= seconds for pair, seconds in foot)
    assert len(ride) > len(walked.seconds)


def test_people_set_out_from_where_they_live(city):
    """Finer cells change the times of a coarse one, and both are told apart."""
    centre = travel(city, *streets(city), "--max-min", "45")
    lived = travel(city, *streets(city), "--max-min", "45", "--finer", f"{city / 'm.cells'}:population")
    assert lived["pairs"] != centre["pairs"]


def test_over_land_nobody_swims(city):
    """Land cover on both banks, water between: only the near bank is reached."""
    options = CityOptions()
    rows, cols = options.height_m // 100, options.width_m // 100
    land = np.full((rows, cols), 50, dtype=np.uint8)
    land[rows // 2 - 6 : rows // 2 + 6] = 80
    about = {"driver": "GTiff", "height": rows, "width": cols, "count": 1, "dtype": "uint8", "crs": "EPSG:3035"}
    transform = Affine(100, 0, options.west_m, 0, -100, options.south_m + options.height_m)
    with rasterio.open(city / "land.tif", "w", transform=transform, **about) as file:
        file.write(land, 1)
    words = ("--mode", "friction", "--landcover", city / "land.tif", "--landcover-table", "worldcover")
    out = city / "land.parquet"
    found = travel(city, *words, "--max-min", "90", "--out", out)
    times = read_times(out)[0]
    north = GRID.centre(times.cell_id)[:, 1] > options.south_m + options.height_m / 2
    services = pd.read_csv(city / "services.csv").set_index("site_id").loc[times.site_id]
    far = services["northing"].to_numpy() > options.south_m + options.height_m / 2
    assert found["pairs"] > 0
    assert (north[times.rows()] == far[times.site]).all()


def test_the_matrix_of_another_engine_is_matched_by_id(city):
    """Services it does not know, and cells, are told; a wrong set of ids is refused."""
    times = read_times_or_make(city)
    names = times.site_id[:50]
    rows, site = times.rows(), times.site
    keep = site < 50
    codes = np.array([f"1kmN{r}E{c}" for r, c in zip(*GRID.row_col(times.cell_id), strict=True)])
    frame = pd.DataFrame({"from_id": codes[rows[keep]], "to_id": names[site[keep]], "travel_time": 10.0})
    frame.to_csv(city / "r5.csv", index=False)
    found = travel(city, "--mode", "import", "--matrix", city / "r5.csv")
    assert found["pairs"] == int(keep.sum())
    assert any("knows 50 of 212 services" in text for text in found["findings"])
    frame.assign(to_id="nowhere").to_csv(city / "wrong.csv", index=False)
    words = ["travel", "--origins", city / "km.cells", "--sites", city / "services.csv", *SITES]
    done = CliRunner().invoke(app, [str(w) for w in (*words, "--mode", "import", "--matrix", city / "wrong.csv")])
    assert "no site of the matrix is a service here" in str(done.exception)


def read_times_or_make(city):
    """Walking times of the city."""
    if not (city / "walk.parquet").exists():
        travel(city, *streets(city), "--mode", "walk", "--out", city / "walk.parquet", "--max-min", "45")
    return read_times(city / "walk.parquet")[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--mode", "fly"), "unknown mode 'fly'"),
        (("--mode", "walk"), "needs network"),
        (("--mode", "transit"), "needs gtfs"),
        (("--mode", "friction"), "needs landcover"),
        (("--mode", "straight", "--out", "t.xlsx"), "written as .parquet or .csv"),
        (("--mode", "straight", "--speed-kmh", "0"), "speed_kmh = 0: a number above 0 is needed"),
        (("--mode", "transit", "--departure", "2026-03-17"), "names no time of day"),
        (("--mode", "transit", "--departure", "2026-03-17T25h"), "'25h' is no time of day"),
    ],
)
def test_what_is_lacking_is_said(city, words, said):
    """Each refusal names the option."""
    base = ["travel", "--origins", city / "km.cells", "--sites", city / "services.csv", *SITES]
    done = CliRunner().invoke(app, [str(w) for w in (*base, *words)])
    assert done.exit_code != 0
    assert said in str(done.exception) + done.output


def test_a_table_of_edges_needs_its_nodes(city):
    """The message says so."""
    base = ["travel", "--origins", city / "km.cells", "--sites", city / "services.csv", *SITES]
    done = CliRunner().invoke(app, [str(w) for w in (*base, "--network", city / "streets_edges.parquet")])
    assert "name its table of nodes too" in str(done.exception)


def test_a_day_without_service_names_others(city):
    """A Sunday has none: the days there are stand in the message."""
    base = ["travel", "--origins", city / "km.cells", "--sites", city / "services.csv", *SITES, *streets(city)]
    words = (*base, "--mode", "transit", "--gtfs", city / "gtfs", "--departure", "2026-03-15T08:00")
    done = CliRunner().invoke(app, [str(w) for w in words])
    assert "nothing runs on 2026-03-15, a Sunday" in str(done.exception)
    assert "runs from 2026-01-01 to 2026-12-31" in str(done.exception)


def test_a_timetable_is_checked(city, tmp_path):
    """Sound: exit code 0; with a wrong id: 1, and the table of faults names it."""
    assert "608 trips; routes listed: 4 bus" in call("gtfs-check", city / "gtfs")
    for path in (city / "gtfs").iterdir():
        (tmp_path / path.name).write_text(path.read_text())
    trips = (tmp_path / "trips.txt").read_text().replace("L1,weekday,L1-0-360", "L9,weekday,L1-0-360")
    (tmp_path / "trips.txt").write_text(trips)
    done = CliRunner().invoke(app, ["gtfs-check", str(tmp_path), "--out", str(tmp_path / "faults.csv"), "--json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["errors"] == 1
    faults = pd.read_csv(tmp_path / "faults.csv")
    assert faults.loc[faults["rule"] == "unknown-route", "examples"].tolist() == ["L1-0-360"]
