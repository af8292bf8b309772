"""Gaps between groups, and what part of an index lies within and between groups and zones, draw by draw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from civigrid.kernels.poverty import additive_shares, gini_parts, theil_l_parts, theil_t_parts
from civigrid.layers.access.inequality_draws import Estimates
from civigrid.types import Floats

POVERTY = ("fgt0", "fgt1", "fgt2")


class Derived(NamedTuple):
    """A number made of others: its index and groups, its value in every draw, shape (1 + draw,), persons, by what."""

    name: str
    groups: str
    draws: Floats
    persons: float
    cells: int
    of: str = ""
    zone: str = ""


def between_groups(everyone: Estimates, groups: Sequence[Estimates], at: int) -> Iterator[Derived]:
    """Give gaps and ratios of means in one zone: of each group against everyone else, and of each pair of groups."""
    if len(groups) < 2:
        return
    size, mean = everyone.reached[:, at], np.nan_to_num(everyone.values["mean"][:, at])
    cells = int(everyone.cells[at])
    for k, one in enumerate(groups):
        mine = one.values["mean"][:, at]
        if one.name != "rest" and len(groups) > 2:
            others = size - one.reached[:, at]
            has = size * mean - one.reached[:, at] * np.nan_to_num(mine)
            alone = others <= 1e-9 * size
            rest = np.where(alone, np.nan, has / np.where(alone, 1.0, others))
            yield from _compared(f"{one.name}|everyone else", mine, rest, float(size[0]), cells)
        for other in groups[k + 1 :]:
            persons = float(one.reached[0, at] + other.reached[0, at])
            yield from _compared(f"{one.name}|{other.name}", mine, other.values["mean"][:, at], persons, cells)


def _compared(groups: str, one: Floats, other: Floats, persons: float, cells: int) -> Iterator[Derived]:
    yield Derived("gap", groups, one - other, persons, cells)
    ratio = np.divide(one, other, out=np.full(one.shape, np.nan), where=(other != 0) & ~np.isnan(other))
    yield Derived("ratio", groups, ratio, persons, cells)


def parts_by_group(everyone: Estimates, groups: Sequence[Estimates], at: int) -> Iterator[Derived]:
    """Give what lies within and between groups in one zone, and what part of poverty each group makes there."""
    if len(groups) < 2:
        return
    names = "|".join(g.name for g in groups)
    columns = {name: np.stack([g.values[name][:, at] for g in groups], axis=1) for name in everyone.values}
    reached = np.stack([g.reached[:, at] for g in groups], axis=1)
    persons = np.stack([g.persons[:, at] for g in groups], axis=1)
    yield from _parts(everyone, at, columns, reached, names, "groups")
    for name in sorted(set(POVERTY) & set(columns)):
        share = additive_shares(persons if name == "fgt0" else reached, np.nan_to_num(columns[name]))
        for k, group in enumerate(groups):
            yield Derived(f"{name}_share", group.name, share[:, k], persons[0, k], int(group.cells[at]), "groups")


def parts_by_zone(one: Estimates, zones: Sequence[str], label: str) -> Iterator[Derived]:
    """Give what lies within and between zones for one population, and what part of its poverty each zone makes."""
    if len(zones) < 2:
        return
    columns = {name: values[:, 1:] for name, values in one.values.items()}
    yield from _parts(one, 0, columns, one.reached[:, 1:], one.name, label)
    for name in sorted(set(POVERTY) & set(columns)):
        share = additive_shares((one.persons if name == "fgt0" else one.reached)[:, 1:], np.nan_to_num(columns[name]))
        for z, zone in enumerate(zones):
            cells, persons = int(one.cells[1 + z]), float(one.persons[0, 1 + z])
            yield Derived(f"{name}_share", one.name, share[:, z], persons, cells, label, zone)


def _parts(
    whole: Estimates, at: int, columns: dict[str, Floats], persons: Floats, groups: str, label: str
) -> Iterator[Derived]:
    lived = (persons > 0).any(axis=0)
    if not lived.any():
        return
    size, means = persons[:, lived], columns["mean"][:, lived]
    about = (float(whole.reached[0, at]), int(whole.cells[at]), label)
    for name, split in (("theil_t", theil_t_parts), ("theil_l", theil_l_parts)):
        if name in columns:
            within, between = split(size, means, columns[name][:, lived])
            yield Derived(f"{name}_within", groups, within, *about)
            yield Derived(f"{name}_between", groups, between, *about)
    if "gini" in columns:
        found = gini_parts(size, means, columns["gini"][:, lived], whole.values["gini"][:, at])
        for part, draws in zip(("within", "between", "overlap"), found, strict=True):
            yield Derived(f"gini_{part}", groups, draws, *about)
