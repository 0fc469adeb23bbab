"""Features that look back see what was known by then, and nothing else."""

from __future__ import annotations

import ast
import math
import sys
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlbook.features import Aggregate, aggregate, history

START = pd.Timestamp("2013-03-10", tz="UTC")
HOUR = timedelta(hours=1)


def predictions(*rows: tuple[str | None, float]) -> pd.DataFrame:
    """Predictions for (plane, minutes after START)."""
    table = pd.DataFrame(rows, columns=["plane", "minutes"]).astype({"plane": "str", "minutes": float})
    return table.assign(moment=START + pd.to_timedelta(table.pop("minutes"), unit="min"), airport="JFK")


def flights(*rows: tuple[str | None, float | None, float | None, float | None]) -> pd.DataFrame:
    """Events of (plane, left and landed in minutes after START, delay)."""
    table = pd.DataFrame(rows, columns=["plane", "left", "landed", "delay"])
    table = table.astype({"plane": "str", "left": float, "landed": float, "delay": float}).assign(airport="JFK")
    for time in ("left", "landed"):
        table[time] = START + pd.to_timedelta(table[time], unit="min")
    return table


def delays(*rows: tuple[str | None, float, float | None]) -> pd.DataFrame:
    """Events of (plane, minutes after START, delay), known at once."""
    return flights(*((plane, minutes, minutes, delay) for plane, minutes, delay in rows))


def feature(at: pd.DataFrame, events: pd.DataFrame, *definition: object, **more: object) -> list[float]:
    """The one feature that `Aggregate("plane", "left", *definition, **more)` defines."""
    table = aggregate(at, events, Aggregate("plane", "left", *definition, **more), at_time="moment")
    return table.iloc[:, 0].tolist()


def brute_force(at: pd.DataFrame, events: pd.DataFrame, d: Aggregate) -> list[float]:
    known = events.dropna(subset=[*d.keys, d.time, d.known, d.value or d.time])
    rows = known.sort_values([d.known, d.time, "delay"]).to_dict("records")
    answers = []
    for prediction in at.to_dict("records"):
        limit = prediction["moment"] - d.lag
        seen = [row for row in rows if all(row[key] == prediction[key] for key in d.keys) and row[d.known] < limit]
        if isinstance(d.window, timedelta):
            seen = [row for row in seen if row[d.known] >= limit - d.window]
        values = [row[d.value or d.time] for row in seen][-d.window if isinstance(d.window, int) else 0 :]
        answers.append(answer(d, values) if values else math.nan if d.empty is None else d.empty)
    return answers


def answer(d: Aggregate, values: list[float]) -> float:
    match d.how:
        case "count":
            return len(values)
        case "rate":
            return len(values) * (d.per / d.window)
        case "sum":
            return math.fsum(values)
        case "mean":
            return math.fsum(values) / len(values)
    return values[-1]


planes = st.sampled_from(["N1", "N2", None])
minutes = st.integers(0, 40)
at_rows = st.lists(st.tuples(planes, minutes), max_size=8)
event_rows = st.lists(
    st.tuples(
        planes,
        st.one_of(st.none(), minutes),
        st.one_of(st.none(), st.integers(40, 45), minutes),
        st.one_of(st.none(), st.integers(-9, 9)),
    ).filter(lambda row: row[1] is None or row[2] is None or row[1] <= row[2]),
    max_size=16,
)


@st.composite
def definitions(draw: st.DrawFn) -> Aggregate:
    how = draw(st.sampled_from(["count", "sum", "mean", "rate", "last"]))
    duration = st.integers(1, 30).map(lambda n: timedelta(minutes=n))
    counts = how in ("count", "rate")
    return Aggregate(
        by=draw(st.sampled_from(["plane", ("airport", "plane")])),
        time="left",
        how=how,
        value=None if counts else "delay",
        window=draw(duration if how == "rate" else st.one_of(st.none(), st.integers(1, 4), duration)),
        known_at=draw(st.sampled_from([None, "landed"])),
        lag=draw(st.sampled_from([timedelta(0), timedelta(minutes=5)])),
        empty=draw(st.sampled_from([None, 0.0])),
        per=timedelta(hours=1) if how == "rate" else None,
    )


