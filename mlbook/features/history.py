"""What an aggregate is, and how it is computed over the complete history of a set of entities.

Everything here works on NumPy arrays: one sort, binary searches, cumulative sums. Entities are independent, so any
split of the rows that keeps each entity whole gives the same answers: all of them in memory (`aggregate`), or one
partition after the other (`aggregate_parquet`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

How = Literal["count", "sum", "mean", "rate", "last"]
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

TICK = timedelta(microseconds=1)
NEVER = np.iinfo(np.int64).min  # a missing time, as NumPy stores NaT

_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "min": timedelta(minutes=1), "s": timedelta(seconds=1)}
_STEPS = (1_000_000, 1_000, 1)  # microseconds
_MOST_KEYS = 2**63
_SUM_BITS = 62
_BLOCK = 2**16


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

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the events that it needs."""
        return (*self.keys, self.time, self.known, *(() if self.value is None else (self.value,)))

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
    workers: int = 1,
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
    workers
        How many threads look back at a time.

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
    if not len(known) or not len(at_time):
        return [np.full(len(at_time), _nothing(definition)) for definition in definitions]
    entities = 1 + int(max(entity.max(), at_entity.max()))
    clock = _Clock(known, at_time, definitions)
    if (entities + 1) * clock.width > _MOST_KEYS:
        return _in_halves(at_entity, at_time, entity, happened, known, values, definitions, entities, workers)

    order, sorted_keys = _sort(_keys(entity, known, clock, workers))
    at_order, at_keys = order, sorted_keys
    same = np.array_equal(at_time, known) and np.array_equal(at_entity, entity)  # spares a sort and a search
    if not same:
        somebody = np.where(at_entity < 0, entities, at_entity)
        at_order, at_keys = _sort(_keys(somebody, at_time, clock, workers))
    in_order = {d.value for d in definitions if d.how == "last" or isinstance(d.window, int)}
    features = [np.empty(len(at_time)) for _ in definitions]

    def fill(run: slice) -> None:
        rows, at_rows = (_rows(keys, run, clock) for keys in (sorted_keys, at_keys))
        past = _Past(sorted_keys[rows], order[rows], happened, values, in_order, run, clock)
        block = _Block(past, at_keys[at_rows], same)
        for feature, definition in zip(features, definitions, strict=True):
            feature[at_order[at_rows]] = block.feature(definition)

    _in_threads(fill, _blocks(sorted_keys, at_keys, clock), workers)
    return features


