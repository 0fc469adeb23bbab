"""What every room asks of a table before it reads it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from functools import cache
from zoneinfo import available_timezones

import pandas as pd


def require_frame(table: object, columns: Sequence[str], name: str) -> None:
    """Raise `TypeError` unless `table` is a DataFrame, and `ValueError` unless it has these columns."""
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"`{name}` must be a pandas DataFrame, got {type(table).__name__}")
    require_columns(table, columns, name)


def require_columns(table: pd.DataFrame, columns: Iterable[str], name: str) -> None:
    """Raise `ValueError` unless the table has these columns."""
    for column in columns:
        if column not in table.columns:
            raise ValueError(f"`{name}` has no column {column!r}; it has: {', '.join(map(str, table.columns))}")


def require_times(times: pd.Series, described: str) -> None:
    """Raise `ValueError` unless every value is a time with a zone; `described` says which times they are."""
    require_aware(times, described)
    missing = times.isna()
    if missing.any():
        raise ValueError(
            f"{described} has {missing.sum():,} missing times, "
            f"the first at label {times.index[missing].tolist()[0]!r}; drop these rows or find their times"
        )


def require_aware(times: pd.Series, described: str) -> None:
    """Raise `ValueError` unless these are times with a zone; some may be missing."""
    if not isinstance(times.dtype, pd.DatetimeTZDtype):
        naive = pd.api.types.is_datetime64_dtype(times)
        mend = ".dt.tz_localize(...) with the zone that its clock shows" if naive else "pd.to_datetime(..., utc=True)"
        raise ValueError(f"{described} is {times.dtype}, without a time zone; use {mend}")


def require_zone(zone: str) -> None:
    """Raise `ValueError` unless `zone` is the name of an IANA time zone."""
    if zone not in _zones():
        mend = nearest(zone, _zones(), cutoff=0.5) or "use a name of the IANA database, such as 'America/New_York'"
        raise ValueError(f"no time zone is named {zone!r}; {mend}")


def nearest(name: str, known: Iterable[str], cutoff: float) -> str:
    """ "did you mean ...?" with the known name most like `name`, whatever its case, or "" if none is so like it."""
    by_lower = {candidate.lower(): candidate for candidate in sorted(known)}
    matches = difflib.get_close_matches(str(name).lower(), by_lower, n=1, cutoff=cutoff)
    return f"did you mean {by_lower[matches[0]]!r}?" if matches else ""


@cache
def _zones() -> set[str]:
    """All names of time zones; looking them up in the file system takes milliseconds."""
    return available_timezones()
