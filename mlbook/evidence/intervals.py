"""95 % intervals over what varies in deployment: days, users, sales, or the seeds of a simulation.

Rows of one day are not independent: a storm delays all of them. Resampling rows would pretend that
they are, and print intervals several times too narrow. So whole groups are resampled (the cluster
bootstrap: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 8).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, stdtrit

DRAWS = 2000
LEVEL = 0.95
_CHUNK = 100  # resamples held in memory at a time


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval, in the unit of the values it came from.

    `over` says what the interval is over, in words: "61 days", "5 seeds".
    """

    estimate: float
    low: float
    high: float
    over: str

    def __post_init__(self) -> None:
        if not self.low <= self.estimate <= self.high:
            raise ValueError(
                f"an interval must contain its estimate: {self.low} <= {self.estimate} <= {self.high} is false"
            )

    def text(self, unit: str = "") -> str:
        """ "4.2 points [3.1, 5.3]", rounded to what the width of the interval supports."""
        decimals = _decimals(self)
        estimate, low, high = (
            f"{value:,.{decimals}f}".replace("-", "\N{MINUS SIGN}") for value in (self.estimate, self.low, self.high)
        )
        return f"{estimate}{' ' if unit else ''}{unit} [{low}, {high}]"

    def __repr__(self) -> str:
        return f"{self.text()} over {self.over}"

    def scaled(self, factor: float) -> Interval:
        """The same interval in another unit, say percent instead of fractions (`factor` > 0)."""
        if not factor > 0:
            raise ValueError(f"factor must be positive, got {factor}")
        return Interval(self.estimate * factor, self.low * factor, self.high * factor, self.over)

    def shifted(self, by: float) -> Interval:
        """The same interval from another zero: the difference to a rule, say, added to the rule's own score."""
        return Interval(self.estimate + by, self.low + by, self.high + by, self.over)


def mean_interval(values: ArrayLike, groups: ArrayLike, group_name: str = "days") -> Interval:
    """The mean of `values` (n,), with whole `groups` (n,) resampled.

    For the difference of two models on the same rows, pass the difference of their errors: the
    pairing removes what makes a row hard for both.
    """
    values = np.asarray(values, dtype=float)
    return ratio_interval(values, np.ones(len(values)), groups, group_name)


def ratio_interval(
    numerator: ArrayLike, denominator: ArrayLike, groups: ArrayLike, group_name: str = "days"
) -> Interval:
    """`sum(numerator) / sum(denominator)`, all of shape (n,), with whole `groups` (n,) resampled.

    Shares and relative changes are ratios of sums: late flights caught / late flights; the error of
    one model / the error of another. The seed of the resampling is fixed.

    Raises
    ------
    ValueError
        If shapes differ, a value is missing, there are fewer than ten groups, or the denominator of
        a resample sums to zero.
    """
    top, bottom = np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    codes, labels = pd.factorize(np.asarray(groups))
    if not len(top) == len(bottom) == len(codes):
        raise ValueError(f"{len(top)} numerators, {len(bottom)} denominators, and {len(codes)} groups: lengths differ")
    if (codes < 0).any() or np.isnan(top).any() or np.isnan(bottom).any():
        raise ValueError("a value or a group is missing; drop those rows first, and say how many")
    if len(labels) < 10:
        raise ValueError(f"{len(labels)} {group_name} are too few for a bootstrap: it needs at least 10")
    tops, bottoms = (np.bincount(codes, weights=values).astype(float) for values in (top, bottom))
    drawn_tops, drawn_bottoms = _resampled(tops, bottoms)
    if (drawn_bottoms == 0).any():
        raise ValueError(f"the denominator sums to zero in a resample of the {group_name}")
    low, high = np.quantile(drawn_tops / drawn_bottoms, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    estimate = float(tops.sum() / bottoms.sum())
    return Interval(estimate, min(float(low), estimate), max(float(high), estimate), f"{len(labels)} {group_name}")


def recall_interval(
    flagged: ArrayLike, positive: ArrayLike, groups: ArrayLike | None = None, group_name: str = "positives"
) -> Interval:
    """The share of the positive rows that is flagged (both of shape (n,)), with whole `groups` (n,) resampled.

    Without groups, each row stands by itself. For the difference of two models on the same rows, pass the
    difference of their flags.

    Raises
    ------
    ValueError
        If shapes differ, and as `ratio_interval` does, for the groups in which there is a positive.
    """
    flags, real = np.asarray(flagged, dtype=float), np.asarray(positive, dtype=bool)
    members = np.arange(len(real)) if groups is None else np.asarray(groups)
    if not flags.shape == real.shape == members.shape:
        raise ValueError(f"{len(flags)} flags, {len(real)} rows, and {len(members)} groups: lengths differ")
    return mean_interval(flags[real], members[real], group_name)


def share_interval(count: int, of: int, what: str) -> Interval:
    """`count` of a few, as a share (0 to 1), with its exact interval (Clopper and Pearson, Biometrika 26, 1934).

    Where there are too few to resample; `what` says what was counted: "leaks".

    Raises
    ------
    ValueError
        If `count` is not between 0 and `of`.
    """
    if not 0 <= count <= of or of < 1:
        raise ValueError(f"{count} of {of} {what} is no share")
    tail = (1 - LEVEL) / 2
    low = betaincinv(count, of - count + 1, tail) if count else 0.0
    high = betaincinv(count + 1, of - count, 1 - tail) if count < of else 1.0
    return Interval(count / of, float(low), float(high), f"{of} {what}")


def repeats_interval(values: Sequence[float] | ArrayLike, repeat_name: str = "seeds") -> Interval:
    """The mean of independent repeats (k,) with Student's t interval, for seeds and simulations.

    Raises
    ------
    ValueError
        With fewer than three repeats or a missing value.
    """
    repeats = np.asarray(values, dtype=float)
    if len(repeats) < 3:
        raise ValueError(f"{len(repeats)} {repeat_name} are too few for an interval: it needs at least 3")
    if np.isnan(repeats).any():
        raise ValueError(f"a value of the {repeat_name} is missing")
    half = stdtrit(len(repeats) - 1, (1 + LEVEL) / 2) * repeats.std(ddof=1) / np.sqrt(len(repeats))
    mean = float(repeats.mean())
    return Interval(mean, mean - float(half), mean + float(half), f"{len(repeats)} {repeat_name}")


def _decimals(interval: Interval) -> int:
    """Two digits for the width of the interval, and as many as keep the sign of its ends visible; at most four."""
    width = interval.high - interval.low
    decimals = min(4, max(0, 1 - math.floor(math.log10(width)))) if width > 0 else 2
    while decimals < 4 and any(value and not round(value, decimals) for value in (interval.low, interval.high)):
        decimals += 1
    return decimals


def _resampled(*sums: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The total of each array (groups,) in each of the resamples: (DRAWS,) each, the same groups for all."""
    rng = np.random.default_rng(0)
    groups = len(sums[0])
    totals = [np.empty(DRAWS) for _ in sums]
    for start in range(0, DRAWS, _CHUNK):
        drawn = rng.integers(groups, size=(_CHUNK, groups))
        for total, values in zip(totals, sums, strict=True):
            total[start : start + _CHUNK] = values[drawn].sum(axis=1)
    return totals
