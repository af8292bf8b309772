"""Beside indices of the whole, how likely chance alone would make them as large: *p* by Monte Carlo."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from civigrid.layers.segregation.neighbourhoods.permuted import Tested


def with_p(table: pd.DataFrame, tested: Mapping[tuple[str, str], Tested], draws: int, seed: int) -> pd.DataFrame:
    """Add *p* to the parameters of rows of the whole.

    Parameters
    ----------
    table : pandas.DataFrame
        A result table of one neighbourhood.
    tested : mapping
        As of `civigrid.layers.segregation.neighbourhoods.permuted.permutation_tests`.
    draws, seed : int
        What is told beside.
    """
    texts = table["parameters"].tolist()
    keys = zip(table["zone"], table["index"], table["groups"], texts, strict=True)
    for row, (zone, index, groups, text) in enumerate(keys):
        found = tested.get((index, groups)) if zone == "all" else None
        if found is None:
            continue
        said = json.loads(text)
        more: dict[str, Any] = {"p": found.p, "tail": found.tail, "permutations": draws, "seed": seed}
        if "noise_variance" in said:
            more["p_takes_out"] = "chance, not the publisher's noise"
        texts[row] = json.dumps(said | more, ensure_ascii=False)
    return table.assign(parameters=pd.Series(texts, index=table.index, dtype=object))
