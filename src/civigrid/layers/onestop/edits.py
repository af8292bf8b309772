"""What-if edits of services: close, open, move a site, other hours, a language more, a service more or less.

Edits are a set: they are applied in an order of their own, so that the order they are written in means nothing, and
edits that contradict each other are refused.  To undo an edit, leave it out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from civigrid.errors import SchemaError
from civigrid.layers.onestop.opening import parse_opening
from civigrid.layers.onestop.services import Services, services_at
from civigrid.types import Bools

Find = Callable[[str], int]
"""Column of a site by its id; an error for an unknown one."""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What one edit does to the services of one site.

    Parameters
    ----------
    site : str
        Id of the site.
    """

    site: str

    def on(self, services: Services, j: int) -> Services:
        """Apply it to site `j`; what changes no services gives them back."""
        del j
        return services

    @property
    def about(self) -> tuple[str, ...]:
        """What of the site it settles: two edits that settle the same differently contradict each other."""
        return (type(self).__name__.lower(),)

    def here(self, services: Services, j: int, kind: str = "") -> Bools:
        """Which services stand at the site (of one kind); an error where none does."""
        found: Bools = np.asarray((services.site == j) & ((services.kind == kind) | (kind == "")))
        if not found.any():
            what = f"service of kind {kind!r}" if kind else "service"
            raise SchemaError(f"site {self.site!r} has no {what}: {self} changes nothing. Name another site.")
        return found

    def _text(self, rest: str = "") -> str:
        name = f'"{self.site}"' if ":" in self.site else self.site
        return f"{type(self).__name__.lower()}={name}" + (f":{rest}" if rest else "")


@dataclass(frozen=True, kw_only=True)
class Move(Edit):
    """The site is somewhere else, `longitude` and `latitude` in degrees; whoever asks gives the new travel times."""

    longitude: float
    latitude: float

    def __str__(self) -> str:
        return self._text(f"{self.longitude!r},{self.latitude!r}")


@dataclass(frozen=True, kw_only=True)
class Open(Edit):
    """A site without services gets some: all `kinds` of the bundle where none are named, open at `hours`."""

    kinds: tuple[str, ...] = ()
    hours: str = ""

    def on(self, services: Services, j: int) -> Services:
        """Add the services; they are run by whoever bears the id of the site."""
        if (services.site == j).any():
            raise SchemaError(f"site {self.site!r} is open already: add services to it, as in add={self.site}:KIND.")
        return with_services(services, j, self.kinds, operator=self.site, hours=self.hours)

    def __str__(self) -> str:
        return self._text(",".join(self.kinds) + (f"@{self.hours}" if self.hours else ""))


@dataclass(frozen=True, kw_only=True)
class Add(Edit):
    """An open site offers one kind more, in house, run and open like its other services."""

    kind: str

    @property
    def about(self) -> tuple[str, ...]:
        """The kind there."""
        return ("offer", self.kind)

    def on(self, services: Services, j: int) -> Services:
        """Add it; what was had there by referral is in house then."""
        here = self.here(services, j)
        if (here & (services.kind == self.kind) & services.in_house).any():
            raise SchemaError(f"site {self.site!r} offers {self.kind!r} already: {self} changes nothing.")
        pattern = services.some(np.cumsum(here) * here == 1)
        more = replace(
            pattern,
            kind=np.array([self.kind], dtype=np.str_),
            capacity=np.array([np.nan]),
            open_week=np.asarray(services.open_week[here].any(axis=0)).reshape(1, -1),
            in_house=np.array([True]),
            refers_to=None,
        )
        return joined([services.some(~(here & (services.kind == self.kind))), more])

    def __str__(self) -> str:
        return self._text(self.kind)


@dataclass(frozen=True, kw_only=True)
class Remove(Edit):
    """A site offers one kind less; referrals of others to it go with it."""

    kind: str

    @property
    def about(self) -> tuple[str, ...]:
        """The kind there."""
        return ("offer", self.kind)

    def on(self, services: Services, j: int) -> Services:
        """Take it away."""
        gone = self.here(services, j, self.kind)
        return services.some(~gone & ~((services.targets == j) & (services.kind == self.kind)))

    def __str__(self) -> str:
        return self._text(self.kind)


@dataclass(frozen=True, kw_only=True)
class Hours(Edit):
    """Other opening hours, in OpenStreetMap's syntax; of one `kind` there, or of all."""

    hours: str
    kind: str = ""

    @property
    def about(self) -> tuple[str, ...]:
        """The hours of the kind."""
        return ("hours", self.kind)

    def on(self, services: Services, j: int) -> Services:
        """Set them."""
        week = services.open_week.copy()
        week[self.here(services, j, self.kind)] = week_of_text(self.hours)
        return replace(services, open_week=week)

    def __str__(self) -> str:
        return self._text(self.hours + (f"@{self.kind}" if self.kind else ""))


