"""An OpenStreetMap extract to the graphs of all modes, beside pyrosm's networks of the same modes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measure import growth, installed, measure, row
from benchmarks.peers import Answer

ROOT = Path(__file__).resolve().parents[1]
EXTRACTS = ("r5r_poa/poa_osm.pbf", "malta/malta-latest.osm.pbf", "rhein_neckar/rnv.osm.pbf")
MODES = {"walk": "walking", "bike": "cycling", "drive": "driving"}


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Extracts of 0.9, 3.3 and 3.7 MB; the invented city where they are absent or only life is asked for."""
    with TemporaryDirectory() as folder:
        points = []
        for path, what in _extracts(Path(folder), smallest=smallest):
            # the best call of several is free of compilation, as in pyrosm, whose code is compiled beforehand
            ours = measure(_ours, str(path), repeats=1 if smallest else 3)
            size = f"{what}: {path.stat().st_size / 1e6:.1f} MB, {ours[2]['ways']:,} ways"
            points.append((ours[2]["ways"], ours[0]))
            told = ", ".join(f"{mode} {km:,.0f} km in {n:,} nodes" for mode, (km, n) in ours[2]["modes"].items())
            if installed("pyrosm") is None:
                yield row("osm", size, ours[:2], "pyrosm", None, f"peer absent; {told}")
                continue
            theirs = measure(_pyrosm, str(path), repeats=1)
            networks, graphs_s = theirs[2]
            there = ", ".join(f"{mode} {km:,.0f} km in {n:,} nodes" for mode, (km, n) in networks.items())
            yield row(
                "osm", size, ours[:2], "pyrosm", theirs[0],
                f"{told}; reading alone {ours[2]['read_s']:.2f} s; peer, tables not contracted: {there}, "
                f"{theirs[1]:,.0f} MB; its networkx graphs of them take {graphs_s:.1f} s more",
            )  # fmt: skip
        if len(points) > 1:
            yield row("osm", growth([points[0], points[-1]]), (points[-1][1], 0.0))


def _extracts(folder: Path, *, smallest: bool) -> Iterator[tuple[Path, str]]:
    data = Path(os.environ.get("CIVIGRID_DATA", ROOT / ".." / "shared" / "data"))
    real = [data / name for name in EXTRACTS if (data / name).exists()]
    if smallest or not real:
        yield _havelmark(folder), "invented" if smallest else "invented: the real data are absent"
        return
    for path in real:
        yield path, path.parent.name


def _havelmark(folder: Path) -> Path:
    """Streets of the invented city as an extract."""
    import osmium
    from pyproj import Transformer

    from civigrid.sample import CityOptions
    from civigrid.sample.streets import make_streets

    nodes, edges = make_streets(CityOptions(persons=20_000))
    places = Transformer.from_crs("EPSG:3035", "EPSG:4326", always_xy=True).transform(
        nodes["easting"].to_numpy(), nodes["northing"].to_numpy()
    )
    path = folder / "havelmark.osm.pbf"
    with osmium.SimpleWriter(str(path)) as writer:
        for node, lon, lat in zip(nodes["node"], *places, strict=True):
            writer.add_node(osmium.osm.mutable.Node(id=int(node) + 1, version=1, location=(float(lon), float(lat))))
        for k, (a, b, main) in enumerate(edges[["a", "b", "drive"]].itertuples(index=False)):
            tags = {"highway": "tertiary" if main else "footway"}
            writer.add_way(osmium.osm.mutable.Way(id=k + 1, version=1, nodes=[int(a) + 1, int(b) + 1], tags=tags))
    return path


def _ours(path: str) -> Callable[[], Any]:
    from civigrid.io.osm import read_osm
    from civigrid.travel.build_graph import build_graph

    def work() -> Any:
        began = time.perf_counter()
        lines = read_osm(Path(path))
        read = time.perf_counter() - began
        return lines, read, {mode: build_graph(lines, mode)[1] for mode in MODES}

    def form(found: Any) -> Any:
        lines, read, reports = found
        modes = {mode: (report.length_km, report.nodes) for mode, report in reports.items()}
        return {"ways": len(lines.way_id), "read_s": read, "modes": modes}

    return Answer(work, form)


def _pyrosm(path: str) -> Callable[[], Any]:
    import contextlib
    import io
    import warnings

    import pyrosm

    def work() -> Any:
        # one reader for all three, as it keeps what it has read
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            reader = pyrosm.OSM(path)
            return reader, {mode: reader.get_network(network_type=there, nodes=True) for mode, there in MODES.items()}

    def form(answer: Any) -> Any:
        reader, found = answer
        networks = {m: (float(edges["length"].sum() / 1000), len(nodes)) for m, (nodes, edges) in found.items()}
        began = time.perf_counter()
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            for nodes, edges in found.values():
                reader.to_graph(nodes, edges, graph_type="networkx")
        return networks, time.perf_counter() - began

    return Answer(work, form)
