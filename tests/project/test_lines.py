"""Lines to cells: every metre in its cell, and as long as on the Earth."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from civigrid.cells import ids_of, to_geodataframe
from civigrid.errors import SchemaError, SourceError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.io.lines import read_lines
from civigrid.kernels.cut_lines import cut_lines
from civigrid.project.lines import project_lines
from civigrid.source import Source

KM = SquareGrid(cell_size_m=1000)
GEOD = Geod(ellps="GRS80")


def roads(lines, crs="EPSG:3035", kind=None):
    shapes = gpd.GeoSeries(lines, crs=crs)
    return Source(name="roads", table=pd.DataFrame({"kind": kind or [""] * len(lines)}), geometry=shapes)


def wiggly(seed, n=6, crs="EPSG:3035"):
    rng = np.random.default_rng(seed)
    start, step, size = (
        ([4_500_000, 3_200_000], 1_700, (n, 9, 2)) if crs == "EPSG:3035" else ([13.4, 52.5], 0.02, (n, 9, 2))
    )
    return [shapely.LineString(np.array(start) + np.cumsum(rng.normal(0, step, size[1:]), axis=0)) for _ in range(n)]


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ((0.5, 0.5, 2.5, 0.5), {(0, 0): 0.25, (0, 1): 0.5, (0, 2): 0.25}),
        ((2.5, 0.5, 0.5, 0.5), {(0, 0): 0.25, (0, 1): 0.5, (0, 2): 0.25}),
        ((0.0, 0.0, 2.0, 2.0), {(0, 0): 0.5, (1, 1): 0.5}),
        ((2.0, 0.0, 0.0, 2.0), {(0, 1): 0.5, (1, 0): 0.5}),
        ((1.0, 1.0, 1.0, 3.0), {(1, 1): 0.5, (2, 1): 0.5}),
        ((3.0, 1.0, 1.0, 1.0), {(1, 1): 0.5, (1, 2): 0.5}),
        ((-0.5, -0.5, -1.5, -0.5), {(-1, -1): 0.5, (-1, -2): 0.5}),
        ((1.0, 1.0, 1.0, 1.0), {(1, 1): 1.0}),
    ],
)
def test_edges_are_cut_by_hand(ends, expected):
    """Along a side the cell above or right; through a corner no third cell; back and forth alike."""
    found = cut_lines(*(np.array([v]) for v in ends))

    assert expected == {(r, c): s for r, c, s in zip(*(v.tolist() for v in found[1:]), strict=True)}


@given(st.integers(0, 2**32 - 1))
def test_squares_hold_what_shapely_cuts(seed):
    """In the plane, the length in each cell is that of shapely's intersection."""
    rng = np.random.default_rng(seed)
    x0, y0, x1, y1 = np.round(rng.uniform(0, 6, (4, 12)), rng.integers(0, 4))
    moved = (x0 != x1) | (y0 != y1)
    x0, y0, x1, y1 = x0[moved], y0[moved], x1[moved], y1[moved]
    found = cut_lines(x0, y0, x1, y1)
    length = np.hypot(x1 - x0, y1 - y0)
    inside = np.bincount(found.row * 7 + found.col, weights=found.share * length[found.edge], minlength=49)
    row, col = np.divmod(np.arange(49), 7)
    lines = shapely.linestrings(np.stack([np.stack([x0, y0], 1), np.stack([x1, y1], 1)], axis=1))
    # moved up and right by a hair, no line runs along a side
    hair = shapely.transform(lines, lambda xy: xy + 1e-9)
    boxes = shapely.box(col, row, col + 1, row + 1)
    expected = shapely.length(shapely.intersection(hair[:, None], boxes[None])).sum(axis=0)

    np.testing.assert_allclose(inside, expected, atol=1e-6)
    np.testing.assert_allclose(np.bincount(found.edge, weights=found.share), 1.0, rtol=1e-14)


@pytest.mark.parametrize("grid", [KM, SquareGrid(cell_size_m=100), H3Grid(7), H3Grid(9)], ids=lambda g: g.id)
def test_the_length_is_that_on_the_earth(grid):
    """In all and by line, the length is that of PROJ's geodesics, within 1e-9 where edges are short."""
    lines = wiggly(1, crs="EPSG:4326")
    short = [shapely.segmentize(line, 0.005) for line in lines]
    made = project_lines(roads(short, "EPSG:4326"), grid)
    expected = sum(GEOD.geometry_length(line) for line in short) / 1000

    assert made.cells["length_km"].sum().item() == pytest.approx(expected, rel=1e-8)
    assert made.ledger[0].error < 1e-12


