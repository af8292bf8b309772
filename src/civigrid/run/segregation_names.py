"""Names of indices as people write them: D,H, A(b=0.1), all, ordered."""

from __future__ import annotations

import re

from civigrid.errors import SchemaError
from civigrid.layers.segregation.indices import DEFAULT, INDICES, NOMINAL, index_named

SETS: dict[str, tuple[str, ...]] = {
    "default": DEFAULT,
    "all": NOMINAL,
    "ordered": tuple(name for name, index in INDICES.items() if index.groups == "ordered"),
}
"""Words that stand for several indices."""


def split_names(text: str) -> tuple[str, ...]:
    """Cut a list at its commas, but not inside brackets.

    >>> split_names("D, A(b=0.1), ordered")
    ('D', 'A(b=0.1)', 'ordered')
    """
    return tuple(filter(None, (part.strip() for part in re.split(r",(?![^(]*\))", text))))


def index_names(given: tuple[str, ...]) -> tuple[str, ...]:
    """Give the indices that names stand for, each once, in order.

    Raises
    ------
    UnknownNameError, SchemaError
        An index or a parameter that is not declared.

    Examples
    --------
    >>> index_names(("D", "ordered"))[:3]
    ('D', 'ordinal_H', 'ordinal_R')
    """
    if not given:
        return DEFAULT
    names = [name for word in given for name in SETS.get(word, (word,))]
    for name in names:
        index_named(name)
    return tuple(dict.fromkeys(names))


def needs_order(names: tuple[str, ...]) -> bool:
    """Whether an index looks at the order of the groups."""
    return any(index_named(name).groups == "ordered" for name in names)


def refuse_few_groups(groups: tuple[str, ...], total: str) -> None:
    """Refuse what is no division of people into groups."""
    if len(groups) + bool(total) < 2:
        raise SchemaError(f"segregation needs two groups at least, got {list(groups)}. Name the total to make a rest.")
    if twice := sorted({g for g in groups if groups.count(g) > 1}):
        raise SchemaError(f"{', '.join(twice)} is named twice: each group counts once.")
    if total in groups:
        raise SchemaError(f"{total!r} is the total and a group at once: leave it out of the groups.")
