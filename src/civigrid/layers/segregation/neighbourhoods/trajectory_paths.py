"""Trajectories of all inhabited cells: what they are compared with, and how they are followed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from civigrid.cells import grid_of, ids_of
from civigrid.engine import Block, Scheduler, map_blocks
from civigrid.engine.reduction import Columns
from civigrid.errors import SchemaError
from civigrid.grid import SquareGrid
from civigrid.kernels.nearest_points import SAME_RING_M
from civigrid.kernels.rings import unit_of
from civigrid.kernels.trajectories import City, Summary, city_of, extreme_distortion, mean_by_scales, summaries
from civigrid.kernels.true_distances import along_ground, on_earth
from civigrid.layers.segregation.groups import group_counts, is_interpolated, rest_note, zone_codes
from civigrid.layers.segregation.neighbourhoods.nearest import nearest_around
from civigrid.types import Floats, Ints

EXACT_UP_TO = 50_000
"""Inhabited cells whose trajectories are followed ring by ring unless a number of scales is given."""
_ORIGINS_AT_ONCE = 256


@dataclass(frozen=True, kw_only=True)
class TrajectoryOptions:
    """How trajectories are followed and what is told of them.

    Parameters
    ----------
    threshold : float
        Divergence below which a neighbourhood looks like the reference, nats.
    reference : str or sequence of float
        What neighbourhoods are compared with: empty, all cells together; a label, as ``country``, all cells of the
        origin's own zone, which a cross-border area needs as "born abroad" means another thing on either side; or a
        share for each group, as of a nation, in the order of the groups (with a total: the rest last).
    scales : int
        0: every ring of every cell, which takes the square of the number of cells.  Otherwise the divergence at so
        many numbers of nearest persons, from 1 to all in equal factors, between which it is taken to be straight over
        their logarithm; `parameters` give the mean of ``half_the_scales`` too, to judge what lies between them.
    draws, seed : int
        Cities drawn person by person for an interval of the whole's distortion, each as dear as the first; 0: none.
    scheduler : Scheduler, optional
        Where to compute; no figure depends on it.
    """

    threshold: float = 0.05
    reference: str | Sequence[float] = ""
    scales: int = 0
    draws: int = 0
    seed: int = 0
    scheduler: Scheduler | None = None

    def __post_init__(self) -> None:
        if not self.threshold > 0:
            raise SchemaError(f"threshold = {self.threshold}: a divergence to stay below is above 0.")
        if self.scales < 0 or self.scales in (1, 2, 3):
            raise SchemaError(f"scales = {self.scales}: 0 for every ring, or at least 4 numbers of persons.")
        if self.draws < 0 or self.draws == 1:
            raise SchemaError(f"draws = {self.draws}: 0 for no interval, or at least 2 cities.")


class Town(NamedTuple):
    """Inhabited cells: which, their counts, what each is compared with, and words about it.

    `code` is the number of the zone that each cell is compared with, None where shares were given; `whole` whether that
    is all cells together.
    """

    at: Ints
    counts: Floats
    reference: Floats
    code: Ints | None
    whole: bool
    names: list[str]
    about: dict[str, Any]
    corrected: bool

    def of_everyone(self) -> Floats:
        """Divergence of all persons together from what each cell is compared with, shape (cell,)."""
        return _divergence(np.broadcast_to(self.counts.sum(axis=0), self.counts.shape), self.reference)


class Followed(NamedTuple):
    """Trajectories in short, and their distortions from half as many scales, shape (cell,), None of every ring."""

    summary: Summary
    coarse: Floats | None


def town_of(cells: xr.Dataset, groups: Sequence[str], total: str, options: TrajectoryOptions) -> Town:
    """Look at the inhabited cells once; refuses less than two groups, and groups that the reference does not know."""
    counts, left_out = group_counts(cells, groups, total)
    names = [*groups, "rest"] if total else list(groups)
    if len(names) < 2:
        raise SchemaError(f"segregation needs two groups at least, got {names}. Name the total to make a rest.")
    at = np.flatnonzero(counts.sum(axis=1) > 0)
    inhabited = counts[at]
    code = _code(cells, at, options.reference)
    reference = _given(names, options.reference, len(at)) if code is None else _compositions(inhabited, code)
    if (reference[:, inhabited.sum(axis=0) > 0] <= 0).any():
        raise SchemaError("a group lives here that the reference does not know: its divergence would be infinite.")
    said = options.reference if isinstance(options.reference, str) else [float(p) for p in options.reference]
    about: dict[str, Any] = {"total": total or "sum of the groups", "left_out_cells": left_out}
    about |= rest_note(cells, groups, total)
    about |= {"reference": said or "all cells", "cite": "olteanu2019"}
    corrected = not is_interpolated(cells, groups)
    if not corrected:
        about["no_correction"] = "counts are interpolated: they lack the scatter that chance makes among counted people"
    whole = isinstance(options.reference, str) and not options.reference
    return Town(at, inhabited, reference, code, whole, names, about, corrected)


def _code(cells: xr.Dataset, at: Ints, reference: str | Sequence[float]) -> Ints | None:
    """Number of the zone that each inhabited cell is compared with; None where shares are given."""
    if not isinstance(reference, str):
        return None
    return np.asarray(zone_codes(cells, reference)[1][at]) if reference else np.zeros(len(at), dtype=np.int64)


def _compositions(counts: Floats, code: Ints) -> Floats:
    """Composition of each cell's zone, shape (cell, group)."""
    sums = np.stack([np.bincount(code, column) for column in counts.T], axis=1)
    return np.asarray((sums / np.maximum(sums.sum(axis=1, keepdims=True), 1e-300))[code])


