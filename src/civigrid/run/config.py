"""What a run file says, as frozen values: every key has its type, its default and its meaning in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from civigrid.run.export_config import ExportItem

Reader = Literal["census-grid", "german-grid", "areas", "points", "placed", "lines", "raster"]
Method = Literal[
    "cells",
    "area",
    "largest",
    "dasymetric",
    "pycnophylactic",
    "poisson",
    "boosting",
    "points",
    "lines",
    "raster",
    "regrid",
    "coarsen",
]
ProfileName = Literal["public-grid", "min-count"]
View = Literal["mercator", "native"]
PageMode = Literal["single", "folder", "served"]


def key(text: str, **default: Any) -> Any:
    """Declare a key of the run file: `text` explains it in the docs, the JSON Schema and error messages."""
    return field(metadata={"help": text}, **default)


@dataclass(frozen=True, kw_only=True)
class Source:
    """One input: who reads it, from where, and what its columns are."""

    name: str = key("short name, used by the other tables of the run file")
    reader: Reader = key("which reader understands the file")
    path: str = key("file, relative to the run file; ${CIVIGRID_DATA} and other variables are filled in", default="")
    counts: Mapping[str, Any] = key("table of counts joined to areas by id: its path and options", default_factory=dict)
    declared_as: str = key("id of its declaration in boundaries/: publisher, licence, attribution", default="")
    options: Mapping[str, Any] = key("options of the reader, by name", default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Cells:
    """One projection: a source, or other cells, brought onto a grid."""

    name: str = key("short name of these cells")
    source: str = key("name of the source, or of other cells, they are made from")
    grid: str = key("id of a grid in grids/, as eu-laea-1km or h3-r9")
    method: Method = key(
        "how: cells (published on this grid); area, largest, dasymetric, pycnophylactic, poisson or boosting (areas); "
        "points, lines or raster; regrid or coarsen (other cells)"
    )
    columns: tuple[str, ...] = key("measured columns to take; empty: all", default=())
    by: str = key("points and lines: label column that becomes one count, or length, per group", default="")
    keep: tuple[str, ...] = key("label columns to keep, as country or district", default=())
    weights: str = key("dasymetric and models: name of the cells that are looked at", default="")
    weight_variable: str = key("dasymetric: their variable that weighs", default="population")
    fallback: tuple[str, ...] = key(
        "dasymetric: cells:variable asked in turn where the ones before find nobody", default=()
    )
    covariates: tuple[str, ...] = key("models: variables of the cells that explain density", default=())
    words: Mapping[str, str] = key("plain words for columns, as maps and tables show them", default_factory=dict)
    sums: Mapping[str, tuple[str, ...]] = key("new counts, each the sum of columns", default_factory=dict)
    rests: Mapping[str, tuple[str, ...]] = key(
        "new counts, each the first column less the others", default_factory=dict
    )


@dataclass(frozen=True, kw_only=True)
class Centres:
    """Urban centres: contiguous dense cells, a label for grouped indices."""

    cells: str = key("name of the cells")
    variable: str = key("count of residents", default="T")
    density_km2: float = key("residents per km2 a cell must have", default=1500.0)
    minimum_persons: float = key("residents a cluster must have", default=50_000.0)
    largest: int = key("how many of the largest to keep", default=50)
    names: str = key("file of named points that name the clusters", default="")
    name_column: str = key("its column of names", default="name")
    label: str = key("name of the label made", default="centre")


@dataclass(frozen=True, kw_only=True)
class Segregation:
    """Segregation of groups, for the whole and by zone."""

    cells: str = key("name of the cells")
    groups: tuple[str, ...] = key("counts of the groups, a partition of the people")
    total: str = key("published total to divide by; empty: the sum of the groups", default="")
    zones: tuple[str, ...] = key("labels whose values are zones, as country", default=())
    indices: tuple[str, ...] = key(
        "indices by name, A(b=0.1) with a parameter; or default, all, ordered (groups in their order), pattern",
        default=("default",),
    )
    radii_m: tuple[float, ...] = key("radii of neighbourhoods, metres: every index at every radius", default=())
    kernel: str = key(
        "shape of neighbourhoods: uniform, triangular, biweight, gaussian (cut at 3 decay lengths), exponential (at 7)",
        default="biweight",
    )
    k: tuple[int, ...] = key("numbers of nearest persons: every index at every number, as [200, 1600]", default=())
    scales_m: tuple[int, ...] = key("sizes of nested squares to decompose M and H over, metres", default=())
    levels: tuple[str, ...] = key(
        "labels to decompose M and H over, from the smallest areas to the largest", default=()
    )
    hierarchy: Mapping[str, tuple[str, ...]] = key(
        "supergroups and their groups: terms of a decomposition are split once more", default_factory=dict
    )
    decay_m: float = key("clustering: distance over which nearness falls to 1/e, metres; 0: not given", default=0.0)
    permutations: int = key(
        "random allocations for a p of each index of the whole, cells and radii; 0: none", default=0
    )
    seed: int = key("seed of these", default=0)
    distortion: bool = key("divergence of the surroundings at all scales together", default=False)
    reference: Literal["", "whole", "country"] = key(
        "area of several countries, groups relative to them (NAT, EU_OTH): against the whole, or the own country",
        default="",
    )
    measures: tuple[str, ...] = key(
        "local measures of the cells: share, lq, adds_to_D, adds_to_isolation, diversity, simpson, divergence, "
        "adds_to_H, adds_to_M; distance (convergence of the surroundings)",
        default=("share", "lq", "adds_to_D", "diversity", "adds_to_H"),
    )
    question: str = key("what the map answers, in one sentence", default="Who lives near whom?")


Mode = Literal["walk", "bike", "drive", "transit", "straight", "rides", "friction", "import"]


@dataclass(frozen=True, kw_only=True)
class Times:
    """Travel times from cells to services, which the tables below refer to by name."""

    name: str = key("short name of these times")
    cells: str = key("name of the cells people set out from")
    sites: tuple[str, ...] = key("names of the point sources with the services")
    mode: Mode = key(
        "walk, bike or drive on a network; transit by timetables and on foot; straight lines; rides along lines "
        "without a timetable, and straight lines; friction over land; or import of a matrix"
    )
    network: str = key("streets: .osm.pbf, or a file of edges or of street lines", default="")
    nodes: str = key("streets as a table of edges: its table of nodes", default="")
    crs: str = key("coordinate system of streets whose file names none", default="")
    elevation: str = key("raster of heights: slopes for walking and cycling", default="")
    ferries: bool = key("walk, bike, drive: take ferries too", default=False)
    gtfs: tuple[str, ...] = key("transit: timetables, GTFS as .zip or folder", default=())
    date: str = key("transit: the day, as 2026-03-17", default="")
    depart: str = key("transit: first departure, or first arrival", default="08:00")
    until: str = key("transit: end of the window, itself not in it; every minute of the window counts", default="10:00")
    arrive_by: bool = key("transit: people arrive at the services within the window, not leave home", default=False)
    percentile: float = key("transit: this percentile of the times over the window", default=50.0)
    max_rides: int = key("transit: rides at most", default=3)
    max_walk_min: float = key("transit: longest walk to a stop, between stops, and from a stop", default=20.0)
    max_min: float = key("longest time searched, minutes", default=60.0)
    speed_kmh: float = key("walking speed", default=4.8)
    detour: float = key("straight: way walked per straight line", default=1.3)
    stations: str = key("rides: table of stations", default="")
    links: str = key("rides: table of the links of lines, from station to station", default="")
    ride_kmh: float = key("rides: mean speed with stops, on straight lines between stations", default=30.0)
    wait_min: float = key("rides: mean wait for a vehicle", default=2.5)
    snap_m: float = key("a place further than this from any street is unreachable, metres", default=500.0)
    finer: str = key("people set out from the finer cells they live in: cells:variable", default="")
    landcover: str = key("friction: raster of land cover", default="")
    landcover_table: str = key("friction: speeds by class: corine or worldcover; changed by kmh", default="")
    kmh: Mapping[str, float] = key("friction: speed by class of land cover, km/h", default_factory=dict)
    between: bool = key("from service to service too, for chains of stops", default=True)
    matrix: str = key("import: file of travel times", default="")
    columns: Mapping[str, str] = key(
        "import: its columns origin, site, time, and unit, s or min; rides: station, x, y of the stations, a, b, line "
        "of the links",
        default_factory=dict,
    )


@dataclass(frozen=True, kw_only=True)
class Access:
    """Travel time to services, and the one-stop shop."""

    cells: str = key("name of the cells")
    sites: tuple[str, ...] = key("names of the point sources with the services")
    kinds: tuple[str, ...] = key("kinds of service wanted together: the bundle")
    groups: tuple[str, ...] = key("counts of the groups whose access is reported", default=())
    total: str = key("count of all residents", default="population")
    times: str = key("name of the travel times; empty: straight lines, by the three keys below", default="")
    threshold_min: float = key("what counts as near, minutes one way", default=15.0)
    speed_kmh: float = key("walking speed", default=4.8)
    detour: float = key("way walked per straight line", default=1.3)
    limit_min: float = key("longest time searched, minutes", default=60.0)
    same_place_m: float = key("services this near each other count as one place", default=150.0)
    measures: tuple[str, ...] = key(
        "measures of access, as nearest, 2sfca: see civigrid access --list; of each kind apart; empty: none", default=()
    )
    compete: tuple[str, ...] = key(
        "measures: counts of people who compete, nobody in two of them; empty: the groups", default=()
    )
    decay: str = key('decay of their weights, as "gaussian(sigma_min=10)"', default="")
    supply: str = key("count of the sources that says how much a service offers; empty: 1 each", default="")
    options: Mapping[str, Any] = key("options of the measures, as { k = 2, wanted = 10 }", default_factory=dict)
    inequality: tuple[str, ...] = key("indices of inequality of each measure, as gini, theil_t", default=())
    zones: str = key("label whose values are zones, for measures and inequality", default="")
    bootstrap: int = key("draws for intervals of inequality; 0: none", default=200)
    seed: int = key("seed of these", default=0)


@dataclass(frozen=True, kw_only=True)
class Onestop:
    """The one-stop shop: what it takes personas to obtain all the services they need."""

    cells: str = key("name of the cells")
    sites: tuple[str, ...] = key("names of the point sources with the services; columns tell hours, languages ...")
    times: Mapping[str, str] = key('mode of travel and name of its times, as { walk = "walk", transit = "tram" }')
    personas: tuple[str, ...] = key(
        "who needs what: new family, job seeker, turning 18, older resident",
        default=("new family", "job seeker", "turning 18", "older resident"),
    )
    kinds: Mapping[str, str] = key("kinds of the personas as the sources name them", default_factory=dict)
    modes: Mapping[str, float] = key(
        "share of people that has each mode of travel; empty: as the personas say", default_factory=dict
    )
    groups: tuple[str, ...] = key("counts of the groups whose access is reported", default=())
    total: str = key("count of all residents", default="population")
    threshold_min: float = key("what counts as near, minutes one way", default=30.0)
    same_place_m: float = key("services this near each other are at one place, metres", default=150.0)
    hours: bool = key("tours keep to opening hours and to the free time of the persona", default=True)
    drop_out: float = key("probability of being lost at a referral", default=0.2)
    referral: float = key("how much a service had by referral counts", default=0.5)
    fare_per_ride: float = key("fare of a ride", default=0.0)
    fare_per_minute: float = key("cost of a minute of travel", default=0.0)
    edits: tuple[str, ...] = key(
        "what if: close=SITE, move=SITE:LON,LAT, hours=SITE:Mo-Fr 08:00-18:00, language=SITE:ar, add=SITE:KIND",
        default=(),
    )
    details: bool = key("keep every variable of every persona and mode", default=False)


@dataclass(frozen=True, kw_only=True)
class Archetypes:
    """Ways to organise services, within one budget and for the same people: what each costs, and whom it reaches."""

    cells: str = key("name of the cells")
    sites: tuple[str, ...] = key("names of the point sources with the services; their places are the candidates")
    times: str = key("name of the travel times")
    persona: str = key("whose bundle", default="new family")
    kinds: Mapping[str, str] = key("kinds of the persona as the sources name them", default_factory=dict)
    groups: tuple[str, ...] = key("counts of the groups", default=())
    total: str = key("count of all residents", default="population")
    budget: float = key("what services may cost a year")
    costs: Mapping[str, float] = key(
        "prices, a year: site, service, referral, staffed_hour, mobile_day, weeks, minute, fare, paid_share",
        default_factory=dict,
    )
    archetypes: tuple[str, ...] = key(
        "one hub, neighbourhood points, hub and satellites, cluster of towns, growth",
        default=("one hub", "neighbourhood points", "hub and satellites"),
    )
    towns: str = key("cluster of towns: FILE:COLUMN, polygons of municipalities and their names", default="")
    information: str = key("kind that a satellite has in house", default="advice_office")
    kinds_per_point: int = key("kinds that a neighbourhood point offers", default=2)
    hours: str = key("opening hours of every fixed site", default="Mo-Fr 09:00-17:00")
    same_place_m: float = key("services this near each other are at one place, metres", default=150.0)
    threshold_min: float = key("what counts as near, minutes one way", default=30.0)
    referral: float = key("how much a service had by referral counts", default=0.5)


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Who a service serves, against who lives in its catchment."""

    cells: str = key("name of the cells")
    sites: str = key("name of the point source with the services")
    users: str = key("table of users by site and group: its path")
    groups: tuple[str, ...] = key("counts of the groups, in cells and in the table of users")
    total: str = key("count of all residents", default="population")
    times: str = key("name of the travel times; empty: straight lines", default="")
    threshold_min: float = key("catchment: minutes one way", default=15.0)
    min_users: int = key("fewer users than this: no ratio is printed", default=30)


