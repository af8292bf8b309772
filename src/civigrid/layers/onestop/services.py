"""`Services`: what is offered where, by whom, when and in which languages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from civigrid.errors import SchemaError
from civigrid.kernels.visits import WEEK
from civigrid.types import Bools, Floats, Ints

IN_HOUSE = 1.0
"""How much of a service is had where it is offered itself; by referral it is the referral's weight, below 1."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Services:
    """One row by service: a kind offered at a site.

    Parameters
    ----------
    site : ndarray of int64, shape (service,)
        Column of its site in the travel times.
    kind : ndarray of str, shape (service,)
        What is offered.
    operator : ndarray of str, shape (service,)
        Who offers it; sites of one operator or line fail together.
    capacity : ndarray of float64, shape (service,)
        Visits it can take in a year; NaN where nobody said.
    open_week : ndarray of bool, shape (service, 672)
        Whether it is open in each quarter of an hour of a week from Monday 00:00; all True where nobody said.
    languages : tuple of frozenset of str, length service
        Languages spoken there; empty where nobody said.
    eligible : tuple of frozenset of str, length service
        Groups it serves; empty: everyone.
    in_house : ndarray of bool, shape (service,)
        Whether the service itself is there; else it is had by referral to another site.
    refers_to : ndarray of int64, shape (service,), optional
        Column of the site a referral leads to; -1 for none.  By default no site is named.
    """

    site: Ints
    kind: npt.NDArray[np.str_]
    operator: npt.NDArray[np.str_]
    capacity: Floats
    open_week: Bools
    languages: tuple[frozenset[str], ...]
    eligible: tuple[frozenset[str], ...]
    in_house: Bools
    refers_to: Ints | None = None

    def __post_init__(self) -> None:
        n = len(self.site)
        if self.open_week.shape != (n, WEEK):
            raise SchemaError(f"open_week has shape {self.open_week.shape}, must have ({n}, 672): quarters of hours.")
        if self.refers_to is not None and np.any(self.in_house & (self.refers_to >= 0)):
            raise SchemaError("a service in house refers to another site. Say which of the two it is.")

    @property
    def targets(self) -> Ints:
        """Column of the site each service refers to, -1 for none, shape (service,)."""
        none: Ints = np.full(len(self.site), -1, dtype=np.int64)
        return none if self.refers_to is None else self.refers_to

    def some(self, keep: Bools) -> Services:
        """Give some of the services, shape (service,)."""
        at = np.flatnonzero(keep)
        return replace(
            self,
            **{n: getattr(self, n)[at] for n in ("site", "kind", "operator", "capacity", "open_week", "in_house")},
            languages=tuple(self.languages[k] for k in at),
            eligible=tuple(self.eligible[k] for k in at),
            refers_to=None if self.refers_to is None else self.refers_to[at],
        )


def serving(services: Services, groups: Sequence[str] = ()) -> Bools:
    """Whether each service is for someone of these groups, shape (service,); no group: for everyone alone."""
    wanted = set(groups)
    return np.array([not who or bool(who & wanted) for who in services.eligible], dtype=bool)


def number_of_kind(services: Services, kinds: Sequence[str]) -> Ints:
    """Place of each service's kind among `kinds`, shape (service,); -1 for a kind that is not wanted."""
    number = {kind: k for k, kind in enumerate(kinds)}
    return np.array([number.get(kind, -1) for kind in services.kind.tolist()], dtype=np.int64)


def offers(services: Services, kinds: Sequence[str], sites: int, groups: Sequence[str] = ()) -> npt.NDArray[np.uint8]:
    """Kinds that each site offers in house to someone of these groups, as bits, shape (site,).

    Raises
    ------
    SchemaError
        A kind is offered nowhere, or services stand at a site that the travel times do not have, or refer to one.
    """
    for what, at in (("stand at", services.site), ("refer to", services.targets[services.targets != -1])):
        if (outside := at[(at < 0) | (at >= sites)]).size:
            raise SchemaError(f"services {what} site {outside[0]}, but there are {sites} sites, counted from 0.")
    if absent := sorted(set(kinds) - set(services.kind.tolist())):
        known = ", ".join(sorted(set(services.kind.tolist())))
        raise SchemaError(f"no service is of kind {', '.join(absent)}. Kinds there are: {known}.")
    kind = number_of_kind(services, kinds)
    use = (kind >= 0) & services.in_house & serving(services, groups)
    mask = np.zeros(sites, dtype=np.uint8)
    np.bitwise_or.at(mask, services.site[use], (1 << kind[use]).astype(np.uint8))
    return mask


def services_at(site: Sequence[int], kind: Sequence[str]) -> Services:
    """Give services of which only place and kind are known: always open, for everyone, in house.

    >>> services_at([0, 2], ["doctor", "school"]).kind.tolist()
    ['doctor', 'school']
    """
    n = len(site)
    return Services(
        site=np.asarray(site, dtype=np.int64),
        kind=np.array(kind, dtype=np.str_),
        operator=np.full(n, "", dtype=np.str_),
        capacity=np.full(n, np.nan),
        open_week=np.ones((n, WEEK), dtype=bool),
        languages=(frozenset(),) * n,
        eligible=(frozenset(),) * n,
        in_house=np.ones(n, dtype=bool),
    )
