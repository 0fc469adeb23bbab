"""Rare events: what thresholds flag and catch, what is cheapest, and chances after sampling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.class_weight import compute_sample_weight

from mlbook import rare

CHANCE = np.array([0.9, 0.5, 0.5, 0.4, 0.1, 0.05])
FRAUD = np.array([False, True, False, True, False, False])
cases = st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=40).filter(
    lambda rows: any(fraud for _, fraud in rows)
)


def columns(rows):
    chance, fraud = zip(*rows, strict=True)
    return np.array(chance) / 10, np.array(fraud)


def test_a_sweep_has_a_row_for_each_fraud_and_counts_all_that_reach_its_chance():
    swept = rare.sweep(CHANCE, FRAUD)
    assert swept["threshold"].tolist() == [0.5, 0.4]
    assert swept["flagged"].tolist() == [3, 4]
    assert swept["caught"].tolist() == [1, 2]


def test_a_row_that_stands_for_several_is_flagged_as_often():
    swept = rare.sweep(CHANCE, FRAUD, np.where(FRAUD, 1, 50))
    assert swept["flagged"].tolist() == [101, 102]


@given(cases)
def test_average_precision_is_that_of_scikit_learn(rows):
    chance, fraud = columns(rows)
    assert rare.average_precision(rare.sweep(chance, fraud)) == pytest.approx(average_precision_score(fraud, chance))


@given(cases, st.integers(1, 9), st.sampled_from([0, 1]))
def test_a_scorecard_scores_the_order_as_scikit_learn_does(rows, others, mixed):
    chance, fraud = columns([*rows, (3, False)])
    weight = np.where(fraud, 1, others + mixed * np.arange(len(fraud)))
    card = rare.scorecard(chance, fraud, weight)
    assert card["AUC"] == pytest.approx(roc_auc_score(fraud, chance, sample_weight=weight))
    assert card["average precision"] == pytest.approx(average_precision_score(fraud, chance, sample_weight=weight))


def test_a_scorecard_says_how_many_frauds_are_promised_for_each_real_one():
    assert rare.scorecard(CHANCE, FRAUD)["promised"] == pytest.approx(CHANCE.sum() / 2)
    fifty = np.where(FRAUD, 1, 50)
    assert rare.scorecard(CHANCE, FRAUD, fifty)["promised"] == pytest.approx((CHANCE * fifty).sum() / 2)


def test_without_an_honest_case_there_is_no_order_to_score():
    with pytest.raises(ValueError, match="there is no negative"):
        rare.scorecard([0.5, 0.6], [True, True])
    with pytest.raises(ValueError, match="there is no negative"):
        rare.false_alarms([0.5, 0.6], [True, True])


@given(cases, st.sampled_from([0.5, 1, 2, 5, 100]))
def test_no_threshold_is_cheaper_than_the_cheapest(rows, missed):
    chance, fraud = columns(rows)
    best = rare.cheapest(rare.sweep(chance, fraud), missed)
    costs = [rare.cost(chance, fraud, threshold, missed) for threshold in [*np.arange(0, 1.05, 0.05), np.inf]]
    assert rare.cost(chance, fraud, best, missed) == pytest.approx(min(costs))


def test_the_cheapest_flags_nothing_if_a_miss_is_cheaper_than_the_reviews_that_prevent_it():
    swept = rare.sweep(CHANCE, FRAUD)
    assert rare.cheapest(swept, missed=1) == np.inf
    assert rare.cheapest(swept, missed=100) == 0.4


def test_a_cost_counts_reviews_and_misses():
    assert rare.cost(CHANCE, FRAUD, 0.5, missed=100) == 3 + 100
    assert rare.cost(CHANCE, FRAUD, 0.5, missed=100, stands_for=np.where(FRAUD, 1, 10)) == 21 + 100
    assert rare.cost(CHANCE, FRAUD, np.inf, missed=100) == 200


def test_relative_costs_are_in_percent_of_flagging_nothing():
    thresholds = {"half": 0.5, "never": np.inf}
    assert rare.relative_costs(CHANCE, FRAUD, thresholds, missed=100) == {"half": 51.5, "never": 100}
    tenfold = np.where(FRAUD, 1, 10)
    assert rare.relative_costs(CHANCE, FRAUD, {"half": 0.5}, 100, stands_for=tenfold) == {"half": 60.5}


def test_balanced_weights_give_both_kinds_the_same_sum_and_are_those_of_scikit_learn():
    weights = rare.balanced_weights(FRAUD)
    assert weights.tolist() == [1, 2, 1, 2, 1, 1]
    theirs = compute_sample_weight("balanced", FRAUD)
    assert weights / theirs == pytest.approx(weights[0] / theirs[0])


def test_a_balanced_fraud_weighs_its_share_of_all_that_the_honest_rows_stand_for():
    assert rare.balanced_weights(FRAUD, np.where(FRAUD, 1, 50)).tolist() == [50, 100, 50, 100, 50, 50]


@pytest.mark.parametrize("ratio", [1, 3])
def test_undersampling_keeps_all_frauds_and_as_many_honest_cases_as_the_ratio_says(ratio):
    fraud = np.arange(100) % 10 == 0
    weights = rare.undersampling_weights(fraud, ratio, seed=0)
    assert set(weights) == {0, 1}
    assert (weights[fraud] == 1).all()
    assert weights[~fraud].sum() == 10 * ratio
    assert (weights == rare.undersampling_weights(fraud, ratio, seed=0)).all()
    assert (weights != rare.undersampling_weights(fraud, ratio, seed=1)).any()


@pytest.mark.parametrize("ratio", [0, 10])
def test_a_sample_that_cannot_be_drawn_is_refused(ratio):
    with pytest.raises(ValueError, match=f"ratio is {ratio}, .* there are 4"):
        rare.undersampling_weights(FRAUD, ratio, seed=0)


def test_the_kept_share_is_that_of_the_sample_or_of_equally_strong_weights():
    fraud = np.arange(1_000) < 10
    assert rare.kept_share(fraud, np.ones(1_000)) == 1
    assert rare.kept_share(fraud, rare.undersampling_weights(fraud, 1, seed=0)) == pytest.approx(10 / 990)
    assert rare.kept_share(fraud, rare.balanced_weights(fraud)) == pytest.approx(10 / 990)


def test_rows_that_stand_for_several_count_as_often_in_the_kept_share():
    stands_for = np.where(FRAUD, 1, 50)
    assert rare.kept_share(FRAUD, stands_for, stands_for) == 1
    assert rare.kept_share(FRAUD, np.ones(6), stands_for) == pytest.approx(1 / 50)


@pytest.mark.parametrize("nothing", [FRAUD, ~FRAUD])
def test_weights_that_leave_one_kind_out_are_refused(nothing):
    with pytest.raises(ValueError, match="have no weight"):
        rare.kept_share(FRAUD, np.where(nothing, 0, 1))


def test_undone_sampling_gives_the_share_of_positives_that_there_was():
    # Of 10,000 honest and 10 frauds, keep one honest in a hundred.
    assert rare.undo_sampling([10 / 110], kept=0.01)[0] == pytest.approx(10 / 10_010)
    assert rare.undo_sampling([0, 1], kept=0.01).tolist() == [0, 1]
    assert rare.undo_sampling([0.3], kept=1)[0] == pytest.approx(0.3)


@given(cases)
def test_undone_sampling_keeps_the_order(rows):
    chance, _ = columns(rows)
    undone = rare.undo_sampling(chance, kept=0.001)
    assert (np.diff(undone[np.argsort(chance)]) >= 0).all()


@given(cases, st.sampled_from([0.0001, 0.01, 0.3, 1]), st.sampled_from([0.001, 0.02, 0.55]))
def test_a_threshold_in_the_sample_flags_what_its_threshold_flags_among_undone_chances(rows, kept, threshold):
    chance, _ = columns(rows)
    flags = chance >= rare.threshold_in_sample(threshold, kept)
    assert (flags == (rare.undo_sampling(chance, kept) >= threshold)).all()


def test_a_threshold_in_the_sample_needs_a_chance_and_a_share():
    assert rare.threshold_in_sample(0.002, kept=1) == pytest.approx(0.002)
    with pytest.raises(ValueError, match="threshold is 2"):
        rare.threshold_in_sample(2, kept=0.5)
    with pytest.raises(ValueError, match="kept is 0"):
        rare.threshold_in_sample(0.5, kept=0)


def small_world(seed):
    rng = np.random.default_rng(seed)
    fraud = np.arange(400) % 4 == 0
    return rng.normal(size=(400, 2)) + fraud[:, np.newaxis], fraud, np.where(fraud, 1, 50)


def test_each_model_is_scored_in_each_world_on_what_it_has_seen_and_on_fresh_cases():
    worlds = [(small_world(0), small_world(1)), (small_world(2), small_world(3))]
    models = {"tree": DecisionTreeClassifier(), "base": DummyClassifier()}
    scores = rare.seen_and_fresh(models, worlds)
    assert scores.index.tolist() == [("base", 0), ("base", 1), ("tree", 0), ("tree", 1)]
    # A tree knows by heart what it has seen; the base rate, being weighted, promises as many as there are.
    assert (scores.loc["tree", ("AUC", "seen")] == 1).all()
    assert (scores.loc["tree", ("AUC", "fresh")] < 0.9).all()
    assert scores.loc["base", ("promised", "seen")].tolist() == pytest.approx([1, 1])
    X, fraud, stands_for = worlds[1][1]
    last = rare.scorecard(models["tree"].predict_proba(X)[:, 1], fraud, stands_for)
    assert scores.loc[("tree", 1), ("promised", "fresh")] == last["promised"]


def test_false_alarms_are_the_share_of_honest_cases_that_reach_the_chance_of_each_fraud():
    assert rare.false_alarms(CHANCE, FRAUD).tolist() == [0.5, 0.5]
    chance, fraud = [0.1, 0.9, 0.5, 0.5, 0.2], [True, False, True, False, False]
    assert rare.false_alarms(chance, fraud).tolist() == pytest.approx([1, 2 / 3])
    assert rare.false_alarms(chance, fraud, [1, 2, 1, 5, 1]).tolist() == pytest.approx([1, 7 / 8])


@given(cases)
def test_false_alarms_of_all_frauds_are_those_of_the_sweep(rows):
    chance, fraud = columns([*rows, (3, False)])
    swept = rare.sweep(chance, fraud)
    honest = swept["flagged"] - swept["caught"]
    each = np.repeat(honest / (~fraud).sum(), np.diff(swept["caught"], prepend=0))
    assert np.sort(rare.false_alarms(chance, fraud)) == pytest.approx(each.to_numpy())


def test_redrawn_precision_is_that_of_the_cases_it_was_drawn_from():
    rng = np.random.default_rng(0)
    fraud = np.arange(100_000) < 200
    chance = rng.normal(size=100_000) + 3 * fraud
    alarms = rare.false_alarms(chance, fraud)
    many = rare.redrawn_precision(alarms, positives=200, rate=0.002, draws=400, seed=0)
    assert many.mean() == pytest.approx(rare.average_precision(rare.sweep(chance, fraud)), rel=0.05)
    few = rare.redrawn_precision(alarms, positives=20, rate=0.002, draws=400, seed=0)
    assert few.std() > 2 * many.std()


def test_redrawn_precision_is_certain_if_all_frauds_look_alike():
    assert np.ptp(rare.redrawn_precision([0.3] * 10, positives=5, rate=0.1, draws=20, seed=1)) == 0


def test_with_the_same_seed_two_models_meet_on_the_same_frauds():
    alarms = np.random.default_rng(0).random(50) / 1_000
    one, worse = (rare.redrawn_precision(each, 20, 0.001, 100, seed=0) for each in (alarms, 1.01 * alarms))
    assert (worse < one).all()
    assert not (rare.redrawn_precision(1.01 * alarms, 20, 0.001, 100, seed=1) < one).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.1], FRAUD), "1 chances, 6 answers"),
        (([np.nan, 0.5], [True, False]), "a chance is missing"),
        (([0.1, 0.5], [False, False]), "no positive"),
        (([0.1, 0.5], [True, False], [2, 1]), "a positive stands for others"),
    ],
)
def test_cases_that_cannot_be_swept_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        rare.sweep(*arguments)


@pytest.mark.parametrize("kept", [0, -0.1, 1.5])
def test_a_share_that_cannot_be_is_refused(kept):
    with pytest.raises(ValueError, match=f"kept is {kept}"):
        rare.undo_sampling([0.5], kept)
