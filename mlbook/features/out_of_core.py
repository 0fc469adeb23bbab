"""The same aggregates over tables that do not fit in memory.

DuckDB splits the Parquet files into pieces that hold whole entities, and `aggregate` runs on one piece after the other.
The answers are those that it would give in memory, because entities are independent.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from mlbook.features.aggregates import aggregate
from mlbook.features.history import NEVER, Aggregate

_PIECE = "mlbook_piece"
_TIME = "TIMESTAMP WITH TIME ZONE"


def aggregate_parquet(
    at: Path,
    events: Path,
    definitions: Aggregate | Sequence[Aggregate],
    *,
    at_time: str,
    out: Path,
    piece_rows: int = 2_000_000,
    workers: int = 2,
    memory: str = "800MB",
) -> Path:
    """For each row of `at`, what the events of its entities were like, as far as they were known by then.

    Parameters
    ----------
    at, events
        Parquet files with what `aggregate` takes as tables; the same file if predictions are made at the events.
    definitions
        The features. They must have a column of `by` in common, which decides what goes into one piece.
    out
        The folder to make.
    piece_rows
        About how many rows a piece holds; more if an entity has more, since all of its rows are in one.
    workers
        How many pieces to work on at a time. Each takes some 150 bytes a row.
    memory
        How much memory DuckDB may use beside that.

    Returns
    -------
    Path
        `out`: Parquet files that together hold the rows of `at` in another order, with all their columns and one for
        each feature. The folder appears when all is done, and not at all if something fails.

    Raises
    ------
    FileNotFoundError, FileExistsError
        If there is no file `at` or `events`, or something at `out` already.
    ValueError
        As `aggregate` does; if an entity's columns have different types in the two files; if there are no definitions,
        or they have no column of `by` in common; or if a feature has the name of a column of `at`.
    """
    definitions = [definitions] if isinstance(definitions, Aggregate) else list(definitions)
    if not definitions:
        raise ValueError("there are no definitions; give at least one Aggregate")
    for path in (at, events):
        if not path.is_file():
            raise FileNotFoundError(f"there is no Parquet file at {path}")
    if out.exists():
        raise FileExistsError(f"{out} is already there; delete it, or choose another name")
    with _workshop(out) as folder, duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = {_text(memory)}")
        connection.execute(f"SET temp_directory = {_text(folder / 'spilled')}")
        connection.execute("SET TimeZone = 'UTC'")
        # Rows wait for their piece in memory; with DuckDB's usual half million of them, making room takes the longest.
        connection.execute("SET partitioned_write_flush_threshold = 20_000")
        all_at, all_events = (_Rows(connection, _files([path])) for path in (at, events))
        keys = _check(all_at, all_events, definitions, at_time)
        pieces = max(1, -(-max(all_at.count(), all_events.count()) // piece_rows))
        at_columns = {at_time, *(key for definition in definitions for key in definition.keys)}
        event_columns = {column for definition in definitions for column in definition.columns}
        here = all_at.split(folder / "at", "*", keys, pieces)
        past = here if at == events else all_events.split(folder / "events", _names(event_columns), keys, pieces)
        (folder / "out").mkdir()
        connection.execute("SET threads = 1")  # from here on, each worker has a thread of its own

        def work_on(number: int) -> None:
            with connection.cursor() as cursor:
                predictions, history = _Rows(cursor, here[number]), _Rows(cursor, past[number])
                if at == events:
                    table = known = predictions.read(at_columns | event_columns)
                else:
                    table, known = predictions.read(at_columns), history.read(event_columns)
                features = aggregate(table, known, definitions, at_time=at_time, workers=1)
                predictions.write_with(features, folder / "out" / f"{number:05}.parquet")
            for part in ("at", "events"):  # what is not on the disk yet then need not go there
                shutil.rmtree(folder / part / f"{_PIECE}={number}", ignore_errors=True)

        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(work_on, range(pieces)))
        (folder / "out").rename(out)
    return out


class _Rows:
    """The rows of a SQL source, in their order, and the types of its columns."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, source: str) -> None:
        self._connection, self._source = connection, source
        self._nothing = f"(FROM {source} LIMIT 0)"
        relation = connection.sql(f"FROM {source}")
        self.types = dict(zip(relation.columns, map(str, relation.types), strict=True))

    def none(self) -> _Rows:
        """No rows, with the same columns."""
        return _Rows(self._connection, self._nothing)

    def count(self) -> int:
        """How many rows there are."""
        return int(self._connection.execute(f"SELECT count(*) FROM {self._source}").fetchall()[0][0])

    def split(self, folder: Path, columns: str, keys: list[str], pieces: int) -> list[str]:
        """Sources of the same rows in pieces, all with equal `keys` in one, written below `folder`."""
        self._connection.execute(
            f"COPY (SELECT {columns}, hash({_names(keys)}) % {pieces} AS {_PIECE} FROM {self._source})"
            f" TO {_text(folder)} (FORMAT parquet, PARTITION_BY {_PIECE},"
            " PARQUET_VERSION V2, COMPRESSION snappy, DICTIONARY_SIZE_LIMIT 1)"
        )
        files = [sorted((folder / f"{_PIECE}={number}").glob("*.parquet")) for number in range(pieces)]
        return [_files(paths) if paths else self._nothing for paths in files]

    def read(self, columns: Iterable[str]) -> pd.DataFrame:
        """Some columns; the others that the rows lack are left out."""
        there = [column for column in self.types if column in set(columns)]
        expressions = ", ".join(_expression(column, self.types[column]) for column in there)
        arrays = self._connection.execute(f"SELECT {expressions} FROM {self._source}").fetchnumpy()
        table = pd.DataFrame({column: _column(arrays[column]) for column in there}, copy=False)
        for time in (column for column in there if self.types[column] == _TIME):
            table[time] = pd.DatetimeIndex(arrays[time].view("datetime64[us]")).tz_localize("UTC")
        return table

    def write_with(self, features: pd.DataFrame, path: Path) -> None:
        """The rows, with a column for each feature, as a Parquet file."""
        self._connection.register("features", features)
        self._connection.execute(
            f"COPY (FROM {self._source} POSITIONAL JOIN features) TO {_text(path)} (FORMAT parquet)"
        )
        self._connection.unregister("features")


