"""Checks for the exercises of the chapter on splits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pandas as pd

from mlbook.exercises import Result

Guard = Callable[[pd.DataFrame, pd.DataFrame], object]

_ZONE = "America/New_York"
_FINAL = timedelta(days=45)
_WINDOW = timedelta(days=90)


def check_honest(answer: Guard) -> Result:
    """Whether `answer` tells splits whose labels were all known at the first decision from those that look so."""
    name = "honest"
    for split, (train, test, expected) in _planted().items():
        got = answer(train.copy(), test.copy())
        if got is None:
            return Result(name, False, "It returns nothing: replace the `...`.")
        if bool(got) != expected:
            return Result(name, False, f"It {'accepts' if got else 'refuses'} {split}.")
    return Result(name, True, "Every label was known when the first test flight was decided.")


def check_backtest(answer: Callable[[pd.DataFrame], Any]) -> Result:
    """Whether the splitter of `answer` tests July to December 2013, month by month, on final labels only."""
    name = "backtest"
    payments = _payments()
    splitter = answer(payments.copy())
    if splitter is None:
        return Result(name, False, "It returns nothing: replace the `...`.")
    months = pd.date_range("2013-07-01", "2014-01-01", freq="MS", tz=_ZONE)
    folds = list(splitter.split(payments))
    if len(folds) != len(months) - 1:
        return Result(name, False, f"July to December are 6 folds, and there are {len(folds)}.")
    for start, end, (train, test) in zip(months, months[1:], folds, strict=False):
        fault = _fault(payments["paid"], start, end, payments["paid"].iloc[train], payments["paid"].iloc[test])
        if fault:
            return Result(name, False, f"In the fold of {start.month_name()}, {fault}.")
    return Result(name, True, "Each model is trained on 90 days of final labels and tested on the month that follows.")


def _fault(paid: pd.Series, start: pd.Timestamp, end: pd.Timestamp, train: pd.Series, test: pd.Series) -> str:
    """What is wrong with one fold, or nothing."""
    if not test.equals(paid[(paid >= start) & (paid < end)]):
        return f"the test runs from {_clock(test.min())} to {_clock(test.max())}, New York time"
    if train.max() >= start - _FINAL:
        final = train.max() + _FINAL
        return f"the label of a payment of {_clock(train.max())} is trained on and final only on {_clock(final)}"
    since = start - _FINAL - _WINDOW
    if train.min() < since:
        return f"training begins on {_clock(train.min())}, with labels that have been final for more than 90 days"
    if not train.equals(paid[(paid >= since) & (paid < start - _FINAL)]):
        return f"training runs from {_clock(train.min())} to {_clock(train.max())} and leaves out final labels"
    return ""


def _clock(moment: pd.Timestamp) -> str:
    return moment.tz_convert(_ZONE).strftime("%B %d, %H:%M").replace(" 0", " ")


def _payments() -> pd.DataFrame:
    """A payment every six hours of 2013, New York time."""
    paid = pd.date_range("2013-01-01", "2014-01-01", freq="6h", tz="UTC", inclusive="left")
    return pd.DataFrame({"paid": paid, "amount": 1.0 + pd.Series(range(len(paid))) % 7})


def _planted() -> dict[str, tuple[pd.DataFrame, pd.DataFrame, bool]]:
    """Splits of ten days of flights by what they are: (train, test, whether honest)."""
    flights = _flights()
    day = flights["departs"].dt.tz_convert(_ZONE).dt.day
    midnight = pd.Timestamp("2013-12-08", tz=_ZONE)
    before, after = flights[flights["departs"] < midnight], flights[flights["departs"] >= midnight]
    decided = after["decided"].min()
    return {
        "a split that leaves out a whole day between training and test": (flights[day < 7], flights[day >= 8], True),
        "a split of random rows": (flights[::2], flights[1::2], False),
        "a split that trains on the days after the test": (flights[day > 6], flights[day <= 5], False),
        "a split at midnight, with training flights that were still in the air": (before, after, False),
        "a split whose last training flight lands before the first test flight departs, but after it is decided": (
            before[before["landed"] < midnight],
            after,
            False,
        ),
        "a split whose training flights had all landed at the first decision": (
            before[before["landed"] < decided],
            after,
            True,
        ),
        "a split eight hours before midnight, with one long training flight still in the air at the first decision": (
            before[before["departs"] < midnight - timedelta(hours=8)],
            after,
            False,
        ),
    }


def _flights() -> pd.DataFrame:
    """A flight every hour from December 1 to 10, 2013, decided two hours before; one a day takes eleven hours."""
    departs = pd.Series(pd.date_range("2013-12-01", periods=240, freq="h", tz=_ZONE))
    hours = (departs.dt.hour == 14).map({True: 11, False: 3})
    utc = departs.dt.tz_convert("UTC")
    return pd.DataFrame(
        {"departs": utc, "decided": utc - timedelta(hours=2), "landed": utc + pd.to_timedelta(hours, unit="h")}
    )
