"""A report with every kind of block, of words that try to be more than words."""

from io import BytesIO

from matplotlib.figure import Figure

from civigrid.report import Document, figure_bytes
from civigrid.report.document import (
    Bullets,
    Code,
    Heading,
    KeyFigure,
    KeyFigures,
    PageBreak,
    Picture,
    Table,
    Text,
)

HOSTILE = "</script><img src=x onerror=alert(1)>"


def picture(suffix=".png", *, wide=6.0, high=4.0):
    """A drawn figure as bytes."""
    figure = Figure(figsize=(wide, high))
    figure.subplots().plot([1, 2, 1])
    return figure_bytes(figure, suffix)


def report(words="Libraries", *, lang="en", answers=1, drawn=True):
    """A report whose words are all made of `words`."""
    keys = KeyFigures((KeyFigure(words, "91 %", "90 % to 92 %", words), KeyFigure("b", "2", "", ""),))  # fmt: skip
    map_ = [Picture(picture(), f"Map of {words}", words, "maps/a b.html", "Open")] if drawn else []
    first = [Text(words, "question"), Heading("Answer"), *[Text(words, "answer")] * answers, keys, *map_]
    rest = [
        Heading("Maps"), Picture(picture(".svg"), words, words, large=False), Heading(words, 3), Bullets((words, "b")),
        Table(words, (words, "n"), ((words, "1,000"), ("b", "2")), frozenset({1})), Heading("Method"), Code(words),
        Text(words, "note"),
    ]  # fmt: skip
    blocks = (*first, Text(words, "limit"), PageBreak(), *rest)
    return Document(words, lang, blocks, footer=f"{words}.")


def read_pdf(data):
    """Open a PDF from memory."""
    import pytest

    pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed: PDFs cannot be read back")
    return pypdf.PdfReader(BytesIO(data))
