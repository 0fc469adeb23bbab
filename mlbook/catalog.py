"""The book's data: ``load("flights")`` gives a typed, verified table; ``names()`` says what there is.

Every snapshot in ``data/`` has one entry in ``data/catalog.toml``: what a row is, each column with its unit
and dtype, source, license, quirks, checksum, and content fingerprint. A snapshot is read only after its bytes
were compared with that entry, so a table that loads is the table the book was written with.

Dtypes are few: ``int64``, ``float64`` (``float32`` for word vectors), ``str``, and ``datetime64[us, UTC]``.
A column of whole numbers with gaps, such as a departure time, is ``float64`` with ``NaN``, as scikit-learn wants it.
"""

import difflib
import functools
import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

DATA = Path(__file__).resolve().parent.parent / "data"

_STORED = {
    "int64": "BIGINT",
    "float64": "DOUBLE",
    "float32": "FLOAT",
    "str": "VARCHAR",
    "datetime64[us, UTC]": "TIMESTAMP WITH TIME ZONE",
}


@dataclass(frozen=True)
class Column:
    """One column of a snapshot: its pandas dtype, and whether values may be missing (``float64`` and ``str`` only)."""

    name: str
    dtype: str
    nullable: bool

    @property
    def stored(self) -> tuple[str, ...]:
        """The types the file may hold for it: whole numbers with gaps are stored as integers, read as floats."""
        return ("DOUBLE", "BIGINT") if self.dtype == "float64" else (_STORED[self.dtype],)


@dataclass(frozen=True)
class Snapshot:
    """What loading needs of one entry in the catalog."""

    name: str
    path: Path
    bytes: int
    sha256: str
    fingerprint: str
    columns: tuple[Column, ...]


def names() -> list[str]:
    """Names of the snapshots, in the catalog's order."""
    return list(snapshots(DATA))


def load(name: str, columns: Sequence[str] | None = None, *, folder: Path = DATA) -> pd.DataFrame:
    """Read one snapshot, verified, as a DataFrame in the file's order with a plain 0, 1, 2, ... index.

    ``columns`` keeps only these, in this order. ``folder`` is another data folder with a catalog of its own.

    Raises ``ValueError`` for an unknown name or column, for a file whose bytes are not those of the catalog, and
    for one whose columns or dtypes differ from it; ``FileNotFoundError`` if the file or the catalog is not there.
    """
    snapshot = _find(name, folder)
    _verify_bytes(snapshot)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        table = connection.from_parquet(str(snapshot.path))
        _verify_schema(snapshot, dict(zip(table.columns, map(str, table.types), strict=True)))
        chosen = _choose(snapshot, columns)
        arrays = table.select(", ".join(map(_expression, chosen))).fetchnumpy()
    return pd.DataFrame({c.name: _typed(snapshot, c, arrays[c.name]) for c in chosen}, copy=False)


def fingerprint(name: str) -> str:
    """The content fingerprint of a snapshot, as the catalog states it (see ``mlbook.fingerprint``)."""
    return _find(name, DATA).fingerprint


@functools.cache
def snapshots(folder: Path) -> dict[str, Snapshot]:
    """The entries of ``folder/catalog.toml`` by name. ``FileNotFoundError`` if there is no catalog."""
    catalog = folder / "catalog.toml"
    if not catalog.is_file():
        raise FileNotFoundError(
            f"no data catalog at {catalog}. The data lives beside the package in the book's repository: "
            "clone it and install with 'pip install --no-deps -e .' (editable) from its root."
        )
    entries = tomllib.loads(catalog.read_text(encoding="utf-8"))["snapshot"]
    return {entry["name"]: _snapshot(entry, folder) for entry in entries}


def _snapshot(entry: dict[str, Any], folder: Path) -> Snapshot:
    return Snapshot(
        name=entry["name"],
        path=folder / entry["file"],
        bytes=entry["bytes"],
        sha256=entry["sha256"],
        fingerprint=entry["fingerprint"],
        columns=tuple(Column(c["name"], c["dtype"], c.get("nullable", False)) for c in entry["columns"]),
    )


