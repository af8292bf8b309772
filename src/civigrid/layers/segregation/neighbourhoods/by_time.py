"""Who lives around by travel time: near is what people reach, across a bridge or round a railway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy.sparse import csr_array

from civigrid.cells import grid_of, ids_of
from civigrid.errors import SchemaError, first_few
from civigrid.layers.segregation.neighbourhoods.by_kernel import Around
from civigrid.travel_times import TravelTimes
from civigrid.types import Floats, Ids, Ints


@dataclass(frozen=True, kw_only=True, eq=False)
class ByTime:
    r"""Neighbourhoods by travel time.

    Parameters
    ----------
    times : TravelTimes
        From cells to sites, which stand for the cells they lie in.
    within_min : float, optional
        Whoever takes longer is no neighbour, minutes; by default the limit of the search.
    decay_min : float, optional
        Weights fall as :math:`\exp(-t/d)`, minutes; by default everyone within reach weighs alike.
    site_cell : ndarray of uint64, shape (site,), optional
        Cell of each site; by default the text of `site_id` is the cell's id.
    noise : ndarray of float64, shape (cell, group), optional
        Variance of the publisher's noise in each count.

    Notes
    -----
    Farber, O'Kelly, Miller and Neutens (2015), J. Transport Geography 49, measure segregation by what people reach.
    """

    times: TravelTimes
    within_min: float | None = None
    decay_min: float | None = None
    site_cell: Ids | None = None
    noise: Floats | None = None

    def __post_init__(self) -> None:
        limit = self.times.limit_s / 60
        if self.within_min is not None and not 0 <= self.within_min <= limit:
            raise SchemaError(
                f"within_min = {self.within_min:g}: these travel times were searched up to {limit:g} minutes only."
            )
        if self.decay_min is not None and not self.decay_min > 0:
            raise SchemaError(f"decay_min = {self.decay_min}: weights fall over a time above 0 minutes.")

    @property
    def about(self) -> Mapping[str, Any]:
        """What stands in `parameters` of a result table."""
        within = self.times.limit_s / 60 if self.within_min is None else self.within_min
        return {"within_min": within, "decay_min": self.decay_min, "mode": self.times.mode}

    def __call__(self, cells: xr.Dataset, counts: Floats) -> Around:
        """Gather who lives around each cell: `spatial_table` takes this as a neighbourhood.

        Parameters
        ----------
        cells : xarray.Dataset
            The cells the travel times start from.
        counts : ndarray of float64, shape (cell, group)
            Persons; a cell with NaN has no known residents and is nobody's neighbour.

        Returns
        -------
        Around
            One's own cell is always around: at its own time, at once where no pair tells one.

        Raises
        ------
        SchemaError
            Times of other cells; a site whose cell nobody knows; an inhabited cell without a site, whose people nobody
            would meet.
        """
        ids = ids_of(cells)
        if not np.array_equal(ids, self.times.cell_id):
            raise SchemaError("these travel times do not start from these cells. Compute them for the cells at hand.")
        known = np.isfinite(counts.sum(axis=1, keepdims=True))
        persons = np.where(known, counts, 0.0)
        place, elsewhere = self._cells_of_sites(cells, ids)
        missing = np.setdiff1d(np.flatnonzero(persons.sum(axis=1) > 0), place)
        if len(missing):
            raise SchemaError(
                f"{len(missing)} inhabited cells hold no site, so that nobody would meet their people "
                f"(first: {first_few(ids[missing])}). Compute times to all inhabited cells."
            )
        weight = self._weights(place, len(ids))
        near = weight @ persons
        size = near.sum(axis=1)
        square = weight.power(2) @ persons.sum(axis=1)
        own = weight.diagonal()
        noise = None if self.noise is None else np.where(known, self.noise, 0.0)
        return Around(
            counts=near,
            size=np.divide(size**2, square, out=np.zeros_like(size), where=size > 0),
            oneself=np.divide(own, size, out=np.zeros_like(size), where=size > 0),
            about={**self.about, "sites_elsewhere": elsewhere} if elsewhere else self.about,
            noise=None if noise is None else weight.power(2) @ noise,
            back=TimeBack(persons, noise, weight),
        )

    def _cells_of_sites(self, cells: xr.Dataset, ids: Ids) -> tuple[Ints, int]:
        """Row of the cell of each site, -1 for cells that are not here, and how many those are."""
        site_cell = self.site_cell
        if site_cell is None:
            try:
                site_cell = self.times.site_id.astype(np.uint64)
            except ValueError:
                raise SchemaError(
                    f"site ids such as {self.times.site_id[0]!r} are no cell ids: say which cell each site lies in."
                ) from None
        if len(site_cell) != len(self.times.site_id):
            raise SchemaError(f"{len(site_cell)} cells of sites for {len(self.times.site_id)} sites.")
        if (strange := ~grid_of(cells).is_valid(site_cell)).any():
            raise SchemaError(
                f"{int(strange.sum())} sites lie in no cell of {grid_of(cells).id} "
                f"(first: {first_few(self.times.site_id[strange])})."
            )
        at = np.minimum(np.searchsorted(ids, site_cell), len(ids) - 1)
        here = ids[at] == site_cell
        return np.where(here, at, -1).astype(np.int64), int((~here).sum())

    def _weights(self, place: Ints, cells: int) -> csr_array:
        """Weights of cells around cells: by the nearest of a cell's sites."""
        row, col, seconds = self.times.rows(), place[self.times.site], self.times.seconds
        limit = np.inf if self.within_min is None else self.within_min * 60
        kept = (col >= 0) & ((seconds <= limit) | (row == col))
        itself = np.arange(cells)
        alone = np.setdiff1d(itself, row[kept & (row == col)])
        row, col = np.append(row[kept], alone), np.append(col[kept], alone)
        seconds = np.append(seconds[kept], np.zeros(len(alone), dtype=seconds.dtype))
        order = np.lexsort((seconds, col, row))
        row, col, seconds = row[order], col[order], seconds[order]
        first = (np.diff(row, prepend=-1) != 0) | (np.diff(col, prepend=-1) != 0)
        row, col, seconds = row[first], col[first], seconds[first]
        weight = np.ones(len(row)) if self.decay_min is None else np.exp(-seconds / (60 * self.decay_min))
        return csr_array((weight, (row, col)), shape=(cells, cells))


@dataclass(frozen=True, eq=False)
class TimeBack:
    """Weights by travel time the other way, as `Back` has them: the way home may take longer."""

    everyone: Floats
    noise: Floats | None
    weight: csr_array

    def __call__(self, rows: Ints, values: Floats) -> tuple[Ints, Floats]:
        """Give all cells, and the sums there of some cells' values."""
        return np.arange(len(self.everyone)), np.asarray(self.weight[rows].T @ values)
