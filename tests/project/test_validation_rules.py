"""The publisher's rules: each by hand, and the fingerprint of 30 countries' disclosure control to the printed digit."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from civigrid.cli import app
from civigrid.errors import SchemaError
from civigrid.io.census import MEANING, read_census_grid
from civigrid.project.validation_rules import additivity, census_rules
from civigrid.run.census_rules import additivity_markdown, check_census_file, percent
from civigrid.source import Source

# Adds up in % (sex/age/birth/residence), smallest T > 0, flags in % (M/OTH): Eurostat's Census 2021 grid V2 as it was
# published, single-country cells, measured when the project began (independently of this code).
PAGE = """
FR 372,427 64,540,441 100/99.9/100/69.5 1
BG 20,385 6,258,350 100/100/95.8/65.2 1
DE 207,171 80,747,873 9.5/22.5/33.4/30.5 3
IT 171,289 58,583,623 100/100/100/64.4 1
SK 16,681 5,184,012 100/100/78.9/47.7 1 0.1/0.0
NL 28,289 16,986,799 1.9/33.0/49.3/29.7 3
RO 69,981 18,789,838 100/100/100/100 1
MT 311 519,562 100/100/100/27.3 1 4.5/4.5
EL 30,925 10,428,488 4.1/29.9/44.5/48.2 3
IE 56,011 5,118,670 100/100/100/59.2 1
LI 14 4,013 100/100/100/57.1 7
HU 28,098 9,382,390 29.7/31.1/46.2/45.3 3
CZ 42,227 10,258,086 100/100/98.6/52.8 1
PL 194,738 36,656,531 100/100/100/100 1 12.3/77.6
ES 111,170 47,214,191 27.2/29.3/50.1/35.5 1
AT 41,138 8,643,996 100/100/100/56.2 1 6.7/6.7
NO 46,659 5,374,824 100/100/100/100 3
SE 107,721 10,421,336 27.3/34.6/63.5/57.8 2
PT 40,750 10,285,820 100/100/100/62.8 1
EE 16,382 1,318,118 100/100/99.9/91.4 3 89.2/31.1
FI 89,543 5,445,545 10.3/36.8/79.6/68.9 1
DK 38,732 5,818,501 100/100/100/73.5 1
LV 29,032 1,873,616 11.0/11.0/11.0/10.5 1 64.5/64.5
HR 22,655 3,670,346 23.6/21.1/24.8/23.7 1
LT 33,565 2,786,198 100/100/100/84.3 1
LU 1,230 476,333 45.0/34.0/30.8/5.8 1 19.9/45.3
CH 18,886 8,003,351 2.7/38.4/35.1/29.4 2
BE 22,415 11,097,103 100/100/100/36.3 4
CY 2,521 923,554 6.1/28.0/27.4/35.3 4
SI 12,037 1,987,191 2.9/37.8/52.4/31.2 1
"""
# One flag of CHG_OUT is written as 254: the sum of all is 151,444, and 151,191 cells are flagged.
FLAGS = dict(
    zip(
        tuple(MEANING),
        (8_307, 64_607, 65_038, 85_268, 66_266, 93_843, 67_520, 120_984, 167_163, 181_388, 101_050, 169_523, 151_191),
        strict=True,
    )
)
SUMS = dict(
    zip(
        tuple(MEANING),
        (455_671_735, 222_704_196, 232_749_527, 68_304_468, 291_760_506, 95_186_338, 130_196_582, 393_386_862,
         19_052_525, 39_401_892, 404_352_571, 42_325_694, 3_708_738),
        strict=True,
    )
)  # fmt: skip


@pytest.fixture(scope="module")
def europe(real_data):
    """The whole grid, and what the rules say of it."""
    source, _ = read_census_grid(real_data / "eu_census2021_1km" / "census2021_1km_v2.parquet", cell_size_m=1000)
    return source, census_rules(source).set_index(["rule", "country"])


def test_thirty_countries_add_up_as_they_were_published(europe):
    """Cells, residents, shares that add up, smallest total and flags of every country: equal to the printed digit."""
    table = additivity(europe[0])
    found = {}
    for row in table.itertuples():
        adds = "/".join(percent(getattr(row, g)) for g in ("sex", "age", "birth", "residence"))
        flags = "/".join(percent(s, whole=False) for s in (row.flagged_M, row.flagged_OTH))
        words = [row.Index, f"{row.cells:,}", f"{row.T:,.0f}", adds, f"{row.min_T:.0f}"]
        found[row.Index] = " ".join(words + ([] if flags == "0.0/0.0" else [flags]))

    assert {line[:2]: line for line in PAGE.strip().splitlines()} == found
    assert table.loc["DE", "sd_T_M_F"] == pytest.approx(2.48, abs=0.005)


def test_golden_numbers_of_europe(europe):
    """Sums, flags, border cells and quantiles of 1,906,023 cells, as counted when the project began."""
    source, rules = europe
    total = source.table["T"]

    assert {n: int(source.table[n].sum()) for n in SUMS} == SUMS
    assert {n: int(rules.loc[(f"flag {n}", "all"), "cells"]) for n in FLAGS} == FLAGS
    assert rules.loc[("flag T", "all"), "failing"] == 3_883
    assert rules.loc[("flag NAT", "all"), "failing"] == 13_585
    assert rules.loc[("T >= 0", "border"), "cells"] == 28_616
    assert int(source.table.loc[source.table["country"].str.contains("-"), "T"].sum()) == 6_873_036
    assert total.fillna(0).quantile([0.1, 0.25, 0.5, 0.75, 0.9, 0.99]).tolist() == [3, 8, 27, 111, 429, 4_089]
    assert (int((total >= 300).sum()), int((total >= 1_500).sum())) == (249_251, 64_299)
    assert hex(int(total.idxmax())) == hex(int(source.grid.from_row_col(np.array([2064]), np.array([3659]))[0]))
    assert int(total.max()) == 56_034
    sex = rules.loc[("sex = T", "all")]
    assert f"{1 - sex['share']:.1%}" == "68.7%"
    assert f"{1 - rules.loc[('birth = T', 'all'), 'share']:.1%}" == "78.9%"
    undelivered = rules.loc["EMP delivered"]
    assert {"CH", "DE", "FR"} == {c for c in undelivered.index[undelivered["failing"] > 0] if len(c) == 2}
    assert rules.loc[("T published", "no code"), "failing"] == 4_424


def small(tmp_path):
    """Two countries, a border cell, a cell of nowhere: every rule broken once."""
    table = pd.DataFrame(
        {
            "x": 4_000_000 + 1000 * np.arange(6),
            "y": 3_000_000,
            "CNTR_ID": ["AA", "AA", "AA", "BB", "AA-BB", None],
            "T": [10, 4, 5, 6, 8, 0],
            "M": [4, 9, 0, 3, 4, 0],
            "F": [6, 4, 5, 3, 4, 0],
            "EMP": [11, 0, 0, 0, 0, 0],
            "POPULATED": [1, 0, 1, 1, 1, 1],
            "T_CI": [0, 0, 0, 0, 0, 1],
            "M_CI": [0, 1, 1, 0, 0, 1],
            "F_CI": [0, 0, 0, 0, 0, 1],
        }
    )
    table["OTH"] = [1, -2, np.nan, 0, 0, 0]
    path = tmp_path / "grid.parquet"
    table.to_parquet(path)
    return path


def test_every_rule_by_hand(tmp_path):
    """Each fault is found in its country, with its size and its cell; what is in order is counted too."""
    path = small(tmp_path)
    rules = check_census_file(path).set_index(["rule", "country"])

    def row(rule, country="all"):
        found = rules.loc[(rule, country)]
        return int(found["cells"]), int(found["failing"]), found["largest"]

    assert row("flag M", "AA") == (2, 1, 9.0)
    assert row("T published")[:2] == (6, 1)
    assert row("populated where T > 0", "AA") == (3, 1, 4.0)
    assert row("T > 0 where populated")[:2] == (5, 0)
    assert row("OTH >= 0", "AA") == (2, 1, 2.0)
    assert row("given OTH", "AA")[:2] == (3, 1)
    assert row("EMP <= T", "AA") == (3, 1, 1.0)
    assert row("sex = T")[:2] == (3, 0)
    assert row("sex <= T where flagged", "AA") == (2, 1, 9.0)
    assert row("EMP delivered", "BB")[:2] == (1, 1)
    assert row("EMP delivered", "AA")[:2] == (3, 0)
    assert rules.loc[("EMP <= T", "AA"), "first"] == "CRS3035RES1000mN3000000E4000000"
    assert np.isnan(rules.loc[("T published", "all"), "largest"])
    assert set(rules.index.get_level_values("country")) == {"all", "AA", "BB", "border", "no code"}


def test_a_source_without_countries_or_parts_is_checked_as_far_as_it_goes():
    """Rules whose columns are absent are left out; without a total there is nothing to check."""
    from civigrid.types import Column

    table = pd.DataFrame({"T": [1.0]}, index=np.array([1], np.uint64))
    rules = census_rules(Source(name="s", table=table, columns={"T": Column()}))

    assert set(rules["rule"]) == {"flag T", "given T", "T >= 0", "T published", "T delivered"}
    with pytest.raises(SchemaError, match="no total 'T'"):
        census_rules(Source(name="s", table=table.rename(columns={"T": "x"}), columns={"x": Column()}))


def test_the_command_reports_and_finds_no_fault(tmp_path):
    """Exit code 0 whatever is found; a table for people, JSON for machines, CSV in a file, Markdown of additivity."""
    path, runner = small(tmp_path), CliRunner()
    told = runner.invoke(app, ["census-rules", str(path), "--out", str(tmp_path / "rules.csv")])
    asked = runner.invoke(app, ["census-rules", str(path), "--json"])
    adds = runner.invoke(app, ["census-rules", str(path), "--additivity"])

    assert (told.exit_code, asked.exit_code, adds.exit_code) == (0, 0, 0), told.output + asked.output + adds.output
    assert "EMP <= T" in told.stdout
    assert {"rule", "country", "cells", "failing", "share", "largest", "first"} == set(json.loads(asked.stdout)[0])
    assert len(pd.read_csv(tmp_path / "rules.csv")) == len(json.loads(asked.stdout))
    assert adds.stdout.splitlines()[2].startswith("| AA | 3 | 19 |")


def test_the_measured_table_in_the_documentation_is_up_to_date(europe):
    """docs/census_additivity.md holds what the command prints."""
    from conftest import ROOT

    printed = additivity_markdown(additivity(europe[0]).reset_index())
    assert printed in (ROOT / "docs" / "census_additivity.md").read_text(encoding="utf-8")
