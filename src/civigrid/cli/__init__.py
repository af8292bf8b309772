"""The command line: parse, call one function, print.  One module per family of commands."""

from civigrid.cli import audit, fetch, runs
from civigrid.cli.app import app, main

__all__ = ["app", "audit", "fetch", "main", "runs"]
