"""Commands as tests call them: what they print, and what they answer to machines."""

import json

from typer.testing import CliRunner

from civigrid.cli import app


def call(*words):
    """Run a command that must do, and give what it prints."""
    found = CliRunner().invoke(app, [str(w) for w in words], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.stdout


def answer_of(*words):
    """Run a command with --json, and give its answer."""
    return json.loads(call(*words, "--json"))


def estimates(found):
    """Estimates of an answer's table, by zone, index and groups."""
    return {(r["zone"], r["index"], r["groups"]): r["estimate"] for r in found["table"]}
