"""Fill polygons into an image, pixel by pixel: neighbours that share an edge leave no seam and never overlap."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from civigrid.types import Floats, Ints


def fill_polygons(corners: Floats, shape: tuple[int, int]) -> Ints:
    """Give the polygon that covers the middle of each pixel.

    Parameters
    ----------
    corners : ndarray of float64, shape (polygon, corner, 2)
        Column and row of each corner in pixels, row 0 at the top; the last corner meets the first.  Corners may repeat,
        so that pentagons fit among hexagons.  A polygon with a corner that is not finite is left out.
    shape : tuple of int
        Rows and columns of the image.

    Returns
    -------
    ndarray of int64, shape `shape`
        Index of the polygon, -1 where there is none.  Of polygons that overlap the last is seen.

    Notes
    -----
    Even-odd rule along the middle of each pixel row; an edge holds its upper end and not its lower one, a run its left
    pixel edge and not its right one.  Polygons with one edge in common therefore share no pixel, and miss none.

    Examples
    --------
    >>> fill_polygons(np.array([[[0.0, 0], [2, 0], [2, 1], [0, 1]]]), (2, 3)).tolist()
    [[0, 0, -1], [-1, -1, -1]]
    """
    image = np.full(shape, -1, dtype=np.int32)
    if len(corners):
        _fill(np.ascontiguousarray(corners, dtype=np.float64), image)
    return image.astype(np.int64)


@numba.njit(cache=True, nogil=True)
def _fill(corners, image):  # type: ignore[no-untyped-def]
    rows, cols = image.shape
    crossing = np.empty(corners.shape[1])
    for p in range(len(corners)):
        corner = corners[p]
        if not np.all(np.isfinite(corner)):
            continue
        low, high = max(corner[:, 1].min(), -1.0), min(corner[:, 1].max(), rows + 1.0)
        for row in range(max(0, int(np.ceil(low - 0.5))), min(rows - 1, int(np.floor(high - 0.5))) + 1):
            found = _crossings(corner, row + 0.5, crossing)
            ordered = np.sort(crossing[:found])
            for k in range(0, found - 1, 2):
                begin = max(0, int(np.ceil(max(ordered[k], -1.0) - 0.5)))
                end = min(cols, int(np.ceil(min(ordered[k + 1], cols + 1.0) - 0.5)))
                image[row, begin:end] = p


@numba.njit(cache=True, nogil=True)
def _crossings(corner, middle, crossing):  # type: ignore[no-untyped-def]
    """Where the edges of a polygon meet a line; gives how many."""
    n, found = len(corner), 0
    for c in range(n):
        d = c + 1 if c + 1 < n else 0
        if (corner[c, 1] <= middle) == (corner[d, 1] <= middle):
            continue
        # from the same end whichever way round the edge is: neighbours must cross at the same bit
        a, b = (c, d) if corner[c, 1] < corner[d, 1] else (d, c)
        x, y = corner[a, 0], corner[a, 1]
        crossing[found] = x + (middle - y) * (corner[b, 0] - x) / (corner[b, 1] - y)
        found += 1
    return found


def hatch(shape: tuple[int, int], kind: str, period: int, width: int) -> npt.NDArray[np.bool_]:
    r"""Give a pattern of lines that survives any print: it depends on the place of a pixel alone.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    kind : {"/", "\\", "x", "."}
        Rising lines, falling lines, both, dots.
    period, width : int
        Pixels from line to line, and of a line.

    Examples
    --------
    >>> hatch((2, 4), "/", 4, 1).astype(int).tolist()
    [[1, 0, 0, 0], [0, 0, 0, 1]]
    """
    row, col = np.ogrid[: shape[0], : shape[1]]
    rising, falling = (row + col) % period < width, (row - col) % period < width
    if kind == "x":
        return rising | falling
    if kind == ".":
        found: npt.NDArray[np.bool_] = ((row % period) < 2 * width) & (
            (col + (row // period) * (period // 2)) % period < 2 * width
        )
        return found
    return rising if kind == "/" else falling
