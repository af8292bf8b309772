"""The command line: parse, call one function, print.  One module per family of commands."""

from civigrid.cli import (
    access,
    audit,
    census_rules,
    change,
    degurba,
    fetch,
    indices,
    maup,
    panel,
    picture,
    runs,
    segregation,
    steps,
    travel,
)
from civigrid.cli.app import app, main

__all__ = [
    "access", "app", "audit", "census_rules", "change", "degurba", "fetch", "indices", "main", "maup", "panel",
    "picture", "runs", "segregation", "steps", "travel",
]  # fmt: skip
