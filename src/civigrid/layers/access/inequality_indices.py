"""Every index of inequality and poverty is one declaration here.  Adding one means one entry, and its test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from civigrid.errors import SchemaError, unknown_name
from civigrid.kernels import inequality as unequal
from civigrid.kernels import poverty
from civigrid.kernels.inequality import People
from civigrid.types import Floats

Need = Literal["threshold", "by", "bounds", ""]


@dataclass(frozen=True, kw_only=True)
class InequalityOptions:
    """What indices take beside the persons.

    Parameters
    ----------
    bads : bool
        Whether less is better, as with times and costs.
    threshold : float, optional
        Where poverty begins and sufficiency ends, in the units of the variable, above 0.
    epsilon : float
        Aversion to inequality of Atkinson's index and of Kolm-Pollak, above 0.
    kappa : float, optional
        Aversion per unit of Kolm-Pollak; by default `epsilon` times sum z / sum z^2 over everyone analysed.  Give it to
        compare cities or years.
    bounds : tuple of float, optional
        Least and largest value the variable could take, for Erreygers and Wagstaff: by its definition, not as seen.
    unreachable : float, optional
        Value of those who reach nothing (NaN or infinite): a time cap for bads, 0 for goods.  By default they are
        reported apart, and count as poor.
    """

    bads: bool = False
    threshold: float | None = None
    epsilon: float = 1.0
    kappa: float | None = None
    bounds: tuple[float, float] | None = None
    unreachable: float | None = None

    def __post_init__(self) -> None:
        for name in ("threshold", "epsilon", "kappa"):
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and value > 0):
                raise SchemaError(f"{name} is {value}: it must be a number above 0.")
        if self.unreachable is not None and not np.isfinite(self.unreachable):
            raise SchemaError(f"unreachable is {self.unreachable}: give a finite value, or leave it out.")
        if self.bounds is not None and not self.bounds[0] < self.bounds[1]:
            raise SchemaError(f"bounds are {self.bounds}: give the least possible value, then the largest.")

    @property
    def z(self) -> float:
        """The threshold, given."""
        return float("nan") if self.threshold is None else self.threshold

    @property
    def possible(self) -> tuple[float, float]:
        """The bounds, given."""
        return (float("nan"), float("nan")) if self.bounds is None else self.bounds

    @property
    def aversion(self) -> float:
        """Kappa, known."""
        return float("nan") if self.kappa is None else self.kappa


@dataclass(frozen=True)
class Inequality:
    """One index of inequality or poverty.

    Parameters
    ----------
    name, title : str
        As it stands in result tables; plain words.
    value : callable
        `People` and options to its value, shape (draw, zone).
    formula : str
        LaTeX.
    source : str
        Author, year.
    bounds : str
        Least and largest value.
    zeros : str
        What persons who have nothing do to it.
    needs : {"threshold", "by", "bounds", ""}
        What must be given: a threshold, a variable that ranks persons, the bounds of the variable.
    relative : bool
        Whether it takes ratios to the mean, so that values must not be negative.
    per_person : callable or None
        Values and options to what each person adds, for an index that is a mean over persons.
    places : bool
        Whether drawing cells anew says how sure it is: an extreme value never changes by it.
    """

    name: str
    title: str
    value: Callable[[People, InequalityOptions], Floats]
    formula: str
    source: str
    bounds: str
    zeros: str
    needs: Need = ""
    relative: bool = True
    per_person: Callable[[Floats, InequalityOptions], Floats] | None = None
    places: bool = True


def _poverty(power: int, title: str, formula: str) -> Inequality:
    def per_person(values: Floats, o: InequalityOptions) -> Floats:
        return poverty.gaps(values, o.z, power, bads=o.bads)

    return Inequality(
        f"fgt{power}", title, lambda p, o: p.mean_of(per_person(p.values, o)), formula, "Foster, Greer, Thorbecke 1984",
        "0 to 1; for bads a gap may exceed 1", "poor by the whole threshold", "threshold", relative=False,
        per_person=per_person,
    )  # fmt: skip


def _enough(values: Floats, o: InequalityOptions) -> Floats:
    return 1 - poverty.gaps(values, o.z, 0, bads=o.bads)


_WEIGHT = "keep their weight"
_ALL = (
    Inequality("mean", "Mean over persons", lambda p, _: unequal.mean(p), r"\mu=\sum p_iA_i", "", "any", _WEIGHT,
               relative=False, per_person=lambda v, _: v),
    Inequality("gini", "Gini index", lambda p, _: unequal.gini(p), r"1-\sum_k(F_k-F_{k-1})(L_k+L_{k-1})",
               "Gini 1914", "0 to 1", _WEIGHT),
    Inequality("palma", "Palma ratio by the variable itself", lambda p, _: unequal.palma(p),
               r"\bar A_{top 10\%}/\bar A_{bottom 40\%}", "Palma 2011", "at least 1",
               "undefined if the bottom 40 % have nothing"),
    Inequality("theil_t", "Theil's T", lambda p, _: unequal.theil_t(p), r"\sum p_i\frac{A_i}{\mu}\ln\frac{A_i}{\mu}",
               "Theil 1967", "0 to ln(persons)", "add 0, keep their weight"),
    Inequality("theil_l", "Theil's L, mean log deviation", lambda p, _: unequal.theil_l(p),
               r"\sum p_i\ln\frac{\mu}{A_i}", "Theil 1967", "at least 0", "undefined"),
    Inequality("atkinson", "Atkinson's index", lambda p, o: unequal.atkinson(p, o.epsilon),
               r"1-\frac1\mu\left(\sum p_iA_i^{1-\varepsilon}\right)^{1/(1-\varepsilon)}", "Atkinson 1970", "0 to 1",
               "make it 1 if epsilon >= 1"),
    Inequality("kolm_pollak_ede", "Kolm-Pollak equally distributed equivalent",
               lambda p, o: unequal.kolm_pollak(p, o.aversion, bads=o.bads),
               r"\mp\frac1\kappa\ln\sum p_ie^{\mp\kappa A_i}", "Kolm 1976; Logan et al. 2021",
               "worst to mean, in the units of the variable", _WEIGHT, relative=False),
    Inequality("kolm_pollak", "Kolm-Pollak index",
               lambda p, o: unequal.kolm_pollak_index(p, o.aversion, bads=o.bads), r"|\mu-EDE|",
               "Kolm 1976; Logan et al. 2021", "at least 0, in the units of the variable", _WEIGHT, relative=False),
    Inequality("worst", "What the worst off have (maximin)", lambda p, o: poverty.worst(p, bads=o.bads),
               r"\min A_i;\ \max t_i", "Rawls 1971", "any", "are the worst of goods", relative=False, places=False),
    Inequality("palma_by", "Palma ratio by another variable", lambda p, _: unequal.palma(p),
               r"\bar A_{top 10\%\ by\ y}/\bar A_{bottom 40\%\ by\ y}", "Palma 2011", "at least 0",
               "undefined if the bottom 40 % have nothing", "by"),
    Inequality("concentration", "Concentration index", lambda p, _: unequal.concentration(p),
               r"\frac{2\,cov(A,r)}{\mu}", "Kakwani, Wagstaff, van Doorslaer 1997", "-1 to 1", _WEIGHT, "by"),
    Inequality("erreygers", "Erreygers' concentration index", lambda p, o: unequal.erreygers(p, *o.possible),
               r"\frac{4\mu C}{b-a}", "Erreygers 2009", "-1 to 1", _WEIGHT, "bounds", relative=False),
    Inequality("wagstaff", "Wagstaff's concentration index", lambda p, o: unequal.wagstaff(p, *o.possible),
               r"\frac{\mu C(b-a)}{(b-\mu)(\mu-a)}", "Wagstaff 2005", "-1 to 1", _WEIGHT, "bounds", relative=False),
    _poverty(0, "Share of persons who have too little", r"\sum p_i1\{A_i<z\}"),
    _poverty(1, "Mean gap to the threshold", r"\sum p_i1\{A_i<z\}\frac{z-A_i}{z}"),
    _poverty(2, "Mean squared gap to the threshold", r"\sum p_i1\{A_i<z\}\left(\frac{z-A_i}{z}\right)^2"),
    Inequality("sufficiency", "Share of persons who have enough", lambda p, o: p.mean_of(_enough(p.values, o)),
               r"\sum p_i1\{A_i\ge z\}", "Frankfurt 1987", "0 to 1", "have not enough of goods", "threshold",
               relative=False, per_person=_enough),
)  # fmt: skip
INEQUALITY = {index.name: index for index in _ALL}
"""Every index of inequality and poverty, by name."""
COUNT_UNREACHABLE = ("fgt0", "sufficiency")
"""Indices that know what to do with persons who reach nothing, without a value for them."""
BY_RANK = ("palma_by", "concentration", "erreygers", "wagstaff")
"""Indices that rank persons by another variable."""


def inequality_named(name: str) -> Inequality:
    """Give an index by its name.

    >>> inequality_named("gini").bounds
    '0 to 1'
    """
    if name not in INEQUALITY:
        raise unknown_name("index of inequality", name, INEQUALITY)
    return INEQUALITY[name]


def chosen(names: tuple[str, ...], options: InequalityOptions, by: str) -> tuple[Inequality, ...]:
    """Give the indices of some names; without any, all that what is given allows.

    Raises
    ------
    SchemaError
        An index is asked for without what it needs.
    """
    given = {"": True, "threshold": options.threshold is not None, "by": bool(by)}
    given["bounds"] = given["by"] and options.bounds is not None
    if not names:
        return tuple(index for index in _ALL if given[index.needs])
    wanted = tuple(inequality_named(name) for name in names)
    for index in wanted:
        if not given[index.needs]:
            need = {"by": "a variable that ranks persons (by)", "bounds": "by, and bounds of the variable"}
            raise SchemaError(f"{index.name} needs {need.get(index.needs, 'a threshold')}. Give it, or leave it out.")
    return wanted
