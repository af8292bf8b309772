"""QGIS layer styles (QML) for polygons and for rasters.

Written as QGIS 3.22 writes them; every QGIS 3 reads them.  Classes are rules, not a graduated renderer: that gives a
value on a break to the class below, and draws nothing where there is no value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from xml.etree import ElementTree as ET

from civigrid.io.styles.looks import MISSING_FILL, MISSING_LABEL, MISSING_LINE, SHOWN_EMPTY, Look, Step, number
from civigrid.io.styles.xml import child, text_of

VERSION = "3.22.16-Białowieża"
"""The QGIS whose format this is."""
_HEAD = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"


def qml(look: Look, aliases: Mapping[str, str] | None = None) -> str:
    """Style of a polygon layer.

    Parameters
    ----------
    look : Look
        What is drawn.
    aliases : mapping of str to str, optional
        Titles of columns.
    """
    root = ET.Element("qgis", {"version": VERSION, "styleCategories": "Symbology|Fields|Forms"})
    root.extend(elements(look, aliases))
    return text_of(root, head=_HEAD)


def elements(look: Look, aliases: Mapping[str, str] | None = None) -> list[ET.Element]:
    """Renderer and aliases, as they stand in a style and in a project."""
    renderer = _categories(look) if look.codes else _rules(look)
    named = ET.Element("aliases")
    for index, (field, title) in enumerate((aliases or {}).items()):
        child(named, "alias", index=str(index), field=field, name=title)
    return [renderer, named] if aliases else [renderer]


def _renderer(kind: str, **attrs: str) -> ET.Element:
    return ET.Element(
        "renderer-v2", {"type": kind, "forceraster": "0", "symbollevels": "0", "enableorderby": "0"} | attrs
    )


def _rules(look: Look) -> ET.Element:
    renderer = _renderer("RuleRenderer")
    rules = child(renderer, "rules", key="{root}")
    symbols = child(renderer, "symbols")
    for i, step in enumerate(look.steps):
        child(rules, "rule", key=f"{{class-{i}}}", filter=filter_of(look.field, step), symbol=str(i), label=step.label)
        _fill(symbols, str(i), step.color)
    if look.hatched != "none":
        place = str(len(look.steps))
        child(rules, "rule", key="{missing}", filter=missing_filter(look), symbol=place, label=MISSING_LABEL)
        _hatch(symbols, place)
    return renderer


def _categories(look: Look) -> ET.Element:
    renderer = _renderer("categorizedSymbol", attr=quoted(look.field))
    categories, symbols = child(renderer, "categories"), child(renderer, "symbols")
    for i, step in enumerate(look.steps):
        value = number(step.exactly or 0.0)
        child(categories, "category", value=value, symbol=str(i), label=step.label, render="true", type="double")
        _fill(symbols, str(i), step.color)
    if look.hatched != "none":
        place = str(len(look.steps))
        child(categories, "category", value="", symbol=place, label=MISSING_LABEL, render="true")
        _hatch(symbols, place)
    return renderer


def quoted(field: str) -> str:
    """A column in an expression of QGIS.

    >>> quoted('a"b')
    '"a""b"'
    """
    return '"' + field.replace('"', '""') + '"'


def filter_of(field: str, step: Step) -> str:
    """The values of a class as an expression of QGIS.

    >>> filter_of("T", Step(low=20.0, high=50.0, label="20 to 50", color="#ffffff"))
    '"T" >= 20 AND "T" < 50'
    """
    name = quoted(field)
    if step.exactly is not None:
        return f"{name} = {number(step.exactly)}"
    parts = [f"{name} >= {number(step.low)}"] if step.low is not None else []
    parts += [f"{name} < {number(step.high)}"] if step.high is not None else []
    parts += [f"{name} <> {number(step.but)}"] if step.but is not None else []
    return " AND ".join(parts) or f"{name} IS NOT NULL"


def missing_filter(look: Look) -> str:
    """Which empty values are hatched, as an expression of QGIS."""
    empty = f"{quoted(look.field)} IS NULL"
    if look.hatched == "all":
        return empty
    shown = ", ".join(f"'{s}'" for s in SHOWN_EMPTY)
    return f"{empty} AND {quoted(look.status)} NOT IN ({shown})"


def _rgba(color: str) -> str:
    return ",".join(str(int(color[i : i + 2], 16)) for i in (1, 3, 5)) + ",255"


def _symbol(symbols: ET.Element, name: str) -> ET.Element:
    return child(symbols, "symbol", type="fill", name=name, alpha="1", clip_to_extent="1", force_rhr="0")


def _layer(symbol: ET.Element, color: str, style: str) -> None:
    layer = child(symbol, "layer", class_="SimpleFill", enabled="1", locked="0", pass_="0")
    # an outline of the same colour closes the hairlines that antialiasing leaves between neighbours
    props = {
        "color": _rgba(color),
        "style": style,
        "outline_color": _rgba(color),
        "outline_style": "solid" if style == "solid" else "no",
        "outline_width": "0.15",
        "outline_width_unit": "MM",
        "joinstyle": "miter",
    }
    options = child(layer, "Option", type="Map")
    for key, value in props.items():
        child(options, "Option", name=key, value=value, type="QString")
    for key, value in props.items():
        child(layer, "prop", k=key, v=value)


def _fill(symbols: ET.Element, name: str, color: str) -> None:
    _layer(_symbol(symbols, name), color, "solid")


def _hatch(symbols: ET.Element, name: str) -> None:
    symbol = _symbol(symbols, name)
    _layer(symbol, MISSING_FILL, "solid")
    _layer(symbol, MISSING_LINE, "b_diagonal")


def raster_qml(look: Look) -> str:
    """Style of a raster: discrete colours, each up to and with the last number below the next class."""
    root = ET.Element("qgis", {"version": VERSION, "styleCategories": "Symbology"})
    root.extend(raster_elements(look))
    return text_of(root, head=_HEAD)


def raster_elements(look: Look) -> list[ET.Element]:
    """Pipe of a raster layer, as it stands in a style and in a project."""
    pipe = ET.Element("pipe")
    low, high = number(look.low), number(look.high)
    renderer = child(
        pipe, "rasterrenderer", type="singlebandpseudocolor", band="1", opacity="1", alphaBand="-1", nodataColor="",
        classificationMin=low, classificationMax=high,
    )  # fmt: skip
    shader = child(
        child(renderer, "rastershader"), "colorrampshader", colorRampType="DISCRETE", classificationMode="1", clip="0",
        minimumValue=low, maximumValue=high,
    )  # fmt: skip
    for step, top in tops(look):
        child(shader, "item", alpha="255", color=step.color, label=step.label, value=top)
    return [pipe]


def tops(look: Look) -> list[tuple[Step, str]]:
    """The last number of each class, in rising order; the largest class has no end."""
    ends = []
    for step in look.steps:
        if step.exactly is not None:
            ends.append((step.exactly, step))
        else:
            ends.append((math.inf if step.high is None else math.nextafter(step.high, -math.inf), step))
    ends.sort(key=lambda e: e[0])
    return [(step, "inf" if math.isinf(end) else number(end)) for end, step in ends]
