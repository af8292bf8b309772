"""Share of the week reachable: when someone who is free and sets out finds what is needed open on arrival."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from civigrid.engine import Scheduler
from civigrid.engine.arrays import Arrays, map_ranges
from civigrid.errors import SchemaError
from civigrid.kernels.visits import WEEK, Visits, shares_of_week
from civigrid.layers.onestop.bundle import Bundle
from civigrid.layers.onestop.chains import visits_at
from civigrid.layers.onestop.patterns import BLOCK
from civigrid.layers.onestop.services import Services
from civigrid.travel_times import TravelTimes
from civigrid.types import Floats


@dataclass(frozen=True, eq=False, kw_only=True)
class Week:
    """Hours of free time in a week in which setting out serves, by cell.

    Parameters
    ----------
    kind_hours : ndarray of float64, shape (cell, kind)
        Some site within the bound has this kind open on arrival, for as long as the visit takes.
    all_hours : ndarray of float64, shape (cell,)
        Every kind of the bundle is so, each on a trip of its own.
    one_stop_hours : ndarray of float64, shape (cell,)
        The whole bundle can be done in one visit to one site.
    free_hours : float
        Hours of free time in the week; the same for all cells.
    """

    kind_hours: Floats
    all_hours: Floats
    one_stop_hours: Floats
    free_hours: float

    def shares(self) -> tuple[Floats, Floats, Floats]:
        """Give the three as shares of the free time; NaN where there is no free time."""
        whole = self.free_hours if self.free_hours > 0 else np.nan
        return self.kind_hours / whole, self.all_hours / whole, self.one_stop_hours / whole


def week_of(
    times: TravelTimes,
    services: Services,
    bundle: Bundle,
    *,
    free: Floats | None = None,
    groups: Sequence[str] = (),
    scheduler: Scheduler | None = None,
    block: int = BLOCK,
) -> Week:
    r"""Hours of the week in which the services of a bundle are within reach.

    Parameters
    ----------
    times : TravelTimes
        Cell to site.
    services : Services
        What is offered, and when it is open.
    bundle : Bundle
        What is needed, and how long visits take.
    free : ndarray of float64, shape (672,), optional
        Share of the people that is free in each quarter of an hour; always, where nobody says.
    groups : sequence of str
        Groups the person belongs to; services for others are left out.
    scheduler : Scheduler, optional
        Where blocks of cells are computed.
    block : int
        Cells of a block.

    Returns
    -------
    Week
        :math:`\sum_\tau a(\tau) A_i(\tau)` in hours: :math:`a` free time at the moment of setting out, :math:`A_i` 1
        where a visit that begins with the next full quarter after arrival is in opening hours to its end.

    Notes
    -----
    Neutens, Delafontaine, Schwanen and Van de Weghe (2012), Journal of Transport Geography 25.
    """
    free = np.ones(WEEK) if free is None else free
    if free.shape != (WEEK,) or not ((free >= 0) & (free <= 1)).all():
        raise SchemaError(f"free time has shape {free.shape}, must have ({WEEK},), with shares in [0, 1].")
    kinds = len(bundle.kinds)
    visits = visits_at(services, bundle, len(times.site_id), groups)
    arrays: Arrays = {
        "indptr": times.indptr,
        "site": times.site,
        "seconds": times.seconds,
        "free": free,
        "sets": np.append(1 << np.arange(kinds), (1 << kinds) - 1),
        **visits._asdict(),
    }
    found = np.concatenate(map_ranges(_hours, arrays, len(times.cell_id), block, scheduler)) / 4.0
    return Week(
        kind_hours=found[:, :kinds],
        all_hours=found[:, kinds],
        one_stop_hours=found[:, kinds + 1],
        free_hours=float(free.sum()) / 4.0,
    )


def _hours(arrays: Arrays, first: int, stop: int) -> Floats:
    visits = Visits(**{name: arrays[name] for name in Visits._fields})
    pairs = (arrays["indptr"][first : stop + 1], arrays["site"], arrays["seconds"])
    single, whole = arrays["sets"][:-1], arrays["sets"][-1:]
    apart = shares_of_week(*pairs, visits, single, arrays["free"])
    return np.concatenate([apart, shares_of_week(*pairs, visits, whole, arrays["free"])[:, :1]], axis=1)
