"""Interactive figures in a real browser: what they say, by mouse, finger, and keyboard, and without scripts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from notebooks import canonical
from playwright.sync_api import Browser, Page, expect
from served import PHONE, ROOT, build, serve
from test_browser import axe_findings, visit

from mlbook.evidence.timeline import STATES, Timeline
from mlbook.features import Aggregate

PAGE = "chapters/day.html"
SLIDER = ".timeline input[type=range]"
# What the page says, and which words stand at the flights, with the slider at each of its minutes.
AT_EACH_MINUTE = """slider => Array.from({length: slider.max - slider.min + 1}, (_, minute) => {
    slider.value = Number(slider.min) + minute;
    slider.dispatchEvent(new Event('input'));
    const words = [...document.querySelectorAll('.timeline g')].map(row => row.lastChild.textContent);
    return [slider.getAttribute('aria-valuetext'), document.querySelector('output').textContent, words];
})"""


def a_day() -> Timeline:
    """A flight of the evening before and three of the day, of which the last one lands after midnight."""
    midnight = pd.Timestamp("2013-06-27T00:00", tz="America/New_York").tz_convert("UTC")
    hours = {"departs": [-1.5, 7.75, 13.5, 22.75], "left": [-1, 7.75, 15.25, 23.5], "landed": [2, 9, 16.75, 26.25]}
    moments = {name: midnight + pd.to_timedelta(values, unit="h") for name, values in hours.items()}
    delays = {"dest": ["SYR", "BUF", "IAD", "ROC"], "arr_delay": [119.0, -10, 45, 212]}
    flights = pd.DataFrame({"tailnum": "N273JB", **delays, **moments})
    last_12_hours = Aggregate("tailnum", "left", "mean", "arr_delay", timedelta(hours=12), known_at="landed")
    return Timeline(flights, last_12_hours, "N273JB", "2013-06-27")


TIMELINE = a_day()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small site with two pages: one has the timeline, the other has nothing interactive."""
    source = tmp_path_factory.mktemp("interactive")
    shutil.copy(ROOT / "_config.yml", source)
    shutil.copytree(ROOT / "site", source / "site", ignore=shutil.ignore_patterns("__pycache__"))
    chapters = source / "chapters"
    chapters.mkdir()
    shutil.copy(ROOT / "chapters" / "references.bib", chapters)
    (source / "_toc.yml").write_text("format: jb-book\nroot: chapters/day\nchapters:\n- file: chapters/plain\n")
    (chapters / "plain.md").write_text("# Plain\n\nNothing here answers.\n")
    data, metadata = TIMELINE.show()._repr_mimebundle_()
    output = nbformat.v4.new_output("display_data", data, metadata=metadata)
    cells = [nbformat.v4.new_markdown_cell("# A day"), nbformat.v4.new_code_cell("timeline", outputs=[output])]
    (chapters / "day.ipynb").write_text(canonical(nbformat.v4.new_notebook(cells=cells)), encoding="utf-8")
    built = build(source, source)
    assert built.returncode == 0, built.stderr[-4000:]
    return source / "_build" / "html"


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with serve(folder) as address:
        yield address


def sentence(minute: int) -> str:
    """What the page has to say at a minute, from the aggregate itself."""
    moment = TIMELINE.minutes[minute]
    number = list(TIMELINE.states.loc[moment]).count("counts")
    count = f"{number} of 4 flights {'counts' if number == 1 else 'count'}"
    value = TIMELINE.feature[moment]
    feature = "nothing" if np.isnan(value) else f"{value:.1f} min".replace("-", "\N{MINUS SIGN}")
    return (
        f"At {moment.tz_convert('America/New_York'):%H:%M}, {count}: "
        f"the feature says {feature}; the careless average says 82.3 min."
    )


def minute_of(page: Page) -> int:
    """Where the slider stands, counted from the first minute of a prediction."""
    slider = page.locator(SLIDER)
    return int(slider.input_value()) - int(slider.get_attribute("min"))


def test_at_every_minute_it_says_what_the_aggregate_says(address: str, page: Page) -> None:
    page.goto(address + PAGE)
    said = page.locator(SLIDER).evaluate(AT_EACH_MINUTE)
    assert [text for text, _, _ in said] == [sentence(minute) for minute in range(len(TIMELINE.minutes))]
    assert [shown for _, shown, _ in said] == [text for text, _, _ in said]
    words = [[STATES[state] for state in states] for states in TIMELINE.states.to_numpy()]
    assert [row for _, _, row in said] == words


def test_it_opens_where_the_picture_was_drawn_and_takes_its_place(address: str, page: Page) -> None:
    page.goto(address + PAGE)
    expect(page.locator(".timeline output")).to_have_text(sentence(minute_of(page)))
    assert TIMELINE.minutes[minute_of(page)] == TIMELINE.most_misleading()
    expect(page.locator(".timeline img")).to_be_hidden()
    expect(page.locator(".timeline svg")).to_be_visible()


