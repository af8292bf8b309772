"""Claimants of one service with the pairs they may use: rows for measures where people choose a site."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from civigrid.layers.access.market import Market
from civigrid.types import Floats, Ints


class Claimants(NamedTuple):
    """One row for each cell, or for each cell, group and mode where groups have different access.

    `persons` (row,), pairs by row (`indptr` (row + 1,), `site`, `minutes`), and `mode` and `group` of each block of
    cells, in which rows stand.
    """

    persons: Floats
    indptr: Ints
    site: npt.NDArray[np.int32]
    minutes: Floats
    blocks: tuple[tuple[str, int], ...]

    def by_block(self, values: Floats) -> Iterator[tuple[str, int, Floats]]:
        """Values by row as mode, group and values by cell."""
        for (mode, group), part in zip(self.blocks, np.split(values, len(self.blocks)), strict=True):
            yield mode, group, part


def claimants(town: Market, service: int, measure: str) -> Claimants:
    """Collect the claimants of a service; pairs lead to sites that offer it and serve the group."""
    persons, count, site, minutes, blocks = [], [], [], [], []
    for mode, only in town.modes.items():
        if not only.timed:
            town.times(measure)
        claims = town.claims(mode)
        for g in range(claims.shape[2]):
            open_to = town.offers[:, service]
            if town.eligible is not None:
                open_to = open_to & town.eligible[:, service, g]
            keep = open_to[only.times.site]
            upto = np.concatenate([[0], np.cumsum(keep)])
            persons.append(claims[:, service, g])
            count.append(np.diff(upto[only.times.indptr]))
            site.append(only.times.site[keep])
            minutes.append(only.times.seconds[keep] / 60)
            blocks.append((mode, g))
    indptr = np.concatenate([[0], np.cumsum(np.concatenate(count))]).astype(np.int64)
    return Claimants(np.concatenate(persons), indptr, np.concatenate(site), np.concatenate(minutes), tuple(blocks))
