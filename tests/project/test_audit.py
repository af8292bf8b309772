"""The audit of a zoning: each trap on made-up shapes, all pairs by brute force, real files by their numbers."""

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from civigrid.errors import SourceError
from civigrid.grid import SquareGrid
from civigrid.project.audit import AuditOptions, audit_zoning


def series(*shapes, crs="EPSG:3035", ids="abcdefgh"):
    return gpd.GeoSeries(list(shapes), list(ids[: len(shapes)]), crs=crs)


def kinds(found):
    return found.summary["found"]


def row(found, kind):
    return found.table[found.table["kind"] == kind].iloc[0]


def test_a_clean_zoning_has_no_fault():
    """Areas that meet corner by corner, with an enclave filled by another: coverage is 1."""
    ring = box(0, 0, 300, 300).difference(box(100, 100, 200, 200))
    found = audit_zoning(series(ring, box(100, 100, 200, 200), box(300, 0, 400, 300)))

    assert found.table.empty
    assert found.faults == 0
    assert found.summary["coverage"] == 1.0


def test_overlaps_are_told_by_pair():
    """Two areas share 10 by 100 m, three share a corner: each pair is a row, with area, percent and width."""
    found = audit_zoning(series(box(0, 0, 100, 100), box(90, 0, 200, 100), box(80, 90, 120, 300)))
    table = found.table[found.table["unit"] + found.table["other"] == "ab"].iloc[0]

    assert set(found.table["unit"] + found.table["other"]) == {"ab", "ac", "bc"}
    assert (table["area_m2"], table["percent"]) == (1000.0, 10.0)
    assert table["width_m"] == 2 * 1000 / 220
    assert found.summary["coverage"] > 1


def test_an_area_inside_another_and_one_drawn_twice():
    """An island that was not cut out is an overlap of 100 % of it; equal shapes are duplicates."""
    found = audit_zoning(
        series(box(0, 0, 300, 300), box(100, 100, 200, 200), box(400, 0, 500, 50), box(400, 0, 500, 50))
    )

    assert kinds(found) == {"duplicate": 1, "overlap": 1}
    assert row(found, "overlap")[["unit", "other", "percent"]].tolist() == ["a", "b", 100.0]
    assert row(found, "duplicate")[["unit", "other"]].tolist() == ["c", "d"]


def test_gaps_that_are_enclosed():
    """A hole of 100 by 100 m in a ring of areas; an area that lies in it is taken out of it."""
    ring = [box(0, 0, 300, 100), box(0, 200, 300, 300), box(0, 100, 100, 200), box(200, 100, 300, 200)]
    empty = audit_zoning(series(*ring))
    island = audit_zoning(series(*ring, box(120, 120, 180, 180)))

    assert row(empty, "gap")["area_m2"] == 10_000.0
    assert row(empty, "gap")["note"] == "no area covers it (enclosed)"
    assert empty.summary["coverage"] == 8 / 9
    assert row(island, "gap")["area_m2"] == 10_000.0 - 3_600.0


def test_slivers_are_told_from_land():
    """Two drawings of one line, half a metre apart: a gap open at both ends, and an overlap, both slivers."""
    apart = audit_zoning(series(box(0, 0, 1000, 1000), box(1000.5, 0, 2000, 1000)))
    over = audit_zoning(series(box(0, 0, 1000, 1000), box(999.5, 0, 2000, 1000)))
    wide = audit_zoning(series(box(0, 0, 1000, 1000), box(1000.5, 0, 2000, 1000)), AuditOptions(gap_width_m=0.1))

    assert row(apart, "sliver")["area_m2"] == pytest.approx(500, abs=1)
    assert row(apart, "sliver")["note"].endswith("(open at an end)")
    assert set(row(apart, "sliver")[["unit", "other"]]) == {"a", "b"}
    assert row(over, "sliver")["width_m"] == pytest.approx(0.5, rel=1e-3)
    assert kinds(wide) == {}


def test_what_is_within_the_tolerance_is_rounding():
    """1 m2 by default; a larger tolerance lets more pass."""
    shapes = series(box(0, 0, 100, 100), box(99.995, 0, 200, 100))

    assert kinds(audit_zoning(shapes)) == {}
    assert kinds(audit_zoning(shapes, AuditOptions(tolerance_m2=0.1))) == {"sliver": 1}


def test_invalid_missing_and_repeated():
    """A bow-tie is told with its change, a missing shape and a repeated id by name."""
    bow = shapely.Polygon([(0, 0), (100, 100), (100, 0), (0, 100)])
    found = audit_zoning(
        gpd.GeoSeries([bow, None, box(200, 0, 300, 100), box(400, 0, 500, 100)], list("abcc"), crs=3035)
    )

    assert kinds(found) == {"no geometry": 1, "repeated id": 1, "invalid": 1, "apart": 2}
    assert row(found, "invalid")["area_m2"] == 5_000.0
    assert row(found, "no geometry")["unit"] == "b"
    assert np.isnan(row(found, "no geometry")["longitude"])
    assert row(found, "repeated id")["unit"] == "c"


