"""The report as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import pandas as pd

from civigrid.release.gate import Release
from civigrid.source import Licence

STYLE = """
body { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; color: #1b1f24;
  max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1 { line-height: 1.2; } h2 { margin-top: 2.2rem; border-bottom: 1px solid #d0d4d9; }
.question { font-size: 1.2rem; color: #2b4c7e; }
table { border-collapse: collapse; width: 100%; font-size: .84rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .45rem; border-bottom: 1px solid #e4e6e9; vertical-align: top; }
td.n, th.n { text-align: right; white-space: nowrap; } caption { text-align: left; padding: .5rem 0; color: #4a5057; }
figure { margin: 1.2rem 0; } figure svg { max-width: 100%; height: auto; } .wide { overflow-x: auto; }
footer { margin-top: 3rem; font-size: .85rem; color: #4a5057; }
@media print { body { max-width: none; } a { color: inherit; } }
"""


def make_report(
    *,
    title: str,
    question: str,
    sentences: Sequence[str],
    tables: Sequence[tuple[str, Release[pd.DataFrame]]],
    checks: Sequence[tuple[str, pd.DataFrame]] = (),
    figures: Sequence[tuple[str, str]],
    maps: Sequence[tuple[str, str]],
    terms: Sequence[Licence],
    facts: Mapping[str, str],
) -> str:
    """Write the report of a run.

    Parameters
    ----------
    title, question : str
        As in the run file.
    sentences : sequence of str
        What was found, in plain words.
    tables : sequence of (caption, Release of pandas.DataFrame)
        Result tables.
    checks : sequence of (caption, pandas.DataFrame)
        Tables about the data as a whole, shown as they are: sums and counts of faults, nothing by cell.
    figures : sequence of (caption, SVG)
        Figures of `civigrid.report.figures`.
    maps : sequence of (title, relative address)
        Maps beside the report.
    terms : sequence of Licence
        Sources.
    facts : mapping of str to str
        What the reader may want to check: profile, versions.

    Returns
    -------
    str
        HTML; every word from outside is escaped.
    """
    parts = [f"<h1>{escape(title)}</h1>", f'<p class="question">{escape(question)}</p>']
    parts += ["<h2>What was found</h2>", "<ul>", *(f"<li>{escape(s)}</li>" for s in sentences), "</ul>"]
    parts += ["<h2>Maps</h2>", "<ul>"]
    parts += [f'<li><a href="{escape(href, quote=True)}">{escape(name)}</a></li>' for name, href in maps] + ["</ul>"]
    parts += ["<h2>Figures</h2>"] if figures else []
    parts += [f"<figure>{svg}<figcaption>{escape(text)}</figcaption></figure>" for text, svg in figures]
    parts += ["<h2>Numbers</h2>", *(_table(caption, table) for caption, table in tables)]
    parts += ["<h2>Checks</h2>", *(_plain(caption, table) for caption, table in checks if len(table))]
    sources = dict.fromkeys((t.attribution or t.publisher, t.licence) for t in terms if t.attribution or t.publisher)
    parts += ["<h2>Sources and licences</h2>", "<ul>"]
    parts += [f"<li>{escape(who)} ({escape(licence)})</li>" for who, licence in sources] + ["</ul>"]
    parts += ["<footer>", *(f"<p>{escape(k)}: {escape(v)}</p>" for k, v in facts.items()), "</footer>"]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    body = "".join(parts)
    return f'<!doctype html><html lang="en"><head>{head}<style>{STYLE}</style></head><body>{body}</body></html>\n'


def _plain(caption: str, table: pd.DataFrame) -> str:
    head = "".join(f"<th>{escape(str(c))}</th>" for c in table.columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(_number(v) if isinstance(v, float) else str(v))}</td>" for v in row) + "</tr>"
        for row in table.itertuples(index=False)
    )
    return f'<div class="wide"><table><caption>{escape(caption)}</caption><tr>{head}</tr>{body}</table></div>'


def _table(caption: str, release: Release[pd.DataFrame]) -> str:
    table = release.data
    head = "<tr><th>Zone</th><th>Index</th><th>Group</th>" + "".join(
        f'<th class="n">{name}</th>' for name in ("estimate", "by chance", "corrected", "95 % interval", "persons")
    )
    rows = [
        f"<tr><td>{escape(str(r.zone))}</td><td>{escape(str(r['index']))}</td><td>{escape(str(r.groups))}</td>"
        + "".join(f'<td class="n">{v}</td>' for v in _figures(r))
        + "</tr>"
        for _, r in table.iterrows()
    ]
    return f'<div class="wide"><table><caption>{escape(caption)}</caption>{head}</tr>{"".join(rows)}</table></div>'


def _figures(row: pd.Series) -> list[str]:
    interval = "" if not np.isfinite(row["low"]) else f"{_number(row['low'])} to {_number(row['high'])}"
    better = _number(row["corrected"])
    return [_number(row["estimate"]), _number(row["expected"]), better, interval, _number(row["persons"])]


def _number(value: float) -> str:
    if not np.isfinite(value):
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 or (value == np.rint(value) and abs(value) > 1) else f"{value:.3f}"
