"""Model-based: learn density from what is known of the cells, predict it, and rescale to every unit's total."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
import xarray as xr
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import d2_tweedie_score
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from civigrid.cells import column_of, grid_of, ids_of, values_of
from civigrid.crosswalk import Crosswalk
from civigrid.errors import SchemaError
from civigrid.project.methods.base import Layer, Weigh, lookup
from civigrid.project.methods.dasymetric import reweight
from civigrid.types import Floats

Kind = Literal["poisson", "boosting"]
FEWEST_UNITS = 20
"""Fewer units than this teach no model."""


def by_model(
    cells: xr.Dataset, covariates: Sequence[str], *, kind: Kind = "poisson", folds: int = 5, seed: int = 0
) -> Weigh:
    """Spread counts by a density learned from covariates of the cells.

    Units teach how density depends on the mean of each covariate; the model then predicts the density of every cell,
    which is rescaled to the units' totals.

    Parameters
    ----------
    cells : xarray.Dataset
        Cells of the grid of the crosswalk; a missing count is 0, a missing rate is that of the unit.
    covariates : sequence of str
        Variables of the cells; counts enter as logarithms of their density per km2, rates as they are, in a unit
        averaged by the count that weighs them.
    kind : {"poisson", "boosting"}
        Log-linear Poisson regression, or gradient-boosted trees with a Poisson loss, of scikit-learn.
    folds : int
        Parts of the cross-validation by unit; the share of deviance explained there stands in the method's name.
    seed : int
        Of folds and trees.

    Notes
    -----
    The approach is that of F. R. Stevens et al. (2015), PLoS ONE 10 (2), e0107042, with any model.
    """
    return partial(_weigh, _Taught(cells, tuple(covariates), kind, folds, seed))


@dataclass(frozen=True, eq=False)
class _Taught:
    """What a model may learn from."""

    cells: xr.Dataset
    names: tuple[str, ...]
    kind: Kind
    folds: int
    seed: int

    def covariate(self, name: str, crosswalk: Crosswalk) -> tuple[Floats, Floats]:
        """One covariate by cell of a crosswalk and by unit, on one scale: a unit and a cell alike must look alike."""
        about = column_of(self.cells[name])
        if about.kind == "extensive":
            persons = self._at(name, crosswalk, absent=0.0)
            by_cell = np.nan_to_num(persons) / (crosswalk.cell_measure / 1e6)
            # the logarithm of the mean density, not the mean of logarithms
            return np.log1p(by_cell), np.log1p(crosswalk.back_intensive(by_cell))
        rate = self._at(name, crosswalk, absent=np.nan)
        weight = np.ones(len(rate))
        if about.weight is not None and about.weight in self.cells:
            weight = np.nan_to_num(self._at(about.weight, crosswalk, absent=0.0))
        known = np.isfinite(rate) & (weight > 0)
        base = crosswalk.back_extensive(np.where(known, weight, 0.0))
        part = crosswalk.back_extensive(np.where(known, weight * np.nan_to_num(rate), 0.0))
        overall = float(np.average(rate[known], weights=weight[known])) if known.any() else 0.0
        by_unit = np.divide(part, base, out=np.full_like(base, overall), where=base > 0)
        # where a rate is not known, a cell is like its unit: it neither gains nor loses by it
        return np.where(known, np.nan_to_num(rate), np.nan_to_num(crosswalk.apply_intensive(by_unit))), by_unit

    def _at(self, name: str, crosswalk: Crosswalk, *, absent: float) -> Floats:
        return lookup(ids_of(self.cells), values_of(self.cells, name), crosswalk.cell_id, absent=absent)


def _weigh(taught: _Taught, crosswalk: Crosswalk, counts: Floats) -> Crosswalk:
    grid = grid_of(taught.cells)
    if grid != crosswalk.grid:
        raise SchemaError(f"covariates lie on {grid.id}, the crosswalk on {crosswalk.grid.id}. Use one grid.")
    pairs = [taught.covariate(name, crosswalk) for name in taught.names]
    of_cell, of_unit = (np.stack(side, axis=1) for side in zip(*pairs, strict=True))
    area_km2 = crosswalk.unit_measure / 1e6
    usable = np.isfinite(counts) & (area_km2 > 0) & np.isfinite(of_unit).all(axis=1)
    if usable.sum() < FEWEST_UNITS:
        raise SchemaError(f"{int(usable.sum())} units teach no model, {FEWEST_UNITS} are needed. Use dasymetric().")
    x, density, weight = of_unit[usable], counts[usable] / area_km2[usable], area_km2[usable]
    score = _cross_validated(taught, x, density, weight)
    model = _fitted(taught, x, density, weight)
    amount = np.maximum(model.predict(of_cell), 0.0) * crosswalk.cell_measure / 1e6
    found = reweight(crosswalk, Layer(f"{taught.kind} model", crosswalk.grid, crosswalk.cell_id, amount))
    words = f"{taught.kind} model of {', '.join(taught.names)} (cross-validated deviance explained {score:.2f})"
    return replace(found, method=f"{crosswalk.method}, {words}")


def _fitted(taught: _Taught, x: Floats, density: Floats, weight: Floats) -> Any:
    if taught.kind == "poisson":
        model = make_pipeline(StandardScaler(), PoissonRegressor(alpha=1e-6, max_iter=1_000))
        return model.fit(x, density, poissonregressor__sample_weight=weight)
    trees = HistGradientBoostingRegressor(loss="poisson", max_iter=150, min_samples_leaf=10, random_state=taught.seed)
    return trees.fit(x, density, sample_weight=weight)


def _cross_validated(taught: _Taught, x: Floats, density: Floats, weight: Floats) -> float:
    """Share of the Poisson deviance of held-out units that the model explains."""
    predicted = np.zeros(len(density))
    for learn, test in KFold(taught.folds, shuffle=True, random_state=taught.seed).split(x):
        predicted[test] = _fitted(taught, x[learn], density[learn], weight[learn]).predict(x[test])
    low = max(float(density[density > 0].min(initial=1.0)) * 1e-6, 1e-12)
    return float(d2_tweedie_score(density, np.maximum(predicted, low), sample_weight=weight, power=1))
