"""The German census at 100 m: 17 groups joined from their files, every multigroup index by municipality."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import against, measure

DATA = Path(os.environ.get("CIVIGRID_DATA", Path(__file__).resolve().parents[1] / ".." / "shared" / "data"))
FOLDER = DATA / "de_zensus2011_100m_origin"
FILES = [f"STAATSANGE_GRP_{k}" for k in range(21, 25)] + [f"STAATSANGE_HLND_{k}" for k in range(2, 15)]
MULTIGROUP = ("D_multi", "G_multi", "H_multi", "M", "divergence", "C", "R", "P", "E", "simpson")


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """All of it beside its floor: decoding the same files.  The columns are nested groups: a load, not a finding."""
    real = FOLDER.exists() and not smallest
    seconds, peak, (n, cells, zones) = measure(_indices, real, repeats=1)
    floor, _, _ = measure(_decode, real, repeats=1)
    what = "German census 2011" if real else "invented"
    size = f"{what}, {n:,} rows, {cells:,} cells, {zones:,} municipalities"
    note = f"floor: decoding the files; {int((seconds - floor) / zones * 1e6)} us per municipality"
    yield against("17 groups, 10 indices", size, (seconds, peak), "decoding", floor, note)


def _tables(real: bool) -> Any:
    import pandas as pd

    if real:
        for name in FILES:
            yield name, pd.read_parquet(FOLDER / f"demography_{name}.parquet")
        return
    rng = np.random.default_rng(0)
    for name in FILES:
        line, col = (v[rng.random(len(v)) < 0.3] for v in np.divmod(np.arange(40_000), 200))
        n = min(len(line), len(col))
        place = {"x": 4_300_050 + 100.0 * col[:n], "y": 3_200_050 + 100.0 * line[:n]}
        yield name, pd.DataFrame(place | {"value": rng.integers(3, 9, n)}).drop_duplicates(["x", "y"])


def _decode(real: bool) -> Callable[[], int]:
    return lambda: sum(len(table) for _, table in _tables(real))


def _indices(real: bool) -> Callable[[], tuple[int, int, int]]:
    from civigrid.cells import make_cells
    from civigrid.grid import SquareGrid
    from civigrid.kernels.group import distinct
    from civigrid.layers.segregation import segregation_table
    from civigrid.types import Column

    grid = SquareGrid(cell_size_m=100)

    def work() -> tuple[int, int, int]:
        parts = {name: (grid.cell_at(table[["x", "y"]].to_numpy(float)), table["value"].to_numpy(float))
                 for name, table in _tables(real)}  # fmt: skip
        ids = distinct(np.concatenate([place for place, _ in parts.values()]))
        values = {}
        for name, (place, value) in parts.items():
            # a group that is in no list of a cell has nobody there, or fewer than three
            values[name] = np.zeros(len(ids))
            values[name][np.searchsorted(ids, place)] = value
        zone = _municipalities(grid.centre(ids), real)
        about = {name: Column(source="census") for name in values}
        cells = make_cells(grid, ids, values, about, labels={"municipality": zone})
        table = segregation_table(cells, FILES, zone="municipality", indices=MULTIGROUP)
        return sum(len(p) for p, _ in parts.values()), len(ids), int(table["zone"].nunique()) - 1

    return work


def _municipalities(points: Any, real: bool) -> Any:
    import geopandas as gpd
    import shapely

    if not real:
        return np.array([f"z{int(x) // 1000}" for x in points[:, 0]], dtype=object)
    areas = gpd.read_file(DATA / "de_vg250_municipalities" / "VG250_GEM_simplified.zip").to_crs("EPSG:3035")
    names = areas["AGS"].to_numpy(object) if "AGS" in areas else areas.iloc[:, 0].astype(str).to_numpy(object)
    found = np.full(len(points), "", dtype=object)
    shapes = shapely.make_valid(areas.geometry.to_numpy())
    point, area = shapely.STRtree(shapes).query(shapely.points(points), predicate="intersects")
    found[point] = names[area]
    return found
