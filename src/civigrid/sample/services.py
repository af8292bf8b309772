"""Services, and who uses them: most serve everyone, some do not, and it is known which."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from civigrid.sample.options import GROUPS, CityOptions
from civigrid.sample.people import density, is_water
from civigrid.types import Floats

KINDS = {"childcare": 70, "doctor": 46, "library": 14, "community_centre": 22, "school": 38, "sports_centre": 16,
         "advice_office": 6}  # fmt: skip
HOURS = {
    "childcare": ("Mo-Fr 07:00-17:00", "Mo-Fr 06:30-16:00"),
    "doctor": ("Mo-Tu,Th-Fr 08:00-13:00", "Mo-Fr 08:00-12:00; Mo,Th 15:00-18:00", "Mo-We,Fr 09:00-14:00"),
    "library": ("Tu-Sa 10:00-19:00", "Mo-Fr 11:00-18:00"),
    "community_centre": ("Mo-Sa 09:00-21:00",),
    "school": ("Mo-Fr 07:30-16:00",),
    "sports_centre": ("Mo-Su 08:00-22:00",),
    "advice_office": ("Mo,We 09:00-15:00", "Mo-Fr 09:00-16:00", "Tu,Th 10:00-18:00"),
}
"""Hours of the services of a kind, in turn."""
COMPLETE = 1
"""The second service of each kind is at the first hub: there is one place where everything is to be had."""
LANGUAGES = ("en", "fr", "ar", "tr", "uk", "es")
CATCHMENT_M = 15 * 60 * 4.8 / 3.6 / 1.3
"""Fifteen minutes on foot, straight line with detour 1.3 at 4.8 km/h."""
TAKE_UP = {"library": 0.9, "community_centre": 1.0, "sports_centre": 0.75}
"""True odds that someone of another origin uses a service, against someone native."""
UNEQUAL_SITE = "sports_centre-000"
"""The sports centre in whose catchment about 31 % were born elsewhere, and of whose 1,000 members 30."""


def make_services(options: CityOptions) -> pd.DataFrame:
    """Give one row per service; sites of a hub share their place."""
    rng = options.rng("services")
    homes = density(options)
    rows, cols = options.shape
    at = np.ravel_multi_index(np.nonzero(~is_water(options) & (homes > 0)), (rows, cols))
    weight = np.sqrt(homes.ravel()[at])
    hubs = rng.choice(at, 10, replace=False, p=weight / weight.sum())
    records = []
    for kind, count in KINDS.items():
        place = rng.choice(at, count, replace=False, p=weight / weight.sum())
        hub = rng.random(count) < 0.25
        place = np.where(hub, rng.choice(hubs, count), place)
        hub[COMPLETE], place[COMPLETE] = True, hubs[0]
        shift = np.where(hub[:, None], rng.uniform(40, 60, (count, 2)), rng.uniform(5, 95, (count, 2)))
        for k in range(count):
            record = described(kind, k, f"hub-{place[k]}" if hub[k] else f"{kind}-{k:03d}", rng)
            record["easting"] = float(np.round(options.west_m + (place[k] % cols) * 100 + shift[k, 0], 1))
            record["northing"] = float(np.round(options.south_m + (place[k] // cols) * 100 + shift[k, 1], 1))
            records.append(record)
    return pd.DataFrame(records)


def described(kind: str, number: int, place_id: str, rng: np.random.Generator) -> dict[str, Any]:
    """Give an invented service of a kind: who runs it, how many it takes, when it is open, what is spoken there."""
    speaks = ["de", *rng.choice(LANGUAGES, rng.integers(0, 4), replace=False)]
    return {
        "site_id": f"{kind}-{number:03d}",
        "name": f"{kind.replace('_', ' ').title()} {number + 1}",
        "kind": kind,
        "place_id": place_id,
        "operator": str(rng.choice(["city", "charity", "private"])),
        "capacity": int(rng.integers(20, 160)),
        "opening_hours": HOURS[kind][number % len(HOURS[kind])],
        "languages": ";".join(speaks),
        "referral_to": "advice_office-000" if kind == "community_centre" else "",
    }


def catchment_counts(people: pd.DataFrame, services: pd.DataFrame) -> Floats:
    """People by group within each site's catchment, counted from their homes, shape (site, group)."""
    tree = cKDTree(services[["easting", "northing"]].to_numpy())
    counts = np.zeros((len(services), len(GROUPS)))
    for k, group in enumerate(GROUPS):
        homes = cKDTree(people.loc[people["origin"] == group, ["easting", "northing"]].to_numpy())
        counts[:, k] = [len(found) for found in tree.query_ball_tree(homes, CATCHMENT_M)]
    return counts


def make_users(options: CityOptions, people: pd.DataFrame, services: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give users by site and group, and the services, the unequal one moved to where 31 % were born elsewhere."""
    services = services.copy()
    counts = catchment_counts(people, services)
    share = 1 - counts[:, 0] / np.maximum(counts.sum(axis=1), 1)
    target = int(np.argmin(np.abs(share - 0.31) + (counts.sum(axis=1) < 4_000)))
    row = services.index[services["site_id"] == UNEQUAL_SITE][0]
    services.loc[row, ["easting", "northing"]] = services.loc[target, ["easting", "northing"]].to_numpy()
    counts[row] = counts[target]
    rng, records = options.rng("users"), []
    for i in services.index[services["kind"].isin(list(TAKE_UP))]:
        kind, site = services.loc[i, "kind"], services.loc[i, "site_id"]
        odds = counts[i] * np.where(np.arange(len(GROUPS)) == 0, 1.0, TAKE_UP[str(kind)])
        if odds.sum() == 0:
            continue
        size = int(rng.integers(60, 900))
        users = rng.multinomial(size, odds / odds.sum())
        if site == UNEQUAL_SITE:
            others = rng.multinomial(30, counts[i][1:] / counts[i][1:].sum())
            users = np.concatenate([[970], others])
        records += [{"site_id": site, "group": g, "users": int(u)} for g, u in zip(GROUPS, users, strict=True)]
    return pd.DataFrame(records), services
