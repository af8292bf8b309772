"""Archives and folders of tiles: read back by GDAL, by PMTiles' own reader, by SQLite; whole or not at all."""

import gzip
import json
import sqlite3
from contextlib import closing

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
from pmtiles.reader import MmapSource, Reader, all_tiles
from tile_reader import KM, decode, features_of, town

from civigrid.cells import ids_of, make_cells, values_of
from civigrid.engine.execute import Scheduler
from civigrid.errors import SchemaError
from civigrid.grid import H3Grid
from civigrid.release import min_count, public_grid, release
from civigrid.tiles import TileOptions, make_tiles, maplibre_style, write_tiles
from civigrid.tiles.archives import Contents, tile_id, write_pmtiles
from civigrid.tiles.carried import rounded_values
from civigrid.tiles.levels import feature_ids
from civigrid.tiles.vector import Tile
from civigrid.types import Bounds, Column

SERIAL = Scheduler("serial")
HOSTILE = "</script><img src=x onerror=alert(1)>"


def written(cells, out, profile=None, **options):
    """Write tiles of cells; give what was said of them and what was made."""
    made = make_tiles(release(cells, profile or public_grid()), TileOptions(**options), SERIAL)
    return write_tiles(made, out), made


def test_pmtiles_are_read_by_their_own_reader(tmp_path):
    """Header, metadata and each tile: those that were made, in order, no more and no less."""
    out = tmp_path / "t.pmtiles"
    said, made = written(town(), out, name="Town")
    tiles = {(t.zoom, t.column, t.row): t.data for t in made.tiles()}
    with out.open("rb") as stream:
        source = MmapSource(stream)
        header, found = Reader(source).header(), dict(all_tiles(source))
        metadata = Reader(source).metadata()

    assert found == tiles
    assert said["tiles"] == len(tiles) == header["addressed_tiles_count"]
    assert (header["min_zoom"], header["max_zoom"], header["clustered"]) == (0, 9, True)
    assert header["min_lon_e7"] < header["center_lon_e7"] < header["max_lon_e7"]
    assert metadata["name"] == "Town"
    assert [v["id"] for v in metadata["vector_layers"]] == list(said["layers"])


def test_archives_with_many_tiles_have_leaves(tmp_path):
    """A root of at most 16 kB; equal tiles are stored once, and in a row they are one entry."""
    rng = np.random.default_rng(0)
    land = [rng.bytes(int(n)) for n in rng.integers(8, 400, 128 * 256)]
    tiles = [Tile(8, x, y, b"sea" if x < 128 else land[256 * (x - 128) + y]) for x in range(256) for y in range(256)]
    tiles.sort(key=tile_id)
    about = Contents(kind="mvt", bounds=Bounds(-180, -85, 180, 85), min_zoom=8, max_zoom=8, metadata={})
    out = tmp_path / "many.pmtiles"
    n = write_pmtiles(out, iter(tiles), lambda: about)
    with out.open("rb") as stream:
        source = MmapSource(stream)
        header = Reader(source).header()
        found = dict(all_tiles(source))

    assert n == 65_536
    assert header["root_length"] + 127 <= 16_384
    assert header["leaf_directory_length"] > 0
    assert header["tile_contents_count"] == 128 * 256 + 1
    assert header["tile_entries_count"] < 128 * 256 + 200
    assert found == {t[:3]: t.data for t in tiles}


def test_mbtiles_count_rows_from_the_bottom(tmp_path):
    """Each tile where the specification wants it, and the metadata it asks for."""
    out = tmp_path / "t.mbtiles"
    _, made = written(town(), out, name="Town")
    with closing(sqlite3.connect(out)) as base:
        rows = {(z, x, y): d for z, x, y, d in base.execute("SELECT * FROM tiles")}
        about = dict(base.execute("SELECT * FROM metadata"))

    assert rows == {(t.zoom, t.column, 2**t.zoom - 1 - t.row): t.data for t in made.tiles()}
    assert (about["name"], about["format"], about["minzoom"], about["maxzoom"]) == ("Town", "pbf", "0", "9")
    assert json.loads(about["json"])["vector_layers"][0]["id"] == made.tables[0].level.layer


@pytest.mark.parametrize("suffix", [".pmtiles", ".mbtiles"])
@pytest.mark.parametrize("grid", ["square", "h3"])
def test_gdal_reads_archives(tmp_path, suffix, grid):
    """Cells, values and types as they were, corners to half a unit of the tile."""
    cells = town() if grid == "square" else hexagons()
    out = tmp_path / f"t{suffix}"
    _, made = written(cells, out)
    layer = made.tables[-1].level.layer
    frame = pyogrio.read_dataframe(out, layer=layer, CLIP="NO")
    told = pyogrio.read_info(out, layer=layer)
    truth = {int(v): k for k, v in enumerate(values_of(cells, "key"))} if "key" in cells else None

    assert told["crs"] == "EPSG:3857"
    assert dict(zip(told["fields"], told["dtypes"], strict=True))["total"] == "int32"
    once = frame.drop_duplicates(subset=[*frame.columns.drop("geometry")] if truth is None else ["key"])
    assert len(once) == cells.sizes["cell"]
    assert sorted(once["total"]) == sorted(values_of(cells, "total"))
    if truth is not None:
        exact = made_shapes(cells, "EPSG:3857").iloc[[truth[k] for k in once["key"]]]
        unit = 2 * np.pi * 6_378_137 / 2**made.contents.max_zoom / 4096
        assert once.geometry.reset_index(drop=True).hausdorff_distance(exact.reset_index(drop=True)).max() < unit


