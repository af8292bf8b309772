"""Media types of the files that are released."""

from __future__ import annotations

from pathlib import PurePosixPath

MEDIA = {
    ".parquet": "application/vnd.apache.parquet",
    ".gpkg": "application/geopackage+sqlite3",
    ".csv": "text/csv",
    ".html": "text/html",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".pdf": "application/pdf",
    ".json": "application/json",
    ".geojson": "application/geo+json",
    ".tif": "image/tiff; application=geotiff; profile=cloud-optimized",
    ".pmtiles": "application/vnd.pmtiles",
    ".mbtiles": "application/vnd.sqlite3",
    ".fgb": "application/vnd.flatgeobuf",
    ".nc": "application/x-netcdf",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".qml": "application/xml",
    ".sld": "application/vnd.ogc.sld+xml",
    ".qgz": "application/zip",
    ".zip": "application/zip",
    ".xml": "application/xml",
    ".txt": "text/plain",
    ".js": "text/javascript",
    ".css": "text/css",
    ".webp": "image/webp",
    ".mvt": "application/vnd.mapbox-vector-tile",
    ".pbf": "application/vnd.mapbox-vector-tile",
    ".md": "text/markdown",
}
"""Media types by suffix; IANA's names, and those that the STAC best practices list."""


def media_type(path: str) -> str:
    """Give the media type of a file by its suffix; bytes where it is none of ours.

    >>> media_type("cells/town.parquet"), media_type("README")
    ('application/vnd.apache.parquet', 'application/octet-stream')
    """
    return MEDIA.get(PurePosixPath(path).suffix.lower(), "application/octet-stream")
