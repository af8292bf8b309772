"""The mass ledger: where every person of a source went.  In = placed + outside + unplaceable + withheld."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import pandas as pd

from civigrid.errors import MassError

TOLERANCE = 1e-9
"""Relative imbalance beyond which a projection is refused."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What became of one variable of one source, in its own unit.

    Parameters
    ----------
    source, variable : str
        Which column of which source.
    total : float
        Everything the source holds, with what its publisher placed in no unit.
    placed : float
        Sum over the cells.
    outside : float
        In units, or parts of units, that lie outside the grid.
    unplaceable : float
        In units without geometry, and in what the publisher placed nowhere.
    withheld : float
        In records that were refused (reported by the reader), never silently.
    missing_units : int
        Units whose value is not known: no mass can be counted for them.
    method : str
        How it was projected.
    """

    source: str
    variable: str
    total: float
    placed: float
    outside: float = 0.0
    unplaceable: float = 0.0
    withheld: float = 0.0
    missing_units: int = 0
    method: str = ""

    @property
    def error(self) -> float:
        """Relative imbalance, unitless."""
        found = self.placed + self.outside + self.unplaceable + self.withheld
        return abs(self.total - found) / max(abs(self.total), 1.0)


def check_ledger(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return the entries if every one balances within `TOLERANCE`, else raise `MassError`."""
    entries = tuple(entries)
    for entry in entries:
        if not entry.error <= TOLERANCE:
            raise MassError(
                f"{entry.variable!r} of {entry.source!r}: {entry.total} went in, {entry.placed} were placed, "
                f"{entry.outside} lie outside, {entry.unplaceable} could not be placed, {entry.withheld} were "
                f"withheld: off by {entry.error:.1e}. The crosswalk does not belong to this source; build it again."
            )
    return entries


def ledger_table(entries: Iterable[Entry]) -> pd.DataFrame:
    """Give the ledger as a table, one row per variable, the relative error last."""
    return pd.DataFrame([asdict(entry) | {"error": entry.error} for entry in entries])
