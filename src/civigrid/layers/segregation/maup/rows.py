"""Rows of a MAUP audit: what origins, sizes and chance make of an index, and whether ranks hold."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from civigrid.layers.segregation.maup.settings import Rows, Setting
from civigrid.layers.segregation.measured import Measured
from civigrid.types import Floats, Ints

FEWEST_RANKED = 3
"""Fewer zones or groups than this have no order worth comparing."""

FEW_RANKED = 60


class Values(NamedTuple):
    """An index in every setting, shape (setting, zone): as measured, expected, corrected, and its 95 % interval."""

    estimate: Floats
    expected: Floats
    corrected: Floats
    low: Floats
    high: Floats


class Audited(NamedTuple):
    """An index of some groups in every setting: `values`, `persons` and `blocks`, each of shape (setting, zone)."""

    name: str
    groups: str
    values: Values
    persons: Floats
    blocks: Floats


def audited(name: str, groups: str, found: Measured, rows: Rows, shape: tuple[int, int]) -> Audited:
    """Put the values of starts where they belong; NaN where a zone has nobody."""
    persons = np.add.reduceat(rows.counts.sum(axis=1), rows.starts)
    blocks = np.diff(rows.starts, append=len(rows.counts)).astype(np.float64)
    values = [getattr(found, field) for field in Values._fields]
    placed = [_placed(v, rows, shape) for v in (*values, persons, blocks)]
    return Audited(name, groups, Values(*placed[:5]), placed[5], placed[6])


def _placed(values: Floats, rows: Rows, shape: tuple[int, int]) -> Floats:
    found = np.full(shape, np.nan)
    found[rows.at] = values
    return found


def size_rows(found: Audited, settings: Sequence[Setting], zones: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One row for each zone and size: medians over origins, and the zoning envelope."""
    sizes = np.array([s.size for s in settings])
    for number, zone in enumerate(zones):
        for size in np.unique(sizes):
            of_size = np.flatnonzero(sizes == size)
            if not np.isfinite(found.persons[of_size, number]).any():
                continue
            about = {"division": "squares", "size": int(size), "size_m": settings[of_size[0]].size_m}
            at = (of_size, number)
            yield _row(found, zone, at) | {"about": about | _envelope(found, at)}


def division_rows(found: Audited, settings: Sequence[Setting]) -> Iterator[dict[str, Any]]:
    """One row for each other way to divide the whole."""
    for number, setting in enumerate(settings):
        about = {"division": setting.name, "size_m": _known(setting.size_m)}
        yield _row(found, "all", (np.array([number]), 0)) | {"about": about}


