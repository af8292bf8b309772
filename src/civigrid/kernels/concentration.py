r"""Concentration: how much ground a group lives on.

Massey and Denton (1988) rank tracts by area, as tracts hold about equally many people.  Equal cells hold unequally
many, so what is ranked here is the ground that one resident has, :math:`s_i = a_i/t_i`, the inverse of density.  Each
resident of a cell lives on an equal part of it; a group then lives on :math:`A_x = \sum_i a_i x_i/t_i`.
The least and the most ground that *X* people could live on, at the densities there are, follow by filling the densest
or the sparsest cells first, the last one in part.  Where all units hold equally many people, this is Massey and
Denton's ranking.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import bdtr, ndtr

from civigrid.kernels.estimate import Estimate, undefined, variance_of_sum
from civigrid.types import Floats, Ints


def delta(counts: Floats, area: Floats) -> Estimate:
    r"""Hoover's index, :math:`\Delta = \frac12\sum_i |x_i/X - a_i/A|`: the share that would have to move to be spread.

    Parameters
    ----------
    counts : ndarray of float64, shape (row, 2)
        Persons of the group and of everyone else, in inhabited cells.
    area : ndarray of float64, shape (row,)
        Ground of each cell, above 0: all of it, or where people can live.

    Notes
    -----
    Hoover (1941), J. Economic History 1; Duncan, Cuzzort and Duncan (1961); Massey and Denton (1988), Social Forces
    67.

    Examples
    --------
    >>> delta(np.array([[10.0, 0.0], [0.0, 30.0]]), np.array([1.0, 3.0])).value
    0.75
    """
    x, ground = counts[:, 0], area / area.sum()
    everyone = float(x.sum())
    if everyone <= 0:
        return undefined(len(counts))
    gap = x / everyone - ground
    sign = np.sign(gap)
    by_x = (sign - sign @ x / everyone) / (2 * everyone)
    return Estimate(float(np.abs(gap).sum() / 2), np.column_stack([by_x, np.zeros_like(by_x)]))


class Ground(NamedTuple):
    """Ground of all, of the group, and the least and the most that a group of its size could live on.

    Values are in units of area, gradients have shape (row, 2); `spread` is the standard deviation of the group's ground
    if its members were drawn at random, `is_mixed` whether both sides have members.
    """

    everyone: float
    group: Estimate
    least: Estimate
    most: Estimate
    share: float
    persons: float
    spread: float
    is_mixed: bool

    @property
    def fair(self) -> float:
        """Ground of equally many people in general."""
        return self.share * self.everyone

    @property
    def rooms(self) -> tuple[float, float]:
        """Ground that the group could save, and could take more, than a fair share."""
        return self.fair - self.least.value, self.most.value - self.fair


def lived_on(counts: Floats, area: Floats) -> Ground:
    """Measure the ground of a group.

    Parameters
    ----------
    counts : ndarray of float64, shape (row, 2)
        Persons of the group and of everyone else, in inhabited cells.
    area : ndarray of float64, shape (row,)
        Ground of each cell, above 0.

    Examples
    --------
    >>> found = lived_on(np.array([[10.0, 0.0], [5.0, 5.0], [0.0, 5.0]]), np.ones(3))
    >>> found.group.value, found.least.value, found.most.value
    (1.5, 1.5, 2.0)
    """
    size, x = counts.sum(axis=1), counts[:, 0]
    each, share, persons = area / size, x / size, float(x.sum())
    group = Estimate(float(x @ each), np.column_stack([(1 - share) * each, -share * each]))
    order = np.argsort(each, kind="stable")
    least, most = (_filled(each, size, persons, way) for way in (order, order[::-1]))
    spread = np.sqrt(variance_of_sum(each, size, persons))
    total = float(size.sum())
    return Ground(
        float(area.sum()), group, least, most, persons / total, total, float(spread), 0 < persons < total
    )  # fmt: skip


def _filled(each: Floats, size: Floats, persons: float, order: Ints) -> Estimate:
    """Ground of `persons` who fill the cells in this order, each up to its own size.

    Cells as dense as the last one are filled alike: which of them is the last is an accident of the table.
    """
    before = np.cumsum(size[order]) - size[order]
    taken = np.empty_like(size)
    taken[order] = np.clip(persons - before, 0.0, size[order])
    last = order[min(int(np.searchsorted(before, persons)) - 1, len(order) - 1)]
    margin = float(each[last])
    alike = each == margin
    part = (persons - float(before[alike[order].argmax()])) / float(size[alike].sum())
    taken[alike] = part * size[alike]
    # room in a filled cell moves a person out of the last ones; these themselves grow denser with each resident
    by_size = np.where(alike, -part * margin, np.where(taken >= size, -margin, 0.0))
    return Estimate(float(taken @ each), np.column_stack([by_size + margin, by_size]))


def absolute_concentration(ground: Ground) -> Estimate:
    r"""Absolute concentration, :math:`ACO = (A_{max} - A_x)/(A_{max} - A_{min})`.

    1 where the group fills the densest cells, 0 where it fills the sparsest; between them always.

    Parameters
    ----------
    ground : Ground
        As `lived_on` gives it.

    Returns
    -------
    Estimate
        Not a number where all cells are equally dense, or one side is empty: no place is denser than another then.

    Notes
    -----
    Massey and Denton (1988), with the ground of a resident in place of the area of a tract: see the head of this file,
    and docs/decisions/0014.

    Examples
    --------
    >>> absolute_concentration(lived_on(np.array([[10.0, 0.0], [5.0, 5.0], [0.0, 5.0]]), np.ones(3))).value
    1.0
    """
    room = ground.most.value - ground.least.value
    if not (ground.is_mixed and room > 1e-12 * ground.everyone):
        return undefined(len(ground.group.gradient))
    value = (ground.most.value - ground.group.value) / room
    top = ground.most.gradient - ground.group.gradient
    return Estimate(value, (top - value * (ground.most.gradient - ground.least.gradient)) / room)


def relative_concentration(ground: Ground) -> Estimate:
    r"""Relative concentration: the group's ground against that of equally many people in general.

    :math:`RCO = (PA - A_x)/(PA - A_{min})` where the group lives on less ground than :math:`PA`, else
    :math:`(PA - A_x)/(A_{max} - PA)`; :math:`P = X/T`, *A* the ground of all.  1 in the densest cells, -1 in the
    sparsest, 0 where a member has as much ground as anyone: also where all cells are equally dense.

    Notes
    -----
    Massey and Denton (1988) divide ratios that have no bound below, and no value on equal areas.

    Examples
    --------
    >>> relative_concentration(lived_on(np.array([[10.0, 0.0], [0.0, 10.0], [5.0, 5.0]]), np.ones(3))).value
    0.0
    """
    if not ground.is_mixed:
        return undefined(len(ground.group.gradient))
    by_fair = np.array([1 - ground.share, -ground.share]) * ground.everyone / ground.persons
    saved, by_saved = ground.fair - ground.group.value, by_fair - ground.group.gradient
    if saved >= 0:
        room, by_room = ground.rooms[0], by_fair - ground.least.gradient
    else:
        room, by_room = ground.rooms[1], ground.most.gradient - by_fair
    if not room > 1e-12 * ground.everyone:
        return Estimate(0.0, np.zeros_like(ground.group.gradient))
    value = saved / room
    return Estimate(value, (by_saved - value * by_room) / room)


# --- what random allocation makes of them ---


def expected_delta(counts: Floats, area: Floats) -> float:
    r"""Expect what `delta` is if each resident were of the group with the share of the whole.

    :math:`E|B - m| = tP - m + 2E(m - B)^+` for a binomial count *B* and the count *m* of an even spread over ground.
    """
    size, persons = counts.sum(axis=1), float(counts[:, 0].sum())
    if persons <= 0:
        return np.nan
    share, wanted = persons / float(size.sum()), persons * area / area.sum()
    # cells of one size and one ground are one: on a grid these are few
    kinds, cells = np.unique(np.rint(size) + 1j * wanted, return_counts=True)
    whole, even = kinds.real, kinds.imag
    floor = np.floor(even)
    inside = _upto(floor, whole, share), _upto(floor - 1, np.maximum(whole - 1, 0), share)
    short = even * inside[0] - whole * share * inside[1]
    return float(((size * share - wanted).sum() + 2 * cells @ short) / (2 * persons))


def expected_absolute_concentration(ground: Ground) -> float:
    """Expect what `absolute_concentration` is if the group were drawn at random: its ground is a sum, so exact."""
    return absolute_concentration(_fairly(ground)).value


def expected_relative_concentration(ground: Ground) -> float:
    """Expect what `relative_concentration` is if the group were drawn at random."""
    return kink_of_relative_concentration(_fairly(ground))


def _fairly(ground: Ground) -> Ground:
    return ground._replace(group=ground.group._replace(value=ground.fair))


def kink_of_relative_concentration(ground: Ground) -> float:
    r"""Bias of `relative_concentration` from its two sides being divided by different rooms.

    The group's ground is about normal, with the variance :math:`\sigma^2` of a random draw.  At *m* standard deviations
    from a fair share it spills over to the other side by :math:`\sigma(\varphi(m) - |m|\Phi(-|m|))`.

    Returns
    -------
    float
        The bias: largest where the group lives as everyone does, none far from there.
    """
    if not ground.is_mixed:
        return np.nan
    saved, taken = ground.rooms
    if not (min(saved, taken) > 1e-12 * ground.everyone and ground.spread > 0):
        return 0.0
    away = abs(ground.group.value - ground.fair) / ground.spread
    return float(
        ground.spread * (np.exp(-(away**2) / 2) / np.sqrt(2 * np.pi) - away * ndtr(-away)) * (1 / saved - 1 / taken)
    )


def evenly(counts: Floats) -> Floats:
    """Give the group the same share of each cell: what an index is where the group lives as everyone does.

    >>> evenly(np.array([[2.0, 0.0], [0.0, 2.0]]))
    array([[1., 1.],
           [1., 1.]])
    """
    return np.asarray(np.outer(counts.sum(axis=1), counts.sum(axis=0) / counts.sum()))


def _upto(most: Floats, size: Floats, share: float) -> Floats:
    """Chance of at most so many of a binomial count, also below 0 and above its size."""
    inside = bdtr(np.clip(most, 0, size), size.astype(np.int64), share)
    return np.where(most < 0, 0.0, np.where(most >= size, 1.0, inside))
