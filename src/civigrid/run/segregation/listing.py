"""Every index there is, from its declaration: for people, for machines, and for the documentation."""

from __future__ import annotations

from typing import Any

from civigrid.layers.segregation.indices import INDICES, Index
from civigrid.layers.segregation.pattern.indices import PATTERNS, PatternIndex
from civigrid.layers.segregation.sources import SOURCES

_GROUPS = {
    "each": "each group against everyone else",
    "pairs": "each pair of groups",
    "all": "all groups together",
    "ordered": "all groups, in their order",
}


def listed_indices() -> list[dict[str, Any]]:
    """Give each index: name, title, family, groups, formula (LaTeX), correction, parameters, source, where, BibTeX."""
    made = [_row(i, "composition", _GROUPS[i.groups], dict(i.parameters)) for i in INDICES.values()]
    return made + [_row(p, p.family, _GROUPS["each"], list(p.parameters)) for p in PATTERNS]


def _row(index: Index | PatternIndex, family: str, groups: str, parameters: Any) -> dict[str, Any]:
    source = SOURCES[index.source]
    return {
        "name": index.name,
        "title": index.title,
        "family": family,
        "groups": groups,
        "formula": index.formula,
        "correction": index.correction,
        "parameters": parameters,
        "source": source.short,
        "where": index.where,
        "bibtex": source.bibtex(),
    }


def indices_markdown() -> str:
    """Give the documentation of all indices, one table per family."""
    parts = ["# Indices of segregation", "", "Made by `civigrid indices --markdown`; do not edit by hand.", ""]
    parts += ["*x*, *y* a group and everyone else in cell *i*, *t* both, *p* = *x*/*t*; capitals the whole; "
              "*m* groups, π their shares, *c* cumulated shares; *E* entropy, *I* Simpson's diversity. "
              "Correction: how chance is taken out ([decision 15](decisions/0015-bias.md)).", ""]  # fmt: skip
    rows = listed_indices()
    for family in dict.fromkeys(row["family"] for row in rows):
        parts += [f"## {str(family).capitalize()}", "", "| name | index | of | formula | correction | source |"]
        parts += ["| --- | --- | --- | --- | --- | --- |"]
        for row in (r for r in rows if r["family"] == family):
            told = row["parameters"]
            forks = ", ".join(f"{k} = {v:g}" for k, v in told.items()) if isinstance(told, dict) else ", ".join(told)
            name = f"`{row['name']}`" + (f" ({forks})" if forks else "")
            source = row["source"] + (f", {row['where']}" if row["where"] else "")
            formula = row["formula"].replace("|", r"\vert ")
            parts.append(
                f"| {name} | {row['title']} | {row['groups']} | ${formula}$ | {row['correction']} | {source} |"
            )
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def indices_text() -> str:
    """Give all indices as lines for a screen."""
    rows = listed_indices()
    wide = max(len(row["name"]) for row in rows)
    long = max(len(row["title"]) for row in rows)
    return "\n".join(
        f"{row['name']:<{wide}}  {row['title']:<{long}}  {row['source']}{', ' + row['where'] if row['where'] else ''}"
        for row in rows
    )
