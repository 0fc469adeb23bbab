"""Marks that a careless preparation leaves in its columns when the test rows took part in it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlbook.leakage.encode import is_number
from mlbook.leakage.suspicion import Suspicion, several

ENCODED = "encoded with test answers"
SCALED = "scaled with test rows"
FILLED = "filled with test rows"

_EXACT = 1e-9
_FEWEST = 10  # distinct values, or filled rows, below which a match may be an accident

Values = NDArray[np.float64]


def suspicions(train: pd.DataFrame, test: pd.DataFrame, train_answers: Values, test_answers: Values) -> list[Suspicion]:
    """Columns that reproduce a statistic of all rows exactly; made from the training rows, they would not."""
    answers = np.concatenate([train_answers, test_answers])
    found, scaled, filled = [], [], []
    for column, values in _numbers(train, test):
        if distinct := _encoded(values, answers):
            evidence = f"each of its {distinct:,} values is the mean answer of its rows, those of the test included"
            found.append(Suspicion(ENCODED, (column,), 1.0, evidence))
        if _scaled(values):
            scaled.append(column)
        if _filled(values):
            filled.append(column)
    width = len(train.columns)
    if scaled:
        evidence = f"the mean of training and test together is exactly 0: {several(scaled)}"
        found.append(Suspicion(SCALED, tuple(scaled), len(scaled) / width, evidence))
    if filled:
        evidence = f"gaps hold the mean of training and test together: {several(filled)}"
        found.append(Suspicion(FILLED, tuple(filled), len(filled) / width, evidence))
    return found


def _numbers(train: pd.DataFrame, test: pd.DataFrame) -> Iterator[tuple[str, Values]]:
    """Columns of fractions, both sides after one another."""
    for column in train:
        if is_number(train[column]) and not pd.api.types.is_bool_dtype(train[column]):
            values = np.concatenate([side[column].to_numpy(dtype=float) for side in (train, test)])
            if (values != np.floor(values)).any():
                yield str(column), values


def _encoded(values: Values, answers: Values) -> int:
    """How many values there are, if each is the mean answer of the rows that have it; 0 if not."""
    codes, distinct = pd.factorize(values)
    if not _FEWEST <= len(distinct) <= len(values) / 2 or (codes < 0).any():
        return 0
    means = np.bincount(codes, weights=answers) / np.bincount(codes)
    return len(distinct) if np.abs(means - distinct).max() <= _EXACT else 0


def _scaled(values: Values) -> bool:
    present = values[~np.isnan(values)]
    return bool(abs(present.mean()) < _EXACT * present.std())


def _filled(values: Values) -> bool:
    """Whether the most frequent value is the mean of the others."""
    if np.isnan(values).any():
        return False
    distinct, counts = np.unique(values, return_counts=True)
    gap = distinct[counts.argmax()]
    if counts.max() < _FEWEST or len(distinct) < _FEWEST or gap % 1 == 0:
        return False
    return bool(abs(values[values != gap].mean() - gap) <= _EXACT * abs(gap))
