"""Declared sources: fetched into the cache, checked by their reader, read with their terms and vintage."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pyproj import CRS

from civigrid.catalog import declarations
from civigrid.errors import SourceError, first_few, unknown_name
from civigrid.io.fetch import Bar, Stored, cache_folder, download, read_record, store, unpack
from civigrid.io.hashing import sha256_of
from civigrid.run.inputs import READERS, call_reader, declared_facts, with_declaration
from civigrid.source import Finding, Report, Source


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A declared source in the cache.

    Parameters
    ----------
    id : str
        Its declaration.
    path : Path
        The file that is read, inside the archive's folder where it came as one.
    sha256 : str
        Hash of the file that was downloaded or given.
    verified : bool
        Whether the declaration knows the hash of the file, or of the parts that are read.
    origin : str
        ``download``, ``cache`` or ``file``.
    units : int or None
        Units its reader found; None where civigrid has no reader for it.
    crs : str
        CRS of its shapes or cells.
    report : Report
        What its reader noticed.
    """

    id: str
    path: Path
    sha256: str
    verified: bool
    origin: str
    units: int | None
    crs: str
    report: Report


def declared(name: str) -> dict[str, Any]:
    """Give the declaration of a source by its id.

    Raises
    ------
    UnknownNameError
        Nothing of this id is declared.
    """
    known = declarations("boundaries")
    if name not in known:
        raise unknown_name("source", name, known)
    return known[name]


def fetch(
    name: str | Mapping[str, Any], *, file: Path | None = None, cache: Path | None = None, bar: Bar | None = None
) -> Fetched:
    """Fetch a declared source: download it, or take a local file, verify its hash, unpack it, and try its reader.

    Parameters
    ----------
    name : str or mapping
        Id of a declaration in ``boundaries/``, or a declaration itself.
    file : Path, optional
        A local file taken instead of the network.
    cache : Path, optional
        Folder of the cache; by default the system's.
    bar : Bar, optional
        Progress bar of the download.

    Returns
    -------
    Fetched
        Where it lies, its hash, and what its reader found.

    Raises
    ------
    UnknownNameError
        Nothing of this id is declared.
    SourceError
        No address is declared and no file given, no network, another hash, or the reader refuses the file.
    """
    about = declared(name) if isinstance(name, str) else dict(name)
    home = cache or cache_folder()
    folder, known = home / about["id"], str(about.get("sha256", ""))
    if file is not None:
        return _take(about, file, home)
    if "url" not in about:
        page = f" from {about['page']}" if "page" in about else ""
        raise SourceError(f"{about['id']!r} declares no address. Get the file{page} and give it with --file.")
    return _tried(about, download(about["url"], folder, known_sha256=known, bar=bar), folder)


def _take(about: Mapping[str, Any], file: Path, home: Path) -> Fetched:
    """Take a local file: tried beside the cache first, so that a refused one replaces nothing."""
    # what is declared is the hash of the file at the address: a file of another name is checked by its parts
    same = Path(str(about.get("url", ""))).name in ("", file.name)
    home.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=home, prefix=f".{about['id']}-") as stage:
        tried = Path(stage) / "tried"
        found = _tried(about, store(file, tried, known_sha256=about.get("sha256", "") if same else ""), tried)
        folder = home / about["id"]
        if folder.exists():
            folder.rename(Path(stage) / "replaced")
        tried.rename(folder)
    return replace(found, path=folder / found.path.relative_to(tried))


def _tried(about: Mapping[str, Any], stored: Stored, folder: Path) -> Fetched:
    """Unpack what was stored, verify its parts, and run its reader."""
    path = _readable(about, stored, folder)
    _check_parts(about, path)
    units, crs, report = None, str(about.get("crs", "")), Report()
    if "reader" in about:
        source, report = _read(about, path, {})
        units, crs = len(source.table), _crs_of(source)
    return Fetched(
        id=about["id"],
        path=path,
        sha256=stored.sha256,
        verified="parts_sha256" in about or stored.sha256 == about.get("sha256"),
        origin=stored.origin,
        units=units,
        crs=crs,
        report=report,
    )


def _readable(about: Mapping[str, Any], stored: Stored, folder: Path) -> Path:
    """The one file that is read: the stored one, or a member of the archive it is."""
    if stored.path.suffix.lower() != ".zip":
        return stored.path
    pattern = str(about.get("member", f"*.{about['format']}"))
    found = unpack(stored.path, folder / "unpacked", wanted=[pattern])
    if len(found) != 1:
        names = first_few((p.relative_to(folder / "unpacked") for p in found), 12)
        raise SourceError(f"{stored.path.name} holds {len(found)} files like {pattern}: {names}. Give one with --file.")
    return found[0]


