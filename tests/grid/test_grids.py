"""Grids: ids, places and neighbours, by hand, by law, and against h3-py and pyproj."""

import h3
import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from civigrid.catalog import declarations
from civigrid.errors import GridMismatchError, SchemaError, UnknownNameError
from civigrid.grid import INVALID, H3Grid, SquareGrid, grid_from_dict, list_grids, load_grid
from civigrid.io.codes import parse_codes, write_codes

EAST = st.floats(900_000, 7_399_999)
NORTH = st.floats(900_000, 5_499_999)


@pytest.mark.parametrize("name", sorted(declarations("grids")))
def test_every_declaration_gives_a_grid_of_its_name(name):
    """A declaration's id is the id of the grid it makes, and the grid survives its attributes."""
    grid = load_grid(name)

    assert name == grid.id
    assert grid == grid_from_dict(grid.to_dict())


@pytest.mark.parametrize("name", [n for n in sorted(declarations("grids")) if n.startswith("eu")])
def test_declared_codes_are_the_codes_of_the_declared_cell(name):
    """Both INSPIRE codes of the example cell are read and written as declared."""
    about, grid = declarations("grids")[name], load_grid(name)
    cell = grid.cell_at(np.array([[4_400_000.0, 3_200_000.0]]))

    assert [about["code_long"]] == write_codes(cell, grid).astype(str).tolist()
    assert [about["code_short"]] == write_codes(cell, grid, form="short").astype(str).tolist()
    assert cell.tolist() == parse_codes([about["code_short"]], grid).tolist()


def test_all_sizes_of_the_eu_grid_and_h3_resolutions_are_there():
    """The sizes the house promises are declared."""
    squares = ["100m", "200m", "250m", "500m", "1km", "2km", "5km", "10km", "20km", "50km", "100km"]
    expected = [f"h3-r{r}" for r in (10, 5, 6, 7, 8, 9)] + [f"eu-laea-{s}" for s in squares]

    assert expected == list_grids()


@given(st.lists(st.tuples(EAST, NORTH), min_size=1, max_size=20), st.sampled_from([100, 250, 1000, 100_000]))
def test_a_point_lies_in_its_cell_and_a_centre_comes_back(points, size):
    """Point -> cell -> corner holds the point; cell -> centre -> cell is the identity."""
    grid = SquareGrid(cell_size_m=size)
    points = np.array(points)
    cell = grid.cell_at(points)
    offset = points - grid.corner(cell)

    assert ((offset >= 0) & (offset < size)).all()
    assert cell.tolist() == grid.cell_at(grid.centre(cell)).tolist()
    assert grid.is_valid(cell).all()


def test_edges_belong_to_the_cell_above_and_right():
    """A point on a lower-left edge is inside; on the upper-right edge it is in the next cell."""
    grid = SquareGrid(cell_size_m=1000)
    cells = grid.cell_at(np.array([[4_000_000.0, 3_000_000.0], [4_001_000.0, 3_001_000.0]]))

    assert grid.corner(cells).tolist() == [[4_000_000, 3_000_000], [4_001_000, 3_001_000]]


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([[np.nan, 3e6]], "not finite"),
        ([[8e6, 3e6]], "outside"),
        ([[5e5, 7e6]], "outside"),
        ([[3_000_000.0, 6_000_000.0]], "axes swapped"),
        ([4e6, 3e6], "shape"),
    ],
)
def test_bad_points_are_refused_before_they_become_cells(points, message):
    """NaN, points outside, swapped axes and wrong shapes each have their own words."""
    with pytest.raises(SchemaError, match=message):
        SquareGrid(cell_size_m=1000).cell_at(np.array(points))


def test_h3_refuses_latitude_first_where_it_can_be_told():
    """A latitude of 113 is none: the axes are swapped."""
    with pytest.raises(SchemaError, match="axes swapped"):
        H3Grid(8).cell_at(np.array([[22.3, 113.0]]))


def test_children_are_the_cells_whose_parent_one_is():
    """parent(children) is the cell itself, and the children fill it."""
    coarse, fine = SquareGrid(cell_size_m=1000), SquareGrid(cell_size_m=250)
    cell = coarse.cell_at(np.array([[4_321_000.0, 3_210_000.0]]))
    children = coarse.children(cell, fine)

    assert children.shape == (1, 16)
    assert {int(cell[0])} == set(fine.parent(children.ravel(), coarse).tolist())
    assert fine.area_km2(children.ravel()).sum() == pytest.approx(1.0)


