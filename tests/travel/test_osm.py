"""OpenStreetMap extracts: what is read, what is mended, what is refused."""

import numpy as np
import pytest

from civigrid.errors import SourceError
from civigrid.io.osm import read_osm
from civigrid.io.streets import read_streets
from civigrid.travel.build_graph import build_graph

NODES = """
<node id="1" version="1" lat="49.0" lon="8.0"/>
<node id="2" version="1" lat="49.001" lon="8.0"><tag k="barrier" v="bollard"/></node>
<node id="3" version="1" lat="49.002" lon="8.0"/>
<node id="4" version="1" lat="49.003" lon="8.0"/>
<node id="5" version="1" lat="49.004" lon="8.0"/>
"""
STREET = '<tag k="highway" v="residential"/><tag k="name" v="A"/>'


def _way(number, nodes, tags=STREET):
    return f'<way id="{number}" version="1">{"".join(f"<nd ref={chr(34)}{n}{chr(34)}/>" for n in nodes)}{tags}</way>'


def _turn(number, tags, members):
    text = "".join(f'<member type="{t}" ref="{r}" role="{role}"/>' for t, r, role in members)
    words = "".join(f'<tag k="{k}" v="{v}"/>' for k, v in ({"type": "restriction"} | tags).items())
    return f'<relation id="{number}" version="1">{text}{words}</relation>'


@pytest.fixture
def written(tmp_path):
    """Write an extract and give its path."""

    def write(*parts):
        path = tmp_path / "small.osm"
        path.write_text(f'<?xml version="1.0"?><osm version="0.6">{NODES}{"".join(parts)}</osm>', encoding="utf-8")
        return path

    return write


def test_streets_barriers_and_tags_are_read(written):
    """Ways with their tags but not their names; other ways are not read."""
    building = '<tag k="building" v="yes"/>'
    lines = read_osm(written(_way(10, [1, 2, 3]), _way(11, [3, 4]), _way(12, [4, 5], building)))

    assert lines.way_id.tolist() == [10, 11]
    assert lines.kinds == ({"highway": "residential"},)
    assert lines.place[lines.vertex].tolist() == [
        [8.0, 49.0],
        [8.0, 49.001],
        [8.0, 49.002],
        [8.0, 49.002],
        [8.0, 49.003],
    ]
    assert lines.vertex_id[lines.barrier].tolist() == [2]
    assert lines.barriers == ({"barrier": "bollard"},)
    assert lines.bounds == (8.0, 49.0, 8.0, 49.003)
    assert not lines.notes


def test_ways_are_cut_where_nodes_are_missing(written):
    """As at the edge of an extract: what is left on both sides stays, and is counted."""
    lines = read_osm(written(_way(10, [1, 2, 99, 3, 4]), _way(11, [99, 5]), _way(12, [98, 99])))

    assert lines.way_id.tolist() == [10, 10]
    assert np.diff(lines.indptr).tolist() == [2, 2]
    assert lines.notes == {
        "ways cut at nodes that are not in the file": 3,
        "ways with fewer than two nodes in the file": 2,
    }
    report = build_graph(lines, "walk")[1]
    assert any(finding.code == "streets.reader" for finding in report.findings())


