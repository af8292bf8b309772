"""Whether a correlation with a group's share keeps its sign when cells are cut otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr

from civigrid.cells import column_of, values_of
from civigrid.errors import SchemaError
from civigrid.kernels.origins import sums
from civigrid.layers.segregation.maup.settings import MaupOptions, People, Setting, cuts
from civigrid.types import Floats


def correlation_rows(
    cells: xr.Dataset,
    people: People,
    names: Sequence[str],
    settings: Sequence[Setting],
    options: MaupOptions,
    covariate: str,
) -> Iterator[dict[str, Any]]:
    """Give, for each group and size, the correlation of its share with a covariate, over origins.

    Blocks take the covariate's mean, weighted by residents; a count is taken by resident.  Correlations weigh blocks by
    their people (Pearson 1895).  That they grow with the size of areas, and may change their sign, is what Gehlke and
    Biehl (1934, J. Am. Stat. Assoc. 29, 169-170) and Robinson (1950, Am. Sociol. Rev. 15, 351-357) found.
    """
    size = people.counts.sum(axis=1)
    given = values_of(cells, covariate)[people.kept]
    # a count adds up as it is, a rate as so much for each resident
    mass = given if column_of(cells[covariate]).kind == "extensive" else given * size
    known = np.isfinite(mass)
    if not known.any():
        raise SchemaError(f"the covariate {covariate!r} is known for no cell with residents.")
    columns = np.where(known[:, None], np.concatenate([people.counts, size[:, None], mass[:, None]], axis=1), 0.0)
    found = np.array([_correlations(sums(cut, columns)) for cut in cuts(people, settings)])
    sizes = np.array([s.size for s in settings])
    for k, group in enumerate(names):
        if group == "rest" or not np.isfinite(found[0, k]):
            continue
        for of_size in options.sizes:
            at = np.flatnonzero(sizes == of_size)
            values = found[at, k]
            values = values[np.isfinite(values)]
            if not len(values):
                continue
            least, p5, middle, p95, most = (float(v) for v in np.quantile(values, (0, 0.05, 0.5, 0.95, 1)))
            about = {
                "division": "squares", "size": int(of_size), "size_m": settings[at[0]].size_m, "origins": len(values),
                "least": least, "p5": p5, "p95": p95, "most": most,
                "sign_changes": float((np.sign(values) != np.sign(found[0, k])).mean()),
            }  # fmt: skip
            yield {
                "zone": "all",
                "index": f"correlation:{covariate}",
                "groups": group,
                "estimate": middle,
                "persons": float(size[known].sum()),
                "cells": int(known.sum()),
                "about": about,
            }


def _correlations(blocks: Floats) -> Floats:
    """Correlation of each group's share with the covariate's mean, blocks weighted by residents, shape (group,)."""
    held = blocks[blocks[:, -2] > 0]
    size = held[:, -2]
    values = held / size[:, None]
    values = values - (size @ values) / size.sum()
    share, mean = values[:, :-2], values[:, -1]
    joint, spread = (size * mean) @ share, np.sqrt((size @ share**2) * (size @ mean**2))
    # what is alike everywhere has no correlation; rounding is no difference
    enough = spread > 1e-12 * size.sum()
    return np.asarray(np.divide(joint, spread, out=np.full(len(joint), np.nan), where=enough))
