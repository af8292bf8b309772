"""Pages whose words stand elsewhere: commands by their own help, readers and writers, what is not yet released."""

import ast
from pathlib import Path
from typing import Any

import typer
from sphinx.application import Sphinx

from civigrid import io as files
from civigrid.cli import app as commands


def setup(sphinx: Sphinx) -> dict[str, bool]:
    """Add to the pages when they are read."""
    sphinx.connect("source-read", _add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _add(sphinx: Sphinx, page: str, source: list[str]) -> None:
    if page == "commands":
        source[0] += command_pages()
    elif page == "api/io":
        source[0] += files_pages(Path(files.__path__[0]))
    elif page == "changelog":
        source[0] += changes(Path(sphinx.srcdir))


def command_pages() -> str:
    """Write every command: what it does, its arguments and options."""
    group: Any = typer.main.get_command(commands)
    return "\n".join(_command(name, one) for name, one in sorted(group.commands.items()))


def _command(name: str, command: Any) -> str:
    rows = [f"| {_named(p)} | {_words(p)} |" for p in command.params if p.name != "help"]
    table = ["| argument or option | what it is |", "| --- | --- |", *rows] if rows else []
    told = " ".join((command.help or "").split("\f")[0].split())
    return "\n".join([f"## {name}", "", told.replace("<", "&lt;"), "", *table, ""])


def _named(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{(parameter.metavar or parameter.name or '').upper()}`"
    return ", ".join(f"`{o}`" for o in (*parameter.opts, *parameter.secondary_opts))


def _words(parameter: Any) -> str:
    """Say what a parameter is, and what is taken without it."""
    words = " ".join((getattr(parameter, "help", "") or "").split())
    default = parameter.default
    if isinstance(default, str | int | float) and not isinstance(default, bool) and default != "":
        words += f" (without it: `{default}`)"
    if parameter.required:
        words += " (required)"
    return words.replace("|", "\\|").replace("<", "&lt;")


def files_pages(folder: Path) -> str:
    """Ask for the docstrings of every module that reads or writes files."""
    asked = []
    for path in sorted(folder.rglob("*.py")):
        made = {
            node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)
        }
        named = sorted(name for name in made if name.startswith(("read_", "write_")))
        if named:
            module = ".".join(("civigrid", "io", *path.relative_to(folder).with_suffix("").parts))
            asked.append(
                f"## {path.stem}\n\n```{{eval-rst}}\n.. automodule:: {module}\n   :members: {', '.join(named)}\n```\n"
            )
    return "\n".join(asked)


def changes(folder: Path) -> str:
    """Write what is in the repository and in no release yet, the newest first."""
    found = sorted((folder / "changes").glob("*.md"), key=lambda p: int(p.name.split(".")[0]), reverse=True)
    return "\n".join(["## Not yet released", "", *(f"- {p.read_text(encoding='utf-8').strip()}" for p in found), ""])
