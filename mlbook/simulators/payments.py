"""Card payments of which one in 10,000 is a fraud that somebody reports days or weeks later."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FRAUD_RATE = 1e-4
START = pd.Timestamp("2024-01-01", tz="UTC")
FEATURES = ["amount", "hour", "new_device", "abroad"]

_MICROSECONDS_PER_DAY = 86_400_000_000


def simulate(
    rows: int = 1_000_000, *, days: float = 180, takeovers_from: float = 0, honest_share: float = 1, seed: int
) -> pd.DataFrame:
    """`rows` payments over `days` days from `START`.

    There are two kinds of fraud, equally frequent. A stolen card pays large amounts, often abroad, and is
    reported within days. A taken-over account pays by night from a new device, and is reported when the
    statement has been read, after weeks. Before day `takeovers_from` every fraud is of the first kind, so
    that a new trick can be made to appear.

    With an `honest_share` below 1, only that share of the honest payments is drawn, and each stands for
    several: training on all frauds and a weighted sample of the rest is how a world of so few frauds is
    made small.

    Returns
    -------
    DataFrame
        In order of time, indexed 0, 1, ...

        - `paid`: moment of the payment (UTC)
        - `FEATURES`: `amount` (dollars), `hour` (0-24, local), `new_device` and `abroad` (0 or 1)
        - `fraud`: the truth, bool; `takeover`: whether it is a fraud of the second kind, bool
        - `stands_for`: how many payments the row stands for, 1 for a fraud and 1 / `honest_share` for others
        - `reported`: when the fraud was reported (UTC), which may be after the last day; NaT for honest payments

    Raises
    ------
    ValueError
        If `rows` or `days` is not positive, or `honest_share` is not above 0 and at most 1.
    """
    if rows < 1 or not days > 0 or not 0 < honest_share <= 1:
        raise ValueError(
            f"rows and days must be positive and honest_share above 0 and at most 1, got {rows}, {days}, {honest_share}"
        )
    rng = np.random.default_rng(seed)
    fraud_count = int(rng.binomial(rows, FRAUD_RATE))
    drawn = fraud_count + round((rows - fraud_count) * honest_share)
    age = _sorted_uniform(rng, drawn) * days
    frauds = np.sort(rng.choice(drawn, fraud_count, replace=False))
    takeover = (rng.random(fraud_count) < 0.5) & (age[frauds] >= takeovers_from)
    fraud = _marked(drawn, frauds)
    table = pd.DataFrame(
        {
            "paid": _moments(age),
            **_columns(rng, drawn, frauds, takeover),
            "fraud": fraud,
            "takeover": _marked(drawn, frauds[takeover]),
            "stands_for": np.where(fraud, 1.0, 1 / honest_share),
        }
    )
    delay = np.where(takeover, rng.gamma(4, 9, fraud_count), rng.gamma(2, 3, fraud_count))
    reported = pd.Series(pd.NaT, index=table.index, dtype=table["paid"].dtype)
    reported.iloc[frauds] = _moments(age[frauds] + delay)
    return table.assign(reported=reported)


def _columns(
    rng: np.random.Generator, rows: int, frauds: NDArray[np.intp], takeover: NDArray[np.bool_]
) -> dict[str, NDArray[np.float64]]:
    amount = rng.lognormal(3.5, 1.0, rows)
    hour = rng.normal(14, 4, rows)
    new_device = rng.random(rows) < 0.05
    abroad = rng.random(rows) < 0.03
    cards, accounts = frauds[~takeover], frauds[takeover]
    amount[cards] = rng.lognormal(5.0, 1.0, len(cards))
    abroad[cards] = rng.random(len(cards)) < 0.6
    hour[accounts] = rng.normal(2, 3, len(accounts))
    new_device[accounts] = rng.random(len(accounts)) < 0.7
    return {
        "amount": amount.round(2),
        "hour": hour % 24,
        "new_device": new_device.astype(float),
        "abroad": abroad.astype(float),
    }


def _sorted_uniform(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Uniform on (0, 1) and in order, without the cost of sorting: the arrivals of a Poisson process, rescaled."""
    arrivals = np.cumsum(rng.exponential(size=count + 1))
    uniform: NDArray[np.float64] = arrivals[:-1] / arrivals[-1]
    return uniform


def _marked(rows: int, positions: NDArray[np.intp]) -> NDArray[np.bool_]:
    marks = np.zeros(rows, dtype=bool)
    marks[positions] = True
    return marks


def _moments(days: NDArray[np.float64]) -> pd.Series:
    moments = START + pd.to_timedelta((days * _MICROSECONDS_PER_DAY).astype("int64"), unit="us")
    return pd.Series(moments.as_unit("us"))
