"""What an aggregate is, and how it is computed over the complete history of a set of entities.

Everything here works on NumPy arrays: one sort, binary searches, cumulative sums. Entities are independent, so any
split of the rows that keeps each entity whole gives the same answers: all of them in memory (`aggregate`), or one
partition after the other (`aggregate_parquet`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

How = Literal["count", "sum", "mean", "rate", "last"]
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

TICK = timedelta(microseconds=1)
NEVER = np.iinfo(np.int64).min  # a missing time, as NumPy stores NaT

_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "min": timedelta(minutes=1), "s": timedelta(seconds=1)}
_KEY_BITS = 63
_SUM_BITS = 62
_LONGEST = 2**60  # microseconds: as far back as all history, without overflow


@dataclass(frozen=True)
class Aggregate:
    """One feature: what to make of the events of an entity that were known at the moment of a prediction.

    An event counts for a prediction at t if it became known strictly before `t - lag`: what becomes known at that very
    instant does not count, so that events of the same instant never see each other.

    Parameters
    ----------
    by
        The column, or columns, that name the entity: "tailnum", or ["origin", "carrier"]. A row where one of them is
        missing belongs to no entity: as an event it counts for nobody, as a prediction it has no history.
    time
        Column of the events: when it happened.
    how
        "count"; "sum", "mean", or "last" (the one that became known last) of `value`; "rate", the count per duration.
    value
        Column of the events, numeric. An event without it never became known. Not for "count" and "rate".
    window
        A duration w: what became known at `t - lag - w` or later. A number: that many events, those that became known
        last. None: all history.
    known_at
        Column of the events: when the value became known, if that was later than the event. An event without it
        never became known.
    lag
        Only what was known this much earlier counts: the delay of a pipeline, say.
    empty
        What an entity without such an event gets; missing (NaN) by default, because no history is not a zero.
    per
        The duration that a rate is for: one of timedelta(weeks=1) makes it rides per week.
    name
        Name of the feature; made of the other fields by default, as in "dep_delay_mean_3h_by_origin".

    Events that became known at the same instant are taken in the order in which they happened, then in that of their
    values, so that the order of the rows never matters. An event that stands there twice counts twice.

    Raises
    ------
    ValueError
        If `how` is unknown, or the other fields do not fit it.
    """

    by: str | Sequence[str]
    time: str
    how: How
    value: str | None = None
    window: timedelta | int | None = None
    known_at: str | None = None
    lag: timedelta = timedelta(0)
    empty: float | None = None
    per: timedelta | None = None
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "by", self.keys)
        self._check()
        object.__setattr__(self, "name", self.name or self._derived_name())

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that name the entity."""
        return (self.by,) if isinstance(self.by, str) else tuple(self.by)

    @property
    def known(self) -> str:
        """The column that says when an event became known."""
        return self.known_at or self.time

    def _check(self) -> None:
        if self.how not in get_args(How):
            raise ValueError(f"how must be one of {', '.join(get_args(How))}, got {self.how!r}")
        if not self.keys:
            raise ValueError("by names no column; name the column of the entity")
        counts = self.how in ("count", "rate")
        if counts and self.value is not None:
            raise ValueError(f"a {self.how} is of events, not of a value: leave out value={self.value!r}")
        if not counts and self.value is None:
            raise ValueError(f"a {self.how} needs the name of a value column")
        if isinstance(self.window, timedelta) and self.window < TICK:
            raise ValueError(f"window must be positive, got {self.window}")
        if isinstance(self.window, int) and self.window < 1:
            raise ValueError(f"a window of events must hold at least 1, got {self.window}")
        if self.lag < timedelta(0):
            raise ValueError(f"lag must not be negative, which would look ahead; got {self.lag}")
        if (self.how == "rate") != (self.per is not None):
            raise ValueError(f"per, the duration that a rate is for, belongs to a rate only; got {self.per}")
        if self.how == "rate" and not isinstance(self.window, timedelta):
            raise ValueError(f"a rate needs a duration to count in as its window, got {self.window}")
        if self.per is not None and self.per < TICK:
            raise ValueError(f"per must be positive, got {self.per}")

    def _derived_name(self) -> str:
        what = self.how if self.value is None else f"{self.value}_{self.how}"
        if isinstance(self.window, timedelta):
            what += f"_{_text(self.window)}"
        elif self.window is not None:
            what += f"_of_{self.window}"
        if self.per is not None:
            what += f"_per_{_text(self.per)}"
        if self.lag:
            what += f"_lag_{_text(self.lag)}"
        return f"{what}_by_{'_'.join(self.keys)}"


