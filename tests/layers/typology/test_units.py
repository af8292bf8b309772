"""Units by the shares of their residents: both editions, where flexurba differs, crosswalks, and Malta."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from layers.typology.towns import KM, raster_cells
from scipy import sparse

from civigrid.cells import values_of
from civigrid.crosswalk import Crosswalk
from civigrid.errors import GridMismatchError
from civigrid.grid import SquareGrid
from civigrid.io.cells import read_cells
from civigrid.io.tables import read_shapes
from civigrid.layers.typology import with_degurba
from civigrid.layers.typology.rules import UnitRule
from civigrid.layers.typology.units import UnitShares, classify_units, unit_shares
from civigrid.project import polygon_crosswalk

OF_1 = np.array([[1, 0, 0], [1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]])
NOBODY = np.zeros((1, 7))


def unit(*persons, land=NOBODY, unknown=0):
    """One unit with residents in the classes 11, 12, 13, 21, 22, 23, 30."""
    two = np.array([persons], dtype=float)
    return UnitShares(np.array(["u"], dtype=object), two @ OF_1, two, land @ OF_1, land, np.array([unknown]))


@pytest.mark.parametrize(
    ("persons", "level_1", "in_2024", "in_2021"),
    [
        # 11, 12, 13, 21, 22, 23, 30
        ((0, 0, 50, 0, 0, 0, 50), 3, 30, 30),
        ((0, 0, 51, 0, 0, 0, 49), 1, 13, 13),
        ((0, 0, 50, 1, 0, 0, 49), 2, 21, 21),
        ((0, 0, 0, 50, 0, 10, 40), 2, 23, 21),
        ((0, 0, 0, 40, 0, 60, 0), 2, 23, 23),
        ((0, 0, 0, 40, 60, 0, 0), 2, 22, 22),
        ((0, 0, 20, 30, 50, 0, 0), 2, 21, 22),
        ((0, 0, 20, 29, 51, 0, 0), 2, 22, 22),
        ((0, 0, 0, 40, 30, 30, 0), 2, 22, 23),
        ((0, 0, 0, 60, 20, 20, 0), 2, 21, 21),
        ((30, 30, 40, 0, 0, 0, 0), 1, 12, 13),
        ((30, 20, 10, 40, 0, 0, 0), 1, 13, 11),
        ((50, 40, 10, 0, 0, 0, 0), 1, 11, 11),
        ((40, 40, 20, 0, 0, 0, 0), 1, 12, 12),
    ],
)
def test_both_editions_by_hand(persons, level_1, in_2024, in_2021):
    """Level 1 is the same in both editions; level 2 goes by halves in 2024 and by the largest share in 2021."""
    new, old = classify_units(unit(*persons)).iloc[0], classify_units(unit(*persons), UnitRule(edition="2021")).iloc[0]

    assert (new["degurba_1"], new["degurba_2"]) == (level_1, in_2024)
    assert (old["degurba_1"], old["degurba_2"]) == (level_1, in_2021)


def test_sixty_percent_semi_dense_is_no_suburb():
    """Flexurba 0.2.2 adds semi-dense and rural shares when it looks for suburbs; the manual adds suburban and rural."""
    found = classify_units(unit(0, 0, 0, 40, 60, 0, 0)).iloc[0]

    assert found["degurba_2_class"] == "semi-dense town"
    assert found["share_semi_dense_urban_cluster"] == 0.6


def test_nobody_goes_by_land_and_the_unknown_by_nothing():
    """A unit without residents goes by its land; one whose residents are not known has no class; all water is empty."""
    land = np.array([[1.0, 0, 0, 4.0, 0, 0, 0]])
    empty = classify_units(unit(*[0] * 7, land=land)).iloc[0]
    unknown = classify_units(unit(*[0] * 7, land=land, unknown=2)).iloc[0]
    lake = classify_units(unit(*[0] * 7)).iloc[0]

    assert (empty["degurba_2_class"], empty["decided_by"]) == ("suburban or peri-urban area", "land")
    assert (unknown["degurba_1_class"], unknown["decided_by"]) == ("unknown", "unknown")
    assert (lake["degurba_1"], lake["degurba_2"]) == (1, 11)


def city():
    """A centre of 5 by 5 cells in 11 by 11, an unknown cell in a corner of the empty land."""
    raster = np.zeros((11, 11))
    raster[3:8, 3:8] = 3000
    raster[0, 0] = np.nan
    return with_degurba(raster_cells(raster), "T")


def test_labels_and_crosswalks_agree():
    """Units along cell borders are classified alike by a label and by the polygons' crosswalk; parts add up."""
    cells = city()
    west = KM.row_col(cells["cell_id"].to_numpy())[1] < 4005
    cells = cells.assign(name=("cell", np.where(west, "west", "east").astype(object), {"kind": "label"}))
    shapes = gpd.GeoSeries(
        [
            shapely.box(4_000_000, 3_000_000, 4_005_000, 3_011_000),
            shapely.box(4_005_000, 3_000_000, 4_011_000, 3_011_000),
        ],
        index=["west", "east"],
        crs="EPSG:3035",
    )
    by_label = classify_units(unit_shares(cells, "T", "name"))
    by_area = classify_units(unit_shares(cells, "T", polygon_crosswalk(shapes, KM)))

    assert by_label.loc[["west", "east"], "persons"].tolist() == [30_000, 45_000]
    assert by_label.loc["west", "cells_unknown"] == 1
    for name in ("degurba_1", "degurba_2", "persons", "land_km2", "cells_unknown"):
        np.testing.assert_allclose(by_area.loc[["west", "east"], name], by_label.loc[["west", "east"], name])


