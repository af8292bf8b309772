"""The guide to maps: its commands and its Python run as they stand, its pictures are there, its options exist."""

import re
import shlex
from pathlib import Path

import commands
import pytest
import typer
from pages import KM, town

from civigrid.cells import ids_of, make_cells, values_of, with_variables
from civigrid.cli import app
from civigrid.io.parts import save_cells
from civigrid.types import Column

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "maps.md").read_text(encoding="utf-8")


def blocks(language):
    """Code of the guide."""
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The files that the guide speaks of, in the folder that is open."""
    cells = town()
    people, minutes, share = (values_of(cells, n) for n in ("people", "minutes", "share_born"))
    rate = {"kind": "intensive", "weight": "residents"}
    about = {
        "residents": Column(long_name="Residents"),
        "minutes_library": Column(long_name="Minutes to the library", units="min", **rate),
        "share_abroad": Column(long_name="Share born abroad", units="1", **rate),
    }
    values = {"residents": people, "minutes_library": minutes, "share_abroad": share}
    city = make_cells(KM, ids_of(cells), values, about)
    save_cells(city, tmp_path / "city.cells")
    nearer = with_variables(city, {"minutes_library": minutes - 2}, {"minutes_library": about["minutes_library"]})
    save_cells(nearer, tmp_path / "scenario.cells")
    years = {"residents_2011": Column(long_name="2011"), "residents_2021": Column(long_name="2021")}
    save_cells(
        make_cells(KM, ids_of(cells), {"residents_2011": people, "residents_2021": people + 1}, years),
        tmp_path / "years.cells",
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_commands_run(folder):
    """Each line writes the page that it names."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    assert len(lines) == 4
    for line in lines:
        words = shlex.split(line)
        assert words[0] == "civigrid"
        commands.call(*words[1:])
        assert (folder / words[-1]).stat().st_size > 100_000


def test_the_python_runs(folder):
    """The blocks run one after the other and give pages."""
    known = {}
    for block in blocks("python"):
        exec(block, known)
    assert known["html"].startswith("<!DOCTYPE html>")
    assert "index.html" in known["files"]
    assert "Légende" in known["page"].get_root().render()
    assert "civigrid.range(" in known["mine"].get_root().render()


def test_the_options_of_the_guide_are_those_of_the_command():
    """Every option of the table exists, and every option of the command is named."""
    told = set(re.findall(r"(?<![\w-])(--[a-z]+)", GUIDE))
    command = typer.main.get_command(app).commands["map"]
    known = {name for parameter in command.params for name in parameter.opts if name.startswith("--")} - {"--help"}

    assert told == known


def test_its_pictures_are_there_and_small():
    """Each picture is linked with words for who does not see it, and weighs less than 250 kB."""
    found = re.findall(r"!\[(.+?)\]\((images/.+?)\)", GUIDE)

    assert len(found) == 5
    for words, path in found:
        assert len(words) > 20
        assert (DOCS / path).stat().st_size < 250_000
