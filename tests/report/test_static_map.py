"""Maps without a browser: every pixel has the colour of its class, in PNG, SVG and PDF."""

import base64
import io
import xml.etree.ElementTree as ET

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import pytest
import shapely
from matplotlib.colors import to_rgb
from PIL import Image

from civigrid.cells import make_cells, values_of
from civigrid.errors import SchemaError, UnknownNameError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.io.cells import read_cells
from civigrid.release import min_count, public_grid, release
from civigrid.report.frame import lattices_of, snapped
from civigrid.report.panel import bar_length
from civigrid.report.picture_looks import Looks
from civigrid.report.raster import HATCH, draw_values
from civigrid.report.sheet import INKS
from civigrid.report.static_map import MOST_PANELS, Panel, small_multiples, static_map
from civigrid.source import Licence
from civigrid.style.classes import Classes
from civigrid.types import Column, Status

KM = SquareGrid(cell_size_m=1000)
HOSTILE = "</script><img src=x onerror=alert(1)> & $x_1$"
COARSE = Looks(dpi=72)
SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"


def block(values, status=None, *, about=None, row=2000, col=4000, **more):
    """Cells of a rectangle, row 0 in the south, NaN included."""
    values = np.asarray(values, dtype=float)
    rows, cols = np.indices(values.shape)
    codes = {} if status is None else {"status": {"v": np.asarray(status, dtype=np.uint8).ravel()}}
    ids = KM.from_row_col(row + rows.ravel(), col + cols.ravel())
    about = about or Column(long_name="Residents", source="Register", reference_date="2021")
    said = {"v": about, **{name: Column(kind="intensive", units="persons", companion_of="v") for name in more}}
    return make_cells(KM, ids, {"v": values.ravel(), **more}, said, **codes)


def drawn(cells, looks=COARSE, profile=None, names="v"):
    """A picture of released cells."""
    return static_map(release(cells, profile or public_grid()), names, looks)


def rgb(color):
    """A colour as three bytes."""
    return tuple(round(255 * c) for c in to_rgb(color))


def map_of(picture, k=0):
    """Pixels of the k-th map in the PNG, row 0 in the north."""
    page = np.asarray(Image.open(io.BytesIO(picture.to_bytes(".png"))).convert("RGB"))
    box = picture.figure.axes[k].get_window_extent()
    left, bottom, right, top = (round(v) for v in (box.x0, box.y0, box.x1, box.y1))
    return page[len(page) - top : len(page) - bottom, left:right]


def test_each_pixel_has_the_colour_of_its_class():
    """Squares of whole pixels without a seam; what is no cell has the colour of the panel."""
    values = np.array([[0, 1, 5], [20, 60, 9], [200, 3, 0]], dtype=float)
    classes = Classes((5.0, 50.0), ("0", "1 to 5", "5 to 50", "50 and more"), True, "people")
    cells = block(values).isel(cell=slice(0, 8))
    found = map_of(drawn(cells, Looks(dpi=72, classes=classes)))
    side = len(found) // 3
    shades = np.array([rgb(c) for c in classes.colors] + [rgb(INKS["light"][2])])
    where = classes.of(values.ravel())
    where[8] = -1
    expected = np.repeat(np.repeat(shades[where].reshape(3, 3, 3)[::-1], side, axis=0), side, axis=1)

    assert side > 50
    assert found.shape == expected.shape
    assert (found == expected).all()


def test_svg_holds_the_same_pixels():
    """The image inside the SVG is that of the PNG; words are text."""
    picture = drawn(block(np.arange(24).reshape(4, 6) * 7.0))
    expected = map_of(picture)
    root = ET.fromstring(picture.to_bytes(".svg"))
    images = [base64.b64decode(e.get(HREF).partition(",")[2]) for e in root.iter(f"{SVG}image")]
    found = [np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) for data in images]
    same = [image for image in found if image.shape == expected.shape]

    assert len(same) == 1
    assert (same[0] == expected).all()
    assert "Residents" in "".join(root.itertext())


