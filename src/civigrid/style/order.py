"""What is shown first: the gaps of a service before the people, rates before totals."""

from __future__ import annotations

from collections.abc import Mapping

from civigrid.style.methods import is_origin_share
from civigrid.types import Column

TOTAL_OF_A_GROUP = {
    "en": "A count shows where many people live, not where a group's share is high: draw the share to compare places.",
    "de": "Eine Anzahl zeigt, wo viele Menschen leben, nicht wo der Anteil einer Gruppe"
    " hoch ist:"  # codespell:ignore ist
    " Zum Vergleich von Orten dient der Anteil.",
}


def rank(about: Column, name: str) -> int:
    """Place of a variable in the order of a map's layers: the lower, the earlier.

    >>> rank(Column(kind="intensive", units="min"), "minutes_doctor") < rank(Column(), "residents")
    True
    """
    service = about.units == "min" or about.of_place or name in ("share_at_one_place", "covered")
    if service or name.startswith(("minutes", "covered")):
        return 0
    if about.kind == "intensive":
        return 2 if is_origin_share(about, name) else 1
    return 4 if about.part_of else 3


def shown_order(columns: Mapping[str, Column]) -> list[str]:
    """Give variables in the order they should be shown: service gap, rates of all, shares of groups, totals, groups.

    Parameters
    ----------
    columns : mapping of str to Column
        Variables and what they are.

    Returns
    -------
    list of str
        Within one rank as they stood.

    Examples
    --------
    >>> shown_order({"residents": Column(), "minutes_gp": Column(kind="intensive", units="min")})
    ['minutes_gp', 'residents']
    """
    return sorted(columns, key=lambda name: rank(columns[name], name))


def advice(about: Column, lang: str = "en") -> str:
    """Say where a total of a group is drawn that its share would serve better; empty otherwise.

    >>> advice(Column(part_of="residents")) == TOTAL_OF_A_GROUP["en"], advice(Column())
    (True, '')
    """
    return TOTAL_OF_A_GROUP[lang] if about.kind == "extensive" and about.part_of else ""