def made_shapes(cells, crs):
    """Polygons of cells."""
    from civigrid.cells import to_geodataframe

    return to_geodataframe(cells.drop_vars(list(cells.data_vars))).to_crs(crs).geometry


def hexagons():
    """Cells of H3 around Vienna, each with a number of its own."""
    grid = H3Grid(8)
    lon, lat = np.meshgrid(np.arange(16.2, 16.5, 0.006), np.arange(48.1, 48.3, 0.004))
    ids = np.unique(grid.cell_at(np.stack([lon.ravel(), lat.ravel()], axis=1)))
    rng = np.random.default_rng(2)
    values = {"key": np.arange(len(ids), dtype=float), "total": rng.integers(0, 900, len(ids)).astype(float)}
    return make_cells(grid, ids, values, {"key": Column(units="1"), "total": Column()})


@pytest.mark.parametrize("scheme", ["WebMercatorQuad", "EuropeanETRS89_LAEAQuad", "EU1kmQuad"])
def test_gdal_reads_folders_in_their_own_projection(tmp_path, scheme):
    """A folder tells its CRS and origin: cells of EPSG:3035 come back as the squares they are."""
    cells = town()
    said, made = written(cells, tmp_path / "tiles", scheme=scheme, values=("total",))
    deepest = said["zooms"][1]
    parts = pyogrio.read_dataframe(tmp_path / "tiles" / str(deepest), layer=made.tables[-1].level.layer)
    # GDAL cuts cells at the edges of tiles: their parts have the same id
    frame = parts.dissolve("mvt_id", as_index=False)
    crs = "EPSG:3857" if scheme == "WebMercatorQuad" else "EPSG:3035"
    exact = gpd.GeoDataFrame({"total": values_of(cells, "total")}, geometry=list(made_shapes(cells, crs)), crs=crs)
    unit = made.scheme.size_m / 2**deepest / 4096
    both = gpd.sjoin(frame, exact.set_geometry(exact.centroid), predicate="contains")

    assert frame.crs == crs
    assert len(both) == len(frame) == cells.sizes["cell"]
    assert (both["total_left"] == both["total_right"]).all()
    off = both.geometry.hausdorff_distance(exact.geometry.loc[both["index_right"]].set_axis(both.index))
    assert off.max() < unit


def test_cells_of_the_aligned_quad_are_cut_by_no_tile(tmp_path):
    """Each cell is in one tile alone, and its corners are whole pixels."""
    cells = town()
    _, made = written(cells, tmp_path / "t.pmtiles", scheme="EU1kmQuad")
    deepest = [decode(t.data)["cells_1km"] for t in made.tiles() if t.zoom == made.contents.max_zoom]
    fid = [f for features in deepest for f, *_ in features]
    corners = np.concatenate([ring for features in deepest for *_, ring in features])

    assert sorted(fid) == sorted(feature_ids(KM, ids_of(cells)).tolist())
    assert (corners % 16 == 0).all()


def test_equal_input_gives_equal_bytes(tmp_path):
    """Archives, databases and pages do not know the time of day or where they are."""
    for suffix in (".pmtiles", ".mbtiles"):
        for folder in ("a", "b"):
            (tmp_path / folder).mkdir(exist_ok=True)
            written(town(), tmp_path / folder / f"t{suffix}")
    files = sorted(p.name for p in (tmp_path / "a").iterdir())

    assert files == ["t.html", "t.mbtiles", "t.pmtiles", "t.style.json", "t.tilejson.json"]
    assert all((tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in files)


def test_nothing_written_tells_a_path_or_a_hidden_value(tmp_path):
    """All bytes are searched: no folder of this machine, no label as markup, no number that was suppressed."""
    values = {"total": [7.0, 5_000.0, 6_000.0], "odd": [600.0, 98_765_431.0, 700.0]}
    ids = KM.from_row_col(np.array([3000, 3000, 3001]), np.array([4000, 4001, 4001]))
    about = {"total": Column(long_name=HOSTILE), "odd": Column(units="euro", long_name="سكان")}
    written(make_cells(KM, ids, values, about), tmp_path / "t.pmtiles", min_count(10))
    written(make_cells(KM, ids, values, about), tmp_path / "folder", min_count(10))
    out = tmp_path / "t.pmtiles"
    with out.open("rb") as stream:
        metadata = json.dumps(Reader(MmapSource(stream)).metadata())
    texts = [metadata, *(p.read_text("utf-8") for p in tmp_path.rglob("*") if p.suffix in (".json", ".html"))]

    assert len(texts) == 8
    for text in texts:
        assert str(tmp_path) not in text
        assert "/work" not in text
        assert "98765431" not in text
    for page in (tmp_path / "t.html", tmp_path / "folder" / "index.html"):
        assert "<img src=x" not in page.read_text("utf-8")


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path):
    """Tiles of ours are replaced whole; anything else is refused, and so is an unknown suffix."""
    folder = tmp_path / "tiles"
    written(town(), folder)
    before = sorted(p.relative_to(folder) for p in folder.rglob("*"))
    (folder / "0" / "stray").write_text("x")
    written(town(), folder)
    assert sorted(p.relative_to(folder) for p in folder.rglob("*")) == before

    other = tmp_path / "photos"
    other.mkdir()
    (other / "a.jpg").write_text("x")
    for out in (other, tmp_path / "t.zip"):
        with pytest.raises(SchemaError, match=r"civigrid|pmtiles"):
            written(town(), out)
    assert (other / "a.jpg").read_text() == "x"


