"""One aircraft's day as a timeline: at each minute, which of its flights a trailing average may count.

On the site, the reader drags the minute of the prediction. All that is shown was worked out here, minute by minute,
by the aggregate that the models use: the site's script looks up and draws.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

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
    """One aircraft's flights of a day, and the mean delay of those that had landed by each minute.

    Parameters
    ----------
    flights
        One row a flight: `tailnum` and `dest`; the moments `departs` (scheduled), `left`, and `landed`; and
        `arr_delay` (minutes), known at landing. Canceled and diverted flights have none: leave them out.
    definition
        The feature: by "tailnum", the mean of "arr_delay" over a trailing duration, known at "landed".

    Raises
    ------
    ValueError
        If a column or a value is missing, the flights are fewer than two or of several aircraft, or the feature is
        another one.
    """

    flights: pd.DataFrame
    definition: Aggregate

    def __post_init__(self) -> None:
        if absent := [name for name in COLUMNS if name not in self.flights]:
            raise ValueError(f"`flights` has no column {absent[0]!r}; a timeline needs: {', '.join(COLUMNS)}")
        for name in COLUMNS:
            if self.flights[name].isna().any():
                raise ValueError(f"column {name!r} has a missing value; leave out canceled and diverted flights")
        aircraft = list(self.flights["tailnum"].unique())
        if len(aircraft) != 1 or len(self.flights) < 2:
            raise ValueError(
                f"{len(self.flights)} flights of {len(aircraft)} aircraft; choose two or more flights of one"
            )
        window = self.definition.window
        drawn = Aggregate("tailnum", "left", "mean", "arr_delay", window, "landed", name=self.definition.name)
        if self.definition != drawn or not isinstance(window, timedelta):
            raise ValueError(f"a timeline draws {drawn} with a duration as its window, got {self.definition}")
        flights = self.flights[COLUMNS].sort_values("departs", kind="stable", ignore_index=True)
        object.__setattr__(self, "flights", flights.assign(decided=flights["departs"] - DECISION_LEAD))

    @cached_property
    def minutes(self) -> pd.DatetimeIndex:
        """Each minute (UTC) from the full hour before the first decision to the one after the last landing."""
        start, end = self.flights["decided"].min().floor("h"), self.flights["landed"].max().ceil("h")
        return pd.date_range(start, end, freq=_MINUTE)

    @property
    def careless(self) -> float:
        """The mean delay (minutes) of all flights, whenever they land: what `groupby` says of the whole table."""
        return float(self.flights["arr_delay"].mean())

    @cached_property
    def feature(self) -> pd.Series:
        """The aggregate (minutes) at each of `minutes`; NaN where no flight counts."""
        tailnum = self.flights["tailnum"].iloc[0]
        at = pd.DataFrame({"at": self.minutes, "tailnum": tailnum})
        return self._aggregate(at, self.flights).set_axis(self.minutes)

    @cached_property
    def states(self) -> pd.DataFrame:
        """What each flight (a column) is at each of `minutes` (a row): a key of `STATES`."""
        # Each flight as if its aircraft had no other: it counts where the aggregate has a value.
        alone = self.flights.assign(tailnum=self.flights.index)
        at = pd.MultiIndex.from_product([self.minutes, alone.index], names=["at", "tailnum"]).to_frame(index=False)
        counts = self._aggregate(at, alone).notna().to_numpy().reshape(len(self.minutes), len(alone))
        now = self.minutes.to_numpy("datetime64[us]")[:, np.newaxis]
        landed, left = (self.flights[name].to_numpy("datetime64[us]") for name in ("landed", "left"))
        states = np.select([counts, landed < now, left <= now], ["counts", "old", "open"], "ahead")
        return pd.DataFrame(states, index=self.minutes)

    def _aggregate(self, at: pd.DataFrame, flights: pd.DataFrame) -> pd.Series:
        return aggregate(at, flights, self.definition, at_time="at")[self.definition.name]

    @property
    def _window(self) -> int:
        assert isinstance(self.definition.window, timedelta)
        return self.definition.window // _MINUTE

    def most_misleading(self) -> pd.Timestamp:
        """The decision at which the feature is farthest from the careless average; the first, if it has no value."""
        decided = self.flights["decided"]
        gap = (self.feature.reindex(decided) - self.careless).abs().fillna(-1)
        return pd.Timestamp(decided[int(gap.argmax())])

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
        height = 1.3 + 0.52 * len(self.flights)
        figure, ax = plt.subplots(figsize=(7.2, height))
        figure.subplots_adjust(left=0.03, right=0.97, bottom=0.55 / height, top=1 - 0.5 / height)
        self._draw(ax, moment)
        return show(figure, self._alt(moment), Interactive("timeline", self._data(moment), self._table()))

    # ------------------------------------------------------------------------ in words

    def _minute(self, moment: pd.Timestamp) -> int:
        return (moment - self.minutes[0]) // _MINUTE

    @property
    def _title(self) -> str:
        day = _local(self.flights["departs"].iloc[0])
        return f"aircraft {self.flights['tailnum'].iloc[0]} on {day:%B} {day.day}, {day.year}"

    def _states_at(self, moment: pd.Timestamp) -> list[str]:
        return list(self.states.iloc[self._minute(moment)])

    def _count(self, moment: pd.Timestamp) -> str:
        number = self._states_at(moment).count("counts")
        return f"{number} of {len(self.flights)} flights {'counts' if number == 1 else 'count'}"

    def _flight_words(self) -> list[str]:
        departs = self.flights["departs"].dt.tz_convert(HOME_ZONE).dt.strftime("%H:%M")
        return list(departs + " to " + self.flights["dest"] + ", " + self.flights["arr_delay"].map(_lateness))

    def _alt(self, moment: pd.Timestamp) -> str:
        found = Counter(self._states_at(moment))
        states = "; ".join(f"{words}: {found[state]}" for state, words in STATES.items() if state in found)
        return (
            f"Timeline of {self._title}: {len(self.flights)} flights as bars from departure to landing. "
            f"At {_clock(moment)}, {self._count(moment)} ({states}). "
            f"The feature says {_minutes(self.feature[moment])}, the careless average {_minutes(self.careless)}."
        )

    def _table(self) -> pd.DataFrame:
        """From when until when which flights count, and what the two averages then say."""
        counted = self.states == "counts"
        first = self.minutes[(counted != counted.shift()).any(axis=1).to_numpy()]
        last = [*(first[1:] - _MINUTE), self.minutes[-1]]
        names = self._flight_words()
        return pd.DataFrame(
            {
                "From": [_clock(moment) for moment in first],
                "To": [_clock(moment) for moment in last],
                "Flights that count": [
                    "; ".join(name for name, counts in zip(names, counted.loc[moment], strict=True) if counts) or "none"
                    for moment in first
                ],
                "Feature": [_minutes(self.feature[moment]) for moment in first],
                "Careless average": _minutes(self.careless),
            }
        )

    # ------------------------------------------------------------------------ in pictures

    def _data(self, moment: pd.Timestamp) -> dict[str, Any]:
        """What the site's script draws: minutes are counted from `start`, and texts are those of the page."""
        return {
            "title": self._title[0].upper() + self._title[1:],
            "zone": HOME_ZONE,
            "start": self.minutes[0].isoformat(),
            "minutes": len(self.minutes) - 1,
            "at": self._minute(moment),
            "window": self._window,
            "ticks": [self._minute(tick) for tick in self._ticks()],
            "states": STATES,
            "careless": _minutes(self.careless),
            "flights": self._flights(),
            "steps": self._steps(),
        }

    def _flights(self) -> list[dict[Hashable, Any]]:
        moments = self.flights[["decided", "left", "landed"]]
        return moments.map(self._minute).assign(text=self._flight_words()).to_dict("records")

    def _steps(self) -> list[dict[str, Any]]:
        """The stretches of minutes over which nothing changes: the first minute of each, and what holds in it."""
        first = self.minutes[(self.states != self.states.shift()).any(axis=1).to_numpy()]
        return [
            {
                "from": self._minute(moment),
                "states": self._states_at(moment),
                "count": self._count(moment),
                "feature": _minutes(self.feature[moment]),
            }
            for moment in first
        ]

    def _ticks(self) -> list[pd.Timestamp]:
        return [minute for minute in self.minutes[::60] if _local(minute).hour % 3 == 0]

    def _draw(self, ax: Axes, moment: pd.Timestamp) -> None:
        minute, end = self._minute(moment), len(self.minutes) - 1
        ax.axvspan(minute - self._window, minute, color=COLORS["honest"], alpha=0.12, linewidth=0)
        ax.axvline(minute, color="black", linewidth=1.5)
        states = self._states_at(moment)
        for row, (flight, state) in enumerate(zip(self._flights(), states, strict=True)):
            weight = "bold" if state == "counts" else "normal"
            ax.axhline(row + 0.6, color="#e4e4e4", linewidth=0.8)
            ax.text(5, row - 0.05, flight["text"], fontsize=9, weight=weight)
            ax.text(end - 5, row - 0.05, STATES[state], fontsize=9, weight=weight, ha="right")
            ax.barh(row + 0.25, flight["landed"] - flight["left"], 0.34, flight["left"], **_LOOKS[state])
            ax.plot(flight["decided"], row + 0.25, marker="D", color="black", markersize=4, clip_on=False)
        ticks = self._ticks()
        ax.set_xticks([self._minute(tick) for tick in ticks], [_clock(tick) for tick in ticks])
        ax.set(xlim=(0, end), ylim=(len(states) - 0.3, -0.5))
        ax.set_xlabel(
            f"New York time. Diamonds: two hours before departure. Shaded: the {self._window / 60:g} hours before"
        )
        ax.yaxis.set_visible(False)
        ax.spines["left"].set_visible(False)
        ax.grid(visible=False)
        feature, careless = _minutes(self.feature[moment]), _minutes(self.careless)
        ax.set_title(f"At {_clock(moment)} the feature says {feature}, the careless average {careless}")


def _local(moment: pd.Timestamp) -> pd.Timestamp:
    return moment.tz_convert(HOME_ZONE)


def _clock(moment: pd.Timestamp) -> str:
    return f"{_local(moment):%H:%M}"


def _minutes(value: float) -> str:
    """ "-14.5 min", with a proper minus sign; an aggregate without a value says nothing."""
    return "nothing" if np.isnan(value) else f"{value:.1f} min".replace("-", "\N{MINUS SIGN}")


def _lateness(delay: float) -> str:
    return f"{abs(delay):.0f} min {'late' if delay > 0 else 'early'}" if delay else "on time"
