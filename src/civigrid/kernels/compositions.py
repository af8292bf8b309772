"""A city as the multiset of its cells' compositions: all that an aspatial index can see.

Equal compositions are counted once and rows stand in one canonical order, so that every index computed from them is
the same to the last bit for any order of the cells, any block size and any number of workers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from civigrid.kernels.zones import across
from civigrid.types import Floats, Ints


class Compositions(NamedTuple):
    """Distinct compositions: `zone` and `cells` (how many have it) of shape (row,), `counts` of shape (row, group)."""

    zone: Ints
    counts: Floats
    cells: Ints


def compositions(zone: Ints, counts: Floats) -> Compositions:
    """Count the distinct rows of (zone, counts).

    Parameters
    ----------
    zone : ndarray of int64, shape (cell,)
        Zone of each cell; cells of zone < 0 are left out.
    counts : ndarray of float64, shape (cell, group)
        Persons by group; rows with NaN or without persons are left out.

    Examples
    --------
    >>> compositions(np.array([0, 0, 0]), np.array([[1.0, 2.0], [3.0, 0.0], [1.0, 2.0]])).cells
    array([2, 1])
    """
    keep = (zone >= 0) & (across(counts) > 0)
    return _counted(Compositions(zone[keep], counts[keep], np.ones(int(keep.sum()), dtype=np.int64)))


def merge(*parts: Compositions) -> Compositions:
    """Put the compositions of several blocks together: associative, and any order gives the same."""
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return _counted(Compositions(*columns))


def _counted(rows: Compositions) -> Compositions:
    if not len(rows.zone):
        return rows
    order = np.lexsort((*rows.counts.T[::-1], rows.zone))
    zone, counts, cells = rows.zone[order], rows.counts[order], rows.cells[order]
    new = np.concatenate([[True], (zone[1:] != zone[:-1]) | (counts[1:] != counts[:-1]).any(axis=1)])
    return Compositions(zone[new], counts[new], np.add.reduceat(cells, np.flatnonzero(new)))


def by_zone(rows: Compositions) -> Iterator[tuple[int, Compositions]]:
    """Walk through the zones, each with its own rows."""
    starts = np.flatnonzero(np.diff(rows.zone, prepend=-1))
    stops = np.append(starts[1:], len(rows.zone))
    for start, stop in zip(starts, stops, strict=True):
        part = slice(start, stop)
        yield int(rows.zone[start]), Compositions(rows.zone[part], rows.counts[part], rows.cells[part])


def without_zones(rows: Compositions) -> Compositions:
    """All zones as one, number 0."""
    return _counted(rows._replace(zone=np.zeros_like(rows.zone)))
