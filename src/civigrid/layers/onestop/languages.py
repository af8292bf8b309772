"""Capacity by language: what a service can do for a group, alone, and where groups share its staff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import linprog

from civigrid.errors import CivigridError, SchemaError
from civigrid.layers.onestop.services import Services, number_of_kind, serving
from civigrid.types import Bools, Floats

Spoken = Sequence[tuple[frozenset[str], float]]
"""Sets of languages people can be served in, and the share of people of each (`Persona.spoken`)."""
_TOLERANCE = 1e-7


@dataclass(frozen=True, kw_only=True)
class Interpreters:
    """A slower substitute for a common language.

    Parameters
    ----------
    slower : float
        How many times as long a visit takes with an interpreter, at least 1.
    visits : float
        Visits a year for which there is one.
    """

    slower: float = 2.0
    visits: float = float("inf")

    def __post_init__(self) -> None:
        if not self.slower >= 1 or not self.visits >= 0:
            raise SchemaError(
                f"interpreters: {self.slower} times as long must be 1 or more, visits {self.visits} from 0."
            )


def understood(languages: Sequence[frozenset[str]], spoken: Spoken) -> Floats:
    """Probability that a person of a group shares a language with each service, shape (service,).

    >>> understood([frozenset({"de"}), frozenset({"de", "ar"})], [(frozenset({"ar"}), 0.3), (frozenset({"de"}), 0.6)])
    array([0.6, 0.9])
    """
    return np.array([sum(share for own, share in spoken if own & known) for known in languages], dtype=np.float64)


def effective_capacity(services: Services, spoken: Mapping[str, Spoken]) -> pd.DataFrame:
    r"""Give the visits a year each service can give to a group that has it for itself.

    Parameters
    ----------
    services : Services
        Each row is a pool of staff with its languages; give staff of other languages a row of its own.
    spoken : mapping of str to sequence
        Languages of each group.

    Returns
    -------
    pandas.DataFrame
        Columns ``site, kind, group, capacity, effective``: :math:`S_{jsg} = \sum_l S_{jsl} P(l | g)` over the rows of a
        site and kind that serve the group in house; ``unknown`` counts rows of unknown capacity or languages, which
        are not in the sums.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from civigrid.layers.onestop.services import services_at
    >>> services = replace(services_at([0], ["doctor"]), capacity=np.array([100.0]), languages=(frozenset({"de"}),))
    >>> effective_capacity(services, {"newcomers": [(frozenset({"de"}), 0.2)]})["effective"].tolist()
    [20.0]
    """
    known = ~np.isnan(services.capacity) & np.array([bool(own) for own in services.languages], dtype=bool)
    rows = []
    for group, sets in spoken.items():
        use = services.in_house & serving(services, [group])
        frame = pd.DataFrame(
            {
                "site": services.site,
                "kind": services.kind.astype(object),
                "capacity": np.where(known, services.capacity, 0.0),
                "effective": np.where(
                    known, np.nan_to_num(services.capacity) * understood(services.languages, sets), 0.0
                ),
                "unknown": (~known).astype(np.int64),
            }
        )[use]
        rows.append(frame.groupby(["site", "kind"], as_index=False).sum().assign(group=group))
    columns = ["site", "kind", "group", "capacity", "effective", "unknown"]
    return pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)


def share_staff(
    capacity: Floats,
    languages: Sequence[frozenset[str]],
    demand: Mapping[str, float],
    spoken: Mapping[str, Spoken],
    *,
    interpreters: Interpreters | None = None,
    may: Bools | None = None,
) -> pd.DataFrame:
    """Share out pools of staff among groups that compete for them, each hour once.

    Parameters
    ----------
    capacity : ndarray of float64, shape (pool,)
        Visits a year each pool can give.
    languages : sequence of frozenset of str, length pool
        Languages of each pool.
    demand : mapping of str to float
        Visits a year each group wants.
    spoken : mapping of str to sequence
        Languages of each group.
    interpreters : Interpreters, optional
        Without them, who shares no language is not served.
    may : ndarray of bool, shape (group, pool), optional
        Whether each group may come to each pool; by default all may.

    Returns
    -------
    pandas.DataFrame
        Columns ``group, demand, served, share, interpreted``: first the worst-off group is served as far as can be,
        then the next (lexicographic max-min of the shares, which makes them unique), with the fewest interpreters.

    Raises
    ------
    SchemaError
        A capacity or demand is negative or unknown, or a group's languages are not given.

    Notes
    -----
    A sequence of linear programmes, solved by HiGHS.  Lexicographic max-min: Ogryczak and Śliwiński (2006).

    Examples
    --------
    >>> pools, tongues = np.array([60.0]), [frozenset({"de", "ar"})]
    >>> spoken = {"old": [(frozenset({"de"}), 1.0)], "new": [(frozenset({"ar"}), 0.5)]}
    >>> share_staff(pools, tongues, {"old": 50.0, "new": 40.0}, spoken)["served"].round(6).tolist()
    [40.0, 20.0]
    """
    capacity = np.asarray(capacity, dtype=np.float64)
    wanted = np.array(list(demand.values()), dtype=np.float64)
    if not ((capacity >= 0) & np.isfinite(capacity)).all() or not ((wanted >= 0) & np.isfinite(wanted)).all():
        raise SchemaError("capacities and demands must be known, from 0 on. Leave out pools nobody knows of.")
    if absent := sorted(set(demand) - set(spoken)):
        raise SchemaError(f"no languages are given for {', '.join(absent)}.")
    allowed = np.ones((len(demand), len(capacity)), dtype=bool) if may is None else may
    staff = _Staff.of(capacity, languages, demand, spoken, interpreters, allowed)
    floor = np.zeros(len(demand))
    active = wanted > 0
    while active.any():
        level = staff.best_level(floor, active, wanted)
        floor[active] = np.maximum(floor[active], level * wanted[active])
        if level >= 1 - _TOLERANCE:
            break
        # who can have more without taking from the others goes on; one at least cannot, whatever rounding says
        room = np.array([staff.most(g, floor) - floor[g] if active[g] else np.inf for g in range(len(floor))])
        relative = room / np.where(wanted > 0, wanted, 1.0)
        active = active & (relative > _TOLERANCE) & (np.arange(len(floor)) != np.argmin(relative))
    served, interpreted = staff.fewest_interpreted(floor)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(wanted > 0, served / wanted, np.nan)
    return pd.DataFrame(
        {"group": list(demand), "demand": wanted, "served": served, "share": share, "interpreted": interpreted}
    )


def staff_by_site(
    services: Services,
    kinds: Sequence[str],
    demand: Mapping[str, Floats],
    spoken: Mapping[str, Spoken],
    *,
    interpreters: Interpreters | None = None,
) -> pd.DataFrame:
    """Share out the staff of each site among the groups that come to it: `share_staff` for every site and kind.

    Parameters
    ----------
    services : Services
        Each row in house is a pool of staff; rows for some groups only serve no others.
    kinds : sequence of str
        Kinds of service.
    demand : mapping of str to ndarray, shape (site, kind)
        Visits a year each group wants (`civigrid.layers.onestop.explain.demand_of`).
    spoken : mapping of str to sequence
        Languages of each group.
    interpreters : Interpreters, optional
        For each site and kind; without them, who shares no language is not served.

    Returns
    -------
    pandas.DataFrame
        Columns ``site, kind, group, demand, served, share, interpreted, unknown``: rows where someone comes.
        ``unknown`` counts pools of unknown capacity or languages, which serve nobody here.

    Raises
    ------
    SchemaError
        A demand is negative or unknown, or a group's languages are not given.
    """
    number = number_of_kind(services, kinds)
    known = ~np.isnan(services.capacity) & np.array([bool(own) for own in services.languages], dtype=bool)
    wanted = np.stack(list(demand.values()), axis=-1) if demand else np.zeros((0, len(kinds), 0))
    tables = []
    for site, k in np.argwhere(wanted.sum(axis=-1) > 0).tolist():
        here = (services.site == site) & (number == k) & services.in_house
        use = np.flatnonzero(here & known)
        made = share_staff(
            services.capacity[use],
            [services.languages[row] for row in use.tolist()],
            {group: float(visits[site, k]) for group, visits in demand.items()},
            spoken,
            interpreters=interpreters,
            may=np.stack([serving(services, [group])[use] for group in demand]),
        )
        tables.append(made.assign(site=site, kind=kinds[k], unknown=int((here & ~known).sum())))
    columns = ["site", "kind", "group", "demand", "served", "share", "interpreted", "unknown"]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


@dataclass(frozen=True, eq=False)
class _Staff:
    """Linear programme: visits of pools to segments of groups, without and with an interpreter."""

    at_most: Floats
    limits: Floats
    of_group: Floats
    with_interpreter: Bools

    @classmethod
    def of(
        cls,
        capacity: Floats,
        languages: Sequence[frozenset[str]],
        demand: Mapping[str, float],
        spoken: Mapping[str, Spoken],
        interpreters: Interpreters | None,
        may: Bools,
    ) -> _Staff:
        segments = [
            (g, own, share * demand[name]) for g, name in enumerate(demand) for own, share in _all(spoken[name])
        ]
        visits = []
        for p, known in enumerate(languages):
            for s, (group, own, _) in enumerate(segments):
                if not may[group, p]:
                    continue
                if own & known:
                    visits.append((p, s, False))
                elif interpreters is not None:
                    visits.append((p, s, True))
        pools, n = len(capacity), len(visits)
        at_most = np.zeros((pools + len(segments) + 1, n))
        of_group = np.zeros((len(demand), n))
        slower = interpreters.slower if interpreters is not None else 1.0
        for v, (p, s, by_interpreter) in enumerate(visits):
            at_most[p, v] = slower if by_interpreter else 1.0
            at_most[pools + s, v] = 1.0
            at_most[-1, v] = float(by_interpreter)
            of_group[segments[s][0], v] = 1.0
        most = interpreters.visits if interpreters is not None else 0.0
        limits = np.concatenate([capacity, [d for _, _, d in segments], [min(most, 1e15)]])
        return cls(at_most, limits, of_group, np.array([v[2] for v in visits], dtype=bool))

    def best_level(self, floor: Floats, active: Bools, wanted: Floats) -> float:
        """Highest share that all active groups can have at once, at most 1."""
        n = self.at_most.shape[1]
        least = np.concatenate([-self.of_group, np.where(active, wanted, 0.0)[:, None]], axis=1)
        keeps = np.concatenate([-self.of_group[~active], np.zeros((int((~active).sum()), 1))], axis=1)
        rows = np.concatenate([np.pad(self.at_most, ((0, 0), (0, 1))), least[active], keeps])
        limits = np.concatenate([self.limits, np.zeros(int(active.sum())), -floor[~active] * (1 - 1e-12)])
        cost = np.append(np.zeros(n), -1.0)
        return float(_solve(cost, rows, limits, [(0, None)] * n + [(0, 1)])[-1])

    def most(self, group: int, floor: Floats) -> float:
        """Most visits a group can have while all others keep theirs."""
        return float(self.of_group[group] @ self._with_floor(-self.of_group[group], floor))

    def fewest_interpreted(self, floor: Floats) -> tuple[Floats, Floats]:
        found = self._with_floor(self.with_interpreter.astype(np.float64), floor)
        return self.of_group @ found, self.of_group @ np.where(self.with_interpreter, found, 0.0)

    def _with_floor(self, cost: Floats, floor: Floats) -> Floats:
        rows = np.concatenate([self.at_most, -self.of_group])
        # a hair below: what the last programme found may be off by rounding
        limits = np.concatenate([self.limits, -floor * (1 - 1e-9)])
        return _solve(cost, rows, limits, [(0, None)] * len(cost))


def _all(spoken: Spoken) -> Spoken:
    rest = 1.0 - sum(share for _, share in spoken)
    return [*spoken, (frozenset(), rest)] if rest > 1e-12 else spoken


def _solve(cost: Floats, rows: Floats, limits: Floats, bounds: list[tuple[float, float | None]]) -> Floats:
    if not len(cost):
        return np.zeros(0)
    found = linprog(cost, A_ub=rows, b_ub=limits, bounds=bounds, method="highs")
    if found.x is None:
        raise CivigridError(f"staff cannot be shared out: {found.message}")
    return np.asarray(found.x, dtype=np.float64)
