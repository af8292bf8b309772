"""Faults that peers have, each as a test that they would fail."""

import pickle
import subprocess
import sys
from contextlib import contextmanager

import geopandas as gpd
import numpy as np
import pytest
import shapely
from dask.base import collections_to_expr
from shapes import broken, tiling

from civigrid.crosswalk import Crosswalk
from civigrid.engine import Scheduler, execute
from civigrid.errors import GridMismatchError, SourceError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.project import polygon_crosswalk, polygons
from civigrid.project.polygons import square_coverage

KM, FINE = SquareGrid(cell_size_m=1000), SquareGrid(cell_size_m=100)


def two_areas():
    """Two areas side by side, 67,000 people, cut by a line between cells at E = 4,004,000."""
    shapes = [shapely.box(4e6, 3e6, 4_006_500, 3_005_000), shapely.box(4_006_500, 3e6, 4_011_000, 3_005_000)]
    return gpd.GeoSeries(shapes, ["a", "b"], crs="EPSG:3035"), np.array([40_000.0, 27_000.0])


def test_targets_in_chunks_place_nobody_twice():
    """Applied to the cells in two chunks, 67,000 people stay 67,000: no denominator depends on the targets.

    A denominator made of the targets at hand turned them into 80,000 in a peer.
    """
    shapes, people = two_areas()
    whole = polygon_crosswalk(shapes, KM)
    west = KM.row_col(whole.cell_id)[1] < 4_004
    chunks = [whole.shares()[:, part].T @ people for part in (west, ~west)]
    narrow = SquareGrid(cell_size_m=1000, bounds_m=(4e6, 3e6, 4_004_000, 3_010_000))
    part = polygon_crosswalk(shapes, narrow)

    assert sum(c.sum() for c in chunks) == pytest.approx(67_000, rel=1e-12)
    # what lies outside a smaller target stays outside: it is not squeezed into it
    assert part.apply_extensive(people).sum() == pytest.approx(40_000 * 4 / 6.5, rel=1e-12)
    assert part.placed_share[1] == 0


def test_sums_are_double_precision():
    """67 million people are placed to the last one: sums of single precision lose some."""
    shapes, _ = two_areas()
    found = polygon_crosswalk(tiling(40, 30_000.0), FINE)
    counts = np.full(40, 67e6 / 40)
    single = (found.shares().astype(np.float32).T @ counts.astype(np.float32)).sum(dtype=np.float64)

    assert polygon_crosswalk(shapes, KM).measure.dtype == np.float64
    assert abs(found.apply_extensive(counts).sum() - 67e6) < 1e-6
    assert abs(single - 67e6) > 1e-2


@pytest.mark.parametrize("grid", [KM, H3Grid(8)], ids=["squares", "H3"])
@pytest.mark.parametrize("name", sorted(broken()))
def test_no_invalid_polygon_passes_in_silence(name, grid):
    """Each kind of wrong polygon is refused by its id, among good ones, on squares and hexagons."""
    shapes = gpd.GeoSeries([shapely.box(4e6, 3e6, 4_001_000, 3_001_000), broken()[name]], ["fine", "x7"], crs=3035)

    with pytest.raises(SourceError, match=r"1 polygons have rings .*first: x7"):
        polygon_crosswalk(shapes, grid)
    if isinstance(grid, SquareGrid):
        with pytest.raises(SourceError, match=r"first: x7"):
            square_coverage(shapes, grid)


@pytest.mark.parametrize("grid", [KM, H3Grid(8)], ids=["squares", "H3"])
def test_overlapping_sources_are_seen(grid):
    """Where areas overlap, coverage above 1 is told with the ids of cells and areas, and nobody is doubled or lost."""
    shapes, people = two_areas()
    over = gpd.GeoSeries([*shapes, shapely.box(4_000_500, 3e6, 4_003_000, 3_005_000)], ["a", "b", "c"], crs=3035)
    found = polygon_crosswalk(over, grid)
    told = found.overlap

    assert told.unit_id.tolist() == ["a", "c"]
    assert len(told.cell_id) > 5
    np.testing.assert_allclose(told.excess.max(), 1.0, rtol=1e-9)
    assert found.apply_extensive(np.append(people, 5.0)).sum() == pytest.approx(67_005, rel=1e-12)
    assert len(polygon_crosswalk(shapes, grid).overlap.cell_id) == 0
    assert Crosswalk.from_bytes(found.to_bytes()).overlap.unit_id.tolist() == ["a", "c"]