def test_tiny_units_and_cells_that_are_not_there():
    """A unit smaller than a cell takes its part; beyond the table there is uninhabited land."""
    cells = city()
    shapes = gpd.GeoSeries(
        [
            shapely.box(4_004_100, 3_004_100, 4_004_200, 3_004_200),
            shapely.box(3_900_000, 3_000_000, 3_902_000, 3_001_000),
        ],
        index=["tiny", "empty"],
        crs="EPSG:3035",
    )
    found = classify_units(unit_shares(cells, "T", polygon_crosswalk(shapes, KM)))

    assert found.loc["tiny", "degurba_1_class"] == "city"
    assert found.loc["tiny", "persons"] == pytest.approx(30.0)
    assert found.loc["empty", "degurba_2_class"] == "mostly uninhabited area"
    assert found.loc["empty", "land_km2"] == pytest.approx(2.0)


def test_a_foreign_crosswalk_is_refused():
    """A crosswalk of another grid, or one that measures people, says how to make the right one."""
    grid = SquareGrid(cell_size_m=100)
    other = Crosswalk(
        grid=grid, unit_id=np.array(["a"]), cell_id=grid.from_row_col(np.array([30_000]), np.array([40_000])),
        measure=sparse.csr_array(np.array([[1.0]])), unit_measure=np.ones(1), cell_measure=np.ones(1),
        covered=np.ones(1), method="test",
    )  # fmt: skip
    with pytest.raises(GridMismatchError, match="build it with polygon_crosswalk"):
        unit_shares(city(), "T", other)


def test_maltas_localities(real_data):
    """Sixty localities of Malta: 36 are the city around Valletta, five are rural, Mgarr a village."""
    cells = read_cells(real_data / "malta" / "census2021_1km_malta.parquet", columns=["T", "LAND_SURFACE"])
    cells = with_degurba(cells, "T", land="LAND_SURFACE")
    shapes = read_shapes(real_data / "malta" / "malta_localities_osm.gpkg", layer="localities").to_crs("EPSG:3035")
    areas = gpd.GeoSeries(shapes.geometry.to_numpy(), index=shapes["name"].astype(str).to_numpy(), crs=shapes.crs)
    found = classify_units(unit_shares(cells, "T", polygon_crosswalk(areas, KM), land="LAND_SURFACE"))

    assert found["degurba_1"].value_counts().to_dict() == {3: 36, 2: 19, 1: 5}
    assert found.loc[["Valletta", "Mġarr"], "degurba_2_class"].tolist() == ["city", "village"]
    assert found["persons"].sum() < np.nansum(values_of(cells, "T"))
