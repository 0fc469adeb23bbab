"""Labels: definitions of what is true, and from when on a label can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlbook._checks import require_aware, require_columns

_NO_GENRES = "(no genres listed)"

# ---------------------------------------------------------------------- did they enjoy it?


def rated_high(ratings: pd.DataFrame, stars: float = 4.0) -> pd.Series:
    """Whether each rating is of at least `stars` stars: bool, indexed like `ratings` (column `rating`)."""
    require_columns(ratings, ["rating"], "ratings")
    return ratings["rating"] >= stars


def above_own_mean(ratings: pd.DataFrame) -> pd.Series:
    """Whether each rating is above the mean of its viewer's ratings: bool, indexed like `ratings`.

    `ratings` has the columns `userId` and `rating`. Somebody who gives everything four stars likes nothing
    more than the rest.
    """
    require_columns(ratings, ["userId", "rating"], "ratings")
    return ratings["rating"] > ratings.groupby("userId")["rating"].transform("mean")


def similar_next(ratings: pd.DataFrame, genres: pd.Series, overlap: float = 0.5) -> pd.Series:
    """What share of the films that a viewer rated next resemble the film of each row.

    "Next" is everything that the viewer rated at their next moment: films of one and the same second have no
    order. Two films resemble each other if they have at least the share `overlap` of their genres in common
    (shared genres / all genres of the two: the Jaccard index).

    Parameters
    ----------
    ratings
        One row a rating, in any order, with the columns `userId`, `movieId`, and `timestamp`.
    genres
        The genres of each film, separated by `|`, indexed by `movieId`.

    Returns
    -------
    Series
        0 to 1, indexed like `ratings`; NaN for the films of a viewer's last moment, whose next is not known.

    Raises
    ------
    ValueError
        If a column or a film's genres are missing, or `overlap` is not between 0 and 1.
    """
    require_columns(ratings, ["userId", "movieId", "timestamp"], "ratings")
    if not 0 < overlap <= 1:
        raise ValueError(f"overlap must lie above 0 and at most at 1, got {overlap}")
    unknown = ratings.loc[~ratings["movieId"].isin(genres.index), "movieId"]
    if len(unknown):
        raise ValueError(f"`genres` has no film {unknown.iloc[0]}; give the genres of every film in `ratings`")

    ordered = ratings.sort_values(["userId", "timestamp"])
    moment = ordered.groupby(["userId", "timestamp"]).ngroup().to_numpy()
    first, size = np.unique(moment, return_index=True, return_counts=True)[1:]
    viewer = ordered["userId"].to_numpy()[first]
    following = np.append(np.where(viewer[1:] == viewer[:-1], size[1:], 0), 0)[moment]

    row = np.repeat(np.arange(len(ordered)), following)
    place = np.arange(len(row)) - np.repeat(following.cumsum() - following, following)
    codes, kinds = pd.factorize(genres)
    kind = codes[genres.index.get_indexer(pd.Index(ordered["movieId"]))]
    alike = _alike(pd.Series(kinds), overlap)[kind[row], kind[first[moment[row] + 1] + place]]
    hits = np.bincount(row, weights=alike, minlength=len(ordered))
    share = np.divide(hits, following, out=np.full(len(ordered), np.nan), where=following > 0)
    return pd.Series(share, index=ordered.index).loc[ratings.index]


def shrunken_share(label: pd.Series, group: pd.Series, strength: float = 20) -> pd.Series:
    """The mean of `label` in each `group`, drawn toward the overall mean as if by `strength` average rows.

    Without it, whatever was seen once and liked once is the best there is. Missing labels do not count.
    The result is indexed by group.
    """
    known = label.notna()
    values, groups = label[known].astype(float), group[known]
    sums = values.groupby(groups).agg(["sum", "size"])
    return (sums["sum"] + strength * values.mean()) / (sums["size"] + strength)


def film_scores(ratings: pd.DataFrame, shares: Sequence[str], strength: float = 20) -> pd.DataFrame:
    """Each film's score by each label: how many watched it, and the `shrunken_share` with each other label.

    Parameters
    ----------
    ratings
        One row a rating, which stands for a viewing, with the columns `movieId` and those named in `shares`.
    shares
        Labels of which the share counts: bool, or 0 to 1, NaN where not known.

    Returns
    -------
    DataFrame
        Indexed by `movieId`, in order, with the columns `watched` and `shares`.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    require_columns(ratings, ["movieId", *shares], "ratings")
    film = ratings["movieId"]
    watched = film.value_counts().sort_index()
    return pd.DataFrame(
        {"watched": watched, **{name: shrunken_share(ratings[name], film, strength) for name in shares}}
    )


def with_errors(label: pd.Series, among: pd.Series, count: int, seed: int) -> pd.Series:
    """The bool labels with `count` of them turned around, drawn by lot from the rows marked by `among` (bool).

    Raises
    ------
    ValueError
        If fewer than `count` rows are marked.
    """
    marked = np.flatnonzero(among)
    if count > len(marked):
        raise ValueError(f"{count} labels cannot be wrong among {len(marked)} rows; mark more or ask for fewer")
    wrong = np.zeros(len(label), dtype=bool)
    wrong[np.random.default_rng(seed).choice(marked, count, replace=False)] = True
    return label ^ wrong


