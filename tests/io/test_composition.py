"""Plain tables of units by groups: what is read, what is told, and what is refused."""

import gzip

import numpy as np
import pandas as pd
import pyogrio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from civigrid.errors import CivigridError, SourceError
from civigrid.io.composition import Composed, read_composition, read_plain
from civigrid.io.marks import read_entries

AB = Composed(groups=("a", "b"))


def write(folder, text, name="t.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (["1,5", "2", "0,25"], [1.5, 2, 0.25]),
        (["1.234,5", "2.000,25"], [1234.5, 2000.25]),
        (["1 234", "5"], [1234, 5]),
        (["12.345", "0.250", "7.000"], [12.345, 0.25, 7]),
        (["1e3", "5"], [1000, 5]),
        (["", "NA", "7"], [np.nan, np.nan, 7]),
    ],
)
def test_numbers_as_offices_write_them(words, values):
    """Decimal commas, spaces between thousands, words for missing."""
    np.testing.assert_array_equal(read_entries(pd.Series(words)).values, values)


@pytest.mark.parametrize("mark", ["..", ".", "x", "X", "c", "*", "/", "-", "–", ":c", ": u", "<5", "< 10", "1-4"])
def test_marks_of_hidden_counts(mark):
    """A mark of something kept back is neither missing nor zero."""
    found = read_entries(pd.Series(["12", mark]))
    assert found.kept_back.tolist() == [False, True]
    assert not found.missing.any()
    assert np.isnan(found.values[1])
    assert found.marks == (mark,)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["1,234", "567"], "thousands or decimals"),
        (["1.234", "567"], "thousands or decimals"),
        (["2,345,678", "4,100"], "thousands or decimals"),
        (["75.222", "106.864"], "2 of 2 values may be thousands or decimals .first: '75.222'"),
        (["75.222", "106.864", "8.1", "500", ""], "2 of 4 values"),
        (["12%", "88 %"], "percentages"),
        (["many", "3"], "no numbers"),
        (["12*", "3 e"], "no numbers"),
    ],
)
def test_entries_that_can_mean_two_things(words, text):
    """A thousand times fewer persons is no reading, nor is text."""
    with pytest.raises(SourceError, match=text):
        read_entries(pd.Series(words, name="a"))


