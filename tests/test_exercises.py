"""Each exercise's check accepts the solution and rejects the wrong answers that people give."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlbook.exercises.data import check_minutes_of_day, check_rule
from mlbook.exercises.feature_engineering import check_count_before, check_leaks


def right(hhmm):
    return (hhmm // 100 * 60 + hhmm % 100) % 1440


WRONG_MINUTES = {
    "the stub": (lambda hhmm: None, "replace"),
    "the digits as a number of minutes": (lambda hhmm: hhmm, "0100 should be minute 60"),
    "hundredths of an hour": (lambda hhmm: hhmm / 100 * 60, "0001 should be minute 1"),
    "midnight left at 1440": (lambda hhmm: hhmm // 100 * 60 + hhmm % 100, "2400 should be minute 0"),
    "gaps filled with zero": (lambda hhmm: right(hhmm.fillna(0)), "must stay missing"),
    "gaps dropped": (lambda hhmm: right(hhmm.dropna()), "one value for each"),
    "a list": (lambda hhmm: right(hhmm).tolist(), "must return a Series"),
}


def test_minutes_of_day_accepts_the_solution():
    assert check_minutes_of_day(right).passed


@pytest.mark.parametrize("name", WRONG_MINUTES)
def test_minutes_of_day_rejects(name):
    answer, message = WRONG_MINUTES[name]
    result = check_minutes_of_day(answer)
    assert not result.passed
    assert message in result.message
    assert repr(result).startswith("minutes_of_day: not yet. ")


@pytest.fixture
def flights() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    delay = rng.normal(size=800)
    arrival = 10 * delay + rng.normal(size=800)
    return pd.DataFrame(
        {
            "date": np.repeat(pd.date_range("2013-01-01", periods=40), 20),
            "airport_delay": np.where(np.arange(800) % 9, delay, np.nan),
            "distance": rng.uniform(size=800),
            "arr_delay": arrival,
            "late": arrival > 8,
        }
    )


def dispatcher(flights):
    return flights["airport_delay"].fillna(0).round(0)


WRONG_RULES = {
    "the stub": (lambda flights: None, "replace"),
    "reads the label": (lambda flights: flights["arr_delay"], "before the flight lands"),
    "reads a column that is not there": (lambda flights: flights["dep_delay"], "no column 'dep_delay'"),
    "leaves gaps": (lambda flights: flights["airport_delay"], "have no score"),
    "answers for some": (lambda flights: flights["distance"].head(), "one score for each"),
    "knows nothing": (lambda flights: flights["distance"], "against the dispatcher: \N{MINUS SIGN}"),
    "is the dispatcher's own": (dispatcher, "0.00 points [0.00, 0.00]"),
}


def test_my_rule_accepts_a_better_rule(flights):
    assert check_rule(lambda flights: flights["airport_delay"].fillna(0), flights, dispatcher).passed


@pytest.mark.parametrize("name", WRONG_RULES)
def test_my_rule_rejects(name, flights):
    answer, message = WRONG_RULES[name]
    result = check_rule(answer, flights, dispatcher)
    assert not result.passed
    assert message in result.message


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
