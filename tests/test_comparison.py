"""Every model on every set of columns, and the share of the error that a change removes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import TimeSeriesSplit

from mlbook.evidence import (
    absolute_errors,
    auc_lost,
    break_even,
    due_to_columns,
    error_removed,
    predict_each,
    predict_each_fold,
    removed_by_each,
    squared_errors,
)

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


def test_a_single_model_needs_no_name():
    predicted = predict_each(LinearRegression(), COLUMNS, PAST, FUTURE, "y")
    assert predicted.columns.tolist() == ["one", "two"]
    np.testing.assert_allclose(predicted["one"], [9, 11])


def test_each_fold_is_predicted_by_a_model_that_was_trained_on_its_past():
    table = pd.DataFrame({"a": range(6), "y": [5, 5, 1, 1, 0, 0]}, index=list("abcdef"))
    predicted = predict_each_fold(DummyRegressor(), {"one": ["a"]}, table, "y", TimeSeriesSplit(2))
    assert predicted["one"].to_dict() == {"c": 5, "d": 5, "e": 3, "f": 3}


def test_the_models_handed_in_stay_as_they_were():
    model = LogisticRegression()
    predict_each({"logistic": model}, COLUMNS, PAST, FUTURE, "late")
    assert not hasattr(model, "coef_")


def test_a_row_that_counts_three_times_is_as_three_rows():
    weighted = PAST.iloc[1:].assign(weight=[3, 1, 1])
    thrice = PAST.iloc[[1, 1, 1, 2, 3]]
    model = {"logistic": LogisticRegression()}
    got = predict_each(model, COLUMNS, weighted, FUTURE, "late", weight="weight")
    np.testing.assert_allclose(got, predict_each(model, COLUMNS, thrice, FUTURE, "late"), rtol=1e-4)
    assert not np.allclose(got, predict_each(model, COLUMNS, weighted, FUTURE, "late"), rtol=1e-2)


def test_a_weight_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="`past` has no column 'weight'"):
        predict_each({"prior": DummyClassifier()}, COLUMNS, PAST, FUTURE, "late", weight="weight")


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


def test_squared_errors_begin_with_those_of_the_constant_that_the_past_would_have_guessed():
    future = FUTURE.assign(y=[10.0, 10])
    squared = squared_errors({"line": LinearRegression()}, COLUMNS, PAST, future, "y")
    assert squared.columns.tolist() == [("constant", "mean"), ("one", "line"), ("two", "line")]
    assert squared.index.tolist() == [11, 7]
    np.testing.assert_allclose(squared["constant", "mean"], [36, 36])  # the mean of 1, 3, 5, and 7 is 4
    np.testing.assert_allclose(squared["one", "line"], [1, 1], atol=1e-9)


def test_absolute_errors_say_how_far_each_prediction_is_off():
    future = FUTURE.assign(y=[10.0, 10])
    off = absolute_errors({"line": LinearRegression()}, COLUMNS, PAST, future, "y")
    assert off.columns.tolist() == [("one", "line"), ("two", "line")]
    np.testing.assert_allclose(off["one", "line"], [1, 1], atol=1e-9)


@pytest.mark.parametrize("errors", [absolute_errors, squared_errors])
def test_a_future_without_the_target_has_no_errors(errors):
    with pytest.raises(ValueError, match="`future` has no column 'y', the target"):
        errors({"line": LinearRegression()}, COLUMNS, PAST, FUTURE, "y")


def test_the_error_removed_is_in_percent_of_the_start():
    assert error_removed(errors(), ("new", "m"), np.arange(40) // 2).estimate == 75


def test_instead_of_another_change_it_is_still_in_percent_of_the_start():
    removed = error_removed(errors(), ("new", "m"), np.arange(40), "sales", instead_of=("raw", "n"))
    assert removed.estimate == 50
    assert removed.over == "40 sales"


class TestAucLost:
    POSITIVE = np.arange(400) % 4 == 0

    def scores(self, seed: int, strength: float) -> np.ndarray:
        return strength * self.POSITIVE + np.random.default_rng(seed).normal(size=400)

    def test_it_is_the_difference_of_the_two_aucs_in_points(self):
        before, after = self.scores(0, 2), self.scores(1, 1)
        lost = auc_lost(before, after, self.POSITIVE, "mails")
        aucs = [roc_auc_score(self.POSITIVE, score) for score in (before, after)]
        assert lost.estimate == pytest.approx(100 * (aucs[0] - aucs[1]))
        assert lost.low > 0
        assert lost.over == "100 mails"

    def test_of_several_scores_the_mean_loss_counts(self):
        before = self.scores(0, 2)
        after = np.column_stack([self.scores(seed, 1) for seed in range(1, 4)])
        each = [auc_lost(before, column, self.POSITIVE).estimate for column in after.T]
        assert auc_lost(before, after, self.POSITIVE).estimate == pytest.approx(np.mean(each))

    def test_a_score_in_the_same_order_loses_nothing(self):
        before = self.scores(0, 1)
        lost = auc_lost(before, np.exp(before), self.POSITIVE)
        assert (lost.low, lost.estimate, lost.high) == (0, 0, 0)

    def test_what_is_common_to_both_scores_does_not_widen_the_interval(self):
        before = self.scores(0, 1)
        noise = 0.01 * np.random.default_rng(1).normal(size=400)
        paired, unpaired = (auc_lost(before, after, self.POSITIVE) for after in (before + noise, self.scores(2, 1)))
        assert paired.high - paired.low < 0.2 * (unpaired.high - unpaired.low)

    def test_a_missing_score_is_refused(self):
        with pytest.raises(ValueError, match="a chance is missing"):
            auc_lost(self.scores(0, 1), np.full(400, np.nan), self.POSITIVE)


WORST, BEST = ("raw", "simple"), ("good", "trees")


@pytest.mark.parametrize(
    ("columns_first", "model_first", "both", "due"),
    [
        (4.0, 10.0, 4.0, 100),  # the model saves nothing, before or after
        (10.0, 4.0, 4.0, 0),  # the columns save nothing
        (6.0, 8.0, 4.0, 200 / 3),  # 4 of 6, in either order
        (8.0, 8.0, 0.0, 50),  # they help each other: 2 of 10 alone, 8 of 10 on top of the other
        (2.0, 10.0, 4.0, 700 / 6),  # good columns alone are best, and the better model spoils them
    ],
)
def test_what_is_due_to_columns_is_the_mean_of_both_orders(columns_first, model_first, both, due):
    table = pd.DataFrame(
        {WORST: [10.0] * 40, ("raw", "trees"): model_first, ("good", "simple"): columns_first, BEST: both}
    )
    part = due_to_columns(table, WORST, BEST, np.arange(40) // 2)
    assert part.estimate == pytest.approx(due)
    assert part.over == "20 days"


@pytest.mark.parametrize("best", [("raw", "trees"), ("good", "simple")])
def test_two_systems_that_share_a_part_are_refused(best):
    with pytest.raises(ValueError, match="must differ in both their columns and their model"):
        due_to_columns(errors(), WORST, best, np.arange(40))


@pytest.mark.parametrize(
    ("gains", "size"),
    [
        ([1, 2, 3], 1),  # ahead throughout
        ([-1, 1, 2], 10**0.5),  # halfway on the logarithmic axis
        ([1, -1, 3], 10**1.25),  # the last crossing counts
        ([-5, 0, 1], 10),  # level is not ahead
    ],
)
def test_a_curve_breaks_even_where_it_crosses_zero_for_the_last_time(gains, size):
    assert break_even([1, 10, 100], gains) == pytest.approx(size)


@pytest.mark.parametrize(
    ("sizes", "gains", "message"),
    [
        ([1, 10], [1, -2], "ends at -2.0, not ahead with 10 examples"),
        ([1, 10], [1, float("nan")], "ends at nan"),
        ([10, 1], [1, 2], r"must rise from above zero, got \[10, 1\]"),
        ([0, 1], [1, 2], "must rise from above zero"),
        ([1, 10], [1], "one gain for each size"),
    ],
)
def test_a_curve_that_cannot_be_read_is_refused(sizes, gains, message):
    with pytest.raises(ValueError, match=message):
        break_even(sizes, gains)


def test_a_change_named_zero_is_not_taken_for_none():
    numbered = errors().set_axis(["raw", 0, "new"], axis=1)
    assert error_removed(numbered, "new", np.arange(40), instead_of=0).estimate == 50


def test_every_column_but_the_first_is_measured_against_it():
    removed = removed_by_each(errors(), pd.Series(np.arange(40), name="sale"), "sales")
    assert removed.index.tolist() == [("raw", "n"), ("new", "m")]
    assert [interval.estimate for interval in removed] == [25, 75]
    assert {interval.over for interval in removed} == {"40 sales"}


def test_or_against_the_column_that_is_named():
    removed = removed_by_each(errors(), pd.Series(np.arange(40)), instead_of=("raw", "n"))
    assert [interval.estimate for interval in removed] == [0, 50]


def test_each_error_finds_its_group_under_its_label():
    table = errors().set_index(np.arange(100, 140))
    table.iloc[:20, 2] = 4.0
    groups = pd.Series(np.arange(60) // 3, index=np.arange(90, 150))
    found = removed_by_each(table[::-1], groups)["new", "m"]
    by_hand = error_removed(table[::-1], ("new", "m"), [(label - 90) // 3 for label in table.index[::-1]])
    assert found == by_hand
    assert found.over == "14 days"


def test_an_error_without_a_group_is_named():
    with pytest.raises(ValueError, match="`groups` has nothing under label 39 of the errors"):
        removed_by_each(errors(), pd.Series(np.arange(39)))
