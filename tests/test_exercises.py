"""Each exercise's check accepts the solution and rejects the wrong answers that people give."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlbook.exercises.data import check_minutes_of_day, check_rule
from mlbook.exercises.leakage import check_culprit, check_encode, new_system


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


WRONG_CULPRITS = {
    "the stub": (..., "Replace"),
    "several": (["order_clock", "till_clock"], "One column is enough"),
    "the one that says most alone": ("open_orders", "when the order comes in"),
    "the known half": ("order_clock", "half of the secret"),
    "the answer": ("late", "the answer itself"),
    "an old column": ("distance", "is known when the order comes in"),
    "no column": ("complaint", "or no column"),
}


def test_the_culprit_is_accepted():
    assert check_culprit("till_clock").passed


@pytest.mark.parametrize("name", WRONG_CULPRITS)
def test_the_culprit_is_not(name):
    answer, message = WRONG_CULPRITS[name]
    result = check_culprit(answer)
    assert not result.passed
    assert message in result.message


def test_the_planted_leak_hides_from_scores_of_single_columns_and_shows_in_a_difference():
    table = new_system()
    alone = table[["order_clock", "open_orders", "drivers", "till_clock", "app_version"]].corrwith(table["late"] * 1.0)
    assert alone.abs().idxmax() == "open_orders"
    minutes = table["till_clock"] - table["order_clock"]
    assert ((minutes > 30) == table["late"]).mean() > 0.93


def encode(train, test, prior=10, known=None):
    known = train if known is None else known
    average = known["late"].mean()
    routes = known.groupby(["origin", "dest"])["late"].agg(["sum", "size"])
    share = ((routes["sum"] + prior * average) / (routes["size"] + prior)).rename("share")
    return tuple(side.join(share, on=["origin", "dest"])["share"].fillna(average) for side in (train, test))


WRONG_ENCODINGS = {
    "the stub": (lambda train, test: None, "replace"),
    "one table": (lambda train, test: encode(train, test)[0], "two Series"),
    "two lists": (lambda train, test: tuple(side.tolist() for side in encode(train, test)), "two Series"),
    "the rows in another order": (lambda train, test: encode(train.sort_values("dest"), test), "the index"),
    "all answers": (lambda train, test: encode(train, test, known=pd.concat([train, test])), "it reads them"),
    "each side by itself": (
        lambda train, test: (encode(train, train)[0], encode(test, test)[0]),
        "it reads them",
    ),
    "gaps for new routes": (
        lambda train, test: tuple(
            side.join(train.groupby(["origin", "dest"])["late"].mean().rename("s"), on=["origin", "dest"])["s"]
            for side in (train, test)
        ),
        "never saw",
    ),
    "nothing drawn toward the average": (lambda train, test: encode(train, test, prior=0), "should be"),
}


def test_encode_accepts_the_solution():
    assert check_encode(encode).passed


@pytest.mark.parametrize("name", WRONG_ENCODINGS)
def test_encode_rejects(name):
    answer, message = WRONG_ENCODINGS[name]
    result = check_encode(answer)
    assert not result.passed
    assert message in result.message
