"""Segregation, as researchers call it: cells in, `Results` out, each a value that prints, goes out tidy, and cites.

>>> import numpy as np
>>> from civigrid import segregation
>>> from civigrid.cells import make_cells
>>> from civigrid.grid import SquareGrid
>>> from civigrid.types import Column
>>> grid = SquareGrid(cell_size_m=1000)
>>> ids = grid.from_row_col(np.array([3000, 3000]), np.array([4000, 4001]))
>>> cells = make_cells(grid, ids, {"a": [10.0, 40.0], "b": [90.0, 60.0]}, {"a": Column(), "b": Column()})
>>> found = segregation.indices(cells, ["a", "b"], indices=["D"])
>>> print(found[0])
D = 0.4000; by chance 0.0648, corrected 0.3955; 95 % interval 0.2567 to 0.5330 (a; 200 persons, 2 cells)

Every function of tables takes what the function of `civigrid.layers.segregation` takes that it is named after.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, cleandoc, signature
from typing import Any, ParamSpec

import pandas as pd
import xarray as xr

from civigrid.errors import SchemaError
from civigrid.layers import segregation as layer
from civigrid.layers.segregation import (
    INDICES,
    PATTERNS,
    Kernel,
    Result,
    Results,
    check_reference,
    difference_cells,
    local_cells,
    maup_cells,
    nearest_cells,
    permutation_test,
    reference_cells,
    scale_cells,
    segregation_cells,
    trajectory_cells,
)

P = ParamSpec("P")


def _valued(table: Callable[P, pd.DataFrame]) -> Callable[..., Results]:
    """Give a function of tables as one of results, which asks for a reference where groups change at a border."""

    @wraps(table)
    def found(*given: Any, reference: str = "", **options: Any) -> Results:
        cells = given[0] if given else options.get("cells")
        if isinstance(cells, xr.Dataset) and table.__name__ != "reference_table":
            groups = given[1] if len(given) > 1 else options.get("groups", ())
            zone = options.get("zone", "")
            if reference == "country":
                raise SchemaError("indices compare with the whole: take segregation.reference() for the own country.")
            if not isinstance(groups, xr.Dataset) and "country" in cells:
                check_reference(cells, groups, zone=zone, reference="whole" if reference == "whole" else "")
        elif table.__name__ == "reference_table" and reference:
            options["reference"] = reference
        return Results(table(*given, **options))

    asked = signature(table)
    more = Parameter("reference", Parameter.KEYWORD_ONLY, default="", annotation="str")
    kept = [p for p in asked.parameters.values() if p.name != "reference"]
    found.__signature__ = asked.replace(parameters=[*kept, more], return_annotation="Results")  # type: ignore[attr-defined]
    found.__doc__ = f"Give as `Results` what `{table.__name__}` gives as a table.\n\n{_without_example(table)}"
    return found


def _without_example(table: Callable[..., pd.DataFrame]) -> str:
    """Docstring of a function of tables, without what is true of tables alone."""
    return cleandoc(table.__doc__ or "").partition("\nExamples\n")[0].rstrip()


indices = _valued(layer.segregation_table)
units = _valued(layer.composition_table)
neighbourhoods = _valued(layer.spatial_table)
profile = _valued(layer.profile_table)
nearest = _valued(layer.nearest_table)
pattern = _valued(layer.pattern_table)
distortion = _valued(layer.trajectory_table)
scales = _valued(layer.scale_table)
levels = _valued(layer.level_table)
within = _valued(layer.within_table)
differences = _valued(layer.difference_table)
cities = _valued(layer.city_difference_table)
compare = _valued(layer.comparison_table)
bounds = _valued(layer.bounds_table)
reference = _valued(layer.reference_table)
maup = _valued(layer.maup_table)

__all__ = [
    "INDICES", "PATTERNS", "Kernel", "Result", "Results", "bounds", "cities", "compare", "difference_cells",
    "differences", "distortion", "indices", "levels", "local_cells", "maup", "maup_cells", "nearest", "nearest_cells",
    "neighbourhoods", "pattern", "permutation_test", "profile", "reference", "reference_cells", "scale_cells",
    "scales", "segregation_cells", "trajectory_cells", "units", "within",
]  # fmt: skip
