"""Catalogues of a release: STAC, RO-Crate and a data package, all three from one model of what a run released."""

from civigrid.io.catalogues.data_package import data_package
from civigrid.io.catalogues.describe import describe_release
from civigrid.io.catalogues.model import Field, File, Input, Released, Table
from civigrid.io.catalogues.ro_crate import ro_crate
from civigrid.io.catalogues.stac import stac

__all__ = [
    "Field",
    "File",
    "Input",
    "Released",
    "Table",
    "data_package",
    "describe_release",
    "ro_crate",
    "stac",
]
