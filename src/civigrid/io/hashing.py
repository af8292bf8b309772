"""Hashes of files: what was read and written is named by its content."""

from __future__ import annotations

from hashlib import file_digest, sha256
from pathlib import Path

from civigrid.errors import SourceError


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal; of a folder, that of its files' names and hashes.

    Raises
    ------
    SourceError
        The file cannot be read.
    """
    if path.is_dir():
        parts = [f"{p.relative_to(path).as_posix()} {sha256_of(p)}" for p in sorted(path.rglob("*")) if p.is_file()]
        return sha256("\n".join(parts).encode()).hexdigest()
    try:
        with path.open("rb") as stream:
            return file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror}). Check the path.") from error
