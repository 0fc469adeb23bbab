"""The parts of pages that are generated: directives that read the repository and write Markdown or HTML.

Each notes the files it reads, so that an incremental build rewrites the page when one of them changes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from mlbook_site import inputs
from mlbook_site.notebooks import verdict_class

logger = logging.getLogger(__name__)
_UNFOLDED_COLUMNS = 25
_RETURN = "What happened next comes back, late, as the data of tomorrow"


class Generated(SphinxDirective):
    """A directive whose content is Markdown made from files of the repository."""

    reads: ClassVar[tuple[Path, ...]] = ()

    @property
    def root(self) -> Path:
        """The root of the repository."""
        return Path(self.env.srcdir)

    def run(self) -> list[nodes.Node]:
        for path in self.reads:
            if not (self.root / path).is_file():
                raise self.error(f"{path} is missing, and this part of the page is made of it")
            self.env.note_dependency(str(self.root / path))
        try:
            markdown = self.markdown()
        except ValueError as error:
            raise self.error(str(error)) from error
        parent = nodes.Element()
        lines = StringList(markdown.splitlines(), source=self.get_source_info()[0])
        self.state.nested_parse(lines, self.content_offset, parent, match_titles=True)
        return parent.children

    def markdown(self) -> str:
        """The Markdown that takes the directive's place."""
        raise NotImplementedError

    def notebooks(self) -> dict[str, Path]:
        """The chapters that are in the book, by name; the page depends on each."""
        paths = [Path(self.env.doc2path(doc)) for doc in sorted(self.env.found_docs)]
        chapters = {path.stem: path for path in paths if path.suffix == ".ipynb"}
        for path in chapters.values():
            self.env.note_dependency(str(path))
        return chapters

    def findings(self) -> dict[str, list[inputs.Finding]]:
        """The findings of all chapters by claim; a chapter that owes one and has none is a warning."""
        by_claim: dict[str, list[inputs.Finding]] = {claim["id"]: [] for claim in inputs.claims(self.root)}
        chapters = self.notebooks()
        for path in chapters.values():
            for finding in inputs.findings(path):
                by_claim[finding.claim].append(finding)
        for claim in inputs.claims(self.root):
            tested = {finding.chapter for finding in by_claim[claim["id"]]}
            for chapter in set(claim["chapters"]) & set(chapters) - tested:
                message = "%s lists chapter %s for claim %s, but no output there is a finding of it"
                logger.warning(message, inputs.CLAIMS, chapter, claim["id"], location=self.get_location())
        return by_claim


class FindingsTable(Generated):
    """All claims of the book with their verdicts, a table for each part."""

    reads = (inputs.CLAIMS,)

    def markdown(self) -> str:
        claims, findings = inputs.claims(self.root), self.findings()
        lines = []
        for part in dict.fromkeys(claim["part"] for claim in claims):
            rows = [self._row(c, findings[c["id"]]) for c in claims if c["part"] == part]
            table = list_table(("Claim", "Verdict", "Evidence"), rows, "findings", (40, 17, 43))
            lines += [f"## {part}", "", *table, ""]
        return "\n".join(lines)

    def _row(self, claim: dict[str, Any], findings: list[inputs.Finding]) -> tuple[str, str, str]:
        text = f"{claim['text']}\n\n[{', '.join(claim['systems'])}]{{.systems}}"
        planned = [c for c in claim["chapters"] if f"chapters/{c}" not in self.env.found_docs]
        later = and_list([chapter_name(chapter) for chapter in planned])
        if not findings:
            return text, "[not yet tested]{.verdict .untested}", f"Planned for {later}."
        verdicts = "\n\n".join(verdict_link(finding) for finding in findings)
        effects = "\n".join(
            f"- {check['statement']}: {check['effect']} over {check['over']}, {check['outcome']}"
            for finding in findings
            for check in finding.checks
        )
        return text, verdicts, effects + (f"\n\nAlso planned for {later}." if planned else "")


def tally(finding: inputs.Finding) -> str:
    """How many checks of a finding came out how: "3 supported, 1 undecided"."""
    outcomes = Counter(check["outcome"] for check in finding.checks)
    return ", ".join(f"{outcomes[o]} {o}" for o in ("supported", "undecided", "contradicted") if outcomes[o])


