"""Every declared source: whom to thank, how it is read, where it lies."""

import re
from datetime import date

import pytest
from pyproj import CRS

from civigrid.catalog import declarations
from civigrid.catalog.folders import expand
from civigrid.run.inputs import READERS, declared_facts

KNOWN = {
    "id", "title", "publisher", "licence", "attribution", "page", "url", "level", "reader", "format", "layer", "crs",
    "encoding", "id_column", "name_column", "count_column", "labels", "only", "corrections", "member", "units",
    "reference_date", "valid_to", "sha256", "parts_sha256", "family", "year", "words", "scale", "page_id",
}  # fmt: skip
BOUNDARIES = declarations("boundaries")
OLD = ["berlin-lor-2006", "berlin-lor-2021", "berlin-population", "berlin-services", "eurostat-basemap-2021"]
OLD += ["eurostat-census-2021", "gisco-nuts-2024", "havelmark", "openstreetmap", "vg250", "zensus-2022"]


@pytest.mark.parametrize("name", sorted(BOUNDARIES))
def test_every_declaration_is_whole(name):
    """Whom to thank is there; keys are known; hashes, dates, CRSs and addresses are what they claim; facts fit."""
    about = BOUNDARIES[name]

    assert set(about) <= KNOWN
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert all(about.get(key) for key in ("title", "publisher", "licence", "attribution", "level", "format"))
    assert "{" not in str([v for v in about.values() if isinstance(v, str)])
    assert all(
        re.fullmatch(r"[0-9a-f]{64}", h)
        for h in (about.get("sha256", "0" * 64), *about.get("parts_sha256", {}).values())
    )
    assert all(about[key].startswith("https://") for key in ("url", "page") if key in about)
    assert about.get("reader", "areas") in READERS
    assert CRS.from_user_input(about.get("crs", "EPSG:3035"))
    for key in ("reference_date", "valid_to"):
        assert re.fullmatch(r"\d{4}", text := about.get(key, "2000")) or date.fromisoformat(text)
    if about.get("reader") == "areas":
        assert declared_facts(about)["id_column"]


@pytest.mark.parametrize("family", sorted({a["family"] for a in BOUNDARIES.values() if "family" in a}))
def test_vintages_of_a_family_follow_each_other(family):
    """A vintage ends before the next begins, and no two have one title."""
    vintages = [a for a in BOUNDARIES.values() if a.get("family") == family and "valid_to" in a]
    following = {a["reference_date"]: a["valid_to"] for a in vintages}
    begins = sorted(
        a["reference_date"]
        for a in BOUNDARIES.values()
        if a.get("family") == family and len(a.get("reference_date", "")) == 10
    )

    assert len({a["title"] for a in BOUNDARIES.values() if a.get("family") == family}) > 1
    for begin, end in following.items():
        later = [b for b in begins if b > begin]
        assert end > begin
        assert not later or end < later[0]


def test_the_real_sources_are_there():
    """NUTS 2003 to 2024, LAU 2011 to 2024, Urban Audit, census releases, national grids; old ids still work."""
    assert {f"gisco-nuts-{y}" for y in (2003, 2006, 2010, 2013, 2016, 2021, 2024)} <= set(BOUNDARIES)
    assert {f"gisco-lau-{y}" for y in range(2011, 2025)} <= set(BOUNDARIES)
    assert {f"gisco-{k}-{y}" for k in ("cities", "fua") for y in (2018, 2020, 2021)} <= set(BOUNDARIES)
    assert {"eurostat-census-2021-v1", "eurostat-census-2021-v3", "geostat-2006", "geostat-2011"} <= set(BOUNDARIES)
    assert {"zensus-2011", "filosofi-2019", "gisco-population-grid-2018", *OLD} <= set(BOUNDARIES)


def test_a_vintage_overrides_its_family():
    """What the file says is inherited; texts are filled in at any depth; numbers and lists stay."""
    family = {"id": "f", "crs": "A", "url": "u/{year}", "only": {"y": "{year}"}, "labels": ["l{year}"], "units": 1}
    family["vintage"] = [{"id": "f-{year}", "year": 7, "crs": "B"}, {"id": "g", "year": 8}]
    one, two = expand(family)
    filled = {"only": {"y": "7"}, "labels": ["l7"]}
    del family["vintage"]

    assert one == family | {"id": "f-7", "crs": "B", "url": "u/7", "year": 7, "family": "f"} | filled
    assert (two["id"], two["crs"]) == ("g", "A")


def test_two_declarations_of_one_id_are_refused(monkeypatch, tmp_path):
    """The second file is named."""
    from civigrid.catalog import folders
    from civigrid.errors import SchemaError

    for name in ("a", "b"):
        (tmp_path / f"{name}.toml").write_text('id = "same"\n')
    monkeypatch.setattr(folders, "folder", lambda _: tmp_path)

    with pytest.raises(SchemaError, match=r"b.toml declares 'same' a second time"):
        folders.declarations.__wrapped__("boundaries")
