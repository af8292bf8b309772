"""Columns of exported files: names, titles, types, and nothing that is missing told as zero."""

import numpy as np
import pyarrow as pa
import pytest
from exported import ATTACK, LONG, hard_cells, hexagons
from hypothesis import given
from hypothesis import strategies as st

from civigrid.cells import column_of
from civigrid.errors import UnknownNameError
from civigrid.io.fields import LONGEST, fields_of, safe_names, tables
from civigrid.types import Status


@given(st.lists(st.text(max_size=50), max_size=30, unique=True))
def test_safe_names_are_short_plain_and_told_apart(names):
    """Whatever the names, the made ones fit every database, also with the ending of a status."""
    made = list(safe_names(names, LONGEST, room=7, roomy=names).values())
    ended = [n.lower() for n in made] + [f"{n.lower()}_status" for n in made]

    assert len(made) == len(names)
    assert len(set(ended)) == len(ended)
    assert all(len(n) <= LONGEST - 7 and n.isascii() and n.replace("_", "a").isalnum() for n in made)
    assert not {"fid", "geom", "code", "x", "y"} & {n.lower() for n in made}
    assert all(not n[0].isdigit() for n in made)


def test_short_names_of_long_ones_alike_are_two():
    """A variable and its status keep one root; two that are alike for 31 letters are told apart, titles too."""
    fields = fields_of(hard_cells(), longest=LONGEST)
    names, titles = [f.name for f in fields], [f.title for f in fields]

    assert len({n.lower() for n in names}) == len(names)
    assert max(map(len, names)) <= LONGEST
    assert {"total", "total_status", "share_a", "share_a_status"} <= set(names)
    assert len(set(titles)) == len(titles)
    assert next(f.name for f in fields if f.variable == "fid") == "fid_"


def test_types_follow_the_values():
    """Whole counts are integers wide enough, rates are doubles; without a limit names stay as they are."""
    types = {f.name: f.type for f in fields_of(hard_cells())}

    assert types["total"] == pa.int64()
    assert types["fid"] == pa.int32()
    assert types["share_a"] == pa.float64()
    assert LONG in types


def test_missing_is_null_and_its_status_a_word():
    """Nulls are where values are unknown, zeros where zero was seen."""
    cells = hard_cells()
    ((_, table),) = tables(cells, fields_of(cells))
    total, status = table["total"].to_pylist(), table["total_status"].to_pylist()
    hidden = [i for i, s in enumerate(status) if s == "confidential"]

    assert sorted(i for i, v in enumerate(total) if v is None) == hidden
    assert [total[i] for i, s in enumerate(status) if s == "observed_zero"] == [0]
    assert table["total"].null_count == 2
    assert max(v for v in total if v is not None) == 3_000_000_000


def test_keys_are_exact_in_every_block():
    """Codes, short codes and corners agree, whatever the size of a block."""
    cells = hard_cells()
    whole = pa.concat_tables([t for _, t in tables(cells, fields_of(cells), rows=5)])
    row = whole.slice(7, 1).to_pylist()[0]

    assert len(whole) == cells.sizes["cell"]
    assert row["code"] == f"CRS3035RES1000mN{row['y']}E{row['x']}"
    assert row["code_short"] == f"1kmN{row['y'] // 1000}E{row['x'] // 1000}"
    assert set(hexagon_columns()) & {"x", "y", "code_short"} == set()


def hexagon_columns():
    """Columns of hexagons."""
    cells = hexagons()
    ((_, table),) = tables(cells, fields_of(cells))
    return table.column_names


def test_only_what_was_asked_for_with_its_status():
    """One variable brings its status and no other column; an unknown one names the near one."""
    assert [f.name for f in fields_of(hard_cells(), ["share_a"])] == ["share_a", "share_a_status"]
    with pytest.raises(UnknownNameError, match="Did you mean 'share_a'"):
        fields_of(hard_cells(), ["share_b"])


def test_no_cells_and_nothing_known_have_columns_too():
    """Empty cells give an empty table of the same columns; a variable without any value is a double of nulls."""
    cells = hard_cells()
    empty = cells.isel(cell=slice(0, 0))
    ((_, table),) = tables(empty, fields_of(empty))
    unknown = cells.assign(
        total=("cell", np.full(36, np.nan), cells["total"].attrs),
        total_status=("cell", np.full(36, Status.UNAVAILABLE, dtype=np.uint8), cells["total_status"].attrs),
    )
    ((_, gaps),) = tables(unknown, fields_of(unknown, ["total"]))

    assert len(table) == 0
    assert "total" in table.column_names
    assert gaps["total"].null_count == 36
    assert gaps["total"].type == pa.float64()
    assert column_of(cells[LONG]).long_name == ATTACK
