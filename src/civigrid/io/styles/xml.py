"""XML in one canonical form."""

from __future__ import annotations

from xml.etree import ElementTree as ET


def child(parent: ET.Element, tag: str, text: str = "", **attrs: str) -> ET.Element:
    """Add an element; a trailing underscore of a Python word is dropped from its attribute (``class_``)."""
    made = ET.SubElement(parent, tag, {k.rstrip("_"): v for k, v in attrs.items()})
    if text:
        made.text = text
    return made


def text_of(root: ET.Element, *, head: str = '<?xml version="1.0" encoding="UTF-8"?>\n') -> str:
    """Serialise with two spaces of indentation and a newline at the end."""
    ET.indent(root)
    return head + ET.tostring(root, encoding="unicode") + "\n"
