"""`Town`: the people, times and needs by which every layout of services is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from civigrid.cells import ids_of, is_missing, status_of, values_of
from civigrid.errors import SchemaError, unknown_name
from civigrid.layers.onestop.bundle import Bundle
from civigrid.layers.onestop.services import Services, serving
from civigrid.travel_times import TravelTimes
from civigrid.types import Bools, Floats


@dataclass(frozen=True, eq=False, kw_only=True)
class Town:
    """What all layouts of services are judged by: the same people, times, needs and free hours.

    Parameters
    ----------
    times : TravelTimes
        Cell to site; sites are all places that exist or may come to be.
    bundle : Bundle
        What a person needs, at most 8 kinds; its threshold says what is near.
    persons : ndarray of float64, shape (cell, group)
        Persons; NaN where unknown: they count nobody.
    groups : tuple of str
        Names; the first is everyone.
    speaks : mapping of str to frozenset of str
        Languages a group can be served in; groups that are not named can in any.
    free : ndarray of float64, shape (672,), or None
        Share of the people that is free in each quarter of an hour of the week; None: always.
    referral : float
        How much a service had by referral counts for completeness, in [0, 1].

    Raises
    ------
    SchemaError
        Shapes do not fit, or counts are below 0.
    """

    times: TravelTimes
    bundle: Bundle
    persons: Floats
    groups: tuple[str, ...]
    speaks: Mapping[str, frozenset[str]] = field(default_factory=dict)
    free: Floats | None = None
    referral: float = 0.5

    def __post_init__(self) -> None:
        if self.persons.shape != (len(self.times.cell_id), len(self.groups)) or not self.groups:
            raise SchemaError(
                f"persons have shape {self.persons.shape}, must have ({len(self.times.cell_id)}, {len(self.groups)}): "
                "a row by cell of the travel times, a column by group."
            )
        if (np.nan_to_num(self.persons) < 0).any() or np.isinf(self.persons).any():
            raise SchemaError("counts of persons are finite and at least 0. Mend them; NaN stands for unknown.")
        self.times.within(self.threshold_s)
        for group in self.speaks:
            self.number(group)

    @property
    def counts(self) -> Floats:
        """Persons, 0 where unknown, shape (cell, group)."""
        return np.nan_to_num(self.persons)

    @property
    def threshold_s(self) -> int:
        """Seconds within which a site is near."""
        return round(self.bundle.threshold_min * 60)

    def number(self, group: str) -> int:
        """Column of a group."""
        if group not in self.groups:
            raise unknown_name("group", group, self.groups)
        return self.groups.index(group)

    def site(self, name: str) -> int:
        """Column of a site."""
        found = np.flatnonzero(self.times.site_id == name)
        if not len(found):
            raise unknown_name("site", name, self.times.site_id.tolist())
        return int(found[0])

    def suitable(self, services: Services, group: str) -> Bools:
        """Which services are for a group and speak a language of it, shape (service,).

        Where nobody said what is spoken, all are served.
        """
        spoken = self.speaks.get(group)
        understood = [spoken is None or not told or bool(told & spoken) for told in services.languages]
        suits: Bools = serving(services, (group,)) & np.array(understood, dtype=bool)
        return suits


def town_of(cells: xr.Dataset, times: TravelTimes, bundle: Bundle, groups: Sequence[str], **options: object) -> Town:
    """Take the people from cells.

    Parameters
    ----------
    cells : xarray.Dataset
        The cells `times` start from.
    times : TravelTimes
        Cell to site.
    bundle : Bundle
        What is needed.
    groups : sequence of str
        Counts; the first is everyone.
    **options
        For `Town`.
    """
    if not np.array_equal(ids_of(cells), times.cell_id):
        raise SchemaError("these travel times do not start from these cells. Compute them for the cells at hand.")
    known = [np.where(is_missing(status_of(cells, g)), np.nan, values_of(cells, g)) for g in groups]
    persons = np.stack(known, axis=1)
    return Town(times=times, bundle=bundle, persons=persons, groups=tuple(groups), **options)  # type: ignore[arg-type]
