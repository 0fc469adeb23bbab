"""Listening features: counts that a reader can redo by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlbook.features import listening_features
from mlbook.simulators import listening

SONGS = pd.DataFrame({"genre": ["pop", "folk", "pop"]}, index=[10, 20, 30])
PLAYS = pd.DataFrame(
    {
        "listener": [1, 1, 1, 2],
        "song": [10, 10, 20, 10],
        "hour": [23, 20, 3, 12],
        "skipped": [False, True, True, False],
    }
)


@pytest.fixture(scope="module")
def features() -> pd.DataFrame:
    return listening_features(PLAYS, SONGS, [1, 2, 3])


def smooth(count: float, of: float, toward: float) -> float:
    return (count + 10 * toward) / (of + 10)


def test_every_listener_has_features_for_every_song(features):
    assert features.index.tolist() == [(listener, song) for listener in (1, 2, 3) for song in SONGS.index]
    assert features.notna().all(axis=None)


def test_plays_and_popularity_are_counted(features):
    assert features["plays"].tolist() == [2, 1, 0, 1, 0, 0, 0, 0, 0]
    np.testing.assert_allclose(features["popularity"].loc[3], np.log([4, 2, 1]))


def test_the_share_of_a_genre_is_smoothed_toward_equal_shares(features):
    share = features["genre_share"]
    np.testing.assert_allclose(share.loc[1], [smooth(2, 3, 0.5), smooth(1, 3, 0.5), smooth(2, 3, 0.5)])
    np.testing.assert_allclose(share.loc[3], 0.5)


def test_the_skips_of_a_genre_are_smoothed_toward_what_the_listener_skips_at_all(features):
    skips, own = features["genre_skips"], smooth(2, 3, 0.5)
    np.testing.assert_allclose(skips.loc[1], [smooth(1, 2, own), smooth(1, 1, own), smooth(1, 2, own)])
    np.testing.assert_allclose(skips.loc[3], 0.5)


def test_the_skips_of_a_song_are_those_of_everybody(features):
    np.testing.assert_allclose(features["song_skips"].loc[2], [smooth(1, 3, 0.5), smooth(1, 1, 0.5), 0.5])


def test_the_usual_time_is_the_same_for_every_song(features):
    at_night, in_evening = features["at_night"], features["in_evening"]
    np.testing.assert_allclose(at_night.loc[1], smooth(1, 3, 0.25))
    np.testing.assert_allclose(in_evening.loc[1], smooth(2, 3, 0.25))
    np.testing.assert_allclose(in_evening.loc[3], 0.25)


def test_the_skips_at_that_time_are_weighed_by_when_the_listener_listens(features):
    song = smooth(1, 3, 0.5)
    by_part = np.array([song, song, smooth(0, 1, song), smooth(1, 2, song)])
    times = np.array([smooth(0, 1, 0.25), smooth(0, 1, 0.25), smooth(1, 1, 0.25), smooth(0, 1, 0.25)])
    assert features.loc[(2, 10), "skips_then"] == pytest.approx(times @ by_part)


def test_the_order_of_the_plays_does_not_matter(features):
    shuffled = PLAYS.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(listening_features(shuffled, SONGS, [1, 2, 3]), features)


def test_a_play_of_tomorrow_changes_only_what_it_is_counted_for(features):
    tomorrow = pd.DataFrame({"listener": [2], "song": [20], "hour": [12], "skipped": [True]})
    later = listening_features(pd.concat([PLAYS, tomorrow]), SONGS, [1, 2, 3])
    changed = later != features
    assert changed.loc[(2, 20), "plays"]
    assert changed.loc[(1, 20), "popularity"]
    assert not changed.loc[(1, 10), "popularity"]
    assert not changed.loc[1, "genre_share"].any()


def test_its_features_tell_who_finishes_what_in_a_simulated_service():
    world = listening.world(0)
    features = listening_features(world.plays, world.songs, range(len(world.chance)))
    chance = pd.Series(world.chance.ravel(), features.index)
    correlation = features.corrwith(chance)
    assert correlation["genre_share"] > 0.2
    assert correlation[["genre_skips", "song_skips", "skips_then"]].max() < -0.2


@pytest.mark.parametrize(
    ("plays", "songs", "message"),
    [
        (PLAYS.drop(columns="hour"), SONGS, "`plays` has no column 'hour'"),
        (PLAYS, SONGS.rename(columns={"genre": "kind"}), "`songs` has no column 'genre'"),
        (PLAYS[:0], SONGS, "`plays` has no row"),
        (PLAYS.assign(listener=9), SONGS, "`plays` has listener 9, which is not among the listeners"),
        (PLAYS, SONGS.drop(index=20), "`plays` has song 20, which is not among the songs"),
        (PLAYS.assign(hour=24), SONGS, "`plays` has the hour 24; hours go from 0 to 23"),
        (PLAYS, SONGS.assign(genre=["pop", None, "pop"]), "song 20 has no genre"),
    ],
)
def test_what_cannot_be_counted_is_refused(plays, songs, message):
    with pytest.raises(ValueError, match=message):
        listening_features(plays, songs, [1, 2, 3])
