"""Who the k nearest persons around each cell are, and what indices say of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
import xarray as xr

from civigrid.cells import grid_of, ids_of
from civigrid.engine import Scheduler
from civigrid.errors import SchemaError, unknown_name
from civigrid.kernels.lots import draw_persons
from civigrid.kernels.rings import ROUNDING
from civigrid.kernels.whole_numbers import tie_breaker
from civigrid.layers.segregation.neighbourhoods.by_kernel import Around, Known, Neighbours, known_places
from civigrid.layers.segregation.neighbourhoods.nearest_places import Reach, places_of
from civigrid.types import Floats, Ids, Ints

PRESETS = (200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200)
"""Scales of ResSegr, from the street to the city: Hennerdal and Nielsen (2017), Annals AAG 107; Östh, Clark and
Malmberg (2015), Geographical Analysis 47."""
Overshoot = Literal["proportional", "whole", "sampled"]


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """The k nearest persons, oneself among them.

    Parameters
    ----------
    k : int
        Persons.
    overshoot : {"proportional", "whole", "sampled"}
        What the ring of cells that crosses k adds: the same part of each of its cells, so that k persons are around;
        all its cells; or persons drawn from it without replacement, so that k whole persons are around.
    seed : int
        For the persons drawn: they depend on it, on k and on the cell's id alone.

    Examples
    --------
    >>> Nearest(k=400).about["k"]
    400
    """

    k: int
    overshoot: Overshoot = "proportional"
    seed: int = 0

    def __post_init__(self) -> None:
        if int(self.k) != self.k or self.k < 1:
            raise SchemaError(f"k = {self.k!r}: the nearest persons are a whole number of at least 1.")
        if self.overshoot not in get_args(Overshoot):
            raise unknown_name("overshoot", self.overshoot, list(get_args(Overshoot)))

    @property
    def about(self) -> dict[str, object]:
        """What stands in `parameters` of a result table."""
        said: dict[str, object] = {"k": int(self.k), "overshoot": self.overshoot}
        return said | ({"seed": self.seed} if self.overshoot == "sampled" else {})

    def __call__(self, cells: xr.Dataset, counts: Floats) -> Around:
        """Gather who lives around each cell: `spatial_table` takes this as a neighbourhood."""
        found = next(nearest_around(cells, counts, [self.k], overshoot=self.overshoot, seed=self.seed))
        return found.around


class Gathered(NamedTuple):
    """The k nearest persons around each cell.

    `around` tells who they are; `radius_m`, shape (cell,), how far the last of them lives, metres.  Where all cells
    together hold fewer than k persons, all of it is NaN, and `reached` is False.
    """

    nearest: Nearest
    around: Around
    radius_m: Floats
    reached: bool


def nearest_around(
    cells: xr.Dataset,
    counts: Floats,
    k: Sequence[int] = PRESETS,
    *,
    overshoot: Overshoot = "proportional",
    seed: int = 0,
    noise: Floats | None = None,
    outside: Neighbours | None = None,
    scheduler: Scheduler | None = None,
    cells_at_once: int = 0,
) -> Iterator[Gathered]:
    r"""Gather the k nearest persons around each cell, for one k after the other.

    Parameters
    ----------
    cells : xarray.Dataset
        Cell dataset, of squares or H3.
    counts : ndarray of float64, shape (cell, group)
        Persons; a cell with NaN has no known residents and is nobody's neighbour.  Parts of persons are kept.
    k : sequence of int
        Persons around, in any order; they come back from the smallest to the largest.
    overshoot, seed : {"proportional", "whole", "sampled"}, int
        As of `Nearest`.
    noise : ndarray of float64, shape (cell, group), optional
        Variance of the publisher's noise in each count.
    outside : Neighbours, optional
        Cells around the study area: neighbours, not residents.
    scheduler : Scheduler, optional
        Where to compute; no figure depends on it.
    cells_at_once : int
        Cells that one worker takes at a time, 0: as fits; no figure depends on it.

    Yields
    ------
    Gathered
        In the order of the cells.

    Raises
    ------
    SchemaError
        No k, or one that is no whole number; persons to be drawn from parts of persons.

    Notes
    -----
    Östh, Clark and Malmberg (2015); Hennerdal and Nielsen (2017).  Cells whose centres are at exactly the same distance
    enter together (on H3: within 1 mm), so that no order of rows matters, and no window bounds the search.  With *B*
    persons inside the ring that crosses k and *R* on it, the part taken is :math:`f = (k-B)/R`, and the radius
    :math:`\sqrt{d_B^2 + f(d_R^2 - d_B^2)}`, as if people were spread evenly between the rings; those of the cell
    itself over a circle of its area.  The neighbourhood is as steady as :math:`k^2/(B+f^2R)` independent persons.

    Examples
    --------
    >>> from civigrid.cells import make_cells
    >>> from civigrid.grid import SquareGrid
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> cells = make_cells(grid, grid.from_row_col(np.array([3000, 3000]), np.array([4000, 4001])), {}, {})
    >>> found = next(nearest_around(cells, np.array([[4.0, 0.0], [0.0, 8.0]]), [6]))
    >>> found.around.counts
    array([[4., 2.],
           [0., 6.]])
    >>> found.radius_m.round()
    array([699., 489.])
    """
    if not len(k):
        raise SchemaError("no k was given: name at least one number of persons.")
    chosen = [Nearest(k=one, overshoot=overshoot, seed=seed) for one in sorted(set(k))]
    place = known_places(cells, counts, noise, outside)
    if overshoot == "sampled" and not (place.persons == np.rint(place.persons)).all():
        raise SchemaError("persons can be drawn from whole persons only: take overshoot 'proportional' for parts.")
    where = places_of(grid_of(cells), place.ids, place.persons, len(counts), scheduler, cells_at_once)
    within = [nearest for nearest in chosen if where.persons >= nearest.k * (1 - ROUNDING)]
    reaches = where.reaches([nearest.k for nearest in within])
    for nearest in within:
        # no name holds what one k needed while the next is gathered
        yield _gathered(nearest, next(reaches), where.unit, ids_of(cells), place)
    for nearest in chosen[len(within) :]:
        yield _unreached(nearest, len(counts), counts.shape[1])


def _unreached(nearest: Nearest, cells: int, groups: int) -> Gathered:
    nothing = np.full(cells, np.nan)
    around = Around(np.full((cells, groups), np.nan), nothing, nothing, nearest.about | {"unreached_cells": cells})
    return Gathered(nearest, around, nothing, reached=False)


def _gathered(nearest: Nearest, reach: Reach, unit: float, ids: Ids, place: Known) -> Gathered:
    inside, ring = reach.inside * unit, reach.ring * unit
    before, on_ring = reach.inside.sum(axis=1) * unit, reach.ring.sum(axis=1) * unit
    part = (nearest.k - before) / on_ring
    weight = np.ones_like(part) if nearest.overshoot == "whole" else part
    counts = inside + weight[:, None] * ring
    if nearest.overshoot == "sampled":
        counts = inside + _drawn(nearest, ids, reach, before)
    size = nearest.k**2 / (before + part * (nearest.k - before))
    near = np.full(len(ids), float(nearest.k))
    if nearest.overshoot == "whole":
        near = size = before + on_ring
    elif nearest.overshoot == "sampled":
        size = near
    # oneself stands on the ring where the cell itself holds k: it begins at its centre
    oneself = np.where(reach.inner_m2 > 0, 1.0, weight) / near
    noisy = None
    if place.noise is not None:
        there, at_edge = reach.sums(place.noise)
        noisy = there + weight[:, None] ** 2 * at_edge
    back = NearestBack(place.persons, place.noise, reach.back, weight)
    around = Around(counts, size, oneself, nearest.about, noisy, back)
    return Gathered(nearest, around, _radius(nearest, reach, part), reached=True)


def _radius(nearest: Nearest, reach: Reach, part: Floats) -> Floats:
    """Radius of the last persons: that of the whole ring, or as far as the part that is taken reaches by area."""
    if nearest.overshoot == "whole":
        part = np.where(reach.inner_m2 > 0, 1.0, part)
    return np.asarray(np.sqrt(reach.inner_m2 + part * (reach.outer_m2 - reach.inner_m2)))


def _drawn(nearest: Nearest, ids: Ids, reach: Reach, before: Floats) -> Ints:
    numbers = [
        tie_breaker(nearest.seed, ids, *np.array([[nearest.k], [m]], dtype=np.uint64)) >> np.uint64(11)
        for m in range(reach.ring.shape[1])
    ]
    uniform = np.stack(numbers, axis=1) * 2.0**-53
    return draw_persons(reach.ring, np.rint(nearest.k - before).astype(np.int64), uniform)


@dataclass(frozen=True)
class NearestBack:
    """Neighbourhoods the other way, as `Back` has them: who is near somebody may have nearer persons around."""

    everyone: Floats
    noise: Floats | None
    back: Callable[[Ints, Floats, Floats], tuple[Ints, Floats]]
    weight: Floats

    def __call__(self, rows: Ints, values: Floats) -> tuple[Ints, Floats]:
        """Give places, and the sums there of some cells' values; where it is on their ring, a part of them."""
        return self.back(rows, self.weight[rows], values)
