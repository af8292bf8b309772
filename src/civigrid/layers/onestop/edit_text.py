"""Edits as text, for the shell and the run file: ``close=library-003``, ``hours=library-003:Mo-Fr 08:00-20:00``."""

from __future__ import annotations

import re
from collections.abc import Callable

from civigrid.errors import SchemaError, unknown_name
from civigrid.layers.onestop.edits import Add, Close, Edit, Hours, Language, Move, Open, Remove, week_of_text

_SITE = re.compile(r'^(?:"(?P<quoted>[^"]+)"|(?P<plain>[^":]+))(?::(?P<rest>.*))?$', re.DOTALL)
FORMS = {
    "close": "close=ID",
    "open": "open=ID, open=ID:KIND,KIND or open=ID:KIND@Mo-Fr 08:00-16:00",
    "move": "move=ID:LONGITUDE,LATITUDE",
    "hours": "hours=ID:Mo-Fr 08:00-20:00, or hours=ID:Mo-Fr 08:00-20:00@KIND",
    "language": "language=ID:ar",
    "add": "add=ID:KIND",
    "remove": "remove=ID:KIND",
}
"""Edits, and how each is written."""


def parse_edit(text: str) -> Edit:
    """Read an edit.

    Parameters
    ----------
    text : str
        One of `FORMS`; an ID that holds a colon stands in double quotes.  ``str`` of an edit gives it back.

    Raises
    ------
    SchemaError
        It is not written so; the message says how.
    UnknownNameError
        There is no such edit.

    Examples
    --------
    >>> parse_edit("hours=library-003:Mo-Fr 08:00-20:00")
    Hours(site='library-003', hours='Mo-Fr 08:00-20:00', kind='')
    >>> str(parse_edit('move="osm:12":13.4,52.5'))
    'move="osm:12":13.4,52.5'
    """
    name, sign, rest = text.strip().partition("=")
    name = name.strip().lower()
    if not sign:
        raise SchemaError(f"{text!r} is no edit. Write {'; '.join(FORMS.values())}.")
    if name not in FORMS:
        raise unknown_name("edit", name, FORMS)
    found = _SITE.match(rest.strip())
    if not found:
        raise _wrong(text, name, "no site is named")
    site = (found["quoted"] or found["plain"]).strip()
    said = (found["rest"] or "").strip()
    if not site:
        raise _wrong(text, name, "no site is named")
    if bool(said) == (name == "close") and name != "open":
        raise _wrong(text, name, "too much is said" if said else "it does not say what")
    try:
        return _READ[name](site, said)
    except SchemaError as fault:
        raise _wrong(text, name, str(fault).rstrip(".")) from fault


def _wrong(text: str, name: str, what: str) -> SchemaError:
    return SchemaError(f"{text!r}: {what}. Write {FORMS[name]}.")


def _close(site: str, _: str) -> Edit:
    return Close(site=site)


def _open(site: str, said: str) -> Edit:
    kinds, _, hours = said.partition("@")
    hours = hours.strip()
    if hours:
        week_of_text(hours)
    return Open(site=site, kinds=tuple(k.strip() for k in kinds.split(",") if k.strip()), hours=hours)


def _move(site: str, said: str) -> Edit:
    try:
        longitude, latitude = (float(part) for part in said.split(","))
    except ValueError as fault:
        raise SchemaError(f"{said!r} is no longitude and latitude") from fault
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        raise SchemaError(f"longitude {longitude:g} and latitude {latitude:g} lie outside [-180, 180] and [-90, 90]")
    return Move(site=site, longitude=longitude, latitude=latitude)


def _hours(site: str, said: str) -> Edit:
    hours, _, kind = (part.strip() for part in said.partition("@"))
    week_of_text(hours)
    return Hours(site=site, hours=hours, kind=kind)


def _language(site: str, said: str) -> Edit:
    return Language(site=site, language=said)


def _add(site: str, said: str) -> Edit:
    return Add(site=site, kind=said)


def _remove(site: str, said: str) -> Edit:
    return Remove(site=site, kind=said)


_READ: dict[str, Callable[[str, str], Edit]] = {
    "close": _close, "open": _open, "move": _move, "hours": _hours, "language": _language, "add": _add,
    "remove": _remove,
}  # fmt: skip
