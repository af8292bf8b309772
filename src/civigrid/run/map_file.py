"""A file of cells to a map: one command, one page."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import xarray as xr

from civigrid.cells import column_of, grid_of, measured, values_of
from civigrid.errors import SchemaError, unknown_name
from civigrid.io.atomic import write_bytes
from civigrid.io.background import read_background
from civigrid.io.cells import read_cells
from civigrid.io.geoparquet import terms_in
from civigrid.io.points import read_points
from civigrid.io.tables import VECTOR, column_names, read_shapes
from civigrid.maps import (
    MODES,
    Background,
    Compared,
    Language,
    Mode,
    SiteLayer,
    bounds_of,
    compare_cells,
    gains_and_losses,
    language,
    make_bivariate_map,
    make_compare_map,
    make_map,
    make_timeline_map,
    to_files,
)
from civigrid.maps.compare import MODES as WAYS
from civigrid.maps.compare import Mode as Way
from civigrid.maps.page import TOOLS, Tool, View
from civigrid.maps.summaries import summaries_of
from civigrid.release import Profile, Release, release
from civigrid.run.maps import HATCHED
from civigrid.source import Licence
from civigrid.style.classes import Classes, classify

LIST_FROM = 5
"""From so many variables on they stand in a list with a search instead of the choice of layers."""


@dataclass(frozen=True, kw_only=True)
class MapWanted:
    """What a map shall show.

    Parameters
    ----------
    values : tuple of str
        Variables, the first shown at the start.
    out : Path
        A page ``.html``; of modes with several files, a folder.
    compare : Path, optional
        Other cells: the map compares one variable of both.
    labels : tuple of str
        Names of the two sides; by default those of the files.
    groups : tuple of str
        Counts for gains and losses; by default those the variable is said of.
    way : {"swipe", "pair", "difference"}
        How a comparison begins.
    against : str
        A count: shares are drawn against it in two colours.
    timeline : mapping of str to str
        Label of each year and its variable.
    tools : tuple of str
        Of `civigrid.maps.page.TOOLS`.
    by, breaks, n : str, tuple of float, int
        Classes, as of `civigrid.style.classify`.
    title, question : str
        What the map is called, and what it answers.
    tell : tuple of str
        More variables that cells tell.
    lang : str
        Language of the page.
    view : {"mercator", "native"}
        Projection.
    mode : str
        Of `civigrid.maps.MODES`.
    background, outline, sites : Path, optional
        Files of what lies below, of lines, of services.
    terms : tuple of Licence
        Words that must stand beside the data; none: those that the file brings along.
    """

    values: tuple[str, ...]
    out: Path
    compare: Path | None = None
    labels: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    way: Way = "swipe"
    against: str = ""
    timeline: Mapping[str, str] = field(default_factory=dict)
    tools: tuple[Tool, ...] = ()
    by: str = "auto"
    breaks: tuple[float, ...] = ()
    n: int = 5
    title: str = ""
    question: str = ""
    tell: tuple[str, ...] = ()
    lang: str = "en"
    view: View = "mercator"
    mode: Mode = "single"
    background: Path | None = None
    outline: Path | None = None
    sites: Path | None = None
    terms: tuple[Licence, ...] = ()


def map_file(path: Path, wanted: MapWanted, profile: Profile) -> dict[str, Any]:
    """Draw a file of cells, after disclosure control, and write the map.

    Returns
    -------
    dict
        ``out``, ``files``, ``bytes``, ``cells``, ``grid``, ``variables``, ``summary`` (the map in sentences),
        ``gains`` (rows of a comparison), ``profile``, ``suppressed``, ``attribution``.

    Raises
    ------
    UnknownNameError
        An unknown variable, way, mode, tool or language.
    SchemaError
        Wishes that do not go together, or an output of another kind than the mode's.
    GridMismatchError
        Compared cells lie on another grid.
    """
    _check(wanted)
    say = language(wanted.lang)
    cells = _released(path, wanted, profile)
    names = _names(wanted, cells.data)
    compared = _compared(cells, path, names[0], wanted, profile, say) if wanted.compare else None
    page = _compare_page(compared, wanted, profile) if compared else _page(cells, names, wanted, profile)
    shown = compared.release if compared else cells
    if wanted.background:
        page.add_child(Background(read_background(wanted.background, bounds_of(shown.data))))
    told = [compared.left, compared.right, compared.change] if compared else names
    files = _write(page, wanted)
    return {
        "out": str(wanted.out),
        "files": len(files),
        "bytes": sum(file.stat().st_size for file in files),
        "cells": shown.data.sizes["cell"],
        "grid": grid_of(shown.data).id,
        "variables": told,
        "summary": [line for part in summaries_of(shown.data, told, lang=say.base) for line in part.sentences],
        "gains": gains_and_losses(compared).to_dict("records") if compared else [],
        "profile": shown.profile,
        "suppressed": {name: n for name, n in cells.actions.items() if name in names},
        "attribution": [t.attribution or t.publisher for t in shown.terms],
    }


def _check(wanted: MapWanted) -> None:
    """Refuse what cannot be before anything is read."""
    asked: list[tuple[str, str, Collection[str]]] = [
        ("mode of a map", wanted.mode, MODES),
        ("way to compare", wanted.way, WAYS),
        *(("tool of a map", tool, TOOLS) for tool in wanted.tools),
    ]
    for what, name, known in asked:
        if name not in known:
            raise unknown_name(what, name, known)
    _check_together(wanted)
    if wanted.compare and len(wanted.values) > 1:
        raise SchemaError(f"--compare draws one variable, but {len(wanted.values)} are named: {wanted.values[0]}, …")
    if wanted.labels and len(wanted.labels) != 2:
        raise SchemaError(f"--labels names the two sides, as Before,After; got {len(wanted.labels)}.")
    single = wanted.out.suffix.lower() in (".html", ".htm")
    if single != (wanted.mode == "single"):
        what = "a page, as map.html" if wanted.mode == "single" else "a folder, as map"
        raise SchemaError(f"--out {wanted.out.name}: mode {wanted.mode!r} writes {what}.")


def _check_together(wanted: MapWanted) -> None:
    """Refuse wishes that belong to maps of different kinds."""
    kinds = [n for n in ("compare", "against", "timeline") if getattr(wanted, n)]
    if len(kinds) > 1:
        raise SchemaError(f"--{kinds[0]} and --{kinds[1]} are two maps: draw one after the other.")
    kind = kinds[0] if kinds else ""
    refused: dict[str, dict[str, Any]] = {
        "compare": {"tool": wanted.tools, "by": wanted.by != "auto", "tell": wanted.tell},
        "against": {"tool": wanted.tools, "by": wanted.by != "auto", "tell": wanted.tell, "breaks": wanted.breaks},
        "timeline": {"tool": wanted.tools, "by": wanted.by != "auto", "breaks": wanted.breaks},
        "": {"groups": wanted.groups, "labels": wanted.labels},
    }
    for option, given in refused[kind].items():
        if given:
            raise SchemaError(f"--{option} does not go with {'--' + kind if kind else 'a map without --compare'}.")


def _released(path: Path, wanted: MapWanted, profile: Profile) -> Release[xr.Dataset]:
    return release(read_cells(path), profile, terms=wanted.terms or terms_in(path))


def _names(wanted: MapWanted, cells: xr.Dataset) -> list[str]:
    """Variables to draw, each of them there."""
    names = list(dict.fromkeys(wanted.values or wanted.timeline.values()))
    known = measured(cells)
    if not names:
        raise SchemaError(f"name what the map shall show with --value. The cells have: {', '.join(known)}.")
    for name in filter(None, [*names, *wanted.tell, wanted.against]):
        if name not in known:
            raise unknown_name("variable of the cells", name, known)
    return names


def _compared(
    cells: Release[xr.Dataset], path: Path, name: str, wanted: MapWanted, profile: Profile, say: Language
) -> Compared:
    other = Path(wanted.compare or path)
    # both sides pass the same profile before anything is subtracted
    right = release(read_cells(other), profile, terms=wanted.terms or terms_in(other))
    stems = (path.stem, other.stem) if path.stem != other.stem else None
    labels = (wanted.labels[0], wanted.labels[1]) if wanted.labels else stems
    return compare_cells(cells, right, name, labels=labels, groups=wanted.groups, breaks=wanted.breaks, lang=say.base)


def _beside(cells: xr.Dataset, name: str, wanted: MapWanted, profile: Profile) -> dict[str, Any]:
    """What every kind of map takes."""
    return {
        "title": wanted.title or column_of(cells[name]).long_name or name,
        "question": wanted.question,
        "sites": _sites(wanted.sites, profile) if wanted.sites else [],
        "outline": read_shapes(wanted.outline).geometry if wanted.outline else None,
        "notes": [HATCHED[language(wanted.lang).base]],
        "lang": wanted.lang,
        "view": wanted.view,
    }


def _compare_page(compared: Compared, wanted: MapWanted, profile: Profile) -> Any:
    words = _beside(compared.release.data, compared.change, wanted, profile)
    return make_compare_map(compared, mode=wanted.way, **words)


def _page(cells: Release[xr.Dataset], names: list[str], wanted: MapWanted, profile: Profile) -> Any:
    words = _beside(cells.data, names[0], wanted, profile)
    if wanted.against:
        rates = [n for n in names if column_of(cells.data[n]).kind == "intensive"]
        return make_bivariate_map(cells, rates, wanted.against, more=[n for n in names if n not in rates], **words)
    if wanted.timeline:
        return make_timeline_map(cells, wanted.timeline, tell=wanted.tell, **words)
    weights = [column_of(cells.data[n]).weight for n in names]
    carry = [w for w in dict.fromkeys(weights) if w is not None and w in cells.data and w not in names]
    listed: list[Tool] = ["list"] if len(names) >= LIST_FROM and "threshold" not in wanted.tools else []
    classes = {n: _classes(cells.data, n, wanted) for n in names if wanted.by != "auto" or wanted.breaks}
    tools = list(dict.fromkeys([*listed, *wanted.tools]))
    return make_map(cells, names, tell=wanted.tell, carry=carry, classes=classes, tools=tools, **words)


def _classes(cells: xr.Dataset, name: str, wanted: MapWanted) -> Classes:
    about, values = column_of(cells[name]), values_of(cells, name)
    weight = values_of(cells, str(about.weight)) if about.weight in cells else None
    breaks = wanted.breaks or None
    return classify(
        values,
        about,
        name=name,
        weight=weight,
        by=wanted.by,
        breaks=breaks,
        n=wanted.n,
        lang=language(wanted.lang).base,
    )


def _sites(path: Path, profile: Profile) -> list[SiteLayer]:
    """Services of a vector file, or of a table with columns ``lon`` and ``lat``; ``kind`` and ``name`` where given."""
    places: dict[str, Any] = {}
    names = column_names(path)
    if path.suffix.lower() not in VECTOR:
        if lacking := [n for n in ("lon", "lat") if n not in names]:
            raise SchemaError(f"{path.name} has no column {lacking[0]}: a table of services has lon and lat, degrees.")
        places = {"x": "lon", "y": "lat", "crs": "EPSG:4326"}
    kind = "kind" if "kind" in names else ""
    source, _ = read_points(path, kind_column=kind, **places)
    points = gpd.GeoDataFrame(source.table, geometry=source.geometry)
    points = points[~(points.geometry.isna() | points.geometry.is_empty)]
    named = points.assign(name=points.get("name", ""))
    # a place is public: its name, its kind and where it lies, and nothing else of the file
    return [SiteLayer(release(named[["name", "kind", "geometry"]], profile), title=path.stem)]


def _write(page: Any, wanted: MapWanted) -> list[Path]:
    files = to_files(page, wanted.mode)
    under = {wanted.out: files["index.html"]} if wanted.mode == "single" else {}
    under |= {} if under else {wanted.out / name: data for name, data in files.items()}
    for path, data in under.items():
        write_bytes(path, data)
    return sorted(under)


def map_text(found: Mapping[str, Any]) -> str:
    """Say in words what was drawn."""
    lines = [f"{found['cells']:,} cells of {found['grid']}, profile {found['profile']}", *found["summary"]]
    lines += [
        f"{row['name']}: {row['gain']:,.0f} gain, {row['stay']:,.0f} stay, {row['lose']:,.0f} lose"
        + (f", {row['unknown']:,.0f} unknown" if row["unknown"] else "")
        for row in found["gains"]
    ]
    lines += [f"hidden   {n:,} of {name}" for name, n in found["suppressed"].items() if n]
    return "\n".join([*lines, f"wrote    {found['out']} ({found['files']} files, {found['bytes'] / 1e6:,.2f} MB)"])
