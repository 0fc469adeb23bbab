"""Addresses, metadata, and what a page loads."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError

_DESCRIPTION_LENGTH = 200
# Files of the theme that no page loads: icons are CSS here, and `templates/` leaves their script out.
_UNUSED = (
    "*.html",
    "locales/**/*",
    "scripts/*.map",
    "scripts/fontawesome.js*",
    "styles/*.map",
    "vendor/fontawesome/**/*",
)


def pages_url(repository: str) -> str:
    """The address of the GitHub Pages site that belongs to a repository.

    Raises
    ------
    ValueError
        If `repository` is not of the form https://github.com/OWNER/NAME.
    """
    match = re.fullmatch(r"https://github\.com/([\w.-]+)/([\w.-]+?)/?", repository)
    if not match:
        raise ValueError(f"repository.url is {repository!r}; write it as https://github.com/OWNER/NAME")
    owner, name = match[1].lower(), match[2]
    host = f"{owner}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def _derive_addresses(app: Sphinx, config: Config) -> None:
    """Everything that depends on where the book lives follows from `repository.url` in _config.yml."""
    try:
        config.html_baseurl = pages_url(config.html_theme_options["repository_url"])
    except ValueError as error:
        raise ConfigError(str(error)) from error
    config.notfound_urls_prefix = urlsplit(config.html_baseurl).path


def _describe(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Metadata for search engines and for the card that a shared link shows."""
    if doctree is None:
        return
    description = page_description(doctree)
    tags = {
        "og:type": "website",
        "og:site_name": app.config.html_title,
        "og:title": app.env.titles[pagename].astext(),
        "og:description": description,
        "og:url": app.config.html_baseurl + app.builder.get_target_uri(pagename),
        "og:image": app.config.html_baseurl + "_static/card.png",
        "og:image:alt": app.config.book_card_alt,
    }
    context["metatags"] += "".join(f'<meta property="{k}" content="{escape(v)}" />\n' for k, v in tags.items())
    context["metatags"] += f'<meta name="description" content="{escape(description)}" />\n'
    context["metatags"] += '<meta name="twitter:card" content="summary_large_image" />\n'


def page_description(doctree: nodes.document) -> str:
    """The beginning of the page's first paragraphs, cut at a word."""
    text = " ".join(
        " ".join(paragraph.astext().split())
        for paragraph in doctree.findall(nodes.paragraph)
        if isinstance(paragraph.parent, nodes.section)
    )
    if len(text) <= _DESCRIPTION_LENGTH:
        return text
    return text[:_DESCRIPTION_LENGTH].rsplit(" ", 1)[0] + " …"


def _write_entrances(app: Sphinx, exception: Exception | None) -> None:
    """The page at the site's root leads to the home page; the sitemap lists all pages."""
    if exception:
        return
    out, base = Path(app.outdir), app.config.html_baseurl
    home = app.builder.get_target_uri(app.config.root_doc)
    title = escape(app.config.html_title)
    description = escape(page_description(app.env.get_doctree(app.config.root_doc)))
    (out / "index.html").write_text(
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f'<meta http-equiv="refresh" content="0; url={home}">\n<link rel="canonical" href="{base}{home}">\n'
        f'<meta name="description" content="{description}">\n<meta property="og:title" content="{title}">\n'
        f'<meta property="og:description" content="{description}">\n<meta property="og:url" content="{base}">\n'
        f'<meta property="og:image" content="{base}_static/card.png">\n'
        f'</head>\n<body>\n<p><a href="{home}">{title}</a></p>\n</body>\n</html>\n',
        encoding="utf-8",
    )
    uris = (app.builder.get_target_uri(page) for page in sorted(app.env.all_docs))
    locations = "".join(f"<url><loc>{base}{uri}</loc></url>\n" for uri in uris)
    (out / "sitemap.xml").write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        f"{locations}</urlset>\n",
        encoding="utf-8",
    )


def _drop_unused(app: Sphinx, exception: Exception | None) -> None:
    for pattern in _UNUSED:
        for path in (Path(app.outdir) / "_static").glob(pattern):
            if path.is_file():
                path.unlink()


def setup(app: Sphinx) -> None:
    """Derive addresses once the configuration is read; complete pages and the site as they are written."""
    here = Path(__file__).resolve().parent.parent
    app.add_config_value("book_card_alt", "", "html")
    app.add_config_value("comments_config", {}, "html")  # jupyter-book sets it, with or without comments
    app.connect("config-inited", _derive_addresses)
    app.connect("html-page-context", _describe)
    app.connect("build-finished", _write_entrances, priority=400)  # before the table of contents writes its own
    app.connect("build-finished", _drop_unused)
    app.connect("builder-inited", lambda app: app.config.html_static_path.append(str(here / "static")))
    app.config.templates_path.append(str(here / "templates"))
    app.add_css_file("book.css", priority=900)
    app.add_js_file("book.js", loading_method="defer")
