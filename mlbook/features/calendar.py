"""What a moment is on the local calendar: weekday, time of day, and holidays.

A UTC timestamp says nothing about people. They keep local clocks, which jump twice a year, and local
holidays, on which there is less agreement than one would think: say whose calendar you mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from mlbook._checks import nearest, require_frame, require_times, require_zone

_CLOCK: dict[str, Callable[[pd.Series[Any]], pd.Series[Any]]] = {
    "month": lambda local: local.dt.month,
    "day_of_week": lambda local: local.dt.day_of_week,
    "hour": lambda local: local.dt.hour,
    "minute_of_day": lambda local: local.dt.hour * 60 + local.dt.minute,
}


class _LocalTimeFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformer of one time column that learns nothing from it: `fit` only validates."""

    column: str
    zone: str
    features: Sequence[str]
    _offered: ClassVar[Sequence[str]]

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Check the parameters and that `X` has the column; `y` is ignored."""
        require_zone(self.zone)
        if isinstance(self.features, str):
            raise ValueError(f"features must be a list of names, such as [{self.features!r}]")
        for name in self.features:
            if name not in self._offered:
                raise ValueError(f"no feature is named {name!r}; there are: {', '.join(self._offered)}")
        self._require_moments(X)
        validate_data(self, X, skip_check_array=True)
        return self

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Names of the resulting columns; `input_features` is ignored."""
        check_is_fitted(self)
        return np.array(self.features, dtype=object)

    def _local(self, X: pd.DataFrame) -> pd.Series[Any]:
        """The local wall clock, (n,) naive times."""
        self._require_moments(X)
        local: pd.Series[Any] = X[self.column].dt.tz_convert(self.zone).dt.tz_localize(None)
        return local

    def _require_moments(self, X: pd.DataFrame) -> None:
        require_frame(X, [self.column], "X")
        require_times(X[self.column], f"column {self.column!r} of `X`")


class CalendarFeatures(_LocalTimeFeatures):
    """Local weekday and time of day of a moment.

    Parameters
    ----------
    column
        The column of moments, of any time zone.
    zone
        The time zone of the people whose day it is, such as "America/New_York".
    features
        Which columns to make, each int64: `month` (1 is January), `day_of_week` (0 is Monday), `hour`
        (0-23), and `minute_of_day` (0-1439), all on the local clock. Where the clock is set back, two
        moments an hour apart share them.

    Raises
    ------
    ValueError
        By `fit` or `transform`, if the zone or a feature is unknown, or the column is missing, naive, or has
        missing times. `TypeError` if `X` is not a DataFrame.
    """

    _offered = tuple(_CLOCK)

    def __init__(self, column: str, zone: str, features: Sequence[str] = ("day_of_week", "minute_of_day")) -> None:
        self.column = column
        self.zone = zone
        self.features = features

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """The features of each row of `X`: (n, features), int64, indexed like `X`."""
        check_is_fitted(self)
        local = self._local(X)
        return pd.DataFrame({name: _CLOCK[name](local).astype("int64") for name in self.features}, index=X.index)


class HolidayFeatures(_LocalTimeFeatures):
    """Whether the local day of a moment is a public holiday, and how far the nearest ones are.

    The calendars are those of the package `holidays`. Where a holiday falls on a weekend, both the day itself
    and the day off in its place are holidays. The day before Thanksgiving is none anywhere: it is a day with
    `days_to_holiday` of 1.

    Parameters
    ----------
    column, zone
        As of `CalendarFeatures`.
    country
        Whose holidays: an ISO 3166 code, such as "US".
    subdivision
        The state or province whose holidays to add, such as "NY"; without it, those of the whole country only.
    features
        Which columns to make, each int64: `holiday` (0 or 1), `days_to_holiday`, and `days_since_holiday`
        (days to the next and since the last one, both 0 on a holiday).

    Raises
    ------
    ValueError
        By `fit` or `transform`, in the cases of `CalendarFeatures`, for an unknown country or subdivision, and
        if the package knows no holiday in a year of the data or in those before and after.
    """

    _offered = ("holiday", "days_to_holiday", "days_since_holiday")

    def __init__(
        self,
        column: str,
        zone: str,
        country: str,
        subdivision: str | None = None,
        features: Sequence[str] = ("holiday",),
    ) -> None:
        self.column = column
        self.zone = zone
        self.country = country
        self.subdivision = subdivision
        self.features = features

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Check the parameters and that `X` has the column; `y` is ignored."""
        _require_calendar(self.country, self.subdivision)
        return super().fit(X, y)

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """The features of each row of `X`: (n, features), int64, indexed like `X`."""
        check_is_fitted(self)
        days = self._local(X).to_numpy().astype("datetime64[D]")
        calendar = self._holidays(days)
        ahead = calendar[np.searchsorted(calendar, days, side="left")] - days
        behind = days - calendar[np.searchsorted(calendar, days, side="right") - 1]
        columns = {
            "holiday": ahead == np.timedelta64(0, "D"),
            "days_to_holiday": ahead,
            "days_since_holiday": behind,
        }
        return pd.DataFrame({name: columns[name].astype("int64") for name in self.features}, index=X.index)

    def _holidays(self, days: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
        """The holidays of the years of `days` and of the years before and after each, sorted."""
        years = 1970 + np.unique(days.astype("datetime64[Y]")).astype(int)
        needed = {int(year) + step for year in years for step in (-1, 0, 1)}
        import holidays  # takes a while, and most who read this room do without

        calendar = holidays.country_holidays(self.country, subdiv=self.subdivision, years=needed)
        unknown = needed - {day.year for day in calendar}
        if unknown:
            raise ValueError(
                f"the package holidays knows no holiday of {self.country!r} in {min(unknown)}, and column "
                f"{self.column!r} has times from {days.min()} to {days.max()}; correct them or drop these rows"
            )
        return np.array(sorted(calendar), dtype="datetime64[D]")


def _require_calendar(country: str, subdivision: str | None) -> None:
    import holidays

    countries = holidays.list_supported_countries()
    if country not in countries:
        mend = nearest(country, countries, cutoff=0.9) or "use an ISO 3166 code, such as 'US'"
        raise ValueError(f"the package holidays has no calendar of country {country!r}; {mend}")
    calendar = holidays.country_holidays(country)
    known = [*calendar.subdivisions, *calendar.subdivisions_aliases]
    if subdivision is not None and subdivision not in known:
        mend = nearest(subdivision, known, cutoff=0.9) or f"it has: {', '.join(calendar.subdivisions) or 'none'}"
        raise ValueError(
            f"the package holidays has no calendar of subdivision {subdivision!r} of country {country!r}; {mend}"
        )
