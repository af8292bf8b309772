"""Cells as places of lattices: the page finds the cell that Python finds, at every point and pixel."""

import io

import numpy as np
import pytest
from matplotlib.image import imread
from pyproj import Transformer
from tests.maps.test_maps import unpack

from civigrid.cells import ids_of, make_cells, values_of
from civigrid.errors import SchemaError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.kernels.icosahedron import degrees, lattice, unit_vectors
from civigrid.maps import make_map, to_html
from civigrid.maps.lattices import FACE, h3_faces, place_cells
from civigrid.release import public_grid, release
from civigrid.types import Column

KM = SquareGrid(cell_size_m=1000)
FACT = {"v": Column(long_name="V")}
PLACES = {
    "Berlin": (13.4, 52.5),
    "the antimeridian": (179.98, -16.5),
    "a pentagon in Norway": (10.54, 64.70),
    "an edge in Spain": (-3.0, 41.0),
    "the south pole": (0.0, -89.99),
}


def around(grid, place, rings=14):
    """Cells around a place."""
    middle = grid.cell_at(np.array([place]))
    return np.unique(np.concatenate([grid.ring(middle, k).ravel() for k in range(rings)]).astype(np.uint64))


def cells_around(grid, place, rings=14):
    """Cells around a place with a value each: its number."""
    ids = around(grid, place, rings)
    ids = ids[ids > 0]
    return make_cells(grid, ids, {"v": np.arange(1.0, len(ids) + 1)}, FACT)


