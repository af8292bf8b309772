"""How much of what separates small neighbourhoods is left in large ones, where that can be said."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from civigrid.types import Floats

LEAST = 0.05
"""A corrected value below this part of the plain one is what two large numbers leave: no ratio rests on it."""
WHY = "corrected: the value at the smallest scale is not clearly above 0"


def ratio_of(
    estimate: tuple[Floats, Floats], corrected: tuple[Floats, Floats], low: Floats
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Give the ratio of an index at the largest scale to that at the smallest, plain and corrected.

    Parameters
    ----------
    estimate, corrected : tuple of ndarray, shape (row,)
        At the smallest scale, at the largest.
    low : ndarray, shape (row,)
        Lower end of the interval of the corrected value at the smallest scale, NaN where there is none.

    Returns
    -------
    tuple of ndarray, shape (row,)
        The ratios, NaN where they have none; and where the corrected one is missing although both values are known:
        by E. C. Fieller (1954), J. R. Stat. Soc. B 16, a ratio is anything where its denominator may be 0.

    Examples
    --------
    >>> plain, better = (np.array([0.4]), np.array([0.2])), (np.array([0.01]), np.array([0.09]))
    >>> ratio_of(plain, better, np.array([-0.02]))
    (array([0.5]), array([nan]), array([ True]))
    """
    below = low <= 0
    below |= corrected[0] < LEAST * np.abs(estimate[0])
    known = np.isfinite(corrected[0]) & np.isfinite(corrected[1])
    plain = _divided(*estimate, estimate[0] > 0)
    return plain, _divided(*corrected, known & ~below & (corrected[0] > 0)), known & (below | (corrected[0] <= 0))


def _divided(micro: Floats, macro: Floats, where: npt.NDArray[np.bool_]) -> Floats:
    return np.asarray(np.divide(macro, micro, out=np.full_like(macro, np.nan), where=where))
