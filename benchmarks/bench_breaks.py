"""Exact natural breaks of a million values, beside mapclassify: exact where it can, and its sampled variant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.measure import growth, installed, measure, row
from benchmarks.peers import Answer

CLASSES = 5
EXACT = 5_000
"""Values of which mapclassify finds exact breaks in seconds: its time and memory grow with the square."""


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """The same breaks at a size the peer can do; then a million decimal and whole numbers; growth by size."""
    peer, size = installed("mapclassify"), 500 if smallest else EXACT
    ours = measure(_ours, size, False)
    if peer is None:
        yield row("breaks", f"{size:,} values, {CLASSES} classes", ours[:2], "mapclassify", None, "peer absent")
    else:
        theirs = measure(_exact, size, repeats=1)
        same = "same breaks" if ours[2]["breaks"] == theirs[2]["breaks"] else "BREAKS DIFFER"
        yield row("breaks", f"{size:,} values, {CLASSES} classes", ours[:2], "mapclassify", theirs[0], same)
    big = 20_000 if smallest else 1_000_000
    points = [(size, ours[0])]
    for whole, what in ((False, "decimal"), (True, "whole")):
        found = measure(_ours, big, whole)
        size_told = f"{big:,} {what} numbers, {CLASSES} classes"
        if not whole:
            points.append((big, found[0]))
        if peer is None:
            yield row("breaks", size_told, found[:2], "mapclassify", None, "peer absent")
            continue
        sampled = measure(_sampled, big, whole, repeats=1)
        worse = sampled[2]["squares"] / found[2]["squares"]
        said = f"peer samples 1,000 values: its squares are {worse:.4f} times ours"
        yield row("breaks", size_told, found[:2], "mapclassify", sampled[0], said)
    yield row("breaks", growth(points), (points[-1][1], 0.0))


def _values(n: int, whole: bool) -> Any:
    values = np.random.default_rng(11).lognormal(3, 1.5, n)
    return np.rint(values) if whole else values


def _squares(values: Any, ends: Any) -> float:
    where = np.searchsorted(ends, values)
    means = np.bincount(where, values) / np.maximum(np.bincount(where), 1)
    return float(np.sum((values - means[where]) ** 2))


def _told(values: Any) -> Callable[[Any], dict[str, Any]]:
    return lambda ends: {"breaks": np.asarray(ends).tolist(), "squares": _squares(values, np.asarray(ends))}


def _ours(n: int, whole: bool) -> Callable[[], Any]:
    from civigrid.kernels.breaks import natural_breaks

    values = _values(n, whole)
    natural_breaks(values[:100], CLASSES)
    return Answer(lambda: natural_breaks(values, CLASSES), _told(values))


def _exact(n: int) -> Callable[[], Any]:
    import mapclassify

    values = _values(n, False)
    mapclassify.FisherJenks(values[:50], CLASSES)
    return Answer(lambda: mapclassify.FisherJenks(values, CLASSES).bins, _told(values))


def _sampled(n: int, whole: bool) -> Callable[[], Any]:
    import mapclassify

    values = _values(n, whole)
    mapclassify.FisherJenks(values[:50], CLASSES)

    def work() -> Any:
        np.random.seed(0)  # noqa: NPY002 - the peer draws from the global stream
        return mapclassify.FisherJenksSampled(values, k=CLASSES).bins

    return Answer(work, _told(values))
