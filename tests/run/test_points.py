"""Streamed points: the answer of the whole table in memory, whatever the pieces and whoever counts them."""

from hashlib import sha256

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyproj import Transformer

from civigrid.cells import ids_of, status_of
from civigrid.engine import Scheduler
from civigrid.errors import SchemaError, SourceError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.io.pieces import plan_pieces, read_piece
from civigrid.io.points import read_points
from civigrid.project import project_points
from civigrid.run.points import PointFile, stream_points
from civigrid.types import Status

KM = SquareGrid(cell_size_m=1000)
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


def register(n=3_000, seed=1):
    """Persons around a city: some outside the grid, some without a place, a group or a flat size."""
    rng = np.random.default_rng(seed)
    xy = rng.normal([4_500_000, 3_200_000], 3_000, (n, 2)).round(1)
    xy[:40] = np.round(xy[:40], -3)  # on corners of cells
    xy[40:60] += 5_000_000
    frame = pd.DataFrame(
        {"e": xy[:, 0], "n": xy[:, 1], "origin": rng.choice(["A", "B", "C", "D"], n, p=[5 / 8, 1 / 4, 0.1, 0.025])}
    )
    frame["flat"] = rng.gamma(2.0, 30.0, n) - 5.0
    frame.loc[60:75, "e"] = np.nan
    frame.loc[70:90, "origin"] = None
    frame.loc[100:140, "flat"] = np.nan
    return frame


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The register as Parquet in small row groups, in one, and as two kinds of CSV."""
    folder, frame = tmp_path_factory.mktemp("register"), register()
    frame.to_parquet(folder / "groups.parquet", row_group_size=170)
    frame.to_parquet(folder / "one.parquet")
    frame.to_csv(folder / "comma.csv", index=False)
    frame.to_csv(folder / "german.csv", index=False, sep=";", decimal=",")
    return {path.name: path for path in folder.iterdir()}


def file_of(path, **other):
    return PointFile(path=path, x="e", y="n", crs="EPSG:3035", by="origin", columns=("flat",), **other)


def digest(made):
    """Hash of every byte of cells and ledger."""
    whole = sha256(ids_of(made.cells).tobytes())
    for name in sorted(map(str, made.cells.data_vars)):
        whole.update(name.encode() + made.cells[name].values.tobytes())
    return whole.hexdigest() + str([(e.variable, e.total, e.placed, e.outside, e.unplaceable) for e in made.ledger])


@pytest.mark.parametrize("grid", [KM, H3Grid(8)], ids=lambda g: g.id)
def test_streamed_is_in_memory(files, grid):
    """The same cells, values, statuses, attributes and ledger as from the whole table in memory."""
    source, _ = read_points(files["one.parquet"], x="e", y="n", crs="EPSG:3035", labels=["origin"], counts=["flat"])
    expected = project_points(source, grid, by="origin")
    found = stream_points(file_of(files["one.parquet"]), grid, rows_per_piece=400)

    assert expected.cells.identical(found.cells)
    assert expected.ledger == found.ledger


@pytest.mark.parametrize("kind", ["serial", "threads", "processes"])
def test_same_bytes_for_any_pieces_workers_and_scheduler(files, kind):
    """Row groups or byte ranges, large or small, one worker or two: one hash."""
    expected = digest(stream_points(file_of(files["one.parquet"]), KM, name="r", scheduler=Scheduler("serial")))
    # a pool of processes takes seconds to start: once is enough
    cases = [(n, rows, w) for n in files for rows in (100, 900) for w in (1, 2)]
    found = {
        digest(stream_points(file_of(files[n]), KM, name="r", rows_per_piece=rows, scheduler=Scheduler(kind, workers)))
        for n, rows, workers in (cases if kind != "processes" else [("german.csv", 300, 2)])
    }

    assert {expected} == found


def test_counts_are_those_of_pandas(files):
    """Each count by cell and group is that of a groupby; sums of a measured column agree to the last digits."""
    frame = register()
    made = stream_points(file_of(files["groups.parquet"]), KM, groups=["A", "B", "C"])
    inside = frame[frame["e"].notna() & (frame["e"] < KM.bounds_m.east)]
    cell = KM.cell_at(inside[["e", "n"]].to_numpy())
    expected = pd.crosstab(cell, inside["origin"].fillna("none"))
    flats = inside["flat"].groupby(cell).sum()

    assert expected.index.tolist() == ids_of(made.cells).tolist()
    for group in "ABC":
        assert expected[group].tolist() == made.cells[group].values.tolist()
    assert expected.sum(axis=1).tolist() == made.cells["population"].values.tolist()
    known = status_of(made.cells, "flat") != Status.UNAVAILABLE
    np.testing.assert_allclose(made.cells["flat"].values[known], flats.to_numpy()[known], rtol=1e-12)


def test_no_point_is_lost(files):
    """Placed, outside and without a place add up by group; who has no group asked for is told."""
    frame = register()
    made = stream_points(file_of(files["comma.csv"]), KM, groups=["A", "B", "C"])
    entry = {e.variable: e for e in made.ledger}
    groupless = int((~frame["origin"].isin(["A", "B", "C"])).sum())

    assert {"population", "A", "B", "C", "origin: no group asked for", "flat"} == set(entry)
    assert (
        len(frame) == entry["population"].total == sum(entry[n].total for n in entry if n not in ("population", "flat"))
    )
    assert groupless == entry["origin: no group asked for"].total
    for group in "ABC":
        mine = frame[frame["origin"] == group]
        outside = int((mine["e"] >= KM.bounds_m.east).sum())
        assert (outside, int(mine["e"].isna().sum())) == (entry[group].outside, entry[group].unplaceable)
    assert int(frame["flat"].isna().sum()) == entry["flat"].missing_units


def test_a_cell_without_any_known_value_is_missing(tmp_path):
    """Where no point's value is known the sum is missing; where some are it is a lower bound; never zero."""
    frame = pd.DataFrame({"e": [4e6, 4e6, 4_001_000.0], "n": 3e6, "origin": "A", "flat": [5.0, np.nan, np.nan]})
    frame.to_parquet(tmp_path / "p.parquet")
    made = stream_points(file_of(tmp_path / "p.parquet"), KM)

    assert status_of(made.cells, "flat").tolist() == [Status.PARTIAL, Status.UNAVAILABLE]
    assert np.isnan(made.cells["flat"].values[1])


