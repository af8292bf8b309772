"""From the areas of one year to those of another: exact pieces, weighed on the grid, with the range over weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy import sparse

from civigrid.errors import GridMismatchError, SchemaError, first_few
from civigrid.grid import Grid
from civigrid.kernels.aggregate import Pairs, sum_with_status
from civigrid.kernels.group import group_sum, largest
from civigrid.project.geometry import equal_area_plane, polygonal, to_plane
from civigrid.project.ledger import Entry, check_ledger
from civigrid.project.methods import Layer
from civigrid.project.polygons import polygon_crosswalk
from civigrid.project.spread import codes_of_parts
from civigrid.source import Source
from civigrid.types import Bools, Floats, Ints, Labels, Status, Statuses

SLIVER = 0.01
"""An overlap below this share of both areas is two drawings of one border, not a change."""


@dataclass(frozen=True, eq=False, kw_only=True)
class VintageCrosswalk:
    """Which share of each old area lies in which new one, under every choice of weights.

    Parameters
    ----------
    old_id, new_id : ndarray of str, shape (old,), (new,)
        Areas of the two vintages.
    old, new : ndarray of int64, shape (pair,)
        Rows of the areas that share land, ordered by old, then new.
    shares : mapping of str to ndarray of float64, shape (pair,)
        Share of the old area's people in the new area, by the name of the weights; the first is the one used.
    area_m2 : ndarray of float64, shape (pair,)
        Land that the two share.
    outside : ndarray of float64, shape (old,)
        Share of each old area that lies in no new area; 0 where it is only a sliver.
    sliver_m2 : float
        Land in overlaps that were taken for two drawings of one border.
    grid : Grid
        Where the weights lie.
    """

    old_id: Labels
    new_id: Labels
    old: Ints
    new: Ints
    shares: Mapping[str, Floats]
    area_m2: Floats
    outside: Floats
    sliver_m2: float
    grid: Grid

    @property
    def weights(self) -> str:
        """Name of the weights that are used."""
        return next(iter(self.shares))

    @property
    def share(self) -> Floats:
        """Share by pair under the weights that are used."""
        return self.shares[self.weights]

    @property
    def unchanged(self) -> Bools:
        """Whether each pair is one area that stayed as it was, shape (pair,)."""
        alone_old = np.bincount(self.old, minlength=len(self.old_id))[self.old] == 1
        alone_new = np.bincount(self.new, minlength=len(self.new_id))[self.new] == 1
        same: Bools = alone_old & alone_new & (self.outside[self.old] == 0)
        return same

    def table(self) -> pd.DataFrame:
        """Give the crosswalk as a table: old, new, share, its range over the weights, land, and what happened."""
        every = np.stack(list(self.shares.values()))
        splits = np.bincount(self.old, minlength=len(self.old_id))[self.old] > 1
        joins = np.bincount(self.new, minlength=len(self.new_id))[self.new] > 1
        what = np.select(
            [self.unchanged, splits & joins, splits, joins], ["unchanged", "redrawn", "split", "merged"], "cut off"
        )
        return pd.DataFrame(
            {
                "old": self.old_id[self.old],
                "new": self.new_id[self.new],
                "share": self.share,
                "low": every.min(axis=0),
                "high": every.max(axis=0),
                "area_m2": self.area_m2,
                "what": what,
            }
        )

    def matrix(self, weights: str = "") -> sparse.csr_array:
        """Give the shares as a matrix, shape (old, new)."""
        shape = (len(self.old_id), len(self.new_id))
        return sparse.csr_array(
            sparse.coo_array((self.shares[weights or self.weights], (self.old, self.new)), shape=shape)
        )

    def reassigned(self, counts: Floats) -> dict[str, float]:
        """Persons who do not go where most of their old area goes, by the name of the weights.

        Parameters
        ----------
        counts : ndarray of float64, shape (old,)
            Persons; NaN is left out.
        """
        known = np.nan_to_num(counts)
        n = len(self.old_id)
        return {
            name: float(np.sum(known * (group_sum(self.old, s, n) - largest(self.old, s, n))))
            for name, s in self.shares.items()
        }


def vintage_crosswalk(
    old: gpd.GeoSeries,
    new: gpd.GeoSeries,
    grid: Grid,
    *,
    weights: Mapping[str, Sequence[Layer]] | None = None,
    sliver: float = SLIVER,
) -> VintageCrosswalk:
    r"""Find which share of each old area's people lives in which new area.

    The two zonings are cut into their common pieces, each piece is laid on the grid, and its share of the old area is
    that of the people the weights place in it.

    Parameters
    ----------
    old, new : geopandas.GeoSeries
        Polygons of the two vintages, with a CRS; the index holds the ids.
    grid : Grid
        Square or H3 grid of the weights.
    weights : mapping of str to sequence of Layer, optional
        Choices of weights, the first of which is used; each is a chain as in `dasymetric`, asked by old area, at last
        of area.  By default, and always at the end, ``"area"``.
    sliver : float
        An overlap below this share of both areas is no change.  Two drawings of one border differ by some metres.

    Returns
    -------
    VintageCrosswalk
        An area that did not change has the one share 1, exactly: nothing leaks through cells on its border.

    Raises
    ------
    SchemaError
        Ids that repeat, or no land in common.

    Notes
    -----
    The Joint Research Centre publishes such flows for NUTS regions under six choices of weights; any polygons do here.

    Examples
    --------
    >>> from civigrid.grid import SquareGrid
    >>> half, whole = (shapely.box(4_000_000, 3_000_000, east, 3_002_000) for east in (4_001_000, 4_002_000))
    >>> old = gpd.GeoSeries([whole], ["A"], crs="EPSG:3035")
    >>> new = gpd.GeoSeries([half, whole - half], ["A1", "A2"], crs="EPSG:3035")
    >>> vintage_crosswalk(old, new, SquareGrid(cell_size_m=1000)).table()[["old", "new", "share", "what"]]
      old new  share   what
    0   A  A1    0.5  split
    1   A  A2    0.5  split
    """
    for name, shapes in (("old", old), ("new", new)):
        if (twice := shapes.index[shapes.index.duplicated()]).size:
            raise SchemaError(
                f"{twice.size} ids of the {name} areas repeat (first: {first_few(twice)}). Dissolve them."
            )
    crs = getattr(grid, "crs", "EPSG:4326")
    plane = crs if crs != "EPSG:4326" else equal_area_plane(old)
    first, second = to_plane(old, plane), to_plane(new, plane)
    at_old, at_new, pieces, noise = _pieces(first, second, sliver)
    if not len(pieces):
        raise SchemaError("the two vintages share no land. Are they of one place, and in the right CRS?")
    chains = {**(weights or {}), "area": ()}
    land = shapely.area(pieces.to_numpy())
    areas = polygon_crosswalk(pieces, grid)
    n = len(old)
    shares, outside = {}, _outside(first, at_old, land, noise, sliver)
    for name, layers in chains.items():
        measure = land.copy()
        undecided = np.ones(n, dtype=bool)
        for layer in layers:
            density = np.divide(layer.on(areas), areas.cell_measure)
            found = np.asarray(areas.measure @ density).ravel()
            here = undecided & (group_sum(at_old, found, n) > 0)
            measure = np.where(here[at_old], found, measure)
            undecided &= ~here
        shares[name] = measure / group_sum(at_old, measure, n)[at_old] * (1 - outside)[at_old]
    return VintageCrosswalk(
        old_id=old.index.astype(str).to_numpy(dtype=object),
        new_id=new.index.astype(str).to_numpy(dtype=object),
        old=at_old,
        new=at_new,
        shares=shares,
        area_m2=land,
        outside=outside,
        sliver_m2=float(noise.sum()),
        grid=grid,
    )


def with_records(
    crosswalk: VintageCrosswalk, old: Sequence[str], new: Sequence[str], *, name: str = "addresses"
) -> VintageCrosswalk:
    """Weigh by records that know both areas, as addresses do: no coordinates are needed.

    Parameters
    ----------
    crosswalk : VintageCrosswalk
        From the polygons of both zonings.
    old, new : sequence of str, shape (record,)
        Area of each record in either zoning.
    name : str
        Name of the weights; they become the ones that are used.

    Returns
    -------
    VintageCrosswalk
        Shares of the records of each old area; an old area without a record keeps the share it had.  Pairs that only
        records know (an address across a border that was drawn wrongly) have no land.

    Raises
    ------
    SchemaError
        Ids that neither zoning has.
    """
    places = []
    for text, ids, given in (("old", crosswalk.old_id, old), ("new", crosswalk.new_id, new)):
        at = pd.Index(ids).get_indexer(pd.Index([str(v) for v in given]))
        if (strange := np.flatnonzero(at < 0)).size:
            some = first_few(dict.fromkeys(str(given[int(k)]) for k in strange))
            raise SchemaError(
                f"{strange.size} of {len(at)} records lie in {text} areas that are not there (first: {some}). "
                "Drop them first, or take the zoning they belong to."
            )
        places.append(at.astype(np.int64))
    n, m = len(crosswalk.old_id), len(crosswalk.new_id)
    key, count = np.unique(places[0] * m + places[1], return_counts=True)
    known = crosswalk.old * m + crosswalk.new
    every = np.union1d(key, known)
    at = np.searchsorted(every, known)
    pair_old, pair_new = np.divmod(every, m)
    records = np.zeros(len(every))
    records[np.searchsorted(every, key)] = count
    total = group_sum(pair_old, records, n)[pair_old]
    shares = {k: _at(every, at, s) for k, s in crosswalk.shares.items()}
    base = shares[crosswalk.weights]
    inside = 1 - crosswalk.outside[pair_old]
    weighed = np.where(total > 0, records / np.maximum(total, 1) * inside, base)
    return replace(
        crosswalk,
        old=pair_old,
        new=pair_new,
        shares={name: weighed, **shares},
        area_m2=_at(every, at, crosswalk.area_m2),
    )


def _at(every: Ints, at: Ints, values: Floats) -> Floats:
    whole = np.zeros(len(every))
    whole[at] = values
    return whole


def _pieces(first: gpd.GeoSeries, second: gpd.GeoSeries, sliver: float) -> tuple[Ints, Ints, gpd.GeoSeries, Floats]:
    """Common pieces of two zonings, and by old area the land in slivers that were left out."""
    ours, theirs = first.to_numpy(), second.to_numpy()
    at_old, at_new = shapely.STRtree(theirs).query(ours, predicate="intersects")
    shapes = shapely.intersection(ours[at_old], theirs[at_new])
    land = shapely.area(shapes)
    whole_old, whole_new = shapely.area(ours)[at_old], shapely.area(theirs)[at_new]
    real = (land > 0) & ((land >= sliver * whole_old) | (land >= sliver * whole_new))
    noise = group_sum(at_old[~real], land[~real], len(ours))
    order = np.lexsort((at_new[real], at_old[real]))
    pieces = gpd.GeoSeries([polygonal(s) for s in shapes[real][order]], crs=first.crs)
    return at_old[real][order].astype(np.int64), at_new[real][order].astype(np.int64), pieces, noise


def _outside(first: gpd.GeoSeries, at_old: Ints, land: Floats, noise: Floats, sliver: float) -> Floats:
    """Share of each old area in no new area; a sliver of it is none."""
    whole = shapely.area(first.to_numpy())
    covered = group_sum(at_old, land, len(whole)) + noise
    share = np.divide(whole - covered, whole, out=np.zeros(len(whole)), where=whole > 0)
    lost = group_sum(at_old, land, len(whole)) == 0
    return np.where(lost, 1.0, np.where(share >= sliver, share, 0.0))


def to_vintage(source: Source, crosswalk: VintageCrosswalk, geometry: gpd.GeoSeries, *, vintage: str = "") -> tuple[
    Source, pd.DataFrame, tuple[Entry, ...]
]:  # fmt: skip
    """Give the counts of a source by the areas of another vintage.

    Parameters
    ----------
    source : Source
        Counts by old area, in the order of `crosswalk`.
    crosswalk : VintageCrosswalk
        Made for these areas.
    geometry : geopandas.GeoSeries
        Polygons of the new areas.
    vintage : str
        Name of the new vintage.

    Returns
    -------
    tuple of Source, pandas.DataFrame and tuple of Entry
        Counts by new area, ``IMPUTED`` where an old area was split and ``PARTIAL`` where one is missing; their range
        over the choices of weights (columns ``NAME_low``, ``NAME_high``); the ledger.
    """
    if source.table.index.astype(str).tolist() != crosswalk.old_id.tolist():
        raise SchemaError(f"this crosswalk was not made for the areas of {source.name!r}: ids differ.")
    if geometry.index.astype(str).tolist() != crosswalk.new_id.tolist():
        raise GridMismatchError("these polygons are not the new areas of this crosswalk: ids differ.")
    index = pd.Index(crosswalk.new_id)
    table, bounds, status, ledger = pd.DataFrame(index=index), pd.DataFrame(index=index), {}, []
    names = [n for n in source.columns if source.columns[n].kind == "extensive"]
    for name in names:
        counts = source.table[name].to_numpy(dtype=np.float64)
        codes = source.status.get(name, np.zeros(len(counts), dtype=np.uint8))
        every = [np.asarray(crosswalk.matrix(w).T @ np.nan_to_num(counts)) for w in crosswalk.shares]
        status[name] = _status(crosswalk, counts, codes)
        gone = np.isin(status[name], (Status.CONFIDENTIAL, Status.UNAVAILABLE, Status.SUPPRESSED))
        table[name] = np.where(gone, np.nan, every[0])
        # what a missing area holds has no upper bound; a new area that took from none has no bound at all
        unknown = group_sum(crosswalk.new, np.isnan(counts)[crosswalk.old] & (crosswalk.share > 0), len(gone)) > 0
        none = np.bincount(crosswalk.new, minlength=len(gone)) == 0
        bounds[f"{name}_low"] = np.where(none, np.nan, np.min(every, axis=0))
        bounds[f"{name}_high"] = np.where(none, np.nan, np.where(unknown, np.inf, np.max(every, axis=0)))
        ledger.append(_entry(source, name, counts, float(every[0].sum()), crosswalk))
    moved = replace(
        source,
        table=table,
        columns={n: source.columns[n] for n in names},
        geometry=geometry,
        status=status,
        vintage=vintage,
    )
    return moved, bounds, check_ledger(ledger)


def _status(crosswalk: VintageCrosswalk, counts: Floats, codes: Statuses) -> Statuses:
    """Status by new area: that of a sum of its parts, of which the share of a split area was not counted there."""
    n = len(crosswalk.new_id)
    pairs = Pairs(crosswalk.new, n, crosswalk.old, crosswalk.share)
    status = sum_with_status(pairs, counts, codes_of_parts(pairs, counts, codes)).status.copy()
    # a new area that took nothing from any old one was never counted
    status[np.bincount(crosswalk.new, minlength=n) == 0] = Status.UNAVAILABLE
    return status


def _entry(source: Source, name: str, counts: Floats, placed: float, crosswalk: VintageCrosswalk) -> Entry:
    known = np.nan_to_num(counts)
    unplaced = float(source.unplaced.get(name, 0.0))
    return Entry(
        source=source.name,
        variable=name,
        total=float(known.sum()) + unplaced,
        placed=placed,
        outside=float(np.sum(known * crosswalk.outside)),
        unplaceable=unplaced,
        missing_units=int(np.isnan(counts).sum()),
        method=f"to another vintage, by {crosswalk.weights}",
    )
