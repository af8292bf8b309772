"""The EU census cells, or a town that stands in for them where the real data are absent or only life is asked for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("T", "M", "F", "Y_LT15", "Y_1564", "Y_GE65", "EMP", "NAT", "EU_OTH", "OTH", "SAME", "CHG_IN", "CHG_OUT")


def census_file(folder: Path, *, smallest: bool) -> tuple[Path, str]:
    """Path of the census at 1 km, and what it is; an invented one is written to `folder`."""
    data = Path(os.environ.get("CIVIGRID_DATA", ROOT / ".." / "shared" / "data"))
    path = data / "eu_census2021_1km" / "census2021_1km_v2.parquet"
    if path.exists() and not smallest:
        return path, "EU census 2021"
    invented = folder / "census.parquet"
    if not invented.exists():
        _town().to_parquet(invented)
    return invented, "invented" if smallest else "invented: the real data are absent"


def _town(side: int = 100) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    x, y = (v.ravel() for v in np.meshgrid(np.arange(side), np.arange(side)))
    table: dict[str, Any] = {"x": 4_300_000 + 1000 * x, "y": 3_200_000 + 1000 * y, "CNTR_ID": "DE"}
    for name in NAMES:
        value = rng.integers(0, 300, side * side)
        hidden = rng.random(side * side) < 0.05
        table[name], table[f"{name}_CI"] = np.where(hidden, 0, value).astype(np.int32), hidden.astype(np.uint8)
    return pd.DataFrame(table)
