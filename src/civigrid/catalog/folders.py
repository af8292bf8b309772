"""Where declarations lie, in a wheel and in a checkout, and how they are read."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from civigrid.errors import SchemaError, UnknownNameError


def folder(name: str) -> Path:
    """Folder of the declarations `name` (``grids``, ``boundaries``).

    Beside this package in a wheel, at the top of the checkout in an editable install.

    >>> folder("grids").name
    'grids'
    """
    here = Path(__file__).resolve().parent
    for place in (here / name, here.parents[2] / name):
        if place.is_dir():
            return place
    raise UnknownNameError(
        f"no declarations {name!r} beside {here} nor at the top of the checkout. Reinstall civigrid."
    )


@cache
def declarations(name: str) -> dict[str, dict[str, Any]]:
    """All declarations in folder `name`, by their ``id``.

    A file with ``[[vintage]]`` tables declares one source at several dates: each vintage inherits what the file says
    and overrides it; ``{year}`` in a text stands for the vintage's own key of that name; ``family`` is the file's id.

    Raises
    ------
    SchemaError
        Two declarations have one id.

    Examples
    --------
    >>> declarations("grids")["eu-laea-1km"]["cell_size_m"]
    1000
    >>> declarations("boundaries")["gisco-nuts-2024"]["title"]
    'NUTS regions 2024, 1:20 million'
    """
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder(name).glob("*.toml")):
        for about in expand(tomllib.loads(path.read_text(encoding="utf-8"))):
            if about["id"] in found:
                raise SchemaError(f"{path.name} declares {about['id']!r} a second time. Give it another id.")
            found[about["id"]] = about
    return found


def expand(about: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the declarations of one file: itself, or one for each of its vintages.

    >>> family = {"id": "a", "title": "A of {year}", "vintage": [{"id": "a-{year}", "year": 2021}]}
    >>> expand(family)
    [{'id': 'a-2021', 'title': 'A of 2021', 'year': 2021, 'family': 'a'}]
    """
    if "vintage" not in about:
        return [about]
    shared = {key: value for key, value in about.items() if key != "vintage"}
    vintages = [{**shared, **own} for own in about["vintage"]]
    return [{k: _filled(v, own) for k, v in own.items()} | {"family": about["id"]} for own in vintages]


def _filled(value: Any, own: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return value.format_map(own) if "{" in value else value
    if isinstance(value, list):
        return [_filled(item, own) for item in value]
    return {k: _filled(v, own) for k, v in value.items()} if isinstance(value, dict) else value
