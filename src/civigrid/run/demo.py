"""The demo: Havelmark written to files, then run as any city would be."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import geopandas as gpd

from civigrid.io.atomic import write_bytes, write_text
from civigrid.io.write import write_layer
from civigrid.run.project_run import Announce, Finished, run_file
from civigrid.sample import CityOptions, city_files, make_city


def write_sample(folder: Path, options: CityOptions | None = None) -> list[Path]:
    """Make the invented city and write its files, as offices would hand them out.

    Parameters
    ----------
    folder : Path
        Where to.
    options : CityOptions, optional
        Seed and size.

    Returns
    -------
    list of Path
        The files.
    """
    paths = []
    for name, table in city_files(make_city(options)):
        paths.append(folder / name)
        if isinstance(table, gpd.GeoDataFrame):
            write_layer(table, paths[-1], paths[-1].stem)
        elif paths[-1].suffix == ".parquet":
            write_bytes(paths[-1], table.to_parquet(index=False))
        else:
            write_text(paths[-1], table.to_csv(index=False))
    return paths


def run_demo(
    folder: Path, *, persons: int = 250_000, scheduler: str = "", announce: Announce | None = None
) -> Finished:
    """Make Havelmark in `folder` and run the whole job on it."""
    write_sample(folder / "havelmark", CityOptions(persons=persons))
    text = (files("civigrid.run") / "demo.toml").read_text(encoding="utf-8")
    write_text(folder / "demo.toml", text)
    return run_file(folder / "demo.toml", scheduler=scheduler, folder=folder, announce=announce)
