"""What a log of plays tells of every listener and song: counted behavior, and no audio."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlbook._checks import require_frame

_EXTRA = 10  # plays that smoothing adds
_HOURS_A_PART, _PARTS = 6, 4

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]
Columns = dict[str, Floats]


def listening_features(plays: pd.DataFrame, songs: pd.DataFrame, listeners: Sequence[int] | pd.Index) -> pd.DataFrame:
    """Features of every pair of a listener and a song, from what was played.

    Each share and rate is smoothed: ten plays at a usual rate are added, so that little evidence moves it a little.

    Parameters
    ----------
    plays
        One row a play: `listener`, `song`, `hour` (0-23), and `skipped` (bool). All of them are counted, so pass only
        those before the moment of the prediction.
    songs
        The catalog, with a `genre`; its index is what `song` names. Songs without a play get features, too.
    listeners
        Whom to make features for; no listener of `plays` may be missing.

    Returns
    -------
    DataFrame
        Indexed by `listener` and `song`, float64:

        - `plays`: of this song by this listener
        - `popularity`: log(1 + plays of the song by anybody)
        - `genre_share`: of the listener's plays, those of the song's genre, smoothed toward equal shares
        - `genre_skips`: how often the listener skips that genre, smoothed toward how often they skip at all
        - `song_skips`: how often anybody skips the song, smoothed toward the rate of all plays
        - `at_night`, `in_evening`: the share of the listener's plays at 0-5 and at 18-23 hours, smoothed toward 1/4
        - `skips_then`: the skip rates of the song in the four quarters of the day, each smoothed toward `song_skips`,
          weighed by when this listener listens

    Raises
    ------
    ValueError
        If a column is missing, there is no play, a listener or song of `plays` is unknown, an hour is none, or a song
        has no genre. `TypeError` if a table is not a DataFrame.
    """
    require_frame(plays, ("listener", "song", "hour", "skipped"), "plays")
    require_frame(songs, ("genre",), "songs")
    if plays.empty:
        raise ValueError("`plays` has no row; without a play there is no usual rate")
    who = _positions(plays["listener"], pd.Index(listeners), "listeners")
    what = _positions(plays["song"], songs.index, "songs")
    part = _parts(plays["hour"])
    genre = _genres(songs["genre"])
    skipped = plays["skipped"].to_numpy(float)
    shape = (len(listeners), len(songs))
    columns = {
        "plays": _counts(who, what, shape),
        "popularity": np.log1p(np.bincount(what, minlength=len(songs))),
        **_genre_columns(who, genre[what], skipped, (len(listeners), genre.max() + 1), genre),
        **_time_columns(who, what, part, skipped, shape),
    }
    pairs = pd.MultiIndex.from_product([listeners, songs.index], names=["listener", "song"])
    return pd.DataFrame({name: np.broadcast_to(values, shape).ravel() for name, values in columns.items()}, pairs)


def _genre_columns(who: Codes, played: Codes, skipped: Floats, shape: tuple[int, int], genre: Codes) -> Columns:
    """How much of a listener's plays go to the genre of a song, and how often they skip it."""
    plays, skips = _counts(who, played, shape), _counts(who, played, shape, skipped)
    all_plays, all_skips = (counts.sum(axis=1, keepdims=True) for counts in (plays, skips))
    own = _smoothed(all_skips, all_plays, skipped.mean())
    return {
        "genre_share": _smoothed(plays, all_plays, 1 / shape[1])[:, genre],
        "genre_skips": _smoothed(skips, plays, own)[:, genre],
    }


def _time_columns(who: Codes, what: Codes, part: Codes, skipped: Floats, shape: tuple[int, int]) -> Columns:
    """How often a song is skipped, when a listener listens, and how often the song is skipped then."""
    by_song, by_listener = (shape[1], _PARTS), (shape[0], _PARTS)
    plays, skips = _counts(what, part, by_song), _counts(what, part, by_song, skipped)
    song = _smoothed(skips.sum(axis=1), plays.sum(axis=1), skipped.mean())
    times = _counts(who, part, by_listener)
    times = _smoothed(times, times.sum(axis=1, keepdims=True), 1 / _PARTS)
    return {
        "song_skips": song,
        "at_night": times[:, :1],
        "in_evening": times[:, -1:],
        "skips_then": times @ _smoothed(skips, plays, song[:, None]).T,
    }


def _positions(keys: pd.Series, known: pd.Index, where: str) -> Codes:
    found = known.get_indexer(pd.Index(keys))
    if (found < 0).any():
        raise ValueError(f"`plays` has {keys.name} {keys[found < 0].iloc[0]}, which is not among the {where}; add it")
    return found


def _parts(hours: pd.Series) -> Codes:
    wrong = hours[~hours.between(0, 23)]
    if len(wrong):
        raise ValueError(f"`plays` has the hour {wrong.iloc[0]}; hours go from 0 to 23")
    return hours.to_numpy(np.int64) // _HOURS_A_PART


def _genres(names: pd.Series) -> Codes:
    codes, _ = pd.factorize(names, sort=True)
    if (codes < 0).any():
        raise ValueError(f"song {names.index[codes < 0][0]} has no genre; name one, such as 'unknown'")
    return codes


def _counts(rows: Codes, columns: Codes, shape: tuple[int, int], weights: Floats | None = None) -> Floats:
    """How often each pair of a row and a column occurs, or the sum of its weights: (rows, columns)."""
    counts = np.bincount(rows * shape[1] + columns, weights, minlength=shape[0] * shape[1])
    return counts.reshape(shape).astype(float)


def _smoothed(count: Floats, of: Floats, toward: float | Floats) -> Floats:
    return np.asarray((count + _EXTRA * toward) / (of + _EXTRA))
