"""Each check of the exercises on data accepts its solution and rejects wrong answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlbook.exercises.data import check_minutes_of_day, check_rule


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
