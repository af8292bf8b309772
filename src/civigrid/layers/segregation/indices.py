"""Every index that looks at compositions is one declaration here.  Adding one means one entry, and its test.

The same declaration serves cells, kernels and k nearest persons: only the neighbourhood differs.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal, NamedTuple

import numpy as np

from civigrid.errors import SchemaError, unknown_name
from civigrid.kernels import evenness, exposure, gini, ordinal, squares
from civigrid.kernels import random_allocation as chance
from civigrid.kernels.zones import Value
from civigrid.types import Floats

Correction = Literal["squares", "rescaled", "difference", "none"]
Groups = Literal["each", "pairs", "all", "ordered"]


@dataclass(frozen=True)
class Index:
    """One index of segregation.

    Parameters
    ----------
    name : str
        As it stands in result tables.
    title : str
        Plain words.
    groups : {"each", "pairs", "all", "ordered"}
        For each group against everyone else, for each pair, for all groups together, for all in their order.
    value : callable
        `Zones` to `Value`.
    expected : callable or None
        `Chance` to the value under random allocation, shape (zone,); None where chance alone makes nothing.
    correction : {"squares", "rescaled", "difference", "none"}
        How what chance makes is taken out: as `freed` says.
    formula : str
        LaTeX.
    source, where : str
        Key in `civigrid.layers.segregation.sources.SOURCES`; equation or page.
    parameters : mapping of str to float
        Forks of the definition, with their defaults; they stand in every result.
    """

    name: str
    title: str
    groups: Groups
    value: Callable[..., Value]
    expected: Callable[..., Floats] | None
    correction: Correction
    formula: str
    source: str
    where: str = ""
    parameters: Mapping[str, float] = field(default_factory=dict)


_EACH = (
    Index("D", "Dissimilarity", "each", evenness.dissimilarity, chance.expected_dissimilarity, "squares",
          r"\frac12\sum_i\left|\frac{x_i}{X}-\frac{y_i}{Y}\right|", "duncan1955"),
    Index("G", "Gini index", "each", gini.gini, chance.expected_gini, "squares",
          r"\frac{\sum_{ij}t_it_j|p_i-p_j|}{2T^2P(1-P)}", "duncan1955"),
    Index("H", "Information index", "each", evenness.information, chance.expected_information, "rescaled",
          r"1-\sum_i\frac{t_iE_i}{TE}", "theil1971"),
    Index("A", "Atkinson index", "each", evenness.atkinson, chance.expected_atkinson, "rescaled",
          r"1-\frac{P}{1-P}\left|\sum_i\frac{(1-p_i)^{1-b}p_i^bt_i}{PT}\right|^{1/(1-b)}", "james1985",
          parameters={"b": 0.5}),
    Index("hutchens", "Square root index", "each", evenness.hutchens, chance.expected_hutchens, "rescaled",
          r"1-\sum_i\sqrt{\frac{x_i}{X}\frac{y_i}{Y}}", "hutchens2001"),
    Index("gorard", "Gorard's index", "each", evenness.gorard, chance.expected_gorard, "squares",
          r"\frac12\sum_i\left|\frac{x_i}{X}-\frac{t_i}{T}\right|", "gorard2002"),
    Index("minmax", "Min-max index", "each", evenness.minmax, chance.expected_minmax, "squares",
          r"\frac{2D}{1+D}", "osullivan2007"),
    Index("V", "Variance ratio", "each", squares.variance_ratio, chance.expected_variance_ratio, "rescaled",
          r"\sum_i\frac{t_i(p_i-P)^2}{TP(1-P)}", "stearns1986"),
    Index("isolation", "Isolation", "each", exposure.isolation, chance.expected_isolation, "difference",
          r"\sum_i\frac{x_i}{X}\frac{x_i}{t_i}", "massey1988"),
    Index("interaction", "Interaction with everyone else", "each", exposure.interaction, chance.expected_interaction,
          "difference", r"\sum_i\frac{x_i}{X}\frac{y_i}{t_i}", "massey1988"),
    Index("L_g", "Local segregation of the group (nats)", "each", evenness.local_of_group,
          chance.expected_local_of_group, "difference", r"\sum_i\frac{x_i}{X}\ln\frac{p_i}{P}", "mora2011"),
)  # fmt: skip
_ALL = (
    Index("exposure", "Exposure of a group to a group", "pairs", exposure.exposure, chance.expected_exposure,
          "difference", r"\sum_i\frac{a_i}{A}\frac{b_i}{t_i}", "bell1954"),
    Index("D_multi", "Dissimilarity of all groups", "all", evenness.dissimilarity, chance.expected_dissimilarity,
          "squares", r"\sum_{mi}\frac{t_i|\pi_{im}-P_m|}{2TI}", "reardon2002"),
    Index("G_multi", "Gini index of all groups", "all", gini.gini, chance.expected_gini, "squares",
          r"\sum_{mij}\frac{t_it_j|\pi_{im}-\pi_{jm}|}{2T^2I}", "reardon2002"),
    Index("H_multi", "Information index of all groups", "all", evenness.information, chance.expected_information,
          "rescaled", r"1-\sum_i\frac{t_iE_i}{TE}", "reardon2002"),
    Index("M", "Mutual information (nats)", "all", evenness.mutual_information, chance.expected_mutual_information,
          "difference", r"E-\sum_i\frac{t_i}{T}E_i", "mora2011"),
    Index("divergence", "Divergence index (nats)", "all", evenness.divergence, chance.expected_mutual_information,
          "difference", r"\sum_i\frac{t_i}{T}\sum_m\pi_{im}\ln\frac{\pi_{im}}{P_m}", "roberto2015"),
    Index("C", "Squared coefficient of variation", "all", squares.squared_variation,
          chance.expected_squared_variation, "rescaled", r"\sum_{mi}\frac{t_i(\pi_{im}-P_m)^2}{T(G-1)P_m}",
          "reardon2002"),
    Index("R", "Relative diversity", "all", squares.relative_diversity, chance.expected_relative_diversity,
          "rescaled", r"1-\sum_i\frac{t_iI_i}{TI}", "reardon2002"),
    Index("P", "Normalised exposure", "all", squares.normalized_exposure, chance.expected_normalized_exposure,
          "rescaled", r"\sum_{mi}\frac{t_i(\pi_{im}-P_m)^2}{T(1-P_m)}", "james1986"),
    Index("E", "Diversity (entropy, nats)", "all", evenness.entropy, None, "none", r"-\sum_mP_m\ln P_m", "theil1972"),
    Index("simpson", "Chance that two persons differ (Simpson)", "all", squares.simpson, None, "none",
          r"1-\sum_mP_m^2", "simpson1949"),
)  # fmt: skip
_LAMBDA = r"1-\sum_i\frac{t_iv_i}{Tv},\ v=\sum_j "
_ORDERED = (
    Index("ordinal_H", "Ordinal information index", "ordered", ordinal.ordinal_information,
          chance.expected_ordinal_information, "rescaled", _LAMBDA + r"-c_j\log_2c_j-(1-c_j)\log_2(1-c_j)",
          "reardon2009"),
    Index("ordinal_R", "Ordinal variance ratio", "ordered", ordinal.ordinal_variance,
          chance.expected_ordinal_variance, "rescaled", _LAMBDA + r"4c_j(1-c_j)", "reardon2009"),
    Index("ordinal_S", "Ordinal square root index", "ordered", ordinal.ordinal_root, chance.expected_ordinal_root,
          "rescaled", _LAMBDA + r"2\sqrt{c_j(1-c_j)}", "reardon2009"),
    Index("ordinal_D", "Ordinal absolute difference index", "ordered", ordinal.ordinal_absolute,
          chance.expected_ordinal_absolute, "rescaled", _LAMBDA + r"1-|2c_j-1|", "reardon2009"),
    Index("rank_order_H", "Rank-order information index", "ordered", ordinal.rank_order_information,
          chance.expected_rank_order_information, "rescaled", r"2\ln2\int_0^1E(p)H(p)\,dp", "reardon2011",
          "appendix", {"order": 4}),
    Index("rank_order_R", "Rank-order variance ratio", "ordered", ordinal.rank_order_variance,
          chance.expected_rank_order_variance, "rescaled", r"6\int_0^1p(1-p)R(p)\,dp", "reardon2011b",
          parameters={"order": 4}),
    Index("rank_order_S", "Rank-order square root index", "ordered", ordinal.rank_order_root,
          chance.expected_rank_order_root, "rescaled", r"\frac8\pi\int_0^1\sqrt{p(1-p)}S(p)\,dp", "reardon2011b",
          parameters={"order": 4}),
)  # fmt: skip

INDICES: dict[str, Index] = {index.name: index for index in (*_EACH, *_ALL, *_ORDERED)}
"""All indices by name."""
DEFAULT = ("D", "G", "H", "isolation", "interaction", "D_multi", "H_multi", "E")
"""What is computed where nobody says."""
NOMINAL = tuple(index.name for index in (*_EACH, *_ALL))
"""All that need no order of the groups: what ``all`` means."""


def index_named(text: str) -> Index:
    """Give an index by its name, with other parameters where they are written: ``A(b=0.1)``.

    >>> index_named("A(b=0.1)").parameters
    {'b': 0.1}
    """
    found = re.fullmatch(r"\s*(\w+)\s*(?:\((.*)\))?\s*", text)
    name = found[1] if found else text
    if name not in INDICES:
        raise unknown_name("index", name, INDICES)
    index = INDICES[name]
    if not found or not found[2]:
        return index
    given: dict[str, float] = {}
    for part in found[2].split(","):
        key, _, value = (word.strip() for word in part.partition("="))
        if key not in index.parameters:
            known = ", ".join(index.parameters) or "none"
            raise SchemaError(f"index {name!r} has no parameter {key!r}. Its parameters: {known}.")
        try:
            given[key] = int(value) if isinstance(index.parameters[key], int) else float(value)
        except ValueError:
            raise SchemaError(f"{key} = {value!r} in {text!r} is no number.") from None
    if not 0 < given.get("b", 0.5) < 1:
        raise SchemaError(f"b = {given['b']} in {text!r}: Atkinson's b lies between 0 and 1, without them.")
    if given.get("order", 0) < 0:
        raise SchemaError(f"order = {given['order']} in {text!r}: a polynomial's degree is at least 0.")
    return replace(index, name=text.replace(" ", ""), parameters={**index.parameters, **given})


def with_parameters(index: Index) -> tuple[Callable[..., Value], Callable[..., Floats] | None]:
    """Give an index's two functions with its parameters filled in."""
    own = {k: v for k, v in index.parameters.items() if k in inspect.signature(index.value).parameters}
    return partial(index.value, **own), None if index.expected is None else partial(index.expected, **own)


