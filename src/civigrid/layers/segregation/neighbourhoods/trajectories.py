"""Segregation at all scales at once: how soon the surroundings of each cell look like the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.cells import grid_of, ids_of, with_variables
from civigrid.engine import Block, Scheduler, map_blocks
from civigrid.engine.reduction import Columns
from civigrid.errors import SchemaError
from civigrid.grid import SquareGrid
from civigrid.kernels.nearest_points import SAME_RING_M
from civigrid.kernels.rings import unit_of
from civigrid.kernels.trajectories import (
    City,
    Summary,
    city_of,
    extreme_distortion,
    mean_by_scales,
    summaries,
    trajectory,
)
from civigrid.kernels.true_distances import along_ground, on_earth
from civigrid.layers.segregation.groups import (
    RESIDENTS,
    group_counts,
    is_interpolated,
    measure_column,
    why_missing,
    zone_codes,
)
from civigrid.layers.segregation.neighbourhoods.nearest import nearest_around
from civigrid.result_table import parameters, result_table
from civigrid.types import Floats, Ints, Status

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
    scheduler : Scheduler, optional
        Where to compute; no figure depends on it.
    """

    threshold: float = 0.05
    reference: str | Sequence[float] = ""
    scales: int = 0
    scheduler: Scheduler | None = None

    def __post_init__(self) -> None:
        if not self.threshold > 0:
            raise SchemaError(f"threshold = {self.threshold}: a divergence to stay below is above 0.")
        if self.scales < 0 or self.scales in (1, 2, 3):
            raise SchemaError(f"scales = {self.scales}: 0 for every ring, or at least 4 numbers of persons.")


class _Town(NamedTuple):
    """Inhabited cells: which, their counts, what each is compared with, and words about it."""

    at: Ints
    counts: Floats
    reference: Floats
    names: list[str]
    about: dict[str, Any]
    corrected: bool


class _Followed(NamedTuple):
    summary: Summary
    coarse: Floats | None


def trajectory_cells(
    cells: xr.Dataset, groups: Sequence[str], *, total: str = "", options: TrajectoryOptions | None = None
) -> xr.Dataset:
    r"""Add to each inhabited cell how far, and how long, its surroundings differ from the whole.

    Parameters
    ----------
    cells : xarray.Dataset
        Cell dataset, of squares or H3.
    groups : sequence of str
        Counts of at least two groups that share the people out among them.
    total : str
        Published total, whose rest is one more group; empty: the sum of the groups is the total.
    options : TrajectoryOptions, optional
        Threshold, reference, number of scales.

    Returns
    -------
    xarray.Dataset
        The same cells with ``residents``, ``distortion`` (mean divergence over all persons, by nearness, nats),
        ``distortion_normalised`` (by that of the extreme city), ``convergence_m`` and ``convergence_persons`` (distance
        and persons from which on the divergence stays below the threshold; missing where it never does).

    Notes
    -----
    Olteanu, Randon-Furling and Clark (2019), PNAS 116(25): read it beside composition and density (Stepinski and
    Dmowska 2019, PNAS 116(45)): a thinly populated cell is as far from converging as a segregated one.
    """
    options = options or TrajectoryOptions()
    town = _town(cells, groups, total, options)
    found = _follow(cells, town, options).summary
    names = [*groups, total] if total else list(groups)
    values: dict[str, Floats] = {"residents": group_counts(cells, groups, total)[0].sum(axis=1)}
    about = {"residents": RESIDENTS}

    def add(name: str, value: Floats, units: str, words: str) -> None:
        values[name] = np.full(cells.sizes["cell"], np.nan)
        values[name][town.at] = value
        about[name] = measure_column(words, units, names)

    below = f"divergence stays below {options.threshold:g} nats"
    add("distortion", found.distortion, "1", "Mean divergence of the surroundings at all scales (nats)")
    add("distortion_normalised", found.distortion / _extreme(town), "1", "The same by that of the extreme city")
    add("convergence_m", found.distance, "m", f"Distance from which on the {below}")
    add("convergence_persons", found.persons, "1", f"Nearest persons from which on the {below}")
    why = why_missing(cells, names)
    why = np.where(why == Status.OK, np.uint8(Status.UNAVAILABLE), why)
    status = {name: np.where(np.isnan(value), why, np.uint8(Status.OK)) for name, value in values.items()}
    return with_variables(cells, values, about, status=status)


