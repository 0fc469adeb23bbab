"""The last report before a moment, such as the weather as it was known when a prediction was made."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import timedelta
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from mlbook.features._checks import require_frame, require_times

_MICROSECOND = timedelta(microseconds=1)


class AsOfJoin(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The last report that was known strictly before each moment and is not too old: never the future.

    Parameters
    ----------
    reports
        One row a report, with the columns `by`, `report_time`, and `columns`; in order of time within each `by`.
    at_time
        The column of `X` with the moments.
    report_time
        The column of `reports` with the times of the reports.
    lag
        How long after its time a report is known. A report known at the very moment does not count.
    tolerance
        How old a report may be, counted from the moment it was known; one of exactly this age still counts.
    by
        Columns of both tables that must be equal, such as the station. A row that lacks one finds no report.
    columns
        The columns of `reports` to bring; without it, all but `by` and `report_time`. Whole numbers and
        booleans come as float64, since any row may find no report and has NaN then. What is missing in the last
        report stays missing: older reports are not searched.
    age
        If given, the name of a further column: minutes since the report was known (float64).

    Raises
    ------
    ValueError
        By `fit` or `transform`, if a column is missing; a time is missing or naive; two reports of the same `by`
        have the same time or stand in the wrong order; no `by` of `X` occurs in the reports (in `fit` only);
        the tolerance is not positive, or the lag is negative. `TypeError` if a table is not a DataFrame or a
        duration is not a timedelta.
    """

    def __init__(
        self,
        reports: pd.DataFrame,
        *,
        at_time: str,
        report_time: str,
        lag: timedelta,
        tolerance: timedelta,
        by: str | Sequence[str] = (),
        columns: Sequence[str] | None = None,
        age: str | None = None,
    ) -> None:
        self.reports = reports
        self.at_time = at_time
        self.report_time = report_time
        self.lag = lag
        self.tolerance = tolerance
        self.by = by
        self.columns = columns
        self.age = age

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Check the parameters and both tables, and index the reports; `y` is ignored."""
        _require_durations(self.lag, self.tolerance)
        keys = self._keys()
        require_frame(self.reports, [*keys, self.report_time, *(self.columns or ())], "reports")
        require_times(self.reports, self.report_time, "reports")
        values = _as_floats(self.reports[self._brought()])
        if self.age in values.columns:
            raise ValueError(f"age={self.age!r} is a column of the reports; give it another name")
        times = _microseconds(self.reports[self.report_time])
        rows_of = _rows_by(self.reports, keys)
        for group, rows in rows_of.items():
            self._require_order(times[rows], rows, group)
        self._require_moments(X)
        for key in keys:
            _require_common(X[key], self.reports[key])
        validate_data(self, X, skip_check_array=True)
        # The last row, which is missing throughout, is that of a moment without a report.
        self.values_ = values.reset_index(drop=True).reindex(range(len(values) + 1))
        self.known_ = times + self.lag // _MICROSECOND
        self.rows_of_ = rows_of
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """The last report of each row of `X`: (n, columns), indexed like `X`, missing where there is none."""
        check_is_fitted(self)
        self._require_moments(X)
        moments = _microseconds(X[self.at_time])
        found = np.full(len(X), -1)
        age = np.full(len(X), np.nan)
        for group, rows in _rows_by(X, self._keys()).items():
            reports = self.rows_of_.get(group)
            if reports is None:
                continue
            last = np.searchsorted(self.known_[reports], moments[rows], side="left") - 1
            old = moments[rows] - self.known_[reports[last]]
            fresh = (last >= 0) & (old <= self.tolerance // _MICROSECOND)
            found[rows[fresh]] = reports[last[fresh]]
            age[rows[fresh]] = old[fresh] * (_MICROSECOND / timedelta(minutes=1))
        joined = self.values_.take(found).set_axis(X.index)
        return joined if self.age is None else joined.assign(**{self.age: age})

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Names of the resulting columns; `input_features` is ignored."""
        check_is_fitted(self)
        return np.array([*self.values_.columns, *([] if self.age is None else [self.age])], dtype=object)

    def _keys(self) -> list[str]:
        return [self.by] if isinstance(self.by, str) else list(self.by)

    def _brought(self) -> list[str]:
        if self.columns is not None:
            return list(self.columns)
        return [column for column in self.reports.columns if column not in [*self._keys(), self.report_time]]

    def _require_moments(self, X: pd.DataFrame) -> None:
        require_frame(X, [*self._keys(), self.at_time], "X")
        require_times(X, self.at_time, "X")

    def _require_order(self, times: NDArray[np.int64], rows: NDArray[np.intp], group: Hashable) -> None:
        """Raise `ValueError` unless the times (k,) of a group's reports, at these positions (k,), increase."""
        wrong = np.flatnonzero(np.diff(times) <= 0)
        if not len(wrong):
            return
        before, after = self.reports[self.report_time].iloc[rows[wrong[0] : wrong[0] + 2]]
        of = f" of {group!r}" if self._keys() else ""
        if before == after:
            key = [*self._keys(), self.report_time]
            raise ValueError(
                f"`reports` has two rows{of} with {self.report_time!r} {before}; tell them apart with by=, "
                f"or keep one: reports.drop_duplicates({key}, keep='last')"
            )
        raise ValueError(
            f"`reports`{of} goes back in time: {self.report_time!r} {after} comes after {before}; "
            f"if that is no mistake of the clock, use reports.sort_values({self.report_time!r})"
        )


def _require_durations(lag: timedelta, tolerance: timedelta) -> None:
    for name, duration in {"lag": lag, "tolerance": tolerance}.items():
        if not isinstance(duration, timedelta):
            raise TypeError(f"{name} must be a timedelta, such as timedelta(hours=3), got {duration!r}")
    if lag < timedelta(0):
        raise ValueError(f"lag must not be negative, got {lag}: no report is known before its time")
    if tolerance <= timedelta(0):
        raise ValueError(f"tolerance must be positive, got {tolerance}")


def _require_common(wanted: pd.Series, reported: pd.Series) -> None:
    """Raise `ValueError` if no key of the rows occurs among the reports: "1" is not 1."""
    values = wanted.unique()
    if len(values) and not set(values) & set(reported.unique()):
        raise ValueError(
            f"no value of column {wanted.name!r} of `X`, such as {values[0]!r}, occurs in `reports`, which has "
            f"{reported.iloc[:1].tolist()}; make the two columns speak of the same things"
        )


def _rows_by(table: pd.DataFrame, keys: list[str]) -> dict[Hashable, NDArray[np.intp]]:
    """Positions of the rows of each group; all rows are one group if there are no keys."""
    if not keys:
        return {(): np.arange(len(table))} if len(table) else {}
    groups = table.groupby(keys if len(keys) > 1 else keys[0], sort=False, observed=True)
    return {group: np.asarray(rows) for group, rows in groups.indices.items()}


def _as_floats(values: pd.DataFrame) -> pd.DataFrame:
    """Whole numbers and booleans as float64, which has a value for "missing"."""
    whole = [column for column in values.columns if values[column].dtype.kind in "biu"]
    return values.astype(dict.fromkeys(whole, "float64"))


def _microseconds(times: pd.Series) -> NDArray[np.int64]:
    return np.asarray(times.dt.as_unit("us").astype("int64"))