@pytest.mark.parametrize(
    ("text", "asked", "refused"),
    [
        ("id,a,b\n1,<5,80\n2,50,50\n3,..,70\n", AB, "keeps 2 counts back in a .marks '<5', '..'."),
        ("id,a,b\n1,-,80\n2,50,50\n", AB, "dash that stands for nobody must be written 0"),
        ("id,a,b\n1,-3,80\n2,50,50\n", AB, "first: -3 in row 1"),
        ("id,a,b\n1,-9999,80\n2,50,50\n", AB, "-9999 and -8888 mark"),
        ("id,a,b\n1,inf,80\n2,50,50\n", AB, "no count"),
        ("id,a,b\n1,0.2,0.8\n2,0.5,0.5\n", AB, "lie between 0 and 1"),
        ("id,a,b\n1,20.5,79.5\n2,50,50\n", AB, "add up to 100"),
        ("id,a,n\n1,20.5,1000\n2,50,400\n", Composed(groups=("a",), total="n"), "no value above 100"),
        ("id,a,b,n\n1,50,60,100\n2,70,80,100\n", Composed(groups=("a", "b"), total="n"), "by 60 persons in 2 units"),
        ("id,a,b\n1,,80\n2,50,\n", AB, "every unit lacks a count"),
        ("id,a,b\n1,0,0\n", AB, "no persons"),
        ("id,a,b\n", AB, "no rows"),
        ("", AB, "empty"),
        ("id,a,b\n1,2,3,4\n", AB, "more entries than the header"),
        ("id,a,b\n1,2,3\n", Composed(groups=("a", "B")), "Did you mean 'b'"),
        ("id,a,b\n1,2,3\n", Composed(groups=("a", "a")), "named twice"),
        ("id,a,b\n1,2,3\n", Composed(groups=("a", "b"), total="a"), "named twice"),
        ("id,a,b\n1,2,3\n", Composed(), "name the groups"),
        ("id,a,rest,n\n1,2,3,9\n", Composed(groups=("a", "rest"), total="n"), "called 'rest'"),
        ("u,g,n\n1,rest,3\n1,b,5\n", Composed(long=("g", "n"), units=("u",)), "called 'rest'"),
        ("id,a,b\n1,2,3\n1,4,5\n", Composed(groups=("a", "b"), units=("id",)), "1 units repeat .first: 1."),
        ("id,a,b\n,2,3\n1,4,5\n", Composed(groups=("a", "b"), units=("id",)), "1 rows have no 'id'"),
        ("id,a,b,z\n1,2,3,all\n", Composed(groups=("a", "b"), zones="z"), "called 'all'"),
        ("id,a,b\n1,2,3\n", Composed(groups=("a", "b"), where=("id=7",)), "no row has id = '7'"),
        ("id,a,b\n1,2,3\n", Composed(groups=("a", "b"), where=("id",)), "COLUMN=VALUE"),
        ("id,a,b\n1,10,80\n2,50,50\n3,5,7\nTotal,65,137\n", AB, "line of totals"),
        ("id,a,b\n" + "".join(f"{i},{i},{9 - i}\n" for i in range(4)) * 1 + "S,6,30\n4,4,5\n5,5,4\nS,9,9\nT,15,39\n",
         AB, "1/3 of all"),
        ("Einwohner;;\nid;a;b\n1;2;3\n", AB, "line 1 looks like a title: 'Einwohner'.*line 2"),
        ("Einwohner 2021\n\nid,a,b\n1,2,3\n", AB, "line 1 looks like a title.*line 3"),
        ("People, Berlin\nid,a,b\n1,2,3\n", AB, "line 1 looks like a title: 'People, Berlin'"),
        ("id;a;b\n1;75.222;12.5\n2;106.864;7.2\n3;8.1;9\n", AB, "'a': 2 of 3 values.*thousands or decimals .*75.222"),
        ("id;a;b\n1;75,222;12,5\n2;106,864;7,2\n3;8,1;9\n", AB, "'a': 2 of 3 values.*Remove the separators"),
    ],
)  # fmt: skip
def test_what_no_composition_can_be(tmp_path, text, asked, refused):
    """Each fault is told with its value, before any index."""
    with pytest.raises(CivigridError, match=refused):
        read_composition(write(tmp_path, text), asked)


def test_a_group_that_is_the_sum_of_others_is_named(tmp_path):
    """Its people would count twice; and what may be nested is said."""
    rng = np.random.default_rng(1)
    a, b, c = rng.integers(0, 30, (3, 60))
    table = pd.DataFrame({"all": a + b + c, "a": a, "b": b, "c": c, "ab": a + b, "all2": 5 * (a + b + c)})
    table.to_csv(tmp_path / "t.csv")
    with pytest.raises(SourceError, match=r"'ab' is the sum of a, b in 100%"):
        read_composition(tmp_path / "t.csv", Composed(groups=("ab", "a", "b", "c")))
    with pytest.raises(SourceError, match=r"'all' is the sum of a, b, c .*--total"):
        read_composition(tmp_path / "t.csv", Composed(groups=("all", "a", "b", "c")))
    found = read_composition(tmp_path / "t.csv", Composed(groups=("ab", "a"), total="all2"))
    assert any("nowhere larger: a than ab" in str(f) for f in found.findings)
    # every group is smaller than that of most people: this tells nothing
    assert not read_composition(tmp_path / "t.csv", Composed(groups=("all", "a"))).findings
    assert not read_composition(tmp_path / "t.csv", Composed(groups=("a", "b", "c"), total="all")).findings


def test_missing_counts_are_left_out_and_told(tmp_path):
    """Never zero: neither in a wide table nor in a long one."""
    wide = read_composition(write(tmp_path, "id,a,b\n1,,80\n2,50,50\n3,30,70\n"), AB)
    assert np.isnan(wide.counts[0]).all()
    assert "1 of 3 units lack a count and are left out, with 80 known persons (28.6% of all)" in str(wide.findings[0])
    text = "u,g,n\n1,a,5\n1,b,3\n2,a,\n2,b,9\n3,a,4\n"
    long = read_composition(write(tmp_path, text), Composed(long=("g", "n"), units=("u",)))
    assert np.isnan(long.counts[1]).all()
    assert long.counts[2].tolist() == [4, 0]
    assert {f.code for f in long.findings} == {"composition.no-row", "composition.missing"}


