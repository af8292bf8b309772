"""Times by public transport: feeds, the day, walks, and what was noticed in each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import geopandas as gpd

from civigrid.errors import SchemaError
from civigrid.io.gtfs import read_gtfs
from civigrid.run import config
from civigrid.run.access.asked import Asked, Made, sites_as_origins
from civigrid.run.access.streets import Network, network_of, told_of
from civigrid.run.paths import resolve
from civigrid.source import Finding
from civigrid.travel import Origins, Timetable
from civigrid.travel.build_timetable import build_timetable
from civigrid.travel.feed import Feed
from civigrid.travel.stop_walks import StraightWalks, WalkTimes, straight_walks
from civigrid.travel.street_times import StreetOptions, street_times
from civigrid.travel.street_walks import street_walks
from civigrid.travel.transit import TransitOptions, transit_times
from civigrid.travel_times import TravelTimes

CHANGE_MIN = 8.0
"""Longest walk from one stop to another, minutes."""


def transit(asked: Asked) -> Made:
    """Times by public transport and on foot, over streets where a network is given, else by straight lines."""
    item = asked.item
    if not item.gtfs:
        raise SchemaError("mode 'transit' needs gtfs: name one timetable or several.")
    if not item.date:
        raise SchemaError("mode 'transit' needs a day, as 2026-03-17: date in a run file, --departure in a command.")
    feeds = []
    for text in item.gtfs:
        asked.announce(f"reading the timetable {text.rsplit('/', 1)[-1]}")
        feeds.append(read_gtfs(resolve(text, asked.base)))
    timetable, day = build_timetable(feeds, item.date)
    network = network_of(asked, "walk") if item.network else None
    options = transit_options(item)
    asked.announce(f"searching {len(options.times)} times of day to {len(asked.sites):,} services")
    walks, findings = _walks(asked, timetable, network, asked.start)
    window = transit_times(timetable, walks, options=options, scheduler=asked.scheduler)
    facts: dict[str, Any] = {
        "trips": sum(day.trips.values()),
        "patterns": day.patterns,
        "departures": window.departures,
        "share_of_departures_that_reach": round(float(window.share.mean()), 3) if len(window.reached) else 0.0,
    }
    return Made(
        times=window.percentile(options.percentiles[0]),
        between=_between(asked, timetable, network, options) if item.between else None,
        findings=(*_told(feeds), *(network.findings if network else ()), *findings),
        facts=facts,
    )


def transit_options(item: config.Times) -> TransitOptions:
    """Give the options of the search."""
    return TransitOptions(
        start=item.depart,
        until=item.until,
        arrive_by=item.arrive_by,
        max_rides=item.max_rides,
        limit_min=item.max_min,
        percentiles=(item.percentile,),
    )


def _walks(
    asked: Asked, timetable: Timetable, network: Network | None, origins: Origins
) -> tuple[WalkTimes, list[Finding]]:
    """Walks to, between and from stops; all the way people walk as long as they would ride."""
    item, sites = asked.item, asked.sites
    if network is None:
        walking = StraightWalks(
            speed_kmh=item.speed_kmh, detour=item.detour, max_min=item.max_walk_min, max_change_min=CHANGE_MIN
        )
        walks = straight_walks(timetable, origins, sites, options=walking)
        further = straight_walks(timetable, origins, sites, options=replace(walking, max_min=item.max_min))
        return replace(walks, direct=further.direct), []
    options = StreetOptions(access_kmh=item.speed_kmh, snap_limit_m=item.snap_m)
    about: dict[str, Any] = {"options": options, "scheduler": asked.scheduler}
    walks, met, _ = street_walks(
        network.graph, timetable, origins, sites, max_min=item.max_walk_min, max_change_min=CHANGE_MIN, **about
    )
    direct, _ = street_times(network.graph, origins, sites, limit_min=item.max_min, **about)
    return replace(walks, direct=direct), told_of(met)


def _between(asked: Asked, timetable: Timetable, network: Network | None, options: TransitOptions) -> TravelTimes:
    walks, _ = _walks(asked, timetable, network, sites_as_origins(gpd.GeoSeries(asked.sites)))
    window = transit_times(timetable, walks, options=options, scheduler=asked.scheduler)
    return window.percentile(options.percentiles[0])


def _told(feeds: list[Feed]) -> list[Finding]:
    """Faults of the feeds, errors as warnings: what could be used was."""
    return [
        Finding(
            "note" if fault.severity == "note" else "warning",
            f"gtfs.{fault.rule}",
            f"{feed.name}, {fault.file}: {fault.count:,} {fault.message}: {fault.action}",
            fault.count,
            fault.examples[:3],
        )
        for feed in feeds
        for fault in feed.faults
    ]
