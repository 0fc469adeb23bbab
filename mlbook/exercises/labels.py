"""Checks for the exercises of the chapter on labels."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.metrics import cohen_kappa_score

from mlbook.exercises import Result

_PILES = {
    "two labelers who agree on everything": ([1, 0, 0, 1], [1, 0, 0, 1]),
    "two labelers who agree on nothing": ([1, 0, 1, 0], [0, 1, 0, 1]),
    "two who say yes to half, each by lot": ([1, 1, 0, 0], [1, 0, 1, 0]),
    "two who say no to nine in ten and never yes together": ([1] + [0] * 9, [0] * 9 + [1]),
    "one who says yes often and one who rarely does": ([1, 1, 1, 1, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0]),
}


def check_kappa(answer: Callable[[np.ndarray, np.ndarray], object]) -> Result:
    """Whether `answer` computes the agreement of two labelers beyond chance."""
    name = "kappa"
    for who, (one, other) in _PILES.items():
        first, second = np.array(one, dtype=bool), np.array(other, dtype=bool)
        got = answer(first, second)
        if got is None:
            return Result(name, False, "It returns nothing: replace the `...`.")
        expected = cohen_kappa_score(first, second)
        if not isinstance(got, float) or not math.isclose(got, expected, abs_tol=1e-9):
            return Result(name, False, f"For {who}, it should be {expected:.2f}, and came out as {got}.")
    return Result(name, True, "Agreement, less what chance alone brings.")


_TODAY = pd.Timestamp("2024-07-01", tz="UTC")
# Days before today: when it was paid, and when the fraud was reported (negative is after today).
_PAYMENTS: dict[str, tuple[float, float | None]] = {
    "honest and old": (90.0, None),
    "a fraud, reported long ago": (90.0, 80.0),
    "a fraud, reported yesterday": (75.0, 1.0),
    "an old fraud that will be reported tomorrow": (75.0, -1.0),
    "60 days old to the minute": (60.0, None),
    "a young fraud, reported at once": (5.0, 4.0),
    "honest and young": (5.0, None),
}


def check_training_rows(answer: Callable[[pd.DataFrame, pd.Timestamp], object]) -> Result:
    """Whether `answer` keeps the payments that are at least 60 days old, labeled by the reports that are in."""
    name = "training_rows"
    payments = _payments()
    got = answer(payments.copy(), _TODAY)
    if got is None:
        return Result(name, False, "It returns nothing: replace the `...`.")
    if not isinstance(got, pd.DataFrame) or "label" not in got:
        return Result(name, False, "It must return a DataFrame with a column `label`.")
    old = payments.index[(_TODAY - payments["paid"]).dt.days >= 60]
    for row, (case, _) in zip(payments.index, _PAYMENTS.items(), strict=True):
        if (row in got.index) != (row in old):
            verb = "must be kept" if row in old else "must be left out"
            return Result(name, False, f"A payment that is {case!r} {verb}; look at its age and at nothing else.")
    for row, (case, (_, report)) in zip(payments.index, _PAYMENTS.items(), strict=True):
        reported = report is not None and report > 0
        if row in old and bool(got.loc[row, "label"]) != reported:
            return Result(name, False, f"Today, the label of {case!r} is {reported}; nobody knows more than that.")
    return Result(name, True, "Rows by their age, labels by what is known today.")


def _payments() -> pd.DataFrame:
    """Under labels of their own, so that an answer by position shows."""
    labels = range(10, 10 + len(_PAYMENTS))
    before = pd.DataFrame(list(_PAYMENTS.values()), columns=["paid", "reported"], index=labels, dtype=float)
    moments = {name: _TODAY - pd.to_timedelta(before[name], unit="D") for name in before}
    return pd.DataFrame({**moments, "fraud": before["reported"].notna()})
