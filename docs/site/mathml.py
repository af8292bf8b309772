"""Formulas as MathML, which browsers draw themselves: no script, no font and no picture is needed."""

from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx


def setup(sphinx: Sphinx) -> dict[str, bool]:
    """Register as the way math is drawn in HTML."""
    sphinx.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    sphinx.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline(writer: Any, node: nodes.Node) -> None:
    writer.body.append(convert(node.astext()))
    raise nodes.SkipNode


def _block(writer: Any, node: nodes.Node) -> None:
    writer.body.append(convert(node.astext(), display="block"))
    raise nodes.SkipNode
