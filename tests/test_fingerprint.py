"""The content fingerprint: what it must not see, what it must see, and that it never changes."""

import io
import struct
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xxhash
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mlbook import catalog
from mlbook.fingerprint import BIG_INT, BIG_UINT, DURATION, INSTANT, MISSING, NANOSECOND, START, WALL_CLOCK, fingerprint

examples = settings(max_examples=40, deadline=None, derandomize=True)


# ---------------------------------------------------------------------------------------------- the specification
# Written a second time, cell by cell in plain Python integers, from the module's docstring alone.

WORD = 2**64


def scramble(x: int, shift: int, factor: int) -> int:
    return (x ^ x >> shift) * factor % WORD


def xxh3(data: bytes) -> int:
    return xxhash.xxh3_64_intdigest(data)


def word(value: Any) -> int:
    if value is None or value is pd.NaT or value != value:
        return int(MISSING)
    if isinstance(value, str):
        return xxh3(value.encode())
    if isinstance(value, (pd.Timestamp, pd.Timedelta)):
        kind = DURATION if isinstance(value, pd.Timedelta) else INSTANT if value.tzinfo else WALL_CLOCK
        micros, nanos = divmod(value.as_unit("ns").value, 1000)
        return micros % WORD ^ int(kind) ^ nanos * int(NANOSECOND) % WORD
    if int(float(value)) == value if isinstance(value, int) else True:
        return int(struct.unpack("<Q", struct.pack("<d", float(value) + 0.0))[0])
    return value % WORD ^ int(BIG_UINT if value >= 2**63 else BIG_INT)


def specified(frame: pd.DataFrame) -> str:
    names, total = sorted(frame.columns), 0
    for cells in zip(*(frame[name].tolist() for name in names), strict=True):
        row = int(START)
        for cell in cells:
            row = scramble(row ^ word(cell), 32, 0xFF51AFD7ED558CCD)
        total += scramble(scramble(row, 30, 0xBF58476D1CE4E5B9), 27, 0x94D049BB133111EB)
    words = [len(frame), total % WORD, *(xxh3(name.encode()) for name in names)]
    return f"{xxh3(b'mlbook-1' + struct.pack(f'<{len(words)}Q', *words)):016x}"


whole = st.integers(-(2**63), 2**63 - 1) | st.integers(-1000, 1000)
fractional = st.floats(allow_nan=False) | st.none()
text = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), min_size=1, max_size=5)
moments = st.datetimes(pd.Timestamp(1700, 1, 1).to_pydatetime(), pd.Timestamp(2200, 1, 1).to_pydatetime())


@st.composite
def frames(draw: st.DrawFn, min_rows: int = 0) -> pd.DataFrame:
    rows = draw(st.integers(min_rows, 6))

    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=rows, max_size=rows))

    return pd.DataFrame(
        {
            "whole": pd.Series(column(whole), dtype="int64"),
            "fractional": pd.Series(column(fractional), dtype="float64"),
            "text": pd.Series(column(text | st.none()), dtype="str"),
            "naïve": pd.Series(column(moments | st.none()), dtype="datetime64[us]"),
            "instant": pd.Series(column(moments | st.none()), dtype="datetime64[us]").dt.tz_localize("UTC"),
            "flag": pd.Series(column(st.booleans()), dtype="bool"),
        }
    )


@examples
@given(frames())
def test_the_implementation_follows_the_specification(frame: pd.DataFrame) -> None:
    assert fingerprint(frame) == specified(frame)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.Series([], dtype="int64"), "5c9faaa7b5e8fd48"),
        (pd.Series([0, 1, -1, 2**53, 2**53 + 1, -(2**63), 2**63 - 1]), "ede1dd45fa5192e2"),
        (pd.Series([2**63, 2**63 + 1, 2**64 - 1], dtype="uint64"), "76a401c665b96a90"),
        (pd.Series([0.0, -0.0, 0.1, np.inf, np.nan]), "4944f8824a688312"),
        (pd.Series(["", "kitten", "Ω", None], dtype="str"), "9c698cc1cc3fa9f9"),
        (
            pd.Series(["1960-01-01T00:00:00.000001001", "2013-01-01", None], dtype="M8[ns]"),
            "cb41af16ad9acf6d",
        ),
        (pd.Series(pd.to_datetime(["2013-01-01T05:15", None], utc=True)), "ca86a4e4ecff91bc"),
        (pd.Series([-1, 7_200_000_000_000], dtype="m8[ns]"), "5180f9175f82cc8d"),
        (pd.Series(["mixed", 1, 2.5, True, None, 2**60 + 1], dtype="object"), "8998cad8a757afb1"),
    ],
    ids=["empty", "integers", "unsigned", "floats", "text", "nanoseconds", "instants", "durations", "mixed"],
)
def test_fingerprints_are_frozen(column: pd.Series, expected: str) -> None:
    frame = pd.DataFrame({"column": column})
    assert fingerprint(frame) == expected
    assert specified(frame) == expected


