"""The command line: parse, call one function, print.  One module per family of commands."""

from civigrid.cli import census_rules, runs
from civigrid.cli.app import app, main

__all__ = ["app", "census_rules", "main", "runs"]
