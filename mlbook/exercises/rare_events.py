"""Checks for the exercises of the chapter on rare events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlbook import rare
from mlbook.exercises import Result

Answer = Callable[[NDArray[np.float64], NDArray[np.bool_], float, int], object]


@dataclass(frozen=True)
class _Case:
    """Chances, which of them are frauds, what a miss costs, and how many reviews there is time for."""

    who: str
    chance: tuple[float, ...]
    frauds: tuple[int, ...]
    missed: float
    most: int


_CASES = (
    _Case("two frauds among the highest of six", (0.1, 0.9, 0.05, 0.8, 0.2, 0.02), (1, 3), 20, 6),
    _Case("a fraud whose chance is far below one half", (0.001, 0.004, 0.0005, 0.02, 0.0001, 0.0002), (1,), 50, 6),
    _Case("a fraud so far down that the reviews cost more", (0.6, 0.5, 0.4, 0.3, 0.2, 0.1), (0, 5), 3, 6),
    _Case("a miss that costs less than the reviews that prevent it", (0.6, 0.5, 0.4, 0.3, 0.2, 0.1), (2,), 2, 6),
    _Case("two payments with time for one review", (0.7, 0.8, 0.3, 0.1), (0, 1), 100, 1),
    _Case("three equal chances with time for two reviews", (0.9, 0.5, 0.5, 0.5, 0.1), (0, 2), 100, 2),
    _Case("time for no review", (0.9, 0.5, 0.1), (0,), 100, 0),
)


def check_threshold(answer: Answer) -> Result:
    """Whether `answer` finds the cheapest of the thresholds that flag no more than there is time to review."""
    name = "threshold"
    for case in _CASES:
        chance = np.array(case.chance)
        fraud = np.isin(np.arange(len(chance)), case.frauds)
        got = answer(chance.copy(), fraud.copy(), case.missed, case.most)
        if got is None:
            return Result(name, False, "It returns nothing: replace the `...`.")
        if not isinstance(got, (float, int)) or np.isnan(got):
            return Result(name, False, f"It must return one number, the threshold; it returned {got!r}.")
        flagged = int((chance >= got).sum())
        if flagged > case.most:
            return Result(name, False, f"For {case.who}, {got:g} flags {flagged}, and there is time for {case.most}.")
        allowed = [t for t in (*case.chance, np.inf) if (chance >= t).sum() <= case.most]
        best = min(rare.cost(chance, fraud, t, case.missed) for t in allowed)
        paid = rare.cost(chance, fraud, got, case.missed)
        if paid > best:
            return Result(name, False, f"For {case.who}, {got:g} costs {paid:g} reviews; {best:g} can be had.")
    return Result(name, True, "The cheapest of those that the team can work off.")


_SAMPLES = {
    "every honest payment was kept": (1.0, [0.0, 0.2, 1.0]),
    "one honest payment in a hundred was kept": (0.01, [0.5, 0.9, 0.99]),
    "one in 10,000 was kept": (0.0001, [0.001, 0.5, 0.999]),
    "the model is certain": (0.01, [0.0, 1.0]),
}


def check_undo_sampling(answer: Callable[[NDArray[np.float64], float], object]) -> Result:
    """Whether `answer` turns chances learned from a sample of the honest payments back into chances of fraud."""
    name = "undo_sampling"
    for who, (kept, sampled) in _SAMPLES.items():
        got = answer(np.array(sampled), kept)
        if got is None:
            return Result(name, False, "It returns nothing: replace the `...`.")
        values = np.asarray(got, dtype=float)
        if values.shape != (len(sampled),):
            return Result(name, False, f"It must return one chance for each of {len(sampled)}; it returned {got!r}.")
        for before, value, right in zip(sampled, values, rare.undo_sampling(sampled, kept), strict=True):
            if not np.isclose(value, right, rtol=1e-6, atol=1e-12):
                return Result(name, False, f"When {who}, {before:g} should become {right:.4g}, and became {value:.4g}.")
    return Result(name, True, "Odds times the share that was kept, and back to a chance.")
