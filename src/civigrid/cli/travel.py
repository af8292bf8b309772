"""Travel times from cells to services."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from civigrid.cli.app import Json, Scheduler, answer, app, console

SiteId = Annotated[str, typer.Option("--site-id", help="Column of unique ids of the services.")]
SiteX = Annotated[str, typer.Option("--x", help="Plain table of services: column of eastings or longitudes.")]
SiteY = Annotated[str, typer.Option("--y", help="Plain table of services: column of northings or latitudes.")]
SiteCrs = Annotated[str, typer.Option("--crs", help="CRS of these columns: EPSG:4326.")]


@app.command()
def travel(
    origins: Annotated[Path, typer.Option("--origins", help="Cells people set out from.")],
    sites: Annotated[Path, typer.Option("--sites", help="Services: vector file, or a table with --x --y --crs.")],
    out: Annotated[Path | None, typer.Option("--out", help="Times by cell and service: .parquet or .csv.")] = None,
    mode: Annotated[
        str, typer.Option("--mode", help="walk, bike, drive, transit, straight, friction or import.")
    ] = "walk",
    network: Annotated[
        Path | None, typer.Option("--network", help="Streets: .osm.pbf, street lines, or a table of edges.")
    ] = None,
    nodes: Annotated[Path | None, typer.Option("--nodes", help="Table of nodes that a table of edges names.")] = None,
    gtfs: Annotated[list[Path] | None, typer.Option("--gtfs", help="Timetable, GTFS. Repeat it.")] = None,
    departure: Annotated[
        str, typer.Option("--departure", help="Transit: 2026-03-17T08:00, the day and the first departure.")
    ] = "",
    until: Annotated[str, typer.Option("--until", help="Transit: end of the window; by default after 2 hours.")] = "",
    arrive_by: Annotated[
        bool, typer.Option("--arrive-by", help="Transit: the window is when people arrive, not when they leave.")
    ] = False,
    percentile: Annotated[float, typer.Option("--percentile", help="Transit: of the times over the window.")] = 50.0,
    max_min: Annotated[float, typer.Option("--max-min", help="Longest time searched, minutes.")] = 60.0,
    max_rides: Annotated[int, typer.Option("--max-rides", help="Transit: rides at most.")] = 3,
    max_walk_min: Annotated[float, typer.Option("--max-walk-min", help="Transit: longest walk, minutes.")] = 20.0,
    speed_kmh: Annotated[float, typer.Option("--speed-kmh", help="Walking speed.")] = 4.8,
    detour: Annotated[float, typer.Option("--detour", help="Straight: way walked per straight line.")] = 1.3,
    elevation: Annotated[Path | None, typer.Option("--elevation", help="Raster of heights, for slopes.")] = None,
    ferries: Annotated[bool, typer.Option("--ferries", help="Take ferries too.")] = False,
    snap_m: Annotated[float, typer.Option("--snap-m", help="Places further from any street are unreachable.")] = 500.0,
    finer: Annotated[
        str, typer.Option("--finer", help="FILE:VARIABLE: finer cells that people set out from, by residents.")
    ] = "",
    landcover: Annotated[Path | None, typer.Option("--landcover", help="Friction: raster of land cover.")] = None,
    landcover_table: Annotated[
        str, typer.Option("--landcover-table", help="Friction: speeds by class: corine or worldcover.")
    ] = "",
    network_crs: Annotated[str, typer.Option("--network-crs", help="CRS of streets whose file names none.")] = "",
    kmh: Annotated[str, typer.Option("--kmh", help="Friction: speed by class, 10=5,40=3.")] = "",
    matrix: Annotated[Path | None, typer.Option("--matrix", help="Import: times of another engine.")] = None,
    columns: Annotated[
        str, typer.Option("--columns", help="Import: origin=from_id,site=to_id,time=travel_time,unit=min.")
    ] = "",
    site_id: SiteId = "",
    x: SiteX = "",
    y: SiteY = "",
    crs: SiteCrs = "",
    scheduler: Scheduler = "threads",
    as_json: Json = False,
) -> None:
    """Say how long it takes from each cell to each service: by street, timetable, over land, or straight line."""
    from civigrid.cli.steps import pairs_of
    from civigrid.engine import Scheduler as Where
    from civigrid.run.access.file import SitesFile, travel_file
    from civigrid.run.access.times import times_item

    if mode == "rides":
        text = 'rides are for run files, by the tables of stations and links: mode = "rides" in [[times]]'
        raise typer.BadParameter(text, param_hint="--mode")
    item = times_item(
        mode=mode,
        network=_text(network),
        nodes=_text(nodes),
        gtfs=tuple(str(path) for path in gtfs or ()),
        departure=departure,
        until=until,
        arrive_by=arrive_by,
        percentile=percentile,
        max_min=max_min,
        max_rides=max_rides,
        max_walk_min=max_walk_min,
        speed_kmh=speed_kmh,
        detour=detour,
        elevation=_text(elevation),
        ferries=ferries,
        snap_m=snap_m,
        finer=finer,
        landcover=_text(landcover),
        landcover_table=landcover_table,
        crs=network_crs,
        kmh={k: float(v) for k, v in pairs_of(kmh).items()},
        matrix=_text(matrix),
        columns=pairs_of(columns),
    )
    services = SitesFile(path=sites, x=x, y=y, crs=crs, id_column=site_id)
    with console().status("reading") as status:
        where = Where.parse(scheduler)
        found = travel_file(origins, services, item, out, scheduler=where, announce=status.update)
    answer(found, as_json, "\n".join(_lines(found)))


def _text(path: Path | None) -> str:
    return str(path) if path else ""


def _lines(found: dict[str, Any]) -> list[str]:
    near = found["minutes_to_nearest"]
    lines = [
        f"{found['pairs']:,} pairs of {found['cells']:,} cells and {found['sites']:,} services"
        + (f" in {found['out']}" if found["out"] else ""),
        f"mode     {found['mode']}",
        f"nearest  {near['p50']} minutes in half of the cells that reach any, {near['p90']} in nine of ten"
        if found["pairs"]
        else "nearest  no service is reached from any cell",
        f"         {found['cells_that_reach_nothing']:,} cells reach nothing, "
        f"{found['sites_that_nobody_reaches']:,} services are reached by nobody",
    ]
    return [*lines, *found["findings"], f"{found['seconds']:.1f} s"]


@app.command("gtfs-check")
def gtfs_check(
    feed: Annotated[Path, typer.Argument(help="A timetable, GTFS: a zip or a folder.")],
    out: Annotated[Path | None, typer.Option("--out", help="Table of the faults: .csv.")] = None,
    today: Annotated[str, typer.Option(help="Day by which a feed is expired, YYYY-MM-DD; by default today.")] = "",
    as_json: Json = False,
) -> None:
    """Say what is in a timetable and what is wrong with it; exit code 1 where a fault is an error."""
    from datetime import date

    import pandas as pd

    from civigrid.io.atomic import write_text
    from civigrid.io.gtfs_report import check_gtfs

    found = check_gtfs(feed, today=today or date.today().isoformat())
    if out is not None:
        if out.suffix != ".csv":
            raise typer.BadParameter(f"{out.name}: the table of faults is written as .csv", param_hint="--out")
        write_text(out, pd.DataFrame(found["faults"]).to_csv(index=False, lineterminator="\n"))
    answer(found, as_json, "\n".join(_feed_lines(found)))
    if found["errors"]:
        raise typer.Exit(1)


def _feed_lines(found: dict[str, Any]) -> list[str]:
    routes = ", ".join(f"{n:,} {kind}" for kind, n in found["routes"].items())
    lines = [
        f"{found['file']}: {', '.join(found['agencies']) or 'nobody named'}",
        f"{found['trips']:,} trips; routes listed: {routes}",
        f"{found['stops_served']:,} of {found['stops']:,} stops served",
        f"from {found['first_day']} to {found['last_day']}, {found['hours']['first_departure']} to "
        f"{found['hours']['last_arrival']}",
        "trips    " + ", ".join(f"{day}: {n:,}" for day, n in found["trips_by_weekday"].items()),
    ]
    lost = {name: n for name, n in found["rows"].items() if n["kept"] < n["read"]}
    lines += [f"{name}: {n['kept']:,} of {n['read']:,} rows are used" for name, n in lost.items()]
    for fault in found["faults"]:
        some = f" (first: {fault['examples']})" if fault["examples"] else ""
        what = f"{fault['count']:,} {fault['message']}: {fault['action']}{some}"
        where = " ".join(filter(None, (fault["file"], fault["field"])))
        lines.append(f"{fault['severity']:8} {where}: {what}")
    return [*lines, f"{found['errors']} kinds of errors, {found['warnings']} of warnings"]
