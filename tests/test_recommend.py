"""Viewing matrices and the best of what is left to watch."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlbook.recommend import (
    expected_precision,
    expected_precisions,
    favorite_genre_scores,
    found,
    hits,
    label_matrices,
    neighbor_scores,
    neighbor_votes,
    newcomers,
    past_and_first_plays,
    past_and_next,
    replay,
    shared_by_halves,
    top_unseen,
    viewing_matrix,
)

VIEWERS, FILMS = pd.Index([7, 3]), pd.Index([10, 20, 30])


def test_a_rating_becomes_a_one_in_the_row_of_its_viewer_and_the_column_of_its_film():
    ratings = pd.DataFrame({"userId": [3, 7, 3, 3], "movieId": [10, 30, 30, 10]})
    assert viewing_matrix(ratings, VIEWERS, FILMS).loc[3].tolist() == [1, 0, 1]
    assert viewing_matrix(ratings, VIEWERS, FILMS).loc[7].tolist() == [0, 0, 1]


def test_other_viewers_and_films_are_left_out():
    ratings = pd.DataFrame({"userId": [99, 3], "movieId": [10, 99]})
    assert viewing_matrix(ratings, VIEWERS, FILMS).to_numpy().sum() == 0


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match="no column 'movieId'"):
        viewing_matrix(pd.DataFrame({"userId": [3]}), VIEWERS, FILMS)


def test_the_rule_counts_who_watched_a_film_of_the_favorite_genre():
    genres = np.array([[1.0, 0], [1, 0], [0, 1], [1, 1]])
    others = np.array([[1.0, 1, 1, 1], [0, 1, 1, 1]])
    scores = favorite_genre_scores(np.array([[1.0, 0, 0, 0], [0, 0, 1, 0]]), others, genres)
    assert scores.tolist() == [[1, 2, 0, 2], [0, 0, 2, 2]]


def test_the_model_is_the_sum_of_the_cosines_to_the_films_seen():
    rng = np.random.default_rng(0)
    seen, others = rng.integers(2, size=(3, 8)).astype(float), rng.integers(2, size=(20, 8)).astype(float)
    lengths = np.linalg.norm(others, axis=0)
    cosines = others.T @ others / np.outer(lengths, lengths)
    np.testing.assert_allclose(neighbor_scores(seen, others), seen @ cosines)


def test_the_best_unseen_films_come_first():
    scores = np.array([[5.0, 9.0, 1.0, 7.0]])
    assert top_unseen(scores, [[0, 1, 0, 0]], count=2).tolist() == [[3, 0]]


def test_equal_scores_are_drawn_by_lot_and_not_by_the_order_of_the_columns():
    chosen = top_unseen(np.zeros((1, 1000)), np.zeros((1, 1000)), count=100)
    assert len(set(chosen[0])) == 100
    assert 400 < chosen.mean() < 600


def test_differences_in_the_last_bits_do_not_decide():
    scores = np.ones((1, 50))
    noisy = scores + np.random.default_rng(0).normal(scale=1e-13, size=scores.shape)
    assert (top_unseen(scores, 0 * scores) == top_unseen(noisy, 0 * scores)).all()


def test_a_viewer_who_has_seen_nearly_everything_is_refused():
    with pytest.raises(ValueError, match="fewer than 3 unseen"):
        top_unseen(np.zeros((1, 4)), [[1, 1, 0, 0]], count=3)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="must be the same"):
        top_unseen(np.zeros((1, 4)), [[1, 1, 0]])


def ratings(times: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"userId": 1, "movieId": range(len(times)), "timestamp": times})


def test_the_next_ratings_come_after_the_known_share():
    past, upcoming = past_and_next(ratings([50, 40, 30, 20, 10]), known=0.6, count=1)
    assert past["movieId"].tolist() == [4, 3, 2]
    assert upcoming["movieId"].tolist() == [1]


def test_ratings_of_the_same_moment_are_in_order_of_the_film():
    shuffled = ratings([10] * 5).sample(frac=1, random_state=0)
    past, _ = past_and_next(shuffled, known=0.4)
    assert past["movieId"].tolist() == [0, 1]


def test_each_viewer_is_split_apart_from_the_others():
    both = pd.concat([ratings([1, 2]), ratings([8, 9]).assign(userId=2)])
    past, upcoming = past_and_next(both, known=0.5)
    assert past["userId"].tolist() == [1, 2]
    assert upcoming["timestamp"].tolist() == [2, 9]


def test_a_share_outside_zero_and_one_is_refused():
    with pytest.raises(ValueError, match="known must lie between 0 and 1, got 80"):
        past_and_next(ratings([1, 2]), known=80)


def test_a_hit_is_a_recommended_film_among_the_upcoming_ones():
    scores, seen = np.array([[3.0, 2, 1], [3, 2, 1]]), np.array([[1, 0, 0], [0, 0, 0]])
    upcoming = np.array([[1, 1, 0], [0, 0, 1]])
    assert hits(scores, seen, upcoming, count=1).tolist() == [True, False]


def test_newcomers_are_those_who_joined_later_and_rated_enough_of_the_films_rated_before():
    films = list(range(4))
    before = [(viewer, film, 1) for viewer in (1, 2) for film in films]
    before += [(1, 99, 2)]  # a film with one early rating does not count
    old = [(1, film, 20) for film in films]  # rated before, so no newcomer
    new = [(5, film, 20 + film) for film in reversed(films)]
    few = [(6, 0, 30), (6, 99, 31), (6, 50, 32)]
    table = pd.DataFrame(before + old + new + few, columns=["userId", "movieId", "timestamp"])
    early, known, later = newcomers(table, 10, raters=2, rated=3)
    assert set(early["movieId"]) == set(films)
    assert len(early) == 8
    assert known[["userId", "movieId"]].to_numpy().tolist() == [[5, 0], [5, 1]]
    assert later[["userId", "movieId"]].to_numpy().tolist() == [[5, 2], [5, 3]]


def test_a_start_after_which_nobody_joined_is_refused():
    table = pd.DataFrame({"userId": [1] * 30, "movieId": range(30), "timestamp": range(30)})
    with pytest.raises(ValueError, match="no viewer who joined at 25 or later rated 20"):
        newcomers(table, 25, raters=1)


def test_a_label_has_a_one_where_it_is_true():
    ratings = pd.DataFrame({"userId": [3, 7], "movieId": [10, 30], "liked": [True, False], "watched": [True, True]})
    taught = label_matrices(ratings, ["watched", "liked"], VIEWERS, FILMS)
    assert taught["watched"].tolist() == [[0, 0, 1], [1, 0, 0]]
    assert taught["liked"].tolist() == [[0, 0, 0], [1, 0, 0]]


def test_a_label_that_is_a_share_is_not_taken_for_true():
    ratings = pd.DataFrame({"userId": [3], "movieId": [10], "similar": [0.2]})
    with pytest.raises(ValueError, match=r"column 'similar' is float64; make it bool, say by `>= 0.5`"):
        label_matrices(ratings, ["similar"], VIEWERS, FILMS)


def test_the_vote_of_those_who_share_rare_films_counts_for_more():
    others = np.array([[1, 0, 1], [1, 1, 0], [1, 0, 0], [1, 0, 0]])
    votes = neighbor_votes([[1, 1, 0]], others)
    np.testing.assert_allclose(votes, [[0.5, 1.5, 0.5, 0.5]])


def test_found_counts_the_recommended_films_of_each_list_that_come_of_each_kind():
    lists = {"a": [[0, 1], [2, 0]], "b": [[2, 1], [1, 2]]}
    upcoming = {"watched": [[1, 1, 0], [0, 1, 1]], "liked": [[1, 0, 0], [0, 0, 0]]}
    table = found(lists, upcoming)
    assert table["a", "watched"].tolist() == [2, 1]
    assert table["b", "watched"].tolist() == [1, 2]
    assert table["a", "liked"].tolist() == [1, 0]
    assert list(table) == [("a", "watched"), ("a", "liked"), ("b", "watched"), ("b", "liked")]


class TestSharedByHalves:
    VOTES = np.ones((3, 20))
    SEEN = np.zeros((3, 100), dtype=bool)

    def taught(self, *films: int) -> np.ndarray:
        said = np.zeros((20, 100))
        said[:, list(films)] = 1
        return said

    def test_labels_that_all_teach_alike_share_all_with_themselves_and_none_with_each_other(self):
        taught = {"first": self.taught(*range(5)), "last": self.taught(*range(90, 95))}
        shared = shared_by_halves(self.VOTES, taught, self.SEEN, count=5, seed=0)
        assert shared.unstack().to_numpy().tolist() == [[5, 0], [0, 5]]

    def test_a_label_of_noise_shares_as_much_with_itself_as_lots_would(self):
        noise = {"noise": np.random.default_rng(0).random((20, 100))}
        shared = [shared_by_halves(self.VOTES, noise, self.SEEN, count=10, seed=seed).iloc[0] for seed in range(30)]
        assert 0 < np.mean(shared) < 2

    def test_another_seed_draws_other_halves(self):
        said = {"noise": np.random.default_rng(0).random((20, 100))}
        one, again, other = (shared_by_halves(self.VOTES, said, self.SEEN, count=50, seed=s) for s in (1, 1, 2))
        assert one.equals(again)
        assert not one.equals(other)


def test_the_expected_precision_is_the_mean_chance_of_what_is_recommended():
    scores, seen = np.array([[3.0, 2, 1], [3, 2, 1]]), np.array([[1, 0, 0], [0, 0, 0]])
    chance = np.array([[0.9, 0.5, 0.1], [0.8, 0.6, 0.2]])
    np.testing.assert_allclose(expected_precision(scores, seen, chance, count=2), [0.3, 0.7])
    with pytest.raises(ValueError, match="fewer than 3 unseen"):
        expected_precision(scores, seen, chance, count=3)


def test_each_scoring_stands_between_drawing_lots_and_the_best_possible():
    scores = {"good": np.array([[1.0, 3, 2], [3, 1, 2]]), "flat": np.array([1.0, 3, 2, 3, 1, 2])}
    seen, chance = np.array([[0, 1, 0], [0, 0, 0]]), np.array([[0.9, 0.5, 0.1], [0.3, 0.6, 0.2]])
    table = expected_precisions(scores, seen, chance, count=1)
    assert list(table) == ["drawing lots", "good", "flat", "best possible"]
    np.testing.assert_allclose(table["drawing lots"], [0.5, 1.1 / 3])
    np.testing.assert_allclose(table["good"], [0.1, 0.3])
    assert table["flat"].equals(table["good"])
    np.testing.assert_allclose(table["best possible"], [0.9, 0.6])


def test_scores_of_another_size_are_named():
    with pytest.raises(ValueError, match="scores 'short' have size 2 and chances 3"):
        expected_precisions({"short": [1, 2]}, np.zeros((1, 3)), np.ones((1, 3)) / 2, count=1)


def test_first_plays_are_of_songs_that_the_listener_had_not_played():
    plays = pd.DataFrame(
        {"listener": [1, 1, 2, 1, 2, 1, 1], "song": [5, 6, 7, 5, 5, 7, 7], "day": [0, 20, 3, 21, 22, 23, 25]}
    )
    past, first = past_and_first_plays(plays, day=21)
    assert past.index.tolist() == [0, 1, 2]
    assert first.index.names == ["listener", "song"]
    assert first["day"].to_dict() == {(2, 5): 22, (1, 7): 25}
    assert first.index.tolist() == [(2, 5), (1, 7), (1, 7)]


def test_plays_without_a_day_are_refused():
    with pytest.raises(ValueError, match="no column 'day'"):
        past_and_first_plays(pd.DataFrame({"listener": [1], "song": [2]}), day=21)


def watched(viewer: int, year: int, *films: int) -> pd.DataFrame:
    moment = pd.Timestamp(f"{year}-06-01", tz="UTC")
    return pd.DataFrame({"userId": viewer, "movieId": films, "timestamp": moment})


def audience(years: dict[int, int]) -> pd.DataFrame:
    """Viewer 1 watched film 0. Of the others, each in the year that is given, 2 and 3 watched 0 and 20, and 4 only 21.

    Films from 50 on are watched in 1990, once each, so that there are enough to recommend.
    """
    rows = [watched(1, 1990, 0), watched(2, years[2], 0, 20), watched(3, years[3], 0, 20), watched(4, years[4], 21)]
    return pd.concat([*rows, watched(5, 1990, *range(50, 250))], ignore_index=True)


def replayed(years: dict[int, int], upcoming: int, **options: bool) -> dict[str, bool]:
    """Whether viewer 1, tested in 2000, gets a hit if this is the film to come."""
    known, table = watched(1, 1990, 0), audience(years)
    [hit] = replay(known, watched(1, 2000, upcoming), table, pd.Series({1: 2000}), **options).to_dict("records")
    return hit


def test_neighbors_are_heard_and_the_recent_is_what_was_rated_in_the_year_before():
    years = {2: 1995, 3: 1995, 4: 1999}
    assert replayed(years, 20)["neighbors"]
    assert replayed(years, 21)["recent"]
    assert not replayed({**years, 4: 1998}, 21)["recent"]
    assert not replayed({**years, 4: 2000}, 21)["recent"]


def test_without_the_future_nobody_votes_with_what_they_rated_from_new_year_on():
    votes = pd.concat([watched(9, 1990, *range(30)), watched(1, 1990, 40), watched(8, 2000, 40, 41)])
    votes = pd.concat([votes, watched(7, 1999, 40, *range(12)), watched(6, 2000, 40, 41)], ignore_index=True)
    hit = {
        future: replay(watched(1, 1990, 40), watched(1, 2000, 41), votes, pd.Series({1: 2000}), future=future)
        for future in (True, False)
    }
    assert hit[True]["neighbors"].tolist() == [True]
    assert hit[False]["neighbors"].tolist() == [False]
    assert hit[True]["recent"].tolist() == hit[False]["recent"].tolist()


def test_the_viewers_of_a_year_do_not_learn_from_each_other_and_stand_in_order_of_their_years():
    shelf = watched(9, 1990, *range(30))
    table = pd.concat([shelf, watched(1, 1990, 40, 41), watched(2, 1990, 40, 41)], ignore_index=True)
    table = pd.concat([table, watched(7, 1990, 40, *range(12))], ignore_index=True)
    known = pd.concat([watched(1, 1990, 40), watched(2, 1990, 40)])
    upcoming = pd.concat([watched(1, 2000, 41), watched(2, 2000, 41)])
    together = replay(known, upcoming, table, pd.Series({1: 2000, 2: 2000}))
    apart = replay(known, upcoming, table, pd.Series({1: 2001, 2: 2000}))
    assert together["neighbors"].to_dict() == {1: False, 2: False}
    assert apart["neighbors"].to_dict() == {2: True, 1: True}
    assert apart.index.tolist() == [2, 1]


def test_a_replay_refuses_viewers_without_ratings_and_films_rated_twice():
    table = audience({2: 1995, 3: 1995, 4: 1999})
    known, upcoming = watched(1, 1990, 0), watched(1, 2000, 20)
    with pytest.raises(ValueError, match="viewer 77 has a year and no ratings"):
        replay(known, upcoming, table, pd.Series({1: 2000, 77: 2000}))
    with pytest.raises(ValueError, match=r"rated a film twice; keep one .*drop_duplicates"):
        replay(known, upcoming, pd.concat([table, table[:1]]), pd.Series({1: 2000}))
    with pytest.raises(ValueError, match="`ratings` has no column 'timestamp'"):
        replay(known, upcoming, table.drop(columns="timestamp"), pd.Series({1: 2000}))
