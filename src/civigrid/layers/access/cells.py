"""Measures of access on labelled cells: cells in, the same cells with new variables out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from civigrid.cells import column_of, ids_of, values_of, with_variables
from civigrid.errors import SchemaError, unknown_name
from civigrid.layers.access.decay import Decay
from civigrid.layers.access.found import Access
from civigrid.layers.access.market import Market, market
from civigrid.layers.access.measures import DEFAULT, AccessOptions, Measure, measure_access, measure_named
from civigrid.layers.access.sharing import fewest_sharing
from civigrid.layers.access.weights import Weighted, weighted
from civigrid.layers.segregation.groups import group_counts, why_missing
from civigrid.travel_times import TravelTimes
from civigrid.types import Bools, Column, Floats, Status, Statuses

Times = TravelTimes | Weighted
Supply = Mapping[str, npt.ArrayLike] | npt.ArrayLike
PERSONS = "persons_counted"
"""Sum of the groups, by which measures average where no total is named."""


def access_market(
    cells: xr.Dataset,
    times: Times | Mapping[str, Times],
    demand: Sequence[str],
    supply: Supply,
    *,
    decay: Decay | None = None,
    need: Mapping[str, float | Mapping[str, float]] | None = None,
    eligible: Bools | None = None,
    mode_share: Mapping[str, Mapping[str, float | str]] | None = None,
) -> Market:
    """Put labelled cells, travel times and services together.

    Parameters
    ----------
    cells : xarray.Dataset
        The cells that `times` start from.
    times : TravelTimes or Weighted, or mapping of mode to one of them
        Travel times, weighed by `decay`, or weights made already.
    demand : sequence of str
        Counts of the groups that compete; nobody in two of them.  Cells where one is missing demand nothing.
    supply : array_like, shape (site,), or mapping of service to array_like
        Capacity of each site in the order of the times' sites; 0 where it does not offer the service.
    decay : callable, optional
        From minutes to weights; needed for travel times.
    need : mapping of group to float, or to a mapping of service to float, optional
        Demand of a person; 1 where nobody says.
    eligible : ndarray of bool, shape (site, group) or (site, service, group), optional
        Whom each site serves.
    mode_share : mapping of mode to mapping of group to float or str, optional
        Share of each group that has the mode; a name is a variable of the cells.  A group that is absent has none.

    Returns
    -------
    Market

    Raises
    ------
    SchemaError
        Times of other cells, suppressed counts, what `market` refuses.
    UnknownNameError
        A group or service among the needs or shares that is none.
    """
    counts, _ = group_counts(cells, demand, "")
    each = times if isinstance(times, Mapping) else {"all": times}
    weights = {mode: _weights(cells, one, decay) for mode, one in each.items()}
    offered, services = _supply(supply)
    shares = None if mode_share is None else {m: _share(cells, demand, s) for m, s in mode_share.items()}
    return market(
        weights,
        counts,
        offered,
        groups=demand,
        services=services,
        need=_need(need, demand, services),
        eligible=eligible,
        mode_share=shares,
    )


def access_cells(
    cells: xr.Dataset,
    times: Times | Mapping[str, Times],
    demand: Sequence[str],
    supply: Supply,
    *,
    measures: Sequence[str] = DEFAULT,
    decay: Decay | None = None,
    options: AccessOptions | None = None,
    total: str = "",
    least_persons: float = 0.0,
    **more: Any,
) -> xr.Dataset:
    """Add measures of access to cells.

    Parameters
    ----------
    cells, times, demand, supply, decay
        As of `access_market`.
    measures : sequence of str
        Names in `civigrid.layers.access.measures.MEASURES`.
    options : AccessOptions, optional
        What measures ask for.
    total : str
        Count of persons by which measures average; empty: the one group, or ``persons_counted``, their sum.
    least_persons : float
        Measures that share supply out are suppressed where any site a cell reaches is shared by fewer persons.
    more
        `need`, `eligible` and `mode_share`, as of `access_market`.

    Returns
    -------
    xarray.Dataset
        The same cells with ``MEASURE_SERVICE``, and ``MEASURE_SERVICE_GROUP`` where groups have different access;
        without the service where there is one that has no name.  Attributes say decay, options and what was left out.

    Examples
    --------
    >>> from civigrid.cells import make_cells
    >>> from civigrid.grid import SquareGrid
    >>> from civigrid.layers.access.decay import Binary
    >>> from civigrid.travel_times import times_of_pairs
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> ids = grid.from_row_col(np.array([3000, 3000]), np.array([4000, 4001]))
    >>> cells = make_cells(grid, ids, {"people": [10.0, 30.0]}, {"people": Column()})
    >>> row, site, seconds = np.array([0, 1, 1]), np.array([0, 0, 1]), np.array([600, 1200, 300])
    >>> times = times_of_pairs(ids, np.array(["a", "b"]), row, site, seconds, limit_s=1800, mode="walk")
    >>> found = access_cells(cells, times, ["people"], {"advice": [4.0, 3.0]}, measures=["2sfca"], decay=Binary(30.0))
    >>> found["2sfca_advice"].to_numpy().tolist()
    [0.1, 0.2]
    """
    asked = options or AccessOptions()
    town = access_market(cells, times, demand, supply, decay=decay, **more)
    found = measure_access(town, measures, asked)
    return with_access(cells, found, asked, total=total, least_persons=least_persons)


def with_access(
    cells: xr.Dataset,
    found: Mapping[str, Access],
    options: AccessOptions,
    *,
    total: str = "",
    least_persons: float = 0.0,
) -> xr.Dataset:
    """Add what `measure_access` found to the cells of its market, as `access_cells` says."""
    if not found:
        return cells
    town = next(iter(found.values())).market
    why = why_missing(cells, town.groups)
    values: dict[str, Floats] = {}
    about: dict[str, Column] = {}
    status: dict[str, Statuses] = {}
    weight = total or (town.groups[0] if len(town.groups) == 1 else PERSONS)
    if total:
        values_of(cells, total)
    elif weight == PERSONS:
        values[PERSONS] = np.where(town.known, town.demand.sum(axis=1), np.nan)
        about[PERSONS] = Column(long_name="Persons of the groups counted", source="access", rests_on=_all(town))
        status[PERSONS] = why
    few = fewest_sharing(town) < least_persons if least_persons > 0 else None
    attrs: dict[str, dict[str, Any]] = {}
    for name, access in found.items():
        measure = measure_named(name)
        for s, service in enumerate(town.services):
            for g in range(access.value.shape[2]):
                key = "_".join([name, *_parts(town, service, g, access)])
                hidden = few[:, s] if few is not None and measure.competes else None
                value, codes = _known(access.value[:, s, g], measure, why, hidden)
                values[key], status[key] = value, codes
                by = town.groups[g] if access.value.shape[2] > 1 else weight
                words = _words(measure, town, service, access.value.shape[2] > 1, g, cells)
                about[key] = _column(measure, words, by, town)
                attrs[key] = told(measure, access, s, options)
    made = with_variables(cells, values, about, status=status)
    for key, said in attrs.items():
        made[key].attrs |= {f"access_{k}": v for k, v in said.items()}
    return made


def told(measure: Measure, access: Access, service: int, options: AccessOptions) -> dict[str, Any]:
    """Say how a measure was made and what it left out, for parameters of tables and attributes of variables."""
    town = access.market
    said: dict[str, Any] = {"source": measure.source, "better": measure.better}
    said |= {name: getattr(options, name) for name in measure.uses if getattr(options, name) is not None}
    if measure.weighs:
        said["weights"] = town.words
        cut = max(w.weight_at_limit for w in town.modes.values())
        said |= {"weight_at_limit": cut} if cut > 0 else {}
    said["mode"] = "; ".join(w.times.mode for w in town.modes.values())
    said |= {name: float(value[service]) for name, value in access.notes.items()}
    if measure.competes and not town.known.all():
        said["cells_unknown"] = int((~town.known).sum())
    return said | ({"advice": measure.advice} if measure.advice else {})


def _weights(cells: xr.Dataset, one: Times, decay: Decay | None) -> Weighted:
    times = one.times if isinstance(one, Weighted) else one
    if not np.array_equal(ids_of(cells), times.cell_id):
        raise SchemaError("these travel times do not start from these cells. Compute them for the cells at hand.")
    if isinstance(one, Weighted):
        return one
    if decay is None:
        raise SchemaError("travel times without a decay: give decay, or weights that are made already.")
    return weighted(one, decay)


def _supply(supply: Supply) -> tuple[Floats, tuple[str, ...]]:
    if not isinstance(supply, Mapping):
        return np.asarray(supply, dtype=np.float64), ("all",) if np.ndim(supply) == 1 else ()
    if not supply:
        raise SchemaError("no service: supply names none.")
    columns = [np.asarray(column, dtype=np.float64) for column in supply.values()]
    if len({c.shape for c in columns}) > 1:
        raise SchemaError(f"services have supplies of different lengths: {[c.shape for c in columns]}.")
    return np.stack(columns, axis=1), tuple(supply)


def _need(
    need: Mapping[str, float | Mapping[str, float]] | None, groups: Sequence[str], services: Sequence[str]
) -> Floats | None:
    if need is None:
        return None
    names = tuple(services) or ("all",)
    found = np.ones((len(groups), len(names)))
    for group, rate in need.items():
        if group not in groups:
            raise unknown_name("group among the needs", group, groups)
        each = rate if isinstance(rate, Mapping) else dict.fromkeys(names, rate)
        for service, value in each.items():
            if service not in names:
                raise unknown_name("service among the needs", service, names)
            found[list(groups).index(group), names.index(service)] = value
    return found


def _share(cells: xr.Dataset, groups: Sequence[str], share: Mapping[str, float | str]) -> Floats:
    found = np.zeros((cells.sizes["cell"], len(groups)))
    for group, value in share.items():
        if group not in groups:
            raise unknown_name("group among the shares of modes", group, groups)
        found[:, list(groups).index(group)] = values_of(cells, value) if isinstance(value, str) else value
    return found


def _all(town: Market) -> str:
    return "|".join(town.groups)


def _parts(town: Market, service: str, group: int, access: Access) -> list[str]:
    named = [] if town.services == ("all",) else [service]
    return [*named, town.groups[group]] if access.value.shape[2] > 1 else named


def _known(value: Floats, measure: Measure, why: Statuses, hidden: Bools | None) -> tuple[Floats, Statuses]:
    """Values and statuses: what needs the count of the cell itself is missing where that is."""
    codes = np.full(len(value), Status.OK, dtype=np.uint8)
    if (measure.adds and measure.competes) or measure.name in ("balancing_time", "unmet", "doubly_constrained"):
        codes = why.copy()
    if hidden is not None:
        codes[hidden & (codes == Status.OK)] = Status.SUPPRESSED
    return np.where(codes == Status.OK, value, np.nan), codes


def _words(measure: Measure, town: Market, service: str, by_group: bool, group: int, cells: xr.Dataset) -> str:
    words = measure.title if town.services == ("all",) else f"{measure.title}: {service}"
    if not by_group:
        return words
    name = town.groups[group]
    return f"{words}, {column_of(cells[name]).long_name or name}"


def _column(measure: Measure, words: str, weight: str, town: Market) -> Column:
    rests = _all(town) if measure.competes else None
    if measure.adds:
        return Column(kind="extensive", units=measure.units, long_name=words, source="access", rests_on=rests)
    return Column(
        kind="intensive",
        units=measure.units,
        weight=weight,
        long_name=words,
        source="access",
        rests_on=rests,
        of_place=True,
    )
