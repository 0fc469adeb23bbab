"""The running system: the arrival of flights out of New York, predicted two hours before departure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mlbook._checks import require_times
from mlbook.features import Aggregate, AsOfJoin, CalendarFeatures, aggregate

DECISION_LEAD = timedelta(hours=2)
LATE_MINUTES = 15
HOME_ZONE = "America/New_York"

SCHEDULE = ["minute_of_day", "day_of_week", "distance"]
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]
AIRPORT = ["airport_delay", "carrier_delay"]
HISTORY = [
    "backlog",
    "origin_arrivals",
    "dest_arrivals",
    "carrier_arrivals",
    "route_arrivals",
    "number_arrivals",
    "aircraft_arrival",
]
LABELS = ["arr_delay", "late"]
# Columns of `flights`: those that name something, and what the schedule says as it stands in the file.
NAMES = ["carrier", "tailnum", "origin", "dest"]
RAW = ["carrier", "origin", "dest", "sched_dep_time", "sched_arr_time", "flight", "distance"]
# How to spend warnings for a fifth of the flights.
DECISIONS = ("a season's fifth", "each day's fifth")
# What each column of the feature table and of `history` is made of.
KINDS = {
    **dict.fromkeys(["carrier", "origin", "dest", *SCHEDULE], "schedule"),
    **dict.fromkeys(WEATHER, "weather"),
    **dict.fromkeys([*AIRPORT, *HISTORY], "aggregates"),
}

# An hour's row holds the report made near the end of the hour (at 51 minutes past, as a rule).
_WEATHER_LAG = timedelta(hours=1)
_WEATHER_MAX_AGE = timedelta(hours=3)
_RECENT_DELAYS = [
    Aggregate(by, "left", "mean", "dep_delay", timedelta(hours=3), name=name)
    for name, by in zip(AIRPORT, (["origin"], ["origin", "carrier"]), strict=True)
]

_DAY, _TWO_WEEKS = timedelta(days=1), timedelta(days=14)
_THREE_HOURS = timedelta(hours=3)
_SCHEDULED = Aggregate("origin", "departs", "count", window=_THREE_HOURS, empty=0, name="scheduled")
_GONE = Aggregate("origin", "left", "count", window=_THREE_HOURS, empty=0, name="gone")
_MEAN_ARRIVALS = {
    "origin_arrivals": (["origin"], _DAY),
    "dest_arrivals": (["dest"], _DAY),
    "carrier_arrivals": (["carrier"], _DAY),
    "route_arrivals": (["carrier", "origin", "dest"], _TWO_WEEKS),
    "number_arrivals": (["carrier", "flight"], _TWO_WEEKS),
}
_ARRIVALS = [
    *(
        Aggregate(by, "left", "mean", "arr_delay", window, "landed", name=name)
        for name, (by, window) in _MEAN_ARRIVALS.items()
    ),
    Aggregate("tailnum", "left", "last", "arr_delay", _DAY, "landed", name="aircraft_arrival"),
]
_ZONES_MISSING_FROM_AIRPORTS = dict.fromkeys(["BQN", "PSE", "SJU", "STT"], "America/Puerto_Rico")


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


def with_moments(flights: pd.DataFrame, airports: pd.DataFrame) -> pd.DataFrame:
    """The flights, with the moments (UTC) at which something about each of them became known.

    Parameters
    ----------
    flights, airports
        The snapshots of these names.

    Returns
    -------
    DataFrame
        `flights` with four more columns: `departs`, the scheduled departure; `decided`, the moment of
        prediction; `left`, missing if canceled; and `landed`, when it was at the gate and its arrival delay
        known, missing if canceled or diverted.

    Raises
    ------
    ValueError
        If a flight landed at an airport without a time zone.
    """
    moments = _clock_moments(flights)
    return flights.assign(**moments, landed=_landed(flights, moments["left"], _zones(airports)))


def history(at: pd.DataFrame, flights: pd.DataFrame) -> pd.DataFrame:
    """What the flights before had been like, as known at the moment of each prediction.

    Parameters
    ----------
    at
        The flights to predict: rows of `flights`, or all of them.
    flights
        All flights, as `with_moments` returns them.

    Returns
    -------
    DataFrame
        The columns `HISTORY`, indexed like `at`:

        - `backlog`: of the three hours before the decision, the flights scheduled from this airport minus
          those that left it. A flight that was canceled stays in it: the data does not say when that was known.
        - `origin_arrivals`, `dest_arrivals`, `carrier_arrivals`: mean arrival delay (minutes) of the flights
          from this airport, to this destination, and of this carrier that landed in the 24 hours before
        - `route_arrivals`, `number_arrivals`: the same for this carrier's flights on this route, and for
          those with this flight number, over 14 days
        - `aircraft_arrival`: arrival delay (minutes) of this aircraft's flight from New York that landed last,
          in the 24 hours before. The flights back to New York are not in the data.

        All but `backlog` are NaN where nothing landed.
    """
    columns = aggregate(at, flights, [_SCHEDULED, _GONE, *_ARRIVALS], at_time="decided")
    columns["backlog"] = columns["scheduled"] - columns["gone"]
    return columns[HISTORY]


def local_clock(moments: pd.Series, hour: int) -> pd.Series:
    """When it was `hour` o'clock in New York (0-23) on the local day of each moment, with its time zone.

    Raises
    ------
    ValueError
        If the moments have no time zone, one is missing, or no clock shows such an hour.
    """
    require_times(moments, f"column {moments.name!r}")
    if hour not in range(24):
        raise ValueError(f"hour is {hour}; give a whole hour from 0 to 23")
    midnight = moments.dt.tz_convert(HOME_ZONE).dt.tz_localize(None).dt.normalize()
    struck: pd.Series = (midnight + pd.Timedelta(hours=hour)).dt.tz_localize(HOME_ZONE)
    return struck


def column_scores(past: pd.DataFrame, future: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """A score for each flight of `future` from each column by itself, higher where flights of `past` were late.

    A number counts up or down, as it went with `late` in `past`; a category stands for its share of late flights
    there. What is missing gets the middle score.
    """
    return pd.DataFrame({column: _column_score(past, future, column) for column in columns})


def _column_score(past: pd.DataFrame, future: pd.DataFrame, column: str) -> pd.Series:
    if isinstance(past[column].dtype, pd.CategoricalDtype):
        shares = past.groupby(column, observed=True)["late"].mean()
        score = future[column].map(shares).astype(float)
    else:
        score = future[column] * np.sign(past[column].corr(past["late"]))
    return score.fillna(score.median())


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


def caught(scores: pd.DataFrame, flights: pd.DataFrame, share: float = 0.2, *, than: str | None = None) -> pd.DataFrame:
    """Which late flights a warning reaches if the `share` of the flights with the highest score is warned about.

    Parameters
    ----------
    scores
        A column for each way to score a flight, such as a model's chance; indexed like `flights`.
    flights
        The flights to choose from, with `late` and `date`.
    than
        A column of `scores` to compare the others with.

    Returns
    -------
    DataFrame
        A row for each late flight. Its columns are pairs of one of `DECISIONS`, the share being taken of all flights
        or of each day's, and a column of `scores`: 100 if `flag` chose the flight, else 0, so that the mean is the
        recall in percent. With `than`, which then has no column itself, minus the same by that score: the mean is
        how many points of recall the other adds.

    Raises
    ------
    ValueError
        If the two tables have different labels, a score is missing, or there is no score `than`.
    """
    if than is not None and than not in scores.columns:
        raise ValueError(f"there is no score {than!r} to compare with; there are: {', '.join(map(str, scores))}")
    if not scores.index.equals(flights.index):
        raise ValueError("scores and flights must have the same index; take flights.loc[scores.index]")
    flags = {
        decision: scores.apply(flag, share=share, within=within)
        for decision, within in zip(DECISIONS, (None, flights["date"]), strict=True)
    }
    if than is not None:
        flags = {
            decision: chosen.astype(float).sub(chosen[than], axis=0).drop(columns=than)
            for decision, chosen in flags.items()
        }
    return 100.0 * pd.concat(flags, axis=1)[flights["late"]]


def _with_decision(flights: pd.DataFrame) -> pd.DataFrame:
    """Flights in order of departure, with the moments in UTC and the local day."""
    columns = ["carrier", "flight", "origin", "dest", "distance", "dep_delay", "arr_delay"]
    table = flights[columns].assign(**_clock_moments(flights))
    table["date"] = table["departs"].dt.tz_convert(HOME_ZONE).dt.tz_localize(None).dt.normalize()
    return table.sort_values(["departs", "carrier", "flight"], kind="stable")


def _clock_moments(flights: pd.DataFrame) -> dict[str, pd.Series]:
    """Scheduled departure, moment of prediction, and departure of each flight (UTC)."""
    departs = flights["time_hour"] + pd.to_timedelta(flights["minute"], unit="min")
    left = departs + pd.to_timedelta(flights["dep_delay"], unit="min")
    return {"departs": departs, "decided": departs - DECISION_LEAD, "left": left}


def _zones(airports: pd.DataFrame) -> dict[str, str]:
    """The time zone of each airport by its code."""
    known = airports.dropna(subset=["tzone"])
    return {**dict(zip(known["faa"], known["tzone"], strict=True)), **_ZONES_MISSING_FROM_AIRPORTS}


def _landed(flights: pd.DataFrame, left: pd.Series, zones: dict[str, str]) -> pd.Series:
    """The first moment after the time in the air at which the clock at the destination shows `arr_time`."""
    arrived = flights["arr_delay"].notna()
    down = (left + pd.to_timedelta(flights["air_time"], unit="min"))[arrived]
    zone = flights.loc[arrived, "dest"].map(zones)
    if zone.isna().any():
        dest = flights.loc[zone.index[zone.isna()][0], "dest"]
        raise ValueError(f"no time zone for dest {dest!r}; add it to airports")
    shown = flights.loc[arrived, "arr_time"] // 100 * 60 + flights.loc[arrived, "arr_time"] % 100
    clock = pd.Series(0, index=down.index)
    for name, rows in zone.groupby(zone).indices.items():
        local = down.iloc[rows].dt.tz_convert(str(name)).dt
        clock.iloc[rows] = local.hour * 60 + local.minute
    landed = down + pd.to_timedelta((shown - clock) % (24 * 60), unit="min")
    return landed.reindex(flights.index)
