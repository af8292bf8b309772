"""Point records to 1 km cells by ten groups, from a Parquet file, beside duckdb, pandas and geopandas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measure import installed, measure, row

GROUPS = [f"origin {k}" for k in range(10)]
SHARES = np.array([50, 15, 10, 8, 6, 4, 3, 2, 1, 1]) / 100
SQUARE_M = 1000


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Ten million records with one worker and with two; one million where the peer makes a shape of every point."""
    with TemporaryDirectory(prefix="civigrid-points-") as folder:
        n = 50_000 if smallest else 10_000_000
        path = write_register(Path(folder) / "register.parquet", n)
        for workers in (1,) if smallest else (1, 2):
            ours = measure(partial(_civigrid, path, workers))
            for peer in ("duckdb", "pandas") if workers == 1 else ("duckdb",):
                yield _beside(ours, peer, path, workers)
        few = path if smallest else write_register(Path(folder) / "few.parquet", 1_000_000)
        yield _beside(measure(partial(_civigrid, few, 1)), "geopandas", few, 1)
        if not smallest:
            yield _alone(measure(partial(_lonlat, path, 2), repeats=1), path, "2 workers, from longitude and latitude")
            many = write_register(Path(folder) / "many.parquet", 40_000_000)
            yield _alone(measure(partial(_civigrid, many, 2), repeats=1), many, "2 workers: does memory grow?")


def write_register(path: Path, n: int) -> Path:
    """Write a register of persons around 5,000 towns, in random order."""
    rng = np.random.default_rng(1)
    towns = rng.uniform([4_100_000, 2_700_000], [4_500_000, 3_100_000], (5_000, 2))
    size, wide = rng.pareto(1.2, 5_000) + 0.2, rng.lognormal(7.0, 0.5, 5_000)
    schema = pa.schema([("easting", pa.float64()), ("northing", pa.float64()), ("origin", pa.string())])
    with pq.ParquetWriter(path, schema) as writer:
        for first in range(0, n, 1_000_000):
            m = min(1_000_000, n - first)
            town = rng.choice(5_000, m, p=size / size.sum())
            xy = towns[town] + rng.normal(size=(m, 2)) * wide[town, None]
            codes = pa.array(rng.choice(10, m, p=SHARES).astype(np.int32))
            origin = pa.DictionaryArray.from_arrays(codes, pa.array(GROUPS)).cast(pa.string())
            writer.write_table(pa.table([xy[:, 0], xy[:, 1], origin], schema=schema))
    return path


def _size(path: Path, workers: str) -> str:
    return f"{pq.ParquetFile(path).metadata.num_rows:,} points, 10 groups, {workers}"


def _beside(ours: tuple[float, float, str], peer: str, path: Path, workers: int) -> dict[str, Any]:
    size = _size(path, f"{workers} worker{'s' * (workers > 1)}")
    if installed(peer) is None:
        return row("points", size, ours[:2], peer, None, "peer absent")
    make = {"duckdb": _duckdb, "pandas": _pandas, "geopandas": _geopandas}[peer]
    seconds, peak, theirs = measure(partial(make, path, workers), repeats=3 if peer == "duckdb" else 1)
    same = "same counts" if theirs == ours[2] else "COUNTS DIFFER"
    return row("points", size, ours[:2], peer, seconds, f"{same}; peer's peak {peak:,.0f} MB")


def _alone(ours: tuple[float, float, str], path: Path, what: str) -> dict[str, Any]:
    return row("points", _size(path, what), ours[:2], "", None, f"file of {path.stat().st_size / 1e6:,.0f} MB")


class _Timed:
    """Time the work alone: its answer is hashed when it travels to the parent."""

    def __init__(self, work: Callable[[], Any], form: Callable[[Any], list[Any]]) -> None:
        self.work, self.form = work, form

    def __call__(self) -> Any:
        return _Answer(self.work(), self.form)


class _Answer:
    def __init__(self, found: Any, form: Callable[[Any], list[Any]]) -> None:
        self.found, self.form = found, form

    def __reduce__(self) -> Any:
        return str, (_digest(*self.form(self.found)),)


def _digest(northing: Any, easting: Any, group: Any, count: Any) -> str:
    """Hash of all counts above 0, in one order."""
    place = {name: k for k, name in enumerate(GROUPS)}
    code = np.array([place[g] for g in group.tolist()])
    table = np.stack([np.asarray(v, dtype=np.int64) for v in (northing, easting, code, count)], axis=1)
    table = table[table[:, 3] > 0]
    return sha256(np.ascontiguousarray(table[np.lexsort(table.T[2::-1])]).tobytes()).hexdigest()


