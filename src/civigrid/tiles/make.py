"""Released cells to a set of tiles: levels planned, values rolled up, tiles made as they are asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xarray as xr

from civigrid.cells import grid_of, measured
from civigrid.engine.execute import Scheduler
from civigrid.errors import SchemaError
from civigrid.io.write import write_atomic
from civigrid.kernels.vector_tile import WORLD_BITS
from civigrid.release.gate import Release
from civigrid.source import Licence
from civigrid.tiles.archives import Contents
from civigrid.tiles.attributes import (
    WORDS,
    Attributes,
    LevelTable,
    attributes,
    known_total,
    level_table,
    rounded_values,
    with_classes_of,
)
from civigrid.tiles.levels import Level, feature_ids, plan_levels
from civigrid.tiles.metadata import IDS, common, field_types, layers_json, vector_layers
from civigrid.tiles.overview import Carried, carried
from civigrid.tiles.pictures import picture_tiles
from civigrid.tiles.schemes import TileScheme, scheme_named
from civigrid.tiles.vector import Placed, Tile, place, vector_tiles
from civigrid.types import Bounds

SAME = 1e-9
"""Totals of two levels that differ by less, of 1, are equal: sums of fractions round."""


@dataclass(frozen=True, kw_only=True)
class TileOptions:
    """What tiles shall be like.

    Parameters
    ----------
    values : tuple of str
        Measured variables; empty: all, companions apart.
    scheme : str
        ``WebMercatorQuad``, ``EuropeanETRS89_LAEAQuad`` or ``EU1kmQuad``.
    pictures : bool
        PNG of one variable instead of vector tiles.
    geometry_only : bool
        Features bear ids alone; values stand in a table beside.
    name, description, attribution : str
        What the tiles are called, and words that must stand beside them besides those of the release.
    """

    values: tuple[str, ...] = ()
    scheme: str = "WebMercatorQuad"
    pictures: bool = False
    geometry_only: bool = False
    name: str = "cells"
    description: str = ""
    attribution: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class TileSet:
    """Tiles that are made when they are asked for.

    Parameters
    ----------
    scheme : TileScheme
        Where they lie.
    tables : tuple of LevelTable
        Values of each level, coarsest first.
    variables : tuple of Carried
        What is carried, and how.
    placed : tuple of Placed
        Where the cells of each level lie.
    about : tuple of Attributes
        What the features of each level bear.
    contents : Contents
        Zooms, bounds, metadata.
    options : TileOptions
        As asked.
    scheduler : Scheduler
        Where they are made.
    outside : int
        Cells that the scheme's square does not hold.
    """

    scheme: TileScheme
    tables: tuple[LevelTable, ...]
    variables: tuple[Carried, ...]
    placed: tuple[Placed, ...]
    about: tuple[Attributes, ...]
    contents: Contents
    options: TileOptions
    scheduler: Scheduler
    outside: int

    def tiles(self, *, compress: bool = True) -> Iterator[Tile]:
        """Make the tiles, coarsest zoom first, in Hilbert's order; vector tiles by gzip where `compress`."""
        for table, placed, about in zip(self.tables, self.placed, self.about, strict=True):
            if self.options.pictures:
                name = self.variables[0].name
                yield from picture_tiles(table, name, placed, self.scheduler)
            else:
                yield from vector_tiles(table.level, table.ids, placed, about, self.scheduler, compress=compress)

    def totals(self) -> dict[str, bool]:
        """Whether the sum of what is known of each count is the same on all levels."""
        found = {}
        for of in self.variables:
            if of.how == "sum":
                sums = [known_total(table, of.name) for table in self.tables]
                found[of.name] = all(abs(s - sums[-1]) <= SAME * max(abs(sums[-1]), 1.0) for s in sums)
        return found


def make_tiles(release: Release[xr.Dataset], options: TileOptions, scheduler: Scheduler | None = None) -> TileSet:
    """Plan tiles of released cells.

    Parameters
    ----------
    release : Release
        Cells that passed a disclosure profile: what it hid is hidden on every level.
    options : TileOptions
        What they shall be like.
    scheduler : Scheduler, optional
        Where levels and tiles are made; no byte depends on it.

    Returns
    -------
    TileSet
        Written by `civigrid.tiles.write_tiles`.

    Raises
    ------
    TypeError
        No release.
    SchemaError
        No such variable; pictures of more than one; pictures without values.
    """
    if not isinstance(release, Release) or not isinstance(release.data, xr.Dataset):
        raise TypeError("tiles are made of a Release of cells: pass them through civigrid.release.release() first.")
    scheduler = scheduler or Scheduler()
    cells, scheme = release.data, scheme_named(options.scheme)
    variables = carried(cells, _chosen(cells, options))
    if options.pictures and (len(variables) != 1 or options.geometry_only):
        raise SchemaError("pictures show one variable: name it with --value, and leave out --geometry-only.")
    tables, placed = _levels(cells, scheme, variables, options, scheduler)
    bare = options.geometry_only or options.pictures
    about = tuple(attributes(t, () if bare else variables) for t in tables)
    contents = _contents(release, scheme, variables, options, tables, placed, about)
    outside = len(tables[-1].ids) - len(np.unique(placed[-1].cell[_inside(placed[-1])]))
    return TileSet(
        scheme=scheme, tables=tables, variables=variables, placed=placed, about=about, contents=contents,
        options=options, scheduler=scheduler, outside=outside,
    )  # fmt: skip


