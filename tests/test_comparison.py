"""Every model on every set of columns, and the share of the error that a change removes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

from mlbook.evidence import error_removed, predict_each

PAST = pd.DataFrame({"a": [0.0, 1, 2, 3], "b": [1.0, 1, 0, 0], "y": [1.0, 3, 5, 7], "late": [False, False, True, True]})
FUTURE = pd.DataFrame({"a": [4.0, 5], "b": [0.0, 1]}, index=[11, 7])
COLUMNS = {"one": ["a"], "two": ["a", "b"]}


def test_each_model_predicts_the_future_from_each_set_of_columns():
    predicted = predict_each({"line": LinearRegression()}, COLUMNS, PAST, FUTURE, "y")
    assert predicted.columns.tolist() == [("one", "line"), ("two", "line")]
    assert predicted.index.tolist() == [11, 7]
    np.testing.assert_allclose(predicted["one", "line"], [9, 11])


def test_a_classifier_gives_the_chance_of_its_second_class():
    predicted = predict_each({"prior": DummyClassifier()}, {"one": ["a"]}, PAST.iloc[1:], FUTURE, "late")
    np.testing.assert_allclose(predicted["one", "prior"], 2 / 3)


def test_the_models_handed_in_stay_as_they_were():
    model = LogisticRegression()
    predict_each({"logistic": model}, COLUMNS, PAST, FUTURE, "late")
    assert not hasattr(model, "coef_")


def test_a_target_among_the_columns_is_refused():
    with pytest.raises(ValueError, match="the columns 'all' hold the target 'y'; take it out"):
        predict_each({"line": LinearRegression()}, {"all": ["a", "y"]}, PAST, FUTURE, "y")


def test_a_column_that_only_the_past_has_is_named():
    with pytest.raises(ValueError, match="`future` has no column 'b', which the columns 'two' name"):
        predict_each({"line": LinearRegression()}, COLUMNS, PAST, FUTURE.drop(columns="b"), "y")


def errors() -> pd.DataFrame:
    return pd.DataFrame(
        {("raw", "m"): np.full(40, 4.0), ("raw", "n"): np.full(40, 3.0), ("new", "m"): np.full(40, 1.0)}
    )


def test_the_error_removed_is_in_percent_of_the_start():
    assert error_removed(errors(), ("new", "m"), np.arange(40) // 2).estimate == 75


def test_instead_of_another_change_it_is_still_in_percent_of_the_start():
    removed = error_removed(errors(), ("new", "m"), np.arange(40), "sales", instead_of=("raw", "n"))
    assert removed.estimate == 50
    assert removed.over == "40 sales"
