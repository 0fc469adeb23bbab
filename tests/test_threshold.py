"""The figure of thresholds: its counts, its costs, its words, and what the site's script is given."""

from __future__ import annotations

import numpy as np
import pytest

from mlbook.evidence.threshold import ONE_IN, Thresholds

CHANCE = [0.3, 0.2, 0.15, 0.01, 0.002, 0.00001]
FRAUD = [True, False, False, True, False, True]


@pytest.fixture
def few() -> Thresholds:
    return Thresholds(CHANCE, FRAUD, prices=[2, 100])


@pytest.fixture(scope="module")
def many() -> Thresholds:
    rng = np.random.default_rng(0)
    chance = np.minimum(1, rng.exponential(0.0005, 20_000))
    return Thresholds(chance, rng.random(20_000) < 2 * chance)


def test_a_chance_equal_to_the_threshold_is_flagged(few):
    assert few.counts.loc[5].tolist() == [2, 1]
    assert few.counts.loc[100].tolist() == [4, 2]
    assert few.counts.loc[500].tolist() == [5, 2]


def test_a_chance_that_differs_in_the_last_bits_only_is_flagged_too():
    just_below = Thresholds([np.nextafter(1 / 3, 0) * 3 / 5, 0.1], [True, False])
    assert just_below.counts.loc[5].tolist() == [1, 1]


def test_nothing_is_flagged_at_the_first_setting(few):
    assert ONE_IN[0] == 0
    assert few.counts.loc[0].tolist() == [0, 0]


def test_a_lower_threshold_never_flags_or_catches_less(many):
    assert (many.counts.diff().dropna() >= 0).all(axis=None)


def test_each_flagged_costs_one_and_each_missed_its_price(few):
    assert few.cost(2)[0] == 6
    assert few.cost(100)[0] == 300
    assert few.cost(100)[500] == 5 + 100


def test_the_sentence_says_what_is_cheapest_at_that_price(few):
    assert few.sentence(500, 2) == (
        "Flag from a chance of 1 in 500: 5 flagged and reviewed, 2 of 3 frauds caught, 1 missed. "
        "If a missed fraud costs 2 reviews, this costs 7 reviews, and flagging nothing 6. Cheapest: nothing, 6."
    )
    assert few.sentence(0, 100).startswith("Flag nothing: 0 flagged")
    assert few.sentence(0, 100).endswith("Cheapest: 1 in 100, 104.")


def test_from_what_the_script_is_given_it_finds_the_same_costs_and_the_same_cheapest(many):
    data = many.show(500, 500).interactive.content["data"]
    for price in data["prices"]:
        costs = [row["flagged"] + price["price"] * (data["frauds"] - row["caught"]) for row in data["thresholds"]]
        assert costs == many.cost(price["price"]).tolist()
        assert costs[price["cheapest"]] == min(costs)


def test_it_opens_at_the_threshold_and_the_price_of_the_picture(many):
    data = many.show(2000, 1000).interactive.content["data"]
    assert data["thresholds"][data["at"]]["name"] == "1 in 2,000"
    assert data["prices"][data["price"]]["price"] == 1000


def test_the_table_has_every_threshold_at_every_price(many):
    table = many.show(500, 500).interactive.content["table"]
    assert [row[0] for row in table["rows"]] == ["nothing", *(f"1 in {n:,}" for n in ONE_IN[1:])]
    assert table["columns"][3:] == [f"Cost, miss = {price:,}" for price in many.prices]
    assert [row[-1] for row in table["rows"]] == [f"{cost:,}" for cost in many.cost(5000)]


@pytest.mark.parametrize("price", [50, 5000])
@pytest.mark.parametrize("one_in", [0, 5, 20000])
def test_the_picture_says_what_the_sentence_says_at_both_ends_of_both_knobs(many, one_in, price):
    assert many.sentence(one_in, price) in many.show(one_in, price).alt


@pytest.mark.parametrize(("one_in", "price"), [(7, 500), (500, 123)])
def test_settings_that_the_knobs_do_not_have_are_refused(many, one_in, price):
    with pytest.raises(ValueError, match="choose from"):
        many.show(one_in, price)


@pytest.mark.parametrize("prices", [[500], [0, 10], [100, 50], [50, 50, 100]])
def test_prices_that_make_no_knob_are_refused(prices):
    with pytest.raises(ValueError, match="two or more positive ones, lowest first"):
        Thresholds(CHANCE, FRAUD, prices)


def test_without_a_fraud_there_is_no_figure():
    with pytest.raises(ValueError, match="no positive"):
        Thresholds([0.1, 0.2], [False, False])
