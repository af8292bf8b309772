"""A set of tiles to disk: archive or folder, and beside it TileJSON, a style, a page to look at, values to join."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from civigrid.errors import SchemaError
from civigrid.io.atomic import write_json, write_text
from civigrid.tiles.archives import write_folder, write_mbtiles, write_pmtiles
from civigrid.tiles.make import TileSet
from civigrid.tiles.metadata import tilejson
from civigrid.tiles.style import maplibre_style
from civigrid.tiles.values import values_json, write_values
from civigrid.tiles.viewer import viewer_page

ARCHIVES: dict[str, Callable[..., int]] = {".pmtiles": write_pmtiles, ".mbtiles": write_mbtiles}


def write_tiles(made: TileSet, out: Path) -> dict[str, Any]:
    """Write tiles as PMTiles, MBTiles (by the suffix) or a folder (no suffix), and what stands beside them.

    Parameters
    ----------
    made : TileSet
        Of `civigrid.tiles.make_tiles`.
    out : Path
        ``T.pmtiles`` with ``T.tilejson.json``, ``T.style.json`` and the page ``T.html`` beside it; ``T.mbtiles``
        likewise, without a page; or a folder with ``metadata.json``, ``tilejson.json``, ``style.json`` and
        ``index.html`` in it.

    Returns
    -------
    dict
        Tiles, files, bytes, zooms, layers with their cells, whether totals are equal on all levels, and notes.

    Raises
    ------
    SchemaError
        Another suffix; a folder that holds something else.

    Notes
    -----
    Archives hold tiles deflated by gzip, as their specifications ask.  Files in a folder are not deflated, so that any
    web server can hand them out.
    """
    out = Path(out)
    if out.suffix and out.suffix not in ARCHIVES:
        raise SchemaError(f"--out {out.name}: end it in .pmtiles or .mbtiles, or name a folder (no suffix).")
    if out.suffix:
        n, files = _archive(made, out)
    else:
        n, files = _folder(made, out)
    return {
        "out": str(out),
        "tiles": n,
        "bytes": sum(f.stat().st_size for f in files[:1]) if out.suffix else _size(out),
        "files": [f.name for f in files],
        "scheme": made.scheme.id,
        "zooms": [made.contents.min_zoom, made.contents.max_zoom],
        "layers": {t.level.layer: len(t.ids) for t in made.tables},
        "totals_equal": made.totals,
        "on_parents": {of.name: of.rule.words for of in made.variables},
        "outside": made.outside,
        "notes": _notes(made, out),
    }


def _archive(made: TileSet, out: Path) -> tuple[int, list[Path]]:
    n = ARCHIVES[out.suffix](out, made.tiles(), lambda: made.contents)
    files = [out, out.with_suffix(".tilejson.json")]
    ending = "png" if made.options.pictures else "mvt"
    write_json(files[-1], tilejson(made.contents, f"{out.stem}/{{z}}/{{x}}/{{y}}.{ending}"))
    if not made.options.pictures:
        files.append(out.with_suffix(".style.json"))
        scheme = out.suffix[1:]
        style = maplibre_style(made, f"{scheme}://{out.name}")
        write_json(files[-1], style)
    if made.options.geometry_only:
        files.append(out.with_suffix(".values.parquet"))
        write_values(made, files[-1])
    if out.suffix == ".pmtiles":
        files.append(out.with_suffix(".html"))
        write_text(files[-1], viewer_page(made.contents, out.name, embed=out, joined=_joined(made)))
    return n, files


def _folder(made: TileSet, out: Path) -> tuple[int, list[Path]]:
    ending = "png" if made.options.pictures else "pbf"
    template = f"{{z}}/{{x}}/{{y}}.{ending}"
    names = ["metadata.json", "tilejson.json"]

    def more(folder: Path) -> None:
        write_json(folder / "tilejson.json", tilejson(made.contents, template))
        if not made.options.pictures:
            names.append("style.json")
            style = maplibre_style(made, template)
            write_json(folder / "style.json", style)
        if made.options.geometry_only:
            names.append("values.parquet")
            write_values(made, folder / "values.parquet")
        names.append("index.html")
        page = viewer_page(made.contents, template, listed=_listed(folder), joined=_joined(made))
        write_text(folder / "index.html", page)

    n = write_folder(out, made.tiles(compress=False), lambda: made.contents, more)
    return n, [out / name for name in names]


def _joined(made: TileSet) -> dict[str, Any] | None:
    return values_json(made) if made.options.geometry_only else None


def _listed(folder: Path) -> dict[str, dict[str, list[int]]]:
    """Rows of the tiles in a folder, by zoom and column."""
    zooms = sorted((p for p in folder.iterdir() if p.is_dir()), key=lambda p: int(p.name))
    columns = {z.name: sorted(z.iterdir(), key=lambda p: int(p.name)) for z in zooms}
    return {z: {c.name: sorted(int(t.stem) for t in c.iterdir()) for c in found} for z, found in columns.items()}


def _size(folder: Path) -> int:
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())


def _notes(made: TileSet, out: Path) -> list[str]:
    notes = []
    if made.outside:
        notes.append(f"{made.outside:,} cells lie outside {made.scheme.id} and are in no tile.")
    if made.scheme.crs != "EPSG:3857" and out.suffix:
        notes.append(
            f"{out.suffix} has no field for {made.scheme.crs}: readers that do not look at 'crs' in the metadata take "
            "the tiles for Web Mercator. GDAL and QGIS read this scheme from a folder."
        )
    unequal = [n for n, same in made.totals.items() if not same]
    if unequal:
        notes.append(f"totals differ between levels: {', '.join(unequal)}.")
    alone = [of.name for of in made.variables if of.rule.how == "none"]
    if alone and len(made.tables) > 1:
        notes.append(f"on no parent, since they cannot be averaged: {', '.join(alone)}.")
    if made.options.pictures and alone:
        notes.append("pictures begin at the zoom of the finest cells.")
    return notes
