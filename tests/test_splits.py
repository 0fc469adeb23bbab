"""A split in time trains on what came before a date and tests on what came after it, inside scikit-learn, too."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pandas as pd
import pytest
import sklearn
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.feature_selection import RFECV
from sklearn.linear_model import LassoCV, Ridge
from sklearn.model_selection import GridSearchCV, check_cv, cross_val_score, cross_validate
from timebasedcv.sklearn import TimeBasedCVSplitter

from mlbook.splits import TimeSplit

NEW_YORK = "America/New_York"
START = pd.Timestamp("2013-03-01", tz=NEW_YORK)  # summer time begins on March 10
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def table(hours: list[int] | range) -> pd.DataFrame:
    """One row at each of these hours after the start, with its number as the only feature."""
    return pd.DataFrame({"departs": [START + hour * HOUR for hour in hours], "number": range(len(hours))})


def daily(days: int) -> pd.DataFrame:
    return table(range(0, 24 * days, 24))


def rows(split: TimeSplit, X: object, groups: object = None) -> list[tuple[list[int], list[int]]]:
    return [(train.tolist(), test.tolist()) for train, test in split.split(X, groups=groups)]


# ------------------------------------------------------------------------------------------- which rows


def test_a_fold_is_tested_on_its_period_and_trained_on_all_that_came_before():
    split = TimeSplit([START + 2 * DAY, START + 3 * DAY, START + 5 * DAY], times="departs")
    assert rows(split, daily(7)) == [([0, 1], [2]), ([0, 1, 2], [3, 4])]


def test_a_row_at_a_boundary_belongs_to_the_period_that_it_begins():
    split = TimeSplit([START + HOUR, START + 2 * HOUR], times="departs")
    assert rows(split, table([0, 1, 2])) == [([0], [1])]


def test_the_gap_keeps_the_last_rows_before_a_period_out_of_training():
    split = TimeSplit([START + 4 * DAY, START + 5 * DAY], times="departs", gap=2 * DAY)
    assert rows(split, daily(6)) == [([0, 1], [4])]


def test_a_window_keeps_the_old_rows_out_of_training():
    split = TimeSplit([START + 4 * DAY, START + 5 * DAY], times="departs", gap=DAY, window=2 * DAY)
    assert rows(split, daily(6)) == [([1, 2], [4])]


def test_a_boundary_is_midnight_where_it_says_whatever_the_zone_of_the_times():
    X = daily(3)
    elsewhere = X.assign(departs=X["departs"].dt.tz_convert("Asia/Tokyo"))
    split = TimeSplit([START + DAY, "2013-03-03T05:00Z"], times="departs")
    assert rows(split, elsewhere) == [([0], [1])]


def test_with_groups_the_test_keeps_newcomers_only_and_training_keeps_all():
    split = TimeSplit([START + 3 * DAY, START + 6 * DAY], times="departs")
    assert rows(split, daily(6), groups=list("aabacb")) == [([0, 1, 2], [4])]


Case = tuple[list[int], list[int], int, int | None, list[int] | None]


@st.composite
def sparse(draw) -> Case:
    """Hours of the rows, boundaries, gap, and window in hours, and groups; folds may be empty."""
    hours = sorted(draw(st.lists(st.integers(0, 300), min_size=1, max_size=40)))
    edges = sorted(draw(st.sets(st.integers(0, 300), min_size=2, max_size=5)))
    groups = draw(st.none() | st.lists(st.integers(0, 9), min_size=len(hours), max_size=len(hours)))
    return hours, edges, draw(st.integers(0, 30)), draw(st.none() | st.integers(1, 100)), groups


@st.composite
def dense(draw) -> Case:
    """The same with rows in every fold, and with a newcomer in each."""
    edges = sorted(draw(st.sets(st.integers(40, 300), min_size=2, max_size=5)))
    hours = sorted([*range(0, 40, 5), *edges[:-1], *draw(st.lists(st.integers(0, 320), max_size=40))])
    groups = [-hour if hour in edges else draw(st.integers(0, 20)) for hour in hours]
    return hours, edges, draw(st.integers(0, 30)), draw(st.none() | st.integers(300, 400)), groups


def folds(case: Case) -> list[tuple[list[int], list[int]]]:
    hours, edges, gap, window, groups = case
    boundaries = [START + edge * HOUR for edge in edges]
    length = None if window is None else window * HOUR
    return rows(TimeSplit(boundaries, times="departs", gap=gap * HOUR, window=length), table(hours), groups)


@given(sparse() | dense())
def test_each_fold_is_what_its_definition_says_and_an_empty_one_is_refused(case):
    hours, edges, gap, window, groups = case
    expected = []
    for start, end in pairwise(edges):
        oldest = 0 if window is None else start - gap - window
        train = [i for i, hour in enumerate(hours) if oldest <= hour < start - gap]
        seen = set() if groups is None else {groups[i] for i in train}
        test = [i for i, hour in enumerate(hours) if start <= hour < end and (groups is None or groups[i] not in seen)]
        expected.append((train, test))
    if all(train and test for train, test in expected):
        assert folds(case) == expected
    else:
        with pytest.raises(ValueError, match=r"fold \d, .* has no "):
            folds(case)


@given(dense())
def test_every_tested_row_is_younger_than_every_training_row_plus_the_gap(case):
    hours, _, gap, _, _ = case
    for train, test in folds(case):
        assert max(hours[i] for i in train) + gap < min(hours[i] for i in test)


@given(dense())
def test_no_group_is_on_both_sides(case):
    *_, groups = case
    for train, test in folds(case):
        assert not {groups[i] for i in train} & {groups[i] for i in test}


@given(dense())
def test_without_groups_every_row_from_the_first_boundary_to_the_last_is_tested_once(case):
    hours, edges, gap, window, _ = case
    tested = [i for _, test in folds((hours, edges, gap, window, None)) for i in test]
    assert tested == [i for i, hour in enumerate(hours) if edges[0] <= hour < edges[-1]]


@given(
    hours=st.lists(st.integers(0, 24 * 30), min_size=1, max_size=60),
    train=st.integers(1, 10),
    test=st.integers(1, 7),
    gap=st.integers(0, 3),
    window=st.sampled_from(["rolling", "expanding"]),
)
def test_where_definitions_coincide_the_folds_are_those_of_timebasedcv(hours, train, test, gap, window):
    start = pd.Timestamp("2013-04-01", tz="UTC")
    every_day = [24 * day + 12 for day in range(30)]  # so that no fold is empty
    times = pd.Series([start + hour * HOUR for hour in sorted([*hours, *every_day])])
    edges = pd.date_range(start + (train + gap) * DAY, start + 30 * DAY, freq=f"{test}D")
    assume(len(edges) > 1)
    peer = TimeBasedCVSplitter(
        frequency="days",
        train_size=train,
        forecast_horizon=test,
        gap=gap,
        window=window,
        time_series=times,
        start_dt=start,
        end_dt=edges[-1],
    )
    ours = TimeSplit(edges, times=times, gap=gap * DAY, window=train * DAY if window == "rolling" else None)
    theirs = [(seen.tolist(), tested.tolist()) for seen, tested in peer.split(times)]
    assert rows(ours, times.to_frame()) == theirs[: len(edges) - 1]


# ------------------------------------------------------------------------------------- whose times these are


def test_a_part_of_the_table_finds_its_own_times_by_its_labels():
    X = daily(6).set_index(pd.Index(list("uvwxyz")))
    split = TimeSplit([START + 3 * DAY, START + 6 * DAY], times=X["departs"])
    assert rows(split, X[["number"]].loc[["u", "w", "z"]]) == [([0, 1], [2])]


def test_an_array_has_no_labels_and_takes_the_times_by_position():
    X = daily(4)
    split = TimeSplit([START + 3 * DAY, START + 4 * DAY], times=X["departs"])
    assert rows(split, X[["number"]].to_numpy()) == [([0, 1, 2], [3])]


def test_the_same_table_may_have_labels_that_occur_twice():
    X = daily(3).set_index(pd.Index([0, 0, 0]))
    split = TimeSplit([START + 2 * DAY, START + 3 * DAY], times=X["departs"])
    assert rows(split, X) == [([0, 1], [2])]


# --------------------------------------------------------------------------------------- inside scikit-learn


@pytest.fixture(name="X")
def forty_days() -> pd.DataFrame:
    return daily(40)


@pytest.fixture
def y(X) -> pd.Series:
    return X["number"] * 2.0


@pytest.fixture
def weeks(X) -> TimeSplit:
    return TimeSplit(pd.date_range(START + 14 * DAY, periods=4, freq="7D"), times=X["departs"])


def test_cross_validate_scores_one_model_a_fold(X, y, weeks):
    result = cross_validate(DummyRegressor(), X[["number"]], y, cv=weeks, scoring="neg_mean_absolute_error")
    means = [y[train].mean() for train, _ in weeks.split(X)]
    misses = [(y[test] - mean).abs().mean() for mean, (_, test) in zip(means, weeks.split(X), strict=True)]
    assert -result["test_score"] == pytest.approx(misses)
    assert len(misses) == weeks.get_n_splits() == 3


def test_a_grid_search_runs_on_it_and_inside_another_split(X, y, weeks):
    search = GridSearchCV(Ridge(), {"alpha": [0.0, 1e6]}, cv=weeks)
    assert search.fit(X[["number"]], y).best_params_ == {"alpha": 0.0}
    months = TimeSplit([START + 36 * DAY, START + 40 * DAY], times=X["departs"])
    assert cross_val_score(search, X[["number"]], y, cv=months) == pytest.approx([1.0])


def test_estimators_that_hand_it_an_array_accept_it(X, y, weeks):
    assert LassoCV(cv=weeks).fit(X[["number"]], y).score(X[["number"]], y) > 0.9
    assert RFECV(Ridge(), cv=weeks).fit(X.assign(none=0.0)[["number", "none"]], y).n_features_ == 1


def test_it_survives_what_scikit_learn_does_with_a_splitter(X, weeks):
    assert check_cv(weeks) is weeks
    assert rows(clone(GridSearchCV(Ridge(), {}, cv=weeks)).cv, X) == rows(weeks, X)
    assert repr(TimeSplit(weeks.boundaries, times="departs", gap=DAY)).startswith("TimeSplit(boundaries=DatetimeIndex(")


@pytest.mark.parametrize("routing", [False, True])
def test_groups_reach_it_with_and_without_metadata_routing(X, y, weeks, routing):
    groups = X["number"] % 20  # the second half brings only groups that the first 20 rows had
    passed = {"params": {"groups": groups}} if routing else {"groups": groups}
    first = TimeSplit(weeks.boundaries[:2], times=X["departs"])
    with sklearn.config_context(enable_metadata_routing=routing):
        scored = cross_validate(DummyRegressor(), X[["number"]], y, cv=first, return_indices=True, **passed)
        assert scored["indices"]["test"][0].tolist() == list(range(14, 20))
        with pytest.raises(ValueError, match="no newcomers"):
            cross_validate(DummyRegressor(), X[["number"]], y, cv=weeks, **passed)


# --------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("boundaries", "message"),
    [
        (["2013-03-02", "2013-03-03"], r"boundary 2013-03-02 00:00:00 has no time zone.*tz=\.\.\."),
        ([date(2013, 3, 2), date(2013, 3, 3)], "has no time zone"),
        ([START], "between two boundaries, got 1"),
        ([START, None], "a boundary is missing"),
        ([START + DAY, START], "does not come after 2013-03-02"),
        ([START, START], "give each once"),
    ],
)
def test_boundaries_that_say_no_clear_period_are_refused(boundaries, message):
    with pytest.raises(ValueError, match=message):
        TimeSplit(boundaries, times="departs")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"gap": -DAY}, ValueError, "gap must not be negative"),
        ({"window": timedelta(0)}, ValueError, "window must be positive"),
        ({"gap": 3}, TypeError, "gap must be a timedelta, such as"),
        ({"window": "30D"}, TypeError, "window must be a timedelta"),
        ({"times": [START]}, TypeError, "name of a column or a Series, got list"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        TimeSplit([START, START + DAY], **{"times": "departs", **arguments})


def test_bad_times_are_refused_with_the_column_the_value_and_the_mend():
    X = daily(4)
    split = TimeSplit([START + 2 * DAY, START + 4 * DAY], times="departs")
    faults = {
        "column 'departs' is datetime64.*, without a time zone; use .dt.tz_localize": X["departs"].dt.tz_localize(None),
        "column 'departs' is str, without a time zone; use pd.to_datetime": X["departs"].astype("str"),
        "has 1 missing times, the first at label 2; drop": X["departs"].where(X["number"] != 2),
        "goes back in time: 2013-03-03 .* comes after 2013-03-04 .*sort": X["departs"][::-1].to_numpy(),
    }
    for message, departs in faults.items():
        with pytest.raises(ValueError, match=message):
            rows(split, X.assign(departs=departs))


def test_rows_whose_times_cannot_be_found_are_refused():
    X = daily(4)
    by_label = TimeSplit([START + 2 * DAY, START + 4 * DAY], times=X["departs"])
    by_name = TimeSplit(by_label.boundaries, times="departs")
    with pytest.raises(ValueError, match="'departs' has 1 missing times, the first at label 9"):
        rows(by_label, X.rename(index={2: 9}))
    with pytest.raises(ValueError, match="label 0 more than once"):
        rows(TimeSplit(by_label.boundaries, times=X["departs"].rename(index={1: 0})), X)
    with pytest.raises(ValueError, match="X has 3 rows without labels, and there are 4 times"):
        rows(by_label, X.to_numpy()[:3])
    with pytest.raises(ValueError, match="X has no column 'departs'; it has: number"):
        rows(by_name, X[["number"]])
    with pytest.raises(ValueError, match="ndarray without a column 'departs'; give times= as a Series"):
        rows(by_name, X.to_numpy())
    with pytest.raises(ValueError, match="no rows to split"):
        rows(by_name, X[:0])


def test_an_empty_fold_is_named_before_the_first_one_is_handed_out():
    X = daily(4)
    late = TimeSplit([START + DAY, START + 4 * DAY, START + 9 * DAY], times="departs")
    with pytest.raises(ValueError, match=r"fold 1, tested from 2013-03-05 .* no row to test on; the rows run from"):
        next(late.split(X))
    early = TimeSplit([START, START + DAY], times="departs")
    with pytest.raises(ValueError, match=r"fold 0, .* no row to train on before 2013-03-01"):
        next(early.split(X))
    narrow = TimeSplit([START + 3 * DAY, START + 4 * DAY], times="departs", gap=HOUR, window=HOUR)
    with pytest.raises(ValueError, match=r"no row to train on from 2013-03-03 22:00.* to 2013-03-03 23:00"):
        next(narrow.split(X))


def test_groups_that_are_missing_or_too_few_are_refused():
    X = daily(4)
    split = TimeSplit([START + 2 * DAY, START + 4 * DAY], times="departs")
    with pytest.raises(ValueError, match="there are 3 groups for 4 rows"):
        rows(split, X, groups=[1, 2, 3])
    with pytest.raises(ValueError, match="1 rows have no group"):
        rows(split, X, groups=["a", None, "b", "c"])
