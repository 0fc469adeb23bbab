"""Each check of the exercises on features accepts its solution and rejects wrong answers."""

from __future__ import annotations

import pandas as pd
import pytest

from mlbook.exercises.features import check_device_columns, check_skip_rate


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
