"""Formulas become MathML while the site is built, so that pages need no script for them."""

from __future__ import annotations

from xml.etree import ElementTree

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)
_ARGUMENTS = {"mfrac": 2, "msub": 2, "msup": 2, "mover": 2, "munder": 2, "mroot": 2, "msubsup": 3, "munderover": 3}


def to_mathml(tex: str, display: str) -> str:
    """The MathML of a formula; `display` is "inline" or "block".

    Raises
    ------
    ValueError
        If the formula is not valid, or uses what latex2mathml does not know: the converter itself
        lets both pass and writes broken markup.
    """
    try:
        markup = convert(tex, display=display)
        elements = list(ElementTree.fromstring(markup).iter())
    except Exception as error:  # the converter raises many unrelated types
        raise ValueError(f"not valid: {type(error).__name__} {error}") from error
    if tex.count("{") != tex.count("}"):
        raise ValueError("an opening or closing brace is missing")
    for element in elements:
        name = element.tag.rpartition("}")[2]
        if "\\" in (element.text or ""):
            raise ValueError(f"unknown command {element.text}")
        if name in _ARGUMENTS and len(element) != _ARGUMENTS[name]:
            raise ValueError(f"<{name}> needs {_ARGUMENTS[name]} arguments and got {len(element)}")
    return markup


def _write(translator: HTML5Translator, node: nodes.math | nodes.math_block, display: str) -> None:
    tex = node.astext()
    try:
        translator.body.append(to_mathml(tex, display))
    except ValueError as error:
        logger.warning("formula %r: %s", tex, error, location=node)


def _visit_inline(translator: HTML5Translator, node: nodes.math) -> None:
    _write(translator, node, "inline")
    raise nodes.SkipNode


def _visit_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    translator.body.append(translator.starttag(node, "div", CLASS="formula"))
    _write(translator, node, "block")
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Make MathML the way of writing formulas."""
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_block, None))
