"""Splits in time: train on what came before a date, test on what came after it, as a system in use is tested."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import BaseCrossValidator

from mlbook._checks import require_times

Rows = NDArray[np.intp]

_EPOCH = pd.Timestamp(0, tz="UTC")
_MICROSECOND = timedelta(microseconds=1)


class TimeSplit(BaseCrossValidator):  # type: ignore[misc]
    """A scikit-learn cross-validator with a fold for each period between two dates (rolling-origin validation).

    A fold is tested on the rows of its period. It is trained on the rows before it, except those of the gap: rows
    whose label was not final when the period began, or that are too close to it to be fair.

    Parameters
    ----------
    boundaries
        At least two moments with a time zone, in order, such as
        `pd.date_range("2013-03-01", "2014-01-01", freq="MS", tz="America/New_York")`. Fold i is tested on the rows
        with `boundaries[i] <= time < boundaries[i + 1]`. Rows from the last boundary on are never used.
    times
        The time of each row: the name of a column of `X`, or a Series that holds the time of each label in the index
        of `X`. With a Series, `X` need not hold the times, and any part of `X` finds its own; do not renumber one of
        the two. For an array, which has no labels, the Series counts by position.
    gap
        Train only on rows with `time < boundaries[i] - gap`.
    window
        Train only on the rows of this last stretch before the gap (a sliding window), rather than on all of the past
        (an expanding one): `boundaries[i] - gap - window <= time`.

    Raises
    ------
    ValueError
        By the constructor, if boundaries are fewer than two, naive, or out of order, the gap is negative, or the
        window is not positive. By `split`, if a time or group is missing, times are naive or out of order, or a fold
        has no row to train or to test on; all folds are checked before the first is handed out.
    TypeError
        If a duration is not a timedelta, or `times` neither a name nor a Series.
    """

    # Where scikit-learn routes metadata, `groups` reach this splitter without a request, as they do its own.
    __metadata_request__split: ClassVar = {"groups": True}

    def __init__(
        self,
        boundaries: Sequence[datetime | str] | pd.DatetimeIndex,
        *,
        times: str | pd.Series,
        gap: timedelta = timedelta(0),
        window: timedelta | None = None,
    ) -> None:
        self.boundaries = boundaries
        self.times = times
        self.gap = gap
        self.window = window
        self._moments = _in_order(boundaries)
        _require_durations(gap, window)
        if not isinstance(times, str | pd.Series):
            raise TypeError(f"times must be the name of a column or a Series, got {type(times).__name__}")

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:
        """The number of folds: one less than the boundaries. All arguments are ignored."""
        return len(self._moments) - 1

    def split(self, X: pd.DataFrame, y: object = None, groups: ArrayLike | None = None) -> Iterator[tuple[Rows, Rows]]:
        """Positions of the rows of `X` to train and to test on, for one fold after the other.

        `X` (n, columns) is in order of time. If `groups` (n,) are given, such as the user of each row, no group is
        on both sides: the test leaves out the groups that the fold was trained on, and so measures newcomers. The
        training rows stay those that the system would have had. `y` is ignored.
        """
        times = self._times_of(X)
        members = None if groups is None else _group_numbers(groups, len(times))
        for train, test in [self._fold(fold, times, members) for fold in range(self.get_n_splits())]:
            yield np.arange(train.start, train.stop), test

    def _times_of(self, X: pd.DataFrame) -> NDArray[np.int64]:
        """The time of each row of `X` (n,) in microseconds, never decreasing."""
        times = _looked_up(self.times, X)
        if times.empty:
            raise ValueError("X has no rows to split")
        require_times(times, _name(times))
        moments = np.asarray(times.dt.as_unit("us").astype("int64"))
        backward = np.flatnonzero(np.diff(moments) < 0)
        if len(backward):
            before, after = times.iloc[backward[0] : backward[0] + 2]
            raise ValueError(
                f"{_name(times)} goes back in time: {after} comes after {before}; "
                "sort the table with .sort_values(...) before you take X and y from it"
            )
        return moments

    def _fold(self, fold: int, times: NDArray[np.int64], members: Rows | None) -> tuple[slice, Rows]:
        start, end = self._moments[fold : fold + 2]
        until = start - self.gap
        since = None if self.window is None else until - self.window
        train = slice(0 if since is None else _position(times, since), _position(times, until))
        test = np.arange(_position(times, start), _position(times, end))
        name = f"fold {fold}, tested from {start} to {end},"
        if train.start >= train.stop:
            stretch = f"before {until}" if since is None else f"from {since} to {until}"
            raise ValueError(f"{name} has no row to train on {stretch}; {_mend(times)}")
        if not len(test):
            raise ValueError(f"{name} has no row to test on; {_mend(times)}")
        if members is not None:
            test = test[~np.isin(members[test], members[train])]
            if not len(test):
                raise ValueError(f"{name} has no newcomers: each group of the test is in its training rows, too")
        return train, test


def _in_order(boundaries: Sequence[datetime | str] | pd.DatetimeIndex) -> list[pd.Timestamp]:
    moments = [pd.Timestamp(boundary) for boundary in boundaries]
    if len(moments) < 2:
        raise ValueError(f"a fold lies between two boundaries, got {len(moments)}; give the end of the last fold, too")
    for moment in moments:
        if pd.isna(moment):
            raise ValueError(f"a boundary is missing: {list(boundaries)}; every fold needs its dates")
        if moment.tz is None:
            raise ValueError(
                f"boundary {moment} has no time zone, so it is not clear whose midnight it is; "
                f"use pd.Timestamp({str(moment)!r}, tz=...)"
            )
    for before, after in pairwise(moments):
        if after <= before:
            raise ValueError(f"boundary {after} does not come after {before}; give each once, in order")
    return moments


def _require_durations(gap: timedelta, window: timedelta | None) -> None:
    for name, duration in {"gap": gap, "window": window}.items():
        if duration is not None and not isinstance(duration, timedelta):
            raise TypeError(f"{name} must be a timedelta, such as timedelta(days=1), got {duration!r}")
    if gap < timedelta(0):
        raise ValueError(f"gap must not be negative, got {gap}: it would train on the rows that it tests")
    if window is not None and window <= timedelta(0):
        raise ValueError(f"window must be positive, got {window}")


def _looked_up(times: str | pd.Series, X: object) -> pd.Series:
    """The time of each row of `X`: its own column, or the Series by label, or by position if `X` has no labels."""
    if isinstance(times, str):
        if not isinstance(X, pd.DataFrame):
            raise ValueError(f"X is a {type(X).__name__} without a column {times!r}; give times= as a Series")
        if times not in X.columns:
            raise ValueError(f"X has no column {times!r}; it has: {', '.join(map(str, X.columns))}")
        return X[times]
    if not isinstance(X, pd.DataFrame | pd.Series):
        rows = len(np.asarray(X))
        if rows != len(times):
            raise ValueError(f"X has {rows} rows without labels, and there are {len(times)} times; give a DataFrame")
        return times
    if X.index.equals(times.index):
        return times
    if not times.index.is_unique:
        label = times.index[times.index.duplicated()].tolist()[0]
        raise ValueError(f"times has label {label!r} more than once, so rows of X cannot find theirs by it")
    return times.reindex(X.index)


def _group_numbers(groups: ArrayLike, rows: int) -> Rows:
    numbers, _ = pd.factorize(np.asarray(groups))
    if len(numbers) != rows:
        raise ValueError(f"there are {len(numbers)} groups for {rows} rows of X; give one for each")
    if (numbers < 0).any():
        raise ValueError(f"{(numbers < 0).sum():,} rows have no group; drop them, or give each a group of its own")
    return numbers


def _position(times: NDArray[np.int64], moment: pd.Timestamp) -> int:
    """How many rows lie before the moment."""
    return int(np.searchsorted(times, (moment - _EPOCH) // _MICROSECOND, side="left"))


def _mend(times: NDArray[np.int64]) -> str:
    first, last = (str(pd.Timestamp(int(value), unit="us", tz="UTC")) for value in (times[0], times[-1]))
    return f"the rows run from {first} to {last}: move the boundaries, or change the gap or the window"


def _name(times: pd.Series) -> str:
    return f"column {times.name!r}" if times.name is not None else "times"
