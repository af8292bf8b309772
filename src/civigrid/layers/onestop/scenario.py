"""A base and edits: evaluated anew only where something changed, and compared with the same people in both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from civigrid.engine import Scheduler
from civigrid.errors import SchemaError
from civigrid.layers.onestop.edits import Edit, Move, apply_edits, in_order
from civigrid.layers.onestop.evaluation import Evaluation, evaluate
from civigrid.layers.onestop.services import Services
from civigrid.layers.onestop.town import Town
from civigrid.travel_times import TravelTimes, times_of_pairs

TimesTo = Callable[[float, float], tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]]]
"""Rows of the cells that reach a longitude and latitude within the bound, and seconds from each."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Scenario:
    """What is, and what if.

    Parameters
    ----------
    town : Town
        People, times and needs.
    services : Services
        What is offered today.
    edits : tuple of Edit
        What changes; their order means nothing.
    times_to : callable, optional
        Travel times to a new place: `Move` needs them.
    line : TravelTimes, optional
        Travel times with a line more (or less): of the same cells and sites, with the same bound.
    """

    town: Town
    services: Services
    edits: tuple[Edit, ...] = ()
    times_to: TimesTo | None = None
    line: TravelTimes | None = None

    def with_edits(self, *edits: Edit) -> Scenario:
        """Give the scenario with more edits."""
        return replace(self, edits=in_order((*self.edits, *edits)))

    def without(self, *edits: Edit) -> Scenario:
        """Give the scenario without some of its edits: they are undone."""
        if absent := [str(e) for e in edits if e not in self.edits]:
            raise SchemaError(f"{', '.join(absent)}: no such edit was made, so it cannot be undone.")
        return replace(self, edits=tuple(e for e in self.edits if e not in edits))

    def layout(self) -> tuple[Town, Services]:
        """Give town and services with all edits made.

        Raises
        ------
        SchemaError
            A site moves and nobody gives travel times to its new place, or `line` is of other cells or sites.
        """
        times = self.town.times
        if self.line is not None:
            times = _fitting(self.line, times)
        for edit in in_order(self.edits):
            if isinstance(edit, Move):
                if self.times_to is None:
                    raise SchemaError(f"{edit}: give times_to, the travel times to a new place.")
                j = self.town.site(edit.site)
                times = with_column(times, j, *self.times_to(edit.longitude, edit.latitude))
        town = self.town if times is self.town.times else replace(self.town, times=times)
        return town, apply_edits(self.services, self.edits, self.town.site, self.town.bundle.kinds)


def evaluate_scenario(
    scenario: Scenario, *, before: Evaluation | None = None, scheduler: Scheduler | None = None
) -> Evaluation:
    """Judge a scenario; with `before` only the cells that reach a site that differs, to the last bit the same."""
    return evaluate(*scenario.layout(), before=before, scheduler=scheduler)


def with_column(
    times: TravelTimes, j: int, row: npt.NDArray[np.integer], seconds: npt.NDArray[np.integer]
) -> TravelTimes:
    """Replace the times to one site: from cells `row`, in `seconds`; other cells do not reach it.

    >>> ids = np.array([5, 9], dtype=np.uint64)
    >>> made = times_of_pairs(ids, np.array(["a"]), np.array([0]), np.array([0]), np.array([50]), limit_s=90, mode="")
    >>> with_column(made, 0, np.array([1]), np.array([70])).indptr
    array([0, 0, 1])
    """
    keep = times.site != j
    new = np.full(len(row), j)
    return times_of_pairs(
        times.cell_id,
        times.site_id,
        np.concatenate([times.rows()[keep], row]),
        np.concatenate([times.site[keep], new]),
        np.concatenate([times.seconds[keep], seconds]),
        limit_s=times.limit_s,
        mode=times.mode,
    )


def _fitting(line: TravelTimes, times: TravelTimes) -> TravelTimes:
    same = np.array_equal(line.cell_id, times.cell_id) and np.array_equal(line.site_id, times.site_id)
    if not same or line.limit_s != times.limit_s:
        raise SchemaError(
            "the times with another line are of other cells or sites, or searched to another bound. Compute them from "
            "the same cells to the same sites, in the same order, with the same bound."
        )
    return line
