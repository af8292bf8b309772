"""Persons of two samples dealt out anew between them: what chance alone makes of a difference."""

from __future__ import annotations

import numpy as np

from civigrid.types import Floats


def relabel(first: Floats, second: Floats, draws: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Deal the persons of each cell out anew to two samples, which keep their sizes in the cell.

    Parameters
    ----------
    first, second : ndarray of float64, shape (cell, group)
        Whole persons of the same cells.
    draws : int
        How often.
    rng : numpy.random.Generator
        Where chance comes from.

    Returns
    -------
    tuple of ndarray of float64, shape (draw, cell, group)
        In every draw both margins of each cell are kept: persons of each sample, and of each group in both together.

    Notes
    -----
    Multivariate hypergeometric, group after group.  Under the hypothesis that both samples of a cell come from one
    composition, every dealing is as likely as what was found (R. A. Fisher 1935, The Design of Experiments).

    Examples
    --------
    >>> one, other = relabel(np.array([[2.0, 0.0]]), np.array([[0.0, 2.0]]), 100, np.random.default_rng(0))
    >>> float(one.sum(axis=2).min()), float((one + other).max())
    (2.0, 2.0)
    """
    both = np.rint(first + second).astype(np.int64)
    left = np.broadcast_to(np.rint(first.sum(axis=1)).astype(np.int64), (draws, len(first))).copy()
    others = both.sum(axis=1)
    dealt = np.empty((draws, *both.shape), dtype=np.int64)
    for g in range(both.shape[1]):
        others = others - both[:, g]
        dealt[:, :, g] = rng.hypergeometric(both[:, g], others, left)
        left -= dealt[:, :, g]
    return dealt.astype(np.float64), (both - dealt).astype(np.float64)
