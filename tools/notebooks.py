"""Run the chapters and write them in one canonical form, so that unchanged source means an empty diff.

python tools/notebooks.py run [NAME ...]      execute in place, write canonically
python tools/notebooks.py check [NAME ...]    is what is on disk canonical? executes nothing
python tools/notebooks.py measure [NAME ...]  seconds and peak memory of each chapter, to benchmarks/chapters.json

NAME is a chapter without its ending, such as 01-data; without a name, all of them.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
import os
import platform
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = ROOT / "chapters"
MEASURED = ROOT / "benchmarks" / "chapters.json"

# Every run of a chapter happens in this environment: one thread gives the same bits everywhere (and is
# faster on two busy cores), and a deprecation is an error before it is a breakage.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONWARNINGS": "error::FutureWarning",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "COLUMNS": "80",
}
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
CELL_METADATA = ("tags", "jupyter")
PNG, HTML = "image/png", "text/html"


def canonical(notebook: NotebookNode) -> str:
    """The one text form of a notebook: fixed metadata, no timings, no trailing blanks in cells."""
    notebook = nbformat.from_dict(json.loads(json.dumps(notebook)))
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({k: cell.metadata[k] for k in CELL_METADATA if k in cell.metadata})
        cell.source = cell.source.strip("\n")
    return str(nbformat.writes(notebook, version=4)).rstrip("\n") + "\n"


def execute(path: Path) -> tuple[NotebookNode, float, float]:
    """The executed notebook, the seconds until its last output, and its kernel's peak memory in MB (nan on Windows)."""
    os.environ.update(ENVIRONMENT)
    start = time.perf_counter()
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        record_timing=False,
        extra_arguments=["--IPKernelApp.log_level=40"],  # it warns that a local port is not encrypted
        resources={"metadata": {"path": str(path.parent)}},
    )
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                client.execute_cell(cell, index)
        seconds = time.perf_counter() - start
        peak = _peak_memory(client)
    return notebook, seconds, peak


def run(path: Path) -> float:
    """Execute a chapter and write it; the seconds it took. Nothing is written if a cell fails."""
    notebook, seconds, _ = execute(path)
    path.write_text(canonical(notebook), encoding="utf-8", newline="\n")
    return seconds


def is_canonical(path: Path) -> bool:
    """Whether the bytes on disk are those that `run` would write for these sources and outputs."""
    return path.read_bytes() == canonical(nbformat.read(path, as_version=4)).encode()


def measure(paths: Iterable[Path]) -> dict[str, Any]:
    """Cells, seconds (start of the kernel included), and peak memory of each chapter, on this machine."""
    rows = []
    for path in paths:
        notebook, seconds, peak = execute(path)
        rows.append(
            {
                "chapter": path.stem,
                "cells": sum(cell.cell_type == "code" for cell in notebook.cells),
                "seconds": round(seconds, 1),
                "peak_mb": round(peak),
            }
        )
    machine = {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    return {"machine": machine, "chapters": rows}


def comparable_outputs(cell: NotebookNode) -> list[Any]:
    """What of a cell's outputs must be equal between two runs: text as it is, pictures by their pixels."""
    comparable: list[Any] = []
    for output in cell.get("outputs", []):
        if output["output_type"] == "stream":
            comparable.append((output["name"], "".join(output["text"])))
        elif output["output_type"] == "error":
            comparable.append((output["ename"], output["evalue"]))
        else:
            comparable.append(by_pixels({mime: _joined(value) for mime, value in output["data"].items()}))
    return comparable


def by_pixels(data: dict[str, Any], compared: bool = True) -> dict[str, Any]:
    """The forms of an output, its picture replaced by a digest of the pixels wherever it stands.

    Unless it is to be `compared`: then every picture is like any other.
    """
    if PNG not in data:
        return data
    digest = picture_digest(data[PNG]) if compared else "a picture"
    html = {HTML: data[HTML].replace(data[PNG].strip(), digest)} if HTML in data else {}
    return {**data, **html, PNG: digest}


def _joined(value: Any) -> Any:
    """Text that may be stored as lines; what a type ending in +json holds is no text."""
    return "".join(value) if isinstance(value, list) else value


def picture_digest(png: str) -> str:
    """Size and hash of the pixels of a base64 PNG: neither metadata nor recompression changes it."""
    from PIL import Image, UnidentifiedImageError

    try:
        image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA")
    except (UnidentifiedImageError, ValueError, OSError):
        return f"not a picture: {hashlib.sha256(png.encode()).hexdigest()[:16]}"
    return f"{image.width} x {image.height} pixels, {hashlib.sha256(image.tobytes()).hexdigest()[:16]}"


def chapters(names: Iterable[str] = ()) -> list[Path]:
    """Paths of the named chapters, or of all, in order."""
    known = sorted(CHAPTERS.glob("*.ipynb"))
    chosen = [CHAPTERS / f"{Path(name).stem}.ipynb" for name in names]
    for path in chosen:
        if path not in known:
            raise SystemExit(f"no chapter {path.stem!r}; there are: {', '.join(p.stem for p in known)}")
    return chosen or known


def _peak_memory(client: NotebookClient) -> float:
    """Ask the kernel itself, in megabytes (ru_maxrss is in KiB on Linux and in bytes on macOS)."""
    if sys.platform == "win32":
        return float("nan")
    probe = "import resource as _r; print(_r.getrusage(_r.RUSAGE_SELF).ru_maxrss)"
    cell = nbformat.v4.new_code_cell(probe)
    client.nb.cells.append(cell)
    client.execute_cell(cell, len(client.nb.cells) - 1, store_history=False)
    client.nb.cells.pop()
    return int(cell.outputs[0]["text"]) * (1 if sys.platform == "darwin" else 1024) / 1e6


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["run", "check", "measure"])
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args(arguments)
    paths = chapters(options.names)
    if options.command == "run":
        for path in paths:
            try:
                print(f"{path.stem}: ran in {run(path):.1f} s", flush=True)
            except CellExecutionError as error:
                print(f"{path.stem}: not written, a cell failed\n{error}", file=sys.stderr)
                return 1
    elif options.command == "check":
        stale = [path.stem for path in paths if not is_canonical(path)]
        if stale:
            print(f"not in canonical form: {', '.join(stale)}; run `make run`", file=sys.stderr)
            return 1
    else:
        measured = measure(paths)
        MEASURED.parent.mkdir(exist_ok=True)
        MEASURED.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
        for row in measured["chapters"]:
            print("{chapter}: {cells} cells, {seconds} s, {peak_mb} MB".format(**row))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
