"""Invented streets that tests of this folder share."""

import numpy as np
import pytest
from lattices import STEP, lattice


@pytest.fixture(scope="module", params=[0, 1, 2])
def streets(request):
    """Streets, places near their spots to set out from, and places of sites, the last but one on the island."""
    city = lattice(seed=request.param)
    rng = np.random.default_rng(request.param)
    n = len(city.graph.spot_place)
    at_home = np.flatnonzero(city.graph.spot_place[:, 0] < 0.9)
    one, other = rng.integers(0, n, 60), np.append(rng.choice(at_home, 12), [len(city.graph.node_place) - 1, 20])
    near = rng.uniform(-STEP / 20, STEP / 20, (len(one) + len(other), 2))
    return city, city.graph.spot_place[one] + near[: len(one)], city.graph.spot_place[other] + near[len(one) :]