def test_grids_that_do_not_nest_say_so():
    """250 m does not divide 100 m cells, and squares have no H3 parent."""
    grid = SquareGrid(cell_size_m=100)
    cell = grid.cell_at(np.array([[4e6, 3e6]]))

    with pytest.raises(GridMismatchError, match="no multiple"):
        grid.parent(cell, SquareGrid(cell_size_m=250))
    with pytest.raises(GridMismatchError, match="no hierarchy"):
        grid.parent(cell, H3Grid(8))
    with pytest.raises(GridMismatchError, match="no hierarchy"):
        H3Grid(8).parent(H3Grid(8).cell_at(np.array([[10.0, 50.0]])), grid)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_a_ring_has_eight_k_cells_at_distance_k(k):
    """Every cell of a ring differs by exactly k in row or column, and none stands twice."""
    grid = SquareGrid(cell_size_m=1000)
    cell = grid.cell_at(np.array([[4e6, 3e6]]))
    row, col = grid.row_col(grid.ring(cell, k)[0])
    own_row, own_col = grid.row_col(cell)

    assert 8 * k == len({*zip(row.tolist(), col.tolist(), strict=True)})
    assert {k} == set(np.maximum(abs(row - own_row), abs(col - own_col)).tolist())


def test_neighbours_outside_the_grid_are_no_cells():
    """In the corner of the extent five of eight neighbours are missing."""
    grid = SquareGrid(cell_size_m=1000)
    ring = grid.neighbours(grid.cell_at(np.array([[900_000.0, 900_000.0]])))

    assert int((ring == INVALID).sum()) == 5


def test_blocks_are_contiguous_ranges():
    """All cells of a block have ids between its first id and the next block's."""
    grid = SquareGrid(cell_size_m=1000)
    rows, cols = np.divmod(np.arange(64 * 64), 64)
    ids = np.sort(grid.from_row_col(3008 + rows, 4000 + cols))
    starts = grid.block_starts(ids, 16)

    assert (np.diff(starts.astype(np.int64)) >= 0).all()
    assert {256} == set(np.unique(starts, return_counts=True)[1].tolist())
    with pytest.raises(SchemaError, match="power of two"):
        grid.block_starts(ids, 10)


@pytest.mark.parametrize("resolution", [5, 8, 9, 10])
def test_h3_agrees_with_h3_py(resolution):
    """Cells, centres, parents, children and rings are those of the core library."""
    grid, rng = H3Grid(resolution), np.random.default_rng(resolution)
    points = rng.uniform([-10, 35], [30, 70], size=(50, 2))
    cells = grid.cell_at(points)
    texts = [h3.latlng_to_cell(lat, lon, resolution) for lon, lat in points]

    assert texts == [h3.int_to_str(int(c)) for c in cells]
    np.testing.assert_allclose(grid.centre(cells), [h3.cell_to_latlng(t)[::-1] for t in texts], atol=1e-9)
    parents = grid.parent(cells, H3Grid(resolution - 2))
    assert [h3.cell_to_parent(t, resolution - 2) for t in texts] == [h3.int_to_str(int(c)) for c in parents]
    for kind, found in (
        ("ring", grid.ring(cells[:3], 2)),
        ("children", grid.children(cells[:3], H3Grid(resolution + 1))),
    ):
        for text, ids in zip(texts, found, strict=False):
            expected = h3.grid_ring(text, 2) if kind == "ring" else h3.cell_to_children(text, resolution + 1)
            assert set(expected) == {h3.int_to_str(int(c)) for c in ids if c}


def test_h3_areas_are_those_of_the_ellipsoid():
    """Areas agree with geodesic areas to a part in a million at resolution 5, in a hundred million at 8."""
    geod, rng = pyproj.Geod(ellps="GRS80"), np.random.default_rng(1)
    points = rng.uniform([-10, 35], [30, 70], size=(40, 2))
    for resolution, tolerance in ((5, 1e-6), (8, 1e-8)):
        grid = H3Grid(resolution)
        cells = grid.cell_at(points)
        expected = [geod.polygon_area_perimeter(*v.T)[0] / 1e6 for v in grid.vertices(cells)]

        np.testing.assert_allclose(grid.area_km2(cells), expected, rtol=tolerance)


def test_h3_pentagon_has_six_children_and_five_corners():
    """The pentagon of Norway: padding stands where a child or corner is missing."""
    grid = H3Grid(5)
    pentagon = np.array([h3.str_to_int(next(c for c in h3.get_pentagons(5)))], dtype=np.uint64)

    assert int((grid.children(pentagon, H3Grid(6)) == INVALID).sum()) == 1
    assert grid.area_km2(pentagon)[0] > 0


def test_unknown_grids_are_named_with_the_nearest():
    """A misspelt grid is told what it may have meant."""
    with pytest.raises(UnknownNameError, match="Did you mean 'eu-laea-1km'"):
        load_grid("eu-laea-1k")


@pytest.mark.parametrize("size", [0, -5, 2.5])
def test_senseless_sizes_are_refused(size):
    """A cell has a whole number of metres."""
    with pytest.raises(SchemaError, match="whole number"):
        SquareGrid(cell_size_m=size)


def test_equal_grids_are_equal_values():
    """Grids are values: equal, hashable, and with equal Dask tokens."""
    from dask.tokenize import tokenize

    one, other = SquareGrid(cell_size_m=1000), SquareGrid(cell_size_m=1000)

    assert one == other
    assert hash(one) == hash(other)
    assert tokenize(one) == tokenize(other)
