"""Each exercise's check accepts the solution and rejects the wrong answers that people give."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from mlbook.exercises.data import check_minutes_of_day, check_rule
from mlbook.exercises.splits import check_backtest, check_honest
from mlbook.splits import TimeSplit


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


def honest(train, test):
    return train["landed"].max() < test["decided"].min()


WRONG_GUARDS = {
    "the stub": (lambda train, test: None, "replace"),
    "no row twice": (lambda train, test: not train.index.isin(test.index).any(), "accepts a split of random rows"),
    "departures in order": (lambda train, test: train["departs"].max() < test["departs"].min(), "still in the air"),
    "landed before the departure, not the decision": (
        lambda train, test: train["landed"].max() < test["departs"].min(),
        "but after it is decided",
    ),
    "the last row lands before the first is decided": (
        lambda train, test: train["landed"].iloc[-1] < test["decided"].iloc[0],
        "one long training flight",
    ),
    "no day on both sides": (
        lambda train, test: not set(train["departs"].dt.date) & set(test["departs"].dt.date),
        "trains on the days after the test",
    ),
    "wants a week in between": (
        lambda train, test: train["landed"].max() < test["decided"].min() - timedelta(days=7),
        "refuses a split that leaves out a whole day",
    ),
}


def test_honest_accepts_the_solution():
    assert check_honest(honest).passed


@pytest.mark.parametrize("name", WRONG_GUARDS)
def test_honest_rejects(name):
    answer, message = WRONG_GUARDS[name]
    result = check_honest(answer)
    assert not result.passed
    assert message in result.message


MONTHS = pd.date_range("2013-07-01", "2014-01-01", freq="MS", tz="America/New_York")
FINAL, WINDOW = timedelta(days=45), timedelta(days=90)


def backtest(payments, months=MONTHS, **changed):
    return TimeSplit(months, **{"times": payments["paid"], "gap": FINAL, "window": WINDOW, **changed})


WRONG_BACKTESTS = {
    "the stub": (lambda payments: None, "replace"),
    "one split": (
        lambda payments: backtest(payments, MONTHS[[0, -1]]),
        "July to December are 6 folds, and there are 1",
    ),
    "midnight in London": (
        lambda payments: backtest(payments, MONTHS.tz_localize(None).tz_localize("Europe/London")),
        "In the fold of July, the test runs from June 30, 20:00",
    ),
    "no gap": (
        lambda payments: backtest(payments, gap=timedelta(0)),
        "a payment of June 30, 20:00 is trained on and final only on August 14",
    ),
    "all of the past": (lambda payments: backtest(payments, window=None), "final for more than 90 days"),
    "a window that counts the gap": (
        lambda payments: backtest(payments, window=WINDOW - FINAL),
        "leaves out final labels",
    ),
    "a gap that is too long": (lambda payments: backtest(payments, gap=FINAL * 1.1, window=WINDOW * 0.9), "leaves out"),
}


def test_backtest_accepts_the_solution():
    assert check_backtest(backtest).passed


@pytest.mark.parametrize("name", WRONG_BACKTESTS)
def test_backtest_rejects(name):
    answer, message = WRONG_BACKTESTS[name]
    result = check_backtest(answer)
    assert not result.passed
    assert message in result.message