def look_back(
    at_entity: Integers,
    at_time: Integers,
    entity: Integers,
    happened: Integers,
    known: Integers,
    values: Mapping[str, Floats],
    definitions: Sequence[Aggregate],
) -> list[Floats]:
    """The features of m predictions from the complete history, n events, of their entities.

    Parameters
    ----------
    at_entity, at_time
        Of each prediction (m,): its entity, a number from 0, or -1 for none; its moment, in microseconds.
    entity, happened, known
        Of each event (n,): its entity likewise; when it happened and when it became known, `NEVER` if that is missing.
    values
        The value columns of the events (n,), finite or NaN.
    definitions
        Aggregates over these columns; `by`, `time`, and `known_at` are what the arrays above were made of.

    Returns
    -------
    list of arrays
        For each definition its feature (m,). A sum of k values of an entity with N events, the largest of absolute
        value M, is within k * N * M / 2**61 of the true one before it is rounded to a float, whatever the values of
        other entities; so sums of whole numbers are exact (N * M below 2**60, the sum below 2**53). Events in another
        order give the same bits.
    """
    present = (entity >= 0) & (happened != NEVER) & (known != NEVER)
    if not present.all():
        entity, happened, known = entity[present], happened[present], known[present]
        values = {name: column[present] for name, column in values.items()}
    if not len(known):
        return [np.full(len(at_time), np.nan if d.empty is None else d.empty) for d in definitions]
    past = _Past(at_entity, at_time, entity, happened, known)
    ordered = {d.value for d in definitions if d.how == "last" or isinstance(d.window, int)}
    tallies = {
        name: past.tally(None if name is None else values[name], name in ordered)
        for name in {d.value for d in definitions}
    }
    return [past.feature(definition, tallies[definition.value]) for definition in definitions]


@dataclass(frozen=True)
class _Tally:
    """The events with a value, in order, and what was added up to each of them."""

    values: Floats  # (k,)
    sums: Integers  # (k + 1,): running totals in fixed point, times the scale of the entity, modulo 2**64
    scale: Floats  # (entities + 1,): powers of two
    rows: Integers | None  # (n + 1,): how many of the first events have a value; None if all have


