"""The ETA's feature table holds what was known two hours before departure."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlbook import catalog, eta

DAYS = ["2013-02-08", "2013-02-09", "2013-03-09", "2013-03-10", "2013-03-11"]  # a blizzard, and summer time begins


@pytest.fixture(scope="module")
def snapshots() -> tuple[pd.DataFrame, pd.DataFrame]:
    flights = catalog.load("flights")
    date = pd.to_datetime(flights[["year", "month", "day"]])
    return flights[date.isin(pd.to_datetime(DAYS))], catalog.load("weather")


@pytest.fixture(scope="module")
def table(snapshots) -> pd.DataFrame:
    return eta.feature_table(*snapshots)


def test_the_table_has_every_flight_that_arrived_and_no_other(snapshots, table):
    flights, _ = snapshots
    assert sorted(table.index) == sorted(flights.index[flights["arr_delay"].notna()])
    assert table["departs"].is_monotonic_increasing


def test_the_local_clock_agrees_with_the_schedule_across_the_change_to_summer_time(snapshots, table):
    flights, _ = snapshots
    clock = flights.loc[table.index, "sched_dep_time"]
    assert ((clock // 100 * 60 + clock % 100) == table["minute_of_day"]).all()
    assert set(table["date"]) == set(pd.to_datetime(DAYS))


def test_what_happens_after_the_decision_changes_no_feature(snapshots):
    flights, weather = snapshots
    before = eta.feature_table(flights, weather)
    moment = pd.Timestamp("2013-03-10 18:00", tz="UTC")
    left = flights["time_hour"] + pd.to_timedelta(flights["minute"] + flights["dep_delay"].fillna(0), unit="min")
    changed = flights.assign(dep_delay=flights["dep_delay"].where(left < moment, 999.0))
    storm = weather.assign(visib=weather["visib"].where(weather["time_hour"] < moment, 0.0))
    after = eta.feature_table(changed, storm)

    features = [*eta.SCHEDULE, *eta.WEATHER, *eta.AIRPORT]
    early = before["decided"] <= moment
    pd.testing.assert_frame_equal(before.loc[early, features], after.loc[early, features])
    assert not before.loc[~early, features].equals(after.loc[~early, features])


def test_the_airports_delay_is_that_of_the_flights_that_left_in_the_three_hours_before(snapshots, table):
    flights, _ = snapshots
    left = flights["time_hour"] + pd.to_timedelta(flights["minute"] + flights["dep_delay"], unit="min")
    for label in table.index[::97]:
        row = table.loc[label]
        seen = (
            (flights["origin"] == row["origin"])
            & (left < row["decided"])
            & (left >= row["decided"] - pd.Timedelta(hours=3))
        )
        expected = flights.loc[seen, "dep_delay"].mean()
        np.testing.assert_allclose(row["airport_delay"], expected, rtol=1e-9, atol=1e-9)


def test_weather_is_the_last_hour_that_was_over_before_the_decision_and_not_too_old(snapshots, table):
    _, weather = snapshots
    for label in table.index[::197]:
        row = table.loc[label]
        age = row["decided"] - (weather["time_hour"] + pd.Timedelta(hours=1))
        fresh = weather[(weather["origin"] == row["origin"]) & (age > pd.Timedelta(0)) & (age <= pd.Timedelta(hours=3))]
        expected = fresh.loc[fresh["time_hour"].idxmax(), "temp"] if len(fresh) else np.nan
        np.testing.assert_equal(row["temp"], expected)


def test_late_means_more_than_15_minutes(table):
    assert (table["late"] == (table["arr_delay"] > 15)).all()


@pytest.fixture(scope="module")
def flown(snapshots) -> pd.DataFrame:
    return eta.with_moments(snapshots[0], catalog.load("airports"))


class TestMoments:
    def test_a_flight_is_at_the_gate_when_the_clock_there_shows_its_arrival(self, flown):
        zones = catalog.load("airports").set_index("faa")["tzone"]
        landed = flown[flown["landed"].notna()]
        for dest in ("LAX", "PHX", "ORD", "BOS"):  # three zones, one of which keeps winter time
            rows = landed[landed["dest"] == dest]
            local = rows["landed"].dt.tz_convert(zones[dest]).dt
            assert ((local.hour * 100 + local.minute) == rows["arr_time"] % 2400).all(), dest

    def test_taxiing_takes_from_minutes_to_a_few_hours(self, flown):
        taxiing = (flown["landed"] - flown["left"]).dt.total_seconds() / 60 - flown["air_time"]
        assert taxiing.min() > 0
        assert taxiing.max() < 240

    def test_only_flights_that_arrived_have_landed(self, flown):
        assert (flown["landed"].notna() == flown["arr_delay"].notna()).all()
        assert (flown["left"].notna() == flown["dep_time"].notna()).all()

    def test_an_airport_without_a_time_zone_is_named(self, snapshots):
        airports = catalog.load("airports")
        with pytest.raises(ValueError, match="no time zone for dest 'LAX'; add it"):
            eta.with_moments(snapshots[0], airports[airports["faa"] != "LAX"])


class TestHistory:
    def test_what_becomes_known_after_the_decision_changes_nothing(self, flown):
        moment = pd.Timestamp("2013-03-10 18:00", tz="UTC")
        arrivals = flown["arr_delay"].where(flown["landed"] < moment, 999.0)
        later = flown["left"].where(flown["left"] < moment)
        changed = flown.assign(arr_delay=arrivals, left=later)
        changed["landed"] = changed["landed"].where(changed["left"].notna())
        before, after = eta.history(flown, flown), eta.history(changed, changed)
        early = flown["decided"] <= moment
        pd.testing.assert_frame_equal(before[early], after[early])
        assert not before[~early].equals(after[~early])

    def test_the_backlog_is_what_was_scheduled_and_has_not_left(self, flown):
        backlog = eta.history(flown, flown)["backlog"]
        for label in flown.index[::97]:
            row = flown.loc[label]
            here = flown[flown["origin"] == row["origin"]]
            start = row["decided"] - pd.Timedelta(hours=3)
            counts = [((here[time] >= start) & (here[time] < row["decided"])).sum() for time in ("departs", "left")]
            assert backlog[label] == counts[0] - counts[1]

    @pytest.mark.parametrize(
        ("column", "entity", "days"),
        [
            ("origin_arrivals", ["origin"], 1),
            ("dest_arrivals", ["dest"], 1),
            ("carrier_arrivals", ["carrier"], 1),
            ("route_arrivals", ["carrier", "origin", "dest"], 14),
            ("number_arrivals", ["carrier", "flight"], 14),
        ],
    )
    def test_a_mean_is_of_the_arrivals_known_by_then(self, flown, column, entity, days):
        at = flown.iloc[::151]
        found = eta.history(at, flown)[column]
        for label, row in at.iterrows():
            seen = (flown[entity] == row[entity]).all(axis=1) & (flown["landed"] < row["decided"])
            seen &= flown["landed"] >= row["decided"] - pd.Timedelta(days=days)
            np.testing.assert_allclose(found[label], flown.loc[seen, "arr_delay"].mean(), rtol=1e-9, atol=1e-9)

    def test_the_aircraft_is_remembered_by_its_last_arrival(self, flown):
        at = flown[flown["tailnum"].notna()].iloc[::151]
        found = eta.history(at, flown)["aircraft_arrival"]
        assert found.notna().any()
        for label, row in at.iterrows():
            mine = flown[(flown["tailnum"] == row["tailnum"]) & (flown["landed"] < row["decided"])]
            mine = mine[mine["landed"] >= row["decided"] - pd.Timedelta(days=1)].sort_values("landed")
            np.testing.assert_equal(found[label], mine["arr_delay"].iloc[-1] if len(mine) else np.nan)

    def test_it_answers_for_the_flights_asked_about(self, flown):
        some = flown.iloc[5:50:3]
        history = eta.history(some, flown)
        assert list(history) == eta.HISTORY
        pd.testing.assert_frame_equal(history, eta.history(flown, flown).loc[some.index])


class TestColumnScore:
    PAST = pd.DataFrame(
        {"delay": [1, 2, 3, 4.0], "visib": [9, 8, 1, 2.0], "dest": list("xxyz"), "late": [False, False, True, True]}
    ).astype({"dest": "category"})
    FUTURE = pd.DataFrame({"delay": [5, np.nan, 0, 1], "visib": [0.0, 1, 2, 3], "dest": list("xynz")})

    def test_a_number_counts_in_the_direction_in_which_flights_were_late(self):
        assert eta.column_scores(self.PAST, self.FUTURE, ["visib"])["visib"].is_monotonic_decreasing
        assert eta.column_scores(self.PAST, self.FUTURE, ["delay"])["delay"].idxmax() == 0

    def test_a_category_counts_by_its_share_of_late_flights(self):
        assert eta.column_scores(self.PAST, self.FUTURE, ["dest"])["dest"].tolist() == [0, 1, 1, 1]

    def test_what_is_missing_gets_the_middle_score(self):
        assert eta.column_scores(self.PAST, self.FUTURE, ["delay"])["delay"].tolist() == [5, 1, 0, 1]


class TestFlag:
    def test_the_fifth_with_the_highest_scores_is_flagged(self):
        assert eta.flag(np.arange(10)).nonzero()[0].tolist() == [8, 9]

    def test_ties_are_drawn_by_lot_and_not_by_the_order_of_the_rows(self):
        flagged = eta.flag(np.zeros(1000)).nonzero()[0]
        assert len(flagged) == 200
        assert 400 < flagged.mean() < 600

    def test_a_lot_never_beats_a_score(self):
        assert eta.flag([1, 0, 0, 0, 2, 0, 0, 0, 0, 0]).nonzero()[0].tolist() == [0, 4]

    def test_within_groups_each_gives_its_share(self):
        days = np.repeat(["calm", "storm"], 10)
        flagged = eta.flag(np.r_[np.arange(10), 100 + np.arange(10)], within=days)
        assert flagged.nonzero()[0].tolist() == [8, 9, 18, 19]

    def test_groups_of_another_length_are_refused(self):
        with pytest.raises(ValueError, match="within has 1 values for 3 scores"):
            eta.flag([1, 2, 3], within=["a"])

    def test_a_flight_without_a_score_is_refused(self):
        with pytest.raises(ValueError, match="1 of 3 scores are missing"):
            eta.flag([1, np.nan, 2])

    @pytest.mark.parametrize("share", [0, 1, 20])
    def test_a_share_that_is_none_is_refused(self, share):
        with pytest.raises(ValueError, match="between 0 and 1"):
            eta.flag([1, 2], share)


def test_the_local_clock_strikes_on_the_day_of_departure_and_in_its_own_time():
    # The second is 23:30 of the evening before in New York; on 10 March, summer time began.
    moments = pd.to_datetime(
        pd.Series(["2013-03-09 15:00", "2013-03-10 04:30", "2013-03-10 15:00"], name="t"), utc=True
    )
    struck = eta.local_clock(moments, 18).dt.tz_convert("UTC").dt.strftime("%m-%d %H:%M")
    assert struck.tolist() == ["03-09 23:00", "03-09 23:00", "03-10 22:00"]


def test_a_clock_without_a_zone_or_with_another_hour_is_refused():
    naive = pd.Series(pd.to_datetime(["2013-03-09"]), name="departs")
    with pytest.raises(ValueError, match=r"column 'departs' is .*without a time zone"):
        eta.local_clock(naive, 18)
    with pytest.raises(ValueError, match="hour is 24; give a whole hour from 0 to 23"):
        eta.local_clock(naive.dt.tz_localize("UTC"), 24)


class TestCaught:
    FLIGHTS = pd.DataFrame(
        {"date": np.repeat(["calm", "storm"], 5), "late": [True, False, False, False, False] + 4 * [True] + [False]},
        index=range(20, 30),
    )

    def scores(self) -> pd.DataFrame:
        """A score that knows the stormy day, and one that knows the late flight of the calm day as well."""
        day = np.repeat([0.0, 1.0], 5)
        hour = [0.5, 0, 0, 0, 0, 0.1, 0.2, 0.3, 0.4, 0]
        return pd.DataFrame({"day": day + np.arange(10) / 100, "hour": day + hour}, index=self.FLIGHTS.index)

    def test_a_late_flight_is_caught_if_it_is_in_the_flagged_fifth_of_all_or_of_its_day(self):
        caught = eta.caught(self.scores(), self.FLIGHTS)
        assert caught.index.tolist() == [20, 25, 26, 27, 28]
        assert caught["a season's fifth", "day"].tolist() == [0, 0, 0, 0, 100]
        assert caught["a season's fifth", "hour"].tolist() == [0, 0, 0, 100, 100]
        assert caught["each day's fifth", "hour"].tolist() == [100, 0, 0, 0, 100]

    def test_a_share_can_be_chosen(self):
        caught = eta.caught(self.scores(), self.FLIGHTS, share=0.3)
        assert caught["a season's fifth", "hour"].tolist() == [0, 0, 100, 100, 100]

    def test_compared_with_another_score_a_flight_counts_for_the_one_that_alone_catches_it(self):
        more = eta.caught(self.scores(), self.FLIGHTS, than="day")
        assert more.columns.tolist() == [("a season's fifth", "hour"), ("each day's fifth", "hour")]
        caught = eta.caught(self.scores(), self.FLIGHTS)
        for decision in eta.DECISIONS:
            expected = caught[decision, "hour"] - caught[decision, "day"]
            assert more[decision, "hour"].tolist() == expected.tolist()
        assert more["a season's fifth", "hour"].tolist() == [0, 0, 0, 100, 0]

    def test_a_score_that_is_not_there_is_no_rival(self):
        with pytest.raises(ValueError, match="no score 'week' to compare with; there are: day, hour"):
            eta.caught(self.scores(), self.FLIGHTS, than="week")

    def test_scores_of_other_flights_are_refused(self):
        with pytest.raises(ValueError, match="must have the same index"):
            eta.caught(self.scores().iloc[::-1], self.FLIGHTS)


def test_each_column_to_learn_from_is_of_one_kind(table):
    assert set(eta.KINDS) - set(eta.HISTORY) == set(table) - {"departs", "decided", "date", *eta.LABELS}
    assert [name for name in eta.KINDS if name in eta.HISTORY] == eta.HISTORY
    assert set(eta.KINDS.values()) == {"schedule", "weather", "aggregates"}
