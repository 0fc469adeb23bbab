"""Measure the content fingerprint against pandas' and DuckDB's hashes of the same tables, into fingerprint.json.

The three take turns in one process on one thread, so that a busy machine slows all of them. A ratio is that of two
neighboring runs; the file holds the median of the ratios, and the smallest and the largest.

The peers promise less: both see the order of the columns, pandas' hash is one of each row rather than of the table, and
no specification keeps either the same from one version to the next. That is why the book does not use them.
"""

import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import xxhash

from mlbook import catalog
from mlbook.fingerprint import fingerprint

RESULTS = Path(__file__).with_suffix(".json")
TURNS = 15


def tables() -> dict[str, pd.DataFrame]:
    """Real and generated tables by name: only numbers, only text, and both."""
    rng = np.random.default_rng(1)
    rows = 1_000_000
    flights = catalog.load("flights")
    cities = np.array([f"city {i}" for i in range(500)])
    return {
        "flights": flights,
        "flights, numbers": flights.select_dtypes("number"),
        "flights, text": flights.select_dtypes("str"),
        "ratings": catalog.load("ratings"),
        "words, numbers": catalog.load("words").select_dtypes("number"),
        "generated floats": pd.DataFrame({f"x{i}": rng.normal(size=rows) for i in range(10)}),
        "generated integers": pd.DataFrame({f"n{i}": rng.integers(10**6, size=rows) for i in range(10)}),
        "generated text": pd.DataFrame({"city": pd.Series(rng.choice(cities, size=rows), dtype="str")}),
    }


def contenders(connection: duckdb.DuckDBPyConnection) -> dict[str, Callable[[pd.DataFrame], object]]:
    def with_pandas(frame: pd.DataFrame) -> object:
        return pd.util.hash_pandas_object(frame, index=False)

    def with_duckdb(frame: pd.DataFrame) -> object:
        connection.register("frame", frame)
        return connection.execute("SELECT sum(hash(*COLUMNS(*))) FROM frame").fetchall()

    return {"mlbook": fingerprint, "pandas": with_pandas, "duckdb": with_duckdb}


def measure(frame: pd.DataFrame, functions: dict[str, Callable[[pd.DataFrame], object]]) -> dict[str, Any]:
    """Milliseconds of each contender, and how many times slower than mlbook's fingerprint the peers are."""
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(TURNS):
        for name, function in functions.items():
            start = time.perf_counter()
            function(frame)
            seconds[name].append(time.perf_counter() - start)
    row: dict[str, Any] = {"rows": len(frame), "columns": frame.shape[1]}
    for name, times in seconds.items():
        row[f"{name}_ms"] = round(1000 * float(np.median(times)), 1)
        if name != "mlbook":
            ratios = np.divide(times, seconds["mlbook"])
            summary = {"median": np.median(ratios), "low": ratios.min(), "high": ratios.max()}
            row[f"{name}_ratio"] = {key: round(float(value), 2) for key, value in summary.items()}
    return row


def main() -> None:
    with duckdb.connect(config={"threads": 1}) as connection:
        functions = contenders(connection)
        measured = [{"table": name, **measure(frame, functions)} for name, frame in tables().items()]
    machine = {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{library.__name__: library.__version__ for library in (np, pd, duckdb)},
        "xxhash": xxhash.VERSION,
    }
    record = {"machine": machine, "turns": TURNS, "tables": measured}
    RESULTS.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"{'':<20}{'fingerprint':>12}{'pandas':>10}{'duckdb':>10}{'pandas is ... times slower':>32}")
    for row in measured:
        ratio = row["pandas_ratio"]
        spread = f"{ratio['median']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})"
        times = "".join(f"{row[f'{name}_ms']:>7.1f} ms" for name in ("pandas", "duckdb"))
        print(f"{row['table']:<20}{row['mlbook_ms']:>9.1f} ms{times}{spread:>32}")


if __name__ == "__main__":
    main()
