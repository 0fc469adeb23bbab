"""The winners by a mixture of several scores: weigh the scores anew, and see who wins and who wins by one score alone.

On the site, the reader sets the weights. The script adds up the ranks that were worked out here, as whole numbers, so
that it finds the same winners; the picture shows one setting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from numpy.typing import NDArray

from mlbook.evidence.figures import Figure, Interactive, show

LEVELS = 5  # a weight is a whole number from 0 to this
_LOOKS = [("#332288", "o"), ("#117733", "s"), ("#aa4499", "^"), ("#885511", "D")]


@dataclass(frozen=True)
class Mixture:
    """Items (films, say) ranked by a weighted sum of their ranks under each of several definitions.

    A score is replaced by its rank, from 0 for the worst to 1000 for the best: scores in different units cannot
    be added. Items with the same sum keep their order in the table.

    Parameters
    ----------
    scores
        One row an item, indexed by a name for the page; one column a definition, two to four, higher is better.
    top
        How many items win.

    Raises
    ------
    ValueError
        If a name occurs twice, a score is missing, there are other than two to four definitions, or no more
        items than `top`.
    """

    scores: pd.DataFrame
    top: int = 10

    def __post_init__(self) -> None:
        if not self.scores.index.is_unique:
            twice = self.scores.index[self.scores.index.duplicated()][0]
            raise ValueError(f"two items are named {twice!r}; give each a name of its own")
        for name in self.scores:
            if self.scores[name].isna().any():
                raise ValueError(f"column {name!r} has a missing score; leave out items that have no score")
        if not 2 <= self.scores.shape[1] <= len(_LOOKS):
            raise ValueError(f"{self.scores.shape[1]} definitions; a mixture takes two to {len(_LOOKS)}")
        if not 0 < self.top < len(self.scores):
            raise ValueError(f"top is {self.top} of {len(self.scores)} items; it must leave some out")

    @property
    def definitions(self) -> list[str]:
        """Names of the definitions."""
        return [str(name) for name in self.scores]

    @cached_property
    def ranks(self) -> pd.DataFrame:
        """The rank of each item under each definition: whole numbers, 1000 for the best, equal scores sharing one."""
        # Rounding makes equal what differs only in the last bits from one machine to the next.
        return (1000 * self.scores.round(9).rank(pct=True)).round().astype("int64")

    def winners(self, weights: Sequence[int]) -> list[str]:
        """Names of the `top` items by the weighted sum of their ranks, best first.

        Raises
        ------
        ValueError
            Unless there is a whole weight from 0 to `LEVELS` for each definition, and one of them is not 0.
        """
        allowed = all(weight in range(LEVELS + 1) for weight in weights)
        if len(weights) != len(self.definitions) or not allowed or not any(weights):
            raise ValueError(
                f"weights are {list(weights)}; give {len(self.definitions)} whole numbers from 0 to {LEVELS}, not all 0"
            )
        return [str(name) for name in self.ranks.index[self._order(np.asarray(weights))]]

    @cached_property
    def alone(self) -> dict[str, list[str]]:
        """The winners by each definition alone."""
        settings = np.eye(len(self.definitions), dtype=int).tolist()
        return {name: self.winners(setting) for name, setting in zip(self.definitions, settings, strict=True)}

    def sentence(self, weights: Sequence[int]) -> str:
        """How many of the winners win by each definition alone, and how many by none, in words."""
        chosen = set(self.winners(weights))
        each = [f"by {name!r} alone: {len(chosen & set(names))}" for name, names in self.alone.items()]
        none = len(chosen.difference(*self.alone.values()))
        return f"Of these {self.top}, winners {'; '.join(each)}; by none of them alone: {none}."

    def show(self, weights: Sequence[int]) -> Figure:
        """The winners by these `weights`; on the site, by any."""
        interactive = Interactive("mixture", self._data(weights), self._table())
        with plt.style.context(["default", "mlbook.evidence.book"]):
            return show(self._drawing(weights), self._alt(weights), interactive)

    # ------------------------------------------------------------------------ in words

    def _title(self, weights: Sequence[int]) -> str:
        none = len(set(self.winners(weights)).difference(*self.alone.values()))
        mixed = "Mixed evenly" if len(set(weights)) == 1 else f"Mixed {' to '.join(map(str, weights))}"
        return f"{mixed}, {none} of {self.top} winners win by no definition alone"

    def _alt(self, weights: Sequence[int]) -> str:
        mixed = ", ".join(f"{name} {weight}" for name, weight in zip(self.definitions, weights, strict=True))
        drawn = f"Dot chart of {self.top} winners and their rank by each definition, weighted {mixed}."
        return f"{drawn} {self.sentence(weights)}"

    def _table(self) -> pd.DataFrame:
        """The winners by each definition alone, by every pair, and by all, with what they have in common."""
        settings = sorted(filter(any, product((0, 1), repeat=len(self.definitions))), key=sum)
        rows = [
            {
                "Weighed equally": ", ".join(n for n, w in zip(self.definitions, weights, strict=True) if w),
                "Winners": "; ".join(self.winners(weights)),
                "Of these, winners": self.sentence(weights).partition("winners ")[2],
            }
            for weights in settings
        ]
        return pd.DataFrame(rows)

    # --------------------------------------------------------------------- in pictures

    def _drawing(self, weights: Sequence[int]) -> Canvas:
        names = self.winners(weights)
        height = 0.8 + 0.34 * self.top
        figure, ax = plt.subplots(figsize=(7.2, height))
        figure.subplots_adjust(left=0.42, bottom=0.52 / height, top=1 - 0.62 / height)
        for row, name in enumerate(names):
            ax.axhline(row, color="#e4e4e4", linewidth=0.8)
            ax.text(-0.02, row, _short(name), ha="right", va="center", fontsize=9, transform=ax.get_yaxis_transform())
        for (definition, alone), (color, marker) in zip(self.alone.items(), _LOOKS, strict=False):
            shares = self.ranks.loc[names, definition] / 10
            fill = [color if name in alone else "none" for name in names]
            ax.scatter(shares, range(len(names)), c=fill, edgecolor=color, marker=marker, zorder=3)
            ax.scatter([], [], c=color, marker=marker, label=definition)
        lowest = int(self.ranks.loc[names].to_numpy().min()) // 100 * 10
        ax.set(xlim=(lowest - 1, 101), ylim=(self.top - 0.4, -0.6))
        ax.set_xlabel("rank, 100 is the best (filled: wins by it alone)")
        ax.yaxis.set_visible(False)
        ax.spines["left"].set_visible(False)
        ax.grid(visible=False, axis="y")
        figure.suptitle(self._title(weights), x=0.01, y=0.985, ha="left", size=12, weight="bold")
        columns = len(self.definitions)
        ax.legend(ncols=columns, loc="lower left", bbox_to_anchor=(-0.02, 0.985), borderpad=0.1)
        return figure

    # ---------------------------------------------------------------------- for the script

    def _data(self, weights: Sequence[int]) -> dict[str, Any]:
        """Every item that wins by some weights, in the table's order, with its ranks; and who wins alone."""
        settings = filter(any, product(range(LEVELS + 1), repeat=len(self.definitions)))
        rows = np.unique([self._order(np.array(setting)) for setting in settings])
        items = self.ranks.iloc[rows]
        return {
            "definitions": self.definitions,
            "levels": LEVELS,
            "top": self.top,
            "at": [int(weight) for weight in weights],
            "items": [
                {"name": str(name), "ranks": ranks, "alone": [name in names for names in self.alone.values()]}
                for name, ranks in zip(items.index, items.to_numpy().tolist(), strict=True)
            ],
        }

    def _order(self, weights: NDArray[np.int_]) -> NDArray[np.intp]:
        """Rows of the winners, best first."""
        return np.argsort(-(self.ranks.to_numpy() @ weights), kind="stable")[: self.top]


def _short(name: str, most: int = 38) -> str:
    return name if len(name) <= most else f"{name[: most - 1].rstrip()}\N{HORIZONTAL ELLIPSIS}"
