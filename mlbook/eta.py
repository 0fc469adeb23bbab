"""The running system: the arrival of flights out of New York, predicted two hours before departure."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mlbook.features import Aggregate, AsOfJoin, CalendarFeatures, aggregate

DECISION_LEAD = timedelta(hours=2)
LATE_MINUTES = 15
HOME_ZONE = "America/New_York"

SCHEDULE = ["minute_of_day", "day_of_week", "distance"]
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]
AIRPORT = ["airport_delay", "carrier_delay"]
LABELS = ["arr_delay", "late"]

# An hour's row holds the report made near the end of the hour (at 51 minutes past, as a rule).
_WEATHER_LAG = timedelta(hours=1)
_WEATHER_MAX_AGE = timedelta(hours=3)
_RECENT_DELAYS = [
    Aggregate(by, "left", "mean", "dep_delay", timedelta(hours=3), name=name)
    for name, by in zip(AIRPORT, (["origin"], ["origin", "carrier"]), strict=True)
]


def feature_table(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    """What was known two hours before each departure, beside what then happened.

    Parameters
    ----------
    flights, weather
        The snapshots of these names.

    Returns
    -------
    DataFrame
        One row a flight that arrived where it was going (cancelled and diverted flights have no arrival
        delay), in order of departure, under its label in the index of `flights`:

        - `departs`, `decided`: scheduled departure and moment of prediction (UTC); `date`: local day
        - `carrier`, `origin`, `dest`, and `SCHEDULE`: local minute of day (0-1439), day of week
          (0 is Monday), distance (miles)
        - `WEATHER` at the origin, as last reported before the decision and at most three hours old
          (units as in the snapshot); the report of an hour is made near its end, so it counts as known
          when the hour is over
        - `AIRPORT`: mean departure delay (minutes) of the flights that left this airport, and of those of
          the same carrier, in the three hours before the decision; NaN if none did
        - `arr_delay` (minutes) and `late` (more than 15 minutes): the labels
    """
    table = _with_decision(flights)
    calendar = CalendarFeatures("departs", HOME_ZONE)
    weather_known = AsOfJoin(
        weather,
        at_time="decided",
        report_time="time_hour",
        lag=_WEATHER_LAG,
        tolerance=_WEATHER_MAX_AGE,
        by="origin",
        columns=WEATHER,
    )
    features: list[pd.DataFrame] = [
        calendar.fit_transform(table),
        weather_known.fit_transform(table),
        aggregate(table, table, _RECENT_DELAYS, at_time="decided"),
    ]
    table = pd.concat([table, *features], axis=1)
    arrived = table[table["arr_delay"].notna()]
    arrived = arrived.assign(late=arrived["arr_delay"] > LATE_MINUTES)
    names = ["departs", "decided", "date", "carrier", "origin", "dest"]
    return arrived[[*names, *SCHEDULE, *WEATHER, *AIRPORT, *LABELS]]


def flag(score: ArrayLike, share: float = 0.2, within: ArrayLike | None = None) -> NDArray[np.bool_]:
    """The `share` of the flights with the highest `score` (n,), as booleans (n,).

    With `within` (n,), say the date of each flight, the share of each of its groups instead. Flights with
    the same score are drawn by lot, with a fixed seed: a score that cannot tell flights apart must not win
    by the order of the rows.

    Raises
    ------
    ValueError
        If a score is missing, `within` has another length, or `share` is not between 0 and 1.
    """
    scores = np.asarray(score, dtype=float)
    groups = np.zeros(len(scores)) if within is None else np.asarray(within)
    if np.isnan(scores).any():
        raise ValueError(f"{np.isnan(scores).sum()} of {len(scores)} scores are missing; give every flight one")
    if len(groups) != len(scores):
        raise ValueError(f"within has {len(groups)} values for {len(scores)} scores; give every flight one")
    if not 0 < share < 1:
        raise ValueError(f"share must lie between 0 and 1, got {share}")
    lot = np.random.default_rng(0).permutation(len(scores))
    best_first = lot[np.argsort(-scores[lot], kind="stable")]
    codes, labels = pd.factorize(groups)
    by_group = best_first[np.argsort(codes[best_first], kind="stable")]
    sizes = np.bincount(codes, minlength=len(labels))
    rank = np.arange(len(scores)) - np.repeat(sizes.cumsum() - sizes, sizes)
    flagged = np.zeros(len(scores), dtype=bool)
    flagged[by_group[rank < np.repeat((share * sizes).round(), sizes)]] = True
    return flagged


def _with_decision(flights: pd.DataFrame) -> pd.DataFrame:
    """Flights in order of departure, with the moments in UTC and the local day."""
    departs = flights["time_hour"] + pd.to_timedelta(flights["minute"], unit="min")
    columns = ["carrier", "flight", "origin", "dest", "distance", "dep_delay", "arr_delay"]
    table = flights[columns].assign(
        departs=departs,
        decided=departs - DECISION_LEAD,
        left=departs + pd.to_timedelta(flights["dep_delay"], unit="min"),
        date=departs.dt.tz_convert(HOME_ZONE).dt.tz_localize(None).dt.normalize(),
    )
    return table.sort_values(["departs", "carrier", "flight"], kind="stable")
