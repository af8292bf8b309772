"""The command line: parse, call one function, print.  One module per family of commands."""

from civigrid.cli import (
    access,
    audit,
    census_rules,
    change,
    degurba,
    export,
    fetch,
    indices,
    maps,
    maup,
    panel,
    picture,
    runs,
    segregation,
    serve,
    steps,
    tiles,
    travel,
)
from civigrid.cli.app import app, main

__all__ = [
    "access", "app", "audit", "census_rules", "change", "degurba", "export", "fetch", "indices", "main", "maps",
    "maup", "panel", "picture", "runs", "segregation", "serve", "steps", "tiles", "travel",
]  # fmt: skip
