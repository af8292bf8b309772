"""All findings of a run as sentences, one heading after the other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from civigrid.report.numbers import count_words, listed, percent_words, range_words
from civigrid.run.reporting.made import Made, services


def findings_of(made: Made) -> list[tuple[str, list[str]]]:
    """Give headings, and under each the sentences of its results; a heading without sentences is left out."""
    found: list[tuple[str, list[str]]] = []
    for name in made.cells:
        words = {"cells": f"“{name}”" if made.lang == "en" else f"„{name}“", "grid": made.grid(name)}
        uneven = [_evenness(row, name, made) for _, row in made.rows("D", name).iterrows()]
        found.append((made.says["segregation_on"].format(**words), uneven))
        reached = [*_beyond(made, name), *persona_sentences(made, name)]
        found.append((made.says["access_on"].format(**words), reached))
    found.append((made.says["reach_title"], list(_reach(made))))
    found.append((made.says["validation_title"], list(_errors(made))))
    return [(words, sentences) for words, sentences in found if sentences]


def _evenness(row: pd.Series, name: str, made: Made) -> str:
    """Say a dissimilarity with what chance makes; where nothing was told, say nothing of it."""
    says, lang = made.says, made.lang
    span = range_words(row["low"], row["high"], lang, percent=True)
    if np.isfinite(row["expected"]):
        chance, corrected = (percent_words(row[k], lang) for k in ("expected", "corrected"))
        rest = says["corrected"].format(chance=chance, corrected=corrected, range=span)
        rest += says["chance_rules"] if row["expected"] > row["estimate"] / 2 else ""
    else:
        rest = says["as_measured"].format(range=span)
    value = percent_words(row["estimate"], lang)
    return str(says["evenness"].format(who=made.group(row["groups"], name), value=value, rest=rest))


def _beyond(made: Made, name: str) -> Iterator[str]:
    """Say for each bundle how many have no place for all of it, all groups in one sentence."""
    rows = made.rows("share_beyond:one_stop", name).dropna(subset=["estimate"])
    asked = rows["about"].map(lambda a: (a["bundle"], a["threshold_min"]))
    for bundle, minutes in dict.fromkeys(asked):
        shares = [
            made.says["share_of"].format(
                who=made.group(row["groups"], name), value=percent_words(row["estimate"], made.lang)
            )
            for _, row in rows[asked == (bundle, minutes)].drop_duplicates("groups").iterrows()
        ]
        given = {"bundle": services(bundle), "minutes": f"{minutes:g}", "shares": listed(shares, made.lang)}
        yield str(made.says["beyond"].format(**given))


def tours_of(made: Made, name: str) -> Iterator[tuple[str, dict[str, tuple[float, float]]]]:
    """Give each persona with, by group, the mean minutes of separate trips and of one tour; all residents first."""
    trips, tours = made.rows("mean:round_separate", name), made.rows("mean:round_chain", name)
    for persona in dict.fromkeys(a.get("persona", "") for a in tours["about"]):
        of = [t[t["about"].map(lambda a, p=persona: a.get("persona") == p).astype(bool)] for t in (trips, tours)]
        separate, chain = (dict(zip(t["groups"], t["estimate"].astype(float), strict=True)) for t in of)
        yield str(persona), {g: (separate.get(g, np.nan), minutes) for g, minutes in chain.items()}


def persona_sentences(made: Made, name: str) -> Iterator[str]:
    """Say for each persona what all residents of the cells `name` need, and which group needs most."""
    for persona, by_group in tours_of(made, name):
        (trips, tour), *_ = by_group.values()
        if not (np.isfinite(tour) and np.isfinite(trips)):
            continue
        others = {g: m for g, (_, m) in list(by_group.items())[1:] if np.isfinite(m)}
        most = ""
        if others:
            worst = max(others, key=lambda g: others[g])
            minutes = count_words(others[worst], made.lang)
            most = made.says["tour_most"].format(minutes=minutes, who=made.group(worst, name))
        told = {"trips": count_words(trips, made.lang), "tour": count_words(tour, made.lang), "most": most}
        yield made.says["tour"].format(persona=persona.capitalize(), **told)


def _reach(made: Made) -> Iterator[str]:
    """Say at how many services a group is below parity, beside how many pairs chance alone would put there."""
    known = made.told[made.told["index"] == "representation"].dropna(subset=["estimate", "low", "high"])
    if not len(known):
        return
    below = known[known["high"] < 1]
    counts = {"n": below["zone"].nunique(), "sites": known["zone"].nunique(), "pairs": len(below), "tested": len(known)}
    # of a 95 % interval one side is missed by chance in 2.5 % of pairs
    yield made.says["below"].format(**counts, chance=count_words(0.025 * len(known), made.lang))


def _errors(made: Made) -> Iterator[str]:
    errors = made.told[made.told["index"] == "total_allocation_error"]
    for value, a in zip(errors["estimate"], errors["about"], strict=True):
        words = {"on": a["on"], "grid": made.grid(a["on"]) or a["grid"], "reference": a["reference"]}
        yield made.says["error"].format(value=percent_words(value, made.lang), **words)


def index_sources(made: Made) -> str:
    """Name the sources of all indices of the results, each once."""
    told = dict.fromkeys(str(a["source"]) for a in made.told["about"] if a.get("source"))
    return listed(sorted(told), made.lang)
