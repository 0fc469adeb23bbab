"""One aircraft's day as a timeline: at each minute, which of its flights a trailing average may count.

On the site, the reader drags the minute of the prediction. All that is shown was worked out here, minute by minute,
by the aggregate that the models use: the site's script looks up and draws.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from numpy.typing import NDArray

from mlbook.eta import DECISION_LEAD, HOME_ZONE
from mlbook.evidence.figures import COLORS, Figure, Interactive, show
from mlbook.features import Aggregate, aggregate

COLUMNS = ["tailnum", "dest", "departs", "left", "landed", "arr_delay"]
# What a flight is to a prediction, and how the page says it.
STATES = {
    "counts": "counts",
    "old": "too old",
    "open": "not landed",
    "ahead": "not left",
}
_GRAY = "#6b6b6b"
_LOOKS: dict[str, dict[str, Any]] = {
    "counts": {"facecolor": COLORS["honest"], "edgecolor": COLORS["honest"]},
    "old": {"facecolor": "#d3d7da", "edgecolor": _GRAY},
    "open": {"facecolor": "white", "edgecolor": _GRAY, "hatch": "/////"},
    "ahead": {"facecolor": "white", "edgecolor": _GRAY, "linestyle": ":"},
}
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Timeline:
    """What the mean delay of an aircraft's flights, as known at the time, is at each minute of a day.

    Parameters
    ----------
    flights
        One row a flight, of this aircraft and any others: `tailnum` and `dest`; the moments `departs` (scheduled),
        `left`, and `landed`; and `arr_delay` (minutes), known at landing. A canceled or diverted flight has none,
        and is not drawn.
    definition
        The feature: by "tailnum", the mean of "arr_delay" over a trailing duration, known at "landed".
    tailnum, date
        The aircraft, and the day in New York, such as "2013-06-27".

    Raises
    ------
    ValueError
        If a column is missing, the aircraft landed fewer than two flights of that day, or the feature is another one.
    """

    flights: pd.DataFrame
    definition: Aggregate
    tailnum: str
    date: str

    def __post_init__(self) -> None:
        if absent := [name for name in COLUMNS if name not in self.flights]:
            raise ValueError(f"`flights` has no column {absent[0]!r}; a timeline needs: {', '.join(COLUMNS)}")
        window = self.definition.window
        drawn = Aggregate("tailnum", "left", "mean", "arr_delay", window, "landed", name=self.definition.name)
        if self.definition != drawn or not isinstance(window, timedelta):
            raise ValueError(f"a timeline draws {drawn} with a duration as its window, got {self.definition}")
        if self._of_day.sum() < 2:
            raise ValueError(
                f"aircraft {self.tailnum!r} landed {self._of_day.sum()} flights of {self.date}; "
                "choose a day with two or more, written like 2013-06-27"
            )

    @cached_property
    def _own(self) -> pd.DataFrame:
        """All flights of the aircraft that landed, in order of departure."""
        own = self.flights.loc[self.flights["tailnum"] == self.tailnum, COLUMNS].dropna()
        own = own.astype({"tailnum": "str", "dest": "str"})
        return own.assign(decided=own["departs"] - DECISION_LEAD).sort_values("departs", ignore_index=True)

    @cached_property
    def _of_day(self) -> NDArray[np.bool_]:
        days = self._own["departs"].dt.tz_convert(HOME_ZONE).dt.strftime("%Y-%m-%d")
        return np.asarray(days == self.date)

    @cached_property
    def minutes(self) -> pd.DatetimeIndex:
        """Each minute (UTC) from the full hour before the day's first decision to the one after its last landing."""
        day = self._own[self._of_day]
        return pd.date_range(day["decided"].min().floor("h"), day["landed"].max().ceil("h"), freq=_MINUTE)

    @property
    def careless(self) -> float:
        """The mean delay (minutes) of all flights of the day, whenever they land: a `groupby` of the whole table."""
        return float(self._own.loc[self._of_day, "arr_delay"].mean())

    @cached_property
    def feature(self) -> pd.Series:
        """The aggregate (minutes) at each of `minutes`; NaN where no flight counts."""
        at = pd.DataFrame({"at": self.minutes, "tailnum": self.tailnum})
        return self._aggregate(at, self._own).set_axis(self.minutes)

    @cached_property
    def states(self) -> pd.DataFrame:
        """What each flight (a column) is at each of `minutes` (a row): a key of `STATES`.

        The flights are those of the day, and those of other days that count at some minute, under their number in
        the life of the aircraft.
        """
        # Each flight as if its aircraft had no other: it counts where the aggregate has a value.
        alone = self._own.assign(tailnum=self._own.index)
        at = pd.MultiIndex.from_product([self.minutes, alone.index], names=["at", "tailnum"]).to_frame(index=False)
        counts = self._aggregate(at, alone).notna().to_numpy().reshape(len(self.minutes), len(alone))
        now = self.minutes.to_numpy("datetime64[us]")[:, np.newaxis]
        landed, left = (alone[name].to_numpy("datetime64[us]") for name in ("landed", "left"))
        states = np.select([counts, landed < now, left <= now], ["counts", "old", "open"], "ahead")
        drawn = np.flatnonzero(self._of_day | counts.any(axis=0))
        return pd.DataFrame(states[:, drawn], index=self.minutes, columns=drawn)

    def _aggregate(self, at: pd.DataFrame, flights: pd.DataFrame) -> pd.Series:
        return aggregate(at, flights, self.definition, at_time="at")[self.definition.name]

    def most_misleading(self) -> pd.Timestamp:
        """The decision at which the feature is farthest from the careless average; the first, if it has no value."""
        decided = self._own.loc[self._of_day, "decided"]
        gap = (self.feature.reindex(decided) - self.careless).abs().fillna(-1)
        return pd.Timestamp(decided.iloc[int(gap.argmax())])

    def show(self, at: datetime | None = None) -> Figure:
        """The day as of `at`, one of `minutes`, or `most_misleading` without it; on the site, as of any minute.

        Raises
        ------
        ValueError
            If `at` is none of `minutes`.
        """
        moment = self.most_misleading() if at is None else pd.Timestamp(at)
        if moment not in self.minutes:
            raise ValueError(f"at is {at}; give a full minute from {self.minutes[0]} to {self.minutes[-1]}")
        data, table = self._data(moment), self._table()
        with plt.style.context(["default", "mlbook.evidence.book"]):
            return show(_drawing(data), self._alt(moment), Interactive("timeline", data, table))

    # ------------------------------------------------------------------------ in words and numbers

    @cached_property
    def _drawn(self) -> pd.DataFrame:
        return self._own.loc[self.states.columns]

    @cached_property
    def _start(self) -> pd.Timestamp:
        """Where the axis begins: minutes are counted from here."""
        return pd.Timestamp(min(self._drawn["left"].min().floor("h"), self.minutes[0]))

    def _minute(self, moment: pd.Timestamp) -> int:
        return (moment - self._start) // _MINUTE

    @property
    def _window(self) -> int:
        assert isinstance(self.definition.window, timedelta)
        return self.definition.window // _MINUTE

    @property
    def _title(self) -> str:
        day = pd.Timestamp(self.date)
        return f"aircraft {self.tailnum} on {day:%B} {day.day}, {day.year}"

    def _states_at(self, moment: pd.Timestamp) -> list[str]:
        return list(self.states.loc[moment].to_numpy())

    def _count(self, moment: pd.Timestamp) -> str:
        number = self._states_at(moment).count("counts")
        return f"{number} of {len(self._drawn)} flights {'counts' if number == 1 else 'count'}"

    def _flight_words(self) -> list[str]:
        departs = self._drawn["departs"].dt.tz_convert(HOME_ZONE)
        clock = departs.dt.strftime("%H:%M")
        dated = departs.dt.strftime("%b ") + departs.dt.day.astype(str) + ", " + clock
        when = clock.where(self._of_day[self.states.columns], dated)
        return list(when + " to " + self._drawn["dest"] + ", " + self._drawn["arr_delay"].map(_lateness))

    def _alt(self, moment: pd.Timestamp) -> str:
        found = Counter(self._states_at(moment))
        states = "; ".join(f"{words}: {found[state]}" for state, words in STATES.items() if state in found)
        return (
            f"Timeline of {self._title}: flights as bars from departure to landing. "
            f"At {_clock(moment)}, {self._count(moment)} ({states}). "
            f"The feature says {_minutes(self.feature[moment])}, the careless average {_minutes(self.careless)}."
        )

    def _table(self) -> pd.DataFrame:
        """From when until when which flights count, and what the two averages then say."""
        counted = self.states == "counts"
        first = self.minutes[_changes(counted)]
        last = [*(first[1:] - _MINUTE), self.minutes[-1]]
        names = list(self._drawn["dest"] + " " + self._drawn["arr_delay"].map(_whole))
        return pd.DataFrame(
            {
                "From": [_clock(moment) for moment in first],
                "To": [_clock(moment) for moment in last],
                "Feature": [_minutes(self.feature[moment]) for moment in first],
                "Careless average": _minutes(self.careless),
                "Flights that count, with their delay (min)": [
                    ", ".join(name for name, counts in zip(names, counted.loc[moment], strict=True) if counts) or "none"
                    for moment in first
                ],
            }
        )

    def _data(self, moment: pd.Timestamp) -> dict[str, Any]:
        """What is drawn, here and by the site's script: minutes are counted from `start`."""
        return {
            "title": self._title[0].upper() + self._title[1:],
            "zone": HOME_ZONE,
            "start": self._start.isoformat(),
            "first": self._minute(self.minutes[0]),
            "last": self._minute(self.minutes[-1]),
            "at": self._minute(moment),
            "window": self._window,
            "ticks": self._ticks(),
            "states": STATES,
            "careless": _minutes(self.careless),
            "flights": self._flights(),
            "steps": self._steps(),
        }

    def _flights(self) -> list[dict[str, Any]]:
        """The flights in words and in minutes; only those of the day are predicted here."""
        of_day = self._of_day[self.states.columns]
        left, landed, decided = (self._drawn[name].map(self._minute) for name in ("left", "landed", "decided"))
        columns = zip(self._flight_words(), left, landed, decided, of_day, strict=True)
        return [
            {"text": text, "left": left, "landed": landed, "decided": decided if predicted else None}
            for text, left, landed, decided, predicted in columns
        ]

    def _steps(self) -> list[dict[str, Any]]:
        """The stretches of minutes over which nothing changes: the first minute of each, and what holds in it."""
        return [
            {
                "from": self._minute(moment),
                "states": self._states_at(moment),
                "count": self._count(moment),
                "feature": _minutes(self.feature[moment]),
            }
            for moment in self.minutes[_changes(self.states)]
        ]

    def _ticks(self) -> list[dict[str, Any]]:
        """Every third full hour, or every sixth of a long axis; midnight is named by the day that begins."""
        hours = pd.date_range(self._start, self.minutes[-1], freq="h").tz_convert(HOME_ZONE)
        every = 3 if len(hours) <= 25 else 6
        return [
            {"at": self._minute(hour), "label": f"{hour:%H:%M}" if hour.hour else f"{hour:%b} {hour.day}"}
            for hour in hours
            if hour.hour % every == 0
        ]


