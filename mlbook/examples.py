"""Systems beside the flights: shared bicycles, house sales, food orders; and what a linear model needs to read them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import TransformedTargetRegressor, make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge, SGDRegressor
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mlbook import catalog
from mlbook.features import Aggregate, aggregate

# Of `bicycle_hours`: the columns of a weather report.
WEATHER = ["temp", "hum", "windspeed", "sky"]
_ABOUT_THE_SALE = ["Sale_Price", "Sale_Condition", "Sale_Type"]
_SKIES = ["clear", "cloudy/misty", "light rain/snow", "heavy rain/snow"]
_TREES = {"early_stopping": False, "random_state": 0}
_SIMPLE = Ridge(10)
_BOOSTED = HistGradientBoostingRegressor(max_leaf_nodes=15, max_iter=60, learning_rate=0.15, **_TREES)
# Trees of one split each can add columns up, and cannot combine them.
_ONE_SPLIT = HistGradientBoostingRegressor(max_leaf_nodes=2, max_iter=100, learning_rate=0.5, **_TREES)


@dataclass(frozen=True)
class Example:
    """Rows to learn from and rows to predict, with the names of the raw columns and of the good ones, and models.

    `columns` has the keys "raw", what the file holds, and "good", the same and what was made of it. `models` are
    scikit-learn's, not trained yet; the first two are "simple", a linear one, and "boosted", trees.
    """

    past: pd.DataFrame
    future: pd.DataFrame
    columns: dict[str, list[str]]
    target: str
    models: dict[str, BaseEstimator]


def bicycle_hours() -> pd.DataFrame:
    """Each hour of Washington's shared bicycles in 2011: when it began, its rides, and a report of its weather.

    Returns
    -------
    DataFrame
        In order of time, one row for each row of the snapshot `rides`:

        - `starts`: when the hour began (UTC); of November's double hour, which has one row, the first
        - `decided`, `ended`: half an hour before, when its rides are predicted, and an hour later, when they and
          its weather are known
        - `date`: the local day
        - `rides`: how many began in it
        - `holiday`: 1 on the days that the file marks, those off for the city's offices
        - `temp`, `hum`, `windspeed`: scaled to about 0 to 1 as in the snapshot; `sky`: from 0, clear, to 3, heavy rain
    """
    log = catalog.load("rides")
    clock = pd.Timestamp("2011-01-01") + pd.to_timedelta(24 * (log["day"] - 1) + log["hr"], unit="h")
    starts = clock.dt.tz_localize("America/New_York", ambiguous=True).dt.tz_convert("UTC")
    sky = log["weathersit"].map(_SKIES.index)
    kept = log[["holiday", "temp", "hum", "windspeed"]]
    hour = pd.Timedelta(hours=1)
    moments = {"starts": starts, "decided": starts - hour / 2, "ended": starts + hour, "date": clock.dt.normalize()}
    return pd.DataFrame({**moments, "rides": log["bikers"], **kept, "sky": sky})


def absolute_error_models() -> dict[str, BaseEstimator]:
    """A linear model, "simple", and small trees, "boosted", both of which minimize the mean absolute error."""
    absolute = SGDRegressor(
        loss="epsilon_insensitive", epsilon=0, eta0=0.5, average=True, max_iter=5, tol=None, random_state=0
    )
    small = {"max_leaf_nodes": 4, "max_iter": 30, "learning_rate": 0.3}
    return {
        "simple": linear(absolute),
        "boosted": HistGradientBoostingRegressor(loss="absolute_error", **small, **_TREES),
    }


def house_sales() -> Example:
    """House sales in Ames, Iowa: up to 2008 to learn from, later ones to predict; the target is in dollars.

    The good columns are those of `house_columns`. The models learn the logarithm of the price, so that ten percent
    count alike for a cheap house and a dear one.
    """
    houses = catalog.load("houses")
    words = [column for column in houses.columns if pd.api.types.is_string_dtype(houses[column].dtype)]
    houses = houses.astype(dict.fromkeys(words, "category"))
    models = {"simple": _in_percent(linear(_SIMPLE)), "boosted": _in_percent(_BOOSTED)}
    return _example(houses, house_columns(houses), "Sale_Price", houses["Year_Sold"] <= 2008, models)


def food_orders() -> Example:
    """Orders at one restaurant: 7,000 drawn at random to learn from, since they have no dates, the rest to predict.

    The target is in minutes. The good columns are those of `order_columns`. A third model, "one split", cannot
    combine columns.
    """
    orders = catalog.load("deliveries").sample(frac=1, random_state=0)
    orders = orders.reset_index(drop=True).astype({"day": "category"})
    models = {"simple": linear(_SIMPLE), "boosted": _BOOSTED, "one split": _ONE_SPLIT}
    return _example(orders, order_columns(orders), "time_to_delivery", pd.Series(orders.index < 7_000), models)


def house_columns(houses: pd.DataFrame) -> pd.DataFrame:
    """What an appraiser would work out from a row of the snapshot `houses`, and from the sales before it.

    Returns
    -------
    DataFrame
        Indexed like `houses`:

        - `log_area`, `log_lot`: logarithms of the living area with the basement, and of the lot (square feet)
        - `age`: years from building to sale; `baths`: bathrooms, a half bath as one half
        - `price_nearby`: mean logarithm of the price (dollars) of a square foot in this neighborhood, over the
          sales of the months before; NaN if there were none
    """
    area = houses["Gr_Liv_Area"] + houses["Total_Bsmt_SF"]
    month = pd.to_datetime({"year": houses["Year_Sold"], "month": houses["Mo_Sold"], "day": 1})
    sales = houses[["Neighborhood"]].assign(sold=month.dt.tz_localize("UTC"), foot=np.log(houses["Sale_Price"] / area))
    nearby = Aggregate("Neighborhood", "sold", "mean", "foot", name="price_nearby")
    baths = houses["Full_Bath"] + houses["Bsmt_Full_Bath"] + (houses["Half_Bath"] + houses["Bsmt_Half_Bath"]) / 2
    return pd.DataFrame(
        {
            "log_area": np.log(area),
            "log_lot": np.log(houses["Lot_Area"]),
            "age": houses["Year_Sold"] - houses["Year_Built"],
            "baths": baths,
            "price_nearby": aggregate(sales, sales, nearby, at_time="sold")["price_nearby"],
        }
    )


def order_columns(orders: pd.DataFrame) -> pd.DataFrame:
    """Combinations of what a row of the snapshot `deliveries` holds; no new fact among them.

    Returns
    -------
    DataFrame
        Indexed like `orders`: `items`, how many were ordered; `distance_squared` (the unit of the distance is not
        known); and `slot`, a category for each hour of each weekday.
    """
    slot = orders["day"].astype("str") + " " + orders["hour"].astype(int).astype("str")
    return pd.DataFrame(
        {
            "items": orders.filter(regex="^item_").sum(axis=1),
            "distance_squared": orders["distance"] ** 2,
            "slot": slot.astype("category"),
        }
    )


def appraise(houses: pd.DataFrame, learn_from: pd.Series) -> pd.Series:
    """What each house would have brought (dollars), learned from the sales marked by `learn_from` among the others.

    A ridge regression of the logarithm of the price on all that describes the house, not the sale. Each house is
    predicted from the four of five random folds that it is not in; a sale that is not marked has the weight 0.

    Parameters
    ----------
    houses
        The snapshot of this name.
    learn_from
        bool, indexed like `houses`.

    Raises
    ------
    ValueError
        If `learn_from` has another index.
    """
    if not learn_from.index.equals(houses.index):
        raise ValueError("`learn_from` is not indexed like `houses`; mark every sale, and no other row")
    described = pd.get_dummies(houses.drop(columns=_ABOUT_THE_SALE), dtype=float)
    model = make_pipeline(StandardScaler(), Ridge(10))
    logarithm = cross_val_predict(
        model,
        described,
        np.log(houses["Sale_Price"]),
        cv=KFold(5, shuffle=True, random_state=0),
        params={"ridge__sample_weight": learn_from.astype(float)},
    )
    return pd.Series(np.exp(logarithm), index=houses.index, name="appraised")


def linear(model: BaseEstimator) -> Pipeline:
    """`model`, preceded by what lets a linear model read any table.

    Gaps in numbers are filled with the column's mean and numbers brought to one scale; each category that occurs at
    least five times becomes a column of zeros and ones.
    """
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    words = OneHotEncoder(handle_unknown="ignore", min_frequency=5)
    as_numbers = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (words, make_column_selector(dtype_exclude="number")),
    )
    return make_pipeline(as_numbers, model)


def _in_percent(model: BaseEstimator) -> BaseEstimator:
    """`model`, which learns the logarithm of the target and predicts the target."""
    return TransformedTargetRegressor(model, func=np.log, inverse_func=np.exp)


def _example(
    table: pd.DataFrame, made: pd.DataFrame, target: str, is_past: pd.Series, models: dict[str, BaseEstimator]
) -> Example:
    raw = list(table.columns.drop(target))
    table = table.join(made)
    return Example(table[is_past], table[~is_past], {"raw": raw, "good": [*raw, *made]}, target, models)
