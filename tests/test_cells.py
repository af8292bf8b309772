"""The cell schema: what it accepts, what it refuses, and the ways in and out."""

import numpy as np
import pytest

from civigrid.cells import (
    check_cells,
    column_of,
    from_geodataframe,
    grid_of,
    join_cells,
    make_cells,
    status_of,
    to_geodataframe,
    with_variables,
)
from civigrid.errors import GridMismatchError, SchemaError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.types import Column, Status

GRID = SquareGrid(cell_size_m=1000)
IDS = np.sort(GRID.from_row_col(np.array([3000, 3000]), np.array([4000, 4001])))


def test_rows_are_sorted_by_id():
    """Whatever order the ids come in, the table is sorted and values follow."""
    cells = make_cells(GRID, IDS[::-1], {"t": [2.0, 1.0]}, {"t": Column()})

    assert IDS.tolist() == cells["cell_id"].values.tolist()
    assert cells["t"].values.tolist() == [1.0, 2.0]


def test_the_grid_travels_with_the_data():
    """The grid comes back from the attributes."""
    assert grid_of(make_cells(GRID, IDS, {}, {})) == GRID


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.assign(t=("cell", [1.0, np.nan], c["t"].attrs)), "NaN without a status"),
        (lambda c: c.assign(t=("cell", [1, 2], c["t"].attrs)), "must be float64"),
        (lambda c: c.assign(t=("cell", [1.0, 2.0], {"kind": "extensive"})), "lacks the attributes"),
        (lambda c: c.assign(t=("cell", [1.0, 2.0])), "must be extensive, intensive, status or label"),
        (lambda c: c.isel(cell=[1, 0]), "not sorted"),
        (lambda c: c.assign_coords(cell_id=("cell", IDS + np.uint64(2**57), c["cell_id"].attrs)), "no cells of"),
        (lambda c: c.assign_coords(cell_id=("cell", IDS.astype(np.int64), c["cell_id"].attrs)), "must be uint64"),
        (lambda c: c.drop_vars("cell_id"), "no coordinate 'cell_id'"),
        (lambda c: c.assign_coords(cell_id=("cell", IDS, {"grid_name": "star"})), "describe no grid"),
    ],
)
def test_faults_are_refused(change, message):
    """Every fault of the schema is told."""
    cells = make_cells(GRID, IDS, {"t": [1.0, 2.0]}, {"t": Column()})

    with pytest.raises(SchemaError, match=message):
        check_cells(change(cells))


def test_missing_must_be_nan():
    """A value beside a status that says missing is refused: it would be counted."""
    status = {"t": np.array([Status.OK, Status.CONFIDENTIAL], dtype=np.uint8)}

    with pytest.raises(SchemaError, match="although their status says missing"):
        make_cells(GRID, IDS, {"t": [1.0, 2.0]}, {"t": Column()}, status=status)


def test_a_value_needs_a_description():
    """No variable without a Column."""
    with pytest.raises(SchemaError, match="no description"):
        make_cells(GRID, IDS, {"t": [1.0, 2.0]}, {})


def test_joining_two_grids_is_an_error():
    """Nothing is regridded by guess."""
    other = SquareGrid(cell_size_m=500)
    ids = other.cell_at(np.array([[4e6, 3e6]]))

    with pytest.raises(GridMismatchError, match="different grids"):
        join_cells(make_cells(GRID, IDS, {}, {}), make_cells(other, ids, {}, {}))


def test_joining_leaves_what_is_absent_unavailable():
    """A cell that one dataset lacks is missing there, never zero."""
    one = make_cells(GRID, IDS[:1], {"a": [5.0]}, {"a": Column()})
    joined = join_cells(one, make_cells(GRID, IDS, {"b": [1.0, 2.0]}, {"b": Column()}, labels={"zone": ["x", "y"]}))

    assert np.isnan(joined["a"].values[1])
    assert status_of(joined, "a")[1] == Status.UNAVAILABLE
    assert joined["zone"].values.tolist() == ["x", "y"]
    with pytest.raises(SchemaError, match="stands in two"):
        join_cells(one, one)


def test_frames_come_and_go(four_cells):
    """Cells to polygons and back lose nothing."""
    frame = to_geodataframe(four_cells)
    about = {n: column_of(four_cells[n]) for n in ("total", "a", "b")}
    back = from_geodataframe(frame, GRID, about)

    assert frame.area.tolist() == [1e6] * 4
    assert frame.crs.to_epsg() == 3035
    assert back.identical(four_cells)
    assert to_geodataframe(four_cells, "EPSG:4326").crs.to_epsg() == 4326


def test_adding_variables_leaves_the_given_cells_alone(four_cells):
    """Cells in, cells out: the input is untouched."""
    more = with_variables(four_cells, {"x": [1.0] * 4}, {"x": Column()})

    assert "x" not in four_cells
    assert more["x"].values.tolist() == [1.0] * 4


def test_h3_datasets_decode_in_xdggs():
    """Xdggs understands our coordinate as its own."""
    xdggs = pytest.importorskip("xdggs")
    grid = H3Grid(8)
    cells = make_cells(grid, grid.cell_at(np.array([[13.4, 52.5]])), {"t": [1.0]}, {"t": Column()})
    decoded = xdggs.decode(cells.rename(cell_id="cell_ids"))

    assert decoded.dggs.grid_info.level == 8