def _given(names: Sequence[str], reference: str | Sequence[float], cells: int) -> Floats:
    share = np.asarray(reference, dtype=np.float64)
    if share.shape != (len(names),) or not (share >= 0).all() or not np.isclose(share.sum(), 1, atol=1e-6):
        raise SchemaError(f"reference = {list(reference)}: give a share for each of {', '.join(names)}, 1 in all.")
    return np.tile(share / share.sum(), (cells, 1))


def drawn_distortions(cells: xr.Dataset, town: Town, options: TrajectoryOptions) -> Floats:
    """Distortion of the whole in cities whose every count is Poisson around that of this one, shape (draw,)."""
    rng = np.random.default_rng(options.seed)
    found = np.empty(options.draws)
    for draw in range(options.draws):
        counts = rng.poisson(town.counts).astype(np.float64)
        there = np.flatnonzero(counts.sum(axis=1) > 0)
        counts, at = counts[there], town.at[there]
        reference = town.reference[there] if town.code is None else _compositions(counts, town.code[there])
        drawn = town._replace(at=at, counts=counts, reference=reference, about={})
        size = counts.sum(axis=1)
        found[draw] = (size * follow(cells, drawn, options).summary.distortion).sum() / size.sum()
    return found


def extreme_of(town: Town) -> float:
    """Normalise by the extreme city of the same groups; NaN where one group lives alone."""
    if not len(town.counts):
        return float("nan")
    found = extreme_distortion(town.counts.sum(axis=0) / town.counts.sum())
    return found if found > 0 else float("nan")


def laid_out(cells: xr.Dataset, town: Town) -> tuple[City, float]:
    """Give the cells with their rings, and metres per unit of distance (0: through the ground)."""
    grid, ids = grid_of(cells), ids_of(cells)[town.at]
    unit = unit_of(town.counts)
    persons = np.rint(town.counts / unit).astype(np.int64)
    if isinstance(grid, SquareGrid):
        at = np.stack(grid.row_col(ids), axis=1).astype(np.float64)
        return city_of(at, persons, unit, squares=True), float(grid.cell_size_m)
    degrees = grid.centre(ids)
    return city_of(on_earth(degrees[:, 0], degrees[:, 1]), persons, unit, squares=False, same=SAME_RING_M), 0.0


