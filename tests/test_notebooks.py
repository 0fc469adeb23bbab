"""Every chapter is one clean, canonical run that compares all it shows; each guard fails on its planted fault."""

from __future__ import annotations

import base64
import io
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from html import escape

import nbformat
import pytest
from nbformat import NotebookNode
from notebooks import CHAPTERS, ENVIRONMENT, HTML, PNG, ROOT, canonical, comparable_outputs, is_canonical
from PIL import Image

from mlbook.evidence import claims
from mlbook.evidence.figures import MAX_WORDS, MIN_WORDS

NAMES = sorted(path.stem for path in CHAPTERS.glob("*.ipynb"))
VERDICTS = {"holds", "holds in part", "does not hold"}
UNCOMPARED = {"nbval-ignore-output", "nbval-skip"}
UNCOMPARED_COMMENT = re.compile(r"^\s*#\s*(NBVAL_IGNORE_OUTPUT|NBVAL_SKIP|PYTEST_VALIDATE_IGNORE_OUTPUT)", re.M)

# What is no measured number: code, addresses, and what stands in them.
NOT_PROSE = re.compile(r"```.*?```|`[^`]*`|\$[^$]*\$|\]\([^)]*\)|<[^>]*>", re.S)
MEASURED = re.compile(
    r"""\d+\.\d+                                   # a decimal
    | \d[\d,]*\s?(?:%|percent|points|\u00d7|x\b|times\b)  # a share, a difference, a factor
    | [$€£]\s?\d                                   # an amount
    | \d[\d,]*\s?(?:MB|GB|ms|seconds)\b            # a size or a time of running
    """,
    re.X,
)
DEFINED = {"95 %"}  # the level of every interval: a definition


def chapter(name: str) -> NotebookNode:
    return nbformat.read(CHAPTERS / f"{name}.ipynb", as_version=4)


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook: NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def lines(cell: NotebookNode) -> int:
    """How many lines a cell has that are not empty."""
    return sum(bool(line.strip()) for line in cell.source.split("\n"))


def outputs(notebook: NotebookNode) -> Iterator[tuple[NotebookNode, NotebookNode]]:
    for cell in code_cells(notebook):
        for output in cell.outputs:
            yield cell, output


def faults(notebook: NotebookNode) -> list[str]:
    """Everything that nbval does not see and a reader would suffer from."""
    found = []
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        found.append(f"not one run from top to bottom: {counts}")
    for cell in code_cells(notebook):
        tags = set(cell.metadata.get("tags", []))
        if tags & UNCOMPARED or UNCOMPARED_COMMENT.search(cell.source):
            found.append(f"output not compared: {cell.source[:40]!r}")
        failed = any(output.output_type == "error" for output in cell.outputs)
        if failed != ("raises-exception" in tags):
            found.append(f"raises-exception and the stored output disagree: {cell.source[:40]!r}")
        if not cell.source.strip():
            found.append("an empty cell")
    for cell, output in outputs(notebook):
        if output.output_type == "stream" and output.name == "stderr":
            found.append(f"a warning that readers see: {output.text[:80]!r}")
        found += [f"{fault}: {cell.source[:40]!r}" for fault in output_faults(output)]
    found += [f"a measured number in prose: {number!r}" for number in measured_numbers(prose(notebook))]
    return found


def output_faults(output: NotebookNode) -> Iterator[str]:
    data, metadata = output.get("data", {}), output.get("metadata", {})
    if PNG in data:
        alt = metadata.get(PNG, {}).get("alt", "")
        if not MIN_WORDS <= len(alt.split()) <= MAX_WORDS:
            yield f"a figure whose alternative text has {len(alt.split())} words"
        if f'<img alt="{escape(alt)}" ' not in data.get(HTML, ""):
            yield "a figure whose HTML form lacks its alternative text"
        if alt != data.get("text/plain"):
            yield "a figure whose plain text, which is compared, is not its alternative text"
    if any(mime.startswith("application/vnd.mlbook.") for mime in data) and PNG not in data:
        yield "an interactive figure without its picture"
    plain = data.get("text/plain", "")
    if plain.startswith("finding ") or "finding" in metadata:
        record = metadata.get("finding", {})
        if not plain.startswith(f"finding {record.get('claim')}: {record.get('verdict')} | "):
            yield "a finding whose record and text disagree"
        if record.get("claim") not in claims() or record.get("verdict") not in VERDICTS:
            yield "a finding of no known claim or verdict"
        if any(f"{check['statement']}: {check['effect']}" not in plain for check in record.get("checks", [])):
            yield "a finding whose record holds an effect that its text does not"


