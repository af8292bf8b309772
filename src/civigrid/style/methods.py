"""Ways to choose breaks by name: each gives lower bounds of all classes but the first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from civigrid.errors import SchemaError, unknown_name
from civigrid.kernels.breaks import head_tail_breaks, natural_breaks, weighted_quantiles
from civigrid.style.labels import roundest, two_digits
from civigrid.style.words import is_share, percent
from civigrid.types import Column, Floats

MOST_CLASSES = 7
"""More colours than these are not told apart."""
STIGMA = (0.3, 0.5)
"""Shares of a group at which public debate cuts neighbourhoods off: a class may not begin there."""
STEP = 0.01
NEAR: Mapping[int, tuple[float, ...]] = {0: (), 1: (0.6,), 2: (0.6, 0.9), 3: (0.4, 0.7, 0.9)}
"""Shares of the distances from a centre at which each side is cut, by the number of cuts."""
POLICY: Mapping[str, tuple[float, ...]] = {
    "min": (5.0, 10.0, 15.0, 30.0, 45.0),
    "m": (300.0, 500.0, 1000.0, 2000.0),
    "km": (0.3, 0.5, 1.0, 2.0),
    "persons/km2": (50.0, 300.0, 1500.0, 5000.0),
}
"""Thresholds of plans by units: minutes on foot; metres to green and stops; densities of the degree of urbanisation."""


def quantile(values: Floats, weight: Floats | None, n: int) -> tuple[float, ...]:
    """Cut at equal numbers of cells, or of people where `weight` counts them; rounded to two digits.

    >>> quantile(np.arange(1.0, 101.0), None, 4)
    (25.0, 50.0, 75.0)
    """
    if not len(values):
        return ()
    found = {two_digits(float(v)) for v in weighted_quantiles(values, np.arange(1, n) / n, weight) if np.isfinite(v)}
    return tuple(sorted(b for b in found if values.min() < b <= values.max()))


def natural(values: Floats, weight: Floats | None, n: int, avoid: Sequence[float] = ()) -> tuple[float, ...]:
    """Exact natural breaks (Fisher 1958, Jenks 1977), each at the roundest number between two classes.

    >>> natural(np.array([1.0, 2, 10, 11, 50, 52]), None, 3)
    (10.0, 50.0)
    """
    return _between(values, natural_breaks(values, n, weight)[:-1], avoid)


def head_tail(values: Floats, weight: Floats | None, n: int, avoid: Sequence[float] = ()) -> tuple[float, ...]:
    """Head/tail breaks (Jiang 2013), each at the roundest number that leaves the same values above; `n` at most.

    >>> head_tail(np.array([1.0, 1, 1, 1, 1, 1, 1, 4, 8, 30]), None, 5)
    (5.0, 20.0)
    """
    means = head_tail_breaks(values, weight, most=n - 1)
    return _between(values, np.array([values[values <= m].max() for m in means]), avoid)


def _between(values: Floats, ends: Floats, avoid: Sequence[float]) -> tuple[float, ...]:
    return tuple(roundest(float(e), float(values[values > e].min()), avoid) for e in ends)


def deviation(values: Floats, weight: Floats | None, n: int) -> tuple[float, ...]:
    """Cut at whole standard deviations from the mean, of people where `weight` counts them.

    >>> deviation(np.array([0.0, 2.0, 4.0, 6.0]), None, 4)
    (0.764, 3.0, 5.24)
    """
    mean, spread = moments(values, weight)
    if not spread > 0:
        return ()
    steps = np.arange(n - 1) - (n - 2) / 2
    found = {float(f"{mean + s * spread:.3g}") for s in steps}
    return tuple(sorted(b for b in found if values.min() < b <= values.max()))


def moments(values: Floats, weight: Floats | None) -> tuple[float, float]:
    """Mean and standard deviation; NaN where nothing has weight.

    >>> moments(np.array([0.0, 2.0]), np.array([1.0, 3.0]))
    (1.5, 0.866...)
    """
    mass = np.ones(len(values)) if weight is None else np.nan_to_num(weight)
    if not mass.sum() > 0:
        return float("nan"), float("nan")
    mean = float(np.average(values, weights=mass))
    return mean, float(np.sqrt(np.average((values - mean) ** 2, weights=mass)))


def around(values: Floats, weight: Floats | None, n: int, centre: float | None = None) -> tuple[float, ...]:
    """Cut at equal distances on both sides of a centre; without one it is the mean, of people where weighed.

    An odd number of classes has one in the middle, an even one has a break there.

    >>> around(np.array([0.0, 4.0, 5.0, 6.0, 10.0]), None, 4)
    (0.0, 5.0, 10.0)
    """
    if centre is None:
        centre = moments(values, weight)[0]
    if not np.isfinite(centre):
        return ()
    centre = float(f"{centre:.3g}")
    size = np.abs(values - centre)
    beside = weight[size > 0] if weight is not None else None
    size = size[size > 0]
    if not len(size):
        return ()
    near = weighted_quantiles(size, np.array(NEAR[(n - 1) // 2]), beside)
    far = sorted({two_digits(float(v)) for v in near if np.isfinite(v)})
    middle = [centre] if n % 2 == 0 else []
    # centre and distance have few digits: so shall their sum
    return tuple(
        float(f"{b:.12g}") for b in [*(centre - d for d in reversed(far)), *middle, *(centre + d for d in far)]
    )


def policy(about: Column) -> tuple[float, ...]:
    """Thresholds of plans for the units of a variable.

    Raises
    ------
    SchemaError
        None are known for its units.

    Examples
    --------
    >>> policy(Column(units="m"))
    (300.0, 500.0, 1000.0, 2000.0)
    """
    if about.units not in POLICY:
        raise SchemaError(f"no policy thresholds are known for units {about.units!r}, only for {', '.join(POLICY)}.")
    return POLICY[about.units]


def manual(breaks: Sequence[float] | None, about: Column, name: str = "") -> tuple[float, ...]:
    """Check breaks that were given.

    Raises
    ------
    SchemaError
        None, too many, not rising, not finite; or percent where shares run from 0 to 1.

    Examples
    --------
    >>> manual([5, 10, 15], Column(units="min"))
    (5.0, 10.0, 15.0)
    """
    found = tuple(float(b) for b in breaks or ())
    if not found:
        raise SchemaError("manual classes need breaks: breaks=(5, 10, 15).")
    if len(found) >= MOST_CLASSES:
        raise SchemaError(f"{len(found)} breaks make {len(found) + 1} classes, at most {MOST_CLASSES} are told apart.")
    if not all(np.isfinite(found)) or any(np.diff(found) <= 0):
        raise SchemaError(f"breaks must be finite and rise, got {', '.join(f'{b:g}' for b in found)}.")
    if is_share(about, name) and found[-1] > 1:
        raise SchemaError(f"shares run from 0 to 1, got a break of {found[-1]:g}: write 0.15 for 15 %.")
    return found


def is_origin_share(about: Column, name: str) -> bool:
    """Whether values are the share of a group of people, and not of a place or of what it offers.

    >>> is_origin_share(Column(kind="intensive", units="1"), "share_OTH")
    True
    """
    return is_share(about, name) and name != "share_at_one_place" and not about.of_place


def nudged(breaks: tuple[float, ...]) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Move breaks off 30 and 50 %, and say so.

    Returns
    -------
    tuple of float, tuple of str
        Breaks, still rising, and a sentence for each that was moved.

    Examples
    --------
    >>> nudged((0.1, 0.3))[0]
    (0.1, 0.31)
    """
    found, said = list(breaks), []
    for i, b in enumerate(breaks):
        if not any(abs(b - s) < 1e-9 for s in STIGMA):
            continue
        above = found[i + 1] if i + 1 < len(found) else 1.0
        below = found[i - 1] if i else 0.0
        found[i] = b + min(STEP, (above - b) / 2) if above > b else b - min(STEP, (b - below) / 2)
        found[i] = float(f"{found[i]:.6g}")
        said.append(f"No class begins at {percent(b)} of a group: the break was moved to {percent(found[i])}.")
    return tuple(found), tuple(said)


