"""The tables of a report: what people ask of results, a group or a place in each row; all rows are in results.csv."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from civigrid.layers.segregation import INDICES
from civigrid.report.document import Table
from civigrid.report.numbers import count_words, decimal_words, figure_of, percent_words, range_words
from civigrid.report.phrases import phrases
from civigrid.run.reporting.made import Made, of_neighbours, services

MAIN, TOGETHER = "D", ("D_multi", "H_multi")
"""Index that stands alone with all its figures; indices of all groups that are told by zone."""
MOST_ROWS = 60
"""Zones or services of a table; the others are in results.csv."""
OF_PERSONAS = (
    "mean:round_separate", "mean:round_one_stop", "mean:round_chain", "share_beyond:round_chain", "mean:completeness",
    "hours_saved",
)  # fmt: skip
SHARES = ("share_beyond:", "mean:completeness", "total_allocation_error")
"""Indices, by how they begin, that are shares and told in percent."""
ERRORS = ("total_allocation_error", "mean_absolute_error", "root_mean_square_error", "correlation")


def tables_of(made: Made) -> Iterator[Table]:
    """Give the tables of results, topic by topic; those without rows are left out."""
    for name in made.cells:
        for table in (*_segregation(made, name), *_access(made, name), *_personas(made, name)):
            if table.rows:
                yield table
    yield from (table for table in (_reach(made), _errors(made)) if table.rows)


def _segregation(made: Made, name: str) -> Iterator[Table]:
    says, lang = phrases(made.lang)["tables"], made.lang
    mine = made.told[(made.told["topic"] == "segregation") & (made.told["about"].map(lambda a: a.get("on")) == name)]
    at, around = mine[~of_neighbours(mine)], mine[of_neighbours(mine)]
    whole = at[at["zone"] == "all"]
    each = whole[(whole["index"] == MAIN) & whole["estimate"].notna()]
    yield Table(
        says["main"].format(cells=name),
        says["main_head"],
        tuple((made.group(row["groups"], name), *_figures(made, row)) for _, row in each.iterrows()),
        frozenset({1, 2, 3, 4}),
    )
    single = ~whole["groups"].str.contains("|", regex=False)
    others = whole[single & whole["index"].isin([n for n, i in INDICES.items() if i.groups == "each" and n != MAIN])]
    yield _pivot(made, says["others"].format(cells=name), says["group"], _by_group(made, others, name))
    of_all = [n for n, i in INDICES.items() if i.groups in ("all", "ordered")]
    together = whole[~single & whole["index"].isin(of_all)].drop_duplicates("index")
    rows = [(index_words(row["index"], lang), *_figures(made, row)) for _, row in together.iterrows()]
    yield Table(says["together"].format(cells=name), says["together_head"], tuple(rows), frozenset({1, 2, 3, 4}))
    near = around[(around["zone"] == "all") & (around["index"] == MAIN)]
    yield _pivot(made, says["around"].format(cells=name), says["group"], _by_group(made, near, name, near=True))
    yield from _by_zone(made, at[at["zone"] != "all"], name)


def _by_zone(made: Made, rows: pd.DataFrame, name: str) -> Iterator[Table]:
    """Give the indices of all groups together by zone, the largest zones first."""
    says = phrases(made.lang)["tables"]
    wanted = rows[rows["index"].isin(TOGETHER)].sort_values("persons", ascending=False, kind="stable")
    for groups, part in wanted.groupby("groups", sort=False):
        entries = [
            (str(r["zone"]), index_words(r["index"], made.lang), _with_range(made, r)) for _, r in part.iterrows()
        ]
        people = part.drop_duplicates("zone").set_index("zone")["persons"]
        entries += [(str(z), says["residents"], count_words(float(n), made.lang)) for z, n in people.items()]
        words = ", ".join(made.group(g, name) for g in str(groups).split("|"))
        yield _pivot(made, says["by_zone"].format(cells=name, groups=words), says["zone"], entries)


def _access(made: Made, name: str) -> Iterator[Table]:
    """Give who lacks which service, and how many minutes it is, by group."""
    says = phrases(made.lang)["tables"]
    mine = made.told[made.told["about"].map(lambda a: a.get("on") == name and "persona" not in a).astype(bool)]
    for start, caption in (("share_beyond:", says["beyond"]), ("mean_minutes:", says["minutes"])):
        rows = mine[mine["index"].str.startswith(start)]
        bundles = rows["about"].map(lambda a: (a.get("bundle", ""), a.get("threshold_min", 0)))
        for bundle, minutes in dict.fromkeys(bundles):
            part = rows[bundles == (bundle, minutes)]
            entries = [
                (made.group(r["groups"], name), _kind(made, r["index"].removeprefix(start)), _figure(made, r))
                for _, r in part.iterrows()
            ]
            words = caption.format(bundle=services(bundle), minutes=f"{minutes:g}", cells=name)
            yield _pivot(made, words, says["group"], entries)


def _kind(made: Made, kind: str) -> str:
    return str(phrases(made.lang)["tables"]["one_stop"]) if kind == "one_stop" else services(kind)


def _personas(made: Made, name: str) -> Iterator[Table]:
    """Give what each persona needs, by group."""
    says = phrases(made.lang)["tables"]
    mine = made.told[made.told["about"].map(lambda a: a.get("on") == name and "edits" not in a).astype(bool)]
    mine = mine[mine["index"].isin(OF_PERSONAS)]
    persona = mine["about"].map(lambda a: str(a.get("persona", "")))
    for one in dict.fromkeys(persona):
        part = mine[persona == one]
        ordered = sorted(part.iterrows(), key=lambda kr: OF_PERSONAS.index(kr[1]["index"]))
        entries = [(made.group(r["groups"], name), says["personas"][r["index"]], _figure(made, r)) for _, r in ordered]
        yield _pivot(made, says["persona"].format(persona=one), says["group"], entries)


def _reach(made: Made) -> Table:
    """Give by service how far each group uses it as its share of the people around says, clear cases marked."""
    says = phrases(made.lang)["tables"]
    rows = made.told[made.told["index"] == "representation"].dropna(subset=["estimate"])
    known = next((o.cells for o in made.run.reach), "")
    entries = [(str(r["zone"]), made.group(r["groups"], known), _marked(made, r)) for _, r in rows.iterrows()]
    return _pivot(made, says["reach"], says["service"], entries)


def _errors(made: Made) -> Table:
    says = phrases(made.lang)["tables"]
    rows = made.told[made.told["index"].isin(ERRORS)]
    entries = [
        (says["against"].format(on=r["about"]["on"], reference=r["about"]["reference"]), says["errors"][r["index"]],
         _figure(made, r))
        for _, r in rows.iterrows()
    ]  # fmt: skip
    return _pivot(made, says["validation"], says["cells"], entries)


def index_words(index: str, lang: str) -> str:
    """Give the name of an index in plain words, with the sign by which results.csv knows it.

    >>> index_words("D", "en"), index_words("D", "de")
    ('Dissimilarity (D)', 'Dissimilarität (D)')
    """
    known = phrases(lang)["indices"].get(index) or (INDICES[index].title if index in INDICES else index)
    return known if known.lower() == index.lower() else f"{known} ({index})"


def _by_group(made: Made, rows: pd.DataFrame, name: str, *, near: bool = False) -> list[tuple[str, str, str]]:
    told = _radius if near else lambda made, row: index_words(row["index"], made.lang)
    return [(made.group(r["groups"], name), told(made, r), _with_range(made, r)) for _, r in rows.iterrows()]


def _radius(made: Made, row: pd.Series) -> str:
    about, says = row["about"], phrases(made.lang)["tables"]
    if "k" in about:
        return str(says["nearest"].format(k=count_words(float(about["k"]), made.lang)))
    return str(says["radius"].format(m=count_words(float(about["radius_m"]), made.lang)))


def _figures(made: Made, row: pd.Series) -> tuple[str, ...]:
    values = [figure_of(float(row[k]), made.lang) for k in ("estimate", "expected", "corrected")]
    return (*values, range_words(float(row["low"]), float(row["high"]), made.lang))


def _with_range(made: Made, row: pd.Series) -> str:
    """Write what is left after chance, where that is known, with its interval."""
    value = row["corrected"] if np.isfinite(row["corrected"]) else row["estimate"]
    span = range_words(float(row["low"]), float(row["high"]), made.lang)
    written = figure_of(float(value), made.lang)
    return f"{written} ({span})" if span and written else written


def _figure(made: Made, row: pd.Series) -> str:
    value = float(row["estimate"])
    if str(row["index"]).startswith(SHARES):
        return percent_words(value, made.lang)
    if "minutes" in str(row["index"]) or str(row["index"]).startswith("mean:round"):
        return count_words(value, made.lang)
    return decimal_words(value, made.lang) if row["index"] == "hours_saved" else figure_of(value, made.lang)


def _marked(made: Made, row: pd.Series) -> str:
    value = float(row["estimate"])
    mark = " ▼" if row["high"] < 1 else " ▲" if row["low"] > 1 else ""
    return decimal_words(value, made.lang, digits=2) + mark


def _pivot(made: Made, caption: str, first: str, entries: list[tuple[str, str, str]]) -> Table:
    """Set entries (row, column, words) side by side, in the order in which they came."""
    rows = list(dict.fromkeys(row for row, _, _ in entries))
    columns = list(dict.fromkeys(column for _, column, _ in entries))
    at = {(row, column): words for row, column, words in entries}
    cut = len(rows) > MOST_ROWS
    written = tuple((row, *(at.get((row, c), "") for c in columns)) for row in rows[:MOST_ROWS])
    more = f" {phrases(made.lang)['tables']['cut'].format(n=MOST_ROWS, all=len(rows))}" if cut else ""
    right = frozenset(k + 1 for k, c in enumerate(columns) if all("(" not in at.get((row, c), "") for row in rows))
    return Table(caption + more, (first, *columns), written, right)