several = st.lists(definitions(), min_size=1, max_size=4, unique_by=lambda d: d.name)


class TestWhatCounts:
    def test_only_the_entity_and_the_window_count(self):
        events = delays(("N1", 39, 100), ("N1", 40, 1), ("N1", 99, 3), ("N1", 101, 100), ("N2", 99, 100))
        assert feature(predictions(("N1", 100)), events, "mean", "delay", HOUR) == [2]

    def test_what_becomes_known_at_the_very_instant_does_not_count(self):
        assert feature(predictions(("N1", 100)), delays(("N1", 100, 7)), "count", empty=0) == [0]

    def test_events_of_one_instant_do_not_see_each_other(self):
        events = delays(("N1", 1, 5), ("N1", 2, 7), ("N1", 2, 9)).assign(moment=lambda t: t["left"])
        assert feature(events, events, "count", empty=0) == [0, 1, 1]
        assert feature(events, events, "last", "delay", empty=0) == [0, 5, 5]

    def test_a_delay_counts_when_the_flight_has_landed_not_when_it_left(self):
        at, events = predictions(("N1", 60), ("N1", 61)), flights(("N1", 10, 60, 7))
        assert feature(at, events, "sum", "delay", known_at="landed", empty=0) == [0, 7]

    def test_the_window_is_over_the_time_at_which_events_became_known(self):
        at, events = predictions(("N1", 120)), flights(("N1", 0, 70, 7))
        assert feature(at, events, "sum", "delay", HOUR, known_at="landed") == [7]

    def test_the_lag_moves_the_whole_window_back(self):
        at, events = predictions(("N1", 100)), delays(("N1", 29, 1), ("N1", 30, 2), ("N1", 89, 4), ("N1", 90, 8))
        assert feature(at, events, "sum", "delay", HOUR, lag=timedelta(minutes=10)) == [6]

    def test_no_history_is_missing_and_not_zero(self):
        at, events = predictions(("N1", 100), ("nobody", 100)), delays(("N1", 10, 7))
        for definition in (("count", None, HOUR), ("sum", "delay", HOUR), ("mean", "delay", HOUR)):
            np.testing.assert_equal(feature(at, events, *definition), [math.nan, math.nan])
        assert feature(at, events, "count", None, HOUR, empty=0) == [0, 0]

    def test_without_any_event_all_history_is_empty(self):
        at, events = predictions(("N1", 100)), delays().astype({"left": "datetime64[us, UTC]"})
        np.testing.assert_equal(feature(at, events, "count"), [math.nan])
        zero = aggregate(at, events, Aggregate("plane", "left", "count", empty=0), at_time="moment")
        assert zero.dtypes.tolist() == [np.dtype(float)]

    def test_without_any_prediction_there_is_nothing_to_tell(self):
        at = predictions().astype({"moment": "datetime64[us, UTC]"})
        assert feature(at, delays(("N1", 1, 1)), "count") == []

    def test_an_event_that_stands_there_twice_counts_twice(self):
        assert feature(predictions(("N1", 9)), delays(("N1", 1, 5), ("N1", 1, 5)), "sum", "delay") == [10]

    def test_an_event_without_a_value_or_a_time_never_became_known(self):
        at = predictions(("N1", 100))
        events = flights(("N1", 1, 2, 5), ("N1", 3, 4, None), ("N1", 5, None, 7))
        assert feature(at, events, "last", "delay", known_at="landed") == [5]
        assert feature(at, events, "mean", "delay", 1, known_at="landed") == [5]
        assert feature(at, events, "count", known_at="landed") == [2]

    def test_a_row_without_its_key_belongs_to_no_entity(self):
        at, events = predictions((None, 100), ("N1", 100)), delays((None, 1, 5), ("N1", 1, 7))
        assert feature(at, events, "sum", "delay", empty=0) == [0, 7]

    def test_a_window_of_events_takes_those_that_became_known_last(self):
        events = flights(("N1", 1, 50, 5), ("N1", 2, 20, 7), ("N1", 3, 40, 11))
        assert feature(predictions(("N1", 60)), events, "sum", "delay", 2, known_at="landed") == [16]

    def test_of_events_known_at_one_instant_the_one_that_happened_last_comes_last(self):
        events = flights(("N1", 3, 9, 1), ("N1", 5, 9, 2), ("N1", 4, 9, 3))
        assert feature(predictions(("N1", 60)), events, "last", "delay", known_at="landed") == [2]

    def test_of_events_of_one_instant_the_largest_value_comes_last(self):
        events = delays(("N1", 3, 9), ("N1", 3, 4))
        assert feature(predictions(("N1", 60)), events, "last", "delay") == [9]

    def test_a_rate_is_the_count_per_duration(self):
        events = delays(("N1", 1, 1), ("N1", 2, 1), ("N1", 3, 1))
        rate = feature(predictions(("N1", 60)), events, "rate", window=timedelta(weeks=2), per=timedelta(weeks=1))
        assert rate == [1.5]

    def test_an_hour_is_an_hour_when_the_clocks_change(self):
        at = predictions(("N1", 450)).assign(moment=lambda t: t["moment"].dt.tz_convert("America/New_York"))
        events = delays(("N1", 389, 1), ("N1", 390, 2))  # summer time began at minute 420
        assert feature(at, events, "sum", "delay", HOUR) == [2]


