"""What of a run may be served: the outputs that its manifest lists, as long as their bytes are those it lists."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import file_digest
from io import BufferedReader
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Any

from civigrid.errors import SchemaError, SourceError
from civigrid.io.media import media_type
from civigrid.io.tile_archives import TILE_SUFFIXES, TileArchive, open_tiles

RELEASE = "release/"
"""Prefix of released files in the manifest of a run."""
INSIDE = ("parts", "manifest.json", "plan.json", "timings.json")
"""What lies in a run directory and is never released."""


@dataclass(eq=False)
class ServedFile:
    """A released file.

    Parameters
    ----------
    path : Path
        Where it lies, without any symbolic link.
    sha256 : str
        Of what was released, by the manifest.
    media_type : str
        By its suffix.
    """

    path: Path
    sha256: str
    media_type: str
    _known: tuple[int, ...] = ()
    _lock: Lock = field(default_factory=Lock)

    def open(self) -> BufferedReader:
        """Open it for reading.

        Returns
        -------
        binary stream
            At its beginning.

        Raises
        ------
        SourceError
            It is gone, or no longer what was released.
        """
        try:
            # a link put in its place, or in that of a folder above, is not followed
            if self.path.resolve() != self.path:
                raise OSError("a symbolic link")
            stream = os.fdopen(os.open(self.path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb")
        except OSError as error:
            raise SourceError(f"{self.path.name} cannot be read. Run the run file again.") from error
        try:
            self._check(stream)
        except BaseException:
            stream.close()
            raise
        return stream

    def _check(self, stream: BufferedReader) -> None:
        """Compare the bytes with the manifest, again only when size or time of the file changed."""
        about = os.fstat(stream.fileno())
        signature = (about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns)
        with self._lock:
            if signature == self._known:
                return
            same = stat.S_ISREG(about.st_mode) and file_digest(stream, "sha256").hexdigest() == self.sha256
            if not same:
                raise SourceError(f"{self.path.name} is not what was released. Run the run file again.")
            self._known = signature
        stream.seek(0)


@dataclass(frozen=True, eq=False, kw_only=True)
class ServedRun:
    """A run as a server shows it.

    Parameters
    ----------
    title, question, disclosure : str
        Of the manifest.
    attribution : tuple of str
        Words that must stand beside the data, each once.
    files : mapping of str to ServedFile
        By path in the release.
    archives : mapping of str to TileArchive
        Archives of tiles by name.
    paths : mapping of str to str
        Path in the release of each archive.
    """

    title: str
    question: str
    disclosure: str
    attribution: tuple[str, ...]
    files: Mapping[str, ServedFile]
    archives: Mapping[str, TileArchive]
    paths: Mapping[str, str]


def open_run(folder: Path) -> ServedRun:
    """Read the manifest of a run, and what it lists.

    Parameters
    ----------
    folder : Path
        Run directory, as `civigrid run` leaves it.

    Returns
    -------
    ServedRun
        Its released files.  Inputs, parts, the manifest and whatever else lies there are not among them.

    Raises
    ------
    SchemaError
        No manifest, or one that lists a file outside the run directory, a link, or a part.
    SourceError
        A listed file is not there, or an archive of tiles is broken.
    """
    manifest = _manifest(folder)
    root = folder.resolve()
    files = {}
    for listed, digest in sorted(manifest["outputs"].items()):
        path = _inside(root, listed)
        if path.is_file():
            files[listed.removeprefix(RELEASE)] = ServedFile(path, str(digest), media_type(listed))
        elif not path.is_dir():
            raise SourceError(f"{listed} is in the manifest, but not there. Run the run file again.")
    words = [str(i["attribution"]) for i in manifest.get("inputs", []) if i.get("attribution")]
    paths = _names([p for p in files if p.endswith(TILE_SUFFIXES)])
    return ServedRun(
        title=str(manifest.get("title", "")) or folder.name,
        question=str(manifest.get("question", "")),
        disclosure=str(manifest.get("disclosure_profile", "")),
        attribution=tuple(dict.fromkeys(words)),
        files=files,
        archives={name: open_tiles(files[path].path) for name, path in paths.items()},
        paths=paths,
    )


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SchemaError(f"{folder} holds no manifest.json: name the folder that `civigrid run` wrote.") from error
    except ValueError as error:
        raise SchemaError(f"{path} is no JSON ({error}). Run the run file again.") from error
    if not isinstance(found, dict) or not isinstance(found.get("outputs"), dict):
        raise SchemaError(f"{path} lists no outputs: name the folder that `civigrid run` wrote.")
    return found


def _inside(root: Path, listed: str) -> Path:
    """Where a listed file lies; only below the run directory, by no link, and nothing that is not released."""
    parts = PurePosixPath(listed).parts
    wrong = not parts or parts[0] in INSIDE or listed.startswith("/") or ".." in parts or "\\" in listed
    path = root / listed
    if wrong or path.resolve() != path:
        raise SchemaError(f"the manifest lists {listed!r}, which is no released file of the run. Run it again.")
    return path


def _names(paths: list[str]) -> dict[str, str]:
    """Archives by stem; by file name where two have one stem."""
    stems = [PurePosixPath(p).stem for p in paths]
    names = [s if stems.count(s) == 1 else PurePosixPath(p).name for s, p in zip(stems, paths, strict=True)]
    return dict(zip(names, paths, strict=True))
