"""The data catalog: that it is complete and true, and that a damaged snapshot does not load."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from mlbook import catalog
from mlbook.fingerprint import fingerprint

ENTRIES: list[dict[str, Any]] = tomllib.loads((catalog.DATA / "catalog.toml").read_text(encoding="utf-8"))["snapshot"]
EVERY_SNAPSHOT = pytest.mark.parametrize("entry", ENTRIES, ids=[entry["name"] for entry in ENTRIES])
TEXTS = ("title", "row", "source_path", "query", "license", "attribution", "citation", "span")


# ---------------------------------------------------------------------------------------------- what is there


@EVERY_SNAPSHOT
def test_a_snapshot_loads_with_the_rows_dtypes_and_content_of_its_entry(entry: dict[str, Any]) -> None:
    frame = catalog.load(entry["name"])
    assert len(frame) == entry["rows"]
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        c["name"]: c["dtype"] for c in entry["columns"]
    }
    assert list(frame.index) == list(range(len(frame)))
    assert fingerprint(frame) == entry["fingerprint"] == catalog.fingerprint(entry["name"])


@EVERY_SNAPSHOT
def test_a_column_is_nullable_in_the_catalog_only_where_values_are_missing(entry: dict[str, Any]) -> None:
    missing = catalog.load(entry["name"]).isna().any()
    assert {c["name"] for c in entry["columns"] if c.get("nullable")} == set(missing.index[missing])


@EVERY_SNAPSHOT
def test_an_entry_is_complete(entry: dict[str, Any]) -> None:
    assert all(entry[key].strip() for key in TEXTS)
    assert entry["quirks"]
    assert all(column["meaning"].strip() for column in entry["columns"])
    assert (catalog.DATA / entry["notice"]).is_file()
    assert (catalog.DATA / entry["file"]).stat().st_size == entry["bytes"]


def test_every_file_in_the_data_folder_belongs_to_an_entry() -> None:
    assert {path.name for path in catalog.DATA.glob("*.parquet")} == {entry["file"] for entry in ENTRIES}
    notices = {Path(entry["notice"]).name for entry in ENTRIES}
    assert {path.name for path in (catalog.DATA / "licenses").iterdir()} == notices | {"GPL-3.0.txt"}


def test_sources_are_the_packages_pinned_in_the_requirements() -> None:
    lock = (catalog.DATA.parent / "requirements" / "data.txt").read_text(encoding="utf-8")
    assert set(re.findall(r"(?m)^[\w-]+==[\w.]+", lock)) == {entry["source"] for entry in ENTRIES}


def test_names_are_those_of_the_catalog_in_its_order() -> None:
    assert catalog.names() == [entry["name"] for entry in ENTRIES]


# ---------------------------------------------------------------------------------------------- what the catalog says


def said(name: str, text: str) -> bool:
    entry = next(entry for entry in ENTRIES if entry["name"] == name)
    return any(text in quirk for quirk in [*entry["quirks"], entry["span"]])


def test_what_the_catalog_says_of_flights_is_so() -> None:
    flights = catalog.load("flights")
    canceled = flights["dep_time"].isna()
    diverted = ~canceled & flights["arr_delay"].isna()
    assert said("flights", f"{canceled.sum():,} flights were canceled")
    assert said("flights", f"{diverted.sum():,} more departed but have no arrival delay")
    assert said("flights", f"{(diverted & flights['arr_time'].notna()).sum()} of these have an arrival time")
    midnights = (flights[["dep_time", "arr_time"]] == 2400).sum()
    assert said("flights", f"({midnights['dep_time']} departures, {midnights['arr_time']} arrivals), never 0")
    assert not (flights[["dep_time", "arr_time"]] == 0).any(axis=None)
    assert (flights["sched_dep_time"] == 100 * flights["hour"] + flights["minute"]).all()
    local = flights["time_hour"].dt.tz_convert("America/New_York").dt
    assert all((getattr(local, part) == flights[part]).all() for part in ("year", "month", "day", "hour"))
    assert flights["time_hour"].is_monotonic_increasing


def test_what_the_catalog_says_of_the_keys_between_tables_is_so() -> None:
    flights, weather = catalog.load("flights"), catalog.load("weather")
    unknown_places = ~flights["dest"].isin(catalog.load("airports")["faa"])
    assert said("flights", f"{unknown_places.sum():,} flights go to BQN, PSE, SJU, or STT")
    assert set(flights.loc[unknown_places, "dest"]) == {"BQN", "PSE", "SJU", "STT"}
    unknown_planes = flights["tailnum"].notna() & ~flights["tailnum"].isin(catalog.load("planes")["tailnum"])
    assert said("flights", f"{unknown_planes.sum():,} have a tail number that the planes table does not have")
    assert flights["carrier"].isin(catalog.load("airlines")["carrier"]).all()
    assert not weather.duplicated(["origin", "time_hour"]).any()
    hours = flights.merge(weather[["origin", "time_hour"]], how="left", indicator=True)["_merge"]
    assert said("weather", f"{(hours == 'left_only').sum():,} flights find no row of their hour")


def test_what_the_catalog_says_of_the_other_tables_is_so() -> None:
    ratings, movies, houses = catalog.load("ratings"), catalog.load("movies"), catalog.load("houses")
    assert ratings["movieId"].isin(movies["movieId"]).all()
    assert movies["movieId"].is_unique
    titles = movies["title"].value_counts()
    assert said("movies", f"{(titles > 1).sum()} titles are shared by several")
    assert ratings.loc[ratings["rating"] % 1 > 0, "timestamp"].min().year == 2003
    assert said("houses", f"0 means not recorded ({(houses['Lot_Frontage'] == 0).sum()} lots)")
    finished = houses[houses["BsmtFin_Type_1"] != "No_Basement"]
    assert finished.groupby("BsmtFin_Type_1")["BsmtFin_SF_1"].nunique().eq(1).all()
    rides = catalog.load("rides")
    assert (rides["casual"] + rides["registered"] == rides["bikers"]).all()
    assert said("rides", f"{365 * 24 - len(rides)} hours are missing")


# ---------------------------------------------------------------------------------------------- loading


def test_columns_are_loaded_in_the_order_asked_for() -> None:
    assert list(catalog.load("flights", columns=["dest", "arr_delay"])) == ["dest", "arr_delay"]


def test_data_is_found_from_any_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(catalog.load("airlines")) == 16


def test_missing_text_is_missing_and_not_the_word_none() -> None:
    tailnum = catalog.load("flights", columns=["tailnum"])["tailnum"]
    assert tailnum.isna().sum() == 2512
    assert not tailnum.isin(["None", "nan", ""]).any()


@pytest.mark.parametrize(("typed", "meant"), [("flight", "flights"), ("Weather", "weather"), ("movie", "movies")])
def test_an_unknown_name_suggests_the_nearest(typed: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f"no snapshot is named '{typed}'. Did you mean '{meant}'?"):
        catalog.load(typed)


def test_a_name_near_to_none_lists_what_there_is() -> None:
    with pytest.raises(ValueError, match="There are: flights, weather, airports"):
        catalog.load("zzz")


def test_an_unknown_column_suggests_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"'flights' has no column 'arr_delays'\. Did you mean 'arr_delay'\?"):
        catalog.load("flights", columns=["arr_delays"])


# ---------------------------------------------------------------------------------------------- what is damaged


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder of its own, with one small snapshot and the catalog of all."""
    for name in ("airlines.parquet", "catalog.toml"):
        shutil.copy(catalog.DATA / name, tmp_path)
    return tmp_path