class TestThePast:
    @settings(max_examples=150, deadline=None)
    @given(at_rows, event_rows, several)
    def test_it_is_what_brute_force_finds(self, at_rows, event_rows, several):
        at, events = predictions(*at_rows), flights(*event_rows)
        features = aggregate(at, events, several, at_time="moment")
        assert features.columns.tolist() == [definition.name for definition in several]
        for definition in several:
            np.testing.assert_allclose(features[definition.name], brute_force(at, events, definition), rtol=1e-14)

    @settings(max_examples=50, deadline=None)
    @given(event_rows, several)
    def test_it_is_what_brute_force_finds_where_each_event_is_a_moment_of_prediction(self, event_rows, several):
        events = flights(*(row for row in event_rows if row[1] is not None)).assign(moment=lambda t: t["left"])
        features = aggregate(events, events, several, at_time="moment")
        for definition in several:
            np.testing.assert_allclose(features[definition.name], brute_force(events, events, definition), rtol=1e-14)

    @settings(max_examples=50, deadline=None)
    @given(at_rows, event_rows, several, minutes)
    def test_no_later_event_changes_it(self, at_rows, event_rows, several, cut):
        at = predictions(*((plane, moment) for plane, moment in at_rows if moment <= cut))
        for time, column in ((1, "left"), (2, "landed")):
            known = [row for row in event_rows if row[time] is None or row[time] < cut]
            chosen = [definition for definition in several if definition.known == column]
            before = aggregate(at, flights(*known), chosen, at_time="moment")
            pd.testing.assert_frame_equal(before, aggregate(at, flights(*event_rows), chosen, at_time="moment"))

    @settings(max_examples=50, deadline=None)
    @given(at_rows, event_rows, several, st.randoms(use_true_random=False))
    def test_the_order_of_the_events_does_not_change_a_bit(self, at_rows, event_rows, several, random):
        at = predictions(*at_rows)
        events = flights(*event_rows)
        events["delay"] /= 3  # thirds are rounded, and their sums would depend on the order
        shuffled = events.iloc[random.sample(range(len(events)), len(events))]
        expected = aggregate(at, events, several, at_time="moment")
        pd.testing.assert_frame_equal(aggregate(at, shuffled, several, at_time="moment"), expected, check_exact=True)

    @settings(max_examples=50, deadline=None)
    @given(at_rows, event_rows, several)
    def test_each_entity_can_be_computed_on_its_own(self, at_rows, event_rows, several):
        at, events = predictions(*at_rows), flights(*event_rows)
        events["delay"] /= 3
        whole = aggregate(at, events, several, at_time="moment")
        for plane, rows in at.groupby("plane"):
            alone = aggregate(rows, events[events["plane"] == plane], several, at_time="moment")
            pd.testing.assert_frame_equal(alone, whole.loc[rows.index], check_exact=True)

    @pytest.mark.parametrize("years", [1, 100])
    def test_the_finest_clock_and_the_longest_history_change_nothing(self, years):
        """A microsecond anywhere makes keys of many bits: too many for one sort in a year, for any in a century."""
        rng = np.random.default_rng(years)
        seconds = rng.integers(years * 365 * 86_400, size=20_000).astype("timedelta64[s]")
        planes = pd.Series(rng.integers(10_000, size=20_000)).map("N{}".format)
        events = pd.DataFrame({"plane": planes, "left": START + pd.to_timedelta(seconds), "delay": 1.0})
        events["moment"] = events["left"] + timedelta(days=100)
        definitions = [Aggregate("plane", "left", how, "delay", timedelta(days=200 * years)) for how in ("sum", "last")]
        expected = aggregate(events, events, definitions, at_time="moment")
        odd = pd.DataFrame({"plane": ["odd"], "left": [START + timedelta(microseconds=1)], "delay": [1.0]})
        features = aggregate(events, pd.concat([events, odd]), definitions, at_time="moment")
        pd.testing.assert_frame_equal(features, expected)
        assert expected.notna().all().all()


