"""Adapters of other engines, by engines that answer as theirs document."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from civigrid.errors import CivigridError, SchemaError
from civigrid.io.engines import r5py_times, valhalla_times
from civigrid.travel import Origins

SITES = gpd.GeoSeries(
    [shapely.Point(10.0 + 0.001 * k, 52.0) for k in range(60)], [f"s{k}" for k in range(60)], crs=4326
)
ORIGINS = Origins(
    cell_id=np.array([3, 8], dtype=np.uint64),
    place=np.array([[10.0, 52.0], [10.002, 52.0], [10.01, 52.0]]),
    row=np.array([0, 0, 1]),
    weight=np.array([0.25, 0.75, 1.0]),
)


class FakeActor:
    """Answers as Valhalla does: a second for each ten-thousandth of a degree, nothing beyond 0.03 degrees."""

    def __init__(self):
        self.asked = []

    def matrix(self, request):
        """Answer a request."""
        self.asked.append((len(request["sources"]), len(request["targets"]), request["costing"]))
        return {"sources_to_targets": [[self.pair(a, b) for b in request["targets"]] for a in request["sources"]]}

    def pair(self, a, b):
        """Time and distance of a pair."""
        apart = abs(a["lon"] - b["lon"])
        return {"time": round(apart * 1e4) if apart < 0.03 else None, "distance": apart}


def test_valhalla_is_asked_in_batches_and_averaged_by_weight():
    """Times of a cell are means over its points, by weight; what is not reached from all is no pair."""
    actor = FakeActor()
    times = valhalla_times(actor, ORIGINS, SITES, mode="walk", limit_min=4.0)
    assert actor.asked == [(3, 50, "pedestrian"), (3, 10, "pedestrian")]
    first = dict(zip(times.site[: times.indptr[1]].tolist(), times.seconds[: times.indptr[1]].tolist(), strict=True))
    assert first[10] == round(0.25 * 100 + 0.75 * 80)
    assert max(first) == 25  # 0.25 * 250 + 0.75 * 230 = 235 s; the next takes 245
    assert times.limit_s == 240


def test_valhalla_knows_no_public_transport():
    """And an answer of another shape is refused."""
    with pytest.raises(SchemaError, match="knows walk, bike, drive"):
        valhalla_times(FakeActor(), ORIGINS, SITES, mode="transit", limit_min=4.0)
    broken = SimpleNamespace(matrix=lambda request: {"error": "no suitable edges"})
    with pytest.raises(SchemaError, match="no suitable edges"):
        valhalla_times(broken, ORIGINS, SITES, mode="walk", limit_min=4.0)


def test_r5py_answers_in_minutes(monkeypatch):
    """The first column of times is taken; r5py leaves out or blanks what is not reached."""

    def matrix(network, *, origins, destinations, departure):
        rows = [(o, d) for o in origins["id"] for d in destinations["id"][:2]]
        frame = pd.DataFrame(rows, columns=["from_id", "to_id"])
        return frame.assign(travel_time=[4.0, 9.0, 8.0, None, 5.0, 6.0])

    monkeypatch.setitem(sys.modules, "r5py", SimpleNamespace(TravelTimeMatrix=matrix))
    times = r5py_times("network", ORIGINS, SITES, limit_min=30.0, departure="2026-03-17T08:00")
    assert times.seconds.tolist() == [(4 + 3 * 8) * 15, 300, 360]
    assert times.site.tolist() == [0, 0, 1]
    assert times.mode == "r5py, travel_time, up to 30 minutes"


def test_without_r5py_it_is_said_what_is_missing(monkeypatch):
    """The extra is named."""
    monkeypatch.setitem(sys.modules, "r5py", None)
    with pytest.raises(CivigridError, match=r"pip install civigrid\[r5py\]"):
        r5py_times("network", ORIGINS, SITES, limit_min=30.0)
