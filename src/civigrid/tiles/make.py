"""Released cells to a set of tiles: levels planned, values rolled up, tiles made as they are asked for."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import xarray as xr

from civigrid.cells import grid_of, measured
from civigrid.engine.execute import Scheduler
from civigrid.errors import SchemaError
from civigrid.release.gate import Release
from civigrid.source import Licence
from civigrid.tiles.archives import Contents
from civigrid.tiles.attributes import LevelTable, known_total, level_tables
from civigrid.tiles.carried import Carried, carried
from civigrid.tiles.levels import plan_levels
from civigrid.tiles.metadata import IDS, common, field_types, layers_json, vector_layers
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
    min_zoom, max_zoom : int, optional
        Zooms to make, both included; None: all, as `civigrid.tiles.levels.plan_levels` says.
    name, description, attribution : str
        What the tiles are called, and words that must stand beside them besides those of the release.
    """

    values: tuple[str, ...] = ()
    scheme: str = "WebMercatorQuad"
    pictures: bool = False
    geometry_only: bool = False
    min_zoom: int | None = None
    max_zoom: int | None = None
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
    contents : Contents
        Zooms, bounds, metadata.
    options : TileOptions
        As asked.
    scheduler : Scheduler
        Where they are made.
    """

    scheme: TileScheme
    tables: tuple[LevelTable, ...]
    variables: tuple[Carried, ...]
    placed: tuple[Placed, ...]
    contents: Contents
    options: TileOptions
    scheduler: Scheduler

    @property
    def outside(self) -> int:
        """Cells of the finest level that the scheme's square does not hold."""
        return self.placed[-1].outside

    def tiles(self, *, compress: bool = True) -> Iterator[Tile]:
        """Make the tiles, coarsest zoom first, in Hilbert's order; vector tiles by gzip where `compress`."""
        for table, placed in zip(self.tables, self.placed, strict=True):
            if self.options.pictures:
                yield from picture_tiles(table, self.variables[0], placed, self.scheduler)
            else:
                yield from vector_tiles(table, placed, self.scheduler, compress=compress)

    @functools.cached_property
    def totals(self) -> dict[str, bool]:
        """Whether the sum of what is known of each count is the same on all levels."""
        found = {}
        for of in self.variables:
            if of.rule.how == "sum":
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
    planned = plan_levels(
        grid_of(cells), scheme, pixels=options.pictures, min_zoom=options.min_zoom, max_zoom=options.max_zoom
    )
    bare = options.geometry_only or options.pictures
    tables = level_tables(cells, planned, variables, scheduler, bare=bare)
    if absent := [of.name for of in variables if of.name not in tables[-1].values]:
        raise SchemaError(f"{', '.join(absent)} cannot be averaged, and the zooms asked for show parents alone.")
    placed = place(tables, scheme, scheduler)
    contents = _contents(release, scheme, variables, options, tables, placed)
    return TileSet(
        scheme=scheme, tables=tables, variables=variables, placed=placed, contents=contents, options=options,
        scheduler=scheduler,
    )  # fmt: skip


def _chosen(cells: xr.Dataset, options: TileOptions) -> Sequence[str]:
    if options.values:
        return options.values
    return [n for n in measured(cells) if not cells[n].attrs.get("companion_of")]


def _contents(
    release: Release[xr.Dataset],
    scheme: TileScheme,
    variables: Sequence[Carried],
    options: TileOptions,
    tables: Sequence[LevelTable],
    placed: Sequence[Placed],
) -> Contents:
    levels = [t.level for t in tables]
    box = placed[-1].box
    bounds = scheme.bounds(box) if box is not None else Bounds(-180.0, -85.0, 180.0, 85.0)
    terms = [*release.terms, *([Licence(attribution=options.attribution)] if options.attribution else [])]
    words = options.description or ", ".join(of.column.long_name or of.name for of in variables)
    metadata = common(options.name, words, scheme, variables, release.profile, terms)
    metadata["layers"] = layers_json(tables, [of.name for of in variables])
    if not options.pictures:
        of_id = IDS["h3" if levels[-1].layer.startswith("cells_h3") else "square"]
        metadata |= {"vector_layers": vector_layers(tables, variables), "feature_id": of_id}
        metadata |= {"tilestats": field_types(tables), "values_joined": options.geometry_only}
    return Contents(
        kind="png" if options.pictures else "mvt",
        bounds=bounds,
        min_zoom=levels[0].min_zoom,
        max_zoom=levels[-1].max_zoom,
        metadata=metadata,
    )
