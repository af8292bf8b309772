"""The report as PDF: one page first, tagged, readable by machines, with its own fonts, the same bytes each time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reports import HOSTILE, picture, read_pdf, report

from civigrid.report import Document, pdf_of
from civigrid.report.document import Heading, PageBreak, Picture, Table, Text


def text_of(page):
    """Words of a page, lines joined."""
    return " ".join(page.extract_text().split())


@pytest.mark.parametrize("answers", [1, 5, 9, 17])
@pytest.mark.parametrize("drawn", [True, False], ids=["map", "no map"])
def test_one_page_first_is_one_page(answers, drawn):
    """However much is to be said: the limits stand on the first page; a map without room moves to the second."""
    words = "Of all residents, 95.6 % have no single place with childcare, doctor, library, within 15 minutes. " * 2
    blocks = list(report("x", answers=1, drawn=drawn).blocks)
    blocks[2:3] = [Text(words, "answer")] * answers
    blocks[blocks.index(PageBreak()) - 1] = Text("THE LIMITS", "limit")
    pages = read_pdf(pdf_of(Document("A title of some length, for a city", "en", tuple(blocks)))).pages

    assert "THE LIMITS" in text_of(pages[0])
    moved = drawn and answers == 17
    assert text_of(pages[1]).startswith("x Open Maps" if moved else "Maps")
    assert [len(page.images) for page in pages[:2]] == ([0, 1] if moved else [int(drawn), 0])


def test_words_of_a_thousand_pages_are_written():
    """What cannot fit one page runs on; nothing is cut away and nothing fails."""
    told = Document("a", "en", (Text("word " * 2500, "answer"), Text("END"), PageBreak(), Heading("Maps")))
    pages = read_pdf(pdf_of(told)).pages

    assert "END" in " ".join(text_of(p) for p in pages)
    assert len(pages) > 2


def test_the_file_is_tagged_and_told():
    """PDF/UA-1: structure, language, a title that is shown, headings as bookmarks, texts of pictures."""
    data = pdf_of(report("Bibliotheken", lang="de"))
    pdf = read_pdf(data)
    root = pdf.trailer["/Root"]

    assert root["/MarkInfo"]["/Marked"] == True  # noqa: E712 -- an object of pypdf
    assert "/StructTreeRoot" in root
    assert root["/Lang"].split("-")[0] == "de"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"] == True  # noqa: E712
    assert pdf.metadata.title == "Bibliotheken"
    assert b"pdfuaid:part" in root["/Metadata"].get_data()
    assert {"Answer", "Maps", "Method"} <= {o.title for o in flat(pdf.outline)}
    kinds = tags(root["/StructTreeRoot"])
    assert {"/H1", "/H2", "/Table", "/TH", "/TD", "/L", "/Figure", "/Link"} <= {kind for kind, _ in kinds}
    assert all(alt for kind, alt in kinds if kind == "/Figure")


def flat(outline):
    """Bookmarks, those below others too."""
    for one in outline:
        yield from flat(one) if isinstance(one, list) else [one]


def tags(node):
    """Kind and text alternative of everything below a node of the structure."""
    found, left = [], [node]
    while left:
        one = left.pop()
        kids = one.get("/K", [])
        for kid in kids if isinstance(kids, list) else [kids]:
            kid = kid.get_object() if hasattr(kid, "get_object") else kid
            if hasattr(kid, "get") and "/S" in kid:
                found.append((kid["/S"], kid.get("/Alt", "")))
                left.append(kid)
    return found


def test_fonts_are_inside_and_nothing_is_asked_for():
    """Every font has its file; the only actions are links that someone clicks; no script."""
    data = pdf_of(report(HOSTILE))
    pdf = read_pdf(data)
    fonts = [f.get_object() for p in pdf.pages for f in p["/Resources"].get("/Font", {}).values()]
    described = [f.get("/DescendantFonts", [f])[0].get_object()["/FontDescriptor"].get_object() for f in fonts]

    assert fonts
    assert all({"/FontFile", "/FontFile2", "/FontFile3"} & set(d) for d in described)
    links = [a.get_object()["/A"] for p in pdf.pages for a in p.get("/Annots", []) if "/A" in a.get_object()]
    assert [link["/URI"] for link in links] == ["maps/a b.html"]
    assert b"/JavaScript" not in data
    assert "/OpenAction" not in pdf.trailer["/Root"]


def test_equal_reports_give_equal_bytes():
    """And no date is inside."""
    data = pdf_of(report("a"))

    assert data == pdf_of(report("a"))
    assert b"CreationDate" not in data


@pytest.mark.parametrize(
    "words",
    [HOSTILE, "*a* _b_ #c $d$ @e `f` <g> \\h // i /* j */ [k]", "= l", "- m", "1 % bis 2 %, „n“", "\u05d0\u05d1\u05d2"],
)
def test_words_are_no_markup(words):
    """They come back as they were written, in every kind of block."""
    pdf = read_pdf(pdf_of(report(words)))
    told = "".join(" ".join(p.extract_text() for p in pdf.pages).split())
    wanted = "".join(words.split())

    # text from right to left is handed out as it is seen
    assert min(told.count(wanted), 9) == 9 or told.count(wanted[::-1]) >= 9
    assert pdf.metadata.title == words


@settings(max_examples=15)
@given(st.text(min_size=1, max_size=60).filter(lambda s: s.strip()))
def test_any_words_make_a_report(words):
    """Control characters, halves of characters and scripts without a font are no reason to fail."""
    table = Table(words, (words, "n"), ((words, words),), frozenset({1}))
    assert pdf_of(Document(words, "en", (Text(words), Heading(words), table)))[:5] == b"%PDF-"


def test_pictures_of_both_kinds_and_all_shapes():
    """Tall and wide ones are shown whole; an empty report is one page with its title."""
    tall, wide = (Picture(picture(wide=w, high=h), "a", "b") for w, h in ((2, 9), (12, 1)))
    for one in (tall, wide, Picture(picture(".svg"), "a", "b")):
        pages = read_pdf(pdf_of(Document("a", "en", (Text("q"), one, PageBreak(), Heading("Maps"), one)))).pages
        assert len(pages) == 2
    assert len(read_pdf(pdf_of(Document("a", "en", ()))).pages) == 1
