"""The command line: parse, call one function, print.  One module per family of commands."""

from civigrid.cli import degurba, fetch, runs, steps
from civigrid.cli.app import app, main

__all__ = ["app", "degurba", "fetch", "main", "runs", "steps"]
