"""Ad impressions with a known chance of a click. Simulated: nothing here was measured on anybody.

The truth. A click has the chance `1 / (1 + exp(-s))`, where `s` is the sum of

- `BASE`, which sets a click rate of about one in a hundred;
- age (years, 18 to 79): a drop of 1.2 around the age of 45, within about ten years of it;
- hour (0 to 23): up to 1.4 more around 23:00 on a phone or tablet, and around 13:00 on a desktop: the peak of the
  evening wraps around midnight, and hour and device act together;
- device: 0.5 more on a tablet, 0.3 less on a phone;
- ads seen before (0 to 30): fatigue, which takes away up to 1.8 and most of it with the first six;
- not logged in: 0.7 less. The age of such a user is missing, so that a gap says something;
- taste: a normal number with standard deviation `taste` that no column shows.

Who is there: evenings are busier than nights, desktops are for office hours, phones are in younger hands, and those on
phones log in more often. Taste is independent of all columns.

None of the effects has the exact form of an encoding in common use, and they do add up: a world in which effects
multiply in other ways would be harder on a linear model.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

COLUMNS = ["age", "hour", "device", "ads_seen"]
DEVICES = ("desktop", "phone", "tablet")
TASTE = 1.0
BASE = -4.4

Floats = NDArray[np.float64]

_AGES = np.arange(18, 80)
_HOURS = np.arange(24)
_MOST_ADS = 30
_LOGGED_IN = np.array([0.6, 0.8, 0.6])  # share of users, by device
_TYPICAL_AGE = np.array([48, 34, 52])  # years, by device


def impressions(count: int, seed: int | np.random.Generator, *, taste: float = TASTE) -> pd.DataFrame:
    """Show `count` ads and see who clicks.

    Parameters
    ----------
    count
        Number of impressions.
    seed
        A seed, or a generator to draw from.
    taste
        Standard deviation of the hidden taste: with 0, the columns show all there is.

    Returns
    -------
    DataFrame
        One row an impression:

        - `age` (years, NaN if not logged in), `hour` (0-23), `device` (str), and `ads_seen` (0-30) were known before
        - `clicked` (bool) is the outcome
        - `chance` is the true chance of this click, taste included; `knowable` is the chance given the four columns,
          which is the best that any model of them can say

    Raises
    ------
    ValueError
        If `count` is less than 1 or `taste` is negative.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    if not taste >= 0:
        raise ValueError(f"taste is a standard deviation and cannot be negative, got {taste}")
    rng = np.random.default_rng(seed)
    hour = _draw(rng, _hour_shares(), count)
    device = _draw_rows(rng, _device_shares(), hour)
    age = _draw_rows(rng, _age_shares(), device)
    logged_in = rng.random(count) < _LOGGED_IN[device]
    ads_seen = np.minimum(rng.geometric(0.2, count) - 1, _MOST_ADS)
    known = _score_table()[device, hour, ads_seen, age] - 0.7 * ~logged_in
    chance = _logistic(known + taste * rng.normal(size=count))
    column = np.where(logged_in, age, len(_AGES))  # the last entry of the table is "missing"
    return pd.DataFrame(
        {
            "age": np.where(logged_in, _AGES[age], np.nan),
            "hour": hour,
            "device": pd.Series(np.array(DEVICES)[device], dtype="str"),
            "ads_seen": ads_seen,
            "clicked": rng.random(count) < chance,
            "chance": chance,
            "knowable": _knowable_table(taste)[device, hour, ads_seen, column],
        }
    )


def until_clicks(clicks: int, seed: int | np.random.Generator, *, keep: int = 3_000) -> pd.DataFrame:
    """The impressions up to the last of so many clicks, thinned: every click, and at most `keep` of the others.

    Rows are as in `impressions`, not in order, and have one more column: `stands_for` is the number of impressions
    that a row stands for, 1 for a click. Learn with it as a weight, and nothing is biased.

    Raises
    ------
    ValueError
        If `clicks` or `keep` is less than 1.
    """
    if min(clicks, keep) < 1:
        raise ValueError(f"clicks and keep must be at least 1, got {clicks} and {keep}")
    rng = np.random.default_rng(seed)
    rows = impressions(120 * clicks + 2_000, rng)
    while rows["clicked"].sum() < clicks:
        rows = pd.concat([rows, impressions(10_000, rng)], ignore_index=True)
    clicked = rows[rows["clicked"]].head(clicks)
    others = rows[: clicked.index[-1]].query("not clicked")
    kept = others.sample(min(keep, len(others)), random_state=rng)
    stands_for = np.repeat([1, len(others) / max(len(kept), 1)], [clicks, len(kept)])
    return pd.concat([clicked, kept], ignore_index=True).assign(stands_for=stands_for)


@lru_cache(maxsize=8)
def _score_table() -> Floats:
    """The sum `s` of a logged-in user without taste: (devices, hours, ads seen, ages)."""
    hour = np.empty((len(DEVICES), 24))
    for row, peak in enumerate((13, 23, 23)):
        hour[row] = 1.4 * np.exp(2 * (np.cos((_HOURS - peak) * 2 * np.pi / 24) - 1))
    device = np.array([0.0, -0.3, 0.5])
    fatigue = -1.8 * (1 - np.exp(-np.arange(_MOST_ADS + 1) / 3))
    age = -1.2 * _logistic((_AGES - 45) / 3)
    return np.asarray(
        BASE + device[:, None, None, None] + hour[:, :, None, None] + fatigue[:, None] + age, dtype=np.float64
    )


@lru_cache(maxsize=8)
def _knowable_table(taste: float) -> Floats:
    """The chance of a click given the columns: (devices, hours, ads seen, ages and then "missing")."""
    score = _score_table()
    anonymous = np.einsum("dhna,da->dhn", _over_taste(score - 0.7, taste), _age_shares())
    return np.concatenate([_over_taste(score, taste), anonymous[..., None]], axis=-1)


def _over_taste(score: Floats, taste: float) -> Floats:
    """The mean chance over a normal taste, by Gauss-Hermite quadrature."""
    points, weights = np.polynomial.hermite_e.hermegauss(20)
    total = np.zeros_like(score)
    for point, weight in zip(points, weights / weights.sum(), strict=True):
        total += weight * _logistic(score + taste * point)
    return total


def _hour_shares() -> Floats:
    busy = 1.2 + np.cos((_HOURS - 18) * 2 * np.pi / 24)
    return np.asarray(busy / busy.sum())


def _device_shares() -> Floats:
    """(hours, devices), each row sums to 1."""
    office = (_HOURS >= 9) & (_HOURS < 18)
    desktop = np.where(office, 0.5, 0.2)
    return np.column_stack([desktop, 0.8 * (1 - desktop), 0.2 * (1 - desktop)])


def _age_shares() -> Floats:
    """(devices, ages), each row sums to 1."""
    weight = np.exp(-(((_AGES - _TYPICAL_AGE[:, None]) / 16) ** 2) / 2)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def _draw(rng: np.random.Generator, shares: Floats, count: int) -> NDArray[np.intp]:
    return np.searchsorted(np.cumsum(shares)[:-1], rng.random(count), side="right")


def _draw_rows(rng: np.random.Generator, shares: Floats, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """One draw for each of `rows` (n,) from that row of `shares` (rows, options), by one search in all rows at once."""
    ends = np.cumsum(shares, axis=1)
    ends[:, -1] = 1
    ladder = (ends + np.arange(len(shares))[:, None]).ravel()
    place = np.searchsorted(ladder, rows + rng.random(len(rows)), side="right")
    return np.asarray(place - rows * shares.shape[1])


def _logistic(score: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-score)))
