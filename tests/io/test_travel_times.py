"""Travel times to a file and back, and the matrices of other engines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from civigrid.errors import SourceError
from civigrid.grid import Grid, H3Grid, SquareGrid
from civigrid.io.travel_times import Columns, read_times, times_of_table, times_table, write_times
from civigrid.travel_times import TravelTimes, times_of_pairs

SQUARES = SquareGrid(cell_size_m=1000)
SITES = np.array(["zoo", "library", "nobody goes"])


def cells(grid: Grid, n: int) -> np.ndarray:
    """Ids of some cells, sorted."""
    if isinstance(grid, SquareGrid):
        return np.sort(grid.cell_at(np.array([[4e6 + 3000.0 * k, 3e6 + 500] for k in range(n)])))
    return np.sort(grid.cell_at(np.array([[10.0 + 0.2 * k, 50.0] for k in range(n)])))


def some_times(grid: Grid) -> TravelTimes:
    """Three cells, one of which reaches nothing, and a site that nobody reaches."""
    row, site, seconds = np.array([2, 0, 0]), np.array([0, 1, 0]), np.array([0, 899, 61])
    return times_of_pairs(cells(grid, 3), SITES, row, site, seconds, limit_s=900, mode="walk, invented")


def same(a: TravelTimes, b: TravelTimes) -> bool:
    """Whether two are equal in every field."""
    return all(np.array_equal(np.asarray(value), np.asarray(vars(b)[name])) for name, value in vars(a).items())


@pytest.mark.parametrize("grid", [SQUARES, H3Grid(8)])
def test_what_was_written_is_read_back(tmp_path: Path, grid: Grid) -> None:
    """A time of 0, a cell without sites, a site without cells, and the order of sites all survive."""
    times = some_times(grid)
    write_times(times, grid, tmp_path / "t.parquet")
    back, found, findings = read_times(tmp_path / "t.parquet")
    assert same(times, back)
    assert found == grid
    assert not findings
    again = times_of_table(times_table(times), SITES, limit_s=900, mode="walk, invented")
    assert same(times, again)


def test_equal_times_give_equal_bytes(tmp_path: Path) -> None:
    """Files can be compared by hash."""
    for name in ("a", "b"):
        write_times(some_times(SQUARES), SQUARES, tmp_path / f"{name}.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def frame(**columns: object) -> pd.DataFrame:
    """A matrix as r5py writes it."""
    codes = [f"{i:x}" for i in cells(H3Grid(8), 3).tolist()]
    plain = {"from_id": [codes[1], codes[0], codes[1]], "to_id": ["b", "a", "a"], "travel_time": [12.0, 3.5, None]}
    return pd.DataFrame(plain | columns)


def test_a_matrix_of_another_engine(tmp_path: Path) -> None:
    """Minutes become seconds, absent times are no pairs, and cells and sites are all there."""
    frame().to_csv(tmp_path / "r5.csv", index=False)
    times, grid, findings = read_times(tmp_path / "r5.csv")
    assert grid == H3Grid(8)
    assert times.site_id.tolist() == ["a", "b"]
    assert times.indptr.tolist() == [0, 1, 2]
    assert times.seconds.tolist() == [210, 720]
    assert times.limit_s == 720
    assert [f.code for f in findings] == ["times.not-reached"]


def test_a_matrix_with_other_names_and_seconds(tmp_path: Path) -> None:
    """Columns and units are said, a bound cuts, and a pair given twice keeps its shorter time and is told."""
    table = frame().rename(columns={"travel_time": "time"}).assign(time=[700, 100, 900])
    pd.concat([table, table.assign(time=[650, 100, 900])]).to_parquet(tmp_path / "v.parquet")
    columns = Columns(time="time", unit="s", limit_min=11.0)
    times, _, findings = read_times(tmp_path / "v.parquet", columns)
    assert times.seconds.tolist() == [100, 650]
    assert [f.code for f in findings] == ["times.repeated"]
    assert findings[0].count == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"travel_time": [1.0, -2.0, 3.0]}, "1 times are negative"),
        ({"from_id": ["Mitte", "Mitte", "Wedding"]}, "neither an INSPIRE code nor an H3 index"),
    ],
)
def test_a_wrong_matrix_is_refused(tmp_path: Path, change: dict[str, object], words: str) -> None:
    """No silent wrong number."""
    frame(**change).to_csv(tmp_path / "r5.csv", index=False)
    with pytest.raises(SourceError, match=words):
        read_times(tmp_path / "r5.csv")


def test_unknown_columns_and_units_are_named(tmp_path: Path) -> None:
    """The message says what there is."""
    frame().to_csv(tmp_path / "r5.csv", index=False)
    with pytest.raises(SourceError, match=r"no column p50. It has from_id, to_id"):
        read_times(tmp_path / "r5.csv", Columns(time="p50"))
    with pytest.raises(SourceError, match="'h' is no unit"):
        read_times(tmp_path / "r5.csv", Columns(unit="h"))
