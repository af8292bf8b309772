"""Every family of indices on cells: the same question to shares, pattern, neighbourhoods and scales.

A family is one entry in `FAMILIES`; the command line and the run file ask all of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pandas as pd

from civigrid.errors import SchemaError
from civigrid.kernels.convolution import DECAYING, Kernel
from civigrid.layers.segregation.neighbourhoods.nearest_table import nearest_table
from civigrid.layers.segregation.neighbourhoods.permuted import permutation_tests
from civigrid.layers.segregation.neighbourhoods.profile import profile_table
from civigrid.layers.segregation.neighbourhoods.spatial import SPATIAL, SpatialOptions
from civigrid.layers.segregation.neighbourhoods.trajectories import trajectory_table
from civigrid.layers.segregation.neighbourhoods.trajectory_paths import EXACT_UP_TO, TrajectoryOptions
from civigrid.layers.segregation.pattern.table import pattern_table
from civigrid.layers.segregation.reference import Reference
from civigrid.layers.segregation.scales.table import level_table, scale_table
from civigrid.layers.segregation.table import segregation_table
from civigrid.result_table import result_table
from civigrid.run import config
from civigrid.run.segregation.limits import MOST_DRAWS, MOST_PERMUTATIONS, check_draws, check_seed
from civigrid.run.segregation.names import NEED_DECAY, Names, index_names, refuse_few_groups
from civigrid.run.segregation.people import People
from civigrid.run.segregation.permutations import with_p
from civigrid.run.segregation.reference import by_reference, country_table, refuse_neighbours, spanning_areas

Announce = Callable[[str], None]
SCALES = 40
"""Numbers of nearest persons at which surroundings are followed where there are too many cells for every ring."""
CUT_AT = {"gaussian": 3.0, "exponential": 7.0}
"""Decay lengths at which kernels without an end are cut: the radius is given, the decay length follows."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is wanted of cells beside the groups.

    Parameters
    ----------
    indices : tuple of str
        Names of indices, or words for several; empty: the default.
    radii_m : tuple of float
        Radii of neighbourhoods, metres.
    kernel : str
        Shape of neighbourhoods; of ``gaussian`` the radius is 3 decay lengths, of ``exponential`` 7.
    k : tuple of int
        Numbers of nearest persons.
    scales_m : tuple of int
        Sizes of nested squares to decompose over, metres; () with `pyramid`: as `scale_table` chooses.
    pyramid : bool
        Decompose over nested cells.
    levels : tuple of str
        Labels to decompose over, from the smallest areas to the largest.
    hierarchy : mapping of str to tuple of str
        Supergroups and their groups: every term of a decomposition is split once more.
    decay_m : float or None
        Distance over which nearness falls to 1/e, for clustering.
    noise_variance : float or None
        Variance of the publisher's noise in each count, persons2.
    bootstrap, seed : int
        Cities drawn for intervals of compositions, 0: by derivatives; and the seed.
    bounds : float or None
        Most persons that a hidden count can be: indices are bounded, not estimated.
    permutations : int
        Random allocations from which each index of the whole, of cells and of radii, has a *p*; 0: none.
    distortion : bool
        Divergence of all scales together, and where it ends.
    reference : {"", "country", "whole"}
        What groups that are relative to a country are compared with in an area of several.
    """

    indices: tuple[str, ...] = ()
    radii_m: tuple[float, ...] = ()
    kernel: str = "biweight"
    k: tuple[int, ...] = ()
    scales_m: tuple[int, ...] = ()
    pyramid: bool = False
    levels: tuple[str, ...] = ()
    hierarchy: Mapping[str, Sequence[str]] = field(default_factory=dict)
    decay_m: float | None = None
    noise_variance: float | None = None
    bootstrap: int = 0
    seed: int = 0
    bounds: float | None = None
    permutations: int = 0
    distortion: bool = False
    reference: Reference = ""

    @property
    def interval(self) -> dict[str, Any]:
        """How intervals of compositions are found."""
        if not self.bootstrap:
            return {}
        return {"interval": "bootstrap", "draws": self.bootstrap, "seed": self.seed}

    @property
    def bounded(self) -> tuple[str, ...]:
        """Indices to bound: those asked for, or all that are usual and can be."""
        return self.names.of_shares if self.indices else ("D", "H", "isolation")

    @property
    def names(self) -> Names:
        """Indices by name, checked."""
        return index_names(self.indices)

    @property
    def neighbourhoods(self) -> tuple[str, ...]:
        """Options of neighbourhoods that are asked for."""
        return tuple(option for option, given in (("--radii", self.radii_m), ("--k", self.k)) if given)

    @property
    def needs_places(self) -> tuple[str, ...]:
        """What of this asks where units lie."""
        asked = {
            "--radii": self.radii_m,
            "--k": self.k,
            "--scales": self.scales_m or self.pyramid,
            "--levels": self.levels,
            "--distortion": self.distortion,
        }
        return (*self.names.of_pattern, *(option for option, given in asked.items() if given))


def wanted_of(item: config.Segregation) -> Wanted:
    """What a table of the run file wants of its cells."""
    return Wanted(
        indices=() if item.indices == ("default",) else item.indices,
        radii_m=item.radii_m,
        kernel=item.kernel,
        k=item.k,
        scales_m=item.scales_m,
        levels=item.levels,
        hierarchy=item.hierarchy,
        decay_m=item.decay_m or None,
        permutations=item.permutations,
        seed=item.seed,
        distortion=item.distortion,
        reference=item.reference,
    )


def check_k(k: Sequence[int]) -> None:
    """Refuse numbers of persons that are none, or twice."""
    if bad := [n for n in k if n < 1]:
        raise SchemaError(f"k is {bad[0]}: the nearest persons are at least one.")
    if len(set(k)) < len(k):
        raise SchemaError(f"a k is named twice: {', '.join(map(str, k))}.")


def check_scales(scales_m: Sequence[int]) -> None:
    """Refuse squares that do not nest, whatever the cells."""
    if bad := [s for s in scales_m if s <= 0]:
        raise SchemaError(f"{bad[0]} m is no size of a square.")
    for small, large in pairwise(scales_m):
        if large <= small or large % small:
            raise SchemaError(
                f"squares of {large} m do not hold whole squares of {small} m: terms would not add up. Give sizes from "
                "small to large, each a multiple of the one before."
            )


def check_permutations(draws: int) -> None:
    """Refuse a number of draws below 0, or too large to be of use."""
    check_draws("permutations", draws, MOST_PERMUTATIONS)


def check_wanted(wanted: Wanted) -> None:
    """Refuse what cannot be computed, before anything is read.

    Raises
    ------
    UnknownNameError, SchemaError
        An unknown index or kernel, a radius below 0 or twice, clustering without its decay length.
    """
    kernels_of(wanted)
    check_k(wanted.k)
    check_scales(wanted.scales_m)
    need = [name for name in wanted.names.of_pattern if name in NEED_DECAY]
    if need and wanted.decay_m is None:
        raise SchemaError(f"{', '.join(need)} need the distance over which nearness falls to 1/e (decay_m, --decay).")
    if wanted.hierarchy and not (wanted.scales_m or wanted.pyramid or wanted.levels):
        raise SchemaError("a hierarchy of groups splits the terms of a decomposition: name scales or levels too.")
    if wanted.bounds is not None and not wanted.bounds >= 1:
        raise SchemaError(f"bounds is {wanted.bounds}: the most a hidden count can be is at least 1.")
    if wanted.bounds is not None and wanted.needs_places:
        raise SchemaError(f"{', '.join(wanted.needs_places)} cannot be bounded: ask for indices of compositions alone.")
    check_permutations(wanted.permutations)
    check_draws("bootstrap", wanted.bootstrap, MOST_DRAWS)
    check_seed(wanted.seed)
    if wanted.reference not in ("", "country", "whole"):
        raise SchemaError(f"reference is {wanted.reference!r}: declare 'whole' or 'country'.")
    if wanted.decay_m is not None and not wanted.decay_m > 0:
        raise SchemaError(f"decay_m is {wanted.decay_m}: a decay length is above 0, metres.")


def kernels_of(wanted: Wanted) -> list[Kernel]:
    """Give the kernel of each radius, which is asked for once."""
    shape = wanted.kernel
    kernels = [Kernel(shape, r, r / CUT_AT[shape] if shape in DECAYING else None) for r in wanted.radii_m or (1.0,)]
    if len(set(kernels)) < len(kernels):
        raise SchemaError(f"a radius is named twice: {', '.join(f'{r:g}' for r in wanted.radii_m)}.")
    return kernels if wanted.radii_m else []


def _shares(people: People, wanted: Wanted) -> pd.DataFrame | None:
    names = wanted.names.of_shares
    if not names:
        return None
    table = segregation_table(
        people.cells,
        people.groups,
        **people.asked,
        indices=names,
        noise_variance=wanted.noise_variance,
        **wanted.interval,
        **people.options,
    )
    return _tested(table, people, wanted, names, None)


def _tested(
    table: pd.DataFrame, people: People, wanted: Wanted, names: Sequence[str], kernel: Kernel | None
) -> pd.DataFrame:
    if not (wanted.permutations and len(table)):
        return table
    found = permutation_tests(
        people.cells,
        people.groups,
        kernel,
        names,
        total=people.total,
        draws=wanted.permutations,
        seed=wanted.seed,
        scheduler=people.options.get("scheduler"),
    )
    return with_p(table, found, wanted.permutations, wanted.seed)


def _pattern(people: People, wanted: Wanted) -> pd.DataFrame | None:
    names = wanted.names.of_pattern
    if not names:
        return None
    return pattern_table(
        people.cells,
        people.groups,
        **people.asked,
        indices=names,
        decay_m=wanted.decay_m,
        noise_variance=wanted.noise_variance,
    )


def _radii(people: People, wanted: Wanted) -> pd.DataFrame | None:
    if not wanted.radii_m:
        return None
    options = SpatialOptions(noise_variance=wanted.noise_variance, scheduler=people.options.get("scheduler"))
    names = (wanted.names.of_shares if wanted.indices else ()) or SPATIAL
    kernels = kernels_of(wanted)
    table = profile_table(people.cells, people.groups, kernels, **people.asked, indices=names, options=options)
    if not wanted.permutations:
        return table
    radius = [json.loads(text).get("radius_m") for text in table["parameters"]]
    at = pd.Series(radius, index=table.index, dtype=float)
    parts = [_tested(table[at == kernel.radius_m], people, wanted, names, kernel) for kernel in kernels]
    return pd.concat([*parts, table[at.isna()]], ignore_index=True)


def _nearest(people: People, wanted: Wanted) -> pd.DataFrame | None:
    if not wanted.k:
        return None
    options = SpatialOptions(noise_variance=wanted.noise_variance, scheduler=people.options.get("scheduler"))
    names = wanted.names.of_shares if wanted.indices else SPATIAL
    return nearest_table(
        people.cells, people.groups, wanted.k, **people.asked, indices=names or SPATIAL, options=options
    )


def _scales(people: People, wanted: Wanted) -> pd.DataFrame | None:
    if not (wanted.scales_m or wanted.pyramid):
        return None
    return scale_table(
        people.cells,
        people.groups,
        **people.asked,
        levels_m=wanted.scales_m or None,
        hierarchy=wanted.hierarchy or None,
        noise_variance=wanted.noise_variance,
    )


def _levels(people: People, wanted: Wanted) -> pd.DataFrame | None:
    if not wanted.levels:
        return None
    return level_table(
        people.cells,
        people.groups,
        wanted.levels,
        **people.asked,
        hierarchy=wanted.hierarchy or None,
        noise_variance=wanted.noise_variance,
    )


def _distortion(people: People, wanted: Wanted) -> pd.DataFrame | None:
    if not wanted.distortion:
        return None
    options = TrajectoryOptions(
        reference="country" if wanted.reference == "country" else "",
        # every ring of every cell takes the square of their number
        scales=0 if people.cells.sizes["cell"] <= EXACT_UP_TO else SCALES,
        scheduler=people.options.get("scheduler"),
    )
    return trajectory_table(people.cells, people.groups, total=people.total, options=options)


FAMILIES: tuple[tuple[str, Callable[[People, Wanted], pd.DataFrame | None]], ...] = (
    ("compositions of cells", _shares),
    ("pattern", _pattern),
    ("neighbourhoods by radius", _radii),
    ("nearest persons", _nearest),
    ("nested scales", _scales),
    ("nested areas", _levels),
    ("surroundings at all scales", _distortion),
)
"""Words for each family, and its table, or None where it was not asked for."""


def draws_text(wanted: Wanted) -> str:
    """Say what takes long."""
    named = (("cities drawn", wanted.bootstrap), ("allocations", wanted.permutations))
    return "".join(f", {n:,} {what}" for what, n in named if n)


def tables_of(people: People, wanted: Wanted, announce: Announce = lambda _: None) -> pd.DataFrame:
    """Give the tables of all families that are asked for, one below the other.

    Raises
    ------
    SchemaError, UnknownNameError
        As each family says.
    """
    refuse_few_groups(people.groups, people.total)
    check_wanted(wanted)
    spanning = spanning_areas(people, wanted.reference)
    if wanted.reference == "country":
        refuse_neighbours(spanning, wanted.neighbourhoods)
    tables = []
    for words, family in FAMILIES:
        announce(f"{words} of {people.cells.sizes['cell']:,} cells{draws_text(wanted)}")
        found = family(people, wanted)
        if found is not None and family is not _distortion:
            found = by_reference(found, spanning, wanted.reference)
        if found is not None and len(found):
            tables.append(found)
    if wanted.reference == "country":
        tables.append(country_table(people))
    return pd.concat(tables, ignore_index=True) if tables else result_table([])
