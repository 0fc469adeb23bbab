"""The Sphinx extension behind the book's site: what MyST-NB and the theme do not do by themselves.

`inputs` reads the repository (claims, findings, catalog, measurements), `pages` turns it into the
generated parts of pages, `notebooks` renders figures and findings, `links` makes glossary entries and
references linkable and shows them on hover, `mathml` renders formulas, and `web` settles addresses,
metadata, and what a page loads.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zlib import crc32

from sphinx.application import Sphinx

from mlbook_site import links, mathml, notebooks, pages, web


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect every part of the extension."""
    for part in (web, mathml, notebooks, links, pages):
        part.setup(app)
    source = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    return {
        "version": "1",
        "env_version": crc32(source),  # a changed extension makes Sphinx read all pages again
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
