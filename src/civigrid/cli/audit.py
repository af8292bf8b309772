"""The audit of a zoning from the shell."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from civigrid.cli.app import Json, answer, app, console


@app.command()
def audit(
    zones: Annotated[str, typer.Argument(help="A vector file, or the id of a fetched source.")],
    id_column: Annotated[str, typer.Option("--id", help="Column of ids; without it rows are numbered.")] = "",
    layer: Annotated[str, typer.Option("--layer", help="Layer of the file, where it has several.")] = "",
    crs: Annotated[str, typer.Option("--crs", help="CRS of a file that names none.")] = "",
    tolerance_m2: Annotated[float, typer.Option(help="Overlaps and gaps up to this area are rounding.")] = 1.0,
    sliver_m: Annotated[float, typer.Option(help="Overlaps and gaps thinner than this are slivers.")] = 10.0,
    gap_m: Annotated[float, typer.Option(help="Gaps open at an end are found up to this width.")] = 1.0,
    allow: Annotated[str, typer.Option(help="Kinds that are no fault here, with commas between, as gap,sliver.")] = "",
    grid: Annotated[str, typer.Option("--grid", help="Tell areas that leave this grid too.")] = "",
    out: Annotated[Path | None, typer.Option("--out", help="Write the findings to this CSV.")] = None,
    map_file: Annotated[Path | None, typer.Option("--map", help="Draw the findings on this page.")] = None,
    as_json: Json = False,
) -> None:
    """Audit a zoning: overlaps, gaps, slivers, invalid and repeated areas.  Exit code 1 where faults are found."""
    from civigrid.errors import unknown_name
    from civigrid.project.audit import FAULTS
    from civigrid.project.zoning import AuditOptions
    from civigrid.run.audit import audit_file

    allowed = [kind.strip() for kind in allow.split(",") if kind.strip()]
    for kind in allowed:
        if kind not in FAULTS:
            raise unknown_name("kind of fault", kind, FAULTS)
    options = AuditOptions(tolerance_m2=tolerance_m2, sliver_width_m=sliver_m, gap_width_m=gap_m)
    with console().status("audit ..."):
        found = audit_file(
            zones,
            id_column=id_column,
            layer=layer,
            crs=crs,
            options=options,
            grid=grid,
            table=out,
            page=map_file,
        )
    faults = int(found.table["kind"].isin(set(FAULTS) - set(allowed)).sum())
    rows: list[dict[Any, Any]] = found.table.to_dict("records")
    facts = found.summary | {"faults": faults, "findings": [] if out else rows}
    answer(facts, as_json, _told(found.summary, rows, faults))
    if faults:
        raise typer.Exit(1)


def _told(summary: dict[str, Any], rows: list[dict[Any, Any]], faults: int) -> str:
    """Give the summary and the largest findings of each kind as lines."""
    lines = [
        "{units:,} areas, {area_km2:,.3f} km2; covered twice {covered_twice_km2:,.6f} km2, enclosed gaps "
        "{gaps_km2:,.6f} km2, coverage {coverage:.9f}".format_map(summary)
    ]
    shown: dict[str, int] = {}
    for row in rows:
        shown[row["kind"]] = shown.get(row["kind"], 0) + 1
        if shown[row["kind"]] <= 3:
            area = "" if row["area_m2"] != row["area_m2"] else f"{row['area_m2']:>16,.1f} m2"
            other = f" / {row['other']}" if row["other"] else ""
            lines.append(f"{row['kind']:<12} {area:<19} {row['unit']}{other}  {row['note']}")
    more = {kind: n - 3 for kind, n in shown.items() if n > 3}
    lines += [f"{kind:<12} and {n:,} more" for kind, n in more.items()]
    return "\n".join([*lines, f"{faults:,} faults." if faults else "No fault found."])
