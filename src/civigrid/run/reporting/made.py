"""What a run made, as its report reads it: results by row, words of groups, grids and modes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from civigrid.catalog import declarations
from civigrid.release import Release, release
from civigrid.report.phrases import phrases
from civigrid.run import config
from civigrid.run.outputs import profile_of
from civigrid.source import Licence


@dataclass(frozen=True, eq=False, kw_only=True)
class Made:
    """What a run made.

    Parameters
    ----------
    run : config.Run
        What was asked.
    base : Path
        Folder that paths of the run file start from.
    file : str
        Name of the run file, for the command that makes it again.
    table : pandas.DataFrame
        Results that may be told.
    cells : mapping of str to xarray.Dataset
        All cells with their layers, not yet released.
    terms : sequence of Licence
        Of the sources.
    ledger, findings : pandas.DataFrame
        Where every person went; what the readers noticed.
    drawn : sequence of (str, matplotlib.figure.Figure)
        Figures with their words.
    about : mapping of str to Any
        As in the manifest: ``civigrid, code_sha256, python, libraries, inputs``.
    lang : str
        Language of the report.
    """

    run: config.Run
    base: Path
    file: str
    table: pd.DataFrame
    cells: Mapping[str, xr.Dataset]
    terms: Sequence[Licence]
    ledger: pd.DataFrame
    findings: pd.DataFrame
    drawn: Sequence[tuple[str, Figure]] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
    lang: str = "en"

    @cached_property
    def told(self) -> pd.DataFrame:
        """Results after the profile, with ``about``: their parameters as a dict."""
        out = release(self.table, profile_of(self.run)).data
        return out.assign(about=out["parameters"].map(json.loads))

    @cached_property
    def released(self) -> dict[str, Release[xr.Dataset]]:
        """Cells after the profile."""
        profile = profile_of(self.run)
        return {name: release(cells, profile, terms=self.terms) for name, cells in self.cells.items()}

    @property
    def says(self) -> dict[str, Any]:
        """Sentences of the language."""
        return phrases(self.lang)["sentences"]

    def rows(self, index: str, cells: str, **wanted: Any) -> pd.DataFrame:
        """Rows of an index for the whole, on one set of cells, not of neighbourhoods; `wanted` are parameters."""
        table = self.told
        mine = table[(table["index"] == index) & (table["zone"] == "all") & ~of_neighbours(table)]
        asked = {"on": cells, **wanted}
        return mine[mine["about"].map(lambda a: all(a.get(k) == v for k, v in asked.items())).astype(bool)]

    def group(self, name: str, cells: str) -> str:
        """Words of a group: as the data say it, without the sum it was made by."""
        known = self.cells.get(cells)
        words = str(known[name].attrs.get("long_name") or name) if known is not None and name in known else name
        return (words.split(" (")[0] if " + " in words else words).replace("_", " ")

    def grid(self, cells: str) -> str:
        """Title of the grid of cells."""
        found = next((c.grid for c in self.run.cells if c.name == cells), "")
        title = str(declarations("grids").get(found, {}).get("title", found))
        for old, new in phrases(self.lang)["grids"].items():
            title = title.replace(old, new)
        return title

    def mode(self, said: str) -> str:
        """Say how people travel in words, where the results tell it in full."""
        first = said.split(",")[0]
        known = phrases(self.lang)["modes"]
        return str(next((words for start, words in known.items() if first.startswith(start)), first))


def of_neighbours(table: pd.DataFrame) -> pd.Series:
    """Rows about who lives around, not about the cells themselves: one index has one row for each neighbourhood.

    >>> of_neighbours(pd.DataFrame({"parameters": ['{"radius_m": 1000.0}', '{"total": "T"}']})).tolist()
    [True, False]
    """
    return table["parameters"].str.contains('"radius_m": |"k": ', regex=True)


def services(bundle: str) -> str:
    """Write the kinds of a bundle as people read them.

    >>> services("childcare|community_centre")
    'childcare, community centre'
    """
    return bundle.replace("|", ", ").replace("_", " ")
