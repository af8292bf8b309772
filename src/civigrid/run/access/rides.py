"""Rides along lines without a timetable, from two tables: stations, and the links between them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import pandas as pd

from civigrid.errors import SchemaError, SourceError, first_few
from civigrid.io.tables import read_table, to_numbers
from civigrid.source import Finding

COLUMNS = {"station": "name", "x": "longitude", "y": "latitude", "a": "from", "b": "to", "line": "line"}
"""What the columns are called where nobody says otherwise; coordinates are degrees."""


class Lines(NamedTuple):
    """Stations by name, links ``a, b, line`` between them, and what was noticed."""

    stations: gpd.GeoSeries
    links: pd.DataFrame
    findings: tuple[Finding, ...]


def read_lines_of(stations: Path, links: Path, columns: Mapping[str, str]) -> Lines:
    """Read stations and links; a link that names no station is left out and reported.

    Raises
    ------
    SchemaError, SourceError
        Unknown or absent columns, no link left.
    """
    if unknown := sorted(set(columns) - set(COLUMNS)):
        raise SchemaError(f"columns of stations and links: unknown {', '.join(unknown)}. Known: {', '.join(COLUMNS)}.")
    name = COLUMNS | dict(columns)
    points, pairs = read_table(stations, text=True), read_table(links, text=True)
    _need(points, [name["station"], name["x"], name["y"]], stations)
    _need(pairs, [name["a"], name["b"], name["line"]], links)
    names = points[name["station"]].astype(str)
    findings = []
    if again := int(names.duplicated().sum()):
        shown = tuple(names[names.duplicated()].tolist()[:5])
        text = f"{stations.name}: {again} rows repeat a station, which stays where its first row puts it"
        findings.append(Finding("warning", "rides.stations", text, again, shown))
        points, names = points[~names.duplicated()], names[~names.duplicated()]
    east, north = (to_numbers(points[name[c]])[0].to_numpy() for c in ("x", "y"))
    placed = gpd.GeoSeries(gpd.points_from_xy(east, north), index=names.to_numpy(), crs="EPSG:4326")
    found = pairs[[name["a"], name["b"], name["line"]]].set_axis(["a", "b", "line"], axis=1).fillna("").astype(str)
    known = found["a"].isin(names) & found["b"].isin(names)
    if not known.any():
        raise SourceError(f"{links.name}: no link joins two stations of {stations.name}. Are the names the same?")
    if lost := int((~known).sum()):
        named = set(names)
        odd = [str(o) for o in pd.unique(found.loc[~known, ["a", "b"]].to_numpy().ravel()) if o not in named]
        text = f"{links.name}: {lost} of {len(found)} links name no station of {stations.name} and are left out"
        findings.append(Finding("warning", "rides.links", text, lost, tuple(odd[:5])))
    return Lines(placed, found[known].reset_index(drop=True), tuple(findings))


def _need(table: pd.DataFrame, names: list[str], path: Path) -> None:
    if lacking := [n for n in names if n not in table.columns]:
        raise SourceError(
            f"{path.name} has no column {', '.join(lacking)}. It has {first_few(table.columns, 12)}. Say which with "
            "columns."
        )
