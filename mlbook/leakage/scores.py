"""Columns, alone or in pairs, that say more about the answer than all others together."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from mlbook.leakage.encode import Codes, bins, is_number
from mlbook.leakage.suspicion import Suspicion

ONE = "one column says too much"
TWO = "two columns say too much"

_SAMPLE = 6_000  # rows of each side
_FINE, _COARSE = 64, 16  # bins of a column alone, and in a pair
_PRIOR = 4.0  # rows of the average that each bin starts with
_MUCH = 0.3  # of the spread of the answer, for one column
_NEARLY_ALL = 0.6  # for a pair: two honest columns, such as hour and weekday, often say much together
_MORE_BY = 0.2  # what a pair must say beyond the better of its two
_TIMES = 2.0
_ALIKE = 0.8  # how much of one column another must explain to count as the same

Values = NDArray[np.float64]


def suspicions(
    train: pd.DataFrame, test: pd.DataFrame, train_answers: Values, test_answers: Values, trusted: set[str]
) -> list[Suspicion]:
    """Columns and pairs that explain a third of the answer and twice what the columns unlike them do.

    The share explained is that of the squared error of a constant which means by bins, learned on a sample of
    `train`, remove on a sample of `test`: R2 for numbers, the Brier skill score for two classes. Columns in
    `trusted` are not suspected, nor pairs of them.
    """
    (train, y), (test, z) = _sampled(train, train_answers, 0), _sampled(test, test_answers, 1)
    if len(np.unique(y)) < 2 or len(np.unique(z)) < 2:
        return []
    explained = _explained(y, z)
    alone = {c: explained(*bins(train[c], test[c], _FINE)) for c in train}
    pairs = _pairs(train, test, explained, alone, trusted)
    in_pairs = {column for pair in pairs for column in pair}

    found = []
    for column, share in alone.items():
        if column not in trusted and share >= _MUCH:
            others = [c for c in train if c not in in_pairs | {column} and not _alike(train, c, column)]
            rest = _together(train[others], test[others], y, z)
            if share >= _TIMES * rest:
                evidence = f"alone it explains {share:.0%} of the answer, and the columns unlike it together {rest:.0%}"
                found.append(Suspicion(ONE, (column,), share, evidence))
    single = {column for suspicion in found for column in suspicion.columns}
    pairs = {pair: share for pair, share in pairs.items() if not single.intersection(pair)}
    if pairs:
        others = [c for c in train if c not in in_pairs | single]
        rest = _together(train[others], test[others], y, z)
        best, share = max(pairs.items(), key=lambda item: item[1])
        if share >= _TIMES * rest:
            each = " and ".join(f"{alone[c]:.0%}" for c in best)
            evidence = (
                f"together they explain {share:.0%} of the answer, alone {each}, all columns outside such pairs {rest:.0%}"
            )
            found.append(Suspicion(TWO, best, share, evidence))
    return found


def _sampled(table: pd.DataFrame, answers: Values, seed: int) -> tuple[pd.DataFrame, Values]:
    if len(table) <= _SAMPLE:
        return table, answers
    rows = np.sort(np.random.default_rng(seed).permutation(len(table))[:_SAMPLE])
    return table.iloc[rows], answers[rows]


def _explained(y: Values, z: Values) -> Callable[[Codes, Codes], float]:
    """A function of the bins of both sides: the share of the spread of `z` that means of `y` by bin explain."""
    average = y.mean()
    centered, spread = y - average, ((z - average) ** 2).sum()
    target = z - average

    def explained(a: Codes, b: Codes) -> float:
        size = max(a.max(), b.max()) + 1
        sums, counts = np.bincount(a, weights=centered, minlength=size), np.bincount(a, minlength=size)
        error = target - (sums / (counts + _PRIOR))[b]
        return float(1 - error @ error / spread)

    return explained


def _pairs(
    train: pd.DataFrame,
    test: pd.DataFrame,
    explained: Callable[[Codes, Codes], float],
    alone: dict[str, float],
    trusted: set[str],
) -> dict[tuple[str, str], float]:
    """Pairs that explain much, and much more than either column alone."""
    coarse = {c: bins(train[c], test[c], _COARSE) for c in train}
    numbers = {
        c: (train[c].to_numpy(dtype=float), test[c].to_numpy(dtype=float)) for c in train if is_number(train[c])
    }
    spreads = {c: np.nanstd(values[0]) for c, values in numbers.items()}
    found = {}
    for one, two in combinations(train, 2):
        if one in trusted and two in trusted:
            continue
        (a, b), (c, d) = coarse[one], coarse[two]
        share = explained(a * (_COARSE + 1) + c, b * (_COARSE + 1) + d)
        if one in numbers and two in numbers and 0.2 <= spreads[one] / (spreads[two] or np.inf) <= 5:
            share = max(share, explained(*_difference(numbers[one], numbers[two])))
        if share >= max(_NEARLY_ALL, max(alone[one], alone[two]) + _MORE_BY):
            found[one, two] = share
    return found


def _difference(one: tuple[Values, Values], two: tuple[Values, Values]) -> tuple[Codes, Codes]:
    """Bins of the difference of two columns, with quantiles of a few hundred rows for edges."""
    a, b = (left - right for left, right in zip(one, two, strict=True))
    some = a[:: max(1, len(a) // 500)]
    some = np.sort(some[~np.isnan(some)])
    edges = np.unique(some[:: max(1, len(some) // (2 * _COARSE))])
    return np.searchsorted(edges, a), np.searchsorted(edges, b)  # NaN sorts behind all edges


def _alike(train: pd.DataFrame, other: str, column: str) -> bool:
    """Whether `other` gives `column` away: the same thing in other words."""
    values = train[column].to_numpy(dtype=float) if is_number(train[column]) else pd.factorize(train[column])[0] * 1.0
    values = np.where(np.isnan(values), np.nanmean(values), values)
    codes, _ = bins(train[other], train[other], _FINE)
    return _explained(values, values)(codes, codes) >= _ALIKE


def _together(train: pd.DataFrame, test: pd.DataFrame, y: Values, z: Values) -> float:
    """The share that boosted trees explain with all these columns."""
    if not len(train.columns):
        return 0.0
    sides = [np.empty((len(side), len(train.columns))) for side in (train, test)]
    for i, column in enumerate(train):
        a, b = bins(train[column], test[column], _FINE)
        order = np.arange(_FINE + 1.0) if is_number(train[column]) else _means(a, y)
        sides[0][:, i], sides[1][:, i] = order[a], order[b]
    model = HistGradientBoostingRegressor(max_iter=30, learning_rate=0.2, early_stopping=False, random_state=0)
    predicted = model.fit(sides[0], y).predict(sides[1])
    average = y.mean()
    return max(0.0, float(1 - ((z - predicted) ** 2).sum() / ((z - average) ** 2).sum()))


def _means(codes: Codes, y: Values) -> Values:
    """The mean answer of each bin, drawn toward the average where rows are few."""
    counts = np.bincount(codes, minlength=_FINE + 1)
    return (np.bincount(codes, weights=y, minlength=_FINE + 1) + _PRIOR * y.mean()) / (counts + _PRIOR)
