"""What a threshold flags, catches, and costs, at each of many thresholds and for each of several prices of a miss.

On the site, the reader drags the threshold and chooses the price. The script looks up the counts that were worked out
here and multiplies the missed by their price; the picture shows one setting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from mlbook.evidence.figures import Figure, Interactive, show
from mlbook.rare import sweep

# A case is flagged if its chance is one in this many or more; 0 flags nothing.
ONE_IN = (0, 5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 5000, 7500, 10000, 20000)
TALLEST = 1.5  # the drawing ends at this many times the cost of flagging nothing
_REVIEWS, _MISSED = "#0072b2", "#d55e00"


@dataclass(frozen=True)
class Thresholds:
    """What each of the thresholds `ONE_IN` does to one set of cases.

    Parameters
    ----------
    chance
        (n,) What the model says.
    positive
        (n,) bool: whether it is a fraud.
    prices
        What a missed fraud may cost, in reviews: the settings of the second knob, lowest first.

    Raises
    ------
    ValueError
        If the prices are fewer than two, not positive, or not in order; and where `mlbook.rare.sweep` does.
    """

    chance: Sequence[float]
    positive: Sequence[bool]
    prices: Sequence[int] = (50, 100, 200, 500, 1000, 2000, 5000)

    def __post_init__(self) -> None:
        prices = list(self.prices)
        if len(prices) < 2 or prices[0] <= 0 or prices != sorted(set(prices)):
            raise ValueError(f"prices are {prices}; give two or more positive ones, lowest first")
        sweep(self.chance, self.positive)

    @cached_property
    def counts(self) -> pd.DataFrame:
        """`flagged` and `caught` (whole numbers) at each of the thresholds, indexed by `ONE_IN`."""
        chance, positive = np.asarray(self.chance, dtype=float), np.asarray(self.positive, dtype=bool)
        # Rounding makes equal what differs only in the last bits from one machine to the next.
        at_least = [np.round(chance, 9) >= round(1 / one_in, 9) if one_in else chance > np.inf for one_in in ONE_IN]
        rows = [(np.count_nonzero(flags), np.count_nonzero(flags & positive)) for flags in at_least]
        return pd.DataFrame(rows, index=pd.Index(ONE_IN, name="one_in"), columns=["flagged", "caught"])

    @property
    def frauds(self) -> int:
        """How many frauds there are."""
        return int(np.count_nonzero(self.positive))

    def cost(self, price: int) -> pd.Series:
        """The cost of each threshold, in reviews: one for each flagged payment, `price` for each missed fraud."""
        return self.counts["flagged"] + price * (self.frauds - self.counts["caught"])

    def cheapest(self, price: int) -> int:
        """The threshold of `ONE_IN` that costs least; of equally cheap ones, the highest."""
        return ONE_IN[int(np.argmin(self.cost(price).to_numpy()))]

    def sentence(self, one_in: int, price: int) -> str:
        """What a threshold does and costs, against flagging nothing and against the cheapest, in words."""
        flagged, caught = self.counts.loc[one_in].to_numpy()
        cost, best = self.cost(price), self.cheapest(price)
        return (
            f"{_flags(one_in)} {flagged:,} flagged and reviewed, {caught} of {self.frauds} frauds caught, "
            f"{self.frauds - caught} missed. If a missed fraud costs {price:,} reviews, this costs {cost[one_in]:,} "
            f"reviews, and flagging nothing {cost[0]:,}. Cheapest: {_name(best)}, {cost[best]:,}."
        )

    def show(self, one_in: int, price: int) -> Figure:
        """This threshold at this price; on the site, any of `ONE_IN` at any of `prices`.

        Raises
        ------
        ValueError
            If the threshold or the price is none of those.
        """
        if one_in not in ONE_IN or price not in self.prices:
            raise ValueError(f"one in {one_in} at {price}; choose from {ONE_IN} and from {list(self.prices)}")
        figure, ax = plt.subplots(figsize=(7.2, 3.9))
        figure.subplots_adjust(bottom=0.24)
        self._draw(ax, one_in, price)
        return show(
            figure, self._alt(one_in, price), Interactive("threshold", self._data(one_in, price), self._table())
        )

    # ------------------------------------------------------------------------ in words

    def _alt(self, one_in: int, price: int) -> str:
        return f"Bars of the cost of each threshold, one chosen. {self.sentence(one_in, price)}"

    def _table(self) -> pd.DataFrame:
        """A row for each threshold: its counts, and its cost at each price."""
        table = pd.DataFrame({"Flagged from": [_name(one_in) for one_in in ONE_IN]})
        table["Flagged"] = [f"{flagged:,}" for flagged in self.counts["flagged"]]
        table[f"Caught of {self.frauds}"] = self.counts["caught"].to_numpy()
        for price in self.prices:
            table[f"Cost, miss = {price:,}"] = [f"{cost:,}" for cost in self.cost(price)]
        return table

    # --------------------------------------------------------------------- in pictures

    def _data(self, one_in: int, price: int) -> dict[str, Any]:
        """What the site's script looks up: for each threshold its words and counts, for each price the cheapest."""
        return {
            "frauds": self.frauds,
            "at": ONE_IN.index(one_in),
            "price": list(self.prices).index(price),
            "tallest": TALLEST,
            "prices": [{"price": each, "cheapest": ONE_IN.index(self.cheapest(each))} for each in self.prices],
            "thresholds": [
                {"name": _name(each), "flags": _flags(each), "flagged": int(flagged), "caught": int(caught)}
                for each, flagged, caught in self.counts.itertuples()
            ],
        }

    def _draw(self, ax: Axes, one_in: int, price: int) -> None:
        never = price * self.frauds
        reviews = 100 * self.counts["flagged"].to_numpy() / never
        missed = 100 * (self.frauds - self.counts["caught"].to_numpy()) / self.frauds
        rows, at = np.arange(len(ONE_IN)), ONE_IN.index(one_in)
        edges = ["black" if row == at else "white" for row in rows]
        ax.bar(rows, missed, color=_MISSED, edgecolor=edges, hatch="///", linewidth=1, width=0.86)
        ax.bar(rows, reviews, bottom=missed, color=_REVIEWS, edgecolor=edges, linewidth=1, width=0.86)
        ax.axhline(100, color="black", linestyle="--", linewidth=1)
        ax.set(ylim=(0, 100 * TALLEST), xlim=(-0.6, len(ONE_IN) - 0.4), ylabel="cost (% of flagging nothing)")
        ax.set_xticks(rows, [f"{each:,}" if each else "never" for each in ONE_IN], rotation=60, fontsize=8)
        ax.set_xlabel("flagged if the chance of fraud is one in this many or more")
        ax.text(0.1, 104, "orange, hatched: missed frauds. Blue: reviews", fontsize=9)
        ax.grid(visible=False, axis="x")
        ax.set_title(f"If a miss costs {price:,} reviews, flagging {_from(self.cheapest(price))} costs least")


def _name(one_in: int) -> str:
    return f"1 in {one_in:,}" if one_in else "nothing"


def _from(one_in: int) -> str:
    return f"from 1 in {one_in:,}" if one_in else "nothing"


def _flags(one_in: int) -> str:
    return f"Flag from a chance of 1 in {one_in:,}:" if one_in else "Flag nothing:"
