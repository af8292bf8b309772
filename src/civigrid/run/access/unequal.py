"""Inequality of measures of access between persons, and which of its rows may leave."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.cells import values_of
from civigrid.errors import SchemaError
from civigrid.layers.access.inequality import inequality_table
from civigrid.layers.access.measures import Measure
from civigrid.release import Profile
from civigrid.release.indices import FIGURES, fewest_members, held_back
from civigrid.result_table import parameters, result_table
from civigrid.run.access.wanted import Wanted
from civigrid.run.segregation.members import members_of


def with_words(table: pd.DataFrame, said: Mapping[str, Any]) -> pd.DataFrame:
    """Table whose parameters say more."""
    texts = {t: parameters(**json.loads(t), **said) for t in table["parameters"].unique()}
    return table.assign(parameters=table["parameters"].map(texts).astype(object))


def spread_of(
    scored: xr.Dataset, chosen: list[Measure], services: tuple[str, ...], demand: tuple[str, ...], wanted: Wanted
) -> tuple[pd.DataFrame, list[str]]:
    """Inequality of each measure that persons have, of each service."""
    tables, said = [], []
    for measure in chosen:
        if measure.adds:
            continue
        for service in services:
            key = "_".join([measure.name, *([] if service == "all" else [service])])
            variable: str | dict[str, str] = key if key in scored else {g: f"{key}_{g}" for g in demand}
            if not any(_has_value(scored, key if key in scored else f"{key}_{g}", g) for g in demand):
                said.append(f"{key}: nobody has a value, so there is no inequality of it")
                continue
            table = inequality_table(
                scored, variable, demand, zones=wanted.zones, indices=wanted.inequality, bootstrap=wanted.bootstrap,
                seed=wanted.seed, bads=measure.better == "lower", threshold=wanted.thresholds.get(measure.name),
            )  # fmt: skip
            tables.append(with_words(table, {"measure": measure.name, "service": service}))
    if all(measure.adds for measure in chosen):
        raise SchemaError("inequality is of what persons have: none of these measures is. Add 2sfca, or nearest.")
    return (pd.concat(tables, ignore_index=True) if tables else result_table([])), said


def _has_value(scored: xr.Dataset, key: str, group: str) -> bool:
    people = np.nan_to_num(values_of(scored, group)) > 0
    return bool((np.isfinite(values_of(scored, key)) & people).any())


def guarded(
    table: pd.DataFrame, public: xr.Dataset, demand: tuple[str, ...], zones: str, profile: Profile
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Take the figures out of rows of inequality of few cells, or few members of a group, as of other indices."""
    counts = np.stack([values_of(public, name) for name in demand], axis=1)
    zone = public[zones].to_numpy() if zones else np.empty(0, dtype=object)
    names, members = members_of(counts, zone)
    why = held_back(table, fewest_members(table, names, demand, members), profile)
    held = why != ""
    changed = table.copy()
    changed.loc[held, [*FIGURES, "persons"]] = np.nan
    texts = [_bare(t) if h else t for t, h in zip(table["parameters"], held, strict=True)]
    reasons = {str(r): int((why == r).sum()) for r in sorted(set(why[held].tolist()))}
    return changed.assign(parameters=np.array(texts, dtype=object)), reasons


def _bare(text: str) -> str:
    """Parameters without figures of people."""
    said = json.loads(text)
    return parameters(
        **{k: v for k, v in said.items() if k not in ("unreachable_persons", "unknown", "kappa", "undefined")}
    )
