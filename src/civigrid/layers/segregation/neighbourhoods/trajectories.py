"""Segregation at all scales at once: how soon the surroundings of each cell look like the whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.cells import ids_of, with_variables
from civigrid.errors import SchemaError
from civigrid.kernels.trajectories import trajectory
from civigrid.kernels.true_distances import along_ground
from civigrid.layers.segregation.groups import group_counts, measure_column, why_missing, with_whole
from civigrid.layers.segregation.neighbourhoods.trajectory_paths import (
    TrajectoryOptions,
    drawn_distortions,
    extreme_of,
    follow,
    laid_out,
    town_of,
)
from civigrid.result_table import parameters, result_table
from civigrid.types import Floats, Status


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
        ``distortion_normalised`` (by that of the extreme city, where all cells are the reference), ``convergence_m``
        and ``convergence_persons`` (distance and persons from which on the divergence stays below the threshold;
        missing where it never does).

    Notes
    -----
    Olteanu, Randon-Furling and Clark (2019), PNAS 116(25): read it beside composition and density (Stepinski and
    Dmowska 2019, PNAS 116(45)): a thinly populated cell is as far from converging as a segregated one.
    """
    options = options or TrajectoryOptions()
    town = town_of(cells, groups, total, options)
    found = follow(cells, town, options).summary
    names = [*groups, total] if total else list(groups)
    values: dict[str, Floats] = {"residents": group_counts(cells, groups, total)[0].sum(axis=1)}
    cells, about = with_whole(cells, groups, total, values["residents"])

    def add(name: str, value: Floats, units: str, words: str) -> None:
        values[name] = np.full(cells.sizes["cell"], np.nan)
        values[name][town.at] = value
        about[name] = measure_column(words, units, names)

    below = f"divergence stays below {options.threshold:g} nats"
    add("distortion", found.distortion, "1", "Mean divergence of the surroundings at all scales (nats)")
    if town.whole:
        add("distortion_normalised", found.distortion / extreme_of(town), "1", "The same by that of the extreme city")
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
        A result table with ``distortion``, ``distortion_normalised`` (where all cells are the reference), and the means
        over persons of ``convergence_m`` and ``convergence_persons`` where trajectories converge (`parameters` tell the
        share of persons whose do).  Intervals of distortion where `options` ask for draws.

    Notes
    -----
    Both definitions are for persons where Olteanu et al. (2019) take units: :math:`\Delta_i = \sum_r t_r
    KL(q_{i,\le r}\|P)/T`, :math:`\Delta = \sum_i t_i\Delta_i/T`; normalised by the area under the trajectory of
    somebody of the smallest group in a city where all of it live nearest, then all of the next larger group, and so on.
    Under random allocation a divergence of *n* persons of *T* is :math:`(G-1)/2\cdot(1/n-1/T)` (Miller 1955) above
    that of everyone from the reference; this excess alone is taken out.  Draws: each count Poisson, as of `bootstrap`.

    Examples
    --------
    >>> from civigrid.cells import make_cells
    >>> from civigrid.grid import SquareGrid
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> ids = grid.from_row_col(np.array([3000, 3000]), np.array([4000, 4001]))
    >>> from civigrid.types import Column
    >>> cells = make_cells(grid, ids, {"a": [40, 0], "b": [0, 40]}, {"a": Column(), "b": Column()})
    >>> trajectory_table(cells, ["a", "b"])["estimate"].round(4).tolist()
    [0.3466, 0.8428, 1000.0, 80.0]
    """
    options = options or TrajectoryOptions()
    town = town_of(cells, groups, total, options)
    if not len(town.at):
        return result_table([])
    found, coarse = follow(cells, town, options)
    size = town.counts.sum(axis=1)
    persons = float(size.sum())
    mean = float((size * found.distortion).sum() / persons)
    chance = float((size * found.expected).sum() / persons) if town.corrected else np.nan
    even = float((size * town.of_everyone()).sum() / persons)
    below, above = (np.nan, np.nan)
    about = dict(town.about)
    if options.draws:
        drawn = drawn_distortions(cells, town, options)
        below, above = np.abs(np.quantile(drawn - drawn.mean(), (0.025, 0.975)))
        about["interval"] = f"{options.draws} draws of persons, 95 %, seed {options.seed}"
    if coarse is not None:
        about["half_the_scales"] = float((size * coarse).sum() / persons)
    same = {"zone": "all", "topic": "segregation", "groups": "|".join(town.names), "persons": persons}
    same |= {"cells": len(town.at), "parameters": parameters(**about)}
    rows: list[dict[str, Any]] = []
    centre = mean if np.isnan(chance) else mean - chance
    values = {"estimate": mean, "expected": even + chance, "corrected": mean - chance}
    values |= {"low": centre - below, "high": centre + above}
    rows.append(same | {"index": "distortion"} | values)
    if town.whole:
        extreme = extreme_of(town)
        rows.append(same | {"index": "distortion_normalised"} | {name: v / extreme for name, v in values.items()})
    there = np.isfinite(found.distance)
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
    town = town_of(cells, groups, total, options)
    city, side = laid_out(cells, town)
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