def test_other_coordinates_are_transformed(files, tmp_path):
    """Longitude and latitude come to the same cells as easting and northing."""
    frame = register()
    frame = frame[frame["e"] < KM.bounds_m.east].iloc[60:]
    lon, lat = Transformer.from_crs("EPSG:3035", "EPSG:4326", always_xy=True).transform(frame["e"], frame["n"])
    frame.to_parquet(tmp_path / "plane.parquet")
    frame.assign(e=lon, n=lat).to_parquet(tmp_path / "lonlat.parquet")
    expected = stream_points(file_of(tmp_path / "plane.parquet"), KM, name="r")
    file = PointFile(path=tmp_path / "lonlat.parquet", x="e", y="n", crs="EPSG:4326", by="origin", columns=("flat",))

    assert digest(expected) == digest(stream_points(file, KM, name="r"))


def test_progress_is_told(files):
    """Rows done rise to rows in all."""
    told = []
    stream_points(
        file_of(files["groups.parquet"]), KM, rows_per_piece=170, scheduler=Scheduler("threads", 1),
        progress=lambda done, of: told.append((done, of)),
    )  # fmt: skip

    assert told == sorted(told)
    assert told[-1] == (3_000, 3_000)
    assert len(told) > 1


def test_tasks_hold_no_coordinates(files):
    """What a worker is told is a path, names and a range."""
    piece = plan_pieces(files["groups.parquet"], numbers=("e", "n"), labels=("origin",), rows=500)[1]

    assert {str, int, tuple} == {type(value) for value in vars(piece).values()}
    assert sum(len(batch["e"]) for batch in read_piece(piece)) == piece.rows


@pytest.mark.parametrize("at_once", [True, False])
def test_large_row_groups_come_in_batches(tmp_path, monkeypatch, at_once):
    """A row group of any size is read batch by batch."""
    register().to_parquet(tmp_path / "one.parquet")
    monkeypatch.setattr("civigrid.io.pieces.BATCH_ROWS", 500)
    pieces = plan_pieces(tmp_path / "one.parquet", numbers=("e",), rows=10)
    if not at_once:
        monkeypatch.setattr("civigrid.io.pieces.GROUP_BYTES", 0)

    assert [len(batch["e"]) for piece in pieces for batch in read_piece(piece)] == [500] * 6


def test_an_empty_table_gives_no_cells(tmp_path):
    """No rows, no cells; the ledger says 0."""
    register().iloc[:0].astype({"origin": str}).to_parquet(tmp_path / "none.parquet")
    (tmp_path / "none.csv").write_text("e,n,origin,flat\n")
    for name in ("none.parquet", "none.csv"):
        made = stream_points(file_of(tmp_path / name), KM)

        assert made.cells.sizes["cell"] == made.ledger[0].total == 0


def test_faulty_tables_are_told(tmp_path, files):
    """Each fault has its own words."""
    frame = register(1_200)
    frame.assign(origin=frame.index.astype(str)).to_parquet(tmp_path / "ids.parquet")
    frame.assign(flat=np.inf).to_parquet(tmp_path / "inf.parquet")
    frame.assign(e="east").to_csv(tmp_path / "words.csv", index=False)
    (tmp_path / "quoted.csv").write_text('e,n,origin,flat\n1,2,"a\nb",3\n')
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    (tmp_path / "p.xlsx").write_bytes(b"")
    pq.write_table(pa.table({"e": [1.0]}), tmp_path / "short.parquet")
    cases = {
        "ids.parquet": "Is it an id?",
        "inf.parquet": "values of a measured column are infinite",
        "words.csv": "cannot be read: In CSV column #0",
        "broken.parquet": "cannot be read as Parquet",
        "p.xlsx": "write it as Parquet or CSV",
        "short.parquet": "has no column n, flat, origin",
        "absent.parquet": "does not exist",
    }
    for name, message in cases.items():
        with pytest.raises(SourceError, match=message):
            stream_points(file_of(tmp_path / name), KM)
    with pytest.raises(SourceError, match="line break"):
        stream_points(file_of(tmp_path / "quoted.csv"), KM, rows_per_piece=1)
    with pytest.raises(SchemaError, match="would name two variables"):
        stream_points(file_of(files["one.parquet"]), KM, total="A")
