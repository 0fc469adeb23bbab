"""The book's site as a reader gets it: built in one go, and served as GitHub Pages would serve it."""

from __future__ import annotations

import functools
import gzip
import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "site"))

from mlbook_site.web import pages_url  # noqa: E402

REPOSITORY = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]
PUBLISHED = pages_url(REPOSITORY)
PHONE = {"width": 390, "height": 844}
PREFIX = urlsplit(PUBLISHED).path.rstrip("/")
_COMPRESSED = (".html", ".css", ".js", ".svg", ".json", ".txt", ".xml")


def build(source: Path, output: Path) -> subprocess.CompletedProcess[str]:
    """Build the book in `source` into `output`/_build, a warning being an error."""
    command = "from jupyter_book.cli.main import main; main()"
    arguments = ["build", str(source), "--path-output", str(output), "-W", "-n", "--keep-going"]
    return subprocess.run(
        [sys.executable, "-c", command, *arguments], capture_output=True, text=True, check=False, cwd=source
    )


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder below PREFIX, with text compressed and a 404 page, and counts the bytes of each answer."""

    def do_GET(self) -> None:
        path = Path(self.directory) / self.path.split("?")[0].removeprefix(PREFIX).lstrip("/")
        path = path / "index.html" if path.is_dir() else path
        found = path.is_file() and self.path.startswith(PREFIX)
        path = path if found else Path(self.directory) / "404.html"
        body = path.read_bytes() if path.is_file() else b""
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", self.guess_type(str(path)))
        if path.suffix in _COMPRESSED:
            body = gzip.compress(body, compresslevel=6)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """The address at which `folder` is served while the context lasts."""
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{PREFIX}/"
        server.shutdown()


@dataclass(frozen=True)
class Site:
    """The built site: its folder, and the address at which it is served."""

    folder: Path
    address: str

    @property
    def pages(self) -> list[str]:
        """Every HTML page, relative to the site."""
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*.html"))

    @property
    def chapters(self) -> list[str]:
        """The pages that are notebooks."""
        names = {path.stem for path in (ROOT / "chapters").glob("*.ipynb")}
        return [page for page in self.pages if Path(page).stem in names]
