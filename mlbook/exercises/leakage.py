"""A table with a planted leak, and checks, for the exercises of the chapter on leakage."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from mlbook import catalog
from mlbook.exercises import Result

Encoding = Callable[[pd.DataFrame, pd.DataFrame], object]

CULPRIT = "till_clock"
PRIOR_FLIGHTS = 10

_INNOCENT = {
    "open_orders": "It says much alone, but it is counted at the moment when the order comes in.",
    "order_clock": "It is half of the secret, and the half that is known: the moment of the order.",
    "drivers": "The drivers on shift are known when the order comes in.",
    "app_version": "The version of the app is known with the order, and says nothing.",
    "late": "That is the answer itself; a model is not shown it.",
}


def new_system() -> pd.DataFrame:
    """The orders of the restaurant in random order, with five simulated columns and, at the end, `late`.

    `order_clock` and `till_clock` are minutes of the day, `open_orders` those in the kitchen when the order comes
    in, `drivers` those on shift.
    """
    orders = catalog.load("deliveries").sample(frac=1, random_state=0, ignore_index=True)
    minutes = orders.pop("time_to_delivery")
    rng = np.random.default_rng(11)
    clock = (orders.pop("hour") * 60).round()
    busy = (minutes - minutes.mean()) / minutes.std()
    return orders.astype({"day": "category"}).assign(
        app_version=rng.integers(1, 6, len(orders)),
        order_clock=clock,
        open_orders=rng.poisson(np.exp(1.5 + 0.4 * busy)),
        drivers=np.where(clock > 17 * 60, 4, 2) + rng.integers(2, size=len(orders)),
        till_clock=(clock + minutes + rng.normal(0, 1, len(orders))).round(),
        late=minutes > 30,
    )


def check_culprit(answer: object) -> Result:
    """Whether `answer` is the one column of `new_system` that is not there when an order comes in."""
    name = "culprit"
    if answer is ...:
        return Result(name, False, "Replace the `...` by the name of a column.")
    if not isinstance(answer, str):
        return Result(name, False, "One column is enough: give its name, as text.")
    if answer == CULPRIT:
        return Result(
            name, True, "The till is closed after the delivery; less the clock of the order, it is the answer."
        )
    return Result(name, False, _INNOCENT.get(answer, f"{answer!r} is known when the order comes in, or no column."))


def check_encode(answer: Encoding) -> Result:
    """Whether `answer` encodes routes by training answers alone, drawn toward the average, with no gaps."""
    name = "encode"
    train, test = _routes()
    got = answer(train.copy(), test.copy())
    if got is None:
        return Result(name, False, "It returns nothing: replace the `...`.")
    if not isinstance(got, tuple) or len(got) != 2 or not all(isinstance(side, pd.Series) for side in got):
        return Result(name, False, "It must return two Series: one for train, one for test.")
    for side, rows, label in zip(got, (train, test), ("train", "test"), strict=True):
        if not side.index.equals(rows.index):
            return Result(name, False, f"The Series for {label} must have the index of its rows.")
    other = answer(train.copy(), test.assign(late=~test["late"]))
    if not all(np.allclose(a, b, equal_nan=True) for a, b in zip(got, other, strict=True)):  # type: ignore[call-overload]
        return Result(name, False, "With other answers in the test rows it comes out differently: it reads them.")
    if got[0].isna().any() or got[1].isna().any():
        return Result(name, False, "A route that training never saw must get the share of all training rows.")
    for side, expected, label in zip(got, _expected(train, test), ("train", "test"), strict=True):
        if not np.allclose(side, expected):
            row = (side - expected).abs().idxmax()
            return Result(name, False, f"In {label}, row {row} should be {expected[row]:.3f}, not {side[row]:.3f}.")
    return Result(name, True, "It reads no test answer, trusts no handful of flights, and has a value for every route.")


def _routes() -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(12)
    flights = pd.DataFrame(
        {
            "origin": rng.choice(["EWR", "JFK", "LGA"], 400),
            "dest": rng.choice(["ATL", "BOS", "LAX", "ORD"], 400, p=[0.6, 0.2, 0.15, 0.05]),
            "late": rng.random(400) < 0.3,
        },
        index=pd.RangeIndex(1000, 1400),
    )
    flights.loc[1390, "dest"] = "HNL"  # a route of the test rows only
    return flights[:300], flights[300:]


def _expected(train: pd.DataFrame, test: pd.DataFrame) -> list[pd.Series]:
    average = train["late"].mean()
    routes = train.groupby(["origin", "dest"])["late"].agg(["sum", "size"])
    share = ((routes["sum"] + PRIOR_FLIGHTS * average) / (routes["size"] + PRIOR_FLIGHTS)).rename("share")
    return [side.join(share, on=["origin", "dest"])["share"].fillna(average) for side in (train, test)]
