"""A Binder launch: what it installs, and that its rehearsal (`make test-launch`) notices what goes wrong."""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path

import env
import launch_check
import nbformat
import pytest
import websocket
from nbformat import NotebookNode


def code_cell(source: str, printed: str) -> NotebookNode:
    stream = nbformat.v4.new_output("stream", name="stdout", text=printed)
    return nbformat.v4.new_code_cell(source, outputs=[stream])


def test_binder_installs_the_pinned_libraries_and_mlbook_from_the_root_of_the_repository() -> None:
    recipe = launch_check.recipe()
    assert recipe.python in env.SUPPORTED
    assert recipe.pip_steps == [["install", "--no-cache-dir", "-r", "binder/requirements.txt"]]
    assert "-e ." in (env.ROOT / "binder" / "requirements.txt").read_text().splitlines()
    assert recipe.start == "binder/start"


def test_binder_keeps_the_jupyter_of_its_base_image() -> None:
    pinned = (env.ROOT / "binder" / "requirements.txt").read_text()
    assert not [name for name in launch_check.BASE_PACKAGES if f"{name.replace('_', '-')}==" in pinned]


def test_an_output_that_differs_is_named_by_its_cell() -> None:
    cell = code_cell("print(1)\nprint(2)", "1\n2\n")
    same, other = launch_check.comparable_outputs(cell), [("stdout", "1\n3\n")]
    assert launch_check.differences([(cell, same)]) == []
    [line] = launch_check.differences([(cell, same), (cell, other)])
    assert line == "cell 2 (print(1)): stored [('stdout', '1\\n2\\n')], on Binder [('stdout', '1\\n3\\n')]"


class Kernel:
    """Stands for a kernel's channels: it does nothing until more requests lie there than it sleeps through."""

    def __init__(self, sleeps: int) -> None:
        self.sleeps, self.lying, self.answers, self.patience = sleeps, [], [], 300.0

    def gettimeout(self) -> float:
        return self.patience

    def settimeout(self, seconds: float) -> None:
        self.patience = seconds

    def send(self, message: str) -> None:
        self.lying.append(json.loads(message)["header"]["msg_id"])
        if len(self.lying) > self.sleeps:
            for asked in self.lying:
                for state in ("busy", "idle"):
                    content = {"execution_state": state}
                    self.answers.append({"parent_header": {"msg_id": asked}, "msg_type": "status", "content": content})

    def recv(self) -> str:
        if not self.answers:
            raise websocket.WebSocketTimeoutException
        return json.dumps(self.answers.pop(0))


def test_a_kernel_that_does_not_hear_yet_is_asked_again() -> None:
    kernel = Kernel(sleeps=2)
    launch_check.wait_until_ready(kernel)
    assert len(kernel.lying) == 3
    assert kernel.answers == []
    assert kernel.patience == 300


def test_a_kernel_that_never_answers_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="did not answer"):
        launch_check.wait_until_ready(Kernel(sleeps=10**9), seconds=0.01)
    with pytest.raises(websocket.WebSocketTimeoutException):
        launch_check.execute(Kernel(sleeps=10**9), code_cell("1", ""), lambda: None)


def test_a_kernel_that_leaves_a_request_lying_is_woken() -> None:
    kernel = Kernel(sleeps=3)
    wake = functools.partial(launch_check.send, kernel, "kernel_info_request", {})
    assert launch_check.execute(kernel, code_cell("1", ""), wake) == []
    assert len(kernel.lying) == 4


def test_pieces_of_one_stream_are_one_output() -> None:
    outputs: list[NotebookNode] = []
    for name, text in [("stdout", "a"), ("stdout", "b"), ("stderr", "c"), ("stdout", "d")]:
        launch_check.add_stream(outputs, nbformat.v4.new_output("stream", name=name, text=text))
    assert [(output.name, output.text) for output in outputs] == [("stdout", "ab"), ("stderr", "c"), ("stdout", "d")]


def test_a_launch_works_on_what_a_clone_would_hold(tmp_path: Path) -> None:
    copy = launch_check.copy_of_repository(tmp_path / "copy")
    assert (copy / "binder" / "requirements.txt").exists()
    assert not (copy / ".venv").exists()
    assert not (copy / "_build").exists()


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_a_specification_that_cannot_be_installed_is_a_failure(
    installer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RuntimeError, match=r"pip install -r no-such-file\.txt failed"):
        launch_check.pip(
            fresh_python(installer, tmp_path, monkeypatch), ["install", "-r", "no-such-file.txt"], tmp_path
        )


@pytest.mark.parametrize("installer", ["uv", "pip"])
@pytest.mark.usefixtures("no_index")
def test_a_missing_network_is_no_failure(installer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = ["install", "--no-cache-dir", "alabaster==0.7.16"]
    with pytest.raises(launch_check.OfflineError):
        launch_check.pip(fresh_python(installer, tmp_path, monkeypatch), step, tmp_path)


def fresh_python(installer: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Python of a new environment, in which this installer will be used."""
    if installer == "pip":
        monkeypatch.setenv("PATH", "")
    elif not env.uv():
        pytest.skip("uv is not installed here")
    env.create(folder / "env", sys.executable)
    return folder / "env" / "bin" / "python"
