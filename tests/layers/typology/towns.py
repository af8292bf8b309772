"""Toy maps as text or rasters, for the tests of the typology."""

import numpy as np

from civigrid.cells import make_cells
from civigrid.grid import SquareGrid
from civigrid.types import Column, Status

KM = SquareGrid(cell_size_m=1000)
SHARE = Column(kind="intensive", units="1")


def raster_cells(persons, *, land=None, built=None, keep=None):
    """Cells of a raster, row 0 in the south; NaN is confidential; only cells of `keep` are in the table."""
    persons = np.asarray(persons, dtype=float)
    keep = np.ones(persons.shape, dtype=bool) if keep is None else keep
    row, col = np.nonzero(keep)
    values, about = {"T": persons[keep]}, {"T": Column(long_name="Residents")}
    for name, share in (("land", land), ("built", built)):
        if share is not None:
            values[name], about[name] = np.broadcast_to(share, persons.shape)[keep].astype(float), SHARE
    status = np.where(np.isnan(values["T"]), Status.CONFIDENTIAL, Status.OK).astype(np.uint8)
    return make_cells(KM, KM.from_row_col(3000 + row, 4000 + col), values, about, status={"T": status})


def as_raster(cells, values, shape):
    """Values of cells as a raster; -9 where the table has none."""
    row, col = KM.row_col(cells["cell_id"].to_numpy())
    raster = np.full(shape, -9)
    raster[row - 3000, col - 4000] = np.asarray(values)
    return raster


def town(text, **meaning):
    """Raster of residents from a drawing, north on top: ``.`` is nobody, letters are given."""
    lines = [line.split() for line in text.strip().splitlines()][::-1]
    return np.array([[float(meaning.get(c, 0.0)) for c in line] for line in lines])
