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
    """Columns that reproduce a statistic of all rows exactly, and that of the training rows not."""
    answers, cut = np.concatenate([train_answers, test_answers]), len(train)
    found, scaled, filled = [], [], []
    for column, values in _numbers(train, test):
        if distinct := _encoded(values, answers, cut):
            evidence = f"each of its {distinct:,} values is the mean answer of its rows, those of the test included"
            found.append(Suspicion(ENCODED, (column,), 1.0, evidence))
        if _scaled(values, cut):
            scaled.append(column)
        if _filled(values, cut):
            filled.append(column)
    width = len(train.columns)
    if scaled:
        evidence = f"mean 0 and spread 1 over training and test together, but not over training: {several(scaled)}"
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
            if (values % 1 != 0).any():
                yield str(column), values


def _encoded(values: Values, answers: Values, cut: int) -> int:
    """How many values, if each is the mean answer of the rows that have it; 0 if not, or if training alone does."""
    codes, distinct = pd.factorize(values)
    if not _FEWEST <= len(distinct) <= len(values) / 2 or (codes < 0).any():
        return 0
    everywhere = np.bincount(codes, weights=answers) / np.bincount(codes)
    if np.abs(everywhere - distinct).max() > _EXACT:
        return 0
    rows = np.bincount(codes[:cut], minlength=len(distinct))
    sums = np.bincount(codes[:cut], weights=answers[:cut], minlength=len(distinct))
    seen = rows > 0
    in_training = bool((np.abs(sums[seen] / rows[seen] - distinct[seen]) <= _EXACT).all())
    return 0 if in_training else len(distinct)


def _scaled(values: Values, cut: int) -> bool:
    present, inside = values[~np.isnan(values)], values[:cut][~np.isnan(values[:cut])]
    spread = present.std()
    if len(inside) < 2 or not spread:
        return False
    return bool(abs(present.mean()) < _EXACT * spread < abs(inside.mean()))


def _filled(values: Values, cut: int) -> bool:
    """Whether the most frequent value is the mean of the others, over all rows but not over training."""
    if np.isnan(values).any():
        return False
    distinct, counts = np.unique(values, return_counts=True)
    gap = distinct[counts.argmax()]
    if counts.max() < _FEWEST or len(distinct) < _FEWEST or gap % 1 == 0:
        return False
    off = [abs(side[side != gap].mean() - gap) for side in (values, values[:cut]) if (side != gap).any()]
    return len(off) == 2 and off[0] <= _EXACT * abs(gap) < off[1]