def test_reference_systems_are_settled_or_refused():
    """No CRS raises; another CRS is reprojected and gives the same cells; two grids do not meet."""
    shapes, _ = two_areas()
    found = polygon_crosswalk(shapes.segmentize(500).to_crs("EPSG:4326"), KM)

    with pytest.raises(SourceError, match="no CRS"):
        polygon_crosswalk(gpd.GeoSeries(shapes.to_numpy()), KM)
    here = polygon_crosswalk(shapes, KM)
    shared = found.measure[:, np.isin(found.cell_id, here.cell_id)]
    np.testing.assert_allclose(shared.toarray(), here.measure.toarray(), atol=200.0)
    with pytest.raises(GridMismatchError):
        here.transfer(polygon_crosswalk(shapes, FINE))


def test_small_polygons_are_not_lost():
    """A polygon far smaller than a cell, holding no centre, keeps all it carries."""
    discs = gpd.GeoSeries(
        [shapely.Point(4e6 + 3_000.0 * k, 3e6 + 10).buffer(10.0 ** (1 - k)) for k in range(5)], crs=3035
    )
    for grid in (KM, H3Grid(8)):
        found = polygon_crosswalk(discs, grid)
        assert found.apply_extensive(np.arange(1.0, 6.0)).sum() == pytest.approx(15.0, rel=1e-12)


OPTIONAL = ("exactextract", "tobler", "duckdb", "segregation", "xdggs", "rtree", "libpysal", "h3")


def test_results_do_not_depend_on_what_is_installed():
    """Without any optional package the same bytes come out: squares, H3 and whole cells."""
    code = f"""
import sys
for name in {OPTIONAL!r}:
    sys.modules[name] = None
import geopandas as gpd, shapely
from civigrid.grid import H3Grid, SquareGrid
from civigrid.project import centre_partition, polygon_crosswalk
shapes = gpd.GeoSeries([shapely.box(4e6, 3e6, 4_006_500, 3_005_000), shapely.Point(4.02e6, 3.01e6).buffer(3000)],
                       ["a", "b"], crs="EPSG:3035")
for grid in (SquareGrid(cell_size_m=1000), H3Grid(8)):
    print(polygon_crosswalk(shapes, grid).digest(), centre_partition(shapes, grid).digest())
"""
    without = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    listed = code.replace("sys.modules[name] = None", "pass")
    with_all = subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True).stdout

    assert len(without.split()) == 4
    assert without == with_all


@pytest.mark.parametrize("grid", [KM, H3Grid(8)], ids=["squares", "H3"])
def test_blocks_and_workers_change_no_bit(grid, monkeypatch):
    """One digest without blocks, in many blocks, on one worker and on two."""
    shapes = tiling(30, 20_000.0)
    digests = {polygon_crosswalk(shapes, grid).digest()}
    for size in (150, 900):
        monkeypatch.setattr(polygons, "CORNERS_PER_BLOCK", size)
        for scheduler in (Scheduler("serial"), Scheduler("threads", 1), Scheduler("threads", 2)):
            digests.add(polygon_crosswalk(shapes, grid, scheduler=scheduler).digest())

    assert len(digests) == 1


class _SeenError(Exception):
    """The graph has been looked at: nothing is computed."""


@pytest.mark.parametrize("grid", [KM, H3Grid(8)], ids=["squares", "H3"])
def test_graphs_are_small_and_hold_no_geometry(grid, monkeypatch):
    """However many polygons: under 10,000 tasks, under 10 MB, and not one coordinate in them."""
    seen = []

    @contextmanager
    def look(scheduler):
        def compute(lazy):
            seen.extend(lazy)
            raise _SeenError

        yield compute

    monkeypatch.setattr(execute, "_running", look)
    monkeypatch.setattr(polygons, "CORNERS_PER_BLOCK", 5)
    row, col = (v.ravel() for v in np.mgrid[0:150, 0:150])
    boxes = shapely.box(4e6 + 900.0 * col, 3e6 + 900.0 * row, 4e6 + 900.0 * col + 890, 3e6 + 900.0 * row + 890)
    with pytest.raises(_SeenError):
        polygon_crosswalk(gpd.GeoSeries(boxes, crs=3035), grid, scheduler=Scheduler("processes", 2))
    tasks = dict(collections_to_expr(seen).__dask_graph__())
    pickled = pickle.dumps(tasks)

    assert 1_000 < len(tasks) < 10_000
    assert len(pickled) < 10_000_000
    assert b"shapely" not in pickled
    assert b"numpy" not in pickled
