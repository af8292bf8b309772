"""Which counts to hide so that no small one can be read, or computed from what is shown."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from civigrid.types import Bools, Floats

NOBODY = 1e-6
"""Interpolated counts below this are rounding, not persons."""
ROUNDS = 100
"""Passes over all families at most; each pass hides something or is the last."""


def hidden_counts(values: Mapping[str, Floats], part_of: Mapping[str, str], threshold: float) -> dict[str, Bools]:
    """Find the counts of a table that must be hidden.

    Parameters
    ----------
    values : mapping of str to ndarray of float64, shape (row,)
        Counts of persons by cell or zone, NaN where missing.
    part_of : mapping of str to str
        Which count is declared part of which; hierarchies may nest.
    threshold : float
        Counts above 0 and below this are hidden, fractions of an interpolated person too.

    Returns
    -------
    dict of str to ndarray of bool, shape (row,)
        Beside the small counts: a further part where a shown total less its shown parts would give one away or leave
        less than the threshold for all hidden ones; a part where parts would give a hidden total away; further rows
        where the total of a column less its shown rows would.  A total goes where no part is left to hide.

    Examples
    --------
    >>> found = hidden_counts(
    ...     {"all": np.array([105.0]), "a": np.array([70.0]), "b": np.array([5.0]), "c": np.array([30.0])},
    ...     {"a": "all", "b": "all", "c": "all"}, 10,
    ... )
    >>> {name: bool(rows[0]) for name, rows in found.items()}
    {'all': False, 'a': False, 'b': True, 'c': True}
    """
    missing = {n: np.isnan(v) for n, v in values.items()}
    known = {n: np.nan_to_num(v) for n, v in values.items()}
    hidden = {n: (v > NOBODY) & (v < threshold) for n, v in known.items()}
    families: dict[str, list[str]] = {}
    for name, total in part_of.items():
        if name in values and total in values:
            families.setdefault(total, []).append(name)
    for _ in range(ROUNDS):
        before = {n: int(h.sum()) for n, h in hidden.items()}
        for total, parts in families.items():
            _guard_parts(total, parts, known, missing, hidden, threshold)
            _guard_total(total, parts, known, missing, hidden)
        for name in values:
            _guard_column(known[name], hidden[name], threshold)
        if before == {n: int(h.sum()) for n, h in hidden.items()}:
            break
    return hidden


def rate_hidden(rate: Floats, base: Floats, threshold: float) -> Bools:
    """Find the rates that rest on few persons, or tell few.

    Parameters
    ----------
    rate : ndarray of float64, shape (row,)
        A mean, a share (0 to 1) or a percentage (0 to 100) of `base`; NaN where missing.
    base : ndarray of float64, shape (row,)
        Persons it is a rate of.
    threshold : float
        Fewest persons that may be told.

    Returns
    -------
    ndarray of bool, shape (row,)
        Where the base is small, or a share of it, or what the share leaves, is a small number of persons.

    Examples
    --------
    >>> rate_hidden(np.array([0.05, 0.5, 0.99]), np.array([100.0, 100.0, 100.0]), 10).tolist()
    [True, False, True]
    """
    base = np.nan_to_num(base)
    few: Bools = (base > NOBODY) & (base < threshold)
    most = float(np.nanmax(rate, initial=0.0))
    whole = 1.0 if most <= 1.0 + 1e-9 else 100.0
    if np.isfinite(rate).any() and most <= whole + 1e-9 and float(np.nanmin(rate, initial=0.0)) >= 0:
        part = np.nan_to_num(rate) / whole * base
        few |= (part > NOBODY) & (part < threshold)
        few |= (base - part > NOBODY) & (base - part < threshold)
    return few


def _guard_parts(
    total: str,
    parts: list[str],
    known: Mapping[str, Floats],
    missing: Mapping[str, Bools],
    hidden: dict[str, Bools],
    threshold: float,
) -> None:
    """A shown total less its shown parts tells the hidden ones, together or alone."""
    unknown = np.stack([hidden[p] | missing[p] for p in parts])
    ours = np.stack([hidden[p] for p in parts]).any(axis=0)
    shown = ~hidden[total] & ~missing[total]
    rest = known[total] - np.where(unknown, 0.0, np.stack([known[p] for p in parts])).sum(axis=0)
    told = ours & shown & ((unknown.sum(axis=0) == 1) | (rest < threshold))
    left = _hide_smallest(parts, told, known, unknown, hidden)
    hidden[total] = hidden[total] | left


def _guard_total(
    total: str, parts: list[str], known: Mapping[str, Floats], missing: Mapping[str, Bools], hidden: dict[str, Bools]
) -> None:
    """Parts that are all shown and make up a hidden total tell it."""
    unknown = np.stack([hidden[p] | missing[p] for p in parts])
    together = np.stack([known[p] for p in parts]).sum(axis=0)
    told = hidden[total] & ~unknown.any(axis=0) & (np.abs(together - known[total]) < 0.5)
    _hide_smallest(parts, told, known, unknown, hidden)


def _hide_smallest(
    parts: list[str], rows: Bools, known: Mapping[str, Floats], unknown: Bools, hidden: dict[str, Bools]
) -> Bools:
    """Hide the smallest shown part that has people, in some rows; give the rows where there is none."""
    values: Floats = np.stack([known[p] for p in parts])
    others = np.where(unknown | (values <= NOBODY), np.inf, values)
    partner, found = others.argmin(axis=0), np.isfinite(others.min(axis=0))
    for k, part in enumerate(parts):
        hidden[part] = hidden[part] | (rows & found & (partner == k))
    left: Bools = rows & ~found
    return left


def _guard_column(known: Floats, hidden: Bools, threshold: float) -> None:
    """The total of a column less its shown rows tells a row that is hidden alone, or how few are hidden together."""
    order: list[int] = []
    while hidden.any() and (hidden.sum() == 1 or known[hidden].sum() < threshold):
        if not order:
            candidates = np.flatnonzero(~hidden & (known > NOBODY))
            order = candidates[np.argsort(known[candidates], kind="stable")[:ROUNDS]].tolist()
            if not order:
                return
        hidden[order.pop(0)] = True
