"""Bundle completeness: how much of what is needed can be had at one place within reach."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from civigrid.errors import SchemaError
from civigrid.kernels.group import largest
from civigrid.layers.onestop.bundle import Bundle
from civigrid.layers.onestop.services import IN_HOUSE, Services, number_of_kind, serving
from civigrid.travel_times import TravelTimes
from civigrid.types import Floats


def completeness_of_sites(
    services: Services, bundle: Bundle, sites: int, *, referral: float = 0.5, groups: Sequence[str] = ()
) -> Floats:
    r"""Share of a bundle that each site offers: in house 1, by referral `referral`, absent 0.

    Parameters
    ----------
    services : Services
        What is offered.
    bundle : Bundle
        What is needed; kinds weigh as their visits a year.
    sites : int
        How many sites there are.
    referral : float
        How much a service had by referral is worth, in [0, 1].
    groups : sequence of str
        Groups the person belongs to; services for others are left out.

    Returns
    -------
    ndarray of float64, shape (site,)
        :math:`\sum_s n_s v_{js} / \sum_s n_s`, in [0, 1].

    Raises
    ------
    SchemaError
        `referral` lies outside [0, 1].

    Examples
    --------
    >>> from civigrid.layers.onestop.services import services_at
    >>> services = services_at([0, 0, 1], ["doctor", "school", "doctor"])
    >>> completeness_of_sites(services, Bundle(kinds=("doctor", "school"), visits=(1.0, 3.0)), 2)
    array([1.  , 0.25])
    """
    if not 0 <= referral <= 1:
        raise SchemaError(f"referral = {referral}: what is had by referral is worth 0 to 1.")
    kind = number_of_kind(services, bundle.kinds)
    use = (kind >= 0) & serving(services, groups)
    value = np.zeros((sites, len(bundle.kinds)))
    worth = np.where(services.in_house[use], IN_HOUSE, referral)
    np.maximum.at(value, (services.site[use], kind[use]), worth)
    weight = np.array(bundle.visits_a_year)
    shares: Floats = np.minimum((value * weight).sum(axis=1) / weight.sum(), 1.0)
    return shares


def completeness_of(
    times: TravelTimes,
    services: Services,
    bundle: Bundle,
    *,
    referral: float = 0.5,
    groups: Sequence[str] = (),
) -> Floats:
    """Completeness at the best site within the bundle's threshold of each cell, shape (cell,); 0 where there is none.

    Raises
    ------
    SchemaError
        The travel times were not searched as far as the threshold, or `referral` lies outside [0, 1].
    """
    near = times.within(round(bundle.threshold_min * 60))
    value = completeness_of_sites(services, bundle, len(times.site_id), referral=referral, groups=groups)
    return largest(near.rows(), value[near.site], len(times.cell_id))
