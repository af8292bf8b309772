"""Ground without a network, cell by cell: what a step costs and which steps there are.

Times are whole milliseconds: each cell brings its rounded part of a step, so that sums are the same whatever the window
that is searched, the order of sites or the number of threads.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from civigrid.types import Bools, Floats, Ints

Int32s = npt.NDArray[np.int32]

SHUT = 2**31 - 1
"""Part of a step through a cell nobody can enter, and time of a place that is not reached, ms."""
PAD = 2
"""Shut cells around a window, so that no step leaves it."""
_STRAIGHT = ((-1, 0), (0, -1), (0, 1), (1, 0))
_DIAGONAL = ((-1, -1), (-1, 1), (1, -1), (1, 1))
_KNIGHT = ((-2, -1), (-2, 1), (-1, -2), (-1, 2), (1, -2), (1, 2), (2, -1), (2, 1))
_LENGTH = (1.0, 2**0.5, 5**0.5)
FASTEST_SLOPE = float(np.exp(-3.5 * 0.05))
"""Time at the best slope as a multiple of that on the flat: Tobler (1993)."""


class Ground(NamedTuple):
    """A window of squares with `PAD` shut cells around it, flat, row by row.

    `part` ms each cell adds to a step by the kind of step (straight, diagonal, knight's), shape (place, kind); `height`
    metres and `walked` whether slopes matter, shape (place,), both empty on flat ground; `size_m` side of a cell;
    `width` places in a row; `steepest` where slopes are cut.
    """

    part: Int32s
    height: Floats
    walked: Bools
    size_m: float
    width: int
    steepest: float


def ground_of(
    pace: Floats,
    size_m: float,
    *,
    neighbours: int = 8,
    height: Floats | None = None,
    walked: Bools | None = None,
    steepest: float = 0.5,
) -> Ground:
    """Make the ground of a window.

    Parameters
    ----------
    pace : ndarray of float64, shape (row, col)
        Seconds per metre on the flat, above 0; infinite: nobody can enter.
    size_m : float
        Side of a cell.
    neighbours : {8, 16}
        16 adds the knight's moves.
    height : ndarray of float64, shape (row, col), optional
        Metres; NaN counts as flat.
    walked : ndarray of bool, shape (row, col), optional
        Where slopes matter; by default everywhere.
    steepest : float
        Slopes are cut here.

    Returns
    -------
    Ground
        A step costs the mean pace of both cells times its length; a knight's, that of the four cells its line crosses.

    Raises
    ------
    ValueError
        A pace that is not above 0, or so slow that a step takes longer than can be counted.
    """
    open_ = np.isfinite(pace)
    if np.isnan(pace).any() or (pace[open_] <= 0).any():
        raise ValueError("paces must be above 0 seconds per metre, or infinite where nobody can go.")
    kinds = 2 if neighbours == 8 else 3
    rows, cols = pace.shape
    part = np.full((rows + 2 * PAD, cols + 2 * PAD, kinds), SHUT, dtype=np.int32)
    inner = part[PAD:-PAD, PAD:-PAD]
    for kind in range(kinds):
        ms = np.where(open_, pace, 0.0) * (1000 * size_m * _LENGTH[kind] / (4 if kind == 2 else 2))
        if ms.max(initial=0.0) > SHUT / 64:
            raise ValueError("a cell takes more than nine hours to cross: nobody goes there, say so (infinite pace).")
        inner[..., kind] = np.where(open_, np.maximum(np.rint(ms), 1), SHUT)
    level, feet = np.empty(0), np.empty(0, dtype=bool)
    if height is not None:
        level = np.pad(height, PAD, constant_values=np.nan).ravel()
        feet = np.pad(np.ones(pace.shape, bool) if walked is None else walked, PAD, constant_values=False).ravel()
    return Ground(part.reshape(-1, kinds), level, feet, float(size_m), cols + 2 * PAD, float(steepest))


def step_of(ground: Ground) -> float:
    """Least ms it takes to get one row or column farther, on any step of this ground."""
    part = ground.part.astype(np.float64)
    part[part == SHUT] = np.inf
    # a knight's move goes two rows by four parts, all others one by two
    least = 2 * part.min(initial=np.inf) if part.size else np.inf
    return float(least) * (FASTEST_SLOPE if len(ground.height) else 1.0) - (1.0 if len(ground.height) else 0.0)


class Steps(NamedTuple):
    """Steps of a ground: how far, the two cells beside or under the way, kind, metres; shape (step,) each."""

    to: Ints
    one: Ints
    other: Ints
    kind: Ints
    metres: Floats


def steps_of(ground: Ground) -> Steps:
    """Steps from any place of a ground."""
    # row by row, as the places lie in memory
    moves = sorted([*_STRAIGHT, *_DIAGONAL, *_KNIGHT][: 8 if ground.part.shape[1] == 2 else 16])
    table = []
    for row, col in moves:
        kind = 0 if row == 0 or col == 0 else 1 if abs(row) == abs(col) else 2
        one, other = (row, 0), (0, col)
        if kind == 2:
            # the line from centre to centre crosses the cell ahead and the one diagonally ahead
            ahead = (int(np.sign(row)), 0) if abs(row) == 2 else (0, int(np.sign(col)))
            one, other = ahead, (row - ahead[0], col - ahead[1])
        places = [r * ground.width + c for r, c in ((row, col), one, other)]
        table.append((*places, kind, _LENGTH[kind] * ground.size_m))
    to, one_, other_, kinds, metres = (np.array(column) for column in zip(*table, strict=True))
    return Steps(to, one_, other_, kinds, metres)


def place_of(row: Ints, col: Ints, cols: int) -> Ints:
    """Place of rows and columns of a window of `cols` columns in its `Ground`."""
    place: Ints = (row + PAD) * (cols + 2 * PAD) + col + PAD
    return place