# ---------------------------------------------------------------------------------------------- what it must not see


@examples
@given(frames(), st.randoms(use_true_random=False))
def test_order_of_rows_and_columns_and_the_index_do_not_matter(frame: pd.DataFrame, random: Any) -> None:
    rows, columns = list(range(len(frame))), list(frame.columns)
    random.shuffle(rows)
    random.shuffle(columns)
    assert fingerprint(frame.iloc[rows][columns]) == fingerprint(frame)
    assert fingerprint(frame.set_axis([f"row {i}" for i in rows])) == fingerprint(frame)


def test_order_of_rows_does_not_matter_across_blocks() -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"x": rng.normal(size=40_000), "n": rng.integers(9, size=40_000)})
    assert fingerprint(frame.sample(frac=1, random_state=3)) == fingerprint(frame)


@pytest.fixture
def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "n": [3, -7, 3, 100],
            "gaps": [1.0, np.nan, 0.0, -2.0],
            "x": np.array([0.5, 0.1, -2.25, 7.0], dtype="float32"),
            "name": pd.Series(["JFK", None, "LGA", "JFK"], dtype="str"),
            "at": pd.to_datetime(["2013-01-01 05:15:00", "2013-07-04 00:00:00", None, "1969-12-31 23:59:59"], utc=True),
            "flag": [True, False, False, True],
        }
    )


@pytest.mark.parametrize(
    ("column", "dtypes"),
    [
        ("n", ["int8", "int32", "Int16", "float32", "float64", "object", "category"]),
        ("gaps", ["float16", "float32", "Int64", "Float32", "object", "category"]),
        ("x", ["float64", "Float64", "object", "category"]),
        ("name", ["object", "string", "category"]),
        ("at", [f"datetime64[{unit}, {zone}]" for unit in ("s", "ms", "ns") for zone in ("UTC", "America/New_York")]),
        ("flag", ["int8", "boolean", "float64", "object", "category"]),
    ],
)
def test_width_and_storage_of_a_dtype_do_not_matter(table: pd.DataFrame, column: str, dtypes: list[str]) -> None:
    for dtype in dtypes:
        changed = table.astype({column: dtype})
        assert changed[column].dtype != table[column].dtype
        assert fingerprint(changed) == fingerprint(table), dtype


@pytest.mark.parametrize("missing", [None, np.nan, pd.NaT, pd.NA])
def test_all_missing_values_are_one(missing: object) -> None:
    frame = pd.DataFrame({"x": pd.Series([missing, missing], dtype="object")})
    for dtype in ("float64", "str", "datetime64[us]", "Int64"):
        assert fingerprint(pd.DataFrame({"x": pd.Series([None, None], dtype=dtype)})) == fingerprint(frame)


def through_csv(frame: pd.DataFrame) -> pd.DataFrame:
    # One form for every time: pandas 3.0 cannot read a column that mixes whole and fractional seconds.
    written = frame.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%S.%f%z")
    return pd.read_csv(
        io.StringIO(written),
        keep_default_na=False,
        na_values=[""],
        parse_dates=list(frame.select_dtypes(["datetime", "datetimetz"])),
        dtype={name: frame[name].dtype for name in frame.select_dtypes(["float32", "str"])},
        **({"float_precision": "round_trip"} if pd.__version__ < "3.1" else {}),
    )


@examples
@given(frames(min_rows=1))
def test_a_trip_through_csv_does_not_matter(frame: pd.DataFrame) -> None:
    assert fingerprint(through_csv(frame)) == fingerprint(frame)


@pytest.mark.parametrize("name", [name for name in catalog.names() if name != "flights"])
def test_snapshots_survive_a_trip_through_csv(name: str) -> None:
    frame = catalog.load(name)
    assert fingerprint(through_csv(frame)) == catalog.fingerprint(name)


def test_flights_survive_a_trip_through_csv() -> None:
    frame = catalog.load("flights").sample(20_000, random_state=5)
    assert fingerprint(through_csv(frame)) == fingerprint(frame)


# ---------------------------------------------------------------------------------------------- what it must see


@examples
@given(frames(min_rows=1), st.data())
def test_one_changed_cell_is_seen(frame: pd.DataFrame, data: st.DataObject) -> None:
    column, row = data.draw(st.sampled_from(list(frame))), data.draw(st.integers(0, len(frame) - 1))
    values = {"whole": whole, "fractional": fractional, "text": text, "flag": st.booleans()}.get(column, moments)
    changed = frame.copy()
    value = data.draw(values)
    changed.loc[row, column] = pd.Timestamp(value, tz="UTC") if column == "instant" else value
    assume(word(changed[column].tolist()[row]) != word(frame[column].tolist()[row]))
    assert fingerprint(changed) != fingerprint(frame)


