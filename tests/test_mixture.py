"""Winners by a mixture of definitions: the ranking, its words, and what the site's script is given."""

from __future__ import annotations

from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from mlbook.evidence.mixture import LEVELS, Mixture

FILMS = pd.DataFrame(
    {"watched": [90, 80, 10, 10, 5, 1], "liked": [0.1, 0.5, 0.9, 0.8, 0.2, 0.3]}, index=["a", "b", "c", "d", "e", "f"]
)


@pytest.fixture
def mixture() -> Mixture:
    return Mixture(FILMS, top=2)


@pytest.fixture(scope="module")
def many() -> Mixture:
    scores = pd.DataFrame(np.random.default_rng(0).integers(40, size=(60, 3)), columns=["x", "y", "z"])
    return Mixture(scores.set_axis([f"film {number}" for number in scores.index]))


def test_one_definition_alone_is_its_own_ranking(mixture):
    assert mixture.winners([1, 0]) == ["a", "b"]
    assert mixture.winners([0, 3]) == ["c", "d"]
    assert mixture.alone == {"watched": ["a", "b"], "liked": ["c", "d"]}


def test_ranks_are_added_so_that_units_do_not_matter(mixture):
    in_thousands = Mixture(FILMS.assign(watched=FILMS["watched"] * 1000), top=2)
    for weights in filter(any, product(range(LEVELS + 1), repeat=2)):
        assert mixture.winners(weights) == in_thousands.winners(weights)


def test_a_mixture_has_winners_of_its_own(mixture):
    assert mixture.winners([1, 1]) == ["c", "b"]
    assert mixture.sentence([1, 1]) == (
        "Of these 2, winners by 'watched' alone: 1; by 'liked' alone: 1; by none of them alone: 0."
    )


def test_equal_scores_share_a_rank_and_equal_sums_keep_the_order_of_the_table(mixture):
    assert mixture.ranks.loc["c", "watched"] == mixture.ranks.loc["d", "watched"]
    tied = Mixture(pd.DataFrame({"x": [1, 1, 1], "y": [2, 2, 2]}, index=["c", "a", "b"]), top=2)
    assert tied.winners([1, 1]) == ["c", "a"]


def test_scores_that_differ_in_the_last_bits_only_are_equal():
    scores = pd.DataFrame({"x": [0.3, 0.1 + 0.2, 0.0], "y": [1, 1, 1]}, index=["a", "b", "c"])
    assert Mixture(scores, top=1).winners([1, 0]) == ["a"]


def test_the_script_is_given_every_winner_and_finds_the_same(many):
    data = many.show([1, 1, 1]).interactive.content["data"]
    assert len(data["items"]) < 60
    for weights in filter(any, product(range(LEVELS + 1), repeat=3)):
        sums = [sum(w * rank for w, rank in zip(weights, item["ranks"], strict=True)) for item in data["items"]]
        order = sorted(range(len(sums)), key=lambda row: -sums[row])[: data["top"]]
        assert [data["items"][row]["name"] for row in order] == many.winners(weights)


def test_the_table_has_each_definition_each_pair_and_all(many):
    table = many.show([1, 1, 1]).interactive.content["table"]
    assert [row[0] for row in table["rows"]] == ["z", "y", "x", "y, z", "x, z", "x, y", "x, y, z"]
    assert table["rows"][2][1] == "; ".join(many.winners([1, 0, 0]))
    assert table["rows"][2][2].startswith("by 'x' alone: 10; ")


def test_the_picture_says_which_weights_it_shows(many):
    alt = many.show([2, 0, 1]).alt
    assert "weighted x 2, y 0, z 1" in alt
    assert many.sentence([2, 0, 1]) in alt


def test_the_picture_is_in_the_style_of_the_book_whatever_is_set(mixture):
    with plt.style.context("classic"):
        classic = mixture.show([1, 1])
    with plt.style.context("mlbook.evidence.book"):
        assert mixture.show([1, 1]).png == classic.png


@pytest.mark.parametrize("weights", [[0, 0], [1], [1, 1, 1], [-1, 1], [1, LEVELS + 1], [0.5, 1]])
def test_weights_that_the_sliders_do_not_have_are_refused(mixture, weights):
    with pytest.raises(ValueError, match="whole numbers from 0 to 5, not all 0"):
        mixture.winners(weights)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (FILMS.rename(index={"b": "a"}), "two items are named 'a'"),
        (FILMS.assign(liked=np.nan), "column 'liked' has a missing score"),
        (FILMS[["liked"]], "1 definitions"),
        (FILMS.head(2), "top is 2 of 2 items"),
    ],
)
def test_scores_that_cannot_be_ranked_are_refused(scores, message):
    with pytest.raises(ValueError, match=message):
        Mixture(scores, top=2)
