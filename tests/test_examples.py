"""Bicycles, houses, and food orders: hours are moments, and good columns know no later sale."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from mlbook import catalog
from mlbook.examples import (
    WEATHER,
    absolute_error_models,
    appraise,
    bicycle_hours,
    food_orders,
    house_columns,
    house_sales,
    linear,
    order_columns,
)


@pytest.fixture(scope="module")
def houses() -> pd.DataFrame:
    return catalog.load("houses")


def test_an_hour_of_the_bicycles_is_the_moment_at_which_the_clock_on_the_wall_showed_it():
    log, hours = catalog.load("rides"), bicycle_hours()
    local = hours["starts"].dt.tz_convert("America/New_York")
    assert (local.dt.hour == log["hr"]).all()
    assert (local.dt.day_of_year == log["day"]).all()
    assert hours["rides"].equals(log["bikers"].rename("rides"))
    assert (hours["starts"].diff().iloc[1:] >= pd.Timedelta(hours=1)).all()


def test_of_novembers_double_hour_the_row_is_the_first():
    starts = bicycle_hours()["starts"].dt.tz_convert("America/New_York")
    double = starts[(starts.dt.day_of_year == 310) & (starts.dt.hour == 1)]
    assert [moment.isoformat() for moment in double] == ["2011-11-06T01:00:00-04:00"]


def test_the_rides_of_an_hour_are_predicted_half_an_hour_before_it_and_known_when_it_is_over():
    hours = bicycle_hours()
    assert (hours["starts"] - hours["decided"] == pd.Timedelta(minutes=30)).all()
    assert (hours["ended"] - hours["starts"] == pd.Timedelta(hours=1)).all()


def test_the_date_of_an_hour_is_the_local_one():
    hours = bicycle_hours()
    local = hours["starts"].dt.tz_convert("America/New_York")
    assert (hours["date"].dt.date == local.dt.date).all()
    assert (hours["date"].dt.date != hours["starts"].dt.date).any()


def test_a_weather_report_holds_all_columns_but_the_moments_the_rides_and_the_holiday():
    assert list(bicycle_hours().drop(columns=["starts", "decided", "ended", "date", "rides", "holiday"])) == WEATHER


def test_the_sky_counts_up_from_clear_to_heavy_rain():
    sky = catalog.load("rides")["weathersit"].groupby(bicycle_hours()["sky"]).unique().map(list)
    assert sky.to_dict() == {0: ["clear"], 1: ["cloudy/misty"], 2: ["light rain/snow"], 3: ["heavy rain/snow"]}


def test_a_price_nearby_is_that_of_the_months_before(houses):
    nearby = house_columns(houses)["price_nearby"]
    month = houses["Year_Sold"] * 12 + houses["Mo_Sold"]
    foot = np.log(houses["Sale_Price"] / (houses["Gr_Liv_Area"] + houses["Total_Bsmt_SF"]))
    for label in houses.index[::61]:
        seen = (houses["Neighborhood"] == houses.loc[label, "Neighborhood"]) & (month < month[label])
        np.testing.assert_allclose(nearby[label], foot[seen].mean(), rtol=1e-9)


def test_no_price_of_the_same_month_or_later_changes_a_column(houses):
    later = (houses["Year_Sold"] > 2008) | ((houses["Year_Sold"] == 2008) & (houses["Mo_Sold"] >= 6))
    dearer = houses.assign(Sale_Price=houses["Sale_Price"].where(~later, 1_000_000))
    until = ~later | ((houses["Year_Sold"] == 2008) & (houses["Mo_Sold"] == 6))
    before, after = house_columns(houses), house_columns(dearer)
    pd.testing.assert_frame_equal(before[until], after[until])
    assert not before.equals(after)


def test_a_half_bath_is_half_a_bath_and_age_counts_to_the_sale(houses):
    columns = house_columns(houses)
    row = houses.index[(houses["Full_Bath"] == 2) & (houses["Half_Bath"] == 1) & (houses["Bsmt_Full_Bath"] == 1)][0]
    assert columns.loc[row, "baths"] == 3.5 + houses.loc[row, "Bsmt_Half_Bath"] / 2
    assert columns.loc[row, "age"] == houses.loc[row, "Year_Sold"] - houses.loc[row, "Year_Built"]


def test_orders_gain_combinations_of_their_own_row():
    orders = pd.DataFrame({"day": ["Tue", "Fri"], "hour": [11.9, 18.2], "distance": [3.0, 0.5]})
    orders = orders.assign(item_01=[1, 0], item_02=[2, 4])
    columns = order_columns(orders)
    assert columns["items"].tolist() == [3, 4]
    assert columns["distance_squared"].tolist() == [9, 0.25]
    assert columns["slot"].tolist() == ["Tue 11", "Fri 18"]
    assert isinstance(columns["slot"].dtype, pd.CategoricalDtype)


@pytest.mark.parametrize("example", [house_sales(), food_orders()], ids=["houses", "orders"])
class TestExamples:
    def test_no_row_is_lost_or_in_both_parts(self, example):
        rows = {"Sale_Price": 2930, "time_to_delivery": 10012}[example.target]
        assert len(example.past) + len(example.future) == rows
        assert not set(example.past.index) & set(example.future.index)

    def test_no_column_holds_the_target_and_good_ones_include_the_raw(self, example):
        assert example.target not in example.columns["good"]
        assert set(example.columns["raw"]) < set(example.columns["good"])
        assert {*example.columns["good"], example.target} == set(example.past)


def test_the_models_of_the_houses_learn_ratios_and_promise_dollars():
    sales = house_sales()
    few, columns = sales.past.iloc[:200], ["Gr_Liv_Area"]
    for name, model in sales.models.items():
        plain = model.fit(few[columns], few[sales.target]).predict(few[columns])
        dear = model.fit(few[columns], 10 * few[sales.target]).predict(few[columns])
        np.testing.assert_allclose(dear, 10 * plain, rtol=1e-6)
        assert 50_000 < plain.mean() < 500_000, name


def test_trees_of_one_split_cannot_combine_and_the_boosted_can():
    models = food_orders().models
    assert list(models) == ["simple", "boosted", "one split"]
    rng = np.random.default_rng(0)
    signs = pd.DataFrame(rng.choice([-1.0, 1.0], (400, 2)), columns=["a", "b"])
    product = signs["a"] * signs["b"]
    missed = {name: (models[name].fit(signs, product).predict(signs) - product).abs().mean() for name in models}
    assert missed["boosted"] < 0.1 < 0.8 < min(missed["one split"], missed["simple"])


@pytest.mark.parametrize("name", ["simple", "boosted"])
def test_a_model_of_the_absolute_error_promises_the_middle_and_not_the_mean(name):
    nothing = pd.DataFrame({"constant": np.zeros(2_000)})
    minutes = pd.Series([0.0, 1, 2, 3, 1_000] * 400)  # the median is 2, the mean above 200
    promised = absolute_error_models()[name].fit(nothing, minutes).predict(nothing.iloc[:1])
    assert promised == pytest.approx([2], abs=1)


def test_houses_sold_later_are_predicted():
    sales = house_sales()
    assert sales.past["Year_Sold"].max() == 2008
    assert sales.future["Year_Sold"].min() == 2009


def test_a_linear_model_reads_gaps_and_words_it_has_not_seen():
    past = pd.DataFrame({"size": [1.0, 2.0, np.nan, 4.0] * 5, "kind": ["a", "b"] * 10})
    model = linear(LinearRegression()).fit(past, past["size"].fillna(7 / 3) + 10 * (past["kind"] == "a"))
    future = pd.DataFrame({"size": [3.0, 3.0, np.nan], "kind": ["a", "b", "new"]})
    predicted = model.predict(future)
    assert predicted[0] - predicted[1] == pytest.approx(10)
    assert np.isfinite(predicted[2])


def test_a_house_is_appraised_without_its_own_price(houses):
    dear = houses["Sale_Price"].where(houses.index != 0, 10_000_000)
    everything = pd.Series(True, index=houses.index)
    before, after = (appraise(houses.assign(Sale_Price=price), everything) for price in (houses["Sale_Price"], dear))
    assert after[0] == pytest.approx(before[0])
    assert (after != before).any()


def test_prices_of_sales_that_are_not_learned_from_change_nothing(houses):
    normal = houses["Sale_Condition"] == "Normal"
    other = houses.assign(Sale_Price=houses["Sale_Price"].where(normal, 1))
    pd.testing.assert_series_equal(appraise(houses, normal), appraise(other, normal))


def test_appraisals_are_near_what_most_houses_brought(houses):
    ratio = houses["Sale_Price"] / appraise(houses, houses["Sale_Condition"] == "Normal")
    assert 0.95 < ratio.median() < 1.05
    assert ratio.between(0.8, 1.25).mean() > 0.85


def test_marks_for_other_houses_are_refused(houses):
    with pytest.raises(ValueError, match="not indexed like `houses`"):
        appraise(houses, pd.Series(True, index=houses.index[1:]))
