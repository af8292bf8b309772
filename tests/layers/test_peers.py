"""Peers beside us: equal where they follow their sources, and shown wrong where docs/peers.md says so."""

import numpy as np
import pytest
import shapely
from patterns import pattern

from civigrid.cells import make_cells
from civigrid.grid import SquareGrid
from civigrid.layers.segregation.pattern.places import Centres, PatternOptions
from civigrid.layers.segregation.pattern.table import pattern_table
from civigrid.types import Column

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def peer():
    """PySAL's segregation, or a skip: it is a peer, no dependency."""
    return pytest.importorskip("segregation.singlegroup", reason="install the group 'peers'")


def both(peer, name, counts, row, col, **asked):
    """A value of PySAL on 1 km squares."""
    import geopandas as gpd

    boxes = shapely.box(col * 1e3, row * 1e3, col * 1e3 + 1e3, row * 1e3 + 1e3)
    table = gpd.GeoDataFrame({"g": counts[:, 0], "t": counts.sum(axis=1)}, geometry=boxes, crs="EPSG:3035")
    return float(getattr(peer, name)(table, group_pop_var="g", total_pop_var="t", **asked).statistic)


def ours(counts, row, col, **asked):
    grid = SquareGrid(cell_size_m=1000, bounds_m=(0, 0, 1e6, 1e6))
    values = {"a": counts[:, 0], "b": counts[:, 1]}
    cells = make_cells(grid, grid.from_row_col(row, col), values, {"a": Column(), "b": Column()})
    table = pattern_table(cells, ["a", "b"], decay_m=1000.0, **asked)
    return table[table["groups"] == "a"].set_index("index")["estimate"]


def test_where_pysal_is_right_we_agree(peer):
    """Delta, both centralizations around a centre without ties, and Morrill's index on a map without empty cells."""
    rng = np.random.default_rng(0)
    row, col = np.divmod(np.arange(64), 8)
    counts = rng.integers(1, 90, (64, 2)).astype(float)
    x, y = 1317.0, 2841.0
    found = ours(counts, row, col, centres=Centres([[x, y]]), options=PatternOptions(contiguity="queen"))

    assert both(peer, "Delta", counts, row, col) == pytest.approx(found["Delta"], abs=1e-12)
    assert both(peer, "RelativeCentralization", counts, row, col, center=(x, y)) == pytest.approx(
        found["RCE"], abs=1e-9
    )
    assert both(peer, "AbsoluteCentralization", counts, row, col, center=(x, y)) == pytest.approx(
        found["ACE"], abs=1e-9
    )
    assert both(peer, "SpatialDissim", counts, row, col) == pytest.approx(found["D_adj"], abs=1e-9)


@pytest.mark.parametrize(("name", "index"), [("SpatialProximity", "SP"), ("AbsoluteClustering", "ACL")])
def test_pysal_ranks_a_lattice_above_a_block(peer, name, index):
    """25 full cells of 100: PySAL finds the lattice more clustered than the block; ours is the other way round."""
    block, lattice = pattern("A"), pattern("C")

    assert both(peer, name, *lattice) > both(peer, name, *block)
    assert ours(*lattice)[index] < ours(*block)[index]


def test_pysal_has_no_concentration_on_equal_areas(peer):
    """Equal cells, unequal densities: PySAL's RCO is no finite number in [-1, 1], or its ACO lies beyond [0, 1]."""
    counts, row, col = pattern("D")
    counts = counts * np.where(row > 4, 3, 1)[:, None]
    theirs = [both(peer, f"{k}Concentration", counts, row, col) for k in ("Absolute", "Relative")]
    found = ours(counts, row, col)

    assert not (0 <= theirs[0] < 1 and -1 <= theirs[1] <= 1)
    assert 0 < found["ACO"] < 1
    assert -1 < found["RCO"] < 1


def test_empty_cells_change_pysals_clustering(peer):
    """A rim of empty cells changes PySAL's ACL, and nothing of ours."""
    counts, row, col = pattern("D")
    far = np.arange(10, 30)
    padded = np.concatenate([counts, np.zeros((20, 2))]), np.concatenate([row, far]), np.concatenate([col, far])

    assert abs(both(peer, "AbsoluteClustering", *padded) - both(peer, "AbsoluteClustering", counts, row, col)) > 1e-3
    np.testing.assert_allclose(ours(*padded), ours(counts, row, col), atol=1e-12)
