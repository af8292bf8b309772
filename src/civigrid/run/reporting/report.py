"""The report of a run: one page first, then maps, figures, findings, method, limits, tables and sources."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from civigrid.cells import values_of
from civigrid.io.atomic import write_bytes, write_text
from civigrid.io.tables import read_shapes
from civigrid.release import release
from civigrid.report import comparison_figure, figure_bytes, html_of, interval_figure, pdf_of
from civigrid.report.document import (
    Block,
    Bullets,
    Code,
    Document,
    Heading,
    KeyFigures,
    PageBreak,
    Picture,
    Table,
    Text,
)
from civigrid.report.numbers import count_words, figure_of, known_language, listed
from civigrid.report.phrases import phrases
from civigrid.report.picture_looks import Looks
from civigrid.report.static_map import static_map
from civigrid.run import config
from civigrid.run.outputs import page_of, profile_of
from civigrid.run.paths import resolve
from civigrid.run.reporting.answer import answer_of, hidden_counts, limits_line
from civigrid.run.reporting.findings import findings_of
from civigrid.run.reporting.made import Made, of_neighbours
from civigrid.run.reporting.method import maup_words, method_of, modes_of
from civigrid.run.reporting.tables import tables_of

TELLING = 0.3
"""Part of the cells whose value must be seen for a map to be chosen before others."""
NOTICED = ["cells", "level", "message", "count"]
LEAST = 0.001
"""Persons below which a sum of parts is told as less than this."""
DPI = 150
"""Dots to the inch of the maps of a report, which are about 18 cm wide."""


def write_report(made: Made, folder: Path) -> list[Path]:
    """Write ``report.html`` and ``report.pdf``, which say the same; give their paths."""
    document = report_of(made)
    paths = [folder / "report.html", folder / "report.pdf"]
    write_text(paths[0], html_of(document))
    write_bytes(paths[1], pdf_of(document))
    return paths


def report_of(made: Made) -> Document:
    """Compose the report of a run.

    Parameters
    ----------
    made : Made
        What the run made; `made.lang` is the language of the report.

    Returns
    -------
    Document
        First page: question, answer, the one map, key figures, who is worst served, limits.  Then everything else.
    """
    said = phrases(known_language(made.lang))["page"]
    blocks = [*_first_page(made), PageBreak(), *_maps(made), *_figures(made), *_findings(made)]
    blocks += [*_method(made), *_limits(made), *_tables(made), *_checks(made), *_sources(made)]
    title = made.run.title.strip() or said["untitled"]
    footer = said["footer"].format(title=title, version=made.about.get("civigrid", ""))
    return Document(title, made.lang, tuple(blocks), footer=footer, contents=said["contents"])


def main_map(made: Made) -> tuple[config.Map, str] | None:
    """Choose the map of the first page and its variable: one of services, where there is one, else the first.

    What services lack is told before where people live.
    """
    known = [(m, v) for m in made.run.map for v in drawable(made, m)]
    minutes = [(m, v) for m, v in known if made.cells[m.cells][v].attrs.get("units") == "min"]
    of_place = [(m, v) for m, v in minutes if made.cells[m.cells][v].attrs.get("of_place")]
    return next(iter([*of_place, *minutes, *known]), None)


def _first_page(made: Made) -> Iterator[Block]:
    said = phrases(made.lang)["page"]
    sentences, keys, worst = answer_of(made)
    yield Text(made.run.question, "question")
    yield Heading(said["answer"])
    yield from (Text(sentence, "answer") for sentence in sentences)
    if keys:
        yield KeyFigures(tuple(keys))
    chosen = main_map(made)
    if chosen is not None:
        yield _map_picture(made, *chosen)
    if worst:
        yield Heading(said["worst"])
        yield from (Text(sentence) for sentence in worst)
    main = chosen[0].cells if chosen else next(iter(made.cells), "")
    yield Text(limits_line(made, main), "limit")


def _map_picture(made: Made, item: config.Map, variable: str) -> Picture:
    """Draw a map as a picture that leads to the interactive one."""
    outline = read_shapes(resolve(item.outline, made.base)).geometry if item.outline else None
    drawn = static_map(made.released[item.cells], variable, Looks(page="A5", dpi=DPI, lang=made.lang, outline=outline))
    caption = f"{item.title}. {item.question}" if item.question else f"{item.title}."
    link = phrases(made.lang)["page"]["interactive"]
    return Picture(drawn.to_bytes(".png"), drawn.alt, caption, page_of(item), link)


def drawable(made: Made, item: config.Map) -> list[str]:
    """Give the variables of a map that are amounts: what only names something in each cell has no picture."""
    cells = made.cells.get(item.cells)
    return [] if cells is None else [v for v in item.variables if v in cells and cells[v].attrs.get("words") is None]


def tells(made: Made, cells: str, variable: str) -> bool:
    """Say whether a picture of a variable would show more than what is hidden."""
    values = values_of(made.released[cells].data, variable)
    known = values[np.isfinite(values)]
    return len(known) > TELLING * len(values) and bool(np.ptp(known) > 0)


def _maps(made: Made) -> Iterator[Block]:
    """Show every map by its first variable that tells something and that no picture before it shows."""
    first = main_map(made)
    shown = {(first[0].cells, first[1])} if first else set()
    chosen = []
    for item in made.run.map:
        left = [v for v in drawable(made, item) if (item.cells, v) not in shown]
        if left:
            variable = next((v for v in left if tells(made, item.cells, v)), left[0])
            shown.add((item.cells, variable))
            chosen.append((item, variable))
    if chosen:
        yield Heading(phrases(made.lang)["page"]["maps"])
        yield from (_map_picture(made, *one) for one in chosen)


def _figures(made: Made) -> Iterator[Block]:
    said, profile, table = phrases(made.lang)["page"], profile_of(made.run), made.table
    pictures = [Picture(figure_bytes(figure, ".svg"), words, f"{words}.") for words, figure in made.drawn]
    by_zone = table[(table["index"] == "H_multi") & (table["zone"] != "all") & ~of_neighbours(table)]
    for groups, part in by_zone.groupby("groups", sort=False):
        on = str(part["parameters"].map(json.loads).iloc[0].get("on", ""))
        names = [made.group(g, on) for g in str(groups).split("|")]
        words = said["figure_zones"].format(groups=listed(names, made.lang))
        pictures.append(_svg(interval_figure(release(part, profile), "H_multi", lang=made.lang), words))
    if (table["topic"] == "validation").any():
        pictures.append(_svg(comparison_figure(release(table, profile), made.lang), said["figure_errors"]))
    if pictures:
        yield Heading(said["figures"])
        yield from pictures


def _svg(text: str, words: str) -> Picture:
    return Picture(text.encode(), words, f"{words}.")


def _findings(made: Made) -> Iterator[Block]:
    found = findings_of(made)
    if found:
        yield Heading(phrases(made.lang)["page"]["found"])
    for words, sentences in found:
        yield Heading(words, 3)
        yield Bullets(tuple(sentences))


def _method(made: Made) -> Iterator[Block]:
    yield Heading(phrases(made.lang)["page"]["method"])
    yield Bullets(tuple(method_of(made)))


def _limits(made: Made) -> Iterator[Block]:
    """Say what is hidden, what chance does, what the choice of cells does, and what may not be concluded."""
    said, profile = phrases(made.lang)["page"], profile_of(made.run)
    yield Heading(said["limits"])
    yield Bullets(said["not_concluded"])
    yield Text(said["chance"])
    if modes := modes_of(made):
        yield Text(said["counts_no_interval"].format(modes="; ".join(modes)))
    yield Text(maup_words(made))
    yield Text(said["hidden"].format(profile=profile))
    rows = [(name, *(count_words(v, made.lang) for v in counts)) for name, *counts in hidden_counts(made)]
    yield Table(said["hidden_caption"], said["hidden_head"], tuple(rows), frozenset({1, 2, 3, 4}))
    if made.run.purpose:
        yield Text(said["purpose"].format(purpose=made.run.purpose.rstrip(".")))


def _tables(made: Made) -> Iterator[Block]:
    """Show what people ask of the results; all rows are in results.csv."""
    tables = list(tables_of(made))
    if tables:
        yield Heading(phrases(made.lang)["page"]["tables"])
        yield Text(phrases(made.lang)["page"]["all_rows"], "note")
        yield from tables


def _checks(made: Made) -> Iterator[Block]:
    """Show where every person went, and what the readers noticed: sums and counts of faults, nothing by cell."""
    said, lang = phrases(made.lang)["page"], made.lang
    ledger, findings = made.ledger, made.findings
    if not (len(ledger) or len(findings)):
        return
    yield Heading(said["checks"])
    if len(ledger):
        rows = ledger[["cells", "variable", "total", "placed", "outside", "unplaceable", "error"]]
        numbers = [(str(r[0]), str(r[1]), *(_sum(float(v), lang) for v in r[2:])) for r in rows.to_numpy()]
        yield Table(said["ledger"], said["ledger_head"], tuple(numbers), frozenset({2, 3, 4, 5, 6}))
    if len(findings):
        told = [tuple(map(str, r)) for r in findings[NOTICED].drop_duplicates().to_numpy()]
        yield Table(said["noticed"], said["noticed_head"], tuple(told), frozenset({3}))


def _sum(value: float, lang: str) -> str:
    """Write a sum of persons: whole where it is; what rounding leaves is told as what it is below."""
    if value == round(value):
        return count_words(value + 0.0, lang)
    return figure_of(value, lang) if abs(value) >= LEAST else f"< {figure_of(LEAST, lang)}"


def _sources(made: Made) -> Iterator[Block]:
    """Name publishers and licences, files and their hashes, the words to cite, and the command that makes it again."""
    said, about = phrases(made.lang)["page"], made.about
    credit = dict.fromkeys((t.attribution or t.publisher, t.licence) for t in made.terms)
    named = [f"{who} ({licence})" if licence else who for who, licence in credit if who]
    yield Heading(said["sources"])
    if named:
        yield Bullets(tuple(named))
    inputs = about.get("inputs", ())
    if inputs:
        files = tuple((i["source"], i["licence"], i["file"], i["sha256"][:16]) for i in inputs)
        yield Table(said["source_caption"], said["source_head"], files)
    version, code = about.get("civigrid", ""), str(about.get("code_sha256", ""))[:12]
    yield Heading(said["cite"])
    cite = said["cite_text"].format(title=made.run.title, version=version, code=code, sources="; ".join(named))
    yield Text(cite.strip())
    yield Heading(said["reproduce"])
    yield Text(said["reproduce_text"])
    yield Code(f"civigrid run {made.file}")
    libraries = {"civigrid": version, "Python": about.get("python", ""), **about.get("libraries", {})}
    rows = tuple((name, str(number)) for name, number in libraries.items() if number)
    if rows:
        yield Table(said["library_caption"], said["library_head"], rows)
