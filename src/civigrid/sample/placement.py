"""Invented services on real places: for cities whose stops are known and whose services are not."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from civigrid.errors import SchemaError
from civigrid.sample.services import COMPLETE, HOURS, described
from civigrid.types import Floats


def place_services(
    places: pd.DataFrame, weight: Floats, kinds: Mapping[str, int], *, seed: int, hubs: int = 10, shared: float = 0.25
) -> pd.DataFrame:
    """Place invented services on named places, more where more happens.

    Parameters
    ----------
    places : pandas.DataFrame, one row per place
        Columns ``name, longitude, latitude``.
    weight : ndarray of float64, shape (place,)
        How much happens there, as departures of a stop; places are drawn by its square root.
    kinds : mapping of str to int
        How many services of each kind.
    seed : int
        Equal seeds give equal services.
    hubs : int
        Places that several services share.
    shared : float
        Share of services that are at a hub.

    Returns
    -------
    pandas.DataFrame
        As `civigrid.sample.services.make_services`, with ``longitude`` and ``latitude``.

    Raises
    ------
    SchemaError
        More services of a kind than places, or a kind nobody knows the hours of.

    Examples
    --------
    >>> places = pd.DataFrame({"name": ["Market", "Station"], "longitude": [8.4, 8.5], "latitude": [49.4, 49.5]})
    >>> made = place_services(places, np.array([10.0, 90.0]), {"library": 1, "doctor": 2}, seed=7, hubs=1)
    >>> made["kind"].tolist()
    ['library', 'doctor', 'doctor']
    """
    if unknown := [k for k in kinds if k not in HOURS]:
        raise SchemaError(f"no hours are known for {', '.join(unknown)}. Kinds there are: {', '.join(HOURS)}.")
    usable = np.flatnonzero(weight > 0)
    if (most := max([hubs, *kinds.values()])) > len(usable):
        raise SchemaError(f"{most} services of a kind, or hubs, do not fit on {len(usable)} places. Ask for fewer.")
    rng = np.random.default_rng(seed)
    chance = np.sqrt(weight[usable]) / np.sqrt(weight[usable]).sum()
    hub_places = rng.choice(usable, hubs, replace=False, p=chance)
    records = []
    for kind, count in kinds.items():
        place = rng.choice(usable, count, replace=False, p=chance)
        hub = rng.random(count) < shared
        place = np.where(hub, rng.choice(hub_places, count), place)
        if count > COMPLETE:
            place[COMPLETE] = hub_places[0]
        for k in range(count):
            row = places.iloc[int(place[k])]
            record = described(kind, k, f"place-{place[k]}", rng)
            record["name"] = f"{record['name']}, {row['name']}"
            records.append({**record, "longitude": float(row["longitude"]), "latitude": float(row["latitude"])})
    return pd.DataFrame(records)
