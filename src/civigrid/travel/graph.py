"""`StreetGraph`: streets of one mode as a compact directed graph in whole deciseconds, with spots to get on and off."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from civigrid.errors import SchemaError
from civigrid.kernels.counting import counting_order
from civigrid.types import Floats, Ints

Int32s = npt.NDArray[np.int32]

NO_WAY = -1
"""A spot and an end of its chain that are not joined in this direction, as on a one-way street."""


@dataclass(frozen=True, eq=False, kw_only=True)
class StreetGraph:
    """Streets of one mode.

    A **node** is where streets meet or end; the vertices between two nodes are contracted into one edge.  A **spot** is
    any place on a street where people may get on or off: every vertex, and points between far ones.  A spot lies on a
    chain of vertices between two nodes, its ends 0 and 1; a node is a spot with both ends at itself.

    Parameters
    ----------
    mode : str
        ``walk``, ``bike``, ``drive``.
    node_place : ndarray of float64, shape (node, 2)
        Longitude and latitude, degrees; nodes are sorted along a space-filling curve.
    indptr : ndarray of int64, shape (node + 1,)
        Edges out of node ``i`` are ``indptr[i]:indptr[i + 1]``.
    head : ndarray of int32, shape (edge,)
        Where each edge leads, ascending for one tail.
    cost : ndarray of int32, shape (edge,)
        Its time, deciseconds, rounded once; at least 1.
    component : ndarray of int32, shape (node,)
        Strongly connected part of each node, the largest is 0: what lies elsewhere is an island.
    spot_place : ndarray of float64, shape (spot, 2)
        Longitude and latitude, degrees.
    spot_node : ndarray of int32, shape (spot, 2)
        The nodes at the two ends of the spot's chain, to which it leads.
    spot_node_from : ndarray of int32, shape (spot, 2), optional
        The nodes there from which the spot is reached: others only beside a junction with forbidden turns, where it
        matters which street one comes from.
    spot_to, spot_from : ndarray of int32, shape (spot, 2)
        Deciseconds from the spot to each end, and from each end to the spot; `NO_WAY` where there is none.
    spot_chain : ndarray of int32, shape (spot,)
        Number of the chain; -1 for a spot that is a node.
    """

    mode: str
    node_place: Floats
    indptr: Ints
    head: Int32s
    cost: Int32s
    component: Int32s
    spot_place: Floats
    spot_node: Int32s
    spot_to: Int32s
    spot_from: Int32s
    spot_chain: Int32s
    spot_node_from: Int32s = field(default_factory=lambda: np.empty((0, 2), dtype=np.int32))

    def __post_init__(self) -> None:
        if not len(self.spot_node_from):
            object.__setattr__(self, "spot_node_from", self.spot_node)
        if self.indptr.shape != (len(self.node_place) + 1,) or self.indptr[-1] != len(self.head):
            raise SchemaError("indptr does not fit the nodes and edges of this StreetGraph.")

    def reversed(self) -> StreetGraph:
        """Give the graph with every edge turned round: what is searched to find the ways *to* a place."""
        tail = np.repeat(np.arange(len(self.node_place), dtype=np.int32), np.diff(self.indptr))
        order, indptr = counting_order(self.head, len(self.node_place))
        return replace(
            self,
            indptr=indptr,
            head=tail[order],
            cost=self.cost[order],
            spot_to=self.spot_from,
            spot_from=self.spot_to,
            spot_node=self.spot_node_from,
            spot_node_from=self.spot_node,
        )

    def save(self, folder: Path) -> None:
        """Write one array file by field; `StreetGraph.open` maps them into memory."""
        folder.mkdir(parents=True, exist_ok=True)
        for part in fields(self):
            np.save(folder / f"{part.name}.npy", np.asarray(getattr(self, part.name)))

    @classmethod
    def open(cls, folder: Path) -> StreetGraph:
        """Open what `save` wrote; nothing is read before it is used, and workers share the pages."""
        arrays = {part.name: np.load(folder / f"{part.name}.npy", mmap_mode="r") for part in fields(cls)[1:]}
        return cls(mode=str(np.load(folder / "mode.npy")), **arrays)
