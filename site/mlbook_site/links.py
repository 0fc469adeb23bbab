"""Plain Markdown links to glossary entries, references, and findings work, and show what they lead to.

`[as-of join](glossary.md#term-as-of-join)` reads well in JupyterLab and on GitHub, where a Sphinx role
would show as noise. MyST resolves such links to headings only, so every explicit target of a page is
registered with it here. A page that links to a definition carries the definition in a native popover;
`book.js` opens it on hover and focus. Without the script, the link is a link.
"""

from __future__ import annotations

from html import escape
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

GLOSSARY = "chapters/glossary"
BIBLIOGRAPHY = "chapters/bibliography"


def _register_targets(app: Sphinx, doctree: nodes.document) -> None:
    slugs: dict[str, Any] = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
    for target in doctree.ids:
        for name in (target, target.lower()):  # term-UTC can be linked as term-utc, as headings are
            slugs.setdefault(name, (0, target, target))


def _collect_definitions(app: Sphinx, doctree: nodes.document) -> None:
    entries = app.env.metadata[app.env.docname].setdefault("definitions", {})
    for glossary in doctree.findall(addnodes.glossary):
        for item in glossary.findall(nodes.definition_list_item):
            text = item.next_node(nodes.definition).astext()
            for term in item.findall(nodes.term):
                entries |= dict.fromkeys(term["ids"], text)


def _depend_on_definitions(app: Sphinx, doctree: nodes.document) -> None:
    """A page that shows definitions is written anew when they change."""
    for link in doctree.findall(addnodes.pending_xref):
        if link.get("reftarget") in (GLOSSARY, BIBLIOGRAPHY):
            app.env.note_dependency(app.env.doc2path(link["reftarget"]))


def definitions(env: BuildEnvironment) -> dict[str, dict[str, str]]:
    """By page, then by anchor: the plain text of each glossary entry and reference."""
    references = {
        citation.citation_id: citation.formatted_entry.text.render_as("text")
        for citation in env.get_domain("cite").citations
    }
    return {GLOSSARY: env.metadata[GLOSSARY].get("definitions", {}), BIBLIOGRAPHY: references}


def _append_popovers(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    texts = definitions(app.env)
    for page, more in ((GLOSSARY, "Open the glossary"), (BIBLIOGRAPHY, "Open the bibliography")):
        if page == docname:
            continue
        uri = app.builder.get_relative_uri(docname, page)
        links = {link["refuri"] for link in doctree.findall(nodes.reference) if "refuri" in link}
        anchors = sorted(link.removeprefix(uri + "#") for link in links if link.startswith(uri + "#"))
        for anchor in anchors:
            if anchor in texts[page]:
                doctree += nodes.raw("", _popover(anchor, texts[page][anchor], f"{uri}#{anchor}", more), format="html")


def _popover(anchor: str, text: str, uri: str, more: str) -> str:
    return (
        f'<div popover class="definition" id="definition-{escape(anchor)}" data-for="{escape(uri)}">'
        f'<p>{escape(text)}</p><p class="definition-more"><a href="{escape(uri)}">{more}</a></p></div>\n'
    )


def setup(app: Sphinx) -> None:
    """Register targets and definitions as pages are read, and add the popovers as they are written."""
    app.connect("doctree-read", _register_targets)
    app.connect("doctree-read", _collect_definitions)
    app.connect("doctree-read", _depend_on_definitions)
    app.connect("doctree-resolved", _append_popovers)