def _check(at: _Rows, events: _Rows, definitions: list[Aggregate], at_time: str) -> list[str]:
    """Refuse what `aggregate` would refuse, before the work begins; the keys that all definitions have in common."""
    times = {("events", time): events.types.get(time) for d in definitions for time in (d.time, d.known)}
    for (table, time), found in {("at", at_time): at.types.get(at_time), **times}.items():
        if found not in (_TIME, None):
            raise ValueError(f"column {time!r} of `{table}` is {found}, not {_TIME}; write it with its zone")
    for key in (key for definition in definitions for key in definition.keys):
        left, right = at.types.get(key), events.types.get(key)
        if None not in (left, right) and left != right:
            raise ValueError(f"column {key!r} is {left} in `at` and {right} in `events`; write one as the other")
    aggregate(at.none().read(at.types), events.none().read(events.types), definitions, at_time=at_time)
    for definition in definitions:
        if definition.name in at.types:
            raise ValueError(f"`at` has a column {definition.name!r} already; give the feature another name")
    common = [key for key in definitions[0].keys if all(key in definition.keys for definition in definitions)]
    if not common:
        raise ValueError("the definitions have no column of `by` in common; call once for each entity")
    return common


@contextmanager
def _workshop(out: Path) -> Iterator[Path]:
    """A folder beside `out` for what is not finished; gone in the end."""
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _expression(column: str, stored: str) -> str:
    """SQL that reads a column without masks where its type has a value of its own for what is missing."""
    name = _names([column])
    if stored == _TIME:
        return f"coalesce(epoch_us({name}), {NEVER}) AS {name}"
    if stored in ("DOUBLE", "FLOAT") or stored.startswith("DECIMAL"):
        return f"coalesce({name}::DOUBLE, 'NaN'::DOUBLE) AS {name}"
    return name


def _column(values: Any) -> Any:
    """What DuckDB gives, with its mask as the missing values of pandas."""
    if not isinstance(values, np.ma.MaskedArray):
        return values
    missing = np.ma.getmaskarray(values)
    if values.dtype.kind in "iu":
        return pd.arrays.IntegerArray(values.data, missing)
    if values.dtype.kind == "b":
        return pd.arrays.BooleanArray(values.data, missing)
    objects = values.data.astype(object)
    objects[missing] = None
    return objects


def _files(paths: Iterable[Path]) -> str:
    return f"read_parquet([{', '.join(map(_text, paths))}], hive_partitioning = false)"


def _text(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def _names(columns: Iterable[str]) -> str:
    return ", ".join('"' + column.replace('"', '""') + '"' for column in columns)
