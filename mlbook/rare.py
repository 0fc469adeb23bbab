"""Rare events: what each threshold flags and catches, what that costs, and training by weights or on a sample.

A threshold flags the cases whose chance is at least as high. Costs are counted in reviews: each flagged case costs
one, and each positive that is missed costs as many as somebody has said it does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray


def sweep(chance: ArrayLike, positive: ArrayLike, stands_for: ArrayLike | None = None) -> pd.DataFrame:
    """What is flagged and caught if the threshold is put at each positive's own chance.

    No other threshold is worth a look: between two of these, a higher one flags fewer and catches as many. So a
    million payments with a hundred frauds shrink to a hundred rows.

    Parameters
    ----------
    chance
        (n,) What the model says; any score will do.
    positive
        (n,) bool: whether it is one of the rare cases.
    stands_for
        (n,) How many cases each row stands for, if only some negatives were drawn; 1 without it. A positive stands
        for itself.

    Returns
    -------
    DataFrame
        One row a distinct chance of a positive, highest first: `threshold`, `flagged` (cases with this chance or a
        higher one), and `caught` (the positives among them).

    Raises
    ------
    ValueError
        If the lengths differ, a chance is missing, there is no positive, or a positive stands for others.
    """
    scores, positives, weights = _checked(chance, positive, stands_for)
    thresholds, added = np.unique(scores[positives], return_counts=True)
    alarms, _ = _negatives_from(thresholds, scores, positives, weights)
    return _swept(thresholds, added, alarms)


def average_precision(swept: pd.DataFrame) -> float:
    """The precision at each threshold of a `sweep`, weighed by the positives that it adds (0 to 1).

    The same as scikit-learn's `average_precision_score` on the cases that were swept.
    """
    added = np.diff(swept["caught"], prepend=0)
    return float(np.average(swept["caught"] / swept["flagged"], weights=added))


def scorecard(chance: ArrayLike, positive: ArrayLike, stands_for: ArrayLike | None = None) -> dict[str, float]:
    """How good the order is, by two scores, and how many positives the chances promise.

    Returns
    -------
    dict
        `AUC` and `average precision`, both from 0 to 1 and the same as scikit-learn's; and `promised`, the sum of the
        chances for each real positive, which is 1 if their level is right.

    Raises
    ------
    ValueError
        Where `sweep` does, and if there is no negative.
    """
    scores, positives, weights = _checked(chance, positive, stands_for)
    _need_negatives(positives)
    thresholds, added = np.unique(scores[positives], return_counts=True)
    alarms, above = _negatives_from(thresholds, scores, positives, weights)
    # Negatives above a positive count in full, those with an equal chance by half.
    wrong = (added * (alarms + above)).sum() / (2 * added.sum() * (weights.sum() - added.sum()))
    return {
        "AUC": float(1 - wrong),
        "average precision": average_precision(_swept(thresholds, added, alarms)),
        "promised": float((scores * weights).sum() / added.sum()),
    }


def cheapest(swept: pd.DataFrame, missed: float) -> float:
    """The threshold of a `sweep` that costs least if a missed positive costs as much as `missed` reviews.

    It is infinite, and flags nothing, if that is the cheapest. Of equally cheap ones, it is the highest.
    """
    left = swept["caught"].iloc[-1] - swept["caught"]
    cost = swept["flagged"] + missed * left
    never = missed * swept["caught"].iloc[-1]
    return float(swept["threshold"].iloc[cost.argmin()]) if cost.min() < never else np.inf


def cost(
    chance: ArrayLike, positive: ArrayLike, threshold: float, missed: float, stands_for: ArrayLike | None = None
) -> float:
    """What a threshold costs, in reviews: one for each flagged case, and `missed` for each positive that is not.

    Parameters are those of `sweep`, and so are the errors.
    """
    scores, positives, weights = _checked(chance, positive, stands_for)
    flags = scores >= threshold
    return float(weights[flags].sum() + missed * np.count_nonzero(positives & ~flags))


def relative_costs(
    chance: ArrayLike,
    positive: ArrayLike,
    thresholds: Mapping[str, float],
    missed: float,
    stands_for: ArrayLike | None = None,
) -> dict[str, float]:
    """What each of several thresholds costs, by name, in percent of the cost of flagging nothing.

    The other parameters are those of `cost`, and so are the errors.
    """
    scores, positives, weights = _checked(chance, positive, stands_for)
    never = missed * np.count_nonzero(positives)
    return {name: 100 * cost(scores, positives, each, missed, weights) / never for name, each in thresholds.items()}


def balanced_weights(positive: ArrayLike, stands_for: ArrayLike | None = None) -> NDArray[np.float64]:
    """The weight of each case in training with which all positives weigh as much as all negatives: (n,).

    A negative weighs as many cases as it stands for, a positive its share of the sum. Without `stands_for`, these
    are the weights of scikit-learn's `class_weight="balanced"`, times a constant.

    Raises
    ------
    ValueError
        If the lengths differ, a positive stands for others, or there is no positive.
    """
    _, positives, weights = _checked(np.zeros(np.shape(positive)), positive, stands_for)
    return np.where(positives, weights[~positives].sum() / np.count_nonzero(positives), weights)


def undersampling_weights(positive: ArrayLike, ratio: float, seed: int) -> NDArray[np.float64]:
    """The weight of each case in training on all positives and a sample of negatives, `ratio` to a positive: (n,).

    It is 1 for what is in the sample and 0 for what is not.

    Raises
    ------
    ValueError
        If there is no positive, or there are not as many negatives.
    """
    _, positives, weights = _checked(np.zeros(np.shape(positive)), positive, None)
    negatives = pd.Series(np.flatnonzero(~positives))
    wanted = round(ratio * np.count_nonzero(positives))
    if not 0 < wanted <= len(negatives):
        raise ValueError(f"ratio is {ratio}, which asks for {wanted:,} negatives; there are {len(negatives):,}")
    weights[~positives] = 0
    weights[negatives.sample(wanted, random_state=seed)] = 1
    return weights


def kept_share(positive: ArrayLike, weight: ArrayLike, stands_for: ArrayLike | None = None) -> float:
    """The share of negatives that is as good as kept if each case has this `weight` (n,) in training.

    It is the number that `undo_sampling` wants, for a sample of negatives and for weights alike: to weigh each
    positive by 100 changes the odds as much as to keep one negative in 100.

    Raises
    ------
    ValueError
        Where `balanced_weights` does, if there is no negative, or if either kind weighs nothing.
    """
    weighed, positives, cases = _checked(weight, positive, stands_for)
    _need_negatives(positives)
    of_positives, of_negatives = weighed[positives].mean(), weighed[~positives].sum() / cases[~positives].sum()
    if not (of_positives > 0 and of_negatives > 0):
        raise ValueError("all positives, or all negatives, have no weight; a model learns nothing from one kind alone")
    return float(of_negatives / of_positives)


def undo_sampling(chance: ArrayLike, kept: float) -> NDArray[np.float64]:
    """What a chance would be if the model had not been trained on only the share `kept` of the negatives.

    The odds of a positive were multiplied by 1 / `kept`, so they are multiplied by `kept`. Elkan, "The Foundations
    of Cost-Sensitive Learning", 2001, theorem 2.

    Raises
    ------
    ValueError
        If `kept` is not above 0 and at most 1.
    """
    _need_share(kept)
    sampled = np.asarray(chance, dtype=float)
    undone: NDArray[np.float64] = kept * sampled / (kept * sampled + (1 - sampled))
    return undone


def threshold_in_sample(threshold: float, kept: float) -> float:
    """The threshold that does to a sampled model's chances what `threshold` does to them once they are undone.

    Raises
    ------
    ValueError
        If `threshold` is not from 0 to 1, and where `undo_sampling` does.
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold is {threshold}; give a chance, from 0 to 1")
    _need_share(kept)
    return threshold / (threshold + kept * (1 - threshold))