class FindingsSoFar(Generated):
    """The tested claims alone, one line each, and how many are still to come."""

    reads = (inputs.CLAIMS,)

    def markdown(self) -> str:
        claims, findings = inputs.claims(self.root), self.findings()
        tested = [claim for claim in claims if findings[claim["id"]]]
        rows = [
            (
                claim["text"],
                "\n\n".join(verdict_link(finding) for finding in findings[claim["id"]]),
                "\n\n".join(tally(finding) for finding in findings[claim["id"]]),
            )
            for claim in tested
        ]
        count = f"{len(tested)} of the book's {len(claims)} claims are tested so far."
        table = list_table(("Claim", "Verdict", "Its checks"), rows, "findings", (52, 16, 32)) if rows else []
        return "\n".join([*table, "", f"{count} [All claims, with their evidence](findings.md)."])


class Pipeline(SphinxDirective):
    """The picture of the system: its parts in order, each with links to its chapters.

    The content is one line a part, `Part | glyph | what it does`; which chapters belong to a part
    follows from the claims, and a chapter that is not in the book yet is shown without a link.
    """

    has_content = True

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(Path(self.env.srcdir) / inputs.CLAIMS))
        claims = inputs.claims(Path(self.env.srcdir))
        stages = []
        for line in filter(None, self.content):
            part, glyph, text = (field.strip() for field in line.split("|"))
            chapters = sorted({claim["chapters"][0] for claim in claims if claim["part"] == part})
            if not chapters:
                raise self.error(f"no claim belongs to the part {part!r}")
            stages.append(self._stage(part, glyph, text, chapters))
        parts = {claim["part"] for claim in claims}
        if len(stages) != len(parts):
            raise self.error(f"the picture has {len(stages)} parts, the claims have {len(parts)}")
        drawn, back = "".join(stages), f'<p class="pipeline-back"><span>{_RETURN}</span></p>'
        picture = f'<div class="pipeline-frame"><ol class="pipeline">{drawn}</ol>{back}</div>\n'
        return [nodes.raw("", picture, format="html")]

    def _stage(self, part: str, glyph: str, text: str, chapters: list[str]) -> str:
        written = [chapter for chapter in chapters if f"chapters/{chapter}" in self.env.found_docs]
        links = ", ".join(
            f'<a href="{escape(chapter)}.html">{chapter_name(chapter).capitalize()}</a>' for chapter in written
        )
        planned = [str(int(chapter.split("-")[0])) for chapter in chapters if chapter not in written]
        if planned:
            noun = "Chapter" if len(planned) == 1 else "Chapters"
            links += f'<span class="planned">{noun} {and_list(planned)}, planned</span>'
        drawing = (Path(__file__).parent / "glyphs" / f"{glyph}.svg").read_text(encoding="utf-8")
        return (
            f'<li class="{"stage" if written else "stage unwritten"}">{drawing}<strong>{escape(part)}</strong>'
            f'<span class="stage-text">{escape(text)}</span><span class="stage-chapters">{links}</span></li>'
        )


class DataOverview(Generated):
    """The data sets in one table."""

    reads = (inputs.CATALOG,)

    def markdown(self) -> str:
        rows = [
            (f"[{s['name']}](#{s['name']})", plain(s["title"]), f"{s['rows']:,}", plain(s["license"]))
            for s in inputs.snapshots(self.root)
        ]
        return "\n".join(list_table(("Name", "What it is", "Rows", "License"), rows, "overview", (14, 50, 14, 22)))


class Datasheets(Generated):
    """A datasheet for each data set, from the catalog."""

    reads = (inputs.CATALOG,)

    def markdown(self) -> str:
        options = self.config.html_theme_options
        data = f"{options['repository_url']}/blob/{options['repository_branch']}/data"
        return "\n".join(line for s in inputs.snapshots(self.root) for line in datasheet(s, data))