class TestSums:
    def test_whole_numbers_add_up_exactly(self):
        rng = np.random.default_rng(0)
        whole = rng.integers(-(10**9), 10**9, size=2000)
        events = delays(*(("N1", minute, value) for minute, value in enumerate(whole)))
        events["moment"] = events["left"]
        sums = feature(events, events, "sum", "delay", timedelta(minutes=500), empty=0)
        assert sums == [whole[max(0, i - 500) : i].sum() for i in range(2000)]

    def test_a_huge_value_does_not_spoil_the_mean_of_another_entity(self):
        at = predictions(("N2", 100))
        events = delays(("N1", 1, 1e18), ("N2", 1, 0.1), ("N2", 2, 0.2), ("N3", 1, -1e18))
        assert feature(at, events, "mean", "delay") == [pytest.approx(0.15, rel=1e-15)]

    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=20), st.integers(1, 20))
    def test_a_sum_is_as_precise_as_promised(self, values, window):
        events = delays(*(("N1", minute, value) for minute, value in enumerate(values)))
        (total,) = feature(predictions(("N1", 100)), events, "sum", "delay", window)
        true = sum(map(Fraction, values[-window:]))
        promised = Fraction(len(values[-window:]) * len(values)) * Fraction(max(map(abs, values))) / 2**61
        rounding = abs(Fraction(total)) / 2**52 + Fraction(1, 2**990)
        assert abs(Fraction(total) - true) <= promised + rounding


