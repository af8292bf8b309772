"""Nested columns: nothing is assumed, a declared hierarchy is checked and cut into parts that do not overlap."""

import numpy as np
import pandas as pd
import pytest

from civigrid.errors import SchemaError
from civigrid.io.counts import join_counts
from civigrid.project.hierarchy import check_hierarchy, families, partition
from civigrid.run.fetch import read_declared
from civigrid.source import Source
from civigrid.types import Column, Status


def nested(table, part_of):
    frame = pd.DataFrame(table, index=[f"u{k}" for k in range(len(next(iter(table.values()))))], dtype=float)
    return Source(name="s", table=frame, columns={n: Column(part_of=part_of.get(n)) for n in table})


def test_leaves_and_rests_add_up_to_the_whole():
    """Two levels: the parts that do not overlap, with a rest at each level, are everyone once."""
    part_of = {"eu": "all", "poland": "eu", "turkey": "all"}
    source = nested({"all": [20, 9], "eu": [8, 4], "poland": [5, 4], "turkey": [7, 5]}, part_of)
    cut, names = partition(source, "all")

    assert names == ["poland", "eu_rest", "turkey", "all_rest"]
    assert cut.table[names].sum(axis=1).tolist() == [20, 9]
    assert cut.table["eu_rest"].tolist() == [3, 0]
    assert cut.columns["eu_rest"].part_of == "eu"
    assert families(source) == {"all": ["eu", "turkey"], "eu": ["poland"]}
    assert check_hierarchy(source) == []


def test_what_does_not_nest_is_told():
    """Parts larger than their total are found, counted and named; the rest is none, and marked."""
    source = nested({"all": [5, 9], "a": [4, 4], "b": [3, np.nan]}, {"a": "all", "b": "all"})
    (finding,) = check_hierarchy(source)
    cut, _ = partition(source, "all")

    assert "a + b is more than all in 1 units, by up to 2" in str(finding)
    assert finding.examples == ("u0",)
    assert cut.table["all_rest"].tolist()[0] == 0
    assert cut.status["all_rest"].tolist() == [Status.PERTURBED, Status.UNAVAILABLE]


def test_refusals():
    """A total that is not there, and a circle."""
    with pytest.raises(SchemaError, match="'a' is declared part of 'all', which is no column"):
        families(nested({"a": [1]}, {"a": "all"}))
    with pytest.raises(SchemaError, match="circle: a, b, a"):
        families(nested({"a": [1], "b": [1]}, {"a": "b", "b": "a"}))


def test_berlins_26_origins_nest_as_declared(real_data):
    """The hierarchy that examples/berlin-panel.toml declares holds in every planning area of 2021."""
    import tomllib
    from pathlib import Path

    about = tomllib.loads((Path(__file__).parents[2] / "examples" / "berlin-panel.toml").read_text(encoding="utf-8"))
    areas, _ = read_declared(
        "berlin-lor-2021", real_data / "berlin_lor_boundaries" / "lor_planungsraeume_2021.shp"
    )  # fmt: skip
    table = real_data / "berlin_lor_population" / "lor_plr_t4_2015h1_2024h2.parquet"
    source, _ = join_counts(
        areas,
        table,
        id_column="id",
        columns=about["panel"]["columns"],
        part_of=about["panel"]["part_of"],
        only={"period": "2021-02"},
    )
    cut, names = partition(source, "migration_background")
    over = check_hierarchy(source)

    assert len(source.columns) == 28
    assert not over, [str(f) for f in over]
    assert (cut.table[names].sum(axis=1) == cut.table["migration_background"]).all()
