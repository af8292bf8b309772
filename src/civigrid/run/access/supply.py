"""What services offer: numbers of a table, by kind, matched to travel times by id."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from civigrid.errors import SchemaError, first_few, unknown_name
from civigrid.io.tables import read_table, to_numbers
from civigrid.types import Floats

ONE_EACH = "1 each"
"""Words for supply that no column says."""


def supply_by_kind(
    sites: pd.DataFrame, column: str, kind_column: str, *, kinds: Sequence[str] = ()
) -> dict[str, Floats]:
    """Give what each site offers of each kind of service, 0 of the others.

    Parameters
    ----------
    sites : pandas.DataFrame
        Sites; the index holds their ids.
    column : str
        What they offer; empty: 1 each.
    kind_column : str
        Their kind; empty: all are of one kind, ``all``.
    kinds : sequence of str
        Kinds wanted, in this order; by default all, sorted.

    Raises
    ------
    SchemaError, UnknownNameError
        A column that is not there; supply that is missing, negative or no number; a site without a kind.

    Examples
    --------
    >>> sites = pd.DataFrame({"kind": ["a", "b"], "staff": [2, 3]}, index=["x", "y"])
    >>> {kind: offer.tolist() for kind, offer in supply_by_kind(sites, "staff", "kind").items()}
    {'a': [2.0, 0.0], 'b': [0.0, 3.0]}
    """
    for name in filter(None, (column, kind_column)):
        if name not in sites:
            raise unknown_name("column of the services", name, [str(c) for c in sites.columns])
    offer = _offer(sites, column)
    if not kind_column:
        return {"all": offer}
    kind = sites[kind_column].fillna("").astype(str).to_numpy()
    if (kind == "").any():
        raise SchemaError(f"{int((kind == '').sum())} services have no {kind_column} (first: "
                          f"{first_few(sites.index[kind == ''])}). Name one, or leave them out.")  # fmt: skip
    return {name: np.where(kind == name, offer, 0.0) for name in (kinds or sorted(set(kind.tolist())))}


def _offer(sites: pd.DataFrame, column: str) -> Floats:
    if not column:
        return np.ones(len(sites))
    offer = to_numbers(sites[column])[0].to_numpy(dtype=np.float64)
    if (bad := ~np.isfinite(offer) | (offer < 0)).any():
        raise SchemaError(
            f"{int(bad.sum())} services have no number of 0 or more in {column!r} (first: "
            f"{first_few(sites.index[bad])}). Fill it in; 0 is a service that offers nothing."
        )
    return np.asarray(offer)


def read_supply(path: Path, id_column: str) -> pd.DataFrame:
    """Read a table of services by id: CSV, Parquet, or the attributes of a vector file.

    Raises
    ------
    SchemaError, UnknownNameError
        No rows; no column of ids; an id given twice, or none.
    """
    table = read_table(path, text=True)
    name = id_column or next((n for n in ("site_id", "id") if n in table), "site_id")
    if name not in table:
        raise unknown_name(f"column of ids of {path.name} (--site-id)", name, [str(c) for c in table.columns])
    if not len(table):
        raise SchemaError(f"{path.name} has no services.")
    ids = table[name].fillna("").astype(str)
    if (ids == "").any():
        raise SchemaError(f"{path.name}: {int((ids == '').sum())} services have no id in {name!r}.")
    if (twice := ids[ids.duplicated()]).size:
        raise SchemaError(f"{path.name}: {twice.size} ids of {name!r} stand twice (first: {first_few(twice)}).")
    return table.set_index(ids.to_numpy())
