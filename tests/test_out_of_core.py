"""Aggregates over Parquet files, piece by piece, are those that memory would give, or there is nothing at all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlbook.features import Aggregate, aggregate, aggregate_parquet, out_of_core

START = pd.Timestamp("2013-03-10", tz="UTC")
COUNT = Aggregate("plane", "left", "count", name="flights")
DEFINITIONS = [
    Aggregate("plane", "left", "count", window=timedelta(minutes=9), known_at="landed", empty=0),
    Aggregate("plane", "left", "mean", "delay", known_at="landed"),
    Aggregate(["crew", "plane"], "left", "last", "delay", 3),
    Aggregate(["plane", "route"], "left", "sum", "delay", timedelta(minutes=20), lag=timedelta(minutes=2)),
]


def times(minutes: pd.Series) -> pd.Series:
    return START + pd.to_timedelta(minutes.astype(float), unit="min")


def predictions(rows: list[tuple[str | None, int | None, int]]) -> pd.DataFrame:
    """Predictions for (plane, crew, minutes after START), and the number of the row."""
    table = pd.DataFrame(rows, columns=["plane", "crew", "moment"]).astype({"plane": "str", "crew": "Int64"})
    return table.assign(moment=times(table["moment"]), row=np.arange(len(table)), route=table["crew"].isna())


def flights(rows: list[tuple[str | None, int | None, int, int | None, int | None]]) -> pd.DataFrame:
    """Events of (plane, crew, left and landed in minutes after START, delay)."""
    table = pd.DataFrame(rows, columns=["plane", "crew", "left", "landed", "delay"])
    table = table.astype({"plane": "str", "crew": "Int64", "delay": float})
    return table.assign(left=times(table["left"]), landed=times(table["landed"]), route=table["crew"].isna())


def write(table: pd.DataFrame, path: Path) -> Path:
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("rows", table)
        connection.execute(f"COPY rows TO '{path}' (FORMAT parquet)")
    return path


def read(folder: Path) -> pd.DataFrame:
    """The features in a folder of Parquet files, in the order in which the predictions were."""
    with duckdb.connect(config={"threads": 1}) as connection:
        names = ", ".join(f'"{definition.name}"' for definition in DEFINITIONS)
        rows = connection.execute(f"SELECT {names} FROM '{folder}/*.parquet' ORDER BY row").fetchnumpy()
    return pd.DataFrame({name: np.ma.filled(values, np.nan) for name, values in rows.items()})


planes = st.sampled_from(["N1", "N2", "N3", "it's", None])
crews = st.sampled_from([2**60, 2**60 + 1, None])  # a float could not tell them apart
minutes = st.integers(0, 30)
at_rows = st.lists(st.tuples(planes, crews, minutes), max_size=12)
event_rows = st.lists(
    st.tuples(planes, crews, minutes, st.one_of(st.none(), st.integers(30, 40)), st.one_of(st.none(), minutes)),
    max_size=20,
)


@pytest.fixture
def at(tmp_path: Path) -> Path:
    return write(predictions([("N1", 1, 10), ("N2", 1, 20)]), tmp_path / "at.parquet")


@pytest.fixture
def events(tmp_path: Path) -> Path:
    return write(flights([("N1", 1, 5, 8, 7), ("N2", 1, 6, 9, 9)]), tmp_path / "events.parquet")


@settings(max_examples=15, deadline=None)
@given(at_rows, event_rows, st.integers(4, 20), st.integers(1, 2))
def test_pieces_give_the_bits_that_memory_gives(at_rows, event_rows, piece_rows, workers):
    at, events = predictions(at_rows), flights(event_rows)
    events["delay"] /= 3
    with tempfile.TemporaryDirectory() as folder:
        paths = write(at, Path(folder, "at.parquet")), write(events, Path(folder, "events.parquet"))
        out = Path(folder, "out")
        aggregate_parquet(
            *paths, DEFINITIONS, at_time="moment", out=out, piece_rows=piece_rows, workers=workers, memory="100MB"
        )
        pd.testing.assert_frame_equal(read(out), aggregate(at, events, DEFINITIONS, at_time="moment"), check_exact=True)


def test_where_each_event_is_a_moment_of_prediction_one_file_is_enough(tmp_path):
    events = flights([(f"N{i % 7}", i % 2, i % 90, 90, i) for i in range(400)]).assign(row=range(400))
    path = write(events, tmp_path / "events.parquet")
    out = aggregate_parquet(path, path, DEFINITIONS, at_time="left", out=tmp_path / "out", piece_rows=50)
    assert len(list(out.iterdir())) == 8
    expected = aggregate(events, events, DEFINITIONS, at_time="left")
    pd.testing.assert_frame_equal(read(out), expected, check_exact=True)


def test_the_columns_of_the_predictions_stay_as_they_were(at, events, tmp_path):
    out = aggregate_parquet(at, events, COUNT, at_time="moment", out=tmp_path / "out")
    with duckdb.connect() as connection:
        before, after = connection.from_parquet(str(at)), connection.from_parquet(f"{out}/*.parquet")
        assert after.columns == [*before.columns, "flights"]
        assert after.types[:-1] == before.types
        rows = "* EXCLUDE flights REPLACE (epoch_us(moment) AS moment)"
        kept, given = after.order("row").project(rows), before.order("row").project(rows.replace("EXCLUDE flights", ""))
        assert kept.fetchall() == given.fetchall()


@pytest.mark.parametrize("fails", ["aggregate", "_Rows.write_with"])
def test_nothing_is_left_when_it_fails_halfway(at, events, tmp_path, monkeypatch, fails):
    def fail(*_: object, **__: object) -> None:
        raise MemoryError("no more")

    before = set(tmp_path.iterdir())
    if fails == "aggregate":
        monkeypatch.setattr(out_of_core, "aggregate", after_calls(1, out_of_core.aggregate, fail))
    else:
        monkeypatch.setattr(out_of_core._Rows, "write_with", after_calls(1, out_of_core._Rows.write_with, fail))
    with pytest.raises(MemoryError):
        aggregate_parquet(at, events, COUNT, at_time="moment", out=tmp_path / "out", piece_rows=1, workers=1)
    assert set(tmp_path.iterdir()) == before


def after_calls(count: int, works: Callable[..., object], fails: Callable[..., object]) -> Callable[..., object]:
    """A function that works the first times and then fails."""
    left = iter([works] * count)
    return lambda *args, **kwargs: next(left, fails)(*args, **kwargs)


def test_what_is_there_already_is_not_overwritten(at, events, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(FileExistsError, match="out is already there; delete it"):
        aggregate_parquet(at, events, COUNT, at_time="moment", out=tmp_path / "out")


def test_a_file_that_is_not_there_is_named(at, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no Parquet file at .*gone\.parquet"):
        aggregate_parquet(at, tmp_path / "gone.parquet", COUNT, at_time="moment", out=tmp_path / "out")


def test_a_column_that_is_not_there_is_named(at, events, tmp_path):
    with pytest.raises(ValueError, match="`events` has no column 'gate'"):
        aggregate_parquet(at, events, Aggregate("plane", "left", "sum", "gate"), at_time="moment", out=tmp_path / "out")
    with pytest.raises(ValueError, match="`at` has no column 'when'"):
        aggregate_parquet(at, events, COUNT, at_time="when", out=tmp_path / "out")


def test_times_without_a_zone_are_refused_with_the_mend(at, tmp_path):
    naive = flights([("N1", 1, 5, 8, 7)]).assign(left=lambda t: t["left"].dt.tz_localize(None))
    events = write(naive, tmp_path / "naive.parquet")
    with pytest.raises(ValueError, match="'left' of `events` is TIMESTAMP, not TIMESTAMP WITH TIME ZONE; write it"):
        aggregate_parquet(at, events, COUNT, at_time="moment", out=tmp_path / "out")


def test_keys_of_different_types_are_refused_because_they_would_land_in_different_pieces(at, tmp_path):
    events = write(flights([("1", 1, 5, 8, 7)]).astype({"crew": "Int32"}), tmp_path / "other.parquet")
    with pytest.raises(ValueError, match="'crew' is BIGINT in `at` and INTEGER in `events`"):
        aggregate_parquet(at, events, Aggregate("crew", "left", "count"), at_time="moment", out=tmp_path / "out")


def test_definitions_without_a_common_key_are_refused(at, events, tmp_path):
    definitions = [COUNT, Aggregate("crew", "left", "count")]
    with pytest.raises(ValueError, match="no column of `by` in common"):
        aggregate_parquet(at, events, definitions, at_time="moment", out=tmp_path / "out")


def test_a_feature_that_would_hide_a_column_is_refused(at, events, tmp_path):
    definition = Aggregate("plane", "left", "count", name="row")
    with pytest.raises(ValueError, match="`at` has a column 'row' already"):
        aggregate_parquet(at, events, definition, at_time="moment", out=tmp_path / "out")
