"""What travel times over streets could not do: places too far from any street, islands, pairs in part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from civigrid.errors import first_few
from civigrid.travel.places import Origins
from civigrid.travel.snap import Snapped
from civigrid.types import Ids


@dataclass(frozen=True, eq=False, kw_only=True)
class StreetReport:
    """How places met the streets.

    Parameters
    ----------
    origins, sites : Snapped
        Spot, metres and part of the network of every point of a cell, and of every site.
    limit_m : float
        Farthest spot that counted, metres.
    lost_cells : ndarray of uint64
        Cells of which no point is within the limit: they reach nothing.
    island_cells : ndarray of uint64
        Cells with a point on a part of the streets that is not joined to the main network.
    lost_sites, island_sites : ndarray of str
        Sites likewise.
    partly : int
        Pairs whose time is a mean over some of the cell's weight, at least half of it.
    """

    origins: Snapped
    sites: Snapped
    limit_m: float
    lost_cells: Ids
    island_cells: Ids
    lost_sites: npt.NDArray[np.str_]
    island_sites: npt.NDArray[np.str_]
    partly: int = 0

    def lines(self) -> tuple[str, ...]:
        """Say it in sentences, the first few places by name; nothing that is not so."""
        told = [
            f"{what}: {len(on.spot):,}, {np.median(on.metres[~on.beyond]):.0f} m from the street in the middle, "
            f"{on.metres[~on.beyond].max():.0f} m at most"
            for what, on in (("points", self.origins), ("sites", self.sites))
            if not on.beyond.all()
        ]
        counts = (
            ("cells", self.lost_cells, f"farther than {self.limit_m:g} m from any street: they reach nothing"),
            ("sites", self.lost_sites, f"farther than {self.limit_m:g} m from any street: nobody reaches them"),
            ("cells", self.island_cells, "on streets that are not joined to the main network"),
            ("sites", self.island_sites, "on streets that are not joined to the main network"),
        )
        told += [f"{len(ids):,} {what} {why} (first: {first_few(ids)})" for what, ids, why in counts if len(ids)]
        if self.partly:
            told.append(f"{self.partly:,} pairs are means over part of the cell's weight, at least half of it")
        return tuple(told)


def report_of(
    origins: Origins, here: Snapped, site_id: npt.NDArray[np.str_], there: Snapped, *, limit_m: float, partly: int
) -> StreetReport:
    """Name the cells and sites that are out of reach or on islands."""
    found = np.zeros(len(origins.cell_id), dtype=bool)
    found[origins.row[~here.beyond]] = True
    island = np.zeros(len(origins.cell_id), dtype=bool)
    island[origins.row[here.on_island]] = True
    return StreetReport(
        origins=here,
        sites=there,
        limit_m=limit_m,
        lost_cells=origins.cell_id[~found],
        island_cells=origins.cell_id[island],
        lost_sites=site_id[there.beyond],
        island_sites=site_id[there.on_island],
        partly=partly,
    )
