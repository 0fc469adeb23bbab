"""A short name for the content of a table: the same rows give the same fingerprint, whatever carries them.

``fingerprint(frame)`` is 16 hexadecimal digits. It is equal for tables that differ only in

- the order of rows or of columns, and the index, which is not content;
- the width of a dtype (int32 or int64, float32 or the same values as float64) or its kind of storage (whole
  numbers as integers or as floats, text as ``str``, ``object``, or ``category``, nullable or NumPy-backed,
  timestamps in seconds or nanoseconds, in UTC or the same instants in another zone);
- a trip through CSV, when nothing is lost on the way: ``to_csv(index=False)``, then ``read_csv`` with
  ``keep_default_na=False, na_values=[""]``, ``parse_dates`` for timestamps, ``dtype`` for float32 and for text that
  looks like numbers, and before pandas 3.1 ``float_precision="round_trip"``. CSV itself cannot tell ``""`` from
  missing, and pandas rounds whole numbers beyond 2**53 that share a column with missing values.

It differs, with odds of about 2**64 to 1, after a changed cell, a dropped or duplicated row, two swapped cells, a
renamed column, and a missing value in place of 0 or ``""``. It is not cryptographic: somebody who wants two tables
with one fingerprint can make them.

Specification, version 1, frozen. It uses only IEEE 754 bits, 64-bit integer arithmetic modulo 2**64, and XXH3
(64 bits, seed 0), none of which depends on a version of pandas or NumPy. All integers are unsigned, and
``scramble(x, shift, factor)`` is ``x ^= x >> shift`` followed by ``x *= factor``.

1. Each cell has a canonical 64-bit word. A number (False and True are 0 and 1): the bits of the float64 equal to
   it, -0.0 as 0.0; an integer that equals no float64: its two's complement XOR ``BIG_INT``, or from 2**63 up its
   value XOR ``BIG_UINT``. Text: XXH3 of its UTF-8. A timestamp or duration: whole microseconds (rounded down, since
   1970 in UTC) XOR a constant for its kind (``INSTANT`` with a zone, ``WALL_CLOCK`` without one, ``DURATION``), XOR
   the remaining nanoseconds times ``NANOSECOND``. A missing value of any kind (NaN, None, NaT, NA): ``MISSING``.
2. A row's hash begins as ``START``. For each column, in ascending order of the names: XOR the cell's word, then
   scramble by ``_CELL_ROUND``. At last, scramble by each of ``_ROW_ROUNDS``, which are SplitMix64's.
3. The fingerprint is the XXH3 of these words in little-endian order: the ASCII text ``mlbook-1``, the number of
   rows, the sum of the row hashes, and, for each column in that order, the XXH3 of its name.
"""

import struct
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from xxhash import xxh3_64_hexdigest, xxh3_64_intdigest

Words = NDArray[np.uint64]

BIG_INT = np.uint64(0x9E3779B97F4A7C15)
BIG_UINT = np.uint64(0xD1B54A32D192ED03)
INSTANT = np.uint64(0x8CB92BA72F3D8DD7)
WALL_CLOCK = np.uint64(0xAEF17502108EF2D9)
DURATION = np.uint64(0xDB4F0B9175AE2165)
NANOSECOND = np.uint64(0xF1357AEA2E62A9C5)
START = np.uint64(0xA0761D6478BD642F)
MISSING = np.uint64(0xE7037ED1A0B428DB)

_NUMPY_NUMBERS = [np.dtype(code) for code in "?bBhHiIlLqQefd"]
_ROWS = 16_384  # rows in a block, so that its working memory stays in the processor's cache
_CELL_ROUND = (np.uint64(32), np.uint64(0xFF51AFD7ED558CCD))
_ROW_ROUNDS = ((np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)), (np.uint64(27), np.uint64(0x94D049BB133111EB)))


def fingerprint(frame: pd.DataFrame) -> str:
    """The content fingerprint of a table, as 16 hexadecimal digits.

    Columns hold numbers, text, timestamps, durations, or missing values. Raises ``TypeError`` for anything else,
    naming the column, and ``ValueError`` if two columns share a name.
    """
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"a fingerprint is of a DataFrame, not of a {type(frame).__name__}")
    columns = {str(name): _prepare(frame.iloc[:, at]) for at, name in enumerate(frame.columns)}
    if len(columns) < frame.shape[1]:
        names = [str(name) for name in frame.columns]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"two columns are named {twice!r}. Rename one: a fingerprint tells columns by name.")
    ordered = sorted(columns)
    total = _sum_of_row_hashes([columns[name] for name in ordered], len(frame))
    words = np.array([len(frame), total, *map(_text_word, ordered)], dtype="<u8")
    return xxh3_64_hexdigest(b"mlbook-1" + words.tobytes())


def _sum_of_row_hashes(columns: list[NDArray[Any]], rows: int) -> int:
    total = 0
    buffers = np.empty((3, min(rows, _ROWS)), dtype=np.uint64)
    for start in range(0, rows, _ROWS):
        stop = min(start + _ROWS, rows)
        row, cells, scratch = buffers[:, : stop - start]
        row.fill(START)
        for column in columns:
            _canonical(column[start:stop], cells)
            np.bitwise_xor(row, cells, out=row)
            _scramble(row, scratch, *_CELL_ROUND)
        for round_ in _ROW_ROUNDS:
            _scramble(row, scratch, *round_)
        total += int(row.sum())
    return total % 2**64


