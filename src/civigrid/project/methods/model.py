"""Model-based: learn density from what is known of the cells, predict it, and rescale to every unit's total."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
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

from civigrid.cells import grid_of, ids_of, values_of
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
        Cells of the grid of the crosswalk; a missing covariate counts as 0.
    covariates : sequence of str
        Variables known in every cell; counts enter as densities per km2.
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
    grid, ids = grid_of(cells), ids_of(cells)
    table = np.stack([np.nan_to_num(values_of(cells, c)) for c in covariates], axis=1)
    for k, name in enumerate(covariates):
        if cells[name].attrs["kind"] == "extensive":
            table[:, k] = np.log1p(table[:, k] / grid.area_km2(ids))
    return partial(_weigh, _Taught(cells, table, kind, folds, seed, tuple(covariates)))


class _Taught:
    """What a model may learn from."""

    def __init__(
        self, cells: xr.Dataset, table: Floats, kind: Kind, folds: int, seed: int, names: tuple[str, ...]
    ) -> None:
        self.grid, self.ids, self.table = grid_of(cells), ids_of(cells), table
        self.kind, self.folds, self.seed, self.names = kind, folds, seed, names


def _weigh(taught: _Taught, crosswalk: Crosswalk, counts: Floats) -> Crosswalk:
    if taught.grid != crosswalk.grid:
        raise SchemaError(f"covariates lie on {taught.grid.id}, the crosswalk on {crosswalk.grid.id}. Use one grid.")
    columns = taught.table.shape[1]
    of_cell = np.stack(
        [lookup(taught.ids, taught.table[:, k], crosswalk.cell_id, absent=0.0) for k in range(columns)], axis=1
    )
    of_unit = np.stack([crosswalk.back_intensive(of_cell[:, k]) for k in range(columns)], axis=1)
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
