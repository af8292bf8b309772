"""Who pays for services that municipalities share, and for the ways to them; and who would be better off alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import linear_sum_assignment, linprog

from civigrid.errors import SchemaError, first_few
from civigrid.kernels.group import group_sum
from civigrid.layers.onestop.archetypes import seats_of
from civigrid.layers.onestop.costs import Costs, spent
from civigrid.layers.onestop.evaluation import Evaluation
from civigrid.layers.onestop.siting import Layout, Plan
from civigrid.layers.onestop.town import Town
from civigrid.result_table import parameters, result_table
from civigrid.types import Bools, Floats, Ints

MOST = 12
"""Municipalities whose coalitions are all looked at."""
RULES = ("host", "per_capita", "per_use", "per_saved_minute", "shapley", "least_core")
"""Each pays for what stands in it; by residents; by visits made; by minutes saved against not being served; by the
mean of what joining adds; so that the coalition with most reason to leave has least."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Sharing:
    """Shares of a cluster's cost.

    Parameters
    ----------
    names : ndarray of str, shape (municipality,)
        Sorted.
    alone : ndarray of float64, shape (2 ** municipality,)
        What each coalition costs alone (bit ``m``: municipality ``m`` is in it); the last is the cluster itself.
    shares : dict of str to ndarray of float64, shape (municipality,)
        By rule of `RULES`: what each bears, its users' own spending among it.  Each adds up to the cluster's cost.
    leaving : dict of str to (float, tuple of str)
        By rule: how much the coalition with most reason to leave pays more than it would alone (below 0: less, and
        nobody has reason to leave), and who is in it.
    """

    names: npt.NDArray[np.str_]
    alone: Floats
    shares: Mapping[str, Floats]
    leaving: Mapping[str, tuple[float, tuple[str, ...]]]

    def table(self, mode: str = "") -> pd.DataFrame:
        """Give a result table: ``sharing:<rule>`` and ``sharing:alone`` by municipality (zone), ``leaving:<rule>``.

        Parameters
        ----------
        mode : str
            How the travel times were made.
        """
        rows = [
            {"zone": str(name), "topic": "access", "index": f"sharing:{rule}", "estimate": float(share[m]),
             "parameters": parameters(mode=mode or None)}
            for rule, share in (*self.shares.items(), ("alone", self.alone[1 << np.arange(len(self.names))]))
            for m, name in enumerate(self.names)
        ]  # fmt: skip
        rows += [
            {"zone": "all", "topic": "access", "index": f"leaving:{rule}", "estimate": excess,
             "parameters": parameters(mode=mode or None, coalition="|".join(who))}
            for rule, (excess, who) in self.leaving.items()
        ]  # fmt: skip
        return result_table(rows)


def share_costs(
    found: Evaluation,
    layout: Layout,
    plan: Plan,
    municipality: npt.NDArray[np.str_],
    cell_municipality: npt.NDArray[np.str_],
) -> Sharing:
    """Share what a cluster costs among its municipalities, by every rule, and test each for reasons to leave.

    Parameters
    ----------
    found : Evaluation
        The cluster's layout, judged.
    layout : Layout
        The cluster.
    plan : Plan
        Terms: `Costs.paid_share` of the users' minutes and fares is paid back and shared out with the provision; the
        rest stays with the municipality whose residents spend it.
    municipality : ndarray of str, shape (site,)
        Town of each site; empty: in none.
    cell_municipality : ndarray of str, shape (cell,)
        Where the people of each cell live; empty: in none, they are left out.

    Returns
    -------
    Sharing
        A coalition alone does what is cheaper for it: all services in the best of its towns, or shared out evenly among
        its towns, as the cluster does; its residents use no others.

    Raises
    ------
    SchemaError
        People live in a municipality without a candidate site, or there are more than 12 municipalities.

    Notes
    -----
    Shapley (1953), Contributions to the Theory of Games II, 307-317; the core: Gillies (1959); least core: Maschler,
    Peleg and Shapley (1979), Math. Oper. Res. 4, 303-338.  Stand-alone test of a rule: Young (1985), Cost Allocation.
    """
    town, costs = found.town, plan.costs
    names, seat, _ = seats_of(town, plan, municipality)
    member = _members(names, cell_municipality, town)
    alone = coalition_costs(_ways(town, seat, member, len(names)), town, plan)
    ways = costs.minute * found.year_min() + costs.fare * found.year_trips()
    inside = member >= 0
    persons = np.where(inside, town.counts[:, 0], 0.0)
    own = group_sum(member[inside], (persons * ways)[inside], len(names))
    shared = spent(found, costs, layout.mobile).provision + costs.paid_share * float(own.sum())
    alone[-1] = shared + (1 - costs.paid_share) * float(own.sum())
    visits = _visits_made(found)
    saved = (town.times.limit_s / 30.0) * sum(town.bundle.visits_a_year) - found.year_min()
    weight = {
        "host": _hosted(layout, plan, municipality, names),
        "per_capita": group_sum(member[inside], persons[inside], len(names)),
        "per_use": group_sum(member[inside], (persons * visits)[inside], len(names)),
        "per_saved_minute": group_sum(member[inside], (persons * saved)[inside], len(names)),
    }
    shares = {rule: _parts(w) * shared + (1 - costs.paid_share) * own for rule, w in weight.items()}
    shares["shapley"], shares["least_core"] = shapley(alone), least_core(alone)[0]
    leaving = {rule: _leaving(share, alone, names) for rule, share in shares.items()}
    return Sharing(names=names, alone=alone, shares=shares, leaving=leaving)


