"""The site in a real browser: it loads alone, fits a phone, is usable by keyboard and touch, and stays light."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, Response, expect
from served import PHONE, Site, serve

HOME = "chapters/home.html"
CHAPTER = "chapters/01-data.html"
# What axe-core finds in the theme itself: the rule, and what the element contains. Anything else fails,
# and so does an entry that no longer occurs.
KNOWN_ISSUES = {
    "region": 'class="navbar-brand logo"',  # the theme puts the book's title above its navigation, in no landmark
}


@dataclass(frozen=True)
class Visit:
    """What a first visit to a page shows of it."""

    problems: list[str]  # console errors, exceptions, failed requests, and requests to other hosts
    bytes: int  # everything it loads, compressed as a server would
    overflow: int  # pixels by which it is wider than a phone


def visit(browser: Browser, url: str) -> Visit:
    """Open a page in a browser that has nothing in its cache."""
    problems: list[str] = []
    sizes: list[int] = []
    host = urlsplit(url).netloc

    def note_request(request: Request) -> None:
        if urlsplit(request.url).scheme != "data" and urlsplit(request.url).netloc != host:
            problems.append(f"outside request: {request.url}")

    def note_response(response: Response) -> None:
        sizes.append(int(response.headers.get("content-length", 0)))
        if response.status >= 400:
            problems.append(f"{response.status} {response.url}")

    context = browser.new_context(viewport=PHONE)
    page = context.new_page()
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", note_request)
    page.on("response", note_response)
    page.goto(url, wait_until="load")
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    context.close()
    return Visit(problems, sum(sizes), overflow)


@pytest.fixture(scope="module")
def visits(site: Site, browser: Browser) -> dict[str, Visit]:
    """A visit to each page; the one at the root only leads on."""
    return {name: visit(browser, site.address + name) for name in site.pages if name != "index.html"}


def axe_findings(page: Page, *rules: str, without: Sequence[str] = ()) -> dict[str, list[str]]:
    """What axe-core finds wrong on the open page, by rule, as HTML.

    Without `rules`, by all of its usual ones, but for those in `without`.
    """
    usual = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
    options: dict[str, Any] = {"runOnly": list(rules) or usual, "resultTypes": ["violations"]}
    if without:
        options["rules"] = {rule: {"enabled": False} for rule in without}
    violations = Axe().run(page, options=options).response["violations"]
    return {v["id"]: [node["html"] for node in v["nodes"]] for v in violations}


def test_every_page_loads_without_an_error_or_a_request_to_another_host(visits: dict[str, Visit]) -> None:
    assert {name: seen.problems for name, seen in visits.items() if seen.problems} == {}


def test_no_page_scrolls_sideways_on_a_phone(visits: dict[str, Visit]) -> None:
    assert {name: seen.overflow for name, seen in visits.items() if seen.overflow > 0} == {}


def test_home_and_chapters_stay_under_500_kb_on_the_wire_and_every_page_under_1500(
    site: Site, visits: dict[str, Visit]
) -> None:
    limits = {name: 500_000 if name in (HOME, *site.chapters) else 1_500_000 for name in visits}
    assert {name: seen.bytes for name, seen in visits.items() if not 0 < seen.bytes < limits[name]} == {}


def test_a_visit_notices_errors_other_hosts_missing_files_weight_and_width(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "heavy.png").write_bytes(bytes(600_000))
    (tmp_path / "bad.html").write_text(
        '<img src="heavy.png"><img src="http://127.0.0.1:9/x.png"><script src="gone.js"></script>'
        '<script>console.error("loud")</script><div style="width: 900px">wide</div>'
    )
    with serve(tmp_path) as address:
        seen = visit(browser, address + "bad.html")
    assert seen.bytes > 600_000
    assert seen.overflow > 400
    for sign in ("outside request: http://127.0.0.1:9/x.png", "404", "loud"):
        assert sign in " ".join(seen.problems)


def test_axe_finds_nothing_but_the_known_issues_of_the_theme(site: Site, page: Page) -> None:
    unknown, seen = [], set()
    # Letters look the same in all chapters, and are so many that comparing their colors takes longer than all the rest.
    colors = ["color-contrast", "link-in-text-block"]
    for name in sorted(set(site.pages) - {"index.html"}):
        page.goto(site.address + name)
        skipped = colors if name in site.chapters and name != CHAPTER else []
        for rule, elements in axe_findings(page, without=skipped).items():
            for element in elements:
                if KNOWN_ISSUES.get(rule, "\0") in element:
                    seen.add(rule)
                else:
                    unknown.append(f"{name}: {rule}: {element[:200]}")
    assert unknown == []
    assert seen == set(KNOWN_ISSUES)


def test_letters_stand_out_in_the_dark_too(site: Site, browser: Browser) -> None:
    # Without motion: a color on its way from light to dark is neither.
    context = browser.new_context(color_scheme="dark", reduced_motion="reduce", viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    for name in (HOME, CHAPTER, "chapters/findings.html", "chapters/glossary.html", "search.html"):
        tab.goto(site.address + name)
        assert tab.evaluate("document.documentElement.dataset.theme") == "dark"
        assert axe_findings(tab, "color-contrast") == {}, name
    context.close()


def test_axe_notices_an_image_without_text_and_faint_letters(page: Page) -> None:
    page.set_content('<main><h1>x</h1><img src="data:,"><p style="color: #ccc; background: #fff">faint</p></main>')
    assert {"image-alt", "color-contrast"} <= set(axe_findings(page))


def test_search_finds_the_chapter(site: Site, page: Page) -> None:
    page.goto(site.address + "search.html?q=dispatcher")
    expect(page.locator(f"#search-results a[href*='{Path(CHAPTER).name}']").first).to_be_visible()


def test_there_is_one_search_field_in_the_sidebar_and_it_opens_by_keyboard(site: Site, page: Page) -> None:
    page.goto(site.address + HOME)
    expect(page.locator(".search-button-field:visible")).to_have_count(1)
    page.keyboard.press("Control+k")
    expect(page.locator("#pst-search-dialog input[type=search]")).to_be_focused()


def test_the_theme_switch_goes_through_the_modes_and_is_remembered(site: Site, page: Page) -> None:
    page.goto(site.address + HOME)
    background = "getComputedStyle(document.body).backgroundColor"
    seen = {}
    for _ in range(3):
        page.locator(".theme-switch-button:visible").first.click()
        seen[page.evaluate("document.documentElement.dataset.mode")] = page.evaluate(background)
    assert set(seen) == {"light", "dark", "auto"}
    assert seen["light"] != seen["dark"]
    mode = page.evaluate("document.documentElement.dataset.mode")
    page.goto(site.address + CHAPTER)
    assert page.evaluate("document.documentElement.dataset.mode") == mode


def defined_link(page: Page) -> tuple[str, str]:
    """Selectors of the page's first link with a definition, and of that definition."""
    link = page.locator("article a.defined").first
    link.scroll_into_view_if_needed()
    return f"article a.defined[href='{link.get_attribute('href')}']", f"#{link.get_attribute('aria-describedby')}"


