"""Columns as numbers, for the checks that compare rows or score columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Codes = NDArray[np.int64]


def is_number(column: pd.Series) -> bool:
    """Whether a column holds numbers (or booleans) rather than names."""
    return bool(pd.api.types.is_numeric_dtype(column))


def bins(train: pd.Series, test: pd.Series, count: int) -> tuple[Codes, Codes]:
    """Codes 0 to `count` of both sides: quantiles of `train`, or its most frequent names; `count` if missing.

    Names beyond the most frequent share the last bin.
    """
    if is_number(train):
        a, b = train.to_numpy(dtype=float), test.to_numpy(dtype=float)
        present = a[~np.isnan(a)]
        edges = np.unique(np.quantile(present, np.linspace(0, 1, count + 1)[1:-1])) if len(present) else present
        return tuple(np.where(np.isnan(v), count, np.searchsorted(edges, v, side="left")) for v in (a, b))  # type: ignore[return-value]
    frequent = train.value_counts().index[: count - 1]
    return tuple(_names(side, frequent, count) for side in (train, test))  # type: ignore[return-value]


def _names(column: pd.Series, frequent: pd.Index, count: int) -> Codes:
    found = frequent.get_indexer(pd.Index(column))
    return np.where(column.isna(), count, np.where(found < 0, count - 1, found))


def positions(train: pd.DataFrame, test: pd.DataFrame) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Rows as points: a number becomes its rank among the training values (0 to 1), a name a random place."""
    rng = np.random.default_rng(0)
    parts: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    for column in train:
        if is_number(train[column]):
            a, b = (side[column].to_numpy(dtype=float) for side in (train, test))
            ordered = np.sort(a[~np.isnan(a)])
            parts.append((_rank(a, ordered), _rank(b, ordered)))
        else:
            labels = pd.Index(train[column].dropna().unique())
            places = rng.random(len(labels) + 1)
            parts.append(tuple(places[labels.get_indexer(pd.Index(s[column]))] for s in (train, test)))  # type: ignore[arg-type]
    return tuple(np.column_stack(side).astype(np.float32) for side in zip(*parts, strict=True))  # type: ignore[return-value]


def _rank(values: NDArray[np.float64], ordered: NDArray[np.float64]) -> NDArray[np.float64]:
    """The middle of a value's ranks, 0 to 1; missing values lie apart, at -1."""
    low, high = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return np.where(np.isnan(values), -1.0, (low + high) / (2 * max(len(ordered), 1)))
