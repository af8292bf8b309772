"""From files of cells to a picture: one map, or several side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import xarray as xr

from civigrid.cells import measured
from civigrid.errors import SchemaError, unknown_name
from civigrid.io.cells import INSIDE
from civigrid.io.tables import column_names, read_shapes
from civigrid.layers.segregation import segregation_cells
from civigrid.release import Profile, public_grid, release
from civigrid.release.gate import Release
from civigrid.report.picture_looks import Looks
from civigrid.report.sheet import SUFFIXES
from civigrid.report.static_map import Panel, Picture, small_multiples
from civigrid.run.ancillary import cells_of_file
from civigrid.source import Licence


@dataclass(frozen=True, kw_only=True)
class PictureJob:
    """What is asked for.

    Parameters
    ----------
    files : tuple of Path
        Cells: files of civigrid's, or census grids; each file and each variable is a map.
    values : tuple of str
        Variables.
    out : Path
        ``.png``, ``.svg`` or ``.pdf``.
    looks : Looks
        Title, language, classes, paper.
    labels : tuple of str
        Words above the maps, in their order (files, and in each its variables); empty: what differs between them.
    outline, sites : Path or None
        Vector files: lines or areas for orientation; services, by their column ``kind`` if there is one.
    share_of : str
        A total that the values are divided by: their shares are drawn, with people as weight.
    credit : tuple of str
        Words that must stand beside the data.
    profile : Profile
        Disclosure profile.
    """

    files: tuple[Path, ...]
    values: tuple[str, ...]
    out: Path
    looks: Looks = field(default_factory=Looks)
    labels: tuple[str, ...] = ()
    outline: Path | None = None
    sites: Path | None = None
    share_of: str = ""
    credit: tuple[str, ...] = ()
    profile: Profile = field(default_factory=public_grid)

    def __post_init__(self) -> None:
        # a bad suffix is told before the cells are read, not after
        if self.out.suffix.lower() not in SUFFIXES:
            raise SchemaError(f"--out {self.out.name}: a picture is written as {', '.join(SUFFIXES)}.")
        if not self.files or not self.values:
            raise SchemaError("name at least one file of cells and one variable: civigrid picture CELLS --value V.")
        if self.labels and len(self.labels) != len(self.files) * len(self.values):
            maps = len(self.files) * len(self.values)
            raise SchemaError(f"{len(self.labels)} labels for {maps} maps: give one for each, or none.")


def picture_file(job: PictureJob) -> dict[str, Any]:
    """Draw what is asked for and write it.

    Parameters
    ----------
    job : PictureJob
        Files, variables, looks.

    Returns
    -------
    dict
        ``out, title, maps, classes`` (rows of ``label, color, cells, people``), ``missing`` (rows of
        ``label, cells``), ``scheme, breaks, notes, cells_per_pixel, alt, bytes``.

    Raises
    ------
    CivigridError
        Files that cannot be read, variables that are absent or not alike.
    """
    terms = [Licence(attribution=words) for words in job.credit]
    released = [release(_cells(path, job), job.profile, terms=terms) for path in job.files]
    labels = job.labels or _file_labels(released, job)
    at = [(r, f"share_{v}" if job.share_of else v) for r in released for v in job.values]
    panels = [Panel(r, v, labels[k] if labels else "") for k, (r, v) in enumerate(at)]
    looks = replace(job.looks, outline=_outline(job.outline), sites=_sites(job.sites, job.profile))
    picture = small_multiples(panels, looks)
    picture.write(job.out)
    return {"out": str(job.out), "maps": len(panels), **_told(picture), "bytes": job.out.stat().st_size}


def _cells(path: Path, job: PictureJob) -> xr.Dataset:
    """Read what must be protected together; where nothing is added, of a census only what is drawn."""
    ours = path.suffix == INSIDE or "code" in column_names(path)
    wanted = list(dict.fromkeys([*job.values, *filter(None, [job.share_of])]))
    cells = cells_of_file(path, [] if ours or job.profile.threshold else wanted)
    if not job.share_of:
        return cells
    for name in wanted:
        if name not in cells:
            raise unknown_name("variable of the cells,", name, measured(cells))
    return segregation_cells(cells, job.values, total=job.share_of, measures=("share",))


def _file_labels(released: Sequence[Release[xr.Dataset]], job: PictureJob) -> tuple[str, ...]:
    """Where several files have the same date or none, they are told apart by their names."""
    if len(released) < 2 or len(job.values) > 1:
        return ()
    dates = [str(r.data[job.values[0]].attrs.get("reference_date", "")) for r in released if job.values[0] in r.data]
    alike = len({*dates}) < len(released) or not all(dates)
    return tuple(path.stem for path in job.files) if alike else ()


def _outline(path: Path | None) -> gpd.GeoSeries | None:
    return None if path is None else read_shapes(path).geometry


def _sites(path: Path | None, profile: Profile) -> Release[gpd.GeoDataFrame] | None:
    if path is None:
        return None
    frame = read_shapes(path)
    kind = frame["kind"].astype(str) if "kind" in frame else path.stem
    points = gpd.GeoDataFrame({"kind": kind}, geometry=frame.geometry.representative_point(), crs=frame.crs)
    return release(points, profile)


def _told(picture: Picture) -> dict[str, Any]:
    legend = picture.legend
    return {
        "title": picture.title,
        "classes": [{key: row[key] for key in ("label", "color", "cells", "people")} for row in legend["classes"]],
        "missing": [{key: row[key] for key in ("label", "cells")} for row in legend["missing_rows"]],
        "scheme": legend["scheme"],
        "breaks": legend["breaks"],
        "notes": list(picture.classes.notes),
        "cells_per_pixel": picture.block,
        "alt": picture.alt,
    }
