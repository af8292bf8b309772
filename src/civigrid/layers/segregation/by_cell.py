"""Segregation cell by cell: shares, location quotients, diversity, and what each cell adds to the index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.special import xlogy

from civigrid.cells import column_of, with_variables
from civigrid.errors import unknown_name
from civigrid.kernels.zones import across
from civigrid.layers.segregation.groups import group_counts, measure_column, statuses_of, with_whole
from civigrid.types import Column, Floats


@dataclass(frozen=True, eq=False)
class City:
    """What local measures are made of.

    `counts` (cell, group), NaN where unknown; `size` (cell,); `inhabited` the same, NaN where nobody lives: half a
    person, spread there by interpolation, is nobody, and a share of it would be noise; `share` of each group in the
    cell; `whole` persons of each group; `everyone` all of them.
    """

    counts: Floats
    size: Floats
    inhabited: Floats
    share: Floats
    whole: Floats
    everyone: float

    @classmethod
    def of(cls, counts: Floats) -> City:
        """Make it from counts."""
        size = across(counts)
        inhabited = np.where(size >= 0.5, size, np.nan)
        whole = np.nansum(counts, axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = counts / size[:, None]
        return cls(counts, size, inhabited, share, whole, float(whole.sum()))

    @property
    def entropy(self) -> float:
        """Entropy of the whole, nats."""
        city = self.whole / max(self.everyone, 1e-300)
        return -float(xlogy(city, city).sum())

    @property
    def local_entropy(self) -> Floats:
        """Entropy of each cell, nats, 0 where nobody lives."""
        known = np.nan_to_num(self.share)
        return -across(np.asarray(xlogy(known, known), dtype=np.float64))


def _seen(city: City, value: Floats) -> Floats:
    return np.where(np.isnan(city.inhabited), np.nan, value)


def _share(city: City, k: int) -> Floats:
    return city.counts[:, k] / city.inhabited


def _quotient(city: City, k: int) -> Floats:
    if not city.whole[k] > 0:
        return np.full(len(city.size), np.nan)
    return np.asarray(_share(city, k) * city.everyone / city.whole[k])


def _adds_to_d(city: City, k: int) -> Floats:
    own, whole = city.counts[:, k], city.whole[k]
    if not 0 < whole < city.everyone:
        return 0 * city.size
    return np.asarray(np.abs(own / whole - (city.size - own) / (city.everyone - whole)) / 2)


def _adds_to_isolation(city: City, k: int) -> Floats:
    if not city.whole[k] > 0:
        return 0 * city.size
    return np.where(city.size == 0, 0.0, city.counts[:, k] / city.whole[k] * city.share[:, k])


def _diversity(city: City) -> Floats:
    return _seen(city, city.local_entropy)


def _simpson(city: City) -> Floats:
    return _seen(city, np.asarray(1 - across(np.asarray(city.share * city.share)), dtype=np.float64))


def _local_divergence(city: City) -> Floats:
    whole = city.whole / max(city.everyone, 1e-300)
    ratio = np.divide(np.nan_to_num(city.share), whole, out=np.ones_like(city.share), where=whole > 0)
    return across(np.asarray(xlogy(np.nan_to_num(city.share), ratio), dtype=np.float64))


def _divergence(city: City) -> Floats:
    return _seen(city, _local_divergence(city))


def _adds_to_h(city: City) -> Floats:
    entropy = city.entropy
    if not entropy > 0:
        return 0.0 * city.size
    gained = np.where(city.size > 0, city.size * (entropy - city.local_entropy), 0.0 * city.size)
    return np.asarray(gained / (city.everyone * entropy))


def _adds_to_m(city: City) -> Floats:
    gained = np.where(city.size > 0, city.size * _local_divergence(city), 0.0 * city.size)
    return np.asarray(gained / max(city.everyone, 1e-300))


@dataclass(frozen=True)
class Measure:
    """A measure of each cell: `value` of a `City` (and the number of a group), its words, and whether cells add up."""

    value: Callable[..., Floats]
    words: str
    adds: bool = False
    by_group: bool = False


MEASURES: dict[str, Measure] = {
    "share": Measure(_share, "Share: {}", by_group=True),
    "lq": Measure(_quotient, "Location quotient: {} (1 = as in the whole)", by_group=True),
    "adds_to_D": Measure(_adds_to_d, "Adds to the dissimilarity of: {}", adds=True, by_group=True),
    "adds_to_isolation": Measure(_adds_to_isolation, "Adds to the isolation of: {}", adds=True, by_group=True),
    "diversity": Measure(_diversity, "Diversity of the groups (entropy, nats)"),
    "simpson": Measure(_simpson, "Chance that two of its residents differ (Simpson)"),
    "divergence": Measure(_divergence, "Divergence from the whole (nats)"),
    "adds_to_H": Measure(_adds_to_h, "Adds to the information index H", adds=True),
    "adds_to_M": Measure(_adds_to_m, "Adds to the mutual information M", adds=True),
}
"""All local measures by name; those by group are named ``MEASURE_GROUP``."""
USUAL = ("share", "lq", "adds_to_D", "diversity", "adds_to_H")


def segregation_cells(
    cells: xr.Dataset, groups: Sequence[str], *, total: str = "", measures: Sequence[str] = USUAL
) -> xr.Dataset:
    r"""Add local measures to cells.

    Parameters
    ----------
    cells : xarray.Dataset
        Cell dataset.
    groups : sequence of str
        Counts of the groups.
    total : str
        Published total to divide by; empty: the sum of the groups.
    measures : sequence of str
        Names in `MEASURES`.

    Returns
    -------
    xarray.Dataset
        The same cells with ``residents`` (the denominator) and the measures: by default for each group *g* ``share_g``,
        ``lq_g`` (location quotient: the cell's share by the whole's, Isard 1960) and ``adds_to_D_g``, and
        ``diversity`` (entropy, nats) and ``adds_to_H``.  ``divergence`` is the local divergence of Roberto (2015) and
        the local segregation :math:`L_u` of Mora and Ruiz-Castillo (2011).  What is named ``adds_to`` sums to the
        printed index.

    Raises
    ------
    UnknownNameError
        A measure that is not declared.

    Examples
    --------
    >>> from civigrid.cells import make_cells
    >>> from civigrid.grid import SquareGrid
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> ids = grid.from_row_col(np.array([3000, 3000]), np.array([4000, 4001]))
    >>> cells = make_cells(grid, ids, {"a": [10.0, 10.0], "b": [0.0, 30.0]}, {"a": Column(), "b": Column()})
    >>> segregation_cells(cells, ["a", "b"])["adds_to_D_a"].to_numpy()
    array([0.25, 0.25])
    """
    for name in measures:
        if name not in MEASURES:
            raise unknown_name("local measure", name, MEASURES)
    counts, _ = group_counts(cells, groups, total)
    city = City.of(counts)
    rests = "|".join([*groups, total] if total else groups)
    values: dict[str, Floats] = {"residents": city.size}
    cells, about = with_whole(cells, groups, total, city.size)
    wanted = [(n, k) for k in range(len(groups)) for n in measures if MEASURES[n].by_group]
    for name, k in wanted:
        group = groups[k]
        words = MEASURES[name].words.format(column_of(cells[group]).long_name or group)
        values[f"{name}_{group}"] = MEASURES[name].value(city, k)
        about[f"{name}_{group}"] = _column(MEASURES[name], words, rests if name.startswith("adds") else group)
    for name in measures:
        if not MEASURES[name].by_group:
            values[name] = MEASURES[name].value(city)
            about[name] = _column(MEASURES[name], MEASURES[name].words, rests)
    status = statuses_of(cells, [*groups, total] if total else groups, city.size, values)
    return with_variables(cells, values, about, status=status)


def _column(measure: Measure, words: str, rests: str) -> Column:
    if measure.adds:
        # parts of an index add up over cells, as counts do, but they are no persons
        return Column(kind="extensive", units="1", source="segregation", long_name=words, rests_on=rests)
    return measure_column(words, "1", rests.split("|"))
