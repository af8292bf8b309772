"""Where declarations lie, in a wheel and in a checkout, and how they are read."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from civigrid.errors import UnknownNameError


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

    >>> declarations("grids")["eu-laea-1km"]["cell_size_m"]
    1000
    """
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder(name).glob("*.toml")):
        about = tomllib.loads(path.read_text(encoding="utf-8"))
        found[about["id"]] = about
    return found