class ExecutionTable(Generated):
    """What running each chapter takes."""

    reads = (inputs.MEASUREMENTS,)

    def markdown(self) -> str:
        record = inputs.measurements(self.root)
        measured = {row["chapter"]: row for row in record["chapters"]}
        for chapter in set(self.notebooks()) ^ set(measured):
            message = "chapter %s is not both in the book and in %s: run `make measure`"
            logger.warning(message, chapter, inputs.MEASUREMENTS, location=self.get_location())
        rows = [
            (
                f"[{inputs.notebook_title(path)}]({name}.ipynb)",
                str(measured[name]["cells"]),
                f"{measured[name]['seconds']:.1f}",
                f"{measured[name]['peak_mb']:,.0f}",
            )
            for name, path in self.notebooks().items()
            if name in measured
        ]
        headings = ("Chapter", "Code cells", "Seconds", "Peak memory (MB)")
        return "\n".join([*list_table(headings, rows, "numbers", (52, 16, 16, 16)), "", measured_on(record)])


class AggregateTimes(Generated):
    """How long aggregates of the past take, in this book's package and in others."""

    reads = (inputs.AGGREGATES,)

    def markdown(self) -> str:
        record = inputs.aggregates(self.root)
        lines = []
        for measured in record["in_memory"]:
            rows = [(row["library"], f"{row['seconds']:.2f}", share(row)) for row in measured["libraries"]]
            lines += [f"{measured['events']:,} events in memory, {measured['turns']} turns:", ""]
            lines += [*list_table(("Library", "Seconds", "mlbook takes"), rows, "numbers", (40, 20, 40)), ""]
        large = record["out_of_core"]
        rows = [(r["library"], f"{r['seconds']:.0f}", f"{r['peak_mb']:,}", share(r)) for r in large["libraries"]]
        headings = ("Library", "Seconds", "Peak memory (MB)", "mlbook takes")
        lines += [f"{large['events']:,} events in a Parquet file, once:", ""]
        return "\n".join([*lines, *list_table(headings, rows, "numbers", (40, 20, 20, 20)), "", measured_on(record)])


def share(row: dict[str, Any]) -> str:
    """mlbook's time as a share of that of a library; its range over the turns if there were several."""
    if row["library"] == "mlbook":
        return ""
    spread = f" ({row['low']:.2f} to {row['high']:.2f})" if "low" in row else ""
    return f"{row['ratio']:.2f}{spread} of its time"


class AggregateTraps(Generated):
    """What libraries say where two events tie, and where there is nothing to look back at."""

    reads = (inputs.AGGREGATES,)

    def markdown(self) -> str:
        rows = [
            (
                row["library"],
                f"`{row['code']}`",
                said(row["tie"], row["true_tie"]),
                said(row["first"], row["true_first"]),
                "yes" if row["order"] else "no",
            )
            for row in inputs.aggregates(self.root)["traps"]
        ]
        headings = ("Library", "Code", "At the second of two", "At the first event", "Depends on the order of rows")
        return "\n".join(list_table(headings, rows, "traps", (10, 42, 17, 17, 14)))


def said(value: float | None, true: float | None) -> str:
    """What a library says, and what would be right if that is something else."""
    text, right = ("missing" if number is None else f"{number:g}" for number in (value, true))
    return text if value == true else f"**{text}**, not {right}"


def measured_on(record: dict[str, Any]) -> str:
    """The machine and the versions of a record of measurements, as a sentence."""
    return f"Measured on: {', '.join(f'{key} {value}' for key, value in record['machine'].items())}."


class TestTable(Generated):
    """Every module of tests: what its docstring says it is for, and how many tests it holds."""

    def markdown(self) -> str:
        folders = (path for path in (self.root / inputs.TESTS).rglob("*") if path.is_dir())
        for path in (self.root / inputs.TESTS, *folders):
            self.env.note_dependency(str(path))  # a folder changes when a module comes or goes
        modules = list(inputs.test_modules(self.root))
        for module in modules:
            self.env.note_dependency(str(self.root / module.path))
        rows = [(f"`{m.path.as_posix()}`", m.summary, str(m.tests)) for m in modules]
        return "\n".join(list_table(("Module", "What it makes sure of", "Tests"), rows, "modules", (44, 46, 10)))


class CommandTable(Generated):
    """The commands of the repository, from the script that runs them."""

    reads = (inputs.COMMANDS,)

    def markdown(self) -> str:
        rows = [(f"`make {target}`", text) for target, text in inputs.commands(self.root)]
        return "\n".join(list_table(("Command", "What it does"), rows, "targets", (25, 75)))


