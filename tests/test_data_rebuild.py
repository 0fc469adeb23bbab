"""The snapshots are what their pinned source packages and the catalog's queries make of them."""

import os
import re
import shutil
from pathlib import Path

import pytest
import rebuild_data

from mlbook import catalog

REQUIRED = "MLBOOK_REQUIRE_SOURCES"


@pytest.fixture(scope="module")
def sources() -> None:
    try:
        rebuild_data.fetch_sources(rebuild_data.CACHE)
    except ConnectionError as error:
        if os.environ.get(REQUIRED):
            raise
        pytest.skip(f"{error} ({REQUIRED}=1 makes this a failure)")


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the data folder that the tool takes for the real one."""
    folder = Path(shutil.copytree(catalog.DATA, tmp_path / "data"))
    monkeypatch.setattr(rebuild_data, "DATA", folder)
    monkeypatch.setattr(rebuild_data, "CATALOG", folder / "catalog.toml")
    return folder


def edit_catalog(folder: Path, name: str, key: str, value: str) -> None:
    path = folder / "catalog.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(rebuild_data.with_facts(text, name, {key: value}), encoding="utf-8")


@pytest.mark.usefixtures("sources")
def test_every_snapshot_is_rebuilt_from_its_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert rebuild_data.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == catalog.names()
    assert all(line.endswith(("identical", "same content")) for line in lines)


@pytest.mark.usefixtures("sources")
def test_rows_that_differ_from_the_source_are_reported(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit_catalog(copy, "airlines", "query", "SELECT * FROM source WHERE carrier <> 'UA' ORDER BY carrier")
    assert rebuild_data.main(["airlines"]) == 1
    assert re.fullmatch(r"airlines +15 rows +\d+ bytes +DIFFERENT\n", capsys.readouterr().out)


@pytest.mark.usefixtures("sources")
def test_other_bytes_with_the_same_content_are_accepted(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit_catalog(copy, "airlines", "query", "SELECT * FROM source ORDER BY name")
    assert rebuild_data.main(["airlines"]) == 0
    assert capsys.readouterr().out.endswith("same content\n")


@pytest.mark.usefixtures("sources")
def test_write_replaces_what_differs_and_nothing_else(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    original = (copy / "catalog.toml").read_bytes()
    (copy / "airlines.parquet").write_bytes(b"damaged")
    for key in ("fingerprint", "sha256"):
        edit_catalog(copy, "airlines", key, "stale")
    assert rebuild_data.main(["--write", "airlines"]) == 0
    assert capsys.readouterr().out.endswith("DIFFERENT, written\n")
    assert (copy / "catalog.toml").read_bytes() == original
    assert (copy / "airlines.parquet").read_bytes() == (catalog.DATA / "airlines.parquet").read_bytes()


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        rebuild_data.main(["fligths"])
    assert "not in catalog.toml: fligths" in capsys.readouterr().err


@pytest.mark.usefixtures("no_index")
def test_without_a_network_the_tool_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert rebuild_data.main(["--cache", str(tmp_path), "airlines"]) == 2
    assert "could not fetch the source packages" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
