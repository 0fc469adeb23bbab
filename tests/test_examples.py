"""The good columns of house sales and food orders say what their names promise, and know no later sale."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlbook import catalog
from mlbook.examples import house_columns, order_columns


@pytest.fixture(scope="module")
def houses() -> pd.DataFrame:
    return catalog.load("houses")


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
