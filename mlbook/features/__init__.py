"""Features that look back: what was known at the moment of a prediction, and nothing later."""

from mlbook.features.aggregates import aggregate
from mlbook.features.as_of import AsOfJoin
from mlbook.features.calendar import CalendarFeatures, HolidayFeatures
from mlbook.features.history import Aggregate
from mlbook.features.listening import listening_features
from mlbook.features.out_of_core import aggregate_parquet

__all__ = [
    "Aggregate",
    "AsOfJoin",
    "CalendarFeatures",
    "HolidayFeatures",
    "aggregate",
    "aggregate_parquet",
    "listening_features",
]