def random_points(n, seed=0):
    """Points spread evenly over the sphere."""
    points = np.random.default_rng(seed).normal(size=(n, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


@pytest.mark.parametrize("resolution", [0, 1, 2, 3, 8, 15])
def test_points_of_one_place_lie_in_one_cell(resolution):
    """No place of a lattice belongs to two cells of H3, all over the globe."""
    points = random_points(60_000)
    if resolution > 3:
        points = points[:200].repeat(300, axis=0) + random_points(60_000, 1) * 3 / np.sqrt(7.0) ** resolution
        points /= np.linalg.norm(points, axis=1, keepdims=True)
    cell = H3Grid(resolution).cell_at(degrees(points))
    face, q, r = lattice(points, resolution, h3_faces())
    place = np.unique(np.stack([face, q, r]), axis=1, return_inverse=True)[1].ravel()
    first = np.zeros(place.max() + 1, dtype=np.uint64)
    first[place] = cell

    assert (first[place] == cell).all()


@pytest.mark.parametrize("resolution", [0, 1, 2, 3])
def test_every_place_of_every_cell_is_known(resolution):
    """Any point of the globe is found: cells on edges of the icosahedron stand on each of their faces."""
    grid = H3Grid(resolution)
    ids = H3Grid(0).children(np.unique(grid.parent(grid.cell_at(degrees(random_points(200_000))), H3Grid(0))), grid)
    ids = np.unique(ids[ids > 0])
    placed = place_cells(grid, ids)
    runs = unpack(placed.about["ids"], 4).reshape(3, -1)
    known = {(int(k), int(c) + j): None for k, c, n in runs.T for j in range(n)}
    known = dict(zip(known, ids[placed.order].tolist(), strict=True))
    more = unpack(placed.about["more"], 4).reshape(3, -1)
    more[1] = (more[1] + 2**31) % 2**32 - 2**31
    known = {(k, (c + 2**31) % 2**32 - 2**31): v for (k, c), v in known.items()}
    for row, col, at in more.T.tolist():
        known[(row, col)] = ids[placed.order[at]]
    points = random_points(20_000, 2)
    face, q, r = lattice(points, resolution, h3_faces())
    found = [known.get(p) for p in zip((face * FACE + FACE // 2 + r).tolist(), q.tolist(), strict=True)]

    assert found == grid.cell_at(degrees(points)).tolist()


def test_squares_of_another_projection_are_refused():
    """The page projects to EPSG:3035 alone: silence would draw them elsewhere."""
    grid = SquareGrid(cell_size_m=1000, crs="EPSG:3034")
    with pytest.raises(SchemaError, match="squares of EPSG:3035 and H3 cells, not square-epsg3034-1km"):
        place_cells(grid, grid.from_row_col([3000], [4000]))


def open_map(browser, folder, cells, *, view="mercator", ratio=1):
    """Open a map of cells; give the tab, ready, with the furniture out of the way."""
    path = folder / "m.html"
    path.write_text(to_html(make_map(release(cells, public_grid()), ["v"], title="M", view=view)), encoding="utf-8")
    context = browser.new_context(offline=True, viewport={"width": 700, "height": 600}, device_scale_factor=ratio)
    tab = context.new_page()
    heard = []
    tab.on("console", lambda m: heard.append(m.text))
    tab.on("pageerror", lambda e: heard.append(str(e)))
    tab.goto(f"file://{path}")
    tab.wait_for_function("Object.values(civigrid.stores).every(s => s.done)")
    tab.add_style_tag(content=".leaflet-control-container, .cg-head, .cg-tip { display: none !important }")
    tab.wait_for_timeout(500)
    assert heard == []
    return tab


FIND = """(p) => { let l = null; civigrid.map.eachLayer(x => { if (x.isCell) { l = x; } });
  return p.map(([x, y]) => { let c = l.cellAt(L.latLng(y, x), 14); return c && c.values.v; }); }"""


@pytest.mark.browser
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("resolution", [4, 7, 10])
def test_hexagons_anywhere(browser, tmp_path, place, resolution):
    """A thousand points: the page's cell is Python's, at pentagons, across the antimeridian, on edges, at the pole."""
    grid = H3Grid(resolution)
    cells = cells_around(grid, PLACES[place])
    ids = ids_of(cells)
    centre = unit_vectors(grid.centre(ids))
    spread = 2.5 * 0.38196601 / np.sqrt(7.0) ** resolution
    points = centre[np.random.default_rng(0).integers(0, len(ids), 1000)] + spread * random_points(1000)
    points = degrees(points / np.linalg.norm(points, axis=1, keepdims=True))
    true = grid.cell_at(points)
    at = np.searchsorted(ids, true).clip(max=len(ids) - 1)
    expected = [float(k + 1) if ids[k] == c else None for k, c in zip(at, true, strict=True)]
    tab = open_map(browser, tmp_path, cells)

    assert tab.evaluate(FIND, points.tolist()) == expected
    assert expected.count(None) < 800
    codes = tab.evaluate("""() => { let l = Object.values(civigrid.stores)[0].levels[0], all = [...Array(l.n).keys()];
      return civigrid.codes(l).then(() => all.map(i => [l.cells.code(i), ...l.cells.place(i)])); }""")
    assert sorted(c[0] for c in codes) == sorted(f"{i:x}" for i in ids.tolist())
    centre = dict(zip([f"{i:x}" for i in ids.tolist()], grid.centre(ids).tolist(), strict=True))
    for code, *found in codes:
        assert np.linalg.norm(unit_vectors(np.array([found])) - unit_vectors(np.array([centre[code]]))) < 1e-9


def reference(tab, cells, grid, view, ratio):
    """The picture as Python draws it: at the middle of each pixel the colour of its cell, or the ground."""
    legend = tab.evaluate("""() => { let l; civigrid.map.eachLayer(x => { if (x.isCell) { l = x; } });
      return [l.options.breaks, l.options.legend.classes.map(c => c.color), l.options.zero]; }""")
    at = (np.arange(600 * ratio) + 0.5) / ratio
    x, y = np.meshgrid((np.arange(700 * ratio) + 0.5) / ratio, at)
    origin = tab.evaluate(
        "(() => { let o = civigrid.map.getPixelBounds().min; return [o.x, o.y, civigrid.map.getZoom()]; })()"
    )
    px, py = x + origin[0], y + origin[1]
    if view == "native":
        step = 32_000 / 2 ** origin[2]
        plane = np.stack([px * step, 8_192_000 - py * step], axis=-1).reshape(-1, 2)
        inverse = Transformer.from_crs("EPSG:3035", "EPSG:4326", always_xy=True)
        place = plane if isinstance(grid, SquareGrid) else np.stack(inverse.transform(*plane.T), axis=-1)
    else:
        n = 256 * 2 ** origin[2]
        lat = np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * py / n))))
        place = np.stack([px / n * 360 - 180, lat], axis=-1).reshape(-1, 2)
        if isinstance(grid, SquareGrid):
            place = np.stack(Transformer.from_crs("EPSG:4326", "EPSG:3035", always_xy=True).transform(*place.T), -1)
    ids, true = ids_of(cells), grid.cell_at(place)
    k = np.searchsorted(ids, true).clip(max=len(ids) - 1)
    value = np.where(ids[k] == true, values_of(cells, "v")[k], np.nan)
    breaks, colors, zero = legend
    rgb = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colors])
    kind = np.searchsorted(breaks, np.nan_to_num(value), side="right") + int(zero)
    ground = np.array([0xE6, 0xE4, 0xDE])
    shade = np.where(np.isnan(value)[:, None], ground, rgb[kind] * 235 / 255 + ground * 20 / 255)
    return shade.reshape(600 * ratio, 700 * ratio, 3)


