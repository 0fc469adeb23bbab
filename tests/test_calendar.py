"""A moment becomes what the local clock and the local calendar say, whatever zone it is written in."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlbook.features import CalendarFeatures, HolidayFeatures

NEW_YORK = "America/New_York"
CLOCK = ["month", "day_of_week", "hour", "minute_of_day"]
DISTANCES = ["holiday", "days_to_holiday", "days_since_holiday"]


def moments(*times: str) -> pd.DataFrame:
    """One row a time in UTC."""
    return pd.DataFrame({"departs": pd.to_datetime(list(times), utc=True)})


def on_local_days(*days: str) -> pd.DataFrame:
    """One row a day, at noon in New York."""
    return pd.DataFrame({"departs": (pd.to_datetime(list(days)) + timedelta(hours=12)).tz_localize(NEW_YORK)})


def clock(times: pd.DataFrame, zone: str = NEW_YORK) -> pd.DataFrame:
    return CalendarFeatures("departs", zone, CLOCK).fit_transform(times)


def holiday_rows(times: pd.DataFrame, subdivision: str | None = None, zone: str = NEW_YORK) -> list[list[int]]:
    transformer = HolidayFeatures("departs", zone, "US", subdivision, DISTANCES)
    return transformer.fit_transform(times).to_numpy().tolist()


class TestCalendarFeatures:
    def test_an_evening_in_new_york_is_not_yet_the_next_day_of_utc(self):
        friday_in_utc = moments("2013-03-01 02:30")
        assert clock(friday_in_utc).loc[0].tolist() == [2, 3, 21, 21 * 60 + 30]
        assert clock(friday_in_utc, "UTC").loc[0].tolist() == [3, 4, 2, 2 * 60 + 30]

    def test_the_clock_skips_an_hour_in_spring_and_repeats_one_in_fall(self):
        spring = moments("2013-03-10 06:59", "2013-03-10 07:00")
        assert clock(spring)["minute_of_day"].tolist() == [119, 180]
        fall = moments("2013-11-03 05:30", "2013-11-03 06:30")
        assert clock(fall)["minute_of_day"].tolist() == [90, 90]

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(st.datetimes(datetime(1975, 1, 1), datetime(2035, 1, 1)), min_size=1, max_size=5),
        st.sampled_from([NEW_YORK, "Asia/Kolkata", "Australia/Lord_Howe", "Europe/Dublin", "UTC"]),
    )
    def test_it_agrees_with_pythons_own_clock(self, times, zone):
        local = [time.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)) for time in times]
        expected = [[t.month, t.weekday(), t.hour, 60 * t.hour + t.minute] for t in local]
        assert clock(pd.DataFrame({"departs": pd.to_datetime(times, utc=True)}), zone).to_numpy().tolist() == expected

    def test_the_zone_in_which_a_moment_is_written_does_not_matter(self):
        utc = moments("2013-07-04 03:59", "2013-07-04 04:00")
        tokyo = utc.assign(departs=utc["departs"].dt.tz_convert("Asia/Tokyo"))
        pd.testing.assert_frame_equal(clock(utc), clock(tokyo))

    def test_only_the_chosen_features_come_in_their_order_as_whole_numbers(self):
        features = CalendarFeatures("departs", NEW_YORK, ["hour", "month"]).fit_transform(moments("2013-03-01 02:30"))
        assert features.dtypes.to_dict() == {"hour": np.dtype("int64"), "month": np.dtype("int64")}
        assert features.columns.tolist() == ["hour", "month"]

    def test_index_and_order_of_the_rows_are_kept(self):
        times = moments("2013-07-04 12:00", "2013-01-01 12:00", "2013-07-04 12:00").set_axis([7, 3, 3])
        features = clock(times)
        assert features.index.tolist() == [7, 3, 3]
        assert features["month"].tolist() == [7, 1, 7]

    def test_no_rows_give_no_features(self):
        features = clock(moments("2013-01-01").head(0))
        assert features.shape == (0, 4)

    def test_an_unknown_feature_is_refused_with_those_that_exist(self):
        with pytest.raises(ValueError, match=r"'weekday'; there are: month, day_of_week"):
            CalendarFeatures("departs", NEW_YORK, ["weekday"]).fit(moments("2013-01-01"))

    def test_a_feature_that_is_no_list_is_refused(self):
        with pytest.raises(ValueError, match=r"\['month'\]"):
            CalendarFeatures("departs", NEW_YORK, "month").fit(moments("2013-01-01"))


class TestHolidayFeatures:
    def test_a_holiday_lasts_from_midnight_to_midnight_on_the_local_clock(self):
        independence_day = moments("2013-07-04 03:59", "2013-07-04 04:00", "2013-07-05 03:59", "2013-07-05 04:00")
        assert [row[0] for row in holiday_rows(independence_day)] == [0, 1, 1, 0]
        assert [row[0] for row in holiday_rows(independence_day, zone="UTC")] == [1, 1, 0, 0]

    def test_the_days_around_thanksgiving_are_none_but_near_it(self):
        week = on_local_days("2013-11-26", "2013-11-27", "2013-11-28", "2013-11-29", "2013-12-01")
        assert holiday_rows(week) == [[0, 2, 15], [0, 1, 16], [1, 0, 0], [0, 26, 1], [0, 24, 3]]

    def test_the_nearest_holiday_may_lie_in_another_year(self):
        assert holiday_rows(on_local_days("2013-12-31", "2014-01-02")) == [[0, 1, 6], [0, 18, 1]]

    def test_a_year_between_two_years_of_the_data_counts_too(self):
        assert holiday_rows(on_local_days("2001-12-31", "2013-12-31")) == [[0, 1, 6], [0, 1, 6]]

    def test_a_day_off_for_a_holiday_on_a_weekend_may_fall_into_the_year_before(self):
        new_year_of_2011 = on_local_days("2010-12-31", "2011-01-01", "2011-01-03")
        assert [row[0] for row in holiday_rows(new_year_of_2011)] == [1, 1, 0]

    def test_a_subdivision_adds_its_own(self):
        lincoln = on_local_days("2013-02-12")
        assert holiday_rows(lincoln)[0][0] == 0
        assert holiday_rows(lincoln, "NY")[0][0] == 1

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.dates(date(1990, 1, 1), date(2030, 12, 31)), min_size=1, max_size=5))
    def test_it_agrees_with_looking_day_by_day(self, days):
        calendar = holidays.country_holidays("US", subdiv="DC", years=range(1988, 2033))

        def steps(day: date, direction: int) -> int:
            return next(n for n in range(400) if day + timedelta(days=direction * n) in calendar)

        expected = [[int(day in calendar), steps(day, 1), steps(day, -1)] for day in days]
        assert holiday_rows(on_local_days(*map(str, days)), "DC") == expected

    def test_index_and_order_of_the_rows_are_kept(self):
        days = on_local_days("2013-12-25", "2013-12-24", "2013-12-25").set_axis([7, 3, 3])
        features = HolidayFeatures("departs", NEW_YORK, "US").fit_transform(days)
        assert features.index.tolist() == [7, 3, 3]
        assert features["holiday"].tolist() == [1, 0, 1]

    def test_no_rows_give_no_features(self):
        assert holiday_rows(on_local_days("2013-01-01").head(0)) == []

    @pytest.mark.parametrize(
        ("country", "subdivision", "mend"),
        [
            ("us", None, "country 'us'; did you mean 'US'"),
            ("Atlantis", None, "country 'Atlantis'; use an ISO 3166 code"),
            ("US", "ny", "subdivision 'ny' of country 'US'; did you mean 'NY'"),
            ("GB", "NY", "subdivision 'NY' of country 'GB'; it has: ENG, NIR, SCT, WLS"),
            ("SG", "NY", "subdivision 'NY' of country 'SG'; it has: none"),
        ],
    )
    def test_an_unknown_calendar_is_refused_with_the_nearest(self, country, subdivision, mend):
        with pytest.raises(ValueError, match=mend):
            HolidayFeatures("departs", NEW_YORK, country, subdivision).fit(moments("2013-01-01"))

    def test_a_year_without_any_known_holiday_is_refused_instead_of_called_ordinary(self):
        with pytest.raises(ValueError, match=r"no holiday of 'US' in 1699.*'departs'.*1700-06-01"):
            holiday_rows(on_local_days("1700-06-01"))


@pytest.mark.parametrize(
    "transformer",
    [CalendarFeatures("departs", NEW_YORK), HolidayFeatures("departs", NEW_YORK, "US")],
    ids=lambda transformer: type(transformer).__name__,
)
class TestWhatBothRefuse:
    def test_naive_times(self, transformer):
        naive = pd.DataFrame({"departs": pd.to_datetime(["2013-01-01"])})
        with pytest.raises(ValueError, match=r"'departs'.*datetime64.*tz_localize"):
            transformer.fit(naive)

    def test_text(self, transformer):
        with pytest.raises(ValueError, match=r"'departs'.*str.*to_datetime\(\.\.\., utc=True\)"):
            transformer.fit(pd.DataFrame({"departs": ["2013-01-01"]}))

    def test_missing_times_here_or_later(self, transformer):
        times = moments("2013-01-01", "2013-01-02").set_axis(["a", "b"])
        missing = times.assign(departs=times["departs"].where(times.index == "a"))
        with pytest.raises(ValueError, match="'departs' of `X` has 1 missing times, the first at label 'b'"):
            transformer.fit(missing)
        with pytest.raises(ValueError, match="1 missing times"):
            transformer.fit(times).transform(missing)

    def test_a_missing_column(self, transformer):
        with pytest.raises(ValueError, match="`X` has no column 'departs'; it has: arrives"):
            transformer.fit(moments("2013-01-01").rename(columns={"departs": "arrives"}))

    @pytest.mark.parametrize(
        ("zone", "mend"),
        [
            ("America/NewYork", "did you mean 'America/New_York'"),
            ("us/eastern", "did you mean 'US/Eastern'"),
            ("??", "use a name of the IANA database"),
            (None, "no time zone is named None"),
        ],
    )
    def test_an_unknown_zone(self, transformer, zone, mend):
        with pytest.raises(ValueError, match=mend):
            type(transformer)(**{**transformer.get_params(), "zone": zone}).fit(moments("2013-01-01"))
