"""The mixture of definitions in a real browser: at every setting of its sliders, it says what Python says."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from notebooks import canonical
from playwright.sync_api import Browser, Page, expect
from served import ROOT, build, serve
from test_browser import axe_findings, visit

from mlbook.evidence.mixture import LEVELS, Mixture

PAGE = "chapters/films.html"
SLIDERS = ".mixture input[type=range]"
START = [1, 1, 1]
# What the page says, and whom it names, at each setting of the three sliders.
AT_EACH_SETTING = """settings => {
    const sliders = [...document.querySelectorAll('.mixture input[type=range]')];
    return settings.map(setting => {
        sliders.forEach((slider, index) => { slider.value = setting[index]; });
        sliders[0].dispatchEvent(new Event('input'));
        const names = [...document.querySelectorAll('.mixture .widget tbody th')].map(name => name.textContent);
        return [document.querySelector('.mixture output').textContent, names];
    });
}"""


def films() -> Mixture:
    """Sixty films under three definitions, with many equal scores."""
    scores = pd.DataFrame(np.random.default_rng(0).integers(40, size=(60, 3)))
    return Mixture(scores.set_axis([f"Film <{number}>" for number in scores.index]).set_axis(list("xyz"), axis=1))


MIXTURE = films()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A small site, of which one page has the figure."""
    source = tmp_path_factory.mktemp("mixture")
    shutil.copy(ROOT / "_config.yml", source)
    shutil.copytree(ROOT / "site", source / "site", ignore=shutil.ignore_patterns("__pycache__"))
    chapters = source / "chapters"
    chapters.mkdir()
    shutil.copy(ROOT / "chapters" / "references.bib", chapters)
    (source / "_toc.yml").write_text("format: jb-book\nroot: chapters/films\nchapters:\n- file: chapters/plain\n")
    (chapters / "plain.md").write_text("# Plain\n\nA book has more than one page.\n")
    data, metadata = MIXTURE.show(START)._repr_mimebundle_()
    output = nbformat.v4.new_output("display_data", data, metadata=metadata)
    cells = [nbformat.v4.new_markdown_cell("# Films"), nbformat.v4.new_code_cell("mixture", outputs=[output])]
    (chapters / "films.ipynb").write_text(canonical(nbformat.v4.new_notebook(cells=cells)), encoding="utf-8")
    built = build(source, source)
    assert built.returncode == 0, built.stderr[-4000:]
    with serve(source / "_build" / "html") as address:
        yield address


def test_at_every_setting_it_names_the_winners_that_python_names(address: str, page: Page) -> None:
    page.goto(address + PAGE)
    settings = [list(setting) for setting in product(range(LEVELS + 1), repeat=3) if any(setting)]
    said = page.evaluate(AT_EACH_SETTING, settings)
    assert said == [[MIXTURE.sentence(setting), MIXTURE.winners(setting)] for setting in settings]


def test_it_opens_at_the_weights_of_the_picture_and_takes_its_place(address: str, page: Page) -> None:
    page.goto(address + PAGE)
    assert [slider.input_value() for slider in page.locator(SLIDERS).all()] == ["1", "1", "1"]
    expect(page.locator(".mixture output")).to_have_text(MIXTURE.sentence(START))
    expect(page.locator(".mixture img")).to_be_hidden()


def test_each_winner_stands_with_its_ranks_and_a_mark_where_it_wins_alone(address: str, page: Page) -> None:
    page.goto(address + PAGE)
    for row, name in zip(page.locator(".mixture .widget tbody tr").all(), MIXTURE.winners(START), strict=True):
        marks = [" ●" if name in alone else "" for alone in MIXTURE.alone.values()]
        cells = [f"{rank / 10:.1f}{mark}" for rank, mark in zip(MIXTURE.ranks.loc[name], marks, strict=True)]
        assert row.locator("td").all_inner_texts() == cells


def test_the_keyboard_sets_a_weight_and_what_changes_is_announced(address: str, page: Page) -> None:
    page.goto(address + PAGE)
    slider = page.get_by_role("slider", name="Weight of 'y'")
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("status")).to_have_text(MIXTURE.sentence([1, 3, 1]))
    expect(page.locator(".mixture label strong").nth(1)).to_have_text("3")
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    expect(page.get_by_role("status")).to_have_text(MIXTURE.sentence([1, 3, LEVELS]))


def test_without_any_weight_nothing_wins(address: str, page: Page) -> None:
    page.goto(address + PAGE)
    said = page.evaluate(AT_EACH_SETTING, [[0, 0, 0]])
    assert said == [["With every weight at 0, nothing wins. Raise one.", []]]


def test_a_finger_reaches_the_sliders_and_the_page_fits_the_phone(address: str, phone: Page) -> None:
    phone.goto(address + PAGE)
    assert phone.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    slider = phone.locator(SLIDERS).first
    box = slider.bounding_box()
    assert box["height"] >= 24
    phone.touchscreen.tap(box["x"] + box["width"] - 4, box["y"] + box["height"] / 2)
    expect(slider).to_have_js_property("value", str(LEVELS))
    expect(phone.locator(".mixture output")).to_have_text(MIXTURE.sentence([LEVELS, 1, 1]))


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
    expect(tab.locator(".mixture img")).to_have_attribute("alt", MIXTURE.show(START).alt)
    tab.get_by_text("The same as a table").click()
    rows = [[td.inner_text() for td in row.locator("td").all()] for row in tab.locator(".mixture tbody tr").all()]
    assert rows == MIXTURE.show(START).interactive.content["table"]["rows"]
    context.close()


def test_its_script_and_styles_are_few(address: str) -> None:
    static = Path(ROOT / "site" / "static")
    assert sum((static / name).stat().st_size for name in ("mixture.js", "mixture.css")) < 6_000
