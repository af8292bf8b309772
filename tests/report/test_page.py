"""The report as HTML: it asks for nothing, words stay words, and everyone can read it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import ARGS
from reports import HOSTILE, picture, report

from civigrid.errors import SchemaError
from civigrid.report import Document, html_of
from civigrid.report.document import Heading, PageBreak, Picture, Table, readable

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
VOID = {"meta", "img", "br"}


class Seen(HTMLParser):
    """Tags, their attributes and the words of a page; whether each tag that was opened is closed."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.words, self.open = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        """Close what is open."""
        assert self.open.pop() == tag

    def handle_data(self, data):
        """Note words."""
        self.words.append(data)

    def of(self, tag):
        """Attributes of each tag of a kind."""
        return [attrs for name, attrs in self.tags if name == tag]


@settings(max_examples=60)
@given(st.text(min_size=1).filter(lambda s: s.strip()))
def test_words_stay_words(words):
    """Whatever they are: no tag and no attribute comes from them, and a reader gets them back."""
    bare, made = Seen(html_of(report("a", drawn=False))), Seen(html_of(report(words, drawn=False)))

    assert [tag for tag, _ in made.tags] == [tag for tag, _ in bare.tags]
    assert [sorted(attrs) for _, attrs in made.tags] == [sorted(attrs) for _, attrs in bare.tags]
    assert made.open == []
    wanted = readable(words).replace("\r\n", "\n").replace("\r", "\n")
    assert wanted in [w.replace("\r\n", "\n").replace("\r", "\n") for w in made.words]


def test_the_page_asks_for_nothing():
    """No address but data inside and links to click; a policy that forbids the rest and knows the one style."""
    page = html_of(report(HOSTILE))
    seen = Seen(page)

    assert {a["src"].split(",")[0] for a in seen.of("img")} == {
        "data:image/png;base64", "data:image/svg+xml;base64"
    }  # fmt: skip
    assert not re.search(r"https?://|<script|<link|@import|url\(", page)
    (policy,) = [a["content"] for a in seen.of("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy


def test_everyone_can_read_it():
    """Language, one title, headings without a gap, landmarks, a text for each picture, tables with named rows."""
    seen = Seen(html_of(report("Größe", lang="de")))
    levels = [int(tag[1]) for tag, _ in seen.tags if re.fullmatch(r"h[1-6]", tag)]

    assert seen.of("html") == [{"lang": "de"}]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert all(len(seen.of(tag)) == 1 for tag in ("header", "main", "footer", "nav"))
    assert all(a["alt"] for a in seen.of("img"))
    assert {a["scope"] for a in seen.of("th")} == {"col", "row"}
    ids = [attrs["id"] for _, attrs in seen.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for a in seen.of("a") if a["href"].startswith("#")} <= set(ids)


def test_equal_documents_give_equal_pages():
    """Byte by byte, and another word another page."""
    assert html_of(report("a")) == html_of(report("a"))
    assert html_of(report("a")) != html_of(report("b"))


def test_the_least_a_report_can_hold():
    """A title alone is a page; without a title, a heading or a text for a picture there is none."""
    assert "<h1" in html_of(Document("a", "en", ()))
    assert "<nav" not in html_of(Document("a", "en", (PageBreak(), Heading("one"))))
    for wrong in (
        lambda: Document(" ", "en", ()), lambda: Heading(""), lambda: Picture(picture(), " ", ""),
        lambda: Table("t", ("a", "b"), (("1",),)),
    ):  # fmt: skip
        with pytest.raises(SchemaError):
            wrong()


@pytest.mark.browser
@pytest.mark.parametrize("size", [(1280, 900), (360, 740)], ids=["desktop", "phone"])
def test_axe_finds_nothing_and_nothing_runs(chromium, tmp_path, size):
    """In a browser without a network, with labels that would be code; and no line wider than a phone."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    from playwright.sync_api import sync_playwright

    path = tmp_path / "report.html"
    # a policy of 'none' keeps axe out too, so what is looked at is the page without it
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html_of(report(HOSTILE)))
    path.write_text(page, encoding="utf-8")
    (tmp_path / "strict.html").write_text(html_of(report(HOSTILE)), encoding="utf-8")
    heard = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        context = browser.new_context(offline=True, viewport={"width": size[0], "height": size[1]})
        context.on("request", lambda r: r.url.startswith(("file:", "data:")) or heard.append(r.url))
        tab = context.new_page()
        tab.on("console", lambda m: heard.append(m.text))
        tab.on("dialog", lambda d: (heard.append(d.message), d.dismiss()))
        tab.goto((tmp_path / "strict.html").as_uri())
        styled = tab.locator("h1").evaluate("e => getComputedStyle(e).fontSize")
        shown = tab.locator("img").evaluate_all("all => all.map(i => i.naturalWidth > 0)")
        tab.goto(path.as_uri())
        found = axe.Axe().run(tab, options={"runOnly": {"type": "tag", "values": TAGS}}).response
        wide = tab.evaluate("document.documentElement.scrollWidth")
        browser.close()

    assert (heard, found["violations"], styled, shown) == ([], [], "32px", [True, True])
    assert found["passes"]
    assert wide <= size[0]
