"""What a panel file says: periods on their own boundary vintages, brought to one grid."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from civigrid.errors import SchemaError
from civigrid.run.config import ProfileName, key
from civigrid.run.faults import Fault
from civigrid.run.read_config import build


@dataclass(frozen=True, kw_only=True)
class Vintage:
    """Areas of one boundary vintage, and the periods that were counted on them."""

    areas: str = key("file of areas; ${CIVIGRID_DATA} and other variables are filled in")
    counts: str = key("table of counts, a row per area and period")
    periods: tuple[str, ...] = key("periods counted on these areas, in the order of time")
    declared_as: str = key("id of the declaration in boundaries/ that says how the areas are read", default="")
    id_column: str = key("column of unique ids of the areas, where nothing is declared", default="")
    counts_id: str = key("column of ids of the table", default="id")
    period_column: str = key("column of periods of the table", default="period")
    weights: tuple[str, ...] = key("FILE:VARIABLE in order of trust, nearest in time; none: by area", default=())
    part_of: Mapping[str, str] = key("where the hierarchy differs in these periods", default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PanelRun:
    """A panel of cells by period."""

    title: str = key("title of the map")
    question: str = key("what it answers, in one sentence")
    folder: str = key("where results go, relative to this file")
    grid: str = key("id of a square grid, as eu-laea-1km")
    columns: Mapping[str, str] = key("columns of the tables, each with the name it gets")
    part_of: Mapping[str, str] = key("declared hierarchy: which count is part of which", default_factory=dict)
    words: Mapping[str, str] = key("plain words for counts", default_factory=dict)
    change: tuple[str, ...] = key("two periods on either side of a redrawing: what changed?", default=())
    change_of: tuple[str, ...] = key("counts whose change is mapped", default=())
    profile: ProfileName = key("disclosure profile: public-grid or min-count", default="min-count")
    threshold: int = key("min-count: counts from 1 to below this are suppressed", default=10)
    vintage: tuple[Vintage, ...] = key("boundary vintages", default=())


def read_panel(path: Path) -> PanelRun:
    """Read and check a panel file.

    Raises
    ------
    SchemaError
        With one line per fault: its key, its value, how to mend it.
    """
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SchemaError(f"{path} cannot be read as a panel file: {error}.") from error
    faults: list[Fault] = []
    panel = build(PanelRun, {**given.pop("panel", {}), **given}, "panel", faults)
    if panel is not None:
        faults += _faults(panel)
    if faults:
        raise SchemaError(f"{path} cannot be run:\n- " + "\n- ".join(map(str, faults)))
    assert isinstance(panel, PanelRun)
    return replace(panel, columns=dict(panel.columns), part_of=dict(panel.part_of))


def _faults(panel: PanelRun) -> list[Fault]:
    """Faults that show when the tables are read together."""
    periods = [p for v in panel.vintage for p in v.periods]
    names = list(panel.columns.values())
    faults = []
    if not panel.vintage:
        faults.append(Fault("panel.vintage", "(absent)", "a panel needs a [[vintage]] with its areas and periods."))
    if twice := sorted({p for p in periods if periods.count(p) > 1}):
        faults.append(Fault("panel.vintage.periods", repr(twice), "each period lies in one vintage."))
    if panel.change and (len(panel.change) != 2 or not set(panel.change) <= set(periods)):
        faults.append(Fault("panel.change", repr(panel.change), f"must be two of the periods {', '.join(periods)}."))
    if unknown := [n for n in panel.change_of if n not in names]:
        faults.append(Fault("panel.change_of", repr(unknown), f"no such count. Known: {', '.join(names)}."))
    return faults
