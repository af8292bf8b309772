"""Fixtures that many tests share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from civigrid.cells import make_cells
from civigrid.grid import SquareGrid
from civigrid.sample import City, CityOptions, make_city
from civigrid.types import Column

ROOT = Path(__file__).resolve().parents[1]
settings.register_profile("civigrid", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("civigrid")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real data, or a skip that says why."""
    folder = Path(os.environ.get("CIVIGRID_DATA", ROOT / ".." / "shared" / "data")).resolve()
    if not folder.is_dir():
        pytest.skip(f"the real data are not here: set CIVIGRID_DATA to their folder (looked at {folder.name})")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a browser, or a skip that says why; where CI promises one, its absence is a failure."""
    path = shutil.which("chromium")
    if path is None and os.environ.get("CI") == "true" and os.geteuid() == 0:
        pytest.fail("chromium is not installed, and CI must look at the maps")
    if path is None:
        pytest.skip("chromium is not installed: maps cannot be looked at in a browser here")
    return path


BROWSER_ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-proxy-server",
]  # fmt: skip
"""How a browser is started that asks nobody for anything."""


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    """One browser for all pages of a module."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=BROWSER_ARGS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def city() -> City:
    """A small Havelmark."""
    return make_city(CityOptions(persons=20_000))


@pytest.fixture
def four_cells():
    """Two by two cells of 1 km with a total and two groups."""
    grid = SquareGrid(cell_size_m=1000)
    ids = grid.from_row_col(np.array([3000, 3000, 3001, 3001]), np.array([4000, 4001, 4000, 4001]))
    about = {"total": Column(long_name="Residents")}
    about |= {g: Column(long_name=f"Group {g}", part_of="total") for g in ("a", "b")}
    values = {"total": [50.0, 40.0, 30.0, 0.0], "a": [10.0, 40.0, 2.0, 0.0], "b": [40.0, 0.0, 28.0, 0.0]}
    return make_cells(grid, ids, values, about)
