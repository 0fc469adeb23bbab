"""Rows of the test that have a copy, or nearly one, in the training table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlbook.leakage.encode import Points, is_number, positions
from mlbook.leakage.suspicion import Suspicion

Point = NDArray[np.float32]

COPIES = "copies on both sides"

_SAMPLE = 200  # test rows looked at
_CHUNK = 50
_NEIGHBORS = 16
_FARTHEST = 0.2  # a copy is at most this fraction as far away as the 16th neighbor
_NEARLY_ALL = 0.9  # of what a row says, in bits, that a copy shares
_SPARE_BITS = 10
_PAIRS = 1_000  # of rows of one kind, to see how near to each other they are
_DIFFERENT = 3  # pairs that chance would make differ, or their agreement says nothing
_BY_CHANCE = 0.002  # share of honest rows that may look like copies
_REPORTED = 0.05  # share of test rows; fewer change a score by little


def suspicions(
    train: pd.DataFrame, test: pd.DataFrame, train_answers: NDArray[np.float64], test_answers: NDArray[np.float64]
) -> list[Suspicion]:
    """Test rows that repeat a training row, or are far nearer to one than the neighborhood is dense.

    If rows lie evenly in d dimensions, the nearest neighbor is r times as far away as the 16th, or less, in about
    15 r^d of the rows. d is read off the distances of the 12th and the 16th neighbor, and r set so that two rows in
    a thousand would pass. Where many rows are equal, as in a table of a few categories, the 16th neighbor is as
    near as the first, and nothing is reported. Nor is it where twins are no nearer to each other than things of one
    kind are (two aircraft of a model), or do not have the same answer.
    """
    if len(train) <= _NEIGHBORS:
        return []
    chosen = np.sort(np.random.default_rng(0).permutation(len(test))[:_SAMPLE])
    known, asked, shares = positions(train, test.iloc[chosen])
    nearest = _nearest(known, asked)
    gaps = np.abs(known[nearest] - asked[:, None, :])
    distance = gaps.sum(axis=2)
    first, ordered = distance.argmin(axis=1), np.sort(distance, axis=1)
    copied = (ordered[:, 0] <= _near(ordered) * ordered[:, -1]) & (ordered[:, -1] > 0)
    copied |= _repeated(gaps[np.arange(len(asked)), first] == 0, shares, len(train))
    twin = nearest[np.arange(len(asked)), first]
    if copied.mean() >= _REPORTED:
        kinds = _kinds(known, [column for column, name in enumerate(train) if not is_number(train[name])])
        copied[copied] = [not _of_one_kind(known, asked[row], twin[row], kinds) for row in np.flatnonzero(copied)]
    share = float(copied.mean())
    if share < _REPORTED:
        return []
    same, by_chance = _agreement(train_answers[twin[copied]], test_answers[chosen][copied], train_answers)
    if same < (1 + by_chance) / 2 or copied.sum() * (1 - by_chance) < _DIFFERENT:
        return []  # alike, but nothing shows that they give each other's answers away
    evidence = f"at least {share:.1%} of the test rows have a copy in training, {same:.0%} of them with the same answer"
    return [Suspicion(COPIES, (), share, evidence)]


def _agreement(one: NDArray[np.float64], two: NDArray[np.float64], answers: NDArray[np.float64]) -> tuple[float, float]:
    """How often two answers are the same, or a quarter of the spread apart at most; and how often by chance."""
    close = answers.std() / 4
    shuffled = np.random.default_rng(0).permutation(answers)
    return float((np.abs(one - two) <= close).mean()), float((np.abs(answers - shuffled) <= close).mean())


def _nearest(known: Points, asked: Points) -> NDArray[np.int64]:
    """The nearest training rows (asked, neighbors) by squared distance, in no order."""
    half = (known**2).sum(axis=1) / 2
    rows = []
    for start in range(0, len(asked), _CHUNK):
        closeness = half - asked[start : start + _CHUNK] @ known.T
        rows.append(np.argpartition(closeness, _NEIGHBORS, axis=1)[:, :_NEIGHBORS])
    return np.concatenate(rows)


def _repeated(equal: NDArray[np.bool_], shares: NDArray[np.float32], rows: int) -> NDArray[np.bool_]:
    """Test rows (n,) that share nearly all they say with one training row, and say too much for an accident.

    A cell says -log2(p) bits, where p is the share of training rows with its value. Among so many rows, log2(rows)
    bits agree by accident.
    """
    bits = -np.log2(np.maximum(shares, 1 / rows))
    told = bits.sum(axis=1)
    shared = (bits * equal).sum(axis=1)
    return np.asarray((shared >= _NEARLY_ALL * told) & (told >= np.log2(rows) + _SPARE_BITS))


def _kinds(known: Points, names: Sequence[int]) -> dict[int, Points]:
    """For each column of names that repeats some, how far apart (pairs, columns) two rows of one name are."""
    rng = np.random.default_rng(0)
    kinds = {}
    for name in names:
        order = rng.permutation(len(known))
        order = order[np.argsort(known[order, name], kind="stable")]
        same = np.flatnonzero(np.diff(known[order, name]) == 0)
        if len(same):
            some = rng.permutation(same)[:_PAIRS]
            kinds[name] = np.abs(known[order[some]] - known[order[some + 1]])
    return kinds


def _of_one_kind(known: Points, row: Point, twin: int, kinds: Mapping[int, Points]) -> bool:
    """Whether a row and its twin are no more alike than two things of one kind may be.

    A name can settle other columns: aircraft of one model share maker, engines, and seats. Column by column, such
    an agreement looks like a great accident. So each name that both have is tried as that of their kind. How often
    two rows of one name are as near as these, in each other column, gives the bits that agreement there is worth;
    among the rows of this name, the logarithm of their number agrees by accident. Pairs as near in all columns are
    left out, since they may be copies themselves: a name of which there are no other pairs, such as the address of
    a house that was listed twice, tells no kind. Nor does a number, as copies are known by equal measurements.
    """
    gap = np.abs(known[twin] - row)
    near = np.abs(known - row) <= gap
    near[twin] = False
    of_all = np.maximum(near.mean(axis=0), 1 / len(near))
    for name, apart in kinds.items():
        alike = apart <= gap
        differ = alike[~alike.all(axis=1)]
        if gap[name] == 0 and len(differ):
            bits = -np.log2(np.maximum(differ.mean(axis=0), of_all))
            if np.delete(bits, name).sum() < np.log2(near[:, name].sum() + 1) + _SPARE_BITS:
                return True
    return False


def _near(ordered: NDArray[np.float32]) -> float:
    """How near the nearest neighbor must be, as a fraction of the distance of the last, to be no accident."""
    apart = ordered[:, -1] > 0
    if not apart.any():
        return 0.0
    fourth_last = _NEIGHBORS - 4
    ratio = float(np.median(ordered[apart, fourth_last - 1] / ordered[apart, -1]))
    if ratio <= 0:
        return 0.0
    dimensions = np.log(fourth_last / _NEIGHBORS) / np.log(min(ratio, 0.99))
    return float(min(_FARTHEST, (_BY_CHANCE / (_NEIGHBORS - 1)) ** (1 / dimensions)))
