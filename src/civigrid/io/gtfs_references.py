"""What does not fit together in a feed and changes no time: agencies, shapes, stations that vehicles serve; told."""

from __future__ import annotations

import numpy as np
import pandas as pd

from civigrid.io.gtfs_tables import Tables
from civigrid.io.gtfs_values import Told, column, dates, lines, numbers

REQUIRED = {
    "agency": ("agency_name", "agency_url", "agency_timezone"),
    "feed_info": ("feed_publisher_name", "feed_publisher_url", "feed_lang"),
}
"""Values that must be there, beside those that other checks ask for."""


def references(tables: Tables, stops: pd.DataFrame, stop_times: pd.DataFrame, told: Told) -> None:
    """Tell of agencies, shapes and stations that do not fit; nothing is changed."""
    for name, columns in REQUIRED.items():
        if name in tables:
            _required(tables[name], f"{name}.txt", columns, told)
    _agencies(tables, told)
    _shapes(tables, told)
    _feed_dates(tables, told)
    served = np.unique(stop_times["stop"].to_numpy())
    odd = served[stops["kind"].to_numpy()[served] != 0]
    told.rows("error", "served-station", "stop_times.txt", "stop_id", "stations, entrances or the like are served as "
              "if they were stops", "left", stops.index[odd])  # fmt: skip


def _required(table: pd.DataFrame, file: str, columns: tuple[str, ...], told: Told) -> None:
    for name in columns:
        empty = (column(table, name) == "").to_numpy()
        told.rows("error", "missing-value", file, name, "rows have no value, which they must have", "left",
                  lines(table, empty))  # fmt: skip


def _agencies(tables: Tables, told: Told) -> None:
    agency = tables.get("agency", pd.DataFrame())
    if not len(agency):
        told.rows("warning", "no-agency", "agency.txt", "", "file is absent or empty: nobody says who runs this",
                  "left", ["agency.txt"])  # fmt: skip
        return
    ids = column(agency, "agency_id")
    told.rows("error", "duplicate-id", "agency.txt", "agency_id", "ids are there again", "left", ids[ids.duplicated()])
    zones = column(agency, "agency_timezone")
    if zones.nunique() > 1:
        told.rows("error", "time-zones", "agency.txt", "agency_timezone", "agencies have several time zones", "left: "
                  "times are taken as they stand", zones.unique())  # fmt: skip
    routes = tables["routes"]
    named = column(routes, "agency_id")
    lost = (~named.isin(ids) & ((named != "") | (len(agency) > 1))).to_numpy()
    told.rows("error", "unknown-agency", "routes.txt", "agency_id", "routes name no agency that is there", "left",
              routes["route_id"].to_numpy()[lost])  # fmt: skip


def _shapes(tables: Tables, told: Told) -> None:
    """Shapes are drawn by others: here only their distances are used, which stand in stop_times.txt."""
    trips, named = tables["trips"], column(tables["trips"], "shape_id")
    shapes = tables.get("shapes", pd.DataFrame({"shape_id": []}, dtype=str))
    lost = ((named != "") & ~named.isin(shapes["shape_id"])).to_numpy()
    told.rows("note", "unknown-shape", "trips.txt", "shape_id", "trips name a shape that is not there", "left",
              trips["trip_id"].to_numpy()[lost])  # fmt: skip
    if not len(shapes):
        return
    lat, lon, order = (numbers(shapes, f"shape_pt_{c}", "shapes.txt", told) for c in ("lat", "lon", "sequence"))
    nowhere = ~((np.abs(lat) <= 90) & (np.abs(lon) <= 180))
    told.rows("note", "shape-place", "shapes.txt", "shape_pt_lat", "points have no place on earth", "left",
              lines(shapes, nowhere))  # fmt: skip
    ids = shapes["shape_id"]
    again = pd.DataFrame({"shape": ids, "order": order}).duplicated().to_numpy()
    told.rows("note", "shape-sequence", "shapes.txt", "shape_pt_sequence", "points have a number that their shape has "
              "already, or none", "left", ids[again | np.isnan(order)])  # fmt: skip
    count = ids.value_counts(sort=False)
    told.rows("note", "shape-short", "shapes.txt", "shape_id", "shapes have a single point", "left",
              count.index[count == 1])  # fmt: skip
    told.rows("note", "unused-shape", "shapes.txt", "shape_id", "shapes belong to no trip", "left",
              count.index[~count.index.isin(named)])  # fmt: skip


def _feed_dates(tables: Tables, told: Told) -> None:
    info = tables.get("feed_info")
    if info is None or not len(info):
        return
    start, end = (dates(_dated(info, c), c, "feed_info.txt", told, action="left")
                  for c in ("feed_start_date", "feed_end_date"))  # fmt: skip
    if len(start) and len(end) and start[0] > end[0] > 0:
        told.rows("error", "feed-span", "feed_info.txt", "feed_end_date", "feed ends before it starts", "left",
                  [end[0]])  # fmt: skip


def _dated(info: pd.DataFrame, name: str) -> pd.DataFrame:
    """Rows that have a value: feeds need not say from when to when they hold."""
    return info[column(info, name) != ""]
