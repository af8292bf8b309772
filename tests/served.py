"""A run directory with maps, tables and tiles, its server, and a client that sends paths as they are."""

import json
import sqlite3
import threading
from contextlib import closing, contextmanager
from hashlib import sha256
from http.client import HTTPConnection

import geopandas as gpd
import numpy as np
import shapely

from civigrid.cells import make_cells
from civigrid.engine import Scheduler
from civigrid.grid import SquareGrid
from civigrid.io.geoparquet import write_geoparquet
from civigrid.io.write import write_csv
from civigrid.maps import make_map
from civigrid.maps.files import to_files
from civigrid.release import public_grid, release
from civigrid.run.serving.server import serve_run
from civigrid.tiles import TileOptions, make_tiles, write_tiles
from civigrid.types import Column

HOSTILE = "</script><img src=x onerror=alert(1)>"
KM = SquareGrid(cell_size_m=1000)
BOX = (11.0, 51.0, 11.6, 51.3)
PNG = b"\x89PNG\r\n\x1a\n" + b"picture"


def cells(n=200):
    rng = np.random.default_rng(0)
    row, col = np.unravel_index(rng.choice(1600, n, replace=False), (40, 40))
    values = {"a": rng.integers(1, 500, n).astype(float)}
    return make_cells(KM, KM.from_row_col(3080 + row, 4390 + col), values, {"a": Column(long_name=f"Group {HOSTILE}")})


def squares():
    """A hundred squares as GDAL's tiles hold them."""
    x, y = np.meshgrid(np.linspace(BOX[0], BOX[2], 10), np.linspace(BOX[1], BOX[3], 10))
    shapes = shapely.box(x.ravel(), y.ravel(), x.ravel() + 0.02, y.ravel() + 0.02)
    return gpd.GeoDataFrame({"n": np.arange(100)}, geometry=shapes, crs="EPSG:4326")


def write_pictures(path):
    """Pictures in the EU's projection, with the metadata that GDAL reads: one tile at zooms 0 and 1 each."""
    about = {"crs": "EPSG:3035", "tile_matrix_set": "EU1kmQuad", "tile_origin_upper_left_x": 0.0,
             "tile_origin_upper_left_y": 8192000.0, "tile_dimension_zoom_0": 8192000.0}  # fmt: skip
    rows = {"name": HOSTILE, "format": "png", "minzoom": "0", "maxzoom": "1", "bounds": "9,50,12,52",
            "json": json.dumps(about)}  # fmt: skip
    with closing(sqlite3.connect(path)) as base:
        base.execute("CREATE TABLE metadata (name text, value text)")
        base.execute("CREATE TABLE tiles (zoom_level integer, tile_column integer, tile_row integer, tile_data blob)")
        base.executemany("INSERT INTO metadata VALUES (?, ?)", rows.items())
        # rows count from the bottom: the upper right quarter is row 1
        base.executemany("INSERT INTO tiles VALUES (?, ?, ?, ?)", [(0, 0, 0, PNG), (1, 1, 1, PNG + b"1")])
        base.commit()


def list_outputs(folder, **more):
    """Write the manifest of what lies in the release."""
    files = [p for p in sorted((folder / "release").rglob("*")) if p.is_file()]
    outputs = {p.relative_to(folder).as_posix(): sha256(p.read_bytes()).hexdigest() for p in files}
    about = {"title": HOSTILE, "question": "Who?", "disclosure_profile": "public-grid", "outputs": outputs | more}
    about["inputs"] = [{"attribution": "Data <b>& more</b>"}]
    (folder / "manifest.json").write_text(json.dumps(about), encoding="utf-8")


def make_run(folder):
    """A run directory as `civigrid run` leaves it, with tiles, and secrets beside the release."""
    out = folder / "release"
    for name in ("cells", "maps", "tiles"):
        (out / name).mkdir(parents=True)
    released = release(cells(), public_grid())
    write_geoparquet(released, out / "cells" / "town.parquet")
    write_csv(released, out / "cells" / "town.csv")
    for mode in ("single", "served"):
        for name, data in to_files(make_map(released, ["a"], title=f"Map {HOSTILE}"), mode).items():
            path = out / "maps" / ("town.html" if mode == "single" else f"apart/{name}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    for name, driver in (("town.pmtiles", "PMTiles"), ("town.mbtiles", "MBTiles")):
        squares().to_file(out / "tiles" / name, driver=driver, layer="squares", MINZOOM=5, MAXZOOM=10)
    write_pictures(out / "tiles" / "eu.mbtiles")
    made = make_tiles(release(cells(), public_grid()), TileOptions(scheme="EU1kmQuad"), Scheduler("serial"))
    write_tiles(made, out / "tiles" / "own.pmtiles")
    (out / "report.html").write_text("<!doctype html><p style='color:red'>Report", encoding="utf-8")
    (out / "empty.txt").write_bytes(b"")
    list_outputs(folder)
    (folder / "parts").mkdir()
    (folder / "parts" / "persons.parquet").write_text("SECRET", encoding="utf-8")
    (folder / "persons.csv").write_text("SECRET", encoding="utf-8")
    (out / "unlisted.csv").write_text("SECRET", encoding="utf-8")
    return folder


@contextmanager
def serving(folder, **options):
    """A server that runs while the block does."""
    with serve_run(folder, port=0, **options) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def ask(server, path, method="GET", **headers):
    """One request, the path sent as it is."""
    with closing(HTTPConnection(server.host, server.server_port, timeout=20)) as line:
        line.putrequest(method, path, skip_host="Host" in headers, skip_accept_encoding=True)
        for name, value in headers.items():
            line.putheader(name.replace("_", "-"), value)
        line.endheaders()
        answer = line.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()


def told(server, path, **headers):
    status, about, body = ask(server, path, **headers)
    assert (status, about["Content-Type"]) == (200, "application/json")
    return json.loads(body)