Method = Callable[[Floats, Floats | None, int], tuple[float, ...]]
METHODS: Mapping[str, Method] = {
    "quantile": quantile, "natural": natural, "head-tail": head_tail, "deviation": deviation, "around": around,
}  # fmt: skip
NAMES = ("auto", *METHODS, "manual", "policy")


def breaks_by(
    by: str, values: Floats, weight: Floats | None, n: int, about: Column, name: str, given: Sequence[float] | None
) -> tuple[float, ...]:
    """Choose breaks by the name of a way.

    Parameters
    ----------
    by : str
        One of `NAMES`, but ``"auto"``.
    values, weight : ndarray of float64, shape (cell,)
        Finite values; persons or None.
    n : int
        Classes, 2 to `MOST_CLASSES`.
    about, name : Column, str
        The variable.
    given : sequence of float, optional
        Breaks of ``"manual"``; the one centre of ``"around"``.

    Raises
    ------
    SchemaError, UnknownNameError
        Breaks or numbers that cannot be; a way that is not known.
    """
    if by not in NAMES:
        raise unknown_name("way to choose breaks", by, NAMES)
    if not 2 <= n <= MOST_CLASSES:
        raise SchemaError(f"a map has 2 to {MOST_CLASSES} classes, got n = {n}.")
    if by == "manual":
        return manual(given, about, name)
    if by == "policy":
        return policy(about)
    if not len(values):
        return ()
    if by == "around":
        return around(values, weight, n, given[0] if given else None)
    if by in ("natural", "head-tail"):
        avoid = STIGMA if is_origin_share(about, name) else ()
        return (natural if by == "natural" else head_tail)(values, weight, n, avoid)
    return METHODS[by](values, weight, n)
