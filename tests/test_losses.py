"""The cost of promised chances, where the true ones are known."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import log_loss

from mlbook.losses import expected_cross_entropy, skill

CHANCE = np.array([0.01, 0.02, 0.3, 0.6])
PROMISED = np.array([0.02, 0.01, 0.4, 0.5])


def test_it_is_the_log_loss_over_all_outcomes_weighed_by_how_often_they_come():
    outcomes, weights = np.repeat([1, 0], 4), np.concatenate([CHANCE, 1 - CHANCE])
    expected = log_loss(outcomes, np.tile(PROMISED, 2), sample_weight=weights)
    assert expected_cross_entropy(PROMISED, CHANCE) == pytest.approx(expected)


def test_no_promise_costs_less_than_the_truth():
    rng = np.random.default_rng(0)
    truth = expected_cross_entropy(CHANCE, CHANCE)
    assert all(expected_cross_entropy(rng.random(4), CHANCE) > truth for _ in range(100))


def test_skill_is_0_for_the_true_rate_and_100_for_the_truth():
    assert skill(CHANCE.mean(), CHANCE) == pytest.approx(0)
    assert skill(np.full(4, CHANCE.mean()), CHANCE) == pytest.approx(0)
    assert skill(CHANCE, CHANCE) == pytest.approx(100)


def test_halfway_is_half_of_the_cross_entropy_that_can_be_saved():
    start, best = expected_cross_entropy(CHANCE.mean(), CHANCE), expected_cross_entropy(CHANCE, CHANCE)
    between = expected_cross_entropy(PROMISED, CHANCE)
    assert between == pytest.approx(start - skill(PROMISED, CHANCE) / 100 * (start - best))
    assert 0 < skill(PROMISED, CHANCE) < 100


def test_worse_than_the_rate_is_negative():
    assert skill(CHANCE[::-1], CHANCE) < 0


def test_a_certainty_that_fails_costs_infinitely_much_and_one_that_holds_nothing():
    assert expected_cross_entropy([0.0, 1.0], [0.1, 1.0]) == np.inf
    assert expected_cross_entropy([0.0, 1.0], [0.0, 1.0]) == 0


@pytest.mark.parametrize(
    ("promised", "chance", "message"),
    [
        ([0.1, 0.2], CHANCE, r"promises of shape \(2,\) for 4 chances"),
        (0.1, [], "at least one"),
        (1.5, CHANCE, "a promised chance is 1.5; it must lie between 0 and 1"),
        ([0.1, 0.2, 0.3, np.nan], CHANCE, "a promised chance is nan"),
        (0.1, [0.1, -0.2], "a true chance is -0.2"),
    ],
)
def test_what_is_no_chance_is_refused(promised, chance, message):
    for score in (expected_cross_entropy, skill):
        with pytest.raises(ValueError, match=message):
            score(promised, chance)


def test_there_is_no_skill_in_telling_equals_apart():
    with pytest.raises(ValueError, match=r"every true chance is 0\.1"):
        skill(0.1, [0.1, 0.1])
