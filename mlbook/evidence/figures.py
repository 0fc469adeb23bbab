"""Figures that say what they show, to people who do not see them and to the test that compares them.

`show` sets the alternative text. It travels with the picture in the output's metadata, where the site and
nbconvert look for it, and in an HTML form of the output, because JupyterLab ignores the metadata. It is the
picture's plain-text form, too, which the tests compare.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure as Canvas

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


@dataclass(frozen=True)
class Figure:
    """A rendered picture (PNG bytes), its alternative text, and its width on the page (CSS pixels)."""

    png: bytes
    alt: str
    width: int

    def __repr__(self) -> str:
        return self.alt

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, Any]]:
        png = base64.b64encode(self.png).decode("ascii")
        html = f'<img alt="{escape(self.alt)}" width="{self.width}" src="data:image/png;base64,{png}">'
        data = {"image/png": png, "text/html": html, "text/plain": self.alt}
        return data, {"image/png": {"alt": self.alt, "width": self.width}}


def show(figure: Canvas, alt: str) -> Figure:
    """Render and close a matplotlib figure; end a cell with it.

    `alt` says in 20 to 60 words what the figure is, its trend, and its key values; compute the values
    from the data that was drawn.

    Raises
    ------
    ValueError
        If `alt` is shorter or longer than that.
    """
    words = len(alt.split())
    if not MIN_WORDS <= words <= MAX_WORDS:
        raise ValueError(f"the alternative text has {words} words; it needs {MIN_WORDS} to {MAX_WORDS}: {alt!r}")
    buffer = io.BytesIO()
    # Without the Software tag the bytes do not name the version of matplotlib that wrote them.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    width = round(figure.get_figwidth() * _CSS_DPI)
    plt.close(figure)
    return Figure(buffer.getvalue(), " ".join(alt.split()), width)
