"""The 10 x 10 patterns of Morrill (1991) and Wong (1993), made from their description."""

from __future__ import annotations

import numpy as np

PATTERNS = "ABCDEFGHI"


def _blocks(share, block):
    for top, left in ((0, 0), (0, 5), (5, 0), (5, 5)):
        rows, cols = block.shape
        share[top : top + rows, left + 5 - cols : left + 5] = block


def pattern(name):
    """Counts of the group and the rest, shape (100, 2), 100 in each cell, and rows (northwards) and columns."""
    share = np.zeros((10, 10))
    if name == "A":
        share[:5, 5:] = 1
    elif name == "B":
        _blocks(share, np.ones((3, 2)))
        share[8, 9] = 1
    elif name == "C":
        share[::2, 1::2] = 1
    elif name == "D":
        share[:6, 4:] = 0.5
        share[:3, 6:] = 1
    elif name == "E":
        _blocks(share, np.array([[0.5, 1, 1], [0.5, 0.5, 1], [0.5, 0.5, 0.5]]))
        share[8, 9] = 0.5
    elif name == "F":
        share[:3, 7:] = 1
    elif name == "G":
        share[2:5, 5:8] = 1
    elif name == "H":
        share[:5, 5] = 1
        share[4, 5:] = 1
    else:
        share[:] = 0.5
    row, col = np.divmod(np.arange(100), 10)
    x = 100 * share.ravel()
    return np.column_stack([x, 100 - x]), 9 - row, col
