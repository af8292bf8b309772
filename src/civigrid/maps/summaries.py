"""A map in words: what `civigrid.style.summary` says of each indicator that is drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from civigrid.cells import column_of, status_of, values_of
from civigrid.maps.legend_rows import UNCERTAIN, rough_of
from civigrid.maps.text import Summary, sentences_of
from civigrid.style.summary import summary


def summaries_of(cells: xr.Dataset, names: Sequence[str], *, lang: str = "en") -> tuple[Summary, ...]:
    """Say of each variable what its map shows: range, concentration, who is served worst, what is missing.

    Parameters
    ----------
    cells : xarray.Dataset
        What `CellData` draws.
    names : sequence of str
        Variables, in the order of the page.
    lang : str
        ``"en"`` or ``"de"``.

    Examples
    --------
    >>> from civigrid.cells import make_cells
    >>> from civigrid.grid import SquareGrid
    >>> from civigrid.types import Column
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> ids = grid.from_row_col(np.array([3000, 3000]), np.array([4000, 4001]))
    >>> cells = make_cells(grid, ids, {"n": [5.0, 50.0]}, {"n": Column(long_name="Residents")})
    >>> summaries_of(cells, ["n"])[0].sentences[0]
    'Residents: from 5 to 50 persons per cell in 2 cells; half of the cells lie at 5 or below.'
    """
    found, titles = {}, {}
    for name in dict.fromkeys(names):
        about, values, status = column_of(cells[name]), values_of(cells, name), status_of(cells, name)
        weight = values_of(cells, about.weight) if about.weight and about.weight in cells else None
        doubtful = np.isfinite(values) & (rough_of(cells, name) | np.isin(status, UNCERTAIN))
        found[name] = summary(values, status, about, name=name, weight=weight, uncertain=doubtful, lang=lang)
        titles[name] = about.long_name or name
    return sentences_of(found, titles)
