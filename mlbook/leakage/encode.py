"""Columns as numbers, for the checks that compare rows or score columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Points = NDArray[np.float32]
Values = NDArray[np.float64]


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


def positions(train: pd.DataFrame, test: pd.DataFrame) -> tuple[Points, Points, Points]:
    """Rows as points of both sides, and the share of training rows that have the value of each test cell.

    A number becomes its rank among the training values (0 to 1), a name a random place between 0 and 1.
    """
    rng = np.random.default_rng(0)
    parts = [_number(train[c], test[c]) if is_number(train[c]) else _name(train[c], test[c], rng) for c in train]
    known, asked, share = (np.column_stack(side).astype(np.float32) for side in zip(*parts, strict=True))
    return known, asked, share


def _number(train: pd.Series, test: pd.Series) -> tuple[Values, Values, Values]:
    a, b = train.to_numpy(dtype=float), test.to_numpy(dtype=float)
    missing = np.isnan(a)
    ordered, inverse, counts = np.unique(a[~missing], return_inverse=True, return_counts=True)
    below = np.r_[0, np.cumsum(counts)]  # rows under each distinct value
    first, last = (below[np.searchsorted(ordered, b, side=side)] for side in ("left", "right"))
    count = max(below[-1], 1)
    share = np.where(np.isnan(b), missing.mean(), (last - first) / len(a))
    # Missing values lie apart, at -1.
    known = np.full(len(a), -1.0)
    known[~missing] = ((below[:-1] + below[1:]) / 2 / count)[inverse]
    asked = np.where(np.isnan(b), -1, (first + last) / 2 / count)
    return known, asked, share


def _name(train: pd.Series, test: pd.Series, rng: np.random.Generator) -> tuple[Values, Values, Values]:
    labels = pd.Index(train.dropna().unique())
    places = rng.random(len(labels) + 1)  # the last one for what is missing or new
    one, two = (labels.get_indexer(pd.Index(side)) for side in (train, test))
    counts = np.bincount(one % len(places), minlength=len(places))
    return places[one], places[two], counts[two] / len(train)
