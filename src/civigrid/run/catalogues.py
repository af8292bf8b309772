"""Catalogues of a run: its manifest as STAC, RO-Crate and a data package, beside what they describe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from civigrid.io.atomic import write_json
from civigrid.io.catalogues import data_package, describe_release, ro_crate, stac
from civigrid.io.hashing import sha256_of

RELEASE = "release"
"""Folder of a run directory that may leave."""


def write_catalogues(manifest: Mapping[str, Any], root: Path) -> dict[str, str]:
    """Write what catalogues know of a run into its release.

    Parameters
    ----------
    manifest : mapping
        The run's manifest, ``outputs`` included.
    root : Path
        The run directory.

    Returns
    -------
    dict
        What was written, by path below the run directory: its SHA-256, to be added to the manifest's ``outputs``.

    Raises
    ------
    SchemaError
        The manifest names a file that is not there.
    """
    folder = root / RELEASE
    released = describe_release(_without_catalogues(manifest), folder)
    made = stac(released) | {"datapackage.json": data_package(released)}
    if crate := ro_crate(released):
        made["ro-crate-metadata.json"] = crate
    for path, content in made.items():
        write_json(folder / path, content)
    return {f"{RELEASE}/{path}": sha256_of(folder / path) for path in sorted(made)}


def _without_catalogues(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest that lists catalogues already: they do not describe themselves."""
    own = (f"{RELEASE}/stac/", f"{RELEASE}/datapackage.json", f"{RELEASE}/ro-crate-metadata.json")
    return {**manifest, "outputs": {k: v for k, v in manifest.get("outputs", {}).items() if not k.startswith(own)}}
