"""Each check of the exercises on rare events accepts its solution and rejects wrong answers."""

from __future__ import annotations

import numpy as np
import pytest

from mlbook.exercises.rare_events import check_threshold, check_undo_sampling


def threshold(chance, fraud, missed, most):
    best, lowest = np.inf, missed * fraud.sum()
    for candidate in np.unique(chance):
        flags = chance >= candidate
        cost = flags.sum() + missed * (fraud & ~flags).sum()
        if flags.sum() <= most and cost < lowest:
            best, lowest = float(candidate), cost
    return best


def within_capacity(chance, most):
    """The lowest threshold that flags no more than `most`."""
    allowed = [t for t in np.unique(chance) if (chance >= t).sum() <= most]
    return float(min(allowed, default=np.inf))


WRONG_THRESHOLDS = {
    "the stub": (lambda chance, fraud, missed, most: None, "replace"),
    "the default": (lambda chance, fraud, missed, most: 0.5, "a fraud whose chance is far below one half"),
    "one over the price of a miss": (lambda chance, fraud, missed, most: 1 / missed, "costs"),
    "flags nothing": (lambda chance, fraud, missed, most: np.inf, "costs 40 reviews"),
    "all that there is time for": (lambda chance, fraud, missed, most: within_capacity(chance, most), "costs"),
    "forgets how much time there is": (
        lambda chance, fraud, missed, most: threshold(chance, fraud, missed, len(chance)),
        "there is time for 1",
    ),
    "splits equal chances by their position": (
        lambda chance, fraud, missed, most: float(np.sort(chance)[::-1][most - 1]) if most else np.inf,
        "costs",
    ),
    "never flags nothing": (
        lambda chance, fraud, missed, most: min(threshold(chance, fraud, missed, most), chance.max()),
        "a miss that costs less",
    ),
    "an array": (lambda chance, fraud, missed, most: chance >= 0.5, "must return one number"),
}


def test_threshold_accepts_the_solution():
    assert check_threshold(threshold).passed


@pytest.mark.parametrize("name", WRONG_THRESHOLDS)
def test_threshold_rejects(name):
    answer, message = WRONG_THRESHOLDS[name]
    result = check_threshold(answer)
    assert not result.passed
    assert message in result.message
    assert repr(result).startswith("threshold: not yet. ")


def undo(chance, kept):
    return kept * chance / (kept * chance + (1 - chance))


def undo_by_odds(chance, kept):
    with np.errstate(divide="ignore"):
        odds = chance / (1 - chance) * kept
    return np.where(np.isinf(odds), 1.0, odds / (1 + np.where(np.isinf(odds), 0, odds)))


WRONG_CHANCES = {
    "the stub": (lambda chance, kept: None, "replace"),
    "the chance itself": (lambda chance, kept: chance, "one honest payment in a hundred was kept"),
    "the chance times the share": (lambda chance, kept: chance * kept, "0.5 should become 0.009901, and became 0.005"),
    "the odds, and not back": (lambda chance, kept: chance / (1.0000001 - chance) * kept, "0.2 should become"),
    "the odds divided by the share": (lambda chance, kept: undo(chance, 1 / kept), "should become 0.009901"),
    "one number": (lambda chance, kept: float(undo(chance, kept).mean()), "one chance for each of 3"),
}


@pytest.mark.parametrize("right_answer", [undo, undo_by_odds])
def test_undo_sampling_accepts_the_solution(right_answer):
    assert check_undo_sampling(right_answer).passed


@pytest.mark.parametrize("name", WRONG_CHANCES)
def test_undo_sampling_rejects(name):
    answer, message = WRONG_CHANCES[name]
    result = check_undo_sampling(answer)
    assert not result.passed
    assert message in result.message
    assert repr(result).startswith("undo_sampling: not yet. ")
