"""The audit: one call that looks at a table, its split, what is known when, and the pipeline behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlbook.leakage import copies, declared, marks, rerun, scores
from mlbook.leakage.declared import When
from mlbook.leakage.rerun import Pipeline
from mlbook.leakage.suspicion import Suspicion


def audit(
    train: pd.DataFrame,
    test: pd.DataFrame,
    target: str,
    *,
    decided: str | None = None,
    known: Mapping[str, When] | None = None,
    matured: When | None = None,
    groups: Sequence[str] = (),
    live: pd.DataFrame | None = None,
    pipeline: Pipeline | None = None,
) -> pd.DataFrame:
    """Look for what the rows of `train` and `test` know and a row that is live will not.

    Without any declaration, it looks for rows of `test` that have a copy in `train`, for columns and pairs
    of columns that say more than all others together, and for the marks that encoding, scaling, and filling
    leave when the test rows took part. Each declaration adds what data alone cannot show. Two things of one kind are
    no copies, however alike; a kind shows only in a column of names, so keep codes of kinds as text or categories.

    Parameters
    ----------
    train, test
        The two sides of the split. All columns count as features but the target, those with moments in
        time, and those that `known` or `matured` name as a time.
    target
        The column to predict: numbers, or two classes.
    decided
        The column with the moment of each prediction. With it, the order of the split is checked.
    known
        When a column's value became known: the name of a column with that moment, or the time from the
        prediction to that moment (zero or negative if it is known by then). A column that is declared to be
        known in time is not suspected for what it says.
    matured
        The same for the target. Training labels must be final before the first test prediction.
    groups
        Columns whose values (users, patients, machines) must not stand on both sides of the split.
    live
        Some rows as the service meets them. A column that varies in training and stands still there is
        suspicious.
    pipeline
        A function that takes two raw tables like `train` and `test` and returns their features, two tables
        with the same indexes. Then `train` and `test` are the raw tables, and `known` is about raw columns
        and features alike. The audit alters in the test rows what could not be known yet and runs it again:
        no feature of an earlier row may change. It must give the same features each time.

    Returns
    -------
    DataFrame
        One row a suspicion, the strongest first: `check`, `columns`, `strength` (0 to 1), `evidence`. Empty
        if there is none, which does not prove that there is no leak.

    Raises
    ------
    ValueError
        If a column is missing, a table is empty, the target has missing values, one value only, or more than
        two classes, a time column holds no moments, a time is declared by a column without `decided`, or the
        pipeline drops rows or changes from run to run.
    TypeError
        If what `known` or `matured` say is neither a column's name nor a timedelta.
    """
    times = declared.Times(decided, dict(known or {}), matured)
    _check_input(train, test, target, [*times.columns, *groups])
    features = (train, test) if pipeline is None else rerun.run(pipeline, train, test)
    times.check(train, [*train.columns, *features[0].columns])
    found = declared.suspicions(train, test, list(features[0].columns), times, groups)
    if pipeline is not None:
        found += rerun.suspicions(pipeline, train, test, features, target, times)

    late = {column for suspicion in found if suspicion.check == declared.TOO_LATE for column in suspicion.columns}
    skipped = {target, *times.columns, *late}
    names = [c for c in features[0].columns if c not in skipped and _is_feature(features[0][c])]
    sides = (features[0][names], features[1][names])
    answers = (_as_numbers(train[target]), _as_numbers(test[target], like=train[target]))
    if live is not None:
        found += declared.still_when_live(sides[0], live)
    if names:
        found += copies.suspicions(*sides, *answers)
        found += marks.suspicions(*sides, *answers)
        found += scores.suspicions(*sides, *answers, trusted=set(times.known) - late)
    return _ranked(found)


def _check_input(train: pd.DataFrame, test: pd.DataFrame, target: str, columns: Sequence[str]) -> None:
    for name, table in (("train", train), ("test", test)):
        if table.empty:
            raise ValueError(f"`{name}` has no rows")
        for column in [target, *columns]:
            if column not in table.columns:
                raise ValueError(f"`{name}` has no column {column!r}; it has: {', '.join(map(str, table.columns))}")
        if unnamed := [column for column in table.columns if not isinstance(column, str)]:
            raise ValueError(f"`{name}` has a column {unnamed[0]!r}; name columns by text, with .rename(columns=str)")
        if table[target].isna().any():
            raise ValueError(f"target {target!r} is missing in {table[target].isna().sum()} rows of `{name}`")
        if table.index.has_duplicates:
            raise ValueError(f"the index of `{name}` has duplicates; use .reset_index(drop=True)")


def _as_numbers(answers: pd.Series, like: pd.Series | None = None) -> NDArray[np.float64]:
    """The target as floats (n,): numbers as they are, two classes as 0 and 1."""
    kinds = (answers if like is None else like).unique()
    if len(kinds) < 2:
        raise ValueError(f"target {answers.name!r} has one value only in `train`: {kinds[0]!r}")
    if pd.api.types.is_numeric_dtype(answers):
        return answers.to_numpy(dtype=float)
    if len(kinds) > 2:
        raise ValueError(f"target {answers.name!r} has {len(kinds)} classes; audit one against the rest at a time")
    return np.asarray(answers == max(kinds), dtype=float)


def _is_feature(column: pd.Series) -> bool:
    return not pd.api.types.is_datetime64_any_dtype(column) and bool(column.notna().any())


def _ranked(found: Sequence[Suspicion]) -> pd.DataFrame:
    rows = sorted(found, key=lambda suspicion: -suspicion.strength)
    table = pd.DataFrame(
        [(s.check, ", ".join(s.columns), s.strength, s.evidence) for s in rows],
        columns=["check", "columns", "strength", "evidence"],
    )
    return table.astype({"check": "str", "columns": "str", "strength": "float", "evidence": "str"})
