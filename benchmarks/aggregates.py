"""Measure aggregates of the past against Polars, DuckDB, and pandas on events with ties, into aggregates.json.

The task: for each event the count, the sum, and the mean of the events of its entity in the seven days before it,
without those of the same instant. Each library gets the events in its own kind of table, in no particular order, and
gives three columns in the order of the events; converting tables counts for none. Each may use all cores; mlbook uses
two. Where there is more than one way to say it, each is measured. Before that, each answer is compared with brute
force on a small sample.

The contenders take turns, and the fastest turn of each counts; a busy machine slows those most that use all cores. A
ratio is mlbook's time divided by a peer's; the file also holds the smallest and the largest of one turn. `--large` also
measures 100 million events in a Parquet file against DuckDB, each in a process of its own, which takes minutes and
10 GB of disk; without it, what was measured last stays in the file.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl

from mlbook.features import Aggregate, aggregate, aggregate_parquet

RESULTS = Path(__file__).with_suffix(".json")
ENTITIES, LARGE = 100_000, 100_000_000
WINDOW = timedelta(days=7)
DEFINITIONS = [
    Aggregate("entity", "time", "count", None, WINDOW, empty=0, name="count"),
    Aggregate("entity", "time", "sum", "value", WINDOW, empty=0, name="sum"),
    Aggregate("entity", "time", "mean", "value", WINDOW, name="mean"),
]
FRAMES = {
    "DuckDB, EXCLUDE GROUP": ("time", "INTERVAL 7 DAYS PRECEDING AND CURRENT ROW EXCLUDE GROUP"),
    "DuckDB, integer range": ("epoch_us(time)", f"{WINDOW // timedelta(microseconds=1)} PRECEDING AND 1 PRECEDING"),
}
MEMORY = "1200MB"

# What one may write for the past of a rider, and what it should say at the second of two events of one instant, and at
# the rider's first event. The values are powers of two: a sum tells which events are in it.
_ROLLING = 'events.set_index("time").groupby("rider")["value"].rolling'
_OVER = "OVER (PARTITION BY rider ORDER BY time"
TRAPS: list[tuple[str, str, float, float | None]] = [
    ("pandas", 'events.groupby("rider")["value"].shift()', 1, None),
    ("pandas", 'events.groupby("rider")["value"].cumsum() - events["value"]', 1, None),
    ("pandas", f'{_ROLLING}("1h").count() - 1', 1, None),
    ("pandas", f'{_ROLLING}("1h", closed="left").count()', 1, None),
    ("pandas", f'{_ROLLING}("1h", closed="left").sum()', 1, None),
    ("Polars", 'pl.col("value").shift().over("rider")', 1, None),
    ("Polars", 'pl.col("value").rolling_sum_by("time", "1h", closed="left").over("rider")', 1, None),
    ("Polars", 'pl.col("value").rolling_mean_by("time", "1h", closed="left").over("rider")', 1, None),
    ("Polars", 'pl.col("value").sum().over("rider").max().over("time")', 63, 63),
    ("DuckDB", f"lag(value) {_OVER})", 1, None),
    ("DuckDB", f"sum(value) {_OVER} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)", 1, None),
    ("DuckDB", f"sum(value) {_OVER} RANGE BETWEEN INTERVAL 1 HOUR PRECEDING AND CURRENT ROW EXCLUDE GROUP)", 1, None),
    ("DuckDB", f"count(*) {_OVER} RANGE BETWEEN INTERVAL 1 HOUR PRECEDING AND CURRENT ROW EXCLUDE GROUP)", 1, None),
    (
        "DuckDB",
        f"last_value(value) {_OVER} RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL 1 MICROSECOND PRECEDING)",
        1,
        None,
    ),
    ("mlbook", 'Aggregate("rider", "time", "sum", "value", window=timedelta(hours=1))', 1, None),
    ("mlbook", 'Aggregate("rider", "time", "last", "value")', 1, None),
]


@dataclass(frozen=True)
class Contender:
    """How to prepare a library's own table, outside the measured time, what it does, and how to read its answer."""

    prepare: Callable[[pd.DataFrame], Any]
    run: Callable[[Any], Any]
    read: Callable[[Any], pd.DataFrame]