def _find(name: str, folder: Path) -> Snapshot:
    known = snapshots(folder)
    if name not in known:
        raise ValueError(f"no snapshot is named {name!r}. {_suggest(name, list(known))}")
    return known[name]


def _suggest(name: str, known: list[str]) -> str:
    nearest = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    return f"Did you mean {nearest[0]!r}?" if nearest else f"There are: {', '.join(known)}."


def _verify_bytes(snapshot: Snapshot) -> None:
    path, mend = snapshot.path, f"Restore it with 'git checkout -- data/{snapshot.path.name}'."
    if not path.is_file():
        raise FileNotFoundError(f"the file of snapshot {snapshot.name!r} is missing: {path}. {mend}")
    content = path.read_bytes()
    if len(content) != snapshot.bytes:
        raise ValueError(
            f"{path} has {len(content):,} bytes, the catalog says {snapshot.bytes:,}: truncated or replaced. {mend}"
        )
    if hashlib.sha256(content).hexdigest() != snapshot.sha256:
        raise ValueError(f"{path} has the right size but other bytes than the catalog's sha256: altered. {mend}")


def _verify_schema(snapshot: Snapshot, stored: dict[str, str]) -> None:
    declared = {column.name: column for column in snapshot.columns}
    faults = [f"missing column {name!r}" for name in declared if name not in stored]
    faults += [f"undeclared column {name!r}" for name in stored if name not in declared]
    faults += [
        f"column {name!r} is stored as {stored[name]}, the catalog says {column.dtype}"
        for name, column in declared.items()
        if name in stored and stored[name] not in column.stored
    ]
    if faults:
        raise ValueError(
            f"{snapshot.path.name} does not have the schema of its catalog entry: {'; '.join(faults)}. "
            "Correct the entry in catalog.toml, or rebuild with 'python tools/rebuild_data.py --write'."
        )


def _choose(snapshot: Snapshot, columns: Sequence[str] | None) -> list[Column]:
    by_name = {column.name: column for column in snapshot.columns}
    for name in columns or ():
        if name not in by_name:
            raise ValueError(f"snapshot {snapshot.name!r} has no column {name!r}. {_suggest(name, list(by_name))}")
    return [by_name[name] for name in (by_name if columns is None else columns)]


def _expression(column: Column) -> str:
    """SQL that reads a column without missing-value masks where its dtype has a value of its own for them."""
    quoted = f'"{column.name}"'
    if column.dtype == "float64":
        return f"coalesce({quoted}::DOUBLE, 'NaN'::DOUBLE) AS {quoted}"
    if column.dtype.startswith("datetime64"):
        return f"epoch_us({quoted}) AS {quoted}"
    return quoted


def _typed(snapshot: Snapshot, column: Column, values: np.ndarray[Any, Any]) -> Any:
    missing = np.isnan(values) if column.dtype.startswith("float") else np.ma.getmaskarray(values)
    if missing.any() and not column.nullable:
        raise ValueError(
            f"{snapshot.path.name}: column {column.name!r} has missing values, the catalog says it has none. "
            "Set nullable = true in its entry, or rebuild with 'python tools/rebuild_data.py --write'."
        )
    if column.dtype.startswith("datetime64"):
        return pd.DatetimeIndex(values.view("datetime64[us]")).tz_localize("UTC")
    if column.dtype == "str":
        return _strings(np.asarray(values), missing)
    return np.asarray(values)


def _strings(values: np.ndarray[Any, Any], missing: np.ndarray[Any, Any]) -> Any:
    """A ``str`` column whose equal values share one object, which saves most of its memory."""
    values[missing] = None
    codes, unique = pd.factorize(values)
    return pd.array(unique, dtype="str").take(codes, allow_fill=True)
