"""The whole city, its truth, and the files it is handed out in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from civigrid.grid import SquareGrid
from civigrid.sample.areas import make_areas
from civigrid.sample.options import GROUPS, CityOptions
from civigrid.sample.people import make_people
from civigrid.sample.services import make_services, make_users
from civigrid.sample.streets import make_streets, make_timetable


@dataclass(frozen=True, eq=False, kw_only=True)
class City:
    """Havelmark.

    Parameters
    ----------
    options : CityOptions
        What it was made from.
    persons : pandas.DataFrame
        One row per person.
    areas_2015, areas_2021, districts : geopandas.GeoDataFrame
        Areas with ``population`` and a count per origin group.
    services, users : pandas.DataFrame
        Services, and their users by group.
    nodes, edges : pandas.DataFrame
        Streets.
    timetable : mapping of str to pandas.DataFrame
        A small GTFS feed by file.
    leaks : pandas.DataFrame
        Disclosures planted or found in the published counts, for tests of disclosure control.
    truth : mapping of str to float
        True index values, computed by brute force.
    """

    options: CityOptions
    persons: pd.DataFrame
    areas_2015: gpd.GeoDataFrame
    areas_2021: gpd.GeoDataFrame
    districts: gpd.GeoDataFrame
    services: pd.DataFrame
    users: pd.DataFrame
    nodes: pd.DataFrame
    edges: pd.DataFrame
    timetable: Mapping[str, pd.DataFrame]
    leaks: pd.DataFrame
    truth: Mapping[str, float]

    def counts(self, cell_size_m: int) -> pd.DataFrame:
        """True counts by cell and group, from the homes themselves; index = cell ids."""
        return _cell_counts(self.persons, cell_size_m)


def make_city(options: CityOptions | None = None) -> City:
    """Make Havelmark: about five seconds, the same city for the same options.

    Parameters
    ----------
    options : CityOptions, optional
        Seed and size.

    Returns
    -------
    City
        All tables, and the truth.

    Examples
    --------
    >>> city = make_city(CityOptions(persons=2_000))
    >>> int(city.areas_2021["population"].sum())
    2000
    """
    options = options or CityOptions()
    persons = make_people(options)
    first, second, districts = make_areas(options)
    first, second = (_with_counts(areas, persons) for areas in (first, second))
    users, services = make_users(options, persons, make_services(options))
    nodes, edges = make_streets(options)
    return City(
        options=options,
        persons=persons,
        areas_2015=first,
        areas_2021=second,
        districts=districts,
        services=services,
        users=users,
        nodes=nodes,
        edges=edges,
        timetable=make_timetable(options),
        leaks=_leaks(second),
        truth=_truth(persons, second),
    )


def _with_counts(areas: gpd.GeoDataFrame, persons: pd.DataFrame) -> gpd.GeoDataFrame:
    """Count the homes in each area; a home on a border belongs to the area that comes first."""
    homes = shapely.points(persons["easting"], persons["northing"])
    home, area = shapely.STRtree(areas.geometry.to_numpy()).query(homes, predicate="intersects")
    first = np.full(len(persons), len(areas))
    np.minimum.at(first, home, area)
    table = np.zeros((len(areas), len(GROUPS)), dtype=np.int64)
    np.add.at(table, (first, pd.Categorical(persons["origin"], categories=list(GROUPS)).codes), 1)
    counts = {"population": table.sum(axis=1)} | {g: table[:, k] for k, g in enumerate(GROUPS)}
    return areas.assign(**counts)


def _cell_counts(persons: pd.DataFrame, cell_size_m: int) -> pd.DataFrame:
    ids = SquareGrid(cell_size_m=cell_size_m).cell_at(persons[["easting", "northing"]].to_numpy())
    table = pd.crosstab(pd.Index(ids, name="cell_id"), persons["origin"]).reindex(columns=list(GROUPS), fill_value=0)
    table.insert(0, "population", table.sum(axis=1))
    return table


def _truth(persons: pd.DataFrame, areas: gpd.GeoDataFrame) -> dict[str, float]:
    """Indices of everyone born elsewhere against natives, written out in the plainest way."""
    found = {}
    tables = {"100m": _cell_counts(persons, 100), "1km": _cell_counts(persons, 1000), "areas": areas}
    for name, table in tables.items():
        total, native = table["population"].to_numpy(float), table["native"].to_numpy(float)
        others = total - native
        keep = total > 0
        total, native, others = total[keep], native[keep], others[keep]
        found[f"D_{name}"] = float(0.5 * np.abs(others / others.sum() - native / native.sum()).sum())
        found[f"isolation_{name}"] = float((others / others.sum() * others / total).sum())
    return found


def _leaks(areas: gpd.GeoDataFrame) -> pd.DataFrame:
    """Counts that give someone away: a single person of a group, and a part that subtraction would recover."""
    records = []
    for group in GROUPS:
        alone = areas.loc[areas[group] == 1, "area_id"]
        records += [{"kind": "single person", "area_id": area, "group": group} for area in alone]
    for row in areas.index:
        small = [g for g in GROUPS if 0 < areas.loc[row, g] < 10]
        if len(small) == 1:
            records.append({"kind": "by subtraction", "area_id": areas.loc[row, "area_id"], "group": small[0]})
    return pd.DataFrame(records, columns=["kind", "area_id", "group"])


def city_files(city: City) -> Iterator[tuple[str, pd.DataFrame]]:
    """Give the files Havelmark is handed out in, as (name, table) pairs, in the formats offices use."""
    shapes = ["area_id", "district", "geometry"]
    yield "areas_2015.gpkg", city.areas_2015[shapes]
    yield "areas_2021.gpkg", city.areas_2021[shapes]
    yield "districts.gpkg", city.districts
    for year, areas in (("2015", city.areas_2015), ("2021", city.areas_2021)):
        yield f"population_{year}.csv", pd.DataFrame(areas.drop(columns=["district", "geometry"]))
    yield "persons.parquet", city.persons
    yield "services.csv", city.services
    yield "users.csv", city.users
    yield "streets_nodes.parquet", city.nodes
    yield "streets_edges.parquet", city.edges
    yield "leaks.csv", city.leaks
    for name, table in city.timetable.items():
        yield f"gtfs/{name}.txt", table
