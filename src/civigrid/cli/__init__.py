"""The command line: parse, call one function, print.  One module per family of commands."""

from civigrid.cli import audit, census_rules, degurba, fetch, maup, panel, runs, segregation, steps
from civigrid.cli.app import app, main

__all__ = ["app", "audit", "census_rules", "degurba", "fetch", "main", "maup", "panel", "runs", "segregation", "steps"]
