"""Emulate a Binder launch without Docker, and compare what the chapters print there with what is stored.

python tools/launch_check.py [NAME ...]     all chapters, or those named

repo2docker's own buildpack says what Binder would do with this repository: which Python, which versions of
Jupyter, which pip steps. An environment is made from just that, JupyterLab is started in it on a copy of the
files that a clone would hold, and each chapter is run through the server's REST and websocket interface, as
a browser would. The environment variables of the test runs are absent, as they are on Binder.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import env
import nbformat
import repo2docker
import websocket
from nbformat import NotebookNode
from notebooks import chapters, comparable_outputs
from repo2docker.app import Repo2Docker
from repo2docker.buildpacks import PythonBuildPack

FOLDER = env.BUILD / "launch"
# What the base image brings that a chapter's outputs could depend on.
BASE_PACKAGES = (
    "ipykernel",
    "jupyter_client",
    "jupyter_server",
    "jupyterlab",
    "nbclient",
    "notebook",
    "pyzmq",
    "tornado",
)
PATIENCE = 10  # seconds without a word from the kernel, after which it is woken
MOST_SILENCES = 30
OFFLINE = re.compile(
    r"dns error|error sending request|failed to (fetch|lookup)|name resolution|NewConnectionError"
    r"|Network is unreachable|Connection refused|network was disabled",
    re.IGNORECASE,
)


class OfflineError(Exception):
    """No package index could be reached, so nothing can be said about a launch."""


@dataclass(frozen=True)
class Recipe:
    """What Binder does with this repository."""

    python: str
    base: dict[str, str]
    pip_steps: list[list[str]]
    start: str


def recipe(repository: Path = env.ROOT) -> Recipe:
    """Read from the Dockerfile that repo2docker renders here, and from the lock of its base image."""
    with contextlib.chdir(repository):
        buildpack = PythonBuildPack(Repo2Docker().base_image)
        buildpack.platform = "linux/amd64"
        if not buildpack.detect():
            raise ValueError(f"repo2docker finds no Python specification in {repository / 'binder'}")
        dockerfile = buildpack.render()
        python = buildpack.python_version
        start = buildpack.get_start_script().removeprefix("${REPO_DIR}/")
    conda = Path(repo2docker.__file__).parent / "buildpacks" / "conda"
    lock = (conda / f"environment.py-{python}-linux-64.lock").read_text(encoding="utf-8")
    locked = dict(re.findall(r"/([a-z_]+)-(\d[^-/]*)-[^/]*$", lock, re.MULTILINE))
    steps = re.findall(r"RUN \$\{KERNEL_PYTHON_PREFIX\}/bin/pip (.*)", dockerfile)
    base = {name: locked[name] for name in BASE_PACKAGES}
    return Recipe(python, base, [shlex.split(step) for step in steps], start)


def build(launch: Recipe, folder: Path = FOLDER) -> tuple[Path, Path]:
    """The Python of a fresh environment made as the recipe says, and the copy of the repository in it."""
    shutil.rmtree(folder, ignore_errors=True)
    repository = copy_of_repository(folder / "repository")
    base = env.find_python(launch.python)
    if base is None:
        print(
            f"There is no Python {launch.python} here: emulating the launch with {sys.executable}.",
            flush=True,
        )
    env.create(folder / "env", base or sys.executable)
    python = folder / "env" / "bin" / "python"
    pip(python, ["install", *(f"{name}=={version}" for name, version in launch.base.items())], repository)
    for step in launch.pip_steps:
        pip(python, step, repository)
    return python, repository


def copy_of_repository(folder: Path) -> Path:
    """What a clone would hold: the files that git knows or would add, as they are now."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=env.ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (env.ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(env.ROOT / name, folder / name)
    return folder


def pip(python: Path, step: list[str], repository: Path) -> None:
    """Carry out a pip step, by uv where there is one.

    Raises OfflineError where no index can be reached, and RuntimeError with pip's words on any other failure.
    """
    verb, arguments = step[0], [argument for argument in step[1:] if argument != "--no-cache-dir"]
    uv = env.uv()
    installer = [uv, "pip", verb, "--python", str(python)] if uv else [str(python), "-m", "pip", verb]
    done = subprocess.run([*installer, *arguments], cwd=repository, capture_output=True, text=True)
    if done.returncode:
        if OFFLINE.search(done.stderr):
            raise OfflineError("no package index can be reached")
        raise RuntimeError(f"pip {shlex.join(step)} failed:\n{done.stderr}")


