"""Films put before viewers, with what the service records and what it cannot: whether they enjoyed it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

FEATURES = ["match", "reviews", "minutes", "awards", "cliffhanger"]
LABELS = ["finished", "rated_high", "similar_next"]
TRUTH = "enjoyed"
TARGETS = [*LABELS, TRUTH]


def simulate(viewers: int = 500, *, films: int = 20, runtime_spread: float = 30, seed: int) -> pd.DataFrame:
    """`films` different films before each of `viewers` viewers: one row a viewing that took place.

    Enjoyment comes from how well the film matches the viewer's taste, from its quality (of which the
    reviews are a noisy sign), and from what nobody records. Each label follows enjoyment and one thing of
    its own: a long film is not finished as often, an award-winning one is rated higher than it was enjoyed,
    and a cliffhanger makes for more of the same whether or not one liked it. The strengths of these pulls
    are assumptions; with `runtime_spread=0` all films have the same length, and the first pull is gone.

    Returns
    -------
    DataFrame
        - `viewer`: 0, 1, ...; the rows of a viewer stand together
        - `FEATURES`, known before the viewing: `match` with the viewer's taste and `reviews` (both
          standardized), `minutes` (mean 110, standard deviation `runtime_spread`, at least 40), `awards`
          and `cliffhanger` (0 or 1)
        - `LABELS`: what the service can record, bool
        - `TRUTH`: whether the viewer enjoyed it, bool

    Raises
    ------
    ValueError
        If `viewers` or `films` is not positive, or `runtime_spread` is negative.
    """
    if viewers < 1 or films < 1 or runtime_spread < 0:
        raise ValueError(
            f"viewers and films must be positive and runtime_spread not negative, got {viewers}, {films}, "
            f"and {runtime_spread}"
        )
    rng = np.random.default_rng(seed)
    rows = viewers * films
    match, quality = rng.normal(size=(2, rows))
    minutes = np.maximum(110 + runtime_spread * rng.normal(size=rows), 40)
    awards = (rng.random(rows) < _chance(0.5 * quality - 1.5)).astype(float)
    cliffhanger = (rng.random(rows) < 0.25).astype(float)
    enjoyment = match + quality + rng.normal(size=rows)
    pulls = {
        "finished": 0.5 + 1.2 * enjoyment - (minutes - 110) / 15,
        "rated_high": -0.5 + 1.2 * enjoyment + 2 * awards,
        "similar_next": -1.0 + 1.2 * enjoyment + 2 * cliffhanger,
    }
    return pd.DataFrame(
        {
            "viewer": np.repeat(np.arange(viewers), films),
            "match": match,
            "reviews": 0.8 * quality + 0.6 * rng.normal(size=rows),
            "minutes": minutes,
            "awards": awards,
            "cliffhanger": cliffhanger,
            **{label: rng.random(rows) < _chance(pull) for label, pull in pulls.items()},
            TRUTH: enjoyment > 0,
        }
    )


def outcomes(score: ArrayLike, world: pd.DataFrame, count: int = 5) -> pd.Series:
    """What percent of the `count` best-scored films of each viewer were finished, rated high, ..., and enjoyed.

    `score` (n,) has a value for each row of `world`, which comes from `simulate`. The result is indexed by
    `TARGETS`.

    Raises
    ------
    ValueError
        If the lengths differ, or viewers have fewer than `count` films.
    """
    scores = np.asarray(score, dtype=float)
    if len(scores) != len(world):
        raise ValueError(f"{len(scores)} scores for {len(world)} viewings; give each viewing one")
    if world.groupby("viewer").size().min() < count:
        raise ValueError(f"a viewer has fewer than {count} films; ask for fewer")
    rank = pd.Series(scores, index=world.index).groupby(world["viewer"]).rank(ascending=False, method="first")
    return 100 * world.loc[rank <= count, TARGETS].mean()


def _chance(pull: NDArray[np.float64]) -> NDArray[np.float64]:
    chance: NDArray[np.float64] = 1 / (1 + np.exp(-pull))
    return chance
