"""What every grid can do, whatever the shape of its cells."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from civigrid.types import Bools, Floats, Ids

INVALID = 0
"""Id of no cell: stands where a neighbour would lie outside the grid."""


class Grid(ABC):
    """A frozen, hashable value: equal grids are interchangeable.

    Ids are ``uint64`` and sorted ids keep neighbours close, so that a spatial block is a contiguous range.
    """

    @property
    @abstractmethod
    def id(self) -> str:
        """Short name, as in ``grids/*.toml``: ``eu-laea-1km``, ``h3-r8``."""

    @property
    @abstractmethod
    def crs(self) -> str:
        """CRS in which points, centres and vertices are given."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Attributes that travel with a dataset; `grid_from_dict` gives back an equal value."""

    @abstractmethod
    def cell_at(self, points: Floats) -> Ids:
        """Ids of the cells that hold `points`, shape (n, 2), in `crs`; edges belong to the cell above and right."""

    @abstractmethod
    def is_valid(self, cell_id: Ids) -> Bools:
        """Whether each id is a cell of this grid."""

    @abstractmethod
    def centre(self, cell_id: Ids) -> Floats:
        """Centres, shape (n, 2), in `crs`."""

    @abstractmethod
    def vertices(self, cell_id: Ids) -> Floats:
        """Corners counter-clockwise, shape (n, k, 2), in `crs`, not closed; short cells repeat their last corner."""

    @abstractmethod
    def area_km2(self, cell_id: Ids) -> Floats:
        """True (ellipsoidal) areas, shape (n,), km2."""

    @abstractmethod
    def parent(self, cell_id: Ids, coarser: Grid) -> Ids:
        """Cells of `coarser` that hold each cell, shape (n,)."""

    @abstractmethod
    def children(self, cell_id: Ids, finer: Grid) -> Ids:
        """Cells of `finer` inside each cell, shape (n, k); `INVALID` pads where a cell has fewer."""

    @abstractmethod
    def ring(self, cell_id: Ids, k: int) -> Ids:
        """Cells at grid distance exactly `k`, shape (n, m); `INVALID` where there is none."""

    @abstractmethod
    def block_starts(self, cell_id: Ids, cells_per_side: int) -> Ids:
        """First id of the block that each cell lies in, shape (n,): a block is a contiguous id range."""

    def neighbours(self, cell_id: Ids) -> Ids:
        """Cells that touch each cell, shape (n, m)."""
        return self.ring(cell_id, 1)