def test_a_definition_opens_on_keyboard_focus_and_closes_on_escape(site: Site, page: Page) -> None:
    page.goto(site.address + CHAPTER)
    link, definition = defined_link(page)
    page.keyboard.press("Tab")  # from here on, focus counts as the keyboard's
    page.locator(link).first.focus()
    expect(page.locator(definition)).to_be_visible()
    assert page.locator(definition).bounding_box()["y"] >= 0
    page.keyboard.press("Escape")
    expect(page.locator(definition)).to_be_hidden()
    expect(page.locator(link).first).to_be_focused()


def test_a_definition_opens_on_hover_and_stays_while_the_mouse_is_on_it(site: Site, page: Page) -> None:
    page.goto(site.address + CHAPTER)
    link, definition = defined_link(page)
    page.locator(link).first.hover()
    expect(page.locator(definition)).to_be_visible()
    page.locator(definition).hover()
    page.wait_for_timeout(400)
    expect(page.locator(definition)).to_be_visible()
    page.mouse.move(5, 5)
    expect(page.locator(definition)).to_be_hidden()


def test_a_tap_opens_the_definition_on_the_screen_and_its_link_leads_to_the_entry(site: Site, phone: Page) -> None:
    phone.goto(site.address + CHAPTER)
    link, definition = defined_link(phone)
    phone.locator(link).first.tap()
    expect(phone.locator(definition)).to_be_visible()
    box = phone.locator(definition).bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    phone.locator(definition).get_by_role("link").tap()
    phone.wait_for_url("**/glossary.html#term-*")


@pytest.fixture
def scriptless(browser: Browser):
    context = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_without_script_definitions_are_links_and_folds_open(site: Site, scriptless: Page) -> None:
    scriptless.goto(site.address + CHAPTER)
    fold = scriptless.locator("article details").first
    fold.locator("summary").click()
    expect(fold.locator("> :not(summary)").first).to_be_visible()
    expect(scriptless.locator(".definition").first).to_be_hidden()
    scriptless.locator("article a[href^='glossary.html#term-']").first.click()
    assert "glossary.html#term-" in scriptless.url


def test_a_lost_visitor_gets_a_page_that_looks_like_the_book(site: Site, page: Page) -> None:
    response = page.goto(site.address + "chapters/there-is/no-such-page.html")
    assert response is not None
    assert response.status == 404
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    page.get_by_role("link", name="Findings", exact=True).click()
    expect(page).to_have_title(re.compile("Findings"))


def test_code_can_be_copied_and_output_is_not_offered(site: Site, page: Page) -> None:
    page.goto(site.address + CHAPTER)
    assert page.locator(".cell_input button.copybtn").count() > 0
    assert page.locator(".cell_output .output button.copybtn").count() == 0
