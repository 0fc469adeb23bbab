"""The three interactive figures on small samples, and a site of their own: a page for each, and one without any."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
from notebooks import canonical
from served import ROOT, build

from mlbook.evidence.figures import Figure
from mlbook.evidence.mixture import LEVELS, Mixture
from mlbook.evidence.threshold import ONE_IN, Thresholds
from mlbook.evidence.timeline import Timeline
from mlbook.features import Aggregate

PLAIN = "chapters/plain.html"
# What stands in each row of a table.
CELLS = "rows => rows.map(row => [...row.querySelectorAll('td')].map(cell => cell.innerText))"
WEIGHTS = [1, 1, 1]  # with which the mixture opens
THRESHOLD, PRICE = 500, 500  # with which the threshold figure opens


def a_day() -> Timeline:
    """A flight of the evening before and three of the day, of which the last one lands after midnight."""
    midnight = pd.Timestamp("2013-06-27T00:00", tz="America/New_York").tz_convert("UTC")
    hours = {"departs": [-1.5, 7.75, 13.5, 22.75], "left": [-1, 7.75, 15.25, 23.5], "landed": [2, 9, 16.75, 26.25]}
    moments = {name: midnight + pd.to_timedelta(values, unit="h") for name, values in hours.items()}
    delays = {"dest": ["SYR", "BUF", "IAD", "ROC"], "arr_delay": [119.0, -10, 45, 212]}
    flights = pd.DataFrame({"tailnum": "N273JB", **delays, **moments})
    last_12_hours = Aggregate("tailnum", "left", "mean", "arr_delay", timedelta(hours=12), known_at="landed")
    return Timeline(flights, last_12_hours, "N273JB", "2013-06-27")


def films() -> Mixture:
    """Sixty films under three definitions, with many equal scores."""
    scores = pd.DataFrame(np.random.default_rng(0).integers(40, size=(60, 3)))
    return Mixture(scores.set_axis([f"Film <{number}>" for number in scores.index]).set_axis(list("xyz"), axis=1))


def payments() -> Thresholds:
    """A hundred thousand payments with some hundred frauds."""
    rng = np.random.default_rng(0)
    chance = np.minimum(1, rng.lognormal(-9, 2, 100_000))
    return Thresholds(chance, rng.random(100_000) < chance)


TIMELINE, MIXTURE, FRAUDS = a_day(), films(), payments()


def at_minute(minute: int) -> str:
    """What the timeline's page has to say at one of its minutes, from the aggregate itself."""
    moment = TIMELINE.minutes[minute]
    number = list(TIMELINE.states.loc[moment]).count("counts")
    count = f"{number} of 4 flights {'counts' if number == 1 else 'count'}"
    value = TIMELINE.feature[moment]
    feature = "nothing" if np.isnan(value) else f"{value:.1f} min".replace("-", "\N{MINUS SIGN}")
    return (
        f"At {moment.tz_convert('America/New_York'):%H:%M}, {count}: "
        f"the feature says {feature}; the careless average says 82.3 min."
    )


@dataclass(frozen=True)
class Widget:
    """An interactive figure, and what its page has to show.

    Parameters
    ----------
    name
        Of its script, its styles, its class on the page, and its page here.
    show
        Draws its picture.
    opens_at
        Where its sliders stand at first, counted from their lowest setting.
    opening, at_the_end
        What it says then, and once the first slider alone has gone to its highest setting.
    bytes
        Limit for its script and its styles together.
    """

    name: str
    show: Callable[[], Figure]
    opens_at: list[int]
    opening: str
    at_the_end: str
    bytes: int

    @property
    def page(self) -> str:
        """Its page, relative to the site."""
        return f"chapters/{self.name}.html"

    @cached_property
    def figure(self) -> Figure:
        """Its picture, with its data and its table."""
        return self.show()


_MOST_MISLEADING = TIMELINE.minutes.get_loc(TIMELINE.most_misleading())
WIDGETS = [
    Widget(
        "timeline",
        TIMELINE.show,
        opens_at=[_MOST_MISLEADING],
        opening=at_minute(_MOST_MISLEADING),
        at_the_end=at_minute(len(TIMELINE.minutes) - 1),
        bytes=9_000,
    ),
    Widget(
        "mixture",
        lambda: MIXTURE.show(WEIGHTS),
        opens_at=WEIGHTS,
        opening=MIXTURE.sentence(WEIGHTS),
        at_the_end=MIXTURE.sentence([LEVELS, *WEIGHTS[1:]]),
        bytes=6_000,
    ),
    Widget(
        "threshold",
        lambda: FRAUDS.show(THRESHOLD, PRICE),
        opens_at=[ONE_IN.index(THRESHOLD), list(FRAUDS.prices).index(PRICE)],
        opening=FRAUDS.sentence(THRESHOLD, PRICE),
        at_the_end=FRAUDS.sentence(ONE_IN[-1], PRICE),
        bytes=8_000,
    ),
]


def build_widget_site(source: Path) -> Path:
    """Build a small site from files in `source`: PLAIN and the page of each widget; returns the folder of the site."""
    shutil.copy(ROOT / "_config.yml", source)
    shutil.copytree(ROOT / "site", source / "site", ignore=shutil.ignore_patterns("__pycache__"))
    chapters = source / "chapters"
    chapters.mkdir()
    shutil.copy(ROOT / "chapters" / "references.bib", chapters)
    files = "".join(f"- file: chapters/{widget.name}\n" for widget in WIDGETS)
    (source / "_toc.yml").write_text(f"format: jb-book\nroot: chapters/plain\nchapters:\n{files}", encoding="utf-8")
    (chapters / "plain.md").write_text("# Plain\n\nNothing here answers.\n", encoding="utf-8")
    for widget in WIDGETS:
        (chapters / f"{widget.name}.ipynb").write_text(canonical(_notebook(widget)), encoding="utf-8")
    built = build(source, source)
    assert built.returncode == 0, built.stderr[-4000:]
    return source / "_build" / "html"


def _notebook(widget: Widget) -> nbformat.NotebookNode:
    data, metadata = widget.figure._repr_mimebundle_()
    output = nbformat.v4.new_output("display_data", data, metadata=metadata)
    heading = nbformat.v4.new_markdown_cell(f"# The {widget.name}")
    return nbformat.v4.new_notebook(cells=[heading, nbformat.v4.new_code_cell(widget.name, outputs=[output])])
