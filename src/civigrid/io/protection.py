"""How countries protected the census grid of 2021, and the variance of the noise in their counts, as far as known.

Nothing here is official but where it says "stated": the rest was inferred from the published data (additivity of sex,
age and birth place to the total in cells of one country, edition V2), and may be wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from civigrid.errors import SourceError, first_few
from civigrid.source import Source
from civigrid.types import Bools, Column, Floats


@dataclass(frozen=True)
class Protection:
    """What a country did to its counts.

    Parameters
    ----------
    method : str
        In words.
    noise_variance : float
        Variance of independent noise in one published count, persons2; 0 where parts add up to the total, so that
        there is no noise of that kind (records may still have been swapped).
    basis : {"inferred", "stated"}
        Whether the data suggest the method, or its publisher says so.
    """

    method: str
    noise_variance: float
    basis: Literal["inferred", "stated"] = "inferred"


_ADDITIVE = Protection("record swapping, additive rounding, or none", 0.0)
_KEYED = "cell key or other noise"

PROTECTION: dict[str, Protection] = {
    **dict.fromkeys(("FR", "IT", "RO", "IE", "CZ", "PT", "DK", "LT", "BE", "BG", "SK", "LI"), _ADDITIVE),
    "AT": Protection("everything but the total suppressed in some cells", 0.0),
    "MT": Protection("everything suppressed in 14 cells", 0.0),
    "EE": Protection("suppression, of totals too", 0.0),
    "PL": Protection("targeted record swapping and suppression", 0.0, "stated"),
    "NO": Protection("rounding to base 3, as if at random", 4 / 3),
    "DE": Protection("cell key", 2.0, "stated"),
    "NL": Protection("cell key", 2.1),
    "EL": Protection("cell key", 2.4),
    "HU": Protection("cell key", 2.0),
    "ES": Protection(_KEYED, 0.9),
    "SE": Protection(_KEYED, 1.0),
    "FI": Protection(_KEYED, 2.5),
    "HR": Protection(_KEYED, 1.0),
    "CH": Protection(_KEYED, 1.1),
    "SI": Protection(_KEYED, 1.0),
    "CY": Protection("noise", 3.9),
    "LV": Protection("parts suppressed in some cells, noise", 1.6),
    "LU": Protection("suppression and noise", 0.9),
}
"""By country code.  A method that is stated does not mean that its variance is: every variance is inferred, a third of
the variance of T - M - F over the cells of the country, as if the three counts had independent noise of one size."""


def inferred_noise_variance() -> dict[str, float]:
    """Variance of the noise in one count of the census grid 2021 by country, inferred and not official, persons2.

    >>> inferred_noise_variance()["FR"], inferred_noise_variance()["DE"]
    (0.0, 2.0)
    """
    # the cells without a code lie in Estonia
    codes = PROTECTION | {"": PROTECTION["EE"]}
    return {country: protection.noise_variance for country, protection in codes.items()}


def declare_noise(
    source: Source, noise_variance: float | Mapping[str, float] | None, columns: Sequence[str] | None = None
) -> Source:
    """Write down the variance of a publisher's noise beside the counts of a source.

    Parameters
    ----------
    source : Source
        Checked table.
    noise_variance : float, mapping of str to float, or None
        Variance per published count, persons2: one for all, or by country code (label ``country``).  A cell that
        belongs to several countries has the noise of each that is named (its neighbours abroad may publish nothing).
        None: nobody knows, and nothing is declared.
    columns : sequence of str, optional
        Which counts; by default all.

    Raises
    ------
    SourceError
        A negative variance, or cells of which no country is named.
    """
    if noise_variance is None:
        return source
    names = [
        n for n, c in source.columns.items()
        if c.kind == "extensive" and c.companion_of is None and (columns is None or n in columns)
    ]  # fmt: skip
    given = list(noise_variance.values()) if isinstance(noise_variance, Mapping) else [noise_variance]
    if wrong := [v for v in given if not (np.isfinite(v) and v >= 0)]:
        raise SourceError(
            f"noise_variance holds {first_few(wrong)}: a variance is at least 0. Leave out what is unknown."
        )
    if not isinstance(noise_variance, Mapping):
        declared = {n: replace(source.columns[n], noise_variance=float(noise_variance)) for n in names}
        return replace(source, columns={**source.columns, **declared})
    known = source.table[names].notna().any(axis=1).to_numpy()
    by_cell = _by_country(source, noise_variance, known)
    data = {f"{n}_noise_variance": np.where(source.table[n].isna(), 0.0, by_cell) for n in names}
    about = {
        f"{n}_noise_variance": Column(
            units=f"{source.columns[n].units}2",
            long_name=f"Variance of the publisher's noise in: {source.columns[n].long_name or n}",
            companion_of=n,
        )
        for n in names
    }
    table = pd.concat([source.table, pd.DataFrame(data, index=source.table.index)], axis=1)
    return replace(source, table=table, columns={**source.columns, **about})


def _by_country(source: Source, noise_variance: Mapping[str, float], known: Bools) -> Floats:
    if "country" not in source.table:
        raise SourceError(f"source {source.name!r} has no countries: give one noise_variance for all its counts.")
    code, names = pd.factorize(source.table["country"])
    asked = [str(names[k]) for k in np.unique(code[known])]
    if absent := [name for name in asked if not set(name.split("-")) & set(noise_variance)]:
        raise SourceError(
            f"noise_variance does not name {len(absent)} countries (first: {first_few(map(repr, absent))}). "
            "Name all, with 0 where there is no noise, or read one country at a time."
        )
    each = np.array([sum(noise_variance.get(c, 0.0) for c in str(name).split("-")) for name in names])
    found: Floats = each[code]
    return found
