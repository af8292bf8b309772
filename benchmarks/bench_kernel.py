"""Segregation by scale under a kernel: the EU grid at ten radii, and a city beside PySAL's multiscalar profile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.census import census_file
from benchmarks.measure import against, growth, installed, measure, row
from benchmarks.peers import Answer

RADII_M = (500, 1000, 2000, 3000, 4000, 6000, 8000, 12_000, 20_000, 30_000)
GROUPS = ("NAT", "EU_OTH", "OTH")
CITY_M = (2000, 5000, 10_000)
INDICES = ("D_multi", "H_multi", "R", "exposure")


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """The continent beside one transform there and back of its whole array; cities beside the peer, and how both grow.

    The peer weighs neighbourhoods by the persons around and rounds them to whole persons: parity does so too.
    """
    with TemporaryDirectory() as folder:
        path, what = census_file(Path(folder), smallest=smallest)
        seconds, peak, (cells, shape) = measure(profile, str(path), False, repeats=1)
        floor, _, _ = measure(one_transform, shape, repeats=1)
        each = seconds / len(RADII_M) / len(GROUPS) / floor
        text = f"peak {peak:.0f} MB; a group at a radius costs {each:.2f} transforms of the whole array"
        size = f"{what}: {cells:,} cells, {len(RADII_M)} radii to 30 km, {len(GROUPS)} groups"
        yield against("kernel", size, (seconds, peak), "one transform there and back", floor, text)
    points = []
    for side in (15, 22) if smallest else (32, 71):
        seconds, peak, ours = measure(_civigrid, side)
        points.append((side * side, seconds))
        size = f"{side * side:,} cells, {len(CITY_M)} radii"
        if installed("segregation") is None:
            yield row("kernel", size, (seconds, peak), "segregation", None, "peer absent")
            continue
        other, other_peak, theirs = measure(_pysal, side, repeats=1)
        apart = np.abs(np.subtract(ours, theirs)).max()
        text = f"apart by {apart:.1e} with its rounding and weights; peer's peak {other_peak:.0f} MB"
        yield row("kernel", size, (seconds, peak), "segregation", other, text)
    large = 70 if smallest else 700
    seconds, peak, _ = measure(_civigrid, large, repeats=1)
    text = growth([points[-1], (large * large, seconds)])
    yield row("kernel", f"{large * large:,} cells, {len(CITY_M)} radii", (seconds, peak), checked=text)


def profile(path: str, chance: bool) -> Callable[[], Any]:
    """Profile of the census, with or without what chance makes; answers with cells and the shape of their array."""
    from civigrid.cells import grid_of, ids_of
    from civigrid.io.census import read_census_grid
    from civigrid.layers.segregation.neighbourhoods.profile import profile_table
    from civigrid.layers.segregation.neighbourhoods.spatial import SpatialOptions
    from civigrid.project import project_cells

    source, _ = read_census_grid(Path(path))
    cells = project_cells(source).cells[[n for name in GROUPS for n in (name, f"{name}_status")]]
    del source
    row, col = grid_of(cells).row_col(ids_of(cells))
    shape = (int(np.ptp(row)) + 1, int(np.ptp(col)) + 1)
    few = cells.isel(cell=slice(0, 2000))

    def work(some: Any) -> Any:
        return profile_table(
            some, GROUPS, RADII_M, indices=INDICES, chance=chance, options=SpatialOptions(interval=False)
        )

    work(few)  # compiled kernels
    return Answer(lambda: work(cells), lambda table: (cells.sizes["cell"], shape) if len(table) else None)


def one_transform(shape: tuple[int, int]) -> Callable[[], Any]:
    """Transform an array as large as the map, there and back."""
    from scipy import fft

    array = np.random.default_rng(0).random([fft.next_fast_len(n, real=True) for n in shape])
    return lambda: float(fft.irfft2(fft.rfft2(array), s=array.shape)[0, 0])


def _city(side: int) -> Any:
    """Rows, columns and counts of three groups."""
    rng = np.random.default_rng(2)
    row, col = (v.ravel() for v in np.indices((side, side)))
    size = rng.integers(1, 400, side * side)
    counts = np.stack([size * 0.6, size * 0.3 * (1 + np.sin(col / 9)), size * 0.2 * row / side], axis=1)
    return row + 3000, col + 4000, rng.poisson(counts).astype(float)


def _civigrid(side: int) -> Callable[[], Any]:
    from civigrid.cells import ids_of, make_cells
    from civigrid.grid import SquareGrid
    from civigrid.kernels.convolution import Kernel
    from civigrid.kernels.evenness import information
    from civigrid.kernels.zones import zones_of
    from civigrid.layers.segregation.neighbourhoods.by_kernel import arounds
    from civigrid.layers.segregation.neighbourhoods.profile import profile_table
    from civigrid.layers.segregation.neighbourhoods.spatial import SpatialOptions
    from civigrid.types import Column

    grid = SquareGrid(cell_size_m=1000)
    row, col, counts = _city(side)
    names = ["a", "b", "c"]
    values = {n: counts[:, k] for k, n in enumerate(names)}
    cells = make_cells(grid, grid.from_row_col(row, col), values, {n: Column() for n in names})
    kernels = [Kernel("triangular", radius) for radius in CITY_M]
    options = SpatialOptions(interval=False)

    def form(_: Any) -> list[float]:
        if len(ids_of(cells)) > 10_000:
            return []
        own = np.stack([cells[n].to_numpy() for n in names], axis=1)
        near = [found.counts.round(0) for found in arounds(cells, own, kernels, chance=False)]
        return [float(information(zones_of(n[n.sum(axis=1) > 0])).estimate[0]) for n in near]

    return Answer(
        lambda: profile_table(cells, names, kernels, indices=["H_multi"], chance=False, options=options), form
    )


def _pysal(side: int) -> Callable[[], Any]:
    import geopandas as gpd
    import shapely
    from segregation.dynamics import compute_multiscalar_profile
    from segregation.multigroup import MultiInfoTheory

    row, col, counts = _city(side)
    squares = shapely.box(col * 1000, row * 1000, col * 1000 + 1000, row * 1000 + 1000)
    frame = gpd.GeoDataFrame(dict(zip("abc", counts.T, strict=True)), geometry=squares, crs="EPSG:3035")

    def work() -> Any:
        return compute_multiscalar_profile(
            frame, segregation_index=MultiInfoTheory, groups=list("abc"), distances=list(CITY_M)
        )

    return Answer(work, lambda found: [float(found[radius]) for radius in CITY_M])
