"""Sources to cells.  Polygons, points, lines, rasters and grids each have one way; every way keeps a ledger."""

from civigrid.project.between_grids import grid_crosswalk
from civigrid.project.gridded import coarsen, project_cells, pyramid
from civigrid.project.ledger import Entry, check_ledger, ledger_table
from civigrid.project.lines import project_lines
from civigrid.project.methods import coarsen_crosswalk, reweight
from civigrid.project.partition import centre_partition
from civigrid.project.points import cells_of_points, project_points
from civigrid.project.polygons import polygon_crosswalk
from civigrid.project.rasters import RasterArray, RasterSource, project_classes, project_raster
from civigrid.project.reconcile import Reconciled, reconcile
from civigrid.project.spread import COVERED, Projection, category_shares, label_cells, project_areas, regrid
from civigrid.project.zonal import Zonal, zonal

__all__ = [
    "COVERED",
    "Entry",
    "Projection",
    "RasterArray",
    "RasterSource",
    "Reconciled",
    "Zonal",
    "category_shares",
    "cells_of_points",
    "centre_partition",
    "check_ledger",
    "coarsen",
    "coarsen_crosswalk",
    "grid_crosswalk",
    "label_cells",
    "ledger_table",
    "polygon_crosswalk",
    "project_areas",
    "project_cells",
    "project_classes",
    "project_lines",
    "project_points",
    "project_raster",
    "pyramid",
    "reconcile",
    "regrid",
    "reweight",
    "zonal",
]
