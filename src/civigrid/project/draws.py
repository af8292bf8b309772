"""Draws of the allocation: where a unit's people may live, many times over, each draw as true as the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import sha256

import numpy as np
import xarray as xr
from scipy import sparse

from civigrid.cells import is_missing, status_of
from civigrid.crosswalk import Crosswalk
from civigrid.engine import Block, Scheduler, map_blocks
from civigrid.engine.reduction import Columns
from civigrid.errors import SchemaError
from civigrid.kernels.dirichlet import draw_counts
from civigrid.project.spread import project_areas
from civigrid.project.whole import unit_keys, whole_counts
from civigrid.source import Source
from civigrid.types import Floats

PAIRS_PER_BLOCK = 50_000
"""Pairs of unit and cell that one task draws for."""


def draw_areas(
    source: Source,
    crosswalk: Crosswalk,
    *,
    concentration: Mapping[str, float] | float,
    n: int = 200,
    seed: int = 0,
    columns: Sequence[str] | None = None,
    scheduler: Scheduler | None = None,
) -> xr.Dataset:
    r"""Project counts many times, each time placing whole persons at random as the weights and the evidence allow.

    The persons of unit *z* go to cells by a Dirichlet-multinomial of weights :math:`w_{zc}` and concentration
    :math:`\alpha`: the mean of a cell is that of `project_areas`, its variance
    :math:`N w (1 - w) (N + \alpha) / (1 + \alpha)`, and every draw keeps the total of the unit.

    Parameters
    ----------
    source : Source
        Its units, in order, are the rows of `crosswalk`; counts are whole.
    crosswalk : Crosswalk
        Weights, of any method.
    concentration : mapping of str to float, or float
        :math:`\alpha` by column, or one for all, as `civigrid.project.holdout` estimates it; infinite: none but
        multinomial scatter.
    n : int
        Draws: 200 to explore, 1000 to report.
    seed : int
        With the unit's id and the column's name it seeds each unit's own generator: no draw depends on which other
        units, columns or blocks are there.
    columns : sequence of str, optional
        Counts to draw; by default all of `source`.
    scheduler : Scheduler, optional
        Where to draw; no result depends on it.

    Returns
    -------
    xarray.Dataset
        A stack along ``draw``: every slice is cells.  Statuses are those of `project_areas`.

    Raises
    ------
    SchemaError
        Counts that are not whole, or a concentration that is not above 0.
    """
    names = [c for c in source.columns if source.columns[c].kind == "extensive"] if columns is None else list(columns)
    mean = project_areas(source, crosswalk, columns=names).cells
    drawn = {}
    for name in names:
        alpha = concentration[name] if isinstance(concentration, Mapping) else concentration
        if not alpha > 0:
            raise SchemaError(f"concentration of {name!r} is {alpha}: it must be above 0, or infinite.")
        gone = is_missing(status_of(mean, name))
        counts = source.table[name].to_numpy(dtype=np.float64)
        values = draw_matrix(counts, crosswalk, name, float(alpha), n=n, seed=seed, scheduler=scheduler)
        values[:, gone] = np.nan
        drawn[name] = values
    stacked = {name: (("draw", "cell"), values, mean[name].attrs) for name, values in drawn.items()}
    return mean.assign(stacked).assign_coords(draw=np.arange(n))


def draw_matrix(
    counts: Floats,
    crosswalk: Crosswalk,
    name: str,
    alpha: float,
    *,
    n: int,
    seed: int = 0,
    scheduler: Scheduler | None = None,
) -> Floats:
    """Counts of one column by draw and cell, shape (draw, cell): what `draw_areas` stacks.

    Parameters
    ----------
    counts : ndarray of float64, shape (unit,)
        Whole persons; NaN counts as nobody.
    crosswalk : Crosswalk
        Weights.
    name : str
        Of the column: part of the seed of every unit.
    alpha : float
        Concentration.
    n, seed, scheduler
        As `draw_areas` takes them.
    """
    counts = whole_counts(crosswalk.unit_id, counts)
    shares = crosswalk.shares()
    unit = np.repeat(np.arange(shares.shape[0]), np.diff(shares.indptr))
    table = {
        "unit": unit,
        "share": shares.data,
        "count": counts[unit],
        "key": unit_keys(crosswalk.unit_id)[unit],
    }
    starts = shares.indptr[:-1][np.diff(shares.indptr) > 0]
    cuts = starts[
        np.unique(np.searchsorted(starts, np.arange(0, len(unit), PAIRS_PER_BLOCK)).clip(max=len(starts) - 1))
    ]
    blocks = [Block(0, int(a), int(b)) for a, b in zip(cuts, np.append(cuts[1:], len(unit)), strict=True)]
    salt = int.from_bytes(sha256(name.encode()).digest()[:4], "big")
    parts = map_blocks(partial(_draw_block, alpha, n, seed, salt), table, blocks, scheduler or Scheduler("serial"))
    pairs = np.concatenate(parts, axis=1) if parts else np.zeros((n, 0))
    where = (np.ones(len(unit)), (np.arange(len(unit)), shares.indices))
    to_cell = sparse.csr_array(where, shape=(len(unit), shares.shape[1]))
    cells: Floats = np.asarray((to_cell.T @ pairs.T).T)
    return cells


def _draw_block(alpha: float, n: int, seed: int, salt: int, table: Columns) -> Floats:
    """Draws of a block of whole units, shape (draw, pair)."""
    unit, share = table["unit"], table["share"]
    out = np.zeros((n, len(unit)), dtype=np.float64)
    starts = np.flatnonzero(np.diff(unit, prepend=-1))
    for a, b in zip(starts, np.append(starts[1:], len(unit)), strict=True):
        inside = share[a:b]
        if not table["count"][a] or not inside.sum():
            continue
        # what lies outside the grid is one more place to be
        weight = np.append(inside, max(1.0 - inside.sum(), 0.0))
        places = np.flatnonzero(weight > 0)
        rng = np.random.default_rng([seed, salt, int(table["key"][a])])
        found = draw_counts(int(table["count"][a]), weight[places] / weight.sum(), alpha, n, rng)
        kept = places < b - a
        out[:, a + places[kept]] = found[:, kept]
    return out
