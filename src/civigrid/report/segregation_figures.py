"""Figures of segregation at one scale: curves, who meets whom, where an index comes from, areas side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from civigrid.errors import SchemaError
from civigrid.report.drawing import GREY, GROUPS, INK, PALE, Mark, label_ends, new_figure, percent
from civigrid.types import Floats


def checked_counts(counts: npt.ArrayLike, names: Sequence[str]) -> Floats:
    """Give the rows with residents, shape (cell, group); refuse what are no counts of these groups."""
    found = np.asarray(counts, dtype=np.float64)
    if found.ndim != 2 or found.shape[1] != len(names) or len(names) < 2:
        raise SchemaError(f"counts have shape {found.shape}, must be (cell, {len(names)}), two groups or more.")
    if (found < 0).any() or np.isinf(found).any():
        raise SchemaError("counts of persons are finite and at least 0. Mend them.")
    with np.errstate(invalid="ignore"):
        found = found[found.sum(axis=1) > 0]
    if not len(found):
        raise SchemaError("no cell has residents: there is nothing to draw.")
    return np.asarray(found)


def segregation_curve(
    counts: npt.ArrayLike, names: Sequence[str], *, title: str = "", most: int = 1500, coarse: bool = False
) -> Figure:
    """Draw segregation curves: from the cells where a group is rarest on, its members against everyone else.

    Parameters
    ----------
    counts : array_like, shape (cell, group)
        Persons by group; rows with NaN or without persons are left out.
    names : sequence of str
        What the groups are called.
    title : str
        By default which group is furthest from even.
    most : int
        Points drawn of a curve, at most.
    coarse : bool
        Draw curves at 41 fixed places, to half a percent: every corner of an exact curve tells a cell's counts.

    Notes
    -----
    Duncan and Duncan (1955), Am. Soc. Rev. 20, 210-217: *G* is twice the area between a curve and the diagonal, *D*
    the largest vertical gap.  A group that nobody or everybody belongs to has no curve.

    Examples
    --------
    >>> figure = segregation_curve([[10, 0], [10, 30]], ["a", "b"])
    >>> figure.axes[0].get_xlabel()
    'Everyone else, %'
    """
    found = checked_counts(counts, names)
    everyone = found.sum(axis=1)
    curves = {n: _curve(found[:, k], everyone - found[:, k]) for k, n in enumerate(names)}
    known = {n: c for n, c in curves.items() if c is not None}
    # of two groups the one curve is the other's mirror
    shown = dict(list(known.items())[:1]) if len(names) == 2 else known
    if not shown:
        raise SchemaError("no group has members and others beside them: there is no curve to draw.")
    gini = {n: float(1 - 2 * np.trapezoid(y, x)) for n, (x, y) in shown.items()}
    first = max(gini, key=gini.__getitem__)
    figure, (axes,) = new_figure(
        title or f"{first}: furthest from living evenly (G {gini[first]:.2f})",
        "As measured, cells from where the group is rarest. On the diagonal it lives like everyone else; "
        "G: twice the area between; D: the widest gap, dotted.",
        height=5.2,
    )
    axes.plot([0, 100], [0, 100], color=GREY, lw=0.8)
    axes.text(30, 32, "even", rotation=45, color=GREY, fontsize=8.5, ha="center", va="center", rotation_mode="anchor")
    for k, (name, (x, y)) in enumerate(shown.items()):
        color = GROUPS[list(names).index(name) % len(GROUPS)]
        step = max(len(x) // most, 1)
        take = np.unique(np.append(np.arange(0, len(x), step), len(x) - 1))
        gap = int(np.argmax(x - y))
        across, up = x[take], y[take]
        widest, low = x[gap], y[gap]
        if coarse:
            across = np.linspace(0, 1, 41)
            up = np.round(200 * np.interp(across, x, y)) / 200
            widest = np.round(40 * x[gap]) / 40
            low = np.round(200 * np.interp(widest, x, y)) / 200
        axes.plot(100 * across, 100 * up, color=color, lw=1.8)
        axes.vlines(100 * widest, 100 * low, 100 * widest, color=color, lw=1.2, linestyles=":")
        words = f"{name}: G {gini[name]:.2f}, D {x[gap] - y[gap]:.2f}"
        axes.text(3, 95 - 6.5 * k, words, color=color, fontsize=9.5, fontweight="bold")
    axes.set(xlim=(0, 100), ylim=(0, 100), xlabel="Everyone else, %", ylabel="Members of the group, %", aspect="equal")
    return figure


def _curve(group: Floats, others: Floats) -> tuple[Floats, Floats] | None:
    """Cumulative shares of others and of the group, cells of one share together; None where one has nobody."""
    if group.sum() <= 0 or others.sum() <= 0:
        return None
    share = group / (group + others)
    _, tie = np.unique(share, return_inverse=True)
    x, y = (np.append(0.0, np.cumsum(np.bincount(tie, v))) for v in (others, group))
    return x / x[-1], y / y[-1]


def exposure_figure(
    table: pd.DataFrame, *, zone: str = "all", words: Mapping[str, str] | None = None, title: str = ""
) -> Figure:
    """Draw whom members of each group meet: the exposure matrix, coloured by what an even city would give.

    Parameters
    ----------
    table : pandas.DataFrame
        Result table with ``exposure`` of all pairs, groups ``a->b``.
    zone : str
        Which zone.
    words : mapping of str to str, optional
        What groups are called.
    title : str
        By default which group meets itself more than evenness would make it.

    Notes
    -----
    Rows sum to 100 % (Bell 1954).  Colour: times the share of the group in the whole, which is what everybody would
    meet if all lived alike; that share is the mean of the column, weighted by the sizes of the groups.
    """
    rows = table[(table["index"] == "exposure") & (table["zone"] == zone)]
    pairs = [str(g).partition("->")[::2] for g in rows["groups"]]
    names = list(dict.fromkeys(a for a, _ in pairs))
    if len(names) < 2 or len(pairs) != len(names) ** 2:
        raise SchemaError(f"the table has no exposure of all pairs in zone {zone!r}: ask for the index 'exposure'.")
    at = {n: i for i, n in enumerate(names)}
    matrix = np.full((len(names), len(names)), np.nan)
    for (a, b), value in zip(pairs, rows["estimate"], strict=True):
        matrix[at[a], at[b]] = value
    share = _stationary(matrix)
    ratio = matrix / share
    called = [(words or {}).get(n, n) for n in names]
    own = int(np.nanargmax(np.diag(ratio)))
    figure, (axes,) = new_figure(
        title or f"{called[own]}: they meet each other {ratio[own, own]:.2f} times as often as if all lived evenly",
        "Of 100 neighbours of a member of the row's group, how many belong to the column's. "
        "Purple: more than in an even city; orange: fewer.",
        height=2.1 + 0.62 * len(names),
    )
    strength = max(float(np.nanmax(np.abs(np.log2(ratio)))), 0.1)
    axes.imshow(np.log2(ratio), cmap="PuOr", norm=TwoSlopeNorm(0.0, -strength * 1.15, strength * 1.15), aspect="auto")
    for i, j in np.ndindex(matrix.shape):
        dark = abs(np.log2(ratio[i, j])) > 0.72 * strength
        axes.text(
            j, i, f"{100 * matrix[i, j]:.1f}\n×{ratio[i, j]:.2f}", ha="center", va="center", fontsize=9,
            color="white" if dark else INK, linespacing=1.3,
        )  # fmt: skip
    width = max(48 // len(names), 8)
    axes.set_xticks(
        range(len(names)), [f"{fill(n, width)}\n{percent(s)} of all" for n, s in zip(called, share, strict=True)]
    )
    axes.set_yticks(range(len(names)), called)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
    axes.set_ylabel("A member of")
    axes.set_xlabel("meets")
    axes.xaxis.set_label_position("top")
    return figure


def _stationary(matrix: Floats) -> Floats:
    """Shares of the groups: P_a x (a meets b) = P_b x (b meets a), so the matrix keeps them."""
    known = np.nan_to_num(matrix)
    share = np.full(len(known), 1 / len(known))
    system = np.vstack([known.T - np.eye(len(known)), np.ones(len(known))])
    share = np.linalg.lstsq(system, np.append(np.zeros(len(known)), 1.0), rcond=None)[0]
    return np.asarray(np.where(share > 1e-12, share, np.nan))


def contribution_figure(
    contributions: Mapping[str, npt.ArrayLike], *, index: str = "H", marks: Sequence[float] = (0.5,), title: str = ""
) -> Figure:
    """Draw how few cells make how much of an index: contributions from the largest on, added up.

    Parameters
    ----------
    contributions : mapping of str to array_like, shape (cell,)
        What each cell adds (``adds_to_H`` of `segregation_cells`), by the name of the curve; NaN is left out.
    index : str
        What they add up to.
    marks : sequence of float
        Shares of the index whose cells are told.
    title : str
        By default the finding, as "10 % of cells make 50 % of H".

    Notes
    -----
    Cells more mixed than the whole take away: a curve may rise above 100 % and come back.
    """
    curves = {}
    for name, values in contributions.items():
        known = np.asarray(values, dtype=np.float64)
        known = np.sort(known[np.isfinite(known)])[::-1]
        if not len(known) or known.sum() <= 0:
            raise SchemaError(f"{name!r} adds up to nothing: there is no index to share out.")
        curves[name] = np.append(0.0, np.cumsum(known) / known.sum())
    first = next(iter(curves))
    found = {n: [int(np.argmax(c >= m)) / (len(c) - 1) for m in marks] for n, c in curves.items()}
    falls = any(c.max() > 1 + 1e-9 for c in curves.values())
    figure, (axes,) = new_figure(
        title or f"{percent(found[first][0])} of cells make {percent(marks[0])} of {index}",
        "Inhabited cells, from the one that adds most."
        + (" Above 100 %: cells more mixed than the whole take away again." if falls else ""),
        height=4.2,
    )
    for k, (name, curve) in enumerate(curves.items()):
        color, x = GROUPS[k % len(GROUPS)], 100 * np.arange(len(curve)) / (len(curve) - 1)
        axes.plot(x, 100 * curve, color=color, lw=1.8)
        for mark, cells in zip(marks, found[name], strict=True):
            axes.plot([0, 100 * cells, 100 * cells], [100 * mark, 100 * mark, 0], color=color, lw=0.8, ls=":")
            axes.plot(100 * cells, 100 * mark, "o", color=color, ms=5, mec="white")
        said = "; ".join(f"{percent(c)} of cells make {percent(m)}" for c, m in zip(found[name], marks, strict=True))
        place = (0.98, 0.05 + 0.075 * (len(curves) - 1 - k))
        axes.text(*place, f"{name}: {said}", color=color, ha="right", transform=axes.transAxes, fontweight="bold")
    axes.set(xlim=(0, 100), ylim=(0, 1.04 * 100 * max(float(c.max()) for c in curves.values())))
    axes.axhline(100, color=PALE, lw=0.8, zorder=0)
    axes.set(xlabel="Share of inhabited cells, %", ylabel=f"Share of {index}, %")
    return figure


def segplot(counts: npt.ArrayLike, names: Sequence[str], *, title: str = "", most: int = 400) -> Figure:
    """Draw the composition of every area side by side, as wide as it has people, from the first group's strongholds on.

    Parameters
    ----------
    counts : array_like, shape (area, group)
        Persons by group.
    names : sequence of str
        What the groups are called.
    title : str
        By default how far the shares of the first group reach.
    most : int
        Bars at most: neighbours in the order are joined above that.

    Notes
    -----
    After the segplot of Elbers and Gruijters (2024), Socius 10.
    """
    found = checked_counts(counts, names)
    share = found[:, 0] / found.sum(axis=1)
    found = found[np.argsort(-share, kind="stable")]
    whole = found.sum(axis=0) / found.sum()
    width = found.sum(axis=1)
    if len(found) > most:
        at = np.minimum((np.cumsum(width) - width / 2) / width.sum() * most, most - 1).astype(np.int64)
        found = np.stack([np.bincount(at, found[:, g], minlength=most) for g in range(len(names))], axis=1)
        found = found[found.sum(axis=1) > 0]
        width = found.sum(axis=1)
    edges = np.append(0.0, np.cumsum(width)) / width.sum() * 100
    part = found / width[:, None]
    figure, (all_, axes) = new_figure(
        title or f"{names[0]}: from {percent(part[0, 0])} in some areas to {percent(part[-1, 0])} in others",
        "Left: all together. Right: every area, as wide as it has people, by its share of the first group.",
        height=4.0,
        shape=(1, 2),
        width_ratios=(1, 9),
        sharey=True,
    )
    base, ground = np.zeros(len(part)), 0.0
    for g in range(len(names)):
        color = GROUPS[g % len(GROUPS)]
        top = base + 100 * part[:, g]
        axes.stairs(top, edges, baseline=base, fill=True, color=color)
        all_.bar([0], [100 * whole[g]], bottom=ground, color=color, width=1.0)
        if whole[g] > 0.06:
            all_.text(0, ground + 50 * whole[g], percent(whole[g]), color="white", ha="center", va="center", fontsize=8)
        base, ground = top, ground + 100 * whole[g]
    ends = np.cumsum(part[-1]) - part[-1] / 2
    axes.set(xlim=(0, 100), ylim=(0, 100), xlabel="Share of people, %")
    marks = [
        Mark((100.0, 100 * e), n, GROUPS[g % len(GROUPS)]) for g, (n, e) in enumerate(zip(names, ends, strict=True))
    ]
    label_ends(axes, marks)
    all_.set_xticks([0], ["all"])
    all_.set_ylabel("Share of groups, %")
    axes.tick_params(axis="y", length=0)
    for place in (all_, axes):
        place.spines[:].set_visible(False)
    return figure
