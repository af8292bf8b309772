"""Every measure of access of cells is one declaration here.  Adding one means one entry, and its test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from civigrid.errors import unknown_name
from civigrid.layers.access import balanced, catchment, cumulative, nearest
from civigrid.layers.access.capacity import allocation
from civigrid.layers.access.equilibrium import raam
from civigrid.layers.access.found import Access
from civigrid.layers.access.market import Market


@dataclass(frozen=True, kw_only=True)
class AccessOptions:
    """What measures ask for beside the market; each takes what it needs.

    Parameters
    ----------
    k : int
        Of ``nearest``.
    threshold_min : float
        Of ``cumulative``, minutes.
    from_min, upto_min, step_min, summary
        Of ``interval``: first and last threshold, their distance, "median" or "mean".
    theta_per_min : float
        Of ``logsum``.
    wanted : float
        Of ``dual``: capacity.
    alpha : float
        Of ``availability``: power of the demand.
    tau_min, rho, gap : float
        Of ``raam``: minutes that weigh as much as the mean crowding; persons per place at a crowding of 1, by default
        the mean; relative duality gap.
    unmet_min : float, optional
        Of ``unmet``: minutes that being without a place counts as.
    """

    k: int = 1
    threshold_min: float = 30.0
    from_min: float = 15.0
    upto_min: float = 45.0
    step_min: float = 1.0
    summary: Literal["median", "mean"] = "median"
    theta_per_min: float = 0.1
    wanted: float = 1.0
    alpha: float = 1.0
    tau_min: float = 60.0
    rho: float | None = None
    gap: float = 1e-4
    unmet_min: float | None = None


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One measure of access.

    Parameters
    ----------
    name : str
        As it stands in result tables and names of variables.
    title : str
        Plain words.
    better : {"higher", "lower"}
        Which way is good.
    units : str
        Of its values.
    formula : str
        LaTeX.
    source : str
        Key in `civigrid.layers.access.sources.SOURCES`.
    invariants : str
        What always holds, in words; tests hold it to that.
    value : callable
        `Market` and `AccessOptions` to `Access`.
    uses : tuple of str
        Options it takes.
    weighs : bool
        Whether it takes the weights of the market; else its travel times.
    competes : bool
        Whether it rests on counts of people: then cells tell of them.
    adds : bool
        Whether it adds up over cells.
    advice : str
        Warning of those who know it.
    """

    name: str
    title: str
    better: Literal["higher", "lower"]
    units: str
    formula: str
    source: str
    invariants: str
    value: Callable[[Market, AccessOptions], Access]
    uses: tuple[str, ...] = ()
    weighs: bool = False
    competes: bool = False
    adds: bool = False
    advice: str = ""


