"""What may leave: cells, tables and maps, each through a disclosure profile and then to a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import xarray as xr

from civigrid.cells import column_of, measured
from civigrid.errors import unknown_name
from civigrid.io.tables import read_shapes
from civigrid.io.write import write_csv, write_geopackage, write_geoparquet, write_table, write_text
from civigrid.maps import SiteLayer, make_bivariate_map, make_map, to_html
from civigrid.release import PROFILES, Profile, Release, release
from civigrid.release.indices import held_back, protect_indices
from civigrid.run import config
from civigrid.run.access.served import served_sites
from civigrid.run.paths import resolve
from civigrid.run.setting import sites_of
from civigrid.source import Licence, Source

WRITERS: dict[str, tuple[str, Callable[[Release[xr.Dataset], Path], None]]] = {
    "parquet": ("parquet", write_geoparquet),
    "gpkg": ("gpkg", write_geopackage),
    "csv": ("csv", write_csv),
}
"""Format of released cells, its suffix, its writer."""
GPKG_UP_TO = 300_000
"""More cells than this are written as GeoParquet and CSV only: a GeoPackage of them takes minutes."""


def profile_of(run: config.Run) -> Profile:
    """Give the disclosure profile of a run."""
    return PROFILES[run.profile](run.threshold) if run.profile == "min-count" else PROFILES[run.profile]()


def write_cells(run: config.Run, name: str, cells: xr.Dataset, terms: Sequence[Licence], folder: Path) -> list[Path]:
    """Write released cells in the formats of the run."""
    out, written = release(cells, profile_of(run), terms=terms), []
    for form in run.formats:
        suffix, write = WRITERS[form]
        if form == "gpkg" and cells.sizes["cell"] > GPKG_UP_TO:
            continue
        written.append(folder / "cells" / f"{name}.{suffix}")
        write(out, written[-1])
    return written


def protected(run: config.Run, table: pd.DataFrame, rests_on: pd.DataFrame | None) -> pd.DataFrame:
    """Take out of a step's results the rows that would tell of a few, by the rule of `civigrid segregation --out`.

    Parameters
    ----------
    run : config.Run
        Its profile decides.
    table : pandas.DataFrame
        A result table.
    rests_on : pandas.DataFrame or None
        For each row the ``label`` that made its zone and the ``fewest`` persons that it rests on; None: of a step that
        makes no indices.
    """
    profile = profile_of(run)
    if rests_on is None or not len(table):
        return table
    why, label = held_back(table, rests_on["fewest"].to_numpy(), profile), rests_on["label"].to_numpy()
    parts = []
    for name in dict.fromkeys(label):
        # zones of one label make up the whole: of another, the same name is another place
        rows = label == name
        parts.append(protect_indices(table[rows], why[rows], profile))
    return pd.concat(parts)


def write_results(run: config.Run, table: pd.DataFrame, folder: Path) -> list[Path]:
    """Write the result table as CSV and Parquet."""
    out = release(table, profile_of(run))
    paths = [folder / "results.csv", folder / "results.parquet"]
    write_csv(out, paths[0])
    write_table(out, paths[1])
    return paths


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
    sites = _site_layers(run, item, results, sources, served)
    outline = read_shapes(resolve(item.outline, base)).geometry if item.outline else None
    notes = ["Missing, confidential and suppressed cells are hatched; they are not zero."]
    page = _page(item, out, sites, outline, notes)
    path = folder / "maps" / f"{slug(item.title)}.html"
    write_text(path, to_html(page))
    return [path]


def _page(
    item: config.Map,
    out: Release[xr.Dataset],
    sites: Sequence[SiteLayer],
    outline: gpd.GeoSeries | None,
    notes: Sequence[str],
) -> Any:
    """Draw the layers of a map; shares against a count in two colours, where one is named."""
    words: dict[str, Any] = {"title": item.title, "question": item.question, "outline": outline, "notes": notes}
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
    run: config.Run, item: config.Map, results: pd.DataFrame, sources: Callable[[str], Source], served: pd.DataFrame
) -> list[SiteLayer]:
    """Services of a map: whom they reach, where that was computed, and all of them by kind."""
    if not item.sites:
        return []
    frame, layers = sites_of(item.sites, sources), []
    if item.reach:
        reached = release(reach_sites(release(results, profile_of(run)).data, frame), profile_of(run))
        words = {"reach": "Users against residents nearby"}
        layers.append(SiteLayer(reached, title="Service reach", columns=words, palette=REACH, show=True))
    if item.served and len(served):
        profile = profile_of(run)
        told = served_sites(served[served["persona"] == item.served], frame, profile.threshold)
        words = {"served": f"Serves ({item.served})"}
        popups = release(told[["name", "kind", "geometry", "served"]], profile)
        layers.append(SiteLayer(popups, title="Whom services serve", columns=words))
    return [*layers, SiteLayer(release(frame[["name", "kind", "geometry"]], profile_of(run)))]


def reach_sites(results: pd.DataFrame, sites: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Give the services whose reach was computed, with its verdict as ``kind`` and its figures as ``reach``.

    A group is below parity where its whole interval is; half of parity likewise.
    """
    found = results[results["index"] == "representation"]
    rows = {}
    for zone, part in found.groupby("zone", sort=False):
        known = part.dropna(subset=["estimate"])
        lowest = known["high"].min() if len(known) else float("nan")
        verdict = list(REACH)[3 if not len(known) else 0 if lowest < 0.5 else 1 if lowest < 1 else 2]
        figures = [f"{r.groups} {r.estimate:.2f} ({r.low:.2f} to {r.high:.2f})" for r in known.itertuples()]
        rows[zone] = (verdict, "; ".join(figures))
    zones = sites["name"].astype(str) + " (" + sites.index.str.split(":", n=1).str[1] + ")"
    served = sites.loc[zones.isin(list(rows)).to_numpy(), ["name", "geometry"]].copy()
    kept = zones[zones.isin(list(rows))]
    return served.assign(kind=[rows[z][0] for z in kept], reach=[rows[z][1] for z in kept])


def slug(title: str) -> str:
    """File name of a title.

    >>> slug("Who lives near whom? (1 km)")
    'who-lives-near-whom-1-km'
    """
    kept = "".join(c.lower() if c.isascii() and c.isalnum() else "-" for c in title)
    return "-".join(filter(None, kept.split("-")))
