"""The built pages as files: links and anchors resolve, figures keep their text, and metadata is complete."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest
from bs4 import BeautifulSoup
from mlbook_site import inputs
from served import PUBLISHED, REPOSITORY, ROOT, Site, build

# Pages that the theme makes; they have no source of their own.
MADE = {"index.html", "search.html", "404.html"}


@cache
def soup(path: Path) -> BeautifulSoup:
    """A page, to read only: it is parsed once."""
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def broken_links(folder: Path) -> list[str]:
    """Every internal link or anchor of the pages in `folder` that leads nowhere."""
    pages = {path.resolve(): soup(path) for path in folder.rglob("*.html") if path.name != "404.html"}
    anchors = {path: {tag["id"] for tag in page.find_all(id=True)} for path, page in pages.items()}
    broken = []
    for path, page in pages.items():
        for link in page.find_all("a", href=True):
            url = urlsplit(link["href"])
            if url.scheme or url.netloc or not (url.path or url.fragment):
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            missing_anchor = url.fragment and target in anchors and unquote(url.fragment) not in anchors[target]
            if not target.exists() or missing_anchor:
                broken.append(f"{path.name}: {link['href']}")
    return broken


def stored_alts(notebook: Path) -> list[str]:
    """The alternative texts of the figures stored in a notebook, in order."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return [o["metadata"]["image/png"]["alt"] for o in outputs if "image/png" in o.get("data", {})]


def shown_alts(page: BeautifulSoup) -> list[str | None]:
    """The alternative texts of the figures on a page, in order."""
    return [image.get("alt") for image in page.select(".cell_output img")]


def test_every_link_and_anchor_inside_the_site_resolves(site: Site) -> None:
    assert broken_links(site.folder) == []


def test_a_broken_page_and_a_broken_anchor_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<a href="b.html#here">1</a><a href="b.html#gone">2</a><a href="c.html">3</a>')
    (tmp_path / "b.html").write_text('<p id="here"></p><a href="https://example.org/x">4</a>')
    assert broken_links(tmp_path) == ["a.html: b.html#gone", "a.html: c.html"]


def test_every_figure_shows_the_alternative_text_that_is_stored_with_it(site: Site) -> None:
    for name in site.chapters:
        alts = shown_alts(soup(site.folder / name))
        assert alts == stored_alts(ROOT / "chapters" / f"{Path(name).stem}.ipynb")
        assert all(20 <= len(alt.split()) <= 60 for alt in alts if alt is not None)


def test_a_figure_without_alternative_text_is_noticed() -> None:
    page = BeautifulSoup('<div class="cell_output"><img src="x.png"></div>', "html.parser")
    assert shown_alts(page) == [None]


def test_every_stored_finding_has_its_anchor_and_is_linked_from_the_findings_page(site: Site) -> None:
    ledger = {link["href"] for link in soup(site.folder / "chapters/findings.html").select("a.verdict")}
    for name in site.chapters:
        chapter = Path(name).stem
        page = soup(site.folder / name)
        for finding in inputs.findings(ROOT / "chapters" / f"{chapter}.ipynb"):
            block = page.find(id=finding.anchor)
            assert block.select_one(".verdict").text == finding.verdict
            assert f"{chapter}.html#{finding.anchor}" in ledger


def test_the_findings_page_has_one_row_for_every_claim(site: Site) -> None:
    rows = soup(site.folder / "chapters/findings.html").select("table.findings tbody tr")
    claims = inputs.claims(ROOT)
    assert len(rows) == len(claims)
    for row, claim in zip(rows, claims, strict=True):
        assert row.select_one(".systems").text == ", ".join(claim["systems"])
        assert row.select(".verdict")


def test_untested_claims_say_so_and_name_their_chapter(site: Site) -> None:
    for row in soup(site.folder / "chapters/findings.html").select("table.findings tbody tr:has(.untested)"):
        assert row.select_one(".untested").text == "not yet tested"
        assert "Planned for chapter" in row.text


def test_the_launch_button_of_each_chapter_opens_its_notebook_on_binder(site: Site) -> None:
    for name in site.chapters:
        notebook = f"{Path(name).stem}.ipynb"
        links = [a["href"] for a in soup(site.folder / name).select(".dropdown-launch-buttons a")]
        address = REPOSITORY.replace("https://github.com", "https://mybinder.org/v2/gh") + "/main"
        assert links == [f"{address}?urlpath=lab/tree/chapters/{notebook}"]


