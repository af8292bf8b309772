"""Hashes of files: what was read and written is named by its content."""

from __future__ import annotations

from hashlib import file_digest
from pathlib import Path

from civigrid.errors import SourceError


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal.

    Raises
    ------
    SourceError
        The file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror}). Check the path.") from error
