"""Cells that are hard to export: zeros, gaps, huge counts, codes, rates, hostile words, names alike."""

from __future__ import annotations

import numpy as np
import xarray as xr

from civigrid.cells import make_cells
from civigrid.grid import H3Grid, SquareGrid
from civigrid.types import Column, Status

ATTACK = '</script><img src=x onerror=alert(1)> & "it\'s" [% 1+1 %] \x07'
ARABIC = "مكتبة المدينة"
LONG = "minutes_to_the_nearest_library_by_bus"


def hard_cells(side: int = 6) -> xr.Dataset:
    """Squares of 1 km, `side` times `side`."""
    grid = SquareGrid(cell_size_m=1000)
    row, col = (v.ravel() for v in np.mgrid[3000 : 3000 + side, 4000 : 4000 + side])
    n = side * side
    total = np.arange(n, dtype=np.float64) * 7
    total[-1] = 3_000_000_000.0
    status = np.zeros(n, dtype=np.uint8)
    status[[2, 5]], total[[2, 5]] = Status.CONFIDENTIAL, np.nan
    status[0] = Status.OBSERVED_ZERO
    share = np.linspace(0, 1, n)
    share[[0, 2, 5]] = np.nan
    share_status = np.where(np.isnan(total), Status.SUPPRESSED, Status.OK).astype(np.uint8)
    minutes = np.linspace(1, 90, n)
    minutes[3] = np.nan
    values = {
        "total": total,
        "share_a": share,
        LONG: minutes,
        f"{LONG}_again": minutes,
        "degurba_1": np.resize([1.0, 2.0, 3.0], n),
        "change": np.linspace(-40, 40, n),
        "fid": np.arange(n, dtype=np.float64),
    }
    about = {
        "total": Column(long_name="Residents", source="census", reference_date="2021-01-01"),
        "share_a": Column(kind="intensive", units="1", long_name="Share of a", source="x", weight="total"),
        LONG: Column(kind="intensive", units="min", long_name=ATTACK, source="access", of_place=True),
        f"{LONG}_again": Column(kind="intensive", units="min", long_name=ATTACK, source=ARABIC, of_place=True),
        "degurba_1": Column(kind="intensive", units="class", long_name="Degree of urbanisation", source="degurba"),
        "change": Column(units="persons", long_name="Change", source="x", rests_on="total"),
        "fid": Column(units="places", long_name="=1+1", source="x"),
    }
    zone = np.resize(np.array([ARABIC, ATTACK, "", "=cmd|' /C calc'!A0", "Süd, Mitte"], dtype=object), n)
    return make_cells(
        grid,
        grid.from_row_col(row, col),
        values,
        about,
        status={"total": status, "share_a": share_status},
        labels={"zone": zone},
    )


def hexagons(n: int = 40) -> xr.Dataset:
    """Cells of H3 around Berlin."""
    grid = H3Grid(7)
    points = np.column_stack([np.linspace(13.0, 13.8, n), np.linspace(52.3, 52.6, n)])
    ids = np.unique(grid.cell_at(points))
    values = {"total": np.arange(len(ids)) * 10.0, "share_a": np.linspace(0, 1, len(ids))}
    about = {
        "total": Column(long_name="Residents", source="x"),
        "share_a": Column(kind="intensive", units="1", long_name="Share of a", weight="total", source="x"),
    }
    return make_cells(grid, ids, values, about)
