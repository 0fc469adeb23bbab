"""Aggregates over the past of each entity, as it was known at the moment of a prediction."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlbook._checks import require_aware, require_frame, require_times
from mlbook.features.history import NEVER, Aggregate, Floats, Integers, look_back


def aggregate(
    at: pd.DataFrame,
    events: pd.DataFrame,
    definitions: Aggregate | Sequence[Aggregate],
    *,
    at_time: str,
    workers: int = 2,
) -> pd.DataFrame:
    """For each row of `at`, what the events of its entities were like, as far as they were known by then.

    Parameters
    ----------
    at
        One row a prediction, with the entities' columns and `at_time`, the moment of the prediction.
    events
        One row an event, with the columns that the definitions name; the same table as `at` if predictions are made
        at the events. Times need a time zone, and are compared to the microsecond.
    definitions
        The features. Those with the same `by`, `time`, and `known_at` share the work.
    workers
        How many threads to use, at most.

    Returns
    -------
    DataFrame
        One float column a definition, under its name, indexed like `at`; see `Aggregate` for what counts, and
        `look_back` for the precision.

    Raises
    ------
    ValueError
        If a column is missing, a time is without its zone, a moment of prediction is missing, an entity's columns have
        different types in the two tables, a value is infinite or no number, an event was known before it happened,
        or two definitions have the same name.
    """
    definitions = [definitions] if isinstance(definitions, Aggregate) else list(definitions)
    _check_columns(at, events, definitions, at_time)
    keys = _Keys(at, events)
    moments = _microseconds(at[at_time])
    features: dict[str, Floats] = {}
    for group in _groups(definitions):
        happened, known = _event_times(events, group[0])
        values = {d.value: _values(events, d.value) for d in group if d.value is not None}
        at_entity, entity = keys.entities(group[0].keys)
        results = look_back(at_entity, moments, entity, happened, known, values, group, workers)
        features |= {definition.name: result for definition, result in zip(group, results, strict=True)}
    return pd.DataFrame({d.name: features[d.name] for d in definitions}, index=at.index, copy=False)


def _groups(definitions: list[Aggregate]) -> list[list[Aggregate]]:
    """Definitions over the same events of the same entities, together."""
    groups: dict[Hashable, list[Aggregate]] = {}
    for definition in definitions:
        groups.setdefault((definition.keys, definition.time, definition.known), []).append(definition)
    return list(groups.values())


class _Keys:
    """Entities as numbers from 0, the same ones in both tables; each key column is read once."""

    def __init__(self, at: pd.DataFrame, events: pd.DataFrame) -> None:
        self._at, self._events = at, events
        self._columns: dict[str, tuple[Integers, int]] = {}

    def entities(self, keys: Sequence[str]) -> tuple[Integers, Integers]:
        """The entity of each prediction (m,) and of each event (n,); -1 where a key is missing."""
        codes, distinct = self._column(keys[0])
        for key in keys[1:]:
            more, size = self._column(key)
            codes = np.where((codes < 0) | (more < 0), -1, codes * size + more)
            distinct *= size
            if distinct > len(codes):
                dense, found = pd.factorize(codes)
                codes, distinct = np.where(codes < 0, -1, dense), len(found)
        return codes[: len(self._at)], codes[-len(self._events) :] if len(self._events) else codes[:0]

    def _column(self, key: str) -> tuple[Integers, int]:
        if key not in self._columns:
            self._columns[key] = _codes(self._joined(key))
        return self._columns[key]

    def _joined(self, key: str) -> pd.Series:
        """The key column of the predictions, then that of the events; once only, if they are the same table."""
        if self._at is self._events:
            return self._at[key]
        left, right = self._at[key], self._events[key]
        joined = pd.concat([left, right], ignore_index=True)
        plain = {_plain(left.dtype), _plain(right.dtype)}
        if joined.dtype == object and len(plain) == 2 and np.dtype(object) not in plain:
            raise ValueError(
                f"column {key!r} is {left.dtype} in `at` and {right.dtype} in `events`, "
                "so that no entity would have a history; convert one with .astype(...)"
            )
        return joined


def _codes(column: pd.Series) -> tuple[Integers, int]:
    """Equal values as equal numbers from 0, -1 for a missing one; and how many numbers there may be."""
    if column.dtype.kind == "i" and isinstance(column.dtype, np.dtype) and len(column):
        low, high = int(column.min()), int(column.max())
        if high - low < 2 * len(column):  # numbers already
            return column.to_numpy(dtype=np.int64) - low, high - low + 1
    codes, found = pd.factorize(column)
    return codes, len(found)


def _plain(dtype: Any) -> Any:
    """The type of the values; that of its categories for a categorical column."""
    return dtype.categories.dtype if isinstance(dtype, pd.CategoricalDtype) else dtype


def _event_times(events: pd.DataFrame, definition: Aggregate) -> tuple[Integers, Integers]:
    """When each event happened, and when it became known."""
    happened = _microseconds(events[definition.time])
    if definition.known == definition.time:
        return happened, happened
    known = _microseconds(events[definition.known])
    early = (known < happened) & (known != NEVER)
    if early.any():
        row = events.iloc[int(early.argmax())]
        raise ValueError(
            f"{early.sum()} events were known before they happened, the first at label {row.name!r}: "
            f"{definition.known!r} is {row[definition.known]}, {definition.time!r} is {row[definition.time]}; "
            "name the columns the other way round, or correct those rows"
        )
    return happened, known


def _values(events: pd.DataFrame, column: str) -> Floats:
    if not pd.api.types.is_numeric_dtype(events[column].dtype):
        raise ValueError(f"column {column!r} is {events[column].dtype}, not a number; convert it with .astype(float)")
    given = events[column]
    if isinstance(given.dtype, np.dtype):
        values = given.to_numpy(dtype=float)  # with `na_value`, it would be copied
    else:
        values = given.to_numpy(dtype=float, na_value=np.nan)
    infinite = np.isinf(values)
    if infinite.any():
        raise ValueError(
            f"column {column!r} has {infinite.sum()} infinite values, the first at label "
            f"{events.index[infinite.argmax()]!r}; make them missing, or cap them"
        )
    return values


def _microseconds(times: pd.Series) -> Integers:
    known = times if times.dt.unit == "us" else times.dt.as_unit("us")
    return np.asarray(pd.DatetimeIndex(known, copy=False).asi8)


def _check_columns(at: pd.DataFrame, events: pd.DataFrame, definitions: list[Aggregate], at_time: str) -> None:
    names = [definition.name for definition in definitions]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{names.count(name)} definitions are named {name!r}; give each a name of its own")
    for definition in definitions:
        require_frame(at, [*definition.keys, at_time], "at")
        require_frame(events, definition.columns, "events")
        for time in {definition.time, definition.known}:
            require_aware(events[time], f"column {time!r} of `events`")  # an event may lack a time
    require_times(at[at_time], f"column {at_time!r} of `at`")
