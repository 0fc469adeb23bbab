"""What a change is worth: every model on every set of columns, on one scale, and the order that a score loses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone, is_classifier

from mlbook._checks import require_columns
from mlbook.evidence.intervals import Interval, mean_interval, ratio_interval
from mlbook.rare import false_alarms

Cell = tuple[str, str]


class Splitter(Protocol):
    """What hands out folds as scikit-learn's cross-validators do: positions of rows to train and to test on."""

    def split(self, X: pd.DataFrame) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]: ...


def predict_each(
    models: Mapping[str, Any] | BaseEstimator,
    columns: Mapping[str, Sequence[str]],
    past: pd.DataFrame,
    future: pd.DataFrame,
    target: str,
    *,
    weight: str | None = None,
) -> pd.DataFrame:
    """What each model, trained on each set of columns of `past`, predicts for `future`.

    Parameters
    ----------
    models
        scikit-learn estimators by name, or a single one. Each is cloned, so that none is changed.
    columns
        Names of columns by the name of the set.
    target
        The column of `past` to learn.
    weight
        The column of `past` that says how much each row counts; without it, all count the same.

    Returns
    -------
    DataFrame
        Indexed like `future`, a column for each (set of columns, model), or for each set of columns if there is a
        single model: the prediction of a regressor, in the unit of `target`; for a classifier the chance (0 to 1)
        of the second of its two classes.

    Raises
    ------
    ValueError
        If a set of columns holds the target, or names a column that is not there, or there is no column `weight`.
    """
    if not isinstance(models, Mapping):
        alone = predict_each({"": models}, columns, past, future, target, weight=weight)
        return alone.droplevel(1, axis=1)
    if weight is not None:
        require_columns(past, [weight], "past")
    weights = {} if weight is None else {"sample_weight": past[weight]}
    predicted = {}
    for kind, names in columns.items():
        for column in names:
            if column == target:
                raise ValueError(f"the columns {kind!r} hold the target {target!r}; take it out")
            for table, label in ((past, "past"), (future, "future")):
                if column not in table.columns:
                    raise ValueError(f"`{label}` has no column {column!r}, which the columns {kind!r} name")
        for name, model in models.items():
            fitted = clone(model).fit(past[list(names)], past[target], **weights)
            rows = future[list(names)]
            chance = is_classifier(fitted)
            predicted[kind, name] = fitted.predict_proba(rows)[:, 1] if chance else fitted.predict(rows)
    return pd.DataFrame(predicted, index=future.index)


def predict_each_fold(
    models: Mapping[str, Any] | BaseEstimator,
    columns: Mapping[str, Sequence[str]],
    table: pd.DataFrame,
    target: str,
    splitter: Splitter,
) -> pd.DataFrame:
    """What `predict_each` predicts for the tested rows of each fold, trained on the other rows of that fold.

    `splitter` is a cross-validator such as `mlbook.splits.TimeSplit`. The tested rows come in the order of the
    folds, under their labels in the index of `table`.
    """
    folds = [
        predict_each(models, columns, table.iloc[train], table.iloc[test], target)
        for train, test in splitter.split(table)
    ]
    return pd.concat(folds)


def absolute_errors(
    models: Mapping[str, Any] | BaseEstimator,
    columns: Mapping[str, Sequence[str]],
    past: pd.DataFrame,
    future: pd.DataFrame,
    target: str,
) -> pd.DataFrame:
    """How far each column of `predict_each` is off, in the unit of `target`: its absolute errors.

    Arguments, columns, and errors are those of `predict_each`; `future` has the target, too.
    """
    _require_target(future, target)
    return predict_each(models, columns, past, future, target).sub(future[target], axis=0).abs()


def squared_errors(
    models: Mapping[str, Any],
    columns: Mapping[str, Sequence[str]],
    past: pd.DataFrame,
    future: pd.DataFrame,
    target: str,
) -> pd.DataFrame:
    """The squared errors of a constant, the mean of the target in `past`, and of each column of `predict_each`.

    Arguments and errors are those of `predict_each`; `future` has the target, too.

    Returns
    -------
    DataFrame
        Indexed like `future`, in the unit of `target`, squared. The constant comes first, as ("constant", "mean"):
        it is what `error_removed` measures against.
    """
    _require_target(future, target)
    constant = pd.DataFrame({("constant", "mean"): past[target].mean()}, index=future.index)
    predicted = pd.concat([constant, predict_each(models, columns, past, future, target)], axis=1)
    return predicted.sub(future[target], axis=0) ** 2


def error_removed(
    errors: pd.DataFrame, change: Cell, groups: ArrayLike, group_name: str = "days", *, instead_of: Cell | None = None
) -> Interval:
    """How much less error `change` makes than `instead_of`, in percent of the error at the start.

    `errors` has a row for each prediction (n,) and the columns of `predict_each`. The start is its first
    column, and so is `instead_of` unless another is named. Whole `groups` (n,) are resampled.
    """
    start = errors.columns[0]
    less = errors[start if instead_of is None else instead_of] - errors[change]
    return ratio_interval(less, errors[start], np.asarray(groups), group_name).scaled(100)


