"""Paths of a run file: variables filled in, relative to the file."""

from __future__ import annotations

import os
import re
import unicodedata
from hashlib import sha256
from pathlib import Path


def resolve(path: str, base: Path) -> Path:
    """Fill in ``${VARIABLES}`` and make a path absolute, relative to the run file's folder.

    ``CIVIGRID_DATA`` defaults to ``../shared/data`` beside the checkout the run file lies in.
    """
    default = {"CIVIGRID_DATA": str((base / ".." / ".." / "shared" / "data").resolve())}
    filled = re.sub(r"\$\{(\w+)\}", lambda m: os.environ.get(m[1], default.get(m[1], m[0])), path)
    return (base / filled).resolve()


def unset_variables(path: str) -> str:
    """Say which variables of a path the environment does not set; nothing where it sets all."""
    unset = [name for name in re.findall(r"\$\{(\w+)\}", path) if name not in os.environ]
    return f" (set the environment variable {', '.join(unset)} to the folder of the data)" if unset else ""


def slug(title: str) -> str:
    """File name of a title: ASCII letters and digits, at most 100; of a title without any, digits that tell it apart.

    >>> slug("Who lives near whom? (1 km)")
    'who-lives-near-whom-1-km'
    >>> slug("Bevölkerung")
    'bevolkerung'
    >>> slug("Население")
    'x-da8c51f9'
    """
    # accents come off their letters, so that a word stays whole
    plain = unicodedata.normalize("NFKD", title)
    kept = "".join(c.lower() if c.isascii() and c.isalnum() else "" if unicodedata.combining(c) else "-" for c in plain)
    name = "-".join(filter(None, kept.split("-")))[:100].rstrip("-")
    return name or f"x-{sha256(title.encode()).hexdigest()[:8]}"
