"""What a run file says of exports: ``[[export]]``, one for each file that other programs open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from civigrid.run.faults import Fault
from civigrid.run.paths import slug

ExportFormat = Literal[
    "gpkg", "qgis", "geoparquet", "parquet", "fgb", "gdb", "cog", "netcdf", "zarr", "csv", "xlsx", "tiled-grid",
    "styles",
]  # fmt: skip
"""Formats by their names in run files and on the command line: those of `civigrid.run.export.FORMATS`."""
POLYGONS = ("gpkg", "qgis", "geoparquet", "fgb", "gdb")
"""Formats that take a CRS."""


def _key(text: str, **default: Any) -> Any:
    # as `civigrid.run.config.key`, which imports this
    return field(metadata={"help": text}, **default)


@dataclass(frozen=True, kw_only=True)
class ExportItem:
    """One file, or a folder of files, in ``exports/`` of the run's folder."""

    cells: str = _key("name of the cells")
    to: ExportFormat = _key("format, as `civigrid export --list` tells")
    name: str = _key("name of the file without its suffix; by default that of the cells", default="")
    variables: tuple[str, ...] = _key("variables to write; by default all, and the labels", default=())
    crs: str = _key("CRS of polygons, as EPSG:25832; by default the grid's own", default="")
    title: str = _key("what the data are called", default="")


def file_of(item: ExportItem, suffix: str) -> str:
    """Name of what an export writes: of a folder, and of a table that another format's suffix has, with the format.

    >>> file_of(ExportItem(cells="Town 1 km", to="cog"), "")
    'town-1-km-cog'
    """
    ending = f"-{item.to}" if not suffix or item.to == "parquet" else ""
    return f"{slug(item.name or item.cells)}{ending}{suffix}"


def export_faults(items: Sequence[ExportItem]) -> list[Fault]:
    """What is wrong with exports that only shows when they are read together.

    >>> [f.key for f in export_faults([ExportItem(cells="a", to="cog", crs="EPSG:25832")])]
    ['run.export[0].crs']
    """
    faults, seen = [], set[tuple[str, str]]()
    for i, item in enumerate(items):
        if item.crs and item.to not in POLYGONS:
            able = ", ".join(POLYGONS)
            faults.append(Fault(f"run.export[{i}].crs", repr(item.crs), f"is for polygons ({able}), not {item.to}."))
        # a QGIS project brings its GeoPackage along
        named = (slug(item.name or item.cells), "gpkg" if item.to == "qgis" else item.to)
        if named in seen:
            faults.append(Fault(f"run.export[{i}].name", repr(item.name), "another export has it: give each its own."))
        seen.add(named)
    return faults
