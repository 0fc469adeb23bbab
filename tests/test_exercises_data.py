"""The checks of the exercises on data: they accept the solution and reject what a reader might write instead."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlbook.exercises.data import check_minutes_of_day, check_rule
from mlbook.exercises.features import check_device_columns, check_skip_rate


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


def device_columns(devices, known, unknown="other"):
    names = devices.where(devices.isin(known), unknown)
    return pd.DataFrame({name: (names == name) * 1.0 for name in [*known, "other"]})


WRONG_DEVICE_COLUMNS = {
    "the stub": (lambda devices, known: None, "replace"),
    "codes": (lambda devices, known: devices.astype("category").cat.codes, "must return a DataFrame"),
    "what the batch holds": (lambda devices, known: pd.get_dummies(devices), "and are desktop, phone, tablet."),
    "no column for the rest": (lambda devices, known: device_columns(devices, known)[known], "the columns must be"),
    "the rest as zeros": (lambda devices, known: device_columns(devices, known, unknown="none"), "'fridge' should be"),
    "the rest as the first": (lambda devices, known: device_columns(devices, known, unknown=known[0]), "'fridge'"),
    "gaps as zeros": (
        lambda devices, known: device_columns(devices, known).where(devices.notna(), 0.0),
        "None should be [0.0, 0.0, 0.0, 1.0]",
    ),
    "sorted columns": (lambda devices, known: device_columns(devices, sorted(known)), "the columns must be tablet"),
    "a new index": (lambda devices, known: device_columns(devices, known).reset_index(drop=True), "keep the index"),
}


def test_device_columns_accepts_the_solution():
    assert check_device_columns(device_columns).passed


@pytest.mark.parametrize("name", WRONG_DEVICE_COLUMNS)
def test_device_columns_rejects(name):
    answer, message = WRONG_DEVICE_COLUMNS[name]
    result = check_device_columns(answer)
    assert not result.passed
    assert message in result.message


def skip_rate(plays, today, extra=10, counted=None, toward=None):
    past = plays[plays["day"] < today]
    counted, toward = (past if default is None else default for default in (counted, toward))
    totals = counted.groupby("listener")["skipped"].agg(["sum", "size"])
    totals = totals.reindex(plays["listener"].unique(), fill_value=0)
    return (totals["sum"] + extra * toward["skipped"].mean()) / (totals["size"] + extra)


WRONG_SKIP_RATES = {
    "the stub": (lambda plays, today: None, "replace"),
    "one number": (lambda plays, today: plays["skipped"].mean(), "must return a Series"),
    "the mean": (lambda plays, today: skip_rate(plays, today, extra=0).fillna(0.5), "nothing is smoothed"),
    "only those with plays": (lambda plays, today: skip_rate(plays, today).drop(3), "Listener 3 has no rate"),
    "all plays": (lambda plays, today: skip_rate(plays, 99), "plays from day 3 on"),
    "today's plays": (lambda plays, today: skip_rate(plays, today + 1), "Listener 1 should have"),
    "a prior from the future": (lambda plays, today: skip_rate(plays, today, toward=plays), "future included"),
    "another prior": (lambda plays, today: skip_rate(plays, today, extra=5), "should have"),
}


def test_skip_rate_accepts_the_solution():
    assert check_skip_rate(skip_rate).passed


@pytest.mark.parametrize("name", WRONG_SKIP_RATES)
def test_skip_rate_rejects(name):
    answer, message = WRONG_SKIP_RATES[name]
    result = check_skip_rate(answer)
    assert not result.passed
    assert message in result.message
