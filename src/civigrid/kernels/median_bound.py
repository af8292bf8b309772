"""A lower bound of siting: the Lagrangian relaxation of who is served from where, raised by a deflected subgradient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from civigrid.types import Bools, Floats

if TYPE_CHECKING:
    from civigrid.kernels.median import Lists

PATIENCE, SHRINK, DEFLECTION = 8, 0.6, 0.4
"""Steps without a better bound until steps shrink, by how much, and how much of the last direction is kept."""
_jit: Any = numba.njit(cache=True, nogil=True)


def raise_bound(
    lists: Lists,
    most: int,
    fixed: Floats,
    must: Bools,
    may: Bools,
    start: Floats,
    value: Floats,
    steps: int,
) -> Iterator[tuple[float, Bools]]:
    r"""Give ever better bounds, each with the sites its relaxation opens.

    Parameters
    ----------
    lists : Lists
        Costs.
    most : int
        Sites open at most.
    fixed : ndarray of float64, shape (site,)
        Costs of sites.
    must, may : ndarray of bool, shape (site,)
        Sites that are open, that can be opened.
    start : ndarray of float64, shape (cell,)
        First multipliers: best between the cheapest and the second cheapest site of a good answer.
    value : ndarray of float64, shape (1,)
        Best cost known by now; read at every step.
    steps : int
        Steps at most.

    Yields
    ------
    bound : float
        No choice costs less than this.
    chosen : ndarray of bool, shape (site,)
        What the relaxation opened, filled up to `most` by its reduced costs.

    Notes
    -----
    .. math:: L(\lambda) = \sum_i \lambda_i + \sum_{j \in S(\lambda)} \rho_j, \quad
              \rho_j = F_j + \sum_i \min(0, c_{ij} - \lambda_i)

    with the required sites and the lowest negative :math:`\rho_j` in *S*.  Multipliers stay at or below the cost of
    staying unserved: so what is not on a list adds nothing, and the bound holds for all sites.
    """
    multiplier = np.minimum(start, lists.beyond)
    way = np.zeros(len(multiplier))
    best, length, idle = -np.inf, 1.0, 0
    rho, slope = np.empty(len(fixed)), np.empty(len(multiplier))
    for _ in range(steps):
        rho[:] = fixed
        _reduce(lists.indptr, lists.site, lists.cost, multiplier, rho)
        chosen, filled, sum_rho = _opened(rho, must, may, most)
        bound = float(multiplier.sum()) + sum_rho
        idle = 0 if bound > best else idle + 1
        best = max(best, bound)
        yield best, filled
        if idle >= PATIENCE:
            length, idle = length * SHRINK, 0
        _slopes(lists.indptr, lists.site, lists.cost, multiplier, chosen, slope)
        way = slope + DEFLECTION * way
        if not (size := float(way @ way)):
            return
        multiplier = np.minimum(multiplier + length * max(value[0] - bound, 0.0) / size * way, lists.beyond)


def _opened(rho: Floats, must: Bools, may: Bools, most: int) -> tuple[Bools, Bools, float]:
    order = np.argsort(np.where(may, rho, np.inf), kind="stable")[: min(most - int(must.sum()), int(may.sum()))]
    chosen, filled = must.copy(), must.copy()
    filled[order] = True
    chosen[order[rho[order] < 0]] = True
    return chosen, filled, float(rho[chosen].sum())


@_jit
def _reduce(indptr, site, cost, multiplier, rho):  # type: ignore[no-untyped-def]
    for i in range(multiplier.size):
        for p in range(indptr[i], indptr[i + 1]):
            if cost[p] >= multiplier[i]:
                break
            rho[site[p]] += cost[p] - multiplier[i]


@_jit
def _slopes(indptr, site, cost, multiplier, chosen, slope):  # type: ignore[no-untyped-def]
    for i in range(multiplier.size):
        slope[i] = 1.0
        for p in range(indptr[i], indptr[i + 1]):
            if cost[p] >= multiplier[i]:
                break
            if chosen[site[p]]:
                slope[i] -= 1.0
