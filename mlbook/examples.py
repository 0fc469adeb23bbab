"""Good columns for two systems that the book compares with flights: house sales and food orders."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlbook.features import Aggregate, aggregate


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
        Indexed like `orders`: `items`, how many were ordered; `distance_squared` (square miles); and `slot`, a
        category for each hour of each weekday.
    """
    slot = orders["day"].astype("str") + " " + orders["hour"].astype(int).astype("str")
    return pd.DataFrame(
        {
            "items": orders.filter(regex="^item_").sum(axis=1),
            "distance_squared": orders["distance"] ** 2,
            "slot": slot.astype("category"),
        }
    )
