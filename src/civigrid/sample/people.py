"""People: where they live, and who lives where, from smooth fields at three scales."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

from civigrid.sample.options import AGES, BIRTH, DURATIONS, GROUPS, SEXES, SHARES, CityOptions
from civigrid.types import Bools, Floats, Ints

SCALES_M = (5_000, 1_500, 200)
"""City, neighbourhood, block: the scales at which groups cluster."""
STRENGTH = (0.55, 0.75, 0.45)
"""Standard deviation of the log odds at each scale."""
TOWNS = ((0.5, 0.52, 2.6, 1.0), (0.18, 0.25, 0.9, 0.35), (0.83, 0.78, 1.0, 0.4), (0.8, 0.2, 0.7, 0.25))
"""Core and satellite towns: place (share of width and height), radius in km, weight."""


def river_row(options: CityOptions) -> Floats:
    """Row of the river at each column: it winds from west to east."""
    rows, cols = options.shape
    at = np.arange(cols) / cols
    course: Floats = rows * (0.42 + 0.07 * np.sin(2 * np.pi * at * 1.3) + 0.03 * np.sin(2 * np.pi * at * 3.1))
    return course


def is_water(options: CityOptions) -> Bools:
    """Whether each 100 m cell is river, shape (northing, easting)."""
    rows, _ = options.shape
    return np.abs(np.arange(rows)[:, None] - river_row(options)[None, :]) < 1.5


def density(options: CityOptions) -> Floats:
    """Relative density of homes by 100 m cell: core, towns, parks, and nobody in the river."""
    rows, cols = options.shape
    north, east = np.mgrid[0:rows, 0:cols].astype(np.float64)
    total = np.zeros((rows, cols))
    for x, y, radius_km, weight in TOWNS:
        square = ((east - x * cols) ** 2 + (north - y * rows) ** 2) / (radius_km * 10) ** 2
        total += weight * np.exp(-square / 2)
    rng = options.rng("density")
    rough = np.exp(0.6 * _field(rng, (rows, cols), 300) + 0.5 * _field(rng, (rows, cols), 100))
    parks = _field(options.rng("parks"), (rows, cols), 500) > 1.5
    edge = ((east / cols - 0.5) / 0.47) ** 2 + ((north / rows - 0.5) / 0.47) ** 2 > 1
    total *= rough
    total[parks | is_water(options) | edge | (total < 0.02)] = 0.0
    return total


def _field(rng: np.random.Generator, shape: tuple[int, int], scale_m: float) -> Floats:
    """A smooth random field of mean 0 and standard deviation 1."""
    field = gaussian_filter(rng.standard_normal(shape), scale_m / 100, mode="reflect")
    smooth: Floats = (field - field.mean()) / field.std()
    return smooth


def group_probabilities(options: CityOptions) -> Floats:
    """True probability of each group by 100 m cell, shape (northing, easting, group)."""
    logits = np.empty((*options.shape, len(GROUPS)))
    for k, (group, share) in enumerate(zip(GROUPS, SHARES, strict=True)):
        rng = options.rng(f"field {group}")
        parts = [s * _field(rng, options.shape, scale) for s, scale in zip(STRENGTH, SCALES_M, strict=True)]
        logits[..., k] = np.log(share) + (0.5 if group == "native" else 1.0) * np.sum(parts, axis=0)
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: Floats = odds / odds.sum(axis=-1, keepdims=True)
    return probabilities


def make_people(options: CityOptions) -> pd.DataFrame:
    """Give one row per person: home point, origin, birth group, age band, sex, duration of residence."""
    rng = options.rng("people")
    homes = density(options).ravel()
    cell = np.sort(rng.choice(len(homes), size=options.persons, p=homes / homes.sum()))
    row, col = np.divmod(cell, options.shape[1])
    east, north = _buildings(options, cell)
    odds = group_probabilities(options).reshape(-1, len(GROUPS))[cell]
    group = (rng.random(options.persons)[:, None] > np.cumsum(odds, axis=1)).sum(axis=1).clip(0, len(GROUPS) - 1)
    origin = np.array(GROUPS)[group]
    native = group == 0
    age = np.where(
        native, *(rng.choice(len(AGES), options.persons, p=p) for p in ([0.13, 0.62, 0.25], [0.12, 0.79, 0.09]))
    )
    stay = np.where(native, 3, rng.choice(3, options.persons, p=[0.12, 0.34, 0.54]))
    return pd.DataFrame(
        {
            "person_id": np.arange(options.persons),
            "easting": options.west_m + col * 100 + east,
            "northing": options.south_m + row * 100 + north,
            "origin": origin,
            "birth": pd.Series(origin).map(BIRTH).fillna("OTH").to_numpy(),
            "age_band": np.array(AGES)[age],
            "sex": np.array(SEXES)[rng.integers(0, 2, options.persons)],
            "duration": np.array(DURATIONS)[stay],
        }
    )


def _buildings(options: CityOptions, cell: Ints) -> tuple[Floats, Floats]:
    """Place of each person's building within its cell, metres: at most eight buildings to a cell."""
    rng = options.rng("buildings")
    places = np.round(rng.uniform(2, 98, size=(options.shape[0] * options.shape[1], 8, 2)), 1)
    number = rng.integers(0, 8, size=len(cell))
    found: Floats = places[cell, number]
    return found[:, 0], found[:, 1]
