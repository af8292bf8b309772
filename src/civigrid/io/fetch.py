"""Files into the cache: downloaded or copied, their hash settled, archives unpacked with care."""

from __future__ import annotations

import json
import re
import shutil
import stat
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

import pooch

from civigrid.errors import SourceError, first_few
from civigrid.io.atomic import write_atomic, write_json
from civigrid.io.hashing import sha256_of

RECORD = "fetched.json"
"""Beside a file in the cache: its name, its hash, where it came from."""
MOST_BYTES = 50_000_000_000
"""An archive that unpacks to more is refused."""
MOST_RATIO = 1_000
"""A member that grows by more than this when unpacked is refused: text packs 10 to 100 times."""
_CHUNK = 1 << 20
SIDECARS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
"""The files that are one shapefile."""

Origin = Literal["download", "cache", "file"]


class Bar(Protocol):
    """What a progress bar must do: pooch sets `total` and tells how many bytes came."""

    total: int

    def update(self, n: int) -> None:
        """Tell that `n` more bytes came."""

    def reset(self) -> None:
        """Begin anew."""

    def close(self) -> None:
        """End."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A file in the cache.

    Parameters
    ----------
    path : Path
        The file.
    sha256 : str
        Its hash, hexadecimal.
    origin : {"download", "cache", "file"}
        Whether it was downloaded now, was there already, or was copied from a local file.
    """

    path: Path
    sha256: str
    origin: Origin


def cache_folder() -> Path:
    """Folder where fetched files lie unless another is given: the system's place for caches."""
    return Path(pooch.os_cache("civigrid"))


def download(url: str, folder: Path, *, known_sha256: str = "", bar: Bar | None = None) -> Stored:
    """Download a file into `folder`, or give the one that is there already without asking the network.

    Parameters
    ----------
    url : str
        ``https`` or ``http`` address.
    folder : Path
        Folder of this source in the cache.
    known_sha256 : str
        Hash the file must have; empty: any, and the file is held to what it was when it first came.
    bar : Bar, optional
        Progress bar.

    Raises
    ------
    SourceError
        The address cannot be reached, or the file has another hash: then nothing is kept.
    """
    name = PurePosixPath(urlsplit(url).path).name
    if urlsplit(url).scheme not in ("https", "http") or not name:
        raise SourceError(f"{url} is no https address of a file. Mend the declaration, or give the file with --file.")
    path, record = folder / name, read_record(folder)
    recorded = str(record.get("sha256", "")) if record.get("file") == name else ""
    if path.exists() and recorded:
        _check(path, known_sha256 or recorded, f"{path} in the cache")
        return Stored(path=path, sha256=known_sha256 or recorded, origin="cache")
    downloader = pooch.HTTPDownloader(progressbar=bar or False, chunk_size=_CHUNK)
    try:
        with _quiet():
            pooch.retrieve(url, known_sha256 or None, fname=name, path=folder, downloader=downloader)
    except ValueError as error:
        got = re.findall(r"[0-9a-f]{64}", str(error))
        raise _other_hash(url, known_sha256, got[-1] if got else "unknown") from error
    except OSError as error:
        raise SourceError(
            f"{url} cannot be fetched ({_reason(error)}). Where there is no network, get the file elsewhere and give "
            "it with --file."
        ) from error
    found = sha256_of(path)
    write_json(folder / RECORD, {"file": name, "sha256": found, "from": url})
    return Stored(path=path, sha256=found, origin="download")


def _reason(error: BaseException) -> str:
    """The innermost cause, in a few words: network errors come wrapped several times."""
    text = str(error)
    inner = re.findall(r"\[Errno [^\]]*\] ([^')\"]+)", text)
    return inner[-1] if inner else text.splitlines()[0][:160]


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence pooch's own log: the caller tells what happens."""
    log = pooch.get_logger()
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


def store(local: Path, folder: Path, *, known_sha256: str = "") -> Stored:
    """Copy a local file into the cache; of a shapefile, all the files that belong to it.

    Raises
    ------
    SourceError
        The file is absent, or has another hash than the declared one: then nothing is kept.
    """
    if not local.is_file():
        raise SourceError(f"{local} is no file. Give the path of the downloaded file with --file.")
    found = sha256_of(local)
    if known_sha256 and found != known_sha256:
        raise _other_hash(str(local), known_sha256, found)
    names = [local]
    if local.suffix.lower() == ".shp":
        names = [p for p in sorted(local.parent.glob(f"{local.stem}.*")) if p.suffix.lower() in SIDECARS]
    for path in names:
        write_atomic(folder / path.name, lambda temporary, path=path: _copy(path, temporary))  # type: ignore[misc]
    write_json(folder / RECORD, {"file": local.name, "sha256": found, "from": local.name})
    return Stored(path=folder / local.name, sha256=found, origin="file")


