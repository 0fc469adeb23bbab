"""Checks for the exercises of the chapter on feature engineering."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlbook.exercises import Result
from mlbook.features import Aggregate, aggregate

Column = Callable[[pd.DataFrame], pd.Series] | Aggregate
Minutes = NDArray[np.int64]
Counter = Callable[[Minutes, Minutes, int], object]

# Events and moments in minutes, a window, and what a wrong count of them gives away.
_COUNTS: tuple[tuple[list[int], list[int], int, str], ...] = (
    ([3, 8], [10], 60, "Both events lie in the hour before minute 10."),
    ([3, 8, 12], [10], 60, "The event of minute 12 has not happened at minute 10."),
    ([3, 10, 10], [10], 60, "What happens at minute 10 is not known at minute 10."),
    ([3, 8], [70], 60, "At minute 70, the hour before begins at minute 10."),
    ([10, 20], [70], 60, "An event exactly one window old still counts: from 10 to just before 70."),
    ([8, 3, 5], [6], 60, "The events come in no order; sort them, or compare each."),
    ([5, 5], [6], 60, "Two events of the same minute are two events."),
    ([3, 8], [10, 1, 5], 60, "Answer in the order of the moments, which need not be sorted."),
    ([], [10], 60, "Without events, the count is zero."),
)


def check_leaks(answer: object, suspects: Mapping[str, Column], flights: pd.DataFrame) -> Result:
    """Whether `answer` names just those columns whose values change with what landed after the prediction.

    `suspects` are functions from `flights` (with `decided`, `landed`, and `arr_delay`) to a column, or aggregates of
    the flights at the moments `decided`. Each is computed with and without the arrival delays that became known after
    a moment, for four moments of the table.
    """
    name = "leaks"
    if answer is None or answer is ...:
        return Result(name, False, "It names nothing: replace the `...` by the names of the columns that leak.")
    if isinstance(answer, str) or not isinstance(answer, Collection):
        return Result(name, False, f"Give a set of names, such as {{{next(iter(suspects))!r}}}.")
    for other in answer:
        if other not in suspects:
            return Result(name, False, f"There is no column {other!r}; there are: {', '.join(suspects)}.")
    changed = {suspect: _changed(column, flights) for suspect, column in suspects.items()}
    for suspect, count in changed.items():
        if count and suspect not in answer:
            return Result(name, False, f"{suspect!r} changes in {count} predictions when later arrivals are forgotten.")
        if not count and suspect in answer:
            return Result(name, False, f"{suspect!r} never changes: all that it reads was known at the time.")
    return Result(name, True, "These read what was not known yet, and the others do not.")


def check_count_before(answer: Counter) -> Result:
    """Whether `answer(events, moments, window)` counts the events in `[moment - window, moment)` of each moment."""
    name = "count_before"
    rng = np.random.default_rng(0)
    crowded = (rng.integers(0, 40, 60).tolist(), rng.integers(0, 40, 30).tolist(), 7, "Some of many events are wrong.")
    for events, moments, window, hint in (*_COUNTS, crowded):
        times, at = np.array(events, dtype=np.int64), np.array(moments, dtype=np.int64)
        expected = [int(((times >= moment - window) & (times < moment)).sum()) for moment in at]
        got = answer(times.copy(), at.copy(), window)
        if got is None:
            return Result(name, False, "It returns nothing: replace the `...`.")
        counts = np.asarray(got)
        if counts.shape != (len(moments),):
            return Result(name, False, f"It must return one count for each of the {len(moments)} moments.")
        if counts.tolist() != expected:
            return Result(name, False, hint)
    return Result(name, True, "Blind to ties, right at both ends of the window, and indifferent to order.")


def _changed(column: Column, flights: pd.DataFrame) -> int:
    """How many values for decisions before some moments change when what landed later is forgotten."""
    if isinstance(column, Aggregate):
        definition = column
        return _changed(lambda f: aggregate(f, f, definition, at_time="decided")[definition.name], flights)
    full = column(flights)
    decided = flights["decided"]
    count = 0
    for moment in decided.sort_values().iloc[len(flights) // 8 :: len(flights) // 4]:
        known = flights.assign(arr_delay=flights["arr_delay"].where(flights["landed"] < moment))
        due = decided.between(moment - timedelta(days=1), moment)
        now, then = full[due], column(known)[due]
        count += int(((now != then) & (now.notna() | then.notna())).sum())
    return count
