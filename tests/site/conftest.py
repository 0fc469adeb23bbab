"""The built site, served on loopback, and a browser to look at it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from served import PHONE, ROOT, Site, build, serve

_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site, built once; MLBOOK_SITE names a folder with one that was built already."""
    if os.environ.get("MLBOOK_SITE"):
        folder = Path(os.environ["MLBOOK_SITE"]).resolve()
    else:
        output = tmp_path_factory.mktemp("site")
        built = build(ROOT, output)
        assert built.returncode == 0, built.stderr[-4000:]
        folder = output / "_build" / "html"
    with serve(folder) as address:
        yield Site(folder, address)


@pytest.fixture(scope="session")
def widget_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A small site with the interactive figures, built once, and only where a test asks for it."""
    # Imported only here: it loads mlbook, for which the site's other tests need not wait.
    from widgets import build_widget_site

    folder = build_widget_site(tmp_path_factory.mktemp("widgets"))
    with serve(folder) as address:
        yield Site(folder, address)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium; without one, the test is skipped, or fails where MLBOOK_REQUIRE_BROWSER=1."""
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        message = f"no browser here: none of {', '.join(names)} is on the PATH"
        if os.environ.get("MLBOOK_REQUIRE_BROWSER") == "1":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh tab at the size of a laptop."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A fresh tab on a phone with a touch screen."""
    context = browser.new_context(viewport=PHONE, is_mobile=True, has_touch=True)
    yield context.new_page()
    context.close()
