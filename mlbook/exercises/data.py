"""Checks for the exercises of the chapter on data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from mlbook.eta import LABELS, flag
from mlbook.exercises import Result

_CLOCK = {1.0: 1, 59.0: 59, 100.0: 60, 517.0: 317, 1259.0: 779, 1300.0: 780, 2359.0: 1439, 2400.0: 0}


def check_minutes_of_day(answer: Callable[[pd.Series], object]) -> Result:
    """Whether `answer` turns HHMM clock readings (with gaps, and 2400) into minutes since midnight."""
    name = "minutes_of_day"
    readings = pd.Series([*_CLOCK, np.nan])
    got = answer(readings.copy())
    if got is None:
        return Result(name, False, "It returns nothing: replace the `...`.")
    if not isinstance(got, pd.Series) or len(got) != len(readings):
        return Result(name, False, "It must return a Series with one value for each reading.")
    for (reading, expected), value in zip(_CLOCK.items(), got.tolist(), strict=False):
        if pd.isna(value) or value != expected:
            return Result(name, False, f"{reading:04.0f} should be minute {expected}, and came out as {value:g}.")
    if got.notna().iloc[-1]:
        return Result(name, False, f"A missing reading must stay missing, and came out as {got.iloc[-1]:g}.")
    return Result(name, True, "Noon is in the middle, midnight is one moment, and gaps stay gaps.")


def check_rule(answer: Callable[[pd.DataFrame], object], flights: pd.DataFrame, to_beat: float) -> Result:
    """Whether the score of `answer` catches a larger share of the late `flights` than `to_beat` does.

    `flights` is the ETA's feature table. The answer sees it without the labels.
    """
    name = "my_rule"
    try:
        score = answer(flights.drop(columns=LABELS))
    except KeyError as error:
        if error.args[0] in LABELS:
            return Result(name, False, f"It reads {error.args[0]!r}, which nobody knows before the flight lands.")
        return Result(name, False, f"There is no column {error.args[0]!r}.")
    if score is None:
        return Result(name, False, "It returns nothing: replace the `...`.")
    scores = pd.Series(score, dtype=float).to_numpy()
    if scores.shape != (len(flights),):
        return Result(name, False, f"It must return one score for each of the {len(flights)} flights.")
    if np.isnan(scores).any():
        return Result(name, False, f"{np.isnan(scores).sum()} flights have no score: a rule must answer for all.")
    late = flights["late"].to_numpy()
    caught = (flag(scores) & late).sum() / late.sum()
    message = f"It catches {caught:.1%} of the late flights; the dispatcher catches {to_beat:.1%}."
    return Result(name, bool(caught > to_beat), message)
