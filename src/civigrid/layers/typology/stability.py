"""How stable a class is: the share of draws of the publisher's noise in which a cell keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from scipy.special import ndtri

from civigrid.cells import status_of, with_variables
from civigrid.engine import Scheduler
from civigrid.errors import SchemaError
from civigrid.layers.typology.clusters import BLOCK_CELLS
from civigrid.layers.typology.degurba import Classes, class_status, classify_cells, land_of
from civigrid.layers.typology.rules import EU_2024, DegurbaRules
from civigrid.types import Column, Floats, Ids

_ROUND = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Noise like that of a publisher's disclosure control.

    Parameters
    ----------
    sd : float
        Standard deviation of a published count, persons: about 1 to 1.6 in the 2021 census grids that use a cell key.
    most : float
        Largest change of a count.
    draws : int
        How often the classification is repeated.
    seed : int
        Each cell and draw has a random number of its own, made from this and the cell's id.
    """

    sd: float = 1.5
    most: float = 5.0
    draws: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        if self.sd < 0 or self.most < 0 or self.draws < 1:
            raise SchemaError(f"sd and most must be 0 or more and draws 1 or more, got {self}.")


def uniform(cell_id: Ids, draw: int, seed: int) -> Floats:
    """Random numbers in (0, 1), one per cell and draw, the same whoever else is there.

    Source: the finaliser of SplitMix64 (G. L. Steele, D. Lea and C. H. Flood 2014, OOPSLA, 453-472).

    >>> ids = np.array([7, 8], dtype=np.uint64)
    >>> bool((uniform(ids, 0, 1)[1:] == uniform(ids[1:], 0, 1)).all())
    True
    """
    mixed = cell_id ^ _mix(np.array([seed * 1_000_003 + draw + 1], dtype=np.uint64) * _ROUND)
    return ((_mix(mixed * _ROUND) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def _mix(z: Ids) -> Ids:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def noisy(persons: Floats, cell_id: Ids, noise: Noise, draw: int) -> Floats:
    """Counts with whole-number noise; none below 0, and zero and unknown stay as they are."""
    step = np.rint(noise.sd * ndtri(uniform(cell_id, draw, noise.seed)))
    changed = np.maximum(persons + np.clip(step, -noise.most, noise.most), 0.0)
    return np.where(persons > 0, changed, persons)


def with_stability(
    cells: xr.Dataset,
    variable: str,
    rules: DegurbaRules = EU_2024,
    *,
    noise: Noise | None = None,
    land: str = "",
    built: str = "",
    scheduler: Scheduler | None = None,
    cells_per_block: int = BLOCK_CELLS,
) -> xr.Dataset:
    """Add how often each cell keeps its class under noise.

    Parameters
    ----------
    cells : xarray.Dataset
        Cells of a square grid, as for `with_degurba`.
    variable, rules, land, built, scheduler, cells_per_block
        As for `with_degurba`.
    noise : Noise, optional
        The noise, and how many draws.

    Returns
    -------
    xarray.Dataset
        The same cells with ``degurba_1_stability`` and ``degurba_2_stability``, in [0, 1]: the share of draws in which
        the class is that of the published counts.  Missing where the class is.  ``attrs["degurba_stability"]`` holds
        the noise, how many centres the draws had, and how many cells and residents are certain, JSON.

    Notes
    -----
    Noise is added to the published count, which holds noise already: the share says how near a class is to its
    thresholds, not how likely it is to be true.
    """
    noise = noise or Noise()
    about = land_of(cells, variable, land=land, built=built)
    classify = partial(classify_cells, rules=rules, scheduler=scheduler, cells_per_block=cells_per_block)
    base = classify(about)
    kept = {1: np.zeros(len(about.cell_id)), 2: np.zeros(len(about.cell_id))}
    centres = []
    for draw in range(noise.draws):
        persons = noisy(about.persons, about.cell_id, noise, draw)
        found = classify(replace(about, persons=persons))
        for level in kept:
            kept[level] += _code(found, level) == _code(base, level)
        centres.append(len(np.unique(found.centre[found.centre >= 0])))
    values, column, status = {}, {}, {}
    lost = base.level_1 < 0
    why = class_status(base, status_of(cells, variable), np.isnan(about.persons))
    for level, times in kept.items():
        name = f"degurba_{level}_stability"
        words = f"Share of {noise.draws} noise draws that keep the class, level {level}"
        column[name] = Column(kind="intensive", units="1", long_name=words, source="degurba", weight=variable)
        values[name] = np.where(lost, np.nan, times / noise.draws)
        status[name] = why
    made = with_variables(cells, values, column, status=status)
    facts = _certain(values, np.nan_to_num(about.persons)) | {"noise": asdict(noise)}
    facts |= {"centres_least": min(centres), "centres_most": max(centres)}
    made.attrs["degurba_stability"] = json.dumps(facts, sort_keys=True)
    return made


def _certain(values: Mapping[str, Floats], persons: Floats) -> dict[str, Any]:
    """Shares of cells, and of residents, that no draw moves, and cells that half of the draws or more move."""
    facts: dict[str, Any] = {}
    for name, share in values.items():
        known = np.isfinite(share)
        certain, total = share == 1, max(float(persons[known].sum()), 1.0)
        facts[f"{name}_certain_cells"] = float(certain[known].mean()) if known.any() else None
        facts[f"{name}_certain_residents"] = float(persons[certain].sum()) / total
        with np.errstate(invalid="ignore"):
            facts[f"{name}_wavering_cells"] = int((share <= 0.5).sum())
    return facts


def _code(found: Classes, level: int) -> Floats:
    code: Floats = (found.level_1 if level == 1 else found.level_2).astype(np.float64)
    return code
