"""Measure the splitter by dates against timebasedcv on the flights of a year, into splits.json.

Both split the same 336,776 rows at the same dates into the same folds, which is asserted first. They take turns in one
process on one thread, so that a busy machine slows both. A ratio is that of two neighboring runs; the file holds the
median of the ratios, and the smallest and the largest.
"""

import json
import os
import platform
import time
from collections.abc import Iterable
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from timebasedcv.sklearn import TimeBasedCVSplitter

from mlbook import catalog
from mlbook.splits import TimeSplit

RESULTS = Path(__file__).with_suffix(".json")
TURNS = 25
START = pd.Timestamp("2013-01-01", tz="America/New_York")
SCHEMES = {
    "expanding, a month at a time": {"train": 90, "test": 30, "gap": 0, "window": "expanding"},
    "sliding, a week at a time": {"train": 60, "test": 7, "gap": 1, "window": "rolling"},
    "expanding, a day at a time": {"train": 300, "test": 1, "gap": 1, "window": "expanding"},
}

Folds = list[tuple[Any, Any]]


def contenders(times: pd.Series, train: int, test: int, gap: int, window: str) -> dict[str, Any]:
    """Both splitters of one scheme, all numbers in days."""
    edges = [START + timedelta(days=day) for day in range(train + gap, 365, test)]
    length = timedelta(days=train) if window == "rolling" else None
    peer = TimeBasedCVSplitter(
        frequency="days",
        train_size=train,
        forecast_horizon=test,
        gap=gap,
        window=window,  # type: ignore[arg-type]
        time_series=times,
        start_dt=START,
        end_dt=edges[-1] - timedelta(microseconds=1),
    )
    return {
        "mlbook": TimeSplit(edges, times=times, gap=timedelta(days=gap), window=length),
        "timebasedcv": peer,
    }


def measure(table: pd.DataFrame, splitters: dict[str, Any]) -> dict[str, Any]:
    """Milliseconds of each splitter for all folds, and how many times slower than mlbook's the peer is."""
    seconds: dict[str, list[float]] = {name: [] for name in splitters}
    folds: dict[str, Folds] = {}
    for _ in range(TURNS):
        for name, splitter in splitters.items():
            start = time.perf_counter()
            folds[name] = list(splitter.split(table))
            seconds[name].append(time.perf_counter() - start)
    require_same(*folds.values())
    ratios = np.divide(seconds["timebasedcv"], seconds["mlbook"])
    summary = {"median": np.median(ratios), "low": ratios.min(), "high": ratios.max()}
    return {
        "folds": len(folds["mlbook"]),
        **{f"{name}_ms": round(1000 * float(np.median(times)), 2) for name, times in seconds.items()},
        "timebasedcv_ratio": {key: round(float(value), 1) for key, value in summary.items()},
    }


def require_same(ours: Folds, theirs: Folds) -> None:
    def rows(folds: Folds) -> Iterable[Any]:
        return (positions for fold in folds for positions in fold)

    if len(ours) != len(theirs) or not all(map(np.array_equal, rows(ours), rows(theirs))):
        raise ValueError("the two splitters do not make the same folds, so their times do not compare")


def main() -> None:
    flights = catalog.load("flights")
    times = flights["time_hour"] + pd.to_timedelta(flights["minute"], unit="min")
    measured = [{"scheme": name, **measure(flights, contenders(times, **days))} for name, days in SCHEMES.items()]
    machine = {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "pandas", "timebasedcv")},
    }
    record = {"machine": machine, "turns": TURNS, "rows": len(flights), "schemes": measured}
    RESULTS.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"{'':<30}{'folds':>6}{'mlbook':>12}{'timebasedcv':>14}{'timebasedcv is ... times slower':>34}")
    for row in measured:
        ratio = row["timebasedcv_ratio"]
        spread = f"{ratio['median']:.1f} ({ratio['low']:.1f} to {ratio['high']:.1f})"
        times_taken = f"{row['mlbook_ms']:>9.2f} ms{row['timebasedcv_ms']:>11.2f} ms"
        print(f"{row['scheme']:<30}{row['folds']:>6}{times_taken}{spread:>34}")


if __name__ == "__main__":
    main()
