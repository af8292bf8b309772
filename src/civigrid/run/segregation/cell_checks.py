"""Whether counts of cells can be people whom groups share out: the checks of plain tables, on cells."""

from __future__ import annotations

import numpy as np
import xarray as xr

from civigrid.cells import is_missing, status_of, values_of
from civigrid.errors import SchemaError
from civigrid.io.census import MEANING
from civigrid.io.composition import Composed
from civigrid.io.composition_checks import check_composition
from civigrid.io.fields import code_of
from civigrid.layers.segregation.groups import group_counts, is_interpolated, rest_note, why_missing
from civigrid.types import Bools, Status

_TOLD_HERE = ("composition.missing", "composition.excess")
"""What `check_cells` says of cells in words of its own."""
_WORDS = {Status.CONFIDENTIAL: "confidential", Status.UNAVAILABLE: "unavailable"}


def check_cells(cells: xr.Dataset, composed: Composed, file: str, *, bounded: bool = False) -> list[str]:
    """Check the groups of a file of cells as those of a plain table are; give what was noticed.

    Parameters
    ----------
    cells : xarray.Dataset
        Cells with the groups and the total.
    composed : Composed
        Groups and total.
    file : str
        Name of the file, for messages.
    bounded : bool
        Counts kept back are bounded, not left out.

    Raises
    ------
    SchemaError, SourceError
        Rates, a group that holds others, nobody at all, a count that is kept back.
    """
    if "T" in composed.groups and str(cells["T"].attrs.get("long_name")) == MEANING["T"]:
        raise SchemaError(
            f"{file}: 'T' is all residents of the census, no group beside others. Name it as the total (--total T)."
        )
    names = [*composed.groups, *([composed.total] if composed.total else [])]
    findings = [] if bounded else _left_out(cells, composed, names, file)
    counts = np.stack([values_of(cells, name) for name in names], axis=1)
    _, found = check_composition(
        names,
        code_of(cells).astype(object),
        np.empty(0, dtype=object),
        counts,
        np.stack([_kept_back(cells, name) for name in names], axis=1) & bounded,
        composed.total,
        file,
        estimated=is_interpolated(cells, composed.groups),
    )
    return findings + [str(finding) for finding in found if finding.code not in _TOLD_HERE]


def _kept_back(cells: xr.Dataset, name: str) -> Bools:
    status = status_of(cells, name)
    return np.asarray(is_missing(status) & (status != Status.UNAVAILABLE))


def _left_out(cells: xr.Dataset, composed: Composed, names: list[str], file: str) -> list[str]:
    """Say how many cells lack a count, and why; nothing is left where all do."""
    findings = []
    _, left_out = group_counts(cells, composed.groups, composed.total)
    if left_out:
        why = why_missing(cells, names)
        parts = [f"{n:,} {word}" for status, word in _WORDS.items() if (n := int((why == status).sum()))]
        told = f"{left_out:,} cells lack a count ({', '.join(parts)})"
        if left_out == cells.sizes["cell"]:
            raise SchemaError(f"{file}: all {told}: there is nobody to compute of.")
        findings.append(f"warning cells.missing: {told} and are left out")
    if over := rest_note(cells, composed.groups, composed.total):
        text = f"groups are more than {composed.total!r} in {over['negative_rest_cells']:,} cells: rest is 0 there"
        findings.append(f"warning cells.excess: {text}")
    return findings
