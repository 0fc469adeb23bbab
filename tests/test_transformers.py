"""The feature transformers keep scikit-learn's contract, alone and inside its pipelines."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline, make_union
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import check_is_fitted, validate_data

from mlbook.features import AsOfJoin, CalendarFeatures, HolidayFeatures

HOURS = 24 * 30
START = pd.Timestamp("2013-11-01", tz="UTC")
REPORTS = pd.DataFrame({"reported": pd.date_range(START, periods=HOURS, freq="h"), "temp": np.arange(HOURS)})
TRANSFORMERS = [
    CalendarFeatures("moment", "America/New_York"),
    HolidayFeatures("moment", "America/New_York", "US", "NY"),
    AsOfJoin(
        REPORTS,
        at_time="moment",
        report_time="reported",
        lag=timedelta(hours=1),
        tolerance=timedelta(hours=3),
        age="age",
    ),
]
NAMES = [["day_of_week", "minute_of_day"], ["holiday"], ["temp", "age"]]

each = pytest.mark.parametrize("transformer", TRANSFORMERS, ids=lambda transformer: type(transformer).__name__)


def moments(hours: np.ndarray) -> pd.DataFrame:
    """Moments so many hours after START; what lies far from the reports is brought near."""
    near = np.clip(hours, -HOURS, 2 * HOURS)
    return pd.DataFrame({"moment": START + pd.to_timedelta((near * 3600).astype("int64"), unit="s")})


X = moments(np.arange(0, HOURS, 7))


class OnNumbers(TransformerMixin, BaseEstimator):
    """Reads the first of several numbers as a moment, so that scikit-learn's checks, which know no times, apply."""

    def __init__(self, transformer: BaseEstimator) -> None:
        self.transformer = transformer

    def fit(self, X: np.ndarray, y: object = None) -> OnNumbers:
        self.transformer_ = clone(self.transformer).fit(moments(validate_data(self, X)[:, 0]))
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        check_is_fitted(self)
        return self.transformer_.transform(moments(validate_data(self, X, reset=False)[:, 0])).to_numpy()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags


def causes(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield str(error)
        error = error.__cause__ or error.__context__


@each
def test_scikit_learns_checks_fail_only_where_they_pass_no_dataframe(transformer):
    results = check_estimator(transformer, on_fail=None, on_skip=None)
    failed = [result for result in results if result["status"] == "failed"]
    for result in failed:
        assert "`X` must be a pandas DataFrame" in " ".join(causes(result["exception"])), result["check_name"]
    passed = {result["check_name"] for result in results if result["status"] == "passed"}
    assert passed >= {
        "check_estimator_cloneable",
        "check_estimator_repr",
        "check_no_attributes_set_in_init",
        "check_parameters_default_constructible",
        "check_set_params",
        "check_transformers_unfitted",
    }


@each
def test_scikit_learns_checks_pass_where_their_numbers_are_read_as_moments(transformer):
    results = check_estimator(OnNumbers(transformer), on_skip=None)
    passed = {result["check_name"] for result in results if result["status"] == "passed"}
    assert passed >= {
        "check_dict_unchanged",
        "check_estimators_pickle",
        "check_fit_idempotent",
        "check_methods_sample_order_invariance",
        "check_methods_subset_invariance",
        "check_transformer_general",
    }


@each
def test_a_copy_by_clone_or_pickle_gives_the_same(transformer):
    expected = clone(transformer).fit_transform(X)
    restored = pickle.loads(pickle.dumps(clone(transformer).fit(X)))
    pd.testing.assert_frame_equal(restored.transform(X), expected)


@each
def test_it_does_not_transform_before_it_was_fitted(transformer):
    with pytest.raises(NotFittedError):
        clone(transformer).transform(X)


@each
def test_fit_looks_at_the_columns_and_learns_nothing_from_the_rows(transformer):
    on_few, on_all = clone(transformer).fit(X.head(2)), clone(transformer).fit(X)
    pd.testing.assert_frame_equal(on_few.transform(X), on_all.transform(X))
    assert on_all.feature_names_in_.tolist() == ["moment"]


@pytest.mark.parametrize(("transformer", "names"), list(zip(TRANSFORMERS, NAMES, strict=True)))
def test_the_feature_names_are_those_of_the_output(transformer, names):
    fitted = clone(transformer).fit(X)
    assert fitted.get_feature_names_out().tolist() == fitted.transform(X).columns.tolist() == names


@each
def test_the_output_may_be_a_frame_of_another_library(transformer):
    expected = clone(transformer).fit_transform(X)
    in_polars = clone(transformer).set_output(transform="polars").fit_transform(X)
    assert isinstance(in_polars, pl.DataFrame)
    assert in_polars.columns == expected.columns.tolist()
    np.testing.assert_array_equal(in_polars.to_numpy(), expected.to_numpy())


def test_side_by_side_they_make_one_table():
    union = make_union(*TRANSFORMERS, verbose_feature_names_out=False).set_output(transform="pandas")
    expected = pd.concat([clone(transformer).fit_transform(X) for transformer in TRANSFORMERS], axis=1)
    pd.testing.assert_frame_equal(union.fit_transform(X), expected)


def test_they_work_in_a_column_transformer_in_a_pipeline():
    table = X.assign(distance=1.0)
    columns = make_column_transformer(
        *((transformer, ["moment"]) for transformer in TRANSFORMERS[:2]),
        ("passthrough", ["distance"]),
        verbose_feature_names_out=False,
    )
    pipeline = make_pipeline(columns, Ridge()).fit(table, np.arange(len(table)))
    assert pipeline[:-1].get_feature_names_out().tolist() == [*NAMES[0], *NAMES[1], "distance"]
    restored = pickle.loads(pickle.dumps(pipeline))
    np.testing.assert_array_equal(restored.predict(table.head(3)), pipeline.predict(table)[:3])
