"""What co-location saves: minutes and fares of separate trips less those of one stop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from civigrid.errors import SchemaError
from civigrid.layers.onestop.bundle import Bundle
from civigrid.layers.onestop.patterns import Patterns
from civigrid.types import Floats


@dataclass(frozen=True, kw_only=True)
class Fare:
    """What a way costs, in one currency.

    Parameters
    ----------
    per_ride : float
        A ride, one way: a flat ticket.
    per_minute : float
        A minute of travel: what driving costs, or a value of time.
    currency : str
        Its name.
    """

    per_ride: float = 0.0
    per_minute: float = 0.0
    currency: str = "EUR"

    def __post_init__(self) -> None:
        if not (0 <= self.per_ride < np.inf and 0 <= self.per_minute < np.inf):
            raise SchemaError(f"fares must lie from 0 on, got {self.per_ride} a ride and {self.per_minute} a minute.")

    def of_year(self, minutes: Floats, rides: float) -> Floats:
        """Fare of a year's travel: so many minutes, and so many rides."""
        return self.per_ride * rides + self.per_minute * minutes


@dataclass(frozen=True, eq=False, kw_only=True)
class Gains:
    """What one stop saves per person and year, by cell; below 0 where it costs more; NaN where either way is missing.

    Parameters
    ----------
    minutes_saved : ndarray of float64, shape (cell,)
        Minutes of travel.
    trips_saved : float
        Round trips: those of separate visits less the rounds.
    fare_saved : ndarray of float64, shape (cell,)
        Fares, in the currency of the `Fare`.
    minutes_per_need, fare_per_need : ndarray of float64, shape (cell,)
        Burden of a visit with separate trips: minutes and fares of a year by its visits.
    """

    minutes_saved: Floats
    trips_saved: float
    fare_saved: Floats
    minutes_per_need: Floats
    fare_per_need: Floats


def gains_of(patterns: Patterns, bundle: Bundle, fare: Fare | None = None) -> Gains:
    """Give what having all at one stop saves against separate trips from home, all counted as round trips.

    >>> from civigrid.layers.onestop.patterns import Patterns
    >>> fields = dict.fromkeys(Patterns.__dataclass_fields__, np.zeros(1))
    >>> ways = Patterns(**fields | {"separate_year_min": np.array([60.0]), "one_stop_year_min": np.array([24.0])})
    >>> gains = gains_of(ways, Bundle(kinds=("doctor", "school", "library")), Fare(per_ride=2.5))
    >>> gains.minutes_saved, gains.trips_saved, gains.fare_saved
    (array([36.]), 2.0, array([10.]))
    """
    fare = fare or Fare()
    separate, together = sum(bundle.visits_a_year), max(bundle.visits_a_year, default=0.0)
    return Gains(
        minutes_saved=patterns.separate_year_min - patterns.one_stop_year_min,
        trips_saved=separate - together,
        fare_saved=fare.of_year(patterns.separate_year_min, 2 * separate)
        - fare.of_year(patterns.one_stop_year_min, 2 * together),
        minutes_per_need=patterns.separate_year_min / separate,
        fare_per_need=fare.of_year(patterns.separate_year_min, 2 * separate) / separate,
    )
