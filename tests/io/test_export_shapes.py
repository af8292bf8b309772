"""Shapes of hexagons: pentagons, the antimeridian and the poles, in degrees and in planes."""

import geopandas as gpd
import h3
import numpy as np
import pyogrio
import pytest
import shapely

from civigrid.cells import ids_of, make_cells
from civigrid.errors import SchemaError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.io.flatgeobuf import write_flatgeobuf, write_geodatabase
from civigrid.io.geopackage import write_geopackage
from civigrid.io.geoparquet import write_geoparquet
from civigrid.io.qgis_project import write_qgis_project
from civigrid.io.shapes import extent_of, shapes_of
from civigrid.io.styles.choose import looks_of
from civigrid.release import public_grid, release
from civigrid.types import Column

FIJI, POLES = [[179.99, -16.5], [178.4, -18.1]], [[0.0, 90.0], [10.0, -90.0]]


def drawn(grid, ids, crs="", **more):
    """Shapes of cells."""
    return shapely.from_wkb(shapes_of(grid, ids, crs, **more)[0].to_pylist())


def world(resolution):
    """All cells of a resolution."""
    cells = {c for top in h3.get_res0_cells() for c in h3.cell_to_children(top, resolution)}
    return np.sort(np.array([int(c, 16) for c in cells], dtype=np.uint64))


def some_cells(points, resolution=4):
    """Cells at points, with a count."""
    grid = H3Grid(resolution)
    ids = np.unique(grid.cell_at(np.array(points)))
    return make_cells(grid, ids, {"total": np.arange(len(ids)) + 11.0}, {"total": Column(long_name="Residents")})


@pytest.mark.parametrize("resolution", [0, 1, 2])
def test_all_cells_cover_the_world_once(resolution):
    """Pentagons, cut cells and both poles: valid shapes within the world, whose areas add up to all of it."""
    shapes = drawn(H3Grid(resolution), world(resolution))
    west, south, east, north = shapely.total_bounds(shapes)

    assert shapely.is_valid(shapes).all()
    assert (west, south, east, north) == (-180, -90, 180, 90)
    assert shapely.area(shapes).sum() == pytest.approx(360 * 180, rel=1e-12)
    assert (shapely.get_num_geometries(shapes) <= 2).all()


def test_a_shape_does_not_depend_on_its_company():
    """A hexagon beside a cell of eleven corners keeps its seven points; a pentagon has its own."""
    grid = H3Grid(2)
    ids = world(2)[:500]
    together = shapes_of(grid, ids)[0].to_pylist()

    assert together == [shapes_of(grid, ids[i : i + 1])[0].to_pylist()[0] for i in range(len(ids))]
    assert {len(t) for t in together} > {9 + 4 + 16 * 7}


@pytest.mark.parametrize("crs", ["EPSG:3857", "EPSG:32760", "EPSG:3995", "EPSG:3832"])
def test_planes_hold_a_cell_whole_or_in_two(crs):
    """Only in a plane whose edge is the antimeridian is the cell cut; its area there is that of its pieces."""
    grid = H3Grid(3)
    ids = np.unique(grid.cell_at(np.array(FIJI[:1])))
    (shape,) = drawn(grid, ids, crs)
    (degrees,) = drawn(grid, ids)
    assert degrees.geom_type == "MultiPolygon"
    assert (shape.geom_type == "MultiPolygon") == (crs == "EPSG:3857")
    assert shape.is_valid
    pieces = gpd.GeoSeries([degrees], crs=4326).to_crs(crs).area.iloc[0]
    assert shape.area == pytest.approx(pieces, rel=2e-3)


def test_poles_are_whole_where_a_plane_has_them():
    """A polar plane holds its pole; a plane that has none says so."""
    grid = H3Grid(3)
    north, south = (grid.cell_at(np.array([p])) for p in POLES)
    (shape,) = drawn(grid, north, "EPSG:3995")

    assert shape.contains(shapely.Point(0, 0))
    assert drawn(grid, south, "EPSG:3031")[0].contains(shapely.Point(0, 0))
    assert extent_of(grid, north)[0].north == 90
    for ids in (north, south):
        with pytest.raises(SchemaError, match="round a pole, which has no place in it"):
            shapes_of(grid, ids, "EPSG:3857")


@pytest.mark.parametrize("suffix", ["gpkg", "fgb", "gdb", "parquet"])
def test_files_of_cells_across_the_antimeridian(tmp_path, suffix):
    """All shapes are of one type, valid, within the world; a box on either side finds the cell that lies on both."""
    passed = release(some_cells([*FIJI, *POLES]), public_grid())
    path = tmp_path / f"c.{suffix}"
    writers = {
        "gpkg": write_geopackage, "fgb": write_flatgeobuf, "gdb": write_geodatabase, "parquet": write_geoparquet,
    }  # fmt: skip
    writers[suffix](passed, path)
    frame = gpd.read_parquet(path) if suffix == "parquet" else pyogrio.read_dataframe(path, layer="cells")

    assert set(frame.geom_type) == {"MultiPolygon"}
    assert frame.geometry.is_valid.all()
    assert np.abs(frame.total_bounds).max() <= 180
    assert {int(c, 16) for c in frame["code"]} == set(ids_of(passed.data).tolist())
    found = []
    for box in ((179.9, -16.6, 180, -16.4), (-180, -16.6, -179.9, -16.4)):
        near = gpd.read_parquet(path, bbox=box) if suffix == "parquet" else pyogrio.read_dataframe(path, bbox=box)
        found.append(set(near[near.intersects(shapely.box(*box))]["code"]))
    assert found[0] & found[1]


def test_a_project_of_cells_across_the_antimeridian(tmp_path):
    """The project names the type that the file has, and its box."""
    passed = release(some_cells(FIJI), public_grid())
    write_qgis_project(passed, tmp_path / "p.qgs", looks_of(passed))
    text = (tmp_path / "p.qgs").read_text(encoding="utf-8")

    assert 'wkbType="MultiPolygon"' in text
    assert "<xmin>-180.0</xmin>" in text


def test_squares_are_written_as_before():
    """Five points each, boxes their corners; no cell has none; cells of a lattice in degrees are drawn too."""
    grid = SquareGrid(cell_size_m=1000)
    ids = grid.from_row_col(np.array([3000, 3001]), np.array([4000, 4000]))
    shapes, boxes = shapes_of(grid, ids)

    assert shapely.equals(shapely.from_wkb(shapes.to_pylist()), shapely.box(*boxes.T)).all()
    assert boxes[0].tolist() == [4_000_000, 3_000_000, 4_001_000, 3_001_000]
    assert extent_of(grid, ids[:0]) == ((0, 0, 0, 0), False)
    assert len(shapes_of(H3Grid(3), ids[:0])[0]) == 0
    assert extent_of(grid, ids, "EPSG:4326")[1] is False