class Commands(SphinxDirective):
    """Shell commands; {repository} and {name} stand for the repository's address and last part."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        repository = self.config.html_theme_options["repository_url"]
        text = "\n".join(self.content).format(repository=repository, name=repository.rpartition("/")[2])
        block = nodes.literal_block(text, text, language="bash")
        self.set_source_info(block)
        return [block]


def list_table(headings: Iterable[str], rows: Iterable[Iterable[str]], name: str, widths: Iterable[int]) -> list[str]:
    """The lines of a MyST list table; a cell may hold several paragraphs or a list."""
    lines = [":::::{list-table}", ":header-rows: 1", f":class: {name}", f":widths: {' '.join(map(str, widths))}", ""]
    for row in (headings, *rows):
        for position, cell in enumerate(row):
            first, *rest = cell.split("\n") if cell else [""]
            lines.append(("* - " if position == 0 else "  - ") + first)
            lines += [f"    {line}" if line else "" for line in rest]
    return [*lines, ":::::"]


def verdict_link(finding: inputs.Finding) -> str:
    """The verdict as a badge that leads to the finding in its chapter."""
    target = f"{finding.chapter}.ipynb#{finding.anchor}"
    return f"[{finding.verdict}]({target}){{.verdict .{verdict_class(finding.verdict)}}}"


def chapter_name(chapter: str) -> str:
    """The short name of a chapter: "chapter 3" for 03-feature-engineering."""
    return f"chapter {int(chapter.split('-')[0])}"


def and_list(items: Sequence[str]) -> str:
    """The items as a phrase: "a", "a and b", "a, b, and c"."""
    if len(items) < 3:
        return " and ".join(items)
    return f"{', '.join(items[:-1])}, and {items[-1]}"


def plain(text: str) -> str:
    """Text whose characters mean nothing to Markdown."""
    return re.sub(r"([\\`*_$<\[\]{}|#])", r"\\\1", text)


def datasheet(snapshot: dict[str, Any], data: str) -> list[str]:
    """The Markdown of one entry of the catalog; `data` is the address of the repository's data folder."""
    facts = [
        ("A row is", plain(snapshot["row"])),
        ("Covers", plain(snapshot["span"])),
        ("Size", f"{snapshot['rows']:,} rows, {len(snapshot['columns'])} columns"),
        ("Taken from", f"`{snapshot['source']}`"),
        ("License", f"[{plain(snapshot['license'])}]({data}/{snapshot['notice']})"),
        ("Made by", plain(snapshot["attribution"])),
        ("Cite as", plain(snapshot["citation"])),
        ("Fingerprint", f"`{snapshot['fingerprint']}`"),
    ]
    columns = [
        (f"`{c['name']}`", plain(c.get("unit", "")), plain(c["meaning"]), "yes" if c.get("nullable") else "")
        for c in snapshot["columns"]
    ]
    folded = "" if len(columns) <= _UNFOLDED_COLUMNS else "<details><summary>All columns</summary>\n\n"
    return [
        f"## {snapshot['name']}",
        "",
        f"[{plain(snapshot['title'])}]{{.lead}}",
        "",
        "\n\n".join(f"{name}\n: {text}" for name, text in facts),
        "",
        "### What bites",
        "",
        *(f"- {plain(quirk)}" for quirk in snapshot["quirks"]),
        "",
        "### Columns",
        "",
        folded,
        *list_table(("Column", "Unit", "Meaning", "Missing values"), columns, "columns", (22, 14, 50, 14)),
        "",
        "</details>" if folded else "",
        "",
    ]


def setup(app: Sphinx) -> None:
    """Register the directives."""
    app.add_directive("findings-table", FindingsTable)
    app.add_directive("findings-so-far", FindingsSoFar)
    app.add_directive("pipeline", Pipeline)
    app.add_directive("data-overview", DataOverview)
    app.add_directive("datasheets", Datasheets)
    app.add_directive("execution-table", ExecutionTable)
    app.add_directive("aggregate-times", AggregateTimes)
    app.add_directive("aggregate-traps", AggregateTraps)
    app.add_directive("test-table", TestTable)
    app.add_directive("command-table", CommandTable)
    app.add_directive("commands", Commands)