def _check_parts(about: Mapping[str, Any], path: Path) -> None:
    """Verify the declared hashes of the files that are read (of a shapefile: shapes and table)."""
    for suffix, expected in about.get("parts_sha256", {}).items():
        part = path.with_suffix(f".{suffix}")
        if (found := sha256_of(part)) != expected:
            raise SourceError(
                f"{part.name} is not the file that {about['id']!r} declares: sha256 {found}, expected {expected}. "
                "Check that it is the right vintage and whole."
            )


def cached_file(name: str, cache: Path | None = None) -> Path:
    """Give the file of a declared source that was fetched before.

    Raises
    ------
    SourceError
        It was not fetched yet, or the file is no longer what it was.
    """
    about = declared(name)
    folder = (cache or cache_folder()) / name
    record = read_record(folder)
    if not record or not (folder / str(record["file"])).is_file():
        raise SourceError(f"{name!r} is not in the cache {folder.parent}. Run: civigrid fetch {name} [--file LOCAL].")
    stored = folder / str(record["file"])
    if (found := sha256_of(stored)) != record["sha256"]:
        raise SourceError(
            f"{stored} changed since it was fetched: sha256 {found}, expected {record['sha256']}. Fetch it again."
        )
    return _readable(about, Stored(path=stored, sha256=found, origin="cache"), folder)


def read_declared(
    name: str, path: Path | None = None, *, cache: Path | None = None, **options: Any
) -> tuple[Source, Report]:
    """Read a declared source with its own reader: terms, vintage and reference date are set.

    Parameters
    ----------
    name : str
        Id of a declaration in ``boundaries/``.
    path : Path, optional
        A local file; by default the one in the cache.
    cache : Path, optional
        Folder of the cache; by default the system's.
    **options
        Options of the reader, as ``only={"LEVL_CODE": 3}``; they go before what is declared.

    Returns
    -------
    tuple of Source and Report
        As the reader gives them, named by the declaration.

    Raises
    ------
    UnknownNameError
        Nothing of this id is declared.
    SourceError
        civigrid has no reader for it, it is not in the cache, or the reader refuses it.
    """
    about = declared(name)
    if "reader" not in about:
        raise SourceError(
            f"{name!r} declares no reader: read its file ({about['format']}) with one of {list(READERS)}."
        )
    return _read(about, cached_file(name, cache) if path is None else Path(path), options)


def _read(about: Mapping[str, Any], path: Path, options: Mapping[str, Any]) -> tuple[Source, Report]:
    reader = READERS[about["reader"]]
    takes = inspect.signature(reader).parameters
    facts = declared_facts(about)
    if "labels" in takes:
        facts["labels"] = [*about.get("labels", ()), *([about["name_column"]] if "name_column" in about else [])]
    source, report = call_reader(reader, path, {**facts, **options}, about["id"])
    report = report + _against_declaration(about, source, chosen="only" in options)
    return with_declaration(source, about), report


def _against_declaration(about: Mapping[str, Any], source: Source, *, chosen: bool) -> list[Finding]:
    """What the file holds against what its declaration says."""
    findings = []
    found = _crs_of(source)
    if source.geometry is not None and "crs" in about and not _same_crs(found, about["crs"]):
        text = f"{about['id']!r} declares {about['crs']}, the file says {found}: the file is believed"
        findings.append(Finding("warning", "declared.crs", text))
    if "units" in about and not chosen and len(source.table) != about["units"]:
        text = f"{about['id']!r} declares {about['units']} units, the file has {len(source.table)}: is it this vintage?"
        findings.append(Finding("warning", "declared.units", text, len(source.table)))
    return findings


def _same_crs(a: str, b: str) -> bool:
    ours, theirs = CRS.from_user_input(a), CRS.from_user_input(b)
    same = ours.equals(theirs, ignore_axis_order=True)
    return bool(same or (ours.to_epsg() is not None and ours.to_epsg() == theirs.to_epsg()))


def _crs_of(source: Source) -> str:
    if source.geometry is not None:
        return str(source.geometry.crs.to_string())
    return "" if source.grid is None else source.grid.crs


def list_sources(cache: Path | None = None) -> list[dict[str, Any]]:
    """Give every declared source as a row: what it is, whether it can be downloaded, and whether it is in the cache."""
    folder = cache or cache_folder()
    return [
        {
            "id": name,
            "title": about["title"],
            "level": about["level"],
            "reference_date": about.get("reference_date", ""),
            "licence": about["licence"],
            "address": about.get("url", ""),
            "sha256": about.get("sha256", ""),
            "reader": about.get("reader", ""),
            "cached": bool(read_record(folder / name)),
        }
        for name, about in declarations("boundaries").items()
    ]