@dataclass(frozen=True, kw_only=True)
class Language(Edit):
    """One language more is spoken at the site; where nobody said what is spoken, that stays so."""

    language: str

    @property
    def about(self) -> tuple[str, ...]:
        """The language."""
        return ("language", self.language)

    def on(self, services: Services, j: int) -> Services:
        """Add it to every service of the site of which languages are known."""
        here = self.here(services, j)
        if not any(told and self.language not in told for told, h in zip(services.languages, here, strict=True) if h):
            raise SchemaError(f"{self} changes nothing: it is spoken at {self.site!r}, or nobody said what is.")
        spoken = tuple(
            told | {self.language} if h and told else told for told, h in zip(services.languages, here, strict=True)
        )
        return replace(services, languages=spoken)

    def __str__(self) -> str:
        return self._text(self.language)


@dataclass(frozen=True, kw_only=True)
class Close(Edit):
    """All services of the site close; referrals to it go with them."""

    def on(self, services: Services, j: int) -> Services:
        """Take them away."""
        return services.some(~self.here(services, j) & (services.targets != j))

    def __str__(self) -> str:
        return self._text()


ORDER: tuple[type[Edit], ...] = (Move, Open, Add, Remove, Hours, Language, Close)
"""In this order edits are applied."""


def in_order(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """Put edits into the order they are applied in, each once.

    Raises
    ------
    SchemaError
        Two edits contradict each other, or a site is closed and changed.

    Examples
    --------
    >>> [str(e) for e in in_order([Close(site="b"), Open(site="a"), Close(site="b")])]
    ['open=a', 'close=b']
    """
    found = sorted(set(edits), key=lambda e: (ORDER.index(type(e)), e.site, e.about[1:], str(e)))
    settled: dict[tuple[str, ...], Edit] = {}
    for edit in found:
        other = settled.setdefault((edit.site, *edit.about), edit)
        if other != edit:
            raise SchemaError(f"{other} and {edit} contradict each other. Keep one.")
    closed = {e.site: e for e in found if isinstance(e, Close)}
    for edit in found:
        if edit.site in closed and not isinstance(edit, Close):
            raise SchemaError(f"{closed[edit.site]} and {edit} contradict each other. Keep one.")
    return tuple(found)


def apply_edits(services: Services, edits: Iterable[Edit], find: Find, kinds: Sequence[str]) -> Services:
    """Apply edits to services.

    Parameters
    ----------
    services : Services
        The base; it stays as it is.
    edits : iterable of Edit
        In any order; of `Move` the services know nothing.
    find : callable
        Column of a site by its id.
    kinds : sequence of str
        The bundle: what a site gets that opens without kinds named.

    Returns
    -------
    Services
        What was there in the order of the base, and what is new behind it.

    Raises
    ------
    SchemaError
        Edits contradict each other, change nothing, or name what there is not.
    """
    for edit in in_order(edits):
        if isinstance(edit, Open) and not edit.kinds:
            edit = replace(edit, kinds=tuple(kinds))
        services = edit.on(services, find(edit.site))
    return services


def with_services(services: Services, j: int, kinds: Sequence[str], *, operator: str, hours: str = "") -> Services:
    """Add services in house at site `j`, for everyone; always open where no hours are given."""
    more = services_at([j] * len(kinds), list(kinds))
    more = replace(more, operator=np.full(len(kinds), operator, dtype=np.str_))
    if hours:
        more = replace(more, open_week=np.tile(week_of_text(hours), (len(kinds), 1)))
    return joined([services, more])


def joined(parts: Sequence[Services]) -> Services:
    """Put services one after another."""
    arrays = ("site", "kind", "operator", "capacity", "open_week", "in_house")
    both = {n: np.concatenate([getattr(p, n) for p in parts]) for n in arrays}
    return Services(
        **both,
        languages=tuple(told for p in parts for told in p.languages),
        eligible=tuple(who for p in parts for who in p.eligible),
        refers_to=np.concatenate([p.targets for p in parts]),
    )


def week_of_text(hours: str) -> Bools:
    """Quarters of an hour of the week that a text of opening hours names, shape (672,); an error where it is not."""
    read = parse_opening(hours)
    if not read.understood:
        raise SchemaError(f"opening hours {hours!r} are {'; '.join(read.notes)}. Write them as Mo-Fr 08:00-20:00.")
    return read.week
