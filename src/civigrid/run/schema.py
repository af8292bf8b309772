"""The run file's JSON Schema and its key-by-key documentation, both made from the frozen values themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from civigrid.run.config import Run

_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of a run file, for editors and validators.

    >>> sorted(json_schema()["required"])
    ['cells', 'run', 'source']
    """
    whole = _object(Run)
    tables = {n: s for n, s in whole["properties"].items() if s.get("items", {}).get("type") == "object"}
    settings = {n: s for n, s in whole["properties"].items() if n not in tables}
    needed = [n for n in whole["required"] if n in settings]
    run = {"type": "object", "properties": settings, "required": needed, "additionalProperties": False}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "civigrid run file",
        "type": "object",
        "properties": {"run": run, **tables},
        "required": ["run", *(n for n in whole["required"] if n in tables)],
        "additionalProperties": False,
    }


def _object(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    properties, needed = {}, []
    for f in fields(kind):
        properties[f.name] = {"description": f.metadata["help"], **_of(hints[f.name])}
        if f.default is not MISSING:
            properties[f.name]["default"] = list(f.default) if isinstance(f.default, tuple) else f.default
        elif f.default_factory is MISSING:
            needed.append(f.name)
    return {
        "type": "object",
        "description": (kind.__doc__ or "").strip(),
        "properties": properties,
        "required": needed,
        "additionalProperties": False,
    }


def _of(hint: Any) -> dict[str, Any]:
    origin = get_origin(hint)
    if origin is Literal:
        return {"type": "string", "enum": list(get_args(hint))}
    if origin is tuple:
        return {"type": "array", "items": _of(get_args(hint)[0])}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _of(get_args(hint)[1])}
    if is_dataclass(hint) and isinstance(hint, type):
        return _object(hint)
    return {"type": _PLAIN[hint]} if hint in _PLAIN else {}


def key_documentation() -> str:
    """Give the run file's documentation in Markdown, one table per table of the file."""
    parts = ["# The run file, key by key", "", "Made by `civigrid check --keys`; do not edit by hand.", ""]
    for name, part in json_schema()["properties"].items():
        head, about = (f"[{name}]", part) if part["type"] == "object" else (f"[[{name}]]", part["items"])
        parts += [f"## `{head}`", "", about.get("description", "The run itself."), ""]
        parts += ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
        for key, value in about["properties"].items():
            kind = " \\| ".join(value["enum"]) if "enum" in value else value.get("type", "any")
            default = "needed" if key in about["required"] else f"`{value.get('default', {})}`"
            parts.append(f"| `{key}` | {kind} | {default} | {value['description']} |")
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"
