"""Chicago's tracts with their physicians and dentists, or as many invented places where the real data are absent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
LIMIT_KM = 15.0
TRACTS = 1_930


class Places(NamedTuple):
    """People and places (place, service) at each tract, and travel times between them: a minute for a kilometre."""

    what: str
    times: Any
    people: Any
    supply: Any

    @property
    def table(self) -> Any:
        """Pairs as PySAL takes them: ``origin``, ``dest``, ``cost`` in minutes."""
        import pandas as pd

        return pd.DataFrame(
            {"origin": self.times.rows(), "dest": self.times.site.astype(np.int64), "cost": self.times.seconds / 60}
        )


def places(*, smallest: bool) -> Places:
    """Give Chicago up to 15 km; invented places where the data are absent, fewer where only life is asked for."""
    from civigrid.travel_times import times_of_pairs

    folder = Path(os.environ.get("CIVIGRID_DATA", ROOT / ".." / "shared" / "data")) / "access"
    if smallest or not folder.is_dir():
        what, place, people, supply = _invented(60 if smallest else TRACTS)
    else:
        what, place, people, supply = _chicago(folder)
    km = np.sqrt(((place[:, None] - place[None]) ** 2).sum(axis=-1)) / 1000
    row, site = np.nonzero(km <= LIMIT_KM)
    ids = np.arange(len(people), dtype=np.uint64)
    names = np.array([f"{k:04d}" for k in range(len(people))])
    seconds = np.round(km[row, site] * 60).astype(np.int64)
    times = times_of_pairs(ids, names, row, site, seconds, limit_s=int(LIMIT_KM * 60), mode="straight line")
    return Places(f"{what}, {len(row):,} pairs", times, people, supply)


def _chicago(folder: Path) -> tuple[str, Any, Any, Any]:
    import geopandas as gpd
    import pandas as pd

    tracts = gpd.read_file(folder / "chicago_metro_pop.geojson").sort_values("geoid")
    doctors = pd.read_csv(folder / "chicago_metro_docs_dentists.csv").sort_values("geoid")
    place = np.column_stack([tracts.geometry.x, tracts.geometry.y])
    return "Chicago", place, tracts["pop"].to_numpy(dtype=float), doctors[["doc", "dentist"]].to_numpy(dtype=float)


def _invented(n: int) -> tuple[str, Any, Any, Any]:
    """A dense middle and a thin rim; of 1,930 places about as many pairs as Chicago has."""
    rng = np.random.default_rng(5)
    place = rng.normal(0.0, 13_000.0, (n, 2))
    people = rng.integers(500, 8_000, n).astype(float)
    return "invented", place, people, rng.negative_binomial(0.5, 0.1, (n, 2)).astype(float)
