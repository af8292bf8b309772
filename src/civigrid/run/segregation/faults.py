"""What is wrong in the [[segregation]] tables of a run file, told before anything is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from civigrid.errors import CivigridError
from civigrid.kernels.convolution import SHAPES
from civigrid.run import config
from civigrid.run.faults import Fault
from civigrid.run.segregation.names import check_measures, index_names, refuse_few_groups
from civigrid.run.segregation.tables import (
    check_k,
    check_permutations,
    check_scales,
    check_wanted,
    kernels_of,
    wanted_of,
)


def segregation_faults(item: config.Segregation, where: str) -> list[Fault]:
    """Give the faults of one table: groups, indices, neighbourhoods, scales; each with its key.

    Parameters
    ----------
    item : config.Segregation
        The table.
    where : str
        Its place, as ``run.segregation[0]``.
    """
    wanted = wanted_of(item)
    shape = "radii_m" if item.kernel in SHAPES else "kernel"
    checks: tuple[tuple[str, Callable[[], Any]], ...] = (
        ("groups", lambda: refuse_few_groups(item.groups, item.total)),
        ("indices", lambda: index_names(item.indices)),
        (shape, lambda: kernels_of(wanted)),
        ("k", lambda: check_k(item.k)),
        ("scales_m", lambda: check_scales(item.scales_m)),
        ("measures", lambda: check_measures(item.measures)),
        ("permutations", lambda: check_permutations(item.permutations)),
        ("decay_m", lambda: check_wanted(wanted)),
    )
    faults: list[Fault] = []
    for key, check in checks:
        try:
            check()
        except CivigridError as error:
            # one fault is told once, by the first check that meets it
            if str(error) not in [fault.message for fault in faults]:
                value = getattr(item, key)
                faults.append(
                    Fault(f"{where}.{key}", repr(list(value) if isinstance(value, tuple) else value), str(error))
                )
    return faults
