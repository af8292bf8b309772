"""The real run examples/berlin.toml, start to end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.runs import example


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """One row: the whole run."""
    return example("berlin", smallest=smallest)