def _in_halves(
    at_entity: Integers,
    at_time: Integers,
    entity: Integers,
    happened: Integers,
    known: Integers,
    values: Mapping[str, Floats],
    definitions: Sequence[Aggregate],
    entities: int,
    workers: int,
) -> list[Floats]:
    """The features of one half of the entities, then of the other."""
    if entities == 1:
        raise ValueError("the times span more than 100,000 years; is one of them a placeholder?")
    features = [np.full(len(at_time), _nothing(definition)) for definition in definitions]
    for low, high in ((0, entities // 2), (entities // 2, entities)):
        at_rows, rows = (np.flatnonzero((low <= codes) & (codes < high)) for codes in (at_entity, entity))
        history = entity[rows] - low, happened[rows], known[rows], {name: values[name][rows] for name in values}
        half = look_back(at_entity[at_rows] - low, at_time[at_rows], *history, definitions, workers)
        for feature, part in zip(features, half, strict=True):
            feature[at_rows] = part
    return features


class _Clock:
    """Times as whole steps since the first that matters: of a second if all are whole seconds, or finer.

    Moments of prediction are rounded up: what was known before them still was, and the rest still was not.
    """

    def __init__(self, known: Integers, moments: Integers, definitions: Sequence[Aggregate]) -> None:
        shifts = [shift // TICK for definition in definitions for shift in (definition.lag, _reach(definition))]
        self._step = next(
            step for step in _STEPS if not any(shift % step for shift in shifts) and _all_divisible(known, step)
        )
        first, last = int(known.min()) // self._step, int(known.max()) // self._step
        first_moment, last_moment = (-(-int(moment) // self._step) for moment in (moments.min(), moments.max()))
        self._everything = max(0, last_moment - first + 1)
        self._zero = min(first, first_moment - min(max(shifts) // self._step, self._everything))
        self.width = max(last, last_moment) - self._zero + 1

    def position(self, times: Integers) -> Integers:
        """Steps since the first time that matters, rounded up: from 0 to below `width`."""
        steps = np.negative(times)
        steps //= self._step
        steps += self._zero
        return np.negative(steps, out=steps)

    def steps(self, shift: timedelta) -> int:
        """How many steps to go back, at most to before the first event."""
        return min(shift // TICK // self._step, self._everything)


@dataclass(frozen=True)
class _Tally:
    """The events with a value, in order, and what they add up to."""

    values: Floats  # (k,)
    totals: Integers  # (k + 1,): running totals in fixed point, times the scale of the entity, modulo 2**64
    scale: Floats  # (entities + 1,): powers of two
    rows: Integers | None  # (n + 1,): how many of the first events have a value; None if all have


@dataclass(frozen=True)
class _Span:
    """From which event to which one, exclusive, the history of each prediction goes: (m,) each."""

    start: Integers
    end: Integers
    count: Integers
    empty: NDArray[np.bool_]


class _Past:
    """Events of a few entities, in order of entity and the time they became known."""

    def __init__(
        self,
        keys: Integers,
        order: Integers,
        happened: Integers,
        columns: Mapping[str, Floats],
        in_order: set[str | None],
        entities: slice,
        clock: _Clock,
    ) -> None:
        self._order, self._happened, self._columns, self._in_order = order, happened, columns, in_order
        self.keys, self.clock, self.first = keys, clock, entities.start
        self.starts = np.searchsorted(keys, np.arange(entities.start, entities.stop + 1) * clock.width)
        self._tallies: dict[str, _Tally] = {}

    def tally(self, value: str) -> _Tally:
        """The values of a column, in order, and what they add up to."""
        if value not in self._tallies:
            self._tallies[value] = self._tally(value)
        return self._tallies[value]

    def _tally(self, value: str) -> _Tally:
        column = self._columns[value]
        values = column[self._settled(column) if value in self._in_order else self._order]
        starts, rows = self.starts, None
        missing = np.isnan(values)
        if missing.any():
            values, rows = values[~missing], _running(~missing)
            starts = rows[starts]
        scale = _scales(values, starts)
        fixed = np.repeat(scale, np.diff(starts))
        fixed *= values
        return _Tally(values, _running(np.rint(fixed, out=fixed)), scale, rows)

    def _settled(self, column: Floats) -> Integers:
        """The order of the events, with those known at one instant by when they happened, then by value."""
        again = self.keys[1:] == self.keys[:-1]
        tied = np.flatnonzero(np.append(again, False) | np.insert(again, 0, False))
        rows = self._order[tied]
        settled = self._order.copy()
        settled[tied] = rows[np.lexsort((column[rows], self._happened[rows], self.keys[tied]))]
        return settled


class _Block:
    """The predictions for a few entities, in order of entity and time; few enough to stay in the processor's cache.

    What several definitions need is computed once: how far back each goes, and what the values add up to.
    """

    def __init__(self, past: _Past, keys: Integers, same: bool) -> None:
        self._past, self._keys = past, keys
        self._entity = keys // past.clock.width - past.first
        self._known_before = {0: _first_equal(keys)} if same else {}
        self._spans: dict[Any, _Span] = {}
        self._sums: dict[Any, Floats] = {}

    def feature(self, definition: Aggregate) -> Floats:
        """The feature of each prediction of the block."""
        tally = None if definition.value is None else self._past.tally(definition.value)
        span = self._span(definition, tally)
        feature = self._result(definition, tally, span)
        np.copyto(feature, _nothing(definition), where=span.empty)
        return feature

    def _result(self, definition: Aggregate, tally: _Tally | None, span: _Span) -> Floats:
        """A new array with the feature, and with anything where the span is empty."""
        if tally is None:
            weight = 1.0 if definition.per is None else definition.per / (_reach(definition) - definition.lag)
            return np.multiply(span.count, weight, dtype=np.float64)
        if definition.how == "last":
            return tally.values[span.end - 1] if len(tally.values) else np.zeros(len(span.end))
        asked = definition.value, definition.lag, definition.window
        if asked not in self._sums:
            self._sums[asked] = (tally.totals[span.end] - tally.totals[span.start]) / tally.scale[self._entity]
        sums = self._sums[asked]
        return sums.copy() if definition.how == "sum" else sums / np.maximum(span.count, 1)

    def _span(self, definition: Aggregate, tally: _Tally | None) -> _Span:
        """Which events count: all those in the window, or those of them that have a value."""
        rows = None if tally is None else tally.rows
        asked = None if rows is None else definition.value, definition.lag, definition.window
        if asked not in self._spans:
            end = self._before(definition.lag)
            if isinstance(definition.window, timedelta):
                start = self._before(_reach(definition))
            else:
                start = self._past.starts[self._entity]
            if rows is not None:
                start, end = rows[start], rows[end]
            if isinstance(definition.window, int):
                start = np.maximum(start, end - definition.window)
            self._spans[asked] = _Span(start, end, end - start, start == end)
        return self._spans[asked]

    def _before(self, shift: timedelta) -> Integers:
        """How many events came before: those of entities before, and those known before t - shift."""
        steps = self._past.clock.steps(shift)
        if steps not in self._known_before:
            self._known_before[steps] = np.searchsorted(self._past.keys, self._keys - steps)
        return self._known_before[steps]


def _blocks(keys: Integers, at_keys: Integers, clock: _Clock) -> list[slice]:
    """All entities in runs that have about `_BLOCK` events or predictions, or are one entity with more."""
    firsts = np.union1d(keys[::_BLOCK] // clock.width, at_keys[::_BLOCK] // clock.width)
    last = max(keys[-1], at_keys[-1]) // clock.width
    return [slice(*map(int, run)) for run in pairwise([*firsts, last + 1])]


def _rows(keys: Integers, entities: slice, clock: _Clock) -> slice:
    """Where the sorted keys of the entities are."""
    return slice(*np.searchsorted(keys, np.array([entities.start, entities.stop]) * clock.width))


def _reach(definition: Aggregate) -> timedelta:
    """How far back from the prediction the window begins, if it is a duration."""
    return definition.lag + (definition.window if isinstance(definition.window, timedelta) else timedelta(0))


def _nothing(definition: Aggregate) -> float:
    return np.nan if definition.empty is None else float(definition.empty)


def _keys(entity: Integers, times: Integers, clock: _Clock, workers: int) -> Integers:
    """One number for each entity and time, in the order of both: (n,)."""
    keys = np.empty(len(times), dtype=np.int64)

    def fill(rows: slice) -> None:
        keys[rows] = clock.position(times[rows]) + entity[rows] * clock.width

    _in_threads(fill, [slice(start, start + _BLOCK) for start in range(0, len(times), _BLOCK)], workers)
    return keys


def _in_threads(fill: Callable[[slice], None], parts: Sequence[slice], workers: int) -> None:
    """Fill every part, in several threads."""
    if workers == 1:  # one that waits for another would only take turns with it
        for part in parts:
            fill(part)
        return
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(fill, parts))


def _sort(keys: Integers) -> tuple[Integers, Integers]:
    """The stable order of keys that are not negative, and the sorted keys.

    NumPy sorts integers several times faster than it finds their order. So what is sorted is the key with the row's
    number in the low bits; if both do not fit in 64 bits, the low bits of the key first, then the high ones.
    """
    row_bits = max(1, len(keys).bit_length())
    room = 64 - row_bits
    rows = np.arange(len(keys), dtype=np.uint64)
    packed = keys.view(np.uint64) << row_bits  # drops what has no room
    packed |= rows
    packed.sort()
    order = np.bitwise_and(packed, 2**row_bits - 1, out=rows).view(np.int64)
    if keys.max(initial=0) < 2**room:
        packed >>= row_bits
        return order, packed.view(np.int64)
    rows = np.arange(len(keys), dtype=np.uint64)
    packed = (keys[order] >> room).astype(np.uint64) << row_bits
    packed |= rows
    packed.sort()
    order = order[packed & (2**row_bits - 1)]
    return order, keys[order]


def _first_equal(keys: Integers) -> Integers:
    """For each of the sorted keys, where the run of keys equal to it begins."""
    starts = np.arange(len(keys))
    starts[1:] *= keys[1:] != keys[:-1]
    return np.maximum.accumulate(starts, out=starts)


def _all_divisible(numbers: Integers, by: int) -> bool:
    """Whether all numbers are multiples; block by block, since the first that is none ends it."""
    return not any((numbers[start : start + _BLOCK] % by).any() for start in range(0, len(numbers), _BLOCK))


def _scales(values: Floats, starts: Integers) -> Floats:
    """For each entity the largest power of two with which no sum of its values outgrows `_SUM_BITS` bits."""
    counts = np.diff(starts)
    some = counts > 0
    first = starts[:-1][some]
    largest: Floats = (
        np.maximum(np.maximum.reduceat(values, first), -np.minimum.reduceat(values, first))
        if some.any()
        else np.empty(0)
    )
    exponents = np.zeros(len(counts))
    exponents[some] = _SUM_BITS - np.frexp(largest)[1] - np.frexp(counts[some])[1]
    scales: Floats = np.ldexp(1.0, np.clip(exponents, -1000, 1000).astype(int))
    return scales


def _running(numbers: NDArray[Any]) -> Integers:
    """Running totals of whole numbers (n,), from zero: (n + 1,)."""
    totals = np.zeros(len(numbers) + 1, dtype=np.int64)
    totals[1:] = numbers
    return np.cumsum(totals, out=totals)


def _text(duration: timedelta) -> str:
    """A duration in the largest unit of which it is a whole number: "3h"."""
    for name, unit in _UNITS.items():
        if duration % unit == timedelta(0):
            return f"{duration // unit}{name}"
    return f"{duration // TICK}us"
