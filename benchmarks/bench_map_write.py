"""A map of 300,000 cells, one indicator, to one HTML file, beside Folium's own GeoJson of fewer cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.maps import disc, hexagons
from benchmarks.measure import growth, installed, measure, row


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Squares and hexagons; Folium at a size it can do, where both are measured."""
    large, small = (20_000, 1_000) if smallest else (300_000, 20_000)
    ours = measure(_write, "disc", large)
    yield row("map-write", f"{ours[2][0]:,} squares", ours[:2], checked=f"{ours[2][1]:.2f} MB")
    hexes = measure(_write, "hexagons", large)
    yield row("map-write", f"{hexes[2][0]:,} hexagons", hexes[:2], checked=f"{hexes[2][1]:.2f} MB")
    near = measure(_write, "disc", small)
    theirs, said = None, "peer absent"
    if installed("folium"):
        seconds, peak, size = measure(_folium, small, repeats=1)
        theirs = seconds
        said = f"{near[2][1]:.2f} MB, peer {size:.1f} MB: {size / near[2][1]:.0f} times; peer's peak {peak:.0f} MB"
    yield row("map-write", f"{near[2][0]:,} squares", near[:2], "folium", theirs, said)
    if theirs:
        each = (ours[2][1] - near[2][1]) / (ours[2][0] - near[2][0])
        said = (
            f"{1e6 * each:.1f} bytes a cell, peer {1e6 * size / near[2][0]:.0f}; peer scaled from {near[2][0]:,} cells"
        )
        yield row("map-write", f"{ours[2][0]:,} squares", ours[:2], "folium", theirs * ours[2][0] / near[2][0], said)
    yield row("map-write", growth([(near[2][0], near[0]), (ours[2][0], ours[0])]), (ours[0], 0.0))


def _write(kind: str, n: int) -> Callable[[], Any]:
    from civigrid.maps import make_map, to_html

    released = {"disc": disc, "hexagons": hexagons}[kind](n)

    def write() -> Any:
        return released.data.sizes["cell"], len(to_html(make_map(released, ["people"], title="People")).encode()) / 1e6

    write()
    return write


def _folium(n: int) -> Callable[[], float]:
    import folium

    from civigrid.cells import to_geodataframe, values_of

    released = disc(n)
    frame = to_geodataframe(released.data.drop_vars(list(released.data.data_vars))).to_crs("EPSG:4326")
    frame = frame[["geometry"]].assign(people=values_of(released.data, "people"))
    folder = TemporaryDirectory()

    def write() -> float:
        page = folium.Map(location=[50, 9], zoom_start=6, tiles=None)
        folium.GeoJson(
            frame,
            style_function=lambda f: {
                "weight": 0,
                "fillColor": "#31688e" if f["properties"]["people"] > 50 else "#fde725",
            },
            tooltip=folium.GeoJsonTooltip(["people"]),
        ).add_to(page)
        path = Path(folder.name) / "m.html"
        page.save(str(path))
        return path.stat().st_size / 1e6

    return write
