"""Interactive figures: picture, data, and table say the same; a timeline counts what was known at each minute."""

from __future__ import annotations

import json
from datetime import timedelta

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.formatters import DisplayFormatter

from mlbook.evidence.figures import Interactive, show
from mlbook.evidence.timeline import STATES, Timeline
from mlbook.features import Aggregate

ALT = "Line chart of one thing against another, which rises from two to four while the other one rises too, twice."
HALF_A_DAY = Aggregate("tailnum", "left", "mean", "arr_delay", timedelta(hours=12), known_at="landed")


def at(clock: str) -> pd.Timestamp:
    """A moment of June 2013 in New York, in UTC: "15:19" is on the 27th, "26 22:45" the evening before."""
    day, _, time = clock.rpartition(" ")
    return pd.Timestamp(f"2013-06-{day or 27} {time}", tz="America/New_York").tz_convert("UTC")


def flights(rows: list[tuple[str, str, str, str, int]]) -> pd.DataFrame:
    """Rows of destination, scheduled departure, departure, landing, and delay on arrival."""
    dest, departs, left, landed, delay = zip(*rows, strict=True)
    moments = {"departs": departs, "left": left, "landed": landed}
    return pd.DataFrame(
        {"tailnum": "N273JB", "dest": dest, "arr_delay": np.array(delay, dtype=float)}
        | {name: pd.DatetimeIndex(map(at, clocks)) for name, clocks in moments.items()}
    )


DAY_OF_FOUR = flights(
    [
        ("SYR", "26 22:45", "26 23:00", "01:58", 119),
        ("BUF", "07:50", "07:48", "09:01", -10),
        ("IAD", "11:39", "11:35", "12:35", -19),
        ("BUF", "14:25", "15:13", "16:39", 45),
        ("ROC", "17:19", "19:45", "22:27", 212),
    ]
)


def timeline_of(table: pd.DataFrame, definition: Aggregate = HALF_A_DAY) -> Timeline:
    return Timeline(table, definition, "N273JB", "2013-06-27")


@pytest.fixture
def timeline() -> Timeline:
    return timeline_of(DAY_OF_FOUR)


class TestInteractive:
    TABLE = pd.DataFrame({"weight": [0.5], "winner": ["a"]})

    def test_its_data_travels_beside_the_picture_which_stays(self):
        shown = show(plt.figure(figsize=(2, 1)), ALT, Interactive("weights", {"best": ["a", "b"]}, self.TABLE))
        data, metadata = DisplayFormatter().format(shown)
        assert data["application/vnd.mlbook.weights+json"] == {
            "data": {"best": ["a", "b"]},
            "table": {"columns": ["weight", "winner"], "rows": [["0.5", "a"]]},
        }
        assert data["text/plain"] == ALT == metadata["image/png"]["alt"]
        assert data["text/html"].startswith(f'<img alt="{ALT}" ')
        assert "interactive on the book's site" in data["text/html"]

    def test_a_plain_figure_says_nothing_of_the_site(self):
        data, _ = DisplayFormatter().format(show(plt.figure(figsize=(2, 1)), ALT))
        assert set(data) == {"image/png", "text/html", "text/plain"}
        assert data["text/html"].endswith('">')

    @pytest.mark.parametrize("value", [float("nan"), np.int64(1), {1, 2}])
    def test_data_that_is_not_json_is_refused(self, value):
        with pytest.raises(ValueError, match="'weights' is not JSON"):
            Interactive("weights", {"x": value}, self.TABLE)

    @pytest.mark.parametrize("name", ["", "Weights", "../weights", "a b", "a-"])
    def test_a_name_that_is_no_file_name_is_refused(self, name):
        with pytest.raises(ValueError, match="lowercase"):
            Interactive(name, {}, self.TABLE)

    def test_a_figure_needs_a_table_for_those_who_cannot_use_the_drawing(self):
        with pytest.raises(ValueError, match="table of widget 'weights' is empty"):
            Interactive("weights", {}, self.TABLE.iloc[:0])