class TestTheTable:
    def test_it_keeps_the_index_of_the_predictions(self):
        at = predictions(("N1", 100), ("N1", 10)).set_axis([7, 7])
        result = aggregate(at, delays(("N1", 99, 5)), Aggregate("plane", "left", "last", "delay"), at_time="moment")
        assert result.index.tolist() == [7, 7]
        np.testing.assert_equal(result.to_numpy(), [[5], [math.nan]])

    @pytest.mark.parametrize(
        ("definition", "name"),
        [
            (Aggregate("plane", "left", "count"), "count_by_plane"),
            (Aggregate(["airport", "plane"], "left", "mean", "delay", 3 * HOUR), "delay_mean_3h_by_airport_plane"),
            (Aggregate("plane", "left", "sum", "delay", 5, lag=2 * HOUR), "delay_sum_of_5_lag_2h_by_plane"),
            (Aggregate("plane", "left", "rate", None, 4 * HOUR, per=24 * HOUR), "rate_4h_per_1d_by_plane"),
            (Aggregate("plane", "left", "count", None, timedelta(microseconds=90)), "count_90us_by_plane"),
            (Aggregate("plane", "left", "count", name="flights"), "flights"),
        ],
    )
    def test_a_feature_is_named_after_its_definition(self, definition, name):
        assert definition.name == name

    def test_keys_may_be_categories_in_one_table_only(self):
        at, events = predictions(("N1", 100)), delays(("N1", 1, 5), ("N2", 1, 7))
        assert feature(at.astype({"plane": "category"}), events, "sum", "delay") == [5]

    def test_many_keys_together_are_one_entity(self):
        at, events = predictions(("N1", 100)), delays(("N1", 1, 5), ("N2", 1, 7))
        keys = ["plane", "airport", "day", "crew"]
        at, events = at.assign(day=1, crew=3.0), events.assign(day=[1, 1], crew=[3.0, 3.0])
        both = pd.concat([events, events.assign(crew=None), events.assign(day=2)])
        result = aggregate(at, both.astype({"crew": float}), Aggregate(keys, "left", "sum", "delay"), at_time="moment")
        assert result.iloc[:, 0].tolist() == [5]

    @pytest.mark.parametrize("dtype", ["int8", "uint64", "Int64", "float64", "object"])
    def test_keys_may_be_numbers_of_any_type(self, dtype):
        at, events = predictions(("", 9), ("", 9)), delays(("", 1, 5), ("", 2, 7), ("", 3, 9))
        at = at.assign(plane=pd.Series([127, 3], dtype=dtype))
        events = events.assign(plane=pd.Series([127, 0 if dtype == "uint64" else -128, 127], dtype=dtype))
        np.testing.assert_equal(feature(at, events, "sum", "delay"), [14, math.nan])

    def test_values_may_be_booleans_and_nullable_integers(self):
        at, events = predictions(("N1", 100)), delays(("N1", 1, 5), ("N1", 2, None))
        events = events.assign(late=events["delay"] > 0, whole=events["delay"].astype("Int64"))
        assert feature(at, events, "mean", "late") == [0.5]
        assert feature(at, events, "mean", "whole") == [5]


