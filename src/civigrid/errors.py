"""The errors civigrid raises: each says what is wrong, what was got, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class CivigridError(ValueError):
    """Base of every error a user can meet."""


class SchemaError(CivigridError):
    """A table, a dataset or a run file does not have the shape it must have."""


class GridMismatchError(CivigridError):
    """Two things that lie on different grids, or in different CRSs, were brought together."""


class UnknownNameError(CivigridError):
    """A name (grid, index, profile ...) that civigrid does not know."""


class SourceError(CivigridError):
    """An input file cannot be read as what it claims to be."""


class MassError(CivigridError):
    """A projection lost or invented people: the mass ledger does not balance."""


def unknown_name(what: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """Build the error for an unknown name, listing the known ones and the nearest."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return UnknownNameError(f"unknown {what} {name!r}.{hint} Known: {', '.join(names) or 'none'}.")


def first_few(values: Iterable[object], n: int = 5) -> str:
    """Write the first few of many offending values, as messages show them."""
    shown = [str(value) for _, value in zip(range(n + 1), values, strict=False)]
    return ", ".join(shown[:n]) + (", ..." if len(shown) > n else "")