def replace_content(folder: Path, query: str) -> None:
    """Write another table into the snapshot and its size and checksum into the catalog, as an editor would."""
    path, text = folder / "airlines.parquet", (folder / "catalog.toml").read_text(encoding="utf-8")
    before = next(entry for entry in ENTRIES if entry["name"] == "airlines")
    duckdb.sql(query).write_parquet(str(path))
    text = text.replace(before["sha256"], hashlib.sha256(path.read_bytes()).hexdigest())
    text = text.replace(f"bytes = {before['bytes']}\n", f"bytes = {path.stat().st_size}\n")
    (folder / "catalog.toml").write_text(text, encoding="utf-8")


def test_an_intact_copy_loads(folder: Path) -> None:
    pd.testing.assert_frame_equal(catalog.load("airlines", folder=folder), catalog.load("airlines"))


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "airlines.parquet").unlink()
    with pytest.raises(FileNotFoundError, match=r"'airlines' is missing: .*airlines\.parquet\. Restore it with 'git"):
        catalog.load("airlines", folder=folder)


def test_one_altered_byte_is_found(folder: Path) -> None:
    path = folder / "airlines.parquet"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"airlines\.parquet has the right size but other bytes"):
        catalog.load("airlines", folder=folder)


def test_a_truncated_file_is_found(folder: Path) -> None:
    path = folder / "airlines.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="has 531 bytes, the catalog says 631: truncated or replaced"):
        catalog.load("airlines", folder=folder)


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("SELECT 'AA' AS carrier", "missing column 'name'"),
        ("SELECT 'AA' AS carrier, 'American' AS name, 1 AS rank", "undeclared column 'rank'"),
        ("SELECT 1 AS carrier, 'American' AS name", "column 'carrier' is stored as INTEGER, the catalog says str"),
        ("SELECT 'AA' AS carrier, NULL::VARCHAR AS name", "column 'name' has missing values"),
    ],
)
def test_a_wrong_schema_is_named_by_column(folder: Path, query: str, fault: str) -> None:
    replace_content(folder, query)
    with pytest.raises(ValueError, match=f"{fault}.*rebuild_data.py --write"):
        catalog.load("airlines", folder=folder)


def test_a_package_that_is_not_installed_editable_says_what_to_do(tmp_path: Path) -> None:
    shutil.copytree(Path(catalog.__file__).parent, tmp_path / "mlbook")
    outcome = subprocess.run(
        [sys.executable, "-c", "from mlbook import catalog; catalog.load('flights')"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert f"FileNotFoundError: no data catalog at {tmp_path / 'data' / 'catalog.toml'}" in outcome.stderr
    assert "install with 'pip install --no-deps -e .'" in outcome.stderr


def test_whole_numbers_with_gaps_load_as_floats() -> None:
    departures = catalog.load("flights", columns=["dep_time"])["dep_time"]
    assert departures.dtype == np.float64
    assert (departures.dropna() % 1 == 0).all()
