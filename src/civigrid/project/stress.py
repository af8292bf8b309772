"""Stress cases whose answer is known on paper: no method may get them wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from civigrid.cells import make_cells
from civigrid.grid import SquareGrid
from civigrid.project.methods import Layer, by_area, count_layer, dasymetric
from civigrid.project.polygons import polygon_crosswalk
from civigrid.project.spread import project_areas
from civigrid.result_table import parameters
from civigrid.source import Source
from civigrid.types import Column, Floats

GRID = SquareGrid(cell_size_m=100)
_X, _Y, _N = 4_500_000, 3_200_000, 24


def stress_rows() -> Iterator[dict[str, Any]]:
    """Project four towns whose truth is known, and give the largest error of each, in persons.

    Yields
    ------
    dict
        Rows of a result table, rung V5: ``constant density`` (by area, skew borders), ``single building`` (all of a
        unit live in one cell), ``checkerboard`` (every second cell is empty), ``empty zone`` (the layer that weighs
        finds nobody in a unit: its people must not vanish).
    """
    for case, error, persons in (_constant_density(), _single_building(), _checkerboard(), _empty_zone()):
        about = parameters(rung="V5", case=case, grid=GRID.id)
        yield {
            "zone": "all",
            "topic": "validation",
            "index": "largest_error",
            "groups": "n",
            "estimate": error,
            "persons": persons,
            "cells": _N * _N,
            "parameters": about,
        }


def _units() -> gpd.GeoSeries:
    """Nine units with skew borders that fill a square of 24 x 24 cells."""
    rng = np.random.default_rng(9)
    points = shapely.MultiPoint(rng.uniform(0, _N * 100, (9, 2)) + np.array([_X, _Y]))
    box = shapely.box(_X, _Y, _X + _N * 100, _Y + _N * 100)
    parts = shapely.intersection(shapely.get_parts(shapely.voronoi_polygons(points, extend_to=box)), box)
    return gpd.GeoSeries(parts, [f"u{k}" for k in range(9)], crs="EPSG:3035")


def _projected(units: gpd.GeoSeries, counts: Floats, *layers: Layer) -> tuple[Floats, Floats]:
    """Counts by cell of the square, in rows from the south, and by unit what arrived."""
    table = pd.DataFrame({"n": counts}, index=units.index)
    source = Source(name="stress", table=table, columns={"n": Column()}, geometry=units)
    areas = polygon_crosswalk(units, GRID)
    made = project_areas(source, areas, method=dasymetric(*layers) if layers else by_area()).cells
    row, col = GRID.row_col(made["cell_id"].to_numpy())
    dense = np.zeros((_N, _N))
    dense[row - _Y // 100, col - _X // 100] = made["n"].to_numpy()
    return dense, counts


def _cells(people: Floats) -> Layer:
    row, col = np.divmod(np.arange(_N * _N), _N)
    ids = GRID.from_row_col(_Y // 100 + row, _X // 100 + col)
    return count_layer(make_cells(GRID, ids, {"p": people.ravel()}, {"p": Column()}), "p")


def _constant_density() -> tuple[str, float, float]:
    units = _units()
    counts = shapely.area(units.to_numpy()) / 1e4 * 7
    dense, _ = _projected(units, counts)
    return "constant density", float(np.abs(dense - 7).max()), float(counts.sum())


def _single_building() -> tuple[str, float, float]:
    units, people, truth = _units(), np.zeros((_N, _N)), np.zeros((_N, _N))
    counts = np.arange(100.0, 1_000.0, 100.0)
    for k, shape in enumerate(units):
        # the cell around an inner point may be cut by a border: a unit gets a building where it holds a whole cell
        inner = shape.buffer(-75)
        point = (inner if not inner.is_empty else shape).representative_point()
        at = (int(point.y - _Y) // 100, int(point.x - _X) // 100)
        people[at], truth[at] = 1.0, truth[at] + counts[k]
    dense, _ = _projected(units, counts, _cells(people))
    return "single building", float(np.abs(dense - truth).max()), float(counts.sum())


def _checkerboard() -> tuple[str, float, float]:
    row, col = np.divmod(np.arange(_N * _N), _N)
    people = np.where((row + col) % 2, 0.0, 8.0).reshape(_N, _N)
    units = gpd.GeoSeries(
        [shapely.box(_X + 600 * i, _Y, _X + 600 * (i + 1), _Y + _N * 100) for i in range(4)],
        [f"u{i}" for i in range(4)],
        crs="EPSG:3035",
    )
    counts = np.full(4, people.sum() / 4)
    dense, _ = _projected(units, counts, _cells(people))
    return "checkerboard", float(np.abs(dense - people).max()), float(counts.sum())


def _empty_zone() -> tuple[str, float, float]:
    units, counts = _units(), np.full(9, 50.0)
    dense, _ = _projected(units, counts, _cells(np.zeros((_N, _N))))
    return "empty zone", float(abs(dense.sum() - counts.sum())), float(counts.sum())
