"""The frame around the book: its set-up, its commands, and that its documents tell the truth about them."""

from __future__ import annotations

import ast
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
import urllib.request
from pathlib import Path

import env
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = env.ROOT
TRACKED = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True).stdout.split("\0")[:-1]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "LICENSE-text.md", ".ci/run", ".github/workflows/tests.yml")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


# ------------------------------------------------------------------------------------------------ set-up


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone in a folder with spaces in its name, with an empty list of requirements."""
    folder = tmp_path / "my books" / "how ML systems work"
    (folder / "requirements").mkdir(parents=True)
    (folder / "tools").mkdir()
    shutil.copy(env.__file__, folder / "tools")
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "requirements" / "site.txt").write_text("# nothing\n")
    return folder


def in_clone(
    clone: Path, code: str, python: str = sys.executable, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run code with the clone's env module, as a command would."""
    code = f"import sys; sys.path.insert(0, 'tools'); import env\n{code}"
    environment = {**os.environ, **variables}
    return subprocess.run([python, "-c", code], cwd=clone, env=environment, capture_output=True, text=True)


def last_words(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stdout + done.stderr).strip().splitlines()[-1]


def test_an_environment_is_set_up_once_and_again_only_when_its_requirements_change(clone: Path) -> None:
    first = in_clone(clone, "print(env.environment('site'))")
    assert "Set up in" in first.stdout, first.stderr
    assert str(clone / ".venv" / "bin" / "python") in first.stdout
    assert "Set up" not in in_clone(clone, "env.environment('site')").stdout
    (clone / "requirements" / "site.txt").write_text("# still nothing\n")
    assert "Set up in" in in_clone(clone, "env.environment('site')").stdout


def test_a_clone_that_was_moved_is_set_up_again(clone: Path) -> None:
    in_clone(clone, "env.environment('site')")
    moved = clone.rename(clone.with_name("elsewhere"))
    assert "Set up in" in in_clone(moved, "env.environment('site')").stdout


@pytest.mark.parametrize("installer", ["uv", "pip"])
@pytest.mark.usefixtures("no_index")
def test_without_a_network_the_set_up_says_so_in_one_sentence(clone: Path, installer: str) -> None:
    if installer == "uv" and not env.uv():
        pytest.skip("uv is not installed here")
    (clone / "requirements" / "site.txt").write_text("alabaster==0.7.16\n")
    variables = {"PATH": ""} if installer == "pip" else {}
    done = in_clone(clone, "env.environment('site')", **variables)
    assert done.returncode == 1
    assert last_words(done) == (
        "Could not install requirements/site.txt (the installer says why above). If this machine is offline,"
        " connect it; then run the same command again."
    )
    assert not (clone / ".venv" / "set-up-site").exists()


def test_a_python_that_cannot_create_environments_is_told_what_to_install(clone: Path, tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "ensurepip.py").write_text("raise ImportError('as on a bare Debian')")
    done = in_clone(clone, "env.environment('site')", PATH="", PYTHONPATH=str(tmp_path / "bare"))
    assert done.returncode == 1
    assert "apt install python3-venv" in last_words(done)


def test_the_set_up_can_be_read_by_the_oldest_plausible_python() -> None:
    ast.parse(Path(env.__file__).read_text(encoding="utf-8"), feature_version=(3, 6))


