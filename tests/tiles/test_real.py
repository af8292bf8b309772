"""Tiles of the whole census grid of Europe."""

import numpy as np
import pytest
from tile_reader import decode

from civigrid.cells import values_of
from civigrid.engine.execute import Scheduler
from civigrid.io.census import read_census_grid
from civigrid.project import project_cells
from civigrid.release import public_grid, release
from civigrid.tiles import TileOptions, make_tiles
from civigrid.tiles.levels import cell_ids


@pytest.fixture(scope="module")
def europe(real_data):
    """Total of each inhabited square kilometre, in tiles to zoom 6."""
    path = real_data / "eu_census2021_1km" / "census2021_1km_v2.parquet"
    cells = project_cells(read_census_grid(path, columns=["T"], cell_size_m=1000)[0], columns=["T"]).cells
    made = make_tiles(release(cells, public_grid()), TileOptions(values=("T",), max_zoom=6), Scheduler("threads"))
    return cells, made


def test_parents_are_the_publishers_own_coarser_cells(europe, real_data):
    """At 10, 50 and 100 km each parent has the count that Eurostat publishes; all levels have everybody."""
    cells, made = europe
    for table in made.tables:
        assert np.nansum(table.values["T"].values) == np.nansum(values_of(cells, "T")) == 455_671_735
    for km in (10, 50, 100):
        path = real_data / "eu_census2021_1km" / f"census2021_{km}km_v2_published.parquet"
        published, _ = read_census_grid(path, columns=["T"], cell_size_m=1000 * km)
        table = next(t for t in made.tables if t.level.layer == f"cells_{km}km")
        expected = np.nan_to_num(published.table["T"].to_numpy())
        assert published.table.index.tolist() == table.ids.tolist()
        assert np.nan_to_num(table.values["T"].values).tolist() == expected.tolist()


def test_every_cell_of_a_level_is_in_a_tile(europe):
    """Decoded tiles of zoom 3: the 2,348 cells of 50 km with their counts, those at an edge in both tiles."""
    _, made = europe
    table = next(t for t in made.tables if t.level.layer == "cells_50km")
    found = {fid: about.get("T") for tile in make_zoom(made, 3) for fid, about, _ in decode(tile.data)["cells_50km"]}
    ids = cell_ids(table.level.grid, np.array(sorted(found), dtype=np.uint64))
    by_id = dict(zip(table.ids.tolist(), table.values["T"].values.tolist(), strict=True))

    assert len(found) == 2_348
    assert np.sort(ids).tolist() == table.ids.tolist()
    for cell, fid in zip(ids.tolist(), sorted(found), strict=True):
        assert found[fid] == (None if np.isnan(by_id[cell]) else by_id[cell])


def make_zoom(made, zoom):
    """Tiles of one zoom; deeper levels are not made."""
    for tile in made.tiles():
        if tile.zoom > zoom:
            return
        if tile.zoom == zoom:
            yield tile