def measured_numbers(text: str) -> list[str]:
    return [match.group() for match in MEASURED.finditer(NOT_PROSE.sub(" ", text)) if match.group() not in DEFINED]


@pytest.mark.parametrize("name", NAMES)
class TestChapters:
    def test_it_is_one_clean_run_that_compares_all_it_shows(self, name):
        assert faults(chapter(name)) == []

    def test_its_bytes_are_canonical(self, name):
        assert is_canonical(CHAPTERS / f"{name}.ipynb")

    def test_it_has_the_parts_of_a_chapter(self, name):
        text = prose(chapter(name))
        assert text.startswith("# ")
        for part in ("**You will be able to**", "> **How real systems do it**", "## What goes wrong silently"):
            assert part in text
        for part in ("## Exercises", "## Quiz", "## Takeaways", "**On Monday:**"):
            assert part in text
        quiz = text[text.index("## Quiz") : text.index("## Takeaways")]
        assert 3 <= quiz.count("<details>") == quiz.count("</details>") <= 5

    def test_each_exercise_has_a_stub_that_fails_and_a_hidden_solution_that_passes(self, name):
        cells = code_cells(chapter(name))
        stubs = [cell for cell in cells if "exercise" in cell.metadata.get("tags", [])]
        solutions = [cell for cell in cells if "solution" in cell.metadata.get("tags", [])]
        assert 1 <= len(stubs) == len(solutions)
        for stub, solution in zip(stubs, solutions, strict=True):
            assert ": not yet. " in stub.outputs[-1]["data"]["text/plain"]
            assert ": passed. " in solution.outputs[-1]["data"]["text/plain"]
            assert "hide-cell" in solution.metadata["tags"]

    def test_it_tests_the_claims_it_is_listed_for(self, name):
        listed = {claim["id"] for claim in claims().values() if name in claim["chapters"]}
        tested = {
            output.metadata["finding"]["claim"]
            for _, output in outputs(chapter(name))
            if "finding" in output.get("metadata", {})
        }
        assert tested == listed

    def test_it_is_short_enough_to_read(self, name):
        notebook = chapter(name)
        on_the_page = re.sub(r"<details>.*?</details>", " ", prose(notebook), flags=re.S)
        words = len(NOT_PROSE.sub(" ", on_the_page).split())
        assert 1500 <= words <= 2700
        assert 20 <= len(code_cells(notebook)) <= 35

    def test_its_cells_are_short_enough_to_read(self, name):
        cells = code_cells(chapter(name))
        visible = [cell for cell in cells if not {"hide-input", "hide-cell"} & set(cell.metadata.get("tags", []))]
        assert max(map(lines, cells)) <= 25
        assert statistics.median(map(lines, visible)) <= 7


# ----------------------------------------------------------------------------------- planted faults


def picture(color: str = "red", **save: object) -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), color).save(buffer, "png", **save)
    return base64.b64encode(buffer.getvalue()).decode()


WIDGET = "application/vnd.mlbook.weights+json"
ALT = "Line chart of a value that rises from one to two while the days go by, with a second value that stays at three."


def sound() -> NotebookNode:
    """A small notebook without a fault: a text, a figure, and a finding."""
    record = {"claim": "data-rules", "verdict": "holds", "checks": [{"statement": "more", "effect": "1 points [1, 2]"}]}
    figure = nbformat.v4.new_output(
        "execute_result",
        {PNG: picture(), HTML: f'<img alt="{ALT}" src="">', "text/plain": ALT},
        metadata={PNG: {"alt": ALT}},
        execution_count=2,
    )
    finding = nbformat.v4.new_output(
        "execute_result",
        {"text/plain": "finding data-rules: holds | more: 1 points [1, 2] over 20 days"},
        metadata={"finding": record},
        execution_count=3,
    )
    text = nbformat.v4.new_output("execute_result", {"text/plain": "2"}, execution_count=1)
    cells = [
        nbformat.v4.new_markdown_cell("# Title\n\nOne in 10,000, in 2013, at a 95 % level, and `0.25` of it."),
        *(
            nbformat.v4.new_code_cell(source, execution_count=count, outputs=[output])
            for count, (source, output) in enumerate([("1 + 1", text), ("figure", figure), ("finding", finding)], 1)
        ),
    ]
    return nbformat.v4.new_notebook(cells=cells)


