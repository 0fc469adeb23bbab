"""Checks for the exercises of the chapter on data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from mlbook.eta import LABELS, flag
from mlbook.evidence import ratio_interval
from mlbook.exercises import Result

Rule = Callable[[pd.DataFrame], object]

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


def check_rule(answer: Rule, flights: pd.DataFrame, to_beat: Rule) -> Result:
    """Whether the score of `answer` catches more of the late `flights` than `to_beat`, on other days too.

    `flights` is the ETA's feature table; both rules see it without the labels. It passes if the whole
    interval of the difference, over days, lies above zero.
    """
    name = "my_rule"
    seen = flights.drop(columns=LABELS)
    try:
        score = answer(seen)
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
    more = flag(scores).astype(float) - flag(pd.Series(to_beat(seen), dtype=float))
    gain = ratio_interval(more * late, late, flights["date"]).scaled(100)
    message = f"Late flights caught, against the dispatcher: {gain.text('points')}."
    return Result(name, gain.low > 0, message)
