"""Each check of the exercises on feature engineering accepts its solution and rejects wrong answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlbook.exercises.feature_engineering import check_count_before, check_leaks
from mlbook.features import Aggregate

HOUR = pd.Timedelta(hours=1)
SUSPECTS = {
    "row before": lambda f: f["arr_delay"].shift(1),
    "day": lambda f: f.groupby(f["decided"].dt.date)["arr_delay"].transform("mean"),
    "schedule": lambda f: f.groupby(f["decided"].dt.date)["decided"].transform("size"),
    "landed": lambda f: f["decided"].map(lambda t: f.loc[f["landed"] < t, "arr_delay"].sum()),
}
LEAKS = {"row before", "day"}


@pytest.fixture
def hourly() -> pd.DataFrame:
    decided = pd.Timestamp("2013-06-01", tz="UTC") + np.arange(72) * HOUR
    return pd.DataFrame({"decided": decided, "landed": decided + 5 * HOUR, "arr_delay": np.arange(72.0)})


WRONG_LEAKS = {
    "the stub": (..., "names nothing"),
    "nothing": (set(), "'row before' changes in"),
    "only the obvious one": ({"day"}, "'row before' changes in"),
    "only the hidden one": ({"row before"}, "'day' changes in"),
    "every look at the whole table": ({*LEAKS, "schedule"}, "'schedule' never changes"),
    "all of them": (set(SUSPECTS), "'schedule' never changes"),
    "a name that is none": ({"night"}, "no column 'night'; there are: row before, day"),
    "one name": ("day", "Give a set"),
    "a count": (2, "Give a set"),
}


def test_leaks_accepts_the_columns_that_change(hourly):
    assert check_leaks(LEAKS, SUSPECTS, hourly).passed
    assert check_leaks(sorted(LEAKS), SUSPECTS, hourly).passed


@pytest.mark.parametrize("name", WRONG_LEAKS)
def test_leaks_rejects(name, hourly):
    answer, message = WRONG_LEAKS[name]
    result = check_leaks(answer, SUSPECTS, hourly)
    assert not result.passed
    assert message in result.message
    assert repr(result).startswith("leaks: not yet. ")


def test_an_aggregate_leaks_only_if_it_counts_what_was_not_known(hourly):
    one = hourly.assign(entity=0)
    suspects = {
        "at once": Aggregate("entity", "decided", "mean", "arr_delay", 3),
        "landed": Aggregate("entity", "decided", "mean", "arr_delay", 3, "landed"),
    }
    assert check_leaks({"at once"}, suspects, one).passed
    assert "'landed' never changes" in check_leaks({"at once", "landed"}, suspects, one).message


def count_before(events, moments, window):
    events = np.sort(events)
    return np.searchsorted(events, moments) - np.searchsorted(events, moments - window)


def counting(start, end, sort=True):
    """A count by binary search on the given sides, of events in or out of order."""

    def count(events, moments, window):
        events = np.sort(events) if sort else events
        return np.searchsorted(events, moments, end) - np.searchsorted(events, moments - window, start)

    return count


WRONG_COUNTS = {
    "the stub": (lambda events, moments, window: None, "replace"),
    "one that sees its own instant": (counting("left", "right"), "is not known at minute 10"),
    "one that drops the oldest": (counting("right", "left"), "exactly one window old"),
    "one that trusts the order": (counting("left", "left", sort=False), "in no order"),
    "one that counts an instant once": (lambda e, m, w: count_before(np.unique(e), m, w), "are two events"),
    "one that sorts the moments": (lambda e, m, w: count_before(e, np.sort(m), w), "order of the moments"),
    "one without a window": (lambda e, m, w: np.searchsorted(np.sort(e), m), "begins at minute 10"),
    "one that sees the future": (lambda e, m, w: [len(e)] * len(m), "has not happened"),
    "one number": (lambda e, m, w: len(e), "one count for each"),
}


def test_count_before_accepts_the_solution_and_a_loop():
    assert check_count_before(count_before).passed
    loop = check_count_before(lambda e, m, w: [sum(t - w <= event < t for event in e) for t in m])
    assert loop.passed


@pytest.mark.parametrize("name", WRONG_COUNTS)
def test_count_before_rejects(name):
    answer, message = WRONG_COUNTS[name]
    result = check_count_before(answer)
    assert not result.passed
    assert message in result.message
    assert repr(result).startswith("count_before: not yet. ")