def test_tilejson_and_style_say_what_the_tiles_hold(tmp_path):
    """TileJSON 3.0 with all it must have; a style whose layers, breaks and colours are those of the classes."""
    _, made = written(town(label=HOSTILE), tmp_path / "t.pmtiles", attribution="A & B")
    told = json.loads((tmp_path / "t.tilejson.json").read_text())
    style = json.loads((tmp_path / "t.style.json").read_text())

    assert told["tilejson"] == "3.0.0"
    assert told["tiles"] == ["t/{z}/{x}/{y}.mvt"]
    assert set(told["vector_layers"][-1]["fields"]) == set(made.tables[-1].about.keys)
    assert told["attribution"] == "A &amp; B"
    assert style["sources"]["cells"]["url"] == "pmtiles://t.pmtiles"
    shown = [layer for layer in style["layers"] if layer["layout"]["visibility"] == "visible"]
    assert [layer["source-layer"] for layer in shown] == [t.level.layer for t in made.tables]
    for layer in style["layers"]:
        table = next(t for t in made.tables if t.level.layer == layer["source-layer"])
        classes = table.classes[layer["metadata"]["variable"]]
        text = json.dumps(layer["paint"]["fill-color"])
        assert layer["paint"]["fill-antialias"] is False
        assert all(color in text for color in classes.colors)
        assert all(json.dumps(b) in text for b in classes.breaks)


def test_colours_of_the_style_are_those_of_the_classes():
    """The expression, worked out here: each class its colour, what is hidden grey, a rate of nobody not drawn."""
    cells = town()
    for joined in (False, True):
        options = TileOptions(geometry_only=joined)
        made = make_tiles(release(cells, min_count(30)), options, SERIAL)
        full = make_tiles(release(cells, min_count(30)), TileOptions(), SERIAL)
        style = maplibre_style(made, "pmtiles://t.pmtiles")
        for layer in style["layers"]:
            name = layer["metadata"]["variable"]
            table = next(t for t in made.tables if t.level.layer == layer["source-layer"])
            found, seen = features_of(full, table.level.max_zoom), set()
            ids = feature_ids(table.level.grid, table.ids).tolist()
            told = next(of for of in made.variables if of.name == name)
            classes = table.classes[name].of(rounded_values(table.values[name].values, told))
            for fid, of in zip(ids, classes, strict=True):
                color = worked_out(layer["paint"]["fill-color"], found[fid], "feature-state" if joined else "get")
                status = found[fid].get(f"{name}_status")
                if of >= 0:
                    assert color == table.classes[name].colors[of]
                elif name in ("share", "index") and status is None:
                    assert color == "rgba(0,0,0,0)"
                else:
                    assert color == "#dedede"
                seen.add(color)
            assert len(seen) > 1 or table is not made.tables[-1]


def worked_out(expression, about, ask):
    """Value of a MapLibre expression for a feature: those parts of the language that the style uses."""
    if not isinstance(expression, list):
        return expression
    word, *given = expression
    if word == ask:
        return about.get(given[0])
    if word == "literal":
        return given[0]
    if word == "case":
        for test, then in zip(given[:-1:2], given[1::2], strict=True):
            if worked_out(test, about, ask):
                return worked_out(then, about, ask)
        return worked_out(given[-1], about, ask)
    values = [worked_out(part, about, ask) for part in given]
    if word == "step":
        passed = [color for stop, color in zip(values[2::2], values[3::2], strict=True) if values[0] >= stop]
        return passed[-1] if passed else values[1]
    known = {
        "==": lambda a, b: a == b,
        "in": lambda a, b: a in b,
        "to-number": float,
        "coalesce": lambda *v: next(x for x in v if x is not None),
    }
    return known[word](*values)


def test_pages_are_gzip_free_in_folders(tmp_path):
    """Any web server can hand out the files of a folder as they are."""
    written(town(), tmp_path / "tiles")
    one = next((tmp_path / "tiles").glob("0/*/*.pbf")).read_bytes()

    assert one[:2] != gzip.compress(b"")[:2]
    assert decode(one)
