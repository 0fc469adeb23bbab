"""The chapters as a reader opens them in JupyterLab: figures are shown, with their alternative text."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import nbformat
import pytest
from launch_check import copy_of_repository, jupyterlab
from notebooks import CHAPTERS, PNG
from playwright.sync_api import Browser

CHAPTER = "chapters/01-data.ipynb"
# JupyterLab draws only the cells in view: scroll through all of them and collect what was drawn.
COLLECT = """async () => {
    const outer = document.querySelector('.jp-WindowedPanel-outer'), seen = {};
    for (let top = 0; top < outer.scrollHeight; top += 500) {
        outer.scrollTop = top;
        await new Promise(done => setTimeout(done, 150));
        for (const image of document.querySelectorAll('.jp-OutputArea-output img'))
            if (image.complete) seen[image.alt] = image.naturalWidth;
    }
    return seen;
}"""


@pytest.fixture
def alts() -> set[str]:
    """The alternative texts that are stored in the chapter."""
    notebook = nbformat.read(CHAPTERS.parent / CHAPTER, as_version=4)
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", []))
    return {output.metadata[PNG]["alt"] for output in outputs if PNG in output.get("data", {})}


def test_jupyterlab_shows_each_figure_with_its_alternative_text(
    browser: Browser, alts: set[str], tmp_path: Path
) -> None:
    repository = copy_of_repository(tmp_path / "repository")
    with jupyterlab("binder/start", Path(sys.executable), repository) as server:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        token = server.authorization.removeprefix("token ")
        page.goto(f"http://{server.address}/lab/tree/{CHAPTER}?token={token}")
        page.wait_for_selector(".jp-WindowedPanel-outer .jp-Cell", timeout=60_000)
        seen, deadline = {}, time.monotonic() + 90
        while not alts <= set(seen) and time.monotonic() < deadline:  # on a busy machine, drawing takes its time
            seen |= page.evaluate(COLLECT)
        page.close()
    assert set(seen) == alts
    assert all(width > 500 for width in seen.values())
