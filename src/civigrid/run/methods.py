"""Ways to spread counts by their name, as run files and the command line say it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import geopandas as gpd
import shapely
import xarray as xr

from civigrid.cells import grid_of, ids_of, values_of, with_variables
from civigrid.errors import SchemaError, unknown_name
from civigrid.grid import Grid, SquareGrid
from civigrid.project import (
    COVERED,
    Projection,
    category_shares,
    coarsen,
    coarsen_crosswalk,
    grid_crosswalk,
    label_cells,
    polygon_crosswalk,
    project_areas,
    regrid,
)
from civigrid.project.geometry import outside_units
from civigrid.project.methods import Layer, Weigh, by_area, by_largest_overlap, dasymetric, pycnophylactic
from civigrid.source import Finding, Source
from civigrid.types import Column


@dataclass(frozen=True, eq=False)
class Ancillary:
    """What a method may look at besides the counts.

    Parameters
    ----------
    layers : tuple of Layer
        Amounts by cell, in order of trust, for `dasymetric`; all on one grid.
    cells : xarray.Dataset, optional
        Covariates by cell, for models.
    covariates : tuple of str
        Their names.
    seed : int
        Of models.
    """

    layers: tuple[Layer, ...] = ()
    cells: xr.Dataset | None = None
    covariates: tuple[str, ...] = ()
    seed: int = 0

    def grid_for(self, method: str) -> Grid | None:
        """Grid of what a method looks at; None where it looks at nothing."""
        if method in MODELS:
            return None if self.cells is None else grid_of(self.cells)
        return self.layers[0].grid if method in NEED_CELLS and self.layers else None


def _dasymetric(ancillary: Ancillary) -> Weigh:
    return dasymetric(*ancillary.layers)


def _model(kind: str) -> Callable[[Ancillary], Weigh]:
    def make(ancillary: Ancillary) -> Weigh:
        # scikit-learn is slow to load: only a model pays for it
        from civigrid.project.methods.model import by_model

        if ancillary.cells is None or not ancillary.covariates:
            raise SchemaError(f"method {kind!r} learns from covariates: name cells and their variables.")
        return by_model(ancillary.cells, ancillary.covariates, kind=kind, seed=ancillary.seed)  # type: ignore[arg-type]

    return make


SPREADS: dict[str, Callable[[Ancillary], Weigh]] = {
    "area": lambda _: by_area(),
    "largest": lambda _: by_largest_overlap(),
    "dasymetric": _dasymetric,
    "pycnophylactic": lambda _: pycnophylactic(),
    "poisson": _model("poisson"),
    "boosting": _model("boosting"),
}
"""Method by name; a new method is one file in `civigrid.project.methods` and one line here."""

CLEARLY = 1e-3
"""Areas that cover a cell by this much more than once overlap by more than two drawings of one border do."""
MODELS = ("poisson", "boosting")
NEED_CELLS = ("dasymetric", *MODELS)
"""Methods that look at other cells."""


def spread_method(name: str, ancillary: Ancillary) -> Weigh:
    """Give the method of a name.

    >>> spread_method("aera", Ancillary())
    Traceback (most recent call last):
    civigrid.errors.UnknownNameError: unknown method 'aera'. Did you mean 'area'? Known: area, ...
    """
    if name not in SPREADS:
        raise unknown_name("method", name, SPREADS)
    return SPREADS[name](ancillary)


def project_by(
    source: Source,
    grid: Grid,
    method: str,
    ancillary: Ancillary,
    *,
    columns: tuple[str, ...] = (),
    keep: tuple[str, ...] = (),
    shares_of: tuple[str, ...] = (),
    whole_seed: int | None = None,
) -> Projection:
    """Project areas to a grid by a named method, at the grid of what it looks at where that is finer.

    Weights found at 100 m serve at 1 km: the crosswalk is weighed on the fine grid and added up, so that one
    projection and one ledger remain.  To hexagons, fine squares are moved by area afterwards.

    Parameters
    ----------
    source : Source
        Areas.
    grid : Grid
        Where to.
    method : str
        One of `SPREADS`.
    ancillary : Ancillary
        What the method looks at.
    columns : tuple of str
        Which columns; none: all.
    keep : tuple of str
        Labels of the areas that cells get by largest overlap.
    shares_of : tuple of str
        Labels of which cells get the share of land of each category, as ``LABEL_CATEGORY``.
    whole_seed : int, optional
        Place whole persons.
    """
    weigh, fine = spread_method(method, ancillary), ancillary.grid_for(method) or grid
    areas = polygon_crosswalk(polygons_of(source), fine)
    through_squares = fine != grid and isinstance(grid, SquareGrid) and isinstance(fine, SquareGrid)
    if through_squares and not _is_multiple(grid, fine):
        raise SchemaError(f"weights lie on {fine.id}, whose cells do not fill those of {grid.id}. Give finer ones.")
    target = coarsen_crosswalk(areas, grid) if through_squares else areas
    made = project_areas(
        source,
        target,
        columns=columns or None,
        method=(lambda _, counts: coarsen_crosswalk(weigh(areas, counts), grid)) if through_squares else weigh,
        whole_seed=whole_seed,
    )
    label = {n: ("cell", label_cells(target, source.table[n].to_numpy()), {"kind": "label"}) for n in keep}
    cells = made.cells.assign(label)
    for name in shares_of:
        shares = {f"{name}_{k}": s for k, s in category_shares(target, source.table[name].to_numpy()).items()}
        about = {n: Column(kind="intensive", units="1", long_name=f"Share of land: {n}") for n in shares}
        cells = with_variables(cells, shares, about)
    made = Projection(cells, made.ledger)
    if fine == grid or through_squares:
        return made
    moved = regrid(made.cells, grid_crosswalk(ids_of(made.cells), fine, grid))
    return Projection(moved.cells, made.ledger + moved.ledger)


def _is_multiple(grid: Grid, fine: Grid) -> bool:
    sizes = [g.cell_size_m for g in (grid, fine) if isinstance(g, SquareGrid)]
    return grid.crs == fine.crs and sizes[0] % sizes[1] == 0


def polygons_of(source: Source) -> gpd.GeoSeries:
    """Give the polygons of a source of areas.

    Raises
    ------
    SchemaError
        It has none.
    """
    if source.geometry is None:
        raise SchemaError(f"source {source.name!r} has no polygons. Read it with reader = 'areas'.")
    return source.geometry


def outside_findings(source: Source, grid: Grid) -> list[Finding]:
    """Name the units that leave a grid: their people are in the ledger, not on the map."""
    if source.geometry is None or shapely.get_dimensions(source.geometry.to_numpy()).max(initial=0) < 2:
        return []
    outside = outside_units(source.geometry, grid)
    outside = outside[outside["share_outside"] > 0]
    if outside.empty:
        return []
    worst = outside.sort_values("share_outside", ascending=False)
    text = (
        f"{len(outside)} units of {source.name!r} lie outside {grid.id} in part or whole "
        f"({outside['outside_grid_km2'].sum():,.0f} km2): what they hold there is in the ledger, not on the map"
    )
    return [Finding("warning", "areas.outside-grid", text, len(outside), tuple(map(str, worst.index[:5])))]


def overlap_findings(cells: xr.Dataset) -> list[Finding]:
    """Say that areas lie on one another: their people are counted in each of them."""
    if COVERED not in cells:
        return []
    over = values_of(cells, COVERED) > 1 + CLEARLY
    if not over.any():
        return []
    text = (
        f"areas overlap in {int(over.sum())} cells, by up to {values_of(cells, COVERED).max() - 1:.1%} of a cell: the "
        "people of each are placed there.  `civigrid audit` names the pairs"
    )
    return [Finding("warning", "areas.overlap", text, int(over.sum()), tuple(hex(i) for i in ids_of(cells)[over][:5]))]


def on_grid(cells: xr.Dataset, grid: Grid | None) -> xr.Dataset:
    """Give cells on the grid that others lie on: finer ones are added up."""
    return cells if grid is None or grid_of(cells) == grid else coarsen(cells, grid)