@examples
@given(frames(min_rows=1), st.data())
def test_a_duplicated_or_dropped_row_is_seen(frame: pd.DataFrame, data: st.DataObject) -> None:
    row = data.draw(st.integers(0, len(frame) - 1))
    assert fingerprint(pd.concat([frame, frame.iloc[[row]]])) != fingerprint(frame)
    assert fingerprint(frame.drop(index=row)) != fingerprint(frame)


@examples
@given(frames(min_rows=2), st.data())
def test_two_cells_swapped_within_a_column_are_seen(frame: pd.DataFrame, data: st.DataObject) -> None:
    column = data.draw(st.sampled_from(list(frame)))
    order = [1, 0, *range(2, len(frame))]
    swapped = frame.assign(**{column: frame[column].iloc[order].set_axis(frame.index)})
    others = frame.drop(columns=column).map(word)
    assume(others.loc[0].tolist() != others.loc[1].tolist())
    assume(word(frame[column].tolist()[0]) != word(frame[column].tolist()[1]))
    assert fingerprint(swapped) != fingerprint(frame)


@examples
@given(st.lists(st.tuples(fractional, fractional), min_size=1, max_size=6), st.data())
def test_two_cells_swapped_within_a_row_are_seen(rows: list[tuple[Any, Any]], data: st.DataObject) -> None:
    row = data.draw(st.integers(0, len(rows) - 1))
    assume(word(rows[row][0]) != word(rows[row][1]))
    swapped = [pair[::-1] if position == row else pair for position, pair in enumerate(rows)]
    first, second = (pd.DataFrame(pairs, columns=["a", "b"], dtype="float64") for pairs in (rows, swapped))
    assert fingerprint(first) != fingerprint(second)


@examples
@given(frames())
def test_a_renamed_column_and_swapped_names_are_seen(frame: pd.DataFrame) -> None:
    seen = {fingerprint(frame), fingerprint(frame.rename(columns={"text": "test"}))}
    assert len(seen) == 2
    if len(frame):
        seen.add(fingerprint(frame.rename(columns={"text": "flag", "flag": "text"})))
        assert len(seen) == 3


def test_missing_zero_and_the_empty_text_are_three_things() -> None:
    columns = [pd.Series([value], dtype="object") for value in (None, 0, "", "0", "nan", "None")]
    assert len({fingerprint(pd.DataFrame({"x": column})) for column in columns}) == 6


def test_a_number_a_duration_and_the_two_kinds_of_time_are_four_things() -> None:
    zeros = [
        pd.Series([0]),
        pd.Series(pd.to_timedelta([0])),
        pd.Series(pd.to_datetime([0])),
        pd.Series(pd.to_datetime([0], utc=True)),
    ]
    assert len({fingerprint(pd.DataFrame({"x": zero})) for zero in zeros}) == 4


def test_no_two_of_many_nearby_tables_share_a_fingerprint() -> None:
    base = pd.DataFrame(np.arange(64.0).reshape(8, 8)).rename(columns=str)
    seen = {fingerprint(base)}
    for row in range(8):
        for column in range(8):
            for value in (-base.iloc[row, column] - 1, np.nextafter(base.iloc[row, column], 99), 2**52, np.nan):
                changed = base.copy()
                changed.iloc[row, column] = value
                seen.add(fingerprint(changed))
    assert len(seen) == 1 + 8 * 8 * 4


# ---------------------------------------------------------------------------------------------- what it refuses


@pytest.mark.parametrize(
    "column",
    [[[1], [2]], [1j, 2j], [pd.Period("2013"), pd.Period("2014")], [b"bytes", b"more"], [2**64, 1]],
    ids=["lists", "complex", "periods", "bytes", "integers over 64 bits"],
)
def test_what_has_no_fingerprint_is_refused_with_the_name_of_its_column(column: list[Any]) -> None:
    with pytest.raises(TypeError, match=r"column 'odd' .*Convert"):
        fingerprint(pd.DataFrame({"fine": [1, 2], "odd": column}))


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two columns are named 'a'"):
        fingerprint(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_a_series_is_refused() -> None:
    with pytest.raises(TypeError, match="not of a Series"):
        fingerprint(pd.Series([1]))  # type: ignore[arg-type]


def test_the_table_is_left_as_it_was(table: pd.DataFrame) -> None:
    before = table.copy(deep=True)
    fingerprint(table)
    pd.testing.assert_frame_equal(table, before)
