"""Sources to cells.  Polygons, points and grids each have one way; every way keeps a ledger."""

from civigrid.project.between_grids import grid_crosswalk
from civigrid.project.gridded import coarsen, project_cells, pyramid
from civigrid.project.ledger import Entry, check_ledger, ledger_table
from civigrid.project.methods import coarsen_crosswalk, reweight
from civigrid.project.points import cells_of_points, project_points
from civigrid.project.polygons import polygon_crosswalk
from civigrid.project.reconcile import Reconciled, reconcile
from civigrid.project.spread import COVERED, Projection, label_cells, project_areas, regrid
from civigrid.project.zonal import Zonal, zonal

__all__ = [
    "COVERED",
    "Entry",
    "Projection",
    "Reconciled",
    "Zonal",
    "cells_of_points",
    "check_ledger",
    "coarsen",
    "coarsen_crosswalk",
    "grid_crosswalk",
    "label_cells",
    "ledger_table",
    "polygon_crosswalk",
    "project_areas",
    "project_cells",
    "project_points",
    "pyramid",
    "reconcile",
    "regrid",
    "reweight",
    "zonal",
]
