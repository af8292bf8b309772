"""The only door out: a `Release` is data that passed a disclosure profile.  Writers accept nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from civigrid.source import Licence

T = TypeVar("T")
_KEY = object()


@dataclass(frozen=True, eq=False)
class Release(Generic[T]):
    """Data that may leave the machine, with the profile it passed and what the profile did.

    Made by `release` alone: constructing it directly raises TypeError.

    Parameters
    ----------
    data : xarray.Dataset, pandas.DataFrame or geopandas.GeoDataFrame
        What may be published.
    profile : str
        Name and parameters of the profile.
    actions : dict
        What the profile changed: variable to number of cells suppressed.
    terms : tuple of Licence
        The words that must stand beside the data.
    """

    data: T
    profile: str
    actions: dict[str, Any] = field(default_factory=dict)
    terms: tuple[Licence, ...] = ()
    key: object = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.key is not _KEY:
            raise TypeError("a Release is made by civigrid.release.release(), which applies a disclosure profile.")
