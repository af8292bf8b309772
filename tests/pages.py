"""Maps of an invented town, and the browser tabs they are opened in."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import Transformer

from civigrid.cells import ids_of, make_cells
from civigrid.grid import SquareGrid
from civigrid.maps import SiteLayer, compare_cells, language, make_compare_map, make_map, to_html
from civigrid.release import public_grid, release
from civigrid.source import Licence
from civigrid.types import Column, Status

KM = SquareGrid(cell_size_m=1000)
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync"]  # fmt: skip
HOSTILE = "</script><img src=x onerror=alert(1)>"
LABELS = {
    "people": "Residents",
    "share_born": "Share born elsewhere",
    "minutes": "Minutes to the nearest library",
    "nearest": "Nearest library",
    "words": "Central library|Library by the river|Mobile library|Town hall branch",
    "source": "Census of the town",
    "title": "Who reaches a library on foot?",
    "question": "Minutes on foot, for everyone who lives in the town.",
    "note": "Missing cells are hatched; they are not zero.",
    "terms": "Statistical office",
}
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
VARIABLES = ("minutes", "people", "share_born")


def town(labels=None, side=24):
    """A round town with holes: minutes, people and a share, which library is nearest, and every kind of missing."""
    rng = np.random.default_rng(0)
    row, col = np.divmod(np.arange(side * side), side)
    far = np.hypot(row - side / 2, col - side / 2)
    keep = (far < side / 2) & (rng.random(side * side) < 0.9)
    row, col, far = row[keep], col[keep], far[keep]
    people = np.rint(np.exp(7.5 - far / 4 + rng.normal(0, 0.5, len(far))))
    born = rng.binomial(people.astype(int), 0.2)
    share = np.divide(born, people, out=np.full(len(people), np.nan), where=people > 0)
    status = np.zeros(len(far), dtype=np.uint8)
    status[::17], status[5::23], status[9::29] = Status.CONFIDENTIAL, Status.IMPUTED, Status.SUPPRESSED
    share[np.isin(status, (Status.CONFIDENTIAL, Status.SUPPRESSED))] = np.nan
    status[np.isnan(share) & (status == 0)] = Status.UNAVAILABLE
    minutes = np.round(3 + 2 * far + rng.random(len(far)), 1)
    nearest = (np.arctan2(row - side / 2, col - side / 2) / np.pi * 2 + 2).astype(int).clip(0, 3).astype(float)
    words = LABELS | (labels or {})
    census = {"source": words["source"], "reference_date": "2021"}
    about = {
        "people": Column(long_name=words["people"], **census),
        "share_born": Column(kind="intensive", units="1", weight="people", long_name=words["share_born"], **census),
        "minutes": Column(kind="intensive", units="min", weight="people", long_name=words["minutes"]),
        "nearest": Column(kind="intensive", units="class", weight="people", long_name=words["nearest"],
                          words=words["words"]),
    }  # fmt: skip
    values = {"people": people, "share_born": share, "minutes": minutes, "nearest": nearest}
    ids = KM.from_row_col(3250 + row, 4530 + col)
    return make_cells(KM, ids, values, about, status={"share_born": status})


def page_of(cells, labels=None, *, lang="en", variables=VARIABLES, **more):
    """The town's page."""
    words = LABELS | (labels or {})
    point = gpd.GeoDataFrame(
        {"name": [words["nearest"]], "kind": [words["nearest"]]}, geometry=[shapely.Point(13.4, 52.5)], crs="EPSG:4326"
    )
    made = make_map(
        release(cells, public_grid(), terms=[Licence(attribution=words["terms"], licence="CC BY 4.0")]),
        list(variables),
        title=words["title"],
        question=words["question"],
        tell=["nearest"],
        sites=[SiteLayer(release(point, public_grid()), title=words["nearest"])],
        notes=[words["note"]],
        lang=lang,
        **more,
    )
    return to_html(made)


def compare_page(lang="en", mode="swipe"):
    """Minutes before and after a library opens, labels hostile."""
    before, after = town(), town()
    after["minutes"] = np.maximum(after["minutes"] - 4 * (np.arange(after.sizes["cell"]) % 3), 1.0)
    sides = [release(cells, public_grid()) for cells in (before, after)]
    base = language(lang).base
    compared = compare_cells(*sides, "minutes", labels=("Now", HOSTILE), groups=["people"], lang=base)
    return to_html(make_compare_map(compared, title="Compared", mode=mode, lang=lang))


def open_page(browser, folder, html, **context):
    """A tab with the page, opened from a file without a network; `heard` gathers requests, messages and errors."""
    path = folder / "map.html"
    path.write_text(html, encoding="utf-8")
    tab = browser.new_context(offline=True, **({"viewport": {"width": 1100, "height": 780}} | context)).new_page()
    tab.heard = []
    tab.on("request", lambda r: r.url.startswith(("file://", "data:", "blob:")) or tab.heard.append(r.url))
    tab.on("console", lambda m: tab.heard.append(m.text))
    tab.on("pageerror", lambda e: tab.heard.append(str(e)))
    tab.on("dialog", lambda d: (tab.heard.append(f"dialog {d.message}"), d.dismiss()))
    tab.goto(f"file://{path}")
    ready(tab)
    return tab


def findings(tab):
    """What axe-core finds (WCAG 2.2 A and AA, best practices), each with its first place."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = axe.Axe().run(tab, options={"runOnly": {"type": "tag", "values": TAGS}}).response
    assert found["passes"], "axe looked at nothing"
    return [(v["id"], v["impact"], v["nodes"][0]["html"][:160]) for v in found["violations"]]


def ready(tab):
    """Wait until all values of the page are there and drawn."""
    until(tab, "Object.values(civigrid.stores).every(s => s.done) && Boolean(civigrid.reader)")
    tab.wait_for_timeout(300)


def until(tab, expression):
    """Wait until a condition holds; asked from outside, for a page's policy may forbid to evaluate text in it."""
    for _ in range(100):
        if tab.evaluate(expression):
            return
        tab.wait_for_timeout(50)
    raise AssertionError(f"never true: {expression}")


def point_of(tab, cells, k):
    """Pixel of a cell's middle in the tab."""
    x, y = KM.centre(ids_of(cells)[k : k + 1])[0]
    lon, lat = Transformer.from_crs("EPSG:3035", "EPSG:4326", always_xy=True).transform(x, y)
    script = """(p) => { let q = civigrid.map.latLngToContainerPoint(p), r = civigrid.map.getContainer();
      let b = r.getBoundingClientRect(); return [q.x + b.left, q.y + b.top]; }"""
    return tab.evaluate(script, [lat, lon])


def code_of(cells, k):
    """Code of a cell as its card writes it (INSPIRE)."""
    row, col = KM.row_col(ids_of(cells)[k : k + 1])
    return f"CRS3035RES1000mN{row[0] * 1000}E{col[0] * 1000}"