def tag(name: str) -> Callable[[NotebookNode], None]:
    return lambda notebook: notebook.cells[1].metadata.update(tags=[name])


def write(text: str) -> Callable[[NotebookNode], None]:
    return lambda notebook: notebook.cells[0].update(source=text)


PLANTED = {
    "a cell that was not run": (lambda n: n.cells[1].update(execution_count=None), "not one run"),
    "cells run in another order": (lambda n: n.cells[1].update(execution_count=7), "not one run"),
    "an output that is ignored": (tag("nbval-ignore-output"), "not compared"),
    "a cell that is skipped": (tag("nbval-skip"), "not compared"),
    "an output that is ignored by a comment": (
        lambda n: n.cells[1].update(source="# NBVAL_IGNORE_OUTPUT\n1 + 1"),
        "not compared",
    ),
    "an announced exception that does not come": (tag("raises-exception"), "disagree"),
    "an exception that nobody announced": (
        lambda n: n.cells[1].outputs.append(nbformat.v4.new_output("error", ename="E", evalue="e")),
        "disagree",
    ),
    "a warning": (
        lambda n: n.cells[1].outputs.append(nbformat.v4.new_output("stream", name="stderr", text="Warning")),
        "readers see",
    ),
    "an empty cell": (lambda n: n.cells[1].update(source=" "), "empty"),
    "a figure without text": (lambda n: n.cells[2].outputs[0].metadata.clear(), "has 0 words"),
    "a figure without text in JupyterLab": (
        lambda n: n.cells[2].outputs[0].data.update({HTML: "<img>"}),
        "HTML form",
    ),
    "a figure whose texts differ": (
        lambda n: n.cells[2].outputs[0].data.update({"text/plain": "other"}),
        "is compared",
    ),
    "an interactive figure that is nothing on paper": (
        lambda n: n.cells[1].outputs[0].data.update({WIDGET: {"data": {}}}),
        "without its picture",
    ),
    "a verdict that was typed": (
        lambda n: n.cells[3].outputs[0].metadata.finding.update(verdict="does not hold"),
        "disagree",
    ),
    "a finding of no claim": (
        lambda n: (
            n.cells[3].outputs[0].metadata.finding.update(claim="x"),
            n.cells[3].outputs[0].data.update({"text/plain": "finding x: holds | "}),
        ),
        "no known claim",
    ),
    "an effect that was typed": (
        lambda n: n.cells[3].outputs[0].metadata.finding.checks[0].update(effect="9 points [8, 10]"),
        "an effect",
    ),
    "a decimal in prose": (write("It was 3.5 better."), "'3.5'"),
    "a share in prose": (write("It caught 43 % of them."), "'43 %'"),
    "a percentage in words": (write("It caught 43 percent."), "'43 percent'"),
    "a factor in prose": (write("It was 12 times faster."), "'12 times'"),
    "an amount in prose": (write("It missed by $4,000."), "'$4'"),
}


def test_a_sound_notebook_has_no_fault():
    assert faults(sound()) == []


@pytest.mark.parametrize("fault", PLANTED)
def test_the_structure_guard_finds(fault):
    plant, message = PLANTED[fault]
    notebook = sound()
    plant(notebook)
    assert any(message in found for found in faults(notebook)), faults(notebook)


@pytest.mark.parametrize(
    "plant",
    [
        lambda n: n.metadata.update(kernelspec={"name": "other", "display_name": "other"}),
        lambda n: n.cells[1].metadata.update(execution={"iopub.execute_input": "2026-01-01"}),
        lambda n: n.cells[1].update(source="1 + 1\n\n"),
    ],
)
def test_the_canonical_guard_finds_what_an_editor_leaves_behind(plant, tmp_path):
    path = tmp_path / "chapter.ipynb"
    notebook = nbformat.reads(canonical(sound()), as_version=4)
    path.write_text(canonical(notebook), encoding="utf-8")
    assert is_canonical(path)
    plant(notebook)
    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    assert not is_canonical(path)


