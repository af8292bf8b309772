"""Names of indices as people write them: D,H, A(b=0.1), SP, all, ordered, pattern."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from civigrid.errors import SchemaError, unknown_name
from civigrid.layers.segregation.by_cell import MEASURES
from civigrid.layers.segregation.indices import DEFAULT, INDICES, NOMINAL, index_named
from civigrid.layers.segregation.pattern.indices import PATTERNS

PATTERN_NAMES = tuple(index.name for index in PATTERNS)
NEED_DECAY = tuple(index.name for index in PATTERNS if index.family in ("clustering", "exposure"))
SETS: dict[str, tuple[str, ...]] = {
    "default": DEFAULT,
    "all": NOMINAL,
    "ordered": tuple(name for name, index in INDICES.items() if index.groups == "ordered"),
    "pattern": PATTERN_NAMES,
}
"""Words that stand for several indices."""


class Names(NamedTuple):
    """Indices of compositions, and of pattern: where cells lie."""

    of_shares: tuple[str, ...]
    of_pattern: tuple[str, ...]


def split_names(text: str) -> tuple[str, ...]:
    """Cut a list at its commas, but not inside brackets.

    >>> split_names("D, A(b=0.1), ordered")
    ('D', 'A(b=0.1)', 'ordered')
    """
    return tuple(filter(None, (part.strip() for part in re.split(r",(?![^(]*\))", text))))


def index_names(given: Sequence[str]) -> Names:
    """Give the indices that names stand for, each once, in order; nothing: the default.

    Raises
    ------
    UnknownNameError, SchemaError
        An index or a parameter that is not declared.

    Examples
    --------
    >>> index_names(["D", "A(b=0.1)", "ACL"])
    Names(of_shares=('D', 'A(b=0.1)'), of_pattern=('ACL',))
    """
    names = [name for word in given or ("default",) for name in SETS.get(word, (word,))]
    shares = [name for name in names if name not in PATTERN_NAMES]
    for name in shares:
        bare = re.sub(r"\(.*", "", name).strip()
        if bare not in INDICES:
            raise unknown_name("index", bare, [*INDICES, *PATTERN_NAMES, *SETS])
        index_named(name)
    return Names(tuple(dict.fromkeys(shares)), tuple(dict.fromkeys(n for n in names if n in PATTERN_NAMES)))


def needs_order(names: Sequence[str]) -> bool:
    """Whether an index looks at the order of the groups."""
    return any(index_named(name).groups == "ordered" for name in names)


def refuse_few_groups(groups: Sequence[str], total: str) -> None:
    """Refuse what is no division of people into groups."""
    if len(groups) + bool(total) < 2:
        raise SchemaError(f"segregation needs two groups at least, got {list(groups)}. Name the total to make a rest.")
    if twice := sorted({g for g in groups if list(groups).count(g) > 1}):
        raise SchemaError(f"{', '.join(twice)} is named twice: each group counts once.")
    if "rest" in groups:
        raise SchemaError("a group is called 'rest', which is what groups leave of a total. Rename it.")
    if total in groups:
        raise SchemaError(f"{total!r} is the total and a group at once: leave it out of the groups.")


DISTANCE = "distance"
"""The local measure that follows the surroundings of each cell until they look like the whole."""


def check_measures(names: Sequence[str]) -> None:
    """Refuse a local measure that is not declared."""
    for name in names:
        if name not in MEASURES and name != DISTANCE:
            raise unknown_name("local measure", name, [*MEASURES, DISTANCE])
