"""`Market`: who wants a service, where it is, and how each group can get there.  Measures of access read it.

A group may have its own need of each service, be served at some sites only, and have several modes of travel: a share
of the group with a car, the rest without.  Each such share of a cell is a claimant of its own; access of a group is the
mean over its shares, never a mean of times over modes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from civigrid.errors import SchemaError, first_few
from civigrid.kernels.catchment import flat, to_cells, to_sites
from civigrid.layers.access.weights import Weighted
from civigrid.travel_times import TravelTimes
from civigrid.types import Bools, Floats, Ids


@dataclass(frozen=True, eq=False, kw_only=True)
class Market:
    """People, services and weights, with the sites in the order of their ids; make it by `market`.

    Parameters
    ----------
    cell_id : ndarray of uint64, shape (cell,)
        Cells.
    site_id : ndarray of str, shape (site,)
        Sites, sorted: no order they came in changes a result.
    groups, services : tuple of str
        Names.
    demand : ndarray of float64, shape (cell, group)
        Persons, 0 where unknown.
    known : ndarray of bool, shape (cell,)
        Whether all groups of the cell are known.
    need : ndarray of float64, shape (group, service)
        Demand of a person.
    supply : ndarray of float64, shape (site, service)
        Capacity.
    eligible : ndarray of bool, shape (site, service, group), or None
        Whom each site serves; None: everyone.
    modes : dict of str to Weighted
        Weights by mode.
    share : dict of str to ndarray of float64, shape (cell, group)
        Share of each group that has a mode; empty where there is one for all.
    """

    cell_id: Ids
    site_id: npt.NDArray[np.str_]
    groups: tuple[str, ...]
    services: tuple[str, ...]
    demand: Floats
    known: Bools
    need: Floats
    supply: Floats
    eligible: Bools | None
    modes: Mapping[str, Weighted]
    share: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def by_group(self) -> bool:
        """Whether groups of one cell can have different access."""
        return self.eligible is not None or bool(self.share)

    @property
    def words(self) -> str:
        """What the weights are."""
        return "; ".join(w.words if len(self.modes) == 1 else f"{m}: {w.words}" for m, w in self.modes.items())

    @property
    def offers(self) -> Bools:
        """Which site has a capacity of which service, shape (site, service)."""
        return np.asarray(self.supply > 0)

    def only_mode(self, measure: str) -> Weighted:
        """Give the weights of the one mode, for measures that several have no meaning for."""
        if len(self.modes) > 1:
            raise SchemaError(f"{measure} is of one mode, here are {', '.join(self.modes)}. Compute it for each.")
        return next(iter(self.modes.values()))

    def times(self, measure: str) -> TravelTimes:
        """Give the travel times of the one mode."""
        only = self.only_mode(measure)
        if not only.timed:
            raise SchemaError(
                f"{measure} needs travel times, here is a {only.words}. Take a percentile of the times for it."
            )
        return only.times

    def claims(self, mode: str) -> Floats:
        """Demand of each claimant, shape (cell, service, group); one column for all where groups have one access."""
        persons = self.demand * self.share[mode] if self.share else self.demand
        need = _once(self.need)
        shape = (len(persons), len(self.services), len(self.groups) if self.by_group else 1)
        if self.by_group:
            return np.broadcast_to(persons[:, None, :] * need.T[None, :, :], shape)
        total = np.zeros((len(persons), need.shape[1], 1))
        for g in range(len(self.groups)):  # in the order of the groups: a product of matrices has none
            total[:, :, 0] += persons[:, g, None] * need[None, g, :]
        return np.broadcast_to(total, shape)

    def at_sites(self, claims: Mapping[str, Floats], *, square: bool = False) -> Floats:
        """Weighted claims of those whom each site serves, shape (site, service)."""
        total = np.zeros(self.supply.shape)
        for mode, given in claims.items():
            wanted = _once(given)
            found = to_sites(self.modes[mode].pairs, flat(wanted), square=square).reshape(
                len(self.site_id), *wanted.shape[1:]
            )
            if self.eligible is not None:
                found = found * self.eligible
            for g in range(found.shape[2]):
                total += found[:, :, g]
        return total

    def at_cells(self, mode: str, offered: Floats, *, square: bool = False) -> Floats:
        """Weighted offers, shape (site, service), that reach each claimant: shape (cell, service, group or 1)."""
        columns = offered[:, :, None] if self.eligible is None else offered[:, :, None] * self.eligible
        few = _once(columns)
        found = to_cells(self.modes[mode].pairs, flat(few), square=square)
        shape = (len(found), *columns.shape[1:])
        return np.broadcast_to(found.reshape(len(found), *few.shape[1:]), shape)

    def over_modes(self, found: Mapping[str, Floats]) -> Floats:
        """Mean over the modes that each group has, shape (cell, service, group or 1)."""
        if not self.share:
            return next(iter(found.values()))
        total = np.zeros((len(self.cell_id), len(self.services), len(self.groups)))
        for mode, value in found.items():
            total += value * self.share[mode][:, None, :]
        return total


def market(
    weights: Weighted | Mapping[str, Weighted],
    demand: Floats,
    supply: Floats,
    *,
    groups: Sequence[str] = (),
    services: Sequence[str] = (),
    need: Floats | None = None,
    eligible: Bools | None = None,
    mode_share: Mapping[str, Floats] | None = None,
) -> Market:
    """Put people, services and weights together, checked.

    Parameters
    ----------
    weights : Weighted or mapping of str to Weighted
        Weights of pairs; by mode where there are several.
    demand : ndarray of float64, shape (cell,) or (cell, group)
        Persons; a cell with NaN is left out of the demand and counted, its access is computed all the same.
    supply : ndarray of float64, shape (site,) or (site, service)
        Capacity in the order of the weights' sites; 0 where a site does not offer a service.
    groups, services : sequence of str
        Names; by default ``all``, or numbers.
    need : ndarray of float64, shape (group,) or (group, service), optional
        Demand of a person of a group for a service; 1 by default.
    eligible : ndarray of bool, shape (site, group) or (site, service, group), optional
        Whom each site serves.
    mode_share : mapping of str to ndarray of float64, shape (group,) or (cell, group), optional
        Share of each group that has a mode; at most 1 over the modes.  Whoever has none reaches nothing.

    Returns
    -------
    Market
        With its sites sorted by id.

    Raises
    ------
    SchemaError
        Shapes that do not fit, NaN or negative supply, negative demand, shares that are none.

    Examples
    --------
    >>> from civigrid.layers.access.decay import Binary
    >>> from civigrid.layers.access.weights import weighted
    >>> from civigrid.travel_times import times_of_pairs
    >>> ids, two = np.array([7], dtype=np.uint64), np.array(["b", "a"])
    >>> times = times_of_pairs(ids, two, np.array([0, 0]), np.array([0, 1]), np.array([60, 90]), limit_s=90, mode="")
    >>> town = market(weighted(times, Binary(1.0)), np.array([50.0]), np.array([3.0, 4.0]))
    >>> town.site_id.tolist(), town.supply.ravel().tolist()
    (['a', 'b'], [4.0, 3.0])
    """
    modes = {"all": weights} if isinstance(weights, Weighted) else dict(weights)
    if not modes:
        raise SchemaError("no weights: give those of at least one mode.")
    first = next(iter(modes.values())).times
    order = _order_of(first)
    modes = {name: _like(w, first, order) for name, w in modes.items()}
    persons, known = _demand(demand, len(first.cell_id))
    capacity = _supply(supply, first)[order]
    n_groups, n_services = persons.shape[1], capacity.shape[1]
    return Market(
        cell_id=first.cell_id,
        site_id=first.site_id[order],
        groups=_names(groups, n_groups, "groups"),
        services=_names(services, n_services, "services"),
        demand=persons,
        known=known,
        need=_need(need, n_groups, n_services),
        supply=capacity,
        eligible=_eligible(eligible, (len(order), n_services, n_groups), order),
        modes=modes,
        share=_shares(mode_share, modes, persons.shape),
    )


def _once(values: Floats) -> Floats:
    """The first service alone where all are alike, as with one need of every service: it is summed once for all."""
    return values[:, :1] if np.all(values == values[:, :1]) else values


def _order_of(times: TravelTimes) -> npt.NDArray[np.int64]:
    order: npt.NDArray[np.int64] = np.argsort(times.site_id, kind="stable").astype(np.int64)
    ids = times.site_id[order]
    if (twice := np.flatnonzero(ids[1:] == ids[:-1])).size:
        raise SchemaError(f"{twice.size} sites stand there twice (first: {first_few(ids[twice])}). Ids are unique.")
    return order


def _like(other: Weighted, first: TravelTimes, order: npt.NDArray[np.int64]) -> Weighted:
    """Weights of another mode with its sites sorted."""
    times = other.times
    if not np.array_equal(times.cell_id, first.cell_id):
        raise SchemaError("modes start from different cells. Compute all travel times for the cells at hand.")
    own = order if np.array_equal(times.site_id, first.site_id) else _order_of(times)
    if not np.array_equal(times.site_id[own], first.site_id[order]):
        raise SchemaError("modes lead to different sites. Compute all travel times to the same sites.")
    return other.in_order(own)


def _names(given: Sequence[str], n: int, what: str) -> tuple[str, ...]:
    names = tuple(given) or (("all",) if n == 1 else tuple(str(k) for k in range(n)))
    if len(names) != n or len(set(names)) != n:
        raise SchemaError(f"{len(names)} names of {what} ({', '.join(names)}) for {n} columns: one for each, unique.")
    return names


def _demand(demand: Floats, cells: int) -> tuple[Floats, Bools]:
    given = np.asarray(demand, dtype=np.float64)
    persons = given[:, None] if given.ndim == 1 else given
    if persons.ndim != 2 or len(persons) != cells:
        raise SchemaError(f"demand has shape {given.shape}, must be ({cells},) or ({cells}, group).")
    if np.any(persons < 0) or np.any(np.isinf(persons)):
        raise SchemaError("demand is negative or infinite somewhere: persons are at least 0, NaN where unknown.")
    known: Bools = np.asarray(~np.isnan(persons).any(axis=1))
    return np.where(known[:, None], persons, 0.0), known


def _supply(supply: Floats, times: TravelTimes) -> Floats:
    given = np.asarray(supply, dtype=np.float64)
    capacity = given[:, None] if given.ndim == 1 else given
    if capacity.ndim != 2 or len(capacity) != len(times.site_id):
        raise SchemaError(f"supply has shape {given.shape}, must be ({len(times.site_id)},) or (..., service).")
    bad = ~(np.isfinite(capacity) & (capacity >= 0)).all(axis=1)
    if bad.any():
        raise SchemaError(
            f"supply of {int(bad.sum())} sites is unknown or negative (first: {first_few(times.site_id[bad])}). "
            "Give each a capacity, or 0 where it offers none."
        )
    return capacity


def _need(need: Floats | None, groups: int, services: int) -> Floats:
    given = np.ones((groups, services)) if need is None else np.asarray(need, dtype=np.float64)
    wide = np.repeat(given[:, None], services, axis=1) if given.ndim == 1 else given
    if wide.shape != (groups, services) or not np.all(np.isfinite(wide) & (wide >= 0)):
        raise SchemaError(
            f"need has shape {given.shape}, must be ({groups},) or ({groups}, {services}), of at least 0."
        )
    return wide


def _eligible(eligible: Bools | None, shape: tuple[int, int, int], order: npt.NDArray[np.int64]) -> Bools | None:
    if eligible is None:
        return None
    given = np.asarray(eligible, dtype=bool)
    wide = np.repeat(given[:, None, :], shape[1], axis=1) if given.ndim == 2 else given
    if wide.shape != shape:
        raise SchemaError(
            f"eligible has shape {given.shape}, must be (site, group) or (site, service, group) = {shape}."
        )
    return wide[order]


def _shares(
    given: Mapping[str, Floats] | None, modes: Mapping[str, Weighted], shape: tuple[int, ...]
) -> dict[str, Floats]:
    if given is None:
        if len(modes) > 1:
            raise SchemaError(f"{len(modes)} modes without mode_share: say which share of each group has which.")
        return {}
    if set(given) != set(modes):
        raise SchemaError(f"mode_share is of {', '.join(given)}, weights are of {', '.join(modes)}: they must agree.")
    shares = {m: np.broadcast_to(np.asarray(given[m], dtype=np.float64), shape) for m in modes}
    total = sum(shares.values())
    if any(not np.all(s >= 0) for s in shares.values()) or not np.all(np.asarray(total) <= 1 + 1e-9):
        raise SchemaError("mode_share must be at least 0 and sum to at most 1 over the modes.")
    return shares