@pytest.mark.parametrize("version", [(3, 10, 13), (3, 14, 0), (2, 7, 18)])
def test_an_unsuitable_python_is_refused_in_one_sentence(
    version: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(env.sys, "version_info", version)
    monkeypatch.setattr(env, "find_python", lambda version: None)
    with pytest.raises(SystemExit, match=r"The book needs Python 3\.11, 3\.12 or 3\.13, and .* is .*: install"):
        env.main(["site"])


def test_an_unsuitable_python_hands_over_to_a_suitable_one(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr(env.sys, "version_info", (3, 9, 18))
    monkeypatch.setattr(env, "find_python", lambda version: f"python{version}" if version == "3.12" else None)
    monkeypatch.setattr(env.subprocess, "call", lambda command: called.append(command) or 3)
    with pytest.raises(SystemExit, match="3"):
        env.main(["run", "01-data"])
    assert called == [["python3.12", env.__file__, "run", "01-data"]]


def test_really_old_pythons_say_that_they_are_too_old(clone: Path) -> None:
    found = [python for minor in range(6, 11) if (python := env.find_python(f"3.{minor}"))]
    if not found:
        pytest.skip("there is no older Python on this machine")
    for python in found:
        done = subprocess.run(
            [python, "tools/env.py", "site"],
            cwd=clone,
            env={"PATH": "", "HOME": str(clone)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 1
        assert last_words_are_a_refusal(done.stdout), done.stdout


def last_words_are_a_refusal(output: str) -> bool:
    return output.strip().startswith("The book needs Python 3.11, 3.12 or 3.13, and ")


def test_make_says_when_there_is_no_python() -> None:
    command = ["make", "--no-print-directory", "site", "PYTHON=no-such-python"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout.strip() == "There is no no-such-python here: install Python 3.11, 3.12 or 3.13."


def test_an_unknown_command_names_the_known_ones() -> None:
    with pytest.raises(SystemExit, match=r"no command 'buk'; there are: book, site, test"):
        env.main(["buk"])


def test_a_command_without_its_argument_shows_how_it_is_called() -> None:
    with pytest.raises(SystemExit, match=r"test-python: missing .*'version'\. .*make test-python PY=3\.13"):
        env.main(["test-python"])


# ------------------------------------------------------------------------------------------------ commands


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The build folder of an earlier, successful build."""
    (tmp_path / "html").mkdir()
    (tmp_path / ".doctrees").mkdir()
    (tmp_path / "html" / "index.html").write_text("of the earlier build")
    monkeypatch.setattr(env, "BUILD", tmp_path)
    monkeypatch.setattr(env, "HTML", tmp_path / "html")
    monkeypatch.setattr(env, "environment", lambda layer: Path("python"))
    return tmp_path


@pytest.mark.parametrize("builder_succeeds", [True, False])
def test_a_build_that_leaves_no_new_home_page_is_a_failure(
    builder_succeeds: bool, build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(env, "succeeds", lambda arguments: builder_succeeds)
    with pytest.raises(SystemExit, match="The book was not built"):
        env.site()


def test_after_a_failed_build_the_next_one_reads_every_page_again(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def builder(arguments: list[str]) -> bool:
        (build / "html" / "index.html").write_text("written in spite of a warning")
        return False

    monkeypatch.setattr(env, "succeeds", builder)
    with pytest.raises(SystemExit, match="The book was not built"):
        env.site()
    assert not (build / ".doctrees").exists()


def test_the_book_is_served_at_the_printed_address_until_it_is_interrupted(clone: Path) -> None:
    (clone / "_build" / "html").mkdir(parents=True)
    (clone / "_build" / "html" / "index.html").write_text("the home page")
    code = "import sys; sys.path.insert(0, 'tools'); import env; env.site = lambda: None; env.main(['book'])"
    with subprocess.Popen([sys.executable, "-c", code], cwd=clone, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = next(re.findall(r"http://127\.0\.0\.1:\d+/", line) for line in process.stdout if "http" in line)
        with urllib.request.urlopen(address[0], timeout=10) as page:
            assert page.read() == b"the home page"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read().strip() == "Stopped."
    assert process.returncode == 0


def test_the_book_is_served_on_a_free_port_when_8000_is_taken(tmp_path: Path) -> None:
    with env.server(tmp_path) as first, env.server(tmp_path) as second:
        assert first.server_address[0] == second.server_address[0] == "127.0.0.1"
        assert first.server_address[1] != second.server_address[1]


def python_step(name: str, code: str) -> tuple[str, list[str], dict[str, str]]:
    return (name, [sys.executable, "-c", code], {})


def test_a_failed_check_is_reported_at_the_end_and_hides_no_other(capfd: pytest.CaptureFixture[str]) -> None:
    steps = [python_step("first", "raise SystemExit(1)"), python_step("second", "print('second ran')")]
    with pytest.raises(SystemExit, match="Failed: first"):
        env.report(steps)
    printed = capfd.readouterr().out
    assert "second ran" in printed
    assert re.search(r"FAILED  first, .*\n  ok      second", printed)


def test_checks_at_once_say_what_they_printed_under_their_names_and_count_like_the_others(
    capfd: pytest.CaptureFixture[str],
) -> None:
    slow = python_step("slow", "import sys, time; time.sleep(0.3); print('slow ran'); sys.exit('and failed')")
    with pytest.raises(SystemExit, match="Failed: slow"):
        env.report([python_step("last", "print('last ran')")], at_once=[slow, python_step("fast", "print('fast ran')")])
    printed = capfd.readouterr().out
    assert re.search(r"== slow ==\s+slow ran\s+and failed\s+== fast ==\s+fast ran\s+== last ==\s+last ran", printed)
    assert re.search(r"FAILED  slow, .*\n  ok      fast, .*\n  ok      last", printed)


PLANTED = """
import pytest
def test_that_passes(): pass
def test_that_fails(): assert 0
def test_that_is_skipped(): pytest.skip("for a reason")
def test_with_an_error(no_such_fixture): pass
"""


@pytest.mark.parametrize(("source", "summary"), [(PLANTED, "1 passed, 2 failed, 1 skipped"), ("", None)])
def test_the_summary_counts_the_tests_and_no_test_at_all_is_a_failure(
    source: str,
    summary: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "test_planted.py").write_text(source)
    monkeypatch.setattr(env, "BUILD", tmp_path)
    step = [sys.executable, "-m", "pytest", tmp_path / "test_planted.py", "-c", os.devnull, "--rootdir", tmp_path]
    with pytest.raises(SystemExit, match="Failed: planted"):
        env.report([("planted", step, {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})])
    assert summary is None or summary in capfd.readouterr().out.splitlines()


def test_the_older_processor_has_nothing_that_numpy_could_dispatch_to() -> None:
    variables = env.older_processor(Path(sys.executable))
    probe = (
        "from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__\n"
        "print(any(__cpu_features__[name] for name in __cpu_dispatch__))"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", probe], env={**os.environ, **extra}, capture_output=True, text=True
        ).stdout
        for extra in ({}, variables)
    ]
    if outputs[0].strip() == "False":
        pytest.skip("this processor is an old one")
    assert outputs[1].strip() == "False"


def test_offline_means_that_only_this_machine_can_be_reached() -> None:
    unshare = ["unshare", "--net", "--map-root-user"]
    if not env.succeeds([*unshare, "true"], quiet=True):
        pytest.skip("this machine cannot take the network away from a program")
    code = """
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname()).close()
try:
    socket.create_connection(("192.0.2.1", 80), timeout=5)
except OSError as error:
    print(error)
"""
    command = [*unshare, sys.executable, "-c", env.WITH_LOOPBACK, sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "Network is unreachable" in done.stdout, done.stderr


def test_the_floor_lane_leaves_out_only_tests_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[list[tuple]] = []
    monkeypatch.setattr(env, "other_versions", lambda *arguments: Path("python"))
    monkeypatch.setattr(env, "report", reported.append)
    env.test_floor()
    [[(_, tests, _), (_, chapters, _)]] = reported
    left_out = [option.removeprefix("--ignore=") for option in tests if str(option).startswith("--ignore=")]
    assert left_out
    assert all((ROOT / path).exists() for path in left_out)
    assert "--nbval-lax" in chapters


# ------------------------------------------------------------------------------------------------ documents


def test_make_offers_exactly_the_commands_that_there_are() -> None:
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    offered = re.search(r"^COMMANDS = (.*)$", makefile, re.MULTILINE)
    assert offered is not None
    assert [*offered[1].split(), "help"] == list(env.COMMANDS)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_that_a_document_names_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    named = re.findall(r"(?:`|^|run: )\s*make ([a-z][a-z-]*)", text, re.MULTILINE)
    named += re.findall(r"env\.py ([a-z][a-z-]*)", text)
    assert set(named) <= set(env.COMMANDS)


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if name.endswith(".md")])
def test_every_path_that_a_document_names_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    named = re.findall(r"`([\w.-]+/[\w./*-]*)`", text) + re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    assert named
    assert [path for path in named if not list(ROOT.glob(path.rstrip("/")))] == []


def test_the_commands_in_the_readme_come_first_and_are_two() -> None:
    block = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[0]
    assert re.findall(r"make (\w+)", block) == ["book", "test"]


def test_ci_runs_the_test_command_of_the_readme_and_stops_at_a_failure() -> None:
    script = ROOT / ".ci" / "run"
    lines = script.read_text().splitlines()
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in lines
    assert "make test" in lines


def test_the_citation_file_has_what_the_format_demands_and_the_version_of_the_package() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["version"] == pyproject()["project"]["version"]
    assert citation["authors"] == [{"name": "The mlbook authors"}]


def test_the_repository_address_stands_in_one_place_only() -> None:
    address = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"].removeprefix("https://")
    assert [name for name, text in texts() if address in text] == ["_config.yml"]


def test_no_tracked_file_names_a_machine_or_a_registry() -> None:
    hosts = ["pypi" + r"\.org/simple", "python" + r"hosted\.org", "registry" + r"\.npmjs", "deb" + r"\.debian\.org"]
    folders = r"(?<![\w.$~])/(?:root|work|Users/\w+|home/\w+)/"
    forbidden = re.compile("|".join([*hosts, folders, "--(extra-)?index" + "-url"]))
    assert [(name, found[0]) for name, text in texts() if (found := forbidden.search(text))] == []


def texts() -> list[tuple[str, str]]:
    """Name and content of each tracked text file."""
    files = [(name, (ROOT / name).read_bytes()) for name in TRACKED if (ROOT / name).is_file()]
    assert files
    return [(name, content.decode()) for name, content in files if b"\0" not in content[:8000]]


# ------------------------------------------------------------------------------------------------ versions


def pyproject() -> dict[str, dict]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def pins(lock: str) -> set[str]:
    """The pins of a lock, as name==version; a library may have several, for several Pythons."""
    return set(re.findall(r"^[\w.-]+==[^\s;]+", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize(
    ("part", "whole"),
    [
        ("requirements/site.txt", "requirements/test.txt"),
        ("requirements/book.txt", "requirements/test.txt"),
        ("binder/requirements.txt", "requirements/book.txt"),
    ],
)
def test_one_version_of_a_library_serves_everywhere(part: str, whole: str) -> None:
    assert pins(part)
    assert pins(part) <= pins(whole)


def test_the_site_needs_no_ml_stack() -> None:
    names = {pin.split("==")[0] for pin in pins("requirements/site.txt")}
    assert not names & {"numpy", "pandas", "scikit-learn", "matplotlib", "duckdb", "pyarrow"}


@pytest.mark.parametrize("lock", env.locks_in_order(), ids=lambda lock: f"{lock.parent.name}/{lock.name}")
def test_a_lock_says_how_it_was_made(lock: Path) -> None:
    command = env.lock_command(lock)
    assert command[:3] == ["uv", "pip", "compile"]
    assert command[command.index("-o") + 1] == lock.relative_to(ROOT).as_posix()
    groups = {after for option, after in itertools.pairwise(command) if option == "--group"}
    assert groups <= set(pyproject()["dependency-groups"])


@pytest.mark.parametrize("lock", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda lock: lock.name)
def test_every_pin_has_a_hash(lock: Path) -> None:
    blocks = re.split(r"^(?=[\w.-]+==)", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []


def dependencies() -> dict[str, list[str]]:
    """Which requirements of pyproject.toml each lock has to satisfy."""
    project, groups = pyproject()["project"], pyproject()["dependency-groups"]
    core, notebooks = project["dependencies"], project["optional-dependencies"]["notebooks"]
    return {
        "binder/requirements.txt": core,
        "requirements/book.txt": core + notebooks,
        "requirements/site.txt": groups["site"],
        "requirements/test.txt": core + notebooks + groups["site"] + groups["test"],
    }


@pytest.mark.parametrize("lock", dependencies())
def test_a_lock_satisfies_what_pyproject_asks_for(lock: str) -> None:
    pinned: dict[str, list[Version]] = {}
    for pin in map(Requirement, pins(lock)):
        pinned.setdefault(pin.name, []).append(Version(str(pin.specifier).removeprefix("==")))
    for wanted in map(Requirement, dependencies()[lock]):
        assert wanted.name in pinned, f"{lock} lacks {wanted.name}: run `make locks`"
        assert all(version in wanted.specifier for version in pinned[wanted.name]), wanted


def test_the_supported_pythons_are_the_same_everywhere() -> None:
    allowed = Requirement(f"python{pyproject()['project']['requires-python']}").specifier
    assert [f"3.{minor}" for minor in range(8, 20) if f"3.{minor}.1" in allowed] == sorted(env.SUPPORTED)
    matrix = workflow("tests.yml")["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert matrix == sorted(env.SUPPORTED)


# ------------------------------------------------------------------------------------------------ workflows


def workflow(name: str) -> dict:
    return yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_commit_with_its_version_beside_it(path: Path) -> None:
    uses = re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))
    pinned = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\./\.github/workflows/\w+\.yml")
    assert uses
    assert [use for use in uses if not pinned.fullmatch(use)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_only_read_and_ends_by_itself(path: Path) -> None:
    content = workflow(path.name)
    assert content["permissions"] == {"contents": "read"}
    assert "concurrency" in content
    jobs = content["jobs"].values()
    assert all("timeout-minutes" in job for job in jobs if "runs-on" in job)


def test_the_site_is_published_only_after_the_tests() -> None:
    jobs = workflow("pages.yml")["jobs"]
    assert jobs["tests"] == {"uses": "./.github/workflows/tests.yml"}
    assert jobs["build"]["needs"] == "tests"
    assert jobs["deploy"]["needs"] == "build"


def test_the_hooks_before_a_commit_fetch_nothing() -> None:
    repositories = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    hooks = [hook for repository in repositories for hook in repository["hooks"]]
    assert {repository["repo"] for repository in repositories} == {"local"}
    assert [hook["entry"] for hook in hooks] == ["python3 tools/env.py lint"]
