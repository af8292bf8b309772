"""The command line: parse, call one function, print.  One module per family of commands."""

from civigrid.cli import degurba, runs
from civigrid.cli.app import app, main

__all__ = ["app", "degurba", "main", "runs"]
