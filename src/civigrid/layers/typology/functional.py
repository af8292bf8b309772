"""Functional urban areas: cities of units around urban centres, and the units whose employed residents go there.

Source: L. Dijkstra, H. Poelman and P. Veneri (2019), The EU-OECD definition of a functional urban area, OECD Regional
Development Working Papers 2019/11.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from civigrid.errors import SchemaError, first_few
from civigrid.kernels.group import group_sum
from civigrid.types import Bools, Floats, Ints

NONE = -1


@dataclass(frozen=True, kw_only=True)
class FunctionalRules:
    """Thresholds of the definition.

    Parameters
    ----------
    city_share : float
        Share of a unit's residents that live in urban centres, from which it belongs to a city.
    centre_share : float
        Share of a centre's residents that must live in its city.
    short : {"flag", "extend"}
        Where a city holds less of its centre: say so, or add the units with most of the centre's residents, as long as
        the city as a whole keeps `city_share`.
    commuting_share : float
        Share of a unit's employed residents who work in a city, from which it belongs to the commuting zone.
    merge_share : float
        Share of a city's employed residents who work in another city, from which the two are one destination.
    merge : {"either", "both"}
        Whether one direction of that is enough.
    """

    city_share: float = 0.5
    centre_share: float = 0.75
    short: Literal["flag", "extend"] = "flag"
    commuting_share: float = 0.15
    merge_share: float = 0.15
    merge: Literal["either", "both"] = "either"

    def __post_init__(self) -> None:
        for name in ("city_share", "centre_share", "commuting_share", "merge_share"):
            if not 0 < getattr(self, name) <= 1:
                raise SchemaError(f"{name} must lie in (0, 1], got {getattr(self, name)}.")
        if self.short not in ("flag", "extend") or self.merge not in ("either", "both"):
            raise SchemaError(f"short is flag or extend, merge is either or both; got {self.short}, {self.merge}.")


@dataclass(frozen=True, eq=False)
class FunctionalAreas:
    """What was found.

    Parameters
    ----------
    units : pandas.DataFrame, one row per unit
        ``city`` (its name, ``""``: none), ``area`` (name of the functional urban area), ``role`` (``city``,
        ``commuting zone``, ``enclave``; ``exclave``: it sends enough commuters but hangs together with nothing),
        ``commuting_share`` (to the area it sends most to).
    cities : pandas.DataFrame, one row per urban centre
        ``area``, ``units``, ``persons``, ``centre_share`` (of the centre's residents, in the city), ``is_short``.
    """

    units: pd.DataFrame
    cities: pd.DataFrame


def functional_areas(
    persons: Floats,
    in_centre: Floats,
    flows: sparse.csr_array,
    neighbours: Ints,
    *,
    unit_id: npt.NDArray[np.object_],
    centre_name: npt.NDArray[np.object_],
    employed: Floats | None = None,
    rules: FunctionalRules | None = None,
) -> FunctionalAreas:
    """Find functional urban areas.

    Parameters
    ----------
    persons : ndarray of float64, shape (unit,)
        Residents of the units.
    in_centre : ndarray of float64, shape (unit, centre)
        Residents of each unit in each urban centre.
    flows : scipy.sparse.csr_array, shape (unit, unit)
        Employed residents of the row's unit who work in the column's; the diagonal holds who works at home.
    neighbours : ndarray of int64, shape (pair, 2)
        Units that share a border.
    unit_id, centre_name : ndarray of object
        Ids of the units and names of the centres.
    employed : ndarray of float64, shape (unit,), optional
        Employed residents; by default the sums of `flows`, which then must hold all workplaces.
    rules : FunctionalRules, optional
        Thresholds.

    Returns
    -------
    FunctionalAreas
        An area is named after the centre of its most populous city.

    Notes
    -----
    1. A unit with at least half of its residents in urban centres belongs to the city of the centre that holds most
    of them.  2. Cities with enough commuters between them become one destination, transitively, once.  3. A unit joins
    the destination it sends most commuters to, where these are enough.  4. A unit all of whose neighbours belong to one
    area joins it (repeated); parts that hang together with no city of their area leave it; then enclaves once more.
    """
    rules = rules or FunctionalRules()
    worked: Floats = np.asarray(flows.sum(axis=1), dtype=np.float64) if employed is None else employed
    _check(persons, in_centre, flows, worked, unit_id)
    city = _cities(persons, in_centre, rules)
    in_city = city != NONE
    area_of_city = _merged(city, flows, worked, in_centre.shape[1], rules)
    cities = np.where(in_city, np.append(area_of_city, NONE)[city], NONE)
    best, most = _most_to(flows, cities, worked)
    zone = ~in_city & (np.round(most, 12) >= rules.commuting_share)
    area = np.where(zone, best, cities)
    graph = _graph(neighbours, len(persons))
    final = _enclaves(_connected(_enclaves(area, graph), in_city, graph), graph)
    names = _area_names(area_of_city, city, persons, centre_name)
    units = pd.DataFrame(
        {
            "city": np.append(centre_name, "")[city],
            "area": names[final],
            "role": _roles(area, final, in_city, zone),
            "commuting_share": most,
        },
        index=pd.Index(unit_id, name="unit"),
    )
    return FunctionalAreas(units, _city_table(city, names[area_of_city], persons, in_centre, centre_name, rules))


def _roles(area: Ints, final: Ints, in_city: Bools, zone: Bools) -> npt.NDArray[np.object_]:
    role = np.full(len(area), "", dtype=object)
    role[final != NONE] = "enclave"
    role[(final != NONE) & (final == area)] = "commuting zone"
    role[in_city] = "city"
    role[zone & (final == NONE)] = "exclave"
    return role


def _check(
    persons: Floats, in_centre: Floats, flows: sparse.csr_array, worked: Floats, unit_id: npt.NDArray[np.object_]
) -> None:
    n = len(persons)
    if flows.shape != (n, n) or in_centre.shape[0] != n or len(unit_id) != n:
        raise SchemaError(f"{n} units, but flows of shape {flows.shape} and {in_centre.shape[0]} rows of centres.")
    if (flows.data < 0).any() or (persons < 0).any():
        raise SchemaError("residents or commuters are negative. Mend the counts.")
    few = np.asarray(flows.sum(axis=1)) > worked * (1 + 1e-9)
    if few.any():
        raise SchemaError(f"{int(few.sum())} units send more commuters than work (first: {first_few(unit_id[few])}).")


def _cities(persons: Floats, in_centre: Floats, rules: FunctionalRules) -> Ints:
    """City (number of its centre) of each unit."""
    if not in_centre.shape[1]:
        return np.full(len(persons), NONE)
    inside = in_centre.sum(axis=1)
    share = np.divide(inside, persons, out=np.zeros_like(persons), where=persons > 0)
    city = np.where(np.round(share, 12) >= rules.city_share, in_centre.argmax(axis=1), NONE)
    if rules.short == "extend":
        for centre in range(in_centre.shape[1]):
            _extend(city, centre, persons, in_centre[:, centre], rules)
    return city


def _extend(city: Ints, centre: int, persons: Floats, held: Floats, rules: FunctionalRules) -> None:
    """Add units to a city, those with most of its centre first, until it holds enough of it."""
    for unit in np.argsort(-held, kind="stable"):
        mine = city == centre
        if held[mine].sum() >= rules.centre_share * held.sum() or held[unit] == 0:
            return
        grown = mine | (np.arange(len(city)) == unit)
        if city[unit] == NONE and held[grown].sum() >= rules.city_share * persons[grown].sum():
            city[unit] = centre


def _merged(city: Ints, flows: sparse.csr_array, worked: Floats, n: int, rules: FunctionalRules) -> Ints:
    """Destination of each city: cities with enough commuters between them are one."""
    to = _member_of(city, n)
    between = (to.T @ flows @ to).toarray()
    staff = np.asarray(to.T @ worked)
    share = np.divide(between, staff[:, None], out=np.zeros_like(between), where=staff[:, None] > 0)
    linked = np.round(share, 12) >= rules.merge_share
    linked = linked | linked.T if rules.merge == "either" else linked & linked.T
    # a centre without a city is no destination: it keeps a number that nothing uses
    group = connected_components(sparse.csr_array(linked), directed=False)[1] if n else np.empty(0)
    return group.astype(np.int64)


def _member_of(group: Ints, n: int) -> sparse.csr_array:
    """Matrix of units and their groups, shape (unit, n)."""
    mine = np.flatnonzero(group != NONE)
    return sparse.csr_array((np.ones(len(mine)), (mine, group[mine])), shape=(len(group), n))


def _most_to(flows: sparse.csr_array, area: Ints, worked: Floats) -> tuple[Ints, Floats]:
    """Destination each unit sends most commuters to (the lower number among equals), and their share of its workers."""
    n = int(area.max(initial=NONE)) + 1
    if not n:
        return np.full(len(area), NONE), np.zeros(len(area))
    sent = sparse.csr_array(flows @ _member_of(area, n))
    best = np.asarray(sent.argmax(axis=1), dtype=np.int64).ravel()
    most = sent.max(axis=1).toarray().ravel()
    return best, np.divide(most, worked, out=np.zeros(len(area)), where=worked > 0)


def _graph(neighbours: Ints, n: int) -> sparse.csr_array:
    a, b = neighbours.reshape(-1, 2).T
    both = (np.concatenate([a, b]), np.concatenate([b, a]))
    return sparse.csr_array((np.ones(2 * len(a)), both), shape=(n, n))


def _enclaves(area: Ints, graph: sparse.csr_array) -> Ints:
    """Let units join the one area that all their neighbours belong to, until none does."""
    area = area.copy()
    start, end = graph.indptr[:-1], graph.indptr[1:]
    while True:
        fresh = {}
        for unit in np.flatnonzero((area == NONE) & (end > start)):
            around = set(area[graph.indices[start[unit] : end[unit]]].tolist())
            if len(around) == 1 and NONE not in around:
                fresh[unit] = around.pop()
        if not fresh:
            return area
        area[list(fresh)] = list(fresh.values())


def _connected(area: Ints, in_city: Bools, graph: sparse.csr_array) -> Ints:
    """Keep of each area the parts that hang together with a city."""
    a, b = graph.nonzero()
    same = (area[a] == area[b]) & (area[a] != NONE)
    links = sparse.csr_array((np.ones(int(same.sum())), (a[same], b[same])), shape=graph.shape)
    part = connected_components(links, directed=False)[1]
    has_city = group_sum(part, in_city, int(part.max(initial=-1)) + 1) > 0
    return np.where(has_city[part], area, NONE)


def _area_names(
    area_of_city: Ints, city: Ints, persons: Floats, centre_name: npt.NDArray[np.object_]
) -> npt.NDArray[np.object_]:
    """Name of each area, after its most populous city, and none for no area (the last place, -1)."""
    size = group_sum(city + 1, persons, len(centre_name) + 1)[1:]
    names = np.full(int(area_of_city.max(initial=NONE)) + 2, "", dtype=object)
    for centre in np.argsort(size, kind="stable"):
        names[area_of_city[centre]] = centre_name[centre]
    return names


def _city_table(
    city: Ints,
    area: npt.NDArray[np.object_],
    persons: Floats,
    in_centre: Floats,
    centre_name: npt.NDArray[np.object_],
    rules: FunctionalRules,
) -> pd.DataFrame:
    n = in_centre.shape[1]
    mine = city[:, None] == np.arange(n)
    total = in_centre.sum(axis=0)
    held = np.divide((in_centre * mine).sum(axis=0), total, out=np.zeros(n), where=total > 0)
    units = mine.sum(axis=0)
    return pd.DataFrame(
        {
            "area": np.where(units > 0, area, ""),
            "units": units,
            "persons": (persons[:, None] * mine).sum(axis=0),
            "centre_persons": total,
            "centre_share": held,
            "is_short": np.round(held, 12) < rules.centre_share,
        },
        index=pd.Index(centre_name, name="city"),
    )


def touching_units(shapes: npt.NDArray[np.object_]) -> Ints:
    """Pairs of polygons that share a border of some length, shape (pair, 2), the lower number first.

    >>> touching_units(np.array([shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1), shapely.box(2, 1, 3, 2)])).tolist()
    [[0, 1]]
    """
    a, b = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    a, b = a[a < b], b[a < b]
    long = shapely.length(shapely.intersection(shapes[a], shapes[b])) > 0
    pairs: Ints = np.stack([a[long], b[long]], axis=1).astype(np.int64)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