def _members(names: npt.NDArray[np.str_], cell_municipality: npt.NDArray[np.str_], town: Town) -> Ints:
    """Number of each cell's municipality; -1 for none."""
    if cell_municipality.shape != town.times.cell_id.shape:
        raise SchemaError(
            f"cell_municipality has shape {cell_municipality.shape}, must have {town.times.cell_id.shape}: one by cell."
        )
    if not 1 <= len(names) <= MOST:
        raise SchemaError(
            f"{len(names)} municipalities: coalitions of 1 to {MOST} are looked at. Group the small ones."
        )
    lived = cell_municipality[(town.counts[:, 0] > 0) & (cell_municipality != "")]
    if absent := sorted(set(lived.tolist()) - set(names.tolist())):
        raise SchemaError(f"people live in {first_few(absent)}, where no candidate site is. Give each town one.")
    at = np.minimum(np.searchsorted(names, cell_municipality), len(names) - 1)
    return np.where(names[at] == cell_municipality, at, -1).astype(np.int64)


@dataclass(frozen=True, eq=False)
class _Ways:
    """By municipality and seat: persons who reach it, their minutes one way in all, and persons who do not."""

    reached: Floats
    minutes: Floats
    lost: Floats


def _ways(town: Town, seat: Ints, member: Ints, n: int) -> _Ways:
    reached, minutes = np.zeros((n, n)), np.zeros((n, n))
    rows, persons = town.times.rows(), town.counts[:, 0]
    inside = member >= 0
    everyone = group_sum(member[inside], persons[inside], n)
    for t, j in enumerate(seat.tolist()):
        use = (town.times.site == j) & inside[rows]
        who, way = persons[rows[use]], town.times.seconds[use] / 60.0
        reached[:, t] = group_sum(member[rows[use]], who, n)
        minutes[:, t] = group_sum(member[rows[use]], who * way, n)
    return _Ways(reached, minutes, np.maximum(everyone[:, None] - reached, 0.0))


def coalition_costs(ways: _Ways, town: Town, plan: Plan) -> Floats:
    """Cost of every coalition alone: provision, and all that its residents spend, shape (2 ** municipality,)."""
    n = len(ways.reached)
    alone = np.zeros(1 << n)
    for coalition in range(1, 1 << n):
        towns = np.flatnonzero(coalition >> np.arange(n) & 1)
        kinds = len(town.bundle.kinds)
        forms = [np.full(kinds, t) for t in towns]
        if len(towns) > 1:
            forms.append(towns[_even(ways, town, plan.costs, towns)])
        alone[coalition] = min(_cost_of_form(ways, town, plan, towns, form) for form in forms)
    return alone