class TestWhatCounts:
    @pytest.mark.parametrize(
        ("clock", "states"),
        [
            ("07:47", "counts ahead ahead ahead ahead"),
            ("07:48", "counts open ahead ahead ahead"),
            ("09:01", "counts open ahead ahead ahead"),  # what lands this very minute is not known yet
            ("09:02", "counts counts ahead ahead ahead"),
            ("13:58", "counts counts counts ahead ahead"),  # twelve hours after the first landing
            ("13:59", "old counts counts ahead ahead"),
            ("21:02", "old old counts counts open"),
        ],
    )
    def test_a_flight_counts_from_the_minute_after_its_landing_until_it_is_too_old(self, timeline, clock, states):
        assert " ".join(timeline.states.loc[at(clock)]) == states

    def test_the_feature_is_the_mean_of_what_counts(self, timeline):
        found = {clock: timeline.feature[at(clock)] for clock in ("09:01", "09:02", "15:19", "21:02")}
        assert found == pytest.approx({"09:01": 119, "09:02": 54.5, "15:19": -14.5, "21:02": 13})

    def test_the_careless_average_knows_the_whole_day_and_no_other(self, timeline):
        assert timeline.careless == (-10 - 19 + 45 + 212) / 4

    def test_it_opens_at_the_decision_where_the_careless_average_is_farthest_off(self, timeline):
        assert timeline.most_misleading() == at("15:19")

    def test_it_opens_at_the_first_decision_if_nothing_is_ever_known_in_time(self):
        rows = [("BUF", "07:00", "07:00", "09:00", 5), ("IAD", "10:00", "10:00", "11:00", 5)]
        timeline = timeline_of(flights(rows))
        assert timeline.most_misleading() == at("05:00")
        assert np.isnan(timeline.feature[at("05:00")])

    def test_flights_of_other_days_are_there_only_while_they_count(self, timeline):
        earlier = flights([("SJU", "26 13:00", "26 13:00", "26 16:59", 300)])  # too old from the first minute on
        later = flights([("SJU", "28 06:00", "28 06:00", "28 10:00", 300)])
        more = pd.concat([DAY_OF_FOUR, earlier, later])
        assert list(timeline_of(more).states) == [1, 2, 3, 4, 5]
        pd.testing.assert_series_equal(timeline_of(more).feature, timeline.feature)

    def test_names_may_be_categories(self, timeline):
        same = timeline_of(DAY_OF_FOUR.astype({"tailnum": "category", "dest": "category"}))
        assert same.show().interactive.content == timeline.show().interactive.content

    def test_other_aircraft_and_flights_without_an_arrival_change_nothing(self, timeline):
        other = DAY_OF_FOUR.assign(tailnum="N1", arr_delay=999.0)
        diverted = DAY_OF_FOUR.iloc[[2]].assign(arr_delay=np.nan)
        more = timeline_of(pd.concat([other, DAY_OF_FOUR, diverted]))
        assert more.show().interactive.content == timeline.show().interactive.content

    @settings(max_examples=15, deadline=None)
    @given(st.data())
    def test_it_agrees_with_a_count_by_hand_at_every_minute(self, data):
        minutes = st.integers(0, 240)
        rows = data.draw(st.lists(st.tuples(minutes, minutes, minutes, st.integers(-30, 200)), min_size=2, max_size=5))
        window = timedelta(minutes=data.draw(st.integers(1, 300)))
        day = pd.DataFrame(
            {
                "tailnum": "N273JB",
                "dest": "BOS",
                "departs": pd.DatetimeIndex([at("06:00") + timedelta(minutes=departs) for departs, *_ in rows]),
                "left": pd.DatetimeIndex([at("06:00") + timedelta(minutes=left) for _, left, *_ in rows]),
                "arr_delay": [float(delay) for *_, delay in rows],
            }
        )
        day["landed"] = day["left"] + pd.to_timedelta([flying for _, _, flying, _ in rows], unit="min")
        definition = Aggregate("tailnum", "left", "mean", "arr_delay", window, known_at="landed")
        timeline = timeline_of(day, definition)
        for moment, states in zip(timeline.minutes, timeline.states.to_numpy(), strict=True):
            seen = day.loc[(day["landed"] < moment) & (day["landed"] >= moment - window), "arr_delay"]
            assert list(states).count("counts") == len(seen)
            assert timeline.feature[moment] == pytest.approx(seen.mean(), nan_ok=True)