class Chances(NamedTuple):
    """What an index is by chance, without cells (`baseline`), and at complete segregation (`top`), shape (zone,)."""

    expected: Floats
    baseline: Floats
    top: Floats


def freed(index: Index, value: Floats, by: Chances) -> Floats:
    r"""Give values of an index freed of what chance makes; rising with the value, so that intervals go along.

    Parameters
    ----------
    index : Index
        Which index; its `correction` says how.
    value : ndarray, shape (zone,)
        The estimate, or an end of its interval.
    by : Chances
        What chance makes.

    Notes
    -----
    ``rescaled``: (I - E) / (1 - E), 0 for random and 1 for complete segregation (Winship 1977; Carrington and Troske
    1997).  It frees *V* exactly, and indices of squares and entropies well.  ``squares``: the same of squares,
    :math:`\sqrt{(I^2-E^2)/(1-E^2)}`, for indices of distances (*D*, Gini): what people differ by and what chance adds
    combine as a right angle's sides, and rescaling the distance itself takes far too much wherever people are
    segregated (docs/decisions/0015-bias.md).  ``difference``: I - (E - what the index is without cells).
    """
    if index.correction == "none":
        return value
    if index.correction == "difference":
        return value - (by.expected - by.baseline)
    if index.correction == "rescaled":
        return np.asarray((value - by.expected) / np.where(by.expected < 1, 1 - by.expected, np.nan))
    if index.name == "minmax":
        # it is a function of D, and so is what is left of it
        d, e = value / (2 - value), by.expected / (2 - by.expected)
        left = _squares(d, e, by.top)
        return 2 * left / (1 + left)
    return _squares(value, by.expected, by.top)


def _squares(value: Floats, expected: Floats, top: Floats) -> Floats:
    room = top**2 - expected**2
    left = (value * np.abs(value) - expected**2) / np.where(room > 0, room, np.nan)
    return np.asarray(top * np.sign(left) * np.sqrt(np.abs(left)))
