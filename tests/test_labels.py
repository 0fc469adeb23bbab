"""Definitions of a label, its errors, and the moment from which it can be trusted."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlbook import catalog, labels

GENRES = pd.Series(
    {1: "Comedy", 2: "Comedy|Romance", 3: "Horror", 4: "Comedy|Romance|Drama|War", 5: "(no genres listed)"}
)
NOW = pd.Timestamp("2024-06-01", tz="UTC")
DAY = pd.Timedelta(days=1)


def ratings(rows: list[tuple[int, int, int]]) -> pd.DataFrame:
    """Rows of viewer, film, and the second at which they rated."""
    table = pd.DataFrame(rows, columns=["userId", "movieId", "timestamp"])
    return table.assign(timestamp=pd.to_datetime(table["timestamp"], unit="s", utc=True))


def before(days: list[float | None]) -> pd.Series:
    """Moments that many days before NOW; NaT for None."""
    return NOW - pd.to_timedelta(pd.Series(days, dtype=float), unit="D")


class TestLiked:
    def test_four_stars_are_high_and_three_and_a_half_are_not(self):
        stars = pd.DataFrame({"rating": [3.5, 4.0, 5.0]}, index=[7, 8, 9])
        assert labels.rated_high(stars).to_dict() == {7: False, 8: True, 9: True}
        assert labels.rated_high(stars, stars=5).tolist() == [False, False, True]

    def test_each_viewer_is_held_to_their_own_average(self):
        table = pd.DataFrame({"userId": [1, 2, 1, 2], "rating": [5.0, 2.0, 4.0, 3.0]})
        assert labels.above_own_mean(table).tolist() == [True, False, False, True]

    def test_who_gives_everything_the_same_likes_nothing_more_than_the_rest(self):
        assert not labels.above_own_mean(pd.DataFrame({"userId": [1, 1], "rating": [5.0, 5.0]})).any()

    @pytest.mark.parametrize("define", [labels.rated_high, labels.above_own_mean])
    def test_a_missing_column_is_named(self, define):
        with pytest.raises(ValueError, match="no column 'rating'"):
            define(pd.DataFrame({"userId": [1]}))


class TestSimilarNext:
    def test_half_of_all_genres_in_common_is_similar(self):
        same = labels.similar_next(ratings([(1, 1, 10), (1, 2, 20), (1, 4, 30), (1, 3, 40)]), GENRES)
        # Comedy to Comedy|Romance: one of two; on to the film of four genres: two of four; on to Horror: none.
        assert same.tolist()[:3] == [1, 1, 0]

    def test_less_than_the_overlap_asked_for_is_not(self):
        assert labels.similar_next(ratings([(1, 1, 10), (1, 4, 20)]), GENRES).tolist()[0] == 0
        assert labels.similar_next(ratings([(1, 1, 10), (1, 4, 20)]), GENRES, overlap=0.25).tolist()[0] == 1

    def test_what_follows_the_last_moment_is_not_known(self):
        same = labels.similar_next(ratings([(1, 1, 10), (1, 1, 20), (1, 2, 20)]), GENRES)
        assert same.isna().tolist() == [False, True, True]

    def test_the_next_viewer_is_not_what_comes_next(self):
        assert labels.similar_next(ratings([(1, 1, 10), (2, 1, 20)]), GENRES).isna().all()

    def test_films_of_one_second_have_no_order(self):
        tied = ratings([(1, 1, 10), (1, 1, 20), (1, 3, 20), (1, 3, 30)])
        assert labels.similar_next(tied, GENRES).tolist()[:3] == [0.5, 0, 1]

    def test_films_without_genres_resemble_nothing(self):
        assert labels.similar_next(ratings([(1, 5, 10), (1, 5, 20)]), GENRES).tolist()[0] == 0

    @settings(deadline=None)
    @given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 4)), min_size=1, max_size=25))
    def test_it_is_what_a_loop_over_all_pairs_says(self, rows):
        table = ratings(rows)
        table.index = table.index[::-1] + 100  # labels that are no positions
        kinds = {film: set(names.split("|")) - {"(no genres listed)"} for film, names in GENRES.items()}

        def expected(row: pd.Series) -> float:
            own = table[(table["userId"] == row["userId"]) & (table["timestamp"] > row["timestamp"])]
            if own.empty:
                return np.nan
            following = own[own["timestamp"] == own["timestamp"].min()]["movieId"]
            one = kinds[row["movieId"]]
            shares = [len(one & kinds[f]) / max(len(one | kinds[f]), 1) for f in following]
            return float(np.mean([share >= 0.5 for share in shares]))

        loop = table.apply(expected, axis=1)
        pd.testing.assert_series_equal(labels.similar_next(table, GENRES), loop, check_names=False)

    def test_on_the_book_s_ratings_most_moments_have_a_next(self):
        table = catalog.load("ratings")
        genres = catalog.load("movies").set_index("movieId")["genres"]
        same = labels.similar_next(table, genres)
        last = table.groupby("userId")["timestamp"].transform("max") == table["timestamp"]
        assert (same.isna() == last).all()

    @pytest.mark.parametrize(
        ("table", "overlap", "message"),
        [
            (ratings([(1, 1, 10)]).drop(columns="timestamp"), 0.5, "no column 'timestamp'"),
            (ratings([(1, 99, 10)]), 0.5, "no film 99"),
            (ratings([(1, 1, 10)]), 0.0, "overlap must lie above 0"),
            (ratings([(1, 1, 10)]), 1.5, "overlap must lie above 0"),
        ],
    )
    def test_what_cannot_be_answered_is_refused(self, table, overlap, message):
        with pytest.raises(ValueError, match=message):
            labels.similar_next(table, GENRES, overlap)


class TestShrunkenShare:
    def test_a_group_of_one_is_drawn_to_the_average_and_a_large_one_is_not(self):
        label = pd.Series([True] + [True] * 300 + [False] * 301)
        group = pd.Series(["one"] + ["many"] * 601)
        share = labels.shrunken_share(label, group, strength=10)
        assert share["one"] == pytest.approx((1 + 10 * 301 / 602) / 11)
        assert share["many"] == pytest.approx(300 / 601, abs=0.001)

    def test_labels_that_are_missing_do_not_count(self):
        label, group = pd.Series([1.0, np.nan, 0.0]), pd.Series(["a", "a", "b"])
        assert labels.shrunken_share(label, group, strength=0).to_dict() == {"a": 1, "b": 0}


class TestWithErrors:
    def test_exactly_so_many_labels_turn_and_only_where_they_may(self):
        label = pd.Series([True, False] * 50)
        wrong = labels.with_errors(label, among=label, count=20, seed=1)
        assert (wrong != label).sum() == 20
        assert not wrong[~label].any()

    def test_another_seed_spoils_other_rows(self):
        label = pd.Series([True] * 100)
        one, other = (labels.with_errors(label, label, 10, seed) for seed in (1, 2))
        assert (one != other).any()
        assert (one == labels.with_errors(label, label, 10, 1)).all()

    def test_more_errors_than_rows_are_refused(self):
        label = pd.Series([True, False])
        with pytest.raises(ValueError, match="2 labels cannot be wrong among 1 rows"):
            labels.with_errors(label, label, 2, seed=0)


class TestMaturity:
    def test_a_row_is_mature_when_it_is_old_enough_whatever_its_label(self):
        assert labels.mature(before([61, 60, 59, 0]), NOW, 60 * DAY).tolist() == [True, True, False, False]

    def test_a_report_of_the_very_moment_is_not_in_yet_and_no_report_never_is(self):
        assert labels.reported_by(before([1, 0, -1, None]), NOW).tolist() == [True, False, False, False]

    def test_times_without_a_zone_are_refused(self):
        naive = pd.Series(pd.to_datetime(["2024-05-01"]), name="paid")
        with pytest.raises(ValueError, match=r"column 'paid' is .*without a time zone"):
            labels.mature(naive, NOW, DAY)
        with pytest.raises(ValueError, match="tz_localize"):
            labels.reported_by(naive, NOW)


class TestMaturityWeights:
    # Four old frauds, reported after 1, 2, 3, and 4 days; then rows of the last days.
    OLD, DELAYS = [100.0, 100, 100, 100], [1, 2, 3, 4]

    def weights(self, young: list[tuple[float, float | None]]) -> list[float]:
        paid = [*self.OLD, *(age for age, _ in young)]
        reported = [*(100.0 - delay for delay in self.DELAYS), *(report for _, report in young)]
        found = labels.maturity_weights(before(paid), before(reported), NOW, timedelta(days=90))
        assert found.tolist()[:4] == [1, 1, 1, 1]
        return found.tolist()[4:]

    def test_a_fraud_reported_at_an_age_by_which_half_are_counts_twice(self):
        assert self.weights([(2.5, 0.5)]) == [2]

    def test_delays_as_long_as_its_age_are_not_in_yet(self):
        assert self.weights([(2.0, 0.5)]) == [4]

    def test_what_is_not_reported_counts_nothing_even_if_it_will_be(self):
        assert self.weights([(2.5, None), (2.5, -3.0)]) == [0, 0]

    def test_younger_than_any_delay_seen_counts_once(self):
        assert self.weights([(0.5, 0.1)]) == [1]

    def test_the_delays_of_young_rows_are_not_learned_from(self):
        # All young reports come at once: those that come late are not in yet.
        assert self.weights([(3.5, 3.4)] * 50 + [(1.5, 0.2)])[-1] == 4

    def test_on_average_the_weights_make_up_for_what_is_not_in_yet(self):
        rng = np.random.default_rng(0)
        age, delay = rng.uniform(0, 200, 40_000), rng.gamma(2, 5, 40_000)
        paid, reported = before(list(age)), before(list(age - delay))
        weights = labels.maturity_weights(paid, reported, NOW, timedelta(days=90))
        young = age < 60
        assert labels.reported_by(reported, NOW)[young].mean() < 0.86
        # Of the very youngest none are reported, and nothing can stand for them.
        assert weights[young].mean() == pytest.approx(1, abs=0.03)

    def test_without_old_reports_there_is_nothing_to_learn_from(self):
        with pytest.raises(ValueError, match="no row older than 90 days"):
            labels.maturity_weights(before([5]), before([1]), NOW, timedelta(days=90))


class TestRepeatedErrors:
    LABEL = pd.Series([True, False] * 20, index=range(100, 140))

    def test_the_label_itself_stands_beside_every_draw_of_every_kind_and_count(self):
        among = {"any": self.LABEL | True, "positives": self.LABEL}
        drawn = labels.repeated_errors(self.LABEL, among, counts=[2, 5], draws=3)
        assert drawn.columns.names == ["way", "wrong", "draw"]
        assert drawn["none", 0, 0].equals(self.LABEL.rename(("none", 0, 0)))
        assert drawn.shape == (40, 1 + 2 * 2 * 3)
        wrong = drawn.ne(self.LABEL, axis=0).sum()
        assert (wrong == wrong.index.get_level_values("wrong")).all()
        assert not drawn["positives"][~self.LABEL].any(axis=None)

    def test_a_draw_is_that_of_its_seed(self):
        drawn = labels.repeated_errors(self.LABEL, {"positives": self.LABEL}, counts=[5], draws=2)
        one = labels.with_errors(self.LABEL, self.LABEL, 5, seed=1)
        assert (drawn["positives", 5, 1] == one).all()
        assert (drawn["positives", 5, 0] != one).any()


class TestFilmScores:
    RATINGS = pd.DataFrame({"movieId": [7, 3, 3, 3], "liked": [True, True, False, False], "next": [np.nan, 1, 0.5, 0]})

    def test_films_are_counted_and_their_shares_drawn_to_the_average(self):
        scores = labels.film_scores(self.RATINGS, ["liked", "next"], strength=2)
        assert scores.index.tolist() == [3, 7]
        assert scores["watched"].to_dict() == {3: 3, 7: 1}
        assert scores["liked"].to_dict() == pytest.approx({3: (1 + 2 * 0.5) / 5, 7: (1 + 2 * 0.5) / 3})

    def test_a_film_whose_label_is_never_known_has_no_share(self):
        scores = labels.film_scores(self.RATINGS, ["next"], strength=0)
        assert scores["next"].to_dict() == pytest.approx({3: 0.5, 7: np.nan}, nan_ok=True)

    def test_a_missing_column_is_named(self):
        with pytest.raises(ValueError, match="no column 'enjoyed'"):
            labels.film_scores(self.RATINGS, ["enjoyed"])


class TestTrainingWindow:
    # Days before NOW: when it happened, and when it was reported.
    HAPPENED: ClassVar = [200.0, 95, 90, 50, 30, 0, -5]
    REPORTED: ClassVar = [190.0, None, 80, -2, None, None, None]

    def window(self, days: int = 90, **how: object) -> pd.DataFrame:
        return labels.training_window(before(self.HAPPENED), before(self.REPORTED), NOW, days * DAY, **how)

    def test_it_holds_the_rows_of_the_window_with_both_its_ends(self):
        assert self.window().index.tolist() == [2, 3, 4, 5]

    def test_the_label_is_what_has_been_reported_by_then(self):
        assert self.window()["label"].tolist() == [True, False, False, False]

    def test_who_waits_gets_a_window_that_ended_earlier(self):
        assert self.window(wait=50 * DAY).index.tolist() == [1, 2, 3]

    def test_every_row_weighs_one_without_correction(self):
        assert set(self.window()["weight"]) == {1.0}

    def test_corrected_young_positives_weigh_more_and_the_rest_one(self):
        # Old positives were reported after 2 and 10 days, so at an age of 5 days, half of them are.
        happened, reported = before([100, 100, 5, 5, 4]), before([98, 90, 1, None, -3])
        rows = labels.training_window(happened, reported, NOW, 30 * DAY, complete_after=90 * DAY)
        assert rows["weight"].tolist() == [2, 1, 1]
        assert rows["label"].tolist() == [True, False, False]

    def test_an_empty_window_is_refused(self):
        with pytest.raises(ValueError, match="no row lies in the 1 days"):
            self.window(days=1, wait=150 * DAY)
