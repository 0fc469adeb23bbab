"""The mixture of definitions in a real browser: at every setting of its sliders, it says what Python says."""

from __future__ import annotations

from itertools import product

import pytest
from playwright.sync_api import Page, expect
from served import Site
from widgets import CELLS, MIXTURE, WEIGHTS

from mlbook.evidence.mixture import LEVELS

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


@pytest.fixture
def page(page: Page, widget_site: Site) -> Page:
    """A fresh tab with the mixture."""
    page.goto(widget_site.address + "chapters/mixture.html")
    return page


def test_at_every_setting_it_names_the_winners_that_python_names(page: Page) -> None:
    settings = [list(setting) for setting in product(range(LEVELS + 1), repeat=3) if any(setting)]
    said = page.evaluate(AT_EACH_SETTING, settings)
    assert said == [[MIXTURE.sentence(setting), MIXTURE.winners(setting)] for setting in settings]


def test_each_winner_stands_with_its_ranks_and_a_mark_where_it_wins_alone(page: Page) -> None:
    said = page.locator(".mixture .widget tbody tr").evaluate_all(CELLS)
    for cells, name in zip(said, MIXTURE.winners(WEIGHTS), strict=True):
        marks = [" ●" if name in alone else "" for alone in MIXTURE.alone.values()]
        assert cells == [f"{rank / 10:.1f}{mark}" for rank, mark in zip(MIXTURE.ranks.loc[name], marks, strict=True)]


def test_the_keyboard_sets_a_weight_and_what_changes_is_announced(page: Page) -> None:
    slider = page.get_by_role("slider", name="Weight of 'y'")
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("status")).to_have_text(MIXTURE.sentence([1, 3, 1]))
    expect(page.locator(".mixture label strong").nth(1)).to_have_text("3")
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    expect(page.get_by_role("status")).to_have_text(MIXTURE.sentence([1, 3, LEVELS]))


def test_without_any_weight_nothing_wins(page: Page) -> None:
    said = page.evaluate(AT_EACH_SETTING, [[0, 0, 0]])
    assert said == [["With every weight at 0, nothing wins. Raise one.", []]]
