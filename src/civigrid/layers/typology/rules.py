"""The rules of the degree of urbanisation as one frozen value: every threshold, order and comparison has a name.

Sources: Eurostat, Applying the degree of urbanisation, a methodological manual (2021 edition; online edition of July
2024); Eurostat's glossary, Urban centre; GHSL Data Package 2022 (R2022A) and 2023 (R2023A), JRC.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any, Literal, get_args

from civigrid.errors import SchemaError, unknown_name

Contiguity = Literal["rook", "queen"]
Step = Literal["filter", "smooth", "fill"]
Smoothing = Literal["five-of-eight", "majority"]
Edition = Literal["2021", "2024"]


@dataclass(frozen=True, kw_only=True)
class ClusterRule:
    """Which cells belong to a kind of cluster, and which clusters count.

    Parameters
    ----------
    density_km2 : float
        Residents per km2 of land that a cell must have.
    persons : float
        Residents that a cluster must have.
    contiguity : {"rook", "queen"}
        Whether cells touch by sides only, or by corners too.
    density_above, persons_above : bool
        Whether the threshold itself is too little (``>``); by default it is enough (``>=``).
    built_share : float or None
        Share of built-up land from which a cell belongs whatever its density; None: density alone counts.
    """

    density_km2: float
    persons: float
    contiguity: Contiguity = "rook"
    density_above: bool = False
    persons_above: bool = False
    built_share: float | None = None

    def __post_init__(self) -> None:
        if self.contiguity not in get_args(Contiguity):
            raise unknown_name("contiguity", self.contiguity, get_args(Contiguity))
        if min(self.density_km2, self.persons) < 0:
            raise SchemaError(f"thresholds must be 0 or more, got {self.density_km2} per km2, {self.persons} persons.")


@dataclass(frozen=True, kw_only=True)
class CentreRule(ClusterRule):
    """Urban centres: clusters that are also smoothed and filled.

    Parameters
    ----------
    steps : tuple of {"filter", "smooth", "fill"}
        What is done after labelling, in this order; what is not named is not done.  ``filter`` drops clusters with too
        few residents.
    smoothing : {"five-of-eight", "majority"}
        A cell joins a centre that holds at least five of its eight neighbours; or more than half of those neighbours
        that are populated or land, and then water never joins.  Repeated until nothing joins.
    hole_km2 : float
        Gaps smaller than this are filled.
    hole_contiguity : {"rook", "queen"}
        Whether a gap ends where cells touch by a corner (rook), or leads on there (queen).
    absent : {"land", "water"}
        What cells that are not in the table are taken for by the majority: tables hold inhabited cells only.
    """

    steps: tuple[Step, ...] = ("fill", "smooth", "filter")
    smoothing: Smoothing = "five-of-eight"
    hole_km2: float = 15.0
    hole_contiguity: Contiguity = "rook"
    absent: Literal["land", "water"] = "land"

    def __post_init__(self) -> None:
        super().__post_init__()
        if unknown := set(self.steps) - set(get_args(Step)):
            raise unknown_name("step", sorted(unknown)[0], get_args(Step))
        if len(set(self.steps)) != len(self.steps):
            raise SchemaError(f"a step stands twice in {', '.join(self.steps)}. Name each once, in its order.")
        for value, known in ((self.smoothing, Smoothing), (self.hole_contiguity, Contiguity)):
            if value not in get_args(known):
                raise unknown_name("rule", value, get_args(known))
        if self.absent not in ("land", "water"):
            raise unknown_name("kind of absent cells", self.absent, ("land", "water"))


@dataclass(frozen=True, kw_only=True)
class UnitRule:
    """How units (municipalities) are classified by shares of their residents.

    Parameters
    ----------
    edition : {"2021", "2024"}
        Level 2 by the largest share, or by shares of half (July 2024).
    share : float
        The half of both editions.
    """

    edition: Edition = "2024"
    share: float = 0.5

    def __post_init__(self) -> None:
        if self.edition not in get_args(Edition):
            raise unknown_name("edition", self.edition, get_args(Edition))
        if not 0 < self.share < 1:
            raise SchemaError(f"share must lie between 0 and 1, got {self.share}.")


@dataclass(frozen=True, kw_only=True)
class DegurbaRules:
    """All rules of one edition.

    Parameters
    ----------
    name : str
        As presets are named.
    centre, urban, dense, semi_dense, rural : CentreRule or ClusterRule
        Urban centres (30), urban clusters (level 1), dense (23), semi-dense (22) and rural (13) clusters.
    buffer_km : float
        A semi-dense cluster of which a cell lies within this distance of a cell of 30 or 23 is none; counted in whole
        cells in the eight directions.
    semi_dense_in_urban : bool
        Whether semi-dense clusters must lie in urban clusters: then level 2 never contradicts level 1.
    low_density_km2 : float
        Residents per km2 of land from which a remaining rural cell is low density (12), not very low (11).
    land_floor : float
        Smallest share of land a density is divided by, in (0, 1].
    land_zero : {"whole", "floor"}
        What an inhabited cell without any land is taken for: share and count contradict each other, so that the whole
        cell counts; or the floor.
    water_land_share : float
        A rural cell with less land, no resident and nothing built is water.
    units : UnitRule
        How units are classified.
    """

    name: str = "custom"
    centre: CentreRule = field(default_factory=lambda: CentreRule(density_km2=1500, persons=50_000))
    urban: ClusterRule = ClusterRule(density_km2=300, persons=5_000, contiguity="queen")
    dense: ClusterRule = ClusterRule(density_km2=1500, persons=5_000)
    semi_dense: ClusterRule = ClusterRule(density_km2=900, persons=2_500)
    rural: ClusterRule = ClusterRule(density_km2=300, persons=500, contiguity="queen")
    buffer_km: float = 2.0
    semi_dense_in_urban: bool = False
    low_density_km2: float = 50.0
    land_floor: float = 0.1
    land_zero: Literal["whole", "floor"] = "whole"
    water_land_share: float = 0.5
    units: UnitRule = UnitRule()

    def __post_init__(self) -> None:
        if not 0 < self.land_floor <= 1:
            raise SchemaError(f"land_floor must lie in (0, 1], got {self.land_floor}: a density needs some land.")
        if self.land_zero not in ("whole", "floor"):
            raise unknown_name("reading of no land", self.land_zero, ("whole", "floor"))
        if self.buffer_km < 0:
            raise SchemaError(f"buffer_km must be 0 or more, got {self.buffer_km}.")

    def to_dict(self) -> dict[str, Any]:
        """Every parameter, JSON-ready, as outputs carry it."""
        return asdict(self)

    def with_built(self, share: float | None) -> DegurbaRules:
        """Give the rules with the built-up option of centres and dense clusters on (a share) or off (None)."""
        return replace(
            self, centre=replace(self.centre, built_share=share), dense=replace(self.dense, built_share=share)
        )

    def changed(self, key: str, value: str) -> DegurbaRules:
        """Give the rules with one parameter changed, both written as on a command line.

        >>> EU_2024.changed("semi_dense.persons", "3000").semi_dense.persons
        3000.0
        >>> EU_2024.changed("centre.steps", "filter,fill").centre.steps
        ('filter', 'fill')
        """
        part, _, name = key.rpartition(".")
        owner = getattr(self, part, None) if part else self
        if not is_dataclass(owner) or isinstance(owner, type) or not hasattr(owner, name):
            known = [f.name for f in fields(self if not is_dataclass(owner) or isinstance(owner, type) else owner)]
            raise unknown_name("parameter of the rules", key, [f"{part}.{n}" if part else n for n in known])
        changed: Any = replace(owner, **{name: _read_like(getattr(owner, name), key, value)})
        whole: DegurbaRules = replace(self, **{part: changed}) if part else changed
        return replace(whole, name=self.name.removesuffix(_CHANGED) + _CHANGED)


_CHANGED = " (changed)"


def _read_like(old: Any, key: str, value: str) -> Any:
    """Read a text as a value of the kind that stands there."""
    try:
        if isinstance(old, tuple):
            return tuple(filter(None, value.split(",")))
        if isinstance(old, bool):
            return {"true": True, "false": False}[value.lower()]
        if old is None or isinstance(old, int | float):
            return None if value.lower() == "none" else float(value)
    except (KeyError, ValueError) as error:
        raise SchemaError(f"{key} is {old!r}; {value!r} cannot be read as such a value.") from error
    return value


_WIDE = ClusterRule(density_km2=300, persons=5_000, contiguity="queen")
_OF_GHSL: tuple[Step, ...] = ("filter", "smooth", "fill")

EU_2011 = DegurbaRules(
    name="eu-2011",
    # the glossary of 2011 asks for more than the thresholds, in both
    centre=CentreRule(density_km2=1500, persons=50_000, density_above=True, persons_above=True),
    semi_dense=_WIDE,
    units=UnitRule(edition="2021"),
)
"""Eurostat's rules for level 1 (glossary: fill, smooth, then more than 50,000), and level 2 of the manual of 2021."""

