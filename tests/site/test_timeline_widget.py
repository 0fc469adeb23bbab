"""The timeline in a real browser: at every minute, it says what Python says, by mouse, finger, and keyboard."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from served import Site
from widgets import TIMELINE, at_minute

from mlbook.evidence.timeline import STATES

PAGE = "chapters/timeline.html"
SLIDER = ".timeline input[type=range]"
# What the page says, and which words stand at the flights, with the slider at each of its minutes.
AT_EACH_MINUTE = """slider => Array.from({length: slider.max - slider.min + 1}, (_, minute) => {
    slider.value = Number(slider.min) + minute;
    slider.dispatchEvent(new Event('input'));
    const words = [...document.querySelectorAll('.timeline g')].map(row => row.lastChild.textContent);
    return [slider.getAttribute('aria-valuetext'), document.querySelector('output').textContent, words];
})"""


@pytest.fixture
def page(page: Page, widget_site: Site) -> Page:
    """A fresh tab with the timeline."""
    page.goto(widget_site.address + PAGE)
    return page


def minute_of(page: Page) -> int:
    """Where the slider stands, counted from the first minute of a prediction."""
    slider = page.locator(SLIDER)
    return int(slider.input_value()) - int(slider.get_attribute("min"))


def test_at_every_minute_it_says_what_the_aggregate_says(page: Page) -> None:
    said = page.locator(SLIDER).evaluate(AT_EACH_MINUTE)
    assert [text for text, _, _ in said] == [at_minute(minute) for minute in range(len(TIMELINE.minutes))]
    assert [shown for _, shown, _ in said] == [text for text, _, _ in said]
    words = [[STATES[state] for state in states] for states in TIMELINE.states.to_numpy()]
    assert [row for _, _, row in said] == words


def test_the_keyboard_moves_it_by_ten_minutes_and_to_both_ends(page: Page) -> None:
    slider = page.get_by_role("slider", name="Time of the prediction")
    slider.focus()
    start = minute_of(page)
    moves = {"ArrowRight": 10, "ArrowUp": 20, "ArrowLeft": 10, "ArrowDown": 0}
    for key, moved in moves.items():
        page.keyboard.press(key)
        assert minute_of(page) == start + moved
    page.keyboard.press("End")
    expect(page.locator(".timeline output")).to_have_text(at_minute(len(TIMELINE.minutes) - 1))
    page.keyboard.press("ArrowRight")
    assert minute_of(page) == len(TIMELINE.minutes) - 1
    page.keyboard.press("Home")
    expect(page.locator(".timeline output")).to_have_text(at_minute(0))


def test_the_sentence_is_spoken_once_by_the_slider_or_by_itself(page: Page) -> None:
    page.locator(SLIDER).focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".timeline output")).to_have_attribute("aria-live", "off")
    page.locator(".jumps button").first.click()
    expect(page.locator(".timeline output")).to_have_attribute("aria-live", "polite")


def test_a_button_for_each_flight_goes_to_two_hours_before_it(page: Page) -> None:
    group = page.get_by_role("group", name="Two hours before each departure")
    for number, clock in enumerate(("05:45", "11:30", "20:45")):
        group.get_by_role("button", name=clock).click()
        moment = TIMELINE.minutes[minute_of(page)].tz_convert("America/New_York")
        assert f"{moment:%H:%M}" == clock
        assert [b.get_attribute("aria-pressed") for b in group.get_by_role("button").all()].index("true") == number


def test_the_mouse_drags_the_time_along_the_drawing(page: Page) -> None:
    box = page.locator(".timeline svg").bounding_box()
    line = page.locator(".timeline .now")
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    assert TIMELINE.minutes[minute_of(page)] == TIMELINE.most_misleading()  # it only follows a pressed button
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 20)
    page.mouse.up()
    assert line.evaluate("line => line.getBoundingClientRect().x") == pytest.approx(
        box["x"] + box["width"] * 0.75, abs=2
    )
    stopped = minute_of(page)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    assert minute_of(page) == stopped
    page.mouse.down()
    page.mouse.move(box["x"], box["y"] + 20)
    assert minute_of(page) == 0  # what is drawn before the first prediction is its past


def test_a_finger_in_the_middle_moves_it_to_the_middle(phone: Page, widget_site: Site) -> None:
    phone.goto(widget_site.address + PAGE)
    box = phone.locator(SLIDER).bounding_box()
    phone.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert minute_of(phone) == pytest.approx((len(TIMELINE.minutes) - 1) / 2, abs=5)


def test_the_thumb_stands_below_the_line_of_the_drawing(page: Page) -> None:
    thumb = 24  # its middle goes from the first prediction on the axis to the axis's end
    for key, end in (("Home", 0.0), ("End", 1.0)):
        page.locator(SLIDER).press(key)
        slider = page.locator(SLIDER).bounding_box()
        line = page.locator(".timeline .now").evaluate("line => line.getBoundingClientRect().x")
        assert line == pytest.approx(slider["x"] + thumb / 2 + end * (slider["width"] - thumb), abs=1)