def _civigrid(path: Path, workers: int) -> Callable[[], Any]:
    from civigrid.engine import Scheduler
    from civigrid.grid import SquareGrid
    from civigrid.run.points import PointFile, stream_points

    grid = SquareGrid(cell_size_m=SQUARE_M)
    file = PointFile(path=path, x="easting", y="northing", crs="EPSG:3035", by="origin")
    scheduler = Scheduler("serial" if workers == 1 else "threads", workers)
    # compile, or load what was compiled, on a few points
    few = write_register(path.with_name(f"warm-{workers}.parquet"), 100)
    stream_points(PointFile(path=few, x="easting", y="northing", crs="EPSG:3035", by="origin"), grid)

    def form(made: Any) -> list[Any]:
        line, col = grid.row_col(made.cells["cell_id"].values)
        counts = np.concatenate([made.cells[g].values for g in GROUPS])
        return [np.tile(line, 10), np.tile(col, 10), np.repeat(GROUPS, len(line)), counts]

    return _Timed(lambda: stream_points(file, grid, scheduler=scheduler), form)


def _lonlat(path: Path, workers: int) -> Callable[[], Any]:
    from pyproj import Transformer

    from civigrid.engine import Scheduler
    from civigrid.grid import SquareGrid
    from civigrid.run.points import PointFile, stream_points

    moved = path.with_name("lonlat.parquet")
    back = Transformer.from_crs("EPSG:3035", "EPSG:4326", always_xy=True)
    file = pq.ParquetFile(path)
    with pq.ParquetWriter(moved, file.schema_arrow) as writer:
        for batch in file.iter_batches(1_000_000):
            x, y = back.transform(batch.column(0).to_numpy(), batch.column(1).to_numpy())
            writer.write_table(pa.table([x, y, batch.column(2)], schema=file.schema_arrow))
    told = PointFile(path=moved, x="easting", y="northing", crs="EPSG:4326", by="origin")
    grid = SquareGrid(cell_size_m=SQUARE_M)
    return _Timed(
        lambda: stream_points(told, grid, scheduler=Scheduler("threads", workers)), lambda _: [np.zeros(0)] * 4
    )


def _duckdb(path: Path, workers: int) -> Callable[[], Any]:
    import duckdb

    base = duckdb.connect(config={"threads": workers})
    query = f"""
        select cast(floor(northing / {SQUARE_M}) as bigint) as line, cast(floor(easting / {SQUARE_M}) as bigint) as col,
               origin, count(*) as n
        from '{path}' group by all
    """
    return _Timed(
        lambda: base.sql(query).fetchnumpy(), lambda f: [f["line"], f["col"], np.asarray(f["origin"]), f["n"]]
    )


def _pandas(path: Path, _: int) -> Callable[[], Any]:
    import pandas as pd

    def work() -> Any:
        frame = pd.read_parquet(path)
        line, col = ((frame[n] // SQUARE_M).astype(np.int64) for n in ("northing", "easting"))
        return frame["origin"].groupby([line, col, frame["origin"]]).size()

    return _Timed(work, lambda f: [*(f.index.get_level_values(k).to_numpy() for k in range(3)), f.to_numpy()])


def _geopandas(path: Path, _: int) -> Callable[[], Any]:
    import geopandas as gpd
    import pandas as pd
    import shapely

    xy = pq.read_table(path, columns=["easting", "northing"])
    cells = np.unique(np.stack([np.asarray(xy[k]) // SQUARE_M for k in (1, 0)], axis=1).astype(np.int64), axis=0)
    line, col = cells.T
    boxes = shapely.box(col * SQUARE_M, line * SQUARE_M, (col + 1) * SQUARE_M, (line + 1) * SQUARE_M)
    grid = gpd.GeoDataFrame({"line": line, "col": col}, geometry=boxes, crs="EPSG:3035")

    def work() -> Any:
        frame = pd.read_parquet(path)
        points = gpd.points_from_xy(frame["easting"], frame["northing"], crs="EPSG:3035")
        joined = gpd.sjoin(gpd.GeoDataFrame(frame[["origin"]], geometry=points), grid, predicate="within")
        return joined.groupby(["line", "col", "origin"]).size()

    return _Timed(work, lambda f: [*(f.index.get_level_values(k).to_numpy() for k in range(3)), f.to_numpy()])
