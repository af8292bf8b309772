"""One picture of what was asked of a file, drawn from what may leave."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from civigrid.errors import SchemaError, unknown_name
from civigrid.io.atomic import write_bytes
from civigrid.release import Profile
from civigrid.report import figure_bytes, profile_figure, segregation_curve
from civigrid.report.drawing import SUFFIXES
from civigrid.report.profile_figures import Over
from civigrid.report.scale_figures import scale_figure
from civigrid.run.segregation.members import Computed
from civigrid.run.segregation.tables import Wanted

FIRST = ("H_multi", "H", "M")
"""Indices that a figure shows where none is named, the first that was computed."""

LEAST_UNITS = 40
"""Units below which a curve would tell those it is made of."""
NOTHING = (
    "there is nothing of {} that {} lets be drawn: {}. Take larger groups, or draw what may tell all with --profile "
    "public-grid."
)


CURVES_ONLY = "the figure shows segregation curves as measured, nothing of --distortion: its rows are in the table"


def check_figure(path: Path | None) -> None:
    """Refuse a suffix before the work, not after it."""
    if path is not None and path.suffix.lower() not in SUFFIXES:
        raise SchemaError(f"{path.name}: a figure is written as {' or '.join(SUFFIXES)}.")


def draw(
    computed: Computed,
    told: pd.DataFrame,
    why: npt.NDArray[np.object_],
    wanted: Wanted,
    show: str,
    profile: Profile,
    path: Path,
) -> None:
    """Draw what fits the question, and write it.

    Parameters
    ----------
    computed : Computed
        What was computed, and on whom it rests.
    told : pandas.DataFrame
        Its table after disclosure control: rows held back have no figures, and are not drawn.
    why : ndarray of str, shape (row,)
        Why a row is held back, "" where it is not: a curve tells each unit's share of a group.
    wanted : Wanted
        Radii or k: a profile; only scales or levels: their terms; else the segregation curves of the groups.
    show : str
        Index of the figure; by default the first of `FIRST` that was asked for, or else the first of all.
    profile : Profile
        Named where nothing may be drawn.
    path : Path
        ``.png`` or ``.svg``.

    Raises
    ------
    SchemaError
        Nothing that the profile lets be drawn.
    UnknownNameError
        An index that was not computed.
    """
    words = {}
    if computed.cells is not None:
        named = (name for name in computed.names if name in computed.cells)
        words = {name: str(computed.cells[name].attrs.get("long_name") or name) for name in named}
    whole = told[told["zone"] == "all"]
    over: Over | None = "radius_m" if wanted.radii_m else "k" if wanted.k else None
    if over is not None:
        made = _profile(whole, over, show, words, profile)
    elif not draws_curves(wanted):
        made = _scales(whole, show, profile)
    else:
        made = _curves(computed, why[(told["zone"] == "all").to_numpy()], words, profile)
    write_bytes(path, figure_bytes(made, path.suffix.lower()))


def _profile(whole: pd.DataFrame, over: Over, show: str, words: dict[str, str], profile: Profile) -> Figure:
    on = whole[[over in json.loads(text) for text in whole["parameters"]]]
    index = _chosen(show, list(dict.fromkeys(on["index"])))
    rows = _shown(on[on["index"] == index], index, profile)
    return profile_figure(rows, index, over=over, words=words)


def _scales(whole: pd.DataFrame, show: str, profile: Profile) -> Figure:
    about = [json.loads(text) for text in whole["parameters"]]
    terms = whole[[bool(a.get("addend")) and "part" not in a for a in about]]
    index = _chosen(show, list(dict.fromkeys(name.partition("_")[0] for name in terms["index"])))
    return scale_figure(_shown(terms[terms["index"].str.startswith(f"{index}_")], index, profile), index)


def _curves(computed: Computed, why: npt.NDArray[np.object_], words: dict[str, str], profile: Profile) -> Figure:
    """Draw curves where no row of the whole is held back."""
    if computed.counts is None:
        raise SchemaError("no segregation curve of counts that are hidden in part: --figure goes without --bounds.")
    if held := sorted(set(why) - {""}):
        raise SchemaError(NOTHING.format("the segregation curves", profile, ", ".join(held)))
    if profile.threshold and len(computed.counts) < LEAST_UNITS:
        few = f"a curve of {len(computed.counts)} units tells the counts of each"
        raise SchemaError(NOTHING.format("the segregation curves", profile, few))
    named = [words.get(name, name) for name in computed.names]
    return segregation_curve(computed.counts, named, coarse=profile.threshold > 0)


def draws_curves(wanted: Wanted) -> bool:
    """Whether a figure of what is wanted is of segregation curves."""
    return not (wanted.radii_m or wanted.k or wanted.scales_m or wanted.pyramid or wanted.levels)


def _chosen(show: str, known: list[str]) -> str:
    if show and show not in known:
        raise unknown_name("index of the figure (--show)", show, known or ["none"])
    return show or next((name for name in (*FIRST, *known) if name in known), "")


def _shown(rows: pd.DataFrame, what: str, profile: Profile) -> pd.DataFrame:
    known = rows.dropna(subset=["estimate"])
    if not len(known):
        raise SchemaError(NOTHING.format(what, profile, "its rows are held back, or undefined"))
    return known
