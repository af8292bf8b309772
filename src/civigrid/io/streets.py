"""Streets from whatever file holds them."""

from __future__ import annotations

from pathlib import Path

from civigrid.io.edges import read_edge_table, read_street_lines
from civigrid.io.osm import read_osm
from civigrid.travel.lines import StreetLines

OSM = (".pbf", ".osm", ".osm.bz2", ".osm.gz", ".o5m")


def read_streets(path: Path, *, nodes: Path | None = None, layer: str | None = None, crs: str = "") -> StreetLines:
    """Read streets from an OpenStreetMap extract, an edge table with its nodes, or lines with tags as columns.

    Parameters
    ----------
    path : Path
        The file; its name says what it is.
    nodes : Path, optional
        Table of nodes: `path` is then an edge table.
    layer : str, optional
        Layer of a vector file.
    crs : str
        Coordinate system of a table or file that names none.

    Returns
    -------
    StreetLines
        As `read_osm`, `read_edge_table`, `read_street_lines` give them.

    Raises
    ------
    SourceError, SchemaError
        As those functions.
    """
    path = Path(path)
    if nodes is not None:
        return read_edge_table(path, nodes, crs=crs)
    if path.name.lower().endswith(OSM):
        return read_osm(path)
    return read_street_lines(path, layer=layer, crs=crs)