def removed_by_each(
    errors: pd.DataFrame, groups: pd.Series, group_name: str = "days", *, instead_of: Cell | None = None
) -> pd.Series:
    """`error_removed` by each column of `errors` but the first, the start.

    `groups` holds the group of each error under its label in the index of `errors`, and may hold more: the dates of
    the whole table serve for every part of it.

    Returns
    -------
    Series
        An `Interval` (percent) for each of the columns, by their names.

    Raises
    ------
    ValueError
        If an error has no group, or as `ratio_interval`.
    """
    missing = ~errors.index.isin(groups.index)
    if missing.any():
        raise ValueError(
            f"`groups` has nothing under label {errors.index[missing].tolist()[0]!r} of the errors; "
            "give the column of the table that they come from"
        )
    group = groups.loc[errors.index]
    changes: list[Any] = errors.columns[1:].tolist()
    removed = [error_removed(errors, change, group, group_name, instead_of=instead_of) for change in changes]
    return pd.Series(removed, index=errors.columns[1:], dtype=object)


def due_to_columns(
    errors: pd.DataFrame, worst: Cell, best: Cell, groups: ArrayLike, group_name: str = "days"
) -> Interval:
    """Of the error that `best` makes less than `worst`, the part (percent) that its better columns account for.

    The columns can be improved before the model or after it, and what they save depends on the order; this is the
    mean of both, the Shapley value of the columns (Shapley, "A value for n-person games", 1953). The rest is the
    model's part, so that above 100 percent the better model does harm. `errors` has a row for each prediction (n,)
    and the columns of `predict_each`, each a (set of columns, model). Whole `groups` (n,) are resampled.

    Raises
    ------
    ValueError
        If `worst` and `best` share their columns or their model: then there are no two parts.
    """
    if worst[0] == best[0] or worst[1] == best[1]:
        raise ValueError(f"{worst} and {best} must differ in both their columns and their model")
    first = errors[worst] - errors[best[0], worst[1]]
    second = errors[worst[0], best[1]] - errors[best]
    whole = errors[worst] - errors[best]
    return ratio_interval((first + second) / 2, whole, np.asarray(groups), group_name).scaled(100)


def break_even(sizes: Sequence[float], gains: Sequence[float]) -> float:
    """The size from which on a learning curve stays above zero.

    The points are joined by straight lines over the logarithm of the size, and the last crossing counts. A curve that
    is above zero throughout gets its first size: nothing smaller was tried.

    Parameters
    ----------
    sizes
        (n,) How many examples each point has learned from, rising.
    gains
        (n,) How far it is ahead of a rival there, in any unit.

    Raises
    ------
    ValueError
        If the lengths differ, the sizes do not rise from above zero, or the curve ends at or below zero.
    """
    size, gain = np.asarray(sizes, dtype=float), np.asarray(gains, dtype=float)
    if size.shape != gain.shape or size.ndim != 1:
        raise ValueError(f"sizes have shape {size.shape} and gains {gain.shape}; give one gain for each size")
    if not (size[0] > 0 and (np.diff(size) > 0).all()):
        raise ValueError(f"sizes must rise from above zero, got {list(sizes)}")
    if not gain[-1] > 0:
        raise ValueError(f"the curve ends at {gain[-1]}, not ahead with {size[-1]:g} examples; try larger sizes")
    behind = np.flatnonzero(~(gain > 0))
    if not len(behind):
        return float(size[0])
    step = slice(behind[-1], behind[-1] + 2)
    return float(np.exp(np.interp(0, gain[step], np.log(size[step]))))


def auc_lost(before: ArrayLike, after: ArrayLike, positive: ArrayLike, positives_name: str = "positives") -> Interval:
    """How many points of 100 the AUC falls from one score to another on the same rows.

    The AUC is the mean, over the positives, of the share of negatives that are ranked below each of them; so
    the positives are resampled. A negative with the very score of a positive counts as ranked above it.

    Parameters
    ----------
    before
        The score at the start: (n,).
    after
        The other score, or several, say of several trainings, of which the mean loss counts: (n,) or (n, k).
    positive
        bool: (n,).

    Raises
    ------
    ValueError
        Where `false_alarms` and `mean_interval` do: with a missing score, without a negative, or with fewer than
        ten positives.
    """
    later = np.asarray(after, dtype=float)
    scores = [later] if later.ndim == 1 else list(later.T)
    more = np.mean([false_alarms(score, positive) for score in scores], axis=0) - false_alarms(before, positive)
    return mean_interval(100 * more, np.arange(len(more)), positives_name)


def _require_target(future: pd.DataFrame, target: str) -> None:
    if target not in future.columns:
        raise ValueError(f"`future` has no column {target!r}, the target; without it there are no errors")
