"""What a command refuses before it reads or writes: seeds, numbers of draws, suffixes of files, names shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from civigrid.errors import SchemaError, unknown_name
from civigrid.layers.segregation.indices import INDICES
from civigrid.report.drawing import SUFFIXES

MOST_DRAWS = 100_000
"""Draws of an interval: its ends no longer move by more than a thousandth of its width."""
MOST_PERMUTATIONS = 1_000_000
"""Random allocations: a *p* of a millionth is told apart from 0."""
TABLES = (".csv", ".parquet")
BIBTEX = (".bib",)


def check_seed(seed: int) -> None:
    """Refuse a seed below 0, of which no random numbers begin."""
    if seed < 0:
        raise SchemaError(f"seed is {seed}: a seed is a whole number, 0 or more.")


def check_draws(name: str, draws: int, most: int) -> None:
    """Refuse a number of draws below 0, or of which more would tell nothing more."""
    if draws < 0:
        raise SchemaError(f"{name} is {draws}: draws are at least 1, better 999; 0: none.")
    if draws > most:
        raise SchemaError(f"{name} is {draws:,}: more than {most:,} draws take long and tell nothing more.")


def check_files(files: Mapping[str, tuple[Path | None, Iterable[str]]]) -> None:
    """Refuse suffixes that are not written, and two results in one file; keys are options.

    >>> check_files({"--out": (Path("a.txt"), TABLES)})
    Traceback (most recent call last):
    civigrid.errors.SchemaError: --out a.txt: the suffix must be one of .csv, .parquet.
    """
    taken: dict[Path, str] = {}
    for option, (path, known) in files.items():
        if path is None:
            continue
        if path.suffix.lower() not in known:
            raise SchemaError(f"{option} {path.name}: the suffix must be one of {', '.join(known)}.")
        if path.absolute() in taken:
            raise SchemaError(f"{taken[path.absolute()]} and {option} write one file, {path.name}: name two.")
        taken[path.absolute()] = option


def check_outputs(
    out: Path | None,
    figure: Path | None,
    bibtex: Path | None = None,
    local: tuple[Path | None, Iterable[str]] | None = None,
) -> None:
    """Refuse files of segregation and change that cannot be written as they are named."""
    files: dict[str, tuple[Path | None, Iterable[str]]] = {"--out": (out, TABLES), "--figure": (figure, SUFFIXES)}
    files |= {"--bibtex": (bibtex, BIBTEX)} | ({"--local": local} if local else {})
    check_files(files)


def check_show(show: str, computed: Iterable[str]) -> None:
    """Refuse an index of the figure that is not among those computed, or (none named) that is not declared."""
    bare = re.sub(r"\(.*", "", show).strip()
    known = list(computed) or list(INDICES)
    if show and bare not in {re.sub(r"\(.*", "", name).strip() for name in known}:
        raise unknown_name("index of the figure (--show)", show, known)
