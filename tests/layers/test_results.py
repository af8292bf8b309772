"""Results as values: they print, go out tidy, cite, and tell a wrong name."""

import json

import numpy as np
import pytest

from civigrid import segregation
from civigrid.cells import make_cells
from civigrid.errors import CivigridError, UnknownNameError
from civigrid.grid import SquareGrid
from civigrid.types import Column

GRID = SquareGrid(cell_size_m=1000)


def found():
    rng = np.random.default_rng(1)
    row, col = np.divmod(np.arange(100), 10)
    values = {"a": rng.poisson(3 + 3 * col).astype(float), "b": rng.poisson(60 - 4 * row).astype(float)}
    cells = make_cells(GRID, GRID.from_row_col(3000 + row, 4000 + col), values, dict.fromkeys(values, Column()))
    return segregation.indices(cells, ["a", "b"], indices=["D", "A(b=0.1)", "H_multi", "E"])


def test_a_result_is_a_value():
    """It has its parts, prints them, and is a number."""
    one = found()["H_multi"]
    assert float(one) == one.estimate
    assert one.interval[0] < one.corrected < one.interval[1]
    assert "H_multi = " in str(one)
    assert "persons, 100 cells" in str(one)
    assert "@article{reardon2002" in one.citation
    assert one.parameters["correction"] == "rescaled"


def test_results_go_out_tidy_and_cite_each_source_once():
    """A row for each, parameters as columns; the same table back; BibTeX without repetitions."""
    many = found()
    tidy = many.tidy()
    assert len(tidy) == len(many) == 6
    assert tidy.loc[tidy["index"] == "A(b=0.1)", "b"].tolist() == [0.1, 0.1]
    assert json.loads(many.table()["parameters"][0])["cite"] == "duncan1955"
    assert many.bibtex().count("@article{duncan1955,") == 1
    assert "<table" in many._repr_html_()
    assert [str(one) for one in many] == str(many).splitlines()


def test_wrong_names_are_told():
    """An index that was not computed, a column that is none, and a name that is not one result."""
    many = found()
    with pytest.raises(UnknownNameError, match="H_multi"):
        many.where(index="Hmulti")
    with pytest.raises(UnknownNameError, match="column of results"):
        many.where(indx="D")
    with pytest.raises(CivigridError, match="2 results are named"):
        many["D"]
    assert len(many.where(index="D", groups="a")) == 1
    assert len(many[:2]) == 2


@pytest.mark.parametrize("table", ["segregation", "spatial", "nearest", "pattern", "scale", "bounds", "maup", "within"])
def test_no_zone_bears_the_name_of_the_whole(table):
    """In every table a zone called "all" is refused: its rows could not be told from those of the whole."""
    from civigrid.layers import segregation as layer

    row, col = np.divmod(np.arange(100), 10)
    values = {"a": np.full(100, 20.0), "b": 30.0 + row, "t": np.full(100, 99.0)}
    labels = {"zone": np.where(col < 5, "all", "east").astype(object)}
    ids = GRID.from_row_col(3000 + row, 4000 + col)
    cells = make_cells(GRID, ids, values, dict.fromkeys(values, Column()), labels=labels)
    calls = {
        "segregation": lambda: layer.segregation_table(cells, ["a", "b"], zone="zone"),
        "spatial": lambda: layer.spatial_table(cells, ["a", "b"], layer.Kernel("uniform", 2000), zone="zone"),
        "nearest": lambda: layer.nearest_table(cells, ["a", "b"], [200], zone="zone"),
        "pattern": lambda: layer.pattern_table(cells, ["a", "b"], zone="zone", decay_m=1000.0),
        "scale": lambda: layer.scale_table(cells, ["a", "b"], zone="zone"),
        "bounds": lambda: layer.bounds_table(cells, ["a"], total="t", zone="zone"),
        "maup": lambda: layer.maup_table(cells, ["a", "b"], zone="zone"),
        "within": lambda: layer.within_table(cells, ["a", "b"], "zone"),
    }
    with pytest.raises(CivigridError, match="called 'all'"):
        calls[table]()