@pytest.mark.parametrize(
    ("tags", "members", "fault"),
    [
        ({"restriction": "no_left_turn"}, [("w", 10, "from"), ("n", 3, "via"), ("w", 11, "to")], ""),
        ({"restriction:motorcar": "no_left_turn"}, [("w", 10, "from"), ("n", 3, "via"), ("w", 11, "to")], ""),
        ({"restriction": "no_left_turn"}, [("w", 10, "from"), ("w", 10, "via"), ("w", 11, "to")], "leads via ways"),
        ({"restriction": "no_left_turn"}, [("w", 10, "from"), ("n", 3, "via")], "lacks a member"),
        ({"restriction": "no_left_turn"}, [("w", 10, "from"), ("w", 11, "to")], "lacks a member"),
        ({"restriction": "give_way"}, [("w", 10, "from"), ("n", 3, "via"), ("w", 11, "to")], "its rule is not known"),
        ({"restriction:hgv": "no_u_turn"}, [("w", 10, "from"), ("n", 3, "via"), ("w", 11, "to")], "does not bind cars"),
        (
            {"restriction:conditional": "no_left_turn @ (07:00-09:00)"},
            [("w", 10, "from"), ("n", 3, "via"), ("w", 11, "to")],
            "holds at certain times only",
        ),
        (
            {"restriction": "no_left_turn"},
            [("w", 10, "from"), ("n", 3, "via"), ("w", 77, "to")],
            "its members are not in the file",
        ),
        (
            {"restriction": "no_left_turn"},
            [("w", 10, "from"), ("n", 77, "via"), ("w", 11, "to")],
            "its members are not in the file",
        ),
    ],
)
def test_turn_restrictions_are_read(written, tags, members, fault):
    """Via a node they can be applied; all others bear the reason why not, and are counted by it."""
    marks = {"w": "way", "n": "node"}
    relation = _turn(5, tags | {"except": "bus;bicycle"}, [(marks[t], r, role) for t, r, role in members])
    lines = read_osm(written(_way(10, [1, 2, 3]), _way(11, [3, 4]), _way(13, [3, 5]), relation))

    assert [turn.fault for turn in lines.turns] == [fault]
    assert lines.turns[0].exempt == ("bicycle", "bus")
    if not fault:
        assert lines.vertex_id[lines.turns[0].via] == 3
    report = build_graph(lines, "drive")[1]
    assert report.turns_applied + sum(report.turns_ignored.values()) == 1
    assert (fault in report.turns_ignored) == bool(fault)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_cut_off_file_is_refused(real_data, tmp_path, share):
    """Half a download is no extract: an error that says so, and no half a network."""
    whole = (real_data / "r5r_poa" / "poa_osm.pbf").read_bytes()
    path = tmp_path / "half.osm.pbf"
    path.write_bytes(whole[: int(len(whole) * share)])

    with pytest.raises(SourceError, match=r"half\.osm\.pbf cannot be read as an OpenStreetMap file .*Is it cut off"):
        read_osm(path)


def test_a_damaged_file_is_refused(real_data, tmp_path):
    """Bytes that were changed on the way."""
    whole = bytearray((real_data / "r5r_poa" / "poa_osm.pbf").read_bytes())
    whole[len(whole) // 2 : len(whole) // 2 + 200] = bytes(200)
    path = tmp_path / "bad.osm.pbf"
    path.write_bytes(bytes(whole))

    with pytest.raises(SourceError, match=r"bad\.osm\.pbf cannot be read"):
        read_osm(path)


def test_files_that_are_no_extracts_are_refused(tmp_path, written):
    """Absent, of another kind, or without streets."""
    text = tmp_path / "words.osm.pbf"
    text.write_text("not an extract", encoding="utf-8")

    with pytest.raises(SourceError, match="does not exist"):
        read_osm(tmp_path / "none.osm.pbf")
    with pytest.raises(SourceError, match="cannot be read as an OpenStreetMap file"):
        read_osm(text)
    with pytest.raises(SourceError, match="holds no ways with a highway tag"):
        read_osm(written(_way(10, [1, 2], '<tag k="building" v="yes"/>')))


def test_counts_of_a_real_extract(real_data):
    """Heidelberg, as counted by osmium itself: ways, barriers on streets, turn restrictions."""
    lines = read_streets(real_data / "rhein_neckar" / "heidelberg.osm.pbf")
    rules = [turn.rule for turn in lines.turns]

    assert sum("highway" in lines.kinds[k] for k in lines.kind) >= 25_000
    assert rules.count("only_straight_on") == 222
    assert rules.count("no_u_turn") == 85
    assert len(lines.barrier) > 1_500
    report = build_graph(lines, "drive")[1]
    assert report.turns_applied > 0.9 * len(rules)


def test_lines_with_tags_give_the_same_streets_as_the_extract(real_data):
    """The same ways from GeoParquet: its few tags and its want of barriers change the network by under 3 %."""
    folder = real_data / "rhein_neckar"
    extract, table = (read_streets(folder / name) for name in ("rnv.osm.pbf", "rnv_highways.parquet"))
    one, other = (build_graph(lines, "drive")[1] for lines in (extract, table))

    assert len(table.way_id) == 37_278
    assert other.length_km == pytest.approx(one.length_km, rel=0.01)
    assert other.main_km == pytest.approx(one.main_km, rel=0.01)
    assert other.nodes == pytest.approx(one.nodes, rel=0.03)