def _drawing(data: dict[str, Any]) -> Canvas:
    """The picture of the timeline as of `data["at"]`: what the site's script draws, on paper."""
    step = next(step for step in reversed(data["steps"]) if step["from"] <= data["at"])
    height = 1.3 + 0.48 * len(step["states"])
    figure, ax = plt.subplots(figsize=(7.2, height))
    figure.subplots_adjust(left=0.03, right=0.97, bottom=0.55 / height, top=1 - 0.5 / height)
    ax.axvspan(data["at"] - data["window"], data["at"], color=COLORS["honest"], alpha=0.12, linewidth=0)
    ax.axvline(data["at"], color="black", linewidth=1.5)
    for row, (flight, state) in enumerate(zip(data["flights"], step["states"], strict=True)):
        weight = "bold" if state == "counts" else "normal"
        ax.axhline(row + 0.6, color="#e4e4e4", linewidth=0.8)
        ax.text(5, row - 0.05, flight["text"], fontsize=9, weight=weight)
        ax.text(data["last"] - 5, row - 0.05, data["states"][state], fontsize=9, weight=weight, ha="right")
        ax.barh(row + 0.25, flight["landed"] - flight["left"], 0.34, flight["left"], **_LOOKS[state])
        if flight["decided"] is not None:
            ax.plot(flight["decided"], row + 0.25, marker="D", color="black", markersize=4, clip_on=False)
    ax.set_xticks([tick["at"] for tick in data["ticks"]], [tick["label"] for tick in data["ticks"]])
    ax.set(xlim=(0, data["last"]), ylim=(len(step["states"]) - 0.3, -0.5))
    shaded = f"Shaded: the {data['window'] / 60:g} hours before"
    ax.set_xlabel(f"New York time. Diamonds: two hours before departure. {shaded}")
    ax.yaxis.set_visible(False)
    ax.spines["left"].set_visible(False)
    ax.grid(visible=False)
    now = _clock(pd.Timestamp(data["start"]) + data["at"] * _MINUTE)
    ax.set_title(f"At {now} the feature says {step['feature']}, the careless average {data['careless']}")
    return figure


def _changes(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows differ from the row before; the first one does."""
    return np.asarray((table != table.shift()).any(axis=1))


def _clock(moment: pd.Timestamp) -> str:
    return f"{moment.tz_convert(HOME_ZONE):%H:%M}"


def _minutes(value: float) -> str:
    """ "-14.5 min", with a proper minus sign; an aggregate without a value says nothing."""
    return "nothing" if np.isnan(value) else f"{value:.1f} min".replace("-", "\N{MINUS SIGN}")


def _whole(value: float) -> str:
    return f"{value:.0f}".replace("-", "\N{MINUS SIGN}")


def _lateness(delay: float) -> str:
    return f"{abs(delay):.0f} min {'late' if delay > 0 else 'early'}" if delay else "on time"
