"""Columns, alone or in pairs, that say far more about the answer than all others together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from mlbook.leakage.encode import Codes, bins, is_number
from mlbook.leakage.suspicion import Suspicion

ONE = "one column says too much"
TWO = "two columns say too much"

_SAMPLE = 4_000  # rows of each side
_FINE, _COARSE = 64, 16  # bins of a column alone, and in a pair
_PRIOR = 4.0  # rows of the average that each bin starts with
_MUCH = 0.3  # of the spread of the answer
_MORE_BY = 0.2  # what a pair must say beyond the better of its two
_ODDS = 10.0
_NOTHING = 0.02  # what the rest is given at least
_ALIKE = 0.8  # how much of one column another must explain to count as the same
_LOOKED_AT = 2  # columns, and pairs: those that say most
_TREES = {
    "max_iter": 30,
    "learning_rate": 0.2,
    "max_leaf_nodes": 12,
    "max_bins": _FINE + 1,
    "early_stopping": False,
    "random_state": 0,
}

Values = NDArray[np.float64]
Pair = tuple[str, str]
Key = TypeVar("Key")


def suspicions(
    train: pd.DataFrame, test: pd.DataFrame, train_answers: Values, test_answers: Values, trusted: set[str]
) -> list[Suspicion]:
    """Columns and pairs that explain a third of the answer, at ten times the odds of the columns unlike them.

    The share explained is that of the squared error of a constant which means by bins (and, for columns
    together, boosted trees), learned on a sample of `train`, remove on a sample of `test`: R2 for numbers, the
    Brier skill score for two classes. Its odds are that share divided by the rest: 1 to 1 for a half, 9 to 1
    for nine tenths. Columns in `trusted` are not suspected, nor pairs of them.
    """
    (train, y), (test, z) = _sampled(train, train_answers, 0), _sampled(test, test_answers, 1)
    if y.std() == 0 or z.std() == 0:
        return []
    scored = _Scored(train, test, y, z)
    alone = {c: scored.explained(*scored.fine[c]) for c in train.columns}
    pairs = _pairs(train, test, scored, alone, trusted)
    found = []
    for column in _largest({c: share for c, share in alone.items() if c not in trusted and share >= _MUCH}):
        in_pairs = {c for pair in pairs if column not in pair for c in pair}
        others = [c for c in train.columns if c not in in_pairs | {column} and not scored.alike(c, column)]
        share = max(alone[column], scored.together([column]))
        rest = scored.rest(others, alone, share)
        if _odds(share) >= _ODDS * _odds(rest):
            evidence = f"alone it explains {share:.0%} of the answer, the columns unlike it together {rest:.0%}"
            found.append(Suspicion(ONE, (column,), share, evidence))
    single = {column for suspicion in found for column in suspicion.columns}
    pairs = {pair: share for pair, share in pairs.items() if not single.intersection(pair)}
    if pairs:
        in_pairs = {c for pair in pairs for c in pair}
        others = [c for c in train.columns if c not in in_pairs | single]
        for pair in _largest(pairs):
            share = max(pairs[pair], scored.together(pair))
            rest = scored.rest(others, alone, share)
            if _odds(share) >= _ODDS * _odds(rest):
                each = " and ".join(f"{max(alone[c], 0.0):.0%}" for c in pair)
                evidence = (
                    f"together they explain {share:.0%} of the answer, alone {each}, the other columns {rest:.0%}"
                )
                found.append(Suspicion(TWO, pair, share, evidence))
    return found


def _sampled(table: pd.DataFrame, answers: Values, seed: int) -> tuple[pd.DataFrame, Values]:
    if len(table) <= _SAMPLE:
        return table, answers
    rows = np.sort(np.random.default_rng(seed).permutation(len(table))[:_SAMPLE])
    return table.iloc[rows], answers[rows]


def _odds(share: float) -> float:
    share = min(max(share, _NOTHING), 0.9999)
    return share / (1 - share)


def _largest(shares: Mapping[Key, float]) -> list[Key]:
    return sorted(shares, key=lambda key: -shares[key])[:_LOOKED_AT]


class _Scored:
    """The answers of both sides (n,) and (m,), with each column in fine bins."""

    def __init__(self, train: pd.DataFrame, test: pd.DataFrame, y: Values, z: Values) -> None:
        self._y, self._wanted = y - y.mean(), z - y.mean()
        self._ordered = {c: is_number(train[c]) for c in train.columns}
        self.fine = {c: bins(train[c], test[c], _FINE) for c in train.columns}

    def explained(self, codes: Codes, test_codes: Codes) -> float:
        """The share of the answer that the means of its bins explain."""
        error = self._wanted - self._means(codes, max(codes.max(), test_codes.max()) + 1)[test_codes]
        return float(1 - error @ error / (self._wanted @ self._wanted))

    def together(self, columns: Iterable[str]) -> float:
        """The share that boosted trees explain with all these columns, at least 0."""
        sides: tuple[list[Values], list[Values]] = ([], [])
        for column in columns:
            codes = self.fine[column]
            places = np.arange(_FINE + 1.0) if self._ordered[column] else self._means(codes[0], _FINE + 1)
            for side, code in zip(sides, codes, strict=True):
                side.append(places[code])
        if not sides[0]:
            return 0.0
        learned, asked = (np.column_stack(side) for side in sides)
        error = self._wanted - HistGradientBoostingRegressor(**_TREES).fit(learned, self._y).predict(asked)
        return max(0.0, float(1 - error @ error / (self._wanted @ self._wanted)))

    def rest(self, columns: Sequence[str], alone: Mapping[str, float], share: float) -> float:
        """What these columns explain together; if the best of them alone keeps `share` from standing out, what it does.

        That settles the matter, and most tables have such a column.
        """
        best = max((alone[c] for c in columns), default=0.0)
        return best if _odds(share) < _ODDS * _odds(best) else self.together(columns)

    def alike(self, other: str, column: str) -> bool:
        """Whether `other` gives the bin of `column` away: the same thing in other words."""
        codes, bin_ = self.fine[other][0], self.fine[column][0].astype(float)
        sums, counts = np.bincount(codes, weights=bin_), np.maximum(np.bincount(codes), 1)
        return bool(((bin_ - (sums / counts)[codes]) ** 2).sum() <= (1 - _ALIKE) * ((bin_ - bin_.mean()) ** 2).sum())

    def _means(self, codes: Codes, size: int) -> Values:
        """The mean answer of each bin, drawn toward the average where rows are few."""
        sums, counts = np.bincount(codes, weights=self._y, minlength=size), np.bincount(codes, minlength=size)
        return sums / (counts + _PRIOR)


def _pairs(
    train: pd.DataFrame, test: pd.DataFrame, scored: _Scored, alone: dict[str, float], trusted: set[str]
) -> dict[Pair, float]:
    """Pairs that explain much, and much more than either column alone."""
    coarse = {c: bins(train[c], test[c], _COARSE) for c in train.columns}
    numbers = {
        c: tuple(side[c].to_numpy(dtype=float) for side in (train, test)) for c in train.columns if is_number(train[c])
    }
    spreads = {c: float(np.nanstd(sides[0])) for c, sides in numbers.items()}
    found = {}
    for one, two in combinations(train.columns, 2):
        if one in trusted and two in trusted:
            continue
        (a, b), (c, d) = coarse[one], coarse[two]
        share = scored.explained(a * (_COARSE + 1) + c, b * (_COARSE + 1) + d)
        if one in numbers and two in numbers and _comparable(spreads[one], spreads[two]):
            (u, v), (w, x) = numbers[one], numbers[two]
            share = max(share, scored.explained(*_quantiles(u - w, v - x)))
        if share >= max(_MUCH, max(alone[one], alone[two]) + _MORE_BY):
            found[one, two] = share
    return found


def _comparable(spread: float, other: float) -> bool:
    """Whether a difference of two columns can mean something: neither drowns the other."""
    return 0 < spread <= 5 * other <= 25 * spread


def _quantiles(values: Values, test_values: Values) -> tuple[Codes, Codes]:
    """Codes of both sides, quickly: the edges come from a few hundred rows. Missing values sort last."""
    some = np.sort(values[:: max(1, len(values) // 500)])
    edges = np.unique(some[~np.isnan(some)][:: max(1, len(some) // (2 * _COARSE))])
    return np.searchsorted(edges, values), np.searchsorted(edges, test_values)
