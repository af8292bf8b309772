"""Styled Layer Descriptor 1.0.0 (OGC 02-070) for GeoServer, MapServer and QGIS, for polygons and for rasters."""

from __future__ import annotations

import math
from xml.etree import ElementTree as ET

from civigrid.io.styles.looks import MISSING_FILL, MISSING_LABEL, MISSING_LINE, SHOWN_EMPTY, Look, Step, number, plain
from civigrid.io.styles.qml import tops
from civigrid.io.styles.xml import child, text_of

_SPACES = {
    "version": "1.0.0",
    "xmlns": "http://www.opengis.net/sld",
    "xmlns:ogc": "http://www.opengis.net/ogc",
}


def sld(look: Look, layer: str = "") -> str:
    """Style of a polygon layer; `layer` is its name, by default the column's."""
    root, style = _style(look, layer or look.field)
    for step in look.steps:
        symbolizer = _rule(style, step.label, _filter(look.field, step))
        _colored(symbolizer, step.color)
    if look.hatched != "none":
        ground = _rule(style, MISSING_LABEL, _missing(look))
        _colored(ground, MISSING_FILL)
        _hatched(ground)
    return text_of(root)


def _style(look: Look, layer: str) -> tuple[ET.Element, ET.Element]:
    root = ET.Element("StyledLayerDescriptor", _SPACES)
    named = child(root, "NamedLayer")
    child(named, "Name", layer)
    style = child(named, "UserStyle")
    child(style, "Name", look.field)
    child(style, "Title", plain(look.title))
    child(style, "IsDefault", "1")
    return root, child(style, "FeatureTypeStyle")


def _rule(style: ET.Element, label: str, condition: ET.Element) -> ET.Element:
    rule = child(style, "Rule")
    child(rule, "Name", label)
    child(rule, "Title", label)
    child(rule, "ogc:Filter").append(condition)
    return rule


def _filter(field: str, step: Step) -> ET.Element:
    if step.exactly is not None:
        return _compared("PropertyIsEqualTo", field, number(step.exactly))
    parts = []
    if step.low is not None:
        parts.append(_compared("PropertyIsGreaterThanOrEqualTo", field, number(step.low)))
    if step.high is not None:
        parts.append(_compared("PropertyIsLessThan", field, number(step.high)))
    if step.but is not None:
        parts.append(_compared("PropertyIsNotEqualTo", field, number(step.but)))
    return _joined("And", parts) if parts else _joined("Not", [_empty(field)])


def _missing(look: Look) -> ET.Element:
    if look.hatched == "all":
        return _empty(look.field)
    shown = [_compared("PropertyIsNotEqualTo", look.status, s) for s in SHOWN_EMPTY]
    return _joined("And", [_empty(look.field), *shown])


def _joined(tag: str, parts: list[ET.Element]) -> ET.Element:
    if len(parts) == 1 and tag == "And":
        return parts[0]
    made = ET.Element(f"ogc:{tag}")
    made.extend(parts)
    return made


def _compared(tag: str, field: str, literal: str) -> ET.Element:
    made = ET.Element(f"ogc:{tag}")
    child(made, "ogc:PropertyName", field)
    child(made, "ogc:Literal", literal)
    return made


def _empty(field: str) -> ET.Element:
    made = ET.Element("ogc:PropertyIsNull")
    child(made, "ogc:PropertyName", field)
    return made


def _colored(rule: ET.Element, color: str) -> None:
    symbolizer = child(rule, "PolygonSymbolizer")
    child(child(symbolizer, "Fill"), "CssParameter", color, name="fill")
    # an outline of the same colour closes the hairlines that antialiasing leaves between neighbours
    stroke = child(symbolizer, "Stroke")
    child(stroke, "CssParameter", color, name="stroke")
    child(stroke, "CssParameter", "0.2", name="stroke-width")


def _hatched(rule: ET.Element) -> None:
    graphic = child(child(child(child(rule, "PolygonSymbolizer"), "Fill"), "GraphicFill"), "Graphic")
    mark = child(graphic, "Mark")
    child(mark, "WellKnownName", "shape://slash")
    stroke = child(mark, "Stroke")
    child(stroke, "CssParameter", MISSING_LINE, name="stroke")
    child(stroke, "CssParameter", "1", name="stroke-width")
    child(graphic, "Size", "6")


def raster_sld(look: Look, layer: str = "") -> str:
    """Style of a raster: intervals, each below its quantity."""
    root, style = _style(look, layer or look.field)
    ramp = child(child(child(style, "Rule"), "RasterSymbolizer"), "ColorMap", type="intervals")
    ends = tops(look)
    for step, top in ends:
        # an interval ends below its quantity: that of one value just above it
        end = "1.7976931348623157e308" if top == "inf" else number(math.nextafter(float(top), math.inf))
        child(ramp, "ColorMapEntry", color=step.color, quantity=end, label=step.label)
    return text_of(root)
