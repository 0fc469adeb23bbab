"""Each check of the exercises on leakage accepts its solution and rejects wrong answers."""

from __future__ import annotations

import pandas as pd
import pytest

from mlbook.exercises.leakage import check_culprit, check_encode, new_system

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
