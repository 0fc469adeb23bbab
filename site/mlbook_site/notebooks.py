"""How cells and their stored outputs are rendered: figures with their text, findings as blocks, widgets as such."""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path
from typing import Any

import myst_nb.sphinx_
from docutils import nodes
from myst_nb.core.render import MimeData, NbElementRenderer
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

from mlbook_site import inputs

_STATIC = Path(__file__).resolve().parent.parent / "static"
_WIDGET = re.compile(r"application/vnd\.mlbook\.([a-z-]+)\+json")
_PROMPTS = {
    "all": ("Show the solution", "Hide the solution"),
    "input": ("Show the code", "Hide the code"),
}


class BookRenderer(NbElementRenderer):
    """MyST-NB's renderer, which also reads the metadata that the book's helpers put on their outputs."""

    def render_image(self, data: MimeData) -> list[nodes.Element]:
        """An image with the alternative text of its output; one without is a warning, so the build fails."""
        images = super().render_image(data)
        alt = data.output_metadata.get(data.mime_type, {}).get("alt", "").strip()
        if not alt:
            message = f"the figure of cell {data.cell_index + 1} has no alternative text: show it with mlbook's helper"
            self.logger.warning(message, subtype="image", line=data.line)
        for image in images:
            image["alt"] = alt
        return images

    def render_text_html(self, data: MimeData) -> list[nodes.Element]:
        """A DataFrame without the heading that heads nothing, above its index: screen readers stumble over it."""
        data.content = data.string.replace("<th></th>", "<td></td>")
        return super().render_text_html(data)

    def render_unhandled(self, data: MimeData) -> list[nodes.Element]:
        """What an interactive figure has beside its picture: the data for its script, and the same as a table."""
        match = _WIDGET.fullmatch(data.mime_type)
        if not match:
            return super().render_unhandled(data)
        widget = match[1]
        if not (_STATIC / f"{widget}.js").is_file():
            message = f"cell {data.cell_index + 1} holds data for the widget {widget!r}, but there is no {widget}.js"
            self.logger.warning(message, subtype="widget", line=data.line)
        return [nodes.raw("", _widget_html(widget, data.content), format="html", widget=widget)]

    def render_markdown(self, data: MimeData) -> list[nodes.Element]:
        """A finding becomes a block with an anchor; other Markdown is rendered as usual."""
        if "finding" not in data.output_metadata:
            return super().render_markdown(data)
        return [self._finding(data.output_metadata["finding"])]

    def _finding(self, finding: dict[str, Any]) -> nodes.Element:
        document, env = self.renderer.document, self.renderer.sphinx_env
        root = Path(env.srcdir)
        env.note_dependency(str(root / inputs.CLAIMS))
        claim = next(c["text"] for c in inputs.claims(root) if c["id"] == finding["claim"])
        anchor = inputs.finding_anchor(finding["claim"], document.attributes.setdefault("finding_anchors", set()))
        block = nodes.container(ids=[anchor], classes=["finding", verdict_class(finding["verdict"])])
        document.note_explicit_target(block, block)
        block += nodes.raw("", _finding_html(finding, claim, anchor), format="html")
        return block


def verdict_class(verdict: str) -> str:
    """The CSS class of a verdict: "holds in part" is styled by .holds-in-part."""
    return verdict.replace(" ", "-")


def _finding_html(finding: dict[str, Any], text: str, anchor: str) -> str:
    checks = "".join(
        f"<tr><td>{escape(c['statement'])}</td><td>{escape(c['effect'])}</td><td>{escape(c['over'])}</td>"
        f"<td>{c['outcome']}</td></tr>"
        for c in finding["checks"]
    )
    claim = escape(finding["claim"])
    verdict = escape(finding["verdict"])
    note = f'<p class="finding-note">{escape(finding["note"])}</p>' if finding["note"] else ""
    return (
        f'<p class="finding-head"><span class="verdict {verdict_class(verdict)}">{verdict}</span> '
        f'<span class="finding-name">Finding <code>{claim}</code></span>'
        f'<a class="headerlink" href="#{anchor}" title="Link to this finding">#</a></p>'
        f'<p class="finding-claim">{escape(text)}</p>'
        f'<div class="table-scroll" tabindex="0" role="group" aria-label="Evidence for {claim}"><table class="checks">'
        "<thead><tr><th>What the claim needs</th><th>Effect [95 % interval]</th><th>Over</th><th>Outcome</th></tr>"
        f"</thead><tbody>{checks}</tbody></table></div>"
        f'{note}<p class="finding-source">{escape(finding["source"])}</p>'
    )


