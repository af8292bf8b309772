"""How few people an access value rests on: what is shared out among few tells how many they are."""

from __future__ import annotations

import numpy as np

from civigrid.kernels.catchment import to_sites
from civigrid.layers.access.market import Market
from civigrid.types import Floats


def fewest_sharing(town: Market) -> Floats:
    """Fewest persons who share any of the sites that a cell reaches.

    A measure that shares supply out rests on sums over the people around each site.  Where a site is reached from one
    small cell alone, the ratio at the site gives that cell's count away, in every cell that reaches it.

    Parameters
    ----------
    town : Market
        Any.

    Returns
    -------
    ndarray of float64, shape (cell, service)
        Persons, unweighted, of all groups; infinity where a cell reaches no site that anyone else's count stands
        behind.

    Examples
    --------
    >>> from civigrid.layers.access.examples import two_cells
    >>> fewest_sharing(two_cells()).ravel().tolist()
    [40.0, 30.0]
    """
    persons = np.zeros((len(town.cell_id), 1))
    for g in range(len(town.groups)):
        persons[:, 0] += town.demand[:, g]
    around = np.zeros(len(town.site_id))
    for only in town.modes.values():
        used = only.pairs._replace(weight=(only.pairs.weight > 0).astype(np.float64))
        around = np.maximum(around, to_sites(used, persons)[:, 0])
    fewest = np.full((len(town.cell_id), len(town.services)), np.inf)
    for only in town.modes.values():
        site, rows = only.pairs.site, np.repeat(np.arange(len(town.cell_id)), np.diff(only.pairs.indptr))
        for s in range(len(town.services)):
            near = (only.pairs.weight > 0) & town.offers[site, s] & (around[site] > 0)
            np.minimum.at(fewest[:, s], rows[near], around[site[near]])
    return fewest