def test_rows_of_one_unit(tmp_path):
    """Long rows are added up and told; wide ones only if that was asked for; periods are chosen."""
    text = "u,g,n\n1,a,5\n1,a,2\n1,b,3\n2,a,4\n2,b,4\n"
    long = read_composition(write(tmp_path, text), Composed(long=("g", "n"), units=("u",)))
    assert long.counts.tolist() == [[7, 3], [4, 4]]
    assert long.findings[0].code == "composition.repeated"
    text = "id,t,a,b,z\n1,x,10,80,n\n2,x,50,50,s\n1,y,11,85,n\n2,y,55,52,s\n"
    path, asked = write(tmp_path, text), {"groups": ("a", "b"), "units": ("id",), "zones": "z"}
    summed = read_composition(path, Composed(**asked, sum_units=True))
    assert summed.counts.tolist() == [[21, 165], [105, 102]]
    assert summed.zone.tolist() == ["n", "s"]
    assert summed.findings[0].code == "composition.summed"
    chosen = read_composition(path, Composed(**asked, where=("t=y",)))
    assert chosen.counts.tolist() == [[11, 85], [55, 52]]


def test_a_long_table_takes_some_categories_and_a_total(tmp_path):
    """Those left out are told with their persons; units in two zones are refused."""
    text = "u,g,n,z\n" + "".join(f"{i},{g},{n},{z}\n" for i, z in ((1, "n"), (2, "s")) for g, n in (
        ("a", 2 * i), ("b", 5), ("c", 1), ("total", 2 * i + 6)))  # fmt: skip
    path = write(tmp_path, text)
    asked = {"long": ("g", "n"), "units": ("u",), "zones": "z"}
    found = read_composition(path, Composed(groups=("b", "a"), **asked))
    assert found.names == ("b", "a")
    assert "groups left out: c, total with 20 persons" in str(found.findings[0])
    found = read_composition(path, Composed(groups=("b", "a"), total="total", **asked))
    assert (found.names, found.counts.tolist()) == (("b", "a", "rest"), [[5, 2, 1], [5, 4, 1]])
    with pytest.raises(SourceError, match="Did you mean 'total'"):
        read_composition(path, Composed(groups=("a",), total="totl", **asked))
    with pytest.raises(SourceError, match="lie in several zones .first: 1"):
        read_composition(write(tmp_path, text.replace("1,b,5,n", "1,b,5,s")), Composed(**asked))
    with pytest.raises(SourceError, match="--units"):
        read_composition(path, Composed(long=("g", "n")))


def test_encodings_and_separators(tmp_path):
    """Windows and byte order marks, tabs, pipes, gzip, quoted names, empty lines: one table."""
    text = "Gebiet;Türkei;Übrige\n01;1,5;2\n\n02;3;4,25\n"
    (tmp_path / "cp.csv").write_bytes(text.encode("cp1252"))
    (tmp_path / "bom.csv").write_bytes(text.encode("utf-8-sig"))
    (tmp_path / "crlf.csv").write_bytes(text.replace("\n", "\r\n").encode())
    (tmp_path / "tab.tsv").write_text(text.replace(";", "\t"), encoding="utf-8")
    (tmp_path / "pipe.csv").write_text(text.replace(";", "|"), encoding="utf-8")
    with gzip.open(tmp_path / "packed.csv.gz", "wt", encoding="utf-8") as file:
        file.write(text)
    for name in ("cp.csv", "bom.csv", "crlf.csv", "tab.tsv", "pipe.csv", "packed.csv.gz"):
        found = read_composition(tmp_path / name, Composed(groups=("Türkei", "Übrige"), units=("Gebiet",)))
        assert found.unit.tolist() == ["01", "02"], name
        assert found.counts.tolist() == [[1.5, 2], [3, 4.25]], name
    quoted = write(tmp_path, 'id,"a, b",c\n1,3,4\n2,7,9\n')
    assert read_composition(quoted, Composed(groups=("a, b", "c"))).counts.tolist() == [[3, 4], [7, 9]]
    for path, text in ((write(tmp_path, "a,a,b\n1,2,3\n", "twice.csv"), "one name twice"), (tmp_path, "directory")):
        with pytest.raises(SourceError, match=text):
            read_composition(path, AB)


