"""The EU census file to cells with statuses, beside a bare read by pandas and points by geopandas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.census import NAMES, census_file
from benchmarks.measure import measure, row
from benchmarks.peers import Answer


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Peers hand on numbers without statuses or cells; the total is compared.  Once each: what is kept counts."""
    with TemporaryDirectory() as folder:
        path, what = census_file(Path(folder), smallest=smallest)
        seconds, peak, (n, total) = measure(_civigrid, str(path), repeats=1)
        for peer, make in (("pandas", _pandas), ("geopandas", _geopandas)):
            other, other_peak, theirs = measure(make, str(path), repeats=1)
            text = f"T apart by {abs(total - theirs):.0f}; {peer}'s peak {other_peak:.0f} MB"
            yield row("read_census", f"{what}: {n:,} cells", (seconds, peak), peer, other, text)


def _civigrid(path: str) -> Callable[[], Any]:
    from civigrid.io.census import read_census_grid
    from civigrid.project import project_cells

    def work() -> Any:
        source, _ = read_census_grid(Path(path))
        return project_cells(source, keep=["country"]).cells

    return Answer(work, lambda cells: (cells.sizes["cell"], float(cells["T"].sum())))


def _pandas(path: str) -> Callable[[], Any]:
    import numpy as np
    import pandas as pd

    def work() -> Any:
        table = pd.read_parquet(path)
        for name in NAMES:
            value = table[name].astype(float)
            table[name] = value.where((table[f"{name}_CI"] == 0) | (value > 0), np.nan)
        return table.set_index(["x", "y"]).sort_index()

    return Answer(work, lambda table: float(table["T"].sum()))


def _geopandas(path: str) -> Callable[[], Any]:
    import geopandas as gpd
    import pandas as pd

    def work() -> Any:
        table = pd.read_parquet(path)
        corners = gpd.points_from_xy(table["x"], table["y"], crs="EPSG:3035")
        return gpd.GeoDataFrame(table, geometry=corners)

    return Answer(work, lambda table: float(table["T"].sum()))
