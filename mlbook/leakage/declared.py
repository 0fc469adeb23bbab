"""Checks that need nothing but a declaration: when each column is known, what a group is, what is live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlbook.leakage.suspicion import Suspicion

When = str | timedelta

TOO_LATE = "known too late"
ORDER = "training after test"
HORIZON = "label not final"
GROUP = "group on both sides"
STILL = "stands still when live"

_NOT_WORTH_A_LINE = 0.001  # a boundary always touches a few rows
_MOST_CHANCE = 1e-6  # that a column stands still in the live rows by chance


@dataclass(frozen=True)
class Times:
    """What was declared: the moment of prediction, and when columns and the target are known."""

    decided: str | None
    known: dict[str, When]
    matured: When | None

    @property
    def columns(self) -> list[str]:
        """The columns that hold moments."""
        return [c for c in (self.decided, *self.known.values(), self.matured) if isinstance(c, str)]

    def check(self, table: pd.DataFrame, names: Sequence[str]) -> None:
        """ValueError for a declaration that does not fit the table, TypeError for one that is no time."""
        for column in self.known:
            if column not in names:
                raise ValueError(f"`known` names {column!r}, which is no column of the table or of the features")
        for column, when in {**self.known, "the target": self.matured}.items():
            if not isinstance(when, str | timedelta | None):
                raise TypeError(f"{column!r} is known at {when!r}; give the name of a time column, or a timedelta")
        for column in self.columns:
            if self.decided is None:
                raise ValueError(f"{column!r} declares a moment; `decided` must name the moment of prediction")
            if not pd.api.types.is_datetime64_any_dtype(table[column]):
                raise ValueError(f"column {column!r} is {table[column].dtype}, not moments; use pd.to_datetime")

    def comes_late(self, table: pd.DataFrame, column: str) -> bool:
        """Whether a column is declared to become known after the prediction, in some row."""
        when = self.known.get(column)
        if isinstance(when, str):
            return self.decided is not None and bool((table[when] > table[self.decided]).any())
        return when is not None and when > timedelta(0)

    def at(self, table: pd.DataFrame, when: When | None) -> pd.Series:
        """The moment (n,) at which something declared with `when` became known; by default, that of prediction."""
        assert self.decided is not None
        if isinstance(when, str):
            return table[when]
        return table[self.decided] + (when or timedelta(0))


def suspicions(
    train: pd.DataFrame, test: pd.DataFrame, features: Sequence[str], times: Times, groups: Sequence[str]
) -> list[Suspicion]:
    """What the declarations alone say against the features and the split."""
    both = pd.concat([train, test], ignore_index=True)
    known = {column: when for column, when in times.known.items() if column in features}
    found = [s for column, when in known.items() if (s := _known_too_late(both, column, when, times))]
    found += [s for column in groups if (s := _group_on_both_sides(train, test, column))]
    if times.decided is not None:
        order = _training_after_test(train, test, times.decided)
        found += [s for s in (order, _label_not_final(train, test, times)) if s]
    return found


def still_when_live(train: pd.DataFrame, live: pd.DataFrame) -> list[Suspicion]:
    """Columns that vary in training and have one value, or none, in all live rows."""
    found = []
    for column in train.columns.intersection(live.columns):
        value = live[column].iloc[0]
        if not (live[column].isna() if pd.isna(value) else live[column] == value).all():
            continue
        same = train[column].isna() if pd.isna(value) else train[column] == value
        share = float(same.mean())
        if share ** len(live) < _MOST_CHANCE:
            what = "empty" if pd.isna(value) else f"{value!r}"
            evidence = f"{what} in all {len(live):,} live rows, and in {share:.1%} of the training rows"
            found.append(Suspicion(STILL, (column,), 1 - share, evidence))
    return found


def _known_too_late(both: pd.DataFrame, column: str, when: When, times: Times) -> Suspicion | None:
    if not times.comes_late(both, column):
        return None
    late, delay = 1.0, when
    if isinstance(when, str):
        wait = both[when] - both[times.decided]
        after = wait > timedelta(0)
        late, delay = float(after.mean()), timedelta(seconds=wait[after].dt.total_seconds().median())
    assert isinstance(delay, timedelta)
    evidence = f"in {late:.1%} of the rows its value comes after the prediction, by {_span(delay)} as a rule"
    return Suspicion(TOO_LATE, (column,), late, evidence)


def _group_on_both_sides(train: pd.DataFrame, test: pd.DataFrame, column: str) -> Suspicion | None:
    shared = test[column].isin(train[column].dropna().unique())
    if not shared.any():
        return None
    groups = test.loc[shared, column].nunique()
    evidence = f"{shared.mean():.1%} of the test rows belong to {groups:,} groups that training has seen"
    return Suspicion(GROUP, (column,), float(shared.mean()), evidence)


def _training_after_test(train: pd.DataFrame, test: pd.DataFrame, decided: str) -> Suspicion | None:
    trained, tested = (np.asarray(side[decided], dtype="datetime64[us]") for side in (train, test))
    overtaken = np.searchsorted(np.sort(tested), trained, side="left")
    share = float(overtaken.mean() / len(tested))
    if share < _NOT_WORTH_A_LINE:
        return None
    evidence = f"of all pairs of a training and a test row, the training row is the later one in {share:.1%}"
    return Suspicion(ORDER, (decided,), min(1.0, 2 * share), evidence)


def _label_not_final(train: pd.DataFrame, test: pd.DataFrame, times: Times) -> Suspicion | None:
    if times.matured is None or times.decided is None:
        return None
    first = test[times.decided].min()
    early = train[train[times.decided] < first]
    open_still: NDArray[np.bool_] = (times.at(early, times.matured) > first).to_numpy()
    share = open_still.sum() / len(train)
    if share < _NOT_WORTH_A_LINE:
        return None
    evidence = f"the labels of {share:.1%} of the training rows became known after the first test prediction"
    return Suspicion(HORIZON, (times.decided,), float(share), evidence)


def _span(delay: timedelta) -> str:
    hours = delay / timedelta(hours=1)
    return f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} hours"
