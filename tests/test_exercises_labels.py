"""Each check of the exercises on labels accepts its solution and rejects wrong answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from mlbook.exercises.labels import check_kappa, check_training_rows


def kappa(one, other):
    observed, yes, also = np.mean(one == other), np.mean(one), np.mean(other)
    chance = yes * also + (1 - yes) * (1 - also)
    return float((observed - chance) / (1 - chance))


WRONG_KAPPAS = {
    "the stub": (lambda one, other: None, "replace"),
    "plain agreement": (lambda one, other: float(np.mean(one == other)), "agree on nothing, it should be -1.00"),
    "chance is always a half": (lambda one, other: float(2 * np.mean(one == other) - 1), "nine in ten"),
    "only agreement on yes counts as chance": (
        lambda one, other: float((np.mean(one == other) - one.mean() * other.mean()) / (1 - one.mean() * other.mean())),
        "agree on nothing",
    ),
    "both have the first one's rate": (lambda one, other: kappa(one, other) * (one.mean() == other.mean()), "often"),
    "not divided by what was left to reach": (
        lambda one, other: kappa(one, other) * (1 - np.mean(one) * np.mean(other)),
        "agree on everything",
    ),
}


@pytest.mark.parametrize("right_answer", [kappa, cohen_kappa_score])
def test_kappa_accepts_the_solution_and_the_library(right_answer):
    assert check_kappa(right_answer).passed


@pytest.mark.parametrize("name", WRONG_KAPPAS)
def test_kappa_rejects(name):
    answer, message = WRONG_KAPPAS[name]
    result = check_kappa(answer)
    assert not result.passed
    assert message in result.message


def training_rows(payments, today):
    old = payments[payments["paid"] <= today - pd.Timedelta(days=60)]
    return old.assign(label=old["reported"] < today)


def reported_rows(payments, today):
    return training_rows(payments, today).query("label")


WRONG_ROWS = {
    "the stub": (lambda payments, today: None, "replace"),
    "no label": (lambda payments, today: payments, "with a column `label`"),
    "everything": (
        lambda payments, today: payments.assign(label=payments["reported"] < today),
        "'a young fraud, reported at once' must be left out",
    ),
    "young rows if their label is in": (
        lambda payments, today: payments[
            (payments["paid"] <= today - pd.Timedelta(days=60)) | (payments["reported"] < today)
        ].assign(label=True),
        "'a young fraud, reported at once' must be left out",
    ),
    "only what was reported": (reported_rows, "'honest and old' must be kept"),
    "reports that were in long enough": (
        lambda payments, today: training_rows(payments, today)[
            lambda rows: ~(rows["reported"] > today - pd.Timedelta(days=60))
        ],
        "'a fraud, reported yesterday' must be kept",
    ),
    "rows older than 60 days, not of 60 days": (
        lambda payments, today: training_rows(payments, today - pd.Timedelta(seconds=1)),
        "'60 days old to the minute' must be kept",
    ),
    "the truth as label": (
        lambda payments, today: training_rows(payments, today).assign(label=payments["fraud"]),
        "the label of 'an old fraud that will be reported tomorrow' is False",
    ),
    "any report as label": (
        lambda payments, today: training_rows(payments, today).assign(label=payments["reported"].notna()),
        "the label of 'an old fraud that will be reported tomorrow' is False",
    ),
}


def test_training_rows_accepts_the_solution():
    assert check_training_rows(training_rows).passed


@pytest.mark.parametrize("name", WRONG_ROWS)
def test_training_rows_rejects(name):
    answer, message = WRONG_ROWS[name]
    result = check_training_rows(answer)
    assert not result.passed
    assert message in result.message
    assert repr(result).startswith("training_rows: not yet. ")