def test_the_picture_on_the_home_page_links_to_every_chapter_and_shows_all_parts(site: Site) -> None:
    picture = soup(site.folder / "chapters/home.html").select_one("ol.pipeline")
    parts = [part.text for part in picture.select("li strong")]
    assert parts == list(dict.fromkeys(claim["part"] for claim in inputs.claims(ROOT)))
    assert [f"chapters/{a['href']}" for a in picture.select("a")] == site.chapters
    assert all(stage.select("a, .planned") for stage in picture.select("li"))


def test_every_page_says_what_it_is_to_those_who_link_to_it(site: Site) -> None:
    for name in set(site.pages) - MADE:
        page = soup(site.folder / name)
        meta = {tag.get("property") or tag.get("name"): tag.get("content") for tag in page.find_all("meta")}
        assert meta["og:url"] == PUBLISHED + name
        assert len(meta["description"]) >= 40
        assert meta["og:title"]
        assert (site.folder / meta["og:image"].removeprefix(PUBLISHED)).is_file()


def test_the_sitemap_lists_the_pages_and_the_root_leads_home(site: Site) -> None:
    locations = [loc.text for loc in ElementTree.parse(site.folder / "sitemap.xml").iter() if loc.tag.endswith("loc")]
    assert locations == [PUBLISHED + page for page in site.pages if page not in MADE]
    refresh = soup(site.folder / "index.html").find("meta", attrs={"http-equiv": "refresh"})
    assert refresh["content"] == "0; url=chapters/home.html"


def test_nothing_that_no_page_loads_is_published(site: Site) -> None:
    heavy = [path.name for path in site.folder.rglob("*") if path.is_file() and path.stat().st_size > 1_000_000]
    assert heavy == []
    assert not list(site.folder.rglob("fontawesome*.js"))


@pytest.fixture(scope="module")
def faulty_build(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a build says of a copy of the book into which one fault of each kind was planted."""
    source = tmp_path_factory.mktemp("faulty")
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(ROOT / name, source)
    for name in (inputs.CLAIMS, inputs.CATALOG, inputs.COMMANDS):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    shutil.copytree(ROOT / "site", source / "site", ignore=shutil.ignore_patterns("__pycache__"))
    (source / "chapters").mkdir()
    for path in (*(ROOT / "chapters").glob("*.md"), *(ROOT / "chapters").glob("*.bib")):
        shutil.copy(path, source / "chapters")
    (source / "tests").mkdir()
    (source / "tests" / "test_silent.py").write_text("def test_nothing():\n    pass\n")
    text = "# Data\n\n[x](glossary.md#term-nonesuch) [y](bibliography.md#nobody1999) $\\frac{1$ and $\\nonesuch$\n"
    figure = {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo="}, "metadata": {}}
    code = {"cell_type": "code", "id": "b", "metadata": {}, "source": "1", "execution_count": 1, "outputs": [figure]}
    widget = {"data": {}, "table": {"columns": ["a"], "rows": [["1"]]}}
    lost = {**figure, "data": {"application/vnd.mlbook.nonesuch+json": widget}}
    cells = [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": text},
        code,
        {**code, "id": "c", "outputs": [lost]},
    ]
    kernel = {"kernelspec": {"name": "python3"}, "language_info": {"name": "python"}}
    notebook = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (source / "chapters" / "01-data.ipynb").write_text(json.dumps(notebook))
    built = build(source, source)
    assert built.returncode != 0
    return built.stdout + built.stderr


@pytest.mark.parametrize(
    "complaint",
    [
        "local id not found in doc 'chapters/glossary': 'term-nonesuch'",
        "local id not found in doc 'chapters/bibliography': 'nobody1999'",
        "the figure of cell 2 has no alternative text",
        "cell 3 holds data for the widget 'nonesuch', but there is no nonesuch.js",
        "an opening or closing brace is missing",
        r"unknown command \nonesuch",
        "lists chapter 01-data for claim data-rules, but no output there is a finding of it",
        "benchmarks/chapters.json is missing",
        "test_silent.py has no docstring",
    ],
)
def test_the_build_fails_on_a_planted_fault_and_names_it(faulty_build: str, complaint: str) -> None:
    assert complaint in " ".join(faulty_build.split())
