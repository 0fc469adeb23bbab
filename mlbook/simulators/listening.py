"""Listening sessions with hidden tastes and a known chance that a song is played to its end. Simulated.

The truth. Listener `u` plays song `s` at hour `h` to its end with the chance `1 / (1 + exp(-x))`, where `x` is the
sum of

- how the song sounds to the listener: the dot product of a taste and a sound, both vectors of `SOUNDS` numbers that no
  log holds, with standard deviation `LIKING`. A song's sound is that of its genre plus its own, and `genre_share` is
  the share of the variance that lies between genres. The rest could be heard in the audio and nowhere else;
- the song's appeal to everybody, standard deviation 0.5;
- the listener's patience, standard deviation 0.7;
- the time of day: energetic songs gain up to `daytime` at 14:00 and lose as much at 02:00, calm ones the other way
  round.

What is played: a session has one hour near the listener's usual one, one genre, drawn by how its typical sound suits
the listener at that hour, and a few songs of it, drawn by popularity, which is half appeal and half luck. Nobody
chooses a song by its own sound, and nothing is recommended: these are logs of a service before its recommender.

New songs are in the catalog and were never played. How much a listener plays differs by a factor of a hundred.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

GENRES = ("ambient", "classical", "country", "electronic", "folk", "hip hop", "metal", "pop")
SOUNDS = 6
LIKING = 1.2
DAYS = 28

Floats = NDArray[np.float64]

_SONGS_PER_SESSION = 6.0
_USUAL_HOURS = (8.0, 13.0, 20.0, 23.0)
_OFFSETS = np.arange(-5, 6)  # hours from the usual one
_OFFSET_SHARES = np.exp(-((_OFFSETS / 2) ** 2) / 2) / np.exp(-((_OFFSETS / 2) ** 2) / 2).sum()


@dataclass(frozen=True)
class World:
    """A music service: its catalog, what was played, and what is true.

    Attributes
    ----------
    songs
        One row a song: `genre`, and `new` (never played). The index is the song's number.
    plays
        One row a play, in order of time: `listener` and `song` (numbers), `session` (number), `day` (0-27), `hour`
        (0-23), and `skipped` (bool), the opposite of played to the end.
    chance
        The true chance that a listener plays a song to its end, averaged over the hours at which that listener listens:
        (listeners, songs). No recommender can know more.
    """

    songs: pd.DataFrame
    plays: pd.DataFrame
    chance: Floats


def world(
    seed: int | np.random.Generator,
    *,
    listeners: int = 400,
    songs: int = 500,
    sessions: float = 20.0,
    new: float = 0.1,
    genre_share: float = 0.5,
    daytime: float = 0.6,
) -> World:
    """Draw a music service and four weeks of its log.

    Parameters
    ----------
    seed
        A seed, or a generator to draw from.
    listeners, songs
        How many there are.
    sessions
        Mean number of sessions of a listener in the four weeks; a session has six songs on average.
    new
        The share of songs that nobody has played.
    genre_share
        How much of a sound its genre tells: 0 for nothing, 1 for everything.
    daytime
        How much the hour moves the score of the most energetic songs, in either direction.

    Raises
    ------
    ValueError
        If there are no listeners, fewer than two songs a genre, no sessions, or a share is outside of its range.
    """
    _check(listeners, songs, sessions, new, genre_share)
    rng = np.random.default_rng(seed)
    genre = rng.permutation(np.arange(songs) % len(GENRES))
    typical = np.sqrt(genre_share) * rng.normal(size=(len(GENRES), SOUNDS))
    sound = typical[genre] + np.sqrt(1 - genre_share) * rng.normal(size=(songs, SOUNDS))
    taste = rng.normal(size=(listeners, SOUNDS)) * LIKING / np.sqrt(SOUNDS)
    appeal, luck = rng.normal(size=(2, songs))
    fixed = taste @ sound.T + 0.5 * appeal + rng.normal(0, 0.7, (listeners, 1))
    energy = daytime * np.tanh(sound[:, 0])
    is_new = rng.permutation(songs) < round(new * songs)

    usual_hour = rng.choice(_USUAL_HOURS, listeners)
    plays = _sessions(rng, taste @ typical.T, daytime * np.tanh(typical[:, 0]), usual_hour, sessions)
    popularity = np.where(is_new, 0, np.exp(0.7 * appeal + 0.7 * luck))
    plays["song"] = _songs(rng, plays.pop("genre").to_numpy(), genre, popularity)
    who, what = plays["listener"].to_numpy(), plays["song"].to_numpy()
    score = fixed[who, what] + energy[what] * _daytime(plays["hour"].to_numpy(float))
    plays["skipped"] = rng.random(len(plays)) >= _logistic(score)
    return World(
        songs=pd.DataFrame({"genre": np.array(GENRES)[genre], "new": is_new}),
        plays=plays[["listener", "session", "day", "hour", "song", "skipped"]],
        chance=_over_hours(fixed, energy, usual_hour),
    )


def _sessions(
    rng: np.random.Generator, liking: Floats, energy: Floats, usual_hour: Floats, mean: float
) -> pd.DataFrame:
    """One row a play, without its song: listener, session, day, hour, and genre (a number)."""
    activity = rng.lognormal(-0.5, 1, len(liking))  # 1 on average
    listener = np.repeat(np.arange(len(liking)), rng.poisson(mean * activity))
    count = len(listener)
    day = rng.integers(DAYS, size=count)
    hour = (usual_hour[listener] + rng.choice(_OFFSETS, size=count, p=_OFFSET_SHARES)) % 24
    ladder = np.cumsum(np.exp(liking[listener] + _daytime(hour)[:, None] * energy), axis=1)
    genre = (rng.random((count, 1)) * ladder[:, -1:] > ladder).sum(axis=1)
    table = pd.DataFrame({"listener": listener, "day": day, "hour": hour.astype(int), "genre": genre})
    table = table.iloc[np.lexsort((hour, day))].assign(session=np.arange(count))
    length = 1 + rng.poisson(_SONGS_PER_SESSION - 1, count)
    return table.iloc[np.repeat(np.arange(count), length)].reset_index(drop=True)


def _songs(
    rng: np.random.Generator, wanted: NDArray[np.intp], genre: NDArray[np.intp], popularity: Floats
) -> NDArray[np.intp]:
    """A song of each `wanted` genre (n,), drawn by popularity within that genre."""
    by_genre = np.argsort(genre, kind="stable")
    ends = np.cumsum(popularity[by_genre])
    totals = np.bincount(genre, weights=popularity, minlength=len(GENRES))
    before = np.concatenate([[0.0], np.cumsum(totals)[:-1]])
    place = before[wanted] + rng.random(len(wanted)) * totals[wanted]
    chosen: NDArray[np.intp] = by_genre[np.searchsorted(ends, place, side="right")]
    return chosen


def _over_hours(fixed: Floats, energy: Floats, usual_hour: Floats) -> Floats:
    """The chance of every listener and song, averaged over the hours around the usual one."""
    chance = np.zeros_like(fixed)
    odds = np.exp(-fixed)  # of skipping, without the hour; one call of exp for all hours
    hours, of_listener = np.unique(usual_hour, return_inverse=True)
    for offset, share in zip(_OFFSETS, _OFFSET_SHARES, strict=True):
        moved = np.exp(-_daytime(hours + offset)[:, None] * energy)
        chance += share / (1 + odds * moved[of_listener])
    return chance


def _daytime(hour: Floats) -> Floats:
    return np.asarray(np.cos((hour - 14) * 2 * np.pi / 24))


def _logistic(score: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-score)))


def _check(listeners: int, songs: int, sessions: float, new: float, genre_share: float) -> None:
    if listeners < 1:
        raise ValueError(f"listeners must be at least 1, got {listeners}")
    if songs < 2 * len(GENRES):
        raise ValueError(f"songs must be at least {2 * len(GENRES)}, two a genre, got {songs}")
    if not sessions > 0:
        raise ValueError(f"sessions is a mean number and must be positive, got {sessions}")
    if not 0 <= new < 0.5:
        raise ValueError(f"new is a share of the songs from 0 to below 0.5, got {new}")
    if not 0 <= genre_share <= 1:
        raise ValueError(f"genre_share lies between 0 and 1, got {genre_share}")
