"""The noise a publisher added: declared by whoever reads, by country, and never made up."""

import numpy as np
import pandas as pd
import pytest

from civigrid.cells import column_of, noise_variance_of
from civigrid.errors import SourceError
from civigrid.io.census import read_census_grid
from civigrid.io.counts import join_counts
from civigrid.io.german_grid import read_german_grid
from civigrid.io.protection import PROTECTION, declare_noise, inferred_noise_variance
from civigrid.io.vector import read_areas
from civigrid.project import project_cells


@pytest.fixture
def border(tmp_path):
    """Three cells: German, French, on the border, and one without a country in which nothing is known."""
    x, y = 4_000_000 + 1000 * np.arange(4), np.full(4, 3_000_000)
    table = pd.DataFrame({"x": x, "y": y, "CNTR_ID": ["DE", "FR", "DE-FR", None], "T": [5, 6, 7, 0], "M": [2, 0, 4, 0]})
    table["T_CI"], table["M_CI"] = [0, 0, 0, 1], [0, 1, 0, 1]
    path = tmp_path / "cells.parquet"
    table.to_parquet(path)
    return path


def test_noise_by_country_stands_beside_each_known_count(border):
    """A border cell has the noise of both countries, a hidden count none; cells carry it."""
    source, _ = read_census_grid(border, cell_size_m=1000, noise_variance={"DE": 2.0, "FR": 0.5})
    cells = project_cells(source, columns=["T", "M"]).cells

    assert sorted(noise_variance_of(cells, "T").tolist()) == [0.0, 0.5, 2.0, 2.5]
    assert sorted(noise_variance_of(cells, "M").tolist()) == [0.0, 0.0, 2.0, 2.5]
    one, _ = read_census_grid(border, cell_size_m=1000, noise_variance=1.5)
    assert one.columns["M"].noise_variance == 1.5
    assert read_census_grid(border, cell_size_m=1000)[0].columns["M"].noise_variance is None


def test_countries_must_be_named(border):
    """Not named is not without noise."""
    with pytest.raises(SourceError, match="does not name 1 countries .first: 'FR'"):
        read_census_grid(border, cell_size_m=1000, noise_variance={"DE": 2.0})
    one, _ = read_census_grid(border, cell_size_m=1000, noise_variance={"FR": 2.0, "DE": 0.0})
    assert one.table["T_noise_variance"].tolist() == one.table["country"].map({"FR": 2, "DE-FR": 2}).fillna(0).tolist()
    with pytest.raises(SourceError, match="a variance is at least 0"):
        read_census_grid(border, cell_size_m=1000, noise_variance=-1.0)
    source, _ = read_census_grid(border, cell_size_m=1000)
    with pytest.raises(SourceError, match="has no countries"):
        declare_noise(source.__class__(name="s", table=source.table[["T"]], columns={"T": source.columns["T"]}), {})


def test_every_reader_takes_a_variance(tmp_path):
    """German cells, areas, and counts joined to them: the columns say it; others stay as they were."""
    grid = tmp_path / "german.csv"
    grid.write_text("x_mp_100m;y_mp_100m;Einwohner\n4000050;3000050;7\n", encoding="utf-8")
    areas = tmp_path / "areas.geojson"
    areas.write_text(
        '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"id":"a","n":4},"geometry":'
        '{"type":"Polygon","coordinates":[[[13,52],[13.1,52],[13.1,52.1],[13,52]]]}}]}',
        encoding="utf-8",
    )
    counts = tmp_path / "counts.csv"
    counts.write_text("id;men\na;3\n", encoding="utf-8")
    source, _ = read_areas(areas, id_column="id", counts=["n"], noise_variance=2.0)
    joined, _ = join_counts(source, counts, id_column="id", columns=["men"], noise_variance=3.0)

    assert read_german_grid(grid, noise_variance=2.0)[0].columns["Einwohner"].noise_variance == 2.0
    assert {n: c.noise_variance for n, c in joined.columns.items()} == {"n": 2.0, "men": 3.0}
    assert (
        column_of(project_cells(read_german_grid(grid, noise_variance=2.0)[0]).cells["Einwohner"]).noise_variance == 2
    )


def test_the_table_of_countries_is_what_the_data_suggest(real_data):
    """A third of the variance of T - M - F over the unflagged cells of each of 30 countries, to 0.06; NO rounds."""
    path = real_data / "eu_census2021_1km" / "census2021_1km_v2.parquet"
    table = pd.read_parquet(path, columns=["CNTR_ID", "T", "M", "F", "T_CI", "M_CI", "F_CI"])
    table = table[(table["CNTR_ID"].str.len() == 2) & (table[["T_CI", "M_CI", "F_CI"]] == 0).all(axis=1)]
    measured = (table["T"] - table["M"] - table["F"]).groupby(table["CNTR_ID"]).var(ddof=0) / 3

    assert set(measured.index) == set(PROTECTION)
    for country, variance in inferred_noise_variance().items():
        if country not in ("NO", ""):
            assert variance == pytest.approx(measured[country], abs=0.06), country
    assert (table.loc[table["CNTR_ID"] == "NO", "M"] % 3 == 0).all()
