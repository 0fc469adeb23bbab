"""Rows of the test that have a copy, or nearly one, in the training table."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlbook.leakage.encode import positions
from mlbook.leakage.suspicion import Suspicion

COPIES = "copies on both sides"

_SAMPLE = 300  # test rows looked at
_CHUNK = 50
_NEIGHBORS = 16
_NEAR = 0.05  # a copy is at most this fraction as far away as the 16th neighbor
_BY_CHANCE = 0.002  # share of honest rows that may look like copies
_REPORTED = 0.02


def suspicions(
    train: pd.DataFrame, test: pd.DataFrame, train_answers: NDArray[np.float64], test_answers: NDArray[np.float64]
) -> list[Suspicion]:
    """Test rows that are far nearer to a training row than the neighborhood is dense.

    Distances leave out the columns in which two rows differ most (one in eight), so that a copy with
    another number or time is still a copy. Where many rows are equal, as in a table of a few categories, the
    16th neighbor is as near as the first, and nothing is reported.
    """
    if len(train) <= _NEIGHBORS:
        return []
    chosen = np.sort(np.random.default_rng(0).permutation(len(test))[:_SAMPLE])
    known, asked = positions(train, test.iloc[chosen])
    nearest = _nearest(known, asked)
    dropped = known.shape[1] // 8
    gaps = np.sort(np.abs(known[nearest] - asked[:, None, :]), axis=2)
    distance = gaps[:, :, : known.shape[1] - dropped].sum(axis=2)
    first, last = distance.argmin(axis=1), distance.max(axis=1)
    near = min(_NEAR, (_BY_CHANCE / _NEIGHBORS) ** (1 / (known.shape[1] - dropped)))
    copied = (last > 0) & (distance.min(axis=1) <= near * last)
    share = float(copied.mean())
    if share < _REPORTED or copied.sum() < 3:
        return []
    twin = nearest[np.arange(len(asked)), first]
    same = float((train_answers[twin] == test_answers[chosen])[copied].mean())
    evidence = f"{share:.1%} of the test rows have a copy in training, {same:.0%} of them with the same answer"
    return [Suspicion(COPIES, (), share, evidence)]


def _nearest(known: NDArray[np.float32], asked: NDArray[np.float32]) -> NDArray[np.int64]:
    """The nearest training rows (asked, neighbors) by squared distance, in no order."""
    half = (known**2).sum(axis=1) / 2
    rows = []
    for start in range(0, len(asked), _CHUNK):
        closeness = half - asked[start : start + _CHUNK] @ known.T
        rows.append(np.argpartition(closeness, _NEIGHBORS, axis=1)[:, :_NEIGHBORS])
    return np.concatenate(rows)
