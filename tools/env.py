"""Set up the book's environment and run its commands, with nothing but Python's standard library.

    python3 tools/env.py COMMAND      what `make COMMAND` runs; on Windows: py tools\\env.py COMMAND
    python3 tools/env.py help         every command, in one line each

Whatever `python3` a machine has must be able to read this file, if only to say that it is too old. So the
syntax is that of Python 3.6, and the annotations are quoted.
"""

import concurrent.futures
import functools
import hashlib
import http.server
import inspect
import os
import shutil
import subprocess
import sys
import tempfile
import time
import typing
import xml.etree.ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BUILD = ROOT / "_build"
HTML = BUILD / "html"
SUPPORTED = ("3.13", "3.12", "3.11")
# The layers of an environment, and whether mlbook is part of each. `test` pins all that the others pin.
LAYERS = {"site": False, "book": True, "test": True}
CLEARED = (".venv", "_build", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis")
COMMANDS = {}


def command(function):
    """Offer a function on the command line; its docstring's first line is its help."""
    COMMANDS[function.__name__.rstrip("_").replace("_", "-")] = function
    return function


# ---------------------------------------------------------------------------------------------- for readers


@command
def book() -> None:
    """Build the book and serve it to this machine; prints the address."""
    site()
    with server(HTML) as httpd:
        say(f"\nThe book is at http://127.0.0.1:{httpd.server_address[1]}/ (Ctrl+C stops serving it)")
        try:
            httpd.serve_forever()
        except KeyboardInterrupt:
            say("\nStopped.")


@command
def site() -> None:
    """Build the book into _build/html, a warning being an error."""
    python = environment("site")
    say("Building the book.")
    index = HTML / "index.html"
    if index.exists():
        index.unlink()  # jupyter-book can exit 0 without having written a page: only a new one counts
    jupyter_book = "from jupyter_book.cli.main import main; main()"
    built = succeeds([python, "-c", jupyter_book, "build", ".", "-W", "-n", "--keep-going"])
    if not (built and index.exists()):
        shutil.rmtree(str(BUILD / ".doctrees"), ignore_errors=True)  # else the next build would not warn again
        stop("The book was not built: the messages above name the page and what is wrong with it.")


@command
def test() -> None:
    """Run every check: lint, types, tests, and the outputs of each chapter."""
    python = environment("test")
    shutil.rmtree(str(HTML), ignore_errors=True)  # a page that is no longer made would be tested, too
    site_step = ("site", [python, "tools/env.py", "site"], {})
    tests_and_chapters = [tests_step(python, MLBOOK_SITE=str(HTML)), chapters_step(python)]
    report(tests_and_chapters, at_once=[*lint_steps(python), site_step])


@command
def lab() -> None:
    """Open JupyterLab on the chapters."""
    # One thread, as on Binder and in the tests: scikit-learn is faster so where cores are few or busy.
    call([environment("book"), "-m", "jupyterlab", "chapters"], OMP_NUM_THREADS="1")


@command
def clean() -> None:
    """Remove everything that was set up or built; the next command sets it up again."""
    for name in CLEARED:
        shutil.rmtree(str(ROOT / name), ignore_errors=True)


# ---------------------------------------------------------------------------------------------- for authors


@command
def run(*chapters: str) -> None:
    """Run the chapters, or those named, and store their outputs in canonical form."""
    call([environment("book"), "tools/notebooks.py", "run", *chapters])


@command
def lint() -> None:
    """Check style, types, and the canonical form of the notebooks."""
    report(lint_steps(environment("test")))


@command
def data(*options: str) -> None:
    """Rebuild each data snapshot from its pinned package and compare."""
    call([environment("test"), "tools/rebuild_data.py", *options])


@command
def measure() -> None:
    """Measure seconds and peak memory of each chapter, into benchmarks/chapters.json."""
    call([environment("test"), "tools/notebooks.py", "measure"])


@command
def bench() -> None:
    """Measure mlbook against its named peers."""
    for script in sorted((ROOT / "benchmarks").glob("*.py")):
        call([environment("test"), script])


@command
def locks(*options: str) -> None:
    """Pin the requirements anew after a change of pyproject.toml (needs uv)."""
    need_uv("Pinning")
    for lock in locks_in_order():
        say(f"Pinning {lock.relative_to(ROOT)}.")
        call([*lock_command(lock), "--quiet", *options])


# ---------------------------------------------------------------------------------------------- deeper lanes


@command
def test_python(version: str) -> None:
    """Run the tests and chapters on another Python: make test-python PY=3.13."""
    interpreter = find_python(version)
    if interpreter is None:
        stop(f"There is no python{version} on the PATH: install it, or name another, as in PY=3.12.")
    python = environment("test", BUILD / "envs" / f"python-{version}", interpreter)
    report([tests_step(python), chapters_step(python)])


@command
def test_floor() -> None:
    """Run the tests and chapters on the oldest libraries that pyproject.toml allows (needs uv)."""
    python = other_versions("floor", ["--resolution", "lowest-direct"], ["-e", ".[notebooks]"])
    with_pins_only = ("tests/site", "tests/test_data_rebuild.py", "tests/test_frame.py", "tests/test_launch.py")
    chosen = [f"--ignore={path}" for path in with_pins_only]
    # Another scikit-learn prints other last digits: here the chapters have to run, and need not print the same.
    report([tests_step(python, *chosen), chapters_step(python, compare="--nbval-lax")])


@command
def test_newest() -> None:
    """Run the tests and chapters on the newest versions of everything (needs uv)."""
    everything = ["-e", ".[notebooks]", "--group", "site", "--group", "test"]
    python = other_versions("newest", ["--no-config"], everything)  # its constraints are for the locks
    report([tests_step(python), chapters_step(python, MLBOOK_PIXELS="0")])


@command
def test_cpu() -> None:
    """Run the chapters as an older processor would: what they print must not change."""
    python = environment("test")
    report([chapters_step(python, MLBOOK_PIXELS="0", **older_processor(python))])


@command
def test_launch() -> None:
    """Rehearse a Binder launch, and run every chapter there."""
    call([environment("test"), "tools/launch_check.py"])


@command
def test_offline() -> None:
    """Run the chapters with no network at all (Linux)."""
    unshare = ["unshare", "--net", "--map-root-user"]
    if not (shutil.which("unshare") and succeeds([*unshare, "true"])):
        stop("This machine cannot take the network away from a program: that needs Linux and its `unshare`.")
    name, step, variables = chapters_step(environment("test"))
    report([(name, [*unshare, sys.executable, "-c", WITH_LOOPBACK, *step], variables)])


# In a network namespace of its own: start the loopback interface, over which a notebook talks to its kernel,
# and become the program that follows. 0x8914 is Linux's SIOCSIFFLAGS, 0x41 is "up and running".
WITH_LOOPBACK = """
import fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14s", b"lo", 0x41, b""))
os.execv(sys.argv[1], sys.argv[1:])
"""


# ---------------------------------------------------------------------------------------------- environments


def environment(layer: str, folder: Path = VENV, base: str = sys.executable) -> Path:
    """The Python of an environment that has the layer; set up if it is new or its requirements changed."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if any(is_set_up(name, folder) for name in {layer, "test"}):
        return python
    started = time.time()
    requirements = f"requirements/{layer}.txt"
    sound = "import sys; sys.exit(sys.version_info < (3, 11))" if uv() else "import pip"
    if not succeeds([python, "-c", sound], quiet=True):
        say(f"Creating {folder.relative_to(ROOT)} with {base}.")
        create(folder, base)
    say(f"Installing {requirements}; the first time, this downloads packages.")
    install(python, "-r", requirements)
    if LAYERS[layer]:
        install(python, "--no-deps", "-e", ".")
    stamp(layer, folder).write_text(digest(layer, folder), encoding="utf-8")
    say(f"Set up in {time.time() - started:.0f} s.")
    return python


def stamp(layer: str, folder: Path) -> Path:
    return folder / f"set-up-{layer}"


def digest(layer: str, folder: Path) -> str:
    """What a layer depends on: its requirements, and where it is (mlbook is installed in place)."""
    content = (ROOT / "requirements" / f"{layer}.txt").read_bytes() + str(folder).encode()
    return hashlib.sha256(content).hexdigest()


def is_set_up(layer: str, folder: Path) -> bool:
    mark = stamp(layer, folder)
    return mark.exists() and mark.read_text(encoding="utf-8") == digest(layer, folder)


def create(folder: Path, base: str) -> None:
    if not (uv() or succeeds([base, "-c", "import ensurepip, venv"], quiet=True)):
        stop(
            f"{base} cannot create environments: on Debian or Ubuntu run `apt install python3-venv`,"
            " elsewhere install uv; then run the same command again."
        )
    shutil.rmtree(str(folder), ignore_errors=True)
    call([uv(), "venv", "--quiet", "--python", base, folder] if uv() else [base, "-m", "venv", folder])


def install(python: Path, *what: str) -> None:
    installer = [uv(), "pip", "install", "--python", python] if uv() else [python, "-m", "pip", "install"]
    if not succeeds([*installer, *what]):
        stop(
            f"Could not install {what[-1]} (the installer says why above). If this machine is offline,"
            " connect it; then run the same command again."
        )


def other_versions(name: str, resolution: "list[str]", what: "list[str]") -> Path:
    """The Python of a fresh environment: the pinned one, but for these requirements resolved in another way."""
    need_uv("Resolving other versions")
    folder = BUILD / "envs" / name
    shutil.rmtree(str(folder), ignore_errors=True)
    python = environment("test", folder)
    install(python, "--upgrade", *resolution, *what)
    return python


def uv() -> "str | None":
    """uv, where there is one that works."""
    found = shutil.which("uv")
    return found if found and succeeds([found, "--version"], quiet=True) else None


def need_uv(purpose: str) -> None:
    if not uv():
        stop(f"{purpose} needs uv: `pip install uv`, then run the same command again.")


def find_python(version: str) -> "str | None":
    """A Python of this version that starts: on the PATH, or one of pyenv's."""
    pyenv = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    for candidate in [shutil.which(f"python{version}"), *map(str, pyenv)]:
        if candidate and succeeds([candidate, "-c", "pass"], quiet=True):
            return candidate
    return None


# ---------------------------------------------------------------------------------------------- locks


def locks_in_order() -> "list[Path]":
    """The one for the tests first: the others are constrained by it, and Binder's by that of the book."""
    folder = ROOT / "requirements"
    others = sorted(set(folder.glob("*.txt")) - {folder / "test.txt"})
    return [folder / "test.txt", *others, ROOT / "binder" / "requirements.txt"]


def lock_command(lock: Path) -> "list[str]":
    """How a lock was made, read from its own second line."""
    return lock.read_text(encoding="utf-8").splitlines()[1].lstrip("# ").split()


# ---------------------------------------------------------------------------------------------- checks
# A step is its name, its command, and the environment variables that it needs.


def lint_steps(python: Path) -> "list[tuple]":
    return [
        ("ruff", [python, "-m", "ruff", "check", "."], {}),
        ("ruff format", [python, "-m", "ruff", "format", "--check", "."], {}),
        ("mypy", [python, "-m", "mypy"], {}),
        ("notebooks are canonical", [python, "tools/notebooks.py", "check"], {}),
    ]


def tests_step(python: Path, *options: str, **variables: str) -> "tuple":
    # In the order of the files: the longest come first, and a file with few tests may be one of those.
    spread = ["-n2", "--dist=loadfile", "--no-loadscope-reorder"]
    # Two processes with two threads each would wait for each other.
    return ("tests", [python, "-m", "pytest", "tests", *spread, *options], {"OMP_NUM_THREADS": "1", **variables})


def chapters_step(python: Path, compare: str = "--nbval", **variables: str) -> "tuple":
    chapters = sorted((ROOT / "chapters").glob("*.ipynb"))
    return ("chapters", [python, "-m", "pytest", compare, "-n2", "--dist=loadfile", *chapters], variables)


def report(steps: "list[tuple]", at_once: "list[tuple]" = ()) -> None:
    """Run every step, whatever the others say; end with one line for each, and with failure if one failed.

    Those to run `at_once` come first, two at a time; what they print is shown when they are done.
    """
    lines, failed, counts = [], [], dict.fromkeys(("passed", "failed", "skipped"), 0)

    def judge(name: str, passed: bool, seconds: float) -> None:
        lines.append(f"  {'ok    ' if passed else 'FAILED'}  {name}, {seconds:.0f} s")
        if not passed:
            failed.append(name)

    if at_once:
        say(f"\nRunning {', '.join(name for name, _, _ in at_once)}.")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for name, passed, seconds, printed in pool.map(captured, at_once):
            say(f"\n== {name} ==\n{printed}")
            judge(name, passed, seconds)
    for name, step, variables in steps:
        say(f"\n== {name} ==")
        started, results = time.time(), BUILD / "reports" / f"{name}.xml"
        is_pytest = "pytest" in step
        if results.exists():
            results.unlink()
        passed = succeeds([*step, f"--junitxml={results}"] if is_pytest else step, **variables)
        judge(name, passed, time.time() - started)
        if is_pytest and results.exists():
            for outcome, number in outcomes(results).items():
                counts[outcome] += number
    say("\n".join(["", "Summary", *lines]))
    if any(counts.values()):
        say(", ".join(f"{number} {outcome}" for outcome, number in counts.items()))
    if failed:
        stop(f"Failed: {', '.join(failed)}. Each one's messages are above, under its name.")


def captured(step: "tuple") -> "tuple[str, bool, float, str]":
    """The name of a step, whether it ended well, its seconds, and what it printed."""
    name, arguments, variables = step
    started = time.time()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        passed = succeeds(arguments, output=output, **variables)
        output.seek(0)
        return name, passed, time.time() - started, output.read()


def outcomes(results: Path) -> "dict[str, int]":
    """How many tests passed, failed and were skipped, from pytest's report."""
    suite = xml.etree.ElementTree.parse(str(results)).getroot().find("testsuite")
    failed, skipped = int(suite.get("failures")) + int(suite.get("errors")), int(suite.get("skipped"))
    return {"passed": int(suite.get("tests")) - failed - skipped, "failed": failed, "skipped": skipped}


def older_processor(python: Path) -> "dict[str, str]":
    """Variables that hide from NumPy and OpenBLAS what processors learned after about 2009."""
    probe = "from numpy._core._multiarray_umath import __cpu_dispatch__ as d; print(*d)"
    features = subprocess.check_output([str(python), "-c", probe], universal_newlines=True).strip()
    return {"OPENBLAS_CORETYPE": "Nehalem", "NPY_DISABLE_CPU_FEATURES": features}


# ---------------------------------------------------------------------------------------------- small things


def say(text: str) -> None:
    print(text, flush=True)


def stop(sentence: str) -> None:
    """End, saying in one sentence what is missing and what to do."""
    sys.exit("\n" + sentence)


def succeeds(arguments: list, quiet: bool = False, output: "typing.IO | None" = None, **variables: str) -> bool:
    """Whether a program ran, in the root of the book, and ended well; what it prints goes to `output` if given."""
    out = subprocess.DEVNULL if quiet else output
    environ = {**os.environ, **variables}
    # A Python that may not keep its bytecode compiles scikit-learn anew for every chapter: some two seconds each.
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        status = subprocess.call(
            [str(argument) for argument in arguments],
            cwd=str(ROOT),
            env=environ,
            stdout=out,
            stderr=out,
        )
    except (FileNotFoundError, PermissionError):
        return False
    return status == 0


def call(arguments: list, **variables: str) -> None:
    """Run a program whose failure, told by itself, ends ours."""
    if not succeeds(arguments, **variables):
        sys.exit(1)


def server(folder: Path) -> "http.server.ThreadingHTTPServer":
    """A server of the folder on the loopback interface: port 8000, or a free one if that is taken."""
    handler = functools.partial(Quiet, directory=str(folder))
    try:
        return http.server.ThreadingHTTPServer(("127.0.0.1", 8000), handler)
    except OSError:
        return http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing of requests: the address should stay the last line."""


def suitable(version: "tuple[int, ...]") -> bool:
    return "{}.{}".format(*version[:2]) in SUPPORTED


def unsuitable() -> str:
    return (
        f"The book needs Python 3.11, 3.12 or 3.13, and {sys.executable} is {sys.version.split()[0]}:"
        " install one of those, or name it, as in `make book PYTHON=/path/to/python3.12`."
    )


@command
def help_() -> None:
    """Say what each command does."""
    say("make COMMAND, or python3 tools/env.py COMMAND:\n")
    for name, function in COMMANDS.items():
        say(f"  {name:<13} {function.__doc__.splitlines()[0]}")


def main(arguments: "list[str]") -> None:
    name = arguments[0] if arguments else "help"
    if name not in COMMANDS:
        stop(f"There is no command {name!r}; there are: {', '.join(COMMANDS)}.")
    if not suitable(sys.version_info):
        other = next(filter(None, map(find_python, SUPPORTED)), None)
        if other is None:
            stop(unsuitable())
        sys.exit(subprocess.call([other, __file__, *arguments]))
    try:
        inspect.signature(COMMANDS[name]).bind(*arguments[1:])
    except TypeError as error:
        stop(f"{name}: {error}. {COMMANDS[name].__doc__.splitlines()[0]}")
    try:
        COMMANDS[name](*arguments[1:])
    except KeyboardInterrupt:
        stop("Interrupted.")


if __name__ == "__main__":
    main(sys.argv[1:])
