"""The last report before a moment, such as the weather as it was known when a prediction was made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from mlbook._checks import require_frame, require_times

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
        """Check the parameters and both tables, and put the reports in order; `y` is ignored."""
        _require_durations(self.lag, self.tolerance)
        reports = self._complete_reports()
        known = _microseconds(reports[self.report_time]) + self.lag // _MICROSECOND
        self.times_ = np.unique(known)
        station, self.stations_ = pd.factorize(self._station_names(reports))
        order = np.argsort(station, kind="stable")
        self.station_, self.known_ = station[order], known[order]
        self.slots_ = self._slots(self.station_, self.known_)
        self._require_order(reports, order)
        self._require_common_stations(X)
        validate_data(self, X, skip_check_array=True)
        # The last row, which is missing throughout, is that of a moment without a report. The copy lays the
        # columns side by side, from where transform takes them three times as fast.
        values = _as_floats(reports[self._brought()]).iloc[order]
        self.values_ = values.reset_index(drop=True).reindex(range(len(values) + 1)).copy()
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """The last report of each row of `X`: (n, columns), indexed like `X`, missing where there is none."""
        check_is_fitted(self)
        self._require_moments(X)
        moments = _microseconds(X[self.at_time])
        station = self.stations_.get_indexer(self._station_names(X))
        last = np.searchsorted(self.slots_, self._slots(station, moments), side="left") - 1
        old = moments - self.known_[last]
        found = (last >= 0) & (self.station_[last] == station) & (old <= self.tolerance // _MICROSECOND)
        joined = self.values_.take(np.where(found, last, -1)).set_axis(X.index)
        if self.age is None:
            return joined
        return joined.assign(**{self.age: np.where(found, old * (_MICROSECOND / timedelta(minutes=1)), np.nan)})

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

    def _complete_reports(self) -> pd.DataFrame:
        """The reports that name their station, once their columns and times are seen to be right."""
        require_frame(self.reports, [*self._keys(), self.report_time, *(self.columns or ())], "reports")
        require_times(self.reports[self.report_time], f"column {self.report_time!r} of `reports`")
        reports = self.reports.dropna(subset=self._keys())
        if reports.empty:
            raise ValueError(f"`reports` has no row with a value of {self.by or self.report_time!r}")
        if self.age in self._brought():
            raise ValueError(f"age={self.age!r} is a column of the reports; give it another name")
        return reports

    def _station_names(self, table: pd.DataFrame) -> pd.Index:
        """What `by` says in each row (n,); the same for all if it says nothing."""
        keys = self._keys()
        if len(keys) > 1:
            return pd.MultiIndex.from_frame(table[keys])
        return pd.Index(table[keys[0]] if keys else np.zeros(len(table)))

    def _slots(self, station: NDArray[np.intp], times: NDArray[np.int64]) -> NDArray[np.int64]:
        """Whole numbers (n,) in the order of the stations (n,) and, within each, of the times (n,).

        The slot of a report is less than that of a moment of its station if it was known before. The time counts
        as the number of times in the reports before it: unlike microseconds, that fits beside the station.
        """
        before = np.searchsorted(self.times_, times, side="left")
        return np.asarray(station * (len(self.times_) + 1) + before, dtype=np.int64)

    def _require_moments(self, X: pd.DataFrame) -> None:
        require_frame(X, [*self._keys(), self.at_time], "X")
        require_times(X[self.at_time], f"column {self.at_time!r} of `X`")

    def _require_common_stations(self, X: pd.DataFrame) -> None:
        self._require_moments(X)
        names = self._station_names(X)
        if len(X) and (self.stations_.get_indexer(names) < 0).all():
            raise ValueError(
                f"no {self.by!r} of `X`, such as {names[0]!r}, occurs in `reports`, which has such as "
                f"{self.stations_[:1].tolist()[0]!r}; make the two speak of the same things"
            )

    def _require_order(self, reports: pd.DataFrame, order: NDArray[np.intp]) -> None:
        """Raise `ValueError` unless the times of each station's reports increase."""
        wrong = np.flatnonzero(np.diff(self.slots_) <= 0)
        if not len(wrong):
            return
        before, after = reports[self.report_time].iloc[order[wrong[0] : wrong[0] + 2]]
        of = f" of {self.stations_[self.station_[wrong[0]]]!r}" if self._keys() else ""
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


def _as_floats(values: pd.DataFrame) -> pd.DataFrame:
    """Whole numbers and booleans as float64, which has a value for "missing"."""
    whole = [column for column in values.columns if values[column].dtype.kind in "biu"]
    return values.astype(dict.fromkeys(whole, "float64"))


def _microseconds(times: pd.Series) -> NDArray[np.int64]:
    return np.asarray(times.dt.as_unit("us").astype("int64"))