class TestWhatIsShown:
    def test_the_steps_say_what_holds_at_every_minute(self, timeline):
        data = timeline.show().interactive.data
        starts = [step["from"] for step in data["steps"]]
        assert starts[0] == data["first"]
        assert data["last"] - data["first"] + 1 == len(timeline.minutes)
        for minute, (moment, states) in enumerate(timeline.states.iterrows(), data["first"]):
            step = data["steps"][np.searchsorted(starts, minute, side="right") - 1]
            assert step["states"] == list(states)
            assert step["feature"] == f"{timeline.feature[moment]:.1f} min".replace("-", "\N{MINUS SIGN}")
            assert step["count"].startswith(f"{list(states).count('counts')} of 5 flights count")

    def test_an_empty_history_says_nothing(self):
        data = timeline_of(DAY_OF_FOUR.iloc[1:]).show().interactive.data
        assert data["steps"][0]["feature"] == "nothing"
        assert data["steps"][0]["count"] == "0 of 4 flights count"

    def test_picture_text_and_data_open_at_the_same_minute_and_say_the_same(self, timeline):
        shown = timeline.show()
        data = shown.interactive.data
        assert pd.Timestamp(data["start"]) + timedelta(minutes=data["at"]) == at("15:19")
        assert "At 15:19, 2 of 5 flights count (counts: 2; too old: 1; not landed: 1; not left: 1)." in shown.alt
        assert "The feature says \N{MINUS SIGN}14.5 min, the careless average 57.0 min." in shown.alt
        assert data["careless"] == "57.0 min"

    def test_another_minute_can_be_chosen_for_the_picture(self, timeline):
        assert "At 20:00, 3 of 5 flights count" in timeline.show(at("20:00")).alt

    def test_flights_are_in_order_of_departure_in_new_york_time_and_minutes_of_the_axis(self):
        data = timeline_of(DAY_OF_FOUR.iloc[::-1]).show().interactive.data
        assert data["start"] == "2013-06-27T03:00:00+00:00"  # an hour before midnight, when the first one left
        assert data["flights"][:2] == [
            {"text": "Jun 26, 22:45 to SYR, 119 min late", "left": 0, "landed": 178, "decided": None},
            {"text": "07:50 to BUF, 10 min early", "left": 528, "landed": 601, "decided": 410},
        ]
        assert [flight["text"][:12] for flight in data["flights"][2:]] == [
            "11:39 to IAD",
            "14:25 to BUF",
            "17:19 to ROC",
        ]

    def test_the_table_has_a_row_for_each_set_of_flights_that_counts_without_gaps(self, timeline):
        table = timeline.show().interactive.table
        assert list(table["From"]) == ["05:00", "09:02", "12:36", "13:59", "16:40", "21:02", "22:28"]
        assert list(table["To"]) == ["09:01", "12:35", "13:58", "16:39", "21:01", "22:27", "23:00"]
        assert table["Feature"].str.removesuffix(" min").str.replace("\N{MINUS SIGN}", "-").astype(float).to_list() == [
            119, 54.5, 30, -14.5, 5.3, 13, 79.3,
        ]  # fmt: skip
        assert (
            table["Flights that count, with their delay (min)"].iloc[3] == "BUF \N{MINUS SIGN}10, IAD \N{MINUS SIGN}19"
        )
        assert set(table["Careless average"]) == {"57.0 min"}

    def test_a_day_that_lacks_an_hour_is_labeled_by_its_own_clock(self):
        moved = {name: DAY_OF_FOUR[name] - timedelta(days=109) for name in ("departs", "left", "landed")}
        timeline = Timeline(DAY_OF_FOUR.assign(**moved), HALF_A_DAY, "N273JB", "2013-03-10")
        data = timeline.show().interactive.data
        labels = {(pd.Timestamp(data["start"]) + timedelta(minutes=t["at"])): t["label"] for t in data["ticks"]}
        hours = [moment.tz_convert("America/New_York") for moment in labels]
        assert list(labels.values()) == ["Mar 10", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00"]
        assert [hour.hour for hour in hours] == [0, 3, 6, 9, 12, 15, 18, 21]
        assert (hours[1] - hours[0]) == timedelta(hours=2)

    def test_a_long_axis_has_fewer_labels(self):
        evening = flights([("RDU", "26 17:00", "26 17:00", "26 19:00", 0)])
        definition = Aggregate("tailnum", "left", "mean", "arr_delay", timedelta(hours=24), known_at="landed")
        data = timeline_of(pd.concat([evening, DAY_OF_FOUR]), definition).show().interactive.data
        assert [tick["label"] for tick in data["ticks"]] == ["18:00", "Jun 27", "06:00", "12:00", "18:00"]

    def test_what_is_stored_is_the_same_in_every_run(self, timeline):
        first, second = (json.dumps(timeline_of(DAY_OF_FOUR).show().interactive.content) for _ in range(2))
        assert first == second

    def test_the_picture_is_in_the_style_of_the_book_whatever_is_set(self, timeline):
        with plt.style.context("classic"):
            classic = timeline.show()
        with plt.style.context("mlbook.evidence.book"):
            assert timeline.show().png == classic.png

    def test_every_state_has_a_word_and_a_look_of_its_own(self, timeline):
        from mlbook.evidence.timeline import _LOOKS

        assert set(_LOOKS) == set(STATES) == set(np.unique(timeline.states))
        assert len({str(look) for look in _LOOKS.values()}) == len(STATES)


class TestBadInput:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda f: f.drop(columns="landed"), "no column 'landed'"),
            (lambda f: f.assign(tailnum="N1"), "'N273JB' landed 0 flights of 2013-06-27; choose a day"),
            (lambda f: f.assign(arr_delay=[1, 2, None, None, None]), "landed 1 flights"),
            (lambda f: f.assign(left=f["left"].dt.tz_localize(None)), "without a time zone"),
        ],
    )
    def test_flights_that_make_no_timeline_are_refused(self, change, message):
        with pytest.raises(ValueError, match=message):
            timeline_of(change(DAY_OF_FOUR)).show()

    @pytest.mark.parametrize(
        "definition",
        [
            Aggregate("dest", "left", "mean", "arr_delay", timedelta(hours=12), known_at="landed"),
            Aggregate("tailnum", "left", "sum", "arr_delay", timedelta(hours=12), known_at="landed"),
            Aggregate("tailnum", "left", "mean", "arr_delay", timedelta(hours=12)),
            Aggregate("tailnum", "left", "mean", "arr_delay", 3, known_at="landed"),
            Aggregate("tailnum", "left", "mean", "arr_delay", known_at="landed"),
            Aggregate("tailnum", "left", "mean", "arr_delay", timedelta(hours=12), "landed", timedelta(hours=1)),
        ],
    )
    def test_a_feature_that_it_would_draw_wrongly_is_refused(self, definition):
        with pytest.raises(ValueError, match="a timeline draws"):
            timeline_of(DAY_OF_FOUR, definition)

    @pytest.mark.parametrize("moment", [at("04:59"), at("23:01"), at("12:00") + timedelta(seconds=1)])
    def test_a_minute_that_is_not_on_the_timeline_is_refused(self, timeline, moment):
        with pytest.raises(ValueError, match="give a full minute from 2013-06-27 09:00"):
            timeline.show(moment)
