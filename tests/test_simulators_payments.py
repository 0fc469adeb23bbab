"""Simulated payments: how rare fraud is, when it is reported, and what a sample of the honest ones stands for."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from mlbook.simulators import payments


@pytest.fixture(scope="module")
def world() -> pd.DataFrame:
    """Ten million payments, of which one honest one in a hundred is drawn."""
    return payments.simulate(10_000_000, honest_share=0.01, seed=0)


def days_to_report(rows: pd.DataFrame) -> pd.Series:
    return (rows["reported"] - rows["paid"]) / pd.Timedelta(days=1)


def test_one_payment_in_ten_thousand_is_a_fraud(world):
    assert world["fraud"].sum() == pytest.approx(1000, rel=0.1)
    assert world["stands_for"].sum() == pytest.approx(10_000_000, rel=1e-5)


def test_a_million_payments_take_less_than_a_second():
    def seconds() -> float:
        start = time.process_time()
        assert len(payments.simulate(1_000_000, seed=0)) == 1_000_000
        return time.process_time() - start

    assert min(seconds() for _ in range(2)) < 1


def test_every_fraud_is_reported_and_no_honest_payment_is(world):
    assert (world["reported"].notna() == world["fraud"]).all()
    assert (days_to_report(world[world["fraud"]]) > 0).all()


def test_takeovers_are_reported_weeks_later_than_stolen_cards(world):
    delay = days_to_report(world[world["fraud"]]).groupby(world["takeover"]).median()
    assert 3 < delay[False] < 7
    assert 28 < delay[True] < 38


def test_some_reports_come_after_the_last_day(world):
    assert (world["reported"] > payments.START + pd.Timedelta(days=180)).any()


def test_each_kind_of_fraud_leaves_its_own_marks(world):
    honest = world[~world["fraud"]]
    cards, takeovers = (world[world["fraud"] & (world["takeover"] == kind)] for kind in (False, True))
    assert cards["abroad"].mean() > 0.5 > honest["abroad"].mean()
    assert takeovers["new_device"].mean() > 0.6 > honest["new_device"].mean()
    assert cards["amount"].median() > 3 * honest["amount"].median()


def test_a_new_trick_starts_on_its_day_and_leaves_the_number_of_frauds(world):
    later = payments.simulate(10_000_000, honest_share=0.01, takeovers_from=120, seed=0)
    first = later.loc[later["takeover"], "paid"].min()
    assert first >= payments.START + pd.Timedelta(days=120)
    assert later["fraud"].sum() == world["fraud"].sum()


def test_the_table_is_in_order_of_time_within_its_days(world):
    assert world["paid"].is_monotonic_increasing
    assert world["paid"].between(payments.START, payments.START + pd.Timedelta(days=180)).all()
    assert world.index.equals(pd.RangeIndex(len(world)))


def test_the_hours_and_flags_are_what_they_say(world):
    assert world["hour"].between(0, 24, inclusive="left").all()
    assert set(world["new_device"]) | set(world["abroad"]) == {0.0, 1.0}
    assert not world[payments.FEATURES].isna().any().any()


def test_payments_spread_evenly_over_the_days(world):
    age = (world["paid"] - payments.START) / pd.Timedelta(days=180)
    assert np.allclose(np.quantile(age, [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.01)


def test_a_seed_makes_the_same_world_twice_and_another_seed_another():
    one, again, other = (payments.simulate(1000, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, again)
    assert not one["amount"].equals(other["amount"])


@pytest.mark.parametrize("wrong", [{"rows": 0}, {"days": 0}, {"honest_share": 0}, {"honest_share": 1.5}])
def test_worlds_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match="must be positive"):
        payments.simulate(**{"rows": 10, **wrong}, seed=0)
