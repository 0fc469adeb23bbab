"""Who watched or played what, and the best of what is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mlbook._checks import require_columns

_DIGITS = 9
_ROUNDING = 10.0**-_DIGITS
_NEVER = np.iinfo(np.int16).max  # the year in which a film is rated that is not


def past_and_next(ratings: pd.DataFrame, known: float = 0.8, count: int = 10) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The first `known` share of each viewer's ratings, and the `count` that came right after.

    `ratings` has the columns `userId`, `movieId`, and `timestamp`; ratings of the same moment are in order of
    `movieId`.

    Raises
    ------
    ValueError
        If a column is missing, or `known` is not between 0 and 1.
    """
    require_columns(ratings, ("userId", "movieId", "timestamp"), "ratings")
    if not 0 < known < 1:
        raise ValueError(f"known must lie between 0 and 1, got {known}")
    in_order = ratings.sort_values(["userId", "timestamp", "movieId"])
    per_viewer = in_order.groupby("userId")["movieId"]
    is_past = per_viewer.cumcount() < known * per_viewer.transform("size")
    return in_order[is_past], in_order[~is_past].groupby("userId").head(count)


def newcomers(
    ratings: pd.DataFrame, start: pd.Timestamp, *, raters: int = 5, rated: int = 20, known: float = 0.5
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """What was rated before `start`, and what each viewer who came later rated first and afterwards.

    Only films with at least `raters` ratings before `start` count, and only newcomers with at least `rated`
    ratings of these films; the first of them, the share `known`, are what a recommender may look at.

    `ratings` has the columns `userId`, `movieId`, and `timestamp`.

    Returns
    -------
    early, known, later
        Rows of `ratings`: those before `start`, and the two parts of the newcomers' ratings.

    Raises
    ------
    ValueError
        If a column is missing, `known` is not between 0 and 1, or there is no newcomer.
    """
    require_columns(ratings, ("userId", "movieId", "timestamp"), "ratings")
    early = ratings[ratings["timestamp"] < start]
    early = early[early.groupby("movieId")["userId"].transform("size") >= raters]
    joined = ratings.groupby("userId")["timestamp"].transform("min")
    late = ratings[(joined >= start) & ratings["movieId"].isin(early["movieId"])]
    late = late[late.groupby("userId")["movieId"].transform("size") >= rated]
    if late.empty:
        raise ValueError(
            f"no viewer who joined at {start} or later rated {rated} of the films that {raters} had rated before; "
            "choose an earlier start or ask for fewer ratings"
        )
    return early, *past_and_next(late, known=known, count=len(late))


def past_and_first_plays(plays: pd.DataFrame, day: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The plays before `day`, and those from then on of songs that the listener had not played before.

    The second is what a recommender of unheard songs can learn from; it is indexed by `listener` and `song`, like the
    features of `mlbook.features.listening_features`. `plays` has these two columns and `day`, one row a play. A song
    that is first met on or after `day` is there with each of its plays.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    require_columns(plays, ("listener", "song", "day"), "plays")
    is_past = plays["day"] < day
    indexed = plays.set_index(["listener", "song"])
    heard = indexed.index.isin(indexed.index[is_past].unique())
    return plays[is_past], indexed[~is_past.to_numpy() & ~heard]


def viewing_matrix(ratings: pd.DataFrame, viewers: pd.Index, films: pd.Index) -> pd.DataFrame:
    """Whether a viewer rated a film: (viewers, films), bool.

    `ratings` has the columns `userId` and `movieId`, one row a rating; ratings of other viewers or films
    are left out.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    require_columns(ratings, ("userId", "movieId"), "ratings")
    rows, columns = (
        index.get_indexer(pd.Index(ratings[key])) for index, key in ((viewers, "userId"), (films, "movieId"))
    )
    inside = (rows >= 0) & (columns >= 0)
    matrix = np.zeros((len(viewers), len(films)), dtype=bool)
    matrix[rows[inside], columns[inside]] = True
    return pd.DataFrame(matrix, index=viewers, columns=films)


def label_matrices(
    ratings: pd.DataFrame, labels: Sequence[str], viewers: pd.Index, films: pd.Index
) -> dict[str, NDArray[np.float64]]:
    """For each label, a `viewing_matrix` of the ratings of which it is true: (viewers, films), of 0 and 1.

    `ratings` has the columns `userId`, `movieId`, and those named in `labels`, which are bool.

    Raises
    ------
    ValueError
        If a column is missing, or a label is anything but true or false.
    """
    require_columns(ratings, labels, "ratings")
    for label in labels:
        if ratings[label].dtype != bool:
            raise ValueError(f"column {label!r} is {ratings[label].dtype}; make it bool, say by `>= 0.5`")
    return {label: viewing_matrix(ratings[ratings[label]], viewers, films).to_numpy(float) for label in labels}


def favorite_genre_scores(
    seen: NDArray[np.float64], others: NDArray[np.float64], genres: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The rule: how many of the others watched a film of the viewer's most-watched genre; 0 for other films.

    `seen` is (viewers, films), `others` is (other viewers, films), `genres` is (films, genres), all of 0 and
    1; the scores are (viewers, films).
    """
    favorite = (seen @ genres).argmax(axis=1)
    scores: NDArray[np.float64] = others.sum(axis=0) * genres[:, favorite].T
    return scores


def neighbor_votes(seen: ArrayLike, others: ArrayLike) -> NDArray[np.floating[Any]]:
    """How much the vote of each other viewer counts for each viewer: (viewers, other viewers).

    The more films they share, and the rarer those films are, the more. `seen` is (viewers, films) and
    `others` is (other viewers, films), of 0 and 1.
    """
    watched = np.asarray(others)
    votes: NDArray[np.floating[Any]] = (np.asarray(seen) * _rarity(watched)) @ watched.T
    return votes


def neighbor_scores(seen: ArrayLike, others: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """The model: item-based nearest neighbors with cosine similarity, written as votes of the other viewers.

    Their votes weigh as in `neighbor_votes`. `seen` is (viewers, films) and `others` is (other viewers, films),
    of 0 and 1; the scores are (viewers, films). Source: Sarwar and others, "Item-based collaborative filtering
    recommendation algorithms", 2001.
    """
    scores: NDArray[np.floating[Any]] = neighbor_votes(seen, others) @ others * _rarity(others)
    return scores


def top_unseen(scores: ArrayLike, seen: ArrayLike, count: int = 10) -> NDArray[np.intp]:
    """Positions of the `count` best-scored films that each viewer has not seen: (viewers, count), best first.

    Equal scores are drawn by lot, with a fixed seed, so that no ranking wins by the order of the columns.

    Raises
    ------
    ValueError
        If `scores` and `seen` (viewers, films) differ in shape, or a viewer has seen too many films.
    """
    score, hidden = np.asarray(scores, dtype=float), np.asarray(seen) > 0
    if score.shape != hidden.shape:
        raise ValueError(f"scores have shape {score.shape} and seen has {hidden.shape}; they must be the same")
    if (~hidden).sum(axis=1).min() < count:
        raise ValueError(f"a viewer has fewer than {count} unseen films; ask for fewer")
    cost = np.where(hidden, np.inf, -score)
    lot = np.random.default_rng(0).permutation(score.shape[1])
    worst_kept = np.partition(cost, count - 1, axis=1)[:, count - 1]
    best = np.empty((len(cost), count), dtype=np.intp)
    for row, (costs, limit) in enumerate(zip(cost, worst_kept, strict=True)):
        # Rounding makes equal what differs only in the last bits from one machine to the next.
        candidates = np.flatnonzero(costs <= limit + _ROUNDING)
        order = np.lexsort((lot[candidates], costs[candidates].round(_DIGITS)))
        best[row] = candidates[order[:count]]
    return best


def hits(scores: ArrayLike, seen: ArrayLike, upcoming: ArrayLike, count: int = 10) -> NDArray[np.bool_]:
    """Whether one of the `count` best-scored unseen films is among the upcoming ones: (viewers,).

    `scores`, `seen`, and `upcoming` are (viewers, films); errors as in `top_unseen`.
    """
    recommended = top_unseen(scores, seen, count)
    watched = np.take_along_axis(np.asarray(upcoming) > 0, recommended, axis=1)
    return np.asarray(watched.any(axis=1))


def replay(
    known: pd.DataFrame, upcoming: pd.DataFrame, ratings: pd.DataFrame, years: pd.Series, *, future: bool = True
) -> pd.DataFrame:
    """Whether each viewer would have got a hit in the year of their test, from rankers retrained on its New Year.

    The viewers tested in a year are left out of what its rankers learn from. *Neighbors* is `neighbor_scores`, with
    the votes of all other viewers; *recent* scores a film by how many of them rated it in the year before.

    Parameters
    ----------
    known, upcoming
        What is known of each viewer and what is to be hit, as `past_and_next` returns them.
    ratings
        The ratings of all viewers (`userId`, `movieId`, `timestamp`), each film once by a viewer.
    years
        The year of the test (n,), indexed by viewer.
    future
        Whether ratings that others made from New Year on vote, too.

    Returns
    -------
    DataFrame
        The columns `neighbors` and `recent`, bool, indexed by viewer in order of the years: (n, 2).

    Raises
    ------
    ValueError
        If a column is missing, a viewer has no ratings or rated a film twice, or as `top_unseen`.
    """
    require_columns(ratings, ("userId", "movieId", "timestamp"), "ratings")
    viewers, films = (pd.Index(ratings[key].unique()) for key in ("userId", "movieId"))
    tested = viewers.get_indexer(years.index)
    if (tested < 0).any():
        raise ValueError(f"viewer {years.index[tested < 0].tolist()[0]} has a year and no ratings; leave them out")
    rated_in = np.full((len(viewers), len(films)), _NEVER, dtype=np.int16)
    rated_in[viewers.get_indexer(ratings["userId"]), films.get_indexer(ratings["movieId"])] = ratings[
        "timestamp"
    ].dt.year
    if (rated_in < _NEVER).sum() < len(ratings):
        raise ValueError("a viewer rated a film twice; keep one of these ratings, with .drop_duplicates(...)")
    seen_by, next_of = (viewing_matrix(part, years.index, films).to_numpy() for part in (known, upcoming))
    results = []
    for year in np.unique(years):
        rows = np.flatnonzero(years == year)
        others = np.delete(rated_in, tested[rows], axis=0)
        votes = (others < (_NEVER if future else year)).astype(np.float32)
        seen = seen_by[rows]
        scores = {
            "neighbors": neighbor_scores(seen, votes),
            "recent": np.tile((others == year - 1).sum(axis=0), (len(rows), 1)),
        }
        hit = {name: hits(score, seen, next_of[rows]) for name, score in scores.items()}
        results.append(pd.DataFrame(hit, index=years.index[rows]))
    return pd.concat(results)


def found(recommended: Mapping[str, ArrayLike], upcoming: Mapping[str, ArrayLike]) -> pd.DataFrame:
    """How many of the films on each list are among the upcoming ones of each kind.

    Parameters
    ----------
    recommended
        Positions of films by the name of the list, as from `top_unseen`: (viewers, count).
    upcoming
        0 or 1 by the name of the kind: (viewers, films).

    Returns
    -------
    DataFrame
        One row a viewer, in order, and a column for each (list, kind).
    """
    counts = {
        (name, kind): np.take_along_axis(np.asarray(came) > 0, np.asarray(films), axis=1).sum(axis=1)
        for name, films in recommended.items()
        for kind, came in upcoming.items()
    }
    return pd.DataFrame(counts)


def shared_by_halves(
    votes: ArrayLike, taught: Mapping[str, ArrayLike], seen: ArrayLike, count: int = 10, *, seed: int
) -> pd.Series:
    """How many films two lists share on average, if one is taught by half of the voters and one by the other half.

    What two labels share means nothing until it is known what one label shares with itself when other
    people teach it. The halves are drawn by lot.

    Parameters
    ----------
    votes
        How much each voter counts for each viewer: (viewers, voters).
    taught
        By the name of the label, 0 or 1 for what each voter says about each film: (voters, films).
    seen
        What must not be recommended: (viewers, films).

    Returns
    -------
    Series
        0 to `count`, for each (label taught by one half, label taught by the other).
    """
    weight = np.asarray(votes, dtype=float)
    one, other = (
        {label: top_unseen(weight[:, half] @ np.asarray(said)[half], seen, count) for label, said in taught.items()}
        for half in np.array_split(np.random.default_rng(seed).permutation(weight.shape[1]), 2)
    )
    shared = {
        (label, rival): (films[:, :, None] == theirs[:, None]).sum(axis=(1, 2)).mean()
        for label, films in one.items()
        for rival, theirs in other.items()
    }
    return pd.Series(shared)


def expected_precision(scores: ArrayLike, seen: ArrayLike, chance: ArrayLike, count: int = 10) -> NDArray[np.float64]:
    """The share of the `count` best-scored unseen films that each viewer would finish: (viewers,), from 0 to 1.

    `chance` holds the true chance that a viewer finishes a film, which only a simulation knows: the precision at
    `count`, without the luck of who finished what. `scores`, `seen`, and `chance` are (viewers, films); errors as in
    `top_unseen`.
    """
    recommended = top_unseen(scores, seen, count)
    return np.asarray(np.take_along_axis(np.asarray(chance, dtype=float), recommended, axis=1).mean(axis=1))


def expected_precisions(
    scores: Mapping[str, ArrayLike], seen: ArrayLike, chance: ArrayLike, count: int = 10
) -> pd.DataFrame:
    """The `expected_precision` of each scoring, beside that of drawing lots and of knowing the chances.

    Parameters are those of `expected_precision`, with several `scores` by name, each (viewers, films) or the same in
    one row, viewer by viewer.

    Returns
    -------
    DataFrame
        One row a viewer: `drawing lots`, the mean chance of all unseen films; a column for each scoring; and
        `best possible`.

    Raises
    ------
    ValueError
        As in `top_unseen`, and if scores have another size.
    """
    true, hidden = np.asarray(chance, dtype=float), np.asarray(seen) > 0
    for name, score in scores.items():
        if np.size(score) != true.size:
            raise ValueError(f"scores {name!r} have size {np.size(score)} and chances {true.size}; they must match")
    orders = {name: np.reshape(score, true.shape) for name, score in scores.items()} | {"best possible": true}
    found = {name: expected_precision(score, hidden, true, count) for name, score in orders.items()}
    return pd.DataFrame({"drawing lots": np.ma.array(true, mask=hidden).mean(axis=1).filled(np.nan)} | found)


def _rarity(watched: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """One over the length of each film's column: (films,)."""
    rarity: NDArray[np.floating[Any]] = 1 / np.sqrt(np.maximum(watched.sum(axis=0), 1))
    return rarity
