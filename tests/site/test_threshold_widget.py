"""The threshold figure in a real browser: at every setting of both knobs, it says what Python says."""

from __future__ import annotations

from itertools import product

import pytest
from playwright.sync_api import Locator, Page, expect
from served import Site
from widgets import FRAUDS, PRICE, THRESHOLD

from mlbook.evidence.threshold import ONE_IN

KNOBS = ".threshold input[type=range]"
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
# Of each bar, whether it is the chosen one, and how tall its two parts are.
BARS = """bars => bars.map(bar => [
    bar.getAttribute('class'), [...bar.querySelectorAll('rect')].map(part => Number(part.getAttribute('height')))
])"""


@pytest.fixture
def page(page: Page, widget_site: Site) -> Page:
    """A fresh tab with the threshold figure."""
    page.goto(widget_site.address + "chapters/threshold.html")
    return page


def knob(page: Page, name: str) -> Locator:
    return page.get_by_role("slider", name=name)


def test_at_every_setting_it_says_and_shows_what_python_says(page: Page) -> None:
    settings = list(product(range(len(ONE_IN)), range(len(FRAUDS.prices))))
    said = page.evaluate(AT_EACH_SETTING, settings)
    for (row, column), (sentence, numbers) in zip(settings, said, strict=True):
        one_in, price = ONE_IN[row], FRAUDS.prices[column]
        flagged, caught = FRAUDS.counts.loc[one_in]
        shown = [flagged, caught, FRAUDS.frauds - caught, FRAUDS.cost(price)[one_in]]
        assert sentence == FRAUDS.sentence(one_in, price)
        assert numbers == [f"{number:,}" for number in shown]


def test_the_keyboard_moves_both_knobs_and_what_changes_is_announced(page: Page) -> None:
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


def test_the_mouse_drags_the_threshold_along_the_bars(page: Page) -> None:
    box = page.locator(".threshold svg").bounding_box()
    middle = box["y"] + box["height"] / 2
    step = box["width"] / len(ONE_IN)
    page.mouse.move(box["x"] + 2.5 * step, middle)
    expect(page.locator(".threshold output")).to_have_text(
        FRAUDS.sentence(THRESHOLD, PRICE)
    )  # no button is pressed yet
    page.mouse.down()
    expect(page.locator(".threshold output")).to_have_text(FRAUDS.sentence(ONE_IN[2], 500))
    page.mouse.move(box["x"] + 7.5 * step, middle)
    page.mouse.up()
    expect(page.locator(".threshold output")).to_have_text(FRAUDS.sentence(ONE_IN[7], 500))


def test_a_bar_is_as_tall_as_its_costs_and_the_chosen_one_is_outlined(page: Page) -> None:
    line = float(page.locator(".threshold .never").get_attribute("y1"))
    never, bottom = FRAUDS.cost(500)[0], 240
    bars = page.locator(".threshold svg g").evaluate_all(BARS)
    for one_in, (looks, heights) in zip(ONE_IN, bars, strict=True):
        assert sum(heights) == pytest.approx((bottom - line) * FRAUDS.cost(500)[one_in] / never)
        assert heights[1] == pytest.approx((bottom - line) * FRAUDS.counts.loc[one_in, "flagged"] / never)
        assert (looks == "now") == (one_in == 500)
