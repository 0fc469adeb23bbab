"""Checks for the exercises of the chapter on features."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from mlbook.exercises import Result

EXTRA_PLAYS = 10


def check_device_columns(answer: Callable[[pd.Series, Sequence[str]], object]) -> Result:
    """Whether `answer` writes categories as 0/1 columns that depend on the list of known ones and on nothing else.

    `answer` gets a column of names (with gaps) and the names that training knew. The columns are those, in that order,
    and a last one, `other`.
    """
    name = "device_columns"
    known = ["tablet", "desktop", "phone"]
    columns = [*known, "other"]
    for values in (["phone", "desktop", "tablet"], ["phone", "phone"], ["phone", "fridge", None]):
        devices = pd.Series(values, index=range(5, 5 + len(values)), dtype="str")
        got = answer(devices.copy(), list(known))
        if got is None:
            return Result(name, False, "It returns nothing: replace the `...`.")
        if not isinstance(got, pd.DataFrame):
            return Result(name, False, "It must return a DataFrame.")
        if list(got.columns) != columns:
            found = ", ".join(map(str, got.columns))
            return Result(name, False, f"For {values} the columns must be {', '.join(columns)}, and are {found}.")
        if not got.index.equals(devices.index):
            return Result(name, False, "The rows must keep the index of the devices.")
        for value, row in zip(values, got.to_numpy(float), strict=True):
            expected = [float(column == (value if value in known else "other")) for column in columns]
            if row.tolist() != expected:
                return Result(name, False, f"{value!r} should be {expected}, and is {row.tolist()}.")
    return Result(name, True, "The list decides what a column means, whatever the batch holds.")


def check_skip_rate(answer: Callable[[pd.DataFrame, int], object]) -> Result:
    """Whether `answer` gives every listener a skip rate that is smoothed and blind to what comes later.

    `answer` gets plays (`listener`, `day`, `skipped`) and a day. The rate counts plays before that day, and
    `EXTRA_PLAYS` more at the rate of all plays before that day.
    """
    name = "skip_rate"
    plays, today = _plays(), 3
    returned = answer(plays.copy(), today)
    if returned is None:
        return Result(name, False, "It returns nothing: replace the `...`.")
    if not isinstance(returned, pd.Series):
        return Result(name, False, "It must return a Series with one rate for each listener.")
    past = plays[plays["day"] < today]
    expected = _smoothed(plays, past, past["skipped"].mean())
    got = returned.astype(float).reindex(expected.index)
    if got.isna().any():
        return Result(
            name, False, f"Listener {got.index[got.isna()][0]} has no rate: a service must answer for everybody."
        )
    raw = past.groupby("listener")["skipped"].mean()
    if np.allclose(got[raw.index], raw):
        return Result(name, False, "Listener 1 skipped two of two and is given 1.00: nothing is smoothed.")
    if np.allclose(got, _smoothed(plays, plays, plays["skipped"].mean())):
        return Result(name, False, f"It counts plays from day {today} on, which nobody has heard yet.")
    if np.allclose(got, _smoothed(plays, past, plays["skipped"].mean())):
        return Result(
            name, False, "The rate that it smooths toward is taken over the whole table, the future included."
        )
    for listener, value, wanted in zip(expected.index, got, expected, strict=True):
        if not np.isclose(value, wanted):
            return Result(name, False, f"Listener {listener} should have {wanted:.3f}, and has {value:.3f}.")
    return Result(name, True, "Two plays move it a little, two hundred would decide it, and tomorrow does not count.")


def _plays() -> pd.DataFrame:
    """Listener 1 has two plays before day 3, listener 2 has twenty, and listener 3 begins on day 3."""
    listener = [1] * 2 + [2] * 20 + [1] * 6 + [3] * 4
    day = [0, 2] + [0, 1, 2, 2] * 5 + [3] * 3 + [4] * 7
    skipped = [True] * 2 + [True, False, False, False] * 5 + [False] * 6 + [True] * 4
    return pd.DataFrame({"listener": listener, "day": day, "skipped": skipped})


def _smoothed(plays: pd.DataFrame, counted: pd.DataFrame, toward: float) -> pd.Series:
    """The rates of all listeners in `plays`, from the plays that are `counted`."""
    per_listener = counted.groupby("listener")["skipped"].agg(["sum", "size"])
    per_listener = per_listener.reindex(pd.Index(plays["listener"].unique()), fill_value=0)
    rate: pd.Series = (per_listener["sum"] + EXTRA_PLAYS * toward) / (per_listener["size"] + EXTRA_PLAYS)
    return rate
