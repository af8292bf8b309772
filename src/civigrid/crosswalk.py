r"""The crosswalk: one sparse matrix between source units and cells, built once, kept, and applied many times.

Its entry :math:`m_{ij}` is the *measure* (m2 of overlap, or people living there) that unit *i* and cell *j* share.
With the whole measure of the unit :math:`m_i` and of the cell :math:`m_j`, everything else follows:

- a count goes to cells as :math:`\sum_i v_i m_{ij} / m_i`, and back to units as :math:`\sum_j c_j m_{ij} / m_j`;
- a rate goes either way as the mean weighted by :math:`m_{ij}`;
- counts go from one set of units to another through the cells (`transfer`).

Denominators belong to the unit and the cell alone, never to the part of the table at hand: no chunking changes them.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from civigrid.errors import GridMismatchError, SchemaError
from civigrid.grid import Grid, grid_from_dict
from civigrid.types import Floats, Ids, Ints

_EPOCH = (1980, 1, 1, 0, 0, 0)
ROUNDING = 1e-9
"""Coverage this little above 1 is rounding; more is an overlap."""


class Overlap(NamedTuple):
    """Cells that units cover more than once, by how much of the cell, and the units that meet there."""

    cell_id: Ids
    excess: Floats
    unit_id: npt.NDArray[np.generic]


def covered_share(area: Floats, cell_measure: Floats) -> Floats:
    """Share of each cell that units cover: rounding above 1 is cut, an overlap is not.

    >>> covered_share(np.array([0.5, 1.0 + 1e-12, 1.25]), np.ones(3))
    array([0.5 , 1.  , 1.25])
    """
    share = area / cell_measure
    covered: Floats = np.where((share > 1) & (share <= 1 + ROUNDING), 1.0, share)
    return covered


@dataclass(frozen=True, eq=False, kw_only=True)
class Crosswalk:
    """Sparse measure of what source units and cells share.

    Parameters
    ----------
    grid : Grid
        The grid of the cells.
    unit_id : ndarray of str or uint64, shape (unit,)
        Source units: areas, or cells of another grid.
    cell_id : ndarray of uint64, shape (cell,)
        Cells, sorted.
    measure : scipy.sparse.csr_array of float64, shape (unit, cell)
        What unit and cell share, in `unit_of_measure`.
    unit_measure : ndarray of float64, shape (unit,)
        Whole measure of each unit, with what lies outside the grid; 0 for a unit that can be placed nowhere.
    cell_measure : ndarray of float64, shape (cell,)
        Whole measure of each cell, with what lies outside every unit.
    covered : ndarray of float64, shape (cell,)
        Share of each cell's area that units cover, whatever the measure is; above 1 where units overlap.
    method : str
        How the weights were made, in words.
    unit_of_measure : str
        ``"m2"``, ``"persons"`` ...
    made_from : mapping of str to str
        SHA-256 of what it was made from, by name.
    steps : tuple of str
        Names of the steps of a fallback chain; empty where there is one way for all units.
    step : ndarray of int64, shape (unit,), or None
        Which of `steps` each unit was spread by.
    """

    grid: Grid
    unit_id: npt.NDArray[np.generic]
    cell_id: Ids
    measure: sparse.csr_array
    unit_measure: Floats
    cell_measure: Floats
    covered: Floats
    method: str
    unit_of_measure: str = "m2"
    made_from: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[str, ...] = ()
    step: Ints | None = None

    def __post_init__(self) -> None:
        if self.measure.shape != (len(self.unit_id), len(self.cell_id)):
            raise SchemaError(
                f"measure has shape {self.measure.shape}, must be ({len(self.unit_id)}, {len(self.cell_id)}): "
                "one row per unit, one column per cell."
            )
        if np.any(self.cell_id[1:] <= self.cell_id[:-1]):
            raise SchemaError("the cells of a crosswalk must be sorted and unique.")

    # --- shares ---

    @property
    def placed_share(self) -> Floats:
        """Share of each unit that lies in cells, shape (unit,), in [0, 1]; 0 where a unit has no measure."""
        return _divide(self.measure.sum(axis=1), self.unit_measure)

    def shares(self) -> sparse.csr_array:
        """Share of each unit that goes to each cell, shape (unit, cell)."""
        return _scale_rows(self.measure, self.unit_measure)

    @property
    def overlap(self) -> Overlap:
        """Where units overlap: cells covered more than once, and the units that meet there.

        Counts are spread over each unit's own area all the same, so that no person is lost or doubled; but the same
        ground carries the people of two units, and rates there are averages of both.  An overlap in a cell that is
        not full is not seen.
        """
        twice = np.flatnonzero(self.covered > 1 + ROUNDING)
        in_them = np.isin(self.measure.indices, twice)
        rows = np.repeat(np.arange(len(self.unit_id)), np.diff(self.measure.indptr))
        return Overlap(self.cell_id[twice], self.covered[twice] - 1, self.unit_id[np.unique(rows[in_them])])

    # --- to cells ---

    def apply_extensive(self, counts: Floats) -> Floats:
        """Counts by unit, shape (unit,) or (unit, variable), to counts by cell.

        Source: M. F. Goodchild and N. S. Lam (1980), Areal interpolation, Geo-Processing 1, 297-312.

        >>> from civigrid.grid import SquareGrid
        >>> grid = SquareGrid(cell_size_m=1000)
        >>> crosswalk = Crosswalk(
        ...     grid=grid, unit_id=np.array(["a"]),
        ...     cell_id=grid.from_row_col(np.array([3000, 3000]), np.array([4000, 4001])),
        ...     measure=sparse.csr_array(np.array([[250.0, 750.0]])), unit_measure=np.array([1000.0]),
        ...     cell_measure=np.array([1e6, 1e6]), covered=np.array([2.5e-4, 7.5e-4]), method="example",
        ... )
        >>> crosswalk.apply_extensive(np.array([100.0]))
        array([25., 75.])
        """
        cells: Floats = self.shares().T @ counts
        return cells

    def apply_intensive(self, rates: Floats) -> Floats:
        """Rates by unit to the mean rate of each cell, weighted by the shared measure; NaN where nothing is known."""
        return _weighted_mean(self.measure.T.tocsr(), rates)

    # --- back to units ---

    def back_extensive(self, counts: Floats) -> Floats:
        """Counts by cell, spread evenly over each cell's measure, to counts by unit."""
        units: Floats = _scale_rows(self.measure.T.tocsr(), self.cell_measure).T @ counts
        return units

    def back_intensive(self, rates: Floats) -> Floats:
        """Rates by cell to the mean rate of each unit, weighted by the shared measure."""
        return _weighted_mean(self.measure, rates)

    # --- through the grid ---

    def transfer(self, to: Crosswalk) -> sparse.csr_array:
        """Share of each of these units that goes to each unit of `to`, through the cells, shape (unit, to.unit).

        Rows sum to the share of the unit that both crosswalks cover.
        """
        if to.grid != self.grid:
            raise GridMismatchError(f"crosswalks lie on {self.grid.id} and {to.grid.id}. Build both on one grid.")
        _, here, there = np.intersect1d(self.cell_id, to.cell_id, return_indices=True)
        ours = self.shares()[:, here]
        theirs = _scale_rows(to.measure[:, there].T.tocsr(), to.cell_measure[there])
        return sparse.csr_array(ours @ theirs)

    def reversed(self, grid: Grid) -> Crosswalk:
        """Swap units and cells: a crosswalk between two grids serves both directions."""
        order = np.argsort(self.unit_id, kind="stable")
        return replace(
            self,
            grid=grid,
            unit_id=self.cell_id,
            cell_id=self.unit_id[order].astype(np.uint64),
            measure=sparse.csr_array(self.measure[order].T.tocsr()),
            unit_measure=self.cell_measure,
            cell_measure=self.unit_measure[order],
            covered=self.placed_share[order],
            steps=(),
            step=None,
        )

    # --- to bytes and back ---

    def to_bytes(self) -> bytes:
        """Write as an NPZ archive: equal crosswalks give equal bytes."""
        about = {
            "civigrid": "crosswalk-2",
            "grid": self.grid.to_dict(),
            "method": self.method,
            "unit_of_measure": self.unit_of_measure,
            "made_from": dict(self.made_from),
            "steps": list(self.steps),
        }
        unit_id = self.unit_id if self.unit_id.dtype == np.uint64 else self.unit_id.astype(np.str_)
        arrays = {
            "about": np.frombuffer(json.dumps(about, sort_keys=True).encode(), dtype=np.uint8),
            "unit_id": unit_id,
            "cell_id": self.cell_id,
            "indptr": self.measure.indptr.astype(np.int64),
            "indices": self.measure.indices.astype(np.int32),
            "data": self.measure.data,
            "unit_measure": self.unit_measure,
            "cell_measure": self.cell_measure,
            "covered": self.covered,
        } | ({} if self.step is None else {"step": self.step})
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, array in arrays.items():
                member = io.BytesIO()
                np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
                archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), member.getvalue(), zipfile.ZIP_DEFLATED, 1)
        return out.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Crosswalk:
        """Read what `to_bytes` wrote."""
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        about = json.loads(arrays["about"].tobytes())
        if about.get("civigrid") != "crosswalk-2":
            raise SchemaError(f"not a crosswalk of this version: {about.get('civigrid')!r}. Build it again.")
        shape = (len(arrays["unit_id"]), len(arrays["cell_id"]))
        parts = (arrays["data"], arrays["indices"], arrays["indptr"])
        return cls(
            grid=grid_from_dict(about["grid"]),
            unit_id=arrays["unit_id"],
            cell_id=arrays["cell_id"],
            measure=sparse.csr_array(parts, shape=shape),
            unit_measure=arrays["unit_measure"],
            cell_measure=arrays["cell_measure"],
            covered=arrays["covered"],
            method=about["method"],
            unit_of_measure=about["unit_of_measure"],
            made_from=about["made_from"],
            steps=tuple(about["steps"]),
            step=arrays.get("step"),
        )

    def digest(self) -> str:
        """SHA-256 of `to_bytes`: names the crosswalk in manifests."""
        return sha256(self.to_bytes()).hexdigest()


def _divide(part: npt.ArrayLike, whole: Floats) -> Floats:
    part = np.asarray(part, dtype=np.float64).ravel()
    result: Floats = np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)
    return result


def _scale_rows(matrix: sparse.csr_array, divisor: Floats) -> sparse.csr_array:
    """Divide each row by its divisor; rows whose divisor is 0 become 0."""
    factor = _divide(np.ones(len(divisor)), divisor)
    data = matrix.data * np.repeat(factor, np.diff(matrix.indptr))
    return sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def _weighted_mean(weights: sparse.csr_array, values: Floats) -> Floats:
    """Row means of `values` by `weights`, over the known values only."""
    known = ~np.isnan(values)
    total = weights @ known.astype(np.float64)
    result: Floats = np.full(weights.shape[0], np.nan)
    np.divide(weights @ np.where(known, values, 0.0), total, out=result, where=total > 0)
    return result