@dataclass(frozen=True, kw_only=True)
class Compare:
    """Cells against a reference: how far off is a projection."""

    cells: tuple[str, ...] = key("names of the cells compared")
    variable: str = key("their count")
    reference: str = key("name of the reference cells, on the same grid or a finer level of it")
    reference_variable: str = key("its count")
    min_covered: float = key("compare cells that the source covers at least this much", default=0.999)


@dataclass(frozen=True, kw_only=True)
class Map:
    """One Folium map."""

    cells: str = key("name of the cells")
    variables: tuple[str, ...] = key("variables shown, one at a time")
    title: str = key("title of the map")
    question: str = key("what it answers, in one sentence", default="")
    tell: tuple[str, ...] = key("more variables that a cell tells under the cursor, as why it is so", default=())
    sites: tuple[str, ...] = key("names of point sources drawn on top", default=())
    served: str = key("persona: services tell whom they serve as the nearest, and who would lose", default="")
    reach: bool = key("draw the services whose reach was computed, by how far a group is below parity", default=False)
    outline: str = key("file of areas or borders drawn for orientation", default="")
    against: str = key("count of residents: shares are drawn in two colours against its density", default="")
    view: View = key(
        "mercator, or native: the EU grid's own projection, equal cells as equal squares", default="mercator"
    )
    background: str = key(
        "file drawn under the cells: vector tiles (.pmtiles, .mbtiles) or layers of areas", default=""
    )
    online: str = key("address of tiles, with {z}, {x}, {y}: asked for when the reader presses a button", default="")
    online_attribution: str = key("words the publisher of these tiles wants beside them", default="")
    mode: PageMode = key(
        "single: one page; folder: files beside it; served: values fetched from a server", default="single"
    )


