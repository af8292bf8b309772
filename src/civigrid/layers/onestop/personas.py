"""Personas: what a person of some group needs, when they are free, what they speak and how they travel.

The personas here are examples with stated assumptions, not findings: no survey stands behind their numbers.  Change
them (`dataclasses.replace`) to what is known in the city at hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from civigrid.errors import SchemaError, unknown_name
from civigrid.kernels.visits import WEEK
from civigrid.layers.onestop.bundle import Bundle
from civigrid.layers.onestop.opening import parse_opening
from civigrid.types import Bools, Floats


@dataclass(frozen=True, kw_only=True)
class Persona:
    """A kind of person with a bundle of needs.

    Parameters
    ----------
    name, title : str
        Short name, used in names of variables, and words.
    bundle : Bundle
        What the person needs.
    languages : mapping of str to float
        Share of such people by the languages they can be served in, joined by ``+`` (``"ar"``, ``"de+ar"``): each
        person counts once, and the rest to 1 can be served in none without an interpreter.
    free : tuple of (str, float)
        When they are free: opening hours in OpenStreetMap's syntax, and the share that is free then; of several the
        highest counts.
    modes : mapping of str to float
        Share of such people that has each mode of travel.  Together 1.
    groups : tuple of str
        Groups the person belongs to, as the eligibility of services names them.
    assumptions : tuple of str
        What was assumed, in words.

    Raises
    ------
    SchemaError
        Shares lie outside [0, 1] or add up to more than 1, or modes not to 1, or a free time is not understood.
    """

    name: str
    title: str
    bundle: Bundle
    languages: Mapping[str, float]
    free: tuple[tuple[str, float], ...] = (("24/7", 1.0),)
    modes: Mapping[str, float] = field(default_factory=lambda: {"walk": 1.0})
    groups: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shares = [*self.languages.values(), *self.modes.values(), *(share for _, share in self.free)]
        if not all(0 <= share <= 1 for share in shares) or sum(self.languages.values()) > 1 + 1e-9:
            raise SchemaError(
                f"persona {self.name!r}: shares must lie in [0, 1], those of languages add up to 1 at most."
            )
        if abs(sum(self.modes.values()) - 1) > 1e-9:
            raise SchemaError(f"persona {self.name!r}: modes add up to {sum(self.modes.values()):g}, must to 1.")
        for text, _ in self.free:
            if not parse_opening(text).understood:
                raise SchemaError(
                    f"persona {self.name!r}: free time {text!r} is not understood. Write it as Mo-Fr 17:00-22:00."
                )

    def free_week(self) -> Floats:
        """Share that is free in each quarter of an hour of the week, shape (672,)."""
        share = np.zeros(WEEK)
        for text, often in self.free:
            share = np.maximum(share, np.where(parse_opening(text).week, often, 0.0))
        return share

    def is_free(self, at_least: float = 0.5) -> Bools:
        """Quarters of an hour in which at least this share is free, shape (672,)."""
        return self.free_week() >= at_least

    def spoken(self) -> tuple[tuple[frozenset[str], float], ...]:
        """Sets of languages people can be served in, and the share of people; the empty set last, for the rest."""
        sets = [(frozenset(text.split("+")), share) for text, share in self.languages.items()]
        return (*sets, (frozenset(), max(0.0, 1.0 - sum(share for _, share in sets))))

    def of_kinds(self, names: Mapping[str, str]) -> Persona:
        """Give the persona with kinds named as the data name them; kinds that are not mentioned keep theirs.

        >>> PERSONAS["job seeker"].of_kinds({"doctor": "clinic"}).bundle.kinds
        ('advice_office', 'library', 'childcare', 'clinic')
        """
        for kind in names:
            if kind not in self.bundle.kinds:
                raise unknown_name("kind of the persona", kind, self.bundle.kinds)
        return replace(self, bundle=replace(self.bundle, kinds=tuple(names.get(k, k) for k in self.bundle.kinds)))


def _bundle(**needs: tuple[float, float, bool]) -> Bundle:
    visits, minutes, obligatory = zip(*needs.values(), strict=True)
    return Bundle(kinds=tuple(needs), visits=visits, minutes=minutes, obligatory=obligatory, threshold_min=30.0)


_FAMILY = Persona(
    name="new family",
    title="newly arrived family",
    bundle=_bundle(
        advice_office=(8.0, 45.0, True),
        school=(6.0, 30.0, True),
        childcare=(6.0, 15.0, False),
        doctor=(8.0, 30.0, True),
        community_centre=(24.0, 60.0, False),
    ),
    languages={"ar": 0.35, "uk": 0.3, "tr": 0.1, "en": 0.1, "de+en": 0.05},
    free=(("Mo-Fr 09:00-16:00", 1.0), ("Sa-Su 09:00-18:00", 1.0)),
    modes={"walk": 0.3, "transit": 0.6, "drive": 0.1},
    groups=("newcomers", "families"),
    assumptions=(
        "Two adults and two children, in the first year after arrival; one adult is free while school is on.",
        "Visits a year: registration and residence papers 8, school office 6, childcare office 6, doctor 8, "
        "community centre (language, meeting others) 24.",
        "One in ten has a car; six in ten a ticket for public transport.",
        "Nine in ten speak none of German well enough for an office.",
    ),
)
_JOB_SEEKER = Persona(
    name="job seeker",
    title="job seeker",
    bundle=_bundle(
        advice_office=(12.0, 45.0, True),
        library=(24.0, 60.0, False),
        childcare=(4.0, 15.0, False),
        doctor=(3.0, 30.0, False),
    ),
    languages={"de": 0.45, "de+en": 0.2, "ar": 0.1, "tr": 0.1, "en": 0.1},
    free=(("Mo-Fr 08:00-20:00", 0.9), ("Sa-Su 08:00-20:00", 0.7)),
    modes={"walk": 0.25, "transit": 0.5, "drive": 0.25},
    groups=("job seekers",),
    assumptions=(
        "Free on working days but for a tenth who work by the hour.",
        "Visits a year: advice 12 (one a month, duty), library (courses, computers) 24, childcare office 4, doctor 3.",
        "A quarter has a car.",
    ),
)
_MINOR = Persona(
    name="turning 18",
    title="unaccompanied minor turning 18",
    bundle=_bundle(
        advice_office=(15.0, 60.0, True),
        school=(4.0, 30.0, True),
        doctor=(6.0, 45.0, False),
        community_centre=(40.0, 90.0, False),
        sports_centre=(40.0, 90.0, False),
    ),
    languages={"ar": 0.4, "de+ar": 0.2, "fr": 0.1, "en": 0.1, "de": 0.1},
    free=(("Mo-Fr 14:00-21:00", 1.0), ("Sa-Su 10:00-21:00", 1.0)),
    modes={"walk": 0.4, "transit": 0.6},
    groups=("newcomers", "young people"),
    assumptions=(
        "In class until 14:00 on working days; no car, no licence.",
        "Support by the youth office ends at 18: papers, housing and training are to be settled in one year.",
        "Visits a year: advice 15, school office 4, doctor (also counselling) 6, community and sports centre 40 each.",
    ),
)
_OLDER = Persona(
    name="older resident",
    title="long-settled older resident",
    bundle=_bundle(
        advice_office=(2.0, 30.0, True),
        doctor=(12.0, 30.0, True),
        library=(6.0, 45.0, False),
        community_centre=(24.0, 90.0, False),
    ),
    languages={"de": 0.6, "de+tr": 0.15, "tr": 0.2},
    free=(("Mo-Su 08:00-19:00", 1.0),),
    modes={"walk": 0.45, "transit": 0.35, "drive": 0.2},
    groups=("older people",),
    assumptions=(
        "Retired, at home for forty years, and not out after dark in winter: free until 19:00.",
        "Visits a year: pension and care advice 2, doctor 12, library 6, community centre 24.",
        "One in five still drives; one in five is served better in Turkish than in German.",
    ),
)
PERSONAS: Mapping[str, Persona] = MappingProxyType({p.name: p for p in (_FAMILY, _JOB_SEEKER, _MINOR, _OLDER)})
"""Example personas by name; their kinds are those of `civigrid.sample`."""
FREE_TIMES: Mapping[str, tuple[tuple[str, float], ...]] = MappingProxyType(
    {
        "all day": (("24/7", 1.0),),
        "office hours worker": (("Mo-Fr 17:00-22:00; Sa-Su 08:00-22:00", 1.0), ("Mo-Fr 12:00-13:00", 0.5)),
        "shift worker": (("Mo-Fr 06:00-14:00", 0.5), ("Mo-Fr 14:00-22:00", 0.5), ("Sa-Su 08:00-22:00", 0.6)),
    }
)
"""Example profiles of free time: a shift worker is free before or after noon, a week each in turn."""
