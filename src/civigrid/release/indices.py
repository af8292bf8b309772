"""What a table of indices may tell of small zones: an index of few cells, or of few of a group, tells its members."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from civigrid.release.profiles import Profile
from civigrid.release.suppress import hidden_counts
from civigrid.types import Floats

MEMBERS = 10
"""Members of a group that an index needs, per person of the profile's threshold: 100 where that is 10."""
DECIMALS = 3
"""Digits of a published index: more would let counts of small groups be computed."""
FIGURES = ("estimate", "expected", "corrected", "low", "high")


def fewest_members(table: pd.DataFrame, zones: Sequence[str], names: Sequence[str], members: Floats) -> Floats:
    """Give the fewest persons that a row of a table of indices rests on: of a group of it, or of all others.

    Parameters
    ----------
    table, zones, names, members
        As of `indices_held_back`.

    Returns
    -------
    ndarray of float64, shape (row,)
        Groups without anybody do not count.  Of a zone that is not named: the persons of the row.

    Examples
    --------
    >>> table = pd.DataFrame({"zone": ["a", "?"], "groups": "x", "persons": [900.0, 30.0]})
    >>> fewest_members(table, ["a"], ["x", "y"], np.array([[400.0, 500.0]])).tolist()
    [400.0, 30.0]
    """
    place = pd.Index(zones).get_indexer(pd.Index(table["zone"]))
    found = table["persons"].to_numpy(dtype=np.float64, copy=True)
    columns = {name: [k] for k, name in enumerate(names)}
    columns |= {f"{a}->{b}": [i, j] for i, a in enumerate(names) for j, b in enumerate(names)}
    for text in table["groups"].unique():
        rows = ((table["groups"] == text).to_numpy()) & (place >= 0)
        found[rows] = _fewest(members, columns.get(text, list(range(len(names)))))[place[rows]]
    return found


def indices_held_back(
    table: pd.DataFrame, zones: Sequence[str], names: Sequence[str], members: Floats, profile: Profile
) -> npt.NDArray[np.object_]:
    """Say why a row of a table of indices may not leave, "" where it may.

    Parameters
    ----------
    table : pandas.DataFrame
        A result table of indices.
    zones : sequence of str
        Names of the zones.
    names : sequence of str
        Names of the groups.
    members : ndarray, shape (zone, group)
        Persons.
    profile : Profile
        Its threshold t: fewer than t cells or units, or fewer than 10 t persons of a group that lives there (or of all
        others), is too few.  0: everything may leave.

    Returns
    -------
    ndarray of str, shape (row,)

    Examples
    --------
    >>> table = pd.DataFrame({"zone": ["a", "b"], "groups": "x", "cells": [50, 50], "persons": [900.0, 900.0]})
    >>> people = np.array([[400.0, 500.0], [60.0, 840.0]])
    >>> indices_held_back(table, ["a", "b"], ["x", "y"], people, Profile("min-count", 10)).tolist()
    ['', 'fewer than 100 of a group']
    """
    return held_back(table, fewest_members(table, zones, names, members), profile)


def held_back(table: pd.DataFrame, fewest: Floats, profile: Profile) -> npt.NDArray[np.object_]:
    """Say the same where the fewest persons that each row rests on are known, shape (row,)."""
    why = np.full(len(table), "", dtype=object)
    if not profile.threshold:
        return why
    enough = MEMBERS * profile.threshold
    why[fewest < enough] = f"fewer than {enough} of a group"
    # shares of the groups that stay, told by what chance makes of them, would leave that of the group that goes
    few = set(table.loc[why != "", "zone"])
    of_one = ~table["groups"].str.contains("|", regex=False)
    why[((why == "") & table["zone"].isin(few) & of_one).to_numpy()] = f"fewer than {enough} of another group"
    why[(table["cells"] < profile.threshold).to_numpy()] = f"fewer than {profile.threshold} units"
    return why


def _fewest(members: Floats, columns: list[int]) -> Floats:
    """Fewest persons of a group that is there, or of everyone who is in none of them, by zone."""
    # of a group and itself each counts once
    mine = members[:, sorted(set(columns))]
    others = members.sum(axis=1, keepdims=True) - mine.sum(axis=1, keepdims=True)
    every: Floats = np.concatenate([mine, np.where(others < 0.5, 0.0, others)], axis=1)
    return np.asarray(np.where(every > 0, every, np.inf).min(axis=1))


def protect_indices(table: pd.DataFrame, why: npt.NDArray[np.object_], profile: Profile) -> pd.DataFrame:
    """Take the figures out of rows that may not leave, small zones' persons too, and round the others.

    Persons are rounded to the threshold: two tables of other groups could be subtracted else.  Figures among the
    parameters go the same way.
    """
    if not profile.threshold:
        return table
    changed = table.copy()
    changed[list(FIGURES)] = changed[list(FIGURES)].round(DECIMALS)
    changed.loc[why != "", list(FIGURES)] = np.nan
    persons = table.drop_duplicates("zone").set_index("zone")["persons"]
    parts: Mapping[str, Floats] = {"persons": persons[persons.index != "all"].to_numpy(dtype=np.float64)}
    hidden = hidden_counts(parts, {}, profile.threshold)["persons"]
    small = set(persons.index[persons.index != "all"][hidden])
    small |= set(persons.index[(persons > 0) & (persons < profile.threshold)])
    changed.loc[changed["zone"].isin(small).to_numpy(), "persons"] = np.nan
    changed["persons"] = (changed["persons"] / profile.threshold).round() * profile.threshold
    if "parameters" in table:
        texts = zip(table["parameters"], why, strict=True)
        changed["parameters"] = [_protected(text, bool(held)) for text, held in texts]
    return changed


TOLD = frozenset(
    {"b", "order", "p", "p_z", "z", "threshold", "decay_m", "self_distance", "radius_m", "size_m", "cell_size_m",
     "noise_variance", "noise_left_in", "reach_m", "tolerance", "within_min", "decay_min"}
)  # fmt: skip
"""Numbers among parameters that were given, or say how sure one is: no figures of people."""


def _protected(text: str, held: bool) -> str:
    """Parameters without the figures of a row that is held back, or with them rounded."""
    said: dict[str, Any] = json.loads(text or "{}")
    figures = [k for k, v in said.items() if isinstance(v, float) and k not in TOLD]
    if not figures:
        return text
    for name in figures:
        if held:
            del said[name]
        else:
            said[name] = round(said[name], DECIMALS)
    return json.dumps(said, sort_keys=True, ensure_ascii=False)
