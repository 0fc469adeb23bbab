"""The site's extension in small: formulas, addresses, anchors, and the texts it makes of the repository."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from mlbook_site import inputs, pages
from mlbook_site.mathml import to_mathml
from mlbook_site.web import pages_url


def test_a_formula_becomes_mathml_that_a_browser_can_parse() -> None:
    tree = ElementTree.fromstring(to_mathml(r"\frac{1}{n}\sum_{i=1}^{n} \left| y_i - \hat{y}_i \right|", "block"))
    assert tree.attrib["display"] == "block"
    assert any(element.tag.endswith("mfrac") for element in tree.iter())


@pytest.mark.parametrize(
    ("tex", "complaint"),
    [
        (r"\frac{1", "brace"),
        (r"\frac{1}", "arguments|valid"),
        (r"\nonesuch x", "unknown command"),
        (r"\begin{aligned} a &= b \end{aligned}", "not valid"),
        ("{", "not valid"),
    ],
)
def test_a_bad_formula_is_an_error_rather_than_broken_markup(tex: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        to_mathml(tex, "inline")


@pytest.mark.parametrize(
    ("repository", "address"),
    [
        ("https://github.com/Owner/name", "https://owner.github.io/name/"),
        ("https://github.com/owner/name/", "https://owner.github.io/name/"),
        ("https://github.com/owner/owner.github.io", "https://owner.github.io/"),
    ],
)
def test_the_address_of_the_site_follows_from_the_repository(repository: str, address: str) -> None:
    assert pages_url(repository) == address


@pytest.mark.parametrize("repository", ["", "github.com/a/b", "https://gitlab.com/a/b", "https://github.com/a"])
def test_another_kind_of_repository_address_is_refused_with_the_right_form(repository: str) -> None:
    with pytest.raises(ValueError, match=r"github\.com/OWNER/NAME"):
        pages_url(repository)


def test_a_second_finding_of_a_claim_gets_an_anchor_of_its_own() -> None:
    seen: set[str] = set()
    anchors = [inputs.finding_anchor(claim, seen) for claim in ("data-rules", "data-volume", "data-rules")]
    assert anchors == ["finding-data-rules", "finding-data-volume", "finding-data-rules-2"]


def test_findings_are_read_from_stored_outputs_in_order(tmp_path: Path) -> None:
    records = [{"claim": claim, "verdict": "holds", "checks": []} for claim in ("b", "a", "b")]
    outputs = [{"output_type": "execute_result", "metadata": {"finding": record}} for record in records]
    outputs.append({"output_type": "stream", "name": "stdout", "text": "no metadata here"})
    path = tmp_path / "07-leakage.ipynb"
    path.write_text(json.dumps({"cells": [{"outputs": [output]} for output in outputs] + [{"source": ""}]}))
    found = inputs.findings(path)
    assert [(f.chapter, f.anchor) for f in found] == [
        ("07-leakage", "finding-b"),
        ("07-leakage", "finding-a"),
        ("07-leakage", "finding-b-2"),
    ]


def test_a_module_of_tests_is_described_by_its_own_docstring(tmp_path: Path) -> None:
    module = tmp_path / "tests" / "unit" / "test_clock.py"
    module.parent.mkdir(parents=True)
    module.write_text(
        '"""Clocks agree,\nin UTC.\n\nMore."""\n\ndef test_a(): ...\n\nclass TestB:\n    def test_c(self): ...\n'
    )
    (found,) = inputs.test_modules(tmp_path)
    assert (found.path.as_posix(), found.summary, found.tests) == (
        "tests/unit/test_clock.py",
        "Clocks agree, in UTC.",
        2,
    )


def test_commands_are_the_functions_that_the_script_offers(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "env.py").write_text(
        '@command\ndef test_cpu():\n    """Older processor.\n\n    More."""\n\ndef helper():\n    """Not one."""\n'
    )
    assert inputs.commands(tmp_path) == [("test-cpu", "Older processor.")]


def test_lists_read_as_phrases_with_the_serial_comma() -> None:
    assert [pages.and_list(list("abc"[:n])) for n in (1, 2, 3)] == ["a", "a and b", "a, b, and c"]


def test_text_of_the_catalog_cannot_be_taken_for_markdown() -> None:
    assert pages.plain("a_b *c* $5 <x> [y](z)") == r"a\_b \*c\* \$5 \<x\> \[y\](z)".replace(r"\>", ">")


def test_a_table_cell_may_hold_a_list() -> None:
    lines = pages.list_table(("A", "B"), [("x", "- one\n- two")], "name", (1, 1))
    assert lines[-4:-1] == ["* - x", "  - - one", "    - two"]


@pytest.mark.parametrize(
    ("value", "true", "text"),
    [(1, 1, "1"), (3, 1, "**3**, not 1"), (0, None, "**0**, not missing"), (None, None, "missing")],
)
def test_what_a_library_gets_wrong_stands_out_beside_what_is_right(value, true, text) -> None:
    assert pages.said(value, true) == text


def test_a_share_of_a_librarys_time_comes_with_its_range_over_the_turns() -> None:
    once = {"library": "pandas", "ratio": 0.041}
    assert pages.share(once) == "0.04 of its time"
    assert pages.share({**once, "low": 0.03, "high": 0.2}) == "0.04 (0.03 to 0.20) of its time"
    assert pages.share({**once, "library": "mlbook"}) == ""
