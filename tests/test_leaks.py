"""The tables with a leak planted in each are complete, and the models that are tried on them are what they say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlbook import leaks


def test_each_planted_leak_has_live_rows_with_the_columns_that_the_model_learned_from():
    for case in leaks.planted():
        for rows in (*case.made(), case.live):
            assert {*case.features, case.target} <= set(rows.columns), case.name
        assert set(case.honest) <= set(case.without.columns) & set(case.live.columns), case.name


def test_as_many_rows_are_flagged_as_there_are_yeses():
    case = leaks.day_aggregate()
    (result,) = leaks.judged(case, case.without, [case.live], case.honest)
    assert result["flagged"].sum() == result["truth"].sum()
    assert result["truth"].equals(case.live["late"].rename("truth"))
    assert result["group"].nunique() == 30
    assert result.loc[result["flagged"], "chance"].min() >= result.loc[~result["flagged"], "chance"].max()


def test_a_model_of_few_rows_is_linear():
    case = leaks.columns_chosen_before_split()
    rows = case.live.head(50)
    chance = leaks.judged(case, case.without, [rows], case.honest)[0]["chance"]
    weights = np.log(chance / (1 - chance))
    design = np.column_stack([rows[case.honest], np.ones(50)])
    fitted = design @ np.linalg.lstsq(design, weights, rcond=None)[0]
    assert np.allclose(fitted, weights, atol=1e-6)


def test_the_score_of_a_rare_answer_is_that_of_never():
    case = leaks.payments()
    assert leaks.score(case) == pytest.approx(100 * (1 - case.test["fraud"].mean()), abs=0.02)


def test_the_score_of_a_number_is_the_share_of_its_spread():
    assert 90 < leaks.score(leaks.temperature_of_the_next_hour()) < 100


def test_whoever_always_says_the_same_is_right_as_often_as_the_more_frequent_answer():
    assert leaks.constant_score(pd.Series([True, False, False, False])) == 75
    assert leaks.constant_score(pd.Series([True, True, False])) == pytest.approx(200 / 3)
    assert leaks.constant_score(pd.Series([1.0, 1.0, 2.0])) == 0


@pytest.mark.parametrize("make", [leaks.proxy, leaks.day_aggregate, leaks.users_across_split])
def test_a_bare_case_is_its_features_and_its_target(make):
    case = make()
    for side, full in zip(case.bare(), (case.train, case.test), strict=True):
        assert side.columns.tolist() == [*case.features, "late" if "late" in full else "liked"]
        assert side.index.equals(full.index)