def seen_and_fresh(
    models: Mapping[str, Any], worlds: Sequence[tuple[Sequence[ArrayLike], Sequence[ArrayLike]]]
) -> pd.DataFrame:
    """What each model scores in each world, on the cases that it learned from and on fresh ones.

    Parameters
    ----------
    models
        scikit-learn classifiers by name. They are trained in place, world by world, and afterwards are as the last
        world has made them.
    worlds
        Two sets of cases each, first those to learn from, then the fresh ones. A set is `X` (n, columns), `positive`
        (n,), and `stands_for` (n,), which is the weight in training, too.

    Returns
    -------
    DataFrame
        Indexed by `model` and `world` (0, 1, ...), with the columns of `scorecard` for the rows "fresh" and "seen".

    Raises
    ------
    ValueError
        Where `scorecard` does.
    """
    cards = {}
    for world, (seen, fresh) in enumerate(worlds):
        X, positive, stands_for = seen
        for name, model in models.items():
            model.fit(X, positive, sample_weight=stands_for)
            for rows, (table, *case) in {"seen": seen, "fresh": fresh}.items():
                cards[name, world, rows] = scorecard(model.predict_proba(table)[:, 1], *case)
    return cast(pd.DataFrame, pd.DataFrame(cards).T.rename_axis(["model", "world", "rows"]).unstack("rows"))


