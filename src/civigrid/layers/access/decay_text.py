"""Decay functions from text, as a run file or the shell has them: ``gaussian(sigma=10)``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any

from civigrid.errors import SchemaError, unknown_name
from civigrid.layers.access import decay
from civigrid.layers.access.decay import Decay, pysal_power
from civigrid.layers.access.more_decay import Butterworth, Epanechnikov, Gamma, Logistic, Within

PARAMETRIC: tuple[type[decay.Named], ...] = (
    decay.Binary, decay.Step, decay.Linear, decay.Exponential, decay.Power, decay.Gaussian, decay.TruncatedGaussian,
    Logistic, Gamma, Butterworth, Epanechnikov,
)  # fmt: skip
DECAYS: dict[str, Callable[..., Any]] = {**{c.name: c for c in PARAMETRIC}, "pysal_power": pysal_power}
"""Decay functions with parameters, by name."""
CLASSIC: dict[str, Decay] = {
    "e2sfca_slow": decay.E2SFCA_SLOW,
    "e2sfca_fast": decay.E2SFCA_FAST,
    "3sfca": decay.THREE_STEP,
}
"""Decay functions without parameters, by name."""
_CALL = re.compile(r"\s*([A-Za-z0-9_]+)\s*(?:\((.*)\))?\s*", re.DOTALL)
_UNITS = ("", "_min", "_per_min")


def parse_decay(text: str) -> Decay:
    """Read a decay function.

    Parameters
    ----------
    text : str
        Name and parameters: ``binary(30)``, ``gaussian(sigma=10)``, ``exponential(half_life=10)``,
        ``step(10/20/30, 1/0.68/0.22)``, ``power(alpha=2, scale=10)``, ``e2sfca_slow``; any with ``within=45``.  Times
        are minutes; a parameter may leave out ``_min`` and ``_per_min``.

    Returns
    -------
    callable
        From minutes to weights; its `words` read back to the same.

    Raises
    ------
    SchemaError, UnknownNameError
        What the text lacks, or has too much, with what is known.

    Examples
    --------
    >>> parse_decay("gaussian(sigma=10, within=30)").words
    'gaussian(sigma_min=10, within=30)'
    >>> parse_decay("step(10/20, 1/0.5)").bounds_min
    (10.0, 20.0)
    """
    match = _CALL.fullmatch(text)
    if match is None:
        raise SchemaError(f"decay {text!r} cannot be read: write it as name(parameter=value), as gaussian(sigma=10).")
    name, inside = match[1].lower(), (match[2] or "").strip()
    if name not in DECAYS and name not in CLASSIC:
        raise unknown_name("decay", name, [*DECAYS, *CLASSIC])
    placed, named = _arguments(name, inside)
    within = named.pop("within", None)
    if name in CLASSIC:
        if placed or named:
            raise SchemaError(f"decay {name!r} has no parameters but within. For others write step(...).")
        made = CLASSIC[name]
    else:
        made = _made(name, placed, named)
    return made if within is None else Within(made, _number(name, "within", within))


def _arguments(name: str, inside: str) -> tuple[list[str], dict[str, str]]:
    placed: list[str] = []
    named: dict[str, str] = {}
    for part in inside.split(",") if inside else ():
        key, equals, value = (v.strip() for v in part.partition("="))
        if not equals:
            if named:
                raise SchemaError(f"decay {name!r}: {part.strip()!r} stands without a name behind named parameters.")
            placed.append(key)
        elif key in named:
            raise SchemaError(f"decay {name!r}: {key} is given twice.")
        else:
            named[key] = value
    return placed, named


def _made(name: str, placed: list[str], named: dict[str, str]) -> Decay:
    needed, optional = _parameters(name)
    known = [*needed, *optional]
    if len(placed) > len(known):
        raise SchemaError(f"decay {name!r} takes {len(known)} parameters ({', '.join(known)}), got {len(placed)}.")
    given = dict(zip(known, placed, strict=False))
    for key, value in named.items():
        full = next((key + unit for unit in _UNITS if key + unit in known), None)
        if full is None:
            raise unknown_name(f"parameter of {name}", key, [*known, "within"])
        if full in given:
            raise SchemaError(f"decay {name!r}: {full} is given twice.")
        given[full] = value
    if lacking := [n for n in needed if n not in given]:
        raise SchemaError(f"decay {name!r} lacks {', '.join(lacking)}: write {name}({lacking[0]}=...).")
    made: Decay = DECAYS[name](**{key: _value(name, key, value) for key, value in given.items()})
    return made


def _parameters(name: str) -> tuple[list[str], list[str]]:
    if name == "pysal_power":
        return ["scale", "alpha", "min_dist"], []
    every = fields(DECAYS[name])  # type: ignore[arg-type]
    return [f.name for f in every if f.default is MISSING], [f.name for f in every if f.default is not MISSING]


def _value(name: str, key: str, text: str) -> Any:
    if key == "closed":
        return text.strip("'\"")
    if key == "capped":
        if text.lower() not in ("true", "false"):
            raise SchemaError(f"decay {name!r}: capped = {text!r}, must be true or false.")
        return text.lower() == "true"
    if key in ("bounds_min", "weights"):
        return tuple(_number(name, key, part) for part in text.split("/"))
    return _number(name, key, text)


def _number(name: str, key: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SchemaError(f"decay {name!r}: {key} = {text!r} is no number (times are minutes, without unit).") from None
