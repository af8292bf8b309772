"""Redundancy: how many independent operators of each service are within reach."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from civigrid.layers.onestop.bundle import Bundle
from civigrid.layers.onestop.services import Services, number_of_kind, serving
from civigrid.travel_times import TravelTimes
from civigrid.types import Ints


def operators_of(times: TravelTimes, services: Services, bundle: Bundle, *, groups: Sequence[str] = ()) -> Ints:
    """Count independent operators of each kind within the bundle's threshold, in house.

    Parameters
    ----------
    times : TravelTimes
        Cell to site.
    services : Services
        What is offered; services of one operator fail together, one without a named operator stands alone.
    bundle : Bundle
        What is needed, and what is near.
    groups : sequence of str
        Groups the person belongs to; services for others are left out.

    Returns
    -------
    ndarray of int64, shape (cell, kind)
        0 or 1: nobody steps in where a site fails.
    """
    near = times.within(round(bundle.threshold_min * 60))
    kind = number_of_kind(services, bundle.kinds)
    use = np.flatnonzero((kind >= 0) & services.in_house & serving(services, groups))
    n = len(times.cell_id)
    found = np.zeros((n, len(bundle.kinds)), dtype=np.int64)
    order, starts = near.by_site()
    rows = near.rows()
    names = [services.operator[row] or f"\x00{services.site[row]}" for row in use.tolist()]
    for k in range(len(bundle.kinds)):
        by_operator: dict[str, list[int]] = {}
        for row, name in zip(use.tolist(), names, strict=True):
            if kind[row] == k:
                by_operator.setdefault(name, []).append(int(services.site[row]))
        for sites in by_operator.values():
            reached = np.zeros(n, dtype=bool)
            for site in sites:
                reached[rows[order[starts[site] : starts[site + 1]]]] = True
            found[:, k] += reached
    return found
