"""What holds for every interactive figure in a real browser: on screen, on paper, on a phone, and without scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect
from served import PHONE, Site
from test_browser import axe_findings, visit
from widgets import CELLS, PLAIN, WIDGETS, Widget

SLIDERS = ".interactive input[type=range]"
SETTINGS = "sliders => sliders.map(slider => slider.value - slider.min)"
# The left and right edge of each thing that is written in a figure.
EDGES = "all => all.map(one => one.getBoundingClientRect()).map(({ left, right }) => [left, right])"
WIDER_THAN_SCREEN = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(params=WIDGETS, ids=lambda widget: widget.name)
def widget(request: pytest.FixtureRequest) -> Widget:
    """Each of the interactive figures."""
    return request.param


def test_it_takes_the_place_of_its_picture_as_drawn_there_but_not_on_paper(
    widget_site: Site, page: Page, widget: Widget
) -> None:
    page.goto(widget_site.address + widget.page)
    assert page.locator(SLIDERS).evaluate_all(SETTINGS) == widget.opens_at
    expect(page.locator(".interactive output")).to_have_text(widget.opening)
    picture, drawing = page.locator(".interactive img"), page.locator(".interactive .widget")
    expect(picture).to_be_hidden()
    expect(drawing).to_be_visible()
    page.emulate_media(media="print")
    expect(picture).to_be_visible()
    expect(drawing).to_be_hidden()


def test_it_can_be_reached_by_the_tab_key_and_shows_where_the_focus_is(
    widget_site: Site, page: Page, widget: Widget
) -> None:
    page.goto(widget_site.address + widget.page)
    slider = page.locator(SLIDERS).first
    around = slider.locator("..")  # a ring may stand outside of the slider
    unfocused = around.screenshot()
    page.locator("article .copybtn").last.focus()
    page.keyboard.press("Tab")
    expect(slider).to_be_focused()
    assert around.screenshot() != unfocused


def test_a_finger_moves_it_and_the_page_fits_the_phone(widget_site: Site, phone: Page, widget: Widget) -> None:
    phone.goto(widget_site.address + widget.page)
    assert phone.evaluate(WIDER_THAN_SCREEN) <= 0
    edges = phone.locator(".widget").locator("output, label, svg text").evaluate_all(EDGES)
    assert [(left, right) for left, right in edges if left < 0 or right > PHONE["width"]] == []
    boxes = [slider.bounding_box() for slider in phone.locator(SLIDERS).all()]
    assert min(box["height"] for box in boxes) >= 24
    phone.touchscreen.tap(boxes[0]["x"] + boxes[0]["width"] - 4, boxes[0]["y"] + boxes[0]["height"] / 2)
    expect(phone.locator(".interactive output")).to_have_text(widget.at_the_end)


def test_axe_finds_nothing_in_it_light_or_dark(widget_site: Site, browser: Browser, widget: Widget) -> None:
    context = browser.new_context(reduced_motion="reduce", viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    tab.goto(widget_site.address + widget.page)
    tab.locator(".interactive summary").click()
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        expect(tab.locator("html")).to_have_attribute("data-theme", scheme)
        found = [html for elements in axe_findings(tab).values() for html in elements]
        # What remains is the theme's own, known to test_browser.
        assert [html for html in found if "navbar-brand" not in html] == [], scheme
    context.close()


def test_the_page_asks_no_other_host_for_anything_and_raises_no_error(
    widget_site: Site, browser: Browser, widget: Widget
) -> None:
    seen = visit(browser, widget_site.address + widget.page)
    assert seen.problems == []
    assert seen.overflow <= 0


def test_only_a_page_with_the_figure_loads_its_script_and_styles(widget_site: Site, widget: Widget) -> None:
    names = [PLAIN, *(each.page for each in WIDGETS)]
    pages = {name: (widget_site.folder / name).read_text(encoding="utf-8") for name in names}
    for asset in (f"{widget.name}.js", f"{widget.name}.css"):
        assert [name for name, html in pages.items() if f"_static/{asset}" in html] == [widget.page]
    assert "_static/interactive.js" in pages[widget.page]
    assert "_static/interactive.js" not in pages[PLAIN]


def test_its_script_and_styles_are_few(widget_site: Site, widget: Widget) -> None:
    script, styles = (widget_site.folder / "_static" / f"{widget.name}.{kind}" for kind in ("js", "css"))
    assert script.stat().st_size + styles.stat().st_size < widget.bytes
    assert script.read_text(encoding="utf-8").count("\n") < 150


def test_it_works_when_the_page_is_opened_from_disk(widget_site: Site, page: Page, widget: Widget) -> None:
    page.goto((widget_site.folder / widget.page).as_uri())
    page.locator(SLIDERS).first.press("End")
    expect(page.locator(".interactive output")).to_have_text(widget.at_the_end)


def test_without_script_there_are_the_picture_and_the_table(
    widget_site: Site, browser: Browser, widget: Widget
) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(widget_site.address + widget.page)
    picture = tab.locator(f".{widget.name} img")
    expect(picture).to_be_visible()
    expect(picture).to_have_attribute("alt", widget.figure.alt)
    tab.get_by_text("The same as a table").click()
    table = tab.locator(f".{widget.name} table")
    expect(table).to_be_visible()
    assert table.locator("tbody tr").evaluate_all(CELLS) == widget.figure.interactive.content["table"]["rows"]
    context.close()
