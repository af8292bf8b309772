"""INSPIRE cell codes, long and short, to ids and back, for whole columns at once.

Long: ``CRS3035RES1000mN2689000E4337000``, metres of the lower-left corner.  Short: ``1kmN2689E4337``, the size's
trailing zeros dropped from the coordinates.  A short code names no CRS: the reader vouches for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from civigrid.errors import SourceError, first_few
from civigrid.grid import INVALID, SquareGrid
from civigrid.kernels import digits
from civigrid.types import Bools, Ids

_LONG = r"^(?:[A-Z]{2}_)?CRS(?P<crs>\d+)RES(?P<size>\d+)mN(?P<north>\d+)E(?P<east>\d+)$"
_SHORT = r"^(?:[A-Z]{2}_)?(?P<size>\d+)(?P<unit>k?m)N(?P<north>\d+)E(?P<east>\d+)$"


def size_name(cell_size_m: int) -> str:
    """Size as INSPIRE writes it: ``1km``, ``250m``."""
    return f"{cell_size_m // 1000}km" if cell_size_m % 1000 == 0 else f"{cell_size_m}m"


def _zeros(cell_size_m: int) -> int:
    """Digits a short code drops: the trailing zeros of the size in metres."""
    digits = str(cell_size_m)
    return len(digits) - len(digits.rstrip("0"))


def write_codes(cell_id: Ids, grid: SquareGrid, *, form: Literal["long", "short"] = "long") -> npt.NDArray[np.bytes_]:
    """Write INSPIRE codes of cells.

    Parameters
    ----------
    cell_id : ndarray of uint64, shape (cell,)
        Cells of `grid`.
    grid : SquareGrid
        Their grid.
    form : {"long", "short"}
        Which code.

    Returns
    -------
    ndarray of bytes, shape (cell,)
        ASCII codes; ``.astype(str)`` gives text.

    Examples
    --------
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> write_codes(grid.cell_at(np.array([[4337500.0, 2689500.0]])), grid, form="short")
    array([b'1kmN2689E4337'], dtype='|S13')
    """
    east, north = grid.corner(cell_id).T
    if form == "long":
        return digits.write_codes(_head(grid, long=True), north, east)
    divisor = 10 ** _zeros(grid.cell_size_m)
    return digits.write_codes(_head(grid, long=False), north // divisor, east // divisor)


def _head(grid: SquareGrid, *, long: bool) -> bytes:
    text = f"CRS{grid.crs.split(':')[1]}RES{grid.cell_size_m}mN" if long else f"{size_name(grid.cell_size_m)}N"
    return text.encode()


def detect_grid(code: str, *, crs: str = "EPSG:3035") -> SquareGrid:
    """Give the grid that one code belongs to; a short code is taken to lie in `crs`.

    >>> detect_grid("CRS3035RES250mN2689000E4337000").id
    'eu-laea-250m'
    """
    found = pc.extract_regex(pa.array([code]), _LONG)[0].as_py()
    if found:
        return SquareGrid(cell_size_m=int(found["size"]), crs=f"EPSG:{found['crs']}")
    found = pc.extract_regex(pa.array([code]), _SHORT)[0].as_py()
    if found:
        return SquareGrid(cell_size_m=int(found["size"]) * (1000 if found["unit"] == "km" else 1), crs=crs)
    raise SourceError(f"{code!r} is no INSPIRE cell code. Expected CRS3035RES1000mN2689000E4337000 or 1kmN2689E4337.")


def parse_codes(codes: Sequence[str] | npt.ArrayLike | pa.Array, grid: SquareGrid) -> Ids:
    """Read INSPIRE codes, long or short, as ids of `grid`.

    Parameters
    ----------
    codes : sequence of str, shape (cell,)
        Codes of one form; a country prefix (``DE_``) is dropped.
    grid : SquareGrid
        The grid they must belong to.

    Returns
    -------
    ndarray of uint64, shape (cell,)
        Ids, in the order of the codes.

    Raises
    ------
    SourceError
        A code is malformed, of another CRS or size, not a corner of the grid, or outside it.

    Examples
    --------
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> bool(parse_codes(["1kmN2689E4337"], grid) == parse_codes(["CRS3035RES1000mN2689000E4337000"], grid))
    True
    """
    text = codes if isinstance(codes, pa.Array | pa.ChunkedArray) else pa.array(np.asarray(codes).astype(str))
    text = pc.cast(text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text, pa.large_string())
    if len(text) == 0:
        return np.empty(0, dtype=np.uint64)
    long = "CRS" in (text[0].as_py() or "")
    _, offsets, data = text.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64)[text.offset : text.offset + len(text) + 1]
    head, scale = _head(grid, long=long), 1 if long else 10 ** _zeros(grid.cell_size_m)
    north, east, fits = digits.read_codes(np.frombuffer(data, dtype=np.uint8), ends, head)
    if not fits.all():
        raise _wrong(text, fits, grid, head.decode())
    north, east = north * scale, east * scale
    off = (north % grid.cell_size_m != 0) | (east % grid.cell_size_m != 0)
    ids = grid.from_row_col(north // grid.cell_size_m, east // grid.cell_size_m)
    if (bad := np.flatnonzero(off | (ids == INVALID))).size:
        shown = first_few(text.take(pa.array(bad[:6])).to_pylist())
        raise SourceError(f"{bad.size} of {len(ids)} codes are no corner of a cell of {grid.id} (first: {shown}).")
    return ids


def _wrong(text: pa.Array, fits: Bools, grid: SquareGrid, head: str) -> SourceError:
    bad = np.flatnonzero(~fits)
    shown = first_few(text.take(pa.array(bad[:6])).to_pylist())
    return SourceError(
        f"{len(bad)} of {len(text)} codes are not of {grid.id}, whose codes begin {head!r} (first: {shown}). "
        "Read each CRS and each size by itself."
    )
