"""Tiles of shapes that are no cells, by GDAL."""

import json

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from pmtiles.reader import MmapSource, Reader

from civigrid.errors import SchemaError
from civigrid.release import public_grid, release
from civigrid.tiles import ShapeOptions, write_shape_tiles


def districts():
    """Three districts, one with a hole, one in two parts."""
    shapes = [
        shapely.box(9.0, 48.0, 9.5, 48.5).difference(shapely.box(9.2, 48.2, 9.3, 48.3)),
        shapely.MultiPolygon([shapely.box(9.5, 48.0, 10.0, 48.2), shapely.box(9.5, 48.3, 10.0, 48.5)]),
        shapely.box(10.0, 48.0, 10.4, 48.5),
    ]
    table = {"name": ["A", "</script>", "Süd"], "rank": [1, 2, 3], "secret": [71_234, 81_234, 91_234]}
    return gpd.GeoDataFrame(table, geometry=shapes, crs=4326)


def made_of(shapes, out, **options):
    """Write tiles of shapes that passed the gate."""
    return write_shape_tiles(release(shapes, public_grid()), out, ShapeOptions(**options))


@pytest.mark.parametrize("scheme", ["WebMercatorQuad", "EU1kmQuad"])
def test_shapes_come_back_with_the_columns_that_were_named(tmp_path, scheme):
    """Areas to a part in a thousand, words and whole numbers, and no other column."""
    n = made_of(districts(), tmp_path / "t", columns=("name", "rank"), scheme=scheme, max_zoom=6)
    frame = pyogrio.read_dataframe(tmp_path / "t" / "6", layer="borders")
    area = frame.dissolve("name").to_crs(3035).area
    true = districts().set_index("name").to_crs(3035).area

    assert n > 6
    assert set(frame.columns) == {"mvt_id", "name", "rank", "geometry"}
    assert dict(frame[["name", "rank"]].drop_duplicates().to_numpy().tolist()) == {"A": 1, "</script>": 2, "Süd": 3}
    np.testing.assert_allclose(area[true.index], true, rtol=0.01)


@pytest.mark.parametrize("suffix", [".pmtiles", ".mbtiles"])
def test_archives_of_shapes_tell_no_sample(tmp_path, suffix):
    """GDAL's own metadata list values and ours do not; the profile and TileJSON are there."""
    out = tmp_path / f"t{suffix}"
    made_of(districts(), out, columns=("name", "rank"), layer="districts", max_zoom=5)
    told = json.loads((tmp_path / "t.tilejson.json").read_text())

    assert pyogrio.read_info(out, layer="districts")["features"] > 0
    assert told["vector_layers"][0]["fields"].keys() == {"name", "rank"}
    if suffix == ".pmtiles":
        with out.open("rb") as stream:
            metadata = Reader(MmapSource(stream)).metadata()
        assert metadata["disclosure"] == "public-grid"
        assert "Süd" not in json.dumps(metadata, ensure_ascii=False)
        assert "91234" not in json.dumps(metadata)


def test_shapes_that_cannot_be_drawn_are_refused(tmp_path):
    """No release, no CRS, no such column, no shapes, another suffix, a GDAL that cannot."""
    shapes = districts()
    with pytest.raises(TypeError, match="Release"):
        write_shape_tiles(shapes, tmp_path / "t.pmtiles", ShapeOptions())
    for frame, out, options, words in (
        (shapes.set_crs(None, allow_override=True), "t.pmtiles", {}, "CRS"),
        (shapes, "t.pmtiles", {"columns": ("nobody",)}, "nobody"),
        (shapes, "t.pmtiles", {"min_zoom": 5, "max_zoom": 2}, "zoom"),
        (shapes.iloc[:0], "t.pmtiles", {}, "no shapes"),
        (shapes, "t.zip", {}, "pmtiles"),
    ):
        with pytest.raises(SchemaError, match=words):
            made_of(frame, tmp_path / out, **options)


def test_a_gdal_without_the_driver_is_told_how_to_mend_it(tmp_path, monkeypatch):
    """A clear error, and no file."""
    monkeypatch.setattr(pyogrio, "list_drivers", lambda **_: {})
    with pytest.raises(SchemaError, match="MVT"):
        made_of(districts(), tmp_path / "t.pmtiles")
    assert list(tmp_path.iterdir()) == []
