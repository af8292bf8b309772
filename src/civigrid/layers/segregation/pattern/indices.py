"""Indices that depend on where cells lie, each one declaration.  Adding one means adding one entry, and its test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Literal

import numpy as np

from civigrid.kernels import boundaries, centralization, clustering, concentration
from civigrid.kernels.boundaries import Borders, Freed
from civigrid.kernels.clustering import Near
from civigrid.kernels.concentration import Ground
from civigrid.kernels.estimate import Estimate
from civigrid.types import Floats

Family = Literal["clustering", "exposure", "concentration", "centralization", "boundary"]


@dataclass(frozen=True, eq=False)
class Seen:
    """What an index of pattern sees of one zone and one group; what was not asked for is None.

    `counts` holds the group and everyone else in inhabited cells, shape (row, 2); `ground` and `distance` have shape
    (row,); `perimeter` names the fork of *D(s)*.
    """

    counts: Floats
    ground: Floats
    around: Near | None
    outwards: Floats | None
    borders: Borders | None
    perimeter: str = "inner"

    @property
    def near(self) -> Near:
        """Who is near whom."""
        assert self.around is not None, "clustering was asked for, so nearness was gathered"
        return self.around

    @property
    def distance(self) -> Floats:
        """Distance to the centre."""
        assert self.outwards is not None, "centralization was asked for, so distances were measured"
        return self.outwards

    @property
    def edges(self) -> Borders:
        """Boundaries."""
        assert self.borders is not None, "boundary indices were asked for, so boundaries were gathered"
        return self.borders

    @property
    def share(self) -> float:
        """Share of the group in the zone."""
        return float(self.counts[:, 0].sum() / self.counts.sum())

    @cached_property
    def met(self) -> Estimate:
        """Distance-decay isolation: two indices are made of it, and it takes a convolution."""
        return clustering.decay_isolation(self.near)

    @cached_property
    def lived_on(self) -> Ground:
        """Ground of the group: cells are sorted by density for it."""
        return concentration.lived_on(self.counts, self.ground)

    @cached_property
    def even(self) -> Near:
        """Who is near whom if the group were spread as everyone is."""
        return clustering.even(self.near)


@dataclass(frozen=True)
class PatternIndex:
    """One index of pattern, of each group against everyone else.

    Parameters
    ----------
    name, title : str
        As in result tables, and in plain words.
    family : str
        Dimension of Massey and Denton (1988), or "boundary".
    formula : str
        As in print, LaTeX.
    source, where : str
        Key in `civigrid.layers.segregation.sources.SOURCES`; how it was taken over.
    correction : {"difference", "by term"}
        What chance makes is taken out as (expected - even), or by `freed`, where terms err in opposite directions.
    parameters : tuple of str
        Forks and settings it depends on.
    value : callable
        What is seen, to index and gradient.
    expected : callable or None
        What is seen, to the value under random allocation; None: simulated with fixed margins.
    even : callable
        What is seen, to the value where the group is the same share of every cell.
    freed : callable, optional
        What is seen, to the value freed of chance term by term.
    weight : callable, optional
        What is seen, to the weights of touching pairs, for what is simulated.
    """

    name: str
    title: str
    family: Family
    formula: str
    source: str
    where: str
    correction: Literal["difference", "by term"]
    parameters: tuple[str, ...]
    value: Callable[[Seen], Estimate]
    expected: Callable[[Seen], float] | None
    even: Callable[[Seen], float]
    freed: Callable[[Seen], Freed] | None = None
    weight: Callable[[Seen], Floats] | None = None


_NEAR = ("proximity", "decay_m", "self_distance", "reach_m")
_GROUND, _CENTRE, _EDGE = ("area",), ("centres",), ("contiguity",)


def _everyone(s: Seen) -> float:
    """Average proximity of any two persons."""
    size = s.near.size
    return float(size @ s.near.near_size) / float(size.sum()) ** 2 if s.share > 0 else np.nan


def _less(s: Seen) -> Estimate:
    return Estimate(1 - s.met.value, -s.met.gradient)


def _mixed(s: Seen, value: float) -> float:
    return value if 0 < s.share < 1 else np.nan


def _ace(s: Seen) -> float:
    return centralization.absolute_centralization(_evenly(s), s.ground, s.distance).value


def _evenly(s: Seen) -> Floats:
    return concentration.evenly(s.counts)


def _less_the_kink(s: Seen) -> Freed:
    value = concentration.relative_concentration(s.lived_on).value
    bias = concentration.kink_of_relative_concentration(s.lived_on)
    return Freed(value - bias, 1.0, abs(bias) > abs(value) / 2)


def _morrill(s: Seen) -> Floats:
    return boundaries.morrill(s.edges)


def _wong_boundary(s: Seen) -> Floats:
    return boundaries.wong_boundary(s.edges)


def _wong_shape(s: Seen) -> Floats:
    return boundaries.wong_shape(s.edges, perimeter=s.perimeter)


def _bounded(weight: Callable[[Seen], Floats], s: Seen) -> Estimate:
    return boundaries.adjusted_dissimilarity(s.counts, s.edges, weight(s))


def _freed(weight: Callable[[Seen], Floats], s: Seen) -> Freed:
    return boundaries.freed_of_chance(s.counts, s.edges, weight(s))


PATTERNS: tuple[PatternIndex, ...] = (
    PatternIndex(
        "ACL", "Absolute clustering", "clustering", r"(U_x - V)/(U_t - V)", "massey1988", "",
        "difference", _NEAR, lambda s: clustering.absolute_clustering(s.near),
        lambda s: clustering.expected_absolute_clustering(s.near),
        lambda s: clustering.absolute_clustering(s.even).value,
    ),
    PatternIndex(
        "RCL", "Relative clustering", "clustering", r"P_{xx}/P_{yy} - 1", "massey1988", "",
        "difference", _NEAR, lambda s: clustering.relative_clustering(s.near),
        lambda s: clustering.expected_relative_clustering(s.near), lambda s: _mixed(s, 0.0),
    ),
    PatternIndex(
        "SP", "Spatial proximity", "clustering", r"(X P_{xx} + Y P_{yy})/(T P_{tt})", "white1983", "",
        "difference", _NEAR, lambda s: clustering.spatial_proximity(s.near),
        lambda s: clustering.expected_spatial_proximity(s.near), lambda s: _mixed(s, 1.0),
    ),
    PatternIndex(
        "Pxx", "Average proximity within the group", "clustering", r"\sum_{ij} x_i c_{ij} x_j/X^2", "white1983", "",
        "difference", _NEAR, lambda s: clustering.proximity_within(s.near),
        lambda s: clustering.expected_proximity_within(s.near), _everyone,
    ),
    PatternIndex(
        "Pxy", "Average proximity to everyone else", "clustering", r"\sum_{ij} x_i c_{ij} y_j/(XY)", "white1983", "",
        "difference", _NEAR, lambda s: clustering.proximity_between(s.near),
        lambda s: clustering.expected_proximity_between(s.near), lambda s: _mixed(s, _everyone(s)),
    ),
    PatternIndex(
        "DPxx", "Distance-decay isolation", "exposure", r"\sum_i (x_i/X)\sum_j K_{ij} x_j/t_j", "morgan1983", "",
        "difference", _NEAR, lambda s: s.met, lambda s: clustering.expected_decay_isolation(s.near),
        lambda s: s.share,
    ),
    PatternIndex(
        "DPxy", "Distance-decay interaction with everyone else", "exposure", r"\sum_i (x_i/X)\sum_j K_{ij} y_j/t_j",
        "morgan1983", "", "difference", _NEAR, _less,
        lambda s: clustering.expected_decay_interaction(s.near), lambda s: 1 - s.share,
    ),
    PatternIndex(
        "Delta", "Delta (concentration on ground)", "concentration", r"\frac12\sum_i |x_i/X - a_i/A|", "hoover1941", "",
        "difference", _GROUND, lambda s: concentration.delta(s.counts, s.ground),
        lambda s: concentration.expected_delta(s.counts, s.ground),
        lambda s: concentration.delta(_evenly(s), s.ground).value,
    ),
    PatternIndex(
        "ACO", "Absolute concentration, by density", "concentration", r"(A_{max} - A_x)/(A_{max} - A_{min})",
        "massey1988", "redefined by density", "difference", _GROUND,
        lambda s: concentration.absolute_concentration(s.lived_on),
        lambda s: concentration.expected_absolute_concentration(s.lived_on),
        lambda s: concentration.expected_absolute_concentration(s.lived_on),
    ),
    PatternIndex(
        "RCO", "Relative concentration, by density", "concentration", r"(PA - A_x)/(PA - A_{min})",
        "massey1988", "redefined by density", "by term", _GROUND,
        lambda s: concentration.relative_concentration(s.lived_on),
        lambda s: concentration.expected_relative_concentration(s.lived_on), lambda s: _mixed(s, 0.0),
        _less_the_kink,
    ),
    PatternIndex(
        "ACE", "Absolute centralization", "centralization", r"\sum_k X_{k-1}A_k - \sum_k X_k A_{k-1}",
        "duncan1955b", "", "difference", _CENTRE + _GROUND,
        lambda s: centralization.absolute_centralization(s.counts, s.ground, s.distance), _ace, _ace,
    ),
    PatternIndex(
        "RCE", "Relative centralization", "centralization", r"\sum_k X_{k-1}Y_k - \sum_k X_k Y_{k-1}",
        "duncan1955b", "", "difference", _CENTRE,
        lambda s: centralization.relative_centralization(s.counts, s.distance),
        lambda s: _mixed(s, 0.0), lambda s: _mixed(s, 0.0),
    ),
    PatternIndex(
        "D_adj", "Dissimilarity adjusted for neighbours", "boundary", r"D - \sum c_{ij}|p_i - p_j|/\sum c_{ij}",
        "morrill1991", "", "by term", _EDGE, partial(_bounded, _morrill), None, lambda s: _mixed(s, 0.0),
        partial(_freed, _morrill), _morrill,
    ),
    PatternIndex(
        "D_w", "Dissimilarity adjusted for boundaries", "boundary", r"D - \sum b_{ij}|p_i - p_j|/\sum b_{ij}",
        "wong1993", "", "by term", _EDGE, partial(_bounded, _wong_boundary), None, lambda s: _mixed(s, 0.0),
        partial(_freed, _wong_boundary), _wong_boundary,
    ),
    PatternIndex(
        "D_s", "Dissimilarity adjusted for boundaries and shapes", "boundary",
        r"D - \sum b_{ij}\frac{r_i + r_j}{2\max r}|p_i - p_j|/\sum b_{ij}", "wong1993", "", "by term",
        (*_EDGE, "perimeter"), partial(_bounded, _wong_shape), None, lambda s: _mixed(s, 0.0),
        partial(_freed, _wong_shape), _wong_shape,
    ),
)  # fmt: skip
"""All indices of pattern, in the order of tables."""


def taken_out(index: PatternIndex, seen: Seen, estimate: float, expected: float) -> Freed:
    """Give the estimate freed of what chance alone makes, the factor its error grows by, and whether chance leads."""
    if index.freed is not None:
        return index.freed(seen)
    even = index.even(seen)
    return Freed(estimate - (expected - even), 1.0, abs(expected - even) > abs(estimate - even) / 2)
