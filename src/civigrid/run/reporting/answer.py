"""The first page of a report: the answer in a few sentences, three key figures, who is worst served, the limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from civigrid.cells import status_of
from civigrid.report.document import KeyFigure
from civigrid.report.numbers import count_words, listed, percent_words, range_words
from civigrid.report.phrases import phrases
from civigrid.run import config
from civigrid.run.outputs import profile_of
from civigrid.run.reporting.findings import tours_of
from civigrid.run.reporting.made import Made, services
from civigrid.types import Status

KEYS = 3
NEARLY_ALIKE = 0.01
"""Groups whose shares without service lie within this are served nearly alike."""


def answer_of(made: Made) -> tuple[list[str], list[KeyFigure], list[str]]:
    """Give the sentences of the answer, the key figures, and who is worst served.  Services come first."""
    found = [*_access(made), *_uneven(made), *_tour(made)] or list(_error(made))
    sentences = [sentence for sentence, _, _ in found] or [made.says["nothing"]]
    keys = [key for _, key, _ in found][:KEYS]
    if len(keys) < KEYS:
        keys += list(_all_groups(made))[: KEYS - len(keys)]
    return sentences, keys, [words for _, _, more in found for words in more]


Said = tuple[str, KeyFigure, list[str]]
"""A sentence of the answer, its key figure, and what it says of the worst served."""


def _interval(made: Made, low: float, high: float) -> str:
    said = phrases(made.lang)["page"]
    span = range_words(low, high, made.lang, percent=True)
    return str(said["interval"].format(range=span) if span else said["no_interval"])


def _access(made: Made) -> Iterator[Said]:
    """Say how many residents have no place for all services, of the first access that was asked."""
    for item in made.run.access:
        rows = made.rows("share_beyond:one_stop", item.cells).dropna(subset=["estimate"])
        rows = rows[rows["about"].map(lambda a, kinds=item.kinds: a["bundle"] == "|".join(kinds)).astype(bool)]
        rows = rows.drop_duplicates("groups")
        if not len(rows) or rows["groups"].iloc[0] != item.total:
            continue
        whole = rows.iloc[0]
        a = whole["about"]
        given = {"bundle": services(a["bundle"]), "minutes": f"{a['threshold_min']:g}"}
        value = percent_words(whole["estimate"], made.lang)
        means = made.says["key_access_means"].format(**given)
        key = KeyFigure(made.says["key_access"], value, _interval(made, whole["low"], whole["high"]), means)
        sentence = made.says["access_short"].format(value=value, mode=made.mode(str(a.get("mode", ""))), **given)
        yield sentence, key, list(_worst(made, item, rows, given))
        return


def _worst(made: Made, item: config.Access, rows: pd.DataFrame, given: dict[str, str]) -> Iterator[str]:
    whole, groups = rows.iloc[0], rows.iloc[1:].sort_values("estimate")
    if len(groups) < 2:
        return
    best, worst = groups.iloc[0], groups.iloc[-1]
    counted = made.rows("beyond:one_stop", item.cells, bundle=whole["about"]["bundle"])
    people = counted.loc[counted["groups"] == worst["groups"], "estimate"]
    persons = count_words(float(people.iloc[0]), made.lang) if len(people) else ""
    words: dict[str, Any] = {
        "who": made.group(worst["groups"], item.cells), "best_who": made.group(best["groups"], item.cells),
        "persons": persons,
    }  # fmt: skip
    shares = {"value": worst, "best": best, "all": whole}
    words |= {k: percent_words(row["estimate"], made.lang) for k, row in shares.items()}
    alike = worst["estimate"] - best["estimate"] < NEARLY_ALIKE or not persons
    yield made.says["worst_none" if alike else "worst"].format(**words, **given)


def _uneven(made: Made) -> Iterator[Said]:
    """Say which groups live most unevenly, on the first cells asked; groups whose intervals overlap stand together."""
    for item in made.run.segregation:
        rows = made.rows("D", item.cells).dropna(subset=["estimate", "low", "high"]).drop_duplicates("groups")
        if not len(rows):
            continue
        chance_out = bool(rows["corrected"].notna().all())
        rows = rows.assign(value=rows["corrected"] if chance_out else rows["estimate"])
        rows = rows.sort_values("value", ascending=False)
        top = rows[rows["high"] >= rows["low"].iloc[0]]
        first = top.iloc[0]
        names = [made.group(g, item.cells) for g in top["groups"]]
        kind = "single" if len(rows) == 1 else "none" if len(top) == len(rows) else "one" if len(top) == 1 else "some"
        words = {
            "who": _together(names, made.lang), "n": len(rows), "value": percent_words(first["value"], made.lang),
            "range": range_words(first["low"], first["high"], made.lang, percent=True),
            "low": percent_words(top["low"].min(), made.lang), "high": percent_words(top["high"].max(), made.lang),
            "chance": made.says["chance_out" if chance_out else "chance_in"],
        }  # fmt: skip
        key = KeyFigure(
            made.says["key_uneven"].format(who=names[0]),
            words["value"],
            _interval(made, first["low"], first["high"]),
            made.says["key_uneven_means"],
        )
        yield made.says[f"uneven_{kind}"].format(**words), key, []
        return


def _together(names: list[str], lang: str) -> str:
    """Join names of groups, each in quotes where there are several: the sentence about one has its own."""
    marks = {"en": "“{}”", "de": "„{}“"}[lang]
    return names[0] if len(names) == 1 else listed([marks.format(name) for name in names], lang)


def _tour(made: Made) -> Iterator[Said]:
    """Say what the first persona needs for all its services."""
    for item in made.run.onestop:
        for persona, by_group in tours_of(made, item.cells):
            (trips, tour), *_ = by_group.values()
            if not (np.isfinite(trips) and np.isfinite(tour)):
                continue
            told = {"persona": persona, "trips": count_words(trips, made.lang), "tour": count_words(tour, made.lang)}
            key = KeyFigure(
                made.says["key_tour"].format(persona=persona),
                made.says["minutes"].format(value=told["tour"]),
                phrases(made.lang)["page"]["no_interval"],
                made.says["key_tour_means"].format(**told),
            )
            others = {g: m for g, (_, m) in list(by_group.items())[1:] if np.isfinite(m)}
            more = []
            if len(others) > 1 and (worst := max(others, key=lambda g: others[g])) and others[worst] > tour + 1:
                who, minutes = made.group(worst, item.cells), count_words(others[worst], made.lang)
                words = made.says["worst_tour"].format(persona=persona, who=who, minutes=minutes, all=told["tour"])
                more.append(words)
            yield made.says["tour_short"].format(**told), key, more
            return


def _error(made: Made) -> Iterator[Said]:
    """Say how wrong the best projection is that was compared."""
    errors = made.told[made.told["index"] == "total_allocation_error"].dropna(subset=["estimate"])
    if not len(errors):
        return
    best = errors.sort_values("estimate").iloc[0]
    words = {"on": best["about"]["on"], "reference": best["about"]["reference"]}
    value = percent_words(best["estimate"], made.lang)
    means = made.says["key_error_means"].format(**words)
    key = KeyFigure(made.says["key_error"], value, _interval(made, best["low"], best["high"]), means)
    yield made.says["error_short"].format(value=value, **words), key, []


def _all_groups(made: Made) -> Iterator[KeyFigure]:
    """Give the information index of all groups together, where another key figure is wanted."""
    for item in made.run.segregation:
        for _, row in made.rows("H_multi", item.cells).dropna(subset=["estimate"]).iterrows():
            value = row["corrected"] if np.isfinite(row["corrected"]) else row["estimate"]
            interval = _interval(made, row["low"], row["high"])
            yield KeyFigure(made.says["key_all"], percent_words(value, made.lang), interval, made.says["key_all_means"])


def hidden_counts(made: Made) -> list[tuple[str, int, int, int, int]]:
    """Give by set of cells: name, cells, cells with a hidden value, hidden values, values in all."""
    found = []
    for name, out in made.released.items():
        n, hidden = out.data.sizes["cell"], np.zeros(out.data.sizes["cell"], dtype=bool)
        for variable in out.actions:
            hidden |= status_of(out.data, variable) == Status.SUPPRESSED
        values = n * sum(1 for v in out.data.data_vars if not str(v).endswith("_status"))
        found.append((name, n, int(hidden.sum()), int(sum(out.actions.values())), values))
    return found


def limits_line(made: Made, main: str) -> str:
    """Say in one line what the first page cannot: what is hidden in the cells `main`, what was noticed, no causes."""
    said, profile = phrases(made.lang)["page"], str(profile_of(made.run))
    parts = []
    for name, _, cells, hidden, values in hidden_counts(made):
        if name == main:
            line = said["hidden_line"] if cells else said["nothing_hidden"]
            share = percent_words(hidden / max(values, 1), made.lang, digits=0)
            parts.append(line.format(cells=name, profile=profile, share=share))
    warned = int((made.findings["level"] == "warning").sum()) if "level" in made.findings else 0
    if warned:
        parts.append(said["warned"].format(n=warned, section=said["checks"]))
    return str(said["limit"].format(what="; ".join([*parts, said["no_causes"]]) + "."))
