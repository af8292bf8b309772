"""How willingness to travel falls with time: each function is a value with its parameters, minutes in, weights out.

Any callable from minutes to weights serves in their place.  `tabulated` writes one out by whole second, so that a large
matrix costs one look-up per pair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import ClassVar, Literal, Protocol, runtime_checkable

import numpy as np

from civigrid.errors import SchemaError
from civigrid.types import Floats

Decay = Callable[[Floats], Floats]
"""From minutes to weights of at least 0, array to array."""
Closed = Literal["right", "left"]


@runtime_checkable
class Bounded(Protocol):
    """A decay that is 0 beyond a time."""

    @property
    def until_min(self) -> float: ...  # noqa: D102 - minutes


@dataclass(frozen=True)
class Named:
    """A decay that says in words what it is, as it can be read back by `parse_decay`."""

    name: ClassVar[str] = ""

    @property
    def words(self) -> str:
        """Name and parameters, as ``gaussian(sigma_min=10)``."""
        told = ", ".join(f"{f.name}={_told(getattr(self, f.name))}" for f in fields(self) if _is_told(self, f.name))
        return f"{self.name}({told})"

    def _positive(self, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise SchemaError(f"{self.name}: {name} = {value}, must be a number above 0.")


def _told(value: object) -> str:
    if isinstance(value, tuple):
        return "/".join(_told(v) for v in value)
    # the short form where it is exact
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def _is_told(decay: Named, name: str) -> bool:
    value = getattr(decay, name)
    return value is not None and not (name == "closed" and value == "right")


@dataclass(frozen=True)
class Binary(Named):
    """1 up to a time, 0 beyond; closed at the time (Luo and Wang 2003).

    Parameters
    ----------
    threshold_min : float
        Minutes.
    closed : {"right", "left"}
        Whether the threshold itself still counts ("right").

    >>> Binary(30.0)(np.array([30.0, 30.1])).tolist()
    [1.0, 0.0]
    """

    name: ClassVar[str] = "binary"
    threshold_min: float
    closed: Closed = "right"

    def __post_init__(self) -> None:
        _check_closed(self.closed)
        if not (np.isfinite(self.threshold_min) and self.threshold_min >= 0):
            raise SchemaError(f"binary: threshold_min = {self.threshold_min}, must be a number of at least 0.")

    @property
    def until_min(self) -> float:
        """Beyond this it is 0."""
        return self.threshold_min

    def __call__(self, minutes: Floats) -> Floats:
        """Weights of times."""
        near = minutes <= self.threshold_min if self.closed == "right" else minutes < self.threshold_min
        return np.asarray(near, dtype=np.float64)


@dataclass(frozen=True)
class Step(Named):
    """Constant between bounds, 0 beyond the last (Luo and Qi 2009).

    Parameters
    ----------
    bounds_min : tuple of float
        Upper bounds, ascending, minutes.
    weights : tuple of float
        Weight up to each bound.
    closed : {"right", "left"}
        "right": a bound has the weight before it, as in PySAL; "left": the value changes at the bound, as in R
        accessibility.

    >>> Step((10.0, 20.0), (1.0, 0.5))(np.array([10.0, 20.0, 21.0])).tolist()
    [1.0, 0.5, 0.0]
    >>> Step((10.0, 20.0), (1.0, 0.5), closed="left")(np.array([10.0, 20.0, 21.0])).tolist()
    [0.5, 0.0, 0.0]
    """

    name: ClassVar[str] = "step"
    bounds_min: tuple[float, ...]
    weights: tuple[float, ...]
    closed: Closed = "right"

    def __post_init__(self) -> None:
        _check_closed(self.closed)
        if not self.bounds_min or len(self.bounds_min) != len(self.weights):
            raise SchemaError(f"step: {len(self.bounds_min)} bounds and {len(self.weights)} weights: each needs one.")
        if np.any(np.diff((0.0, *self.bounds_min)) <= 0):
            raise SchemaError(f"step: bounds_min = {self.bounds_min}, must ascend from above 0.")
        if not np.all(np.isfinite(self.weights)) or min(self.weights) < 0:
            raise SchemaError(f"step: weights = {self.weights}, must be at least 0.")

    @property
    def until_min(self) -> float:
        """Beyond this it is 0."""
        return self.bounds_min[-1]

    def __call__(self, minutes: Floats) -> Floats:
        """Weights of times."""
        side: Closed = "left" if self.closed == "right" else "right"
        return np.array((*self.weights, 0.0))[np.searchsorted(np.array(self.bounds_min), minutes, side=side)]


@dataclass(frozen=True)
class Linear(Named):
    """Falls evenly to 0 at a time.

    Parameters
    ----------
    threshold_min : float
        Minutes.

    >>> Linear(20.0)(np.array([0.0, 5.0, 40.0])).tolist()
    [1.0, 0.75, 0.0]
    """

    name: ClassVar[str] = "linear"
    threshold_min: float

    def __post_init__(self) -> None:
        self._positive("threshold_min")

    @property
    def until_min(self) -> float:
        """Beyond this it is 0."""
        return self.threshold_min

    def __call__(self, minutes: Floats) -> Floats:
        """Weights of times."""
        return np.maximum(0.0, 1.0 - minutes / self.threshold_min)


@dataclass(frozen=True)
class Exponential(Named):
    r"""Negative exponential, :math:`e^{-\beta t}`, by its rate or by the time at which it is a half (as R5 does).

    Parameters
    ----------
    beta_per_min : float, optional
        Rate, above 0.
    half_life_min : float, optional
        Minutes; one of the two.

    >>> Exponential(half_life_min=10.0)(np.array([0.0, 10.0, 20.0])).tolist()
    [1.0, 0.5, 0.25]
    """

    name: ClassVar[str] = "exponential"
    beta_per_min: float | None = None
    half_life_min: float | None = None

    def __post_init__(self) -> None:
        if (self.beta_per_min is None) == (self.half_life_min is None):
            raise SchemaError("exponential: give beta_per_min or half_life_min, one of the two.")
        self._positive("half_life_min" if self.beta_per_min is None else "beta_per_min")

    def __call__(self, minutes: Floats) -> Floats:
        """Weights of times."""
        if self.half_life_min is not None:
            return np.asarray(np.exp2(-minutes / self.half_life_min))
        return np.asarray(np.exp(-(self.beta_per_min or 0.0) * minutes))


@dataclass(frozen=True)
class Power(Named):
    r"""Inverse power, :math:`(\max(t, t_0)/t_1)^{-\alpha}`, by default at most 1 (as R accessibility does).

    Parameters
    ----------
    alpha : float
        Above 0: it falls.  PySAL's exponent has the other sign: see `pysal_power`.
    scale_min : float
        Where it is 1, minutes.
    least_min : float
        Shorter times count as this, minutes.
    capped : bool
        Whether 1 is the most it can be.

    >>> Power(2.0, scale_min=10.0)(np.array([0.0, 10.0, 20.0])).tolist()
    [1.0, 1.0, 0.25]
    """

    name: ClassVar[str] = "power"
    alpha: float
    scale_min: float = 1.0
    least_min: float = 0.0
    capped: bool = True

    def __post_init__(self) -> None:
        self._positive("alpha", "scale_min")
        if not self.least_min >= 0:
            raise SchemaError(f"power: least_min = {self.least_min}, must be at least 0.")
        if not self.capped and self.least_min == 0:
            raise SchemaError("power: without a cap it is infinite at 0 minutes: give least_min above 0.")

    def __call__(self, minutes: Floats) -> Floats:
        """Weights of times."""
        least = max(self.least_min, self.scale_min) if self.capped else self.least_min
        return np.asarray((np.maximum(minutes, least) / self.scale_min) ** -self.alpha)


def pysal_power(scale: float, alpha: float, min_dist: float) -> Power:
    """PySAL's convention, ``(max(x, min_dist) / scale) ** alpha``: `alpha` is below 0, nothing is capped.

    Parameters
    ----------
    scale, alpha, min_dist : float
        As of ``access.weights.gravity``.

    >>> pysal_power(20.0, -2.0, 1.0)(np.array([0.0, 20.0, 40.0])).round(6).tolist()
    [400.0, 1.0, 0.25]
    """
    if not alpha < 0:
        raise SchemaError(f"pysal_power: alpha = {alpha}, must be below 0: weights fall with time.")
    return Power(alpha=-alpha, scale_min=scale, least_min=min_dist, capped=False)


@dataclass(frozen=True)
class Gaussian(Named):
    r"""Gaussian, :math:`e^{-t^2 / 2\sigma^2}`: 1 at 0, never 0 (PySAL's convention).

    Parameters
    ----------
    sigma_min : float
        Minutes.

    >>> Gaussian(20.0)(np.array([0.0, 20.0])).round(4).tolist()
    [1.0, 0.6065]
    """

    name: ClassVar[str] = "gaussian"
    sigma_min: float

    def __post_init__(self) -> None:
        self._positive("sigma_min")

    def __call__(self, minutes: Floats) -> Floats:
        """Weights of times."""
        return np.asarray(np.exp(-minutes * minutes / (2 * self.sigma_min**2)))


@dataclass(frozen=True)
class TruncatedGaussian(Named):
    r"""Gaussian lowered to 0 at a time, :math:`(e^{-(t/T)^2/2} - e^{-1/2}) / (1 - e^{-1/2})` (Dai 2010).

    Parameters
    ----------
    threshold_min : float
        Minutes.

    >>> TruncatedGaussian(30.0)(np.array([0.0, 30.0, 31.0])).tolist()
    [1.0, 0.0, 0.0]
    """

    name: ClassVar[str] = "truncated_gaussian"
    threshold_min: float

    def __post_init__(self) -> None:
        self._positive("threshold_min")

    @property
    def until_min(self) -> float:
        """Beyond this it is 0."""
        return self.threshold_min

    def __call__(self, minutes: Floats) -> Floats:
        """Weights of times."""
        part, end = minutes / self.threshold_min, np.exp(-0.5)
        return np.where(part < 1, (np.exp(-part * part / 2) - end) / (1 - end), 0.0)


def _check_closed(closed: str) -> None:
    if closed not in ("right", "left"):
        raise SchemaError(f"closed = {closed!r}: must be 'right' (a bound counts) or 'left' (it does not).")


E2SFCA_SLOW = Step((10.0, 20.0, 30.0), (1.0, 0.68, 0.22))
"""Zones of Luo and Qi (2009), slowly falling."""
E2SFCA_FAST = Step((10.0, 20.0, 30.0), (1.0, 0.42, 0.09))
"""Zones of Luo and Qi (2009), quickly falling."""
THREE_STEP = Step((10.0, 20.0, 30.0, 60.0), (0.962, 0.704, 0.377, 0.042))
"""Zones of Wan, Zou and Sternberg (2012)."""


def tabulated(decay: Decay, limit_s: int) -> Floats:
    """Write a decay out by whole second.

    Parameters
    ----------
    decay : callable
        From minutes to weights.
    limit_s : int
        Last second.

    Returns
    -------
    ndarray of float64, shape (limit_s + 1,)
        Weight of each whole second.

    Raises
    ------
    SchemaError
        Weights that are negative, infinite, no numbers, or not as many as the times.

    Examples
    --------
    >>> tabulated(Binary(1.0), 61)[59:].tolist()
    [1.0, 1.0, 0.0]
    """
    minutes = np.arange(limit_s + 1) / 60
    weights = np.asarray(decay(minutes), dtype=np.float64)
    if weights.shape != minutes.shape:
        raise SchemaError(
            f"decay {words_of(decay)} gives shape {weights.shape} for {minutes.shape} times: it must take an array of "
            "minutes and give a weight for each."
        )
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise SchemaError(
            f"decay {words_of(decay)} is {weights[at]} at {at / 60:g} minutes: weights must be numbers of at least 0."
        )
    return weights


def words_of(decay: Decay) -> str:
    """Say which decay it is: its `words`, else the name of the function.

    >>> words_of(Gaussian(10.0))
    'gaussian(sigma_min=10)'
    """
    words = getattr(decay, "words", None)
    return words if isinstance(words, str) else str(getattr(decay, "__name__", type(decay).__name__))
