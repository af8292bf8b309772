"""How far an estimate by cell is from the truth, in the figures the field reports."""

from __future__ import annotations

import numpy as np

from civigrid.types import Floats

FEWEST_FOR_PERCENT = 50.0
"""Percentage errors are taken over cells with at least so many persons."""


def allocation_errors(estimate: Floats, truth: Floats) -> dict[str, float]:
    r"""Errors of counts by cell.

    Parameters
    ----------
    estimate, truth : ndarray of float64, shape (cell,)
        Persons; without missing values.

    Returns
    -------
    dict of str to float
        ``total_allocation_error`` :math:`\sum_c |e_c| / 2 N`, the share of people in a wrong cell;
        ``persons_misplaced`` :math:`\sum_c |e_c| / 2`; ``mean_absolute_error``, ``root_mean_square_error`` and
        ``bias`` (mean error), persons per cell; ``mean_absolute_percentage_error``, over cells of at least
        `FEWEST_FOR_PERCENT` persons; ``correlation``.  NaN where a figure has no meaning.

    Examples
    --------
    >>> found = allocation_errors(np.array([60.0, 40.0]), np.array([50.0, 50.0]))
    >>> found["total_allocation_error"], found["mean_absolute_percentage_error"], found["bias"]
    (0.1, 0.2, 0.0)
    """
    error = estimate - truth
    if not len(error):
        return dict.fromkeys(_NAMES, float("nan"))
    large = truth >= FEWEST_FOR_PERCENT
    moved, persons = float(np.abs(error).sum() / 2), float(truth.sum())
    varies = len(error) > 1 and estimate.std() > 0 and truth.std() > 0
    found = (
        moved / persons if persons else float("nan"),
        moved,
        float(np.abs(error).mean()),
        float(np.sqrt((error**2).mean())),
        float(error.mean()),
        float((np.abs(error[large]) / truth[large]).mean()) if large.any() else float("nan"),
        float(np.corrcoef(estimate, truth)[0, 1]) if varies else float("nan"),
    )
    return dict(zip(_NAMES, found, strict=True))


_NAMES = (
    "total_allocation_error",
    "persons_misplaced",
    "mean_absolute_error",
    "root_mean_square_error",
    "bias",
    "mean_absolute_percentage_error",
    "correlation",
)