@pytest.mark.browser
@pytest.mark.parametrize("ratio", [1, 2])
@pytest.mark.parametrize("view", ["mercator", "native"])
@pytest.mark.parametrize("kind", ["squares", "hexagons", "hexagons on an edge"])
def test_no_pixel_is_wrong(browser, tmp_path, kind, view, ratio):
    """Each pixel of the picture has the colour of the cell that Python finds there: no seam, no gap, no shift."""
    if kind == "squares":
        row, col = np.divmod(np.arange(40 * 40), 40)
        value = np.random.default_rng(0).integers(1, 500, 1600).astype(float)
        grid = KM
        cells = make_cells(KM, KM.from_row_col(3250 + row, 4530 + col), {"v": value}, FACT)
    else:
        grid = H3Grid(7)
        cells = cells_around(grid, PLACES["an edge in Spain" if "edge" in kind else "Berlin"])
    tab = open_map(browser, tmp_path, cells, view=view, ratio=ratio)
    picture = np.rint(imread(io.BytesIO(tab.screenshot()))[..., :3] * 255)
    wrong = (np.abs(picture - reference(tab, cells, grid, view, ratio)) > 2).any(axis=-1)

    # a point on the very border of two cells may fall to either side by rounding
    assert wrong.mean() < 2e-5
    assert (picture != np.array([0xF4, 0xF3, 0xEF])).any(axis=-1).mean() > 0.2


@pytest.mark.browser
@pytest.mark.parametrize("view", ["mercator", "native"])
def test_one_level_is_drawn_from_south_to_north(browser, tmp_path, view):
    """From Crete to the North Cape a picture has cells of one size, at every zoom; hover tells cells of that size."""
    row, col = (a.ravel() for a in np.meshgrid(np.arange(1400, 5300, 5), np.arange(4300, 4700, 5), indexing="ij"))
    cells = make_cells(KM, KM.from_row_col(row, col), {"v": np.arange(1.0, len(row) + 1)}, FACT)
    tab = open_map(browser, tmp_path, cells, view=view)
    seen = """() => { let l = null; civigrid.map.eachLayer(x => { if (x.isCell) { l = x; } });
      return Object.values(l._tiles).map(t => t.el.level && t.el.level.size); }"""
    found = []
    for zoom in (2, 3, 4, 5, 6):
        tab.evaluate(f"civigrid.map.setZoom({zoom}, {{ animate: false }})")
        tab.wait_for_timeout(400)
        sizes = set(tab.evaluate(seen))
        assert len(sizes) == 1
        found += sizes
    assert found == sorted(found, reverse=True)
    assert len(set(found)) > 1
