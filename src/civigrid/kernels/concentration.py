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
from scipy.stats import binom, norm

from civigrid.kernels.estimate import Estimate, undefined, variance_of_sum
from civigrid.types import Floats


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


class _Ground(NamedTuple):
    """Ground of all, of the group, and the least and the most a group of its size could live on, with gradients.

    A gradient has shape (row, 2); a scalar is in units of area.
    """

    everyone: float
    group: Estimate
    least: Estimate
    most: Estimate
    share: float


def _filled(each: Floats, size: Floats, persons: float, *, sparsest: bool) -> Estimate:
    """Ground of `persons` who fill the densest (or the sparsest) cells first, each cell up to its own size."""
    order = np.argsort(-each if sparsest else each, kind="stable")
    before = np.cumsum(size[order]) - size[order]
    taken = np.empty_like(size)
    taken[order] = np.clip(persons - before, 0.0, size[order])
    last = order[min(int(np.searchsorted(before, persons)) - 1, len(order) - 1)]
    margin = float(each[last])
    # room in a filled cell moves a person out of the last one; the last one itself grows less dense with each resident
    by_size = np.where(taken >= size, -margin, 0.0)
    by_size[last] = -taken[last] * margin / size[last]
    if persons >= float(size.sum()):
        by_size = np.full_like(size, -margin)
    return Estimate(float(taken @ each), np.column_stack([by_size + margin, by_size]))


def _ground(counts: Floats, area: Floats) -> _Ground:
    size, x = counts.sum(axis=1), counts[:, 0]
    each, share = area / size, counts[:, 0] / size
    group = Estimate(float(x @ each), np.column_stack([(1 - share) * each, -share * each]))
    persons = float(x.sum())
    least, most = (_filled(each, size, persons, sparsest=s) for s in (False, True))
    return _Ground(float(area.sum()), group, least, most, persons / float(size.sum()))


def absolute_concentration(counts: Floats, area: Floats) -> Estimate:
    r"""Absolute concentration, :math:`ACO = (A_{max} - A_x)/(A_{max} - A_{min})`.

    1 where the group fills the densest cells, 0 where it fills the sparsest; between them always.

    Parameters
    ----------
    counts, area
        As for `delta`.

    Returns
    -------
    Estimate
        Not a number where all cells are equally dense, or one side is empty: no place is denser than another then.

    Notes
    -----
    Massey and Denton (1988), with the ground of a resident in place of the area of a tract: see the head of
    this file, and docs/decisions/0014.

    Examples
    --------
    >>> absolute_concentration(np.array([[10.0, 0.0], [5.0, 5.0], [0.0, 5.0]]), np.ones(3)).value
    1.0
    """
    if not counts.sum(axis=0).min() > 0:
        return undefined(len(counts))
    found = _ground(counts, area)
    room = found.most.value - found.least.value
    if not room > 1e-12 * found.everyone:
        return undefined(len(counts))
    value = (found.most.value - found.group.value) / room
    top = found.most.gradient - found.group.gradient
    return Estimate(value, (top - value * (found.most.gradient - found.least.gradient)) / room)


def relative_concentration(counts: Floats, area: Floats) -> Estimate:
    r"""Relative concentration: the group's ground against that of equally many people in general.

    :math:`RCO = (PA - A_x)/(PA - A_{min})` where the group lives on less ground than :math:`PA`, else
    :math:`(PA - A_x)/(A_{max} - PA)`; :math:`P = X/T`, *A* the ground of all.  1 in the densest cells, -1 in the
    sparsest, 0 where a member has as much ground as anyone: also where all cells are equally dense.

    Notes
    -----
    Massey and Denton (1988), divide ratios that have no bound below, and no value on equal areas.

    Examples
    --------
    >>> relative_concentration(np.array([[10.0, 0.0], [0.0, 10.0], [5.0, 5.0]]), np.ones(3)).value
    0.0
    """
    if not counts.sum(axis=0).min() > 0:
        return undefined(len(counts))
    found = _ground(counts, area)
    fair = found.share * found.everyone
    by_fair = np.tile(np.array([1 - found.share, -found.share]) * found.everyone / counts.sum(), (len(counts), 1))
    saved, by_saved = fair - found.group.value, by_fair - found.group.gradient
    if saved >= 0:
        room, by_room = fair - found.least.value, by_fair - found.least.gradient
    else:
        room, by_room = found.most.value - fair, found.most.gradient - by_fair
    if not room > 1e-12 * found.everyone:
        return Estimate(0.0, np.zeros_like(counts))
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
    whole, share, wanted = np.rint(size), persons / float(size.sum()), persons * area / area.sum()
    floor = np.floor(wanted)
    short = wanted * binom.cdf(floor, whole, share) - whole * share * binom.cdf(
        floor - 1, np.maximum(whole - 1, 0), share
    )
    return float((size * share - wanted + 2 * short).sum() / (2 * persons))


def expected_absolute_concentration(counts: Floats, area: Floats) -> float:
    """Expect what `absolute_concentration` is if the group were drawn at random: its ground is a sum, so exact."""
    return absolute_concentration(evenly(counts), area).value


def expected_relative_concentration(counts: Floats, area: Floats) -> float:
    """Expect what `relative_concentration` is if the group were drawn at random."""
    return kink_of_relative_concentration(evenly(counts), area)


def kink_of_relative_concentration(counts: Floats, area: Floats) -> float:
    r"""Bias of `relative_concentration` from its two sides being divided by different rooms.

    The group's ground is about normal, with the variance :math:`\sigma^2` of a random draw.  At *m* standard deviations
    from a fair share it spills over to the other side by :math:`\sigma(\varphi(m) - |m|\Phi(-|m|))`.

    Returns
    -------
    float
        The bias: largest where the group lives as everyone does, none far from there.
    """
    if not counts.sum(axis=0).min() > 0:
        return np.nan
    found, size = _ground(counts, area), counts.sum(axis=1)
    fair = found.share * found.everyone
    rooms = fair - found.least.value, found.most.value - fair
    sigma = float(np.sqrt(variance_of_sum(area / size, size, float(counts[:, 0].sum()))))
    if not (min(rooms) > 1e-12 * found.everyone and sigma > 0):
        return 0.0
    away = abs(found.group.value - fair) / sigma
    return float(sigma * (norm.pdf(away) - away * norm.sf(away)) * (1 / rooms[0] - 1 / rooms[1]))


def evenly(counts: Floats) -> Floats:
    """Give the group the same share of each cell: what an index is where the group lives as everyone does.

    >>> evenly(np.array([[2.0, 0.0], [0.0, 2.0]]))
    array([[1., 1.],
           [1., 1.]])
    """
    return np.asarray(np.outer(counts.sum(axis=1), counts.sum(axis=0) / counts.sum()))
