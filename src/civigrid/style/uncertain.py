"""Which values are too uncertain to be read as they stand: maps and pictures hatch them, and say so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from civigrid.cells import measured, noise_variance_of, values_of
from civigrid.errors import SchemaError
from civigrid.types import Bools, Floats

Z_95 = 1.959964
"""Half the width of a 95 % interval, in standard errors."""


@dataclass(frozen=True, kw_only=True)
class UncertainRule:
    """When a value is uncertain.

    Parameters
    ----------
    cv : float
        Coefficient of variation (standard error by size of the value) above which it is: a third, where statistical
        offices warn or withhold (Statistics Canada: 33.3 %).
    width : float or None
        Width of the 95 % interval above which it is, in units of the variable; then `cv` is not asked.
    """

    cv: float = 1 / 3
    width: float | None = None

    def __post_init__(self) -> None:
        if not self.cv > 0 or (self.width is not None and not self.width > 0):
            raise SchemaError(f"bounds of uncertainty must be above 0, got cv={self.cv!r}, width={self.width!r}.")

    def applies(self, values: Floats, error: Floats) -> Bools:
        """Whether each value is uncertain, given its standard error; unknown errors accuse nobody.

        Parameters
        ----------
        values, error : ndarray of float64, shape (cell,)
            In the same units; NaN where unknown.

        Examples
        --------
        >>> UncertainRule(cv=0.2).applies(np.array([10.0, 10.0, 0.0]), np.array([1.0, 3.0, 0.5])).tolist()
        [False, True, True]
        """
        known = np.isfinite(values) & (error > 0)
        limit = self.cv * np.abs(values) if self.width is None else np.full(len(values), self.width / (2 * Z_95))
        return known & (np.where(known, error, 0.0) > limit)


def standard_error(cells: xr.Dataset, name: str) -> Floats:
    """Standard error of each value of a variable, from what stands beside it, shape (cell,).

    ``NAME_se``, else a quarter of the width of ``NAME_low`` to ``NAME_high`` (95 %, by its 3.92 errors), else the noise
    that the publisher declared (`noise_variance_of`); NaN where nobody says anything.

    Examples
    --------
    >>> from civigrid.cells import make_cells
    >>> from civigrid.grid import SquareGrid
    >>> from civigrid.types import Column
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> one = make_cells(grid, grid.cell_at(np.array([[4321500.0, 3210500.0]])), {"a": [9.0]},
    ...     {"a": Column(noise_variance=4.0)})
    >>> standard_error(one, "a").tolist()
    [2.0]
    """
    known = measured(cells)
    if f"{name}_se" in known:
        return values_of(cells, f"{name}_se")
    if f"{name}_low" in known and f"{name}_high" in known:
        width = values_of(cells, f"{name}_high") - values_of(cells, f"{name}_low")
        return np.where(width >= 0, width / (2 * Z_95), np.nan)
    found: Floats = np.sqrt(noise_variance_of(cells, name))
    return found


def uncertain_of(cells: xr.Dataset, name: str, rule: UncertainRule | None = None) -> Bools:
    """Whether each value of a variable is uncertain, shape (cell,).

    Parameters
    ----------
    cells : xarray.Dataset
        Cells, with what tells of errors beside the variable (`standard_error`).
    name : str
        The variable.
    rule : UncertainRule, optional
        By default a coefficient of variation above a third.
    """
    return (rule or UncertainRule()).applies(values_of(cells, name), standard_error(cells, name))