def test_thin_parts_and_areas_apart_are_notes():
    """The rest of a clip, 2 m wide, and an area 100 km from all others are told, and are no faults."""
    strip = shapely.MultiPolygon([box(0, 0, 1000, 1000), box(0, 2000, 1000, 2002)])
    found = audit_zoning(
        series(strip, box(1000, 0, 2000, 1000), box(2000, 0, 3000, 1000), box(103_000, 0, 104_000, 1000))
    )

    assert kinds(found) == {"thin part": 1, "apart": 1}
    assert row(found, "apart")["unit"] == "d"
    assert row(found, "apart")["note"].startswith("100.0 km")
    assert found.faults == 0


def test_degrees_and_the_antimeridian():
    """In degrees, across 180: the overlap is measured in m2, the gap too, and nothing is 358 degrees wide."""
    ring = [(179, -18), (-179, -18), (-179, -16), (179, -16)]
    found = audit_zoning(series(shapely.Polygon(ring), box(-179.01, -18, -178, -16), crs="EPSG:4326"))

    assert kinds(found) == {"overlap": 1}
    assert row(found, "overlap")["area_m2"] == pytest.approx(0.01 * 2 * 111_000**2 * np.cos(np.radians(17)), rel=0.02)
    assert found.summary["coverage"] == pytest.approx(1 + 0.01 / 3, rel=1e-3)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (gpd.GeoSeries([box(0, 0, 1, 1)], ["a"]), "no CRS"),
        (series(None, shapely.Polygon()), "nothing to audit"),
        (series(shapely.Point(0, 0)), "no polygons"),
    ],
)
def test_what_cannot_be_audited(shapes, message):
    """No CRS, nothing there, points."""
    with pytest.raises(SourceError, match=message):
        audit_zoning(shapes)


side = st.integers(0, 12)


@settings(max_examples=60)
@given(st.lists(st.tuples(side, side, st.integers(1, 6), st.integers(1, 6)), min_size=2, max_size=8, unique=True))
def test_all_pairs_agree_with_brute_force(boxes):
    """Whatever lies on whatever: the pairs and areas found are those of every pair cut with every other."""
    shapes = [box(10 * x, 10 * y, 10 * (x + w), 10 * (y + h)) for x, y, w, h in boxes]
    found = audit_zoning(series(*shapes), AuditOptions(gap_width_m=0))
    pairs = found.table[found.table["kind"].isin(["overlap", "duplicate", "sliver"]) & (found.table["other"] != "")]
    pairs = pairs[~pairs["note"].str.contains("gap")]
    ours = {(r.unit, r.other): round(r.area_m2) for r in pairs.itertuples()}
    expected = {
        ("abcdefgh"[i], "abcdefgh"[j]): round(shapes[i].intersection(shapes[j]).area)
        for i in range(len(shapes))
        for j in range(i + 1, len(shapes))
        if shapes[i].intersection(shapes[j]).area > 1
    }
    union = shapely.union_all(shapes)
    filled = shapely.union_all([shapely.Polygon(p.exterior) for p in shapely.get_parts(union)])

    assert ours == expected
    assert found.summary["gaps_km2"] * 1e6 == pytest.approx(filled.area - union.area, abs=1e-6)
    assert found.summary["union_km2"] * 1e6 == pytest.approx(union.area, rel=1e-12)


def test_berlin_has_no_overlap_and_no_gap(real_data):
    """542 planning areas cover 891.1 km2 once; the older ones repeat one id."""
    folder = real_data / "berlin_lor_boundaries"
    new, old = (pyogrio.read_dataframe(folder / f"lor_planungsraeume{v}.shp") for v in ("_2021", ""))
    now = audit_zoning(gpd.GeoSeries(new.geometry.to_numpy(), new["PLR_ID"].to_numpy(), crs=new.crs))
    then = audit_zoning(gpd.GeoSeries(old.geometry.to_numpy(), old["broker Dow"].to_numpy(), crs=old.crs))

    assert kinds(now) == {}
    assert now.summary["coverage"] == pytest.approx(1, abs=1e-12)
    assert kinds(then) == {"repeated id": 1, "thin part": 1}


def test_german_municipalities(real_data):
    """37 invalid areas of 10,990 bring 109 overlaps, as cutting every touching pair finds."""
    frame = pyogrio.read_dataframe(real_data / "de_vg250_municipalities" / "VG250_GEM_simplified.zip")
    found = audit_zoning(gpd.GeoSeries(frame.geometry.to_numpy(), frame["ARS"].to_numpy(), crs=frame.crs))

    assert kinds(found)["invalid"] == 37
    assert kinds(found)["overlap"] + kinds(found)["sliver"] == 109


def test_europe_holes_and_overseas(real_data):
    """Andorra, the Vatican and other holes; French overseas regions and Svalbard outside the grid, named with km2."""
    frame = pyogrio.read_dataframe(real_data / "eu_nuts2024_20m" / "nuts2024_20m.gpkg", where="LEVL_CODE = 3")
    shapes = gpd.GeoSeries(frame.geometry.to_numpy(), frame["NUTS_ID"].to_numpy(), crs=frame.crs)
    found = audit_zoning(shapes, grid=SquareGrid(cell_size_m=1000))
    outside = found.table[found.table["kind"] == "outside grid"]

    assert kinds(found)["gap"] == 6
    assert set(outside["unit"]) == {"FRY10", "FRY20", "FRY30", "FRY40", "FRY50", "NO0B2"}
    assert outside.loc[outside["unit"] == "FRY40", "note"].item() == (
        "outside eu-laea-1km, 2,505.7 km2 beyond the use of EPSG:3035"
    )