def _scramble(words: Words, scratch: Words, shift: np.uint64, factor: np.uint64) -> None:
    """In place, a one-to-one map of 64-bit words: x ^= x >> shift, then x *= factor."""
    np.right_shift(words, shift, out=scratch)
    np.bitwise_xor(words, scratch, out=words)
    np.multiply(words, factor, out=words)


def _canonical(values: NDArray[Any], out: Words) -> None:
    """Write the canonical words of prepared values into ``out``."""
    if values.dtype == np.uint64:
        out[:] = values
        return
    numbers = out.view(np.float64)
    if values.dtype.kind == "f":
        np.add(values, 0.0, out=numbers, dtype=np.float64)  # -0.0 becomes 0.0
        missing = np.isnan(numbers)
        if missing.any():
            out[missing] = MISSING
        return
    np.copyto(numbers, values)
    if values.dtype == np.int64 and len(values) and (values.max() > 2**53 or values.min() < -(2**53)):
        out[:] = _integer_words(values)


def _prepare(series: pd.Series) -> NDArray[Any]:
    """A column as canonical words, which are uint64, or as numbers of any other dtype."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        categories = _prepare(series.cat.categories.to_series(name=series.name))
        return _with_missing(categories)[series.cat.codes]
    if isinstance(dtype, pd.DatetimeTZDtype):
        return _ticks(series, INSTANT)
    if isinstance(dtype, np.dtype) and dtype.kind in "mM":
        return _ticks(series, DURATION if dtype.kind == "m" else WALL_CLOCK)
    if dtype in _NUMPY_NUMBERS:
        values = series.to_numpy()
        return _integer_words(values) if dtype == np.uint64 else values
    if dtype.kind in "iufb":
        return _nullable_numbers(series)
    if dtype == np.dtype(object) or isinstance(dtype, pd.StringDtype):
        return _texts_and_numbers(series)
    raise TypeError(
        f"column {series.name!r} is {dtype}, which has no fingerprint. Convert it to text or to a dtype of NumPy."
    )


def _with_missing(values: NDArray[Any]) -> Words:
    """Canonical words of prepared values and, last, where code -1 finds it, the word of a missing value."""
    words = np.full(len(values) + 1, MISSING)
    _canonical(values, words[:-1])
    return words


def _nullable_numbers(series: pd.Series) -> Words:
    wide = {"i": "int64", "u": "uint64", "f": "float64", "b": "bool"}[series.dtype.kind]
    values = series.to_numpy(wide, na_value=0)
    words = np.empty(len(values), dtype=np.uint64)
    _canonical(_integer_words(values) if wide == "uint64" else values, words)
    words[series.isna().to_numpy()] = MISSING
    return words


def _integer_words(values: NDArray[Any]) -> Words:
    """Canonical words of 64-bit integers, of which float64 can hold some and others not."""
    floats = values.astype(np.float64)
    fits = floats < float(np.iinfo(values.dtype).max)  # compares with 2.0**63 or 2.0**64
    exact = np.zeros(len(values), dtype=bool)
    exact[fits] = floats[fits].astype(values.dtype) == values[fits]
    tags = np.where(values > np.iinfo(np.int64).max, BIG_UINT, BIG_INT)
    return np.asarray(np.where(exact, floats.view(np.uint64), values.view(np.uint64) ^ tags))


def _ticks(series: pd.Series, kind: np.uint64) -> Words:
    if series.dt.unit in ("s", "ms"):
        series = series.dt.as_unit("us")
    unit = series.dt.unit
    ticks = series.to_numpy(f"{series.dtype.kind}8[{unit}]").view(np.int64)  # with a zone, in UTC
    micros, nanos = np.divmod(ticks, 1000) if unit == "ns" else (ticks, np.zeros(1, dtype=np.int64))
    words: Words = micros.view(np.uint64) ^ kind ^ nanos.view(np.uint64) * NANOSECOND
    words[series.isna().to_numpy()] = MISSING
    return words


def _texts_and_numbers(series: pd.Series) -> Words:
    try:
        codes, unique = pd.factorize(series.to_numpy(dtype=object))
    except TypeError as error:
        raise TypeError(
            f"column {series.name!r} holds values that have no fingerprint ({error}). Convert them to text first."
        ) from error
    words = np.array([_word(value, series.name) for value in unique], dtype=np.uint64)
    return _with_missing(words)[codes]


def _word(value: object, column: Any) -> int:
    if isinstance(value, str):
        return _text_word(value)
    if isinstance(value, (float, np.floating)):
        return _float_bits(float(value))
    if isinstance(value, (int, np.integer, np.bool_)) and -(2**63) <= int(value) < 2**64:
        whole = int(value)
        if int(float(whole)) == whole:
            return _float_bits(float(whole))
        return whole % 2**64 ^ int(BIG_UINT if whole >= 2**63 else BIG_INT)
    raise TypeError(
        f"column {column!r} holds {value!r}, a {type(value).__name__}, which has no fingerprint. "
        "Convert it to text, a number, or a timestamp first."
    )


def _text_word(text: str) -> int:
    return xxh3_64_intdigest(text.encode("utf-8", "surrogatepass"))


def _float_bits(value: float) -> int:
    bits: int = struct.unpack("<Q", struct.pack("<d", value + 0.0))[0]
    return bits