def _chosen(cells: xr.Dataset, options: TileOptions) -> Sequence[str]:
    if options.values:
        return options.values
    return [n for n in measured(cells) if not cells[n].attrs.get("companion_of")]


def _levels(
    cells: xr.Dataset, scheme: TileScheme, variables: Sequence[Carried], options: TileOptions, scheduler: Scheduler
) -> tuple[tuple[LevelTable, ...], tuple[Placed, ...]]:
    planned = plan_levels(grid_of(cells), scheme, pixels=options.pictures)
    finest = level_table(cells, planned[-1], variables, scheduler)
    coarser = [with_classes_of(level_table(cells, a, variables, scheduler), finest, variables) for a in planned[:-1]]
    tables = (*coarser, finest)
    return tables, tuple(place(t.ids, t.level.grid, scheme, scheduler) for t in tables)


def _inside(placed: Placed) -> np.ndarray[Any, np.dtype[np.bool_]]:
    low, high = placed.ring.min(axis=1), placed.ring.max(axis=1)
    inside: np.ndarray[Any, np.dtype[np.bool_]] = ((low < 2**WORLD_BITS) & (high > 0)).all(axis=1)
    return inside


def _contents(
    release: Release[xr.Dataset],
    scheme: TileScheme,
    variables: Sequence[Carried],
    options: TileOptions,
    tables: Sequence[LevelTable],
    placed: Sequence[Placed],
    about: Sequence[Attributes],
) -> Contents:
    levels: list[Level] = [t.level for t in tables]
    box = placed[-1].box
    bounds = scheme.bounds(box) if box is not None else Bounds(-180.0, -85.0, 180.0, 85.0)
    terms = [*release.terms, *([Licence(attribution=options.attribution)] if options.attribution else [])]
    words = options.description or ", ".join(of.column.long_name or of.name for of in variables)
    metadata = common(options.name, words, scheme, variables, release.profile, terms)
    metadata["layers"] = layers_json(tables, [of.name for of in variables])
    if not options.pictures:
        of_id = IDS["h3" if levels[-1].layer.startswith("cells_h3") else "square"]
        metadata |= {"vector_layers": vector_layers(tables, about, variables), "feature_id": of_id}
        metadata |= {"tilestats": field_types(tables, about), "values_joined": options.geometry_only}
    return Contents(
        kind="png" if options.pictures else "mvt",
        bounds=bounds,
        min_zoom=levels[0].min_zoom,
        max_zoom=levels[-1].max_zoom,
        metadata=metadata,
    )


def values_table(made: TileSet) -> pa.Table:
    """Give the values of all levels for a join: ``layer`` and ``fid`` of the features, values, statuses in words."""
    columns: dict[str, list[pa.Array]] = {"layer": [], "fid": [], "cell_id": []}
    for of in made.variables:
        columns |= {of.name: [], f"{of.name}_status": []}
    for table in made.tables:
        n = len(table.ids)
        columns["layer"].append(pa.array([table.level.layer] * n, pa.string()))
        columns["fid"].append(pa.array(feature_ids(table.level.grid, table.ids).astype(np.int64)))
        columns["cell_id"].append(pa.array(table.ids))
        for of in made.variables:
            value, status = table.values.get(of.name, (np.full(n, np.nan), np.zeros(n, dtype=np.uint8)))
            known = rounded_values(value, of)
            kind = pa.int64() if of.whole else pa.float64()
            whole = np.nan_to_num(known).astype(np.int64) if of.whole else known
            columns[of.name].append(pa.array(whole, kind, mask=np.isnan(known)))
            columns[f"{of.name}_status"].append(pa.array(np.array(WORDS, dtype=object)[status], pa.string()))
    return pa.table({name: pa.chunked_array(parts) for name, parts in columns.items()})


def write_values(made: TileSet, path: Path) -> None:
    """Write the values of all levels as Parquet, with what they mean."""
    table = values_table(made)
    told = {"civigrid_tiles": json.dumps(made.contents.metadata["variables"], sort_keys=True, ensure_ascii=False)}

    def write(temporary: Path) -> None:
        pq.write_table(table.replace_schema_metadata(told), temporary, compression="zstd", row_group_size=100_000)

    write_atomic(path, write)