@pytest.mark.parametrize("grid", [KM, H3Grid(7)], ids=lambda g: g.id)
def test_each_cell_holds_its_geodesic_length(grid):
    """Lines clipped by shapely to each cell, and measured on the ellipsoid, are as long."""
    lines = wiggly(2)
    made = project_lines(roads(lines), grid)
    cells = to_geodataframe(made.cells).segmentize(200 if grid == KM else 0.002).to_crs("EPSG:3035")
    fine = shapely.MultiLineString([shapely.segmentize(line, 200) for line in lines])
    cut = gpd.GeoSeries(shapely.intersection(cells.geometry.to_numpy(), fine), crs="EPSG:3035").to_crs("EPSG:4258")
    expected = [GEOD.geometry_length(part) / 1000 for part in cut]

    np.testing.assert_allclose(made.cells["length_km"].values, expected, rtol=2e-4, atol=2e-4)


def test_the_plane_would_be_wrong():
    """Ten kilometres near Lisbon are 0.2 % off in the plane of the EU grid; here they are not."""
    for azimuth in (0, 90):
        ends = [(-9.0, 38.7), GEOD.fwd(-9.0, 38.7, azimuth, 10_000)[:2]]
        source = roads([shapely.LineString(ends)], "EPSG:4258")
        made = project_lines(source, KM).cells["length_km"].sum().item()

        assert abs(source.geometry.to_crs("EPSG:3035").length[0] / 10_000 - 1) > 0.002
        assert made == pytest.approx(10.0, rel=1e-6)


def test_lengths_by_class_add_up():
    """Each class has its own length; a class nobody asked for counts in the total alone."""
    source = roads(wiggly(3, n=4), kind=["motorway", "path", "path", "other"])
    made = project_lines(source, KM, by="kind", groups=["motorway", "path"])
    alone = [project_lines(roads([line]), KM).cells["length_km"].sum().item() for line in source.geometry]

    assert made.cells["path"].sum().item() == pytest.approx(alone[1] + alone[2], rel=1e-12)
    assert made.cells["length_km"].sum().item() == pytest.approx(sum(alone), rel=1e-12)
    assert made.cells["motorway"].attrs["part_of"] == "length_km"


def test_what_lies_outside_is_told():
    """A line that leaves the grid is placed in part; the rest is outside, an empty one is counted."""
    grid = SquareGrid(cell_size_m=1000, bounds_m=(4_000_000, 3_000_000, 4_010_000, 3_010_000))
    line = shapely.LineString([(4_005_500, 3_005_500), (4_015_500, 3_005_500)])
    (entry,) = project_lines(roads([line, None]), grid).ledger

    assert entry.placed == pytest.approx(0.45 * entry.total, rel=1e-3)
    assert (entry.missing_units, entry.error < 1e-12) == (1, True)
    assert project_lines(roads([None]), H3Grid(8)).cells.sizes["cell"] == 0


def test_a_line_along_hexagon_sides_counts_once():
    """Along the border of hexagons a line is shared by both sides, not doubled."""
    cell = H3Grid(8).cell_at(np.array([[13.4, 52.5]]))
    ring = shapely.LineString(np.concatenate([H3Grid(8).vertices(cell)[0], H3Grid(8).vertices(cell)[0, :1]]))
    made = project_lines(roads([ring], "EPSG:4326"), H3Grid(8))

    assert made.cells["length_km"].sum().item() == pytest.approx(GEOD.geometry_length(ring) / 1000, rel=1e-6)
    assert cell[0] in ids_of(made.cells)


def test_lines_are_read_and_checked(tmp_path):
    """Labels and ids are kept; rows without a line are told; areas, repeated ids and unknown columns are refused."""
    frame = gpd.GeoDataFrame({"id": ["a", "b"], "kind": ["path", None]}, geometry=[wiggly(1)[0], None], crs="EPSG:3035")
    frame.to_parquet(tmp_path / "roads.parquet")
    source, report = read_lines(tmp_path / "roads.parquet", id_column="id", labels=["kind"])

    assert (source.table.index.tolist(), source.table["kind"].tolist()) == (["a", "b"], ["path", ""])
    assert [f.code for f in report] == ["lines.no-place"]
    assert project_lines(source, KM, by="kind").ledger[0].missing_units == 1
    frame.assign(id="a").to_parquet(tmp_path / "twice.parquet")
    frame.set_geometry(frame.buffer(5)).to_parquet(tmp_path / "areas.parquet")
    with pytest.raises(SourceError, match="ids of 'id' repeat"):
        read_lines(tmp_path / "twice.parquet", id_column="id")
    with pytest.raises(SourceError, match="hold no lines"):
        read_lines(tmp_path / "areas.parquet")
    with pytest.raises(SourceError, match="has no column lanes"):
        read_lines(tmp_path / "roads.parquet", labels=["lanes"])


def test_sources_without_lines_are_told():
    """No geometry, other shapes, and a class that is named as the total."""
    with pytest.raises(SchemaError, match="has no lines"):
        project_lines(Source(name="t", table=pd.DataFrame(index=[0])), KM)
    with pytest.raises(SourceError, match="hold no lines"):
        project_lines(roads([shapely.Point(4e6, 3e6)]), KM)
    with pytest.raises(SchemaError, match="would name two"):
        project_lines(roads(wiggly(1, n=1), kind=["length_km"]), KM, by="kind")
