"""Maps of a run: cells and services through a disclosure profile, then drawn, then to files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import xarray as xr

from civigrid.cells import column_of, measured
from civigrid.errors import unknown_name
from civigrid.io.atomic import write_bytes
from civigrid.io.background import read_background
from civigrid.io.tables import read_shapes
from civigrid.maps import (
    Background,
    Mode,
    OnlineBackground,
    SiteLayer,
    bounds_of,
    make_bivariate_map,
    make_map,
    to_files,
)
from civigrid.release import Release, release
from civigrid.run import config
from civigrid.run.access.served import served_sites
from civigrid.run.outputs import profile_of
from civigrid.run.paths import resolve, slug
from civigrid.run.setting import sites_of
from civigrid.source import Licence, Source

HATCHED = {
    "en": "Missing, confidential and suppressed cells are hatched; they are not zero.",
    "de": "Fehlende, geheime und unterdrückte Zellen sind schraffiert; sie sind nicht null.",
}
"""What every reader of a map must know."""


def write_map(
    run: config.Run,
    item: config.Map,
    cells: xr.Dataset,
    terms: Sequence[Licence],
    results: pd.DataFrame,
    setting: tuple[Path, Callable[[str], Source], Path, pd.DataFrame],
) -> list[Path]:
    """Draw one map and write it; the last of `setting` says whom each site serves."""
    base, sources, folder, served = setting
    out = release(cells, profile_of(run), terms=terms)
    titles = {str(name): str(v.attrs.get("long_name") or name) for name, v in cells.data_vars.items()}
    sites = _site_layers(run, item, results, sources, served, titles)
    outline = read_shapes(resolve(item.outline, base)).geometry if item.outline else None
    notes = [HATCHED[run.lang]]
    page = _page(item, out, sites, outline, notes, run.lang)
    if item.background:
        page.add_child(Background(read_background(resolve(item.background, base), bounds_of(out.data))))
    if item.online:
        page.add_child(OnlineBackground(item.online, attribution=item.online_attribution))
    return write_pages(page, folder / "maps", slug(item.title), item.mode)


def write_pages(page: Any, folder: Path, name: str, mode: Mode) -> list[Path]:
    """Write a map: one page ``NAME.html``, or a folder ``NAME`` with ``index.html`` and what it needs."""
    files = to_files(page, mode)
    under = {"index.html": folder / f"{name}.html"} if mode == "single" else {n: folder / name / n for n in files}
    for file, path in under.items():
        write_bytes(path, files[file])
    return sorted(under.values())


def _page(
    item: config.Map,
    out: Release[xr.Dataset],
    sites: Sequence[SiteLayer],
    outline: gpd.GeoSeries | None,
    notes: Sequence[str],
    lang: str,
) -> Any:
    """Draw the layers of a map; shares against a count in two colours, where one is named."""
    words: dict[str, Any] = {"title": item.title, "question": item.question, "outline": outline, "notes": notes}
    words |= {"view": item.view, "lang": lang}
    cells = out.data
    for name in filter(None, [*item.variables, *item.tell, item.against]):
        if name not in cells:
            raise unknown_name(f"variable of the cells that map {item.title!r} draws,", name, measured(cells))
    if item.against:
        rates = [v for v in item.variables if v.startswith("share_")]
        more = [v for v in item.variables if v not in rates]
        return make_bivariate_map(out, rates, item.against, more=more, sites=sites, **words)
    bases = [column_of(cells[v]).weight for v in item.variables]
    carry = list(dict.fromkeys(b for b in bases if b is not None and b in cells))
    return make_map(out, item.variables, tell=item.tell, sites=sites, carry=carry, **words)


REACH = {
    "a group reaches less than half of parity": "#542788",
    "a group is below parity": "#998ec3",
    "no group is clearly below parity": "#f1a340",
    "too few users to say": "#b8bcc0",
}
"""How a service's reach is said on a map, and its colour."""


def _site_layers(
    run: config.Run,
    item: config.Map,
    results: pd.DataFrame,
    sources: Callable[[str], Source],
    served: pd.DataFrame,
    titles: Mapping[str, str],
) -> list[SiteLayer]:
    """Services of a map: whom they reach, where that was computed, and all of them by kind."""
    if not item.sites:
        return []
    frame, layers = sites_of(item.sites, sources), []
    if item.reach:
        reached = release(reach_sites(release(results, profile_of(run)).data, frame, titles), profile_of(run))
        words = {"reach": "Users against residents nearby"}
        layers.append(SiteLayer(reached, title="Service reach", columns=words, palette=REACH, show=True))
    if item.served and len(served):
        profile = profile_of(run)
        told = served_sites(served[served["persona"] == item.served], frame, profile.threshold)
        words = {"served": f"Serves ({item.served})"}
        popups = release(told[["name", "kind", "geometry", "served"]], profile)
        layers.append(SiteLayer(popups, title="Whom services serve", columns=words))
    return [*layers, SiteLayer(release(frame[["name", "kind", "geometry"]], profile_of(run)))]


def reach_sites(results: pd.DataFrame, sites: gpd.GeoDataFrame, titles: Mapping[str, str]) -> gpd.GeoDataFrame:
    """Give the services whose reach was computed, with its verdict as ``kind`` and its figures as ``reach``.

    A group is below parity where its whole interval is; half of parity likewise.
    """
    found = results[results["index"] == "representation"]
    rows = {}
    for zone, part in found.groupby("zone", sort=False):
        known = part.dropna(subset=["estimate"])
        lowest = known["high"].min() if len(known) else float("nan")
        verdict = list(REACH)[3 if not len(known) else 0 if lowest < 0.5 else 1 if lowest < 1 else 2]
        figures = [
            f"{titles.get(str(group), str(group))}: {found:.2f} ({low:.2f} to {high:.2f})"
            for group, found, low, high in known[["groups", "estimate", "low", "high"]].to_numpy()
        ]
        rows[zone] = (verdict, "\n".join(["", *figures]))
    zones = sites["name"].astype(str) + " (" + sites.index.str.split(":", n=1).str[1] + ")"
    served = sites.loc[zones.isin(list(rows)).to_numpy(), ["name", "geometry"]].copy()
    kept = zones[zones.isin(list(rows))]
    return served.assign(kind=[rows[z][0] for z in kept], reach=[rows[z][1] for z in kept])