def test_forms_of_files(tmp_path):
    """Parquet with an index, a spreadsheet with sheets, an old or a false one."""
    frame = pd.DataFrame({"id": ["1", "2"], "a": [3, 4], "b": [5, 1]})
    frame.set_index("id").to_parquet(tmp_path / "t.parquet")
    assert list(read_plain(tmp_path / "t.parquet").columns) == ["id", "a", "b"]
    frame.assign(a=[True, False]).to_parquet(tmp_path / "bool.parquet")
    with pytest.raises(SourceError, match="true and false"):
        read_composition(tmp_path / "bool.parquet", AB)
    write(tmp_path, "hello", "t.xlsx")
    with pytest.raises(SourceError, match=r"cannot be read as \.xlsx"):
        read_plain(tmp_path / "t.xlsx")
    with pytest.raises(SourceError, match="old form"):
        read_plain(tmp_path / "t.xls")
    with pytest.raises(SourceError, match="does not exist"):
        read_plain(tmp_path / "no.ods")


def test_sheets(tmp_path):
    """A spreadsheet of one sheet is read; of several, one is named."""
    for name, a in (("one", [3, 4]), ("two", [7, 9])):
        sheet = pd.DataFrame({"a": a, "b": [5, 1]})
        pyogrio.write_dataframe(sheet, tmp_path / "t.xlsx", layer=name, driver="XLSX", append=name == "two")
        if name == "one":
            assert read_composition(tmp_path / "t.xlsx", AB).counts.tolist() == [[3, 5], [4, 1]]
    with pytest.raises(SourceError, match="the sheets one, two"):
        read_composition(tmp_path / "t.xlsx", AB)
    with pytest.raises(CivigridError, match="Did you mean 'two'"):
        read_composition(tmp_path / "t.xlsx", Composed(groups=("a", "b"), layer="tow"))
    found = read_composition(tmp_path / "t.xlsx", Composed(groups=("a", "b"), layer="two"))
    assert found.counts.tolist() == [[7, 5], [9, 1]]


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 400)), min_size=2, max_size=30), st.randoms())
def test_long_and_wide_are_the_same_table(tmp_path_factory, rows, random):
    """In any order of the rows, whatever the counts."""
    folder = tmp_path_factory.mktemp("tables")
    # no row can be the sum of all others
    wide = pd.DataFrame([*rows, (1001, 7), (1003, 8)], columns=["a", "b"]).rename_axis("u").reset_index()
    long = wide.melt("u", var_name="g", value_name="n").sample(frac=1, random_state=random.randrange(1000))
    wide.to_csv(folder / "wide.csv", index=False)
    long.to_csv(folder / "long.csv", index=False)
    first = read_composition(folder / "wide.csv", Composed(groups=("a", "b"), units=("u",)))
    second = read_composition(folder / "long.csv", Composed(long=("g", "n"), units=("u",)))
    assert first.unit.tolist() == second.unit.tolist()
    np.testing.assert_array_equal(first.counts, second.counts)


def test_berlin_origins_are_nested(real_data):
    """Half-years are chosen, not added up; the published columns contain each other, which is said or refused."""
    path = real_data / "berlin_lor_population" / "lor_plr_t1_2015h1_2024h2.parquet"
    kinds = tuple(f"inhabitants_{k}" for k in ("germans", "foreigners"))
    with pytest.raises(SourceError, match="units repeat"):
        read_composition(path, Composed(groups=kinds, units=("id",)))
    asked = {"units": ("id",), "where": ("period=2021-02",)}
    found = read_composition(path, Composed(groups=kinds, total="inhabitants", **asked))
    assert (len(found.unit), found.counts.sum()) == (542, 3_775_480)
    nested = (*kinds, "inhabitants_germans_with_migration_background", "inhabitants_with_migration_background")
    with pytest.raises(SourceError, match="'inhabitants_with_migration_background' is the sum of"):
        read_composition(path, Composed(groups=nested, **asked))
    path = real_data / "berlin_lor_population" / "lor_plr_t4_2015h1_2024h2.parquet"
    origins = tuple(f"inhabitants_from_{k}" for k in ("european_union", "poland", "vietnam"))
    found = read_composition(path, Composed(groups=origins, total="inhabitants", **asked))
    assert any("inhabitants_from_poland" in str(f) and f.code == "composition.nested" for f in found.findings)


