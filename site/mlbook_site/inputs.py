"""What the generated pages are made of, read from the repository with the standard library alone.

Building the site must not need the ML stack, so nothing here imports `mlbook`: the claims and the
catalog are TOML, the findings are metadata of the notebooks' stored outputs, the measurements are JSON.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CLAIMS = Path("mlbook/evidence/claims.toml")
CATALOG = Path("data/catalog.toml")
MEASUREMENTS = Path("benchmarks/chapters.json")
AGGREGATES = Path("benchmarks/aggregates.json")
TESTS = Path("tests")
COMMANDS = Path("tools/env.py")


@dataclass(frozen=True)
class Finding:
    """A finding stored in a chapter: its record, and the anchor under which the site shows it."""

    chapter: str
    anchor: str
    claim: str
    verdict: str
    checks: list[dict[str, Any]]


def claims(root: Path) -> list[dict[str, Any]]:
    """All claims of the book, in the order of the book."""
    return list(tomllib.loads((root / CLAIMS).read_text(encoding="utf-8"))["claim"])


def snapshots(root: Path) -> list[dict[str, Any]]:
    """All entries of the data catalog."""
    return list(tomllib.loads((root / CATALOG).read_text(encoding="utf-8"))["snapshot"])


def measurements(root: Path) -> dict[str, Any]:
    """What the last measured run of the chapters took, and on which machine."""
    record: dict[str, Any] = json.loads((root / MEASUREMENTS).read_text(encoding="utf-8"))
    return record


def aggregates(root: Path) -> dict[str, Any]:
    """What the last measured run of the aggregates took beside other libraries, and what these say of ties."""
    record: dict[str, Any] = json.loads((root / AGGREGATES).read_text(encoding="utf-8"))
    return record


def finding_anchor(claim: str, seen: set[str]) -> str:
    """The anchor of a finding on its page; a second finding of the same claim gets a number. Updates `seen`."""
    anchor, number = f"finding-{claim}", 1
    while anchor in seen:
        number += 1
        anchor = f"finding-{claim}-{number}"
    seen.add(anchor)
    return anchor


def findings(notebook: Path) -> list[Finding]:
    """The findings stored in a notebook's outputs, in order."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    records = [
        output["metadata"]["finding"]
        for cell in cells
        for output in cell.get("outputs", [])
        if "finding" in output.get("metadata", {})
    ]
    seen: set[str] = set()
    return [
        Finding(notebook.stem, finding_anchor(r["claim"], seen), r["claim"], r["verdict"], r["checks"]) for r in records
    ]


def notebook_title(notebook: Path) -> str:
    """The text of a notebook's first heading."""
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        heading = re.search(r"^# (.+)$", "".join(cell["source"]), re.MULTILINE)
        if cell["cell_type"] == "markdown" and heading:
            return heading[1].strip()
    raise ValueError(f"{notebook} has no heading: start its first Markdown cell with '# Title'")


@dataclass(frozen=True)
class TestModule:
    """A module of tests: where it is, what its docstring says first, and how many tests it has."""

    path: Path
    summary: str
    tests: int


def test_modules(root: Path) -> Iterator[TestModule]:
    """Every module of tests, by path; the summary is the first sentence of the module's docstring."""
    for path in sorted((root / TESTS).rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docstring = ast.get_docstring(tree)
        if not docstring:
            raise ValueError(f"{path} has no docstring: the page on testing shows its first paragraph")
        tests = sum(
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
            for node in ast.walk(tree)
        )
        yield TestModule(path.relative_to(root), " ".join(docstring.split("\n\n")[0].split()), tests)


def commands(root: Path) -> list[tuple[str, str]]:
    """The commands of `make`, each with its docstring: the functions that tools/env.py offers."""
    tree = ast.parse((root / COMMANDS).read_text(encoding="utf-8"))
    return [
        (node.name.rstrip("_").replace("_", "-"), (ast.get_docstring(node) or "").partition("\n")[0])
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any(isinstance(decorator, ast.Name) and decorator.id == "command" for decorator in node.decorator_list)
    ]