@dataclass(frozen=True, kw_only=True)
class Run:
    """A whole run: what is asked, from what, and what may leave."""

    title: str = key("title of the run and its report")
    question: str = key("the question it answers, in one sentence")
    lang: Literal["en", "de"] = key("language of the maps and the report: en or de", default="en")
    purpose: str = key("why personal or sensitive data are processed, for the manifest", default="")
    folder: str = key("run directory, relative to the run file", default="")
    profile: ProfileName = key("disclosure profile: public-grid or min-count", default="min-count")
    threshold: int = key("min-count: counts from 1 to below this are suppressed", default=10)
    scheduler: str = key("serial, threads, processes, or the address of a Dask scheduler", default="threads")
    workers: int = key("workers of a local scheduler; 0: all cores", default=0)
    block_cells: int = key("cells along a block's side, a power of two; no result depends on it", default=256)
    formats: tuple[str, ...] = key("files of released cells: parquet, gpkg, csv", default=("parquet", "gpkg", "csv"))
    source: tuple[Source, ...] = key("the inputs")
    cells: tuple[Cells, ...] = key("the projections, in order")
    centres: tuple[Centres, ...] = key("urban centres to find", default=())
    segregation: tuple[Segregation, ...] = key("segregation to compute", default=())
    times: tuple[Times, ...] = key("travel times to compute", default=())
    access: tuple[Access, ...] = key("access to compute", default=())
    onestop: tuple[Onestop, ...] = key("one-stop shops to judge", default=())
    archetypes: tuple[Archetypes, ...] = key("ways to organise services to compare", default=())
    reach: tuple[Reach, ...] = key("reach to compute", default=())
    compare: tuple[Compare, ...] = key("comparisons to make", default=())
    export: tuple[ExportItem, ...] = key("files for other programs", default=())
    map: tuple[Map, ...] = key("maps to draw", default=())