def test_the_keyboard_moves_it_by_ten_minutes_and_to_both_ends(address: str, page: Page) -> None:
    page.goto(address + PAGE)
    slider = page.get_by_role("slider", name="Time of the prediction")
    slider.focus()
    start = minute_of(page)
    moves = {"ArrowRight": 10, "ArrowUp": 20, "ArrowLeft": 10, "ArrowDown": 0}
    for key, moved in moves.items():
        page.keyboard.press(key)
        assert minute_of(page) == start + moved
    page.keyboard.press("End")
    expect(page.locator(".timeline output")).to_have_text(sentence(len(TIMELINE.minutes) - 1))
    page.keyboard.press("ArrowRight")
    assert minute_of(page) == len(TIMELINE.minutes) - 1
    page.keyboard.press("Home")
    expect(page.locator(".timeline output")).to_have_text(sentence(0))


def test_it_can_be_reached_by_the_tab_key_and_shows_where_the_focus_is(address: str, page: Page) -> None:
    page.goto(address + PAGE)
    unfocused = page.locator(SLIDER).screenshot()
    page.locator("article .copybtn").last.focus()
    page.keyboard.press("Tab")
    expect(page.locator(SLIDER)).to_be_focused()
    assert page.locator(SLIDER).screenshot() != unfocused


def test_the_sentence_is_spoken_once_by_the_slider_or_by_itself(address: str, page: Page) -> None:
    page.goto(address + PAGE)
    page.locator(SLIDER).focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".timeline output")).to_have_attribute("aria-live", "off")
    page.locator(".jumps button").first.click()
    expect(page.locator(".timeline output")).to_have_attribute("aria-live", "polite")


def test_a_button_for_each_flight_goes_to_two_hours_before_it(address: str, page: Page) -> None:
    page.goto(address + PAGE)
    group = page.get_by_role("group", name="Two hours before each departure")
    for number, clock in enumerate(("05:45", "11:30", "20:45")):
        group.get_by_role("button", name=clock).click()
        moment = TIMELINE.minutes[minute_of(page)].tz_convert("America/New_York")
        assert f"{moment:%H:%M}" == clock
        assert [b.get_attribute("aria-pressed") for b in group.get_by_role("button").all()].index("true") == number


def test_the_mouse_drags_the_time_along_the_drawing(address: str, page: Page) -> None:
    page.goto(address + PAGE)
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


def test_a_finger_moves_it_and_the_page_fits_the_phone(address: str, phone: Page) -> None:
    phone.goto(address + PAGE)
    assert phone.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    box = phone.locator(SLIDER).bounding_box()
    assert box["height"] >= 24
    phone.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert minute_of(phone) == pytest.approx((len(TIMELINE.minutes) - 1) / 2, abs=5)
    for text in phone.locator(".timeline svg text").all():
        inside = text.bounding_box()
        assert inside["x"] >= 0
        assert inside["x"] + inside["width"] <= PHONE["width"]


def test_the_thumb_stands_below_the_line_of_the_drawing(address: str, page: Page) -> None:
    page.goto(address + PAGE)
    thumb = 24  # its middle goes from the first prediction on the axis to the axis's end
    for key, end in (("Home", 0.0), ("End", 1.0)):
        page.locator(SLIDER).press(key)
        slider = page.locator(SLIDER).bounding_box()
        line = page.locator(".timeline .now").evaluate("line => line.getBoundingClientRect().x")
        assert line == pytest.approx(slider["x"] + thumb / 2 + end * (slider["width"] - thumb), abs=1)


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


def test_only_a_page_with_a_figure_loads_its_script(folder: Path) -> None:
    loaded = {name: (folder / "chapters" / f"{name}.html").read_text(encoding="utf-8") for name in ("day", "plain")}
    for asset in ("interactive.js", "timeline.js", "timeline.css"):
        assert f"_static/{asset}" in loaded["day"]
        assert f"_static/{asset}" not in loaded["plain"]
    assert (folder / "_static" / "timeline.js").read_text(encoding="utf-8").count("\n") < 150


def test_it_works_when_the_page_is_opened_from_disk(folder: Path, page: Page) -> None:
    page.goto((folder / PAGE).as_uri())
    page.locator(SLIDER).focus()
    page.keyboard.press("Home")
    expect(page.locator(".timeline output")).to_have_text(sentence(0))


def test_on_paper_the_picture_stands_in_its_place(address: str, page: Page) -> None:
    page.goto(address + PAGE)
    page.emulate_media(media="print")
    expect(page.locator(".timeline img")).to_be_visible()
    expect(page.locator(".timeline .widget")).to_be_hidden()


def test_without_script_there_are_the_picture_and_the_table(address: str, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(address + PAGE)
    expect(tab.locator(".timeline img")).to_be_visible()
    expect(tab.locator(".timeline img")).to_have_attribute("alt", TIMELINE.show().alt)
    tab.get_by_text("The same as a table").click()
    rows = [row.all_inner_texts() for row in (r.locator("td") for r in tab.locator(".timeline tbody tr").all())]
    assert rows == TIMELINE.show().interactive.table.to_numpy().tolist()
    context.close()
