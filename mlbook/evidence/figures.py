"""Figures that say what they show, to people who do not see them and to the test that compares them.

`show` sets the alternative text. It travels with the picture in the output's metadata, where the site and
nbconvert look for it, and in an HTML form of the output, because JupyterLab ignores the metadata. It is the
picture's plain-text form, too, which the tests compare.

A figure can be `Interactive`: the site then lets a script of its own draw the data, and keeps the picture for
print and for readers without scripts. JupyterLab, GitHub, and nbconvert show the picture.
"""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure as Canvas
from PIL import Image

# The same color means the same thing in every chapter (from Okabe and Ito's palette, which stays
# apart for the common forms of color blindness). Never color alone: label the line as well.
COLORS = {
    "rule": "#6b6b6b",
    "simple": "#0072b2",
    "sophisticated": "#d55e00",
    "train": "#56b4e9",
    "validation": "#e69f00",
    "test": "#009e73",
    "honest": "#0072b2",
    "leaky": "#cc79a7",
    "before": "#6b6b6b",
    "after": "#0072b2",
}
# For sets of columns that contain each other: the more columns, the darker.
SHADES = ("#6baed6", "#2171b5", "#08306b")
MIN_WORDS, MAX_WORDS = 20, 60
_CSS_DPI = 96
_ON_THE_SITE = "<p>One state of a figure that is interactive on the book's site.</p>"


@dataclass(frozen=True)
class Interactive:
    """What the site draws in place of a picture.

    Parameters
    ----------
    widget
        Which script draws it: `site/static/WIDGET.js`. Lowercase letters and hyphens.
    data
        What that script reads, ready for JSON. It is stored in the chapter and compared like any output, so
        round its numbers, or better, put the words of the page in it: a script looks up and draws, and what
        has to be computed was computed by a function with tests.
    table
        The same to read, for those who cannot use the drawing: one row a state of the figure. It is shown
        as it is, without the index.

    Raises
    ------
    ValueError
        If the name is none, the data cannot be written as JSON, or the table is empty.
    """

    widget: str
    data: Mapping[str, Any]
    table: pd.DataFrame

    def __post_init__(self) -> None:
        if not re.fullmatch("[a-z]+(-[a-z]+)*", self.widget):
            raise ValueError(f"a widget is named in lowercase letters and hyphens, not {self.widget!r}")
        if self.table.empty:
            raise ValueError(f"the table of widget {self.widget!r} is empty: give one row a state of the figure")
        try:
            json.dumps(self.data, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"the data of widget {self.widget!r} is not JSON: {error}. "
                "Use strings, finite numbers, None, lists, and dicts"
            ) from error

    @property
    def mime_type(self) -> str:
        """The type under which it stands beside the picture in an output."""
        return f"application/vnd.mlbook.{self.widget}+json"

    @property
    def content(self) -> dict[str, Any]:
        """What is stored under that type."""
        table = self.table.astype(str)
        return {"data": dict(self.data), "table": {"columns": list(table), "rows": table.to_numpy().tolist()}}


@dataclass(frozen=True)
class Figure:
    """A rendered picture (PNG bytes), its alternative text, its width on the page (CSS pixels), and its live form."""

    png: bytes
    alt: str
    width: int
    interactive: Interactive | None = None

    def __repr__(self) -> str:
        return self.alt

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, Any], dict[str, Any]]:
        png = base64.b64encode(self.png).decode("ascii")
        html = f'<img alt="{escape(self.alt)}" width="{self.width}" src="data:image/png;base64,{png}">'
        data: dict[str, Any] = {"image/png": png, "text/html": html, "text/plain": self.alt}
        if self.interactive:
            data["text/html"] += _ON_THE_SITE
            data[self.interactive.mime_type] = self.interactive.content
        return data, {"image/png": {"alt": self.alt, "width": self.width}}


def show(figure: Canvas, alt: str, interactive: Interactive | None = None) -> Figure:
    """Render and close a matplotlib figure; end a cell with it.

    `alt` says in 20 to 60 words what the figure is, its trend, and its key values; compute the values
    from the data that was drawn. With `interactive`, the figure is one state of what the site shows.

    Raises
    ------
    ValueError
        If `alt` is shorter or longer than that.
    """
    words = len(alt.split())
    if not MIN_WORDS <= words <= MAX_WORDS:
        raise ValueError(f"the alternative text has {words} words; it needs {MIN_WORDS} to {MAX_WORDS}: {alt!r}")
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    width = round(figure.get_figwidth() * _CSS_DPI)
    plt.close(figure)
    return Figure(_in_256_colors(drawn), " ".join(alt.split()), width, interactive)


def _in_256_colors(drawn: io.BytesIO) -> bytes:
    """The same picture as a third of the bytes; nobody sees the difference in a chart's few colors."""
    picture = Image.open(drawn).convert("RGB")
    few = picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    small = io.BytesIO()
    few.save(small, "PNG", optimize=True)
    return small.getvalue()