class TestRefusals:
    def test_times_without_a_zone_are_refused_with_the_mend(self):
        at, events = predictions(("N1", 1)), delays(("N1", 1, 1))
        for time in ("left", "landed"):
            naive = events.assign(**{time: events[time].dt.tz_localize(None)})
            with pytest.raises(ValueError, match=rf"'{time}' of `events` is datetime64.*tz_localize"):
                feature(at, naive, "count", known_at="landed")
        with pytest.raises(ValueError, match="'moment' of `at`"):
            feature(at.assign(moment=at["moment"].dt.tz_localize(None)), events, "count")

    @pytest.mark.parametrize("column", ["plane", "left", "landed", "delay"])
    def test_a_column_that_the_events_lack_is_named(self, column):
        events = delays(("N1", 1, 1)).drop(columns=column)
        with pytest.raises(ValueError, match=f"`events` has no column '{column}'; it has: "):
            feature(predictions(("N1", 1)), events, "sum", "delay", known_at="landed")

    @pytest.mark.parametrize("column", ["plane", "moment"])
    def test_a_column_that_the_predictions_lack_is_named(self, column):
        with pytest.raises(ValueError, match=f"`at` has no column '{column}'; it has: "):
            feature(predictions(("N1", 1)).drop(columns=column), delays(("N1", 1, 1)), "count")

    def test_a_prediction_without_its_moment_is_refused(self):
        at = predictions(("N1", 1), ("N1", math.nan)).set_axis(["first", "second"])
        with pytest.raises(ValueError, match="'moment' of `at` has 1 missing times, the first at label 'second'"):
            feature(at, delays(("N1", 1, 1)), "count")

    def test_an_event_that_is_known_before_it_happens_is_refused(self):
        events = flights(("N1", 1, 2, 0), ("N1", 9, 4, 0))
        with pytest.raises(ValueError, match=r"1 events .*at label 1: 'landed' is 2013-03-10 00:04.*'left' is .*00:09"):
            feature(predictions(("N1", 1)), events, "count", known_at="landed")

    def test_keys_of_different_types_are_refused_because_they_never_meet(self):
        with pytest.raises(ValueError, match="'plane' is str in `at` and int64 in `events`"):
            feature(predictions(("1", 1)), delays(("1", 1, 1)).astype({"plane": int}), "count")

    def test_an_infinite_value_is_refused(self):
        with pytest.raises(ValueError, match="'delay' has 1 infinite values, the first at label 1"):
            feature(predictions(("N1", 1)), delays(("N1", 1, 1), ("N1", 2, math.inf)), "sum", "delay")

    def test_a_value_that_is_no_number_is_refused(self):
        with pytest.raises(ValueError, match="'airport' is str, not a number"):
            feature(predictions(("N1", 1)), delays(("N1", 1, 1)), "sum", "airport")

    def test_two_features_of_one_name_are_refused(self):
        twice = [Aggregate("plane", "left", "count")] * 2
        with pytest.raises(ValueError, match="2 definitions are named 'count_by_plane'"):
            aggregate(predictions(("N1", 1)), delays(("N1", 1, 1)), twice, at_time="moment")

    @pytest.mark.parametrize(
        ("definition", "message"),
        [
            ({"how": "median", "value": "delay"}, "how must be one of count, sum, mean, rate, last, got 'median'"),
            ({"how": "count", "value": "delay"}, "leave out value='delay'"),
            ({"how": "mean"}, "a mean needs the name of a value column"),
            ({"how": "count", "by": []}, "by names no column"),
            ({"how": "count", "window": -HOUR}, "window must be positive"),
            ({"how": "count", "window": 0}, "at least 1, got 0"),
            ({"how": "count", "lag": -HOUR}, "lag must not be negative"),
            ({"how": "count", "per": HOUR}, "belongs to a rate only"),
            ({"how": "rate", "window": HOUR}, "belongs to a rate only"),
            ({"how": "rate", "window": 3, "per": HOUR}, "needs a duration"),
            ({"how": "rate", "window": HOUR, "per": timedelta(0)}, "per must be positive"),
        ],
    )
    def test_a_definition_that_makes_no_sense_is_refused(self, definition, message):
        with pytest.raises(ValueError, match=message):
            Aggregate(**{"by": "plane", "time": "left", **definition})


def test_more_threads_give_the_same_bits():
    rng = np.random.default_rng(0)
    rows = 3 * history._BLOCK
    times = pd.Timestamp("2013-01-01", tz="UTC") + pd.to_timedelta(rng.integers(0, 10**6, rows), unit="s")
    events = pd.DataFrame({"plane": rng.integers(0, 50, rows), "left": times, "delay": rng.normal(size=rows)})
    day = timedelta(days=1)
    wanted = [Aggregate("plane", "left", how, "delay", day) for how in ("sum", "mean", "last")]
    alone, together = (aggregate(events, events, wanted, at_time="left", workers=w) for w in (1, 3))
    pd.testing.assert_frame_equal(alone, together, check_exact=True)


def test_the_core_needs_nothing_but_numpy():
    """So that it can run wherever a complete history of some entities is."""
    tree = ast.parse(Path(history.__file__).read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert {module.partition(".")[0] for module in imported} - sys.stdlib_module_names == {"numpy"}