def false_alarms(chance: ArrayLike, positive: ArrayLike, stands_for: ArrayLike | None = None) -> NDArray[np.float64]:
    """For each positive, in the order of rows, the share of negatives with its chance or a higher one: (positives,).

    Parameters are those of `sweep`.

    Raises
    ------
    ValueError
        Where `scorecard` does.
    """
    scores, positives, weights = _checked(chance, positive, stands_for)
    _need_negatives(positives)
    alarms, _ = _negatives_from(scores[positives], scores, positives, weights)
    shares: NDArray[np.float64] = alarms / weights[~positives].sum()
    return shares


def redrawn_precision(alarms: ArrayLike, positives: int, rate: float, draws: int, seed: int) -> NDArray[np.float64]:
    """The average precision on each of `draws` test sets of which each has `positives` positives: (draws,).

    Positives are drawn, with replacement, from those whose `false_alarms` are given; negatives are as many as `rate`
    (the share of positives) asks for, with the same share of them above each positive. So what varies is the luck
    with the positives alone. Two models meet on the same positives if their alarms are of the same cases, and
    `positives`, `draws`, and `seed` are the same.
    """
    drawn = np.sort(np.random.default_rng(seed).choice(np.asarray(alarms), (draws, positives)), axis=1)
    caught = np.arange(1, positives + 1)
    precision: NDArray[np.float64] = (caught / (caught + drawn * positives * (1 - rate) / rate)).mean(axis=1)
    return precision


def _negatives_from(
    thresholds: NDArray[np.float64],
    scores: NDArray[np.float64],
    positives: NDArray[np.bool_],
    weights: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How many negatives have at least the score of each threshold, and how many have a higher one: (thresholds,)."""
    negatives, numbers = scores[~positives], weights[~positives]
    if len(numbers) and (numbers == numbers[0]).all():
        # The usual case, made quick: a plain sort takes a fraction of the time of one that carries numbers along.
        ordered = np.sort(negatives)
        places = (ordered.searchsorted(thresholds, side) for side in ("left", "right"))
        alarms, above = (numbers[0] * (len(numbers) - place) for place in places)
    else:
        order = np.argsort(negatives)
        ordered, left = negatives[order], np.append(numbers[order][::-1].cumsum()[::-1], 0.0)
        alarms, above = (left[ordered.searchsorted(thresholds, side)] for side in ("left", "right"))
    return alarms, above


def _swept(thresholds: NDArray[np.float64], added: NDArray[np.intp], alarms: NDArray[np.float64]) -> pd.DataFrame:
    """A sweep from the thresholds, lowest first, the positives that each adds, and the negatives that reach each."""
    caught = added[::-1].cumsum()
    return pd.DataFrame({"threshold": thresholds[::-1], "flagged": alarms[::-1] + caught, "caught": caught})


def _need_share(kept: float) -> None:
    if not 0 < kept <= 1:
        raise ValueError(f"kept is {kept}; give the share of negatives that was kept, above 0 and at most 1")


def _need_negatives(positives: NDArray[np.bool_]) -> None:
    if positives.all():
        raise ValueError("there is no negative; without one, there is no order to score")


def _checked(
    chance: ArrayLike, positive: ArrayLike, stands_for: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    scores, positives = np.asarray(chance, dtype=float), np.asarray(positive, dtype=bool)
    weights = np.ones(len(scores)) if stands_for is None else np.asarray(stands_for, dtype=float)
    if not len(scores) == len(positives) == len(weights):
        raise ValueError(f"{len(scores)} chances, {len(positives)} answers, {len(weights)} weights: lengths differ")
    if np.isnan(scores).any():
        raise ValueError("a chance is missing; decide what to do with such cases before you sweep")
    if not positives.any():
        raise ValueError("there is no positive; without one, no threshold catches anything")
    if (weights[positives] != 1).any():
        raise ValueError("a positive stands for others; keep all positives, and sample only the rest")
    return scores, positives, weights