def _copy(path: Path, temporary: Path) -> None:
    shutil.copyfile(path, temporary)


def read_record(folder: Path) -> dict[str, Any]:
    """Read what the cache knows of a source; nothing where it was never fetched."""
    path = folder / RECORD
    if not path.is_file():
        return {}
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SourceError(f"{path} is damaged. Remove the folder {folder} and fetch again.") from error
    return found


def _check(path: Path, expected: str, what: str) -> None:
    if (found := sha256_of(path)) != expected:
        raise _other_hash(what, expected, found)


def _other_hash(what: str, expected: str, found: str) -> SourceError:
    return SourceError(
        f"{what} has another hash than declared: sha256 {found}, expected {expected}. It may be damaged, or the "
        "publisher changed it: check, then mend the declaration or remove the file from the cache."
    )


def unpack(archive: Path, folder: Path, *, wanted: Sequence[str] = ("*",)) -> list[Path]:
    """Unpack members of a zip archive; nothing is ever written outside `folder`.

    Parameters
    ----------
    archive : Path
        The archive.
    folder : Path
        Where to.
    wanted : sequence of str
        Patterns of names, as ``*VG250_GEM.shp``, without regard to case; of a shapefile, its other files come too.

    Returns
    -------
    list of Path
        What was unpacked and matches a pattern, sorted.

    Raises
    ------
    SourceError
        No archive; a member that points outside, is a link, or grows beyond measure; no member matches.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            members = [m for m in zipped.infolist() if not m.is_dir()]
            chosen = _chosen(members, wanted)
            if not any(_matches(m.filename, wanted) for m in members):
                names = first_few((m.filename for m in members), 12)
                raise SourceError(
                    f"{archive.name} holds nothing like {', '.join(wanted)}. It holds {names}. Unpack what is in it "
                    "and give the file with --file."
                )
            if sum(m.file_size for m in chosen) > MOST_BYTES:
                raise SourceError(f"{archive.name} unpacks to more than {MOST_BYTES / 1e9:.0f} GB: refused.")
            for member in chosen:
                target = _inside(member, folder, archive.name)
                write_atomic(target, lambda t, m=member: _inflate(zipped, m, t, archive.name))  # type: ignore[misc]
    # zipfile raises RuntimeError for a password, and its child NotImplementedError for a compression it does not know
    except (zipfile.BadZipFile, EOFError, RuntimeError) as error:
        raise SourceError(f"{archive.name} is no whole zip archive ({error}). Fetch it again.") from error
    return sorted(folder / m.filename for m in chosen if _matches(m.filename, wanted))


def _matches(name: str, wanted: Sequence[str]) -> bool:
    return any(fnmatch(name.lower(), pattern.lower()) for pattern in wanted)


def _chosen(members: list[zipfile.ZipInfo], wanted: Sequence[str]) -> list[zipfile.ZipInfo]:
    """Members that match, and the other files of a shapefile that does."""
    stems = {m.filename.rsplit(".", 1)[0] for m in members if _matches(m.filename, wanted)}
    return [
        m
        for m in members
        if _matches(m.filename, wanted)
        or (m.filename.rsplit(".", 1)[0] in stems and PurePosixPath(m.filename).suffix.lower() in SIDECARS)
    ]


def _inside(member: zipfile.ZipInfo, folder: Path, archive: str) -> Path:
    """Where a member belongs; refused where that is not inside the folder."""
    name = member.filename
    link = stat.S_ISLNK(member.external_attr >> 16)
    if link or "\\" in name or ":" in name or name.startswith("/") or ".." in PurePosixPath(name).parts:
        raise SourceError(f"{archive} holds {name!r}, which {'is a link' if link else 'points outside'}: refused.")
    return folder / name


def _inflate(zipped: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, archive: str) -> None:
    """Write a member, counting what really comes: headers may lie."""
    room = min(MOST_BYTES, MOST_RATIO * max(member.compress_size, 1) + _CHUNK)
    with zipped.open(member) as source, target.open("wb") as sink:
        while chunk := source.read(_CHUNK):
            room -= len(chunk)
            if room < 0:
                raise SourceError(f"{archive} holds {member.filename!r}, which grows beyond measure: refused.")
            sink.write(chunk)
