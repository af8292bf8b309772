"""What is asked of measures of access, checked before anything is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from civigrid.errors import SchemaError, unknown_name
from civigrid.layers.access import AccessOptions, parse_decay
from civigrid.layers.access.decay import Decay
from civigrid.layers.access.inequality_indices import INEQUALITY
from civigrid.layers.access.measures import Measure, measure_named


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked of travel times, people and services.

    Parameters
    ----------
    groups : tuple of str
        Counts of persons who compete; empty: the total.
    total : str
        Count of all residents; what groups leave of it competes as ``others``.  Empty: the groups are everyone.
    measures : tuple of str
        Names in `civigrid.layers.access.MEASURES`.
    decay : str
        As `parse_decay` reads it.
    options : mapping
        Fields of `AccessOptions`.
    thresholds : mapping of measure to float
        What is just good enough.
    inequality : tuple of str
        Indices in `civigrid.layers.access.inequality_indices.INEQUALITY`.
    zones : str
        Label by which there are rows too.
    bootstrap, seed : int
        Draws for intervals of inequality, and their seed.
    """

    groups: tuple[str, ...] = ()
    total: str = ""
    measures: tuple[str, ...]
    decay: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    inequality: tuple[str, ...] = ()
    zones: str = ""
    bootstrap: int = 200
    seed: int = 0


def check_wanted(wanted: Wanted) -> tuple[list[Measure], AccessOptions, Decay | None]:
    """Give measures, options and decay of what is asked, or say what is wrong, before anything is read.

    Raises
    ------
    SchemaError, UnknownNameError
        An unknown measure, option or index; weights without a decay; nobody who competes.
    """
    chosen = [measure_named(name) for name in wanted.measures]
    if not chosen:
        raise SchemaError("no measure of access is asked for. Name one: `civigrid access --list` shows them.")
    if not (wanted.groups or wanted.total):
        raise SchemaError("nobody is counted: name groups (--groups A,B), or the total of residents (--total).")
    for name in wanted.thresholds:
        if name not in wanted.measures:
            raise unknown_name("measure with a threshold", name, wanted.measures)
    for name in wanted.inequality:
        if name not in INEQUALITY:
            raise unknown_name("index of inequality", name, INEQUALITY)
    if not wanted.decay and (weighing := [m.name for m in chosen if m.weighs]):
        raise SchemaError(
            f"{', '.join(weighing)}: travel times are weighed, by what? Give a decay, as gaussian(sigma_min=10) or "
            "binary(30)."
        )
    return chosen, options_of(wanted.options), parse_decay(wanted.decay) if wanted.decay else None


def options_of(given: Mapping[str, Any]) -> AccessOptions:
    """Give options of measures from names and values, numbers also as text.

    >>> options_of({"k": "2", "tau_min": 45}).k
    2
    """
    known = {f.name: f for f in fields(AccessOptions)}
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            raise unknown_name("option of measures of access", name, known)
        found[name] = _option(name, value)
    return AccessOptions(**found)


def _option(name: str, value: Any) -> Any:
    if name == "summary":
        if value not in ("median", "mean"):
            raise SchemaError(f"option summary is {value!r}: it must be median or mean.")
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise SchemaError(f"option {name} is {value!r}: it must be a number.") from None
    if not np.isfinite(number) or (name == "k" and (number != round(number) or number < 1)):
        kind = "whole number from 1" if name == "k" else "finite number"
        raise SchemaError(f"option {name} is {value!r}: it must be a {kind}.")
    return int(number) if name == "k" else number