def trajectory_table(
    cells: xr.Dataset, groups: Sequence[str], *, total: str = "", options: TrajectoryOptions | None = None
) -> pd.DataFrame:
    r"""Give the distortion of the whole: the mean over persons of that of their cells.

    Parameters
    ----------
    cells, groups, total, options
        As of `trajectory_cells`.

    Returns
    -------
    pandas.DataFrame
        A result table with ``distortion``, ``distortion_normalised``, and the means over persons of ``convergence_m``
        and ``convergence_persons`` where trajectories converge (`parameters` tell the share of persons whose do).

    Notes
    -----
    Both definitions are for persons where Olteanu et al. (2019) take units: :math:`\Delta_i = \sum_r t_r
    KL(q_{i,\le r}\|P)/T`, :math:`\Delta = \sum_i t_i\Delta_i/T`; normalised by the area under the trajectory of
    somebody of the smallest group in a city where all of it live nearest, then all of the next larger group, and so on.
    Under random allocation a divergence of *n* persons of *T* is :math:`(G-1)/2\cdot(1/n-1/T)` (Miller 1955).

    Examples
    --------
    >>> from civigrid.cells import make_cells
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> ids = grid.from_row_col(np.array([3000, 3000]), np.array([4000, 4001]))
    >>> cells = make_cells(grid, ids, {"a": [40, 0], "b": [0, 40]}, {"a": Column(), "b": Column()})
    >>> trajectory_table(cells, ["a", "b"])["estimate"].round(4).tolist()
    [0.3466, 0.8428, 1000.0, 80.0]
    """
    options = options or TrajectoryOptions()
    town = _town(cells, groups, total, options)
    if not len(town.at):
        return result_table([])
    found, coarse = _follow(cells, town, options)
    size = town.counts.sum(axis=1)
    persons = float(size.sum())
    extreme = _extreme(town)
    mean = float((size * found.distortion).sum() / persons)
    expected = float((size * found.expected).sum() / persons) if town.corrected else np.nan
    there = np.isfinite(found.distance)
    about = dict(town.about)
    if coarse is not None:
        about["half_the_scales"] = float((size * coarse).sum() / persons)
    same = {"zone": "all", "topic": "segregation", "groups": "|".join(town.names), "persons": persons}
    same |= {"cells": len(town.at), "parameters": parameters(**about)}
    rows: list[dict[str, Any]] = []
    for name, by in (("distortion", 1.0), ("distortion_normalised", extreme)):
        values = {"estimate": mean / by, "expected": expected / by, "corrected": (mean - expected) / by}
        rows.append(same | {"index": name} | values)
    share = round(float(size[there].sum() / persons), 6)
    text = parameters(**about, threshold_nats=options.threshold, converging_share=share)
    for name, reach in (("convergence_m", found.distance), ("convergence_persons", found.persons)):
        value = float((size * reach)[there].sum() / size[there].sum()) if there.any() else np.nan
        rows.append(same | {"index": name, "estimate": value, "parameters": text})
    return result_table(rows)


def divergence_trajectories(
    cells: xr.Dataset,
    groups: Sequence[str],
    cell_id: Sequence[int],
    *,
    total: str = "",
    options: TrajectoryOptions | None = None,
) -> pd.DataFrame:
    """Follow the trajectories of some cells, ring by ring.

    Parameters
    ----------
    cells, groups, total, options
        As of `trajectory_cells`.
    cell_id : sequence of int
        Inhabited cells.

    Returns
    -------
    pandas.DataFrame
        Columns ``cell_id``, ``distance_m``, ``persons`` (everyone up to there), ``divergence`` (nats).

    Raises
    ------
    SchemaError
        A cell that is not here, or has no known residents.
    """
    options = options or TrajectoryOptions()
    town = _town(cells, groups, total, options)
    city, side = _city(cells, town)
    place = {int(cell): i for i, cell in enumerate(ids_of(cells)[town.at])}
    tables = []
    for cell in cell_id:
        if int(cell) not in place:
            raise SchemaError(f"cell {cell} has no known residents here: no trajectory begins there.")
        i = place[int(cell)]
        found = trajectory(city, i, town.reference[i])
        metres = found[:, 0] * side if side else along_ground(found[:, 0])
        part = {"cell_id": np.uint64(cell), "distance_m": metres, "persons": found[:, 1], "divergence": found[:, 2]}
        tables.append(pd.DataFrame(part))
    return pd.concat(tables, ignore_index=True)