GHSL_R2022A = DegurbaRules(
    name="ghsl-r2022a",
    centre=CentreRule(density_km2=1500, persons=50_000, steps=_OF_GHSL),
    semi_dense=_WIDE,
    buffer_km=3.0,
    units=UnitRule(edition="2021"),
).with_built(0.5)
"""GHSL Data Package 2022: clusters are filtered first; land half built-up may join centres."""

GHSL_R2023A = replace(
    GHSL_R2022A,
    name="ghsl-r2023a",
    centre=CentreRule(density_km2=1500, persons=50_000, steps=_OF_GHSL, smoothing="majority"),
).with_built(0.2)
"""GHSL Data Package 2023: majority among land; 0.20 is the built-up share of clusters in 2020 (`optimal_built`)."""

EU_2024 = DegurbaRules(name="eu-2024")
"""Rules of July 2024: semi-dense clusters from 900 per km2 and 2,500 residents, sides only; units by halves."""

PRESETS: dict[str, DegurbaRules] = {r.name: r for r in (EU_2011, GHSL_R2022A, GHSL_R2023A, EU_2024)}
"""Rules by name."""


def rules_named(name: str) -> DegurbaRules:
    """Give a preset.

    >>> rules_named("eu-2024").semi_dense.density_km2
    900
    """
    if name not in PRESETS:
        raise unknown_name("rules", name, PRESETS)
    return PRESETS[name]
