"""Sites that share a place become one site: what is under one roof is one stop."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from civigrid.errors import SchemaError
from civigrid.kernels.bundles import UNREACHED, Int32s
from civigrid.layers.onestop.services import Services
from civigrid.travel_times import TravelTimes, times_of_pairs
from civigrid.types import Ints


def at_places(
    times: TravelTimes, between: TravelTimes | None, services: Services, place: Ints
) -> tuple[TravelTimes, TravelTimes | None, Services]:
    """Make places the sites: of the times to the sites of a place the shortest counts, within it no way at all.

    Parameters
    ----------
    times : TravelTimes
        Cell to site.
    between : TravelTimes or None
        Site to site; rows are the sites, numbered in their order.
    services : Services
        What is offered.
    place : ndarray of int64, shape (site,)
        Number of the place of each site, from 0 without gaps.

    Returns
    -------
    tuple
        The same three with places as sites; a place has the id of its first site.

    Examples
    --------
    >>> from civigrid.layers.onestop.services import services_at
    >>> site = np.array([0, 1, 2])
    >>> times = times_of_pairs(np.array([7], dtype=np.uint64), np.array(["a", "b", "c"]), 0 * site, site,
    ...                        np.array([300, 60, 900]), limit_s=1800, mode="walk")
    >>> made, _, moved = at_places(times, None, services_at([0, 1, 2], ["x", "y", "z"]), np.array([0, 0, 1]))
    >>> made.site_id.tolist(), made.seconds.tolist(), moved.site.tolist()
    (['a', 'c'], [60, 900], [0, 0, 1])
    """
    n = len(times.site_id)
    if len(place) != n:
        raise SchemaError(f"{len(place)} places for {n} sites: give the place of each site.")
    known, first = np.unique(place, return_index=True)
    if not np.array_equal(known, np.arange(len(known))):
        raise SchemaError("places must be numbered from 0 without gaps, as places_of() does.")
    names = times.site_id[first]
    about: dict[str, Any] = {"limit_s": times.limit_s, "mode": times.mode}
    moved = times_of_pairs(times.cell_id, names, times.rows(), place[times.site], times.seconds, **about)
    if between is not None:
        _check(between, times)
        number = np.arange(len(known), dtype=np.uint64)
        row, site = place[between.rows()], place[between.site]
        between = times_of_pairs(number, names, row, site, between.seconds, limit_s=between.limit_s, mode=between.mode)
    target = np.where(services.targets >= 0, place[np.maximum(services.targets, 0)], -1) if n else services.targets
    return moved, between, replace(services, site=place[services.site], refers_to=target)


def dense_between(between: TravelTimes, times: TravelTimes) -> Int32s:
    """Seconds from site to site as a matrix, shape (site, site): `UNREACHED` where absent, 0 on the diagonal.

    Raises
    ------
    SchemaError
        These times are not between the sites of `times`.
    """
    _check(between, times)
    n = len(between.site_id)
    dense = np.full((n, n), UNREACHED, dtype=np.int32)
    dense[between.rows(), between.site] = between.seconds
    np.fill_diagonal(dense, 0)
    return dense


def _check(between: TravelTimes, times: TravelTimes) -> None:
    if not np.array_equal(between.site_id, times.site_id) or len(between.cell_id) != len(times.site_id):
        raise SchemaError(
            f"times between {len(between.cell_id)} and {len(between.site_id)} sites do not fit {len(times.site_id)} "
            "sites. Compute them from the same sites, in the same order, to themselves."
        )
