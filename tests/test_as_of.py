"""A row sees the last report that was known before its moment, and no report of its future."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlbook.features import AsOfJoin

START = pd.Timestamp("2013-11-03", tz="UTC")
MINUTE = timedelta(minutes=1)
ALWAYS = timedelta(days=365)


def table(rows: list[tuple[str, int]], time: str) -> pd.DataFrame:
    """One row a (station, minutes after START)."""
    frame = pd.DataFrame(rows, columns=["station", "minutes"]).astype({"station": "str", "minutes": "int64"})
    frame[time] = START + pd.to_timedelta(frame.pop("minutes"), unit="min")
    return frame


def reports_of(rows: list[tuple[str, int]]) -> pd.DataFrame:
    """Reports in order of time, each with a number of its own."""
    return table(rows, "reported").assign(number=range(len(rows)))


def join(reports: pd.DataFrame, **changes: Any) -> AsOfJoin:
    choices = {"at_time": "moment", "report_time": "reported", "lag": timedelta(0), "tolerance": ALWAYS}
    return AsOfJoin(reports, **(choices | {"by": "station"} | changes))


def seen(reports: pd.DataFrame, rows: list[tuple[str, int]], **changes: Any) -> list[float]:
    """The numbers of the reports that the rows find."""
    return join(reports, **changes).fit_transform(table(rows, "moment"))["number"].tolist()


class TestWhichReport:
    def test_the_last_before_the_moment_of_the_same_station(self):
        reports = reports_of([("a", 10), ("b", 15), ("a", 20), ("a", 30)])
        assert seen(reports, [("a", 25), ("b", 25), ("a", 31)]) == [2, 1, 3]

    def test_one_known_at_the_very_moment_does_not_count(self):
        assert seen(reports_of([("a", 10), ("a", 20)]), [("a", 20)]) == [0]

    def test_a_report_is_known_only_after_its_lag(self):
        reports = reports_of([("a", 10), ("a", 20)])
        assert seen(reports, [("a", 79), ("a", 80), ("a", 81)], lag=60 * MINUTE) == [0, 0, 1]

    def test_age_counts_from_when_it_was_known_and_may_equal_the_tolerance(self):
        at = table([("a", 75), ("a", 80), ("a", 81)], "moment")
        joined = join(reports_of([("a", 10)]), lag=60 * MINUTE, tolerance=10 * MINUTE, age="age").fit_transform(at)
        np.testing.assert_equal(joined["age"].tolist(), [5, 10, np.nan])
        np.testing.assert_equal(joined["number"].tolist(), [0, 0, np.nan])

    def test_before_the_first_report_there_is_neither_a_report_nor_an_age(self):
        joined = join(reports_of([("a", 10)]), age="age").fit_transform(table([("a", 5), ("a", 10)], "moment"))
        assert joined.isna().all(axis=None)

    def test_a_report_that_is_too_old_is_not_replaced_by_an_older_one(self):
        assert np.isnan(seen(reports_of([("a", 0), ("a", 10)]), [("a", 30)], tolerance=15 * MINUTE)).all()

    def test_a_gap_in_the_last_report_is_not_filled_from_an_older_one(self):
        reports = reports_of([("a", 0), ("a", 10)]).assign(number=[1.0, np.nan])
        assert np.isnan(seen(reports, [("a", 20)])).all()

    def test_a_row_of_an_unknown_or_missing_station_finds_none(self):
        at = table([("a", 20), ("z", 20), ("a", 20)], "moment")
        at.loc[2, "station"] = None
        np.testing.assert_equal(join(reports_of([("a", 10)])).fit_transform(at)["number"].tolist(), [0, np.nan, np.nan])

    def test_without_by_all_reports_are_of_one_station(self):
        assert seen(reports_of([("a", 10), ("b", 15)]), [("a", 20)], by=()) == [1]

    def test_stations_may_be_named_by_several_columns(self):
        reports = reports_of([("a", 10), ("a", 15)]).assign(sensor=[1, 2])
        at = table([("a", 20), ("a", 20), ("a", 20)], "moment").assign(sensor=[2, 1, 3])
        joined = join(reports, by=["station", "sensor"], columns=["number"]).fit_transform(at)
        np.testing.assert_equal(joined["number"].tolist(), [1, 0, np.nan])

    @pytest.mark.parametrize("by", ["station", ["station", "sensor"]])
    @pytest.mark.parametrize("categorical", ["reports", "moments"])
    def test_a_category_finds_the_same_station_as_text(self, by, categorical):
        reports = reports_of([("a", 10), ("b", 15)]).assign(sensor=1)
        at = table([("b", 20)], "moment").assign(sensor=1)
        if categorical == "reports":
            reports = reports.astype({"station": "category"})
        else:
            at = at.astype({"station": "category"})
        assert join(reports, by=by, columns=["number"]).fit_transform(at)["number"].tolist() == [1]

    def test_a_report_without_a_station_is_found_by_no_row(self):
        reports = reports_of([("a", 10), ("a", 15)])
        reports.loc[1, "station"] = None
        at = table([("a", 20), ("a", 20)], "moment")
        at.loc[1, "station"] = None
        np.testing.assert_equal(join(reports).fit_transform(at)["number"].tolist(), [0, np.nan])

    def test_the_zones_in_which_times_are_written_do_not_matter(self):
        reports = reports_of([("a", 10), ("a", 20)])
        local = reports.assign(reported=reports["reported"].dt.tz_convert("America/New_York"))
        assert seen(local, [("a", 15), ("a", 25)]) == seen(reports, [("a", 15), ("a", 25)]) == [0, 1]


rows = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 60)), min_size=1, max_size=12)
minutes = st.integers(0, 30).map(lambda count: count * MINUTE)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, int]]:
    """Reports in order of time, with one of each station at the start."""
    later = draw(st.sets(st.tuples(st.sampled_from("ab"), st.integers(1, 60)), max_size=12))
    return [("a", 0), ("b", 0), *sorted(later, key=lambda row: row[1])]


def brute_force(reports: pd.DataFrame, at: pd.DataFrame, lag: timedelta, tolerance: timedelta) -> list[list[float]]:
    """Number and age of what each row should find."""
    found = []
    for row in at.itertuples():
        best = [np.nan, np.nan]
        for report in reports[reports["station"] == row.station].sort_values("reported").itertuples():
            age = row.moment - (report.reported + lag)
            if timedelta(0) < age:
                best = [report.number, age / MINUTE] if age <= tolerance else [np.nan, np.nan]
        found.append(best)
    return found


class TestAgainstBruteForce:
    @settings(max_examples=100, deadline=None)
    @given(histories(), rows, minutes, st.integers(1, 40).map(lambda count: count * MINUTE))
    def test_it_finds_the_same(self, history, at_rows, lag, tolerance):
        reports, at = reports_of(history), table(at_rows, "moment")
        joined = join(reports, lag=lag, tolerance=tolerance, age="age").fit_transform(at)
        np.testing.assert_allclose(joined.to_numpy(), brute_force(reports, at, lag, tolerance))

    @settings(max_examples=60, deadline=None)
    @given(histories(), rows, minutes, st.integers(1, 60))
    def test_no_report_that_is_known_later_changes_a_row(self, history, at_rows, lag, cut):
        at = table(at_rows, "moment")
        known_by_then = [row for row in history if row[1] < cut]
        early = at["moment"] <= START + cut * MINUTE + lag
        before = join(reports_of(known_by_then), lag=lag).fit_transform(at)
        after = join(reports_of(history), lag=lag).fit_transform(at)
        pd.testing.assert_frame_equal(before[early], after[early])

    @settings(max_examples=60, deadline=None)
    @given(histories(), rows, st.randoms(use_true_random=False))
    def test_a_rows_answer_does_not_depend_on_the_other_rows(self, history, at_rows, random):
        at = table(at_rows, "moment")
        joined = join(reports_of(history)).fit(at)
        some = random.sample(range(len(at)), random.randint(0, len(at)))
        pd.testing.assert_frame_equal(joined.transform(at.iloc[some]), joined.transform(at).iloc[some])


class TestTheResult:
    def test_index_and_order_of_the_rows_are_kept(self):
        at = table([("a", 25), ("a", 15), ("a", 25)], "moment").set_axis([7, 3, 3])
        joined = join(reports_of([("a", 10), ("a", 20)])).fit_transform(at)
        assert joined.index.tolist() == [7, 3, 3]
        assert joined["number"].tolist() == [1, 0, 1]

    def test_types_are_the_same_whether_or_not_every_row_finds_a_report(self):
        reports = reports_of([("a", 10)]).assign(text="calm", flag=True, at=START)
        expected = {"number": "float64", "text": "str", "flag": "float64", "at": "datetime64[us, UTC]"}
        for moment in (20, 0):
            joined = join(reports).fit_transform(table([("a", moment)], "moment"))
            assert joined.dtypes.astype(str).to_dict() == expected
            assert joined.notna().to_numpy().all() == (moment == 20)

    def test_the_chosen_columns_come_in_their_order(self):
        reports = reports_of([("a", 10)]).assign(temp=50.0)
        joined = join(reports, columns=["temp", "number"]).fit_transform(table([("a", 20)], "moment"))
        assert joined.columns.tolist() == ["temp", "number"]

    def test_no_rows_give_no_reports(self):
        assert seen(reports_of([("a", 10)]), []) == []

    def test_reports_that_change_after_fit_change_nothing(self):
        reports, at = reports_of([("a", 10)]), table([("a", 20)], "moment")
        fitted = join(reports).fit(at)
        reports.loc[0, "number"] = 99
        assert fitted.transform(at)["number"].tolist() == [0]


class TestWhatIsRefused:
    def test_reports_that_go_back_in_time(self):
        with pytest.raises(ValueError, match=r"of 'a' goes back in time: 'reported' .*00:10.* comes after .*00:20"):
            seen(reports_of([("a", 20), ("b", 5), ("a", 10)]), [("a", 30)])

    def test_but_not_those_that_are_in_order_within_each_station(self):
        assert seen(reports_of([("a", 10), ("a", 20), ("b", 5)]), [("b", 30)]) == [2]

    def test_two_reports_of_one_station_for_the_same_time(self):
        with pytest.raises(ValueError, match=r"two rows of 'a' with 'reported' .*00:10.*drop_duplicates"):
            seen(reports_of([("a", 10), ("b", 10), ("a", 10)]), [("a", 30)])

    def test_the_hour_that_local_clocks_show_twice(self):
        local = pd.to_datetime(["2013-11-03 00:30", "2013-11-03 01:30", "2013-11-03 01:30", "2013-11-03 02:30"])
        read_as_utc = pd.DataFrame({"station": "a", "reported": local.tz_localize("UTC"), "number": range(4)})
        with pytest.raises(ValueError, match="two rows of 'a' with 'reported' 2013-11-03 01:30"):
            seen(read_as_utc, [("a", 30)])

    def test_stations_that_never_match(self):
        reports = reports_of([("a", 10)]).assign(station=1)
        with pytest.raises(ValueError, match=r"no 'station' of `X`, such as '1'.*has such as 1;"):
            seen(reports, [("1", 20)])

    def test_no_reports_at_all(self):
        with pytest.raises(ValueError, match="`reports` has no row with a value of 'station'"):
            seen(reports_of([]), [("a", 20)])

    @pytest.mark.parametrize(
        ("changes", "error", "message"),
        [
            ({"at_time": "departs"}, ValueError, "`X` has no column 'departs'; it has: station, moment"),
            ({"report_time": "made"}, ValueError, "`reports` has no column 'made'"),
            ({"by": "airport"}, ValueError, "`reports` has no column 'airport'"),
            ({"columns": ["temp"]}, ValueError, "`reports` has no column 'temp'"),
            ({"age": "number"}, ValueError, "age='number' is a column of the reports"),
            ({"lag": -MINUTE}, ValueError, "lag must not be negative"),
            ({"tolerance": timedelta(0)}, ValueError, "tolerance must be positive"),
            ({"tolerance": "3h"}, TypeError, "tolerance must be a timedelta.*'3h'"),
            ({"reports": [1, 2]}, TypeError, "`reports` must be a pandas DataFrame, got list"),
        ],
    )
    def test_parameters_that_cannot_be_meant(self, changes, error, message):
        with pytest.raises(error, match=message):
            join(reports_of([("a", 10)])).set_params(**changes).fit(table([("a", 20)], "moment"))

    def test_naive_or_missing_times_in_either_table(self):
        reports, at = reports_of([("a", 10), ("a", 20)]), table([("a", 30), ("a", 40)], "moment")
        with pytest.raises(ValueError, match=r"'reported' of `reports`.*tz_localize"):
            join(reports.assign(reported=reports["reported"].dt.tz_localize(None))).fit(at)
        with pytest.raises(ValueError, match=r"'moment' of `X`.*tz_localize"):
            join(reports).fit(at.assign(moment=at["moment"].dt.tz_localize(None)))
        with pytest.raises(ValueError, match="'reported' of `reports` has 1 missing times"):
            join(reports.assign(reported=reports["reported"].where(reports.index == 0))).fit(at)
        with pytest.raises(ValueError, match="'moment' of `X` has 1 missing times"):
            join(reports).fit(at).transform(at.assign(moment=at["moment"].where(at.index == 0)))