# --------------------------------------------------------------- nbval, as `pytest --nbval` runs it

SOURCES = {
    "text": "print('one')",
    "value": "1 + 1",
    "data": f"from IPython.display import display\ndisplay({{{WIDGET!r}: {{'steps': [1, 2]}}}}, raw=True)",
    "picture": "from IPython.display import display\ndisplay(FORMS, raw=True)",
}


def stored(kind: str, changed: bool) -> list[NotebookNode]:
    if kind == "text":
        return [nbformat.v4.new_output("stream", name="stdout", text="two\n" if changed else "one\n")]
    if kind == "value":
        return [nbformat.v4.new_output("execute_result", {"text/plain": "3" if changed else "2"}, execution_count=2)]
    if kind == "data":
        return [nbformat.v4.new_output("display_data", {WIDGET: {"steps": [1, 3 if changed else 2]}})]
    png = picture("blue" if changed else "red", compress_level=1)
    html = f'<img src="data:image/png;base64,{png}">'
    return [nbformat.v4.new_output("display_data", {PNG: png, HTML: html, "text/plain": "a picture"})]


@pytest.fixture(scope="module")
def judged(tmp_path_factory) -> dict[str, str]:
    """What nbval, with the chapters' own conftest, says of small notebooks, sound and with a fault each."""
    folder = tmp_path_factory.mktemp("nbval")
    (folder / "conftest.py").write_text((CHAPTERS / "conftest.py").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "pytest.ini").write_text(f"[pytest]\npythonpath = '{ROOT / 'tools'}'\n", encoding="utf-8")
    forms = {PNG: picture(), HTML: f'<img src="data:image/png;base64,{picture()}">', "text/plain": "a picture"}
    for kind, source in SOURCES.items():
        for changed in (False, True):
            cells = [
                nbformat.v4.new_code_cell(f"FORMS = {forms!r}", execution_count=1),
                nbformat.v4.new_code_cell(source, execution_count=2, outputs=stored(kind, changed)),
            ]
            name = f"{kind}_{'changed' if changed else 'same'}.ipynb"
            (folder / name).write_text(canonical(nbformat.v4.new_notebook(cells=cells)), encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "-rA", "-q", "-p", "no:cacheprovider", str(folder)],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **ENVIRONMENT},
        timeout=120,
        check=False,
    )
    verdicts = re.findall(r"^(PASSED|FAILED) (\w+)\.ipynb::Cell 1", result.stdout, re.M)
    assert len(verdicts) == 2 * len(SOURCES), result.stdout
    return {name: verdict for verdict, name in verdicts}


@pytest.mark.parametrize("kind", SOURCES)
def test_nbval_accepts_the_same_output_and_rejects_a_changed_one(kind, judged):
    assert judged[f"{kind}_same"] == "PASSED"
    assert judged[f"{kind}_changed"] == "FAILED"


def test_the_launch_check_compares_the_data_of_a_widget_too():
    same, again, changed = (
        comparable_outputs(nbformat.v4.new_code_cell(outputs=stored("data", changed)))
        for changed in (False, False, True)
    )
    assert same == again != changed


def test_a_run_writes_what_is_on_disk_already(tmp_path):
    from notebooks import run

    path = tmp_path / "small.ipynb"
    path.write_text(canonical(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print(1)", id="a")])))
    run(path)
    first = path.read_bytes()
    run(path)
    assert path.read_bytes() == first
    assert b'"1\\n"' in first


def test_nothing_is_written_when_a_cell_fails(tmp_path):
    from nbclient.exceptions import CellExecutionError
    from notebooks import run

    path = tmp_path / "small.ipynb"
    cells = [nbformat.v4.new_code_cell("print(1)"), nbformat.v4.new_code_cell("1 / 0")]
    path.write_text(canonical(nbformat.v4.new_notebook(cells=cells)))
    before = path.read_bytes()
    with pytest.raises(CellExecutionError, match="division by zero"):
        run(path)
    assert path.read_bytes() == before


def test_an_unknown_chapter_is_named_beside_those_there_are():
    from notebooks import chapters

    with pytest.raises(SystemExit, match="no chapter 'nine'; there are: 01-data"):
        chapters(["nine"])
