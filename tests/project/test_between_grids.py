"""Squares and hexagons: areas as GEOS finds them, the same bytes from any blocks, workers and cache."""

import geopandas as gpd
import numpy as np
import pytest
import shapely

from civigrid.cells import ids_of, make_cells, status_of, values_of
from civigrid.crosswalk import Crosswalk
from civigrid.engine import Scheduler
from civigrid.errors import GridMismatchError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.io.parts import BlockFolder
from civigrid.project import between_grids, coarsen, grid_crosswalk, pyramid
from civigrid.types import Column, Status

KM = SquareGrid(cell_size_m=1000)


def squares(row, col, n, m):
    """Ids of n x m squares, sorted."""
    r, c = np.divmod(np.arange(n * m), m)
    return np.sort(KM.from_row_col(row + r, col + c))


@pytest.mark.parametrize("resolution", [6, 8, 9])
@pytest.mark.parametrize("place", [(3270, 4550), (4900, 4500), (1600, 2950)], ids=["Berlin", "Lapland", "Madeira side"])
def test_shared_areas_are_those_of_geos(place, resolution):
    """Every pair that GEOS finds is found, with its area, and no other."""
    ids = squares(*place, 4, 5)
    found = grid_crosswalk(ids, KM, H3Grid(resolution))
    corners = H3Grid(resolution).vertices(found.cell_id)
    flat = gpd.GeoSeries(shapely.points(corners.reshape(-1, 2)), crs="EPSG:4326").to_crs("EPSG:3035")
    hexagons = shapely.polygons(shapely.get_coordinates(flat.to_numpy()).reshape(corners.shape))
    boxes = shapely.polygons(KM.vertices(ids))
    expected = shapely.area(shapely.intersection(boxes[:, None], hexagons[None, :]))

    np.testing.assert_allclose(found.measure.toarray(), expected, atol=1e-3)
    np.testing.assert_allclose(found.placed_share, 1.0, atol=1e-12)
    np.testing.assert_allclose(found.cell_measure, H3Grid(resolution).area_km2(found.cell_id) * 1e6, rtol=3e-6)


def test_hexagons_to_squares_is_the_other_direction():
    """H3 to squares shares the same areas, and each hexagon sums to 1."""
    ids = squares(3270, 4550, 6, 6)
    there = grid_crosswalk(ids, KM, H3Grid(8))
    back = grid_crosswalk(there.cell_id, H3Grid(8), KM)
    mine = np.searchsorted(back.cell_id, ids)

    np.testing.assert_allclose(back.placed_share, 1.0, atol=1e-12)
    np.testing.assert_allclose(back.measure[:, mine].toarray().T, there.measure.toarray(), atol=1e-3)


def test_blocks_workers_and_cache_change_no_bit(tmp_path, monkeypatch):
    """One hash in one block or many, on one worker or two, fresh or kept."""
    ids = squares(3270, 4550, 9, 11)
    digests = set()
    for side in (4, 8, 256):
        monkeypatch.setattr(between_grids, "BLOCK_CELLS", side)
        for scheduler in (Scheduler("serial"), Scheduler("threads", 2)):
            digests.add(grid_crosswalk(ids, KM, H3Grid(8), scheduler=scheduler).digest())
        store = BlockFolder(tmp_path / str(side))
        digests |= {grid_crosswalk(ids, KM, H3Grid(8), store=store).digest() for _ in range(2)}
    kept = sorted(tmp_path.rglob("*.arrow"))
    kept[0].write_bytes(b"torn")
    torn = grid_crosswalk(ids, KM, H3Grid(8), store=BlockFolder(kept[0].parent))

    assert len(digests | {torn.digest()}) == 1
    assert len(kept) > 12
    assert Crosswalk.from_bytes(torn.to_bytes()).digest() == torn.digest()


def test_grids_of_one_kind_are_sent_elsewhere():
    """Two square grids share a hierarchy, two H3 grids another."""
    with pytest.raises(GridMismatchError, match="of one kind"):
        grid_crosswalk(np.empty(0, dtype=np.uint64), H3Grid(8), H3Grid(7))


def noisy_cells():
    """A 20 x 20 town with hidden and missing values, and a rate."""
    rng = np.random.default_rng(5)
    ids = squares(3000, 4000, 20, 20)
    total = rng.integers(0, 50, 400).astype(float)
    part = np.floor(total * rng.random(400))
    codes = rng.choice([0, 0, 0, 3, 4, 5, 6], 400).astype(np.uint8)
    value = np.where(np.isin(codes, (3, 4)), np.nan, part)
    about = {"T": Column(), "g": Column(part_of="T"), "r": Column(kind="intensive", units="1", weight="T")}
    return make_cells(KM, ids, {"T": total, "g": value, "r": rng.random(400)}, about, status={"g": codes}), part


def test_a_chain_of_levels_gives_what_one_step_gives():
    """Sums, statuses, bounds and numbers of missing parts do not depend on the way."""
    cells, truth = noisy_cells()
    levels = pyramid(cells, [2000, 4000, 10_000, 20_000], bounds=True)
    for size, level in levels.items():
        direct = coarsen(cells, SquareGrid(cell_size_m=size), bounds=True)

        np.testing.assert_array_equal(ids_of(direct), ids_of(level))
        for name in ("T", "g", "g_high", "g_missing_parts", "g_confidential_parts"):
            np.testing.assert_allclose(values_of(direct, name), values_of(level, name), rtol=1e-12, err_msg=name)
        np.testing.assert_array_equal(status_of(direct, "g"), status_of(level, "g"))
        np.testing.assert_allclose(values_of(direct, "r"), values_of(level, "r"), rtol=1e-12)
        whole = coarsen(
            make_cells(KM, ids_of(cells), {"t": truth}, {"t": Column()}), SquareGrid(cell_size_m=size)
        )  # fmt: skip
        low = np.nan_to_num(values_of(level, "g"))
        assert (low <= values_of(whole, "t")).all()
        assert (values_of(whole, "t") <= values_of(level, "g_high")).all()
        assert level["g_missing_parts"].sum() == np.isnan(values_of(cells, "g")).sum()
    assert (status_of(levels[20_000], "g") == Status.PARTIAL).all()
