"""Across a border "born in the country" means two things: the reference of a comparison is declared, never guessed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from civigrid.cells import with_variables
from civigrid.errors import SchemaError, first_few
from civigrid.kernels.binomial import mean_entropy_term
from civigrid.layers.segregation.groups import label_of, why_missing, zones_within
from civigrid.layers.segregation.measured import Z_95
from civigrid.layers.segregation.scales.nested import Counted, counted
from civigrid.layers.segregation.sources import SOURCES
from civigrid.result_table import parameters, result_table
from civigrid.types import Column, Floats, Ints

Reference = Literal["", "country", "whole"]
RELATIVE: Mapping[str, str] = {
    "NAT": "born in the reporting country",
    "EU_OTH": "born in another EU country than the reporting one",
    "CHG_IN": "moved within the reporting country",
    "CHG_OUT": "moved in from outside the reporting country",
}
"""Groups of the EU census of 2021 (Regulation (EU) 2018/1799, Annex) whose meaning changes at a border.

Born outside the EU (OTH) means the same on both sides, but is a part of the same whole.
"""
REPORTING = frozenset((
    "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "EL", "ES", "FI", "FR", "HR", "HU", "IE",
    "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
))  # fmt: skip
"""Countries that report to the EU census of 2021: of two that share a cell, one that does not report counts nobody."""
_SHARED = re.compile(r"[A-Z]{2}(-[A-Z]{2})+")


class Country(NamedTuple):
    """Compositions of countries, shape (label, group), their persons, shape (label,), and the label of each row.

    A label joins the countries that share a cell; -1 where a row has none.
    """

    names: list[str]
    share: Floats
    persons: Floats
    row: Ints


def reporting_countries(label: str) -> list[str]:
    """Give the countries that report a cell: of a shared cell those that report to the EU census, if any does.

    >>> reporting_countries("CH-DE"), reporting_countries("AL-EL"), reporting_countries("Guinea-Bissau")
    (['CH', 'DE'], ['EL'], ['Guinea-Bissau'])
    """
    if not label:
        return []
    codes = label.split("-") if _SHARED.fullmatch(label) else [label]
    return [c for c in codes if c in REPORTING] or codes


def relative_groups(groups: Sequence[str], relative_to: str = "") -> dict[str, str]:
    """Give the groups whose meaning depends on the reporting country, and what they mean.

    Parameters
    ----------
    groups : sequence of str
        Names of groups.
    relative_to : {"", "country", "nothing"}
        "country": all groups are; "nothing": none is; empty: those of the EU census that are known (`RELATIVE`).

    Returns
    -------
    dict of str to str
        Name to meaning.

    Examples
    --------
    >>> list(relative_groups(["NAT", "OTH"]))
    ['NAT']
    >>> relative_groups(["NAT", "OTH"], "nothing")
    {}
    """
    if relative_to not in ("", "country", "nothing"):
        raise SchemaError(f"relative_to = {relative_to!r}: say 'country', 'nothing', or leave it out.")
    if relative_to == "country":
        return {g: RELATIVE.get(g, "declared relative to the reporting country") for g in groups}
    return {} if relative_to else {g: RELATIVE[g] for g in groups if g in RELATIVE}


def countries_of_zones(cells: xr.Dataset, *, zone: str = "", country: str = "country") -> dict[str, list[str]]:
    """Give the countries that report each zone, codes in order; cells without a code tell nothing.

    Parameters
    ----------
    cells : xarray.Dataset
        Cell dataset.
    zone : str
        Label of the zones; empty: all cells are one.
    country : str
        Label of the reporting country; ``CH-DE`` names two.

    Returns
    -------
    dict of str to list of str
        Zone to codes.
    """
    labels = label_of(cells, country)
    places = label_of(cells, zone) if zone else np.full(len(labels), "all")
    pairs = np.unique(np.stack([places, labels], axis=1), axis=0)
    found: dict[str, set[str]] = {}
    for place, label in pairs:
        found.setdefault(str(place) or "(none)", set()).update(reporting_countries(str(label)))
    return {place: sorted(codes) for place, codes in found.items()}


def check_reference(
    cells: xr.Dataset,
    groups: Sequence[str],
    *,
    zone: str = "",
    country: str = "country",
    relative_to: str = "",
    reference: Reference = "",
) -> dict[str, list[str]]:
    """Refuse to compare people across a border by groups that mean two things, unless a reference is declared.

    Parameters
    ----------
    cells : xarray.Dataset
        Cell dataset.
    groups : sequence of str
        Groups that are compared.
    zone : str
        Label of the areas; empty: all cells are one area.
    country : str
        Label of the reporting country.  Cells without this label are taken to lie in one country.
    relative_to : {"", "country", "nothing"}
        As for `relative_groups`.
    reference : {"", "country", "whole"}
        What is declared.

    Returns
    -------
    dict of str to list of str
        The areas that several countries report, with their codes.

    Raises
    ------
    SchemaError
        An area that several countries report, groups relative to them, and no reference: the area, its countries and
        the groups are named.
    """
    if reference not in ("", "country", "whole"):
        raise SchemaError(f"reference = {reference!r}: declare 'country' or 'whole'.")
    if country not in cells:
        return {}
    spanning = {z: c for z, c in countries_of_zones(cells, zone=zone, country=country).items() if len(c) > 1}
    relative = relative_groups(groups, relative_to)
    if spanning and relative and not reference:
        first, codes = next(iter(spanning.items()))
        others = f" ({len(spanning) - 1} more areas: {first_few(list(spanning)[1:])})" if len(spanning) > 1 else ""
        words = ", ".join(f"{name} ({meaning})" for name, meaning in relative.items())
        raise SchemaError(
            f"the area {first!r} is reported by {', '.join(codes)}{others}, and there {words} mean different people on "
            "the two sides of a border. Declare reference='country' (each cell against the composition of its own "
            "country) or reference='whole' (one composition for all, although the words change their meaning)."
        )
    return spanning


def reference_table(
    cells: xr.Dataset,
    groups: Sequence[str],
    *,
    total: str = "",
    zone: str = "",
    country: str = "country",
    relative_to: str = "",
    reference: Reference = "",
) -> pd.DataFrame:
    r"""Divergence of cells from a declared reference: the composition of their own country, or of the whole area.

    Parameters
    ----------
    cells : xarray.Dataset
        Cell dataset.  Compositions of countries are those of all cells in it: give whole countries.
    groups : sequence of str
        Counts of the groups.
    total : str
        Published total.  Named: what the groups leave of it is one more group, "rest".
    zone, country, relative_to, reference
        As for `check_reference`; where no area spans countries, the reference may be left out and is the whole area.

    Returns
    -------
    pandas.DataFrame
        A result table: ``divergence_from_country`` or ``divergence_from_whole`` (nats) of each area, with what chance
        alone makes of it.  `parameters` tells the reference and the countries.

    Notes
    -----
    E. Roberto (2015): the mean over persons of :math:`\sum_g \pi_{ig} \ln(\pi_{ig}/Q_{ig})`, with *Q* the reference of
    the cell; from the whole area it is its mutual information.  A cell that several countries share counts in equal
    parts in each, and has the mean of their compositions as its reference.  Interval: delta method, *Q* as given.
    """
    spanning = check_reference(
        cells, groups, zone=zone, country=country, relative_to=relative_to, reference=reference
    )  # fmt: skip
    found = counted(cells, groups, total)
    names, code = zones_within(cells, zone, found.rows)
    chosen = reference or "whole"
    of = _countries(cells, country, found) if chosen == "country" else _wholes(names, code, found)
    rows = _rows(names, code, found, of, chosen, spanning)
    return result_table(rows)


def _countries(cells: xr.Dataset, country: str, found: Counted) -> Country:
    """Compositions by country of all cells; joined labels have the mean of theirs."""
    labels, row = np.unique(label_of(cells, country)[found.rows], return_inverse=True)
    sums = np.stack([np.bincount(row, c, minlength=len(labels)) for c in found.counts.T], axis=1)
    codes = [reporting_countries(str(label)) for label in labels]
    known = sorted({c for some in codes for c in some})
    part = np.array([[some.count(c) / len(some) if some else 0.0 for c in known] for some in codes])
    by_country = part.T @ sums
    persons = by_country.sum(axis=1)
    share = part @ (by_country / persons[:, None])
    nameless = np.array([not some for some in codes])
    at = np.where(nameless[row], -1, row)
    return Country([str(n) for n in labels], share, part @ persons, at.astype(np.int64))


def _wholes(names: Sequence[str], code: Ints, found: Counted) -> Country:
    sums = np.stack([np.bincount(code, c, minlength=len(names)) for c in found.counts.T], axis=1)
    persons = sums.sum(axis=1)
    return Country(list(names), sums / persons[:, None], persons, code)


def _divergence(counts: Floats, share: Floats) -> tuple[Floats, Floats]:
    """Divergence of each row from its reference, and the logarithms it is the mean of, shape (row, group)."""
    own = counts / counts.sum(axis=1, keepdims=True)
    there = own > 0
    logs = np.log(np.where(there, own, 1.0)) - np.log(np.where(there, share, 1.0))
    return (own * logs).sum(axis=1), logs


def _expected(size: Floats, of: Country) -> Floats:
    """Divergence of each row if its persons were drawn at random from its reference, shape (row,)."""
    whole = np.maximum(np.rint(size), 1.0)
    kinds, row = np.unique(np.stack([of.row, whole], axis=1), axis=0, return_inverse=True)
    label, t = kinds[:, 0].astype(np.int64), kinds[:, 1]
    left = np.maximum(of.persons[label] - t, 0.0)
    # the others of the country are drawn without putting back, as everywhere (kernels.random_allocation)
    effective = np.where(left > 0, t * (of.persons[label] - 1) / np.where(left > 0, left, 1.0), 1e15)
    found = np.zeros(len(t))
    for g in range(of.share.shape[1]):
        q = of.share[label, g]
        entropy = -q * np.log(np.where(q > 0, q, 1.0))
        found += entropy - mean_entropy_term(np.minimum(effective, 1e15), q)
    # a country of one cell leaves chance nothing to do, to rounding
    return np.asarray(np.where(found > 1e-14, found, 0.0)[row.ravel()])


def _rows(
    names: Sequence[str], code: Ints, found: Counted, of: Country, chosen: str, spanning: Mapping[str, list[str]]
) -> Iterator[dict[str, Any]]:
    used = of.row >= 0
    counts, zone = found.counts[used], code[used]
    of = of._replace(row=of.row[used])
    size = counts.sum(axis=1)
    apart, logs = _divergence(counts, of.share[of.row])
    spread = counts if found.noise is None else counts + found.noise[used]
    corrects = "no_correction" not in found.about
    by_chance = _expected(size, of) if corrects else np.full(len(size), np.nan)
    lost = np.bincount(code[~used], minlength=len(names))
    for z, name in enumerate(names):
        inside = zone == z
        if not inside.any():
            continue
        t = size[inside]
        estimate, expected = float(t @ apart[inside] / t.sum()), float(t @ by_chance[inside] / t.sum())
        error = float(np.sqrt((spread[inside] * (logs[inside] - estimate) ** 2).sum()) / t.sum())
        middle = estimate - expected if corrects else estimate
        told = {"countries": spanning.get(name), "cells_without_country": int(lost[z]) or None}
        yield {
            "zone": name,
            "topic": "segregation",
            "index": f"divergence_from_{chosen}",
            "groups": "|".join(found.names),
            "estimate": estimate,
            "expected": expected,
            "corrected": middle if corrects else np.nan,
            "low": middle - Z_95 * error,
            "high": middle + Z_95 * error,
            "persons": float(t.sum()),
            "cells": int(inside.sum()),
            "parameters": parameters(
                **found.about,
                **told,
                reference=chosen,
                correction="difference",
                interval="delta method, 95 %",
                source=SOURCES["roberto2015"].short,
                cite="roberto2015",
                unreliable=True if corrects and expected > estimate / 2 else None,
            ),
        }


def reference_cells(
    cells: xr.Dataset,
    groups: Sequence[str],
    *,
    total: str = "",
    zone: str = "",
    country: str = "country",
    relative_to: str = "",
    reference: Reference = "",
) -> xr.Dataset:
    """Add to cells how far they diverge from a declared reference, and location quotients against it.

    Parameters
    ----------
    cells, groups, total, zone, country, relative_to, reference
        As for `reference_table`.

    Returns
    -------
    xarray.Dataset
        The same cells with ``residents``, ``divergence_from_country`` (nats; its mean over residents is the printed
        value) and, for each group *g*, ``lq_from_country_g``: the cell's share by the reference's; with the reference
        "whole" the names say so.  NaN where nobody lives, or no country is named.
    """
    check_reference(cells, groups, zone=zone, country=country, relative_to=relative_to, reference=reference)
    found = counted(cells, groups, total)
    chosen = reference or "whole"
    if chosen == "country":
        of = _countries(cells, country, found)
    else:
        of = _wholes(*zones_within(cells, zone, found.rows), found)
    used = of.row >= 0
    at = np.flatnonzero(found.rows)[used]
    share = of.share[of.row[used]]
    counts = found.counts[used]
    own = counts / counts.sum(axis=1, keepdims=True)
    status = why_missing(cells, [*groups, total] if total else list(groups))
    words = {"country": "the cell's own country", "whole": "the whole area"}[chosen]
    values: dict[str, npt.NDArray[np.float64]] = {"residents": np.where(status > 0, np.nan, 0.0)}
    values["residents"][np.flatnonzero(found.rows)] = found.counts.sum(axis=1)
    about = {"residents": Column(long_name="Residents counted in the groups", source="segregation")}

    def add(name: str, value: Floats, long_name: str) -> None:
        values[name] = np.full(cells.sizes["cell"], np.nan)
        values[name][at] = value
        about[name] = Column(
            kind="intensive", units="1", weight="residents", source="segregation", long_name=long_name
        )  # fmt: skip

    add(f"divergence_from_{chosen}", _divergence(counts, share)[0], f"Divergence from {words} (nats)")
    for k, name in enumerate(found.names):
        quotient = np.divide(own[:, k], share[:, k], out=np.full(len(own), np.nan), where=share[:, k] > 0)
        add(f"lq_from_{chosen}_{name}", quotient, f"Location quotient of {name} (1 = as in {words})")
    return with_variables(cells, values, about, status=dict.fromkeys(values, status))
