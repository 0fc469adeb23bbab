"""The simulators: what they call the truth is the truth, and a seed is all that decides what is drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlbook.simulators import ads, listening

# ------------------------------------------------------------------------------------------- impressions


@pytest.fixture(scope="module")
def shown() -> pd.DataFrame:
    return ads.impressions(400_000, seed=1)


def surprise(outcomes: pd.Series, chances: pd.Series) -> float:
    """How far the number of outcomes is from what the chances promised, in standard deviations."""
    spread = np.sqrt((chances * (1 - chances)).sum())
    return float(abs(outcomes.sum() - chances.sum()) / spread)


def test_an_ad_is_clicked_about_once_in_a_hundred_times(shown):
    assert 0.008 < shown["clicked"].mean() < 0.012


@pytest.mark.parametrize("truth", ["chance", "knowable"])
def test_clicks_come_as_often_as_the_truth_says_from_the_least_to_the_most_likely(shown, truth):
    for _, part in shown.groupby(pd.qcut(shown[truth], 10)):
        assert surprise(part["clicked"], part[truth]) < 4


def test_what_is_knowable_is_the_mean_chance_of_those_who_look_the_same(shown):
    cells = shown.groupby(ads.COLUMNS, dropna=False)
    summary = cells.agg(
        size=("chance", "size"), mean=("chance", "mean"), spread=("chance", "std"), knowable=("knowable", "first")
    )
    assert (cells["knowable"].max() == cells["knowable"].min()).all()
    large = summary[summary["size"] >= 200]
    error = (large["mean"] - large["knowable"]) / (large["spread"] / np.sqrt(large["size"]))
    assert len(large) > 100
    assert abs(error.mean()) < 0.3
    assert 0.8 < error.std() < 1.2


def test_without_taste_the_columns_of_a_known_user_show_all_there_is():
    rows = ads.impressions(20_000, seed=0, taste=0)
    known = rows.dropna()
    np.testing.assert_allclose(known["chance"], known["knowable"])


def test_the_formula_is_the_one_that_is_documented():
    rows = ads.impressions(100_000, seed=0, taste=0).query("age == 30 and hour == 23 and device == 'phone'")
    fresh = rows[rows["ads_seen"] == 0]["chance"]
    assert fresh.iloc[0] == pytest.approx(1 / (1 + np.exp(4.4 - 1.4 + 0.3 + 1.2 / (1 + np.exp(5)))))


def test_the_evening_of_the_phones_wraps_around_midnight_and_desktops_peak_at_lunch(shown):
    by_hour = shown.groupby(["device", "hour"])["chance"].mean().unstack(0)
    late, lunch = [22, 23, 0, 1], [12, 13, 14]
    for device in ("phone", "tablet"):
        assert by_hour.loc[late, device].min() > by_hour.loc[lunch, device].max()
    assert by_hour.loc[lunch, "desktop"].min() > by_hour.loc[late, "desktop"].max()


def test_a_missing_age_means_fewer_clicks(shown):
    missing = shown["age"].isna()
    assert 0.2 < missing.mean() < 0.4
    for _, part in shown.groupby("device"):
        assert part.loc[missing, "chance"].mean() < 0.8 * part.loc[~missing, "chance"].mean()


def test_each_ad_seen_makes_the_next_click_less_likely():
    rows = ads.impressions(200_000, seed=0, taste=0)
    assert (rows.query("ads_seen < 12").groupby("ads_seen")["chance"].mean().diff().dropna() < 0).all()


def test_the_hidden_taste_leaves_much_to_luck(shown):
    assert shown["chance"].std() > 1.5 * shown["knowable"].std()


def test_a_thinned_log_holds_all_clicks_and_weighs_as_much_as_the_whole():
    whole, thin = (ads.until_clicks(200, seed=3, keep=keep) for keep in (10**6, 2_000))
    assert (whole["stands_for"] == 1).all()
    assert thin["clicked"].sum() == whole["clicked"].sum() == 200
    assert len(thin) == 2_200
    assert thin["stands_for"].sum() == pytest.approx(len(whole))
    weighted = np.average(thin[["hour", "ads_seen"]], weights=thin["stands_for"], axis=0)
    np.testing.assert_allclose(weighted, whole[["hour", "ads_seen"]].mean(), rtol=0.05)


def test_it_draws_on_until_there_are_enough_clicks():
    counts = [ads.until_clicks(1, seed)["clicked"].sum() for seed in range(300)]
    assert set(counts) == {1}


# ------------------------------------------------------------------------------------- listening sessions


@pytest.fixture(scope="module")
def service() -> listening.World:
    return listening.world(seed=1, listeners=800, sessions=60)


def test_songs_are_played_to_the_end_as_often_as_the_truth_says(service):
    chance = pd.Series(service.chance[service.plays["listener"], service.plays["song"]])
    finished = ~service.plays["skipped"]
    for _, part in chance.groupby(pd.qcut(chance, 10)):
        assert finished[part.index].mean() == pytest.approx(part.mean(), abs=0.015)


def test_the_truth_is_a_chance_for_every_listener_and_song(service):
    assert service.chance.shape == (800, len(service.songs))
    assert ((service.chance > 0) & (service.chance < 1)).all()


def test_nobody_has_played_a_new_song(service):
    assert service.songs["new"].mean() == pytest.approx(0.1)
    assert not service.songs["new"].loc[service.plays["song"]].any()


def test_a_session_has_one_listener_hour_and_genre(service):
    plays = service.plays.assign(genre=service.songs["genre"].loc[service.plays["song"]].to_numpy())
    kinds = plays[["session", "listener", "day", "hour", "genre"]].drop_duplicates()
    assert kinds["session"].is_unique
    assert 5.5 < plays.groupby("session").size().mean() < 6.5


def test_plays_are_in_order_of_time(service):
    moment = service.plays["day"] * 24 + service.plays["hour"]
    assert moment.is_monotonic_increasing
    assert moment.between(0, listening.DAYS * 24 - 1).all()


def test_a_listener_keeps_to_a_time_of_day(service):
    angle = np.exp(2j * np.pi * service.plays["hour"] / 24)
    assert angle.groupby(service.plays["listener"]).mean().abs().median() > 0.8


def test_some_play_a_hundred_times_as_much_as_others(service):
    plays = service.plays.groupby("listener").size()
    assert plays.quantile(0.99) > 50 * plays.quantile(0.01)


def within_and_between(world: listening.World) -> tuple[float, float]:
    """Mean correlation, over listeners, of the chances of two songs: of one genre, and of two."""
    correlation = np.corrcoef(world.chance.T)
    genre = world.songs["genre"].to_numpy()
    same = genre[:, None] == genre
    return correlation[same & ~np.eye(len(genre), dtype=bool)].mean(), correlation[~same].mean()


def test_a_genre_tells_all_of_a_sound_or_nothing_as_asked():
    within, between = within_and_between(listening.world(seed=0, genre_share=1))
    assert within > 0.95 > between + 0.5
    within, between = within_and_between(listening.world(seed=0, genre_share=0))
    assert within == pytest.approx(between, abs=0.05)


def test_energetic_songs_are_for_the_day(service):
    plays = service.plays.assign(genre=service.songs["genre"].loc[service.plays["song"]].to_numpy())
    at_night = plays["hour"].isin([0, 1, 2, 3]).groupby(plays["genre"]).mean()
    assert at_night.max() > 1.3 * at_night.min()


# ------------------------------------------------------------------------------------------------- both


def draws(seed: int | np.random.Generator) -> list[pd.DataFrame]:
    world = listening.world(seed, listeners=30, songs=40)
    return [ads.impressions(500, seed), world.plays, pd.DataFrame(world.chance)]


def test_the_same_seed_draws_the_same_and_another_does_not():
    for first, second, other in zip(draws(0), draws(0), draws(1), strict=True):
        pd.testing.assert_frame_equal(first, second)
        assert not first.equals(other)


def test_a_generator_goes_on_where_it_was():
    rng = np.random.default_rng(0)
    first, second = ads.impressions(500, rng), ads.impressions(500, rng)
    pd.testing.assert_frame_equal(first, ads.impressions(500, 0))
    assert not first.equals(second)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: ads.impressions(0, 0), "count must be at least 1, got 0"),
        (lambda: ads.impressions(10, 0, taste=-1), "cannot be negative, got -1"),
        (lambda: ads.impressions(10, 0, taste=float("nan")), "cannot be negative, got nan"),
        (lambda: ads.until_clicks(0, 0), "at least 1, got 0 and 3000"),
        (lambda: ads.until_clicks(5, 0, keep=0), "at least 1, got 5 and 0"),
        (lambda: listening.world(0, listeners=0), "listeners must be at least 1, got 0"),
        (lambda: listening.world(0, songs=15), "at least 16, two a genre, got 15"),
        (lambda: listening.world(0, sessions=0), "must be positive, got 0"),
        (lambda: listening.world(0, new=0.5), "below 0.5, got 0.5"),
        (lambda: listening.world(0, genre_share=1.5), "between 0 and 1, got 1.5"),
    ],
)
def test_what_cannot_be_simulated_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()
