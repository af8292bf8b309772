"""The demo, start to end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.runs import demo


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """One row by size of the city."""
    for persons in (5_000,) if smallest else (250_000,):
        yield demo(persons)
