"""Numbers in and out of fixed text, compiled: millions of cell codes in well under a second."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from civigrid.types import Bools, Ints

Text = npt.NDArray[np.uint8]


@numba.njit(cache=True, nogil=True)
def _read(data, offsets, head, north, east, fits):  # type: ignore[no-untyped-def]
    for i in range(len(offsets) - 1):
        at, end = offsets[i], offsets[i + 1]
        if end - at > 3 and data[at + 2] == 95:  # a country prefix, as DE_
            at += 3
        ok = end - at > len(head)
        if ok:
            for k in range(len(head)):
                ok = ok and data[at + k] == head[k]
        at += len(head)
        for part in range(2):
            number, start = 0, at
            while ok and at < end and 48 <= data[at] <= 57 and at - start < 18:
                number = number * 10 + (data[at] - 48)
                at += 1
            ok = ok and at > start
            if part == 0:
                north[i] = number
                ok = ok and at < end and data[at] == 69  # E
                at += 1
            else:
                east[i] = number
                ok = ok and at == end
        fits[i] = ok


def read_codes(data: Text, offsets: Ints, head: bytes) -> tuple[Ints, Ints, Bools]:
    """Read texts of the form ``head <number> E <number>``.

    Parameters
    ----------
    data : ndarray of uint8
        All texts, one after the other.
    offsets : ndarray of int64, shape (text + 1,)
        Where each begins and ends in `data`.
    head : bytes
        What each must begin with, after an optional ``XX_``.

    Returns
    -------
    tuple
        First numbers, second numbers, and whether each text has the form, each shape (text,).

    Examples
    --------
    >>> read_codes(np.frombuffer(b"DE_1kmN12E34", np.uint8), np.array([0, 12]), b"1kmN")
    (array([12]), array([34]), array([ True]))
    """
    n = len(offsets) - 1
    north, east, fits = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.bool_)
    _read(data, offsets, np.frombuffer(head, dtype=np.uint8), north, east, fits)
    return north, east, fits


@numba.njit(cache=True, nogil=True)
def _write(text, head, north, east):  # type: ignore[no-untyped-def]
    for i in range(len(north)):
        for k in range(len(head)):
            text[i, k] = head[k]
        at = len(head)
        for part in range(2):
            number = north[i] if part == 0 else east[i]
            if part == 1:
                text[i, at] = 69
                at += 1
            digits, power = 1, 10
            while number >= power:
                digits += 1
                power *= 10
            for k in range(digits):
                text[i, at + digits - 1 - k] = 48 + number % 10
                number //= 10
            at += digits


def write_codes(head: bytes, north: Ints, east: Ints) -> npt.NDArray[np.bytes_]:
    """Write texts of the form ``head <number> E <number>``, shape (text,).

    >>> write_codes(b"1kmN", np.array([12, 7]), np.array([34, 5]))
    array([b'1kmN12E34', b'1kmN7E5'], dtype='|S9')
    """
    widths = [len(str(int(number.max(initial=0)))) for number in (north, east)]
    text = np.zeros((len(north), len(head) + 1 + sum(widths)), dtype=np.uint8)
    _write(text, np.frombuffer(head, dtype=np.uint8), north, east)
    return text.view(f"S{text.shape[1]}").ravel()
