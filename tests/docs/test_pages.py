"""The documentation: every page is in the navigation once, and each link and picture of it leads somewhere."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from civigrid.run.read_config import check_run

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LEFT_OUT = {"changes", "site"}
PAGES = sorted(p for p in DOCS.rglob("*.md") if p.relative_to(DOCS).parts[0] not in LEFT_OUT)
READ_OUTSIDE = [ROOT / name for name in ("README.md", "CONTRIBUTING.md")]
TREE = re.compile(r"```\{toctree\}\n(.*?)```", re.DOTALL)
MOST_BYTES = 250_000


def listed_in(page):
    """Pages that a page lists, patterns spelled out; only what stands in a table of contents."""
    for block in TREE.findall(page.read_text(encoding="utf-8")):
        names = [line for line in block.splitlines() if line and not line.startswith(":")]
        for name in names:
            found = sorted(DOCS.glob(f"{name}.md"))
            assert found, f"{page.name} lists {name}, which is no page"
            yield from found


def links_of(page):
    """Targets of links and pictures of a page, outside of code."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", text)


def loaded(name):
    """Load a part of the site's builder, without Sphinx."""
    pytest.importorskip("sphinx")
    spec = importlib.util.spec_from_file_location(name, DOCS / "site" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_is_in_the_navigation_once():
    """Whoever adds a page adds its line; a decision needs none."""
    listed = [found for page in PAGES for found in listed_in(page)]

    assert sorted([*listed, DOCS / "index.md"]) == PAGES


@pytest.mark.parametrize("page", [*PAGES, *READ_OUTSIDE], ids=lambda p: str(p.relative_to(ROOT)))
def test_relative_links_lead_to_files(page):
    """Both on a code host and on the site: relative, never from the root of a machine."""
    local = [link.partition("#")[0] for link in links_of(page) if not re.match(r"[a-z]+:|#", link)]

    assert [link for link in local if link.startswith("/") or not (page.parent / link).exists()] == []


def test_anchors_are_headings_of_their_page():
    """A link into a page names a heading of it, written as the site and code hosts write it."""
    broken = []
    for page in PAGES:
        for link in links_of(page):
            name, _, anchor = link.partition("#")
            if anchor and not re.match(r"[a-z]+:", link):
                text = (page.parent / name if name else page).read_text(encoding="utf-8")
                heads = re.findall(r"^#{1,4} (.+)$", text, re.MULTILINE)
                known = {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in heads}
                broken += [] if anchor in known else [f"{page.name}: {link}"]

    assert broken == []


def test_pages_have_one_title_and_no_path_of_a_machine():
    """The title is the first line; nothing tells where someone worked."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        code_out = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        assert len(re.findall(r"^# ", code_out, re.MULTILINE)) == 1, page.name
        assert text.startswith("# "), page.name
        assert not re.search(r"(?<!\w)/(?:home|root|work|tmp|Users)/", text), page.name


def test_pictures_are_small_and_described():
    """Each loads at once, and says in words what it shows."""
    pictures = [p for p in (DOCS / "images").iterdir() if p.suffix in {".png", ".svg"}]
    used = {(page.parent / link).resolve() for page in [*PAGES, *READ_OUTSIDE] for link in links_of(page)}
    bare = [p.name for p in [*PAGES, *READ_OUTSIDE] if "![](" in p.read_text(encoding="utf-8")]

    assert [p.name for p in pictures if p.stat().st_size > MOST_BYTES] == []
    assert [p.name for p in pictures if p.resolve() not in used] == []
    assert bare == []


def test_the_run_file_of_the_tutorial_is_understood(tmp_path):
    """Every key of it is one that the run file knows; it lacks only the city, which a reader has by then."""
    (block,) = re.findall(r"```toml\n(.*?)```", (DOCS / "tutorial.md").read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path / "mine.toml"
    path.write_text(block, encoding="utf-8")
    _, faults = check_run(path)

    assert ["havelmark/persons.parquet" in str(fault) for fault in faults] == [True]


def test_the_page_of_commands_tells_every_command():
    """With its words; a fault in what makes it would leave commands out."""
    from civigrid.cli import app

    text = loaded("pages_made").command_pages()
    names = [c.name or c.callback.__name__.replace("_", "-") for c in app.registered_commands]

    assert sorted(re.findall(r"^## (.+)$", text, re.MULTILINE)) == sorted(names)
    assert "`--profile`" in text


def test_every_room_with_public_names_has_its_page():
    """What a room offers stands in the reference; its readers and writers come of themselves."""
    rooms = [p.parent for p in (ROOT / "src" / "civigrid").rglob("__init__.py") if "__all__ = [" in p.read_text()]
    names = {".".join(("civigrid", *room.relative_to(ROOT / "src" / "civigrid").parts)) for room in rooms}
    told = {
        name
        for page in (DOCS / "api").glob("*.md")
        for name in re.findall(r"automodule:: (\S+)", page.read_text(encoding="utf-8"))
    }
    asked = {n for n in names if n.count(".") == 1 or (n.startswith("civigrid.layers.") and n.count(".") == 2)}

    assert asked - told == {"civigrid.catalog", "civigrid.cli"} & asked


def test_readers_and_writers_are_told():
    """Each module of files that reads or writes: with its public functions, and nothing that is private."""
    text = loaded("pages_made").files_pages(ROOT / "src" / "civigrid" / "io")

    assert "automodule:: civigrid.io.census\n" in text
    assert "read_census_grid" in text
    assert not re.search(r"[ ,]_\w", text)


def test_the_last_look_finds_what_would_be_loaded_from_elsewhere(tmp_path):
    """A script, a picture, a style, a font; and a folder of the machine.  A link to click is no request."""
    look = loaded("no_requests").faults
    (tmp_path / "good.html").write_text('<a href="https://example.org">a</a><img src="a.png"><link href="a.css">')
    assert look(tmp_path, ["/builder/here"]) == []

    (tmp_path / "bad.html").write_text(
        '<script src="https://x.org/a.js"></script><img alt="" src=\'//x.org/a.png\'>'
        '<link rel="stylesheet" href="https://x.org/a.css">/builder/here/docs'
    )
    (tmp_path / "bad.css").write_text("a { src: url(https://x.org/a.woff2) }")
    assert len(look(tmp_path, ["/builder/here"])) == 5