class _Past:
    """Events sorted by entity and the time they became known, and predictions sorted by entity and time."""

    def __init__(
        self, at_entity: Integers, at_time: Integers, entity: Integers, happened: Integers, known: Integers
    ) -> None:
        nobody = int(max(entity.max(), at_entity.max(initial=0))) + 1
        at_entity = np.where(at_entity < 0, nobody, at_entity)
        self._axis = _Axis(known, most=2**_KEY_BITS // (nobody + 1) - 1)
        width = self._axis.size + 1
        keys = entity * width + self._axis.position(known)
        at_keys = at_entity * width + self._axis.position(at_time)
        same = np.array_equal(keys, at_keys)
        self._happened = happened
        self._order, self._keys = _sort(keys)
        self._at_order = self._order if same else _sort(at_keys)[0]
        self._at_entity, self._at_time = at_entity[self._at_order], at_time[self._at_order]
        self._base = self._at_entity * width
        self._starts = np.searchsorted(self._keys, np.arange(nobody + 2) * width)
        self._ends: dict[timedelta, Integers] = {}

    def tally(self, column: Floats | None, in_order: bool) -> _Tally:
        """Add up a value column (n,); `in_order` settles the order of events that became known at one instant."""
        if column is None:
            return _Tally(np.empty(0), np.empty(0, np.int64), np.empty(0), None)
        values = column[self._settled(column) if in_order else self._order]
        starts, rows = self._starts, None
        valued = ~np.isnan(values)
        if not valued.all():
            values, rows = values[valued], _running(valued)
            starts = rows[starts]
        scale = _scales(values, starts)
        fixed = np.rint(values * np.repeat(scale, np.diff(starts))).astype(np.int64)
        return _Tally(values, _running(fixed), scale, rows)

    def feature(self, definition: Aggregate, tally: _Tally) -> Floats:
        """The feature of each prediction, in the order in which they were given."""
        end = self._known_before(definition.lag)
        window = definition.window
        if isinstance(window, timedelta):
            start = self._known_before(definition.lag + window)
        else:
            start = self._starts[self._at_entity]
        if tally.rows is not None:
            start, end = tally.rows[start], tally.rows[end]
        if isinstance(window, int):
            start = np.maximum(start, end - window)
        count = end - start
        result = self._result(definition, tally, start, end, count)
        result[count == 0] = np.nan if definition.empty is None else definition.empty
        feature = np.empty(len(result))
        feature[self._at_order] = result
        return feature

    def _result(self, definition: Aggregate, tally: _Tally, start: Integers, end: Integers, count: Integers) -> Floats:
        """The feature of the sorted predictions; anything where `count` is zero."""
        match definition.how:
            case "count":
                return count.astype(float)
            case "rate":
                assert definition.per is not None
                assert isinstance(definition.window, timedelta)
                return count.astype(float) * (definition.per / definition.window)
            case "last":
                return tally.values[end - 1] if len(tally.values) else np.full(len(end), np.nan)
        sums: Floats = (tally.sums[end] - tally.sums[start]) / tally.scale[self._at_entity]
        if definition.how == "mean":
            sums /= np.maximum(count, 1)
        return sums

    def _known_before(self, shift: timedelta) -> Integers:
        """For each prediction, how many events of its entity and those before it were known before t - shift."""
        if shift not in self._ends:
            moments = self._at_time - min(shift // TICK, _LONGEST)
            self._ends[shift] = np.searchsorted(self._keys, self._base + self._axis.position(moments))
        return self._ends[shift]

    def _settled(self, column: Floats) -> Integers:
        """The order of the events, with those known at one instant by when they happened, then by value."""
        again = self._keys[1:] == self._keys[:-1]
        tied = np.flatnonzero(np.append(again, False) | np.insert(again, 0, False))
        rows = self._order[tied]
        settled = self._order.copy()
        settled[tied] = rows[np.lexsort((column[rows], self._happened[rows], self._keys[tied]))]
        return settled


class _Axis:
    """Times as small numbers: whole steps since the first event, or ranks where there would be too many steps."""

    def __init__(self, known: Integers, most: int) -> None:
        self._step = next(step for step in (1_000_000, 1_000, 1) if not (known % step).any())
        self._first = int(known.min())
        self.size = (int(known.max()) - self._first) // self._step + 1
        self._ranked: Integers | None = None
        if self.size > most:
            self._ranked = np.unique(known)
            self.size = len(self._ranked)

    def position(self, times: Integers) -> Integers:
        """Numbers from 0 to `size`; an event was known before a moment if and only if its number is smaller."""
        if self._ranked is not None:
            order = np.argsort(times)  # neighbors are found in neighboring places of the cache
            positions = np.empty(len(times), dtype=np.int64)
            positions[order] = np.searchsorted(self._ranked, times[order])
            return positions
        steps = -((self._first - times) // self._step)  # rounded up
        return np.clip(steps, 0, self.size, out=steps)


def _sort(keys: Integers) -> tuple[Integers, Integers]:
    """The stable order of keys that are not negative, and the sorted keys.

    NumPy sorts integers several times faster than it finds their order. So what is sorted is the key with the row's
    number in the low bits; if both do not fit in 64 bits, the low bits of the key first, then the high ones.
    """
    row_bits = max(1, len(keys).bit_length())
    room = 64 - row_bits
    rows = np.arange(len(keys), dtype=np.uint64)
    packed = keys.astype(np.uint64) << row_bits  # drops what has no room
    packed |= rows
    packed.sort()
    order = (packed & (2**row_bits - 1)).view(np.int64)
    if keys.max(initial=0) < 2**room:
        return order, (packed >> row_bits).view(np.int64)
    packed = (keys[order] >> room).astype(np.uint64) << row_bits
    packed |= rows
    packed.sort()
    order = order[packed & (2**row_bits - 1)]
    return order, keys[order]


def _scales(values: Floats, starts: Integers) -> Floats:
    """For each entity the largest power of two with which no sum of its values outgrows `_SUM_BITS` bits."""
    counts = np.diff(starts)
    some = counts > 0
    largest = np.maximum.reduceat(np.abs(values), starts[:-1][some]) if len(values) else np.empty(0)
    exponents = np.zeros(len(counts))
    exponents[some] = _SUM_BITS - np.frexp(largest)[1] - np.frexp(counts[some])[1]
    scales: Floats = np.ldexp(1.0, np.clip(exponents, -1000, 1000).astype(int))
    return scales


def _running(numbers: NDArray[Any]) -> Integers:
    """Running totals of integers (n,), from zero: (n + 1,)."""
    totals = np.zeros(len(numbers) + 1, dtype=np.int64)
    np.cumsum(numbers, out=totals[1:])
    return totals


def _text(duration: timedelta) -> str:
    """A duration in the largest unit of which it is a whole number: "3h"."""
    for name, unit in _UNITS.items():
        if duration % unit == timedelta(0):
            return f"{duration // unit}{name}"
    return f"{duration // TICK}us"
