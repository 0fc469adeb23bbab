"""What a promised chance costs, where a simulation knows the true one."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlog1py, xlogy


def expected_cross_entropy(promised: ArrayLike, chance: ArrayLike) -> float:
    """The average surprise (in nats) at outcomes that come with the true chances, for one who was promised others.

    It is what scikit-learn's `log_loss` comes to over all the outcomes that might have been, without the luck of
    those that were. No promise costs less than the truth.

    Parameters
    ----------
    promised
        (n,) What a model says, or one chance for all. A promise of 0 or 1 that can be broken costs infinitely much.
    chance
        (n,) The true chances.

    Raises
    ------
    ValueError
        If the lengths differ, there are no chances, or one of them is missing or not between 0 and 1.
    """
    told, true = _checked(promised, chance)
    return float(-(xlogy(true, told) + xlog1py(1 - true, -told)).mean())


def skill(promised: ArrayLike, chance: ArrayLike) -> float:
    """How far promised chances get, in percent of the way from the true rate, promised to all, to the true chances.

    It is negative for promises worse than that rate. Parameters and errors are those of `expected_cross_entropy`;
    the true chances must differ, too. Source: the skill score of forecast verification; Wilks, "Statistical methods
    in the atmospheric sciences", 2011, chapter 8.
    """
    _, true = _checked(promised, chance)
    if true.min() == true.max():
        raise ValueError(f"every true chance is {true[0]}: with one chance for all there is nothing to tell apart")
    start, best = (expected_cross_entropy(guess, true) for guess in (true.mean(), true))
    return 100 * (start - expected_cross_entropy(promised, true)) / (start - best)


def _checked(promised: ArrayLike, chance: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    told, true = np.asarray(promised, dtype=float), np.asarray(chance, dtype=float)
    if true.ndim != 1 or not len(true):
        raise ValueError(f"the true chances must be (n,) and at least one, and have shape {true.shape}")
    if told.shape not in ((), true.shape):
        raise ValueError(f"promises of shape {told.shape} for {len(true)} chances; give as many, or one for all")
    for values, name in ((told, "promised"), (true, "true")):
        outside = ~((values >= 0) & (values <= 1))
        if outside.any():
            wrong = np.atleast_1d(values)[np.atleast_1d(outside)][0]
            raise ValueError(f"a {name} chance is {wrong}; it must lie between 0 and 1")
    return told, true
