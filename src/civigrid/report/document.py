"""A report as a list of blocks: what is said, before it becomes HTML or PDF; one model, so both say the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from civigrid.errors import SchemaError


@dataclass(frozen=True)
class Heading:
    """A heading; level 2 opens a section, 3 a part of it (1 is the title of the document)."""

    words: str
    level: Literal[2, 3] = 2


@dataclass(frozen=True)
class Text:
    """A paragraph: plain, the question, the answer, a note in lesser type, or one boxed as a limit."""

    words: str
    role: Literal["plain", "question", "answer", "note", "limit"] = "plain"


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class KeyFigure:
    """A figure to remember: its name, its value, how sure it is, and what it means in words."""

    name: str
    value: str
    interval: str
    meaning: str


@dataclass(frozen=True)
class KeyFigures:
    """Key figures side by side."""

    items: tuple[KeyFigure, ...]


@dataclass(frozen=True)
class Picture:
    """A picture with its text alternative.

    Parameters
    ----------
    data : bytes
        SVG or PNG, known by its first bytes.
    alt : str
        What it shows, for who cannot see it; never empty.
    caption : str
        Words below it.
    href : str
        Address, relative to the report, of the same as an interactive map; empty: none.
    link : str
        Words of that link.
    large : bool
        Over the whole width; else two stand side by side where there is room.
    """

    data: bytes
    alt: str
    caption: str
    href: str = ""
    link: str = ""
    large: bool = True

    def __post_init__(self) -> None:
        if not self.alt.strip():
            raise SchemaError("a picture of a report needs a text alternative: give alt=.")

    @property
    def suffix(self) -> Literal["png", "svg"]:
        """Kind of the picture."""
        return "png" if self.data.startswith(b"\x89PNG") else "svg"


@dataclass(frozen=True)
class Table:
    """A table: the first column names its row.

    Parameters
    ----------
    caption : str
        What it holds.
    head : tuple of str
        One word per column.
    rows : tuple of tuple of str
        Written as they shall be read.
    numbers : frozenset of int
        Columns set to the right.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if wrong := [row for row in self.rows if len(row) != len(self.head)]:
            raise SchemaError(
                f"table {self.caption!r}: {len(wrong)} rows have not {len(self.head)} cells (first: {wrong[0]})."
            )


@dataclass(frozen=True)
class Code:
    """Lines to type, or to compare letter by letter."""

    words: str


@dataclass(frozen=True)
class PageBreak:
    """What follows begins on a new page of paper."""


Block = Heading | Text | Bullets | KeyFigures | Picture | Table | Code | PageBreak


@dataclass(frozen=True)
class Document:
    """A report.

    Parameters
    ----------
    title : str
        The one heading of level 1.
    lang : str
        Language of its words, as ``en`` or ``de``.
    blocks : tuple of Block
        What it says, in order; what stands before the first `PageBreak` is the first page.
    footer : str
        Words at the foot of every page.
    contents : str
        Heading of the table of contents.
    """

    title: str
    lang: str
    blocks: tuple[Block, ...]
    footer: str = ""
    contents: str = "Contents"

    def sections(self) -> tuple[tuple[int, str], ...]:
        """Headings of level 2 with their position among the blocks.

        >>> Document("A", "en", (Text("b"), Heading("C"), Heading("D", 3))).sections()
        ((1, 'C'),)
        """
        return tuple((k, b.words) for k, b in enumerate(self.blocks) if isinstance(b, Heading) and b.level == 2)
