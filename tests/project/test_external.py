"""Against a published grid, and under stress: patterns at one total, withheld cells left out, nobody lost."""

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from civigrid.cells import make_cells
from civigrid.grid import SquareGrid
from civigrid.project import polygon_crosswalk
from civigrid.project.external import external_rows
from civigrid.project.methods import count_layer, reweight
from civigrid.project.stress import stress_rows
from civigrid.result_table import result_table
from civigrid.source import Source
from civigrid.types import Column, Status

GRID = SquareGrid(cell_size_m=1000)


def test_a_published_grid_by_hand():
    """Two units of two cells: half as many people as the reference, patterns compared at its total."""
    row, col = np.array([3000, 3000, 3000, 3000]), np.array([4000, 4001, 4002, 4003])
    ids = GRID.from_row_col(row, col)
    status = {"T": np.array([0, 0, 0, Status.CONFIDENTIAL], dtype=np.uint8)}
    reference = make_cells(GRID, ids, {"T": [60.0, 20.0, 40.0, np.nan]}, {"T": Column()}, status=status)
    shapes = gpd.GeoSeries(
        [shapely.box(4_000_000, 3e6, 4_002_000, 3_001_000), shapely.box(4_002_000, 3e6, 4_004_000, 3_001_000)],
        ["a", "b"],
        crs="EPSG:3035",
    )
    source = Source(
        name="s", table=pd.DataFrame({"n": [40.0, 40.0]}, shapes.index), columns={"n": Column()}, geometry=shapes
    )
    areas = polygon_crosswalk(shapes, GRID)
    rows = external_rows(source, {"area": lambda _: areas}, reference, {"n": "T"}, density="T", n=0)
    table = result_table(rows)
    whole = table[table["parameters"].map(lambda p: json.loads(p)["density_class"] == "all")].set_index("index")

    # the reference's fourth cell is withheld: 120 people in three cells against 60 of ours
    assert whole.loc["total_ratio", "estimate"] == pytest.approx(2.0)
    assert whole.loc["persons_misplaced", "estimate"] == pytest.approx((20 + 20 + 0) / 2)
    assert whole.loc["persons_misplaced", "cells"] == 3
    exact = reweight(areas, count_layer(make_cells(GRID, ids, {"w": [3.0, 1, 1, 1]}, {"w": Column()}), "w"))
    rows = external_rows(source, {"w": lambda _: exact}, reference, {"n": "T"}, n=50)
    figures = result_table(rows).set_index("index")["estimate"]
    assert figures["persons_misplaced"] == pytest.approx(0, abs=1e-9)
    assert 0 <= figures["coverage_90"] <= 1


def test_stress_cases_are_exact():
    """Constant density, one building, a checkerboard, an empty zone: rounding is all that is off."""
    table = result_table(stress_rows())

    assert len(table) == 4
    assert table["estimate"].max() < 1e-9
