"""The leakage audit: each check finds what it is for, says so with numbers, and is quiet about what is honest."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlbook import catalog, leaks
from mlbook.leakage import audit

HOUR = timedelta(hours=1)


def table(rows: int = 2_000, seed: int = 0) -> pd.DataFrame:
    """An honest table in order of time: the answer follows two of five columns, loosely."""
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2024-01-01", tz="UTC")
    x = rng.normal(size=(rows, 4))
    return pd.DataFrame(
        {
            "at": start + pd.to_timedelta(np.arange(rows), unit="h"),
            **{f"x{i}": x[:, i] for i in range(4)},
            "kind": rng.choice(["a", "b", "c"], rows),
            "y": x[:, 0] + x[:, 1] + rng.normal(0, 1.5, rows) > 0,
        }
    )


def sides(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    cut = len(frame) * 3 // 4
    return frame[:cut], frame[cut:]


def checks(frame: pd.DataFrame, **declared: object) -> list[str]:
    return audit(*sides(frame), "y", **declared)["check"].tolist()


def test_an_honest_table_raises_no_suspicion():
    assert checks(table(), decided="at", matured=timedelta(0), groups=[]) == []


def test_suspicions_are_ranked_and_say_what_was_counted():
    frame = table().assign(late=lambda t: t["y"] * 1.0)
    report = audit(*sides(frame), "y", decided="at", known={"late": HOUR}, matured=48 * HOUR)
    assert report.columns.tolist() == ["check", "columns", "strength", "evidence"]
    assert report["strength"].is_monotonic_decreasing
    assert report["check"].tolist() == ["known too late", "label not final"]
    assert report.loc[0, "columns"] == "late"
    assert "100.0% of the rows" in report.loc[0, "evidence"]
    assert "1.0 hours" in report.loc[0, "evidence"]


@pytest.mark.parametrize("answer", ["y", "number"])
def test_numbers_and_two_classes_can_be_the_target(answer):
    frame = table().assign(number=lambda t: t["x0"] + t["x1"], copy=lambda t: t[answer] * 1.0)
    frame["number"] += np.random.default_rng(1).normal(0, 2, len(frame))
    frame = frame.drop(columns={"y", "number"} - {answer}).assign(copy=frame[answer] * 1.0)
    report = audit(*sides(frame), answer)
    assert report[["check", "columns"]].to_numpy().tolist() == [["one column says too much", "copy"]]


class TestWhatIsKnownWhen:
    def test_a_column_known_at_the_prediction_is_in_time_and_a_minute_later_it_is_not(self):
        assert checks(table(), known={"x0": timedelta(0)}) == []
        assert checks(table(), known={"x0": timedelta(minutes=1)}) == ["known too late"]

    def test_moments_are_compared_row_by_row(self):
        frame = table()
        frame["written"] = frame["at"] + pd.to_timedelta(np.where(np.arange(len(frame)) % 4, -1, 3), unit="h")
        report = audit(*sides(frame), "y", decided="at", known={"x0": "written"})
        assert report["check"].tolist() == ["known too late"]
        assert report.loc[0, "strength"] == 0.25
        assert "by 3.0 hours" in report.loc[0, "evidence"]

    def test_what_never_came_to_be_known_is_not_late(self):
        frame = table().assign(written=pd.NaT)
        frame["written"] = pd.to_datetime(frame["written"], utc=True)
        assert checks(frame, decided="at", known={"x0": "written"}) == []

    def test_a_late_column_is_reported_once_and_not_again_for_what_it_says(self):
        assert checks(table().assign(copy=lambda t: t["y"] * 1.0), known={"copy": HOUR}) == ["known too late"]

    def test_a_column_declared_to_be_in_time_is_not_suspected_for_what_it_says(self):
        frame = table().assign(copy=lambda t: t["y"] * 1.0)
        assert checks(frame) == ["one column says too much"]
        assert checks(frame, known={"copy": timedelta(0)}) == []

    def test_a_column_that_is_empty_live_is_reported_and_one_that_is_sometimes_empty_is_not(self):
        frame = table().assign(note=1.0)
        frame.loc[::5, "note"] = np.nan
        live = frame.tail(100).assign(note=np.nan)
        assert checks(frame, live=live) == ["stands still when live"]
        assert checks(frame, live=frame.tail(100)) == []

    def test_a_few_live_rows_that_agree_by_chance_are_no_suspicion(self):
        frame = table().assign(mark=lambda t: np.arange(len(t)) % 2)
        assert checks(frame, live=frame[frame["mark"] == 1].tail(10)) == []


class TestTheSplit:
    def test_shuffled_rows_are_out_of_order(self):
        report = audit(*sides(table().sample(frac=1, random_state=0)), "y", decided="at")
        assert report["check"].tolist() == ["training after test"]
        assert report.loc[0, "strength"] > 0.9

    def test_rows_of_the_same_moment_are_in_order(self):
        assert checks(table().assign(at=pd.Timestamp("2024-01-01", tz="UTC")), decided="at") == []

    def test_shuffled_rows_are_not_reported_for_their_labels_again(self):
        shuffled = table().sample(frac=1, random_state=0)
        assert checks(shuffled, decided="at", matured=HOUR) == ["training after test"]

    def test_labels_must_be_final_before_the_first_test_prediction(self):
        assert checks(table(), decided="at", matured=HOUR) == []
        report = audit(*sides(table()), "y", decided="at", matured=151 * HOUR)
        assert report["check"].tolist() == ["label not final"]
        assert report.loc[0, "strength"] == pytest.approx(150 / 1500)

    def test_a_gap_as_long_as_the_label_needs_mends_that(self):
        train, test = sides(table())
        report = audit(train[: -24 * 10], test, "y", decided="at", matured=timedelta(days=10))
        assert report.empty

    def test_one_group_on_both_sides_is_reported_and_none_is_not(self):
        apart = table().assign(user=lambda t: np.arange(len(t)) // 50)
        assert checks(apart, groups=["user"]) == []
        report = audit(*sides(apart.assign(user=lambda t: t["user"] % 35)), "y", groups=["user"])
        assert report["check"].tolist() == ["group on both sides"]
        assert "5 groups" in report.loc[0, "evidence"]

    @pytest.mark.parametrize("changed", [[], ["kind"], ["x2"]])
    def test_copies_are_found_even_if_one_column_differs(self, changed):
        frame = table().assign(**{f"z{i}": np.random.default_rng(i).normal(size=2_000) for i in range(12)})
        again = frame.sample(frac=0.3, random_state=0)
        other = again.sample(frac=1, random_state=1)
        again = again.assign(**{c: other[c].to_numpy() for c in changed})
        both = pd.concat([frame, again]).sample(frac=1, random_state=2).reset_index(drop=True)
        report = audit(*sides(both), "y")
        assert report["check"].tolist() == ["copies on both sides"]
        assert 0.15 < report.loc[0, "strength"] < 0.5

    def test_a_copy_with_another_number_is_found_where_columns_repeat_each_other(self):
        rng = np.random.default_rng(0)
        same = rng.normal(size=2_000)
        frame = table()[["x2", "kind", "y"]].assign(**{f"z{i}": same + rng.normal(0, 0.05, 2_000) for i in range(14)})
        again = frame.sample(frac=0.3, random_state=0)
        again = again.assign(x2=rng.permutation(again["x2"]))
        both = pd.concat([frame, again]).sample(frac=1, random_state=2).reset_index(drop=True)
        assert checks(both) == ["copies on both sides"]

    def test_copies_with_a_little_noise_are_found(self):
        frame = table()
        again = frame.sample(frac=0.5, random_state=0)
        again = again.assign(**{f"x{i}": again[f"x{i}"] + 0.001 for i in range(4)})
        both = pd.concat([frame, again]).sample(frac=1, random_state=2).reset_index(drop=True)
        assert checks(both) == ["copies on both sides"]

    def test_rows_of_a_coarse_table_are_alike_without_being_copies(self):
        rng = np.random.default_rng(0)
        frame = pd.DataFrame({f"c{i}": rng.integers(3, size=2_000) for i in range(4)})
        assert checks(frame.assign(y=rng.random(2_000) < 0.5)) == []


def register(rows: int = 2_000, kinds: int = 80, seed: int = 0) -> pd.DataFrame:
    """An honest register of machines: most have twins in it, for what their model settles they have in common."""
    rng = np.random.default_rng(seed)
    often = 1 / np.arange(1, kinds + 1)
    model = rng.choice(kinds, rows, p=often / often.sum())
    settled = rng.normal(size=(kinds, 5)).round(1)
    return pd.DataFrame(
        {
            "model": np.char.add("M", model.astype(str)),
            "maker": np.char.add("by ", (model % 23).astype(str)),
            "fuel": np.char.add("f", (model % 5).astype(str)),
            **{f"size_{i}": settled[model, i] for i in range(4)},
            "year": 1990 + model % 20 + rng.integers(6, size=rows),
            "y": settled[model, 4] + rng.normal(0, 0.1, rows).round(1),
        }
    )


def twice(frame: pd.DataFrame, share: float = 0.3, times: int = 1) -> pd.DataFrame:
    """Some rows of a table once or several times more, before it is split."""
    again = frame.sample(frac=share, random_state=0)
    return pd.concat([frame, *[again] * times]).sample(frac=1, random_state=1).reset_index(drop=True)


class TestTwins:
    """Things of one kind are alike in all that the kind settles; a copy is alike in the rest, too."""

    IN_TIME = dict.fromkeys(["model", "maker", "fuel", "size_0", "size_1", "size_2", "size_3", "year"], timedelta(0))

    @pytest.mark.parametrize("kinds", [20, 80, 200])
    @pytest.mark.parametrize("seed", [0, 1])
    def test_things_of_one_kind_are_no_copies_of_each_other(self, kinds, seed):
        frame = register(kinds=kinds, seed=seed)
        features = frame.drop(columns="y")
        assert features.duplicated().mean() > 0.5
        assert checks(frame, known=self.IN_TIME) == []

    def test_nor_are_they_if_something_is_measured_of_each(self):
        frame = register().assign(hours=np.random.default_rng(2).gamma(3, 1_000, 2_000).round(1))
        assert checks(frame, known=self.IN_TIME) == []

    def test_nor_are_they_if_the_kind_settles_a_great_deal(self):
        frame = register()
        more = {f"part_{i}": frame["model"].str[1:].astype(int) * (2 * i + 1) % 41 for i in range(40)}
        frame = frame.assign(**more)
        assert checks(frame, known={**self.IN_TIME, **dict.fromkeys(more, timedelta(0))}) == []

    def test_nor_are_real_aircraft(self):
        planes = catalog.load("planes").drop(columns="tailnum").sample(frac=1, random_state=3).reset_index(drop=True)
        assert planes.duplicated().mean() > 0.5
        assert audit(*sides(planes), "seats").empty

    @pytest.mark.parametrize("times", [1, 4, 8])
    def test_things_entered_again_are_copies_if_something_is_measured_of_each(self, times):
        rng = np.random.default_rng(2)
        frame = register().assign(hours=rng.gamma(3, 1_000, 2_000).round(2), wear=rng.normal(size=2_000).round(4))
        assert checks(twice(frame, times=times), known=self.IN_TIME) == ["copies on both sides"]

    def test_copies_with_a_little_noise_are_told_from_twins(self):
        rng = np.random.default_rng(2)
        frame = register().assign(hours=rng.gamma(3, 1_000, 2_000), wear=rng.normal(size=2_000))
        again = frame.sample(frac=0.3, random_state=0)
        again = again.assign(hours=again["hours"] + 0.5, wear=again["wear"] + 0.0005)
        both = pd.concat([frame, again]).sample(frac=1, random_state=1).reset_index(drop=True)
        assert checks(both, known=self.IN_TIME) == ["copies on both sides"]

    @pytest.mark.parametrize("times", [1, 8])
    def test_a_column_of_few_names_makes_no_kind_of_copied_rows(self, times):
        assert checks(twice(table(), times=times)) == ["copies on both sides"]

    @pytest.mark.parametrize("times", [1, 2])
    def test_a_name_that_only_the_copies_share_makes_no_kind(self, times):
        frame = table().assign(
            **{f"z{i}": np.random.default_rng(i).normal(size=2_000) for i in range(12)},
            address=lambda t: [f"no. {number}" for number in range(len(t))],
        )
        assert checks(twice(frame, times=times)) == ["copies on both sides"]

    def test_names_that_repeat_each_other_hide_no_copies(self):
        frame = table().assign(place=lambda t: np.arange(len(t)) % 150)
        names = {"street": frame["place"], "town": frame["place"] // 5, "state": frame["place"] // 30}
        frame = frame.drop(columns="place").assign(**{k: v.astype("str") for k, v in names.items()})
        assert checks(twice(frame)) == ["copies on both sides"]


class TestWhatColumnsSay:
    def test_two_columns_that_say_nothing_alone_are_found_together(self):
        coin = np.random.default_rng(3).integers(2, size=2_000)
        frame = table().assign(a=coin, b=lambda t: coin ^ t["y"])
        report = audit(*sides(frame), "y")
        assert report[["check", "columns"]].to_numpy().tolist() == [["two columns say too much", "a, b"]]

    def test_a_pair_is_not_suspected_once_both_are_declared_to_be_in_time(self):
        coin = np.random.default_rng(3).integers(2, size=2_000)
        frame = table().assign(a=coin, b=lambda t: coin ^ t["y"])
        assert checks(frame, known={"a": timedelta(0)}) == ["two columns say too much"]
        assert checks(frame, known={"a": timedelta(0), "b": timedelta(0)}) == []

    def test_a_second_copy_of_the_answer_does_not_hide_the_first(self):
        frame = table().assign(a=lambda t: t["y"] * 1.0, b=lambda t: 3.0 - t["y"])
        assert set(audit(*sides(frame), "y")["columns"]) == {"a", "b"}

    def test_a_difference_of_two_columns_is_found(self):
        rng = np.random.default_rng(4)
        frame = table().drop(columns="y").assign(begun=rng.uniform(0, 1_000, 2_000), took=rng.gamma(9, 2, 2_000))
        frame = frame.assign(ended=frame["begun"] + frame["took"], y=frame.pop("took") > 18)
        assert audit(*sides(frame), "y")["columns"].tolist() == ["begun, ended"]

    def test_names_can_say_too_much(self):
        frame = table().assign(state=lambda t: np.where(t["y"], "closed", "open"))
        assert audit(*sides(frame), "y")["columns"].tolist() == ["state"]

    def test_a_strong_column_among_others_as_strong_is_no_suspicion(self):
        rng = np.random.default_rng(5)
        y = rng.normal(size=2_000)
        frame = pd.DataFrame({f"x{i}": y + rng.normal(0, 0.4, 2_000) for i in range(4)}).assign(y=y)
        assert checks(frame) == []


class TestMarksOfTheProcedure:
    def test_an_encoding_with_all_answers_is_told_from_one_with_training_answers(self):
        key = np.random.default_rng(6).integers(400, size=2_000)
        frame = table()
        by_all = frame.groupby(key)["y"].transform("mean")
        by_training = pd.Series(key).map(frame[:1500].groupby(key[:1500])["y"].mean()).fillna(frame[:1500]["y"].mean())
        assert "encoded with test answers" in checks(frame.assign(rate=by_all))
        assert "encoded with test answers" not in checks(frame.assign(rate=by_training))

    def test_scaling_with_all_rows_is_told_from_scaling_with_training_rows(self):
        frame = table().assign(x0=lambda t: t["x0"] + np.arange(len(t)) / 1_000)

        def scaled(rows: pd.Series) -> pd.DataFrame:
            return frame.assign(x0=(frame["x0"] - rows.mean()) / rows.std())

        assert checks(scaled(frame["x0"])) == ["scaled with test rows"]
        assert checks(scaled(frame["x0"][:1500])) == []

    def test_filling_with_all_rows_is_told_from_filling_with_training_rows(self):
        frame = table()
        holes = frame["x0"].mask(np.arange(2_000) % 7 == 0)
        assert checks(frame.assign(x0=holes.fillna(holes.mean()))) == ["filled with test rows"]
        assert checks(frame.assign(x0=holes.fillna(holes[:1500].mean()))) == []


def features(train: pd.DataFrame, test: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    names = ["x0", "x1", "x2"]
    return train[names], test[names]


class TestThePipeline:
    def run(self, add, **declared) -> list[str]:
        def pipeline(train, test):
            made = features(train, test)
            both = pd.concat([train, test])
            column = add(both, train)
            return tuple(side.assign(made=column.reindex(side.index)) for side in made)

        return checks(table(), pipeline=pipeline, **declared)

    def test_one_that_keeps_to_the_training_rows_is_quiet(self):
        def rate(both, train):
            return both["kind"].map(train.groupby("kind")["y"].mean())

        assert self.run(rate) == []
        assert self.run(rate, decided="at") == []

    def test_a_history_that_ends_at_the_prediction_is_quiet(self):
        assert self.run(lambda both, _: both["y"].astype(float).shift(1), decided="at", matured=HOUR / 2) == []

    def test_one_that_looks_an_hour_ahead_is_caught(self):
        found = self.run(lambda both, _: both["y"].astype(float).shift(-1), decided="at", matured=HOUR / 2)
        assert "reads answers not known yet" in found

    def test_a_label_that_is_not_final_when_it_is_read_is_caught(self):
        found = self.run(lambda both, _: both["y"].astype(float).shift(1), decided="at", matured=HOUR * 1.5)
        assert found == ["reads answers not known yet"]

    def test_one_that_is_fitted_on_all_rows_is_caught_with_and_without_times(self):
        def centered(both, _):
            return both["x3"] - both["x3"].mean()

        for declared in ({}, {"decided": "at"}):
            found = self.run(centered, **declared)
            assert "fitted on test rows" in found
            assert "reads answers not known yet" not in found

    def test_one_that_fits_each_side_by_itself_is_caught(self):
        def pipeline(train, test):
            return tuple(side[["x0", "x1"]] - side[["x0", "x1"]].mean() + 1 for side in (train, test))

        assert checks(table(), pipeline=pipeline) == ["fitted on test rows"]

    def test_a_leak_in_a_part_of_the_test_period_is_caught(self):
        def rarely_ahead(both, _):
            ahead = both["y"].astype(float).shift(-1)
            return ahead.where(both["at"].between(both["at"].iloc[1_700], both["at"].iloc[1_900]), 0.5)

        assert "reads answers not known yet" in self.run(rarely_ahead, decided="at", matured=HOUR / 2)

    def test_one_that_gives_each_row_its_own_answer_is_caught(self):
        found = self.run(lambda both, _: both.groupby("kind")["y"].transform("mean"))
        assert "reads answers not known yet" in found

    def test_other_outcomes_are_altered_too(self):
        frame = table().assign(outcome=lambda t: t["x3"])

        def pipeline(train, test):
            both = pd.concat([train, test])
            ahead = both["outcome"].rolling(3, center=True, min_periods=1).mean()
            return tuple(s.assign(ahead=ahead.reindex(s.index)) for s in features(train, test))

        declared = {"decided": "at", "known": {"outcome": HOUR / 2}, "matured": HOUR / 2, "pipeline": pipeline}
        assert checks(frame, **declared) == ["reads answers not known yet"]

    def test_the_tables_of_the_caller_stay_as_they_are(self):
        def pipeline(train, test):
            train["x0"] = test["x0"] = 0.0
            return features(train, test)

        train, test = sides(table())
        before = train.copy(), test.copy()
        audit(train, test, "y", pipeline=pipeline)
        pd.testing.assert_frame_equal(train, before[0])
        pd.testing.assert_frame_equal(test, before[1])

    def test_one_that_loses_rows_is_refused(self):
        with pytest.raises(ValueError, match="rows of `test`, with the same index"):
            checks(table(), pipeline=lambda train, test: (train[["x0"]], test[["x0"]].head()))

    def test_one_that_changes_from_run_to_run_is_refused(self):
        rng = np.random.default_rng()

        def pipeline(train, test):
            return tuple(side.assign(noise=rng.normal(size=len(side))) for side in features(train, test))

        with pytest.raises(ValueError, match="fix its random seeds"):
            checks(table(), pipeline=pipeline)


REFUSED = {
    "no target": ({"target": "z"}, "no column 'z'"),
    "a target with gaps": ({"change": {"y": np.nan}}, "missing in 1500 rows"),
    "one answer only": ({"change": {"y": True}}, "one value only"),
    "three classes": ({"target": "kind"}, "3 classes"),
    "a time that is not there": ({"decided": "when"}, "no column 'when'"),
    "a time that is a number": ({"decided": "x0"}, "not moments; use pd.to_datetime"),
    "a moment without that of the prediction": ({"known": {"x0": "at"}}, "`decided` must name"),
    "a declaration of no column": ({"known": {"z": HOUR}}, "`known` names 'z'"),
    "a group that is not there": ({"groups": ["user"]}, "no column 'user'"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_the_audit_refuses(fault):
    given_, message = REFUSED[fault]
    arguments = {"target": "y", **given_}
    frame = table().assign(**arguments.pop("change", {}))
    with pytest.raises(ValueError, match=message):
        audit(*sides(frame), **arguments)


def test_a_time_that_is_a_number_of_something_is_refused():
    with pytest.raises(TypeError, match="'x0' is known at 3; give the name of a time column, or a timedelta"):
        checks(table(), known={"x0": 3})


def test_a_column_that_is_not_named_by_text_is_refused():
    with pytest.raises(ValueError, match=r"a column 7; name columns by text, with .rename\(columns=str\)"):
        checks(table().rename(columns={"x0": 7}))


@pytest.mark.parametrize("empty", [0, 1])
def test_an_empty_side_is_refused(empty):
    pair = [side.head(0) if i == empty else side for i, side in enumerate(sides(table()))]
    with pytest.raises(ValueError, match="has no rows"):
        audit(*pair, "y")


def test_two_rows_of_one_name_are_refused():
    train, test = sides(table())
    with pytest.raises(ValueError, match="reset_index"):
        audit(pd.concat([train, train]), test, "y")


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(60, 1_500), columns=st.integers(1, 6))
def test_noise_is_not_suspected(seed, rows, columns):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(rows, columns)), columns=[f"x{i}" for i in range(columns)])
    assert checks(frame.assign(y=np.arange(rows) % 3 == 0)) == []


def test_columns_without_a_value_or_with_one_are_passed_over():
    assert checks(table().assign(nothing=np.nan, one=1.0, same="a")) == []


def test_each_planted_leak_is_found_by_the_check_it_is_for():
    missed = {}
    for case in leaks.planted():
        found = audit(case.train, case.test, case.target, **case.declared)["check"].tolist()
        if not set(case.finds) <= set(found):
            missed[case.name] = found
    assert missed == {}


def test_real_honest_tables_raise_no_suspicion_once_their_columns_are_declared():
    rung = {}
    for case in [*leaks.honest(), *leaks.honest_pipelines()]:
        report = audit(case.train, case.test, case.target, **case.in_time())
        if len(report):
            rung[case.name] = report["evidence"].tolist()
    assert rung == {}


def test_the_alarms_at_honest_tables_that_the_chapter_reads_are_those_of_today():
    recorded = json.loads((catalog.DATA.parent / "benchmarks" / "leakage.json").read_text())["tables"]
    alarms = {(row["set"], row["name"]): row.get("alarms") for row in recorded}
    for case in leaks.honest():
        for kind, said in (("bare", case.declared), ("declared", case.in_time())):
            report = audit(case.train, case.test, case.target, **said)
            assert alarms[f"honest, {kind}", case.name] == report["check"].tolist(), case.name