def scale_rows(found: Audited, settings: Sequence[Setting], zones: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One row for each zone: the MAUP ratio over all squares, each size weighing alike, and what makes it."""
    sizes = np.array([s.size for s in settings])
    each = np.unique(sizes)
    weight = np.array([1 / (sizes == s).sum() for s in sizes])
    shown = _shown(found.values)
    for number, zone in enumerate(zones):
        values, known = shown[:, number], np.isfinite(shown[:, number])
        if not known.any():
            continue
        low, middle, high = weighted_quantiles(values[known], weight[known], (0.05, 0.5, 0.95))
        medians = np.array([_median(values[sizes == s]) for s in each])
        zoning = np.array([_spread(values[sizes == s]) for s in each])
        width = (found.values.high - found.values.low)[:, number]
        parts = {
            "scale": float(np.nanmax(medians) - np.nanmin(medians)),
            "zoning": float(np.nanmean(zoning)),
            "sampling": float(np.nanmean([_median(width[sizes == s]) for s in each]))
            if np.isfinite(width).any()
            else 0,
        }
        yield {
            "zone": zone,
            "index": f"maup:{found.name}",
            "groups": found.groups,
            "estimate": (high - low) / middle if middle > 0 else np.nan,
            "persons": float(np.nanmax(found.persons[:, number])),
            "cells": int(np.nanmax(found.blocks[:, number])),
            "about": {k: _known(v) for k, v in parts.items()}
            | {"dominates": max(parts, key=parts.__getitem__), "settings": int(known.sum()), "sizes": each.tolist()},
        }


def rank_rows(
    shown: Floats, settings: Sequence[Setting], name: str, groups: str, of: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Kendall's tau-b between the order at the finest cells and that of every other setting; `shown` (setting, item).

    Source: Kendall (1945), Biometrika 33, 239-251.
    """
    held = np.isfinite(shown[0])
    tau = [
        _tau(shown[0, held], row[held])
        for row, setting in zip(shown[1:], settings[1:], strict=True)
        if np.isfinite(row[held]).all()
    ]
    known = np.array([t for t in tau if np.isfinite(t)])
    if held.sum() < FEWEST_RANKED or not len(known):
        return
    about: dict[str, Any] = {"least": float(known.min()), "p5": float(np.quantile(known, 0.05)), "settings": len(known)}
    about |= {"order": [str(of[i]) for i in np.flatnonzero(held)[np.argsort(-shown[0, held], kind="stable")][:10]]}
    yield {"zone": "all", "index": name, "groups": groups, "estimate": float(np.median(known)), "about": about}


def _tau(first: Floats, second: Floats) -> float:
    """Kendall's tau-b of two rankings; a few items are compared pair by pair, without a call's hundred microseconds."""
    if len(first) < FEWEST_RANKED:
        return float("nan")
    if len(first) > FEW_RANKED:
        from scipy.stats import kendalltau  # half a second to import, for this alone

        return float(kendalltau(first, second).statistic)
    one, other = (np.sign(v[:, None] - v) for v in (first, second))
    ties = float(np.sqrt((one * one).sum() * (other * other).sum()))
    return float((one * other).sum()) / ties if ties > 0 else float("nan")


def _row(found: Audited, zone: str, at: tuple[Ints, int]) -> dict[str, Any]:
    numbers = {n: _median(getattr(found.values, n)[at]) for n in Values._fields}
    persons, cells = _median(found.persons[at]), round(_median(found.blocks[at]))
    return {"zone": zone, "index": found.name, "groups": found.groups, **numbers, "persons": persons, "cells": cells}


def _envelope(found: Audited, at: tuple[Ints, int]) -> dict[str, Any]:
    """Envelope of the estimate and of the corrected value over the origins of one size, and what moves it more."""
    values = found.values.estimate[at]
    known = values[np.isfinite(values)]
    if not len(known):
        return {"origins": 0}
    least, p5, middle, p95, most = (float(v) for v in np.quantile(known, (0, 0.05, 0.5, 0.95, 1)))
    better = _shown(found.values)[at]
    better = better[np.isfinite(better)]
    about: dict[str, Any] = {"origins": len(known), "least": least, "p5": p5, "p95": p95, "most": most}
    about["ratio"] = _known((p95 - p5) / middle if middle > 0 else np.nan)
    if len(better):
        about["corrected_p5"], about["corrected_p95"] = (float(v) for v in np.quantile(better, (0.05, 0.95)))
    width = _median((found.values.high - found.values.low)[at])
    about["interval"] = _known(width)
    if len(known) > 1 and np.isfinite(width):
        about["dominates"] = "zoning" if _spread(better) > width else "sampling"
    return about


def _shown(values: Values) -> Floats:
    """What is compared: the corrected value, or the estimate where nothing is corrected."""
    return np.where(np.isfinite(values.corrected), values.corrected, values.estimate)


def shown_of(found: Audited) -> Floats:
    """Give the values that are compared between settings, shape (setting, zone)."""
    return _shown(found.values)


def _median(values: Sequence[float] | Floats) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(np.nanmedian(np.asarray(values)))


def _spread(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(np.subtract(*np.quantile(known, (0.95, 0.05)))) if len(known) else float("nan")


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def weighted_quantiles(values: Floats, weight: Floats, at: Sequence[float]) -> list[float]:
    """Smallest values below which at least these shares of the weight lie.

    >>> weighted_quantiles(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 2.0]), (0.25, 0.5, 1.0))
    [1.0, 2.0, 3.0]
    """
    order = np.argsort(values, kind="stable")
    mass = np.cumsum(weight[order])
    # a share that is met but for rounding is met
    found = np.searchsorted(mass, np.asarray(at) * mass[-1] * (1 - 1e-12))
    return [float(v) for v in values[order][np.minimum(found, len(values) - 1)]]
