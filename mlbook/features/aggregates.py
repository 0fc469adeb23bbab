"""Aggregates over the past of each entity, as it was known at the moment of a prediction."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def trailing_mean(
    at: pd.DataFrame,
    events: pd.DataFrame,
    *,
    by: str | list[str],
    at_time: str,
    known_at: str,
    value: str,
    window: timedelta,
) -> pd.Series:
    """For each row of `at`, the mean of the events of its group that became known in the trailing window.

    Parameters
    ----------
    at
        One row a prediction, with the columns `by` and `at_time`.
    events
        One row an event, with the columns `by`, `known_at` (when its value became known), and `value`.
        Events with a missing time or value never became known.
    window
        How far back to look. An event counts if `at_time - window <= known_at < at_time`: what became
        known at the very instant of the prediction does not count.

    Returns
    -------
    Series
        Float, in the unit of `value`, indexed like `at`; NaN where the window is empty.

    Raises
    ------
    ValueError
        If a column is missing, a time column is naive, a prediction time is missing, or the window is
        not positive.
    """
    keys = [by] if isinstance(by, str) else list(by)
    _require_columns(at, [*keys, at_time], "at")
    _require_columns(events, [*keys, known_at, value], "events")
    _require_aware(at[at_time], at_time)
    _require_aware(events[known_at], known_at)
    if at[at_time].isna().any():
        raise ValueError(f"column {at_time!r} has missing times: every prediction needs its moment")
    if window <= timedelta(0):
        raise ValueError(f"window must be positive, got {window}")

    known = events[[*keys, known_at, value]].dropna(subset=[known_at, value]).sort_values(known_at, kind="stable")
    rows_of_group = known.groupby(keys, sort=False).indices
    times = _microseconds(known[known_at])
    values = known[value].to_numpy(dtype=float)
    moments = _microseconds(at[at_time])
    span = window // timedelta(microseconds=1)

    means = np.full(len(at), np.nan)
    for group, rows in at.groupby(keys, sort=False).indices.items():
        seen = rows_of_group.get(group)
        if seen is None:
            continue
        sums = np.concatenate([[0.0], np.cumsum(values[seen])])
        end = np.searchsorted(times[seen], moments[rows], side="left")
        start = np.searchsorted(times[seen], moments[rows] - span, side="left")
        count = end - start
        means[rows] = np.divide(sums[end] - sums[start], count, out=np.full(len(rows), np.nan), where=count > 0)
    return pd.Series(means, index=at.index)


def _microseconds(times: pd.Series) -> NDArray[np.int64]:
    return np.asarray(times.dt.tz_convert("UTC").dt.as_unit("us").astype("int64"))


def _require_columns(frame: pd.DataFrame, columns: list[str], name: str) -> None:
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise ValueError(f"`{name}` has no column {missing[0]!r}; it has: {', '.join(map(str, frame.columns))}")


def _require_aware(times: pd.Series, name: str) -> None:
    if not isinstance(times.dtype, pd.DatetimeTZDtype):
        raise ValueError(
            f"column {name!r} is {times.dtype}, without a time zone; "
            "use .dt.tz_localize(...) with the zone that its clock shows"
        )
