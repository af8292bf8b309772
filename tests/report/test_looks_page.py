"""The page of looks: its table is what the guard measures, its ways are those of the code, its example runs."""

import re
from pathlib import Path

import numpy as np

from civigrid.cells import make_cells
from civigrid.grid import SquareGrid
from civigrid.release import public_grid, release
from civigrid.style.guard import guard
from civigrid.style.methods import NAMES
from civigrid.style.palette import BIVARIATE, NEED, SCHEMES, colors
from civigrid.types import Column

PAGE = (Path(__file__).parents[2] / "docs" / "looks.md").read_text(encoding="utf-8")


def test_the_table_of_palettes_is_measured():
    """Every number of the table is what `guard` finds now, for every scheme, page and number of classes."""
    rows = []
    for scheme in SCHEMES:
        for page in ("light", "dark"):
            for n in (5, 7):
                found = guard(colors(scheme, n, page))
                grey = "yes" if found.prints_grey else "no"
                rows.append(
                    f"| `{scheme}` | {page} | {n} | {found.min_de:.1f} | {found.worst} | {found.dl:.1f} | {grey} |"
                )

    assert [line for line in PAGE.splitlines() if re.match(r"\| `\w+` \| (light|dark) ", line)] == rows


def test_two_variables_at_once_are_measured():
    """The least distance of both bivariate palettes stands on the page."""
    least = [guard([c for row in palette for c in row]).min_de for palette in (BIVARIATE, NEED)]

    assert f"composition by density {least[0]:.1f}, need by access {least[1]:.1f} units" in PAGE


def test_every_way_is_listed():
    """The ways of the page (below the head `by`) are those of `classify`, but `auto`, which is described before."""
    told = re.findall(r"^\| `([a-z-]+)` \| [^|]+ \| [^|]*\|$", PAGE, flags=re.MULTILINE)

    assert set(told) == (set(NAMES) - {"auto"}) | {"by"}


def test_the_example_runs(tmp_path, monkeypatch):
    """The Python of the page writes what it says."""
    grid = SquareGrid(cell_size_m=1000)
    ids = grid.from_row_col(3000 + np.arange(30), np.full(30, 4000))
    cells = make_cells(grid, ids, {"population": np.arange(30.0)}, {"population": Column(long_name="Residents")})
    monkeypatch.chdir(tmp_path)
    code = re.search(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)[1]
    exec(code, {"cells": cells, "later": release(cells, public_grid())})

    assert (tmp_path / "people.pdf").read_bytes().startswith(b"%PDF")
    assert b"2022" in (tmp_path / "years.svg").read_bytes()


def test_the_images_are_there():
    """Every image of the page exists and is small."""
    names = re.findall(r"!\[[^\]]+\]\((\S+)\)", PAGE)
    sizes = [(Path(__file__).parents[2] / "docs" / name).stat().st_size for name in names]

    assert len(sizes) == 2
    assert max(sizes) < 250_000
