"""Ways to organise services, each on the same terms: one hub, neighbourhood points, a hub with satellites, a cluster.

Every archetype gives a `Layout`: services at candidate sites, chosen for the same people by the same siting, within the
same budget.  What it is worth is found by `civigrid.layers.onestop.evaluation.evaluate`, which knows no archetypes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from civigrid.errors import SchemaError, unknown_name
from civigrid.kernels.group import group_sum
from civigrid.kernels.median import Sited
from civigrid.layers.onestop.services import Services
from civigrid.layers.onestop.siting import Layout, Plan, bound_cost, cost_of_way, sited, together, within_budget
from civigrid.layers.onestop.town import Town
from civigrid.types import Bools, Floats, Ints

HUB, POINTS, SATELLITES, CLUSTER = "one hub", "neighbourhood points", "hub and satellites", "cluster of towns"


def one_hub(town: Town, plan: Plan) -> Layout:
    """Everything at one site: where all people together travel least.

    Parameters
    ----------
    town : Town
        People, times and needs.
    plan : Plan
        Terms.

    Returns
    -------
    Layout
        What is left of the budget stays unspent.

    Raises
    ------
    SchemaError
        The budget is too small, or there is no candidate.
    """
    found = sited(town, plan, town.bundle.kinds, 1)
    services = plan.services(town, found.sites, town.bundle.kinds, operator="hub")
    return within_budget(Layout(name=HUB, services=services, gap=found.gap), plan)


def neighbourhood_points(town: Town, plan: Plan) -> Layout:
    """Many small points, each with a few kinds, different kinds at different points.

    Parameters
    ----------
    town : Town
        People, times and needs.
    plan : Plan
        Terms; kinds are shared out into packets of `Plan.kinds_per_point`, those visited most often first.

    Returns
    -------
    Layout
        As many points as the budget has, the packets in turn; each packet's points lie where its users travel least,
        at sites of their own.  `gap` is that of all packets together, as if none stood in another's way.

    Raises
    ------
    SchemaError
        The budget does not reach for every kind once, or there are fewer candidates than packets.
    """
    packets = _packets(town, plan)
    count, room = _points_by_packet(plan, packets, int(plan.candidates(town).sum())), []
    parts, taken, value, bound = [], list[int](), 0.0, 0.0
    for packet, most in zip(packets, count, strict=True):
        found = sited(town, plan, packet, most, taken=taken)
        # alone, without those that came first, the packet can only do better: a bound of all together
        bound += found.bound if not taken else sited(town, plan, packet, most).bound
        value += found.value
        taken += found.sites.tolist()
        parts.append(plan.services(town, found.sites, packet, operator="point {}"))
        room.append(len(found.sites))
    gap = (value - bound) / value if value > bound else 0.0
    notes = tuple(
        f"{most - got} points of {', '.join(packet)} would bring nobody nearer, and were not opened"
        for packet, most, got in zip(packets, count, room, strict=True) if got < most
    )  # fmt: skip
    return within_budget(Layout(name=POINTS, services=together(parts), gap=gap, notes=notes), plan)


def _packets(town: Town, plan: Plan) -> list[tuple[str, ...]]:
    visits, kinds = town.bundle.visits_a_year, town.bundle.kinds
    order = sorted(range(len(kinds)), key=lambda k: (-visits[k], k))
    packets = -(-len(kinds) // plan.kinds_per_point)
    return [tuple(kinds[k] for k in order[q::packets]) for q in range(packets)]


def _points_by_packet(plan: Plan, packets: Sequence[Sequence[str]], candidates: int) -> list[int]:
    """Share out the budget: the packets get a point each in turn, as long as the next can be paid."""
    left, count = plan.budget, [0] * len(packets)
    while sum(count) < candidates:
        before = left
        for q, packet in enumerate(packets):
            price = plan.point(len(packet))
            if price <= left and count[q] == min(count) and sum(count) < candidates:
                count[q] += 1
                left -= price
        if left == before:
            break
    if min(count) == 0:
        short = ", ".join(packets[count.index(0)])
        raise SchemaError(
            f"{POINTS}: nothing is left for {short}: {len(packets)} packets of {plan.kinds_per_point} kinds need as "
            f"many candidates ({candidates} there are) and {sum(plan.point(len(p)) for p in packets):,.0f} a year (the "
            f"budget is {plan.budget:,.0f}). Raise the budget, or put more kinds into a point."
        )
    return count


def hub_and_satellites(town: Town, plan: Plan) -> Layout:
    """A hub with everything, a mobile unit on its round, and satellites that inform and refer to the hub.

    Parameters
    ----------
    town : Town
        People, times and needs.
    plan : Plan
        Terms.  The mobile unit has `Plan.aboard` and stands at one stop after another as `Plan.round` says, each open
        at that time alone; satellites have `Plan.information` in house and all else by referral.

    Returns
    -------
    Layout
        Hub first, then the mobile unit if it can be paid, then as many satellites as the rest pays.

    Raises
    ------
    SchemaError
        The budget does not reach for the hub, or a kind aboard is not in the bundle.
    """
    base = one_hub(town, plan)
    hub = int(base.services.site[0])
    unit, stops = _mobile_unit(town, plan, hub)
    rest = plan.budget - base.spent(plan.costs).provision
    notes, parts, taken = [], [base.services], [hub]
    if len(unit.site) and (price := _price(unit, plan, stops)) <= rest:
        parts, taken, rest = [*parts, unit], [*taken, *stops], rest - price
    elif plan.round:
        notes, stops = ["the mobile unit is more than the rest of the budget pays"], ()
    kinds = [k for k in town.bundle.kinds if k != plan.information]
    own = (plan.information,) if plan.information in town.bundle.kinds else ()
    most = int(min(rest // plan.point(len(own), len(kinds)), plan.candidates(town).sum() - len(taken)))
    if most > 0:
        found = _satellites(town, plan, own or (plan.information,), most, hub, taken)
        parts.append(plan.services(town, found, own, operator="satellite {}"))
        parts.append(plan.services(town, found, kinds, operator="satellite {}", in_house=False, refers_to=hub))
    else:
        notes.append("no satellite is paid by the rest of the budget")
    return within_budget(
        Layout(name=SATELLITES, services=together(parts), mobile=frozenset(stops), gap=base.gap, notes=tuple(notes)),
        plan,
    )


def _price(unit: Services, plan: Plan, stops: Sequence[int]) -> float:
    return Layout(name="mobile unit", services=unit, mobile=frozenset(stops)).spent(plan.costs).provision


def _mobile_unit(town: Town, plan: Plan, hub: int) -> tuple[Services, tuple[int, ...]]:
    """Services of the mobile unit at its stops: the best sites for what is aboard beside the hub."""
    kinds = town.bundle.kinds
    for kind in plan.aboard:
        if kind not in kinds:
            raise unknown_name("kind aboard the mobile unit", kind, kinds)
    often = dict(zip(kinds, town.bundle.visits_a_year, strict=True))
    rest = sorted((k for k in kinds if k != plan.information), key=lambda k: -often[k])
    aboard = plan.aboard or tuple(rest[:2]) or kinds
    free = int(plan.candidates(town).sum()) - 1
    if not plan.round or free < 1:
        return together([]), ()
    found = sited(town, plan, aboard, 1 + min(len(plan.round), free), required=(hub,))
    stops = tuple(j for j in found.sites.tolist() if j != hub)
    parts = [
        plan.services(town, np.array([j]), aboard, operator="mobile unit", hours=hours)
        for j, hours in zip(stops, plan.round, strict=False)
    ]
    return together(parts), stops


def _satellites(town: Town, plan: Plan, kinds: Sequence[str], most: int, hub: int, taken: Sequence[int]) -> Ints:
    """Best sites for satellites beside the hub, which has all they have; stops are taken."""
    others = [j for j in taken if j != hub]
    found: Sited = sited(town, plan, kinds, most + 1, taken=others, required=(hub,))
    return np.asarray(found.sites[found.sites != hub])


def cluster_of_towns(town: Town, plan: Plan, municipality: npt.NDArray[np.str_]) -> Layout:
    """Each kind in one town of a cluster; all people of the cluster use it.

    Parameters
    ----------
    town : Town
        People, times and needs.
    plan : Plan
        Terms.
    municipality : ndarray of str, shape (site,)
        Town of each site; empty: in none.

    Returns
    -------
    Layout
        One site by town (where all people would travel least to it); kinds are shared out evenly, so that all travel
        least: exact for separate trips.  While the budget reaches, the round is repeated in further towns.

    Raises
    ------
    SchemaError
        There are fewer than two towns with candidates, or the budget does not reach for every kind once.
    """
    names, seat, cost = seats_of(town, plan, municipality)
    if len(names) < 2:
        raise SchemaError(
            f"{CLUSTER}: {len(names)} town has candidates, a cluster needs two. Name more municipalities."
        )
    kinds, towns = len(town.bundle.kinds), len(names)
    slots = -(-kinds // towns)
    has = np.zeros((kinds, towns), dtype=bool)
    best = np.repeat(_unserved(town, plan)[:, None, :], towns, axis=1)
    for turn in range(towns):
        more = has | _assigned(cost, best, has, slots)
        layout = _cluster_layout(town, plan, names, seat, more)
        if turn > 0 and (layout.spent(plan.costs).provision > plan.budget or (more == has).all()):
            break
        has = more
        best = np.repeat(np.where(has[:, :, None], cost, np.inf).min(axis=1)[:, None], towns, axis=1)
    return within_budget(_cluster_layout(town, plan, names, seat, has), plan)


def seats_of(town: Town, plan: Plan, municipality: npt.NDArray[np.str_]) -> tuple[npt.NDArray[np.str_], Ints, Floats]:
    """Give the towns with candidates, the best site in each, and what each kind there costs each cell.

    Returns
    -------
    names : ndarray of str, shape (town,)
        Sorted.
    seat : ndarray of int64, shape (town,)
        Column of the site.
    cost : ndarray of float64, shape (kind, town, cell)
        Persons times visits times cost of the way.
    """
    may = plan.candidates(town)
    if municipality.shape != may.shape:
        raise SchemaError(f"municipality has shape {municipality.shape}, must have {may.shape}: one by site.")
    names = np.unique(municipality[may & (municipality != "")])
    far = _unserved(town, plan)
    persons = town.counts[town.times.rows(), 0]
    one = persons * cost_of_way(town, plan, town.times.seconds)
    # against not being served, so that a site which reaches few is not thought near
    saved = group_sum(town.times.site, persons * bound_cost(town, plan) - one, len(may))
    seat = [_best_seat(saved, may & (municipality == name)) for name in names.tolist()]
    visits = np.array(town.bundle.visits_a_year)
    cost = np.empty((len(visits), len(names), len(town.times.cell_id)))
    for n, j in enumerate(seat):
        here = town.times.site == j
        way = np.full(cost.shape[2], np.inf)
        way[town.times.rows()[here]] = one[here]
        cost[:, n] = np.minimum(visits[:, None] * way, far)
    return names.astype(np.str_), np.array(seat, dtype=np.int64), cost


def _best_seat(saved: Floats, here: Bools) -> int:
    return int(np.argmax(np.where(here, saved, -np.inf)))


def _unserved(town: Town, plan: Plan) -> Floats:
    """What not being served costs each cell, by kind, shape (kind, cell)."""
    visits = np.array(town.bundle.visits_a_year)
    return np.asarray(visits[:, None] * town.counts[None, :, 0] * bound_cost(town, plan))


def _assigned(cost: Floats, best: Floats, has: Bools, slots: int) -> Bools:
    """Give every kind one town more, at most `slots` to each: the least sum over all people."""
    kinds, towns = has.shape
    total = np.minimum(cost, best).sum(axis=2)
    worst = total.max() + 1.0
    total = np.where(has, worst * kinds, total)
    row, column = linear_sum_assignment(np.repeat(total, slots, axis=1))
    made = np.zeros((kinds, towns), dtype=bool)
    made[row, column // slots] = True
    return made


def _cluster_layout(town: Town, plan: Plan, names: npt.NDArray[np.str_], seat: Ints, has: Bools) -> Layout:
    kinds = town.bundle.kinds
    parts = [
        plan.services(
            town, seat[n : n + 1], [k for k, h in zip(kinds, has[:, n], strict=True) if h], operator=str(name)
        )
        for n, name in enumerate(names.tolist())
    ]
    return Layout(name=CLUSTER, services=together(parts))
