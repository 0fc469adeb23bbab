"""A test of the procedure: alter what could not be known, run the pipeline again, and see what moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlbook.leakage.declared import Times
from mlbook.leakage.suspicion import Suspicion, several

Features = tuple[pd.DataFrame, pd.DataFrame]
Pipeline = Callable[[pd.DataFrame, pd.DataFrame], Features]
Mask = NDArray[np.bool_]

ANSWERS = "reads answers not known yet"
VALUES = "fitted on test rows"

_CUTS = 4  # moments in the test period at which the future is altered


def run(pipeline: Pipeline, train: pd.DataFrame, test: pd.DataFrame) -> Features:
    """The features of both sides. ValueError if a row is lost, added, or moved."""
    features = pipeline(train.copy(), test.copy())
    for name, side, raw in zip(("train", "test"), features, (train, test), strict=True):
        if not side.index.equals(raw.index):
            raise ValueError(f"the pipeline must return features for the rows of `{name}`, with the same index")
    return features


def suspicions(
    pipeline: Pipeline, train: pd.DataFrame, test: pd.DataFrame, before: Features, target: str, times: Times
) -> list[Suspicion]:
    """Features of earlier rows that move when answers, or values, of later test rows are altered.

    Answers are the target and the columns that become known after the prediction; values are all others. What is
    altered takes an extreme value, so that a mean or a rank fitted on it must shift.
    """
    columns = [c for c in test.columns if c not in times.columns and not pd.api.types.is_datetime64_any_dtype(test[c])]
    answers = [c for c in columns if c == target or times.comes_late(test, c)]
    values = [c for c in columns if c not in answers]
    found: list[Suspicion] = []
    for check, altered in ((ANSWERS, answers), (VALUES, values)):
        for masks, frozen in _alterations(test, altered, check, target, times):
            moved = _moved(before, run(pipeline, train, _altered(test, masks)), frozen)
            if not moved.any(axis=None):
                continue
            if not found and _moved(before, run(pipeline, train, test), frozen).any(axis=None):
                raise ValueError("the pipeline gives other features each time it runs; fix its random seeds")
            found.append(_suspicion(check, altered, moved))
            break
    return found


def _alterations(
    test: pd.DataFrame, columns: list[str], check: str, target: str, times: Times
) -> Iterator[tuple[dict[str, Mask], Mask]]:
    """What of each column to alter, and the test rows whose features must stay: masks of shape (test rows,).

    With a moment of prediction, it is what was known after a cut, and the rows up to it. Without, answers are
    altered everywhere and must not matter anywhere; values, in every other row.
    """
    if times.decided is None:
        everywhere = np.ones(len(test), dtype=bool)
        altered = everywhere if check == ANSWERS else np.arange(len(test)) % 2 == 1
        yield dict.fromkeys(columns, altered), everywhere if check == ANSWERS else ~altered
        return
    decided = _moments(test[times.decided])
    whens = {**times.known, target: times.matured}
    known = {c: _moments(times.at(test, whens.get(c))) for c in columns}
    for cut in np.sort(decided)[np.arange(1, 2 * _CUTS, 2) * len(decided) // (2 * _CUTS)]:
        yield {c: moments > cut for c, moments in known.items()}, decided <= cut


def _moments(times: pd.Series) -> NDArray[np.datetime64]:
    return np.asarray(times, dtype="datetime64[us]")


def _altered(test: pd.DataFrame, masks: Mapping[str, Mask]) -> pd.DataFrame:
    """The test rows, with the extreme of each column wherever its mask says so."""
    changed = {}
    for column, mask in masks.items():
        present = test.loc[mask, column].dropna()
        if len(present):
            changed[column] = test[column].mask(mask, _extreme(present))
    return test.assign(**changed)


def _extreme(values: pd.Series) -> object:
    """Of the smallest and the largest value, the one farther from the mean; of names, the rarest."""
    if pd.api.types.is_bool_dtype(values):
        return bool(values.mean() < 0.5)
    if pd.api.types.is_numeric_dtype(values):
        low, high, mean = values.min(), values.max(), values.mean()
        return high if high - mean >= mean - low else low
    return values.astype("str").value_counts().index[-1]


def _moved(before: Features, after: Features, frozen: Mask) -> pd.DataFrame:
    """For each row that must stay and each feature, whether it moved."""
    old = pd.concat([before[0], before[1][frozen]], ignore_index=True)
    new = pd.concat([after[0], after[1][frozen]], ignore_index=True)
    moved = {c: np.ones(len(old), dtype=bool) for c in old.columns.symmetric_difference(new.columns)}
    for column in old.columns.intersection(new.columns):
        moved[column] = ~_same(old[column], new[column])
    return pd.DataFrame(moved, index=old.index)


def _same(old: pd.Series, new: pd.Series) -> Mask:
    if pd.api.types.is_numeric_dtype(old) and pd.api.types.is_numeric_dtype(new):
        a, b = old.to_numpy(dtype=float), new.to_numpy(dtype=float)
        return np.asarray(np.isclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True))
    same = (old.astype("object") == new.astype("object")) | (old.isna() & new.isna())
    return np.asarray(same, dtype=bool)


def _suspicion(check: str, altered: list[str], moved: pd.DataFrame) -> Suspicion:
    by_column = moved.mean()
    columns = by_column[by_column > 0].sort_values(ascending=False, kind="stable").index
    rows = int(moved.any(axis=1).sum())
    when = "are altered where they came later" if check == ANSWERS else "of other test rows are altered"
    evidence = f"features of {rows:,} rows move when {several(altered)} {when}"
    return Suspicion(check, tuple(map(str, columns)), 1.0, evidence)