def events(rows: int, entities: int = ENTITIES, days: int = 90) -> pd.DataFrame:
    """Events in no order, on the hour, so that some of an entity's events tie."""
    rng = np.random.default_rng(rows)
    hours = pd.to_timedelta(rng.integers(days * 24, size=rows), unit="h")
    times = (pd.Timestamp("2013-01-01", tz="UTC") + hours).as_unit("us")
    values = rng.gamma(2, 10, size=rows)
    return pd.DataFrame({"entity": rng.integers(entities, size=rows), "time": times, "value": values})


def brute_force(frame: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for event in frame.itertuples():
        past = frame[(frame["entity"] == event.entity) & (frame["time"] < event.time)]
        seen = past.loc[past["time"] >= event.time - WINDOW, "value"]
        rows.append((len(seen), seen.sum(), seen.mean()))
    return pd.DataFrame(rows, columns=["count", "sum", "mean"])


def to_polars(frame: pd.DataFrame) -> pl.DataFrame:
    arrays = {"entity": frame["entity"].to_numpy(), "time": frame["time"].dt.tz_localize(None).to_numpy()}
    return pl.DataFrame({**arrays, "value": frame["value"].to_numpy()})


def with_polars_rolling(table: pl.DataFrame) -> pl.DataFrame:
    ordered = table.with_row_index("row").sort("entity", "time")
    windows = ordered.rolling("time", period=WINDOW, closed="left", group_by="entity")
    value = pl.col("value")
    features = windows.agg(value.len().alias("count"), value.sum().alias("sum"), value.mean().alias("mean"))
    return features.with_columns(ordered["row"]).sort("row")


def with_polars_over(table: pl.DataFrame) -> pl.DataFrame:
    def over_window(column: pl.Expr, what: str) -> pl.Expr:
        rolling = getattr(column, f"rolling_{what}_by")("time", WINDOW, closed="left")
        expression: pl.Expr = rolling.over("entity")
        return expression

    value = pl.col("value")
    one = value.is_not_null().cast(pl.Float64)
    return table.select(
        over_window(one, "sum").alias("count"),
        over_window(value, "sum").alias("sum"),
        over_window(value, "mean").alias("mean"),
    )


def with_pandas(frame: pd.DataFrame) -> pd.DataFrame:
    ordered = frame.sort_values(["entity", "time"])
    windows = ordered.set_index("time").groupby("entity")["value"].rolling(WINDOW, closed="left")
    return windows.agg(["count", "sum", "mean"]).set_axis(ordered.index).sort_index()


def query(source: str, order: str, extent: str) -> str:
    """What DuckDB is asked: the columns of the source, and the features."""
    return (
        "SELECT *, count(*) OVER past AS count, sum(value) OVER past AS sum, avg(value) OVER past AS mean"
        f" FROM {source} WINDOW past AS (PARTITION BY entity ORDER BY {order} RANGE BETWEEN {extent})"
    )


def contenders(connection: duckdb.DuckDBPyConnection) -> dict[str, Contender]:
    def to_duckdb(frame: pd.DataFrame) -> None:
        connection.register("frame", frame.assign(row=np.arange(len(frame))))
        connection.execute("CREATE OR REPLACE TABLE events AS FROM frame")
        connection.unregister("frame")

    def with_duckdb(order: str, extent: str) -> Callable[[None], object]:
        chosen = f"SELECT count, sum, mean FROM ({query('events', order, extent)}) ORDER BY row"
        return lambda _: connection.execute(f"CREATE OR REPLACE TABLE features AS {chosen}")

    def from_duckdb(_: object) -> pd.DataFrame:
        return connection.execute("FROM features").df()

    def from_polars(table: pl.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({name: table[name].to_numpy() for name in ("count", "sum", "mean")})

    return {
        "mlbook": Contender(
            lambda frame: frame, lambda frame: aggregate(frame, frame, DEFINITIONS, at_time="time"), pd.DataFrame
        ),
        "Polars, rolling": Contender(to_polars, with_polars_rolling, from_polars),
        "Polars, over": Contender(to_polars, with_polars_over, from_polars),
        **{name: Contender(to_duckdb, with_duckdb(*frame), from_duckdb) for name, frame in FRAMES.items()},
        "pandas": Contender(lambda frame: frame, with_pandas, pd.DataFrame),
    }


def check(entrants: dict[str, Contender]) -> None:
    """Compare every answer with brute force; of an empty window only that nothing else is said than nothing."""
    sample = events(400, entities=5, days=20)
    expected = brute_force(sample)
    for name, contender in entrants.items():
        answer = contender.read(contender.run(contender.prepare(sample)))
        for column in ("count", "sum"):
            np.testing.assert_allclose(answer[column].fillna(0), expected[column], err_msg=name, atol=1e-9)
        np.testing.assert_allclose(answer["mean"], expected["mean"], err_msg=name)


def measure(rows: int, turns: int, entrants: dict[str, Contender]) -> dict[str, Any]:
    """Seconds of each contender, and mlbook's share of the time of each peer."""
    frame = events(rows)
    seconds: dict[str, list[float]] = {name: [] for name in entrants}
    for _ in range(turns):
        for name, contender in entrants.items():
            table = contender.prepare(frame)
            start = time.perf_counter()
            contender.run(table)
            seconds[name].append(time.perf_counter() - start)
    tied = frame.duplicated(["entity", "time"], keep=False).mean()
    return {
        "events": rows,
        "entities": ENTITIES,
        "tied": round(float(tied), 3),
        "turns": turns,
        "libraries": [
            {"library": name, "seconds": round(min(times), 2), **shares(seconds["mlbook"], times)}
            for name, times in seconds.items()
        ],
    }


def shares(own: list[float], times: list[float]) -> dict[str, float]:
    """mlbook's time as a share of a peer's: of the fastest turns, and the least and the largest share of a turn."""
    ratios = np.divide(own, times)
    summary = {"ratio": min(own) / min(times), "low": ratios.min(), "high": ratios.max()}
    return {key: round(float(value), 2) for key, value in summary.items()}


def measure_large() -> dict[str, Any]:
    """Out of core: seconds and peak memory of mlbook and of each way of DuckDB, on the same file."""
    with tempfile.TemporaryDirectory() as folder:
        with duckdb.connect() as connection:
            hours, value = f"(hash(i + {LARGE}) % (90 * 24))::BIGINT", f"(hash(i + {2 * LARGE}) % 100000) / 1000"
            connection.execute(
                f"COPY (SELECT (hash(i) % {ENTITIES})::BIGINT AS entity,"
                f" TIMESTAMPTZ '2013-01-01' + to_hours({hours}) AS time, ({value})::DOUBLE AS value"
                f" FROM range({LARGE}) AS numbers(i)) TO '{folder}/events.parquet' (FORMAT parquet)"
            )
        libraries = []
        for name in ("mlbook", *FRAMES):
            command = [sys.executable, __file__, "--worker", name, "--folder", folder]
            os.sync()  # or what was written before would still be on its way to the disk
            worked = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            libraries.append({"library": name, **json.loads(worked.stdout)})
    totals = [library.pop("totals") for library in libraries]
    np.testing.assert_allclose(totals, [totals[0]] * len(totals), rtol=1e-9)
    for library in libraries:
        library["ratio"] = round(libraries[0]["seconds"] / library["seconds"], 2)
    return {"events": LARGE, "entities": ENTITIES, "libraries": libraries}


def work(name: str, folder: Path) -> None:
    """Aggregate the large file in one way, and print the seconds, the peak memory, and totals of the answer."""
    source, out = folder / "events.parquet", folder / name
    start = time.perf_counter()
    if name == "mlbook":
        aggregate_parquet(source, source, DEFINITIONS, at_time="time", out=out)
    else:
        out.mkdir()
        with duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": str(folder / "spilled")}) as connection:
            asked = query(f"'{source}'", *FRAMES[name])
            connection.execute("SET preserve_insertion_order = false")
            connection.execute(f"COPY ({asked}) TO '{out}/0.parquet' (FORMAT parquet)")
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with duckdb.connect(config={"memory_limit": MEMORY}) as connection:
        totals = connection.execute(
            f"SELECT sum(count), sum(sum), sum(mean), sum(mean * value) FROM '{out}/*.parquet'"
        ).fetchall()[0]
    print(json.dumps({"seconds": round(seconds, 1), "peak_mb": round(peak), "totals": list(map(float, totals))}))


def machine() -> dict[str, Any]:
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{library.__name__: library.__version__ for library in (np, pd, duckdb, pl)},
    }


def traps() -> list[dict[str, Any]]:
    """What each library says of ten events, and whether it says something else if their rows come in another order."""
    minutes = pd.to_timedelta([0, 10, 10, 20, 200, 200, 5, 5, 7, 90], unit="min")
    times = (pd.Timestamp("2013-01-01", tz="UTC") + minutes).as_unit("us")
    rows = pd.DataFrame({"rider": list("AAAAAABBBB"), "time": times, "value": 2.0 ** np.arange(10)})
    turned = rows[::-1].sort_values(["rider", "time"], kind="stable", ignore_index=True)
    table = []
    for library, code, tie, first in TRAPS:
        answers = answer(library, code, rows)
        table.append(
            {
                "library": library,
                "code": code,
                "tie": number(answers[4.0]),
                "true_tie": tie,
                "first": number(answers[1.0]),
                "true_first": first,
                "order": not answers.equals(answer(library, code, turned)),
            }
        )
    return table


def answer(library: str, code: str, events: pd.DataFrame) -> pd.Series:
    """What the code says of each event, by the value of the event."""
    if library == "DuckDB":
        with duckdb.connect(config={"threads": 1}) as connection:
            connection.register("events", events)
            answers = (
                connection.execute(f"SELECT {code} AS answer, value FROM events").df().set_index("value")["answer"]
            )
        return answers.astype(float).sort_index()
    names = {"events": events, "pl": pl, "Aggregate": Aggregate, "timedelta": timedelta}
    said = eval(code, names)
    if library == "Polars":
        said = (
            to_polars(events.rename(columns={"rider": "entity"})).rename({"entity": "rider"}).select(said).to_series()
        )
    if library == "mlbook":
        said = aggregate(events, events, said, at_time="time").iloc[:, 0]
    return pd.Series(said.to_numpy(), index=events["value"], dtype=float).sort_index()


def number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def main(large: bool) -> None:
    before = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    # First, because a new process inherits the peak memory of the one that starts it.
    out_of_core = {"machine": machine(), **measure_large()} if large else before.get("out_of_core")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        entrants = contenders(connection)
        check(entrants)
        in_memory = [measure(1_000_000, 7, entrants)]
        in_memory.append(measure(10_000_000, 3, {name: c for name, c in entrants.items() if name != "pandas"}))
    record = {"machine": machine(), "in_memory": in_memory, "out_of_core": out_of_core, "traps": traps()}
    RESULTS.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    for table in filter(None, [*in_memory, out_of_core]):
        print(f"{table['events']:,} events")
        for row in table["libraries"]:
            peak = f"{row['peak_mb']:>8,} MB" if "peak_mb" in row else ""
            print(f"  {row['library']:<24}{row['seconds']:>8.2f} s{peak}{row['ratio']:>8.2f} of it is mlbook's time")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--large", action="store_true", help="also 100 million events out of core, in some minutes")
    parser.add_argument("--worker", metavar="LIBRARY", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker, options.folder)
    else:
        main(options.large)
