"""The guide pages: their tables are what the code declares, their commands run, their run files are understood."""

from __future__ import annotations

import re
import shlex
import string
import tomllib
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
from rasterio import Affine
from typer.testing import CliRunner

from civigrid.cells import make_cells
from civigrid.cli import app
from civigrid.grid import SquareGrid
from civigrid.io import services as tables
from civigrid.io.parts import save_cells
from civigrid.io.travel_times import read_times
from civigrid.layers.onestop import PERSONAS
from civigrid.run import config, write_sample
from civigrid.run.read_config import build
from civigrid.sample import CityOptions
from civigrid.travel import Speeds
from civigrid.travel.modes import class_table
from civigrid.types import Column

DOCS = Path(__file__).parents[1] / "docs"
TRAVEL, ONESTOP = ((DOCS / name).read_text(encoding="utf-8") for name in ("travel.md", "onestop.md"))
WORDS = {
    "walk_kmh": "walking, km/h; also pushing a bicycle",
    "steps_share": "share of it kept on steps",
    "bike_kmh": "cycling on a smooth level way, km/h; rough ground takes a share off",
    "drive_share": "speed of cars as a share of the limit",
    "drive_most_kmh": "fastest car, km/h",
    "ferries": "whether ferries are used",
    "ferry_kmh": "ferries whose duration is not tagged, km/h",
}


def speeds():
    """Give the table of speeds that are options."""
    yield "| option of `Speeds` | default | meaning |"
    yield "| --- | --- | --- |"
    for one in fields(Speeds):
        value = "no" if one.default is False else f"{one.default:g}"
        yield f"| `{one.name}` | {value} | {WORDS[one.name]} |"


def classes():
    """Give the table of kinds of street."""
    yield "| highway | walk | bike | drive | car km/h |"
    yield "| --- | --- | --- | --- | --- |"
    for row in class_table():
        walk, drive = ("yes" if row[key] else "" for key in ("walk", "drive"))
        yield f"| {row['highway']} | {walk} | {row['bike']} | {drive} | {row['drive_kmh']:g} |"


def personas():
    """Give the personas: needs, free time, modes, languages, assumptions."""
    for persona in PERSONAS.values():
        needs = persona.bundle
        rows = zip(needs.kinds, needs.visits_a_year, needs.minutes, needs.obligatory, strict=True)
        shares = [", ".join(f"{name} {share:.0%}" for name, share in each.items()) for each in
                  (persona.modes, persona.languages)]  # fmt: skip
        yield f"### {persona.name}: {persona.title}"
        yield ""
        yield "| kind | visits a year | minutes each |"
        yield "| --- | --- | --- |"
        for kind, visits, minutes, must in rows:
            name = kind.replace("_", " ")
            yield f"| {f'**{name}**' if must else name} | {visits:g} | {minutes:g} |"
        yield ""
        yield "Free: " + "; ".join(f"{text} ({share:.0%})" for text, share in persona.free) + "."
        yield f"Modes: {shares[0]}. Languages: {shares[1]}."
        yield f"Served by what is for everyone, or for {' or '.join(persona.groups)}."
        yield ""
        yield from (f"- {text}" for text in persona.assumptions)
        yield ""


@pytest.mark.parametrize(
    ("page", "made"), [(TRAVEL, speeds), (TRAVEL, classes), (ONESTOP, personas)], ids=["speeds", "classes", "personas"]
)
def test_tables_are_what_the_code_declares(page, made):
    """Word by word: where this fails, put the text in the page."""
    assert "\n".join(made()).strip() in page


def test_the_table_of_services_names_every_column_that_is_read():
    """And says of hours and capacity what is taken where they are absent."""
    first = ONESTOP.split("## Words")[0]
    told = {name for line in first.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line[:40])}
    bare = tables.services_of_table(pd.DataFrame({"site_id": ["a"], "kind": ["x"]}), ["a"]).services

    assert set(tables._COLUMNS) == told
    assert (bool(bare.open_week.all()), bool(np.isnan(bare.capacity[0])), bool(bare.in_house[0])) == (True, True, True)


def test_pages_are_short():
    """A page that is read in one go, with no link that leads nowhere."""
    for page in (TRAVEL, ONESTOP):
        assert len(page.splitlines()) < 200
        links = re.findall(r"\]\(([^)#]+)\)", page)
        assert [link for link in links if not (DOCS / link).exists()] == []


@pytest.fixture
def after_the_demo(tmp_path, monkeypatch):
    """Start in a folder with the files that the demo leaves, of a smaller city, and a raster of land cover."""
    monkeypatch.chdir(tmp_path)
    options, grid = CityOptions(persons=1500), SquareGrid(cell_size_m=200)
    write_sample(Path("runs/demo/havelmark"), options)
    people = pd.read_parquet("runs/demo/havelmark/persons.parquet")
    ids, count = np.unique(grid.cell_at(people[["easting", "northing"]].to_numpy()), return_counts=True)
    cells = make_cells(grid, ids, {"population": count.astype(float)}, {"population": Column()})
    Path("runs/demo/parts").mkdir()
    save_cells(cells, Path("runs/demo/parts/cells-register_200m-1.cells"))
    transform = Affine(100, 0, options.west_m, 0, -100, options.south_m + options.height_m)
    about = {"driver": "GTiff", "height": options.height_m // 100, "width": options.width_m // 100, "count": 1}
    with rasterio.open("landcover.tif", "w", transform=transform, dtype="uint8", crs="EPSG:3035", **about) as file:
        file.write(np.full((about["height"], about["width"]), 50, dtype=np.uint8), 1)


def test_every_command_of_the_page_runs(after_the_demo):
    """As it is printed, in its order; and each writes what it says."""
    known = {"CELLS": "runs/demo/parts/cells-register_200m-1.cells"}
    lines = [line for block in re.findall(r"```sh\n(.*?)```", TRAVEL, re.DOTALL) for line in block.splitlines()]
    modes = set()
    for line in lines:
        name, _, value = line.partition("=")
        if not line.startswith("civigrid "):
            if name not in known:
                known[name] = string.Template(value.strip('"')).substitute(known)
            continue
        words = shlex.split(string.Template(line).substitute(known))[1:]
        found = CliRunner().invoke(app, words, catch_exceptions=False)
        out = Path(words[words.index("--out") + 1])
        assert (found.exit_code, out.exists()) == (0, True), line
        if "--mode" in words:
            modes.add(words[words.index("--mode") + 1])

    assert modes == {"walk", "bike", "drive", "transit", "straight", "import", "friction"}
    imported, straight = (read_times(Path(name))[0] for name in ("imported.parquet", "straight.parquet"))
    assert len(imported.seconds) == len(pd.read_csv("bike.csv"))
    assert len(straight.seconds) > 0


@pytest.mark.parametrize("page", [TRAVEL, ONESTOP], ids=["travel", "onestop"])
def test_run_files_of_the_page_are_understood(page):
    """Every key of every example is one that the run file knows, with a value that fits."""
    kinds = {"times": config.Times, "onestop": config.Onestop, "archetypes": config.Archetypes, "map": config.Map}
    asked = [
        (name, table)
        for block in re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
        for name, each in tomllib.loads(block).items()
        for table in each
    ]
    faults = []
    for name, table in asked:
        build(kinds[name], table, name, faults)

    assert asked
    assert faults == []
