"""Stability under noise: certain where nothing is near, seeded by cell, missing where the class is."""

import json

import numpy as np
import pytest
from layers.typology.towns import KM, as_raster, raster_cells

from civigrid.cells import status_of, values_of
from civigrid.errors import SchemaError
from civigrid.layers.typology.rules import PRESETS
from civigrid.layers.typology.stability import Noise, noisy, uniform, with_stability
from civigrid.types import Status


def test_a_class_far_from_its_thresholds_is_certain():
    """At 49 or 50 residents the class wavers; at 1 or 100 it never does; nobody stays nobody; unknown stays unknown."""
    raster = np.array([[50.0, 49.0, 0.0, 1.0, 100.0, np.nan]])
    made = with_stability(raster_cells(raster), "T", noise=Noise(draws=40))
    share = values_of(made, "degurba_2_stability")
    by_cell = dict(
        zip(values_of(made, "T").tolist()[:0] or np.nan_to_num(values_of(made, "T"), nan=-1), share, strict=True)
    )

    assert 0.3 < by_cell[50.0] < 0.9
    assert 0.3 < by_cell[49.0] < 0.9
    assert [by_cell[0.0], by_cell[1.0], by_cell[100.0]] == [1.0, 1.0, 1.0]
    assert np.isnan(by_cell[-1.0])
    assert status_of(made, "degurba_1_stability")[np.isnan(share)].tolist() == [Status.CONFIDENTIAL]
    quiet = with_stability(raster_cells(raster), "T", noise=Noise(sd=0, draws=2))
    assert np.nanmin(values_of(quiet, "degurba_2_stability")) == 1.0


def test_noise_belongs_to_the_cell():
    """A cell's draws do not depend on its company; they have the spread asked for, and no bias."""
    ids = np.sort(KM.from_row_col(*np.divmod(np.arange(40_000), 200)[::1] + np.array([[3000], [4000]])))
    persons = np.full(len(ids), 100.0)
    some = np.arange(0, len(ids), 7)
    change = np.concatenate([noisy(persons, ids, Noise(), draw) - persons for draw in range(4)])

    np.testing.assert_array_equal(noisy(persons[some], ids[some], Noise(), 3), noisy(persons, ids, Noise(), 3)[some])
    assert abs(change.mean()) < 0.02
    assert change.std() == pytest.approx(np.sqrt(1.5**2 + 1 / 12), rel=0.02)
    assert np.abs(change).max() <= 5
    assert np.corrcoef(uniform(ids, 0, 0), uniform(ids, 1, 0))[0, 1] == pytest.approx(0, abs=0.02)
    assert not np.array_equal(uniform(ids, 0, 0), uniform(ids, 0, 1))


def test_a_cluster_wavers_as_a_whole():
    """Just above the residents a centre needs, all of its cells waver together."""
    raster = np.zeros((9, 9))
    raster[3:6, 3:6] = 5556
    raster[3, 3] += 50_004 - raster.sum()
    made = with_stability(raster_cells(raster), "T", PRESETS["eu-2011"], noise=Noise(draws=30))
    share = as_raster(made, np.round(values_of(made, "degurba_1_stability") * 30), raster.shape)

    facts = json.loads(made.attrs["degurba_stability"])
    assert (facts["centres_least"], facts["centres_most"]) == (0, 1)
    assert facts["degurba_1_stability_certain_residents"] == 0.0
    assert facts["degurba_1_stability_certain_cells"] == 72 / 81
    assert len(set(share[3:6, 3:6].ravel())) == 1
    assert 3 < share[4, 4] < 30


def test_faults_are_named():
    """No negative noise, no zero draws."""
    with pytest.raises(SchemaError, match="draws 1 or more"):
        Noise(draws=0)