_CONSERVED = "the mean over persons times persons is the supply of all sites that anyone reaches"
_PAEZ = "A. Paez, author of the balanced variant, advises against it: choose a suitable decay instead"
_TIMES = (
    Measure(
        name="nearest", title="Minutes to the k-th nearest site", better="lower", units="min", formula=r"t_{(k),i}",
        source="cui2020", invariants="never longer when a site is added; never shorter for a larger k", uses=("k",),
        value=lambda town, o: nearest.nearest(town, k=o.k),
    ),
    Measure(
        name="dual", title="Minutes until a capacity is within reach", better="lower", units="min",
        formula=r"\min\{t:\sum_{t_{ij}\le t}S_j\ge n\}", source="cui2020", uses=("wanted",),
        invariants="never longer when a site is added; never shorter for more capacity",
        value=lambda town, o: nearest.dual_access(town, wanted=o.wanted),
    ),
    Measure(
        name="balancing_time", title="Minutes until supply exceeds the cell's own demand", better="lower",
        units="min", formula=r"\min\{T:\sum_{t_{ij}\le T}S_j>P_i\}", source="barboza2021", competes=True,
        invariants="never longer when a site is added", value=lambda town, _: nearest.balancing_time(town),
    ),
    Measure(
        name="cumulative", title="Places within a time", better="higher", units="places",
        formula=r"\sum_jS_j1\{t_{ij}\le T\}", source="hansen1959", uses=("threshold_min",),
        invariants="never falls as the threshold grows, nor when a site is added",
        value=lambda town, o: cumulative.cumulative(town, o.threshold_min),
    ),
    Measure(
        name="interval", title="Places within a time, over an interval of thresholds", better="higher",
        units="places", formula=r"\mathrm{med}_{T\in[T_1,T_2]}\sum_jS_j1\{t_{ij}\le T\}", source="tomasiello2023",
        uses=("from_min", "upto_min", "step_min", "summary"),
        invariants="between the counts at its ends; never falls when a site is added",
        value=lambda town, o: cumulative.interval(
            town, o.from_min, o.upto_min, step_min=o.step_min, summary=o.summary
        ),
    ),
    Measure(
        name="logsum", title="Utility of the choice among all sites, in minutes", better="higher", units="min",
        formula=r"\frac1\theta\ln\sum_jS_je^{-\theta t_{ij}}", source="benakiva1985", uses=("theta_per_min",),
        invariants="never falls when a site is added",
        value=lambda town, o: cumulative.logsum(town, theta_per_min=o.theta_per_min),
    ),
    Measure(
        name="raam", title="Cost of the best site, travel and crowding (RAAM)", better="lower", units="1",
        formula=r"\min_j\left(\frac{t_{ij}}\tau+\frac{D_j}{\rho S_j}\right)", source="saxon2020", competes=True,
        uses=("tau_min", "rho", "gap"),
        invariants="loads are unique and sum to the demand that reaches a site; with rho held never dearer when a site "
        "is added",
        value=lambda town, o: raam(town, tau_min=o.tau_min, rho=o.rho, tolerance=o.gap).access,
    ),
    Measure(
        name="unmet", title="Share of the demand without a place", better="lower", units="1",
        formula=r"u_i/P_i:\ \min\sum t_{ij}d_{ij}+M\sum u_i,\ \sum_id_{ij}\le S_j", source="hitchcock1941",
        competes=True, uses=("unmet_min",),
        invariants="in all never more when a site is added; loads never exceed the supply",
        value=lambda town, o: allocation(town, unmet_min=o.unmet_min),
    ),
)  # fmt: skip
_WEIGHTS = (
    Measure(
        name="gravity", title="Places, weighed by their travel time", better="higher", units="places",
        formula=r"\sum_jS_jf(t_{ij})", source="hansen1959", weighs=True,
        invariants="linear in supply; never falls when a site is added",
        value=lambda town, _: cumulative.gravity(town),
    ),
    Measure(
        name="2sfca", title="Places per person within reach (2SFCA; its decay makes E2SFCA, G2SFCA, KD2SFCA)",
        better="higher", units="places per person",
        formula=r"\sum_jf_{ij}\frac{S_j}{\sum_kP_kf_{kj}}", source="luo2003", weighs=True, competes=True,
        invariants=f"{_CONSERVED}; never falls when a site is added",
        value=lambda town, _: catchment.two_step(town),
    ),
    Measure(
        name="3sfca", title="Places per person, demand split by a selection weight (3SFCA)", better="higher",
        units="places per person", formula=r"\sum_jG_{ij}f_{ij}\frac{S_j}{\sum_kG_{kj}P_kf_{kj}},\ "
        r"G_{ij}=\frac{f_{ij}}{\sum_lf_{il}}", source="wan2012", weighs=True, competes=True, invariants=_CONSERVED,
        value=lambda town, _: catchment.three_step(town), advice=_PAEZ,
    ),
    Measure(
        name="3sfca_huff", title="Places per person, demand split by Huff's model (3SFCA)", better="higher",
        units="places per person", formula=r"\sum_jG_{ij}f_{ij}\frac{S_j}{\sum_kG_{kj}P_kf_{kj}},\ "
        r"G_{ij}=\frac{S_jf_{ij}}{\sum_lS_lf_{il}}", source="luo2014", weighs=True, competes=True,
        invariants=_CONSERVED, value=lambda town, _: catchment.three_step(town, huff=True), advice=_PAEZ,
    ),
    Measure(
        name="m2sfca", title="Places per person, far places partly unused (M2SFCA)", better="higher",
        units="places per person", formula=r"\sum_j\frac{S_jf_{ij}^2}{\sum_kP_kf_{kj}}", source="delamater2013",
        weighs=True, competes=True, invariants="uses at most the supply; with a binary decay it is 2SFCA; never falls "
        "when a site is added", value=lambda town, _: catchment.modified_two_step(town), advice=_PAEZ,
    ),
    Measure(
        name="bfca", title="Level of service, balanced (BFCA)", better="higher", units="places per person",
        formula=r"\sum_jW^j_{ij}\frac{S_j}{\sum_kP_kW^i_{kj}}", source="paez2019", weighs=True, competes=True,
        invariants="demand at sites sums to all who reach one; the sum over cells is that of levels over sites; never "
        "falls when a site is added",
        value=lambda town, _: balanced.balanced(town),
    ),
    Measure(
        name="availability", title="Places that fall to the cell (spatial availability)", better="higher",
        units="places", formula=r"\sum_jS_j\frac{P_i^\alpha f_{ij}}{\sum_kP_k^\alpha f_{kj}}", source="soukhov2023",
        weighs=True, competes=True, adds=True, uses=("alpha",),
        invariants="sums to the supply of all sites that anyone reaches; never falls when a site is added",
        value=lambda town, o: balanced.availability(town, alpha=o.alpha),
    ),
    Measure(
        name="availability_per_person", title="Places that fall to each person (spatial availability)",
        better="higher", units="places per person", formula=r"V_i/P_i", source="soukhov2023", weighs=True,
        competes=True, uses=("alpha",), invariants="with alpha 1 it is 2SFCA; never falls when a site is added",
        value=lambda town, o: balanced.availability_per_person(town, alpha=o.alpha),
    ),
    Measure(
        name="total_constrained", title="Share of all places, by gravity", better="higher", units="places",
        formula=r"\frac{\sum_jS_jf_{ij}}{\sum_k\sum_jS_jf_{kj}}\sum_jS_j", source="wilson1971", weighs=True, adds=True,
        invariants="sums to the supply of all sites within reach",
        value=lambda town, _: balanced.constrained_total(town),
    ),
    Measure(
        name="doubly_constrained", title="Places weighed by travel time and by how little contested they are",
        better="higher", units="places", formula=r"1/a_i,\ V_{ij}=a_ib_jP_iS_jf_{ij}", source="wilson1971",
        weighs=True, competes=True, invariants="flows meet the demand of cells and the supply of sites",
        value=lambda town, _: balanced.constrained_doubly(town).access,
    ),
)  # fmt: skip

MEASURES: dict[str, Measure] = {measure.name: measure for measure in (*_TIMES, *_WEIGHTS)}
"""All measures of cells by name.  Of sites: `civigrid.layers.access.passive` and `patronage`."""
DEFAULT = ("nearest", "cumulative", "2sfca")
"""What is computed where nobody says."""


def measure_named(name: str) -> Measure:
    """Give a measure by its name.

    >>> measure_named("3sfca").advice
    'A. Paez, author of the balanced variant, advises against it: choose a suitable decay instead'
    """
    if name not in MEASURES:
        raise unknown_name("measure of access", name, MEASURES)
    return MEASURES[name]


def measure_access(
    town: Market, measures: Sequence[str] = DEFAULT, options: AccessOptions | None = None
) -> dict[str, Access]:
    """Compute measures by name, each once.

    >>> from civigrid.layers.access.examples import two_cells
    >>> {name: found.of().tolist() for name, found in measure_access(two_cells(), ["nearest", "2sfca"]).items()}
    {'nearest': [10.0, 5.0], '2sfca': [0.1, 0.2]}
    """
    asked = options or AccessOptions()
    every = [measure_named(name) for name in measures]
    return {one.name: one.value(town, asked) for one in every}
