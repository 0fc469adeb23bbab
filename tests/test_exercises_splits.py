"""Each check of the exercises on splits accepts its solution and rejects wrong answers."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from mlbook.exercises.splits import check_backtest, check_honest
from mlbook.splits import TimeSplit


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
