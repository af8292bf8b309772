"""QML, SLD and MapLibre: one model, equal colours for every value, hostile words as text."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from exported import hard_cells, hexagons

from civigrid.cells import status_of, values_of
from civigrid.io.styles import maplibre_style, qml, raster_qml, raster_sld, sld
from civigrid.io.styles.choose import looks_of
from civigrid.io.styles.looks import MISSING_FILL, number
from civigrid.io.styles.maplibre import NOTHING, fill_color
from civigrid.release import public_grid, release
from civigrid.types import Status

OGC, SLD = "{http://www.opengis.net/ogc}", "{http://www.opengis.net/sld}"
WORDS = [s.name.lower() for s in Status]
LOOKS = {look.variable: look for look in looks_of(release(hard_cells(), public_grid()))}


def shown_by_model(look, value, status):
    """Colour that the model gives."""
    if np.isnan(value):
        missing = status not in ("ok", "observed_zero", "structural_zero")
        return MISSING_FILL if look.hatched == "all" or (look.hatched == "status" and missing) else None
    return look.classes.colors[int(look.classes.of(np.array([value]))[0])]


def shown_by_qml(text, look, value, status):
    """Colour that QGIS would give: every rule or category that fits."""
    renderer = ET.fromstring(text).find("renderer-v2")
    colors = {}
    for symbol in renderer.find("symbols"):
        option = symbol.find("layer/Option/Option[@name='color']").get("value")
        assert option == symbol.find("layer/prop[@k='color']").get("v")
        colors[symbol.get("name")] = "#" + "".join(f"{int(v):02x}" for v in option.split(",")[:3])
    if renderer.get("type") == "categorizedSymbol":
        assert renderer.get("attr") == f'"{look.field}"'
        by = {c.get("value"): c.get("symbol") for c in renderer.find("categories")}
        return colors[by["" if np.isnan(value) else number(value)]]
    found = [colors[r.get("symbol")] for r in renderer.iter("rule") if holds(r.get("filter"), look, value, status)]
    assert len(found) <= 1
    return found[0] if found else None


def holds(expression, look, value, status):
    """Evaluate what filters of QGIS say here."""
    unknown = np.isnan(value)
    results = []
    for part in re.split(r" AND ", expression):
        if part.endswith("IS NULL"):
            results.append(unknown)
        elif "NOT IN" in part:
            results.append(status not in re.findall(r"'(\w+)'", part))
        else:
            name, sign, literal = re.fullmatch(r'"(.+)" (=|>=|<|<>) (.+)', part).groups()
            assert name == look.field
            other = float(literal)
            compared = {"=": value == other, ">=": value >= other, "<": value < other, "<>": value != other}[sign]
            results.append(bool(compared) and not unknown)
    return all(results)


def shown_by_sld(text, look, value, status):
    """Colour of the one rule whose filter holds."""
    found = []
    for rule in ET.fromstring(text).iter(f"{SLD}Rule"):
        (condition,) = rule.find(f"{OGC}Filter")
        if accepted(condition, look, value, status):
            found.append(rule.find(f"{SLD}PolygonSymbolizer/{SLD}Fill/{SLD}CssParameter[@name='fill']").text)
    assert len(found) <= 1
    return found[0] if found else None


def accepted(node, look, value, status):
    """Evaluate an OGC filter."""
    tag = node.tag.removeprefix(OGC)
    if tag == "And":
        return all(accepted(c, look, value, status) for c in node)
    if tag == "Not":
        return not accepted(node[0], look, value, status)
    name = node.find(f"{OGC}PropertyName").text
    if tag == "PropertyIsNull":
        return np.isnan(value)
    literal = node.find(f"{OGC}Literal").text
    if name == look.status:
        assert tag == "PropertyIsNotEqualTo"
        return status != literal
    other = float(literal)
    known = not np.isnan(value)
    return (
        known
        and {
            "PropertyIsEqualTo": value == other,
            "PropertyIsNotEqualTo": value != other,
            "PropertyIsLessThan": value < other,
            "PropertyIsGreaterThanOrEqualTo": value >= other,
        }[tag]
    )


def shown_by_maplibre(expression, feature):
    """Evaluate the expressions that are used here."""
    if not isinstance(expression, list):
        return expression
    head, *rest = expression
    if head == "get":
        return feature.get(rest[0])
    if head == "literal":
        return rest[0]
    values = [shown_by_maplibre(r, feature) for r in rest]
    if head == "case":
        pairs = zip(rest[:-1:2], rest[1:-1:2], strict=True)
        return next((shown_by_maplibre(o, feature) for c, o in pairs if shown_by_maplibre(c, feature)), values[-1])
    if head == "step":
        found = values[1]
        for stop, output in zip(values[2::2], values[3::2], strict=True):
            found = output if values[0] >= stop else found
        return found
    if head == "to-number":
        return 0 if values[0] is None else float(values[0])
    return {"==": lambda a, b: a == b, "in": lambda a, b: a in b}[head](*values)


@pytest.mark.parametrize("variable", list(LOOKS))
def test_every_value_has_one_colour_in_all_styles(variable):
    """Values of the cells, breaks and their neighbours, zero and gaps: the colour of the model, everywhere."""
    cells, look = hard_cells(), LOOKS[variable]
    values, status = values_of(cells, variable), [WORDS[s] for s in status_of(cells, variable)]
    pairs = list(zip(values.tolist(), status, strict=True))
    if not look.codes:
        near = [f(b) for b in (0.0, *look.classes.breaks) for f in (float, lambda b: np.nextafter(b, -1e9))]
        pairs += [(float(v), "ok") for v in near if v >= 0 or not look.classes.zero]
    style, descriptor, color = qml(look), sld(look), fill_color(look)

    for value, word in pairs:
        expected = shown_by_model(look, value, word)
        feature = {look.field: None if np.isnan(value) else value, look.status: word}
        assert shown_by_qml(style, look, value, word) == expected, (value, word)
        assert shown_by_sld(descriptor, look, value, word) == expected, (value, word)
        assert shown_by_maplibre(color, feature) == (expected or NOTHING), (value, word)


@pytest.mark.parametrize("variable", list(LOOKS))
def test_rasters_have_the_same_colours(variable):
    """Discrete items (up to and with) and intervals (below) give each value the colour of the model."""
    look = LOOKS[variable]
    items = [(float(i.get("value")), i.get("color")) for i in ET.fromstring(raster_qml(look)).iter("item")]
    entries = [
        (float(e.get("quantity")), e.get("color")) for e in ET.fromstring(raster_sld(look)).iter(f"{SLD}ColorMapEntry")
    ]
    values = values_of(hard_cells(), variable)
    known = [*values[np.isfinite(values)].tolist(), *(look.codes or look.classes.breaks)]

    assert len(items) == len(entries) == len(look.steps)
    for value in known:
        expected = shown_by_model(look, value, "ok")
        assert next(c for top, c in items if value <= top) == expected
        assert next(c for top, c in entries if value < top) == expected


def test_what_nobody_may_know_is_hatched_and_what_is_nothing_is_not():
    """Counts and minutes: all gaps; rates: those that their status explains; codes: each a category."""
    assert LOOKS["total"].hatched == "all"
    assert LOOKS["share_a"].hatched == "status"
    assert LOOKS["degurba_1"].codes == (1.0, 2.0, 3.0)
    assert 'style" value="b_diagonal"' in qml(LOOKS["total"])
    assert "shape://slash" in sld(LOOKS["total"])


def test_hostile_words_stay_words():
    """Markup in titles is escaped, expressions of QGIS are broken, control characters are gone."""
    look = next(v for k, v in LOOKS.items() if k.startswith("minutes"))
    for text in (qml(look, {look.field: "a<b"}), sld(look)):
        assert "<img" not in text
        ET.fromstring(text)
    titles = [e.text for e in ET.fromstring(sld(look)).iter(f"{SLD}Title")]
    assert "<img src=x onerror=alert(1)>" in titles[0]
    assert "[%" not in titles[0]
    assert "\x07" not in titles[0]


def test_styles_of_maplibre_are_whole():
    """One layer for each look, the first shown, legends as in the model."""
    looks = list(LOOKS.values())
    style = maplibre_style(looks)

    assert style["version"] == 8
    assert [layer["layout"]["visibility"] for layer in style["layers"]] == ["visible"] + ["none"] * (len(looks) - 1)
    assert all(layer["source"] in style["sources"] for layer in style["layers"])
    legend = [row["color"] for row in style["layers"][0]["metadata"]["civigrid:legend"]]
    assert legend == [*looks[0].classes.colors, MISSING_FILL]


def test_hexagons_and_no_cells_have_looks():
    """Looks need no squares; without a cell there is still a style."""
    assert [look.field for look in looks_of(release(hexagons(), public_grid()))] == ["total", "share_a"]
    empty = release(hard_cells().isel(cell=slice(0, 0)), public_grid())
    for look in looks_of(empty):
        ET.fromstring(qml(look))
        ET.fromstring(sld(look))
        assert fill_color(look)
