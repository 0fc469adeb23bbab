"""What the book's charts are drawn from: intervals, as lines, bars, and dots on matplotlib's axes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from mlbook.evidence.intervals import Interval

_CAP = 3  # points: the width of the ends of an interval


def curve(
    ax: Axes,
    x: Sequence[float],
    intervals: Sequence[Interval],
    label: str,
    *,
    dodge: float = 1.0,
    lift: float = 0.0,
    **look: Any,
) -> None:
    """A line through estimates, with their intervals, and its name at its right end.

    `x` (n,) is multiplied by `dodge`, so that intervals of several lines do not hide each other on a logarithmic
    axis; `lift` moves the name up, in points. `look` is matplotlib's: color, marker, linestyle.
    """
    places = np.asarray(x, dtype=float) * dodge
    line, *_ = ax.errorbar(places, _estimates(intervals), _lengths(intervals), capsize=_CAP, **look)
    ax.annotate(
        label,
        (places[-1], intervals[-1].estimate),
        xytext=(9, lift),
        textcoords="offset points",
        color=line.get_color(),
        va="center",
    )


def bars(ax: Axes, intervals: pd.DataFrame, looks: Mapping[str, Mapping[str, Any]]) -> None:
    """Groups of bars from zero with their intervals: a group for each row of the table, a bar for each column.

    `looks` has matplotlib's color and hatch for each column. Name the bars by `ax.legend()`.

    Raises
    ------
    ValueError
        If a column has no look.
    """
    missing = [column for column in intervals if column not in looks]
    if missing:
        raise ValueError(f"no look for column {missing[0]!r}; there are looks for {', '.join(looks)}")
    width = 0.8 / len(intervals.columns)
    for number, column in enumerate(map(str, intervals)):
        found = list(intervals[column])
        x = np.arange(len(found)) + (number - (len(intervals.columns) - 1) / 2) * width
        style = {"edgecolor": "white", "capsize": _CAP, "label": column, **looks[column]}
        ax.bar(x, _estimates(found), 0.92 * width, yerr=_lengths(found), **style)
    ax.axhline(0, color="black", linewidth=0.8)
    ax.set_xticks(range(len(intervals)), [str(row) for row in intervals.index])
    ax.grid(visible=False, axis="x")


def dots(ax: Axes, intervals: Mapping[str, Interval], *, shift: float = 0.0, **look: Any) -> None:
    """One row for each interval, from the top down, named at the left: a dot for the estimate.

    A second call with the same names draws into the same rows; `shift` moves its dots, 1 being a whole row.
    `look` is matplotlib's: color, marker, label.
    """
    found = list(intervals.values())
    rows = -np.arange(len(found))
    style = {"marker": "o", "linestyle": "", "capsize": _CAP, **look}
    ax.errorbar(_estimates(found), rows + shift, xerr=_lengths(found), **style)
    ax.set_yticks(rows, list(intervals))
    ax.grid(visible=False, axis="y")


def log_ticks(ax: Axes, sizes: Sequence[int]) -> None:
    """A logarithmic x axis with ticks at these sizes only, written as they are: 10,000."""
    ax.set_xscale("log")
    ax.set_xticks(sizes, [f"{size:,}" for size in sizes])
    ax.minorticks_off()


def told(intervals: Mapping[str, Interval | Iterable[Interval]], decimals: int = 0) -> str:
    """The estimates in words, for alternative text: "schedule 20, 26, 33; everything 24, 38, 44"."""
    parts = []
    for name, found in intervals.items():
        some = [found] if isinstance(found, Interval) else found
        parts.append(f"{name} " + ", ".join(f"{interval.estimate:.{decimals}f}" for interval in some))
    return "; ".join(parts)


def _estimates(intervals: Sequence[Interval]) -> list[float]:
    return [interval.estimate for interval in intervals]


def _lengths(intervals: Sequence[Interval]) -> NDArray[np.float64]:
    """How far each interval reaches below and above its estimate, as matplotlib wants it: (2, n)."""
    return np.array([[i.estimate - i.low for i in intervals], [i.high - i.estimate for i in intervals]])
