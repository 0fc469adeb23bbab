"""A test of the procedure: alter what could not be known, run the pipeline again, and see what moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping

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
    """Features of earlier rows that move when answers, or values, of later test rows are altered."""
    answers = {target, *(c for c, when in times.known.items() if _comes_late(test, when, times))}
    columns = [c for c in test if c not in times.columns and not pd.api.types.is_datetime64_any_dtype(test[c])]
    found = []
    for check, altered in (
        (ANSWERS, [c for c in columns if c in answers]),
        (VALUES, [c for c in columns if c not in answers]),
    ):
        masks, frozen = _unknown(test, altered, check, target, times)
        after = run(pipeline, train, _altered(test, masks))
        moved = _moved(before, after, frozen)
        if not moved.any(axis=None):
            continue
        if _moved(before, run(pipeline, train, test), frozen).any(axis=None):
            raise ValueError("the pipeline gives other features each time it runs; fix its random seeds")
        found.append(_suspicion(check, altered, moved))
    return found


def _comes_late(table: pd.DataFrame, when: object, times: Times) -> bool:
    if isinstance(when, str):
        assert times.decided is not None
        return bool((table[when] > table[times.decided]).any())
    return isinstance(when, pd.Timedelta | type(pd.Timedelta(0).to_pytimedelta())) and when > pd.Timedelta(0)


def _unknown(
    test: pd.DataFrame, columns: list[str], check: str, target: str, times: Times
) -> tuple[dict[str, Mask], Mask]:
    """What of each column to alter, and the test rows whose features must stay: masks of shape (test rows,).

    With a moment of prediction, it is what was known after the median prediction, and the rows up to it.
    Without, answers are altered everywhere and must not matter anywhere; values, in every other row.
    """
    if times.decided is not None:
        cut = test[times.decided].sort_values().iloc[(len(test) - 1) // 2]
        whens = {**times.known, target: times.matured}
        masks = {c: (times.at(test, whens.get(c)) > cut).to_numpy() for c in columns}
        return masks, (test[times.decided] <= cut).to_numpy()
    everywhere = np.ones(len(test), dtype=bool)
    altered = everywhere if check == ANSWERS else np.arange(len(test)) % 2 == 1
    return dict.fromkeys(columns, altered), everywhere if check == ANSWERS else ~altered


def _altered(test: pd.DataFrame, masks: Mapping[str, Mask]) -> pd.DataFrame:
    """The test rows with the extreme of each column wherever its mask says so: whatever is fitted must shift."""
    changed = {}
    for column, mask in masks.items():
        present = test.loc[mask, column].dropna()
        if len(present):
            changed[column] = test[column].mask(mask, _extreme(present))
    return test.assign(**changed)


def _extreme(values: pd.Series) -> object:
    """Of the smallest and the largest value, the one farther from the mean; of categories, the rarest."""
    if pd.api.types.is_bool_dtype(values):
        return bool(values.mean() < 0.5)
    if pd.api.types.is_numeric_dtype(values):
        low, high, mean = values.min(), values.max(), values.mean()
        return high if high - mean >= mean - low else low
    return values.value_counts().index[-1]


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
        return np.isclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True)
    return ((old == new) | (old.isna() & new.isna())).to_numpy(dtype=bool)


def _suspicion(check: str, altered: list[str], moved: pd.DataFrame) -> Suspicion:
    by_column = moved.mean()
    columns = tuple(by_column[by_column > 0].sort_values(ascending=False, kind="stable").index)
    share = float(moved.any(axis=1).mean())
    what = "answers that came later" if check == ANSWERS else "other test rows"
    evidence = f"features of {share:.1%} of the rows move when {several(altered)} of {what} are altered"
    return Suspicion(check, columns, 1.0, evidence)
