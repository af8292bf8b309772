"""The report of a run: a page for those who decide, of what the results say; whole in every language; never false."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pandas as pd
import pytest
from reports import HOSTILE, read_pdf

from civigrid.report import html_of, pdf_of
from civigrid.report.document import Heading, KeyFigures, PageBreak, Picture, Text
from civigrid.report.numbers import LANGUAGES
from civigrid.report.phrases import phrases
from civigrid.run import project_run, run_demo
from civigrid.run.reporting.answer import answer_of, limits_line
from civigrid.run.reporting.report import main_map, report_of, tells, write_report
from civigrid.run.reporting.tables import MOST_ROWS, tables_of

PERSONS = 4_000


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The demo on a small city: its folder, and what its report was made of."""
    folder, kept = tmp_path_factory.mktemp("report"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(project_run, "write_report", lambda made, to: kept.append(made) or write_report(made, to))
        run_demo(folder, persons=PERSONS)
    return folder, kept[0]


@pytest.fixture(scope="module")
def made(ran):
    """What the report was made of."""
    return ran[1]


@pytest.fixture(scope="module")
def documents(made):
    """The report in each language."""
    return {lang: report_of(replace(made, lang=lang)) for lang in LANGUAGES}


@pytest.fixture(scope="module")
def short(made):
    """What the report was made of, with one map and without drawn figures: enough for words, and quick."""
    return replace(made, drawn=(), run=replace(made.run, map=made.run.map[3:4]))


def words_of(value):
    """Every text of a document."""
    if isinstance(value, str):
        yield value
    elif is_dataclass(value):
        for field in fields(value):
            yield from words_of(getattr(value, field.name))
    elif isinstance(value, tuple):
        for each in value:
            yield from words_of(each)


def first_page(document):
    """What stands before the first break."""
    return document.blocks[: document.blocks.index(PageBreak())]


@pytest.mark.parametrize("lang", ["en", "de"])
def test_the_first_page_answers_the_question(made, documents, lang):
    """Question, answer, at most three key figures each with its interval or a word for none, one map, limits."""
    page = first_page(documents[lang])
    texts = [b for b in page if isinstance(b, Text)]
    (keys,) = [b.items for b in page if isinstance(b, KeyFigures)]

    assert (texts[0].role, texts[0].words) == ("question", made.run.question)
    assert (page[-1].role, len([b for b in page if isinstance(b, Picture)])) == ("limit", 1)
    assert 1 <= len(keys) <= 3
    assert all(k.value and k.interval and k.meaning for k in keys)
    assert [t.role for t in texts].count("answer") >= 2


def test_the_answer_is_what_the_results_say(made):
    """Of access the share of all residents; of segregation the largest value freed of chance, with its interval."""
    table = made.table
    share = table[(table["index"] == "share_beyond:one_stop") & (table["groups"] == "population")]["estimate"].iloc[0]
    on = table["parameters"].str.contains('"on": "register_200m"') & ~table["parameters"].str.contains("radius_m")
    uneven = table[(table["index"] == "D") & (table["zone"] == "all") & on].dropna(subset=["low"])
    top = uneven.sort_values("corrected").iloc[-1]
    sentences, keys, _ = answer_of(made)

    assert f"{100 * share:.1f}" in sentences[0]
    assert keys[0].value.startswith(f"{100 * share:.1f}")
    assert keys[1].value.startswith(f"{100 * top['corrected']:.1f}")
    assert all(f"{100 * top[k]:.1f}" in keys[1].interval for k in ("low", "high"))


def test_groups_that_do_not_differ_are_not_ranked(made):
    """Where intervals overlap no group is named alone; where they do not, the first stands alone."""
    table = made.table
    rows = (table["index"] == "D") & (table["zone"] == "all") & ~table["parameters"].str.contains("radius_m")
    alike, apart = table.copy(), table.copy()
    alike.loc[rows, ["low", "high"]] = [0.1, 0.9]
    order = np.argsort(np.argsort(-table.loc[rows, "corrected"].to_numpy(float)))
    apart.loc[rows, "low"] = apart.loc[rows, "high"] = 0.9 - 0.01 * order
    said = phrases("en")["sentences"]

    first = [answer_of(replace(made, table=t))[0][1] for t in (alike, apart)]
    assert first[0].startswith(said["uneven_none"].split("{")[0])
    assert "is spread most unevenly" in first[1]
    assert "do not differ clearly" in first[0]


@pytest.mark.parametrize("lang", ["en", "de"])
def test_every_word_is_filled_in(documents, lang):
    """No place is left open, no `nan`, and German reports hold no sentence of the English ones."""
    texts = list(words_of(documents[lang]))

    assert [t for t in texts if re.search(r"\{\w+\}|\bnan\b|\bNone\b", t)] == []
    other = phrases("de" if lang == "en" else "en")
    standing = [
        {w for part in ("page", "tables") for w in words_of(tuple(each[part].values())) if " " in w}
        for each in (other, phrases(lang))
    ]
    assert [t for t in texts if t in standing[0] - standing[1]] == []


def test_tables_hold_what_may_be_told(made):
    """Each number of a table is a released result, rounded; a result that is hidden is an empty cell."""
    told = made.told
    columns = ["estimate", "expected", "corrected", "low", "high", "persons"]
    known = np.unique(np.concatenate([told[c].dropna().to_numpy(float) for c in columns]))
    tables = list(tables_of(made))

    assert len(tables) > 10
    for table in tables:
        assert len(table.rows) <= MOST_ROWS
        assert len({row[0] for row in table.rows}) == len(table.rows)
        for words in (w for row in table.rows for w in row[1:]):
            for text in re.findall(r"-?\d[\d,]*\.?\d*(?:\u202f%)?", words):
                digits = len(text.rstrip("\u202f%").partition(".")[2])
                part = 100 if text.endswith("%") else 1
                value = float(text.rstrip("\u202f%").replace(",", "")) / part
                nearest = known[np.abs(known - value).argmin()]
                assert abs(nearest - value) <= 0.500001 * 10**-digits / part, (table.caption, words)


def test_hidden_results_are_empty(made):
    """Not zero and not left out: the row of the group stays."""
    table = made.table.copy()
    gone = (table["index"] == "share_beyond:library") & (table["groups"] == "region_a")
    table.loc[gone, "estimate"] = np.nan
    (lacking,) = [t for t in tables_of(replace(made, table=table)) if t.caption.startswith("No place within")]
    row = next(r for r in lacking.rows if r[0] == "Born in Region A")

    assert gone.sum() == 1
    assert row[lacking.head.index("library")] == ""


def test_maps_are_shown_once(made, documents):
    """That of the first page is of services, and no picture comes twice; what only names has none."""
    pictures = [b for b in documents["en"].blocks if isinstance(b, Picture) and b.suffix == "png"]
    item, variable = main_map(made)

    assert made.cells[item.cells][variable].attrs["units"] == "min"
    assert len({p.data for p in pictures}) == len(pictures) == 1 + len(made.run.map)
    assert {p.href for p in pictures} == {f"maps/{f.name}" for f in (made.base / "release" / "maps").iterdir()}


def test_a_map_of_what_is_hidden_tells_nothing(made):
    """One value, or too few of them, is no picture to choose."""
    name = "register_200m"
    assert tells(made, name, "minutes_doctor")
    cells = made.cells[name]
    flat = cells.assign(minutes_doctor=cells["minutes_doctor"] * 0)
    assert not tells(replace(made, cells=dict(made.cells) | {name: flat}), name, "minutes_doctor")
    few = cells["minutes_doctor"].where(np.arange(cells.sizes["cell"]) < 5)
    assert not tells(replace(made, cells={name: cells.assign(minutes_doctor=few)}), name, "minutes_doctor")


@pytest.mark.parametrize("lang", ["en", "de"])
def test_a_run_without_results_has_a_report(made, lang):
    """Cells alone, or nothing at all: the page says so, and both files are made."""
    nothing = pd.DataFrame(columns=made.ledger.columns), pd.DataFrame(columns=made.findings.columns)
    bare = replace(
        made, table=made.table.iloc[:0], drawn=(), ledger=nothing[0], findings=nothing[1], terms=(), about={},
        lang=lang,
        run=replace(made.run, map=(), title="  ", question="", segregation=(), access=(), onestop=(), reach=()),
    )  # fmt: skip
    for one in (bare, replace(bare, cells={}, run=replace(bare.run, cells=()))):
        document = report_of(one)
        assert document.title == phrases(lang)["page"]["untitled"]
        assert phrases(lang)["sentences"]["nothing"] in {b.words for b in document.blocks if isinstance(b, Text)}
        assert not [b for b in document.blocks if isinstance(b, Picture)]
        assert html_of(document).endswith("</html>\n")
        assert len(read_pdf(pdf_of(document)).pages) >= 2


def test_labels_of_the_data_never_become_code(short):
    """Names of groups, titles, questions and zones are words in the page and in the PDF."""
    made, cells = short, dict(short.cells)
    for name, one in cells.items():
        changed = one.copy()
        for variable in changed.data_vars:
            changed[variable].attrs = {**one[variable].attrs, "long_name": HOSTILE}
        cells[name] = changed
    table = made.table.assign(zone=made.table["zone"].where(made.table["zone"] == "all", HOSTILE))
    run = replace(made.run, title=HOSTILE, question=HOSTILE, purpose=HOSTILE)
    document = report_of(replace(made, cells=cells, table=table, run=run))
    page = html_of(document)

    assert "<script" not in page
    assert "<img src=x" not in page
    assert "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;" in page
    assert HOSTILE in " ".join(read_pdf(pdf_of(document)).pages[0].extract_text().split())


def test_equal_runs_give_equal_reports(short):
    """The same document, page and PDF each time; no path of the machine is in any word."""
    first, second = report_of(short), report_of(short)

    assert html_of(first) == html_of(second)
    assert pdf_of(first) == pdf_of(second)
    assert str(short.base) not in "\n".join(words_of(first))


def test_both_files_say_the_same(ran, documents):
    """Written beside the maps; the PDF begins with one page, and every heading of the page is one of the PDF."""
    folder, made = ran
    page = (folder / "release" / "report.html").read_text(encoding="utf-8")
    pages = read_pdf((folder / "release" / "report.pdf").read_bytes()).pages
    texts = ["".join(p.extract_text().split()) for p in pages]
    limit = limits_line(made, main_map(made)[0].cells)

    assert "".join(limit.split()) in texts[0].replace("\xad", "")
    assert texts[1].startswith("Maps")
    heads = [b.words for b in documents["en"].blocks if isinstance(b, Heading)]
    assert all("".join(h.split()) in "".join(texts) for h in heads)
    assert all(f'href="{p.href}"' in page for p in documents["en"].blocks if isinstance(p, Picture) and p.href)