def test_pdf_shows_the_same_pixels():
    """One page; drawn by a viewer dot by dot, the map is that of the PNG; nothing in it runs."""
    pdfium = pytest.importorskip("pypdfium2")
    picture = drawn(block(np.arange(24).reshape(4, 6) * 7.0))
    data = picture.to_bytes(".pdf")
    with pdfium.PdfDocument(data) as document:
        pages = len(document)
        page = document[0]
        shown = np.asarray(page.render(scale=1).to_pil().convert("RGB"))
        words = page.get_textpage().get_text_range()
        page.close()
    box = picture.figure.axes[0].get_window_extent()
    left, bottom, right, top = (round(v) for v in (box.x0, box.y0, box.x1, box.y1))
    found, expected = shown[len(shown) - top : len(shown) - bottom, left:right], map_of(picture)
    side = len(found) // 4
    middles = np.s_[side // 2 :: side, side // 2 :: side]

    assert pages == 1
    assert (found[middles] == expected[middles]).all()
    assert (found == expected).all(axis=2).mean() > 0.98
    assert "Residents" in words


def test_pdf_runs_nothing():
    """A PDF begins and ends as one, and holds no script, action or file."""
    data = drawn(block([[1.0, 30.0], [4.0, 80.0]])).to_bytes(".pdf")

    assert data.startswith(b"%PDF-1.")
    assert data.rstrip().endswith(b"%%EOF")
    assert not [word for word in (b"/JavaScript", b"/JS", b"/OpenAction", b"/EmbeddedFile", b"/URI") if word in data]


@pytest.mark.parametrize("code", [Status.CONFIDENTIAL, Status.UNAVAILABLE, Status.SUPPRESSED])
def test_missing_is_hatched_and_never_a_class(code):
    """A missing cell has the paper and the lines of hatching, both, and no class colour."""
    values, status = np.full((3, 3), 40.0), np.zeros((3, 3), np.uint8)
    values[1, 1], status[1, 1] = np.nan, code
    picture = drawn(block(values, status))
    found = map_of(picture)
    side = len(found) // 3
    middle = {tuple(p) for p in found[side : 2 * side, side : 2 * side].reshape(-1, 3).tolist()}

    assert middle == {rgb(c) for c in HATCH["light"]}
    assert not middle & {rgb(c) for c in picture.classes.colors}
    assert picture.legend["missing_rows"][0]["cells"] == 1


def test_reasons_have_patterns_of_their_own():
    """Suppressed, unavailable, beyond and undefined are told apart without colour."""
    about = Column(kind="intensive", units="min")
    codes = [Status.SUPPRESSED, Status.UNAVAILABLE, Status.OK, Status.PARTIAL]
    seen = []
    for code in codes:
        values, status = np.full((3, 3), 12.0), np.zeros((3, 3), np.uint8)
        values[1, 1], status[1, 1] = np.nan, code
        values[0, 0] = 40.0
        found = map_of(drawn(block(values, status, about=about)))
        side = len(found) // 3
        seen.append((found[side : side + 24, side : side + 24] == rgb(HATCH["light"][1])).all(axis=2))

    assert all(s.any() and not s.all() for s in seen)
    assert all((a != b).any() for i, a in enumerate(seen) for b in seen[:i])


def test_uncertain_values_are_hatched_over_their_colour():
    """A value with a large error keeps its class colour between the lines; where most are, none is hatched."""
    values = np.full((3, 3), 100.0)
    values[0] = 200.0
    error = np.ones((3, 3))
    error[1, 1] = 90.0
    picture = drawn(block(values, v_se=error.ravel()))
    found = map_of(picture)
    side = len(found) // 3
    colours = {tuple(p) for p in found[side : 2 * side, side : 2 * side].reshape(-1, 3).tolist()}
    shade = rgb(picture.classes.colors[picture.classes.of(np.array([100.0]))[0]])
    imputed = drawn(block(values, np.where(np.arange(9).reshape(3, 3) == 4, Status.IMPUTED, Status.OK)))
    everywhere = drawn(block(values, v_se=np.full(9, 90.0)))

    assert shade in colours
    assert len(colours) == 2
    assert "Uncertain, and hatched" in picture.alt
    assert (map_of(imputed) == found).all()
    assert {tuple(p) for p in map_of(everywhere).reshape(-1, 3).tolist()} <= {rgb(c) for c in picture.classes.colors}
    assert "too many to hatch" in words_of(everywhere)


def words_of(picture):
    """All that is written on a picture."""
    return " ".join(t.get_text() for t in picture.figure.texts)


def test_small_counts_do_not_reach_the_picture():
    """A picture takes a Release alone, and a profile hides small counts."""
    cells = block([[3.0, 40.0], [50.0, 0.0]])
    with pytest.raises(TypeError, match="Release"):
        static_map(cells, "v")
    picture = drawn(cells, profile=min_count(10))

    # with the small count goes the next, or the total of the town would tell it
    assert [(row["reason"], row["cells"]) for row in picture.legend["missing_rows"]] == [("suppressed", 2)]
    assert "counts of persons from 1 to 9 are hidden" in words_of(picture)


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_equal_pictures_have_equal_bytes(suffix):
    """Drawn twice, the bytes are the same, and no date is inside."""
    first, second = (drawn(block(np.arange(9.0).reshape(3, 3))).to_bytes(suffix) for _ in range(2))

    assert first == second
    assert b"CreationDate" not in first
    assert b"dc:date" not in first


def test_hostile_words_stay_words():
    """Labels with markup are text in the SVG: no element of theirs, no script, no event."""
    about = Column(long_name=HOSTILE, source=HOSTILE)
    cells = block([[1.0, 30.0], [4.0, 80.0]], about=about)
    looks = Looks(dpi=72, title=HOSTILE, question=f"\u202e{HOSTILE}", notes=(HOSTILE,))
    picture = static_map(release(cells, public_grid(), terms=[Licence(attribution=HOSTILE)]), "v", looks)
    svg = picture.to_bytes(".svg")
    root = ET.fromstring(svg)
    names = {e.tag.rpartition("}")[2] for e in root.iter()}

    assert not names & {"script", "img", "foreignObject", "a", "iframe"}
    assert not any(key.lower().startswith("on") for e in root.iter() for key in e.attrib)
    assert not [v for e in root.iter() for k, v in e.attrib.items() if k == HREF and not v.startswith(("data:", "#"))]
    assert root.find(f"{SVG}title").text == HOSTILE
    assert root.get("role") == "img"
    assert "\u202e" not in svg.decode()
    assert HOSTILE.split()[0] in words_of(picture)
    assert picture.to_bytes(".pdf").startswith(b"%PDF")


@pytest.mark.parametrize(
    "title", ["גבעתיים: זמן הליכה לבית ספר", "زمن المشي إلى المدرسة", "步行到学校的时间", "e\u0301\x00\x07\ud800"]
)
def test_every_script_is_written(title):
    """Hebrew and Arabic are shaped by the font engine; what the font lacks is a box; control characters go."""
    picture = drawn(block([[1.0, 30.0], [4.0, 80.0]]), Looks(dpi=72, title=title))

    assert picture.to_bytes(".png")[:4] == b"\x89PNG"
    assert ET.fromstring(picture.to_bytes(".svg")) is not None
    assert picture.to_bytes(".pdf").startswith(b"%PDF")


@pytest.mark.parametrize(
    "values",
    [[[5.0]], [[np.nan]], [[0.0, 0.0]], [[3e15, 1.0]], [[np.nan, np.nan], [np.nan, np.nan]], [[7.0] * 40]],
    ids=["one", "unknown", "zero", "huge", "all unknown", "all equal"],
)
def test_any_values_are_drawn(values):
    """One cell, no value, zero, huge counts: there is a picture, and it says what it can."""
    status = np.where(np.isnan(values), Status.UNAVAILABLE, Status.OK)
    picture = drawn(block(values, status))

    assert picture.to_bytes(".png")[:4] == b"\x89PNG"
    assert sum(r["cells"] for r in picture.legend["classes"]) == int(np.isfinite(values).sum())
    assert picture.alt


def test_what_cannot_be_drawn_is_refused():
    """Each refusal says what is wrong and what would do."""
    cells = block([[1.0, 2.0]])
    with pytest.raises(SchemaError, match="no cells"):
        drawn(cells.isel(cell=slice(0, 0)))
    with pytest.raises(UnknownNameError, match="'x'"):
        drawn(cells, names="x")
    with pytest.raises(SchemaError, match=r"\.png, \.svg, \.pdf"):
        drawn(cells).to_bytes(".gif")
    with pytest.raises(SchemaError, match="dpi"):
        drawn(cells, Looks(dpi=5))
    with pytest.raises(UnknownNameError, match="page"):
        drawn(cells, Looks(page="Letter"))
    with pytest.raises(UnknownNameError, match="language"):
        drawn(cells, Looks(lang="xx"))
    with pytest.raises(SchemaError, match="columns"):
        drawn(cells, Looks(columns=3))
    with pytest.raises(SchemaError, match="1 to 24"):
        small_multiples([Panel(release(cells, public_grid()), "v")] * (MOST_PANELS + 1))
    minutes = make_cells(KM, KM.from_row_col([3000], [4000]), {"a": [1.0], "b": [1.0]},
                         {"a": Column(), "b": Column(kind="intensive", units="min")})  # fmt: skip
    with pytest.raises(SchemaError, match="no units in common"):
        drawn(minutes, names=["a", "b"])
    names = block([[0.0, 1.0]], about=Column(kind="intensive", units="class", words="Library|Clinic"))
    with pytest.raises(SchemaError, match="names something"):
        drawn(names)


def test_hexagons_have_no_seam():
    """Between neighbours lies no pixel of the panel; each pixel has the class of the cell it lies in."""
    grid = H3Grid(8)
    start = grid.cell_at(np.array([[13.4, 52.5]]))
    ids = np.unique(grid.ring(start, 4))
    ids = np.unique(np.concatenate([grid.ring(start, k).ravel() for k in range(1, 9)] + [start]))
    cells = make_cells(grid, ids, {"v": np.arange(len(ids)) * 3.0}, {"v": Column()})
    picture = drawn(cells, Looks(dpi=100))
    found = map_of(picture)
    lattice = snapped(lattices_of([cells])[0], 0.0, (len(found[0]), len(found)))
    pixels = draw_values(cells, "v", picture.classes, lattice)
    high, wide = pixels.classes.shape
    centre = pixels.classes[int(0.3 * high) : int(0.7 * high), int(0.3 * wide) : int(0.7 * wide)]

    assert (centre >= 0).all()
    assert found.shape[:2] == (high, wide)
    shades = np.array([*(rgb(c) for c in picture.classes.colors), rgb(INKS["light"][2])])
    assert (found == shades[np.where(pixels.classes < 0, -1, pixels.classes)]).all()


def test_small_hexagons_are_drawn_as_their_parents():
    """Thousands of hexagons on little paper: parents show the mean of what is known, and the foot says of how many."""
    grid = H3Grid(9)
    lon, lat = np.meshgrid(np.arange(13.0, 15.0, 0.002), np.arange(51.0, 52.0, 0.002))
    ids = np.unique(grid.cell_at(np.stack([lon.ravel(), lat.ravel()], axis=1)))
    values = np.where(np.arange(len(ids)) % 2, 0.0, 20.0)
    cells = make_cells(grid, ids, {"v": values}, {"v": Column()})
    classes = Classes((5.0, 15.0), ("0", "1 to 5", "5 to 15", "15 and more"), True, "people")
    picture = drawn(cells, Looks(dpi=72, page="A5", classes=classes))
    found = map_of(picture)
    inner = found[len(found) // 3 : -len(found) // 3, len(found[0]) // 3 : -len(found[0]) // 3].reshape(-1, 3)

    assert picture.block in (7, 49, 343)
    assert f"in {picture.block} cells" in words_of(picture)
    assert (inner == rgb(classes.colors[2])).all(axis=1).mean() > 0.99


@pytest.mark.parametrize(("lon", "lat"), [(179.95, -16.8), (-70.0, 12.5), (25.0, 78.2)])
def test_hexagons_anywhere(lon, lat):
    """Across the antimeridian, in the tropics and in the far north the map is about as wide as it is high."""
    grid = H3Grid(7)
    ids = np.unique(grid.ring(grid.cell_at(np.array([[lon, lat]])), 4).ravel())
    cells = make_cells(grid, ids, {"v": np.arange(len(ids)) + 1.0}, {"v": Column()})
    (lattice,) = lattices_of([cells])

    assert 0.8 < lattice.aspect < 1.25
    assert lattice.bounds.east - lattice.bounds.west < 60_000
    assert lattice.crs.startswith("+proj=laea")


def test_many_cells_to_a_pixel_show_means():
    """Where a pixel holds 2 x 2 cells it shows the mean of what is known, in the same classes, and says so."""
    values = np.zeros((2400, 40))
    values[::2, ::2] = 40.0
    status = np.zeros(values.shape, np.uint8)
    values[:2, :2], status[:2, :2] = np.nan, Status.CONFIDENTIAL
    classes = Classes((5.0, 20.0), ("0", "1 to 5", "5 to 20", "20 and more"), True, "people")
    picture = drawn(block(values, status), Looks(dpi=150, classes=classes))
    found = map_of(picture)
    counts = {tuple(c) for c in found.reshape(-1, 3).tolist()}

    assert picture.block > 1
    assert f"{picture.block} × {picture.block} cells" in words_of(picture).replace("\N{NO-BREAK SPACE}", " ")
    assert rgb(classes.colors[2]) in counts  # a quarter of 40
    assert rgb(classes.colors[0]) not in counts
    assert rgb(classes.colors[3]) not in counts


def test_small_multiples_share_classes_place_and_legend():
    """Years side by side have the same breaks and the same box; their dates stand above them."""
    years = [
        release(block(np.arange(16.0).reshape(4, 4) * k, about=Column(long_name="Residents", reference_date=f"200{k}")),
                public_grid())
        for k in (1, 5, 9)
    ]  # fmt: skip
    picture = small_multiples([Panel(r, "v") for r in years], COARSE)
    maps = [map_of(picture, k) for k in range(3)]

    assert [m.shape for m in maps] == [maps[0].shape] * 3
    assert picture.title == "Residents"
    assert all(str(2000 + k) in words_of(picture) for k in (1, 5, 9))
    assert sum(row["cells"] for row in picture.legend["classes"]) == 48
    low = rgb(picture.classes.colors[-1])
    assert (maps[0] == low).all(axis=2).sum() < (maps[2] == low).all(axis=2).sum()


def test_groups_side_by_side_lose_the_words_they_share():
    """'Share: A' and 'Share: B' stand as A and B below the legend's 'Share'."""
    share = {n: Column(kind="intensive", units="1", long_name=f"Share: Born {n}") for n in ("here", "abroad")}
    cells = make_cells(
        KM, KM.from_row_col([3000, 3000], [4000, 4001]), {"here": [0.2, 0.9], "abroad": [0.8, 0.1]}, share
    )
    picture = drawn(cells, names=["here", "abroad"])
    written = [t.get_text() for t in picture.figure.texts]

    assert picture.legend["title"] == "Share"
    assert {"Born here", "Born abroad"} <= set(written)
    assert not {0.3, 0.5} & set(picture.classes.breaks)


def test_places_apart_have_one_scale():
    """Two towns far apart are drawn at one scale, each in its own box."""
    small, large = block(np.ones((4, 4))), block(np.ones((12, 9)), row=1500, col=3000)
    found = lattices_of([small, large])
    sizes = [(f.bounds.east - f.bounds.west, f.bounds.north - f.bounds.south) for f in found]

    assert sizes[0] == sizes[1] == (9000.0, 12_000.0)
    assert found[0].bounds != found[1].bounds


def test_far_islands_do_not_shrink_a_land():
    """Few cells at the end of the world stay outside, and their number is said."""
    values = np.full((60, 60), 9.0)
    far = KM.from_row_col([5400], [1500])
    near = block(values)
    ids = np.concatenate([near["cell_id"].to_numpy(), far])
    cells = make_cells(KM, ids, {"v": np.full(len(ids), 9.0)}, {"v": Column()})
    picture = drawn(cells)

    assert "Outside the picture: 1 cell." in words_of(picture)
    assert "Outside" not in words_of(drawn(near))


def test_german_words_and_numbers():
    """A German picture has German words and German numbers."""
    picture = drawn(block(np.arange(40.0).reshape(5, 8) * 1000), Looks(dpi=72, lang="de-AT", question="Wo?"))
    words = words_of(picture)

    assert "Zellen" in words
    assert "Quelle: Register, 2021." in words
    assert "Geheimhaltung" in words
    assert any("." in row["label"] for row in picture.legend["classes"])
    assert "Personen je Zelle" in picture.alt


def test_lines_and_services_lie_above_the_cells():
    """An outline is drawn in any CRS; services have a mark and a row in the legend by kind."""
    cells = block(np.full((20, 20), 5.0))
    box = gpd.GeoSeries([shapely.box(4_003_000, 2_003_000, 4_015_000, 2_015_000)], crs="EPSG:3035")
    points = gpd.GeoDataFrame({"kind": ["school", "clinic", "school"]},
                              geometry=gpd.points_from_xy([4_005_000, 4_010_000, 4_012_000], [2_005_000] * 3),
                              crs="EPSG:3035").to_crs("EPSG:4326")  # fmt: skip
    looks = Looks(dpi=72, outline=box.to_crs("EPSG:4326"), sites=release(points, public_grid()))
    plain, full = map_of(drawn(cells)), map_of(drawn(cells, looks))
    words = words_of(drawn(cells, looks))

    assert len(np.unique(plain.reshape(-1, 3), axis=0)) == 1
    assert len(np.unique(full.reshape(-1, 3), axis=0)) > 10
    # within the box and far from marks nothing changed
    side = len(full) // 20
    assert (full[10 * side : 11 * side, 6 * side : 8 * side] == plain[10 * side : 11 * side, 6 * side : 8 * side]).all()
    assert "school" in words
    assert "clinic" in words


def test_a_dark_page():
    """On dark paper low classes are dark, and words are light."""
    picture = drawn(block(np.arange(16.0).reshape(4, 4)), Looks(dpi=72, background="dark"))
    page = np.asarray(Image.open(io.BytesIO(picture.to_bytes(".png"))).convert("RGB"))

    assert page[2, 2].max() < 60
    assert picture.classes.background == "dark"


@pytest.mark.parametrize(("width", "expected"), [(1000.0, 200.0), (45_000.0, 10_000.0), (5_500_000.0, 1_000_000.0)])
def test_scale_bars_are_round(width, expected):
    """The bar is the longest round length within a third of the map."""
    assert bar_length(width) == expected


def test_styles_of_a_user_do_not_change_the_picture():
    """What a notebook set before has no influence on bytes."""
    cells = block(np.arange(9.0).reshape(3, 3))
    plain = drawn(cells).to_bytes(".png")
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "savefig.facecolor": "red", "image.origin": "lower",
                         "savefig.bbox": "tight", "image.interpolation": "bilinear"}):  # fmt: skip
        styled = drawn(cells).to_bytes(".png")

    assert plain == styled


def test_berlin_as_the_census_has_it(real_data):
    """Real cells of Berlin: pixels of each class stand in the proportion of its cells."""
    cells = read_cells(real_data / "berlin_grids" / "census2021_1km_berlin.parquet", columns=["T"])
    picture = drawn(cells, Looks(dpi=150), names="T")
    found = map_of(picture).reshape(-1, 3)
    side = round((len(found) / (found_area(cells))) ** 0.5)
    counted = [int((found == rgb(c)).all(axis=1).sum()) for c in picture.classes.colors]

    assert side > 10
    assert counted == [side * side * row["cells"] for row in picture.legend["classes"]]
    assert int(np.isfinite(values_of(cells, "T")).sum()) == sum(r["cells"] for r in picture.legend["classes"])


def found_area(cells):
    """Cells of the box around cells."""
    row, col = KM.row_col(cells["cell_id"].to_numpy())
    return (np.ptp(row) + 1) * (np.ptp(col) + 1)
