"""The threshold figure in a real browser: at every setting of both knobs, it says what Python says."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import nbformat
import numpy as np
import pytest
from notebooks import canonical
from playwright.sync_api import Browser, Page, expect
from served import ROOT, build, serve
from test_browser import axe_findings, visit

from mlbook.evidence.threshold import ONE_IN, Thresholds

PAGE = "chapters/fraud.html"
KNOBS = ".threshold input[type=range]"
START = 500, 500
# What the page says, and the four numbers that it shows, at each setting of the two knobs.
AT_EACH_SETTING = """settings => {
    const [threshold, price] = document.querySelectorAll('.threshold input[type=range]');
    return settings.map(setting => {
        [threshold.value, price.value] = setting;
        threshold.dispatchEvent(new Event('input'));
        const numbers = [...document.querySelectorAll('.threshold dd')].map(number => number.textContent);
        return [document.querySelector('.threshold output').textContent, numbers];
    });
}"""


def payments() -> Thresholds:
    """A hundred thousand payments with some hundred frauds."""
    rng = np.random.default_rng(0)
    chance = np.minimum(1, rng.lognormal(-9, 2, 100_000))
    return Thresholds(chance, rng.random(100_000) < chance)


FRAUDS = payments()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A small site, of which one page has the figure."""
    source = tmp_path_factory.mktemp("threshold")
    shutil.copy(ROOT / "_config.yml", source)
    shutil.copytree(ROOT / "site", source / "site", ignore=shutil.ignore_patterns("__pycache__"))
    chapters = source / "chapters"
    chapters.mkdir()
    shutil.copy(ROOT / "chapters" / "references.bib", chapters)
    (source / "_toc.yml").write_text("format: jb-book\nroot: chapters/fraud\nchapters:\n- file: chapters/plain\n")
    (chapters / "plain.md").write_text("# Plain\n\nA book has more than one page.\n")
    data, metadata = FRAUDS.show(*START)._repr_mimebundle_()
    output = nbformat.v4.new_output("display_data", data, metadata=metadata)
    cells = [nbformat.v4.new_markdown_cell("# Fraud"), nbformat.v4.new_code_cell("threshold", outputs=[output])]
    (chapters / "fraud.ipynb").write_text(canonical(nbformat.v4.new_notebook(cells=cells)), encoding="utf-8")
    built = build(source, source)
    assert built.returncode == 0, built.stderr[-4000:]
    with serve(source / "_build" / "html") as address:
        yield address


def knob(page: Page, name: str):
    return page.get_by_role("slider", name=name)


def test_at_every_setting_it_says_and_shows_what_python_says(address: str, page: Page) -> None:
    page.goto(address + PAGE)
    settings = list(product(range(len(ONE_IN)), range(len(FRAUDS.prices))))
    said = page.evaluate(AT_EACH_SETTING, settings)
    for (row, column), (sentence, numbers) in zip(settings, said, strict=True):
        one_in, price = ONE_IN[row], FRAUDS.prices[column]
        flagged, caught = FRAUDS.counts.loc[one_in]
        shown = [flagged, caught, FRAUDS.frauds - caught, FRAUDS.cost(price)[one_in]]
        assert sentence == FRAUDS.sentence(one_in, price)
        assert numbers == [f"{number:,}" for number in shown]


def test_it_opens_at_the_setting_of_the_picture_and_takes_its_place(address: str, page: Page) -> None:
    page.goto(address + PAGE)
    expect(page.locator(".threshold output")).to_have_text(FRAUDS.sentence(*START))
    expect(page.locator(".threshold img")).to_be_hidden()


def test_the_keyboard_moves_both_knobs_and_what_changes_is_announced(address: str, page: Page) -> None:
    page.goto(address + PAGE)
    knob(page, "Flagged from a chance of").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("status")).to_have_text(FRAUDS.sentence(750, 500))
    expect(page.locator(KNOBS).first).to_have_attribute("aria-valuetext", "1 in 750")
    page.keyboard.press("Tab")
    expect(knob(page, "A missed fraud costs")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("status")).to_have_text(FRAUDS.sentence(750, 200))
    expect(page.locator(KNOBS).nth(1)).to_have_attribute("aria-valuetext", "200 reviews")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Home")
    expect(page.get_by_role("status")).to_have_text(FRAUDS.sentence(0, 200))


def test_the_mouse_drags_the_threshold_along_the_bars(address: str, page: Page) -> None:
    page.goto(address + PAGE)
    box = page.locator(".threshold svg").bounding_box()
    middle = box["y"] + box["height"] / 2
    step = box["width"] / len(ONE_IN)
    page.mouse.move(box["x"] + 2.5 * step, middle)
    expect(page.locator(".threshold output")).to_have_text(FRAUDS.sentence(*START))  # no button is pressed yet
    page.mouse.down()
    expect(page.locator(".threshold output")).to_have_text(FRAUDS.sentence(ONE_IN[2], 500))
    page.mouse.move(box["x"] + 7.5 * step, middle)
    page.mouse.up()
    expect(page.locator(".threshold output")).to_have_text(FRAUDS.sentence(ONE_IN[7], 500))


def test_a_bar_is_as_tall_as_its_costs_and_the_chosen_one_is_outlined(address: str, page: Page) -> None:
    page.goto(address + PAGE)
    line = float(page.locator(".threshold .never").get_attribute("y1"))
    never, bottom = FRAUDS.cost(500)[0], 240
    for one_in, bar in zip(ONE_IN, page.locator(".threshold svg g").all(), strict=True):
        heights = [float(part.get_attribute("height")) for part in bar.locator("rect").all()]
        assert sum(heights) == pytest.approx((bottom - line) * FRAUDS.cost(500)[one_in] / never)
        assert heights[1] == pytest.approx((bottom - line) * FRAUDS.counts.loc[one_in, "flagged"] / never)
        assert (bar.get_attribute("class") == "now") == (one_in == 500)


def test_a_finger_reaches_the_knobs_and_the_page_fits_the_phone(address: str, phone: Page) -> None:
    phone.goto(address + PAGE)
    assert phone.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    threshold = phone.locator(KNOBS).first
    box = threshold.bounding_box()
    assert box["height"] >= 24
    phone.touchscreen.tap(box["x"] + box["width"] - 4, box["y"] + box["height"] / 2)
    expect(phone.locator(".threshold output")).to_have_text(FRAUDS.sentence(ONE_IN[-1], 500))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_it(address: str, browser: Browser, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme, reduced_motion="reduce", viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    tab.goto(address + PAGE)
    tab.locator(".interactive summary").click()
    found = [html for elements in axe_findings(tab).values() for html in elements]
    assert [html for html in found if "navbar-brand" not in html] == []  # the theme's own, known to test_browser
    context.close()


def test_the_page_asks_no_other_host_for_anything_and_raises_no_error(address: str, browser: Browser) -> None:
    seen = visit(browser, address + PAGE)
    assert seen.problems == []
    assert seen.overflow <= 0


def test_without_script_there_are_the_picture_and_the_table(address: str, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(address + PAGE)
    expect(tab.locator(".threshold img")).to_have_attribute("alt", FRAUDS.show(*START).alt)
    tab.get_by_text("The same as a table").click()
    rows = [[td.inner_text() for td in row.locator("td").all()] for row in tab.locator(".threshold tbody tr").all()]
    assert rows == FRAUDS.show(*START).interactive.content["table"]["rows"]
    context.close()


def test_its_script_and_styles_are_few(address: str) -> None:
    static = Path(ROOT / "site" / "static")
    assert sum((static / name).stat().st_size for name in ("threshold.js", "threshold.css")) < 8_000
