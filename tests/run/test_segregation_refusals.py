"""What segregation, change and maup refuse of cells and of options, and that nothing is written before it."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from civigrid.cli import app
from civigrid.errors import SchemaError, SourceError
from civigrid.layers.segregation.groups import numbered
from civigrid.layers.segregation.maup.settings import MaupOptions
from civigrid.layers.segregation.table import composition_table


def town():
    """Twelve by twelve cells, groups A, B and C, their total, and a zone."""
    rng = np.random.default_rng(1)
    row, col = (v.ravel() for v in np.indices((12, 12)))
    a, b, c = rng.poisson(60, 144), rng.poisson(9, 144), rng.poisson(40, 144)
    code = [f"1kmN{2600 + i}E{4300 + j}" for i, j in zip(row, col, strict=True)]
    zone = np.where(col < 6, "west", "east")
    return pd.DataFrame({"code": code, "A": a, "B": b, "C": c, "N": a + b + c, "zone": zone})


def told(tmp_path, frame, *words, command="segregation", groups="A,B,C"):
    """Exit code, and what is printed, in one line."""
    path = tmp_path / "cells.csv"
    frame.to_csv(path, index=False)
    files = [path, path] if command == "change" else [path]
    found = CliRunner().invoke(app, [str(w) for w in (command, *files, "--groups", groups, *words)])
    text = str(found.exception) if found.exception and not isinstance(found.exception, SystemExit) else found.output
    return found.exit_code, " ".join(text.split())


@pytest.mark.parametrize("command", ["segregation", "change", "maup"])
@pytest.mark.parametrize(
    ("change", "groups", "words"),
    [
        (lambda t: t.assign(**{g: t[g] / t["N"] for g in "ABC"}), "A,B,C", "as shares do"),
        (lambda t: t.assign(**{g: 100 * t[g] / t["N"] for g in "ABC"}), "A,B,C", "add up to 100 as percentages"),
        (lambda t: t.assign(S=t["A"] + t["B"]), "A,B,C,S", "'S' is the sum of A, B"),
        (lambda t: t.rename(columns={"N": "T"}), "A,T", "'T' is all residents of the census"),
        (lambda t: t.assign(A=0, B=0, C=0), "A,B,C", "no persons are left"),
        (lambda t: t.assign(B=np.nan, B_status="confidential"), "A,B,C", "all 144 cells lack a count (144 confid"),
        (lambda t: pd.concat([t, t[:1]]), "A,B,C", "1 rows name a cell that another row has (first: 1kmN2600E4300)"),
    ],
)
def test_cells_are_checked_as_tables_are(tmp_path, command, change, groups, words):
    """Rates, groups that hold others, nobody at all, cells that stand there twice: refused in every command."""
    code, text = told(tmp_path, change(town()), command=command, groups=groups)
    assert code
    assert words in text


def test_findings_of_cells(tmp_path):
    """A group of nobody is told, and how many cells are confidential."""
    frame = town().assign(B=0)
    frame["A_status"] = np.where(np.arange(144) < 5, "confidential", "ok")
    frame.loc[:4, "A"] = np.nan
    code, text = told(tmp_path, frame)
    assert code == 0
    assert "nobody is of B" in text
    assert "5 cells lack a count (5 confidential)" in text


def test_a_suppressed_release_as_a_plain_table(tmp_path):
    """Statuses beside counts are read: what is suppressed is no zero and no number, whatever stands there."""
    frame = town().drop(columns="code").assign(unit=np.arange(144), B_status="ok")
    frame.loc[3, "B_status"] = "suppressed"
    code, text = told(tmp_path, frame, "--units", "unit")
    assert code
    assert "keeps 1 counts back in B (marks 'suppressed')" in text
    assert "--bounds" in text
    code, text = told(tmp_path, frame, "--units", "unit", "--bounds", 20, "--total", "N", "--indices", "D")
    assert code == 0
    assert "limits, no confidence interval" in text


@pytest.mark.parametrize("command", ["segregation", "change", "maup"])
@pytest.mark.parametrize(("zones", "words"), [(("all", "east"), "called 'all'"), (("(none)", ""), "called '(none)'")])
@pytest.mark.parametrize("plain", [False, True])
def test_names_of_zones(tmp_path, command, zones, words, plain):
    """No zone bears the name of the whole, or of what lies in none."""
    # an audit has no plain tables: it reads cells twice
    plain = plain and command != "maup"
    frame = town().assign(zone=np.where(np.arange(144) % 2, *zones))
    code, text = told(
        tmp_path, frame, "--zones", "zone", *(("--plain", "--units", "code") if plain else ()), command=command
    )
    assert code
    assert words in text


def test_names_of_zones_in_calls():
    """The same of the functions."""
    with pytest.raises(SchemaError, match="names the whole"):
        composition_table(np.ones((2, 2)), ["a", "b"], zone=["all", "x"])
    with pytest.raises(SchemaError, match="in no zone"):
        numbered(np.array(["", "(none)"]))
    assert numbered(np.array(["", "x"]))[0] == ["(none)", "x"]


@pytest.mark.parametrize(
    ("command", "words", "message"),
    [
        ("segregation", "--seed -1", "seed is -1"),
        ("change", "--seed -1", "seed is -1"),
        ("maup", "--seed -1", "seed is -1"),
        ("change", "--draws -1", "draws is -1"),
        ("change", "--added -1", "added is -1"),
        ("change", "--added nan", "added is nan"),
        ("segregation", "--k nan", "no finite number"),
        ("segregation", "--k inf", "no finite number"),
        ("segregation", "--scales inf", "no finite number"),
        ("segregation", "--bootstrap 1000000000000", "more than 100,000 draws"),
        ("segregation", "--bootstrap -1", "bootstrap is -1"),
        ("segregation", "--permutations 1000000000", "more than 1,000,000 draws"),
        ("maup", "--breaks nan", "finite"),
        ("maup", "--breaks 0", "above 0"),
        ("maup", "--sizes 1.5", "whole"),
        ("maup", "--sizes 1,100000000", "sizes up to 12"),
        ("segregation", "--levels nope", "has no label 'nope'"),
    ],
)
def test_options(tmp_path, command, words, message):
    """Numbers that mean nothing are refused, with the reason."""
    code, text = told(tmp_path, town(), *words.split(), command=command)
    assert code
    assert message in text
    assert "Did you mean 'none'" not in text


@pytest.mark.parametrize(
    ("command", "words", "option"),
    [
        ("segregation", "--figure a.svg --out t.txt", "--out t.txt"),
        ("segregation", "--out t.csv --figure a.pdf", "--figure a.pdf"),
        ("segregation", "--out t.csv --bibtex a.doc", "--bibtex a.doc"),
        ("segregation", "--out t.csv --local a.txt", "--local a.txt"),
        ("segregation", "--out t.csv --local t.csv", "write one file"),
        ("segregation", "--out t.csv --local a.csv --bounds 3 --total N", "without --bounds"),
        ("segregation", "--out t.csv --radii 2000 --figure a.svg --show nope", "--show"),
        ("change", "--figure a.svg --out t.txt", "--out t.txt"),
        ("change", "--out t.csv --figure a.svg --show D", "--show"),
        ("maup", "--figure a.svg --out t.txt", "--out t.txt"),
        ("maup", "--out t.csv --figure a.svg --indices G --show H", "--show"),
    ],
)
def test_nothing_is_written_before_a_refusal(tmp_path, monkeypatch, command, words, option):
    """Suffixes and the index shown are looked at first; the message names the option."""
    monkeypatch.chdir(tmp_path)
    code, text = told(tmp_path, town(), *words.split(), command=command)
    assert code
    assert option in text
    assert [p.name for p in tmp_path.iterdir()] == ["cells.csv"]


def test_local_of_a_plain_table(tmp_path, monkeypatch):
    """--local is refused before the table is written."""
    monkeypatch.chdir(tmp_path)
    code, text = told(tmp_path, town(), *["--plain", "--out", "t.csv", "--local", "l.csv"])
    assert code
    assert "whose units have no place" in text
    assert not (tmp_path / "t.csv").exists()


def test_the_figure_of_an_audit_follows_its_indices(tmp_path):
    """Where neither D nor H is audited, the figure shows what is."""
    figure = tmp_path / "a.svg"
    code, text = told(tmp_path, town(), "--indices", "isolation", "--figure", figure, "--sizes", "1,2", command="maup")
    assert code == 0, text
    assert figure.stat().st_size > 1000


def test_names_and_encodings_of_tables(tmp_path):
    """Columns of one name but for spaces, and UTF-16, are said by name."""
    path = tmp_path / "t.csv"
    for text, encoding, words in (
        ("u,A, B,B \nx,1,2,3\n", "utf-8", "twice: B"),
        ("u,A,B\nx,1,2\n", "utf-16", "UTF-16"),
    ):
        path.write_text(text, encoding=encoding)
        found = CliRunner().invoke(app, ["segregation", str(path), "--groups", "A,B"])
        said = str(found.exception) if isinstance(found.exception, SourceError) else found.output
        assert found.exit_code
        assert words in said


def test_breaks_of_options():
    """The same of a call."""
    with pytest.raises(SchemaError, match="above 0"):
        MaupOptions(breaks=(float("nan"),))
