"""How a run did it, in plain words: each step of the run file as one sentence."""

from __future__ import annotations

from collections.abc import Iterator

from civigrid.report.numbers import count_words, listed
from civigrid.report.phrases import phrases
from civigrid.run.reporting.findings import index_sources
from civigrid.run.reporting.made import Made, services


def method_of(made: Made) -> Iterator[str]:
    """Tell every step, in the order of the run file."""
    run, says, lang = made.run, phrases(made.lang)["methods"], made.lang
    for item in run.cells:
        words = {"name": item.name, "source": item.source, "weights": item.weights, "grid": made.grid(item.name)}
        yield says[item.method].format(**words)
    for of in run.segregation:
        yield says["segregation"].format(
            groups=listed([made.group(g, of.cells) for g in of.groups], lang), cells=of.cells
        )
    for to in run.access:
        words = {"cells": to.cells, "kinds": services("|".join(to.kinds)), "minutes": f"{to.threshold_min:g}"}
        yield says["access"].format(mode=_mode(made, to.cells, to.kinds), **words)
    for stop in run.onestop:
        yield says["onestop"].format(personas=listed(list(stop.personas), lang), cells=stop.cells)
    for way in run.archetypes:
        budget = count_words(way.budget, lang)
        yield says["archetypes"].format(persona=way.persona, budget=budget, cells=way.cells)
    for one in run.reach:
        yield says["reach"].format(sites=one.sites, minutes=f"{one.threshold_min:g}", cells=one.cells)
    if sources := index_sources(made):
        yield says["indices"].format(sources=sources)


def _mode(made: Made, cells: str, kinds: tuple[str, ...]) -> str:
    """How people were taken to travel, in full, as the results tell it."""
    rows = made.rows("share_beyond:one_stop", cells, bundle="|".join(kinds))
    return str(rows["about"].iloc[0].get("mode", "")) if len(rows) else ""


def modes_of(made: Made) -> list[str]:
    """Give every way of travel of the results, each once."""
    return list(dict.fromkeys(str(a["mode"]) for a in made.told["about"] if a.get("mode")))


def maup_words(made: Made) -> str:
    """Say that cells are a choice, and which were chosen."""
    grids = list(dict.fromkeys(made.grid(c.name) for c in made.run.cells))
    return str(phrases(made.lang)["page"]["maup"].format(grids=listed(grids, made.lang)))
