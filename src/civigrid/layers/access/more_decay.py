"""Decay functions that are asked for less often, and a cut-off for any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from civigrid.errors import SchemaError
from civigrid.layers.access.decay import Bounded, Decay, Named, words_of
from civigrid.types import Floats


@dataclass(frozen=True)
class Logistic(Named):
    r"""Logistic step, scaled to 1 at 0 (Bauer and Groneberg 2016).

    .. math:: \frac{1 + e^{-\mu\pi/\sigma\sqrt3}}{1 + e^{(t-\mu)\pi/\sigma\sqrt3}}

    Parameters
    ----------
    mu_min : float
        Where it is about a half, minutes.
    sigma_min : float
        How wide the step is, minutes.

    >>> Logistic(15.0, 5.0)(np.array([0.0, 15.0])).round(3).tolist()
    [1.0, 0.502]
    """

    name: ClassVar[str] = "logistic"
    mu_min: float
    sigma_min: float

    def __post_init__(self) -> None:
        self._positive("mu_min", "sigma_min")

    def __call__(self, minutes: Floats) -> Floats:
        """Weights of times."""
        rate = np.pi / (self.sigma_min * np.sqrt(3.0))
        # 1 / (1 + e^x) by its tangent form, which does not overflow
        return np.asarray((1 + np.exp(-self.mu_min * rate)) * 0.5 * (1 - np.tanh((minutes - self.mu_min) * rate / 2)))


@dataclass(frozen=True)
class Gamma(Named):
    r"""Tanner's function, :math:`t^a e^{-bt}`: it may rise before it falls, and is 0 at 0 (Tanner 1961).

    Parameters
    ----------
    a : float
        At least 0.
    b_per_min : float
        Rate, above 0.

    >>> Gamma(1.0, 0.5)(np.array([0.0, 2.0])).round(4).tolist()
    [0.0, 0.7358]
    """

    name: ClassVar[str] = "gamma"
    a: float
    b_per_min: float

    def __post_init__(self) -> None:
        self._positive("b_per_min")
        if not self.a >= 0:
            raise SchemaError(f"gamma: a = {self.a}, must be at least 0.")

    def __call__(self, minutes: Floats) -> Floats:
        """Weights of times."""
        return np.asarray(minutes**self.a * np.exp(-self.b_per_min * minutes))


@dataclass(frozen=True)
class Butterworth(Named):
    r"""Butterworth filter, :math:`1/\sqrt{1 + (t/T)^{2n}}` (Langford, Fry and Higgs 2012).

    Parameters
    ----------
    threshold_min : float
        Where it is :math:`1/\sqrt2`, minutes.
    order : float
        How steeply it falls there.

    >>> Butterworth(20.0, 3.0)(np.array([0.0, 20.0])).round(4).tolist()
    [1.0, 0.7071]
    """

    name: ClassVar[str] = "butterworth"
    threshold_min: float
    order: float

    def __post_init__(self) -> None:
        self._positive("threshold_min", "order")

    def __call__(self, minutes: Floats) -> Floats:
        """Weights of times."""
        with np.errstate(over="ignore"):
            return np.asarray(1 / np.sqrt(1 + (minutes / self.threshold_min) ** (2 * self.order)))


@dataclass(frozen=True)
class Epanechnikov(Named):
    r"""Kernel :math:`1 - (t/T)^2` up to a time, 1 at 0 (the decay of KD2SFCA: Dai and Wang 2011).

    Parameters
    ----------
    threshold_min : float
        Minutes.

    >>> Epanechnikov(20.0)(np.array([0.0, 10.0, 30.0])).tolist()
    [1.0, 0.75, 0.0]
    """

    name: ClassVar[str] = "epanechnikov"
    threshold_min: float

    def __post_init__(self) -> None:
        self._positive("threshold_min")

    @property
    def until_min(self) -> float:
        """Beyond this it is 0."""
        return self.threshold_min

    def __call__(self, minutes: Floats) -> Floats:
        """Weights of times."""
        return np.asarray(np.maximum(0.0, 1 - (minutes / self.threshold_min) ** 2))


@dataclass(frozen=True)
class Within:
    """Any decay up to a time, 0 beyond; closed at the time.

    Parameters
    ----------
    decay : callable
        From minutes to weights.
    within_min : float
        Minutes.

    >>> Within(lambda minutes: minutes + 1.0, 5.0)(np.array([5.0, 6.0])).tolist()
    [6.0, 0.0]
    """

    decay: Decay
    within_min: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.within_min) and self.within_min >= 0):
            raise SchemaError(f"within: {self.within_min} minutes, must be a number of at least 0.")

    @property
    def until_min(self) -> float:
        """Beyond this it is 0."""
        inner = self.decay.until_min if isinstance(self.decay, Bounded) else np.inf
        return float(min(self.within_min, inner))

    @property
    def words(self) -> str:
        """What it is, as it can be read back."""
        told, at = words_of(self.decay), f"within={self.within_min:g}"
        return f"{told[:-1]}, {at})" if told.endswith(")") else f"{told}({at})"

    def __call__(self, minutes: Floats) -> Floats:
        """Weights of times."""
        return np.where(minutes <= self.within_min, self.decay(minutes), 0.0)