def totals(lines, named="Summe"):
    """Three boroughs of three units, and a line of totals of each, with `lines` added."""
    rng, text = np.random.default_rng(3), "id,z,a,b\n"
    for z in "xyz":
        a, b = rng.integers(1000, 9000, (2, 3))
        text += "".join(f"{z}{i},{z},{a[i]},{b[i]}\n" for i in range(3))
        text += f"{named} {z},{z},{a.sum()},{b.sum() + lines}\n"
    return text


@pytest.mark.parametrize(("lines", "named"), [(0, "Summe"), (0, "unit"), (4, "Insgesamt"), (4, "unit")])
def test_totals_of_zones_are_refused(tmp_path, lines, named):
    """Exact or rounded, by name or not; without zones a name is told."""
    path = write(tmp_path, totals(lines, named))
    asked = {"groups": ("a", "b"), "units": ("id",)}
    with pytest.raises(SourceError, match=f"'{named} x' is {'nearly ' * (lines > 0)}the sum of the others of zone 'x'"):
        read_composition(path, Composed(**asked, zones="z"))
    told = [f for f in read_composition(path, Composed(**asked)).findings if f.code == "composition.named-total"]
    assert [f.count for f in told] == [3] * (named != "unit")


@pytest.mark.parametrize(
    "text",
    [
        "u,1000,2000\nv,3000,1500\nw,2000,7000\nGesamt,6003,10496\n",
        "u,1000,2000\nv,3000,1500\nw,2000,7000\nq,6003,10496\n",
        "u,70,20\nv,30,40\nq,100,60\n",
        "u,70,20\nv,30,40\nzusammen,101,58\n",
    ],
)
def test_totals_of_the_whole_are_refused(tmp_path, text):
    """Off by rounding, or of two units only."""
    with pytest.raises(SourceError, match="sum of all others, in every group"):
        read_composition(write(tmp_path, "id,a,b\n" + text), Composed(groups=("a", "b"), units=("id",)))


def test_units_that_are_no_totals(tmp_path):
    """Small units that add up by accident pass; a name alone is told; All Saints is a ward."""
    asked = Composed(groups=("a", "b"), units=("id",))
    found = read_composition(write(tmp_path, "id,a,b\nu,3,1\nv,2,4\nAll Saints,5,5\n"), asked)
    assert not found.findings
    found = read_composition(write(tmp_path, "id,a,b\nu,3,1\nv,2,4\nTotal,50,5\n"), asked)
    assert str(found.findings[0]).endswith("(first: Total)")


def test_thousands_cut_by_a_spreadsheet_are_told(tmp_path):
    """8.1 and 2.245 persons are few; long decimals and numbers of a Parquet file are what they are."""
    text = "id,a,b\n1,8.1,2.245\n2,0.5,7.25\n3,12.3,4.1\n"
    found = read_composition(write(tmp_path, text), AB)
    assert "34.5 persons in all; are these thousands?" in str(found.findings[0])
    assert not read_composition(write(tmp_path, text + "4,1.12345,2.5\n5,7.12345,2.12345\n"), AB).findings
    assert not read_composition(write(tmp_path, "id,a,b\n1,8.0,2.0\n2,5.0,7.0\n"), AB).findings
    long = "u,g,n\n1,a,8.1\n1,b,2.245\n2,a,0.5\n2,b,7.2\n"
    found = read_composition(write(tmp_path, long), Composed(long=("g", "n"), units=("u",)))
    assert "18.0 persons in all" in str(found.findings[0])
    pd.DataFrame({"a": [75.222, 106.864], "b": [8.125, 2.245]}).to_parquet(tmp_path / "t.parquet")
    assert not read_composition(tmp_path / "t.parquet", AB).findings
