"""Simulated viewing: each label follows enjoyment, and one thing of its own."""

from __future__ import annotations

import pandas as pd
import pytest

from mlbook.simulators import viewing


@pytest.fixture(scope="module")
def world() -> pd.DataFrame:
    return viewing.simulate(5_000, seed=0)


def gap(world: pd.DataFrame, label: str, condition: pd.Series) -> float:
    """How much more often the label is true where the condition holds, among equally enjoyed viewings."""
    share = world[label].groupby([world["enjoyed"], condition]).mean().unstack()
    return float((share[True] - share[False]).mean())


def test_every_viewer_sees_as_many_films(world):
    assert (world.groupby("viewer").size() == 20).all()
    assert list(world) == ["viewer", *viewing.FEATURES, *viewing.LABELS, viewing.TRUTH]


@pytest.mark.parametrize("label", viewing.LABELS)
def test_what_is_enjoyed_gets_each_label_more_often(world, label):
    share = world[label].groupby(world["enjoyed"]).mean()
    assert share[True] - share[False] > 0.25


def test_each_label_has_a_pull_that_the_others_and_enjoyment_lack(world):
    pulls = {
        "finished": world["minutes"] < 110,
        "rated_high": world["awards"] == 1,
        "similar_next": world["cliffhanger"] == 1,
    }
    for label in viewing.LABELS:
        for other, condition in pulls.items():
            assert (gap(world, label, condition) > 0.2) == (label == other), (label, other)
    assert abs(world["enjoyed"].groupby(pulls["finished"]).mean().diff().iloc[1]) < 0.02
    assert abs(world["enjoyed"].groupby(pulls["similar_next"]).mean().diff().iloc[1]) < 0.02


def test_reviews_and_match_are_signs_of_enjoyment(world):
    correlation = world[["match", "reviews", "enjoyed"]].corr()["enjoyed"]
    assert correlation["match"] > correlation["reviews"] > 0.2


def test_films_of_one_length_differ_in_everything_else():
    same = viewing.simulate(100, runtime_spread=0, seed=0)
    assert set(same["minutes"]) == {110}
    assert same["awards"].nunique() == 2


def test_a_seed_makes_the_same_world_twice_and_another_seed_another():
    one, again, other = (viewing.simulate(10, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, again)
    assert not one["match"].equals(other["match"])


@pytest.mark.parametrize("wrong", [{"viewers": 0}, {"films": 0}, {"runtime_spread": -1}])
def test_worlds_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match="must be positive and runtime_spread not negative"):
        viewing.simulate(**wrong, seed=0)


def test_the_outcomes_are_those_of_each_viewer_s_best_scored_films():
    world = pd.DataFrame({"viewer": [0, 0, 0, 1, 1, 1], "finished": [1, 1, 0, 0, 0, 1]}).astype({"finished": bool})
    world = world.assign(rated_high=False, similar_next=True, enjoyed=[True] * 3 + [False] * 3)
    outcomes = viewing.outcomes([3, 2, 1, 30, 20, 10], world, count=2)
    assert outcomes.to_dict() == {"finished": 50, "rated_high": 0, "similar_next": 100, "enjoyed": 50}


def test_picking_what_is_enjoyed_is_better_than_picking_by_lot(world):
    by_truth = viewing.outcomes(world["enjoyed"], world)
    assert by_truth["enjoyed"] > 99
    assert 40 < viewing.outcomes(world.index % 7, world)["enjoyed"] < 60


def test_scores_of_other_rows_and_more_films_than_there_are_are_refused(world):
    with pytest.raises(ValueError, match="3 scores for"):
        viewing.outcomes([1, 2, 3], world)
    with pytest.raises(ValueError, match="fewer than 21 films"):
        viewing.outcomes(world["match"], world, count=21)
