"""INSPIRE codes: both forms, both ways, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from civigrid.errors import SourceError
from civigrid.grid import SquareGrid
from civigrid.io.codes import detect_grid, parse_codes, write_codes

KM = SquareGrid(cell_size_m=1000)


@given(
    st.lists(st.tuples(st.floats(900_000, 7_399_999), st.floats(900_000, 5_499_999)), min_size=1, max_size=30),
    st.sampled_from([100, 200, 250, 500, 1000, 5000, 100_000]),
    st.sampled_from(["long", "short"]),
)
def test_codes_come_back(points, size, form):
    """Id -> code -> id is the identity, also behind a country prefix."""
    grid = SquareGrid(cell_size_m=size)
    ids = grid.cell_at(np.array(points))
    codes = write_codes(ids, grid, form=form).astype(str)

    assert ids.tolist() == parse_codes(codes, grid).tolist()
    assert ids.tolist() == parse_codes([f"DE_{c}" for c in codes], grid).tolist()
    assert grid == detect_grid(codes[0])


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("CRS3035RES500mN2689000E4337000", "not of eu-laea-1km"),
        ("CRS2975RES1000mN2689000E4337000", "not of eu-laea-1km"),
        ("CRS3035RES1000mN2689500E4337000", "no corner"),
        ("CRS3035RES1000mN89000E4337000", "no corner"),
        ("CRS3035RES1000mN2689000E", "not of eu-laea-1km"),
        ("1kmN2689E4337x", "not of eu-laea-1km"),
        ("", "not of eu-laea-1km"),
    ],
)
def test_wrong_codes_are_refused_with_examples(code, message):
    """Another size, another CRS, no corner, cut short: each is told, and the good ones are not blamed."""
    good = "CRS3035RES1000mN2689000E4337000" if "CRS" in code else "1kmN2689E4337"

    with pytest.raises(SourceError, match=message):
        parse_codes([good, code], KM)


def test_no_code_at_all():
    """An empty column has no cells; a word is no code."""
    assert len(parse_codes([], KM)) == 0
    with pytest.raises(SourceError, match="no INSPIRE cell code"):
        detect_grid("Berlin")