def _widget_html(widget: str, content: dict[str, Any]) -> str:
    """The data, where the widget's script finds it, and the table, which needs no script."""
    data = json.dumps(content["data"], ensure_ascii=False).replace("<", "\\u003c")
    head = "".join(f"<th>{escape(name)}</th>" for name in content["table"]["columns"])
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(value)}</td>' for value in row)}</tr>" for row in content["table"]["rows"]
    )
    return (
        f'<script type="application/json" data-widget="{widget}">{data}</script>'
        "<details><summary>The same as a table</summary>"
        '<div class="table-scroll" tabindex="0" role="group" aria-label="The figure as a table">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></details>"
    )


def _join_interactive(app: Sphinx, doctree: nodes.document) -> None:
    """Put the data of an interactive figure with its picture, of which the site would otherwise choose one."""
    for raw in list(doctree.findall(lambda node: isinstance(node, nodes.raw) and "widget" in node)):
        form = raw.parent
        picture = next((other for other in form.parent if other.get("mime_type") == "image/png"), None)
        form.parent.remove(form)
        if picture is not None:
            picture.children = [nodes.container("", *picture.children, raw, classes=["interactive", raw["widget"]])]


def _load_scripts(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """A page with interactive figures loads their scripts and styles; others do not."""
    raws = doctree.findall(nodes.raw) if doctree else ()
    if widgets := {raw["widget"] for raw in raws if "widget" in raw}:
        for name in ("interactive", *sorted(widgets)):
            app.add_js_file(f"{name}.js", loading_method="defer")
            if (_STATIC / f"{name}.css").is_file():
                app.add_css_file(f"{name}.css", priority=901)


def _name_prompts(app: Sphinx, doctree: nodes.document) -> None:
    """Say what is behind a folded cell: a solution, or code that would distract."""
    for cell in doctree.findall(nodes.container):
        if cell.get("hide_mode") in _PROMPTS:
            cell["prompt_show"], cell["prompt_hide"] = _PROMPTS[cell["hide_mode"]]


def _mark_callouts(app: Sphinx, doctree: nodes.document) -> None:
    """A block quote that opens with a bold title is a callout; the title becomes a class of its own."""
    for quote in list(doctree.findall(nodes.block_quote)):
        title = next((node for node in quote[0].children if node.astext()), None)
        if isinstance(title, nodes.strong):
            title["classes"].append("callout-title")
            callout = nodes.container("", *quote.children, classes=["callout", nodes.make_id(title.astext())])
            quote.replace_self(callout)


def _visit_fold(translator: HTML5Translator, node: HideCodeCellNode) -> None:
    # MyST-NB names every fold "Toggle hidden content" to screen readers; the visible prompt says more.
    translator.body.append(
        f'<details class="hide {escape(" ".join(node["classes"]))}"><summary>'
        f'<span class="collapsed">{escape(node["prompt_show"])}</span>'
        f'<span class="expanded">{escape(node["prompt_hide"])}</span></summary>\n'
    )


def _depart_fold(translator: HTML5Translator, node: HideCodeCellNode) -> None:
    translator.body.append("</details>\n")


def setup(app: Sphinx) -> None:
    """Put the book's renderer in place of MyST-NB's own."""
    # MyST-NB looks renderers up among the entry points of installed packages; this extension is not installed.
    myst_nb.sphinx_.load_renderer = lambda name: BookRenderer
    app.setup_extension("myst_nb")
    app.add_node(HideCodeCellNode, override=True, html=(_visit_fold, _depart_fold))
    app.connect("doctree-read", _name_prompts)
    app.connect("doctree-read", _mark_callouts)
    app.connect("doctree-read", _join_interactive)
    app.connect("html-page-context", _load_scripts)