def _block(city: City, reference: Floats, threshold: float, columns: Columns) -> Summary:
    origin = columns["origin"]
    return summaries(city, origin, reference[origin], threshold)


def follow(cells: xr.Dataset, town: Town, options: TrajectoryOptions) -> Followed:
    """Follow the trajectories of all inhabited cells: ring by ring, or at some scales."""
    if options.scales:
        return _by_scales(cells, town, options)
    if len(town.at) > EXACT_UP_TO:
        raise SchemaError(
            f"{len(town.at)} inhabited cells have too many rings to follow each. Give a number of scales, as scales=40."
        )
    city, side = laid_out(cells, town)
    starts = range(0, len(town.at), _ORIGINS_AT_ONCE)
    blocks = [Block(first, first, min(first + _ORIGINS_AT_ONCE, len(town.at))) for first in starts]
    work = partial(_block, city, town.reference, options.threshold)
    parts = map_blocks(work, {"origin": np.arange(len(town.at))}, blocks, options.scheduler)
    found = Summary(*(np.concatenate([np.empty(0), *part]) for part in zip(*parts, strict=True)))
    metres = found.distance * side if side else along_ground(found.distance)
    return Followed(found._replace(distance=np.asarray(metres)), None)


def _by_scales(cells: xr.Dataset, town: Town, options: TrajectoryOptions) -> Followed:
    """Integrate the divergence at some numbers of nearest persons, whole rings."""
    counts = np.full((cells.sizes["cell"], town.counts.shape[1]), np.nan)
    counts[town.at] = town.counts
    own, persons = town.counts.sum(axis=1), float(town.counts.sum())
    wanted = np.unique(np.rint(np.geomspace(1, max(np.floor(persons), 1), options.scales)).astype(np.int64)).tolist()
    divergence: list[Floats] = []
    distance, near, before = (np.full(len(own), np.nan) for _ in range(3))
    inverse, last = np.zeros(len(own)), 0.0
    for found in nearest_around(cells, counts, wanted, overshoot="whole", scheduler=options.scheduler):
        around, k = found.around.counts[town.at], float(found.nearest.k)
        size = around.sum(axis=1)
        divergence.append(_divergence(around, town.reference))
        below = divergence[-1] < options.threshold
        begins = below & np.isnan(distance)
        # a cell that looks like the reference by itself does so at once
        metres = np.where(size > own, found.radius_m[town.at], 0.0)
        distance = np.where(begins, metres, np.where(below, distance, np.nan))
        near = np.where(begins, size, np.where(below, near, np.nan))
        inverse += (k - last) / _log_mean(size if last == 0 else before, size)
        before, last = size, k
    groups = int((town.counts.sum(axis=0) > 0).sum())
    expected = np.maximum((groups - 1) / 2 * (inverse - 1) / persons, 0.0)
    scales, values = np.array(wanted, dtype=np.float64), np.array(divergence)
    half = np.unique([0, *range(len(wanted) - 1, 0, -2)])
    town.about["scales"] = len(wanted)
    fine, coarse = mean_by_scales(scales, values, persons), mean_by_scales(scales[half], values[half], persons)
    return Followed(Summary(fine, expected, distance, near), coarse)


def _divergence(around: Floats, reference: Floats) -> Floats:
    share = around / around.sum(axis=1, keepdims=True)
    ratio = np.divide(share, reference, out=np.ones_like(share), where=share > 0)
    return np.asarray(np.maximum((share * np.log(ratio)).sum(axis=1), 0.0))


def _log_mean(low: Floats, high: Floats) -> Floats:
    """Mean of a size that grows straight, as its inverse is met on the way."""
    ratio = high / low
    return np.where(ratio > 1 + 1e-9, (high - low) / np.log(np.maximum(ratio, 1 + 1e-9)), high)