def _even(ways: _Ways, town: Town, costs: Costs, towns: Ints) -> Ints:
    """Town of each kind, by its place in `towns`: shared out evenly, so that separate trips cost least."""
    visits = np.array(town.bundle.visits_a_year)
    slots = -(-len(visits) // len(towns))
    far = town.times.limit_s / 60.0
    one = np.array([(ways.minutes[towns, t] + far * ways.lost[towns, t]).sum() for t in towns])
    del costs
    _, column = linear_sum_assignment(np.repeat(visits[:, None] * one, slots, axis=1))
    return np.asarray(column // slots, dtype=np.int64)


def _cost_of_form(ways: _Ways, town: Town, plan: Plan, towns: Ints, form: Ints) -> float:
    costs, visits = plan.costs, np.array(town.bundle.visits_a_year)
    far = town.times.limit_s / 60.0
    total = 0.0
    for t in np.unique(form):
        often = visits[form == t]
        # one trip for all kinds of a town; who does not reach it makes one for each, as long as the bound
        total += often.max() * (
            2 * costs.minute * float(ways.minutes[towns, t].sum()) + costs.fare * float(ways.reached[towns, t].sum())
        )
        total += often.sum() * (2 * costs.minute * far + costs.fare) * float(ways.lost[towns, t].sum())
        total += plan.point(len(often))
    return total


def _visits_made(found: Evaluation) -> Floats:
    """Visits a person makes in a year to kinds within the bound, shape (cell,)."""
    reached = found.of().kind <= found.town.times.limit_s
    total = np.zeros(len(reached))
    for k, often in enumerate(found.town.bundle.visits_a_year):
        total += often * reached[:, k]
    return total


def _hosted(layout: Layout, plan: Plan, municipality: npt.NDArray[np.str_], names: npt.NDArray[np.str_]) -> Floats:
    where = municipality[layout.services.site]
    parts = [replace_services(layout, where == name).spent(plan.costs).provision for name in names]
    return np.array(parts)


def replace_services(layout: Layout, keep: Bools) -> Layout:
    """Give the layout with some of its services."""
    return Layout(name=layout.name, services=layout.services.some(keep), mobile=layout.mobile)


def _parts(weight: Floats) -> Floats:
    """Shares of a whole by weight; equal ones where all weights are 0."""
    total = float(weight.sum())
    return weight / total if total > 0 else np.full(len(weight), 1 / len(weight))


def shapley(cost: Floats) -> Floats:
    r"""Mean, over all orders of joining, of what each player's joining adds to the cost, shape (player,).

    Parameters
    ----------
    cost : ndarray of float64, shape (2 ** player,)
        Cost of every coalition, by its bits; of none 0.

    Notes
    -----
    .. math:: \phi_m = \sum_{S \not\ni m} \frac{|S|!\,(n - |S| - 1)!}{n!} (c(S \cup m) - c(S))

    Examples
    --------
    >>> shapley(np.array([0.0, 60.0, 100.0, 120.0])).tolist()   # 60 and 100 alone, 120 together
    [40.0, 80.0]
    """
    n = _players(cost)
    coalition = np.arange(len(cost))
    size = np.bitwise_count(coalition)
    weight = np.array([factorial(s) * factorial(max(n - s - 1, 0)) / factorial(n) for s in range(n + 1)])
    share = np.zeros(n)
    for m in range(n):
        without = coalition[coalition >> m & 1 == 0]
        share[m] = float(weight[size[without]] @ (cost[without | 1 << m] - cost[without]))
    return share


def least_core(cost: Floats) -> tuple[Floats, float]:
    r"""Shares that give the coalition with most reason to leave the least reason.

    Parameters
    ----------
    cost : ndarray of float64, shape (2 ** player,)
        Cost of every coalition.

    Returns
    -------
    shares : ndarray of float64, shape (player,)
        They add up to the cost of all.
    epsilon : float
        :math:`\max_S x(S) - c(S)`; above 0 no shares keep everybody in: the core is empty.  0 for one player.

    Examples
    --------
    >>> shares, epsilon = least_core(np.array([0.0, 60.0, 100.0, 120.0]))
    >>> shares.round(6).tolist(), round(epsilon, 6)
    ([40.0, 80.0], -20.0)
    """
    n = _players(cost)
    if n == 1:
        return cost[1:].copy(), 0.0
    coalition = np.arange(1, len(cost) - 1)
    inside = (coalition[:, None] >> np.arange(n) & 1).astype(np.float64)
    rows = np.column_stack([inside, -np.ones(len(coalition))])
    scale = float(np.abs(cost).max()) or 1.0
    found = linprog(
        np.append(np.zeros(n), 1.0), A_ub=rows, b_ub=cost[1:-1] / scale, A_eq=[[1.0] * n + [0.0]],
        b_eq=[cost[-1] / scale], bounds=[(None, None)] * (n + 1), method="highs",
    )  # fmt: skip
    x: Floats = np.asarray(found.x)
    return x[:n] * scale, float(x[n]) * scale


def _players(cost: Floats) -> int:
    n = len(cost).bit_length() - 1
    if len(cost) != 1 << n or n < 1 or cost[0] != 0:
        raise SchemaError(f"{len(cost)} costs: coalitions of n players are 2 ** n, the empty one first and of cost 0.")
    return n


def _leaving(share: Floats, alone: Floats, names: npt.NDArray[np.str_]) -> tuple[float, tuple[str, ...]]:
    """Largest excess of a proper coalition's shares over its cost alone, and who is in it."""
    n = len(share)
    if n == 1:
        return 0.0, ()
    coalition = np.arange(1, (1 << n) - 1)
    excess = (coalition[:, None] >> np.arange(n) & 1) @ share - alone[1:-1]
    worst = int(np.argmax(excess))
    return float(excess[worst]), _who(int(coalition[worst]), names)


def _who(coalition: int, names: Sequence[str] | npt.NDArray[np.str_]) -> tuple[str, ...]:
    return tuple(str(name) for m, name in enumerate(names) if coalition >> m & 1)