def _town(cells: xr.Dataset, groups: Sequence[str], total: str, options: TrajectoryOptions) -> _Town:
    counts, left_out = group_counts(cells, groups, total)
    names = [*groups, "rest"] if total else list(groups)
    if len(names) < 2:
        raise SchemaError(f"segregation needs two groups at least, got {names}. Name the total to make a rest.")
    at = np.flatnonzero(counts.sum(axis=1) > 0)
    inhabited = counts[at]
    reference = _reference(cells, at, inhabited, names, options.reference)
    if (reference[:, inhabited.sum(axis=0) > 0] <= 0).any():
        raise SchemaError("a group lives here that the reference does not know: its divergence would be infinite.")
    said = options.reference if isinstance(options.reference, str) else [float(p) for p in options.reference]
    about: dict[str, Any] = {"total": total or "sum of the groups", "left_out_cells": left_out}
    about |= {"reference": said or "all cells", "cite": "olteanu2019"}
    corrected = not is_interpolated(cells, groups)
    if not corrected:
        about["no_correction"] = "counts are interpolated: they lack the scatter that chance makes among counted people"
    return _Town(at, inhabited, reference, names, about, corrected)


def _reference(
    cells: xr.Dataset, at: Ints, counts: Floats, names: list[str], reference: str | Sequence[float]
) -> Floats:
    """Composition that each inhabited cell is compared with, shape (cell, group)."""
    if isinstance(reference, str) and not reference:
        return np.broadcast_to(counts.sum(axis=0) / max(counts.sum(), 1e-300), counts.shape).copy()
    if isinstance(reference, str):
        _, code = zone_codes(cells, reference)
        code = code[at]
        sums = np.stack([np.bincount(code, column) for column in counts.T], axis=1)
        return np.asarray((sums / np.maximum(sums.sum(axis=1, keepdims=True), 1e-300))[code])
    share = np.asarray(reference, dtype=np.float64)
    if share.shape != (len(names),) or not (share >= 0).all() or not np.isclose(share.sum(), 1, atol=1e-6):
        raise SchemaError(f"reference = {list(reference)}: give a share for each of {', '.join(names)}, 1 in all.")
    return np.broadcast_to(share / share.sum(), counts.shape).copy()


def _extreme(town: _Town) -> float:
    """Normalise by the extreme city of the same groups; NaN where one group lives alone."""
    if not len(town.counts):
        return float("nan")
    found = extreme_distortion(town.counts.sum(axis=0) / town.counts.sum())
    return found if found > 0 else float("nan")


def _city(cells: xr.Dataset, town: _Town) -> tuple[City, float]:
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


def _follow(cells: xr.Dataset, town: _Town, options: TrajectoryOptions) -> _Followed:
    if options.scales:
        return _by_scales(cells, town, options)
    if len(town.at) > EXACT_UP_TO:
        raise SchemaError(
            f"{len(town.at)} inhabited cells have too many rings to follow each. Give a number of scales, as scales=40."
        )
    city, side = _city(cells, town)
    starts = range(0, len(town.at), _ORIGINS_AT_ONCE)
    blocks = [Block(first, first, min(first + _ORIGINS_AT_ONCE, len(town.at))) for first in starts]
    work = partial(_block, city, town.reference, options.threshold)
    parts = map_blocks(work, {"origin": np.arange(len(town.at))}, blocks, options.scheduler)
    found = Summary(*(np.concatenate([np.empty(0), *part]) for part in zip(*parts, strict=True)))
    metres = found.distance * side if side else along_ground(found.distance)
    return _Followed(found._replace(distance=np.asarray(metres)), None)


def _by_scales(cells: xr.Dataset, town: _Town, options: TrajectoryOptions) -> _Followed:
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
    return _Followed(Summary(fine, expected, distance, near), coarse)


def _divergence(around: Floats, reference: Floats) -> Floats:
    share = around / around.sum(axis=1, keepdims=True)
    ratio = np.divide(share, reference, out=np.ones_like(share), where=share > 0)
    return np.asarray(np.maximum((share * np.log(ratio)).sum(axis=1), 0.0))


def _log_mean(low: Floats, high: Floats) -> Floats:
    """Mean of a size that grows straight, as its inverse is met on the way."""
    ratio = high / low
    return np.where(ratio > 1 + 1e-9, (high - low) / np.log(np.maximum(ratio, 1 + 1e-9)), high)