def repeated_errors(
    label: pd.Series, among: Mapping[str, pd.Series], counts: Sequence[int], draws: int
) -> pd.DataFrame:
    """The bool label as it is, and with errors of each kind, so many at a time, in several draws.

    Parameters
    ----------
    among
        Which rows an error of each kind may turn around: bool, indexed like `label`.

    Returns
    -------
    DataFrame
        Indexed like `label`. Its columns, in order, have the levels `way`, `wrong` (how many), and `draw`. The label
        as it is stands under `("none", 0, 0)`; draw 0 of a way is `with_errors` with the seed 0.

    Raises
    ------
    ValueError
        Where `with_errors` does.
    """
    spoiled = {
        (way, count, draw): with_errors(label, among[way], count, draw)
        for way, count, draw in product(among, counts, range(draws))
    }
    columns = pd.DataFrame({("none", 0, 0): label, **spoiled})
    return columns.sort_index(axis=1).rename_axis(columns=["way", "wrong", "draw"])


# ------------------------------------------------------------------------- when is it known?


def mature(happened: pd.Series, at: pd.Timestamp, wait: timedelta) -> pd.Series:
    """Which rows may be trained on at `at`: those that happened at least `wait` before it, as bool.

    The rule looks at the age of a row and at nothing else. A rule that looks at the answer (what has landed,
    what was reported) keeps more of one answer than of the other.
    """
    require_aware(happened, f"column {happened.name!r}")
    return happened <= at - wait


def reported_by(reported: pd.Series, at: pd.Timestamp) -> pd.Series:
    """The label as it reads at `at`: whether a report had come in before, as bool. NaT is a report that never comes."""
    require_aware(reported, f"column {reported.name!r}")
    return reported < at


def maturity_weights(
    happened: pd.Series, reported: pd.Series, at: pd.Timestamp, complete_after: timedelta
) -> pd.Series:
    """How many positives each row stands for at `at`: 0 without a report, and more than 1 if it is young.

    A positive that was reported at an age by which only a third of the positives are reported stands for
    three. The shares come from the delays of rows older than `complete_after`, whose reports are all taken
    to be in, so the correction assumes that delays have not changed since. A row younger than any delay
    seen there weighs 1.

    Parameters
    ----------
    happened, reported
        UTC moments, indexed alike; `reported` is NaT for negatives.

    Returns
    -------
    Series
        Float, indexed like `happened`.

    Raises
    ------
    ValueError
        If no report comes from rows older than `complete_after`.
    """
    positive = reported_by(reported, at)
    delay = (reported - happened)[positive & mature(happened, at, complete_after)]
    if delay.empty:
        raise ValueError(f"no row older than {complete_after} was reported; there is no delay to learn from")
    age = (at - happened)[positive]
    known = np.searchsorted(np.sort(delay), age, side="left") / len(delay)  # a report of this very moment is not in
    weights = pd.Series(0.0, index=happened.index)
    weights[positive] = np.divide(1, known, out=np.ones(len(known)), where=known > 0)
    return weights


def training_window(
    happened: pd.Series,
    reported: pd.Series,
    at: pd.Timestamp,
    window: timedelta,
    *,
    wait: timedelta = timedelta(0),
    complete_after: timedelta | None = None,
) -> pd.DataFrame:
    """What to train on at `at`: the rows of a window that ended `wait` before, labeled by the reports that are in.

    Parameters
    ----------
    happened, reported
        UTC moments, indexed alike; `reported` is NaT for negatives. Rows outside the window are needed where
        delays are learned from them.
    complete_after
        If given, a positive weighs as much as `maturity_weights` says. Without it, every row weighs 1.

    Returns
    -------
    DataFrame
        The rows of the window, both ends included: `label` (bool) and `weight`.

    Raises
    ------
    ValueError
        If a column has no time zone, no row lies in the window, or as in `maturity_weights`.
    """
    inside = mature(happened, at, wait) & (happened >= at - wait - window)
    if not inside.any():
        raise ValueError(f"no row lies in the {window} that ended {wait} before {at}; make the window longer")
    label = reported_by(reported, at)
    weight = pd.Series(1.0, index=happened.index)
    if complete_after is not None:
        weight = weight.where(~label, maturity_weights(happened, reported, at, complete_after))
    return pd.DataFrame({"label": label, "weight": weight})[inside]


def _alike(kinds: pd.Series, overlap: float) -> NDArray[np.bool_]:
    """Which of the (n,) genre strings have `overlap` of their genres in common: (n, n)."""
    marks = kinds.str.get_dummies("|").drop(columns=_NO_GENRES, errors="ignore").to_numpy(dtype=float)
    shared = marks @ marks.T
    either = marks.sum(axis=1)[:, None] + marks.sum(axis=1) - shared
    alike: NDArray[np.bool_] = shared >= overlap * np.maximum(either, 1)
    return alike
