"""Features that look back see what was known by then, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlbook.features import trailing_mean

START = pd.Timestamp("2013-03-10", tz="UTC")
HOUR = timedelta(hours=1)


def frame(rows: list[tuple[str, float, float | None]], time: str) -> pd.DataFrame:
    """Rows of (group, minutes after START, value)."""
    table = pd.DataFrame(rows, columns=["group", "minutes", "value"])
    table[time] = START + pd.to_timedelta(table["minutes"], unit="min")
    return table.astype({"value": float, "group": "str"})


def mean_of(at: pd.DataFrame, events: pd.DataFrame, window: timedelta = HOUR) -> pd.Series:
    return trailing_mean(at, events, by="group", at_time="moment", known_at="known", value="value", window=window)


def brute_force(at: pd.DataFrame, events: pd.DataFrame, window: timedelta) -> list[float]:
    means = []
    for row in at.itertuples():
        seen = events[
            (events["group"] == row.group)
            & (events["known"] < row.moment)
            & (events["known"] >= row.moment - window)
            & events["value"].notna()
        ]
        means.append(seen["value"].mean())
    return means


rows = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 180), st.one_of(st.none(), st.integers(-50, 50))), max_size=15
)


class TestTrailingMean:
    def test_only_the_group_and_the_window_count(self):
        at = frame([("a", 100, None)], "moment")
        events = frame([("a", 39, 100), ("a", 40, 1), ("a", 99, 3), ("a", 101, 100), ("b", 99, 100)], "known")
        assert mean_of(at, events).tolist() == [2]

    def test_what_becomes_known_at_the_same_instant_does_not_count(self):
        at = frame([("a", 100, None)], "moment")
        assert mean_of(at, frame([("a", 100, 7)], "known")).isna().all()

    def test_an_empty_window_is_missing_not_zero(self):
        at = frame([("a", 100, None), ("nobody", 100, None)], "moment")
        assert mean_of(at, frame([("a", 10, 7)], "known")).isna().all()

    def test_the_index_of_the_predictions_is_kept(self):
        at = frame([("a", 100, None), ("a", 10, None)], "moment").set_axis([7, 3])
        result = mean_of(at, frame([("a", 99, 5)], "known"))
        assert result.index.tolist() == [7, 3]
        assert result.loc[7] == 5

    @settings(max_examples=60, deadline=None)
    @given(rows, rows, st.integers(1, 120))
    def test_it_agrees_with_brute_force(self, at_rows, event_rows, minutes):
        at, events = frame(at_rows, "moment"), frame(event_rows, "known")
        window = timedelta(minutes=minutes)
        expected = brute_force(at, events, window)
        np.testing.assert_allclose(mean_of(at, events, window), expected, atol=1e-9)

    @settings(max_examples=30, deadline=None)
    @given(rows, rows, st.integers(0, 180))
    def test_no_later_event_changes_an_earlier_feature(self, at_rows, event_rows, cut):
        at, events = frame(at_rows, "moment"), frame(event_rows, "known")
        early = at[at["minutes"] <= cut]
        known = events[events["minutes"] < cut]
        pd.testing.assert_series_equal(mean_of(early, events), mean_of(early, known))

    @settings(max_examples=30, deadline=None)
    @given(rows, rows, st.randoms(use_true_random=False))
    def test_the_order_of_the_events_is_irrelevant(self, at_rows, event_rows, random):
        at = frame(at_rows, "moment")
        shuffled = random.sample(event_rows, len(event_rows))
        np.testing.assert_allclose(
            mean_of(at, frame(event_rows, "known")), mean_of(at, frame(shuffled, "known")), atol=1e-9
        )

    def test_naive_times_are_refused_with_the_column_and_the_mend(self):
        at = frame([("a", 1, None)], "moment")
        events = frame([("a", 1, 1)], "known").assign(known=lambda t: t["known"].dt.tz_localize(None))
        with pytest.raises(ValueError, match=r"'known'.*tz_localize"):
            mean_of(at, events)

    def test_a_missing_column_is_named(self):
        at, events = frame([("a", 1, None)], "moment"), frame([("a", 1, 1)], "known")
        with pytest.raises(ValueError, match="`events` has no column 'value'"):
            mean_of(at, events.drop(columns="value"))

    def test_a_prediction_without_a_moment_is_refused(self):
        at = frame([("a", 1, None), ("a", 2, None)], "moment")
        at.loc[0, "moment"] = pd.NaT
        with pytest.raises(ValueError, match="'moment' has missing times"):
            mean_of(at, frame([("a", 1, 1)], "known"))

    def test_a_window_that_looks_ahead_is_refused(self):
        with pytest.raises(ValueError, match="positive"):
            mean_of(frame([("a", 1, None)], "moment"), frame([("a", 1, 1)], "known"), -HOUR)