class Server:
    """A running JupyterLab, spoken to as a browser would."""

    def __init__(self, port: int, token: str) -> None:
        self.address = f"127.0.0.1:{port}"
        self.authorization = f"token {token}"

    def request(self, path: str, body: Any = None, method: str | None = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{self.address}{path}", data=data, method=method)
        request.add_header("Authorization", self.authorization)
        with urllib.request.urlopen(request, timeout=30) as response:
            content: bytes = response.read()
        return content

    def run(self, path: str) -> list[tuple[NotebookNode, list[Any]]]:
        """Open a notebook and run it: each code cell with the comparable outputs it gives here."""
        self.request(f"/lab/tree/{path}")
        notebook = nbformat.from_dict(json.loads(self.request(f"/api/contents/{path}"))["content"])
        kernel = {"name": notebook.metadata.kernelspec.name}
        wanted = {"path": path, "type": "notebook", "name": path, "kernel": kernel}
        session = json.loads(self.request("/api/sessions", wanted))
        kernel_id = session["kernel"]["id"]
        try:
            with self.channels(kernel_id) as connection:
                cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
                return [(cell, execute(connection, cell, functools.partial(self.wake, kernel_id))) for cell in cells]
        finally:
            self.request(f"/api/sessions/{session['id']}", method="DELETE")

    @contextlib.contextmanager
    def channels(self, kernel_id: str) -> Iterator[websocket.WebSocket]:
        """A connection to a kernel that answers."""
        address = f"ws://{self.address}/api/kernels/{kernel_id}/channels"
        header = [f"Authorization: {self.authorization}"]
        connection = websocket.create_connection(address, header=header, timeout=PATIENCE)
        try:
            wait_until_ready(connection)
            yield connection
        finally:
            connection.close()

    def wake(self, kernel_id: str) -> None:
        """Make a kernel look at what lies in its queue, by a connection of its own."""
        with self.channels(kernel_id):
            pass


def wait_until_ready(connection: websocket.WebSocket, seconds: float = 60) -> None:
    """Ask the kernel for its name until it answers: what arrives before the server has joined both ends is lost."""
    patience, deadline = connection.gettimeout(), time.monotonic() + seconds
    connection.settimeout(1)
    while time.monotonic() < deadline:
        asked = send(connection, "kernel_info_request", {})
        with contextlib.suppress(websocket.WebSocketTimeoutException):
            while (reply := json.loads(connection.recv()))["parent_header"].get("msg_id") != asked or not is_idle(
                reply
            ):
                continue
            connection.settimeout(patience)
            return
    raise RuntimeError(f"the kernel did not answer within {seconds:.0f} s")


def execute(connection: websocket.WebSocket, cell: NotebookNode, wake: Callable[[], None]) -> list[Any]:
    """Run one cell over a kernel's channels; its outputs in comparable form. `wake` is called if nothing comes."""
    content = {"code": cell.source, "silent": False, "store_history": True, "allow_stdin": False}
    asked, silences = send(connection, "execute_request", content), 0
    outputs: list[NotebookNode] = []
    while True:
        try:
            reply = json.loads(connection.recv())
        except websocket.WebSocketTimeoutException:
            silences += 1
            if silences > MOST_SILENCES:
                raise
            wake()  # the versions of Binder's image at times leave a request lying until somebody else connects
            continue
        if reply["parent_header"].get("msg_id") != asked:
            continue
        if reply["msg_type"] in ("execute_result", "display_data", "error"):
            outputs.append(nbformat.v4.output_from_msg(reply))
        elif reply["msg_type"] == "stream":
            add_stream(outputs, nbformat.v4.output_from_msg(reply))
        elif is_idle(reply):
            return comparable_outputs(nbformat.from_dict({"outputs": outputs}))


def send(connection: websocket.WebSocket, kind: str, content: dict[str, Any]) -> str:
    """Send a message to the kernel's shell; its id, which the answers will name."""
    header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": "launch", "version": "5.4"}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    connection.send(json.dumps(message))
    return header["msg_id"]


def is_idle(reply: dict[str, Any]) -> bool:
    """Whether the kernel says that it is done."""
    return bool(reply["msg_type"] == "status" and reply["content"]["execution_state"] == "idle")


def add_stream(outputs: list[NotebookNode], stream: NotebookNode) -> None:
    """Append printed text; consecutive pieces of one stream are one output, as in a notebook."""
    if outputs and outputs[-1].output_type == "stream" and outputs[-1].name == stream.name:
        outputs[-1].text += stream.text
    else:
        outputs.append(stream)


@contextlib.contextmanager
def jupyterlab(start: str, python: Path, repository: Path) -> Iterator[Server]:
    """JupyterLab of the environment, begun by the start script, on the loopback interface, in a home of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    token, home = secrets.token_hex(16), repository.parent / "home"
    home.mkdir(exist_ok=True)
    options = [
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
        f"--port={port}",
        "--ServerApp.port_retries=0",
    ]
    variables = {
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "LANG": "C.UTF-8",
    }
    log = repository.parent / "jupyterlab.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [repository / start, python, "-m", "jupyterlab", *options],
            cwd=repository,
            env={**variables, "JUPYTER_TOKEN": token},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            server = Server(port, token)
            wait_for(server, process, log)
            yield server
        finally:
            process.terminate()
            process.wait(timeout=30)


def wait_for(server: Server, process: subprocess.Popen[bytes], log: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            server.request("/api/status")
            return
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()}")


def differences(ran: Iterable[tuple[NotebookNode, list[Any]]]) -> list[str]:
    """One line for each cell whose outputs on Binder are not the stored ones."""
    return [
        f"cell {number} ({cell.source.splitlines()[0]}): stored {stored}, on Binder {here}"
        for number, (cell, here) in enumerate(ran, start=1)
        if (stored := comparable_outputs(cell)) != here
    ]


def check(names: Iterable[str] = ()) -> list[str]:
    """Launch, run the chapters (or those named), and say where their outputs differ; no lines mean none do.

    Raises OfflineError where nothing can be installed.
    """
    started = time.monotonic()
    launch = recipe()
    python, repository = build(launch)
    print(f"the environment was built in {time.monotonic() - started:.0f} s", flush=True)
    found = []
    with jupyterlab(launch.start, python, repository) as server:
        for path in chapters(names):
            started = time.monotonic()
            lines = differences(server.run(f"chapters/{path.name}"))
            found += [f"{path.stem}: {line}" for line in lines]
            print(f"{path.stem}: {len(lines)} cells differ, {time.monotonic() - started:.0f} s", flush=True)
    return found


if __name__ == "__main__":
    try:
        sys.exit("\n".join(check(sys.argv[1:])) or 0)
    except OfflineError as error:
        sys.exit(f"The launch could not be checked: {error}.")
